//! What the session says of itself in its environment.

use super::session;
use nix::fcntl::OFlag;
use nix::unistd::{User, geteuid};
use std::fs::{DirEntry, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};

/// A compositor's socket that has no other name.
const USUAL_COMPOSITOR: &str = "wayland-0";

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
        let sessions = Path::new(session::SESSIONS);
        let environment = environment.on_one_of(session::displays(sessions, uid.as_raw()));
        environment.of_type(session::session_type(sessions, uid.as_raw()))
    }

    /// Where logind knows the session's type, the file does not say another one: in a session that runs nothing from
    /// `autostart` nobody has written it, and it tells of an earlier session. Followed as X11, a Wayland session's
    /// applications would be those of XWayland alone. A compositor that is not there is such a session's, too.
    fn of_type(self, known: Option<String>) -> Environment {
        let is_of_another = known.is_some() && known != self.session_type;
        let session_type = known.or(self.session_type.clone());
        let folder = self.runtime_folder();
        let is_there = |name: &String| !is_of_another && folder.join(name).exists();
        let wayland_display = self.wayland_display.clone().filter(is_there);
        match session_type.as_deref() {
            Some("wayland") => {
                let wayland_display = wayland_display.or_else(|| found_compositor(&folder));
                Environment { session_type, wayland_display, ..self }
            }
            _ => Environment { session_type, ..self },
        }
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

    /// `XDG_RUNTIME_DIR`, or where systemd has it.
    fn runtime_folder(&self) -> PathBuf {
        self.runtime_dir.clone().unwrap_or_else(|| Path::new("/run/user").join(geteuid().to_string()))
    }

    /// Where the session's compositor takes connections.
    pub fn compositor(&self) -> PathBuf {
        let folder = self.runtime_folder();
        let name = self.wayland_display.clone().or_else(|| found_compositor(&folder));
        // An absolute path replaces the folder.
        folder.join(name.as_deref().unwrap_or(USUAL_COMPOSITOR))
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

/// The compositor's socket where its name is not known: the usual one, or the only one there is (sway's is often
/// `wayland-1`). Of several nobody knows which one is the session's.
fn found_compositor(folder: &Path) -> Option<String> {
    let is_socket = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_socket());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().filter(is_socket);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_compositor =
        |name: &String| name.strip_prefix("wayland-").is_some_and(|number| number.parse::<u32>().is_ok());
    let mut found: Vec<String> = names.filter(is_compositor).collect();
    let usual = found.iter().position(|name| name == USUAL_COMPOSITOR);
    match usual {
        Some(usual) => Some(found.swap_remove(usual)),
        None => <[String; 1]>::try_from(found).ok().map(|[only]| only),
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
    use std::os::unix::net::UnixListener;

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

    /// A runtime directory with these sockets, and a file beside each.
    fn with_compositors(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in names {
            UnixListener::bind(folder.path().join(name)).expect("a socket");
            std::fs::write(folder.path().join(format!("{name}.lock")), "").expect("a file");
        }
        folder
    }

    #[test]
    fn the_compositor_is_where_the_session_says_or_where_compositors_have_their_socket() {
        let folder = with_compositors(&["wayland-3", "bus"]);
        let compositor = |name: Option<&str>| {
            Environment { runtime_dir: Some(folder.path().into()), ..session(None, name) }.compositor()
        };
        assert_eq!(compositor(Some("wayland-1")), folder.path().join("wayland-1"), "the session is believed");
        assert_eq!(compositor(Some("/tmp/socket")), Path::new("/tmp/socket"));
        assert_eq!(compositor(None), folder.path().join("wayland-3"), "the only one");
        let of_the_account = PathBuf::from(format!("/run/user/{}/x", geteuid()));
        assert_eq!(session(None, Some("x")).compositor(), of_the_account);
    }

    #[test]
    fn of_several_compositors_without_a_name_only_the_usual_one_is_taken() {
        let found = |names: &[&str]| found_compositor(with_compositors(names).path());
        assert_eq!(found(&["wayland-1", "wayland-0"]).as_deref(), Some("wayland-0"));
        assert_eq!(found(&["wayland-1", "wayland-2"]), None);
        assert_eq!(found(&["wayland-test", "wayland-"]), None);
        assert_eq!(found_compositor(Path::new("/nowhere")), None);
    }

    #[test]
    fn the_file_of_an_earlier_session_does_not_make_a_wayland_session_one_of_x11() {
        let folder = with_compositors(&["wayland-1"]);
        let left = |session_type: Option<&str>, name: Option<&str>, known: Option<&str>| {
            let left = Environment { runtime_dir: Some(folder.path().into()), ..session(session_type, name) };
            let environment = left.of_type(known.map(Into::into));
            (environment.is_wayland(), environment.wayland_display)
        };
        let sway = (true, Some("wayland-1".to_owned()));
        assert_eq!(left(Some("x11"), None, Some("wayland")), sway);
        assert_eq!(left(Some("x11"), Some("wayland-0"), Some("wayland")), sway);
        assert_eq!(left(Some("wayland"), Some("wayland-0"), Some("wayland")), sway, "there is no such socket any more");
        assert_eq!(left(Some("wayland"), Some("wayland-1"), Some("wayland")), sway);
        assert!(!left(Some("wayland"), Some("wayland-1"), Some("x11")).0);
        assert!(!left(Some("x11"), Some("wayland-1"), None).0, "nobody knows better");
        assert!(left(Some("tty"), Some("wayland-1"), None).0);
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
