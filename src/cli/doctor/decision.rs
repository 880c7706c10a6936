//! What is done at an alarm, and whether it is time to lock.

use super::super::trial::Trial;
use super::Finding;
use super::service::Running;
use crate::act::Mode;

const WHAT: &str = "decision";
/// Fewer cost false alarms.
const LEAST_STROKES: u64 = 2_000;

/// `trial`: what was decided of late, where there is a database.
pub fn finding(mode: Mode, running: Option<&Running>, trial: Option<&Trial>) -> Finding {
    let in_force = running.and_then(|running| running.decision.known_mode());
    if let Some(other) = in_force.filter(|&other| other != mode) {
        let text = format!("the running agent has mode {}, the configuration {}", other.name(), mode.name());
        return Finding::warning(WHAT, text, "restart the agent");
    }
    let doubts = doubts(running, trial);
    let text = format!("mode {}", mode.name());
    match (mode, doubts.is_empty()) {
        (Mode::Lock, false) => Finding::warning(
            WHAT,
            format!("{text}, which is not advised: {doubts}"),
            "set decision.mode = \"notify\" for now; `seclyzer decision trial` shows each alarm",
        ),
        (_, false) => Finding::ok(WHAT, format!("{text}; \"lock\" is not advised yet: {doubts}")),
        (_, true) => Finding::ok(WHAT, format!("{text}; `seclyzer decision trial` says what each would have done")),
    }
}

/// What speaks against locking.
fn doubts(running: Option<&Running>, trial: Option<&Trial>) -> String {
    let recognition = running.and_then(|running| running.recognition.as_ref());
    let few = recognition.map(|status| status.learnt_keys).filter(|&learnt| learnt < LEAST_STROKES);
    let few = few.map(|learnt| {
        format!("{learnt} strokes are known to be learnt, and {LEAST_STROKES} are needed (recognition.ready_strokes)")
    });
    let often = trial.filter(|trial| trial.locks_too_often()).map(|trial| {
        format!("it would have locked {} times in the last {:.1} hours of use", trial.locks(), trial.hours)
    });
    few.into_iter().chain(often).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::super::recognition::tests::status;
    use super::super::super::trial::Alarm;
    use super::super::Verdict;
    use super::*;
    use crate::agent::decision_status::DecisionStatus;
    use crate::recognition::State;

    fn running(mode: &str, learnt: u64) -> Running {
        let running: Running = serde_json::from_value(serde_json::json!({ "devices": [] })).expect("a status");
        let decision = DecisionStatus { mode: mode.into(), ..DecisionStatus::default() };
        Running { recognition: Some(status(State::Owner, learnt, 0, 0)), decision, ..running }
    }

    fn trial(hours: f64, locks: usize) -> Trial {
        let lock = || Alarm { lock_after_s: Some(10), ..Alarm::default() };
        Trial { hours, alarms: std::iter::repeat_with(lock).take(locks).collect() }
    }

    #[test]
    fn lock_is_advised_against_with_few_strokes_or_where_it_would_have_locked_the_owner() {
        let of = |mode, learnt, trial| finding(mode, Some(&running(Mode::name(mode), learnt)), Some(&trial));
        assert_eq!(of(Mode::Lock, 2_000, trial(30.0, 1)).verdict, Verdict::Ok);
        let few = of(Mode::Lock, 1_900, trial(30.0, 0));
        assert!(few.verdict == Verdict::Warning && few.text.contains("1900 strokes"), "{}", few.text);
        let often = of(Mode::Lock, 2_000, trial(10.0, 2));
        assert!(often.verdict == Verdict::Warning && often.text.contains("2 times"), "{}", often.text);
        let observed = of(Mode::Observe, 2_000, trial(10.0, 2));
        assert!(observed.verdict == Verdict::Ok && observed.text.contains("not advised yet"), "{}", observed.text);
    }

    #[test]
    fn an_agent_of_another_mode_has_to_be_restarted() {
        let other = finding(Mode::Lock, Some(&running("observe", 2_000)), None);
        assert!(other.verdict == Verdict::Warning && other.mend.as_deref() == Some("restart the agent"));
    }
}
