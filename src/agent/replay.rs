//! Replaying a trace through the same pipeline, store and sinks as live events.

use super::outlet::Outlet;
use crate::event::json::Reject;
use crate::event::{Micros, Stamped};
use crate::features::app::History;
use crate::features::keystroke::Publish;
use crate::pipeline::{Output, Pipeline, Windows};
use crate::record::Origin;
use crate::sources::trace::{Line, TraceReader};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Lines of a trace that may wait for the pipeline.
const LINES: usize = 256;

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

/// Replays one trace; `progress` is told how many bytes have been read.
pub async fn replay(
    input: impl BufRead + Send + 'static,
    windows: Windows,
    publish: Publish,
    speed: Speed,
    outlet: &Outlet,
    mut progress: impl FnMut(u64),
) -> Result<Replayed, ReplayError> {
    let history = match &outlet.store {
        Some(store) => store.history(&outlet.identity, Origin::Trace).await?,
        None => History::default(),
    };
    let pipeline = Pipeline::new(windows, history).publishing(publish);
    let mut run = Run { pipeline, outlet, replayed: Replayed::default() };
    let mut tempo = Tempo { speed, begin: None };
    let mut lines = read_lines(input);
    while let Some(line) = lines.recv().await {
        let (read, line) = line.map_err(ReplayError::Trace)?;
        progress(read);
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
    run.finish(&mut tempo).await
}

/// The lines of a trace, each with the number of bytes read so far. They are read by a thread of their own, since a pipe
/// may keep its reader waiting.
fn read_lines(input: impl BufRead + Send + 'static) -> mpsc::Receiver<io::Result<(u64, Line)>> {
    let (sender, lines) = mpsc::channel(LINES);
    tokio::task::spawn_blocking(move || {
        let mut reader = TraceReader::new(input);
        while let Some(line) = reader.next_line().transpose() {
            let is_last = line.is_err();
            // Whoever replays may have been interrupted.
            if sender.blocking_send(line.map(|line| (reader.bytes_read(), line))).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

struct Run<'a> {
    pipeline: Pipeline,
    outlet: &'a Outlet,
    replayed: Replayed,
}

impl Run<'_> {
    /// Lets time pass up to an event, and closes the window if it ends before that.
    async fn wait_for(&mut self, tempo: &mut Tempo, ts_us: Micros) -> Result<(), ReplayError> {
        if tempo.speed == Speed::Max {
            return Ok(());
        }
        if let Some(due_us) = self.pipeline.due_us().filter(|&due_us| due_us < ts_us) {
            tempo.reach(due_us).await;
            let mut outputs = Vec::new();
            self.pipeline.tick(due_us, |output| outputs.push(output));
            self.put(outputs).await?;
        }
        tempo.reach(ts_us).await;
        Ok(())
    }

    async fn take(&mut self, stamped: Stamped) -> Result<(), ReplayError> {
        self.replayed.events += 1;
        let mut outputs = Vec::new();
        self.pipeline.push(stamped, |output| outputs.push(output));
        self.put(outputs).await
    }

    async fn finish(mut self, tempo: &mut Tempo) -> Result<Replayed, ReplayError> {
        if let Some(due_us) = self.pipeline.due_us() {
            tempo.reach(due_us).await;
        }
        let mut outputs = Vec::new();
        self.pipeline.finish(|output| outputs.push(output));
        self.put(outputs).await?;
        Ok(self.replayed)
    }

    async fn put(&mut self, outputs: Vec<Output>) -> Result<(), ReplayError> {
        for output in outputs {
            self.replayed.records += u64::from(output.record().is_some());
            if let Some(line) = self.outlet.line(Origin::Trace, &output) {
                writeln!(io::stdout().lock(), "{line}").map_err(ReplayError::Output)?;
            }
            self.outlet.put_when_free(Origin::Trace, output).await?;
        }
        Ok(())
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
