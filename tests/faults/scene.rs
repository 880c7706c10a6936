//! What is played, the servers it is played to, and what they hold afterwards.

use crate::support::agent::{Agent, Home};
use crate::support::servers::{Influx1, Redis};
use seclyzer::record::Kind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A record by its kind and its window's end, which name it where one origin and one user write.
pub type Names = BTreeSet<(String, i64)>;

const STREAMS: [&str; 2] = ["seclyzer:stream:features", "seclyzer:stream:decisions"];
const DAY_US: i64 = 86_400_000_000;

/// A golden trace, a minute and a half of typing, pointing and switching, moved back in time by so many days.
pub fn trace(days: i64) -> String {
    let golden = include_str!("../golden/desk.jsonl");
    let moved = |line: &str| {
        let mut event: Value = serde_json::from_str(line).expect("JSON");
        event["ts"] = (time_us(line) - days * DAY_US).into();
        event.to_string() + "\n"
    };
    golden.lines().map(moved).collect()
}

/// Writes such traces into a folder.
pub fn write_traces(folder: &Path, days: std::ops::Range<i64>) -> Vec<PathBuf> {
    let write = |day| {
        let path = folder.join(format!("{day}.jsonl"));
        std::fs::write(&path, trace(day)).expect("a trace");
        path
    };
    days.map(write).collect()
}

/// Replays traces as fast as it goes, with recognition, and waits for the sinks.
pub fn replay(home: &Home, traces: &[PathBuf], more: &[&str]) -> Agent {
    let traces: Vec<&str> = traces.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let arguments = ["replay", "--recognise", "--speed", "max", "--drain", "120"];
    Agent::start(home.command(&[&arguments, more, &traces].concat()))
}

/// The records that a replay of these traces prints.
pub fn expected(traces: &[PathBuf]) -> Names {
    let home = Home::with_config("");
    let paths: Vec<&str> = traces.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let output = home.run(&[&["replay", "--recognise", "--stdout", "--speed", "max"], &paths[..]].concat());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let names: Names = text.lines().map(name).collect();
    assert!(!names.is_empty(), "nothing comes of the traces");
    names
}

/// The name of a record in JSON.
pub fn name(record: &str) -> (String, i64) {
    let record: Value = serde_json::from_str(record).expect("JSON");
    (record["type"].as_str().expect("a type").to_owned(), record["window_end"].as_i64().expect("a time"))
}

/// Records of a database, which must be sound.
pub fn in_database(path: &Path) -> Names {
    let connection = rusqlite::Connection::open(path).expect("a database");
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
    // A kill may come before the tables are there, or some of them.
    let is_made = |kind: &Kind| connection.prepare(&format!("SELECT 1 FROM {}", kind.table())).is_ok();
    let mut names = Names::new();
    for kind in Kind::ALL.into_iter().filter(is_made) {
        let mut all = connection.prepare(&format!("SELECT window_end FROM {}", kind.table())).expect("a table");
        let rows = all.query_map([], |row| row.get(0)).expect("rows");
        names.extend(rows.map(|end| (kind.name().to_owned(), end.expect("a time"))));
    }
    names
}

/// Records of which there is a stream.
pub fn streamed(names: &Names) -> Names {
    names.iter().filter(|(kind, _)| kind != Kind::Score.name()).cloned().collect()
}

/// Records in the streams of features and of decisions, and how many of them are there more than once.
pub async fn in_streams(redis: &Redis) -> (Names, usize) {
    let records = [redis.stream().await, redis.decisions().await].concat();
    distinct(records.iter().map(|record| name(record)).collect())
}

/// Those in either stream behind the entry with this id, which is moved to the last one.
pub async fn in_streams_after(redis: &Redis, ids: &mut [String; 2]) -> Names {
    let mut names = Names::new();
    for (stream, id) in STREAMS.iter().zip(ids) {
        let (records, last) = redis.entries(stream, id).await;
        *id = last;
        names.extend(records.iter().map(|record| name(record)));
    }
    names
}

/// The time of these days of traces, µs.
pub fn span_us(days: std::ops::Range<i64>) -> std::ops::Range<i64> {
    // Each trace lies within one day.
    let first = trace(0).lines().next().map(time_us).expect("a first line");
    first - (days.end - 1) * DAY_US..first + DAY_US - days.start * DAY_US
}

fn time_us(line: &str) -> i64 {
    let event: Value = serde_json::from_str(line).expect("JSON");
    event["ts"].as_i64().expect("a time")
}

/// Records in a database of InfluxDB, and how many of them are there more than once.
pub async fn in_influx(influx: &Influx1, database: &str) -> (Names, usize) {
    in_influx_between(influx, database, 0..i64::MAX / 1000).await
}

/// The same of the records of a time, µs.
pub async fn in_influx_between(influx: &Influx1, database: &str, us: std::ops::Range<i64>) -> (Names, usize) {
    let mut all = Vec::new();
    let time = format!("time >= {} AND time < {}", us.start * 1000, us.end.saturating_mul(1000));
    for kind in Kind::ALL {
        let answer = influx.query(&format!("SELECT degraded FROM {database}..{} WHERE {time}", kind.table())).await;
        let points = answer["results"][0]["series"][0]["values"].as_array().cloned().unwrap_or_default();
        all.extend(points.iter().map(|point| (kind.name().to_owned(), point[0].as_i64().expect("a time") / 1000)));
    }
    distinct(all)
}

fn distinct(all: Vec<(String, i64)>) -> (Names, usize) {
    let count = all.len();
    let names: Names = all.into_iter().collect();
    let twice = count - names.len();
    (names, twice)
}

/// Sections of a configuration for a Redis with its stream and for a database of InfluxDB 1.x.
pub fn sections(redis_url: &str, influx_url: &str, database: &str) -> String {
    format!(
        "[redis]\nenabled = true\nurl = \"{redis_url}\"\nstream = true\n\
         [influx]\nurl = \"{influx_url}\"\napi = \"v1\"\ndatabase = \"{database}\"\n"
    )
}

/// The most memory that a process has had, KiB.
pub fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
