//! The store: from a record's being handed over to its being committed, and back.

use crate::encoders::entry;
use criterion::Criterion;
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::Origin;
use seclyzer::store::Store;
use tokio::runtime::Runtime;

const BATCH: i64 = 256;

pub fn measure(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = config::Store { path: folder.path().join("seclyzer.db"), retention: None };
    let store = Store::open(&settings).expect("a new database");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut end_us = crate::workload::START_US;
    criterion.bench_function("commit one keystroke record", |bencher| {
        bencher.iter(|| commit(&runtime, &store, &mut end_us, 1));
    });
    criterion.bench_function("commit 256 keystroke records", |bencher| {
        bencher.iter(|| commit(&runtime, &store, &mut end_us, BATCH));
    });
    criterion.bench_function("fetch 64 keystroke records", |bencher| {
        bencher.iter(|| runtime.block_on(store.fetch(0, 64)).expect("records"));
    });
}

fn commit(runtime: &Runtime, store: &Store, end_us: &mut i64, count: i64) {
    let newest = *store.committed().borrow() + count;
    for _ in 0..count {
        *end_us += 5_000_000;
        let entry = entry("keystroke", *end_us);
        assert!(store.append(&entry.identity, Origin::Device, Output::Window(entry.record)), "the queue is full");
    }
    runtime.block_on(async { store.committed().wait_for(|&id| id >= newest).await.map(drop) }).expect("it runs");
}
