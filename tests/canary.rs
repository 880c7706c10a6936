//! A text is typed through every source that works without devices, with every log level on, and then looked for in
//! everything that the agent wrote, sent or said.

mod support;

use futures_util::StreamExt;
use redis::AsyncCommands;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use support::agent::{Agent, Home};
use support::eventually;
use support::leaks::{MARKER, leaks};
use support::servers::{Influx1, Redis};

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_micros() as i64
}

/// Keys going down and up, one after the other.
fn strokes(start_us: i64, keys: impl IntoIterator<Item = String>) -> Vec<String> {
    let times = (1..).map(|i| start_us + i * 120_000 + i * i % 17 * 1_000);
    let event = |(key, ts): (String, i64)| {
        [("press", 0), ("release", 80_000)].map(|(event, after_us)| {
            json!({"type": "keystroke", "ts": ts + after_us, "key": key, "event": event}).to_string()
        })
    };
    keys.into_iter().zip(times).flat_map(event).collect()
}

/// Lines of text, enough to know who types; before each line a password.
fn text(start_us: i64, password: &str) -> Vec<String> {
    let line = "how the quick brown fox jumps over the lazy dog and all the others went home to rest some time ago";
    let lines = format!("{password}\n{line}\n").repeat(12);
    strokes(start_us, lines.chars().map(|c| if c == '\n' { "KEY_ENTER".into() } else { c.to_string() }))
}

/// The marker typed over and over in lines of words that count, as a password and with a slip, in the three ways to
/// name a key.
fn typed(start_us: i64) -> Vec<String> {
    let mut keys = Vec::new();
    let mut stroke = |key: String| keys.push(key);
    let ways: [fn(char) -> String; 3] =
        [|c| c.to_string(), |c| format!("KEY_{}", c.to_uppercase()), |c| format!("Key{}", c.to_uppercase())];
    for round in 0..60 {
        MARKER.chars().for_each(|letter| stroke(ways[round % 3](letter)));
        let after = match round % 20 {
            18 => "KEY_ENTER",
            19 => "Backspace",
            _ => "Space",
        };
        stroke(after.into());
    }
    strokes(start_us, keys)
}

/// Events that must be refused, with the marker wherever a message could quote it.
fn misfits(ts: i64) -> Vec<String> {
    vec![
        format!("{MARKER}"),
        format!("{{\"type\":\"keystroke\",\"ts\":{ts},\"key\":\"{MARKER}\",\"event\":\"press\"}}"),
        format!("{{\"type\":\"keystroke\",\"ts\":{ts},\"key\":\"KEY_{MARKER}\",\"event\":\"press\"}}"),
        format!("{{\"type\":\"keystroke\",\"ts\":{ts},\"key\":\"KEY_Z\",\"event\":\"{MARKER}\"}}"),
        format!("{{\"type\":\"keystroke\",\"ts\":\"{MARKER}\",\"key\":\"KEY_Z\",\"event\":\"press\"}}"),
        format!("{{\"type\":\"{MARKER}\",\"ts\":{ts}}}"),
        format!("{{\"type\":\"gap\",\"ts\":{ts},\"reason\":\"lost\",\"scope\":\"{MARKER}\"}}"),
        format!("{{\"type\":\"keystroke\",\"ts\":{ts},\"key\":\"KEY_Z\",\"text\":\"{MARKER}\""),
    ]
}

/// Every file below a folder but those that the test itself wrote the marker to.
fn files(folder: &Path, own: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path, own));
        } else if path.is_file() && !own.contains(&name.as_str()) {
            let bytes = std::fs::read(&path).expect("a file of ours");
            found.extend(leaks(&name, &String::from_utf8_lossy(&bytes)));
        }
    }
    found
}

/// A configuration with every sink, and a log of everything.
fn config(redis: &Redis, influx: &Influx1) -> String {
    let (redis, influx) = (redis.url(), influx.url());
    format!(
        "[redis]\nenabled = true\nurl = \"{redis}\"\nstream = true\naccept_events = true\n\
         [influx]\nurl = \"{influx}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n\
         [log]\nlevel = \"trace\"\nfile = \"~/trace.log\"\n\
         [recognition]\nready_strokes = 500\n"
    )
}

/// Everything that a Redis server is sent from now on, but for the events that the test publishes.
async fn monitor(redis: &Redis) -> Arc<Mutex<String>> {
    let client = redis::Client::open(redis.url()).expect("a good URL");
    let mut monitor = client.get_async_monitor().await.expect("a server that runs");
    let heard = Arc::<Mutex<String>>::default();
    let hearing = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut lines = monitor.on_message::<String>();
        while let Some(line) = lines.next().await {
            if !line.contains("\"seclyzer:events\"") {
                writeln!(hearing.lock().expect("no test has failed"), "{line}").expect("memory");
            }
        }
    });
    heard
}

async fn everything_in(influx: &Influx1) -> String {
    influx.query("SELECT * FROM /.*/").await.to_string()
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let events = typed(0);
    assert!(events[..14].iter().all(|event| !leaks("event", event).is_empty()));
    assert!(misfits(0).iter().all(|event| !leaks("misfit", event).is_empty()));
    for text in ["KEY_A", "KeyA", "Key(30)", "[44, 16, 45, 36, 47, 37, 17]", "typed Zqxjvkw"] {
        assert!(!leaks("text", text).is_empty(), "{text}");
    }
    for text in ["Keystroke Extractor", "PRIMARY KEY (id)", "total_keys", "Key(…)", "KeystrokeCore(…)"] {
        assert!(leaks("text", text).is_empty(), "{text}");
    }
}

#[tokio::test]
async fn nothing_typed_in_a_trace_is_found_anywhere() {
    let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
    let heard = monitor(&redis).await;
    let home = Home::with_config(&config(&redis, &influx));
    let start_us = now_us() - 600_000_000;
    let text = text(start_us, MARKER);
    let trace = [misfits(start_us), text, typed(start_us + 300_000_000), misfits(start_us + 400_000_000)].concat();
    std::fs::write(home.path().join("typed.jsonl"), trace.join("\n")).expect("a trace");
    let recognise = ["--recognise", "--save-model", "model.json"];
    let mut command = home.command(&[&["replay", "typed.jsonl", "--speed", "max", "--show"][..], &recognise].concat());
    let output = command.env("TMPDIR", home.path()).env("RUST_BACKTRACE", "full").output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(home.count_records() > 5);
    let told = [output.stdout, output.stderr].concat();
    let mut found = leaks("terminal", &String::from_utf8_lossy(&told));
    for exact in [&[][..], &["--exact"]] {
        let printed = [&["replay", "typed.jsonl", "--speed", "max", "--stdout", "--recognise"][..], exact].concat();
        let printed = String::from_utf8_lossy(&home.run(&printed).stdout).into_owned();
        assert!(printed.contains("\"type\":\"decision\""));
        found.extend(leaks("records", &printed));
    }
    for table in ["scores", "decisions"] {
        assert_ne!(home.query(&format!("SELECT count(*) FROM {table}")), ["0"], "{table}");
    }
    assert!(std::fs::metadata(home.path().join("model.json")).is_ok_and(|model| model.len() > 1_000));
    let in_influx = everything_in(&influx).await;
    assert!(in_influx.contains("dwell_mean") && in_influx.contains("learnt_keys"));
    found.extend(leaks("InfluxDB", &in_influx));
    let heard = heard.lock().expect("no test has failed").clone();
    let channels = ["seclyzer:scores", "seclyzer:decisions", "seclyzer:stream:decisions"];
    assert!(["XADD", "dwell_mean"].iter().chain(&channels).all(|name| heard.contains(name)));
    found.extend(leaks("Redis", &heard));
    found.extend(files(home.path(), &["typed.jsonl"]));
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_typed_through_redis_is_found_anywhere_even_after_a_crash() {
    let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
    let heard = monitor(&redis).await;
    let home = Home::with_config(&config(&redis, &influx));
    std::fs::write(home.path().join("typed.jsonl"), text(now_us() - 900_000_000, MARKER).join("\n")).expect("a trace");
    learn(&home, "typed.jsonl", "model.json");
    let agent = home.start_agent(&["--show"]);
    let told = home.run(&["model", "import", "model.json", "--yes"]);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    let known = export(&home);
    let mut connection = redis.connect("").await;
    let events = [misfits(now_us()), typed(now_us() - 600_000_000), typed(now_us() - 20_000_000)].concat();
    eventually("the agent listens", async || {
        let listeners: i64 = connection.publish("seclyzer:events", MARKER).await.expect("published");
        (listeners == 1).then_some(())
    })
    .await;
    for event in events {
        let _: i64 = connection.publish("seclyzer:events", event).await.expect("published");
    }
    eventually("records in InfluxDB", async || (influx.count("keystroke_features").await > 5).then_some(())).await;
    let mut found = Vec::new();
    let shown = [&["status"][..], &["status", "--json"], &["doctor"], &["config", "show"], &["devices"]];
    for arguments in shown.into_iter().chain([&["model", "status"][..], &["model", "status", "--json"]]) {
        let output = home.run(arguments);
        let told = [output.stdout, output.stderr].concat();
        assert!(!told.is_empty());
        found.extend(leaks(&arguments.join(" "), &String::from_utf8_lossy(&told)));
    }
    assert!(export(&home) == known, "what is injected has taught the model");
    assert_eq!(home.query("SELECT count(*) FROM scores"), ["0"]);
    assert_ne!(home.query("SELECT count(*) FROM models"), ["0"]);
    found.extend(files(home.path(), &["typed.jsonl"]));
    // Killed: the write-ahead log stays.
    drop(agent);
    assert!(std::fs::metadata(format!("{}-wal", home.database().display())).is_ok());
    found.extend(files(home.path(), &["typed.jsonl"]));
    found.extend(leaks("InfluxDB", &everything_in(&influx).await));
    found.extend(leaks("Redis", &heard.lock().expect("no test has failed")));
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_typed_is_found_anywhere_though_the_disk_is_full() {
    const FULL_BYTES: u64 = 200 * 1024;
    let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
    let home = Home::with_config(&config(&redis, &influx));
    let minutes = (0..40).map(|minute| typed(now_us() - 6_000_000_000 + minute * 100_000_000));
    std::fs::write(home.path().join("typed.jsonl"), minutes.flatten().collect::<Vec<_>>().join("\n")).expect("a trace");
    let agent = Agent::start(home.cramped_command(&["replay", "typed.jsonl", "--speed", "max"], FULL_BYTES));
    agent.wait_for_log("the database takes no records");
    let mut found = files(home.path(), &["typed.jsonl"]);
    drop(agent);
    found.extend(files(home.path(), &["typed.jsonl"]));
    found.extend(leaks("InfluxDB", &everything_in(&influx).await));
    assert_eq!(found, Vec::<String>::new());
}

/// What recognition keeps of a trace, in a file.
fn learn(home: &Home, trace: &str, model: &str) {
    let output = home.run(&["replay", trace, "--speed", "max", "--stdout", "--recognise", "--save-model", model]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the agent has learnt, as it is stored.
fn export(home: &Home) -> Vec<u8> {
    let output = home.run(&["model", "export", "exported.json", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(home.path().join("exported.json")).expect("a file of ours")
}

#[test]
fn what_is_kept_of_a_password_is_what_is_kept_of_another_one() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let start_us = now_us() - 600_000_000;
    let kept = |password: &str| {
        std::fs::write(home.path().join("typed.jsonl"), text(start_us, password).join("\n")).expect("a trace");
        learn(&home, "typed.jsonl", "model.json");
        std::fs::read(home.path().join("model.json")).expect("a file of ours")
    };
    let of_marker = kept(MARKER);
    assert!(of_marker == kept("plmoknb") && of_marker == kept("2468013"));
    let line = format!("how the quick brown fox jumps over the lazy {MARKER} and all the others");
    assert!(kept(&line) != kept(&line.replace(MARKER, "plmoknb")), "words of a long line do show, as they may");
}

#[test]
fn a_broken_configuration_does_not_show_its_secrets() {
    for broken in [
        format!("[redis]\npassword = \"{MARKER}\"\nurl = 7\n"),
        format!("[influx]\ntoken = \"{MARKER}\"\nbucket = [\n"),
        format!("[influx]\ntoken = \"{MARKER}\nurl = \"\"\n"),
        format!("[influx]\npassword = [\"{MARKER}\"]\n"),
        format!("[redis]\npassword = \"{MARKER}\"\npassword = \"{MARKER}\"\n"),
        format!("[redis]\nurl = \"redis://me:{MARKER}@127.0.0.1:99999\"\n"),
        format!("[influx]\nurl = \"http://me:{MARKER}@127.0.0.1\"\n"),
    ] {
        let home = Home::with_config(&broken);
        for arguments in [&["config", "check"][..], &["config", "show"], &["run"], &["doctor"]] {
            let output = home.run(arguments);
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.code() != Some(0), "{arguments:?} took {broken:?} for good: {told}");
            assert_eq!(leaks(&arguments.join(" "), &told), Vec::<String>::new(), "{broken:?}");
        }
    }
}
