//! What may leave the process: never a sum of scores by time, which tells of a password typed daily.

use super::decision::Decision as Judge;
use super::state::{Modality, Reason, State};

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

const KEYS_STEP: u64 = 100;
const ACTIONS_STEP: f64 = 50.0;
/// Levels of trust of a doubted owner.
const LEVELS: [u8; 3] = [75, 50, 25];

/// What may be shown of the present state.
pub(super) fn score(decision: &Judge) -> Score {
    Score {
        state: decision.state(),
        trust: trust(decision.state(), decision.doubt()),
        learnt_keys: decision.keys.live_strokes() / KEYS_STEP * KEYS_STEP,
        learnt_actions: ((decision.owner.actions() / ACTIONS_STEP).floor() * ACTIONS_STEP) as u64,
        sittings: decision.sittings,
    }
}

/// `doubt`: how far the sum is from the threshold of doubt, 0, to that at which the owner is asked, 1.
fn trust(state: State, doubt: f64) -> Option<u8> {
    match state {
        State::Learning | State::Guest => None,
        State::Owner => Some(100),
        State::Doubtful => Some(LEVELS[((doubt * LEVELS.len() as f64) as usize).min(LEVELS.len() - 1)]),
        State::Stranger => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_published_in_five_levels_and_only_where_somebody_is_judged() {
        let doubtful = [-0.5, 0.0, 0.3, 0.4, 0.7, 0.99, 1.5].map(|doubt| trust(State::Doubtful, doubt));
        assert_eq!(doubtful, [75, 75, 75, 50, 25, 25, 25].map(Some));
        let others = [State::Learning, State::Owner, State::Stranger, State::Guest].map(|state| trust(state, 0.5));
        assert_eq!(others, [None, Some(100), Some(0), None]);
    }
}
