//! How many instructions fixed work needs, counted by valgrind: a guard against becoming slow that no busy machine can
//! trip.
//!
//! The counts are those of unoptimised builds, where every step that is added shows. Another toolchain may translate the
//! same source to a few per cent more or less, hence the bound. A change that is meant to cost more changes the numbers.

#[path = "common/owner.rs"]
mod owner;
#[path = "common/workload.rs"]
mod workload;

use seclyzer::agent::injected::Feeds;
use seclyzer::agent::outlet::{Outlet, Show};
use seclyzer::config::{self, Switch, Tls};
use seclyzer::event::{Event, Micros, Stamped, json};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::recognition::mouse::Strokes;
use seclyzer::recognition::{Recognition, Settings};
use seclyzer::record::Identity;
use seclyzer::remote::redis::servers;
use seclyzer::sources::evdev::decode::Raw;
use seclyzer::sources::redis::{CHANNEL, Counts, Intake, subscription::Subscription};
use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use tokio::sync::{mpsc, watch};
use workload::START_US;

/// Far above what toolchains differ by, far below what a second pass over a window would cost.
const BOUND: f64 = 1.25;

/// Tells the process that it is the one whose instructions are counted; a folder with what was prepared for it.
const VARIABLE: &str = "SECLYZER_COUNT_INSTRUCTIONS";
const LENGTH_US: i64 = 60_000_000;

static WORK: OnceLock<fn()> = OnceLock::new();

/// Counted from its beginning to its end, by its name.
#[unsafe(no_mangle)]
extern "C" fn seclyzer_counted_work() {
    WORK.get().expect("made before")();
}

fn collected(valgrind: &mut Command) -> f64 {
    let output = valgrind.output().expect("valgrind runs; is it installed?");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let counted = told.split("Collected :").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    counted.unwrap_or_else(|| panic!("no count: {told}"))
}

/// Has the work of the test of that name counted in a process of its own.
fn count_or_do(test: &str, work: fn()) -> Option<f64> {
    if std::env::var_os(VARIABLE).is_some() {
        WORK.set(work).expect("once");
        seclyzer_counted_work();
        return None;
    }
    Some(count(test, Path::new("")))
}

/// `prepared` is a folder for it.
fn count(test: &str, prepared: &Path) -> f64 {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=seclyzer_counted_work"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", test])
        .env(VARIABLE, prepared);
    collected(&mut valgrind)
}

/// As counted with Rust 1.95 on x86-64.
fn judge(counted: f64, recorded: f64) {
    assert!(counted > recorded / BOUND, "{counted} instructions: the recorded number is out of date");
    assert!(counted < recorded * BOUND, "{counted} instructions, {recorded} recorded");
}

static REPORTS: OnceLock<Vec<Raw>> = OnceLock::new();

#[test]
fn the_core_needs_no_more_instructions_for_the_same_work_than_it_did() {
    let mut reports = workload::typing(START_US, LENGTH_US, 10);
    reports.extend(workload::motion(START_US, LENGTH_US, 1000));
    reports.sort_by_key(|report| report.ts_us);
    REPORTS.set(reports).ok().expect("once");
    let work = || {
        let (mut decoder, mut events) = (workload::decoder(), Vec::new());
        let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
        for &report in REPORTS.get().expect("made before") {
            decoder.feed(report, &mut events);
            for event in events.drain(..) {
                pipeline.push(event, drop::<Output>);
            }
        }
    };
    if let Some(counted) = count_or_do("the_core_needs_no_more_instructions_for_the_same_work_than_it_did", work) {
        judge(counted, 408e6);
    }
}

/// Events as texts, an event a line.
fn text(reports: &[Raw]) -> String {
    let line = |stamped: &Stamped| json::to_json(stamped).expect("keys that have names").to_string() + "\n";
    workload::decoded(reports).iter().map(line).collect()
}

/// Instructions of `seclyzer replay` for a second half of a trace, in all threads.
fn replayed(reports: &[Raw]) -> (f64, f64) {
    let home = tempfile::tempdir().expect("a folder");
    let trace = text(reports);
    let lines: Vec<&str> = trace.lines().collect();
    let count = |lines: &[&str]| {
        let path = home.path().join("trace.jsonl");
        std::fs::write(&path, lines.join("\n")).expect("a trace");
        collected(
            Command::new("valgrind")
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .args([env!("CARGO_BIN_EXE_seclyzer"), "replay", "--stdout", "--speed", "max"])
                .arg(path)
                .env("HOME", home.path()),
        )
    };
    let half = lines.len() / 2;
    (count(&lines) - count(&lines[..half]), (lines.len() - half) as f64)
}

#[test]
fn replaying_motion_needs_no_more_instructions_an_event_than_it_did() {
    let (counted, events) = replayed(&workload::motion(START_US, 3_000_000, 1000));
    judge(counted / events, 31_000.0);
}

#[test]
fn replaying_keys_needs_no_more_instructions_an_event_than_it_did() {
    let (counted, events) = replayed(&workload::typing(START_US, LENGTH_US, 25));
    judge(counted / events, 53_000.0);
}

/// What Redis sends to a subscriber to whom the events of a mouse are published in bulk.
static PUBLISHED: OnceLock<Vec<u8>> = OnceLock::new();
const PUBLISHED_US: i64 = 3_000_000;

fn redis_without_login() -> config::Redis {
    config::Redis {
        enabled: Switch::On,
        url: "redis://127.0.0.1".into(),
        username: None,
        password: None,
        tls: Tls::default(),
        stream: false,
        stream_max_len: 0,
        accept_events: true,
        events_publish: Publish::All,
    }
}

#[test]
fn events_that_come_through_redis_in_bulk_need_no_more_instructions_each_than_they_did() {
    let mut published = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{CHANNEL}\r\n:1\r\n", CHANNEL.len());
    let events = text(&workload::motion(START_US, PUBLISHED_US, 1000));
    for event in events.lines() {
        published +=
            &format!("*3\r\n$7\r\nmessage\r\n${}\r\n{CHANNEL}\r\n${}\r\n{event}\r\n", CHANNEL.len(), event.len());
    }
    PUBLISHED.set(published.into_bytes()).expect("once");
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let taken = runtime.block_on(async {
            let stream = tokio::io::join(Cursor::new(PUBLISHED.get().expect("made before").clone()), tokio::io::sink());
            let server = servers(&redis_without_login()).expect("a good URL").remove(0);
            let mut subscription = Subscription::over(Box::new(stream), &server, CHANNEL).await.expect("subscribed");
            let (sender, queue) = mpsc::channel(1024);
            let (count, counts) = watch::channel(Counts::default());
            let (taken, events) = watch::channel(Default::default());
            let identity = Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false };
            let outlet = Outlet::new(identity.into(), None, Show::Nothing);
            let feeds = Feeds::new(Windows::CONTRACT, Publish::All, &outlet).await.expect("no store");
            let feeds = tokio::spawn(feeds.run(queue, taken));
            let mut intake = Intake::new(sender, count);
            intake.drain(&mut subscription).await.expect_err("the end");
            drop(intake);
            feeds.await.expect("no panic");
            assert_eq!(counts.borrow().rejected.len(), 0);
            let [(present, _), (other, _)] = events.borrow().clone();
            present.count() + other.count()
        });
        assert_eq!(taken, (PUBLISHED_US / 1000) as u64);
    };
    let test = "events_that_come_through_redis_in_bulk_need_no_more_instructions_each_than_they_did";
    if let Some(counted) = count_or_do(test, work) {
        judge(counted / (PUBLISHED_US / 1000) as f64, 38_300.0);
    }
}

/// Recognition of an owner who is known, and the event that it takes next.
static RECOGNITION: Mutex<Option<(Recognition, Stamped)>> = Mutex::new(None);

fn take_event() {
    if let Some((recognition, stamped)) = &mut *RECOGNITION.lock().expect("no panic") {
        recognition.push(stamped, drop);
    }
}

/// Instructions of recognition for those of these events that are `counted`, each, on average. The owner is learnt here
/// and handed on to the process that counts, where it would take minutes.
fn recognised<W: FnMut(&Stamped) -> bool>(
    test: &str,
    events: impl Fn(Micros) -> Vec<Stamped>,
    counted: impl Fn() -> W,
) -> Option<f64> {
    const SNAPSHOT: &str = "snapshot";
    let Some(folder) = std::env::var_os(VARIABLE) else {
        let (mut recognition, now_us) = owner::known();
        let mut snapshot = now_us.to_le_bytes().to_vec();
        recognition.snapshot(|piece| snapshot.extend(piece));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(SNAPSHOT), snapshot).expect("a snapshot");
        let mut counted = counted();
        let times = events(now_us).iter().filter(|stamped| counted(stamped)).count();
        return Some(count(test, folder.path()) / times as f64);
    };
    WORK.set(take_event).expect("once");
    let prepared = std::fs::read(Path::new(&folder).join(SNAPSHOT)).expect("a snapshot");
    let (now_us, snapshot) = prepared.split_first_chunk().expect("a time");
    let recognition = Recognition::restore(Settings::default(), snapshot).expect("a snapshot");
    let (events, mut counted) = (events(Micros::from_le_bytes(*now_us)), counted());
    *RECOGNITION.lock().expect("no panic") = Some((recognition, events[0].clone()));
    for stamped in &events {
        RECOGNITION.lock().expect("no panic").as_mut().expect("put there").1.clone_from(stamped);
        if counted(stamped) { seclyzer_counted_work() } else { take_event() }
    }
    None
}

/// How many instructions of a build as these are counted in take as long as a microsecond of the agent as it is
/// installed, on the machine of docs/benchmarks.md, which shows how that was found.
const INSTRUCTIONS_A_US: f64 = 36_000.0;
const MINUTE_US: Micros = 60_000_000;

/// Judges, and promises that it is at most so long.
fn judge_recognition(counted: f64, recorded: f64, most_us: f64) {
    judge(counted, recorded);
    let us = counted / INSTRUCTIONS_A_US;
    assert!(us <= most_us, "{counted} instructions are {us} us, more than {most_us}");
}

#[test]
fn a_stroke_of_a_known_owner_is_scored_learnt_and_kept_within_two_microseconds() {
    let test = "a_stroke_of_a_known_owner_is_scored_learnt_and_kept_within_two_microseconds";
    let typing = |from_us| workload::decoded(&workload::typing(from_us, MINUTE_US, owner::KEYS));
    if let Some(event) = recognised(test, typing, || |_: &Stamped| true) {
        judge_recognition(2.0 * event, 58_300.0, 2.0);
    }
}

/// Whether an event ends an action.
fn ends_action() -> impl FnMut(&Stamped) -> bool {
    let mut strokes = Strokes::default();
    move |stamped| {
        match stamped.event {
            Event::Move { dx, dy } => strokes.push_move(stamped.ts_us, dx, dy),
            Event::Button { action, .. } => strokes.push_button(stamped.ts_us, action),
            Event::Scroll { delta } => strokes.push_scroll(stamped.ts_us, delta),
            _ => {}
        }
        std::iter::from_fn(|| strokes.pop()).count() > 0
    }
}

#[test]
fn an_action_of_the_mouse_is_measured_scored_and_learnt_within_five_microseconds() {
    let test = "an_action_of_the_mouse_is_measured_scored_and_learnt_within_five_microseconds";
    let pointing = |from_us| workload::decoded(&workload::pointing(from_us, MINUTE_US, owner::REPORTS));
    if let Some(action) = recognised(test, pointing, ends_action) {
        judge_recognition(action, 128_000.0, 5.0);
    }
}

#[test]
fn a_report_of_a_fast_mouse_that_ends_no_action_is_taken_within_a_tenth_of_a_microsecond() {
    let test = "a_report_of_a_fast_mouse_that_ends_no_action_is_taken_within_a_tenth_of_a_microsecond";
    let motion = |from_us| workload::decoded(&workload::motion(from_us, MINUTE_US / 60, 8000));
    if let Some(report) = recognised(test, motion, || |_: &Stamped| true) {
        judge_recognition(report, 3_100.0, 0.1);
    }
}
