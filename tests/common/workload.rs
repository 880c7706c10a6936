//! Steady work to measure: somebody types plain text, or moves a mouse without pause; the same in every run.
#![allow(dead_code, reason = "each measurement uses a part of it")]

use seclyzer::event::{Micros, Stamped};
use seclyzer::sources::evdev::Surface;
use seclyzer::sources::evdev::decode::{Decoder, Modalities, Raw};

/// When the work begins: at the end of a window.
pub const START_US: Micros = 1_790_000_000_000_000;
const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_REL: u16 = 2;

/// Codes of the keys of `the quick brown fox …`, spaces included.
const TEXT: [u16; 44] = [
    20, 35, 18, 57, 16, 22, 23, 46, 37, 57, 48, 19, 24, 17, 49, 57, 33, 24, 45, 57, 36, 22, 50, 25, 31, 57, 24, 47, 18,
    19, 57, 20, 35, 18, 57, 38, 30, 44, 21, 57, 32, 24, 34, 57,
];

/// What a keyboard reports while so many keys a second go down; every third key goes down before the last is up.
pub fn typing(from_us: Micros, length_us: Micros, keys_a_second: i64) -> Vec<Raw> {
    let interval_us = 1_000_000 / keys_a_second;
    let mut reports = Vec::new();
    for (i, press_us) in (from_us + 1..from_us + length_us).step_by(interval_us as usize).enumerate() {
        let jitter_us = i as i64 * 7919 % (interval_us / 4);
        let press_us = press_us + jitter_us;
        let dwell_us = if i % 3 == 0 { interval_us * 5 / 4 } else { interval_us * 3 / 5 };
        let code = TEXT[i % TEXT.len()];
        reports.extend([(press_us, code, 1), (press_us + dwell_us, code, 0)]);
    }
    reports.sort_by_key(|&(ts_us, ..)| ts_us);
    let packet = |(ts_us, code, value)| [raw(ts_us, EV_KEY, code, value), raw(ts_us, EV_SYN, 0, 0)];
    reports.into_iter().flat_map(packet).collect()
}

/// What a mouse of this report rate says while it moves in curves.
pub fn motion(from_us: Micros, length_us: Micros, reports_a_second: i64) -> Vec<Raw> {
    let interval_us = 1_000_000 / reports_a_second;
    let packet = |ts_us: Micros| {
        let s = (ts_us - START_US) as f64 / 1e6;
        let (dx, dy) = (5.0 * (2.1 * s).cos(), 4.0 * (3.3 * s).sin());
        // Never nothing, so that every packet is an event.
        let (dx, dy) = (dx as i32 + i32::from(dx >= 0.0), dy as i32);
        [raw(ts_us, EV_REL, 0, dx - i32::from(dx == 0)), raw(ts_us, EV_REL, 1, dy), raw(ts_us, EV_SYN, 0, 0)]
    };
    (from_us + 1..from_us + length_us).step_by(interval_us as usize).flat_map(packet).collect()
}

fn raw(ts_us: Micros, kind: u16, code: u16, value: i32) -> Raw {
    Raw { ts_us, kind, code, value }
}

/// Of a device that can do everything.
pub fn decoder() -> Decoder {
    Decoder::new(Modalities { keystroke: true, mouse: true }, Surface::None)
}

/// The events that reports become.
pub fn decoded(reports: &[Raw]) -> Vec<Stamped> {
    let (mut decoder, mut events) = (decoder(), Vec::new());
    reports.iter().for_each(|&report| decoder.feed(report, &mut events));
    events
}
