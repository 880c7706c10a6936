//! Nothing is allocated on the path of an event, from the kernel's report to the window it waits in.

#[path = "common/workload.rs"]
mod workload;

use seclyzer::features::app::History;
use seclyzer::pipeline::{Pipeline, Windows};
use seclyzer::sources::evdev::decode::Raw;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use workload::START_US;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts what each thread asks for.
struct Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
        let (allocations_before, records_before) = (ALLOCATIONS.get(), records);
        decoder.feed(report, &mut events);
        for event in events.drain(..) {
            pipeline.push(event, |_| records += 1);
        }
        if is_warm {
            assert_eq!(ALLOCATIONS.get() - allocations_before, records - records_before);
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
