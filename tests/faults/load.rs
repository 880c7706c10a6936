//! More than anybody makes: events at many times the highest real rate, a crowd of subscribers, and floods of rubbish.

use super::Row;
use super::scene::{Names, in_database, in_streams, name};
use crate::support::agent::Home;
use crate::support::eventually;
use crate::support::servers::Redis;
use futures_util::StreamExt;
use redis::ToRedisArgs;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ten times a mouse of 1,000 reports, 20 key events and a change of focus a second.
const MOVES_A_SECOND: i64 = 10_000;
const KEYS_A_SECOND: i64 = 200;
const FOCUS_A_SECOND: i64 = 10;
/// How often a batch of events is published.
const BATCHES_A_SECOND: i64 = 50;
const SUBSCRIBERS: usize = 100;

/// Publishes events of every kind for so long, with a crowd listening and one subscriber who never reads.
pub async fn flood(seconds: i64) -> Row {
    let redis = Redis::start(&[]).await;
    let config = format!("[redis]\nenabled = true\nurl = \"{}\"\nstream = true\naccept_events = true\n", redis.url());
    let home = Home::with_config(&config);
    let agent = home.start_agent(&[]);
    listening(&redis).await;
    let mut crowd = Vec::new();
    for _ in 0..SUBSCRIBERS {
        crowd.push(redis.subscribe(&["features"]).await);
    }
    let mut deaf = TcpStream::connect(redis.url().trim_start_matches("redis://")).expect("a server");
    deaf.write_all(b"SUBSCRIBE features\r\n").expect("a server that listens");
    let published = publish(&redis, seconds).await;
    eventually("every event is taken", async || (counts(&home)["accepted"] == published).then_some(())).await;
    assert_eq!(counts(&home)["interruptions"], 0, "the agent has kept up");
    let status = status(&home);
    assert_eq!(status["store"]["dropped"], 0);
    // The last window closes on the agent's own clock.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(agent.stop(), Some(0));
    let stored = in_database(&home.database());
    assert!(stored.len() as i64 > seconds * FOCUS_A_SECOND / 2, "{} records", stored.len());
    let mut row = Row::new(format!("ten times the highest real rate, {SUBSCRIBERS} subscribers, {seconds} s"));
    let (stream, twice) = in_streams(&redis).await;
    row.add(stored.len(), stored.intersection(&stream).count(), twice);
    for subscription in crowd {
        let (heard, heard_twice) = heard(subscription, stored.len()).await;
        row.add(stored.len(), stored.intersection(&heard).count(), heard_twice);
    }
    row.times = 1;
    row
}

/// What a subscriber was told: so many records.
async fn heard(mut subscription: redis::aio::PubSub, count: usize) -> (Names, usize) {
    let mut messages = subscription.on_message();
    let mut names = Names::new();
    let mut twice = 0;
    for _ in 0..count {
        let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(5), messages.next()).await else { break };
        let text = String::from_utf8(message.get_payload_bytes().to_vec()).expect("UTF-8");
        twice += usize::from(!names.insert(name(&text)));
    }
    (names, twice)
}

/// Publishes in the present time; how many events.
async fn publish(redis: &Redis, seconds: i64) -> i64 {
    let mut connection = redis.connect("").await;
    let mut beat = tokio::time::interval(Duration::from_micros(1_000_000 / BATCHES_A_SECOND as u64));
    let mut published = 0;
    for batch in 0..seconds * BATCHES_A_SECOND {
        beat.tick().await;
        let events = events(batch);
        published += events.len() as i64;
        publish_all(&mut connection, events).await;
    }
    published
}

/// One batch, told in the present time.
fn events(batch: i64) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    let now_us = now.as_micros() as i64;
    let moves = MOVES_A_SECOND / BATCHES_A_SECOND;
    let motion = |i| json!({"type": "mouse", "ts": now_us + i, "event": "move", "dx": 1 + i % 3, "dy": batch % 5});
    let mut all: Vec<Value> = (0..moves).map(motion).collect();
    for i in 0..KEYS_A_SECOND / BATCHES_A_SECOND {
        let (key, action) = (["a", "e", "t", "o"][(batch % 4) as usize], ["press", "release"][(i % 2) as usize]);
        all.push(json!({"type": "keystroke", "ts": now_us + moves + i, "key": key, "event": action}));
    }
    if batch % (BATCHES_A_SECOND / FOCUS_A_SECOND) == 0 {
        let app = ["code", "xterm", "mpv"][(batch / 5 % 3) as usize];
        all.push(json!({"type": "app", "ts": now_us + moves + 10, "event": "focus", "app_name": app}));
    }
    all.iter().map(Value::to_string).collect()
}

/// Publishes so many events that do not fit, and then some that do.
pub async fn rubbish(count: i64) -> Row {
    const BAD: [&str; 8] = [
        "",
        "null",
        r#"{"type":"keystroke","ts":1,"key":"no such key","event":"press"}"#,
        r#"{"type":"mouse","ts":1,"event":"move","dx":1e300}"#,
        r#"{"type":"mouse","ts":1,"event":"move","dx":0}"#,
        r#"{"type":"app","ts":1,"event":"focus","app_name":""}"#,
        r#"{"type":"mouse","ts":"soon","event":"move","dx":1}"#,
        r#"{"type":"gap","ts":1,"scope":7}"#,
    ];
    let redis = Redis::start(&["--client-output-buffer-limit", "pubsub", "0", "0", "0"]).await;
    let home =
        Home::with_config(&format!("[redis]\nenabled = true\nurl = \"{}\"\naccept_events = true\n", redis.url()));
    let agent = home.start_agent(&[]);
    listening(&redis).await;
    let mut connection = redis.connect("").await;
    for _ in 0..count / 1000 {
        publish_all(&mut connection, BAD.iter().cycle().take(1000)).await;
    }
    let good = events(0);
    publish_all(&mut connection, &good).await;
    // Four keys are none, for they are told in tens.
    let told = good.len() - (KEYS_A_SECOND / BATCHES_A_SECOND) as usize;
    eventually("the good events are taken", async || (counts(&home)["accepted"] == told).then_some(())).await;
    let rejected = counts(&home)["rejected"].clone();
    let each = count / BAD.len() as i64;
    let expected = json!({
        "not_an_object": 2 * each, "unknown_key": each, "out_of_range": each, "no_motion": each, "bad_name": each,
        "bad_time": each, "bad_field": each
    });
    assert_eq!(rejected, expected);
    assert_eq!(agent.stop(), Some(0));
    let mut row = Row::new(format!("{count} events that do not fit"));
    row.add(0, 0, 0);
    row
}

async fn publish_all(connection: &mut MultiplexedConnection, events: impl IntoIterator<Item = impl ToRedisArgs>) {
    let mut pipe = redis::pipe();
    for event in events {
        pipe.cmd("PUBLISH").arg("seclyzer:events").arg(event).ignore();
    }
    let () = pipe.query_async(connection).await.expect("a server that runs");
}

async fn listening(redis: &Redis) {
    let mut connection = redis.connect("").await;
    eventually("the agent listens", async || {
        let command = redis::cmd("PUBSUB").arg("NUMSUB").arg("seclyzer:events").to_owned();
        let (_, listeners): (String, i64) = command.query_async(&mut connection).await.expect("a number");
        (listeners == 1).then_some(())
    })
    .await;
}

fn status(home: &Home) -> Value {
    serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON")
}

fn counts(home: &Home) -> Value {
    status(home)["injected"].clone()
}
