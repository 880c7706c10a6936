//! Clocks that step, drift, sleep and stand in another zone.

mod common;
mod support;

use common::{parse, replay};
use seclyzer::event::{Event, GapReason, Scope, Stamped};
use seclyzer::features::names::KEYSTROKE;
use seclyzer::recognition::{Recognition, Settings, Told};
use seclyzer::record::{Body, Record};
use support::agent::Home;

const STATISTICS: [&str; 8] =
    ["dwell_mean", "dwell_std", "dwell_min", "dwell_max", "dwell_median", "dwell_q25", "dwell_q75", "dwell_range"];
const HOUR_US: i64 = 3_600_000_000;
const WEEK_US: i64 = 7 * 24 * HOUR_US;
/// Longer than any window: what lies behind a discontinuity this long has forgotten what came before.
const WINDOW_US: i64 = 30_000_000;

fn events() -> Vec<Stamped> {
    parse(include_str!("golden/desk.jsonl"))
}

fn moved(events: &[Stamped], by_us: i64) -> Vec<Stamped> {
    events.iter().map(|stamped| Stamped { ts_us: stamped.ts_us + by_us, event: stamped.event.clone() }).collect()
}

/// Records without what the discontinuity itself marks, and without the features told by finger: these are told by
/// epochs, which by the contract only five minutes without a key begin anew.
fn comparable(records: Vec<Record>) -> Vec<Record> {
    let by_finger =
        |name: &str| name.starts_with("digraph_") || (name.starts_with("dwell_") && !STATISTICS.contains(&name));
    let strip = |mut record: Record| {
        if let Body::Keystroke { features, .. } = &mut record.body {
            let told =
                KEYSTROKE.iter().zip(features.iter_mut()).filter(|(feature, _)| by_finger(feature.name.as_str()));
            told.for_each(|(_, value)| *value = None);
        }
        Record { degraded: false, ..record }
    };
    records.into_iter().map(strip).collect()
}

/// Keystrokes and motion only: what is learnt of applications is meant to outlive every clock.
fn input(events: Vec<Stamped>) -> Vec<Stamped> {
    events.into_iter().filter(|stamped| !matches!(stamped.event, Event::Focus { .. })).collect()
}

/// The second half of a trace comes with the clock changed by so much, after a gap if one is told. It must give what it
/// gives alone.
fn assert_second_half_stands_alone(by_us: i64, reason: Option<GapReason>) {
    let all = input(events());
    let (first, second) = all.split_at(all.len() / 2);
    let second = moved(second, by_us);
    let gap = reason.map(|reason| Stamped { ts_us: second[0].ts_us, event: Event::Gap { scope: Scope::All, reason } });
    let both: Vec<Stamped> = first.iter().cloned().chain(gap).chain(second.clone()).collect();
    let records = comparable(replay(both));
    let alone = comparable(replay(second));
    assert!(alone.len() > 5, "{} records", alone.len());
    assert_eq!(records[records.len() - alone.len()..], alone, "{by_us} µs, {reason:?}");
}

#[test]
fn a_clock_that_is_set_by_hours_either_way_leaves_no_trace_in_later_features() {
    for hours in [-26, -3, -1, 1, 3, 26] {
        assert_second_half_stands_alone(hours * HOUR_US, Some(GapReason::ClockStep));
    }
}

#[test]
fn a_week_of_sleep_leaves_no_trace_in_later_features() {
    assert_second_half_stands_alone(WEEK_US, Some(GapReason::Suspend));
}

#[test]
fn a_leap_of_the_event_clock_that_nobody_told_of_leaves_no_trace_in_later_features() {
    for by_us in [-WEEK_US, -HOUR_US, -2 * WINDOW_US, HOUR_US, WEEK_US] {
        assert_second_half_stands_alone(by_us, None);
    }
}

#[test]
fn the_first_records_behind_a_discontinuity_say_that_they_are_degraded() {
    let all = input(events());
    let (first, second) = all.split_at(all.len() / 2);
    let second = moved(second, HOUR_US);
    let gap = Event::Gap { scope: Scope::All, reason: GapReason::ClockStep };
    let gap = Stamped { ts_us: second[0].ts_us, event: gap };
    let begin_us = gap.ts_us;
    let records = replay(first.iter().cloned().chain([gap]).chain(second).collect());
    for record in records.iter().filter(|record| record.window_end_us > begin_us) {
        assert_eq!(record.degraded, record.window_end_us < begin_us + WINDOW_US, "{}", record.window_end_us);
    }
}

#[test]
fn a_wall_clock_that_is_slewed_is_no_discontinuity() {
    let all = input(events());

    let steady = replay(all.clone());
    // 500 ppm, the most that the kernel slews by, taken up between two windows: 2.5 ms each 5 s.
    for ppm in [-500, 500] {
        let begin_us = all[0].ts_us;
        let slewed = all.iter().map(|stamped| {
            let windows = (stamped.ts_us - begin_us) / 5_000_000;
            Stamped { ts_us: stamped.ts_us + windows * 5 * ppm, event: stamped.event.clone() }
        });
        let records = replay(slewed.collect());
        assert!(records.iter().all(|record| !record.degraded));
        // A window may hold one press more or less, and so be one that is told or one that is not.
        assert!(records.len().abs_diff(steady.len()) <= 1, "{ppm} ppm: {} and {}", records.len(), steady.len());
    }
}

#[test]
fn the_time_zone_changes_nothing() {
    let trace = format!("{}/tests/golden/desk.jsonl", env!("CARGO_MANIFEST_DIR"));
    let home = Home::with_config("");
    let told = ["UTC", "Pacific/Kiritimati", "America/St_Johns", "XYZ-14:30"].map(|zone| {
        let mut command = home.command(&["replay", "--stdout", "--speed", "max", &trace]);
        command.env("TZ", zone).output().expect("it runs").stdout
    });
    assert!(!told[0].is_empty());
    assert!(told.iter().all(|text| *text == told[0]));
}

/// Ends of the intervals that recognition scores. The ones of the last event come at the end.
fn score_ends_us(events: &[Stamped]) -> Vec<i64> {
    let mut recognition = Recognition::new(Settings::default(), None).expect("there is nothing to read");
    let mut ends_us = Vec::new();
    let mut take = |told| {
        if let Told::Score(score) = told {
            ends_us.push(score.window_end_us);
        }
    };
    events.iter().for_each(|stamped| recognition.push(stamped, &mut take));
    recognition.finish(&mut take);
    ends_us
}

#[test]
fn what_is_typed_after_the_clock_was_set_back_is_scored_at_once() {
    let all = input(events());
    let (first, second) = all.split_at(all.len() / 2);
    for by_us in [-HOUR_US, -WINDOW_US, -2_000_000] {
        let begin_us = first[first.len() - 1].ts_us + by_us;
        let second = moved(second, begin_us - second[0].ts_us);
        let gap = Event::Gap { scope: Scope::All, reason: GapReason::ClockStep };
        let gap = Stamped { ts_us: begin_us, event: gap };
        let both: Vec<Stamped> = first.iter().cloned().chain([gap]).chain(second.clone()).collect();
        let (both, alone) = (score_ends_us(&both), score_ends_us(&second));
        assert!(alone.len() > 5 && both.ends_with(&alone), "{by_us} µs: {both:?} and {alone:?}");
    }
}
