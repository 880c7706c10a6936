//! One stroke's kinematics.

use super::constants::*;
use super::hypot::hypot;
use crate::event::Micros;
use std::f64::consts::{PI, TAU};

/// Where the pointer had come to, in counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub ts_us: Micros,
    pub x: f64,
    pub y: f64,
}

/// The features of an action; `None` where there is no value.
pub type Features = [Option<f64>; FEATURES];

/// Speeds of the stroke that is measured, in counts/s, on an even grid of time; the vectors are reused.
#[derive(Debug, Clone, Default)]
pub struct Kinematics {
    speed: Vec<f64>,
    smooth: Vec<f64>,
}

/// The path of a stroke, in counts.
struct Path {
    length: f64,
    /// From the first sample to the last.
    chord: f64,
    /// Mean absolute change of heading, radians.
    turn: f64,
}

impl Kinematics {
    /// The features of a stroke, but for pauses; `None` if the run of samples is none. Samples lie in order of time, at
    /// least [`SAMPLE_US`] and at most [`GAP_US`] apart.
    pub fn measure(&mut self, run: &[Sample]) -> Option<Features> {
        if run.len() < MIN_SAMPLES {
            return None;
        }
        let path = Path::of(run);
        if path.length < MIN_LENGTH {
            return None;
        }
        let total_s = seconds(run, run.len() - 1);
        let step_s = self.resample(run, total_s);
        let mut features = self.of_speed(step_s)?;
        features[LN_DURATION] = Some(total_s.ln());
        features[LN_LENGTH] = Some(path.length.ln());
        features[PEAK_OVER_MEAN] = Some((self.peak() / (path.length / total_s)).ln());
        features[TURN_ABS] = Some((0.02 + path.turn).ln());
        if path.chord > 1.0 {
            features[LN_DETOUR] = Some((0.01 + (path.length / path.chord - 1.0).max(0.0)).ln());
            features[LN_BOW] = Some((0.01 + deviation(run) / path.chord / path.chord).ln());
        }
        Some(features)
    }

    /// Puts the run on a grid of even steps, whose length in seconds it returns.
    fn resample(&mut self, run: &[Sample], total_s: f64) -> f64 {
        let steps = (total_s / GRID_S + 0.5).floor().clamp(3.0, MAX_GRID as f64);
        let step_s = total_s / steps;
        self.speed.clear();
        let (mut j, mut from_s, mut to_s) = (0, 0.0, seconds(run, 1));
        let (mut x, mut y) = (run[0].x, run[0].y);
        for i in 1..=steps as usize {
            let at_s = (i as f64 * step_s).min(total_s);
            while j < run.len() - 2 && to_s < at_s {
                j += 1;
                (from_s, to_s) = (to_s, seconds(run, j + 1));
            }
            let share = ((at_s - from_s) / (to_s - from_s)).clamp(0.0, 1.0);
            let (from, to) = (run[j], run[j + 1]);
            let (next_x, next_y) = (from.x + share * (to.x - from.x), from.y + share * (to.y - from.y));
            self.speed.push(hypot(next_x - x, next_y - y) / step_s);
            (x, y) = (next_x, next_y);
        }
        let (speed, last) = (&self.speed, self.speed.len() - 1);
        self.smooth.clear();
        self.smooth
            .extend((0..=last).map(|i| (speed[i.saturating_sub(1)] + speed[i] + speed[usize::min(i + 1, last)]) / 3.0));
        step_s
    }

    /// The highest smoothed speed.
    fn peak(&self) -> f64 {
        largest(self.smooth.iter().copied())
    }

    /// What the speeds alone tell; `None` if there is no speed at any moment of the grid.
    fn of_speed(&self, step_s: f64) -> Option<Features> {
        let Kinematics { speed, smooth } = self;
        let steps = smooth.len() as f64;
        let peak = self.peak();
        if peak < MIN_PEAK {
            return None;
        }
        let first_peak = smooth.iter().position(|&s| s == peak)?;
        let acceleration = smooth.windows(2).map(|pair| (pair[1] - pair[0]) / step_s);
        let up = largest(acceleration.clone()).max(1e-9);
        let down = largest(acceleration.map(|a| -a)).max(1e-9);
        let part = ((0.3 * steps + 0.5).floor() as usize).max(1);
        let path = total(speed);
        let mut features = [None; FEATURES];
        features[LN_PEAK] = Some(peak.ln());
        features[PEAK_TIME] = Some((first_peak as f64 + 0.5) / steps);
        features[LN_SUBMOVES] = Some((f64::from(submoves(smooth, peak)) + 0.5).ln());
        features[SLOW_SHARE] = Some(smooth.iter().filter(|&&s| s < 0.1 * peak).count() as f64 / steps);
        features[HEAD_SHARE] = Some(total(&speed[..part]) / path);
        features[TAIL_SHARE] = Some(total(&speed[speed.len() - part..]) / path);
        features[LN_ACCEL] = Some(up.ln());
        features[ACCEL_RATIO] = Some((up / down).ln());
        Some(features)
    }
}

impl Path {
    fn of(run: &[Sample]) -> Path {
        let (mut length, mut heading) = (0.0, None::<f64>);
        let (mut turned, mut turns) = (0.0, 0.0);
        for pair in run.windows(2) {
            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
            let step = hypot(dx, dy);
            length += step;
            if step > 0.0 {
                let next = dy.atan2(dx);
                if let Some(before) = heading.replace(next) {
                    turned += wrap(next - before).abs();
                    turns += 1.0;
                }
            }
        }
        let (first, last) = (run[0], run[run.len() - 1]);
        let chord = hypot(last.x - first.x, last.y - first.y);
        Path { length, chord, turn: if turns > 0.0 { turned / turns } else { 0.0 } }
    }
}

/// The largest distance of a sample from the chord, times the chord's length.
fn deviation(run: &[Sample]) -> f64 {
    let (first, last) = (run[0], run[run.len() - 1]);
    let (chord_x, chord_y) = (last.x - first.x, last.y - first.y);
    largest(run.iter().map(|sample| ((sample.x - first.x) * chord_y - (sample.y - first.y) * chord_x).abs()))
}

/// Humps of the speed above a tenth of the peak, with a dip of a quarter between them.
fn submoves(speed: &[f64], peak: f64) -> u32 {
    let (mut count, mut rising, mut high, mut low) = (0, true, 0.0, 0.0);
    for &s in speed {
        if rising {
            if s > high {
                high = s;
            } else if s < 0.75 * high {
                count += u32::from(high > 0.1 * peak);
                (rising, low) = (false, s);
            }
        } else if s < low {
            low = s;
        } else if 0.75 * s > low && s > 0.1 * peak {
            (rising, high) = (true, s);
        }
    }
    count + u32::from(rising && high > 0.1 * peak)
}

/// Since the run's first sample.
fn seconds(run: &[Sample], i: usize) -> f64 {
    run[i].ts_us.saturating_sub(run[0].ts_us) as f64 / 1e6
}

/// From left to right.
fn total(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

/// The same angle within (-π, π].
fn wrap(angle: f64) -> f64 {
    if angle <= -PI {
        angle + TAU
    } else if angle > PI {
        angle - TAU
    } else {
        angle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(samples: impl IntoIterator<Item = (Micros, f64, f64)>) -> Vec<Sample> {
        samples.into_iter().map(|(ts_us, x, y)| Sample { ts_us, x, y }).collect()
    }

    fn features(run: &[Sample]) -> Features {
        Kinematics::default().measure(run).expect("a stroke")
    }

    fn assert_close(value: Option<f64>, expected: f64, within: f64) {
        assert!(value.is_some_and(|value| (value - expected).abs() < within), "{value:?}, not {expected}");
    }

    /// 600 counts to the right in 0.6 s, slow at both ends, sampled at this interval.
    fn reach(interval_us: Micros) -> Vec<Sample> {
        run((0..=600_000 / interval_us).map(|i| {
            let s = (i * interval_us) as f64 / 600_000.0;
            (i * interval_us, 600.0 * s * s * (3.0 - 2.0 * s), 0.0)
        }))
    }

    #[test]
    fn two_samples_or_less_than_three_counts_are_no_stroke() {
        assert_eq!(Kinematics::default().measure(&[]), None);
        assert_eq!(Kinematics::default().measure(&run([(0, 0.0, 0.0), (20_000, 50.0, 0.0)])), None);
        assert_eq!(Kinematics::default().measure(&run([(0, 0.0, 0.0), (8_000, 1.0, 0.0), (16_000, 2.0, 0.0)])), None);
    }

    #[test]
    fn a_straight_stroke_has_its_length_and_time_and_neither_bow_nor_detour_nor_turn() {
        let features = features(&reach(10_000));
        assert_close(features[LN_DURATION], 0.6f64.ln(), 1e-12);
        assert_close(features[LN_LENGTH], 600f64.ln(), 1e-12);
        assert_close(features[LN_BOW], 0.01f64.ln(), 1e-9);
        assert_close(features[LN_DETOUR], 0.01f64.ln(), 1e-9);
        assert_close(features[TURN_ABS], 0.02f64.ln(), 1e-9);
        assert_close(features[LN_SUBMOVES], 1.5f64.ln(), 1e-12);
        // Of this course the top speed is one and a half times the mean, half-way.
        assert_close(features[PEAK_OVER_MEAN], 1.5f64.ln(), 0.01);
        assert_close(features[PEAK_TIME], 0.5, 0.05);
    }

    #[test]
    fn the_rate_of_the_devices_reports_hardly_matters() {
        let (often, seldom) = (features(&reach(7_500)), features(&reach(20_000)));
        for i in [LN_DURATION, LN_LENGTH, LN_PEAK, PEAK_OVER_MEAN, LN_SUBMOVES, HEAD_SHARE, TAIL_SHARE, LN_ACCEL] {
            assert_close(often[i], seldom[i].expect("a value"), 0.02);
        }
    }

    #[test]
    fn a_stroke_that_slows_down_half_way_has_two_submoves() {
        let twice = reach(10_000).into_iter().chain(reach(10_000).into_iter().map(|sample| Sample {
            ts_us: sample.ts_us + 610_000,
            x: sample.x + 600.0,
            y: 0.0,
        }));
        assert_close(features(&twice.collect::<Vec<_>>())[LN_SUBMOVES], 2.5f64.ln(), 1e-12);
    }

    #[test]
    fn a_stroke_there_and_back_turns_once_and_has_no_chord() {
        let features = features(&run((0..=40).map(|i| (i * 10_000, f64::from(20 - (i as i32 - 20).abs()), 0.0))));
        assert_close(features[TURN_ABS], (0.02 + PI / 39.0).ln(), 1e-12);
        assert_eq!((features[LN_BOW], features[LN_DETOUR]), (None, None));
    }

    #[test]
    fn a_tremor_in_step_with_the_grid_has_no_speed_and_is_no_stroke() {
        let tremor = run((0..=20).map(|i| (i * 10_000, if i % 2 == 0 { 0.0 } else { 5.0 }, 0.0)));
        assert_eq!(Kinematics::default().measure(&tremor), None);
    }
}
