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
const REL_WHEEL: u16 = 8;
const BTN_LEFT: u16 = 272;

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

/// What a mouse of this report rate says while somebody points at things: a way of 0.6 s a second, each another one, every
/// second one with a click at its end, and the wheel now and then.
pub fn pointing(from_us: Micros, length_us: Micros, reports_a_second: i64) -> Vec<Raw> {
    const SECOND_US: Micros = 1_000_000;
    const WAY_US: Micros = 600_000;
    let mut reports = Vec::new();
    let packet = |ts_us, kind, code, value| [raw(ts_us, kind, code, value), raw(ts_us, EV_SYN, 0, 0)];
    for (i, begin_us) in (from_us + 1..from_us + length_us).step_by(SECOND_US as usize).enumerate() {
        // 0 to 1, without a pattern that soon returns.
        let chance = |n: usize| ((i * 8 + n) as f64 * 0.754_877_666).fract();
        let (length, angle) = (120.0 + 500.0 * chance(0), std::f64::consts::TAU * chance(1));
        let place = |share: f64| {
            let way = share * share * share * (10.0 - 15.0 * share + 6.0 * share * share);
            let bow = 0.1 * (std::f64::consts::PI * way).sin();
            [angle.cos() * way - angle.sin() * bow, angle.sin() * way + angle.cos() * bow].map(|part| part * length)
        };
        let mut at = [0, 0];
        let way_us = WAY_US - (150_000.0 * chance(2)) as Micros;
        for after_us in (0..way_us).step_by((SECOND_US / reports_a_second) as usize) {
            let to = place(after_us as f64 / way_us as f64).map(|part| part.round() as i32);
            let ts_us = begin_us + after_us;
            reports.extend([raw(ts_us, EV_REL, 0, to[0] - at[0]), raw(ts_us, EV_REL, 1, to[1] - at[1])]);
            reports.push(raw(ts_us, EV_SYN, 0, 0));
            at = to;
        }
        if i % 2 == 0 {
            let press_us = begin_us + way_us + 60_000 + (60_000.0 * chance(3)) as Micros;
            reports.extend(packet(press_us, EV_KEY, BTN_LEFT, 1));
            reports.extend(packet(press_us + 70_000 + (40_000.0 * chance(4)) as Micros, EV_KEY, BTN_LEFT, 0));
        } else if i % 8 == 1 {
            (0..4).for_each(|n| reports.extend(packet(begin_us + way_us + 50_000 * (n + 1), EV_REL, REL_WHEEL, -1)));
        }
    }
    reports
}

/// What a keyboard reports in a game: W is held, other keys are tapped meanwhile.
pub fn playing(from_us: Micros, length_us: Micros) -> Vec<Raw> {
    const OTHERS: [u16; 4] = [30, 31, 32, 57];
    let mut reports = Vec::new();
    for (i, press_us) in (from_us + 1..from_us + length_us).step_by(250_000).enumerate() {
        if i % 4 == 0 {
            reports.extend([(press_us, 17, 1), (press_us + 900_000, 17, 0)]);
        }
        let code = OTHERS[i * 7 % 11 % OTHERS.len()];
        reports.extend([(press_us + 50_000, code, 1), (press_us + 150_000, code, 0)]);
    }
    reports.sort_by_key(|&(ts_us, ..)| ts_us);
    let packet = |(ts_us, code, value)| [raw(ts_us, EV_KEY, code, value), raw(ts_us, EV_SYN, 0, 0)];
    reports.into_iter().flat_map(packet).collect()
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
