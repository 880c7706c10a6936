//! What passes between the rules and the desk: the session's lock, its notices, and who may say what.

/// What the desk tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Also said at the start, where the session is locked then.
    Locked,
    /// Of a screen that nothing has locked it is never heard.
    Unlocked,
    /// The screen is locked no more, and nobody unlocked it: its session or its X server has ended, or is not seen any more.
    Ended,
    Answered(Answer),
}

/// The owner's answer to a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    ItIsMe,
    Lock,
}

/// What came of a request to lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locked {
    /// The steps that were tried, in order; none, where the screen was locked already.
    pub tried: Vec<(Step, Outcome)>,
    /// The one that locked.
    pub by: Option<Step>,
    /// By what the screen is known to be locked; `None`: nothing locked it.
    pub evidence: Option<Evidence>,
}

/// The ways to lock a session, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Logind,
    /// `org.freedesktop.ScreenSaver`
    ScreenSaver,
    /// `org.gnome.ScreenSaver`
    Gnome,
    /// `decision.lock_command`
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
    /// The screen is locked, and by what that is known.
    Locked(Evidence),
    /// The request was accepted, and nothing locked in time.
    Unverified,
    /// Neither an answer nor a lock in time.
    Silent,
    /// With this error of D-Bus.
    Refused(String),
    /// There is no such way here, and why.
    Absent(String),
    /// It was not tried, and can be.
    Ready,
}

/// By what it is known that the screen is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// logind's `LockedHint`, which the locker sets.
    Hint,
    /// On X11 a program has the keyboard and the pointer for itself, and its windows cover the screen.
    Grab,
    /// The screen saver that was asked to lock calls itself active.
    Saver,
}

impl Evidence {
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Hint => "logind's LockedHint",
            Evidence::Grab => "a grab of the keyboard",
            Evidence::Saver => "the screen saver's own word",
        }
    }
}

/// What came of a question to polkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    Granted,
    Denied,
    /// There is no polkit, it does not know the action, or nothing in the session can ask for the password.
    Absent,
}

/// What polkit is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To answer an alarm, or to change what is learnt.
    Confirm,
    Guest,
    Pause,
}

/// Who has to give the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A client of the status socket.
    Peer { pid: u32, uid: u32 },
    /// Whoever is at the session that is watched: a notice was answered there.
    Session,
}

/// What a notice says. Nothing typed, and nothing else that is private, belongs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub summary: String,
    pub body: String,
    /// The buttons, with their labels; none on what asks nothing.
    pub answers: Vec<(Answer, String)>,
}

/// A question to whoever is at the session. One is shown at a time; a new one replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// "Is it you?", with both buttons. `contested`: again, after an alarm of this sitting was answered. `can_ask`: as far
    /// as is known, the button "It is me" can; where it cannot, the notice names the command that does.
    Alarm { contested: bool, can_ask: bool },
    /// The session should be locked, and no step locked it. The same buttons.
    NothingLocked { can_ask: bool },
}
