//! Locking: one way after the other, until the screen is seen to be locked. Success that a service reports is no evidence:
//! logind reports it where nobody listens.

use super::connection::{ANSWER_LIMIT, CallError, Target};
use super::screen::X11;
use super::{Shared, logind};
use crate::act::ports::{Evidence, Locked, Outcome, Step};
use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a step may take to lock the screen.
pub const VERIFY_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks.
const PACE: Duration = Duration::from_millis(100);

impl Step {
    pub const ALL: [Step; 4] = [Step::Logind, Step::ScreenSaver, Step::Gnome, Step::Command];

    fn saver(self) -> Option<Target> {
        match self {
            Step::ScreenSaver => Some(Target::at(self.name(), "/org/freedesktop/ScreenSaver", self.name())),
            Step::Gnome => Some(Target::at(self.name(), "/org/gnome/ScreenSaver", self.name())),
            Step::Logind | Step::Command => None,
        }
    }
}

/// Where `decision.lock_command` is asked for: a file in the folder that the service manager makes for the agent, which
/// a unit of its own watches. Unlike a unit that is started over D-Bus it needs no permission and no bus, and in the
/// hardened way the account's own service manager has no part in it.
pub fn lock_file(is_wanted: bool) -> Option<PathBuf> {
    let folder = std::env::var_os("RUNTIME_DIRECTORY").filter(|_| is_wanted)?;
    Some(Path::new(&folder).join("lock"))
}

pub async fn lock(shared: &Arc<Shared>) -> Locked {
    let _alone = shared.locking.lock().await;
    let mut eyes = Eyes::open(shared).await;
    if let X11::Shows(hold) = shared.screen().x11()
        && hold.is_lock()
    {
        return Locked { tried: Vec::new(), by: None, evidence: Some(Evidence::Grab) };
    }
    let mut tried = Vec::new();
    for step in Step::ALL {
        let outcome = attempt(shared, step, &mut eyes).await;
        tried.push((step, outcome.clone()));
        if let Outcome::Locked(evidence) = outcome {
            return Locked { tried, by: Some(step), evidence: Some(evidence) };
        }
    }
    Locked { tried, by: None, evidence: None }
}

async fn attempt(shared: &Arc<Shared>, step: Step, eyes: &mut Eyes<'_>) -> Outcome {
    match step {
        Step::Logind => match eyes.session.clone() {
            Ok(Some(session)) => {
                let (of, in_front) = (Arc::clone(shared), session.clone());
                // It holds up nothing, and is not given up when the one in front is locked.
                tokio::spawn(async move { logind::lock_display(&of.system, &of.seat, &in_front).await });
                eyes.watch(logind::lock(&shared.system, &session), None).await
            }
            Ok(None) => Outcome::Absent("the session in front is another account's, or none".into()),
            Err(error) => failed(error),
        },
        Step::ScreenSaver | Step::Gnome => {
            let Some(saver) = step.saver() else { return Outcome::Absent("no such service".into()) };
            let request = async { shared.session.call(&saver, "Lock", &(), VERIFY_LIMIT).await.map(drop) };
            eyes.watch(request, Some(&saver)).await
        }
        Step::Command => match &shared.lock_file {
            Some(path) => match ask_for_command(path).await {
                Ok(()) => eyes.watch(async { Ok(()) }, None).await,
                Err(error) => Outcome::Absent(format!("{}: {error}", path.display())),
            },
            None => Outcome::Absent(NO_COMMAND.into()),
        },
    }
}

const NO_COMMAND: &str = "decision.lock_command is not set, or the agent does not run as its service";

/// The unit's `PathChanged=` sees that the file is another one. The folder is the account's, which may have put anything
/// there, a pipe or a file system that hangs: so nothing that is there is opened, and a thread of its own does it.
async fn ask_for_command(path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    let replace = tokio::task::spawn_blocking(move || {
        let new = path.with_extension("new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::options().write(true).create_new(true).open(&new)?.write_all(b"lock\n")?;
        std::fs::rename(new, path)
    });
    match timeout(ANSWER_LIMIT, replace).await {
        Ok(replaced) => replaced.unwrap_or_else(|error| Err(io::Error::other(error))),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// What an error means for a step.
fn failed(error: CallError) -> Outcome {
    match error {
        CallError::Refused(error) => Outcome::Refused(error),
        CallError::Silent => Outcome::Silent,
        absent => Outcome::Absent(absent.to_string()),
    }
}

/// What can be tried, without trying it.
pub async fn prospects(shared: &Arc<Shared>) -> Vec<(Step, Outcome)> {
    let mut found = Vec::new();
    for step in Step::ALL {
        let outcome = match (step, step.saver()) {
            (Step::Logind, _) => match logind::watched(&shared.system, &shared.seat).await {
                Ok(Some(_)) => Outcome::Ready,
                Ok(None) => Outcome::Absent("the session in front is another account's, or none".into()),
                Err(error) => failed(error),
            },
            (_, Some(saver)) => match shared.session.call(&saver, "GetActive", &(), ANSWER_LIMIT).await {
                Ok(_) => Outcome::Ready,
                Err(error) => failed(error),
            },
            (_, None) => match &shared.lock_file {
                Some(_) => Outcome::Ready,
                None => Outcome::Absent(NO_COMMAND.into()),
            },
        };
        found.push((step, outcome));
    }
    found
}

/// Sees whether the screen is locked.
struct Eyes<'s> {
    shared: &'s Arc<Shared>,
    session: Result<Option<Target>, CallError>,
}

impl<'s> Eyes<'s> {
    async fn open(shared: &'s Arc<Shared>) -> Eyes<'s> {
        shared.look_again.notify_one();
        let looked = async {
            while shared.screen().x11() == X11::Unknown {
                sleep(PACE).await;
            }
        };
        let session = logind::watched(&shared.system, &shared.seat);
        let (_, session) = tokio::join!(timeout(VERIFY_LIMIT, looked), session);
        Eyes { shared, session }
    }

    async fn is_hinted(&self) -> bool {
        let Ok(Some(session)) = &self.session else { return false };
        let is_hinted = logind::is_locked(&self.shared.system, session).await.unwrap_or(false);
        if is_hinted {
            logind::note(self.shared, session, true);
            // It may have been cleared meanwhile.
            self.shared.refresh.notify_one();
        }
        is_hinted
    }

    /// Waits until the screen is locked, while `request` asks for it.
    async fn watch(&mut self, request: impl Future<Output = Result<(), CallError>>, saver: Option<&Target>) -> Outcome {
        let due = Instant::now() + VERIFY_LIMIT;
        tokio::pin!(request);
        let (mut is_answered, mut is_accepted) = (false, false);
        loop {
            tokio::select! {
                biased;
                answer = &mut request, if !is_answered => match answer {
                    // A locker may answer only once it has been unlocked.
                    Ok(()) | Err(CallError::Silent) => (is_answered, is_accepted) = (true, answer.is_ok()),
                    Err(error) => return failed(error),
                },
                evidence = self.locked(saver) => return Outcome::Locked(evidence),
                () = sleep_until(due) => return if is_accepted { Outcome::Unverified } else { Outcome::Silent },
            }
        }
    }

    /// Has what is claimed be heard, and its end, and waits until that is believed or a locker is seen.
    async fn locked(&self, saver: Option<&Target>) -> Evidence {
        loop {
            let is_hinted = self.is_hinted().await;
            let active = match saver {
                Some(saver) if is_active(self.shared, saver).await == Some(true) => Some(saver),
                _ => None,
            };
            if let Some(saver) = active {
                self.shared.notices.watch_saver(Some(saver.clone()));
                self.shared.claim(Evidence::Saver, true);
            }
            let evidence = self.shared.screen().locked_by();
            match evidence {
                Some(Evidence::Grab) => return Evidence::Grab,
                // As it is said now of this session and by this saver: what was said before may be over.
                Some(_) if is_hinted => return Evidence::Hint,
                Some(_) if active.is_some() => return Evidence::Saver,
                _ => sleep(PACE).await,
            }
        }
    }
}

/// `None`: it does not answer.
pub async fn is_active(shared: &Shared, saver: &Target) -> Option<bool> {
    let answer = shared.session.call(saver, "GetActive", &(), ANSWER_LIMIT).await.ok()?;
    answer.body().deserialize().ok()
}
