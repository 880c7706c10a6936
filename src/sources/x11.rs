//! The focused application of an X11 session, and which keys write letters there. Window titles are never read.
//!
//! Everything is event-driven: the server reports that the input focus, a WM_CLASS or the keyboard's layout changed, it
//! is asked for what is new, and that is all. No X server, one that goes away, one that hangs, a window that vanishes
//! while it is asked about and a WM_CLASS made of garbage are everyday matters: the focus is unknown for that long, and
//! input is read on.

mod app;
mod connection;
mod cover;
mod focus;
pub mod grab;
mod keyboard;
mod keysym;
mod socket;
mod watch;
pub mod wm_class;
mod xauthority;

use std::fs::File;
use std::io::{self, Read};
use std::mem::Discriminant;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::{User, geteuid};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tracing::{info, warn};
use x11rb::protocol::xproto::Window;
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};

use super::session;
use crate::event::Layout;
use crate::remote::{Backoff, LONGEST_PAUSE};
pub use app::App;
use connection::Client;
pub use connection::Error;

/// What of the session's environment says where its X server is.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `DISPLAY`
    pub display: Option<String>,
    /// `XAUTHORITY`, or `.Xauthority` in the home directory.
    pub xauthority: Option<PathBuf>,
    /// `XDG_SESSION_TYPE`
    pub session_type: Option<String>,
    /// `WAYLAND_DISPLAY`
    pub wayland_display: Option<String>,
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

/// What has the input focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    App(App),
    /// A window that names no application, by itself or by a window around it: it cannot be excluded.
    Nameless,
    /// No window.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// An X server has been reached: the focus is being followed.
    Ready,
    /// What now has the focus. Sent twice in a row only where the focus went from one window to another, or another
    /// program took the keyboard meanwhile.
    Focus(Focus),
    /// Whether a program has taken the keyboard, as lockers and prompts for passwords do: what is typed does not go to
    /// what has the focus.
    Grab(bool),
    /// Which keys write letters from now on.
    Layout(Layout),
    /// The focus cannot be followed, and why not. Unless the error is final, a server will be looked for again.
    Unknown(String),
}

/// Follows the focus until the receiver of `updates` is gone, and through every loss of the X server. Ends sooner, after
/// one [`Update::Unknown`] and one line of the log, where looking for a server can never succeed: on Wayland, or without
/// a display to look for.
pub async fn run(environment: Environment, updates: Sender<Update>) {
    let receiver = updates.clone();
    tokio::select! {
        () = receiver.closed() => {}
        () = keep_following(&environment, Reporter { updates, focus: None, is_grabbed: false, layout: None, has_warned: false }) => {}
    }
}

/// What an X server answers at this moment.
#[derive(Debug)]
pub struct Answer {
    pub focus: Focus,
    /// `None`: its keyboard writes no letters.
    pub layout: Option<Layout>,
}

/// Connects as [`run`] does, looks once and hangs up.
///
/// # Errors
/// Why [`run`] could follow nothing, at this moment.
pub async fn check(environment: &Environment) -> Result<Answer, Error> {
    let client = connection::connect(environment).await?;
    Ok(Answer { focus: focus::find(&client).await?, layout: keyboard::find(&client).await? })
}

/// How long a connection has to last before the next loss counts as the first.
const LASTING: Duration = LONGEST_PAUSE;
/// Between the first two attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

async fn keep_following(environment: &Environment, mut reporter: Reporter) {
    let mut log = Log::default();
    let mut backoff = Backoff::from(FIRST_PAUSE);
    loop {
        match connection::connect(environment).await {
            Ok(client) => {
                log.connected();
                let since = Instant::now();
                let error = follow(&client, &mut reporter).await;
                log.lost(&error);
                reporter.unknown(&error).await;
                if since.elapsed() > LASTING {
                    backoff.reset();
                }
            }
            Err(error) => {
                if log.unreachable(&error) {
                    reporter.unknown(&error).await;
                }
                if error.is_final() {
                    return;
                }
            }
        }
        tokio::time::sleep(backoff.pause(LONGEST_PAUSE)).await;
    }
}

async fn follow(client: &Client, reporter: &mut Reporter) -> Error {
    reporter.send(Update::Ready).await;
    let Err(error) = focus::follow(client, reporter).await;
    error
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// The way out; keeps what was sent last.
struct Reporter {
    updates: Sender<Update>,
    focus: Option<(Window, Focus)>,
    is_grabbed: bool,
    layout: Option<Layout>,
    has_warned: bool,
}

/// Why [`Focus::Nameless`] matters.
pub const NAMELESS: &str = "the window that has the focus names no application (it has no WM_CLASS)";
/// The same where the focus came from an excluded application.
pub const NAMELESS_AFTER_EXCLUDED: &str = "the window that has the focus names no application (it has no WM_CLASS); its \
                                           keystrokes stay excluded, as in the application before it";

impl Reporter {
    async fn focus(&mut self, window: Window, focus: Focus) {
        let now = Some((window, focus.clone()));
        if self.focus != now {
            // Whoever relies on exclusions must learn, once, that they cannot work for some window.
            if focus == Focus::Nameless && !std::mem::replace(&mut self.has_warned, true) {
                warn!(
                    "{NAMELESS}: x11.excluded_apps cannot exclude it; keystrokes in such a window are captured, unless \
                     the focus came from an excluded application: then they stay excluded"
                );
            }
            self.focus = now;
            self.send(Update::Focus(focus)).await;
        }
    }

    /// Whatever has the focus is sent again.
    fn forget(&mut self) {
        self.focus = None;
    }

    async fn grab(&mut self, is_grabbed: bool) {
        if std::mem::replace(&mut self.is_grabbed, is_grabbed) != is_grabbed {
            self.send(Update::Grab(is_grabbed)).await;
        }
    }

    async fn layout(&mut self, layout: Layout) {
        if self.layout.as_ref() != Some(&layout) {
            self.layout = Some(layout);
            self.send(Update::Layout(layout)).await;
        }
    }

    async fn unknown(&mut self, error: &Error) {
        self.forget();
        self.is_grabbed = false;
        self.send(Update::Unknown(error.to_string())).await;
    }

    async fn send(&self, update: Update) {
        // A receiver that is gone ends `run` as a whole.
        let _ = self.updates.send(update).await;
    }
}

/// One line a change of state, however often a connection is tried.
#[derive(Default)]
struct Log {
    was_ready: bool,
    said: Option<Discriminant<Error>>,
}

/// What every error comes to.
const MEANWHILE: &str = "no application can be excluded meanwhile";
/// What a final error comes to.
const FINAL: &str = "keystrokes and the mouse are captured without it, and no application can be excluded, until the \
     agent is started in an X11 session";

impl Log {
    fn connected(&mut self) {
        if self.was_ready {
            info!("connected to the X server again");
        } else {
            info!("✓ App Tracker initialized and ready");
        }
        self.was_ready = true;
        self.said = None;
    }

    fn lost(&mut self, error: &Error) {
        warn!("lost the X server: {error}; the focused application is unknown until one is found, and {MEANWHILE}");
    }

    /// Whether it is another error than before.
    fn unreachable(&mut self, error: &Error) -> bool {
        let kind = std::mem::discriminant(error);
        if self.said.replace(kind) == Some(kind) {
            return false;
        }
        let outlook = if error.is_final() { FINAL.to_owned() } else { format!("still trying; {MEANWHILE}") };
        match error {
            Error::Unreachable { .. } | Error::Wayland | Error::NoDisplay => {
                info!("the focused application is unknown: {error}; {outlook}");
            }
            _ => warn!("the focused application is unknown: {error}; {outlook}"),
        }
        true
    }
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
