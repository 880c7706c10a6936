//! The focused application, as the window manager of an X11 session tells it. Window titles are never read.
//!
//! Everything is event-driven: the server says that `_NET_ACTIVE_WINDOW` changed, its window's WM_CLASS is asked for,
//! and that is all. No X server, one that goes away, one that hangs, a window that vanishes while it is asked about and
//! a WM_CLASS made of garbage are everyday matters: the focus is unknown for that long, and input is read on.

mod connection;
mod focus;
mod socket;
pub mod wm_class;
mod xauthority;

use std::hash::{BuildHasher, RandomState};
use std::mem::Discriminant;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tracing::{info, warn};

use connection::Client;
pub use connection::Error;
pub use wm_class::App;

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
    pub fn of_this_process() -> Environment {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Environment {
            display: text("DISPLAY"),
            xauthority: path("XAUTHORITY").or_else(|| path("HOME").map(|home| home.join(".Xauthority"))),
            session_type: text("XDG_SESSION_TYPE"),
            wayland_display: text("WAYLAND_DISPLAY"),
        }
    }

    /// Whether an X server in this session is only XWayland, which does not know of the windows of Wayland programs.
    /// A session that calls itself X11 is believed: `WAYLAND_DISPLAY` outlives its session in a user's service manager.
    fn is_wayland(&self) -> bool {
        match self.session_type.as_deref() {
            Some("wayland") => true,
            Some("x11") => false,
            _ => self.wayland_display.is_some(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// An X server has been reached: the focus is being followed.
    Ready,
    /// The application that now has the focus; `None`: nothing focused, or unknown. Never the same one twice in a row.
    Focus(Option<App>),
    /// The X server is gone. `Focus(None)` has gone before it, and the server will be looked for again.
    Lost,
}

/// Follows the focus until the receiver of `updates` is gone, and through every loss of the X server. Ends sooner, after
/// one `Focus(None)` and one line of the log, where looking for a server can never succeed: on Wayland, or without a
/// display to look for.
pub async fn run(environment: Environment, updates: Sender<Update>) {
    let receiver = updates.clone();
    tokio::select! {
        () = receiver.closed() => {}
        () = keep_following(&environment, Reporter { updates, told: None }) => {}
    }
}

/// Whether the focus can be followed: connects as [`run`] does and hangs up.
///
/// # Errors
/// Why [`run`] would tell no application, at this moment.
pub async fn check(environment: &Environment) -> Result<(), Error> {
    connection::connect(environment).await.map(drop)
}

/// How long a connection has to last before the next loss counts as the first.
const LASTING: Duration = Backoff::LONGEST;

async fn keep_following(environment: &Environment, mut reporter: Reporter) {
    let mut log = Log::default();
    let mut backoff = Backoff::new();
    loop {
        match connection::connect(environment).await {
            Ok(client) => {
                log.connected();
                let since = Instant::now();
                let error = follow(&client, &mut reporter).await;
                log.lost(&error);
                if since.elapsed() > LASTING {
                    backoff = Backoff::new();
                }
            }
            Err(error) => {
                log.unreachable(&error);
                reporter.focus(None).await;
                if error.is_final() {
                    return;
                }
            }
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

async fn follow(client: &Client, reporter: &mut Reporter) -> Error {
    reporter.tell(Update::Ready).await;
    let Err(error) = focus::follow(client, reporter).await;
    reporter.focus(None).await;
    reporter.tell(Update::Lost).await;
    error
}

/// The way out; knows what was told last.
struct Reporter {
    updates: Sender<Update>,
    told: Option<Option<App>>,
}

impl Reporter {
    async fn focus(&mut self, app: Option<App>) {
        if self.told.as_ref() != Some(&app) {
            self.told = Some(app.clone());
            self.tell(Update::Focus(app)).await;
        }
    }

    async fn tell(&self, update: Update) {
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
        warn!("lost the X server: {error}; the focused application is unknown until one is found");
    }

    fn unreachable(&mut self, error: &Error) {
        let kind = std::mem::discriminant(error);
        if self.said.replace(kind) == Some(kind) {
            return;
        }
        let outlook = if error.is_final() { "giving up" } else { "still trying" };
        match error {
            Error::Unreachable { .. } | Error::Wayland | Error::NoDisplay => {
                info!("the focused application is unknown: {error}; {outlook}");
            }
            _ => warn!("the focused application is unknown: {error}; {outlook}"),
        }
    }
}

/// Waits that double, each cut short by chance so that many agents do not knock all at once.
struct Backoff {
    wait: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    fn new() -> Backoff {
        Backoff { wait: Backoff::SHORTEST }
    }

    /// Between half of the wait that is due and all of it.
    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(Backoff::LONGEST);
        // A fresh `RandomState` is the standard library's one source of chance.
        let chance = (RandomState::new().hash_one(()) >> 32) as f64 / f64::from(u32::MAX);
        wait.mul_f64(0.5 + 0.5 * chance)
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
    fn waits_double_up_to_a_minute_and_lose_at_most_half_to_chance() {
        let mut backoff = Backoff::new();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = backoff.next_wait().as_secs_f64();
            assert!((0.5 * f64::from(seconds)..=f64::from(seconds)).contains(&wait), "{wait} of {seconds}");
        }
    }

    #[test]
    fn waits_differ_from_one_agent_to_the_next() {
        let waits: std::collections::HashSet<_> = (0..50).map(|_| Backoff::new().next_wait()).collect();
        assert!(waits.len() > 40);
    }
}
