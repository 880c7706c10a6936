//! The binary from end to end: traces and published events in, records at a subscriber and in three databases out.

mod common;
mod support;

use common::compare::{assert_same_records, lines};
use futures_util::StreamExt;
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::agent::{Agent, Home};
use support::servers::{Influx1, Redis, VictoriaMetrics};
use support::{LIMIT, eventually};

/// Those that take a few seconds at sixty times their speed.
const GOLDEN: [&str; 4] = ["desk", "edges", "fast-mouse", "typist"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read_golden(name: &str) -> String {
    std::fs::read_to_string(golden(name)).expect("a golden file")
}

/// What stands in the section of a Redis server.
fn redis_section(server: &Redis, more: &str) -> String {
    format!("[redis]\nenabled = true\nurl = \"{}\"\n{more}\n", server.url())
}

#[test]
fn replaying_the_golden_traces_prints_the_records_that_must_come_out_of_them() {
    let home = Home::with_config("");
    let all = ["bounds", "hands", "layouts"].into_iter().chain(GOLDEN);
    let traces: Vec<String> = all.clone().map(|name| golden(&format!("{name}.jsonl")).display().to_string()).collect();
    let arguments = ["replay", "--stdout", "--speed", "max"];
    let arguments: Vec<&str> = arguments.into_iter().chain(traces.iter().map(String::as_str)).collect();
    let output = home.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: String = all.map(|name| read_golden(&format!("{name}.expected"))).collect();
    assert_same_records("all golden traces", &String::from_utf8(output.stdout).expect("UTF-8"), &expected);
    assert!(!home.database().exists(), "nothing is stored");
}

#[test]
fn a_replay_publishes_what_the_configuration_says_or_what_it_is_asked_for() {
    let home = Home::with_config("[keystroke]\npublish = \"words\"\n");
    let trace = golden("typist.jsonl").display().to_string();
    for (asked, strokes) in [(&[][..], "words"), (&["--publish", "all"], "all"), (&["--publish", "lines"], "lines")] {
        let arguments = [&["replay", "--stdout", "--speed", "max", trace.as_str()], asked].concat();
        let output = home.run(&arguments);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let of = if strokes == "lines" { String::new() } else { format!("{strokes}.") };
        assert_same_records(strokes, &text, &read_golden(&format!("typist.{of}expected")));
    }
    let output = home.run(&["replay", "--publish", "everything", &trace]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lines, words or all"));
}

/// Publishes events and returns the first so many records that come of them.
async fn publish(server: &Redis, events: &[String], records: usize) -> Vec<Value> {
    let mut subscription = server.subscribe(&["features"]).await;
    let mut connection = server.connect("").await;
    for event in events {
        let heard: i64 = connection.publish("seclyzer:events", event).await.expect("published");
        assert_eq!(heard, 1, "the agent listens");
    }
    let mut messages = subscription.on_message();
    let mut all = Vec::new();
    while all.len() < records {
        let message = tokio::time::timeout(LIMIT, messages.next()).await.expect("in time").expect("a message");
        all.push(serde_json::from_slice(message.get_payload_bytes()).expect("JSON"));
    }
    all
}

async fn listening(server: &Redis) {
    let mut connection = server.connect("").await;
    eventually("the agent listens", async || {
        let command = redis::cmd("PUBSUB").arg("NUMSUB").arg("seclyzer:events").to_owned();
        let (_, listeners): (String, i64) = command.query_async(&mut connection).await.expect("a number");
        (listeners == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_trace_published_on_redis_gives_the_same_features() {
    let server = Redis::start(&[]).await;
    for (name, publish_key, ending) in
        [("desk", "", "all.expected"), ("typist", "events_publish = \"lines\"", "expected")]
    {
        let home = Home::with_config(&redis_section(&server, &format!("accept_events = true\n{publish_key}")));
        let agent = home.start_agent(&[]);
        listening(&server).await;
        let events: Vec<String> = read_golden(&format!("{name}.jsonl")).lines().map(str::to_owned).collect();
        let expected = read_golden(&format!("{name}.{ending}"));
        let records = publish(&server, &events, expected.lines().count()).await;
        assert!(
            records.iter().all(|record| record["origin"] == "redis_replay"),
            "told in another time than the present"
        );
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        assert_same_records(name, &text, &expected);
        assert_eq!(agent.stop(), Some(0));
    }
}

/// Forty presses and releases of one key in a row that began at this time.
fn forty_keys(start_us: i64, dwell_us: i64) -> Vec<String> {
    let event = |ts: i64, event: &str| json!({"type": "keystroke", "ts": ts, "key": "a", "event": event}).to_string();
    let stroke = |i: i64| {
        let press_us = start_us + i * 50_000;
        [event(press_us, "press"), event(press_us + dwell_us, "release")]
    };
    (0..40).flat_map(stroke).collect()
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_micros() as i64
}

#[tokio::test]
async fn forty_published_keys_bring_a_message_within_six_seconds_whatever_year_they_tell() {
    const IN_2023: i64 = 1_701_423_846_000_000;
    let server = Redis::start(&[]).await;
    let home = Home::with_config(&redis_section(&server, ""));
    let _agent = home.start_agent(&["--accept-events"]);
    listening(&server).await;
    let mut subscription = server.subscribe(&["seclyzer:features:keystroke"]).await;
    let mut connection = server.connect("").await;
    // Present and past come interleaved, and neither disturbs the other.
    let begun = Instant::now();
    let present_us = now_us() - 2_500_000;
    for (present, past) in forty_keys(present_us, 20_000).iter().zip(&forty_keys(IN_2023, 30_000)) {
        let _: i64 = connection.publish("seclyzer:events", present).await.expect("published");
        let _: i64 = connection.publish("seclyzer:events", past).await.expect("published");
    }
    let mut messages = subscription.on_message();
    // The present's keys may fall into two windows.
    let (mut dwells_present, mut dwells_past) = (Vec::new(), Vec::new());
    while dwells_present.is_empty() || dwells_past.is_empty() {
        let left = Duration::from_secs(6).saturating_sub(begun.elapsed());
        let message = tokio::time::timeout(left, messages.next()).await.expect("within 6 s").expect("a message");
        let record: Value = serde_json::from_slice(message.get_payload_bytes()).expect("JSON");
        let is_past = record["timestamp"].as_str().expect("a time").starts_with("2023-12-01T");
        assert_eq!(record["strokes"], "all");
        let told = record["dwell_mean"].as_f64();
        if is_past { &mut dwells_past } else { &mut dwells_present }.extend(told);
    }
    assert!(!dwells_present.is_empty() && !dwells_past.is_empty());
    assert!(dwells_present.iter().all(|&dwell| dwell == 20.0), "{dwells_present:?}");
    assert!(dwells_past.iter().all(|&dwell| dwell == 30.0), "{dwells_past:?}");
    let status = String::from_utf8(home.run(&["status"]).stdout).expect("a text");
    assert!(status.contains("keystroke features: from all strokes (redis.events_publish = \"all\")"), "{status}");
    let strokes = status.lines().find(|line| line.starts_with("injected strokes: ")).expect("a line");
    assert_eq!(strokes.matches(" counted").count(), 2, "{strokes}");
}

#[tokio::test]
async fn what_others_publish_goes_on_in_a_pause() {
    let server = Redis::start(&[]).await;
    let home = Home::with_config(&redis_section(&server, "accept_events = true"));
    let _agent = home.start_agent(&[]);
    listening(&server).await;
    assert!(home.run(&["pause", "1h"]).status.success());
    let records = publish(&server, &forty_keys(now_us() - 2_500_000, 20_000), 1).await;
    assert_eq!(records[0]["origin"], "redis");
}

#[tokio::test]
async fn bad_events_are_counted_by_reason_and_stop_nothing() {
    let server = Redis::start(&[]).await;
    let home = Home::with_config(&redis_section(&server, "accept_events = true"));
    let _agent = home.start_agent(&[]);
    listening(&server).await;
    let mut connection = server.connect("").await;
    let long = "x".repeat(100_000);
    for bad in ["", "null", "{}", r#"{"type":"keystroke","ts":1,"key":"hunter2","event":"press"}"#, &long] {
        for _ in 0..100 {
            let _: i64 = connection.publish("seclyzer:events", bad).await.expect("published");
        }
    }
    let mut events = forty_keys(now_us() - 2_500_000, 20_000);
    // A key more, and an event that is none.
    events.push(json!({"type": "keystroke", "ts": now_us(), "key": "a", "event": "press"}).to_string());
    events.push(json!({"type": "mouse", "ts": now_us(), "event": "move", "dx": 1, "dy": 1}).to_string());
    let records = publish(&server, &events, 1).await;
    assert_eq!(records[0]["type"], "keystroke");
    let status = home.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let rejected = &status["injected"]["rejected"];
    let expected = json!({"not_an_object": 200, "unknown_type": 100, "unknown_key": 100, "too_long": 100});
    assert_eq!(*rejected, expected);
    assert_eq!(status["injected"]["accepted"], 81, "keystrokes are told in steps of ten");
}

/// How many records the golden traces give that have a name of their own: type and window's end.
fn golden_records() -> usize {
    distinct(GOLDEN.map(|name| read_golden(&format!("{name}.expected"))).concat().lines())
}

fn distinct<'a>(records: impl Iterator<Item = &'a str>) -> usize {
    let name = |record: &str| {
        let record = &lines(record)[0];
        format!("{} {}", record["type"], record["window_end"])
    };
    records.map(name).collect::<BTreeSet<_>>().len()
}

fn replay_arguments(speed: &str) -> Vec<String> {
    let traces = GOLDEN.map(|name| golden(&format!("{name}.jsonl")).display().to_string());
    ["replay", "--speed", speed, "--drain", "60"].map(str::to_owned).into_iter().chain(traces).collect()
}

fn replay(home: &Home, speed: &str) -> Agent {
    let arguments = replay_arguments(speed);
    Agent::start(home.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

async fn ended(agent: Agent) -> Option<i32> {
    tokio::task::spawn_blocking(|| agent.wait()).await.expect("no panic")
}

#[tokio::test]
async fn one_replay_leaves_the_same_number_of_records_everywhere() {
    let redis = Redis::start(&[]).await;
    let influx = Influx1::start(None).await;
    let victoria = VictoriaMetrics::start().await;
    let v1 = format!("[influx]\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n", influx.url());
    let v2 = format!("[influx]\nurl = \"{}\"\ntoken = \"t\"\norg = \"o\"\nbucket = \"b\"\n", victoria.url());
    for influx_section in [&v1, &v2] {
        let home = Home::with_config(&(redis_section(&redis, "") + influx_section));
        let mut subscription = redis.subscribe(&["features"]).await;
        let agent = replay(&home, "max");
        let mut messages = subscription.on_message();
        for _ in 0..home_records(&home, agent).await {
            tokio::time::timeout(LIMIT, messages.next()).await.expect("in time").expect("a message");
        }
    }
    assert_eq!(influx.count_all().await as usize, golden_records());
    assert_eq!(victoria.count_all().await, golden_records());
    assert_eq!(victoria.invalid_rows().await, 0);
}

/// Waits for the end of a replay; the records that the database then holds, which are all.
async fn home_records(home: &Home, agent: Agent) -> usize {
    assert_eq!(ended(agent).await, Some(0));
    let records = home.count_records();
    assert_eq!(records, golden_records());
    records
}

/// Waits until so many quarters of the records are stored.
async fn reached(home: &Home, quarters: usize) {
    let enough = |records: usize| records * 4 >= golden_records() * quarters;
    eventually("more records", async || home.try_count_records().filter(|&records| enough(records))).await;
}

/// Every server is down at first, is brought up, stopped half-way and brought up again.
#[tokio::test]
async fn servers_that_come_and_go_end_with_every_record_and_none_twice() {
    // Its data outlive it, as they must where a stream is to be relied on.
    let mut redis = Redis::prepare(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut influx = Influx1::start(None).await;
    influx.stop();
    let section = format!("[influx]\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n", influx.url());
    let home = Home::with_config(&(redis_section(&redis, "stream = true") + &section));
    let agent = replay(&home, "60");
    reached(&home, 1).await;
    redis.restart().await;
    influx.restart().await;
    reached(&home, 2).await;
    redis.stop();
    influx.stop();
    reached(&home, 3).await;
    redis.restart().await;
    influx.restart().await;
    home_records(&home, agent).await;
    assert_eq!(influx.count_all().await as usize, golden_records());
    let stream = redis.stream().await;
    let names = distinct(stream.iter().map(String::as_str));
    assert_eq!((stream.len(), names), (golden_records(), golden_records()));
}

#[tokio::test]
async fn an_influxdb_of_version_2_that_comes_and_goes_ends_with_every_record() {
    let mut victoria = VictoriaMetrics::start().await;
    victoria.stop();
    let section = format!("[influx]\nurl = \"{}\"\ntoken = \"t\"\norg = \"o\"\nbucket = \"b\"\n", victoria.url());
    let home = Home::with_config(&section);
    let agent = replay(&home, "60");
    for share in [1, 2, 3] {
        reached(&home, share).await;
        if share == 2 { victoria.stop() } else { victoria.restart().await }
    }
    home_records(&home, agent).await;
    assert_eq!(victoria.count_all().await, golden_records());
    assert_eq!(victoria.invalid_rows().await, 0);
}

#[tokio::test]
async fn a_replay_whose_sink_stays_away_says_so_and_loses_nothing() {
    let redis = Redis::prepare(&[]);
    let home = Home::with_config(&redis_section(&redis, "stream = true"));
    let trace = golden("desk.jsonl").display().to_string();
    let output = home.run(&["replay", &trace, "--speed", "max", "--drain", "1"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{told}");
    assert!(told.contains("redis is 28 records behind"), "{told}");
    assert_eq!(home.count_records(), 28);
}
