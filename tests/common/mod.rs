//! What several tests share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod compare;
pub mod generator;
pub mod reference;

use seclyzer::event::{Stamped, json};
use seclyzer::features::app::History;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::{Entry, Identity, Origin, Record};
use std::sync::Arc;

/// The events of a trace that fit the contract.
pub fn parse(trace: &str) -> Vec<Stamped> {
    trace.lines().filter_map(|line| json::parse(line.as_bytes()).ok()).collect()
}

/// The records that events give, in order.
pub fn replay(events: Vec<Stamped>) -> Vec<Record> {
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
    let mut records = Vec::new();
    let mut keep = |output| match output {
        Output::Window(record) | Output::Focus(_, Some(record)) => records.push(record),
        Output::Focus(_, None) => {}
    };
    for event in events {
        pipeline.push(event, &mut keep);
    }
    pipeline.finish(&mut keep);
    records
}

/// The same as text, a JSON object a line.
pub fn replay_text(trace: &str) -> String {
    let line = |record| Entry::new(someone(), Origin::Trace, record).to_json() + "\n";
    replay(parse(trace)).into_iter().map(line).collect()
}

/// Whose records those of the tests are.
pub fn someone() -> Arc<Identity> {
    Arc::new(Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false })
}

/// Records of every kind: those of a golden trace.
pub fn records() -> Vec<Record> {
    replay(parse(include_str!("../golden/desk.jsonl")))
}
