//! How many instructions fixed work needs, counted by valgrind: a guard against becoming slow that no busy machine can
//! trip.
//!
//! The counts are those of unoptimised builds, where every step that is added shows. Another toolchain may translate the
//! same source to a few per cent more or less, hence the bound. A change that is meant to cost more changes the numbers.

#[path = "common/workload.rs"]
mod workload;

use seclyzer::agent::injected::Feeds;
use seclyzer::agent::outlet::{Outlet, Show};
use seclyzer::config::{self, Switch, Tls};
use seclyzer::event::{Stamped, json};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::Identity;
use seclyzer::remote::redis::servers;
use seclyzer::sources::evdev::decode::Raw;
use seclyzer::sources::redis::{CHANNEL, Counts, Intake, subscription::Subscription};
use std::io::Cursor;
use std::process::Command;
use std::sync::OnceLock;
use tokio::sync::{mpsc, watch};
use workload::START_US;

/// Far above what toolchains differ by, far below what a second pass over a window would cost.
const BOUND: f64 = 1.25;

/// Tells the process that it is the one whose instructions are counted.
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
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=seclyzer_counted_work"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", test])
        .env(VARIABLE, "1");
    Some(collected(&mut valgrind))
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
