//! What the running agent knows of its owner, for `status`, `doctor` and `seclyzer model`; as coarse as it is published.

use super::live_state::{LiveState, NotKept};
use crate::event::Micros;
use crate::recognition::coarse::Score;
use crate::recognition::{Readiness, State};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecognitionStatus {
    pub state: State,
    /// 100, 75, 50, 25 or 0; `None` where nothing is judged.
    pub trust: Option<u8>,
    /// Strokes learnt, in steps of 100, up to readiness.
    pub learnt_keys: u64,
    /// Actions of the mouse learnt, in steps of 50, up to readiness.
    pub learnt_actions: u64,
    /// Sittings that taught the mouse's model, up to readiness.
    pub sittings: u64,
    /// Whether keys or mouse are judged.
    pub ready: bool,
    pub missing: Missing,
    /// When the stored model was begun; `None` where nothing is stored yet.
    pub since_us: Option<Micros>,
    pub live_state: LiveStateStatus,
}

/// What has to be learnt before it is judged, at most a step less; 0 where it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub strokes: u64,
    pub actions: u64,
    pub sittings: u64,
}

/// Whether what is learnt since the start outlives a restart of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveStateStatus {
    Kept,
    /// Why not.
    NotKept(String),
}

impl From<&Result<LiveState, NotKept>> for LiveStateStatus {
    fn from(state: &Result<LiveState, NotKept>) -> LiveStateStatus {
        match state {
            Ok(_) => LiveStateStatus::Kept,
            Err(reason) => LiveStateStatus::NotKept(reason.to_string()),
        }
    }
}

impl RecognitionStatus {
    pub fn new(
        score: &Score,
        readiness: &Readiness,
        since_us: Option<Micros>,
        live_state: LiveStateStatus,
    ) -> RecognitionStatus {
        let Score { state, trust, learnt_keys, learnt_actions, sittings } = *score;
        let missing = Missing {
            strokes: readiness.strokes.saturating_sub(learnt_keys),
            actions: readiness.actions.saturating_sub(learnt_actions),
            sittings: readiness.sittings.saturating_sub(sittings),
        };
        let ready = missing.strokes == 0 || missing.actions == 0 && missing.sittings == 0;
        RecognitionStatus { state, trust, learnt_keys, learnt_actions, sittings, ready, missing, since_us, live_state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(learnt_keys: u64, learnt_actions: u64, sittings: u64) -> RecognitionStatus {
        let score = Score { state: State::Learning, trust: None, learnt_keys, learnt_actions, sittings };
        RecognitionStatus::new(&score, &Readiness::default(), None, LiveStateStatus::Kept)
    }

    #[test]
    fn it_is_ready_once_keys_or_the_mouse_are() {
        assert!(!status(1900, 350, 2).ready);
        assert!(status(2000, 0, 0).ready);
        assert!(!status(0, 400, 2).ready && !status(0, 350, 3).ready);
        assert!(status(0, 400, 3).ready);
    }

    #[test]
    fn what_is_missing_is_counted_to_the_readiness_that_is_configured() {
        assert_eq!(status(1300, 50, 1).missing, Missing { strokes: 700, actions: 350, sittings: 2 });
        assert_eq!(status(9000, 9000, 9).missing, Missing::default());
    }

    #[test]
    fn programs_read_whether_the_live_state_is_kept_or_why_not() {
        let json = |state: LiveStateStatus| serde_json::to_string(&state).expect("JSON");
        assert_eq!(json(LiveStateStatus::Kept), "\"kept\"");
        let reason = LiveStateStatus::from(&Err(NotKept::NoManager));
        assert_eq!(json(reason), "{\"not_kept\":\"no service manager has started the agent\"}");
    }
}
