//! What arrives over Redis, InfluxDB or SQLite is information, never a command: nothing of it changes who is held to be at
//! the machine, answers an alarm, locks or unlocks.

mod support;

use redis::AsyncCommands;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use support::agent::Home;
use support::alarm::{READY, learn, start, told, typed};
use support::eventually;
use support::manager::Manager;
use support::servers::Redis;

/// Not a test: the process that learns.
#[test]
#[ignore = "a process of the other tests"]
fn the_learner() {
    support::learner::run_if_asked();
}

/// What a forger would like to be believed, on every channel that there is.
fn forgeries(now_us: i64) -> Vec<(&'static str, Value)> {
    let decision = |from: &str, to: &str, reason: &str| {
        json!({
            "type": "decision", "schema": 3, "user": "someone", "host": "somewhere", "origin": "device",
            "timestamp": "2026-11-27T10:00:00.000000Z", "window_end": now_us, "from": from, "to": to, "reason": reason,
            "modality": null, "dev_mode": false, "degraded": false,
        })
    };
    let score = json!({ "type": "score", "schema": 3, "user": "someone", "host": "somewhere", "window_end": now_us,
                        "state": "owner", "trust": 100 });
    let control =
        |event: &str| json!({ "type": "control", "ts": now_us, "event": event, "until": now_us + 3_600_000_000_i64 });
    vec![
        ("seclyzer:decisions", decision("stranger", "owner", "unlock")),
        ("seclyzer:decisions", decision("owner", "stranger", "evidence")),
        ("seclyzer:decisions", decision("stranger", "stranger", "lock")),
        ("seclyzer:scores", score.clone()),
        ("features", decision("stranger", "owner", "unlock")),
        ("seclyzer:events", control("unlock")),
        ("seclyzer:events", control("lock")),
        ("seclyzer:events", control("guest")),
        ("seclyzer:events", decision("stranger", "owner", "unlock")),
        ("seclyzer:events", score),
        ("seclyzer:events", json!({ "type": "gap", "ts": now_us, "reason": "forged" })),
        ("seclyzer:events", json!("resume")),
    ]
}

/// Someone's typing, as events that are accepted over Redis.
fn keys(now_us: i64) -> impl Iterator<Item = Value> {
    (0..2_000_i64).flat_map(move |i| {
        let key = ["a", "e", "t", "n", "Space", "o"][(i % 6) as usize];
        ["press", "release"].map(|event| {
            let ts = now_us - 400_000_000 + i * 180_000 + if event == "press" { 0 } else { 90_000 };
            json!({ "type": "keystroke", "ts": ts, "key": key, "event": event })
        })
    })
}

async fn forge_over_redis(redis: &Redis) {
    let mut connection = redis.connect("").await;
    let now_us = seclyzer_now_us();
    for (channel, message) in forgeries(now_us) {
        let _: u64 = connection.publish(channel, message.to_string()).await.expect("published");
        for stream in ["seclyzer:stream:decisions", "seclyzer:stream:features"] {
            let mut add = redis::cmd("XADD");
            add.arg(stream).arg("*").arg("record").arg(message.to_string());
            let _: String = add.query_async(&mut connection).await.expect("added");
        }
    }
    for event in keys(now_us) {
        let _: u64 = connection.publish("seclyzer:events", event.to_string()).await.expect("published");
    }
}

fn seclyzer_now_us() -> i64 {
    support::an_hour_ago_us() + 3_600_000_000
}

/// Rows that another program of the account puts into the database, or changes there.
fn forge_in_the_database(home: &Home) {
    let now_us = seclyzer_now_us();
    let connection = Connection::open(home.database()).expect("a database");
    connection.busy_timeout(support::LIMIT).expect("a limit");
    let sql = format!(
        "UPDATE decisions SET to_state = 'owner', reason = 'unlock';
         UPDATE scores SET state = 'owner', trust = 100;
         UPDATE config SET value = 'lock' WHERE key LIKE '%mode%';
         INSERT INTO audit_log (ts, event, detail) VALUES ({now_us}, 'unlock', 'forged');
         INSERT INTO audit_log (ts, event, detail) VALUES ({now_us}, 'forget', 'model of keys: 1');
         INSERT INTO audit_log (ts, event, detail) VALUES ({now_us}, 'forget', 'everything: 1 records');
         INSERT INTO audit_log (ts, event, detail) VALUES (9223372036854775807, 'forget', 'model of x');
         UPDATE models SET blob = X'7b7d' WHERE kind = 'keys';"
    );
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        connection.execute_batch(statement).expect(statement);
    }
    let forged: i64 = connection
        .query_row("SELECT count(*) FROM decisions WHERE reason = 'unlock'", [], |row| row.get(0))
        .expect("a count");
    assert!(forged > 0, "the forgery is there");
}

/// A server that answers every write of InfluxDB, and adds what it would like to be done.
fn hostile_influx() -> String {
    const ANSWER: &[u8] =
        b"HTTP/1.1 204 No Content\r\nX-Control: unlock\r\nX-State: owner\r\nConnection: close\r\n\r\n\
        {\"type\":\"control\",\"event\":\"unlock\",\"state\":\"owner\"}";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            std::thread::spawn(move || {
                let mut begun = [0; 65_536];
                // Whoever has gone needs no answer.
                let _ = client.read(&mut begun).and_then(|_| client.write_all(ANSWER));
            });
        }
    });
    url
}

fn home(redis: &Redis) -> Home {
    Home::with_config(&format!(
        "[identity]\nuser = \"someone\"\nhost = \"somewhere\"\n{READY}[decision]\nmode = \"lock\"\n\
         [redis]\nenabled = true\nurl = \"{}\"\nstream = true\naccept_events = true\n\
         [influx]\nenabled = true\nurl = \"{}\"\nbucket = \"records\"\ntoken = \"token\"\n",
        redis.url(),
        hostile_influx()
    ))
}

fn status(home: &Home) -> Value {
    serde_json::from_str(&told(home, &["status", "--json"]).1).expect("JSON")
}

/// Starts an agent in that state, has everything forged that can be, and looks at what came of it.
async fn is_unmoved(lines_of_a_stranger: usize, state: &str, code: i32) {
    let redis = Redis::start(&[]).await;
    let home = home(&redis);
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(lines_of_a_stranger)).await;
    let (agent, _) = start(&home, Some(&manager));
    // Where nothing locks, that is reported once.
    let is_reported = |status: &Value| status["decision"]["not_locked"] == (state == "stranger");
    let before = eventually("nothing locked", async || Some(status(&home)).filter(is_reported)).await;
    assert_eq!(before["recognition"]["state"], state);
    eventually("it listens to events", async || {
        let listeners: (String, u64) = redis.ask("PUBSUB NUMSUB seclyzer:events").await;
        (listeners.1 > 0).then_some(())
    })
    .await;
    forge_over_redis(&redis).await;
    forge_in_the_database(&home);
    let accepted = eventually("the events have arrived", async || {
        let accepted = status(&home)["injected"]["accepted"].as_u64().expect("a count");
        (accepted >= 4_000).then_some(accepted)
    })
    .await;
    assert!(accepted < 4_000 + forgeries(0).len() as u64);
    let after = status(&home);
    for part in ["recognition", "decision"] {
        assert_eq!(after[part], before[part]);
    }
    assert_eq!(after["events"]["keystroke"], before["events"]["keystroke"], "injected keys are nobody's");
    assert_eq!(told(&home, &["check"]).0, Some(code));
    // Who can write to the database can also have the agent start anew, so that it reads it.
    manager.heard();
    drop(agent.kill());
    manager.heard();
    let (agent, _) = start(&home, Some(&manager));
    let restarted = status(&home);
    assert_eq!(restarted["recognition"]["state"], before["recognition"]["state"]);
    assert_eq!(restarted["recognition"]["learnt_keys"], before["recognition"]["learnt_keys"]);
    assert_eq!(told(&home, &["check"]).0, Some(code));
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_stranger_stays_one_whatever_arrives_over_redis_influxdb_or_sqlite() {
    is_unmoved(3, "stranger", 1).await;
}

#[tokio::test]
async fn an_owner_stays_one_and_nothing_is_locked() {
    is_unmoved(0, "owner", 0).await;
}
