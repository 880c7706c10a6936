//! polkit: whether somebody may do something, for which it has the account's password asked for.

use super::Shared;
use crate::act::ports::{Action, Authority, Subject};
use crate::dbus::connection::{ANSWER_LIMIT, CallError, Target};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use zbus::zvariant::Value;

const AUTHORITY: &str = "org.freedesktop.PolicyKit1.Authority";
/// How long a person may take to enter a password.
const PERSON_LIMIT: Duration = Duration::from_secs(120);
/// `AllowUserInteraction`
const MAY_ASK: u32 = 1;

impl Action {
    pub const ALL: [Action; 3] = [Action::Confirm, Action::Guest, Action::Pause];

    pub fn id(self) -> &'static str {
        match self {
            Action::Confirm => "org.seclyzer.confirm",
            Action::Guest => "org.seclyzer.guest",
            Action::Pause => "org.seclyzer.pause",
        }
    }
}

pub async fn authorise(shared: &Arc<Shared>, subject: Subject, action: Action) -> Authority {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let Some((kind, details)) = subject_of(shared, subject).await else { return Authority::Absent };
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let mut question = Question { shared: Arc::clone(shared), id: Some(format!("seclyzer-{number}")) };
    let none: HashMap<&str, &str> = HashMap::new();
    let body = ((kind, details), action.id(), none, MAY_ASK, question.id.as_deref().unwrap_or_default());
    let answer = shared.system.call(&authority(), "CheckAuthorization", &body, PERSON_LIMIT).await;
    let answer = match answer {
        Err(CallError::Silent) => return Authority::Denied,
        answer => answer,
    };
    question.id = None;
    match answer {
        Ok(answer) => match answer.body().deserialize::<(bool, bool, HashMap<&str, &str>)>() {
            Ok((true, ..)) => Authority::Granted,
            // It would have to ask for the password, and nothing in the session has registered to show the question.
            Ok((false, true, _)) => Authority::Absent,
            _ => Authority::Denied,
        },
        // What it says of an action that no file describes; or what the bus says of a service that it cannot start.
        Err(CallError::Refused(error))
            if error == "org.freedesktop.PolicyKit1.Error.Failed"
                || !error.starts_with("org.freedesktop.PolicyKit1.") =>
        {
            Authority::Absent
        }
        Err(CallError::Nobody(_) | CallError::NoBus { .. }) => Authority::Absent,
        Err(_) => Authority::Denied,
    }
}

fn authority() -> Target {
    Target::at("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", AUTHORITY)
}

async fn subject_of(
    shared: &Shared,
    subject: Subject,
) -> Option<(&'static str, HashMap<&'static str, Value<'static>>)> {
    Some(match subject {
        Subject::Peer { pid, uid } => {
            // 0: polkit looks itself. The password is asked for each time, so that a process that came to have the same
            // number gains nothing.
            let start = ("start-time", Value::U64(0));
            ("unix-process", HashMap::from([("pid", Value::U32(pid)), start, ("uid", Value::I32(uid.cast_signed()))]))
        }
        Subject::Session => {
            let session = super::logind::watched(&shared.system, &shared.seat).await.ok()??;
            let id = String::try_from(shared.system.property(&session, "Id").await.ok()?).ok()?;
            ("unix-session", HashMap::from([("session-id", Value::from(id))]))
        }
    })
}

/// A question that is taken back when nobody waits for its answer any more.
struct Question {
    shared: Arc<Shared>,
    /// While it is open.
    id: Option<String>,
}

impl Drop for Question {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let shared = Arc::clone(&self.shared);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = shared.system.call(&authority(), "CancelCheckAuthorization", &id, ANSWER_LIMIT).await;
            });
        }
    }
}
