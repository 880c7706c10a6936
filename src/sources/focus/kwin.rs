//! The focused application where KWin is the compositor (Plasma 5.27 and 6), by a script that KWin runs for us.
//!
//! KWin tells no ordinary client which window has the focus, but it runs scripts that are handed to it on the session's
//! bus. Ours calls back, to this process alone, whenever that changes. No bus, no KWin, one that starts anew and one that
//! takes the script and never calls are everyday matters: the focus is unknown for that long. Whoever may own KWin's name
//! on the bus is a program of the account, and what it says is worth no more than that.

mod calls;
mod script;
mod telling;

use super::super::environment::Environment;
use super::Update;
use crate::dbus::connection::{ANSWER_LIMIT, Addresses, Bus, CallError, DBUS, Target, Traffic, subscribe};
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::sources::session::Seat;
use calls::Calls;
use script::Script;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use telling::Reporter;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};
use zbus::Connection;

/// As KWin is called on the bus.
const KWIN: &str = "org.kde.KWin";
const RULES: [&str; 1] = ["type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',\
                           member='NameOwnerChanged',arg0='org.kde.KWin'"];
/// How long the script may take to call for the first time, which it does at once.
const FIRST_CALL_LIMIT: Duration = Duration::from_secs(3);
/// How long KWin may take to drop the script when nobody follows the focus any more.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);
/// How long a connection, or a script, has to last before the next loss counts as the first.
const LASTING: Duration = LONGEST_PAUSE;

/// Why the focus cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    NoBus(CallError),
    #[error("the session's bus does not let us listen")]
    Unheard,
    #[error("too many programs of ours are on the session's bus")]
    Crowded,
    #[error("the connection to the session's bus was lost")]
    Lost,
    #[error("KWin is not on the session's bus")]
    Absent,
    #[error("there is no runtime directory for KWin's script")]
    NoFolder,
    #[error("KWin's script cannot be written: {0}")]
    Unwritten(io::Error),
    #[error("KWin does not take our script: {0}")]
    Refused(CallError),
    #[error("KWin does not load our script")]
    Unloaded,
    #[error("KWin's script does not answer")]
    Silent,
}

/// Where KWin is looked for, and where its script is handed over.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address of the session's bus.
    pub bus: String,
    /// The agent's own runtime directory.
    pub folder: Option<PathBuf>,
}

impl Place {
    /// In this session, by this process's environment.
    pub fn of(environment: &Environment) -> Place {
        let bus = Addresses::of_this_process(Seat::of_this_process().uid).session;
        Place { bus, folder: folder(environment, std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from)) }
    }
}

/// The agent's own runtime directory: the one that the service manager has made for it, or else one in the session's.
pub fn folder(environment: &Environment, given: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| Some(environment.runtime_dir.as_deref()?.join("seclyzer")))
}

/// Makes the agent's own runtime directory where there is none. What of it fails is told when the script is written.
pub fn make_folder(folder: &Path) {
    let _ = script::make_folder(folder);
}

/// Follows the focus until the receiver of `updates` is gone, and through every loss of the bus and of KWin.
pub async fn run(environment: Environment, updates: Sender<Update>) {
    run_at(Place::of(&environment), updates).await;
}

/// The same, there.
pub async fn run_at(place: Place, updates: Sender<Update>) {
    let bus = Bus::at(place.bus, Traffic::OfAnybody);
    let mut script = Script::new(&bus, place.folder);
    let mut reporter = Reporter::to(updates.clone());
    tokio::select! {
        () = updates.closed() => {}
        () = keep_following(&bus, &mut script, &mut reporter) => {}
    }
    // It would stay in KWin, and call nobody.
    let _ = timeout(FAREWELL_LIMIT, script.unload()).await;
}

/// Looks whether KWin is there.
///
/// # Errors
/// Why [`run`] could follow nothing, at this moment.
pub async fn check(environment: &Environment) -> Result<(), Error> {
    check_at(&Place::of(environment)).await
}

/// The same, there.
///
/// # Errors
/// As [`check`].
pub async fn check_at(place: &Place) -> Result<(), Error> {
    let bus = Bus::at(place.bus.clone(), Traffic::OfAnybody);
    match owner(&bus).await? {
        Some(_) if place.folder.is_none() => Err(Error::NoFolder),
        Some(_) => Ok(()),
        None => Err(Error::Absent),
    }
}

/// The unique name of KWin.
async fn owner(bus: &Bus) -> Result<Option<String>, Error> {
    let daemon = Target::at(DBUS, "/org/freedesktop/DBus", DBUS);
    match bus.call(&daemon, "GetNameOwner", &(KWIN), ANSWER_LIMIT).await {
        Ok(answer) => answer.body().deserialize().map(Some).map_err(|_| Error::NoBus(CallError::Broken)),
        Err(CallError::Nobody(_)) => Ok(None),
        Err(error) => Err(Error::NoBus(error)),
    }
}

async fn keep_following(bus: &Bus, script: &mut Script<'_>, reporter: &mut Reporter) {
    let mut backoff = Backoff::default();
    loop {
        let since = Instant::now();
        let error = match bus.connection().await {
            Ok(connection) => {
                let Err(error) = follow(bus, &connection, script, reporter).await;
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

/// Follows KWin, and each one that takes its place, for as long as the connection holds.
async fn follow(
    bus: &Bus,
    connection: &Connection,
    script: &mut Script<'_>,
    reporter: &mut Reporter,
) -> Result<Infallible, Error> {
    let mut calls = Calls::over(connection);
    if !calls.during(subscribe(connection, &RULES)).await {
        return Err(Error::Unheard);
    }
    calls.during(script.reserve_name(connection)).await?;
    let found = calls.during(owner(bus)).await?;
    calls.set_owner(found);
    let mut backoff = Backoff::default();
    loop {
        if !calls.begin() {
            reporter.unknown(&Error::Absent).await;
            calls.wait_for_another_owner().await?;
            continue;
        }
        let since = Instant::now();
        let Err(error) = serve(connection, &mut calls, script, reporter).await;
        match error {
            Error::Lost => return Err(error),
            _ if calls.has_another_owner() => {
                // The script has gone with the KWin that had it.
                script.forget();
                reporter.unknown(&Error::Absent).await;
            }
            error => {
                reporter.unknown(&error).await;
                calls.during(script.unload()).await;
                if since.elapsed() > LASTING {
                    backoff.reset();
                }
                let pause = backoff.pause(LONGEST_PAUSE);
                if let Ok(Err(lost)) = timeout(pause, calls.wait_for_another_owner()).await {
                    return Err(lost);
                }
            }
        }
    }
}

/// Has the KWin that is there now run the script, and tells on what that tells.
async fn serve(
    connection: &Connection,
    calls: &mut Calls<'_>,
    script: &mut Script<'_>,
    reporter: &mut Reporter,
) -> Result<Infallible, Error> {
    calls.during(script.load(connection)).await?;
    let first = timeout(FIRST_CALL_LIMIT, calls.next()).await.map_err(|_| Error::Silent)??;
    reporter.begin(first).await;
    loop {
        tokio::select! {
            // What has come meanwhile decides what becomes of a moment without a window.
            biased;
            seen = calls.next() => reporter.see(seen?).await,
            () = reporter.moment() => reporter.settle().await,
        }
    }
}
