//! The 38 mouse features: motion by strokes, clicks and scrolling.

mod strokes;

use super::names::MOUSE_COUNT;
use super::stats::{Sum, inside, max, mean, median, ms, ratio, std};
use crate::event::{Action, Button, Micros};
use strokes::Strokes;

/// Motion samples, presses and scrolls together in a window below which it yields no record.
pub const LEAST_SAMPLES: usize = 20;
/// Least time between two motion samples, so that mice of 125 Hz and 8 kHz give like values.
const SAMPLE_US: Micros = 7_500;
/// More than any hand makes in the longest window; beyond, the oldest go.
const MOST_SAMPLES: usize = 131_072;
const MOST_PRESSES: usize = 4096;
const MOST_SCROLLS: usize = 16_384;
/// More buttons than any mouse has.
const MOST_HELD: usize = 32;

const CLICK_MS: (f64, f64) = (0.0, 5000.0);
const DOUBLE_CLICK_MS: (f64, f64) = (0.0, 500.0);
const PRE_CLICK_MS: f64 = 5000.0;
const DRAG_COUNTS: f64 = 5.0;
const SCROLL_GAP_MS: (f64, f64) = (0.0, 2000.0);
const MICRO_COUNTS: f64 = 20.0;
const REVERSAL_RAD: f64 = 2.0;

/// Where the pointer has come to, all motion so far included.
#[derive(Debug, Clone, Copy)]
struct Sample {
    ts_us: Micros,
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    ts_us: Micros,
    button: Button,
    release_us: Option<Micros>,
    /// Path while held, in counts.
    dragged: f64,
    /// Since the last motion.
    pause_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Scroll {
    ts_us: Micros,
    delta: f64,
}

/// The window's motion samples, presses and scrolls.
#[derive(Debug, Default)]
pub struct MouseCore {
    samples: Vec<Sample>,
    x: f64,
    y: f64,
    moved_us: Option<Micros>,
    absolute: Option<(f64, f64)>,
    /// In order of time; the first one's number is `first_press`.
    presses: Vec<Press>,
    first_press: u64,
    held: Vec<(Button, u64)>,
    scrolls: Vec<Scroll>,
    strokes: Strokes,
    /// Reused from window to window.
    scratch: Vec<f64>,
}

impl MouseCore {
    /// A gap: nothing may span it.
    pub fn reset(&mut self) {
        self.samples.clear();
        (self.x, self.y) = (0.0, 0.0);
        self.moved_us = None;
        self.absolute = None;
        self.first_press += self.presses.len() as u64;
        self.presses.clear();
        self.held.clear();
        self.scrolls.clear();
    }

    /// Takes relative motion; `false`, as of the other kinds of input, if older ones had to go because there were too
    /// many.
    pub fn push_move(&mut self, ts_us: Micros, dx: f64, dy: f64) -> bool {
        if dx == 0.0 && dy == 0.0 {
            return true;
        }
        self.x += dx;
        self.y += dy;
        self.moved_us = Some(ts_us);
        if !self.held.is_empty() {
            let path = length(dx, dy);
            for &(_, press) in &self.held {
                if let Some(i) = press.checked_sub(self.first_press) {
                    self.presses[i as usize].dragged += path;
                }
            }
        }
        let due = self.samples.last().is_none_or(|last| ts_us - last.ts_us >= SAMPLE_US);
        let fits = !due || self.samples.len() < MOST_SAMPLES;
        if !fits {
            self.samples.drain(..MOST_SAMPLES / 4);
        }
        if due {
            self.samples.push(Sample { ts_us, x: self.x, y: self.y });
        }
        fits
    }

    /// The first position of an absolute device is only its origin.
    pub fn push_position(&mut self, ts_us: Micros, x: f64, y: f64) -> bool {
        let before = self.absolute.replace((x, y));
        before.is_none_or(|(from_x, from_y)| self.push_move(ts_us, x - from_x, y - from_y))
    }

    pub fn push_button(&mut self, ts_us: Micros, button: Button, action: Action) -> bool {
        let held = self.held.iter().position(|&(other, _)| other == button);
        if action == Action::Release {
            if let Some(i) = held {
                let (_, press) = self.held.swap_remove(i);
                if let Some(i) = press.checked_sub(self.first_press) {
                    self.presses[i as usize].release_us = Some(ts_us);
                }
            }
            return true;
        }
        let fits = self.presses.len() < MOST_PRESSES;
        if !fits {
            self.forget_first_presses(MOST_PRESSES / 4);
        }
        let number = self.first_press + self.presses.len() as u64;
        match held {
            Some(i) => self.held[i].1 = number,
            None if self.held.len() < MOST_HELD => self.held.push((button, number)),
            None => {}
        }
        let pause_ms = self.moved_us.map(|moved_us| ms(ts_us - moved_us));
        self.presses.push(Press { ts_us, button, release_us: None, dragged: 0.0, pause_ms });
        fits
    }

    pub fn push_scroll(&mut self, ts_us: Micros, delta: f64) -> bool {
        if delta == 0.0 {
            return true;
        }
        let fits = self.scrolls.len() < MOST_SCROLLS;
        if !fits {
            self.scrolls.drain(..MOST_SCROLLS / 4);
        }
        self.scrolls.push(Scroll { ts_us, delta });
        fits
    }

    fn forget_first_presses(&mut self, count: usize) {
        self.presses.drain(..count);
        self.first_press += count as u64;
    }

    /// The features of the window `(end - length, end]` and its number of motion samples; `None` if too little
    /// happened.
    pub fn features(&mut self, end_us: Micros, length_us: Micros) -> Option<(u32, Box<[Option<f64>; MOUSE_COUNT]>)> {
        let start_us = end_us - length_us;
        let outside = self.samples.partition_point(|sample| sample.ts_us <= start_us);
        self.samples.drain(..outside);
        let outside = self.scrolls.partition_point(|scroll| scroll.ts_us <= start_us);
        self.scrolls.drain(..outside);
        let outside = self.presses.partition_point(|press| press.ts_us <= start_us);
        self.forget_first_presses(outside);
        if self.samples.len() + self.presses.len() + self.scrolls.len() < LEAST_SAMPLES {
            return None;
        }
        self.strokes.cut(&self.samples);
        let mut out = Box::new([None; MOUSE_COUNT]);
        out[..20].copy_from_slice(&self.motion(length_us));
        out[20..30].copy_from_slice(&self.clicks());
        out[30..35].copy_from_slice(&self.scrolling(length_us));
        out[35..].copy_from_slice(&self.micro(length_us));
        Some((self.samples.len() as u32, out))
    }

    fn motion(&mut self, length_us: Micros) -> [Option<f64>; 20] {
        let Strokes { speed, acceleration, jerk, turn, strokes } = &mut self.strokes;
        let magnitudes = |values: &[f64]| mean(values.iter().map(|v| v.abs()));
        let moving_us: Micros = strokes.iter().map(|s| s.duration_us).sum();
        let path: Sum = strokes.iter().map(|s| s.length).collect();
        let (speed_mean, speed_std) = (mean(speed.iter().copied()), std(speed));
        let speed_median = median(speed);
        [
            speed_mean,
            speed_std,
            speed.last().copied(),
            speed_median,
            magnitudes(acceleration),
            std(acceleration),
            max(acceleration.iter().map(|a| a.abs())),
            magnitudes(jerk),
            std(jerk),
            magnitudes(turn),
            std(turn),
            mean(turn.iter().copied()),
            mean(strokes.iter().map(|s| s.chord / s.length)),
            mean(strokes.iter().filter(|s| s.chord > 0.0).map(|s| s.deviation / s.chord)),
            Some(strokes.len() as f64 / seconds(length_us)),
            path.mean(),
            mean(strokes.iter().map(|s| ms(s.duration_us))),
            mean(strokes.iter().map(|s| s.peak_time)),
            Some(1.0 - moving_us as f64 / length_us as f64),
            Some(path.total()),
        ]
    }

    fn clicks(&mut self) -> [Option<f64>; 10] {
        let presses = &self.presses;
        let durations = presses.iter().filter_map(|p| Some(ms(p.release_us? - p.ts_us)));
        self.scratch.clear();
        self.scratch.extend(durations.filter(|&duration_ms| inside(duration_ms, CLICK_MS)));
        let (duration_mean, duration_std) = (mean(self.scratch.iter().copied()), std(&self.scratch));
        let duration_median = median(&mut self.scratch);
        let count = |button| Some(presses.iter().filter(|p| p.button == button).count() as f64);
        let same_button = presses.windows(2).filter(|pair| pair[0].button == pair[1].button);
        let doubles: Sum = same_button
            .map(|pair| ms(pair[1].ts_us - pair[0].ts_us))
            .filter(|&interval_ms| inside(interval_ms, DOUBLE_CLICK_MS))
            .collect();
        let released = presses.iter().filter(|p| p.release_us.is_some());
        [
            duration_mean,
            duration_std,
            duration_median,
            count(Button::Left),
            count(Button::Right),
            count(Button::Middle),
            ratio(doubles.count() as usize, presses.len()),
            doubles.mean(),
            mean(presses.iter().filter_map(|p| p.pause_ms).filter(|&pause_ms| pause_ms < PRE_CLICK_MS)),
            mean(released.map(|p| p.dragged).filter(|&path| path > DRAG_COUNTS)),
        ]
    }

    fn scrolling(&mut self, length_us: Micros) -> [Option<f64>; 5] {
        let scrolls = &self.scrolls;
        let gaps = scrolls.windows(2).map(|pair| ms(pair[1].ts_us - pair[0].ts_us));
        self.scratch.clear();
        self.scratch.extend(gaps.filter(|&gap_ms| inside(gap_ms, SCROLL_GAP_MS)));
        [
            Some(scrolls.len() as f64 / seconds(length_us)),
            mean(scrolls.iter().map(|s| s.delta.abs())),
            ratio(scrolls.iter().filter(|s| s.delta > 0.0).count(), scrolls.len()),
            mean(self.scratch.iter().copied()),
            std(&self.scratch),
        ]
    }

    fn micro(&self, length_us: Micros) -> [Option<f64>; 3] {
        let small: Sum = self.strokes.strokes.iter().map(|s| s.length).filter(|&l| l < MICRO_COUNTS).collect();
        let turn = &self.strokes.turn;
        let reversals = turn.iter().filter(|t| t.abs() > REVERSAL_RAD).count();
        [Some(f64::from(small.count()) / seconds(length_us)), small.mean(), ratio(reversals, turn.len())]
    }
}

/// The correctly rounded length of a whole-numbered step, which is also the fastest.
fn length(dx: f64, dy: f64) -> f64 {
    (dx * dx + dy * dy).sqrt()
}

fn seconds(us: Micros) -> f64 {
    us as f64 / 1e6
}
