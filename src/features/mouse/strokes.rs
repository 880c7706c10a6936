//! Strokes: runs of motion without a longer pause, and the kinematics within them.

use super::super::stats::larger;
use super::{Sample, length};
use crate::event::Micros;
use std::f64::consts::{PI, TAU};

/// Samples further apart belong to two strokes.
const STROKE_GAP_US: Micros = 300_000;
/// Samples that make a stroke.
const LEAST_SAMPLES: usize = 3;

/// The strokes of one window; the vectors are reused from window to window.
#[derive(Debug, Default)]
pub(super) struct Strokes {
    /// counts/s, of each step.
    pub speed: Vec<f64>,
    /// counts/s².
    pub acceleration: Vec<f64>,
    /// counts/s³.
    pub jerk: Vec<f64>,
    /// Changes of heading, radians in (-π, π].
    pub turn: Vec<f64>,
    pub strokes: Vec<Stroke>,
}

/// One stroke; lengths in counts.
#[derive(Debug)]
pub(super) struct Stroke {
    pub length: f64,
    /// From its first sample to its last.
    pub chord: f64,
    /// The largest distance of a sample from the chord.
    pub deviation: f64,
    pub duration_us: Micros,
    /// Where in the stroke, 0 to 1, the top speed falls.
    pub peak_time: f64,
}

impl Strokes {
    /// Cuts samples into strokes and measures them.
    pub fn cut(&mut self, samples: &[Sample]) {
        self.speed.clear();
        self.acceleration.clear();
        self.jerk.clear();
        self.turn.clear();
        self.strokes.clear();
        for run in samples.chunk_by(|a, b| b.ts_us - a.ts_us <= STROKE_GAP_US) {
            if run.len() >= LEAST_SAMPLES {
                self.measure(run);
            }
        }
    }

    fn measure(&mut self, run: &[Sample]) {
        let first_speed = self.speed.len();
        let mut path = super::Sum::ZERO;
        let (mut speed_before, mut acceleration_before, mut heading_before) = (None, None, None);
        for pair in run.windows(2) {
            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
            let dt_s = (pair[1].ts_us - pair[0].ts_us) as f64 / 1e6;
            let step = length(dx, dy);
            path.add(step);
            let speed = step / dt_s;
            self.speed.push(speed);
            if let Some(acceleration) = speed_before.map(|before| (speed - before) / dt_s) {
                self.acceleration.push(acceleration);
                self.jerk.extend(acceleration_before.map(|before: f64| (acceleration - before) / dt_s));
                acceleration_before = Some(acceleration);
            }
            speed_before = Some(speed);
            if dx != 0.0 || dy != 0.0 {
                let heading = dy.atan2(dx);
                self.turn.extend(heading_before.map(|before: f64| wrap(heading - before)));
                heading_before = Some(heading);
            }
        }
        let speeds = &self.speed[first_speed..];
        let peak = first_of_largest(speeds);
        let duration_us = run[run.len() - 1].ts_us - run[0].ts_us;
        let (chord, deviation) = chord(run);
        self.strokes.push(Stroke {
            // Never zero, since it is divided by.
            length: path.total().max(1e-9),
            chord,
            deviation,
            duration_us,
            peak_time: (run[peak + 1].ts_us - run[0].ts_us) as f64 / duration_us as f64,
        });
    }
}

fn first_of_largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// Length of the chord and the largest distance of a sample from it.
fn chord(run: &[Sample]) -> (f64, f64) {
    let (first, last) = (run[0], run[run.len() - 1]);
    let (width, height) = (last.x - first.x, last.y - first.y);
    let chord = length(width, height);
    let area = |s: &Sample| ((s.x - first.x) * height - (s.y - first.y) * width).abs();
    let deviation = if chord > 0.0 { run.iter().map(area).fold(0.0, larger) / chord } else { 0.0 };
    (chord, deviation)
}

/// To (-π, π].
fn wrap(angle: f64) -> f64 {
    if angle <= -PI {
        angle + TAU
    } else if angle > PI {
        angle - TAU
    } else {
        angle
    }
}
