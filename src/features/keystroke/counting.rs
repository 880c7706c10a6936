//! Which strokes count: the contract's rule as a whole, told stroke by stroke. What the features are computed from and
//! what may teach a stored model go by this one.

use super::Publish;
use super::elsewhere::Elsewhere;
use super::line::{LINE_WORDS, Line, Void};
use super::tally::{Fate, LineEnd, Lines};
use crate::event::{Event, Key, Layout, Micros, Scope};
use std::ops::Range;

/// No hand holds a key for a shorter time, and none makes so many presses within so short a time: of 940,000 strokes of
/// 1,500 people (docs/contract.md) such are 0.06 % and 0.006 % at most.
const HAND_DWELL_US: Micros = 15_000;
const BURST_PRESSES: usize = 4;
/// After so long a press can no longer become part of a burst.
pub(crate) const BURST_US: Micros = 40_000;
/// A longer pause voids the word, one even longer ends the line: the screen may have been locked.
const WORD_PAUSE_US: Micros = 2_000_000;
const LINE_PAUSE_US: Micros = 30_000_000;
/// How much an eraser erased that was held so long is not known: a desktop may repeat a key after no longer a time.
const ERASER_HELD_US: Micros = 150_000;
/// More keys than anybody holds.
const MOST_HELD: usize = 256;

/// Strokes whose fate is known from now on, by their numbers. [`Fate::NoHand`] may come after any other; otherwise what
/// is settled stays, and later fates of the same strokes do not matter.
pub(crate) struct Settled {
    pub strokes: Range<u64>,
    pub fate: Fate,
}

/// A key that is down, and which stroke that is.
#[derive(Clone)]
struct Held {
    key: Key,
    stroke: u64,
    press_us: Micros,
}

/// The line that is being typed, and what besides keys ends it. Strokes are numbered from 0 in order of press.
#[derive(Clone)]
pub(crate) struct Counting {
    layout: Layout,
    line: Line,
    elsewhere: Elsewhere,
    /// Time of the newest key event.
    last_us: Option<Micros>,
    /// Number of the next press.
    next: u64,
    held: Vec<Held>,
    /// Times of the newest presses since the last gap, a ring.
    presses_us: [Option<Micros>; BURST_PRESSES],
    lines: Lines,
}

impl Counting {
    /// Of [`Publish::All`] these are the strokes that features by finger are computed from.
    pub fn new(publish: Publish) -> Counting {
        let least_words = if publish == Publish::Lines { LINE_WORDS } else { 0 };
        Counting {
            layout: Layout::US,
            line: Line::new(least_words),
            elsewhere: Elsewhere::default(),
            last_us: None,
            next: 0,
            held: Vec::new(),
            presses_us: [None; BURST_PRESSES],
            lines: Lines::default(),
        }
    }

    /// What ended lines so far.
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// Number of the next press.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Time of the newest key event.
    pub fn last_us(&self) -> Option<Micros> {
        self.last_us
    }

    /// The first stroke that may still come to count.
    pub fn first_waiting(&self) -> Option<u64> {
        self.line.first_waiting()
    }

    /// What follows may be typed elsewhere: what waits to count never will.
    pub fn end_line(&mut self, why: LineEnd, settle: &mut impl FnMut(Settled)) {
        let void = self.line.end(why);
        if void.is_some() {
            self.lines.add(why);
        }
        self.void(void, settle);
    }

    /// Events were lost, of whichever device: a click may have been.
    pub fn gap(&mut self, scope: Scope, settle: &mut impl FnMut(Settled)) {
        self.elsewhere.gap(scope);
        self.end_line(LineEnd::Gap, settle);
        if matches!(scope, Scope::All | Scope::Keystroke) {
            self.held.clear();
            self.presses_us = [None; BURST_PRESSES];
        }
    }

    /// Takes an event that is neither a key's nor a gap.
    pub fn note(&mut self, ts_us: Micros, event: &Event, settle: &mut impl FnMut(Settled)) {
        if let Event::Layout(layout) = event {
            if self.layout != **layout {
                self.layout = **layout;
                self.end_line(LineEnd::Layout, settle);
            }
        } else if let Some(why) = self.elsewhere.ends_line(ts_us, event, self.last_us) {
            self.end_line(why, settle);
        }
    }

    /// Takes a press, which is stroke [`Counting::next`].
    pub fn press(&mut self, ts_us: Micros, key: Key, settle: &mut impl FnMut(Settled)) {
        self.note_pause(ts_us, settle);
        let number = self.next;
        self.next += 1;
        let part = self.layout.part(key, self.is_held(Key::is_shift), self.is_held(Key::is_altgr));
        // A second press without a release replaces the first.
        self.held.retain(|held| held.key != key);
        if self.held.len() < MOST_HELD {
            self.held.push(Held { key, stroke: number, press_us: ts_us });
        }
        let (void, end) = self.line.press(number, key, part);
        if let Some(why) = end.filter(|_| void.is_some()) {
            self.lines.add(why);
        }
        self.void(void, settle);
        if !self.line.holds(number) {
            settle(Settled { strokes: number..number + 1, fate: Fate::NoWord });
        }
        self.look_for_burst(ts_us, settle);
        while let Some(strokes) = self.line.next_word() {
            settle(Settled { strokes, fate: Fate::Counts });
        }
    }

    /// Takes a release; which stroke's it is. One without a press is ignored.
    pub fn release(&mut self, ts_us: Micros, key: Key, settle: &mut impl FnMut(Settled)) -> Option<u64> {
        self.note_pause(ts_us, settle);
        let i = self.held.iter().position(|held| held.key == key)?;
        let held = self.held.swap_remove(i);
        let dwell_us = ts_us - held.press_us;
        if dwell_us < HAND_DWELL_US {
            self.note_no_hand(held.stroke, settle);
        }
        if key.is_eraser() && dwell_us >= ERASER_HELD_US {
            self.end_line(LineEnd::Erasing, settle);
        }
        Some(held.stroke)
    }

    fn note_pause(&mut self, ts_us: Micros, settle: &mut impl FnMut(Settled)) {
        let pause_us = self.last_us.map_or(0, |last_us| ts_us - last_us);
        self.last_us = Some(ts_us);
        if pause_us > LINE_PAUSE_US {
            self.end_line(LineEnd::Pause, settle);
        }
        if pause_us > WORD_PAUSE_US {
            let void = self.line.void_word();
            self.void(void, settle);
        }
    }

    fn is_held(&self, which: impl Fn(Key) -> bool) -> bool {
        self.held.iter().any(|held| which(held.key))
    }

    /// The newest presses may be more than a hand makes in so short a time.
    fn look_for_burst(&mut self, ts_us: Micros, settle: &mut impl FnMut(Settled)) {
        self.presses_us.rotate_left(1);
        self.presses_us[BURST_PRESSES - 1] = Some(ts_us);
        if self.presses_us[0].is_some_and(|first_us| ts_us - first_us <= BURST_US) {
            (self.next - BURST_PRESSES as u64..self.next).for_each(|number| self.note_no_hand(number, settle));
        }
    }

    /// No hand made this stroke, so it counts in nothing, nor do the words beside it.
    fn note_no_hand(&mut self, number: u64, settle: &mut impl FnMut(Settled)) {
        settle(Settled { strokes: number..number + 1, fate: Fate::NoHand });
        let void = self.line.void_words_of(number);
        self.void(void, settle);
    }

    fn void(&self, void: Option<Void>, settle: &mut impl FnMut(Settled)) {
        if let Some((strokes, fate)) = void {
            settle(Settled { strokes: strokes.start..strokes.end.min(self.next), fate });
        }
    }
}

/// It does not show what was typed.
impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting(…)")
    }
}
