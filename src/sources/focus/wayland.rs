//! The focused window as a Wayland compositor tells it, where it has one of the two protocols for that.
//!
//! Everything is event-driven, and all that comes from the socket is bounded. No compositor, one that goes away, one that
//! hangs and one that says nonsense are everyday matters: the focus is unknown for that long, and input is read on.

mod connection;
pub mod dialogue;
mod report;
pub mod windows;
pub mod wire;

use super::log::{Log, MEANWHILE};
use super::{Focus, Update};
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::sources::environment::Environment;
use connection::{ANSWER_LIMIT, Connection};
use dialogue::Heard;
use report::Report;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tracing::warn;

/// Why the focus cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Wayland compositor at {path:?} ({source})")]
    Unreachable { path: PathBuf, source: io::Error },
    #[error("the Wayland compositor gave no answer within {} s", ANSWER_LIMIT.as_secs())]
    Silent,
    #[error(
        "the Wayland compositor has no protocol that tells which window has the focus (wlr-foreign-toplevel-management \
         or cosmic-toplevel-info)"
    )]
    Without,
    #[error("the Wayland compositor has ended")]
    Ended,
    #[error("the connection to the Wayland compositor broke ({0})")]
    Broken(io::Error),
    #[error("the Wayland compositor refused a request (error {code})")]
    Refused { code: u32 },
    #[error("the Wayland compositor does not keep to the protocol ({0})")]
    Protocol(&'static str),
    #[error("the Wayland compositor does not keep to the protocol ({0})")]
    Malformed(#[from] wire::Malformed),
}

impl Error {
    /// Whether it says nothing of a fault: nobody is there, or somebody else knows the focus.
    fn is_everyday(&self) -> bool {
        matches!(self, Error::Unreachable { .. } | Error::Without)
    }

    /// What it comes to.
    fn outlook(&self) -> String {
        match self {
            Error::Without => "no application can be excluded, unless the desktop tells it in another way".into(),
            _ => format!("still trying; {MEANWHILE}"),
        }
    }
}

/// Why [`Focus::Nameless`] matters.
const NAMELESS: &str = "the window that has the focus names no application (it has no app_id), so that none can be \
                        excluded by its name; keystrokes in such a window are captured, unless the focus came from an \
                        excluded application: then they stay excluded";

/// How long a connection has to last before the next loss counts as the first.
const LASTING: Duration = LONGEST_PAUSE;
/// Between the first two attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Follows the focus until the receiver of `updates` is gone, and through every loss of the compositor.
pub async fn run(environment: Environment, updates: Sender<Update>) {
    let receiver = updates.clone();
    let mut teller = Teller::new(updates);
    tokio::select! {
        () = receiver.closed() => {}
        () = keep_following(&environment, &mut teller) => {}
    }
}

/// Connects as [`run`] does, looks once and hangs up.
///
/// # Errors
/// Why [`run`] could follow nothing, at this moment.
pub async fn check(environment: &Environment) -> Result<Focus, Error> {
    let mut connection = greet(environment).await?;
    if !connection.dialogue().is_following() {
        return Err(Error::Without);
    }
    let mut report = Report::default();
    loop {
        let told = next(&mut connection, &mut report).await?;
        let focus = told.into_iter().find_map(|update| match update {
            Update::Focus(focus) => Some(focus),
            _ => None,
        });
        if let Some(focus) = focus {
            return Ok(focus);
        }
    }
}

async fn keep_following(environment: &Environment, teller: &mut Teller) {
    let mut backoff = Backoff::from(FIRST_PAUSE);
    loop {
        let begun = Instant::now();
        let Err(error) = follow(environment, teller).await;
        teller.unknown(&error).await;
        if begun.elapsed() > LASTING {
            backoff.reset();
        }
        tokio::time::sleep(backoff.pause(LONGEST_PAUSE)).await;
    }
}

/// Tells what has the focus for as long as the connection holds.
async fn follow(environment: &Environment, teller: &mut Teller) -> Result<Infallible, Error> {
    let mut connection = greet(environment).await?;
    if !connection.dialogue().is_following() {
        teller.unknown(&Error::Without).await;
        while connection.next().await? != Heard::Ready {}
    }
    teller.ready().await;
    let mut report = Report::default();
    loop {
        for update in next(&mut connection, &mut report).await? {
            teller.send(update).await;
        }
    }
}

/// Connects, and has the compositor say what it offers and, where that tells the focus, which windows there are.
async fn greet(environment: &Environment) -> Result<Connection, Error> {
    let greeting = async {
        let mut connection = Connection::open(&environment.compositor()).await?;
        connection.next().await?;
        Ok(connection)
    };
    tokio::time::timeout(ANSWER_LIMIT, greeting).await.unwrap_or(Err(Error::Silent))
}

/// What is to be told next.
async fn next(connection: &mut Connection, report: &mut Report) -> Result<Vec<Update>, Error> {
    let seen = report.see(connection.dialogue().focused(), Instant::now());
    if !seen.is_empty() {
        return Ok(seen);
    }
    tokio::select! {
        // What has come meanwhile decides.
        biased;
        heard = connection.next() => heard.map(|_| report.see(connection.dialogue().focused(), Instant::now())),
        () = until(report.due()) => Ok(report.wait()),
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// The way out.
struct Teller {
    updates: Sender<Update>,
    log: Log<Error>,
    is_ready: bool,
    has_warned: bool,
}

impl Teller {
    fn new(updates: Sender<Update>) -> Teller {
        Teller { updates, log: Log::new("the Wayland compositor"), is_ready: false, has_warned: false }
    }

    async fn ready(&mut self) {
        self.is_ready = true;
        self.log.connected();
        self.send(Update::Ready).await;
    }

    async fn unknown(&mut self, error: &Error) {
        let is_news = if std::mem::take(&mut self.is_ready) {
            self.log.lost(error);
            true
        } else {
            self.log.unreachable(error, error.is_everyday(), &error.outlook())
        };
        if is_news {
            self.send(Update::Unknown(error.to_string())).await;
        }
    }

    async fn send(&mut self, update: Update) {
        // Whoever relies on exclusions must learn, once, that they cannot work for some window.
        if update == Update::Focus(Focus::Nameless) && !std::mem::replace(&mut self.has_warned, true) {
            warn!("{NAMELESS}");
        }
        // A receiver that is gone ends `run` as a whole.
        let _ = self.updates.send(update).await;
    }
}
