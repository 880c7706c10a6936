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
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub kind: ActionKind,
    pub start_us: Micros,
    pub end_us: Micros,
    /// Natural logarithms of seconds, counts, counts/s and counts/s², and shares; `None` where the action has no such
    /// value.
    pub features: Features,
}

/// Scrolling under way; `amount` in detents.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wheel {
    first_us: Micros,
    last_us: Micros,
    amount: f64,
    is_up: bool,
}

/// The pointer's state between two events. Every `push` and [`end`](Strokes::end) may finish up to three actions, which
/// the caller takes with [`pop`](Strokes::pop) before the next one.
#[derive(Debug, Clone, Default)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use event::Action::{Press, Release};

    const START_US: Micros = 1_790_000_000_000_000;

    fn ms(ms: Micros) -> Micros {
        START_US + ms * 1_000
    }

    /// Ten counts to the right every 10 ms.
    fn stroke(strokes: &mut Strokes, from_ms: Micros, to_ms: Micros) {
        (from_ms..=to_ms).step_by(10).for_each(|at| strokes.push_move(ms(at), 10.0, 0.0));
    }

    fn all(strokes: &mut Strokes) -> Vec<Action> {
        std::iter::from_fn(|| strokes.pop()).collect()
    }

    fn kinds(actions: &[Action]) -> Vec<ActionKind> {
        actions.iter().map(|action| action.kind).collect()
    }

    fn assert_close(value: Option<f64>, expected: f64) {
        assert!(value.is_some_and(|value| (value - expected).abs() < 1e-12), "{value:?}, not {expected}");
    }

    #[test]
    fn a_pause_ends_a_stroke_and_the_next_one_has_that_pause() {
        let mut strokes = Strokes::default();
        stroke(&mut strokes, 0, 200);
        stroke(&mut strokes, 700, 900);
        strokes.end();
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Move, ActionKind::Move]);
        assert_eq!((actions[0].start_us, actions[0].end_us), (ms(0), ms(200)));
        assert_eq!(actions[0].features[LN_PAUSE], None);
        assert_close(actions[1].features[LN_PAUSE], 0.51f64.ln());
    }

    #[test]
    fn a_press_ends_the_stroke_before_it_and_makes_it_a_click() {
        let mut strokes = Strokes::default();
        stroke(&mut strokes, 0, 200);
        strokes.push_button(ms(290), Press);
        assert_eq!(strokes.pop(), None, "its dwell is not known yet");
        strokes.push_button(ms(385), Release);
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Click]);
        assert_close(actions[0].features[LN_CLICK_PAUSE], 0.1f64.ln());
        assert_close(actions[0].features[LN_DWELL], 0.1f64.ln());
    }

    #[test]
    fn a_press_long_after_the_motion_is_bare() {
        let mut strokes = Strokes::default();
        stroke(&mut strokes, 0, 200);
        strokes.push_button(ms(1_300), Press);
        strokes.push_button(ms(1_400), Release);
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Move, ActionKind::Bare]);
        assert_eq!(actions[1].features[LN_LENGTH], None);
        assert_close(actions[1].features[LN_CLICK_PAUSE], 1.11f64.ln());
    }

    #[test]
    fn motion_with_a_button_held_is_a_drag_and_takes_the_dwell_from_the_click() {
        let mut strokes = Strokes::default();
        strokes.push_button(ms(0), Press);
        stroke(&mut strokes, 50, 250);
        strokes.push_button(ms(300), Release);
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Bare, ActionKind::Drag]);
        assert_eq!(actions[0].features[LN_DWELL], None);
    }

    #[test]
    fn the_second_press_of_a_double_click_has_the_interval() {
        let mut strokes = Strokes::default();
        for at in [0, 200, 800] {
            strokes.push_button(ms(at), Press);
            strokes.push_button(ms(at + 80), Release);
        }
        let actions = all(&mut strokes);
        assert_eq!(actions[0].features[LN_DOUBLE], None);
        assert_close(actions[1].features[LN_DOUBLE], 0.2f64.ln());
        assert_eq!(actions[2].features[LN_DOUBLE], None, "0.6 s are no double click");
    }

    #[test]
    fn scrolling_is_one_action_until_it_turns_or_rests() {
        let mut strokes = Strokes::default();
        for (at, delta) in [(0, -1.0), (100, -1.0), (200, -2.0), (300, 1.0), (1_500, 1.0)] {
            strokes.push_scroll(ms(at), delta);
        }
        strokes.end();
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Scroll; 3]);
        assert_close(actions[0].features[LN_SCROLL_RUN], 4f64.ln());
        assert_close(actions[0].features[LN_SCROLL_GAP], (0.2 / 3.0 + 0.005f64).ln());
        assert_eq!(actions[1].features[LN_SCROLL_GAP], None);
    }

    #[test]
    fn nothing_spans_a_gap_but_an_absolute_device_keeps_its_place() {
        let mut strokes = Strokes::default();
        strokes.push_position(ms(0), 5_000.0, 5_000.0);
        stroke(&mut strokes, 0, 100);
        strokes.push_button(ms(150), Press);
        strokes.reset();
        strokes.push_button(ms(200), Release);
        (1..=20).for_each(|i| strokes.push_position(ms(200 + 10 * i), 5_000.0 + 10.0 * i as f64, 5_000.0));
        strokes.end();
        let actions = all(&mut strokes);
        assert_eq!(kinds(&actions), [ActionKind::Move]);
        assert_close(actions[0].features[LN_LENGTH], 190f64.ln());
        assert_eq!(actions[0].features[LN_PAUSE], None);
    }

    #[test]
    fn a_stroke_that_never_ends_is_cut() {
        let mut strokes = Strokes::default();
        stroke(&mut strokes, 0, 10 * MAX_SAMPLES as Micros);
        assert_eq!(kinds(&all(&mut strokes)), [ActionKind::Move]);
        assert_eq!(strokes.run.len(), 1);
    }
}
