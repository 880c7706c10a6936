//! Locking: one way after the other, until the screen is seen to be locked. Success that a service reports is no evidence:
//! logind reports it where nobody listens.

use super::logind::{Front, Kind};
use super::screen::{Claimant, Sight};
use super::{Shared, logind};
use crate::act::ports::{Evidence, Locked, Outcome, Step};
use crate::dbus::connection::{ANSWER_LIMIT, CallError, Target};
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
    if let Some(session) = eyes.session_seen_locked() {
        // It costs a locker nothing.
        let of = Arc::clone(shared);
        tokio::spawn(async move { logind::lock(&of.system, &session).await });
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
        Step::Logind => match eyes.front.clone() {
            Ok(Some(Front { session, .. })) => {
                let (of, in_front) = (Arc::clone(shared), session.clone());
                // It holds up nothing, and is not given up when the one in front is locked.
                tokio::spawn(async move { logind::lock_display(&of.system, &of.seat, &in_front).await });
                eyes.watch(step, logind::lock(&shared.system, &session)).await
            }
            Ok(None) => Outcome::Absent(NOT_OURS.into()),
            Err(error) => failed(error),
        },
        Step::ScreenSaver | Step::Gnome => {
            let Some(saver) = step.saver() else { return Outcome::Absent("no such service".into()) };
            let request = async { shared.session.call(&saver, "Lock", &(), VERIFY_LIMIT).await.map(drop) };
            eyes.watch(step, request).await
        }
        Step::Command => match &shared.lock_file {
            Some(path) => match ask_for_command(path).await {
                Ok(()) => eyes.watch(step, async { Ok(()) }).await,
                Err(error) => Outcome::Absent(format!("{}: {error}", path.display())),
            },
            None => Outcome::Absent(NO_COMMAND.into()),
        },
    }
}

const NOT_OURS: &str = "the session in front is another account's, or none";
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
                Ok(None) => Outcome::Absent(NOT_OURS.into()),
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

/// How long the screen savers are waited for before anything is asked to lock.
const SAVERS_LIMIT: Duration = Duration::from_millis(500);

/// Sees whether the screen is locked. What was claimed or shown before the request could have been feigned beforehand, and
/// counts only once it has been seen not to be so.
struct Eyes<'s> {
    shared: &'s Arc<Shared>,
    front: Result<Option<Front>, CallError>,
    was_hinted: bool,
    was_locker_seen: bool,
    /// Those of the screen savers that may have been active.
    were_active: Vec<Step>,
}

impl<'s> Eyes<'s> {
    async fn open(shared: &'s Arc<Shared>) -> Eyes<'s> {
        shared.look_again.notify_one();
        let (front, were_active) = tokio::join!(logind::front(&shared.system, &shared.seat), may_be_active(shared));
        shared.take_kind(&front);
        let looked = async {
            while shared.screen().sight() == Sight::Unknown {
                sleep(PACE).await;
            }
        };
        let _ = timeout(VERIFY_LIMIT, looked).await;
        let was_hinted = matches!(&front, Ok(Some(front)) if front.is_hinted);
        let mut eyes = Eyes { shared, front, was_hinted, was_locker_seen: false, were_active };
        eyes.was_locker_seen = eyes.sight().is_lock();
        eyes
    }

    /// What is seen of the session in front; what another session shows says nothing of it.
    fn sight(&self) -> Sight {
        let sight = self.shared.screen().sight();
        match &self.front {
            Ok(Some(Front { kind: Kind::Wayland, .. })) => Sight::Wayland,
            Ok(Some(front)) if !front.is_graphical || sight == Sight::Wayland => Sight::Dark,
            _ => sight,
        }
    }

    /// The session in front, if a locker is seen on its own X server. Of a server that only the session's file names, it is
    /// not known whose it is.
    fn session_seen_locked(&self) -> Option<Target> {
        match &self.front {
            Ok(Some(Front { session, kind: Kind::X11 { display: Some(_) }, .. })) if self.was_locker_seen => {
                Some(session.clone())
            }
            _ => None,
        }
    }

    /// Whether the session in front has been hinted to be locked since the request.
    async fn is_hinted(&mut self) -> bool {
        let Ok(Some(Front { session, is_graphical: true, .. })) = &self.front else { return false };
        match logind::is_locked(&self.shared.system, session).await {
            Ok(true) => {
                logind::note(self.shared, session, true);
                // It may have been cleared meanwhile.
                self.shared.refresh.notify_one();
                !self.was_hinted
            }
            Ok(false) => {
                self.was_hinted = false;
                false
            }
            Err(_) => false,
        }
    }

    /// Whether this screen saver has become active since the request.
    async fn is_active(&mut self, step: Step, saver: &Target) -> bool {
        match is_active(self.shared, saver).await {
            Some(true) => {
                self.shared.notices.watch_saver(Some(saver.clone()));
                self.shared.claim(Claimant::Saver, true);
                !self.were_active.contains(&step)
            }
            Some(false) => {
                self.were_active.retain(|&other| other != step);
                false
            }
            None => false,
        }
    }

    /// Waits until the screen is locked, while `request` asks for it.
    async fn watch(&mut self, step: Step, request: impl Future<Output = Result<(), CallError>>) -> Outcome {
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
                evidence = self.locked(step) => return Outcome::Locked(evidence),
                () = sleep_until(due) => return if is_accepted { Outcome::Unverified } else { Outcome::Silent },
            }
        }
    }

    /// Has what is claimed be heard, and its end, and waits until that is believed or a locker is seen.
    async fn locked(&mut self, step: Step) -> Evidence {
        let saver = step.saver();
        loop {
            let is_hinted = self.is_hinted().await;
            let is_active = match &saver {
                Some(saver) => self.is_active(step, saver).await,
                None => false,
            };
            let sight = self.sight();
            self.was_locker_seen &= sight.is_lock();
            match sight.evidence(is_hinted, is_active) {
                Some(Evidence::Grab) if self.was_locker_seen => {}
                Some(evidence) => return evidence,
                None => {}
            }
            sleep(PACE).await;
        }
    }
}

/// The screen savers that are active, or do not answer in time. An account without any pays for it with one question each.
async fn may_be_active(shared: &Shared) -> Vec<Step> {
    let savers = [Step::ScreenSaver, Step::Gnome];
    let ask = async |step: Step| match step.saver() {
        Some(saver) => timeout(SAVERS_LIMIT, is_active(shared, &saver)).await.ok().flatten() != Some(false),
        None => false,
    };
    let [first, second] = savers;
    let (is_first, is_second) = tokio::join!(ask(first), ask(second));
    savers.into_iter().zip([is_first, is_second]).filter_map(|(step, may_be)| may_be.then_some(step)).collect()
}

/// `None`: it does not answer.
pub async fn is_active(shared: &Shared, saver: &Target) -> Option<bool> {
    let answer = shared.session.call(saver, "GetActive", &(), ANSWER_LIMIT).await.ok()?;
    answer.body().deserialize().ok()
}
