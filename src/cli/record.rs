//! `seclyzer record`

use super::devices::none_read;
use super::{Error, block_on, logging, told_to_end};
use crate::agent::{AgentError, hardening, windows_of};
use crate::config::{Config, Loaded};
use crate::event::{Event, Key, Layout, Stamped, json};
use crate::features::app::History;
use crate::pipeline::{Pipeline, Windows};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::{Devices, State};
use crate::sources::stand_in::StandIns;
use std::fs::{File, OpenOptions};
use std::future::pending;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Record the devices' events as a trace until stopped (Ctrl-C); asks first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer record --zones -o trace.jsonl             the same features, no text
  seclyzer record --zones --seconds 600 -o trace.jsonl
  seclyzer replay trace.jsonl --speed max --stdout   what a trace gives

Without --zones the trace contains every key that was typed, passwords included. With it, it still contains the zone and
the exact times of each key, which are enough to recognise a password among guesses. Keep both kinds private.

Exit codes: 0 the trace is complete; 69 you did not agree, or no device can be read; 73 the trace cannot be written, or
exists already.")]
pub struct Args {
    /// The trace to write; must not exist
    #[arg(short, long, value_name = "TRACE")]
    output: PathBuf,
    /// Replace each key by one that stands for its zone and kind: the same records, no text, but the times of each key
    #[arg(long)]
    zones: bool,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, loaded: Loaded) -> Result<(), Error> {
    logging::start(&loaded.config.log)?;
    if !args.yes && !is_agreed(args)? {
        return Err(Error::Unavailable(format!(
            "nothing was recorded: this writes {}, to which you have to agree; answer y in a terminal, or use --yes",
            what_is_written(args)
        )));
    }
    block_on(record(args, &loaded.config))
}

/// What has to be agreed to.
fn what_is_written(args: &Args) -> String {
    let what = if args.zones {
        "the zone and the times of each key that is typed (no text, but enough to recognise a password among guesses)"
    } else {
        "EVERY KEY THAT IS TYPED, passwords included,"
    };
    format!("{what} to {}", args.output.display())
}

fn is_agreed(args: &Args) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("This writes {}. Continue? [y/N] ", what_is_written(args));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn record(args: &Args, config: &Config) -> Result<(), Error> {
    let ended = told_to_end();
    tokio::pin!(ended);
    hardening::protect_memory();
    let cannot_create = |source| Error::CannotCreate { path: args.output.clone(), source };
    let file = create(&args.output).map_err(cannot_create)?;
    let mut capture = start_capture(config).inspect_err(|_| {
        // Nothing is in it; if it stays behind, that is all.
        let _ = std::fs::remove_file(&args.output);
    })?;
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

/// A file of the owner's alone, where there was none.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Fails where there is no device to record: a trace of nothing would be taken for one of a person who did nothing.
fn start_capture(config: &Config) -> Result<Capture, Error> {
    let clock = EventClock::new().map_err(AgentError::Clock)?;
    let devices = Devices::open(&config.devices)?;
    let nodes = devices.nodes();
    if !nodes.iter().any(|node| node.state == State::Read) {
        return Err(Error::Unavailable(format!("nothing was recorded: {}", none_read(&nodes))));
    }
    Ok(Capture::start(devices, clock, &config.x11, &config.keyboard))
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
        match (&mut self.stand_ins, &mut stamped.event) {
            (Some(stand_ins), Event::Key { key, action }) => *key = stand_ins.stand_in(*key, *action),
            (Some(stand_ins), Event::Layout(layout)) => stand_ins.set_layout(**layout),
            _ => {}
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
    let alike = Key::all().find(|other| Layout::US.are_alike(*other, key))?;
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
    fn a_trace_is_its_owner_s_alone_and_never_takes_a_file_s_place() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trace.jsonl");
        let file = create(&path).expect("a file");
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path).expect_err("there already").kind(), io::ErrorKind::AlreadyExists);
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
