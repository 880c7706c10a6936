//! The focused application where GNOME Shell is the compositor (43 to 50), by an extension of ours (packaging/gnome).
//!
//! The shell tells no program which window has the focus, but an extension sees it. Ours calls whoever owns our name on
//! the session's bus, at each change, and exports nothing that anybody else could ask. Calls are heard from the shell
//! alone. No other program can take its place while it runs; one that had done so before it began would be heard, and is
//! worth no more than a program of the account. A process id is not told: nothing here would use it.
//!
//! No bus, no shell, one that starts anew and an extension that is not enabled are everyday matters: the focus is unknown
//! for that long.

mod extension;
mod hearing;
mod telling;

use super::Update;
use crate::dbus::connection::{ANSWER_LIMIT, Addresses, Bus, CallError, DBUS, Target, Traffic, subscribe};
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::sources::session::Seat;
pub use extension::{Extension, NEW, OLD, State};
use hearing::{Heard, Hearing, Seen, heard};
use std::convert::Infallible;
use std::time::Duration;
use telling::Reporter;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until};
use zbus::message::Flags;
use zbus::{Connection, Message};

/// What the extension looks for. Whoever has the name is told the focus.
const AGENT: &str = "org.seclyzer.Agent";
/// As the shell is called on the bus, by whoever asks it for something.
const SHELL: &str = "org.gnome.Shell";
/// A name that is the shell's as long as it runs: it lets any program take the one above away.
const SHELL_ALONE: &str = "org.gnome.Shell.Introspect";
const RULES: [&str; 2] = [
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.gnome.Shell.Introspect'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.seclyzer.Agent'",
];
/// Of RequestName: whoever does not get the name does not wait for it on the bus.
const DO_NOT_QUEUE: u32 = 4;
/// Its answers that mean that we have the name.
const OURS: [u32; 2] = [1, 4];
/// How long the extension may take to call, which it does at once.
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// The same in a shell that has just begun: it takes its name before it has loaded its extensions.
const START_LIMIT: Duration = Duration::from_secs(10);
/// The extension calls again when a call is answered, which is at once for so many calls as fit into this time at the
/// pace that is kept for good: so a window that changes its name without end is no flood.
const BURST: Duration = Duration::from_secs(1);
const PACE: Duration = Duration::from_millis(20);
/// How long a connection has to last before the next loss counts as the first.
const LASTING: Duration = LONGEST_PAUSE;

/// Why the focus cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    NoBus(CallError),
    #[error("the session's bus does not let us listen")]
    Unheard,
    #[error("the connection to the session's bus was lost")]
    Lost,
    #[error("another program has the name {AGENT} on the session's bus")]
    Displaced,
    #[error("GNOME Shell is not on the session's bus")]
    Absent,
    #[error("GNOME Shell does not say whether it has the extension ({0})")]
    Unsaid(CallError),
    #[error("GNOME Shell runs, but the extension does not ({}: {})", .0.text(), .0.mend())]
    Silent(Extension),
}

/// Follows the focus until the receiver of `updates` is gone, and through every loss of the bus and of the shell.
pub async fn run(updates: Sender<Update>) {
    run_at(session_bus(), updates).await;
}

/// The same, on the bus that has this address.
pub async fn run_at(address: String, updates: Sender<Update>) {
    let bus = Bus::at(address, Traffic::OfAnybody);
    let mut reporter = Reporter::to(updates.clone());
    tokio::select! {
        () = updates.closed() => {}
        () = keep_following(&bus, &mut reporter) => {}
    }
}

/// Asks the shell about the extension.
///
/// # Errors
/// There is no shell, or it does not say.
pub async fn check() -> Result<Extension, Error> {
    check_at(session_bus()).await
}

/// The same, on the bus that has this address.
///
/// # Errors
/// As [`check`].
pub async fn check_at(address: String) -> Result<Extension, Error> {
    Extension::of(&Bus::at(address, Traffic::OfAnybody)).await
}

fn session_bus() -> String {
    Addresses::of_this_process(Seat::of_this_process().uid).session
}

async fn keep_following(bus: &Bus, reporter: &mut Reporter) {
    let mut backoff = Backoff::default();
    loop {
        let since = Instant::now();
        let error = match bus.connection().await {
            Ok(connection) => {
                let Err(error) = follow(bus, &connection, reporter).await;
                bus.forget(&connection).await;
                error
            }
            Err(error) => Error::NoBus(error),
        };
        reporter.unknown(&error).await;
        if since.elapsed() > LASTING {
            backoff.reset();
        }
        sleep(backoff.pause(LONGEST_PAUSE)).await;
    }
}

/// Follows the shell, and each one that takes its place, for as long as the connection holds.
async fn follow(bus: &Bus, connection: &Connection, reporter: &mut Reporter) -> Result<Infallible, Error> {
    let mut hearing = Hearing::over(connection);
    if !hearing.during(subscribe(connection, &RULES)).await {
        return Err(Error::Unheard);
    }
    // Before it can call us.
    let shell = hearing.during(owner(bus)).await?;
    let answered = Instant::now();
    let mut follower = Follower { bus, connection, hearing, reporter, shell, has_name: false, due: None, answered };
    follower.claim_name().await?;
    follower.await_call(CALL_LIMIT).await;
    loop {
        tokio::select! {
            message = follower.hearing.next() => match message {
                Some(message) => follower.take(&message).await?,
                None => return Err(Error::Lost),
            },
            () = until(follower.due) => follower.miss().await,
        }
    }
}

/// The unique name of the shell.
async fn owner(bus: &Bus) -> Result<Option<String>, Error> {
    match bus.call(&daemon(), "GetNameOwner", &(SHELL_ALONE), ANSWER_LIMIT).await {
        Ok(answer) => answer.body().deserialize().map(Some).map_err(|_| Error::NoBus(CallError::Broken)),
        Err(CallError::Nobody(_)) => Ok(None),
        Err(error) => Err(Error::NoBus(error)),
    }
}

fn daemon() -> Target {
    Target::at(DBUS, "/org/freedesktop/DBus", DBUS)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What is known on one connection.
struct Follower<'a> {
    bus: &'a Bus,
    connection: &'a Connection,
    hearing: Hearing,
    reporter: &'a mut Reporter,
    /// The unique name of the shell, if there is one.
    shell: Option<String>,
    /// Whether we have our name.
    has_name: bool,
    /// When it is told that the extension does not call.
    due: Option<Instant>,
    /// When all calls would be answered at the pace that is kept for good.
    answered: Instant,
}

impl Follower<'_> {
    async fn take(&mut self, message: &Message) -> Result<(), Error> {
        match heard(message, self.shell.as_deref()) {
            Some(Heard::Shell(shell)) => self.take_shell(shell).await,
            Some(Heard::Name(owner)) => self.take_name(owner).await?,
            Some(Heard::Seen(seen)) => self.take_seen(seen, message).await,
            Some(Heard::End) => {
                // It begins again at once where another extension before it was disabled, as at the lock screen.
                self.reporter.doubt().await;
                self.await_call(CALL_LIMIT).await;
            }
            None => {}
        }
        Ok(())
    }

    /// The shell has begun, or ended, or is another one.
    async fn take_shell(&mut self, shell: Option<String>) {
        if self.shell == shell {
            return;
        }
        self.shell = shell;
        if self.reporter.is_ready() {
            self.reporter.unknown(&Error::Absent).await;
        }
        self.await_call(START_LIMIT).await;
    }

    async fn take_name(&mut self, owner: Option<String>) -> Result<(), Error> {
        let own = self.connection.unique_name().map(|name| name.as_str());
        match owner {
            None => {
                self.claim_name().await?;
                self.await_call(CALL_LIMIT).await;
            }
            Some(owner) => self.has_name = Some(owner.as_str()) == own,
        }
        Ok(())
    }

    async fn take_seen(&mut self, seen: Seen, call: &Message) {
        self.due = None;
        self.reporter.tell(seen).await;
        let header = call.header();
        if !header.primary().flags().contains(Flags::NoReplyExpected) {
            let now = Instant::now();
            self.answered = self.answered.max(now) + PACE;
            sleep(self.answered.saturating_duration_since(now + BURST)).await;
            // A connection that is lost is noticed by whoever listens.
            let _ = self.connection.reply(&header, &()).await;
        }
    }

    async fn claim_name(&mut self) -> Result<(), Error> {
        let (daemon, body) = (daemon(), (AGENT, DO_NOT_QUEUE));
        let call = self.bus.call(&daemon, "RequestName", &body, ANSWER_LIMIT);
        let answer = self.hearing.during(call).await.map_err(Error::NoBus)?.body().deserialize::<u32>();
        self.has_name = answer.is_ok_and(|answer| OURS.contains(&answer));
        Ok(())
    }

    /// Gives the extension so long to call, if it could.
    async fn await_call(&mut self, limit: Duration) {
        self.due = None;
        if self.shell.is_none() {
            self.reporter.unknown(&Error::Absent).await;
        } else if !self.has_name {
            self.reporter.unknown(&Error::Displaced).await;
        } else {
            self.due = Some(Instant::now() + limit);
        }
    }

    /// It has not called.
    async fn miss(&mut self) {
        self.due = None;
        let asked = self.hearing.during(Extension::of(self.bus)).await;
        let error = asked.map_or_else(|error| error, Error::Silent);
        self.reporter.unknown(&error).await;
    }
}
