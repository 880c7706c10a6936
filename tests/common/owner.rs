//! Somebody whom recognition knows, at work; the same in every run.
#![allow(dead_code, reason = "each measurement uses a part of it")]

use super::workload::{self, START_US};
use seclyzer::event::{Control, Event, Micros, Stamped};
use seclyzer::recognition::coarse::Score;
use seclyzer::recognition::{Recognition, Settings, State};
use std::process::Command;

/// Keys a second, and reports of the mouse a second.
pub const KEYS: i64 = 8;
pub const REPORTS: i64 = 125;
/// Typing and pointing in turn.
const BOUT_US: Micros = 20_000_000;
/// Three sittings, in which keys and mouse become ready to be judged.
const SITTINGS: i64 = 4;
const SITTING_US: Micros = 300_000_000;

pub fn control(ts_us: Micros, control: Control) -> Stamped {
    Stamped { ts_us, event: Event::Control(control) }
}

/// Typing and pointing in turn.
pub fn work(from_us: Micros, length_us: Micros) -> Vec<Stamped> {
    let bouts = (from_us..from_us + length_us).step_by(2 * BOUT_US as usize);
    let reports = bouts.flat_map(|begin_us| {
        let typing = workload::typing(begin_us, BOUT_US - 1_000_000, KEYS);
        typing.into_iter().chain(workload::pointing(begin_us + BOUT_US, BOUT_US, REPORTS))
    });
    workload::decoded(&reports.collect::<Vec<_>>())
}

/// Recognition that has learnt it, and when that ends.
pub fn known() -> (Recognition, Micros) {
    let mut recognition = Recognition::new(Settings::default(), None).expect("nothing is no bad state");
    let mut ts_us = START_US;
    for _ in 0..SITTINGS {
        work(ts_us, SITTING_US).iter().for_each(|event| recognition.push(event, drop));
        ts_us += SITTING_US;
        recognition.push(&control(ts_us, Control::Lock), drop);
        ts_us += 1_000_000;
    }
    let Score { state, learnt_keys, learnt_actions, sittings, .. } = recognition.score();
    let is_ready = learnt_keys >= 2_000 && learnt_actions >= 400 && sittings >= 3;
    assert!(is_ready && state == State::Owner, "{state:?}: {learnt_keys}, {learnt_actions}, {sittings}");
    (recognition, ts_us)
}

/// A saved state as large as they come, as JSON: 15,000 strokes, and 1,500 leaves a tree.
pub fn many_keys() -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recognition/many_keys.py");
    let run = Command::new("python3").arg(script).output().expect("python3 is installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}
