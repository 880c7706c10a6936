//! What the agent's parts cost: `cargo bench --bench parts`.

mod cores;
mod cpu_time;
mod decoder;
mod encoders;
mod keeper;
#[path = "../../tests/common/owner.rs"]
mod owner;
mod recognition;
mod store;
#[path = "../../tests/common/workload.rs"]
mod workload;

use cpu_time::CpuTime;
use criterion::{Criterion, criterion_group};
use std::time::Duration;

/// Short, since there are many; a median over so many samples is steady all the same.
fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = in_memory;
    config = criterion().with_measurement(CpuTime);
    targets = cores::measure, decoder::measure, encoders::measure, recognition::measure
}
criterion_group! {
    name = on_disk;
    config = criterion();
    targets = store::measure, keeper::measure
}

fn main() {
    keeper::start_manager();
    in_memory();
    on_disk();
    Criterion::default().configure_from_args().final_summary();
}
