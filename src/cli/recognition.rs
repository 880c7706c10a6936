//! What is known of the owner, in words: for `status`, `doctor` and `model`.

use crate::agent::keeper::Counts;
use crate::agent::recognition_status::{LiveStateStatus, Missing, RecognitionStatus};
use crate::recognition::State;
use crate::record::json::iso8601;
use crate::store::ModelKind;

/// Where nothing is learnt or judged.
pub const OFF: &str = "recognition: off";
/// 40 words a minute.
const STROKES_PER_MINUTE: u64 = 200;

/// Who is at the machine, as far as it is known.
pub fn state(status: &RecognitionStatus) -> String {
    let trust = status.trust.map(|trust| format!(" (trust {trust} of 100)")).unwrap_or_default();
    let words = match status.state {
        State::Learning => "learning; nobody is judged yet",
        State::Owner => "the owner is at the machine",
        State::Doubtful => "doubtful; something speaks against the owner, and nobody is notified",
        State::Stranger => "a stranger is at the machine; if it is you, run `seclyzer me`",
        State::Guest => "a guest is at the machine, as the owner said; nothing is judged or learnt",
    };
    format!("{words}{trust}")
}

/// What is learnt and what is missing: keys, then the mouse.
pub fn learnt(status: &RecognitionStatus) -> [String; 2] {
    let Missing { strokes, actions, sittings } = status.missing;
    let keys = match strokes {
        0 => format!("at least {} strokes learnt; enough to judge", status.learnt_keys),
        _ => format!(
            "{} strokes learnt; enough to judge after about {strokes} more, {} of typing text",
            status.learnt_keys,
            counted(strokes.div_ceil(STROKES_PER_MINUTE), "minute")
        ),
    };
    let is_learnt = format!("{} actions in {} learnt", status.learnt_actions, counted(status.sittings, "sitting"));
    let more = [(actions, "action"), (sittings, "sitting")];
    let more =
        more.into_iter().filter(|&(count, _)| count > 0).map(|(count, what)| format!("{} more", counted(count, what)));
    let more: Vec<String> = more.collect();
    let mouse = match more.is_empty() {
        true => format!("at least {is_learnt}; enough to judge"),
        false => format!("{is_learnt}; enough to judge after about {}", more.join(" and ")),
    };
    [keys, mouse]
}

/// What becomes of it at a restart.
pub fn restarts(status: &RecognitionStatus) -> String {
    match &status.live_state {
        LiveStateStatus::Kept => "what is learnt since the start is kept over restarts, and dropped at a stop".into(),
        LiveStateStatus::NotKept(reason) => {
            format!("what is learnt since the start is lost at a restart, but for what the database contains: {reason}")
        }
    }
}

/// A line each.
pub fn lines(status: &RecognitionStatus) -> String {
    let [keys, mouse] = learnt(status);
    let since = status.since_us.map_or("nothing yet".into(), |since_us| format!("begun {}", iso8601(since_us)));
    format!(
        "recognition: {}\nkeys: {keys}\nmouse: {mouse}\nstored model: {since}\nrestarts: {}\n",
        state(status),
        restarts(status)
    )
}

/// A stored model, in a line.
pub fn stored(kind: ModelKind, counts: &Counts) -> String {
    let Counts { learnt, sittings, since_us } = *counts;
    let learnt = match kind {
        ModelKind::Keys => format!("keys: {learnt} strokes"),
        ModelKind::Mouse => format!("mouse: {learnt} actions in {}", counted(sittings, "sitting")),
    };
    format!("{learnt} are stored, begun {}\n", iso8601(since_us))
}

/// As in 1 stroke, 2 strokes.
pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::recognition::Readiness;
    use crate::recognition::coarse::Score;

    /// Of an agent that has learnt so much.
    pub fn status(state: State, learnt_keys: u64, learnt_actions: u64, sittings: u64) -> RecognitionStatus {
        let trust = (!matches!(state, State::Learning | State::Guest)).then_some(100);
        let score = Score { state, trust, learnt_keys, learnt_actions, sittings };
        RecognitionStatus::new(&score, &Readiness::default(), None, LiveStateStatus::Kept)
    }

    #[test]
    fn what_is_missing_is_said_for_keys_and_mouse_apart() {
        let [keys, mouse] = learnt(&status(State::Learning, 1300, 350, 1));
        assert_eq!(keys, "1300 strokes learnt; enough to judge after about 700 more, 4 minutes of typing text");
        assert_eq!(
            mouse,
            "350 actions in 1 sitting learnt; enough to judge after about 50 actions more and 2 sittings more"
        );
        let [keys, mouse] = learnt(&status(State::Owner, 2000, 400, 2));
        assert_eq!(keys, "at least 2000 strokes learnt; enough to judge");
        assert_eq!(mouse, "400 actions in 2 sittings learnt; enough to judge after about 1 sitting more");
        let [_, mouse] = learnt(&status(State::Owner, 0, 400, 3));
        assert_eq!(mouse, "at least 400 actions in 3 sittings learnt; enough to judge");
    }

    #[test]
    fn a_stranger_is_told_how_the_owner_answers() {
        let told = state(&RecognitionStatus { trust: Some(0), ..status(State::Stranger, 2000, 0, 0) });
        assert!(told.contains("seclyzer me`") && told.ends_with("(trust 0 of 100)"), "{told}");
        assert_eq!(state(&status(State::Learning, 0, 0, 0)), "learning; nobody is judged yet");
    }
}
