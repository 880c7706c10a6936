//! A pipeline with where its events come from, when its window is due, and where its records go.

use crate::event::{Event, Micros, Stamped};
use crate::pipeline::{Output, Pipeline, Windows};
use crate::record::{Entry, Identity, Origin, Record};
use crate::store::{Store, StoreError};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How records are shown on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Nothing,
    /// One line a person can read.
    Summary,
    /// The JSON object.
    Json,
}

/// Where records go.
#[derive(Debug)]
pub struct Outlet {
    pub identity: Arc<Identity>,
    /// `None`: nothing is stored.
    pub store: Option<Store>,
    pub show: Show,
}

impl Outlet {
    /// Shows and stores what a pipeline yielded, without waiting; `false` if the store had no room.
    pub fn put(&self, origin: Origin, output: Output) -> bool {
        // Whoever reads standard output may have gone; the records are stored all the same.
        let _ = self.show(origin, &output);
        self.store.as_ref().is_none_or(|store| store.append(&self.identity, origin, output))
    }

    /// Stores what a pipeline yielded, and waits for room.
    pub async fn store_when_free(&self, origin: Origin, output: Output) -> Result<(), StoreError> {
        match &self.store {
            Some(store) => store.append_when_free(&self.identity, origin, output).await,
            None => Ok(()),
        }
    }

    /// Shows a record on standard output, if that is asked for.
    pub fn show(&self, origin: Origin, output: &Output) -> io::Result<()> {
        let (Output::Window(record) | Output::Focus(_, Some(record))) = output else { return Ok(()) };
        let line = match self.show {
            Show::Nothing => return Ok(()),
            Show::Summary => record.summary(),
            Show::Json => self.json(origin, record),
        };
        writeln!(io::stdout().lock(), "{line}")
    }

    fn json(&self, origin: Origin, record: &Record) -> String {
        Entry { identity: Arc::clone(&self.identity), origin, record: record.clone() }.to_json()
    }
}

/// Events taken so far, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Events {
    pub keystroke: u64,
    pub mouse: u64,
    pub app: u64,
    pub gap: u64,
}

impl Events {
    fn count(&mut self, event: &Event) {
        let counter = match event {
            Event::Key { .. } => &mut self.keystroke,
            Event::Focus { .. } => &mut self.app,
            Event::Gap { .. } => &mut self.gap,
            Event::Move { .. } | Event::MoveTo { .. } | Event::Button { .. } | Event::Scroll { .. } => &mut self.mouse,
        };
        *counter += 1;
    }
}

/// One pipeline of the agent.
#[derive(Debug)]
pub struct Feed {
    pipeline: Pipeline,
    origin: Origin,
    pub events: Events,
    /// When the open window ends, on this machine's own clock.
    deadline: Option<Instant>,
    /// The window's end that `deadline` was computed from.
    due_us: Option<Micros>,
}

impl Feed {
    pub fn new(origin: Origin, pipeline: Pipeline) -> Feed {
        Feed { pipeline, origin, events: Events::default(), deadline: None, due_us: None }
    }

    /// A pipeline that has learnt what the store knows of applications.
    pub async fn with_history(origin: Origin, windows: Windows, outlet: &Outlet) -> Result<Feed, StoreError> {
        let history = match &outlet.store {
            Some(store) => store.history(&outlet.identity, origin).await?,
            None => Default::default(),
        };
        Ok(Feed::new(origin, Pipeline::new(windows, history)))
    }

    /// Takes one event; returns the time that it was taken at.
    pub fn push(&mut self, stamped: Stamped, outlet: &Outlet) -> Micros {
        self.events.count(&stamped.event);
        let mut fits = true;
        let ts_us = self.pipeline.push(stamped, |output| fits &= outlet.put(self.origin, output));
        self.note_lost(fits, ts_us);
        ts_us
    }

    /// Sets the deadline; `now_us` is what the clock that the events are told in shows now.
    pub fn schedule(&mut self, now_us: Micros) {
        let due_us = self.pipeline.due_us();
        if due_us != self.due_us {
            self.due_us = due_us;
            let left = |due_us: Micros| Duration::from_micros(u64::try_from(due_us - now_us).unwrap_or(0));
            self.deadline = due_us.map(|due_us| Instant::now() + left(due_us));
        }
    }

    /// As [`Feed::schedule`], for events that carry their own time: it goes on from the newest of them.
    pub fn schedule_from_newest_event(&mut self) {
        self.due_us = None;
        self.schedule(self.pipeline.clock_us().unwrap_or_default());
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub fn is_open(&self) -> bool {
        self.pipeline.due_us().is_some()
    }

    /// Closes the window if its deadline is over.
    pub fn close_due(&mut self, now: Instant, outlet: &Outlet) {
        let Some(due_us) = self.due_us.filter(|_| self.deadline.is_some_and(|deadline| deadline <= now)) else {
            return;
        };
        let mut fits = true;
        self.pipeline.tick(due_us, |output| fits &= outlet.put(self.origin, output));
        self.note_lost(fits, due_us);
        self.due_us = None;
        self.deadline = None;
    }

    /// A record found no room: the next ones say so.
    fn note_lost(&mut self, fits: bool, ts_us: Micros) {
        if !fits {
            tracing::error!("a record is lost: the store has fallen behind");
            self.pipeline.note_loss(ts_us);
        }
    }
}
