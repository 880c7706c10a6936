//! Recognition beside a pipeline: the same events in, records out.

use crate::event::{Control, Event, Micros, Stamped};
use crate::pipeline::Output;
use crate::recognition::{BadState, Modality, Recognition, Saved, Told};
use crate::record::Record;

#[derive(Debug)]
pub struct Recogniser {
    pub recognition: Recognition,
    told: Vec<Told>,
}

impl Recogniser {
    pub fn new(recognition: Recognition) -> Recogniser {
        Recogniser { recognition, told: Vec::new() }
    }

    /// Takes one event. What it yields is kept until it is taken.
    pub fn push(&mut self, stamped: &Stamped) {
        self.recognition.push(stamped, |told| self.told.push(told));
    }

    /// What the person or the machine says of who is there.
    pub fn control(&mut self, ts_us: Micros, control: Control) {
        self.push(&Stamped { ts_us, event: Event::Control(control) });
    }

    /// The session was unlocked after an alarm that rose while it was locked.
    pub fn dismiss(&mut self, now_us: Micros) {
        self.recognition.dismiss(now_us, |told| self.told.push(told));
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
