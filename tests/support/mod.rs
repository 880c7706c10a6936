//! What the tests of sinks and of the Redis channel share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod accounts;
pub mod agent;
pub mod alarm;
pub mod browser;
pub mod compositor;
pub mod http;
pub mod leaks;
pub mod learner;
pub mod manager;
pub mod month;
pub mod servers;
pub mod sums;
pub mod typists;
pub mod watcher;

use seclyzer::config::{self, Switch};
use seclyzer::event::Micros;
use seclyzer::features::app::Transition;
use seclyzer::features::keystroke::Publish;
use seclyzer::features::names::{KEYSTROKE_COUNT, MOUSE_COUNT};
use seclyzer::recognition::coarse::{Decision, Score};
use seclyzer::recognition::{Modality, Reason, State};
use seclyzer::record::{Body, Entry, Identity, Origin, Record, Stored};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for what must happen.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < LIMIT, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// As [`eventually`], for a test without a runtime.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An hour ago: no database takes such a time for one of the future, or for one that is long gone.
pub fn an_hour_ago_us() -> Micros {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    (now.as_micros() as Micros) - 3_600_000_000
}

/// One record, of another kind for each of three numbers in a row; numbers are seconds from `start_us`.
pub fn record(start_us: Micros, number: i64) -> Record {
    let body = match number.rem_euclid(3) {
        0 => Body::Keystroke {
            strokes: Publish::Lines,
            total_keys: 30,
            features: Box::new([Some(number as f64 + 0.5); KEYSTROKE_COUNT]),
        },
        1 => Body::Mouse { total_samples: 40, features: Box::new([Some(number as f64 + 0.25); MOUSE_COUNT]) },
        _ => Body::App(Transition {
            from_app: "editor".into(),
            to_app: "browser".into(),
            duration_ms: 1500,
            transition_count: 2,
            transition_probability: 0.5,
            switch_rate_per_min: 1.25,
            distinct_apps: 2,
            focus_entropy_bits: 0.75,
            hour: 12,
            hour_probability: 0.125,
        }),
    };
    Record { window_end_us: start_us + number * 1_000_000, degraded: false, body }
}

pub fn entry(record: Record) -> Entry {
    let identity = Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false };
    Entry::new(identity.into(), Origin::Device, record)
}

/// One record of recognition, a score and a decision in turn; numbers are seconds from `start_us`.
pub fn recognised(start_us: Micros, number: i64) -> Record {
    let learnt = number.unsigned_abs() * 100;
    let body = match number.rem_euclid(2) {
        0 => Body::Score(Score {
            state: State::Owner,
            trust: Some(75),
            learnt_keys: learnt,
            learnt_actions: 450,
            sittings: 4,
        }),
        _ => Body::Decision(Decision {
            from: State::Owner,
            to: State::Doubtful,
            reason: Reason::Evidence,
            modality: Some(Modality::Both),
        }),
    };
    Record { window_end_us: start_us + number * 1_000_000, degraded: false, body }
}

/// Records of all kinds as the store hands them out: of three in a row the first is of features.
pub fn mixed_batch(ids: RangeInclusive<i64>) -> Vec<Stored> {
    let start_us = an_hour_ago_us();
    let record = |id: i64| if id % 3 == 1 { record(start_us, id / 3) } else { recognised(start_us, id) };
    ids.map(|id| Stored { id, entry: entry(record(id)) }).collect()
}

/// Records as the store hands them out.
pub fn batch(ids: RangeInclusive<i64>) -> Vec<Stored> {
    let start_us = an_hour_ago_us();
    ids.map(|id| Stored { id, entry: entry(record(start_us, id)) }).collect()
}

pub fn redis_settings(url: &str) -> config::Redis {
    config::Redis {
        enabled: Switch::On,
        url: url.into(),
        username: None,
        password: None,
        tls: config::Tls::default(),
        stream: true,
        stream_max_len: 1_000_000,
        accept_events: true,
        events_publish: Publish::All,
    }
}
