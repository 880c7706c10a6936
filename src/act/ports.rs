//! What passes between the rules and the desk: the session's lock, its notices, and who may say what.

use crate::event::Micros;

/// What the desk tells. It says [`Heard::Locked`] at the start too, where the session is locked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Locked,
    Unlocked,
    /// A button of the notice was pressed.
    Answered(Answer),
    /// The machine is about to be suspended.
    Sleep,
    Woke,
}

/// The buttons of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    ItIsMe,
    Lock,
}

/// What came of a request to lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locked {
    /// The steps in the order in which they were tried.
    pub tried: Vec<(Step, Outcome)>,
    /// The step after which the session was verified to be locked.
    pub by: Option<Step>,
}

/// The ways to lock a session, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `Session.Lock` of logind.
    Logind,
    /// `org.freedesktop.ScreenSaver.Lock`.
    ScreenSaver,
    /// `org.gnome.ScreenSaver.Lock`.
    Gnome,
    /// `decision.lock_command`, run by a unit of its own.
    Command,
}

impl Step {
    /// As in answers and logs.
    pub fn name(self) -> &'static str {
        match self {
            Step::Logind => "logind",
            Step::ScreenSaver => "org.freedesktop.ScreenSaver",
            Step::Gnome => "org.gnome.ScreenSaver",
            Step::Command => "decision.lock_command",
        }
    }
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The session was locked within the time.
    Verified,
    /// The step was taken, and the session was not locked within the time.
    Unverified,
    /// There is no such thing here.
    Absent,
    /// Why the step could not be taken.
    Failed(String),
}

/// Of a question to polkit: whether somebody may speak for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    Granted,
    Denied,
    /// Nobody is there to ask.
    Absent,
}

/// Who has to give the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A client of the status socket.
    Peer { pid: i32, uid: u32 },
    /// Whoever is at the session that is watched: a button of a notice was pressed.
    Session,
}

/// The one notice that is shown at a time; a new one replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// "Is it you?", with the buttons "It is me" and "Lock". `contested`: again, after an alarm of this sitting was answered.
    Alarm { contested: bool },
    /// The session should be locked, and no step locked it. The same buttons.
    NothingLocked,
    /// Nothing is judged or learnt until then.
    Guest { until_us: Micros },
    /// Nothing is captured until then.
    Paused { until_us: Micros },
}
