//! Replaying a trace through the same pipeline, store and sinks as live events.

use super::outlet::Outlet;
use super::recogniser::Recogniser;
use crate::event::json::Reject;
use crate::event::{Micros, Stamped};
use crate::features::app::History;
use crate::features::keystroke::Publish;
use crate::pipeline::{Output, Pipeline, Windows};
use crate::record::Origin;
use crate::sources::trace::{Line, TraceReader};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Lines of a trace that are passed on together at most, and how often that many may wait for the pipeline.
const LINES: usize = 256;
const BATCHES: usize = 2;

/// How fast time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the trace could not be read: {0}")]
    Trace(io::Error),
    #[error("records could not be written to standard output: {0}")]
    Output(io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a trace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub events: u64,
    pub records: u64,
    /// Events that were dropped: the number of the first such line, and how many.
    pub rejected: BTreeMap<Reject, (u64, u64)>,
}

/// How a trace is replayed.
#[derive(Debug)]
pub struct Replay {
    pub windows: Windows,
    pub publish: Publish,
    pub speed: Speed,
    /// Recognition with a state of its own, which goes on from trace to trace.
    pub recogniser: Option<Recogniser>,
    /// Scores and decisions are printed with all their figures.
    pub exact: bool,
}

/// Replays one trace; `progress` is told how many bytes have been read, from time to time.
pub async fn replay(
    input: impl Read + Send + 'static,
    how: &mut Replay,
    outlet: &Outlet,
    mut progress: impl FnMut(u64),
) -> Result<Replayed, ReplayError> {
    let history = match &outlet.store {
        Some(store) => store.history(&outlet.identity, Origin::Trace).await?,
        None => History::default(),
    };
    let pipeline = Pipeline::new(how.windows, history).publishing(how.publish);
    let mut tempo = Tempo { speed: how.speed, begin: None };
    let out = BufWriter::new(io::stdout());
    let mut run = Run { pipeline, how, outlet, out, outputs: Vec::new(), replayed: Replayed::default() };
    let mut batches = read_batches(input);
    while let Some(batch) = run.next(&mut batches).await? {
        let Batch { lines, bytes_read } = batch.map_err(ReplayError::Trace)?;
        progress(bytes_read);
        for line in lines {
            match line {
                Line::Event(stamped) => {
                    run.wait_for(&mut tempo, stamped.ts_us).await?;
                    run.take(stamped).await?;
                }
                Line::Rejected(number, reject) => {
                    run.replayed.rejected.entry(reject).or_insert((number, 0)).1 += 1;
                }
            }
        }
    }
    run.finish(&mut tempo).await
}

/// Lines that were there at once.
struct Batch {
    lines: Vec<Line>,
    /// Of the trace, with these lines.
    bytes_read: u64,
}

/// The lines of a trace. They are read by a thread of their own, since a pipe may keep its reader waiting; what is there
/// is passed on before that.
fn read_batches(input: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Batch>> {
    let (sender, batches) = mpsc::channel(BATCHES);
    tokio::task::spawn_blocking(move || {
        let mut reader = TraceReader::new(input);
        loop {
            let batch = match reader.next_line() {
                Ok(None) => return,
                Ok(Some(first)) => {
                    let mut lines = Vec::with_capacity(LINES);
                    lines.push(first);
                    while let Some(line) = (lines.len() < LINES).then(|| reader.next_buffered()).flatten() {
                        lines.push(line);
                    }
                    Ok(Batch { lines, bytes_read: reader.bytes_read() })
                }
                Err(error) => Err(error),
            };
            let is_last = batch.is_err();
            // Whoever replays may have been interrupted.
            if sender.blocking_send(batch).is_err() || is_last {
                return;
            }
        }
    });
    batches
}

struct Run<'a> {
    pipeline: Pipeline,
    how: &'a mut Replay,
    outlet: &'a Outlet,
    /// Written out before anything is waited for.
    out: BufWriter<Stdout>,
    /// What an event yields; reused.
    outputs: Vec<Output>,
    replayed: Replayed,
}

impl Run<'_> {
    async fn next(
        &mut self,
        batches: &mut mpsc::Receiver<io::Result<Batch>>,
    ) -> Result<Option<io::Result<Batch>>, ReplayError> {
        match batches.try_recv() {
            Ok(batch) => {
                // However fast they come: an interruption must be heard.
                tokio::task::consume_budget().await;
                Ok(Some(batch))
            }
            Err(_) => {
                self.flush()?;
                Ok(batches.recv().await)
            }
        }
    }

    /// Lets time pass up to an event, and closes the window if it ends before that.
    async fn wait_for(&mut self, tempo: &mut Tempo, ts_us: Micros) -> Result<(), ReplayError> {
        if tempo.speed == Speed::Max {
            return Ok(());
        }
        while let Some(due_us) = self.due_us().filter(|&due_us| due_us < ts_us) {
            self.flush()?;
            tempo.reach(due_us).await;
            self.pipeline.tick(due_us, |output| self.outputs.push(output));
            if let Some(recogniser) = &mut self.how.recogniser {
                recogniser.tick(due_us);
            }
            self.put().await?;
        }
        self.flush()?;
        tempo.reach(ts_us).await;
        Ok(())
    }

    async fn take(&mut self, stamped: Stamped) -> Result<(), ReplayError> {
        self.replayed.events += 1;
        if let Some(recogniser) = &mut self.how.recogniser {
            recogniser.push(&stamped);
        }
        self.pipeline.push(stamped, |output| self.outputs.push(output));
        let is_anything_there =
            !self.outputs.is_empty() || self.how.recogniser.as_ref().is_some_and(Recogniser::has_outputs);
        if is_anything_there { self.put().await } else { Ok(()) }
    }

    /// When the first interval ends that is open.
    fn due_us(&self) -> Option<Micros> {
        let recognition = self.how.recogniser.as_ref().and_then(|recogniser| recogniser.recognition.due_us());
        self.pipeline.due_us().into_iter().chain(recognition).min()
    }

    async fn finish(mut self, tempo: &mut Tempo) -> Result<Replayed, ReplayError> {
        if let Some(due_us) = self.due_us() {
            self.flush()?;
            tempo.reach(due_us).await;
        }
        self.pipeline.finish(|output| self.outputs.push(output));
        if let Some(recogniser) = &mut self.how.recogniser {
            recogniser.finish();
        }
        self.put().await?;
        self.flush()?;
        Ok(self.replayed)
    }

    async fn put(&mut self) -> Result<(), ReplayError> {
        if let Some(recogniser) = self.how.recogniser.as_mut().filter(|_| !self.how.exact) {
            self.outputs.extend(recogniser.outputs());
        }
        for output in self.outputs.drain(..) {
            self.replayed.records += u64::from(output.record().is_some());
            if let Some(line) = self.outlet.line(Origin::Trace, &output) {
                writeln!(self.out, "{line}").map_err(ReplayError::Output)?;
            }
            self.outlet.put_when_free(Origin::Trace, output).await?;
        }
        for told in self.how.recogniser.iter_mut().flat_map(Recogniser::exact) {
            self.replayed.records += 1;
            writeln!(self.out, "{}", told.to_exact_json()).map_err(ReplayError::Output)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ReplayError> {
        self.out.flush().map_err(ReplayError::Output)
    }
}

/// Which moment of the trace it is.
struct Tempo {
    speed: Speed,
    /// The first event's time, there and here.
    begin: Option<(Micros, Instant)>,
}

impl Tempo {
    async fn reach(&mut self, ts_us: Micros) {
        let Speed::Times(times) = self.speed else { return };
        let &mut (first_us, begin) = self.begin.get_or_insert_with(|| (ts_us, Instant::now()));
        let since_us = (ts_us - first_us).max(0) as f64 / times;
        sleep_until(begin + Duration::from_micros(since_us as u64)).await;
    }
}
