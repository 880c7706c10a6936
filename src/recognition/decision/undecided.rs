//! Strokes on their way to the kept trees: until it is known whether they are the owner's, and whether they may teach.

use crate::recognition::keys::{Model, SavedKeys, Stroke};
use std::collections::VecDeque;
use std::ops::Range;

use super::case::HELD;

/// Which entry it is, counted from the first one ever.
pub type Ticket = u64;

#[derive(Debug, Clone)]
struct Entry {
    /// Of the stroke, in order of press; of a break that of the stroke after it.
    number: u64,
    /// `None`: no duration spans this place.
    stroke: Option<Stroke>,
    /// Whether the case was closed in the owner's favour.
    good: Option<bool>,
    /// Whether it counts by the contract, so that it may teach.
    counts: Option<bool>,
}

#[derive(Debug, Clone, Default)]
pub struct Undecided {
    entries: VecDeque<Entry>,
    /// The first entry's.
    first: Ticket,
}

impl Undecided {
    /// A stroke, with what is known of it by now. Where there are too many, the oldest is passed on as it would be stored:
    /// an open case is the owner's if `open_is_good`.
    pub fn push(
        &mut self,
        number: u64,
        stroke: Option<Stroke>,
        good: Option<bool>,
        counts: Option<bool>,
        open_is_good: bool,
        keys: &mut Model,
    ) -> Ticket {
        if stroke.is_some() && self.entries.len() >= HELD {
            self.keep_first(open_is_good, keys);
        }
        self.entries.push_back(Entry { number, stroke, good, counts });
        self.first + self.entries.len() as u64 - 1
    }

    /// Passes on the oldest where there are too many, unless its case is open: of those there are never more than a case
    /// holds. Breaks alone would otherwise add up.
    pub fn limit(&mut self, keys: &mut Model) {
        if self.entries.len() > HELD && self.entries.front().is_some_and(|entry| entry.good.is_some()) {
            self.keep_first(true, keys);
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
        let begin = self.entries.partition_point(|entry| entry.number < strokes.start);
        let entries = self.entries.range_mut(begin..);
        for entry in entries.take_while(|entry| entry.number < strokes.end) {
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
                (Some(_), _) => self.keep_first(true, keys),
            }
        }
    }

    /// The same, and breaks as well.
    pub fn flush(&mut self, keys: &mut Model) {
        let is_known = |entry: &Entry| entry.stroke.is_none() || entry.good.is_some() && entry.counts.is_some();
        while self.entries.front().is_some_and(is_known) {
            self.keep_first(true, keys);
        }
    }

    fn keep_first(&mut self, open_is_good: bool, keys: &mut Model) {
        if let Some(Entry { stroke, good, counts, .. }) = self.entries.pop_front() {
            self.first += 1;
            keys.keep(stroke.filter(|_| good.unwrap_or(open_is_good)), counts.unwrap_or(false));
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
}
