//! What criterion has measured of the parts in the same `make bench`.

use crate::report::Earlier::{Unknown, Was};
use crate::report::Report;
use crate::report::Target::{AtLeast, AtMost};
use std::path::Path;

/// Ends a line of the table in millions of events a second.
const A_MINUTE_OF_8_KHZ: f64 = 480_000.0;
const TWENTY_MINUTES_OF_100_KEYS_A_SECOND: f64 = 240_000.0;

pub fn rows(report: &mut Report) {
    let us = |name: &str| median_ns(name).map(|ns| ns / 1000.0);
    let million_a_second = |name: &str, events: f64| median_ns(name).map(|ns| events / ns * 1000.0);
    report.row("keystroke window of 600 events", AtMost(20.0), us("keystroke window of 600 events"), "µs", Was(58.0));
    report.row("mouse window of 30 s at 8 kHz", AtMost(150.0), us("mouse window, 8 kHz"), "µs", Was(263.0));
    let mouse = million_a_second("decode, core and windows/mouse, 8 kHz", A_MINUTE_OF_8_KHZ);
    report.row("mouse events through decode, core, windows", AtLeast(10.0), mouse, "M/s", Unknown);
    let keys = million_a_second("decode, core and windows/keys, 100_s", TWENTY_MINUTES_OF_100_KEYS_A_SECOND);
    report.row("key events through decode, core, windows", AtLeast(5.0), keys, "M/s", Unknown);
}

fn median_ns(name: &str) -> Result<f64, &'static str> {
    let folder = Path::new(env!("CARGO_BIN_EXE_seclyzer")).ancestors().nth(2).expect("target/release/seclyzer");
    let path = folder.join("criterion").join(name).join("new/estimates.json");
    let text = std::fs::read(path).map_err(|_| "run `cargo bench --bench parts` first")?;
    let estimates: serde_json::Value = serde_json::from_slice(&text).map_err(|_| "criterion writes another form")?;
    estimates["median"]["point_estimate"].as_f64().ok_or("criterion writes another form")
}
