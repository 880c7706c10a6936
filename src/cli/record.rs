//! `seclyzer record`

use super::consent::is_agreed;
use super::devices::none_read;
use super::{Error, block_on, logging, told_to_end};
use crate::agent::{AgentError, hardening, windows_of};
use crate::config::{Config, Loaded};
use crate::event::{Event, Key, Stamped, json};
use crate::features::app::History;
use crate::pipeline::{Pipeline, Windows};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::{Devices, State};
use crate::sources::stand_in::StandIns;
use std::fs::{File, OpenOptions};
use std::future::pending;
use std::io::{self, BufWriter, Write};
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
    /// Replace each key by one of its zone and kind on an invented layout: the same records, no text, but the times of each key
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
    if !args.yes && !is_agreed(&format!("writes {}", what_is_written(args)))? {
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
    let mut is_over = false;
    while !is_over {
        tokio::select! {
            () = &mut ended => is_over = true,
            () = &mut end => is_over = true,
            () = capture.next(&mut batch) => {}
        }
        if is_over {
            // Devices are read late.
            capture.flush(&mut batch);
        }
        batch.drain(..).try_for_each(|stamped| trace.write(stamped)).map_err(cannot_create)?;
    }
    let events = trace.finish().map_err(cannot_create)?;
    capture.end().await;
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
        let before_us = self.pipeline.clock_us();
        let ts_us = self.pipeline.push(stamped.clone(), |_| {});
        stamped.ts_us = ts_us;
        let Some(stand_ins) = &mut self.stand_ins else { return self.put(&stamped) };
        // The pipeline takes the clock's step back for a gap.
        if before_us.is_some_and(|before_us| ts_us < before_us) {
            stand_ins.reset();
        }
        let layout = stand_ins.trace_layout();
        stand_ins.replace(&mut stamped.event);
        if before_us.is_none() {
            self.put(&Stamped { ts_us, event: Event::Layout(Box::new(layout)) })?;
        }
        self.put(&stamped)
    }

    fn put(&mut self, stamped: &Stamped) -> io::Result<()> {
        // Only a key that has no name cannot be told; no feature would tell it from another.
        if let Some(object) = json::to_json(stamped).or_else(|| unnamed(stamped)) {
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
    let alike = Key::all().find(|other| other.is_of_kind_of(key))?;
    json::to_json(&Stamped { ts_us: stamped.ts_us, event: Event::Key { key: alike, action } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, GapReason, Scope};
    use crate::features::keystroke::Publish;
    use crate::features::keystroke::tally::{Lines, Strokes};
    use crate::pipeline::Output;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const TYPIST: &[u8] = include_bytes!("../../tests/golden/typist.jsonl");
    const LAYOUTS: &[u8] = include_bytes!("../../tests/golden/layouts.jsonl");
    const HANDS: &[u8] = include_bytes!("../../tests/golden/hands.jsonl");
    const EDGES: &[u8] = include_bytes!("../../tests/golden/edges.jsonl");

    fn events(trace: &[u8]) -> impl Iterator<Item = Stamped> {
        trace.split(|&byte| byte == b'\n').filter_map(|line| json::parse(line).ok())
    }

    /// With all that is reported of strokes.
    fn records(trace: &[u8], publish: Publish) -> (Vec<Output>, Strokes, Lines) {
        let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default()).publishing(publish);
        let mut outputs = Vec::new();
        events(trace).for_each(|event| {
            pipeline.push(event, |output| outputs.push(output));
        });
        pipeline.finish(|output| outputs.push(output));
        (outputs, pipeline.strokes(), pipeline.lines())
    }

    fn zoned(events: impl IntoIterator<Item = Stamped>) -> Vec<u8> {
        let mut trace = TraceWriter::new(Vec::new(), true, Windows::CONTRACT);
        events.into_iter().for_each(|event| trace.write(event).expect("room for an event"));
        trace.out
    }

    fn keys(trace: &[u8]) -> BTreeSet<String> {
        let text = String::from_utf8(trace.to_vec()).expect("UTF-8");
        let key = |line: &str| Some(line.split_once("\"key\":\"")?.1.split_once('"')?.0.to_owned());
        text.replace(": ", ":").lines().filter_map(key).collect()
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
    fn a_trace_with_stand_ins_gives_the_same_records() {
        for (name, typed) in [("typist", TYPIST), ("layouts", LAYOUTS), ("hands", HANDS), ("edges", EDGES)] {
            let zoned = zoned(events(typed));
            for publish in Publish::ALL {
                assert!(records(&zoned, publish) == records(typed, publish), "{name} with {publish:?}");
            }
        }
    }

    #[test]
    fn a_trace_with_stand_ins_contains_no_text() {
        assert!(keys(TYPIST).len() > 26, "the whole alphabet was typed");
        for (name, typed) in [("typist", TYPIST), ("layouts", LAYOUTS)] {
            let keys = keys(&zoned(events(typed)));
            assert!(keys.len() <= 20, "{name}: {keys:?}");
        }
    }

    #[test]
    fn a_trace_with_stand_ins_contains_one_layout_in_the_real_ones_place() {
        let zoned = zoned(events(LAYOUTS));
        let layouts = |trace| events(trace).filter(|stamped| matches!(stamped.event, Event::Layout(_)));
        assert_eq!(layouts(&zoned).count(), layouts(LAYOUTS).count() + 1, "one to begin with");
        let mut different: Vec<Event> = layouts(&zoned).map(|stamped| stamped.event).collect();
        different.dedup();
        assert!(different.len() > 5 && different.iter().step_by(2).all(|event| *event == different[0]));
        assert!(different.iter().skip(1).step_by(2).all(|event| *event == different[1]));
    }

    /// What a hand, a keyboard or a program does next.
    #[derive(Debug, Clone)]
    enum Step {
        Type(usize),
        /// The same, and its release never comes.
        TypeAndLose(usize),
        Modifier(usize),
        Layout(usize),
        Gap,
        ClockBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            400 => (0..KEYS.len()).prop_map(Step::Type),
            5 => (0..KEYS.len()).prop_map(Step::TypeAndLose),
            30 => (0..MODIFIERS.len()).prop_map(Step::Modifier),
            3 => (0..6_usize).prop_map(Step::Layout),
            1 => Just(Step::Gap),
            1 => Just(Step::ClockBack),
        ]
    }

    /// Each letter and the space often enough that words come of them.
    const KEYS: &str = "                qwertyuiopasdfghjkl;'zxcvbnm,.ertuioasdfnmlh[]26790-/";
    const MODIFIERS: [&str; 2] = ["KEY_LEFTSHIFT", "KEY_RIGHTALT"];

    fn happen(steps: &[Step]) -> Vec<Stamped> {
        let is_layout = |line: &&[u8]| line.starts_with(b"{\"type\": \"layout\"");
        let layouts = LAYOUTS.split(|&byte| byte == b'\n').filter(is_layout);
        let layouts: Vec<Event> = layouts.filter_map(|line| Some(json::parse(line).ok()?.event)).collect();
        let named = |name: &str| Key::named(name).expect("a key");
        let key = |i: usize| named(&KEYS[i..=i]);
        let (mut ts_us, mut out) = (1_790_000_000_000_000_i64, Vec::new());
        let (mut down, mut modifiers) = (None::<Key>, [false; 2]);
        for step in steps {
            ts_us += 60_000;
            let mut put = |after_us, event| out.push(Stamped { ts_us: ts_us + after_us, event });
            match *step {
                Step::Type(i) | Step::TypeAndLose(i) => {
                    // Keys of two fingers overlap.
                    let is_one_finger = down.is_some_and(|down| down.zone() == key(i).zone());
                    let press = (0, Event::Key { key: key(i), action: Action::Press });
                    let release = |key| Event::Key { key, action: Action::Release };
                    let mut both = vec![press];
                    match down.take() {
                        Some(key) if is_one_finger => both.insert(0, (-10_000, release(key))),
                        Some(key) => both.push((10_000, release(key))),
                        None => {}
                    }
                    both.into_iter().for_each(|(after_us, event)| put(after_us, event));
                    down = matches!(step, Step::Type(_)).then(|| key(i));
                }
                Step::Modifier(i) => {
                    modifiers[i] = !modifiers[i];
                    let action = if modifiers[i] { Action::Press } else { Action::Release };
                    put(0, Event::Key { key: named(MODIFIERS[i]), action });
                }
                Step::Layout(i) => put(0, layouts[i % layouts.len()].clone()),
                Step::Gap => put(0, Event::Gap { scope: Scope::Keystroke, reason: GapReason::Told }),
                Step::ClockBack => ts_us -= 5_000_000,
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn whatever_happens_a_trace_with_stand_ins_gives_the_same_records(steps in vec(step(), 600..1200)) {
            let happened = happen(&steps);
            let mut real = TraceWriter::new(Vec::new(), false, Windows::CONTRACT);
            happened.iter().cloned().for_each(|event| real.write(event).expect("room for an event"));
            let zoned = zoned(happened);
            for publish in Publish::ALL {
                prop_assert!(records(&zoned, publish) == records(&real.out, publish), "{:?}", publish);
            }
        }
    }
}
