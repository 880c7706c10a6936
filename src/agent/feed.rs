//! A pipeline and the time at which its open window is due.

use crate::event::{Event, Micros, Stamped};
use crate::features::keystroke::Publish;
use crate::features::keystroke::tally::{Lines, SHOWN_STEP, Strokes};
use crate::pipeline::{Output, Pipeline, Windows};
use crate::record::Origin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

use super::outlet::Outlet;
use super::recogniser::Recogniser;
use crate::store::StoreError;

/// Events taken so far, by kind; gaps by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Events {
    /// In steps of ten.
    pub keystroke: u64,
    pub mouse: u64,
    pub app: u64,
    pub gaps: BTreeMap<&'static str, u64>,
}

impl Events {
    /// Of all kinds; gaps are none.
    pub fn count(&self) -> u64 {
        self.keystroke + self.mouse + self.app
    }
}

/// Which strokes count and why others do not; all counts in steps of ten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrokesStatus {
    /// `lines`, `words` or `all`.
    pub publish: String,
    /// By the names of [`Strokes::KINDS`](crate::features::keystroke::tally::Strokes::KINDS).
    pub strokes: BTreeMap<String, u64>,
    /// Ended lines by cause.
    pub lines: BTreeMap<String, u64>,
}

/// Strokes and ended lines up to the newest keystroke record.
pub type Shown = (Strokes, Lines);

impl StrokesStatus {
    pub fn new(publish: Publish, (strokes, lines): Shown) -> StrokesStatus {
        StrokesStatus {
            publish: publish.name().into(),
            strokes: strokes.shown().map(owned).collect(),
            lines: lines.shown().map(owned).collect(),
        }
    }
}

fn owned((name, count): (&'static str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

#[derive(Debug)]
pub struct Feed {
    pub origin: Origin,
    /// Boxed, as the recogniser is: a feed is moved about at the start, and what a stack has once grown to stays in memory.
    pipeline: Box<Pipeline>,
    /// Whether it is the owner; of what the devices tell only.
    pub recogniser: Option<Box<Recogniser>>,
    outputs: Vec<Output>,
    events: Events,
    shown: Shown,
    /// When the open window ends, on this machine's own clock.
    deadline: Option<Instant>,
    /// The window's end that `deadline` was computed from.
    due_us: Option<Micros>,
    /// How late events may come that belong to it.
    hold_us: Micros,
}

impl Feed {
    /// A pipeline that knows what was learnt of applications before.
    pub async fn with_history(
        origin: Origin,
        windows: Windows,
        publish: Publish,
        outlet: &Outlet,
    ) -> Result<Feed, StoreError> {
        let history = match &outlet.store {
            Some(store) => store.history(&outlet.identity, origin).await?,
            None => Default::default(),
        };
        let pipeline = Box::new(Pipeline::new(windows, history).publishing(publish));
        let (outputs, events) = (Vec::new(), Events::default());
        let shown = Default::default();
        Ok(Feed {
            origin,
            pipeline,
            recogniser: None,
            outputs,
            events,
            shown,
            deadline: None,
            due_us: None,
            hold_us: 0,
        })
    }

    /// Takes one event. What it yields is kept until it is [taken](Feed::outputs).
    pub fn push(&mut self, stamped: Stamped) {
        self.count(&stamped.event);
        if let Some(recogniser) = &mut self.recogniser {
            recogniser.push(&stamped);
        }
        self.pipeline.push(stamped, |output| self.outputs.push(output));
        self.take_recognised();
        self.note_record();
    }

    /// Behind what the pipeline has made of the same event.
    pub fn take_recognised(&mut self) {
        if let Some(recogniser) = &mut self.recogniser {
            self.outputs.extend(recogniser.outputs());
        }
    }

    /// What became of strokes is shown as it was at the newest keystroke record: whoever asks again and again must not
    /// see what becomes of single ones.
    fn note_record(&mut self) {
        if self.outputs.iter().any(|output| output.tally().is_some()) {
            self.shown = (self.pipeline.strokes(), self.pipeline.lines());
        }
    }

    fn count(&mut self, event: &Event) {
        let events = &mut self.events;
        match event {
            Event::Key { .. } => events.keystroke += 1,
            Event::Focus { .. } => events.app += 1,
            Event::Layout(_) | Event::Control(_) => {}
            Event::Gap { reason, .. } => *events.gaps.entry(reason.name()).or_default() += 1,
            Event::Move { .. } | Event::MoveTo { .. } | Event::Button { .. } | Event::Scroll { .. } | Event::Touch => {
                events.mouse += 1
            }
        }
    }

    /// Events taken so far.
    pub fn events(&self) -> Events {
        let events = self.events.clone();
        Events { keystroke: events.keystroke / SHOWN_STEP * SHOWN_STEP, ..events }
    }

    /// What became of the strokes so far, and what ended lines.
    pub fn strokes(&self) -> StrokesStatus {
        StrokesStatus::new(self.pipeline.publish(), self.shown)
    }

    /// The same, not yet rounded.
    pub fn shown(&self) -> Shown {
        self.shown
    }

    /// What the pipeline has yielded since it was asked last.
    pub fn outputs(&mut self) -> impl Iterator<Item = Output> {
        self.outputs.drain(..)
    }

    /// Sets the deadline; `now_us` is what the clock that the events are told in shows now, and `hold_us` how much later
    /// they may come.
    pub fn schedule(&mut self, now_us: Micros, hold_us: Micros) {
        let due_us = self.next_due_us();
        if (due_us, hold_us) != (self.due_us, self.hold_us) {
            (self.due_us, self.hold_us) = (due_us, hold_us);
            let left = |due_us: Micros| Duration::from_micros(u64::try_from(due_us + hold_us - now_us).unwrap_or(0));
            self.deadline = due_us.map(|due_us| Instant::now() + left(due_us));
        }
    }

    fn next_due_us(&self) -> Option<Micros> {
        let recognition = self.recogniser.as_ref().and_then(|recogniser| recogniser.recognition.due_us());
        self.pipeline.due_us().into_iter().chain(recognition).min()
    }

    /// As [`Feed::schedule`], for events that carry their own time: it goes on from the newest of them.
    pub fn schedule_from_newest_event(&mut self) {
        self.due_us = None;
        self.schedule(self.pipeline.clock_us().unwrap_or_default(), 0);
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Closes the window if its deadline is over.
    pub fn close_due(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            if let Some(due_us) = self.due_us.take() {
                self.pipeline.tick(due_us, |output| self.outputs.push(output));
                if let Some(recogniser) = &mut self.recogniser {
                    recogniser.tick(due_us);
                }
                self.take_recognised();
                self.note_record();
            }
        }
    }

    /// A record found no room: the next ones say so.
    pub fn note_loss(&mut self) {
        self.pipeline.note_loss(self.pipeline.clock_us().unwrap_or_default());
    }
}
