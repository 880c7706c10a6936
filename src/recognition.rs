//! Whether the person at the machine is its owner: what is learnt, scores and decisions. Pure: events in, records out.
//!
//! The exact keys are used here and go nowhere: what leaves the process is [`coarse`], and what is stored is learnt only
//! from strokes that count by the contract with `lines`. The same definition as a program: `tests/recognition/`.

pub mod coarse;
mod decision;
mod exact;
pub mod keys;
pub mod mouse;
mod queue;
mod saved;
mod state;

use crate::event::{Action, Control, Event, Key, Micros, Scope, Stamped};
use crate::features::keystroke::Publish;
use crate::features::keystroke::counting::{Counting, Settled};
use crate::features::keystroke::tally::Fate;
pub use decision::Change;
use decision::Decision;
pub use exact::{Score, Told};
use mouse::{Strokes, Vector};
use queue::Queue;
pub use saved::{BadState, Saved};
pub use state::{Modality, Readiness, Reason, Settings, State, Thresholds};

/// Scores are made at multiples of this.
const INTERVAL_US: Micros = 5_000_000;
/// A step back of the event clock up to this is clamped, a larger one is a gap.
const BACKWARD_LIMIT_US: Micros = 1_000_000;
/// After so long without input a sitting is over.
const SITTING_US: Micros = 900_000_000;

/// Takes the very events that the pipeline of the devices takes, in the same order, ticks included.
#[derive(Debug, Clone)]
pub struct Recognition {
    decision: Decision,
    counting: Counting,
    queue: Queue,
    text: keys::Text,
    /// Whether the newest stroke was text.
    is_text: bool,
    pointer: Strokes,
    clock_us: Option<Micros>,
    due_us: Option<Micros>,
    input_us: Option<Micros>,
}

impl Recognition {
    /// Begins with what was saved of the owner, or with nothing.
    ///
    /// # Errors
    /// The saved state is damaged or of a newer version.
    pub fn new(settings: Settings, saved: Option<&Saved>) -> Result<Recognition, BadState> {
        Ok(Recognition::around(saved::decision(settings, saved)?))
    }

    fn around(decision: Decision) -> Recognition {
        Recognition {
            decision,
            counting: Counting::new(Publish::Lines),
            queue: Queue::default(),
            text: keys::Text::default(),
            is_text: true,
            pointer: Strokes::default(),
            clock_us: None,
            due_us: None,
            input_us: None,
        }
    }

    /// What is kept by now: of the keys only what may teach. The definition's saved state.
    pub fn saved(&self) -> Saved {
        saved::of(&self.decision)
    }

    /// The same and what is on its way there, for the database. It does not depend on a secret, or on how and when it was
    /// typed, as long as no doubt has arisen; a dwell is not in it if the key after it may belong to one.
    pub fn stored(&self) -> Saved {
        saved::stored(&self.decision)
    }

    /// Passes on the live state for the process after this one, in pieces, as bytes that only [`Recognition::restore`]
    /// reads. What is open is dropped, so they do not tell in which order keys were pressed; but they contain pairs of keys
    /// that may be a secret's alone, so they must never reach a disk. Events between the two are a gap.
    pub fn snapshot(&mut self, put: impl FnMut(&[u8])) {
        saved::snapshot(&mut self.decision, put);
    }

    /// The same in one piece, for a copy.
    pub fn snapshot_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.snapshot(|piece| bytes.extend(piece));
        bytes
    }

    /// Goes on from a snapshot.
    ///
    /// # Errors
    /// The bytes are not a snapshot of this program's version.
    pub fn restore(settings: Settings, snapshot: &[u8]) -> Result<Recognition, BadState> {
        let mut decision = saved::restored(snapshot)?;
        decision.restart(settings);
        decision.pause(0);
        Ok(Recognition::around(decision))
    }

    /// End of the open interval: when it is past, [`Recognition::tick`] makes its score. `None` while nothing is new.
    pub fn due_us(&self) -> Option<Micros> {
        self.due_us
    }

    /// What may be shown of it at present.
    pub fn score(&self) -> coarse::Score {
        coarse::score(&self.decision)
    }

    /// Forgets what was learnt of the keys, of the mouse, or both, live and kept.
    pub fn forget(&mut self, now_us: Micros, what: Modality, mut out: impl FnMut(Told)) {
        let (keys, mouse) = (what != Modality::Mouse, what != Modality::Keys);
        let models = (keys.then(Default::default), mouse.then(Default::default));
        self.decision.replace(now_us, models.0, models.1, Reason::Forgotten);
        self.tell_changes(&mut out);
    }

    /// Goes on from a saved state, or from the part of one that there is: the other part stays as it is.
    ///
    /// # Errors
    /// The saved state is damaged or of a newer version; then nothing is changed.
    pub fn import(&mut self, now_us: Micros, part: &Saved, mut out: impl FnMut(Told)) -> Result<(), BadState> {
        let (keys, mouse) = saved::models(part)?;
        self.decision.replace(now_us, keys, mouse, Reason::Imported);
        self.tell_changes(&mut out);
        Ok(())
    }

    /// Takes one event.
    pub fn push(&mut self, stamped: &Stamped, mut out: impl FnMut(Told)) {
        let Stamped { mut ts_us, ref event } = *stamped;
        if let Some(clock_us) = self.clock_us.filter(|&clock_us| ts_us < clock_us) {
            if clock_us - ts_us > BACKWARD_LIMIT_US {
                self.gap(Scope::All);
                // The clock was set back: the interval's end may lie far ahead now.
                self.due_us.take_if(|_| matches!(event, Event::Gap { .. }));
            } else {
                ts_us = clock_us;
            }
        }
        self.clock_us = Some(ts_us);
        if self.due_us.is_some_and(|due_us| ts_us > due_us) {
            self.tell_score(&mut out);
        }
        self.end_guest(ts_us);
        match event {
            Event::Control(control) => self.control(ts_us, *control),
            Event::Gap { scope, .. } => self.gap(*scope),
            Event::Focus { .. } | Event::Layout(_) | Event::Touch => self.note(ts_us, event),
            Event::Key { .. }
            | Event::Move { .. }
            | Event::MoveTo { .. }
            | Event::Button { .. }
            | Event::Scroll { .. } => self.input(ts_us, event),
        }
        while let Some(judged) = self.queue.next(ts_us) {
            self.judge(judged);
        }
        self.tell_changes(&mut out);
    }

    /// It is `now`: makes the score that is due.
    pub fn tick(&mut self, now_us: Micros, mut out: impl FnMut(Told)) {
        if let Some(due_us) = self.due_us.filter(|&due_us| due_us <= now_us) {
            self.tell_score(&mut out);
            self.clock_us = self.clock_us.max(Some(due_us + 1));
        }
    }

    /// Whether the alarm has reached the lock threshold and is not contested.
    pub fn is_lock_due(&self) -> bool {
        self.decision.is_lock_due()
    }

    /// When the guest's time is over, if one is there.
    pub fn guest_until_us(&self) -> Option<Micros> {
        self.decision.guest_until_us()
    }

    /// It is `now`, without an event: ends a guest's time that is over.
    pub fn end_guest_at(&mut self, now_us: Micros, mut out: impl FnMut(Told)) {
        self.end_guest(now_us);
        self.tell_changes(&mut out);
    }

    /// The events have ended: makes the last score.
    pub fn finish(&mut self, mut out: impl FnMut(Told)) {
        self.tell_score(&mut out);
    }

    /// What happens at the end and is no gap in the events: nothing spans the time until the next ones.
    pub fn suspend(&mut self, mut out: impl FnMut(Told)) {
        self.part();
        self.tell_changes(&mut out);
    }

    fn tell_score(&mut self, out: &mut impl FnMut(Told)) {
        if let Some(window_end_us) = self.due_us.take() {
            self.tell_changes(out);
            out(Told::score(window_end_us, &self.decision));
        }
    }

    fn tell_changes(&mut self, out: &mut impl FnMut(Told)) {
        for change in self.decision.changes() {
            out(Told::Decision(change));
        }
    }

    fn end_guest(&mut self, ts_us: Micros) {
        if self.decision.is_guest_gone(ts_us) {
            self.part();
            self.decision.back();
        }
    }

    fn control(&mut self, ts_us: Micros, control: Control) {
        self.part();
        match control {
            Control::Unlock => self.decision.unlock(ts_us),
            Control::Lock => self.decision.end_sitting(),
            Control::Guest { until_us } => self.decision.guest(ts_us, until_us),
        }
    }

    fn input(&mut self, ts_us: Micros, event: &Event) {
        if self.input_us.is_some_and(|input_us| ts_us - input_us >= SITTING_US) {
            self.part();
            self.decision.end_sitting();
        }
        self.input_us = Some(ts_us);
        self.due_us.get_or_insert_with(|| (ts_us + INTERVAL_US - 1).div_euclid(INTERVAL_US) * INTERVAL_US);
        if let Event::Key { key, action } = *event {
            return self.key(ts_us, key, action);
        }
        self.note(ts_us, event);
        match *event {
            Event::Move { dx, dy } => self.pointer.push_move(ts_us, dx, dy),
            Event::MoveTo { x, y } => self.pointer.push_position(ts_us, x, y),
            Event::Button { action, .. } => self.pointer.push_button(ts_us, action),
            Event::Scroll { delta } => self.pointer.push_scroll(ts_us, delta),
            _ => {}
        }
        self.actions(ts_us);
    }

    /// Takes an event that may end the line.
    fn note(&mut self, ts_us: Micros, event: &Event) {
        self.counting.note(ts_us, event, &mut settle(&mut self.queue, &mut self.decision));
        self.decision.drain();
    }

    fn key(&mut self, ts_us: Micros, key: Key, action: Action) {
        match action {
            Action::Press => {
                self.queue.press(ts_us, key, self.counting.next());
                self.counting.press(ts_us, key, &mut settle(&mut self.queue, &mut self.decision));
            }
            Action::Release => {
                let stroke = self.counting.release(ts_us, key, &mut settle(&mut self.queue, &mut self.decision));
                self.queue.release(ts_us, key, stroke);
            }
        }
        self.decision.drain();
    }

    fn judge(&mut self, judged: queue::Judged) {
        let queue::Judged { ts_us, number, stroke, counts, in_chord, held_us } = judged;
        let Some(stroke) = stroke else {
            return self.decision.pause(number);
        };
        let was_text = self.is_text;
        self.is_text = self.text.take(stroke.key, held_us, in_chord);
        if self.is_text {
            self.decision.stroke(ts_us, number, stroke, counts);
        } else {
            self.decision.skip(number, stroke, counts, was_text);
        }
    }

    fn actions(&mut self, ts_us: Micros) {
        while let Some(action) = self.pointer.pop() {
            self.decision.action(ts_us, Vector::of(&action));
        }
    }

    /// Takes a gap in the events: nothing spans it.
    fn gap(&mut self, scope: Scope) {
        self.counting.gap(scope, &mut settle(&mut self.queue, &mut self.decision));
        self.decision.drain();
        self.cut(scope);
    }

    /// Nothing spans this moment, though no event was lost: what has the focus stays known.
    fn part(&mut self) {
        self.counting.gap(Scope::Keystroke, &mut settle(&mut self.queue, &mut self.decision));
        self.decision.drain();
        self.cut(Scope::All);
    }

    fn cut(&mut self, scope: Scope) {
        let clock_us = self.clock_us.unwrap_or_default();
        if matches!(scope, Scope::All | Scope::Keystroke) {
            while let Some(judged) = self.queue.last(clock_us) {
                self.judge(judged);
            }
            self.queue.clear();
            self.text.clear();
            self.decision.pause(self.counting.next());
        }
        if matches!(scope, Scope::All | Scope::Mouse) {
            self.pointer.end();
            self.actions(clock_us);
            self.pointer.reset();
        }
    }
}

/// Where a stroke is when its fate becomes known: not judged yet, or not decided yet.
fn settle<'a>(queue: &'a mut Queue, decision: &'a mut Decision) -> impl FnMut(Settled) + 'a {
    |Settled { strokes, fate }| {
        if fate == Fate::NoHand {
            queue.note_no_hand(&strokes);
        }
        queue.set_counts(&strokes, fate == Fate::Counts);
        decision.set_counts(&strokes, fate == Fate::Counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;

    /// An owner at whose machine somebody else has typed, up to the lock threshold.
    fn taken_over() -> Recognition {
        let saved = Saved::from_json(include_bytes!("../tests/recognition/golden/owner.state.json")).expect("a model");
        let mut recognition = Recognition::new(Settings::default(), Some(&saved)).expect("a model");
        for line in include_str!("../tests/recognition/golden/takeover.jsonl").lines() {
            recognition.push(&json::parse(line.as_bytes()).expect("an event"), drop);
            if recognition.is_lock_due() {
                return recognition;
            }
        }
        panic!("no alarm has reached the lock threshold");
    }

    #[test]
    fn that_the_lock_threshold_was_reached_is_known_until_a_password_and_over_a_restart() {
        let mut recognition = taken_over();
        let mut restored =
            Recognition::restore(Settings::default(), &recognition.snapshot_bytes()).expect("a snapshot");
        assert!(restored.is_lock_due());
        restored.push(&Stamped { ts_us: i64::MAX / 2, event: Event::Control(Control::Unlock) }, drop);
        assert!(!restored.is_lock_due());
    }

    #[test]
    fn an_alarm_that_a_password_answers_is_over_and_learnt() {
        let mut recognition = taken_over();
        let strokes = |recognition: &Recognition| recognition.decision.keys.live_strokes();
        let before = strokes(&recognition);
        let now_us = recognition.clock_us.expect("an event");
        recognition.push(&Stamped { ts_us: now_us, event: Event::Control(Control::Unlock) }, drop);
        assert_eq!(recognition.score().state, State::Owner);
        assert!(strokes(&recognition) > before);
    }
}
