//! The cores on their own, and the whole way of an event in memory: decode, core, windows.

use crate::cpu_time::CpuTime;
use crate::workload::{self, START_US};
use criterion::{BatchSize, Criterion, Throughput};
use seclyzer::event::{Event, Stamped};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::KeystrokeCore;
use seclyzer::features::mouse::MouseCore;
use seclyzer::pipeline::{Pipeline, Windows};
use seclyzer::sources::evdev::decode::Raw;
use std::hint::black_box;

const WINDOW_US: i64 = 30_000_000;

pub fn measure(criterion: &mut Criterion<CpuTime>) {
    keystroke_window(criterion);
    mouse_window(criterion);
    whole_way(criterion);
}

/// One window of 600 events: ten keys a second.
fn keystroke_window(criterion: &mut Criterion<CpuTime>) {
    let events = workload::decoded(&workload::typing(START_US, WINDOW_US, 10));
    assert_eq!(events.len(), 600);
    let mut core = KeystrokeCore::default();
    for Stamped { ts_us, event } in events {
        let Event::Key { key, action } = event else { unreachable!("only keys were typed") };
        core.push(ts_us, key, action);
    }
    criterion.bench_function("keystroke window of 600 events", |bencher| {
        bencher.iter(|| core.features(black_box(START_US + WINDOW_US), WINDOW_US).expect("enough keys"));
    });
}

fn mouse_window(criterion: &mut Criterion<CpuTime>) {
    for (name, rate) in [("mouse window, 125 Hz", 125), ("mouse window, 8 kHz", 8000)] {
        let mut core = MouseCore::default();
        for Stamped { ts_us, event } in workload::decoded(&workload::motion(START_US, WINDOW_US, rate)) {
            let Event::Move { dx, dy } = event else { unreachable!("the mouse only moved") };
            core.push_move(ts_us, dx, dy);
        }
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| core.features(black_box(START_US + WINDOW_US), WINDOW_US).expect("enough motion"));
        });
    }
}

/// Throughput counts events: a key's press or release, a packet of motion.
fn whole_way(criterion: &mut Criterion<CpuTime>) {
    const MINUTE_US: i64 = 60_000_000;
    let mut group = criterion.benchmark_group("decode, core and windows");
    for (name, reports) in [
        ("mouse, 1 kHz", workload::motion(START_US, MINUTE_US, 1000)),
        ("mouse, 8 kHz", workload::motion(START_US, MINUTE_US, 8000)),
        ("keys, 10/s", workload::typing(START_US, 20 * MINUTE_US, 10)),
        ("keys, 100/s", workload::typing(START_US, 20 * MINUTE_US, 100)),
    ] {
        group.throughput(Throughput::Elements(workload::decoded(&reports).len() as u64));
        let fresh = || Pipeline::new(Windows::CONTRACT, History::default());
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(fresh, |pipeline| run(pipeline, &reports), BatchSize::LargeInput);
        });
    }
}

/// As the agent does it: what one read brought is decoded, then pushed.
fn run(pipeline: &mut Pipeline, reports: &[Raw]) {
    const REPORTS_A_READ: usize = 64;
    let (mut decoder, mut events) = (workload::decoder(), Vec::with_capacity(REPORTS_A_READ));
    for read in reports.chunks(REPORTS_A_READ) {
        read.iter().for_each(|&report| decoder.feed(report, &mut events));
        for event in events.drain(..) {
            pipeline.push(event, |output| drop(black_box(output)));
        }
    }
}
