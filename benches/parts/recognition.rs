//! Recognition of an owner who is known: strokes, actions of the mouse and its reports, and what is stored of it.

use crate::cpu_time::CpuTime;
use crate::{owner, workload};
use criterion::{Criterion, Throughput};
use seclyzer::event::{Action, Event, Micros, Stamped};
use seclyzer::recognition::Recognition;
use std::hint::black_box;

const MINUTE_US: Micros = 60_000_000;

pub fn measure(criterion: &mut Criterion<CpuTime>) {
    let (mut recognition, mut now_us) = owner::known();
    let mut group = criterion.benchmark_group("recognition");
    for (name, minute, of) in minutes() {
        let counted = minute.iter().filter(|stamped| of(&stamped.event)).count();
        group.throughput(Throughput::Elements(counted as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                push(&mut recognition, &minute, now_us);
                now_us += MINUTE_US;
            });
        });
    }
    group.finish();
    criterion.bench_function("recognition, snapshot", |bencher| {
        bencher.iter(|| recognition.snapshot(|bytes| _ = black_box(bytes)))
    });
    criterion.bench_function("recognition, what is stored", |bencher| bencher.iter(|| recognition.stored().to_json()));
}

type Which = fn(&Event) -> bool;

/// A minute each, that begins at 0, and which of its events are counted.
fn minutes() -> [(&'static str, Vec<Stamped>, Which); 4] {
    let decoded = |reports: Vec<_>| workload::decoded(&reports);
    [
        ("strokes", decoded(workload::typing(0, MINUTE_US, 8)), is_press),
        ("strokes of a game", decoded(workload::playing(0, MINUTE_US)), is_press),
        ("actions, 125 Hz", decoded(workload::pointing(0, MINUTE_US, 125)), |event| {
            matches!(event, Event::Button { .. })
        }),
        ("motion, 8 kHz", decoded(workload::motion(0, MINUTE_US, 8000)), |event| matches!(event, Event::Move { .. })),
    ]
}

fn is_press(event: &Event) -> bool {
    matches!(event, Event::Key { action: Action::Press, .. })
}

fn push(recognition: &mut Recognition, events: &[Stamped], from_us: Micros) {
    for Stamped { ts_us, event } in events {
        let stamped = Stamped { ts_us: from_us + ts_us, event: event.clone() };
        recognition.push(black_box(&stamped), |told| _ = black_box(told));
    }
}
