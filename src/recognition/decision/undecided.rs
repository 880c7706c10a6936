//! Strokes on their way to the kept trees: until it is known whether they are the owner's, and whether they may teach.

use crate::recognition::keys::{Model, SavedKeys, Stroke};
use crate::recognition::saved::MOST_COUNTED;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ops::Range;

use super::case::HELD;

/// Which entry it is, counted from the first one ever.
pub type Ticket = u64;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    /// Of the stroke, in order of press; of a break that of the stroke after it. `None` from before a restart.
    number: Option<u64>,
    /// `None`: no duration spans this place.
    stroke: Option<Stroke>,
    /// Whether the case was closed in the owner's favour.
    good: Option<bool>,
    /// Whether it counts by the contract, so that it may teach.
    counts: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Undecided {
    entries: VecDeque<Entry>,
    /// The first entry's.
    first: Ticket,
}

/// Far more than there are at any time: strokes of a case and of a line, and breaks among them.
const MOST_ENTRIES: usize = 8 * HELD;

impl Undecided {
    /// Whether use can have led to this, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        self.entries.len() <= MOST_ENTRIES && self.first <= MOST_COUNTED
    }

    /// A stroke, with what is known of it by now. The oldest is given up where there are too many.
    pub fn push(
        &mut self,
        number: u64,
        stroke: Option<Stroke>,
        good: Option<bool>,
        counts: Option<bool>,
        keys: &mut Model,
    ) -> Ticket {
        if stroke.is_some() && self.entries.len() >= HELD {
            self.keep_first(false, keys);
        }
        self.entries.push_back(Entry { number: Some(number), stroke, good, counts });
        self.first + self.entries.len() as u64 - 1
    }

    /// Gives up the oldest where there are too many, unless its case is open: of those there are never more than a case
    /// holds. Breaks alone would otherwise add up.
    pub fn limit(&mut self, keys: &mut Model) {
        if self.entries.len() > HELD && self.entries.front().is_some_and(|entry| entry.good.is_some()) {
            self.keep_first(false, keys);
        }
    }

    /// Whose it is.
    pub fn set_good(&mut self, ticket: Ticket, good: bool) {
        let entry = ticket.checked_sub(self.first).and_then(|place| self.entries.get_mut(place as usize));
        if let Some(entry) = entry {
            entry.good = Some(good);
        }
    }

    /// Whether these strokes count.
    pub fn set_counts(&mut self, strokes: &Range<u64>, counts: bool) {
        let begin = self.entries.partition_point(|entry| entry.number < Some(strokes.start));
        let entries = self.entries.range_mut(begin..);
        for entry in entries.take_while(|entry| entry.number < Some(strokes.end)) {
            if entry.stroke.is_some() {
                entry.counts = Some(counts);
            }
        }
    }

    /// Passes on, in order, those of which everything is known.
    pub fn drain(&mut self, keys: &mut Model) {
        while let Some(Entry { good, counts, .. }) = self.entries.front() {
            match (good, counts) {
                (None, _) | (Some(true), None) => return,
                (Some(_), counts) => self.keep_first(counts.unwrap_or(false), keys),
            }
        }
    }

    fn keep_first(&mut self, counts: bool, keys: &mut Model) {
        if let Some(entry) = self.entries.pop_front() {
            self.first += 1;
            keys.keep(entry.stroke.filter(|_| entry.good == Some(true)), counts);
        }
    }

    /// What may be stored if all were decided by what is known now: an open case is the owner's if `good`. Strokes of a
    /// line that may still come to count, and what comes after them, are left out.
    pub fn stored(&self, good: bool, keys: &Model) -> SavedKeys {
        let known = |entry: &&Entry| entry.stroke.is_none() || entry.counts.is_some();
        let strokes = self.entries.iter().take_while(known).map(|entry| {
            let is_owners = entry.good.unwrap_or(good);
            (entry.stroke.filter(|_| is_owners), entry.counts.unwrap_or(false))
        });
        keys.stored_after(strokes)
    }

    /// After a restart: the lines of before are over, so what waited to count never will; numbers begin anew.
    pub fn restart(&mut self) {
        for entry in &mut self.entries {
            entry.number = None;
            if entry.stroke.is_some() {
                entry.counts.get_or_insert(false);
            }
        }
    }
}
