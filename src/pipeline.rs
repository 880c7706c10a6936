//! Events in, records out. Time comes in with the events: a window closes because an event, or a tick, says what time
//! it is, so that a replayed trace gives what the live agent gave.

use crate::event::{Event, Micros, Scope, Stamped};
use crate::features::app::{AppCore, History, Learnt};
use crate::features::keystroke::tally::{Lines, Strokes, Tally};
use crate::features::keystroke::{KeystrokeCore, Publish, Typed};
use crate::features::mouse::MouseCore;
use crate::record::{Body, Record};

/// A step back of the event clock up to this is clamped, a larger one is a gap.
const BACKWARD_LIMIT_US: Micros = 1_000_000;

/// Lengths of a window and of the step from one window's end to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    pub length_us: Micros,
    pub step_us: Micros,
}

impl Windows {
    /// The contract's: 30 s every 5 s.
    pub const CONTRACT: Windows = Windows { length_us: 30_000_000, step_us: 5_000_000 };
}

/// What the pipeline yields, and what recognition yields beside it.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A mouse record.
    Window(Record),
    /// A keystroke record, and why it contains values or none.
    Typing(Record, Tally),
    /// A change of focus: what it taught, and its record if it was one from an application to another.
    Focus(Learnt, Option<Record>),
    /// A score or a decision.
    Recognised(Record),
}

/// What is known of one modality besides its features.
#[derive(Debug, Default)]
struct Modality {
    /// Whether an event came since the last window's end.
    fresh: bool,
    /// The newest gap or loss.
    disturbed_us: Option<Micros>,
}

impl Modality {
    /// `fits`: nothing older had to go for it.
    fn note_event(&mut self, ts_us: Micros, fits: bool) {
        self.fresh = true;
        if !fits {
            self.disturbed_us = Some(ts_us);
        }
    }
}

/// The cores and their windows.
#[derive(Debug)]
pub struct Pipeline {
    windows: Windows,
    keystroke: KeystrokeCore,
    mouse: MouseCore,
    app: AppCore,
    clock_us: Option<Micros>,
    due_us: Option<Micros>,
    keystroke_state: Modality,
    mouse_state: Modality,
}

impl Output {
    /// The record, if there is one.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Output::Window(record) | Output::Typing(record, _) | Output::Recognised(record) => Some(record),
            Output::Focus(_, record) => record.as_ref(),
        }
    }

    /// Why a keystroke record contains values or none.
    pub fn tally(&self) -> Option<&Tally> {
        match self {
            Output::Typing(_, tally) => Some(tally),
            Output::Window(_) | Output::Focus(..) | Output::Recognised(_) => None,
        }
    }
}

impl Pipeline {
    /// Publishes strokes of lines only, see [`Pipeline::publishing`].
    pub fn new(windows: Windows, history: History) -> Pipeline {
        Pipeline {
            windows,
            keystroke: KeystrokeCore::default(),
            mouse: MouseCore::default(),
            app: AppCore::new(history),
            clock_us: None,
            due_us: None,
            keystroke_state: Modality::default(),
            mouse_state: Modality::default(),
        }
    }

    /// The same, with features of these strokes.
    pub fn publishing(self, publish: Publish) -> Pipeline {
        Pipeline { keystroke: KeystrokeCore::new(publish), ..self }
    }

    /// Which strokes features are computed from.
    pub fn publish(&self) -> Publish {
        self.keystroke.publish()
    }

    /// What became of all strokes so far.
    pub fn strokes(&self) -> Strokes {
        self.keystroke.all_strokes()
    }

    /// What ended lines so far.
    pub fn lines(&self) -> Lines {
        self.keystroke.lines()
    }

    /// The end of the open window: when it is past, [`Pipeline::tick`] closes it. `None` while nothing is new.
    pub fn due_us(&self) -> Option<Micros> {
        self.due_us
    }

    /// The newest time that the pipeline knows of.
    pub fn clock_us(&self) -> Option<Micros> {
        self.clock_us
    }

    /// Takes one event. Returns the time that it was taken at, which differs from its own where that went back.
    pub fn push(&mut self, stamped: Stamped, mut out: impl FnMut(Output)) -> Micros {
        let Stamped { mut ts_us, event } = stamped;
        if matches!(event, Event::Control(_)) {
            return ts_us;
        }
        if let Some(clock_us) = self.clock_us.filter(|&clock_us| ts_us < clock_us) {
            if clock_us - ts_us > BACKWARD_LIMIT_US {
                self.gap(ts_us, Scope::All);
            } else {
                ts_us = clock_us;
            }
        }
        self.clock_us = Some(ts_us);
        if self.due_us.is_some_and(|due_us| ts_us > due_us) {
            self.close(&mut out);
        }
        self.keystroke.note(ts_us, &event);
        match event {
            Event::Gap { scope, .. } => self.gap(ts_us, scope),
            Event::Focus { app } => {
                let (learnt, transition) = self.app.push(ts_us, app);
                if learnt != Learnt::default() {
                    let record = transition.map(|change| Record {
                        window_end_us: ts_us,
                        degraded: false,
                        body: Body::App(change),
                    });
                    out(Output::Focus(learnt, record));
                }
            }
            Event::Key { key, action } => {
                self.open_window(ts_us);
                let fits = self.keystroke.push(ts_us, key, action);
                self.keystroke_state.note_event(ts_us, fits);
            }
            Event::Move { dx, dy } => self.push_mouse(ts_us, |mouse| mouse.push_move(ts_us, dx, dy)),
            Event::MoveTo { x, y } => self.push_mouse(ts_us, |mouse| mouse.push_position(ts_us, x, y)),
            Event::Button { button, action } => {
                self.push_mouse(ts_us, |mouse| mouse.push_button(ts_us, button, action));
            }
            Event::Scroll { delta } => self.push_mouse(ts_us, |mouse| mouse.push_scroll(ts_us, delta)),
            // They concern lines alone, or not even these.
            Event::Layout(_) | Event::Touch | Event::Control(_) => {}
        }
        ts_us
    }

    fn push_mouse(&mut self, ts_us: Micros, push: impl FnOnce(&mut MouseCore) -> bool) {
        self.open_window(ts_us);
        let fits = push(&mut self.mouse);
        self.mouse_state.note_event(ts_us, fits);
    }

    fn open_window(&mut self, ts_us: Micros) {
        let step_us = self.windows.step_us;
        // An event exactly on a boundary belongs to the window that ends there.
        self.due_us.get_or_insert_with(|| (ts_us + step_us - 1).div_euclid(step_us) * step_us);
    }

    /// It is `now`: closes the open window if its end has come. Events that come late are taken as later than it.
    pub fn tick(&mut self, now_us: Micros, mut out: impl FnMut(Output)) {
        if let Some(due_us) = self.due_us.filter(|&due_us| due_us <= now_us) {
            self.close(&mut out);
            self.clock_us = self.clock_us.max(Some(due_us + 1));
        }
    }

    /// The events have ended: closes the open window.
    pub fn finish(&mut self, mut out: impl FnMut(Output)) {
        self.close(&mut out);
    }

    /// Something was lost at this time, though no gap came of it: the records around it say that they are degraded.
    pub fn note_loss(&mut self, ts_us: Micros) {
        self.keystroke_state.disturbed_us = Some(ts_us);
        self.mouse_state.disturbed_us = Some(ts_us);
    }

    fn close(&mut self, out: &mut impl FnMut(Output)) {
        let Some(end_us) = self.due_us.take() else { return };
        let length_us = self.windows.length_us;
        let degraded = |state: &Modality| state.disturbed_us.is_some_and(|ts_us| ts_us > end_us - length_us);
        if std::mem::take(&mut self.keystroke_state.fresh)
            && let Some(Typed { total_keys, features, tally }) = self.keystroke.features(end_us, length_us)
        {
            let degraded = degraded(&self.keystroke_state);
            let body = Body::Keystroke { strokes: self.keystroke.publish(), total_keys, features };
            out(Output::Typing(Record { window_end_us: end_us, degraded, body }, tally));
        }
        if std::mem::take(&mut self.mouse_state.fresh)
            && let Some((total_samples, features)) = self.mouse.features(end_us, length_us)
        {
            let degraded = degraded(&self.mouse_state);
            let body = Body::Mouse { total_samples, features };
            out(Output::Window(Record { window_end_us: end_us, degraded, body }));
        }
    }

    fn gap(&mut self, ts_us: Micros, scope: Scope) {
        self.keystroke.gap(scope);
        if matches!(scope, Scope::All | Scope::Keystroke) {
            self.keystroke_state = Modality { fresh: false, disturbed_us: Some(ts_us) };
        }
        if matches!(scope, Scope::All | Scope::Mouse) {
            self.mouse.reset();
            self.mouse_state = Modality { fresh: false, disturbed_us: Some(ts_us) };
        }
        if matches!(scope, Scope::All | Scope::App) {
            self.app.reset();
        }
        if !self.keystroke_state.fresh && !self.mouse_state.fresh {
            self.due_us = None;
        }
    }
}
