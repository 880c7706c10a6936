//! The states, why they change, and what the owner may choose of it.

use serde::{Deserialize, Serialize};

/// Who is at the machine, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Too little is learnt to judge.
    Learning,
    Owner,
    /// Something speaks against the owner; nobody is told.
    Doubtful,
    Stranger,
    /// Somebody else, by the owner's own word; nothing is judged or learnt.
    Guest,
}

impl State {
    pub const ALL: [State; 5] = [State::Learning, State::Owner, State::Doubtful, State::Stranger, State::Guest];

    /// As in records.
    pub fn name(self) -> &'static str {
        match self {
            State::Learning => "learning",
            State::Owner => "owner",
            State::Doubtful => "doubtful",
            State::Stranger => "stranger",
            State::Guest => "guest",
        }
    }

    pub fn named(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Why the state changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Enough is learnt.
    Ready,
    /// What was typed and pointed.
    Evidence,
    /// Evidence again after an alarm that was answered in the same sitting.
    Contested,
    /// The threshold at which a machine that locks is locked; the state stays.
    Lock,
    /// A stranger's evidence has stayed away for long.
    Calm,
    /// A password, or the owner's confirmation.
    Unlock,
    Guest,
    /// The guest's time is over.
    GuestEnd,
    /// What was learnt is forgotten, at the owner's wish.
    Forgotten,
    /// What was learnt is replaced, at the owner's wish.
    Imported,
    /// The session was locked, which was verified; the state stays.
    Locked,
    /// The session should have been locked, and nothing locked it; the state stays.
    NotLocked,
    /// Nothing is captured for a time, by the owner's word; the state stays.
    Pause,
    /// Capture goes on; the state stays.
    PauseEnd,
}

impl Reason {
    pub const ALL: [Reason; 14] = [
        Reason::Ready,
        Reason::Evidence,
        Reason::Contested,
        Reason::Lock,
        Reason::Calm,
        Reason::Unlock,
        Reason::Guest,
        Reason::GuestEnd,
        Reason::Forgotten,
        Reason::Imported,
        Reason::Locked,
        Reason::NotLocked,
        Reason::Pause,
        Reason::PauseEnd,
    ];

    /// As in records.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Ready => "ready",
            Reason::Evidence => "evidence",
            Reason::Contested => "contested",
            Reason::Lock => "lock",
            Reason::Calm => "calm",
            Reason::Unlock => "unlock",
            Reason::Guest => "guest",
            Reason::GuestEnd => "guest_end",
            Reason::Forgotten => "forgotten",
            Reason::Imported => "imported",
            Reason::Locked => "locked",
            Reason::NotLocked => "not_locked",
            Reason::Pause => "pause",
            Reason::PauseEnd => "pause_end",
        }
    }

    pub fn named(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    Keys,
    Mouse,
    Both,
}

impl Modality {
    pub const ALL: [Modality; 3] = [Modality::Keys, Modality::Mouse, Modality::Both];

    /// As in records.
    pub fn name(self) -> &'static str {
        match self {
            Modality::Keys => "keys",
            Modality::Mouse => "mouse",
            Modality::Both => "both",
        }
    }

    pub fn named(name: &str) -> Option<Modality> {
        Modality::ALL.into_iter().find(|modality| modality.name() == name)
    }
}

/// Where the sum of what speaks against the owner changes the state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub doubt: f64,
    pub notify: f64,
    pub lock: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { doubt: 6.0, notify: 12.0, lock: 20.0 }
    }
}

/// What must be learnt before anything is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub strokes: u64,
    pub actions: u64,
    pub sittings: u64,
}

impl Default for Readiness {
    fn default() -> Readiness {
        Readiness { strokes: 2_000, actions: 400, sittings: 3 }
    }
}

/// What the owner may choose.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    pub thresholds: Thresholds,
    pub readiness: Readiness,
    /// Only a password leads out of [`State::Stranger`], not calm input.
    pub password_only: bool,
}
