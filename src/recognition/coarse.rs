//! What may leave the process: never a sum of scores by time, which tells of a password typed daily.

use super::decision::Decision as Judge;
use super::state::{Modality, Reason, State};

/// The state at a window's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    pub state: State,
    /// 100, 75, 50, 25 or 0; `None` where nothing is judged.
    pub trust: Option<u8>,
    /// Strokes learnt, in steps of 100, up to readiness.
    pub learnt_keys: u64,
    /// Actions of the mouse learnt, in steps of 50, up to readiness.
    pub learnt_actions: u64,
    /// Sittings that taught the mouse's model, up to readiness.
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
const ACTIONS_STEP: u64 = 50;
/// Levels of trust of a doubted owner.
const LEVELS: [u8; 3] = [75, 50, 25];

/// What may be shown of the present state.
pub(super) fn score(decision: &Judge) -> Score {
    let (needed, mouse) = (decision.readiness(), decision.mouse.ahead());
    Score {
        state: decision.state(),
        trust: trust(decision.state(), decision.doubt()),
        learnt_keys: learnt(decision.keys.live_strokes(), needed.strokes, KEYS_STEP),
        learnt_actions: learnt(mouse.owner.actions() as u64, needed.actions, ACTIONS_STEP),
        sittings: mouse.sittings.min(needed.sittings),
    }
}

/// In steps, up to the one at which there is enough. What is learnt later depends, to the stroke, on which cases are open
/// at the moment and on what was held to be text, and so on each password.
fn learnt(count: u64, needed: u64, step: u64) -> u64 {
    (count / step * step).min(needed.div_ceil(step).saturating_mul(step))
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

    #[test]
    fn what_is_learnt_is_published_in_steps_until_there_is_enough() {
        let strokes = |needed| [0, 99, 100, 1_999, 2_000, 2_050, 1_000_000].map(|count| learnt(count, needed, 100));
        assert_eq!(strokes(2_000), [0, 0, 100, 1_900, 2_000, 2_000, 2_000]);
        assert_eq!(strokes(2_001), [0, 0, 100, 1_900, 2_000, 2_000, 2_100]);
        assert_eq!(learnt(1_000_000, u64::MAX, 100), 1_000_000);
    }
}
