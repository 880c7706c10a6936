//! Scores and decisions with all their figures. They tell of single keys, so they never leave the process but by the
//! command of somebody who has the trace anyway.

use super::coarse;
use super::decision::{Change, Decision};
use super::state::State;
use crate::event::Micros;
use serde_json::{Value, json};

/// What recognition yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// At the end of an interval with input.
    Score(Score),
    /// A change of state.
    Decision(Change),
}

/// The state at the end of an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub window_end_us: Micros,
    pub state: State,
    /// 100 to 0; `None` where nothing is judged.
    pub trust: Option<f64>,
    /// What speaks against the owner, and its parts by keys and mouse.
    pub evidence: f64,
    pub by_keys: f64,
    pub by_mouse: f64,
    pub learnt_keys: u64,
    pub learnt_actions: f64,
    /// What of it may be published.
    pub coarse: coarse::Score,
}

impl Told {
    pub(super) fn score(window_end_us: Micros, decision: &Decision) -> Told {
        let (evidence, by_keys, by_mouse) = decision.evidence();
        Told::Score(Score {
            window_end_us,
            state: decision.state(),
            trust: decision.trust(),
            evidence,
            by_keys,
            by_mouse,
            learnt_keys: decision.keys.live_strokes(),
            learnt_actions: decision.mouse.sure().owner.actions(),
            coarse: coarse::score(decision),
        })
    }

    /// As the definition's program prints it (`tests/recognition/recognition.py`).
    pub fn to_exact_json(&self) -> Value {
        match self {
            Told::Score(score) => json!({
                "type": "score", "window_end": score.window_end_us, "state": score.state.name(), "trust": score.trust,
                "evidence": score.evidence, "keys": score.by_keys, "mouse": score.by_mouse,
                "learnt_keys": score.learnt_keys, "learnt_actions": score.learnt_actions,
            }),
            Told::Decision(change) => json!({
                "type": "decision", "ts": change.ts_us, "from": change.from.name(), "to": change.to.name(),
                "reason": change.reason.name(),
            }),
        }
    }
}
