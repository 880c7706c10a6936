//! How many instructions the core needs for fixed work, counted by valgrind: a guard against becoming slow that no busy
//! machine can trip.
//!
//! The count is that of the test's own unoptimised build, where every step that is added shows. Another toolchain may
//! translate the same source to a few per cent more or less, hence the bound. A change that is meant to cost more
//! changes the number.

#[path = "common/workload.rs"]
mod workload;

use seclyzer::features::app::History;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::sources::evdev::decode::Raw;
use std::process::Command;
use std::sync::OnceLock;
use workload::START_US;

/// As counted with Rust 1.95 on x86-64.
const RECORDED: f64 = 309e6;
/// Far above what toolchains differ by, far below what a second pass over a window would cost.
const BOUND: f64 = 1.25;

/// Tells the process that it is the one whose instructions are counted.
const VARIABLE: &str = "SECLYZER_COUNT_INSTRUCTIONS";
const LENGTH_US: i64 = 60_000_000;

static REPORTS: OnceLock<Vec<Raw>> = OnceLock::new();

/// Counted from its beginning to its end, by its name.
#[unsafe(no_mangle)]
extern "C" fn seclyzer_counted_work() {
    let (mut decoder, mut events) = (workload::decoder(), Vec::new());
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
    for &report in REPORTS.get().expect("made before") {
        decoder.feed(report, &mut events);
        for event in events.drain(..) {
            pipeline.push(event, drop::<Output>);
        }
    }
}

#[test]
fn the_core_needs_no_more_instructions_for_the_same_work_than_it_did() {
    if std::env::var_os(VARIABLE).is_some() {
        let mut reports = workload::typing(START_US, LENGTH_US, 10);
        reports.extend(workload::motion(START_US, LENGTH_US, 1000));
        reports.sort_by_key(|report| report.ts_us);
        REPORTS.set(reports).ok().expect("once");
        return seclyzer_counted_work();
    }
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=seclyzer_counted_work"])
        .arg(std::env::current_exe().expect("this test"))
        .env(VARIABLE, "1")
        .output()
        .expect("valgrind runs; is it installed?");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let counted = told.split("Collected :").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    let counted = counted.unwrap_or_else(|| panic!("no count: {told}"));
    assert!(counted > RECORDED / BOUND, "{counted} instructions: the recorded number is out of date");
    assert!(counted < RECORDED * BOUND, "{counted} instructions, {RECORDED} recorded");
}
