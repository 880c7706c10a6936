//! `seclyzer record`

use super::{Error, block_on, logging, told_to_end};
use crate::agent::{AgentError, hardening, windows_of};
use crate::config::{Config, Loaded};
use crate::event::{Event, Key, Stamped, json};
use crate::features::app::History;
use crate::pipeline::{Pipeline, Windows};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::Devices;
use crate::sources::stand_in::StandIns;
use std::fs::OpenOptions;
use std::future::pending;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// Record what the devices report as a trace, until told to end (Ctrl-C); asks first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer record --zones -o trace.jsonl             the same features, no text
  seclyzer record --zones --seconds 600 -o trace.jsonl
  seclyzer replay trace.jsonl --speed max --stdout   what a trace gives

Without --zones the trace holds every key that was typed, passwords included. Keep it to yourself.")]
pub struct Args {
    /// The trace to write; must not exist
    #[arg(short, long, value_name = "TRACE")]
    output: PathBuf,
    /// Put in each key's place one that stands for its zone and kind: the same records, no text
    #[arg(long)]
    zones: bool,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, loaded: Loaded) -> Result<(), Error> {
    logging::start(&loaded.config.log)?;
    if !args.yes && !is_agreed(args)? {
        return Err(Error::Unavailable("nothing was recorded: it was not agreed to (or use --yes)".into()));
    }
    block_on(record(args, &loaded.config))
}

fn is_agreed(args: &Args) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let what = if args.zones {
        "when each key was pressed, with a stand-in for which it was"
    } else {
        "EVERY KEY THAT IS TYPED, passwords included"
    };
    eprint!("This writes {what} to {}. Go on? [y/N] ", args.output.display());
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn record(args: &Args, config: &Config) -> Result<(), Error> {
    let ended = told_to_end();
    tokio::pin!(ended);
    hardening::protect_memory();
    let clock = EventClock::new().map_err(AgentError::Clock)?;
    let mut capture = Capture::start(Devices::open(&config.devices)?, clock, &config.x11);
    let cannot_create = |source| Error::CannotCreate { path: args.output.clone(), source };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.output).map_err(cannot_create)?;
    let mut trace = TraceWriter::new(BufWriter::new(file), args.zones, windows_of(&config.window));
    let mut batch: Vec<Stamped> = Vec::new();
    let end = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut ended => break,
            () = &mut end => break,
            () = capture.next(&mut batch) => {
                batch.drain(..).try_for_each(|stamped| trace.write(stamped)).map_err(cannot_create)?;
            }
        }
    }
    let events = trace.finish().map_err(cannot_create)?;
    tracing::info!(events, "recorded {}", args.output.display());
    Ok(())
}

/// Writes events as a replay must see them to give the records that the agent would have given.
struct TraceWriter<W> {
    out: W,
    /// Knows at which time an event is taken that came late.
    pipeline: Pipeline,
    stand_ins: Option<StandIns>,
    events: u64,
}

impl<W: Write> TraceWriter<W> {
    fn new(out: W, zones: bool, windows: Windows) -> TraceWriter<W> {
        let pipeline = Pipeline::new(windows, History::default());
        TraceWriter { out, pipeline, stand_ins: zones.then(StandIns::default), events: 0 }
    }

    fn write(&mut self, mut stamped: Stamped) -> io::Result<()> {
        stamped.ts_us = self.pipeline.push(stamped.clone(), |_| {});
        if let (Some(stand_ins), Event::Key { key, action }) = (&mut self.stand_ins, &mut stamped.event) {
            *key = stand_ins.stand_in(*key, *action);
        }
        // Only a key that has no name cannot be told; no feature would tell it from another.
        if let Some(object) = json::to_json(&stamped).or_else(|| unnamed(&stamped)) {
            writeln!(self.out, "{object}")?;
            self.events += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.events)
    }
}

/// A key without a name, told as one that no feature tells from it.
fn unnamed(stamped: &Stamped) -> Option<serde_json::Value> {
    let Event::Key { key, action } = stamped.event else { return None };
    let alike = Key::all().find(|other| other.is_alike(key))?;
    json::to_json(&Stamped { ts_us: stamped.ts_us, event: Event::Key { key: alike, action } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Output;

    fn records(trace: &[u8]) -> Vec<Output> {
        let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
        let mut outputs = Vec::new();
        for line in trace.split(|&byte| byte == b'\n') {
            if let Ok(event) = json::parse(line) {
                pipeline.push(event, |output| outputs.push(output));
            }
        }
        pipeline.finish(|output| outputs.push(output));
        outputs
    }

    #[test]
    fn a_trace_with_stand_ins_gives_the_same_records_and_no_text() {
        let typed = include_bytes!("../../tests/golden/typist.jsonl");
        let mut trace = TraceWriter::new(Vec::new(), true, Windows::CONTRACT);
        for line in typed.split(|&byte| byte == b'\n') {
            if let Ok(event) = json::parse(line) {
                trace.write(event).expect("room for an event");
            }
        }
        let zoned = trace.out;
        assert_eq!(records(&zoned), records(typed));
        let keys = |trace: &[u8]| -> std::collections::BTreeSet<String> {
            let text = String::from_utf8(trace.to_vec()).expect("UTF-8");
            let key = |line: &str| Some(line.split_once("\"key\":\"")?.1.split_once('"')?.0.to_owned());
            text.lines().filter_map(key).collect()
        };
        assert!(keys(typed).len() > 26, "the whole alphabet was typed");
        assert!(keys(&zoned).len() <= 20, "{:?}", keys(&zoned));
    }
}
