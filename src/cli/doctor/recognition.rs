//! Whether the owner is known, how long it takes, and whether a restart forgets.

use super::super::recognition::{learnt, restarts, state};
use super::Finding;
use super::service::Running;
use crate::agent::recognition_status::{LiveStateStatus, RecognitionStatus};

/// `stored`: how many descriptors the service manager stores for the service, where it says so.
pub fn finding(is_enabled: bool, running: Option<&Running>, stored: impl FnOnce() -> Option<u32>) -> Finding {
    const WHAT: &str = "recognition";
    if !is_enabled {
        return Finding::ok(WHAT, "off, nobody is learnt or judged: recognition.enabled is false");
    }
    let Some(running) = running else {
        return Finding::ok(WHAT, "on; while the agent runs, this says what it has learnt");
    };
    let Some(status) = &running.recognition else {
        return Finding::warning(WHAT, "the running agent has it off, the configuration on", "restart the agent");
    };
    let text = described(status);
    match &status.live_state {
        LiveStateStatus::NotKept(_) => {
            let mend = "run the agent as a service: `seclyzer install`, or `sudo seclyzer install --hardened`";
            Finding::warning(WHAT, format!("{text}; {}", restarts(status)), mend)
        }
        LiveStateStatus::Kept if stored() == Some(0) => {
            let text = format!("{text}; what is learnt since the start is lost at a restart: the unit is an older one");
            Finding::warning(
                WHAT,
                text,
                "install the unit anew (`seclyzer install`), or add FileDescriptorStoreMax=1 to it",
            )
        }
        LiveStateStatus::Kept => Finding::ok(WHAT, text),
    }
}

/// While it is learning, what is missing.
fn described(status: &RecognitionStatus) -> String {
    match status.ready {
        true => state(status),
        false => {
            let [keys, mouse] = learnt(status);
            format!("{}: keys: {keys}; mouse: {mouse}", state(status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::recognition::tests::status;
    use super::super::Verdict;
    use super::*;
    use crate::recognition::State;

    fn running(recognition: Option<RecognitionStatus>) -> Running {
        let running = serde_json::from_value(serde_json::json!({ "devices": [] })).expect("a status");
        Running { recognition, ..running }
    }

    fn verdict(recognition: Option<RecognitionStatus>, stored: Option<u32>) -> (Verdict, String) {
        let finding = finding(true, Some(&running(recognition)), || stored);
        (finding.verdict, finding.text + " -> " + finding.mend.as_deref().unwrap_or_default())
    }

    #[test]
    fn an_agent_that_is_learning_says_how_much_is_missing() {
        let (verdict, text) = verdict(Some(status(State::Learning, 1300, 0, 0)), Some(1));
        assert_eq!(verdict, Verdict::Ok);
        assert!(text.contains("about 700 more, 4 minutes of typing text"), "{text}");
    }

    #[test]
    fn what_a_restart_forgets_is_a_warning_with_what_mends_it() {
        let not_kept = LiveStateStatus::NotKept("no service manager".into());
        let of_terminal = RecognitionStatus { live_state: not_kept, ..status(State::Owner, 5000, 0, 0) };
        let (of_terminal, text) = verdict(Some(of_terminal), None);
        assert!(of_terminal == Verdict::Warning && text.contains("seclyzer install"), "{text}");
        let (old_unit, text) = verdict(Some(status(State::Owner, 5000, 0, 0)), Some(0));
        assert!(old_unit == Verdict::Warning && text.contains("FileDescriptorStoreMax=1"), "{text}");
        assert_eq!(verdict(Some(status(State::Owner, 5000, 0, 0)), None).0, Verdict::Ok);
    }

    #[test]
    fn where_it_is_off_that_is_said_and_an_agent_of_another_mind_is_a_warning() {
        let off = finding(false, Some(&running(None)), || None);
        assert!(off.verdict == Verdict::Ok && off.text.contains("recognition.enabled is false"), "{}", off.text);
        assert_eq!(finding(true, None, || None).verdict, Verdict::Ok);
        assert_eq!(verdict(None, None).0, Verdict::Warning);
    }
}
