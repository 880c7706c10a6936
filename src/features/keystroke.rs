//! The 140 keystroke features. A key's identity comes in here and never goes out.

mod by_finger;
mod line;
pub mod tally;

use super::names::KEYSTROKE_COUNT;
use super::stats::{Sum, inside, mean, mean_and_std, ms, ratio, stats8};
use crate::event::{Action, Key, Layout, Micros};
use by_finger::ByFinger;
use line::{LINE_WORDS, Line, Settled};
use std::ops::Range;
use tally::{Fate, LineEnd, Lines, Strokes, Tally};

/// Presses in a window below which it yields no record, and presses that count below which their features are null.
pub const LEAST_PRESSES: usize = 25;
/// `total_keys` is rounded down to a multiple of this.
const COUNT_STEP: usize = 5;
/// No hand holds a key for a shorter time, and none makes so many presses within so short a time: of 940,000 strokes of
/// 1,500 people (docs/contract.md) such are 0.06 % and 0.006 % at most.
const HAND_DWELL_US: Micros = 15_000;
const BURST_PRESSES: usize = 4;
const BURST_US: Micros = 40_000;
/// More strokes than any hand makes in the longest window; beyond, the oldest go.
const MOST_STROKES: usize = 8192;
/// More keys than anybody holds.
const MOST_HELD: usize = 256;

/// Open intervals of valid times.
const DWELL_MS: (f64, f64) = (0.0, 1000.0);
const FLIGHT_MS: (f64, f64) = (-1000.0, 2000.0);
const INTERVAL_MS: (f64, f64) = (0.0, 5000.0);
const BURST_MS: f64 = 150.0;
const PAUSE_MS: f64 = 500.0;
/// A longer pause voids the word, one even longer ends the line: the screen may have been locked.
const WORD_PAUSE_US: Micros = 2_000_000;
const LINE_PAUSE_US: Micros = 30_000_000;
/// How much an eraser erased that was held so long is not known: a desktop may repeat a key after no longer a time.
const ERASER_HELD_MS: f64 = 150.0;
/// After so long without a key it may be somebody else: values by finger start anew.
const SITTING_US: Micros = 300_000_000;

/// Which strokes the features are computed from. Features by finger are computed from plain words whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publish {
    /// Of plain words in lines of more than eight words.
    #[default]
    Lines,
    /// Of plain words that another one follows.
    Words,
    /// All that a hand made.
    All,
}

impl Publish {
    pub const ALL: [Publish; 3] = [Publish::Lines, Publish::Words, Publish::All];

    /// As in the configuration and in records.
    pub fn name(self) -> &'static str {
        match self {
            Publish::Lines => "lines",
            Publish::Words => "words",
            Publish::All => "all",
        }
    }

    pub fn named(name: &str) -> Option<Publish> {
        Publish::ALL.into_iter().find(|publish| publish.name() == name)
    }
}

/// One key going down and, perhaps, up.
#[derive(Clone, Copy)]
struct Stroke {
    press_us: Micros,
    release_us: Option<Micros>,
    erases: bool,
    fate: Fate,
    /// Of the finger, until it is known whether the stroke counts; `None` for a modifier.
    zone: Option<u8>,
}

impl Stroke {
    fn fate_under(&self, publish: Publish) -> Fate {
        if publish == Publish::All && self.fate != Fate::NoHand { Fate::Counts } else { self.fate }
    }

    fn counts(&self) -> bool {
        self.fate == Fate::Counts
    }

    fn dwell_ms(&self) -> Option<f64> {
        Some(ms(self.release_us? - self.press_us))
    }
}

/// A key that is down, and which stroke that is.
struct Held {
    key: Key,
    stroke: u64,
}

/// A window that had enough presses of any kind.
#[derive(Debug)]
pub struct Typed {
    /// Presses that count, in steps of five.
    pub total_keys: u32,
    pub features: Box<[Option<f64>; KEYSTROKE_COUNT]>,
    /// What became of the window's strokes by now.
    pub tally: Tally,
}

/// The window's strokes and what is kept beyond it.
pub struct KeystrokeCore {
    publish: Publish,
    layout: Layout,
    by_finger: ByFinger,
    line: Line,
    last_us: Option<Micros>,
    /// In order of press; the first one's number is `first_stroke`. Older than the window are those of words that wait.
    strokes: Vec<Stroke>,
    first_stroke: u64,
    held: Vec<Held>,
    /// Those that have left the window.
    past: Strokes,
    lines: Lines,
    /// Reused from window to window.
    window: Vec<Stroke>,
    scratch: Vec<f64>,
}

impl Default for KeystrokeCore {
    fn default() -> KeystrokeCore {
        KeystrokeCore::new(Publish::default())
    }
}

/// A core tells nothing of what was typed.
impl std::fmt::Debug for KeystrokeCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeystrokeCore(…)")
    }
}

impl KeystrokeCore {
    pub fn new(publish: Publish) -> KeystrokeCore {
        let least_words = if publish == Publish::Lines { LINE_WORDS } else { 0 };
        KeystrokeCore {
            publish,
            layout: Layout::US,
            by_finger: ByFinger::default(),
            line: Line::new(least_words),
            last_us: None,
            strokes: Vec::new(),
            first_stroke: 0,
            held: Vec::new(),
            past: Strokes::default(),
            lines: Lines::default(),
            window: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Which strokes the features are computed from.
    pub fn publish(&self) -> Publish {
        self.publish
    }

    /// Time of the newest event.
    pub fn last_us(&self) -> Option<Micros> {
        self.last_us
    }

    /// What became of all strokes so far.
    pub fn all_strokes(&self) -> Strokes {
        let mut all = self.past;
        self.strokes.iter().for_each(|stroke| all.add(stroke.fate_under(self.publish)));
        all
    }

    /// What ended lines so far.
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// A gap: nothing may span it; values by finger from before it stay.
    pub fn reset(&mut self) {
        self.end_line(LineEnd::Gap);
        self.forget_first(self.strokes.len());
        self.held.clear();
    }

    /// What follows may be typed elsewhere: what waits to count never will.
    pub fn end_line(&mut self, why: LineEnd) {
        let settled = self.line.end(why);
        if settled.is_some() {
            self.lines.add(why);
        }
        self.settle(settled);
    }

    /// The keys that write letters from now on. Where that changes, the line ends.
    pub fn set_layout(&mut self, layout: Layout) {
        if self.layout != layout {
            self.layout = layout;
            self.end_line(LineEnd::Layout);
        }
    }

    /// Takes one event; `false` if older strokes had to go because there were too many.
    pub fn push(&mut self, ts_us: Micros, key: Key, action: Action) -> bool {
        let pause_us = self.last_us.map_or(0, |last_us| ts_us - last_us);
        self.last_us = Some(ts_us);
        if pause_us >= SITTING_US {
            self.by_finger.clear();
        }
        if pause_us > LINE_PAUSE_US {
            self.end_line(LineEnd::Pause);
        }
        if pause_us > WORD_PAUSE_US {
            let settled = self.line.void_word();
            self.settle(settled);
        }
        match action {
            Action::Press => self.press(ts_us, key),
            Action::Release => {
                self.release(ts_us, key);
                true
            }
        }
    }

    fn press(&mut self, ts_us: Micros, key: Key) -> bool {
        let fits = self.make_room();
        let number = self.first_stroke + self.strokes.len() as u64;
        let part = self.layout.part(key, self.is_held(Key::is_shift), self.is_held(Key::is_altgr));
        // A second press without a release replaces the first.
        self.held.retain(|held| held.key != key);
        if self.held.len() < MOST_HELD {
            self.held.push(Held { key, stroke: number });
        }
        let zone = (!key.is_modifier()).then_some(key.zone() as u8);
        let erases = key.is_eraser();
        self.strokes.push(Stroke { press_us: ts_us, release_us: None, erases, fate: Fate::Waiting, zone });
        let (settled, end) = self.line.press(number, key, part);
        if let Some(why) = end.filter(|_| settled.is_some()) {
            self.lines.add(why);
        }
        self.settle(settled);
        if !self.line.holds(number) {
            self.settle(Some((number..number + 1, Fate::NoWord)));
        }
        self.look_for_burst(ts_us);
        while let Some(word) = self.line.next_word() {
            self.count(word);
        }
        fits
    }

    fn is_held(&self, which: impl Fn(Key) -> bool) -> bool {
        self.held.iter().any(|held| which(held.key))
    }

    /// The newest presses may be more than a hand makes in so short a time.
    fn look_for_burst(&mut self, ts_us: Micros) {
        let Some(first) = self.strokes.len().checked_sub(BURST_PRESSES) else { return };
        if ts_us - self.strokes[first].press_us <= BURST_US {
            (first..self.strokes.len()).for_each(|i| self.note_no_hand(i));
        }
    }

    /// No hand made this stroke, so it counts in nothing, nor do the words beside it.
    fn note_no_hand(&mut self, i: usize) {
        self.strokes[i].fate = Fate::NoHand;
        let settled = self.line.void_words_of(self.first_stroke + i as u64);
        self.settle(settled);
    }

    fn release(&mut self, ts_us: Micros, key: Key) {
        // A release without a press is ignored.
        let Some(i) = self.held.iter().position(|held| held.key == key) else { return };
        let held = self.held.swap_remove(i);
        let Some(i) = held.stroke.checked_sub(self.first_stroke) else { return };
        let stroke = &mut self.strokes[i as usize];
        stroke.release_us = Some(ts_us);
        let dwell_us = ts_us - stroke.press_us;
        if dwell_us < HAND_DWELL_US {
            self.note_no_hand(i as usize);
        }
        if key.is_eraser() && ms(dwell_us) >= ERASER_HELD_MS {
            self.end_line(LineEnd::Erasing);
        }
    }

    /// The strokes of a word count from now on.
    fn count(&mut self, word: Range<u64>) {
        let first = (word.start - self.first_stroke) as usize;
        let end = (word.end - self.first_stroke) as usize;
        let (before, rest) = self.strokes.split_at_mut(first);
        // It is kept as long as the word waits.
        let (space, word) = (before.last().expect("the space before the word"), &mut rest[..end - first]);
        self.by_finger.take_word(space, word);
        for stroke in word {
            stroke.fate = Fate::Counts;
            stroke.zone = None;
        }
    }

    /// These strokes will never count; what is settled already stays.
    fn settle(&mut self, settled: Option<Settled>) {
        let Some((range, fate)) = settled else { return };
        let place = |number: u64| (number.saturating_sub(self.first_stroke) as usize).min(self.strokes.len());
        let range = place(range.start)..place(range.end);
        for stroke in &mut self.strokes[range] {
            stroke.zone = None;
            if stroke.fate == Fate::Waiting {
                stroke.fate = fate;
            }
        }
    }

    fn make_room(&mut self) -> bool {
        let fits = self.strokes.len() < MOST_STROKES;
        if !fits {
            self.end_line(LineEnd::Gap);
            self.forget_first(MOST_STROKES / 4);
        }
        fits
    }

    fn forget_first(&mut self, count: usize) {
        let publish = self.publish;
        let forgotten = self.strokes.drain(..count);
        forgotten.for_each(|stroke| self.past.add(stroke.fate_under(publish)));
        self.first_stroke += count as u64;
    }

    /// What the window `(end - length, end]` yields; `None` below the least number of presses that a hand made.
    pub fn features(&mut self, end_us: Micros, length_us: Micros) -> Option<Typed> {
        self.by_finger.end_epoch();
        // The space before a word that waits has a part in it.
        let waiting = self.line.first_waiting().map_or(usize::MAX, |first| (first - self.first_stroke) as usize - 1);
        let outside = self.strokes.partition_point(|stroke| stroke.press_us <= end_us - length_us);
        let kept = waiting.min(outside);
        self.forget_first(kept);
        let mut strokes = Strokes::default();
        self.window.clear();
        for stroke in &self.strokes[outside - kept..] {
            let fate = stroke.fate_under(self.publish);
            strokes.add(fate);
            if fate != Fate::NoHand {
                self.window.push(Stroke { fate, ..*stroke });
            }
        }
        if self.window.len() < LEAST_PRESSES {
            return None;
        }
        let presses = counting(&self.window).count();
        let window = if presses < LEAST_PRESSES { &[] } else { &self.window[..] };
        let mut features = Box::new([None; KEYSTROKE_COUNT]);
        let mut rest = &mut features[..];
        let mut put = |values: &[Option<f64>]| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(values.len());
            here.copy_from_slice(values);
            rest = after;
        };
        let scratch = &mut self.scratch;
        put(&stats8(dwells(window, scratch)));
        put(&stats8(flights(window, scratch)));
        put(&self.by_finger.dwells());
        put(&[rollover_ratio(window)]);
        put(self.by_finger.digraphs());
        put(&corrections(window));
        put(&rhythm(window, scratch));
        let tally = Tally { strokes, lines: self.lines };
        Some(Typed { total_keys: (presses / COUNT_STEP * COUNT_STEP) as u32, features, tally })
    }
}

fn dwells<'a>(window: &[Stroke], scratch: &'a mut Vec<f64>) -> &'a mut [f64] {
    let dwells = counting(window).filter_map(Stroke::dwell_ms);
    scratch.clear();
    scratch.extend(dwells.filter(|&dwell_ms| inside(dwell_ms, DWELL_MS)));
    scratch
}

fn flights<'a>(window: &[Stroke], scratch: &'a mut Vec<f64>) -> &'a mut [f64] {
    let flights = pairs(window).filter_map(|(a, b)| Some(ms(b.press_us - a.release_us?)));
    scratch.clear();
    scratch.extend(flights.filter(|&flight_ms| inside(flight_ms, FLIGHT_MS)));
    scratch
}

fn rollover_ratio(window: &[Stroke]) -> Option<f64> {
    let still_down = |a: &Stroke, b: &Stroke| a.release_us.is_none_or(|release_us| release_us > b.press_us);
    let rollovers = pairs(window).filter(|(a, b)| still_down(a, b)).count();
    ratio(rollovers, pairs(window).count())
}

/// Of press-to-press intervals.
fn rhythm(window: &[Stroke], intervals: &mut Vec<f64>) -> [Option<f64>; 8] {
    let all = pairs(window).map(|(a, b)| ms(b.press_us - a.press_us));
    intervals.clear();
    intervals.extend(all.filter(|&interval_ms| inside(interval_ms, INTERVAL_MS)));
    let (Some(mean_ms), Some(std_ms)) = mean_and_std(intervals) else {
        return [None; 8];
    };
    let burst: Sum = intervals.iter().copied().filter(|&i| i < BURST_MS).collect();
    let pause: Sum = intervals.iter().copied().filter(|&i| i > PAUSE_MS).collect();
    let step_ms = mean(intervals.windows(2).map(|pair| (pair[1] - pair[0]).abs()));
    [
        Some(60_000.0 / mean_ms / 5.0),
        Some(1.0 - std_ms / mean_ms),
        Some(std_ms),
        step_ms.map(|step_ms| 1.0 - step_ms / mean_ms),
        ratio(burst.count() as usize, intervals.len()),
        burst.mean(),
        ratio(pause.count() as usize, intervals.len()),
        pause.mean(),
    ]
}

/// Frequency, count, latency and run length of erasing.
fn corrections(window: &[Stroke]) -> [Option<f64>; 4] {
    let erased = counting(window).filter(|stroke| stroke.erases).count();
    let first_of_run = |(a, b): &(&Stroke, &Stroke)| b.erases && !a.erases;
    let latencies = pairs(window).filter(first_of_run).map(|(a, b)| ms(b.press_us - a.press_us));
    let runs = pairs(window).filter(first_of_run).count()
        + usize::from(window.first().is_some_and(|stroke| stroke.counts() && stroke.erases));
    [
        ratio(erased, counting(window).count()),
        (!window.is_empty()).then_some(erased as f64),
        mean(latencies.filter(|&latency_ms| inside(latency_ms, INTERVAL_MS))),
        ratio(erased, runs),
    ]
}

fn counting(window: &[Stroke]) -> impl Iterator<Item = &Stroke> {
    window.iter().filter(|stroke| stroke.counts())
}

/// Successive strokes of which the second counts: the first is of the same word, or the space before it.
fn pairs(window: &[Stroke]) -> impl Iterator<Item = (&Stroke, &Stroke)> {
    window.iter().zip(window.iter().skip(1)).filter(|(_, second)| second.counts())
}
