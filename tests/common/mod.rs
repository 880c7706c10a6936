//! What several tests share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod compare;
pub mod generator;
pub mod reference;
pub mod secrets;
pub mod typing;

use seclyzer::event::{Micros, Stamped, json};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::recognition::coarse::{Decision, Score};
use seclyzer::recognition::{Modality, Reason, State};
use seclyzer::record::{Body, Entry, Identity, Origin, Record};
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

/// Records of every kind: those of a golden trace, and then those that recognition makes.
pub fn records() -> Vec<Record> {
    let mut records = replay(parse(include_str!("../golden/desk.jsonl")));
    records.extend(recognised());
    records
}

/// Scores, and decisions up to an alarm and back, of the day of that trace.
pub fn recognised() -> Vec<Record> {
    const BEGIN_US: Micros = 1_790_000_000_000_000;
    let at = |second: i64, body| Record { window_end_us: BEGIN_US + second * 1_000_000, degraded: false, body };
    let score =
        |state, trust, learnt_keys| Body::Score(Score { state, trust, learnt_keys, learnt_actions: 450, sittings: 4 });
    let decision = |from, to, reason, modality| Body::Decision(Decision { from, to, reason, modality });
    vec![
        at(0, score(State::Learning, None, 1_900)),
        at(3, decision(State::Learning, State::Owner, Reason::Ready, None)),
        at(5, score(State::Owner, Some(100), 2_000)),
        at(8, decision(State::Owner, State::Doubtful, Reason::Evidence, Some(Modality::Keys))),
        at(10, score(State::Doubtful, Some(50), 2_000)),
        at(11, decision(State::Doubtful, State::Stranger, Reason::Evidence, Some(Modality::Both))),
        at(15, score(State::Stranger, Some(0), 2_000)),
        at(16, decision(State::Stranger, State::Owner, Reason::Calm, Some(Modality::Mouse))),
    ]
}
