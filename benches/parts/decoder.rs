//! From the kernel's bytes, and from the contract's text, to events.

use crate::cpu_time::CpuTime;
use crate::workload::{self, START_US};
use criterion::{Criterion, Throughput};
use seclyzer::event::json;
use seclyzer::sources::evdev::decode::{RAW_LEN, Raw};
use std::hint::black_box;

pub fn measure(criterion: &mut Criterion<CpuTime>) {
    let reports = workload::motion(START_US, 1_000_000, 8000);
    let bytes: Vec<[u8; RAW_LEN]> = reports.iter().map(bytes).collect();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(reports.len() as u64));
    group.bench_function("input_event", |bencher| {
        let (mut decoder, mut events) = (workload::decoder(), Vec::with_capacity(reports.len()));
        bencher.iter(|| {
            events.clear();
            bytes.iter().for_each(|bytes| decoder.feed(Raw::parse(black_box(bytes)), &mut events));
            events.len()
        });
    });
    group.throughput(Throughput::Elements(1));
    for (name, text) in [
        ("key as JSON", r#"{"type":"keystroke","ts":1790000000000000,"key":"KEY_A","event":"press"}"#),
        ("motion as JSON", r#"{"type":"mouse","ts":1790000000000000,"event":"move","dx":3,"dy":-4}"#),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| json::parse(black_box(text.as_bytes()))));
    }
}

/// As the kernel lays it out.
fn bytes(raw: &Raw) -> [u8; RAW_LEN] {
    let word = |value: i64| (value as isize).to_ne_bytes();
    let [kind, code] = [raw.kind, raw.code].map(u16::to_ne_bytes);
    let time = [word(raw.ts_us / 1_000_000), word(raw.ts_us % 1_000_000)].concat();
    let all = [&time[..], &kind, &code, &raw.value.to_ne_bytes()].concat();
    all.try_into().expect("the parts make up the whole")
}
