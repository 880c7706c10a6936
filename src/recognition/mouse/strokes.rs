//! Events of one pointer become actions, in the order in which they end.

use super::constants::*;
use super::kinematics::{Features, Kinematics, Sample};
use crate::event::{self, Micros};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The type of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionKind {
    /// A stroke that ended by itself.
    Move,
    /// A stroke that a press ended.
    Click,
    /// A stroke with a button held.
    Drag,
    /// A press without a stroke.
    Bare,
    /// A run of scrolling in one direction.
    Scroll,
}

/// What a hand did in one go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub kind: ActionKind,
    pub start_us: Micros,
    pub end_us: Micros,
    /// Natural logarithms of seconds, counts, counts/s and counts/s², and shares; `None` where the action has no such
    /// value.
    pub features: Features,
}

/// Scrolling under way; `amount` in detents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Wheel {
    first_us: Micros,
    last_us: Micros,
    amount: f64,
    is_up: bool,
}

/// The pointer's state between two events. Every `push` and [`end`](Strokes::end) may finish up to three actions, which
/// the caller takes with [`pop`](Strokes::pop) before the next one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Strokes {
    x: f64,
    y: f64,
    absolute: Option<(f64, f64)>,
    /// Motion samples of the stroke under way.
    run: Vec<Sample>,
    /// The last motion.
    moved_us: Option<Micros>,
    /// The end of the last action.
    ended_us: Option<Micros>,
    /// The press of the button that is down.
    held_us: Option<Micros>,
    /// The last press.
    pressed_us: Option<Micros>,
    /// The action that waits for the release.
    click: Option<Action>,
    wheel: Option<Wheel>,
    finished: VecDeque<Action>,
    #[serde(skip)]
    kinematics: Kinematics,
}

impl Strokes {
    /// Relative motion, in counts. Other than a number counts as no motion, and more than [`MAX_COUNTS`] as so many.
    pub fn push_move(&mut self, ts_us: Micros, dx: f64, dy: f64) {
        if self.wheel.is_some_and(|wheel| since(wheel.last_us, ts_us) > SCROLL_GAP_US) {
            self.end_wheel();
        }
        let (dx, dy) = (bounded(dx), bounded(dy));
        if dx == 0.0 && dy == 0.0 {
            return;
        }
        let since_sample = |run: &[Sample]| run.last().map(|last| since(last.ts_us, ts_us));
        if since_sample(&self.run).is_some_and(|pause_us| pause_us > GAP_US || self.run.len() >= MAX_SAMPLES) {
            self.end_stroke();
        }
        self.x += dx;
        self.y += dy;
        self.moved_us = Some(ts_us);
        if since_sample(&self.run).is_none_or(|pause_us| pause_us >= SAMPLE_US) {
            self.run.push(Sample { ts_us, x: self.x, y: self.y });
        }
    }

    /// A position of an absolute device, in counts; the first one is only its origin.
    pub fn push_position(&mut self, ts_us: Micros, x: f64, y: f64) {
        let (x, y) = (bounded(x), bounded(y));
        if let Some((from_x, from_y)) = self.absolute.replace((x, y)) {
            self.push_move(ts_us, x - from_x, y - from_y);
        }
    }

    /// A button, whichever.
    pub fn push_button(&mut self, ts_us: Micros, action: event::Action) {
        self.end_wheel();
        match action {
            event::Action::Press => self.press(ts_us),
            event::Action::Release => self.release(ts_us),
        }
    }

    /// Scrolling, in detents, up positive.
    pub fn push_scroll(&mut self, ts_us: Micros, delta: f64) {
        let delta = bounded(delta);
        if delta == 0.0 {
            return;
        }
        let stroke = self.take_stroke(ActionKind::Move);
        self.finish(stroke);
        let is_up = delta > 0.0;
        if self.wheel.is_some_and(|w| since(w.last_us, ts_us) > SCROLL_GAP_US || w.is_up != is_up) {
            self.end_wheel();
        }
        match &mut self.wheel {
            Some(wheel) => {
                wheel.last_us = ts_us;
                wheel.amount += delta.abs();
            }
            None => self.wheel = Some(Wheel { first_us: ts_us, last_us: ts_us, amount: delta.abs(), is_up }),
        }
    }

    /// A sitting ends, or the stream: what is under way is finished.
    pub fn end(&mut self) {
        let stroke = self.take_stroke(self.kind_of_motion());
        let click = self.click.take();
        self.finish(click);
        self.finish(stroke);
        self.end_wheel();
    }

    /// A gap: nothing may span it. What was not taken is forgotten; an absolute device keeps its place.
    pub fn reset(&mut self) {
        self.run.clear();
        self.finished.clear();
        (self.moved_us, self.ended_us, self.held_us, self.pressed_us) = (None, None, None, None);
        (self.click, self.wheel) = (None, None);
    }

    /// The next finished action.
    pub fn pop(&mut self) -> Option<Action> {
        self.finished.pop_front()
    }

    fn press(&mut self, ts_us: Micros) {
        let is_stale = self.run.last().is_some_and(|last| since(last.ts_us, ts_us) > STALE_US);
        let stroke = self.take_stroke(if is_stale { ActionKind::Move } else { ActionKind::Click });
        let stroke = if is_stale {
            self.finish(stroke);
            None
        } else {
            stroke
        };
        let mut click = stroke.unwrap_or_else(|| Action::bare(ts_us));
        click.features[LN_CLICK_PAUSE] = pause(self.moved_us, ts_us, CLICK_PAUSE_US);
        click.features[LN_DOUBLE] = self
            .pressed_us
            .map(|pressed_us| since(pressed_us, ts_us))
            .filter(|&interval_us| 0 < interval_us && interval_us < DOUBLE_US)
            .map(|interval_us| seconds(interval_us).ln());
        self.pressed_us = Some(ts_us);
        self.held_us = Some(ts_us);
        // One whose release never came goes first.
        let unreleased = self.click.replace(click);
        self.finish(unreleased);
    }

    fn release(&mut self, ts_us: Micros) {
        let Some(held_us) = self.held_us.take() else { return };
        let dwell_ms = since(held_us, ts_us) as f64 / 1e3;
        let is_dragged = self.run.len() >= MIN_SAMPLES;
        let stroke = self.take_stroke(ActionKind::Drag);
        let mut click = self.click.take();
        if let Some(click) = &mut click
            && (0.0 < dwell_ms && dwell_ms < MAX_DWELL_MS && !is_dragged)
        {
            click.features[LN_DWELL] = Some((dwell_ms / 1e3 + 0.005).ln());
        }
        self.finish(click);
        self.finish(stroke);
        self.ended_us = Some(ts_us);
    }

    /// The stroke under way, if it is one; a new one begins.
    fn take_stroke(&mut self, kind: ActionKind) -> Option<Action> {
        let (start_us, end_us) = (self.run.first()?.ts_us, self.run.last()?.ts_us);
        let features = self.kinematics.measure(&self.run);
        self.run.clear();
        let mut features = features?;
        features[LN_PAUSE] = pause(self.ended_us, start_us, IDLE_US);
        self.ended_us = Some(end_us);
        Some(Action { kind, start_us, end_us, features })
    }

    fn kind_of_motion(&self) -> ActionKind {
        if self.held_us.is_some() { ActionKind::Drag } else { ActionKind::Move }
    }

    fn end_stroke(&mut self) {
        let stroke = self.take_stroke(self.kind_of_motion());
        self.finish(stroke);
    }

    fn end_wheel(&mut self) {
        let Some(Wheel { first_us, last_us, amount, .. }) = self.wheel.take() else { return };
        let mut features = [None; FEATURES];
        features[LN_SCROLL_RUN] = Some(amount.max(0.1).ln());
        if amount > 1.0 && last_us > first_us {
            features[LN_SCROLL_GAP] = Some((seconds(since(first_us, last_us)) / (amount - 1.0) + 0.005).ln());
        }
        self.ended_us = Some(last_us);
        self.finish(Some(Action { kind: ActionKind::Scroll, start_us: first_us, end_us: last_us, features }));
    }

    fn finish(&mut self, action: Option<Action>) {
        self.finished.extend(action);
    }
}

impl Action {
    fn bare(ts_us: Micros) -> Action {
        Action { kind: ActionKind::Bare, start_us: ts_us, end_us: ts_us, features: [None; FEATURES] }
    }
}

/// Negative if `ts_us` is earlier.
fn since(from_us: Micros, ts_us: Micros) -> Micros {
    ts_us.saturating_sub(from_us)
}

fn seconds(length_us: Micros) -> f64 {
    length_us as f64 / 1e6
}

/// The logarithm of a pause, if it is shorter than the limit and no step back in time.
fn pause(from_us: Option<Micros>, ts_us: Micros, limit_us: Micros) -> Option<f64> {
    let pause_us = since(from_us?, ts_us);
    (0 <= pause_us && pause_us < limit_us).then(|| (seconds(pause_us) + 0.01).ln())
}

fn bounded(counts: f64) -> f64 {
    if counts.is_nan() { 0.0 } else { counts.clamp(-MAX_COUNTS, MAX_COUNTS) }
}
