//! The 140 keystroke features. A key's identity comes in here and never goes out.

mod by_finger;

use super::names::KEYSTROKE_COUNT;
use super::stats::{Sum, inside, mean, ms, ratio, stats8, std};
use crate::event::{Action, Key, Micros};
use by_finger::ByFinger;

/// Presses in a window below which it yields no record.
pub const LEAST_PRESSES: usize = 25;
/// `total_keys` is told in steps of so many.
const COUNT_STEP: usize = 5;
/// More strokes than any hand makes in the longest window; beyond, the oldest go.
const MOST_STROKES: usize = 8192;
/// More keys than anybody holds.
const MOST_HELD: usize = 256;

/// Open intervals of valid times.
const DWELL_MS: (f64, f64) = (0.0, 1000.0);
const FLIGHT_MS: (f64, f64) = (-1000.0, 2000.0);
const INTERVAL_MS: (f64, f64) = (0.0, 5000.0);
const DIGRAPH_MS: (f64, f64) = (0.0, 1500.0);
const BURST_MS: f64 = 150.0;
const PAUSE_MS: f64 = 500.0;
/// A longer pause voids the word.
const WORD_PAUSE_US: Micros = 2_000_000;
/// After so long without a key it may be somebody else: what is told by finger starts anew.
const SITTING_US: Micros = 300_000_000;

/// One key going down and, perhaps, up.
#[derive(Clone, Copy)]
struct Stroke {
    press_us: Micros,
    release_us: Option<Micros>,
    erases: bool,
}

/// A key that is down, and which stroke that is.
struct Held {
    key: Key,
    press_us: Micros,
    stroke: u64,
}

/// The window's strokes and what is kept beyond it.
#[derive(Default)]
pub struct KeystrokeCore {
    by_finger: ByFinger,
    last_us: Option<Micros>,
    /// In order of press; the first one's number is `first_stroke`.
    strokes: Vec<Stroke>,
    first_stroke: u64,
    held: Vec<Held>,
    /// The last key that is no modifier, and its press.
    previous: Option<(Key, Micros)>,
    /// Reused from window to window.
    scratch: Vec<f64>,
}

/// A core tells nothing of what was typed.
impl std::fmt::Debug for KeystrokeCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeystrokeCore(…)")
    }
}

impl KeystrokeCore {
    /// A gap: nothing may span it; what was told by finger before it stays.
    pub fn reset(&mut self) {
        self.first_stroke += self.strokes.len() as u64;
        self.strokes.clear();
        self.held.clear();
        self.previous = None;
        self.by_finger.void_word();
    }

    /// Takes one event; `false` if older strokes had to go because there were too many.
    pub fn push(&mut self, ts_us: Micros, key: Key, action: Action) -> bool {
        let pause_us = self.last_us.map_or(0, |last_us| ts_us - last_us);
        self.last_us = Some(ts_us);
        if pause_us >= SITTING_US {
            self.by_finger.clear();
            self.previous = None;
        }
        if pause_us > WORD_PAUSE_US {
            self.by_finger.void_word();
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
        let stroke = self.first_stroke + self.strokes.len() as u64;
        // A second press without a release replaces the first.
        self.held.retain(|held| held.key != key);
        if self.held.len() < MOST_HELD {
            self.held.push(Held { key, press_us: ts_us, stroke });
        }
        self.strokes.push(Stroke { press_us: ts_us, release_us: None, erases: key.is_eraser() });
        self.by_finger.count_press();
        if key.is_shift() {
            return fits;
        }
        if !key.is_word_key() && !key.is_space() {
            self.by_finger.void_word();
        }
        if key.is_modifier() {
            return fits;
        }
        if let Some((before, press_us)) = self.previous {
            let latency_ms = ms(ts_us - press_us);
            if inside(latency_ms, DIGRAPH_MS) {
                self.by_finger.add_digraph(before, key, latency_ms);
            }
        }
        self.previous = Some((key, ts_us));
        if key.is_space() {
            self.by_finger.end_word();
        }
        fits
    }

    fn release(&mut self, ts_us: Micros, key: Key) {
        // A release without a press is ignored.
        let Some(i) = self.held.iter().position(|held| held.key == key) else { return };
        let held = self.held.swap_remove(i);
        if let Some(i) = held.stroke.checked_sub(self.first_stroke) {
            self.strokes[i as usize].release_us = Some(ts_us);
        }
        let dwell_ms = ms(ts_us - held.press_us);
        if inside(dwell_ms, DWELL_MS) && (key.is_word_key() || key.is_space()) {
            self.by_finger.add_dwell(key, dwell_ms);
        }
    }

    fn make_room(&mut self) -> bool {
        let fits = self.strokes.len() < MOST_STROKES;
        if !fits {
            self.forget_first(MOST_STROKES / 4);
        }
        fits
    }

    fn forget_first(&mut self, count: usize) {
        self.strokes.drain(..count);
        self.first_stroke += count as u64;
    }

    /// The features of the window `(end - length, end]` and its number of presses, told in steps of five; `None` below
    /// the least number of presses.
    pub fn features(
        &mut self,
        end_us: Micros,
        length_us: Micros,
    ) -> Option<(u32, Box<[Option<f64>; KEYSTROKE_COUNT]>)> {
        self.by_finger.end_epoch();
        let outside = self.strokes.partition_point(|stroke| stroke.press_us <= end_us - length_us);
        self.forget_first(outside);
        let presses = self.strokes.len();
        if presses < LEAST_PRESSES {
            return None;
        }
        let mut out = Box::new([None; KEYSTROKE_COUNT]);
        let mut rest = &mut out[..];
        let mut put = |values: &[Option<f64>]| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(values.len());
            here.copy_from_slice(values);
            rest = after;
        };
        put(&stats8(self.dwells()));
        put(&stats8(self.flights()));
        put(&self.by_finger.dwells());
        put(&[self.rollover_ratio()]);
        put(self.by_finger.digraphs());
        put(&corrections(&self.strokes));
        put(&self.rhythm());
        Some(((presses / COUNT_STEP * COUNT_STEP) as u32, out))
    }

    fn dwells(&mut self) -> &mut [f64] {
        let dwells = self.strokes.iter().filter_map(|s| Some(ms(s.release_us? - s.press_us)));
        self.scratch.clear();
        self.scratch.extend(dwells.filter(|&dwell_ms| inside(dwell_ms, DWELL_MS)));
        &mut self.scratch
    }

    fn flights(&mut self) -> &mut [f64] {
        let flights = pairs(&self.strokes).filter_map(|(a, b)| Some(ms(b.press_us - a.release_us?)));
        self.scratch.clear();
        self.scratch.extend(flights.filter(|&flight_ms| inside(flight_ms, FLIGHT_MS)));
        &mut self.scratch
    }

    fn rollover_ratio(&self) -> Option<f64> {
        let still_down = |a: &Stroke, b: &Stroke| a.release_us.is_none_or(|release_us| release_us > b.press_us);
        let rollovers = pairs(&self.strokes).filter(|(a, b)| still_down(a, b)).count();
        ratio(rollovers, self.strokes.len() - 1)
    }

    /// Of press-to-press intervals.
    fn rhythm(&mut self) -> [Option<f64>; 8] {
        let intervals = pairs(&self.strokes).map(|(a, b)| ms(b.press_us - a.press_us));
        self.scratch.clear();
        self.scratch.extend(intervals.filter(|&interval_ms| inside(interval_ms, INTERVAL_MS)));
        let intervals = self.scratch.as_slice();
        let (Some(mean_ms), Some(std_ms)) = (mean(intervals.iter().copied()), std(intervals)) else {
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
}

/// Frequency, count, latency and run length of erasing.
fn corrections(strokes: &[Stroke]) -> [Option<f64>; 4] {
    let erased = strokes.iter().filter(|s| s.erases).count();
    let first_of_run = |(a, b): &(&Stroke, &Stroke)| b.erases && !a.erases;
    let latencies = pairs(strokes).filter(first_of_run).map(|(a, b)| ms(b.press_us - a.press_us));
    let runs = pairs(strokes).filter(first_of_run).count() + usize::from(strokes.first().is_some_and(|s| s.erases));
    [
        ratio(erased, strokes.len()),
        Some(erased as f64),
        mean(latencies.filter(|&latency_ms| inside(latency_ms, INTERVAL_MS))),
        ratio(erased, runs),
    ]
}

fn pairs(strokes: &[Stroke]) -> impl Iterator<Item = (&Stroke, &Stroke)> {
    strokes.iter().zip(strokes.iter().skip(1))
}
