//! Recognition from end to end: what a process learns and notices, in the database, at the servers, in the commands, and
//! in the agent that comes after it.

mod support;

use futures_util::StreamExt;
use rusqlite::Connection;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use support::agent::{Agent, Home};
use support::alarm::{READY, READY_STROKES, learn, start, told, typed};
use support::manager::{Manager, REMOVE};
use support::servers::Redis;
use support::{LIMIT, eventually};

const NO_SINKS: &str = "[redis]\nenabled = false\n";
const DECISIONS: &str = "SELECT from_state || '>' || to_state || ' ' || reason FROM decisions ORDER BY id";
/// Up to an alarm.
const NOTICED: [&str; 3] = ["learning>owner ready", "owner>doubtful evidence", "doubtful>stranger evidence"];

/// Not a test: the process that learns.
#[test]
#[ignore = "a process of the other tests"]
fn the_learner() {
    support::learner::run_if_asked();
}

fn home(identity: &str, sinks: &str) -> Home {
    Home::with_config(&format!("[identity]\nuser = \"{identity}\"\nhost = \"somewhere\"\n{READY}{sinks}"))
}

fn status(home: &Home) -> Value {
    serde_json::from_str(&told(home, &["model", "status", "--json"]).1).expect("JSON")
}

/// The kinds in the table of models, and what a blob contains.
fn kinds(home: &Home) -> Vec<String> {
    home.query("SELECT kind FROM models ORDER BY kind")
}

fn stored_strokes(home: &Home) -> u64 {
    let counts = home.query("SELECT counts FROM models WHERE kind = 'keys'").remove(0);
    serde_json::from_str::<Value>(&counts).expect("JSON")["learnt"].as_u64().expect("a count")
}

fn change(home: &Home, sql: &str) {
    let changed = Connection::open(home.database()).expect("a database").execute(sql, []).expect("a change");
    assert_eq!(changed, 1, "{sql}");
}

/// A record by its kind and time.
fn name(record: &str) -> String {
    let record: Value = serde_json::from_str(record).expect("JSON");
    format!("{} {}", record["type"].as_str().expect("a type"), record["window_end"])
}

#[tokio::test]
async fn scores_and_decisions_are_stored_and_delivered_once_each_and_an_alarm_is_answered_in_the_next_process() {
    let redis = Redis::start(&[]).await;
    let home = home("someone", &format!("[redis]\nenabled = true\nurl = \"{}\"\nstream = true\n", redis.url()));
    let mut subscription = redis.subscribe(&["seclyzer:scores", "seclyzer:decisions"]).await;
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(3)).await;
    let decisions = home.query(DECISIONS);
    assert_eq!(decisions[..3], NOTICED);

    let (agent, log) = start(&home, Some(&manager));
    assert!(log.iter().any(|line| line.contains("goes on from where the last process left it")), "{log:?}");
    let before = status(&home);
    assert_eq!(
        (&before["state"], &before["trust"], &before["live_state"]),
        (&"stranger".into(), &0.into(), &"kept".into())
    );
    assert!(before["learnt_keys"] == READY_STROKES, "{before}");
    let answer = told(&home, &["model", "confirm"]);
    assert_eq!(answer, (Some(0), "confirmed: the state was `stranger` and is `owner`\n".into()));
    let answer = told(&home, &["model", "confirm"]);
    assert_eq!(answer, (Some(0), "there is no alarm to answer: the state is `owner`\n".into()));
    last_decision(&home, "stranger>owner unlock").await;

    let of = |table| home.query(&format!("SELECT '{table} ' || window_end FROM {table}s ORDER BY id"));
    let (scores, decisions) = (of("score"), of("decision"));
    let mut heard = Vec::new();
    let mut messages = subscription.on_message();
    while heard.len() < scores.len() + decisions.len() {
        let message = tokio::time::timeout(LIMIT, messages.next()).await.expect("in time").expect("a message");
        heard.push(name(std::str::from_utf8(message.get_payload_bytes()).expect("UTF-8")));
    }
    let heard = |kind: &str| heard.iter().filter(|name| name.starts_with(kind)).cloned().collect::<Vec<_>>();
    assert_eq!((heard("score"), heard("decision")), (scores, decisions.clone()));
    eventually("the stream has every decision", async || {
        (redis.decisions().await.len() == decisions.len()).then_some(())
    })
    .await;
    assert_eq!(redis.decisions().await.iter().map(|record| name(record)).collect::<Vec<_>>(), decisions);
    let features = redis.stream().await.len();
    assert_eq!(features, home.count_records() - heard("score").len() - decisions.len());
    assert_eq!(agent.stop(), Some(0));
}

/// Waits until this is the last decision stored, with nobody at the keyboard.
async fn last_decision(home: &Home, expected: &str) {
    eventually(&format!("`{expected}` is stored"), async || {
        (home.query(DECISIONS).last().map(String::as_str) == Some(expected)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_live_state_of_another_user_is_not_gone_on_from() {
    let mut manager = Manager::start();
    learn(&home("someone", NO_SINKS), Some(&mut manager), &typed(0)).await;
    let home = home("someone_else", NO_SINKS);
    let (agent, log) = start(&home, Some(&manager));
    assert!(log.iter().any(|line| line.contains("WARN") && line.contains("another user's or host's")), "{log:?}");
    assert_eq!(status(&home)["learnt_keys"], 0);
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn what_was_forgotten_while_no_agent_ran_does_not_come_back_from_the_live_state() {
    let home = home("someone", NO_SINKS);
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    assert_eq!(told(&home, &["model", "forget", "--yes"]), (Some(0), "forgotten: 2 stored\n".into()));
    let (agent, log) = start(&home, Some(&manager));
    assert!(log.iter().any(|line| line.contains("WARN") && line.contains("was forgotten since")), "{log:?}");
    assert_eq!(status(&home)["learnt_keys"], 0);
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_stored_model_is_gone_on_from_exported_forgotten_and_imported() {
    let home = home("someone", NO_SINKS);
    learn(&home, None, &typed(0)).await;
    let strokes = stored_strokes(&home);
    assert!(strokes >= READY_STROKES, "{strokes}");
    let (agent, _) = start(&home, None);
    let known = status(&home);
    assert_eq!((&known["state"], &known["learnt_keys"]), (&"owner".into(), &READY_STROKES.into()));
    assert!(known["live_state"]["not_kept"].as_str().is_some_and(|why| why.contains("no service manager")), "{known}");

    assert_eq!(told(&home, &["model", "export", "model.json"]).0, Some(0));
    let exported = home.path().join("model.json");
    assert_eq!(exported.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    let model: Value = serde_json::from_slice(&std::fs::read(&exported).expect("a file")).expect("JSON");
    assert_eq!(model["keys"]["strokes"], strokes);

    assert_eq!(told(&home, &["model", "forget", "--keys", "--yes"]).0, Some(0));
    assert_eq!((&status(&home)["learnt_keys"], &status(&home)["state"]), (&0.into(), &"learning".into()));
    assert_eq!(kinds(&home), ["mouse"]);
    last_decision(&home, "owner>learning forgotten").await;
    let mut impossible = model.clone();
    impossible["keys"]["strokes"] = u64::MAX.into();
    for (text, why) in [
        ("{\"version\":2}", "it is of version 2"),
        ("no model", "line 1, column 2"),
        ("{}", "neither what is learnt of keys nor of a mouse"),
        (&impossible.to_string(), "its number of strokes is impossible"),
    ] {
        std::fs::write(home.path().join("bad.json"), text).expect("a file");
        let (code, error) = told(&home, &["model", "import", "bad.json", "--yes"]);
        assert_eq!(code, Some(77));
        assert!(error.contains("nothing is imported") && error.contains(why), "{error}");
    }
    assert_eq!(status(&home)["learnt_keys"], 0);
    let answer = told(&home, &["model", "import", "model.json", "--yes"]);
    assert_eq!(answer.0, Some(0), "{}", answer.1);
    assert_eq!(status(&home)["learnt_keys"], READY_STROKES);
    eventually("it is stored", async || (kinds(&home) == ["keys", "mouse"]).then_some(())).await;
    last_decision(&home, "learning>owner imported").await;
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(stored_strokes(&home), strokes);
    let decisions = home.query(DECISIONS);
    assert!(
        decisions.ends_with(&["owner>learning forgotten".into(), "learning>owner imported".into()]),
        "{decisions:?}"
    );
    let audited = home.query("SELECT detail FROM audit_log WHERE event IN ('model', 'forget') ORDER BY id");
    assert_eq!(audited, ["exported", "model of keys: 1", "imported"]);
    let (agent, _) = start(&home, None);
    assert_eq!(status(&home)["learnt_keys"], READY_STROKES);
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_damaged_or_newer_model_is_set_aside_and_learning_begins_anew_while_the_other_one_stays() {
    let home = home("someone", NO_SINKS);
    learn(&home, None, &typed(0)).await;
    for (damage, why) in [
        ("UPDATE models SET blob = X'00ff' WHERE kind = 'keys'", "does not fit"),
        ("UPDATE models SET blob = CAST('{\"version\":2}' AS BLOB) WHERE kind = 'keys'", "of version 2"),
    ] {
        change(&home, damage);
        let (agent, log) = start(&home, None);
        let is_told = |line: &&String| {
            line.contains("ERROR") && line.contains("set aside") && line.contains("keys.damaged-") && line.contains(why)
        };
        assert_eq!(log.iter().filter(is_told).count(), 1, "{log:?}");
        assert_eq!(status(&home)["learnt_keys"], 0);
        assert_eq!(agent.stop(), Some(0));
        learn(&home, None, &typed(0)).await;
        assert!(stored_strokes(&home) >= READY_STROKES, "learnt anew");
    }
    let kinds = kinds(&home);
    assert_eq!((kinds.len(), kinds[0].as_str(), kinds[3].as_str()), (4, "keys", "mouse"), "{kinds:?}");
    assert!(kinds[1..3].iter().all(|kind| kind.starts_with("keys.damaged-")), "{kinds:?}");
}

#[tokio::test]
async fn where_recognition_is_off_nothing_is_loaded_and_what_a_process_before_has_left_is_dropped() {
    let home = home("someone", NO_SINKS);
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    change(&home, "UPDATE models SET blob = X'00ff' WHERE kind = 'keys'");
    let (scores, kinds_before) = (home.query("SELECT count(*) FROM scores"), kinds(&home));
    let mut command = home.command(&["run"]);
    command.env("SECLYZER_RECOGNITION_ENABLED", "false");
    let agent = Agent::start(manager.supervise(&command));
    agent.wait_for_log("Mouse Extractor initialized and ready");
    assert_eq!(manager.hear(), REMOVE);
    let text = told(&home, &["model", "status"]).1;
    assert!(text.starts_with("recognition: off\n") && text.contains("strokes are stored"), "{text}");
    assert_eq!((home.query("SELECT count(*) FROM scores"), kinds(&home)), (scores, kinds_before));
    // Whoever does not want it any more can have it deleted.
    let forgotten = "forgotten; recognition is off, so nothing is learnt\n";
    assert_eq!(told(&home, &["model", "forget", "--keys", "--yes"]), (Some(0), forgotten.into()));
    assert_eq!(kinds(&home), ["mouse"]);
    assert_eq!(agent.stop(), Some(0));
    let status: Value = serde_json::from_str(&told(&home, &["model", "status", "--json"]).1).expect("JSON");
    assert!(status["state"].is_null() && status["stored"]["mouse"]["learnt"].is_u64(), "{status}");
    assert_eq!(told(&home, &["model", "forget", "--yes"]), (Some(0), "forgotten: 1 stored\n".into()));
    assert_eq!(kinds(&home), [""; 0]);
}
