//! What may leave the process: never a sum of scores by time, which tells of a password typed daily.

use super::{Modality, Reason, State};

/// The state at a window's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    pub state: State,
    /// 100, 75, 50, 25 or 0; `None` where nothing is judged.
    pub trust: Option<u8>,
    /// Strokes learnt, in steps of 100.
    pub learnt_keys: u64,
    /// Actions of the mouse learnt, in steps of 50.
    pub learnt_actions: u64,
    /// Sittings that taught the mouse's model.
    pub sittings: u64,
}

/// A change of state, or the lock threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub from: State,
    pub to: State,
    pub reason: Reason,
    /// `None` where no evidence decided.
    pub modality: Option<Modality>,
}
