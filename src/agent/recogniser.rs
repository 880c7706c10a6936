//! Recognition beside a pipeline: the same events in, records out.

use crate::event::{Control, Event, Micros, Stamped};
use crate::pipeline::Output;
use crate::recognition::{Recognition, Told};
use crate::record::Record;

#[derive(Debug)]
pub struct Recogniser {
    pub recognition: Recognition,
    told: Vec<Told>,
    names: Names,
}

/// Changes of state at the same time get names of their own, a microsecond apart.
#[derive(Debug, Default)]
struct Names {
    ts_us: Micros,
    repeated: Micros,
}

impl Names {
    fn name(&mut self, ts_us: Micros) -> Micros {
        self.repeated = if ts_us == self.ts_us { self.repeated + 1 } else { 0 };
        self.ts_us = ts_us;
        ts_us + self.repeated
    }
}

impl Recogniser {
    pub fn new(recognition: Recognition) -> Recogniser {
        Recogniser { recognition, told: Vec::new(), names: Names::default() }
    }

    /// Takes one event. What it yields is kept until it is taken.
    pub fn push(&mut self, stamped: &Stamped) {
        self.recognition.push(stamped, |told| self.told.push(told));
    }

    /// What the person or the machine says of who is there.
    pub fn control(&mut self, ts_us: Micros, control: Control) {
        self.push(&Stamped { ts_us, event: Event::Control(control) });
    }

    /// It is `now`.
    pub fn tick(&mut self, now_us: Micros) {
        self.recognition.tick(now_us, |told| self.told.push(told));
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
        let names = &mut self.names;
        self.told.drain(..).map(|told| {
            let mut record = Record::from(&told);
            if let Told::Decision(change) = told {
                record.window_end_us = names.name(change.ts_us);
            }
            Output::Recognised(record)
        })
    }

    /// The same with all figures.
    pub fn exact(&mut self) -> impl Iterator<Item = Told> {
        self.told.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_at_the_same_time_are_named_a_microsecond_apart() {
        let mut names = Names::default();
        assert_eq!([5, 5, 5, 9, 4].map(|ts_us| names.name(ts_us)), [5, 6, 7, 9, 4]);
    }
}
