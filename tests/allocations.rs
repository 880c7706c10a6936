//! Nothing is allocated on the path of an event, from the kernel's report to the window it waits in, and in recognition.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/owner.rs"]
mod owner;
#[path = "common/workload.rs"]
mod workload;

use allocator::allocations;
use seclyzer::agent::recogniser::Recogniser;
use seclyzer::event::{Control, Event, GapReason, Micros, Scope, Stamped};
use seclyzer::features::app::History;
use seclyzer::pipeline::{Pipeline, Windows};
use seclyzer::sources::evdev::decode::Raw;
use workload::START_US;

/// Longer than a window, so that every buffer has reached its size.
const WARM_UP_US: i64 = 60_000_000;
const LENGTH_US: i64 = 120_000_000;

/// Runs reports through decoder and pipeline. Once warm, the only allocation is a record's own when a window ends.
fn assert_records_are_all_that_is_allocated(reports: &[Raw]) {
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
    let (mut decoder, mut events) = (workload::decoder(), Vec::with_capacity(8));
    let (mut checked, mut records) = (0, 0);
    for &report in reports {
        let is_warm = report.ts_us > START_US + WARM_UP_US;
        let (allocations_before, records_before) = (allocations(), records);
        decoder.feed(report, &mut events);
        for event in events.drain(..) {
            pipeline.push(event, |_| records += 1);
        }
        if is_warm {
            assert_eq!(allocations() - allocations_before, records - records_before);
            checked += 1;
        }
    }
    assert!(checked > reports.len() / 3 && records > 12, "{checked} reports, {records} records");
}

#[test]
fn typing_allocates_nothing_but_records() {
    assert_records_are_all_that_is_allocated(&workload::typing(START_US, LENGTH_US, 12));
}

#[test]
fn a_fast_mouse_in_motion_allocates_nothing_but_records() {
    assert_records_are_all_that_is_allocated(&workload::motion(START_US, LENGTH_US, 8000));
}

/// Whatever somebody may do in three minutes.
fn turmoil(from_us: Micros) -> Vec<Stamped> {
    const PART_US: Micros = 30_000_000;
    let parts = [
        workload::typing(from_us, PART_US, 8),
        workload::pointing(from_us + PART_US, PART_US, 1000),
        workload::playing(from_us + 2 * PART_US, PART_US),
        // Of somebody else, so that a case stays open.
        workload::typing(from_us + 3 * PART_US, PART_US, 3),
        workload::motion(from_us + 4 * PART_US, PART_US, 125),
    ];
    let mut events = workload::decoded(&parts.concat());
    let gap = |scope| Event::Gap { scope, reason: GapReason::Overrun };
    let rare = [gap(Scope::Keystroke), gap(Scope::Mouse), Event::Touch, gap(Scope::All)];
    let every_ten_seconds = (from_us..from_us + 5 * PART_US).step_by(10_000_000).zip(rare.into_iter().cycle());
    events.extend(every_ten_seconds.map(|(ts_us, event)| Stamped { ts_us: ts_us + 7, event }));
    let end_us = from_us + 5 * PART_US;
    let controls = [Control::Unlock, Control::Guest { until_us: end_us + PART_US }, Control::Lock];
    events.extend(controls.map(|control| owner::control(end_us, control)));
    events.extend(workload::decoded(&workload::typing(end_us, PART_US, 8)));
    events.sort_by_key(|stamped| stamped.ts_us);
    events
}

#[test]
fn recognition_allocates_nothing_whatever_somebody_does() {
    let (recognition, mut now_us) = owner::known();
    let mut recogniser = Recogniser::new(recognition);
    let mut records = 0;
    // The first time every pair of keys is met and every buffer reaches its size.
    for is_warm in [false, false, true] {
        for stamped in turmoil(now_us) {
            let before = allocations();
            recogniser.push(&stamped);
            records += recogniser.outputs().count();
            assert!(!is_warm || allocations() == before, "at {} us: {:?}", stamped.ts_us - now_us, stamped.event);
        }
        now_us += 200_000_000;
    }
    assert!(records > 3 * 30, "{records} records");
}
