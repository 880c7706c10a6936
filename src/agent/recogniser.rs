//! Recognition beside a pipeline: the same events in, records out.

use crate::event::{Control, Event, Micros, Stamped};
use crate::pipeline::Output;
use crate::recognition::{BadState, Modality, Recognition, Saved, Told};
use crate::record::Record;

#[derive(Debug)]
pub struct Recogniser {
    pub recognition: Recognition,
    told: Vec<Told>,
    /// At a lock screen anybody may type, and nobody is judged by that or learnt from it.
    is_locked: bool,
}

impl Recogniser {
    pub fn new(recognition: Recognition) -> Recogniser {
        Recogniser { recognition, told: Vec::new(), is_locked: false }
    }

    /// Takes one event, unless it is input while the session is locked. What it yields is kept until it is taken.
    pub fn push(&mut self, stamped: &Stamped) {
        if self.is_locked && is_input(&stamped.event) {
            return;
        }
        self.recognition.push(stamped, |told| self.told.push(told));
    }

    /// What the person or the machine says of who is there.
    pub fn control(&mut self, ts_us: Micros, control: Control) {
        self.push(&Stamped { ts_us, event: Event::Control(control) });
    }

    /// The session is locked, or is so no more. Nothing spans the change.
    pub fn set_locked(&mut self, is_locked: bool) {
        if std::mem::replace(&mut self.is_locked, is_locked) != is_locked {
            self.suspend();
        }
    }

    /// As [`Recognition::forget`].
    pub fn forget(&mut self, now_us: Micros, what: Modality) {
        self.recognition.forget(now_us, what, |told| self.told.push(told));
    }

    /// As [`Recognition::import`].
    pub fn import(&mut self, now_us: Micros, part: &Saved) -> Result<(), BadState> {
        self.recognition.import(now_us, part, |told| self.told.push(told))
    }

    /// It is `now`.
    pub fn tick(&mut self, now_us: Micros) {
        self.recognition.tick(now_us, |told| self.told.push(told));
    }

    /// No event comes for a time, and nothing spans it.
    pub fn suspend(&mut self) {
        self.recognition.suspend(|told| self.told.push(told));
    }

    /// It is `now`, without an event: a guest's time may be over.
    pub fn end_guest(&mut self, now_us: Micros) {
        self.recognition.end_guest_at(now_us, |told| self.told.push(told));
    }

    /// The events have ended.
    pub fn finish(&mut self) {
        self.recognition.finish(|told| self.told.push(told));
    }

    pub fn has_outputs(&self) -> bool {
        !self.told.is_empty()
    }

    /// What came of it since it was asked last, as it may be published.
    pub fn outputs(&mut self) -> impl Iterator<Item = Output> {
        self.told.drain(..).map(|told| Output::Recognised(Record::from(&told)))
    }

    /// The same with all figures.
    pub fn exact(&mut self) -> impl Iterator<Item = Told> {
        self.told.drain(..)
    }
}

/// Whether a hand has done this, other than to move the focus.
fn is_input(event: &Event) -> bool {
    match event {
        Event::Key { .. }
        | Event::Move { .. }
        | Event::MoveTo { .. }
        | Event::Button { .. }
        | Event::Scroll { .. }
        | Event::Touch => true,
        Event::Focus { .. } | Event::Layout(_) | Event::Control(_) | Event::Gap { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;
    use crate::recognition::{Settings, State};

    const OWNER: &[u8] = include_bytes!("../../tests/recognition/golden/owner.state.json");

    /// A learnt owner, and the events of somebody else who takes over.
    fn owner_and_takeover() -> (Recogniser, Vec<Stamped>) {
        let saved = Saved::from_json(OWNER).expect("a model");
        let recognition = Recognition::new(Settings::default(), Some(&saved)).expect("a model");
        let lines = include_str!("../../tests/recognition/golden/takeover.jsonl").lines();
        let events = lines.map(|line| json::parse(line.as_bytes()).expect("an event"));
        let events = events.filter(|stamped| !matches!(stamped.event, Event::Control(_))).collect();
        (Recogniser::new(recognition), events)
    }

    fn state(recogniser: &Recogniser) -> State {
        recogniser.recognition.score().state
    }

    #[test]
    fn what_is_typed_at_the_lock_screen_is_neither_judged_nor_learnt() {
        let (mut recogniser, events) = owner_and_takeover();
        let begun_us = events[0].ts_us;
        recogniser.control(begun_us, Control::Lock);
        recogniser.set_locked(true);
        events.iter().for_each(|stamped| recogniser.push(stamped));
        assert_eq!((state(&recogniser), recogniser.recognition.due_us()), (State::Owner, None));
        let now_us = events.last().expect("events").ts_us;
        recogniser.set_locked(false);
        recogniser.control(now_us, Control::Unlock);
        let (mut never_typed, _) = owner_and_takeover();
        never_typed.control(begun_us, Control::Lock);
        never_typed.control(now_us, Control::Unlock);
        assert_eq!(recogniser.recognition.stored().to_json(), never_typed.recognition.stored().to_json());
        events.iter().for_each(|stamped| {
            recogniser.push(&Stamped { ts_us: now_us + stamped.ts_us - begun_us, ..stamped.clone() })
        });
        assert!(recogniser.exact().any(|told| matches!(&told, Told::Decision(change) if change.to == State::Stranger)));
    }

    #[test]
    fn an_alarm_from_before_stays_and_an_unlock_teaches_what_was_typed_before_the_lock_alone() {
        let (mut recogniser, events) = owner_and_takeover();
        let mut events = events.iter();
        while state(&recogniser) != State::Stranger {
            recogniser.push(events.next().expect("an alarm"));
        }
        let now_us = recogniser.recognition.due_us().expect("input");
        recogniser.control(now_us, Control::Lock);
        let mut answered_at_once = Recogniser::new(recogniser.recognition.clone());
        recogniser.set_locked(true);
        events.for_each(|stamped| recogniser.push(stamped));
        assert_eq!(state(&recogniser), State::Stranger);
        for recogniser in [&mut recogniser, &mut answered_at_once] {
            recogniser.set_locked(false);
            recogniser.control(now_us, Control::Unlock);
        }
        assert_eq!(state(&recogniser), State::Owner);
        let [learnt, wanted] = [&mut recogniser, &mut answered_at_once].map(|of| of.recognition.snapshot_bytes());
        assert!(learnt == wanted, "what was typed at the lock screen has taught something");
    }
}
