//! What is done at an alarm, whether it is time to lock, and by what the session could be locked.

use super::super::trial::Trial;
use super::Finding;
use super::service::Running;
use crate::act::Mode;
use crate::act::ports::{Outcome, Step};
use crate::agent::keeper::Counts;
use crate::store::{ModelKind, StoredModel};

const WHAT: &str = "decision";
/// Fewer cost false alarms.
const LEAST_STROKES: u64 = 2_000;
/// Strokes are shown in such steps.
const SHOWN: u64 = 100;

/// The mode that counts: where the service reads another file than this command (`is_its_file`), a restart would not give
/// it the mode of this one.
pub fn mode(configured: Mode, running: Option<&Running>, is_its_file: bool) -> Mode {
    let in_force = running.and_then(|running| running.decision.known_mode());
    in_force.filter(|_| !is_its_file).unwrap_or(configured)
}

/// `trial`: what was decided of late; `strokes`: how many are stored as learnt; both where there is a database.
pub fn finding(mode: Mode, running: Option<&Running>, strokes: Option<u64>, trial: Option<&Trial>) -> Finding {
    let in_force = running.and_then(|running| running.decision.known_mode());
    if let Some(other) = in_force.filter(|&other| other != mode) {
        let text = format!("the running agent has mode {}, the configuration {}", other.name(), mode.name());
        return Finding::warning(WHAT, text, "restart the agent");
    }
    let doubts = doubts(strokes, trial);
    let text = format!("mode {}", mode.name());
    match (mode, doubts.is_empty()) {
        (Mode::Lock, false) => Finding::warning(
            WHAT,
            format!("{text}, which is not advised: {doubts}"),
            "set decision.mode = \"notify\" for now; `seclyzer decision trial` shows each alarm",
        ),
        (_, false) => Finding::ok(WHAT, format!("{text}; \"lock\" is not advised yet: {doubts}")),
        (_, true) => {
            Finding::ok(WHAT, format!("{text}; `seclyzer decision trial` says what each mode would have done"))
        }
    }
}

/// Strokes that are stored as learnt.
pub fn strokes_of(models: &[StoredModel]) -> u64 {
    let of_keys = |(kind, counts): (ModelKind, Counts)| (kind == ModelKind::Keys).then_some(counts.learnt);
    models.iter().filter_map(Counts::of).filter_map(of_keys).sum()
}

/// What speaks against locking.
fn doubts(strokes: Option<u64>, trial: Option<&Trial>) -> String {
    let few = strokes.filter(|&strokes| strokes < LEAST_STROKES);
    let few = few.map(|strokes| {
        format!("about {} strokes are stored as learnt, and {LEAST_STROKES} are needed", strokes / SHOWN * SHOWN)
    });
    let often = trial.filter(|trial| trial.locks_too_often()).map(|trial| {
        format!("it would have locked {} times in the last {:.1} hours of use", trial.locks(), trial.hours)
    });
    few.into_iter().chain(often).collect::<Vec<_>>().join("; ")
}

/// `prospects`: what could be tried from here. `decision.lock_command` is run for the service alone, so that it is set
/// (`has_command`) is all that can be said of it. `is_wayland`: no window or grab of a locker can be seen.
pub fn locking(mode: Mode, prospects: &[(Step, Outcome)], has_command: bool, is_wayland: bool) -> Finding {
    const WHAT: &str = "locking";
    const ON_WAYLAND: &str = "; on Wayland only a locker that sets logind's LockedHint, or a desktop's screen saver, is \
                              verified (docs/decision.md)";
    let is_there = |(step, outcome): &(Step, Outcome)| match step {
        Step::Command => has_command,
        _ => *outcome == Outcome::Ready,
    };
    let names = |wanted: bool| {
        let names = prospects.iter().filter(|found| is_there(found) == wanted).map(|(step, _)| step.name());
        names.collect::<Vec<_>>().join(", ")
    };
    let (there, absent) = (names(true), names(false));
    match (mode, there.is_empty()) {
        (Mode::Lock, true) => Finding::warning(
            WHAT,
            format!("nothing can lock this session: there is no {absent}"),
            "set decision.lock_command to a screen locker (docs/decision.md)",
        ),
        (_, true) => Finding::ok(
            WHAT,
            format!("not needed in mode {}; mode lock could lock nothing here: there is no {absent}", mode.name()),
        ),
        (_, false) => Finding::ok(
            WHAT,
            format!(
                "mode lock can try {there}; `seclyzer lock --test` locks the session, and says which of them did{}",
                if is_wayland { ON_WAYLAND } else { "" }
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::recognition::tests::status;
    use super::super::super::trial::Alarm;
    use super::super::Verdict;
    use super::*;
    use crate::agent::decision_status::DecisionStatus;
    use crate::recognition::State;

    fn running(mode: &str) -> Running {
        let running: Running = serde_json::from_value(serde_json::json!({ "devices": [] })).expect("a status");
        let decision = DecisionStatus { mode: mode.into(), ..DecisionStatus::default() };
        // What is live, and shown up to readiness, is not what is stored.
        Running { recognition: Some(status(State::Owner, 500, 0, 0)), decision, ..running }
    }

    fn trial(hours: f64, locks: usize) -> Trial {
        let lock = || Alarm { lock_after_s: Some(10), ..Alarm::default() };
        Trial { hours, alarms: std::iter::repeat_with(lock).take(locks).collect() }
    }

    #[test]
    fn lock_is_advised_against_with_few_strokes_or_where_it_would_have_locked_the_owner() {
        let of = |mode, strokes, trial| finding(mode, Some(&running(Mode::name(mode))), Some(strokes), Some(&trial));
        assert_eq!(of(Mode::Lock, 2_000, trial(30.0, 1)).verdict, Verdict::Ok);
        let few = of(Mode::Lock, 1_950, trial(30.0, 0));
        assert!(few.verdict == Verdict::Warning && few.text.contains("1900 strokes"), "{}", few.text);
        let alone = finding(Mode::Lock, None, Some(0), None);
        assert!(alone.verdict == Verdict::Warning && alone.text.contains("0 strokes"), "without an agent, too");
        let often = of(Mode::Lock, 2_000, trial(10.0, 2));
        assert!(often.verdict == Verdict::Warning && often.text.contains("2 times"), "{}", often.text);
        let observed = of(Mode::Observe, 2_000, trial(10.0, 2));
        assert!(observed.verdict == Verdict::Ok && observed.text.contains("not advised yet"), "{}", observed.text);
    }

    #[test]
    fn an_agent_of_another_mode_has_to_be_restarted() {
        let other = finding(Mode::Lock, Some(&running("observe")), Some(2_000), None);
        assert!(other.verdict == Verdict::Warning && other.mend.as_deref() == Some("restart the agent"));
    }

    #[test]
    fn an_agent_that_reads_another_file_is_judged_by_its_own_mode() {
        let agent = running("lock");
        assert_eq!(mode(Mode::Observe, Some(&agent), true), Mode::Observe);
        assert_eq!(mode(Mode::Observe, Some(&agent), false), Mode::Lock);
        assert_eq!(mode(Mode::Observe, None, false), Mode::Observe);
        let few = finding(mode(Mode::Observe, Some(&agent), false), Some(&agent), Some(0), None);
        assert!(few.mend.is_some_and(|mend| mend.contains("notify")), "no restart would change it");
    }

    #[test]
    fn an_agent_that_is_to_lock_and_cannot_is_warned_of() {
        let no_bus = Outcome::Absent("no bus".into());
        let steps = [Step::Logind, Step::ScreenSaver, Step::Gnome, Step::Command].map(|step| (step, no_bus.clone()));
        let nothing = locking(Mode::Lock, &steps, false, false);
        assert!(nothing.verdict == Verdict::Warning && nothing.text.contains("no logind, org."), "{}", nothing.text);
        let unneeded = locking(Mode::Observe, &steps, false, false);
        assert!(unneeded.verdict == Verdict::Ok && unneeded.text.starts_with("not needed in mode observe;"));
        let by_command = locking(Mode::Lock, &steps, true, false);
        assert!(by_command.text.starts_with("mode lock can try decision.lock_command;"), "{}", by_command.text);
        let by_logind = |is_wayland| locking(Mode::Lock, &[(Step::Logind, Outcome::Ready)], false, is_wayland);
        let on_x11 = by_logind(false);
        assert!(on_x11.verdict == Verdict::Ok && on_x11.text.contains("can try logind;"), "{}", on_x11.text);
        assert!(!on_x11.text.contains("Wayland") && by_logind(true).text.contains("LockedHint"), "{}", on_x11.text);
    }
}
