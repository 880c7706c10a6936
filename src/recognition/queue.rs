//! Strokes that are not judged yet. A stroke is judged once it can no longer become one that no hand makes, and once it
//! was released, or held too long for that to matter, and another one has followed.

use super::keys::{KeyNumber, Stroke};
use crate::event::{Key, Micros};
use crate::features::keystroke::counting::BURST_US;
use std::collections::VecDeque;
use std::ops::Range;

/// A key held for longer has no dwell: what follows need not wait for its release.
const HOLD_US: Micros = 1_000_000;
/// No more strokes wait: whatever sends them faster is no hand.
const WAITING: usize = 1024;
/// A shortcut's modifier is held no longer: its release was lost.
const CHORD_US: Micros = 3_000_000;

#[derive(Clone)]
struct Queued {
    stroke: Stroke,
    in_chord: bool,
    counts: Option<bool>,
    /// No hand made it.
    no_hand: bool,
}

/// A stroke to be judged, or the place of strokes that no hand made (`stroke` is `None`).
pub struct Judged {
    /// When it is judged.
    pub ts_us: Micros,
    pub number: u64,
    pub stroke: Option<Stroke>,
    /// Whether it counts, as far as that is known.
    pub counts: Option<bool>,
    /// Pressed while Ctrl, left Alt or Meta was down, or one of these.
    pub in_chord: bool,
    pub held_us: Micros,
}

#[derive(Clone, Default)]
pub struct Queue {
    strokes: VecDeque<Queued>,
    /// Number of the first one.
    first: u64,
    /// Modifiers of shortcuts that are down, and since when.
    chords: Vec<(Key, Micros)>,
    /// Whether the stroke judged last was none of a hand's.
    after_no_hand: bool,
}

/// It does not show what was typed.
impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue(…)")
    }
}

impl Queue {
    pub fn press(&mut self, ts_us: Micros, key: Key, number: u64) {
        let key_number = KeyNumber::from(key);
        let is_chord = key_number.is_chord();
        let in_chord = is_chord || self.chords.iter().any(|&(_, press_us)| ts_us - press_us < CHORD_US);
        if is_chord {
            self.chords.retain(|&(held, _)| held != key);
            self.chords.push((key, ts_us));
        }
        if self.strokes.is_empty() {
            self.first = number;
        }
        let stroke = Stroke { press_us: ts_us, release_us: None, key: key_number };
        self.strokes.push_back(Queued { stroke, in_chord, counts: None, no_hand: false });
    }

    pub fn release(&mut self, ts_us: Micros, key: Key, number: Option<u64>) {
        self.chords.retain(|&(held, _)| held != key);
        let place = number.and_then(|number| number.checked_sub(self.first));
        if let Some(queued) = place.and_then(|place| self.strokes.get_mut(place as usize)) {
            queued.stroke.release_us = Some(ts_us);
        }
    }

    /// No hand made these strokes.
    pub fn note_no_hand(&mut self, numbers: &Range<u64>) {
        self.range(numbers).for_each(|queued| queued.no_hand = true);
    }

    /// Whether these strokes count.
    pub fn set_counts(&mut self, numbers: &Range<u64>, counts: bool) {
        self.range(numbers).for_each(|queued| queued.counts = Some(counts));
    }

    fn range(&mut self, numbers: &Range<u64>) -> impl Iterator<Item = &mut Queued> {
        let place = |number: u64| (number.saturating_sub(self.first) as usize).min(self.strokes.len());
        let places = place(numbers.start)..place(numbers.end);
        self.strokes.range_mut(places)
    }

    /// The next stroke that may be judged at this time. The newest waits, unless no hand made it.
    pub fn next(&mut self, clock_us: Micros) -> Option<Judged> {
        loop {
            let Queued { stroke, no_hand, .. } = self.strokes.front()?;
            let age_us = clock_us - stroke.press_us;
            let is_over = stroke.release_us.is_some() || age_us > HOLD_US;
            let must_wait = self.strokes.len() == 1 || age_us <= BURST_US || !is_over;
            if !no_hand && must_wait && self.strokes.len() <= WAITING {
                return None;
            }
            if let Some(judged) = self.take_first(clock_us) {
                return Some(judged);
            }
        }
    }

    /// The next stroke, whatever waits.
    pub fn last(&mut self, clock_us: Micros) -> Option<Judged> {
        while !self.strokes.is_empty() {
            if let Some(judged) = self.take_first(clock_us) {
                return Some(judged);
            }
        }
        None
    }

    /// `None` for a stroke of no hand that follows another one: together they are one break.
    fn take_first(&mut self, clock_us: Micros) -> Option<Judged> {
        let Queued { stroke, in_chord, counts, no_hand } = self.strokes.pop_front()?;
        let number = self.first;
        self.first += 1;
        let is_repeated = std::mem::replace(&mut self.after_no_hand, no_hand) && no_hand;
        let held_us = stroke.release_us.unwrap_or(clock_us) - stroke.press_us;
        let stroke = Some(stroke).filter(|_| !no_hand);
        (!is_repeated).then_some(Judged { ts_us: clock_us, number, stroke, counts, in_chord, held_us })
    }

    /// A gap: whatever is down is forgotten.
    pub fn clear(&mut self) {
        self.strokes.clear();
        self.chords.clear();
        self.after_no_hand = false;
    }
}
