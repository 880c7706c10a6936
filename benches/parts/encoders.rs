//! Records to text.

use crate::cpu_time::CpuTime;
use criterion::Criterion;
use seclyzer::features::keystroke::Publish;
use seclyzer::features::names::{KEYSTROKE_COUNT, MOUSE_COUNT};
use seclyzer::record::{Body, Entry, Identity, Origin, Record};

/// A record in which every feature has a value of many digits.
pub fn entry(kind: &str, window_end_us: i64) -> Entry {
    let value = |i: usize| Some(100.0 / (i as f64 + 3.0));
    let body = match kind {
        "keystroke" => Body::Keystroke {
            strokes: Publish::Lines,
            total_keys: 100,
            features: Box::new(std::array::from_fn::<_, KEYSTROKE_COUNT, _>(value)),
        },
        _ => Body::Mouse { total_samples: 4000, features: Box::new(std::array::from_fn::<_, MOUSE_COUNT, _>(value)) },
    };
    let identity = Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false };
    Entry::new(identity.into(), Origin::Device, Record { window_end_us, degraded: false, body })
}

pub fn measure(criterion: &mut Criterion<CpuTime>) {
    for kind in ["keystroke", "mouse"] {
        let entry = entry(kind, crate::workload::START_US);
        criterion.bench_function(&format!("{kind} record as JSON"), |bencher| bencher.iter(|| entry.to_json()));
        let mut line = String::new();
        criterion.bench_function(&format!("{kind} record as line protocol"), |bencher| {
            bencher.iter(|| {
                line.clear();
                entry.write_line(&mut line);
                line.len()
            });
        });
    }
}
