//! How far the agent goes at an alarm.

/// What is done at an alarm (`decision.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It is recorded and published.
    #[default]
    Observe,
    /// A notice asks whether it is the owner, too.
    Notify,
    /// The session is locked, too.
    Lock,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Observe, Mode::Notify, Mode::Lock];

    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Observe => "observe",
            Mode::Notify => "notify",
            Mode::Lock => "lock",
        }
    }

    pub fn named(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether whoever speaks for the owner has to prove it: where the machine locks, who has just sat down at it would
    /// do so first of all.
    pub fn needs_authority(self) -> bool {
        self == Mode::Lock
    }
}
