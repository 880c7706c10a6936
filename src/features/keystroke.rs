//! The 140 keystroke features. A key's identity comes in here and never goes out.

mod by_finger;
pub(crate) mod counting;
mod elsewhere;
mod line;
pub mod tally;

use super::names::KEYSTROKE_COUNT;
use super::stats::{Sum, inside, mean, mean_and_std, ms, ratio, stats8};
use crate::event::{Action, Event, Key, Micros, Scope};
use by_finger::ByFinger;
use counting::{Counting, Settled};
use std::ops::Range;
use tally::{Fate, LineEnd, Lines, Strokes, Tally};

/// Presses in a window below which it yields no record, and presses that count below which their features are null.
pub const LEAST_PRESSES: usize = 25;
/// `total_keys` is rounded down to a multiple of this.
const COUNT_STEP: usize = 5;
/// More strokes than any hand makes in the longest window; beyond, the oldest go.
const MOST_STROKES: usize = 8192;

/// Open intervals of valid times.
const DWELL_MS: (f64, f64) = (0.0, 1000.0);
const FLIGHT_MS: (f64, f64) = (-1000.0, 2000.0);
const INTERVAL_MS: (f64, f64) = (0.0, 5000.0);
const BURST_MS: f64 = 150.0;
const PAUSE_MS: f64 = 500.0;
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
    counting: Counting,
    kept: Kept,
    /// Reused from window to window.
    window: Vec<Stroke>,
    scratch: Vec<f64>,
}

/// The strokes, and the features that outlive a window.
struct Kept {
    publish: Publish,
    by_finger: ByFinger,
    /// In order of press; the first one's number is `first_stroke`. Older than the window are those of words that wait.
    strokes: Vec<Stroke>,
    first_stroke: u64,
    /// Those that have left the window.
    past: Strokes,
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
        let (by_finger, past) = Default::default();
        KeystrokeCore {
            publish,
            counting: Counting::new(publish),
            kept: Kept { publish, by_finger, strokes: Vec::new(), first_stroke: 0, past },
            window: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Which strokes the features are computed from.
    pub fn publish(&self) -> Publish {
        self.publish
    }

    /// What became of all strokes so far.
    pub fn all_strokes(&self) -> Strokes {
        let mut all = self.kept.past;
        self.kept.strokes.iter().for_each(|stroke| all.add(stroke.fate_under(self.publish)));
        all
    }

    /// What ended lines so far.
    pub fn lines(&self) -> Lines {
        self.counting.lines()
    }

    /// Takes a gap: nothing may span it; values by finger from before it stay.
    pub fn gap(&mut self, scope: Scope) {
        self.counting.gap(scope, &mut |settled| self.kept.settle(settled));
        if matches!(scope, Scope::All | Scope::Keystroke) {
            self.kept.forget_first(self.kept.strokes.len());
        }
    }

    /// Takes an event that is neither a key's nor a gap: it may end the line.
    pub fn note(&mut self, ts_us: Micros, event: &Event) {
        self.counting.note(ts_us, event, &mut |settled| self.kept.settle(settled));
    }

    /// Takes one event; `false` if older strokes had to go because there were too many.
    pub fn push(&mut self, ts_us: Micros, key: Key, action: Action) -> bool {
        if self.counting.last_us().is_some_and(|last_us| ts_us - last_us >= SITTING_US) {
            self.kept.by_finger.clear();
        }
        match action {
            Action::Press => self.press(ts_us, key),
            Action::Release => {
                let stroke = self.counting.release(ts_us, key, &mut |settled| self.kept.settle(settled));
                self.kept.release(stroke, ts_us);
                true
            }
        }
    }

    fn press(&mut self, ts_us: Micros, key: Key) -> bool {
        let fits = self.kept.strokes.len() < MOST_STROKES;
        if !fits {
            self.counting.end_line(LineEnd::Gap, &mut |settled| self.kept.settle(settled));
            self.kept.forget_first(MOST_STROKES / 4);
        }
        let zone = (!key.is_modifier()).then_some(key.zone() as u8);
        let erases = key.is_eraser();
        self.kept.strokes.push(Stroke { press_us: ts_us, release_us: None, erases, fate: Fate::Waiting, zone });
        self.counting.press(ts_us, key, &mut |settled| self.kept.settle(settled));
        fits
    }

    /// What the window `(end - length, end]` yields; `None` below the least number of presses that a hand made.
    pub fn features(&mut self, end_us: Micros, length_us: Micros) -> Option<Typed> {
        self.kept.by_finger.end_epoch();
        // The space before a word that waits has a part in it.
        let waiting =
            self.counting.first_waiting().map_or(usize::MAX, |first| (first - self.kept.first_stroke) as usize - 1);
        let outside = self.kept.strokes.partition_point(|stroke| stroke.press_us <= end_us - length_us);
        let kept = waiting.min(outside);
        self.kept.forget_first(kept);
        let mut strokes = Strokes::default();
        self.window.clear();
        for stroke in &self.kept.strokes[outside - kept..] {
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
        put(&self.kept.by_finger.dwells());
        put(&[rollover_ratio(window)]);
        put(self.kept.by_finger.digraphs());
        put(&corrections(window));
        put(&rhythm(window, scratch));
        let tally = Tally { strokes, lines: self.counting.lines() };
        Some(Typed { total_keys: (presses / COUNT_STEP * COUNT_STEP) as u32, features, tally })
    }
}

impl Kept {
    /// A stroke's key was released.
    fn release(&mut self, stroke: Option<u64>, ts_us: Micros) {
        let place = stroke.and_then(|stroke| stroke.checked_sub(self.first_stroke));
        if let Some(stroke) = place.and_then(|place| self.strokes.get_mut(place as usize)) {
            stroke.release_us = Some(ts_us);
        }
    }

    /// The fate of these strokes is known; what is settled already stays, unless no hand made it.
    fn settle(&mut self, Settled { strokes, fate }: Settled) {
        if fate == Fate::Counts {
            return self.count(strokes);
        }
        let place = |number: u64| number.saturating_sub(self.first_stroke) as usize;
        let places = place(strokes.start)..place(strokes.end);
        for stroke in &mut self.strokes[places] {
            stroke.zone = None;
            if stroke.fate == Fate::Waiting || fate == Fate::NoHand {
                stroke.fate = fate;
            }
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

    fn forget_first(&mut self, count: usize) {
        let publish = self.publish;
        let forgotten = self.strokes.drain(..count);
        forgotten.for_each(|stroke| self.past.add(stroke.fate_under(publish)));
        self.first_stroke += count as u64;
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
