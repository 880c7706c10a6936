//! The focused application of an X11 session, and which keys write letters there. Window titles are never read.
//!
//! Everything is event-driven: the server reports that the input focus, a WM_CLASS or the keyboard's layout changed, it
//! is asked for what is new, and that is all. No X server, one that goes away, one that hangs, a window that vanishes
//! while it is asked about and a WM_CLASS made of garbage are everyday matters: the focus is unknown for that long, and
//! input is read on.

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

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tracing::warn;
use x11rb::protocol::xproto::Window;

pub use super::app::App;
pub use super::environment::Environment;
use super::focus::log::{Log, MEANWHILE};
pub use super::focus::{Focus, Taker, Update};
use crate::event::Layout;
use crate::remote::{Backoff, LONGEST_PAUSE};
use connection::Client;
pub use connection::Error;

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
    let mut log = Log::new("the X server");
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
                if log.unreachable(&error, error.is_everyday(), &error.outlook()) {
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
pub const NAMELESS: &str =
    "the window that has the focus names no application (it has no WM_CLASS, or on Wayland no app_id)";
/// The same where the focus came from an excluded application.
pub const NAMELESS_AFTER_EXCLUDED: &str = "the window that has the focus names no application (it has no WM_CLASS, or \
                                           on Wayland no app_id); its keystrokes stay excluded, as in the application \
                                           before it";

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
            self.send(Update::Taken(is_grabbed.then_some(Taker::Grab))).await;
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

/// What a final error comes to.
const FINAL: &str = "keystrokes and the mouse are captured without it, and no application can be excluded, until the \
     agent is started in an X11 session";

impl Error {
    /// Whether it says nothing of a fault.
    fn is_everyday(&self) -> bool {
        matches!(self, Error::Unreachable { .. } | Error::Wayland | Error::NoDisplay)
    }

    /// What it comes to.
    fn outlook(&self) -> String {
        if self.is_final() { FINAL.to_owned() } else { format!("still trying; {MEANWHILE}") }
    }
}
