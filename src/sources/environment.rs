//! What the session says of itself in its environment.

use super::session;
use nix::fcntl::OFlag;
use nix::unistd::{User, geteuid};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};

/// What of the session's environment says where its X server, its compositor and its bus are.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `DISPLAY`
    pub display: Option<String>,
    /// `XAUTHORITY`, or `.Xauthority` in the home directory.
    pub xauthority: Option<PathBuf>,
    /// `XDG_SESSION_TYPE`
    pub session_type: Option<String>,
    /// `WAYLAND_DISPLAY`: the compositor's socket, in the runtime directory unless it is an absolute path.
    pub wayland_display: Option<String>,
    /// `XDG_RUNTIME_DIR`, or where systemd has it.
    pub runtime_dir: Option<PathBuf>,
}

impl Environment {
    /// From the process's environment. A service of the system is in no session: there the user's session has left
    /// these variables in `$STATE_DIRECTORY/session`. They are read here and not by the service manager, since the
    /// file is the user's: whatever else is in it must not get into the agent's environment.
    pub fn of_this_process() -> Environment {
        let Some(folder) = std::env::var_os("STATE_DIRECTORY") else {
            return Environment::from(|name| std::env::var(name).ok());
        };
        let told = read_session(&Path::new(&folder).join("session")).unwrap_or_default();
        let uid = geteuid();
        // The service's own account, if it has one, has another.
        let home = || Some(User::from_uid(uid).ok()??.dir.to_str()?.to_owned());
        let environment = Environment::from(|name| match name {
            "HOME" => home(),
            _ => std::env::var(name).ok().or_else(|| told_value(&told, name)),
        });
        environment.on_one_of(session::displays(Path::new(session::SESSIONS), uid.as_raw()))
    }

    /// Where it is known which displays the account's sessions have, the file does not name another one: whoever sits at
    /// the open session could have the agent look at an X server of his own.
    fn on_one_of(self, displays: Vec<String>) -> Environment {
        // `:0.0` is a screen of `:0`.
        let server = |display: &str| display.rsplit_once('.').map_or(display, |(server, _)| server).to_owned();
        let named = self.display.as_deref().map(server);
        let is_known = displays.iter().any(|known| named.as_deref() == Some(&server(known)));
        match displays.into_iter().next() {
            Some(known) if !is_known => Environment { display: Some(known), ..self },
            _ => self,
        }
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Environment {
        let text = |name| variable(name).filter(|value| !value.is_empty());
        let path = |name| text(name).map(PathBuf::from);
        Environment {
            display: text("DISPLAY"),
            xauthority: path("XAUTHORITY").or_else(|| path("HOME").map(|home| home.join(".Xauthority"))),
            session_type: text("XDG_SESSION_TYPE"),
            wayland_display: text("WAYLAND_DISPLAY"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
        }
    }

    /// The TCP ports that looking for the X server may connect to.
    pub fn tcp_ports(&self) -> Vec<u16> {
        let Some(Ok(display)) = self.display.as_deref().map(|name| parse_display(Some(name))) else {
            return Vec::new();
        };
        let port = |address| match address {
            ConnectAddress::Hostname(_, port) => Some(port),
            _ => None,
        };
        display.connect_instruction().filter_map(port).collect()
    }

    /// Whether an X server in this session is only XWayland, which does not know of the windows of Wayland programs.
    /// A session that calls itself X11 is believed: `WAYLAND_DISPLAY` outlives its session in a user's service manager.
    pub fn is_wayland(&self) -> bool {
        match self.session_type.as_deref() {
            Some("wayland") => true,
            Some("x11") => false,
            _ => self.wayland_display.is_some(),
        }
    }
}

/// A file of the user's, who may have put a pipe or a device in its place: neither is waited for, nor more read than such
/// a file has.
fn read_session(path: &Path) -> io::Result<String> {
    const MOST_BYTES: u64 = 64 << 10;
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The value of a variable in lines of `NAME=value`.
fn told_value(lines: &str, name: &str) -> Option<String> {
    lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(session_type: Option<&str>, wayland_display: Option<&str>) -> Environment {
        Environment {
            session_type: session_type.map(Into::into),
            wayland_display: wayland_display.map(Into::into),
            ..Environment::default()
        }
    }

    #[test]
    fn the_session_type_tells_wayland_and_the_wayland_display_where_the_type_does_not() {
        assert!(session(Some("wayland"), None).is_wayland());
        assert!(session(None, Some("wayland-0")).is_wayland());
        assert!(session(Some("tty"), Some("wayland-0")).is_wayland());
        assert!(!session(Some("x11"), Some("wayland-0")).is_wayland());
        assert!(!session(Some("tty"), None).is_wayland());
        assert!(!session(None, None).is_wayland());
    }

    #[test]
    fn a_display_that_none_of_the_account_s_sessions_has_is_not_looked_at() {
        let environment = |display: &str| Environment { display: Some(display.into()), ..Environment::default() };
        let looked_at = |display: &str, known: &[&str]| {
            environment(display).on_one_of(known.iter().map(|&known| known.into()).collect()).display
        };
        assert_eq!(looked_at(":5", &[":0", ":1"]).as_deref(), Some(":0"));
        assert_eq!(looked_at(":1", &[":0", ":1"]).as_deref(), Some(":1"));
        assert_eq!(looked_at(":0.0", &[":0"]).as_deref(), Some(":0.0"));
        assert_eq!(looked_at(":5", &[]).as_deref(), Some(":5"), "nobody knows better");
    }

    #[test]
    fn a_service_of_the_system_takes_the_four_variables_that_the_session_has_left() {
        let told = "DISPLAY=:1\nXAUTHORITY=/run/user/1000/gdm/Xauthority\nXDG_SESSION_TYPE=x11\nDISPLAY_MANAGER=x\n";
        let environment = Environment::from(|name| told_value(told, name));
        assert_eq!(environment.display.as_deref(), Some(":1"));
        assert_eq!(environment.xauthority, Some("/run/user/1000/gdm/Xauthority".into()));
        assert!(!environment.is_wayland());
        assert_eq!(told_value("DISPLAY\nXDISPLAY=:2\n", "DISPLAY"), None);
    }

    #[test]
    fn a_pipe_or_a_link_in_place_of_the_session_s_file_holds_nothing_up() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [pipe, link, file] = ["pipe", "link", "file"].map(|name| folder.path().join(name));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        std::fs::write(&file, "DISPLAY=:1\n").expect("room for a file");
        assert_eq!(read_session(&pipe).expect("nothing to read"), "");
        assert!(read_session(&link).is_err());
        assert_eq!(read_session(&file).expect("a file"), "DISPLAY=:1\n");
    }
}
