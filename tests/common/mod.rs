//! What several tests share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod compare;
pub mod generator;
pub mod reference;

use seclyzer::event::{Stamped, json};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::{Entry, Identity, Origin, Record};
use std::sync::Arc;

/// The events of a trace that fit the contract.
pub fn parse(trace: &str) -> Vec<Stamped> {
    trace.lines().filter_map(|line| json::parse(line.as_bytes()).ok()).collect()
}

/// The records that events give, in order, with features of the strokes in lines.
pub fn replay(events: Vec<Stamped>) -> Vec<Record> {
    replay_publishing(Publish::Lines, events)
}

/// The same, with features of these strokes.
pub fn replay_publishing(publish: Publish, events: Vec<Stamped>) -> Vec<Record> {
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default()).publishing(publish);
    let mut records = Vec::new();
    let mut keep = |output: Output| records.extend(output.record().cloned());
    for event in events {
        pipeline.push(event, &mut keep);
    }
    pipeline.finish(&mut keep);
    records
}

/// The same as text, a JSON object a line.
pub fn replay_text(publish: Publish, trace: &str) -> String {
    let line = |record| Entry::new(someone(), Origin::Trace, record).to_json() + "\n";
    replay_publishing(publish, parse(trace)).into_iter().map(line).collect()
}

/// Whose records those of the tests are.
pub fn someone() -> Arc<Identity> {
    Arc::new(Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false })
}

/// Records of every kind: those of a golden trace.
pub fn records() -> Vec<Record> {
    replay(parse(include_str!("../golden/desk.jsonl")))
}
