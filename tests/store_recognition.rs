//! What recognition stores: scores, decisions and models.

mod common;

use common::{recognised, records, someone};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::recognition::coarse::{Decision, Score};
use seclyzer::recognition::{Modality, Reason, State};
use seclyzer::record::{Body, Entry, Identity, Kind, Origin, Record};
use seclyzer::store::{
    LARGEST_MODEL_BYTES, ModelKind, Span, Store, StoreError, StoredModel, forget, forget_models, read_models, read_only,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(10);
const WINDOW_US: i64 = 30_000_000;

fn settings(path: &Path) -> config::Store {
    config::Store { path: path.to_owned(), retention: None }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("private/seclyzer.db");
    (folder, path)
}

fn new_store(path: &Path) -> Store {
    Store::open(&settings(path)).expect("a database")
}

/// Appends what recognition has yielded, and waits until all of it is dealt with; the newest id.
async fn append(store: &Store, origin: Origin, records: &[Record]) -> i64 {
    for record in records {
        assert!(store.append(&someone(), origin, Output::Recognised(record.clone())), "the queue is full");
    }
    store.newest().await.expect("an id")
}

async fn all(store: &Store) -> Vec<Record> {
    store.fetch(0, 10_000).await.expect("records").into_iter().map(|stored| stored.entry.record).collect()
}

fn decision(at_us: i64, from: State, to: State, reason: Reason) -> Record {
    let body = Body::Decision(Decision { from, to, reason, modality: Some(Modality::Keys) });
    Record { window_end_us: at_us, degraded: false, body }
}

#[tokio::test]
async fn scores_and_decisions_come_back_among_the_others_in_the_order_that_they_were_made_in() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let mut mixed = recognised();
    let features: Vec<Record> = records().into_iter().take(mixed.len()).collect();
    mixed = mixed.into_iter().zip(features).flat_map(|(one, other)| [one, other]).collect();
    let newest = append(&store, Origin::Device, &mixed).await;
    assert_eq!(newest as usize, mixed.len());
    assert_eq!(all(&store).await, mixed);
    let some = store.fetch(2, 5).await.expect("records");
    assert_eq!(some.iter().map(|stored| stored.id).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    assert_eq!(store.backlog(4).await.expect("a number"), mixed.len() as u64 - 4);
    let status = store.status();
    assert_eq!((status.score_records, status.decision_records, status.records()), (4, 4, mixed.len() as u64));
}

#[tokio::test]
async fn decisions_of_one_moment_are_all_kept_whatever_their_origin_and_repeating_them_adds_none() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let at_us = 1_790_000_000_000_000;
    let chain = [
        decision(at_us, State::Owner, State::Doubtful, Reason::Evidence),
        decision(at_us, State::Doubtful, State::Stranger, Reason::Evidence),
        decision(at_us, State::Stranger, State::Stranger, Reason::Lock),
    ];
    for origin in Origin::ALL {
        let before = store.newest().await.expect("an id");
        let newest = append(&store, origin, &[chain.clone(), chain.clone()].concat()).await;
        assert_eq!(newest, before + 3, "{origin:?}: the repetition is ignored");
        let kept = store.fetch(before, 10).await.expect("records");
        let expected = (at_us..).zip(&chain).map(|(at_us, record)| Record { window_end_us: at_us, ..record.clone() });
        assert_eq!(
            kept.into_iter().map(|stored| stored.entry.record).collect::<Vec<_>>(),
            expected.collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn a_row_with_a_state_that_nobody_knows_holds_up_none_behind_it() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    append(&store, Origin::Device, &recognised()).await;
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute("UPDATE scores SET state = 'asleep' WHERE id = 1", []).expect("an update");
    other.execute("UPDATE decisions SET modality = 'smell' WHERE id = 4", []).expect("an update");
    let ids: Vec<i64> = store.fetch(0, 10).await.expect("records").iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [2, 3, 5, 6, 7, 8]);
}

/// The values of a row by the names of their columns.
fn row(path: &Path, table: &str, id: i64) -> serde_json::Map<String, serde_json::Value> {
    let connection = read_only(path).expect("a second connection");
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} WHERE id = ?1")).expect("a table");
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let value = |value: rusqlite::types::Value| match value {
        rusqlite::types::Value::Null => json!(null),
        rusqlite::types::Value::Integer(number) => json!(number),
        rusqlite::types::Value::Text(text) => json!(text),
        other => panic!("{other:?}"),
    };
    let read = |row: &rusqlite::Row<'_>| (0..names.len()).map(|i| row.get(i).map(value)).collect();
    let values: rusqlite::Result<Vec<_>> = statement.query_row([id], read);
    names.into_iter().zip(values.expect("a row")).collect()
}

fn body() -> impl Strategy<Value = Body> {
    let state = || prop::sample::select(&State::ALL[..]);
    let count = || 0..=i64::MAX as u64;
    let trust = prop::option::of(prop::sample::select(vec![0, 25, 50, 75, 100]));
    let score = (state(), trust, count(), count(), count()).prop_map(
        |(state, trust, learnt_keys, learnt_actions, sittings)| {
            Body::Score(Score { state, trust, learnt_keys, learnt_actions, sittings })
        },
    );
    let reason = prop::sample::select(&Reason::ALL[..]);
    let modality = prop::option::of(prop::sample::select(&Modality::ALL[..]));
    let decision = (state(), state(), reason, modality)
        .prop_map(|(from, to, reason, modality)| Body::Decision(Decision { from, to, reason, modality }));
    prop_oneof![score, decision]
}

#[test]
fn every_score_and_decision_is_the_same_in_json_in_the_database_and_read_back() {
    let (_folder, path) = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = new_store(&path);
    let mut time_us = 1_790_000_000_000_000;
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    let property = |body: Body| {
        let record = Record { window_end_us: time_us, degraded: false, body };
        let stored = runtime.block_on(async {
            let id = append(&store, Origin::Device, std::slice::from_ref(&record)).await;
            store.fetch(id - 1, 1).await.expect("a record").remove(0)
        });
        prop_assert_eq!(&stored.entry, &Entry::new(someone(), Origin::Device, record.clone()));
        let json: serde_json::Value = serde_json::from_str(&stored.entry.to_json()).expect("JSON");
        let row = row(&path, record.kind().table(), stored.id);
        let own: &[(&str, &str)] = match record.kind() {
            Kind::Score => &[
                ("state", "state"),
                ("trust", "trust"),
                ("learnt_keys", "learnt_keys"),
                ("learnt_actions", "learnt_actions"),
                ("sittings", "sittings"),
            ],
            _ => &[("from", "from_state"), ("to", "to_state"), ("reason", "reason"), ("modality", "modality")],
        };
        for (field, column) in [("window_end", "window_end"), ("schema", "schema"), ("user", "user")].iter().chain(own)
        {
            prop_assert_eq!(json.get(field), row.get(*column), "{}", field);
        }
        time_us += 5_000_000;
        Ok(())
    };
    let property = std::cell::RefCell::new(property);
    runner.run(&body(), |body| property.borrow_mut()(body)).expect("the same everywhere");
}

#[tokio::test]
async fn the_views_answer_who_it_was() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    append(&store, Origin::Device, &recognised()).await;
    let connection = read_only(&path).expect("a second connection");
    let latest = "SELECT time, from_state, to_state, reason FROM latest_decision";
    let latest: [String; 4] = connection
        .query_row(latest, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
        .expect("a decision");
    assert_eq!(latest, ["2026-09-21 14:13:36", "stranger", "owner", "calm"]);
    let by_day = "SELECT day, round(hours * 3600), least_trust, doubts, alarms FROM recognition_by_day";
    let by_day: (String, f64, i64, i64, i64) = connection
        .query_row(by_day, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .expect("a day");
    assert_eq!(by_day, ("2026-09-21".into(), 20.0, 0, 1, 1));
}

#[tokio::test]
async fn what_was_recognised_in_a_span_is_forgotten_with_it_and_models_with_everything() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let records = recognised();
    append(&store, Origin::Device, &records).await;
    store.write_models(&someone(), vec![model(ModelKind::Keys, b"secret")]).await.expect("written");
    store.close(LIMIT).await.expect("closed");
    let until_us = records[3].window_end_us - WINDOW_US - 1;
    let span = Span::Between { since_us: 0, until_us };
    assert_eq!(forget(&path, span, WINDOW_US).expect("forgotten").records, 3);
    assert_eq!(read_models(&path, &someone()).expect("a database").len(), 1, "a model has no times");
    assert_eq!(forget(&path, Span::All, WINDOW_US).expect("forgotten").records, records.len() - 3);
    assert_eq!(read_models(&path, &someone()).expect("a database"), []);
    assert!(!contents(&path).windows(6).any(|bytes| bytes == b"secret"));
}

fn model(kind: ModelKind, blob: &[u8]) -> StoredModel {
    StoredModel { kind, version: 1, blob: blob.to_vec(), counts: "{\"strokes\":100}".into(), updated_us: 7 }
}

/// All that the database's files contain.
fn contents(path: &Path) -> Vec<u8> {
    let entries = path.parent().expect("a folder").read_dir().expect("its entries");
    entries.flat_map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file of ours")).collect()
}

#[tokio::test]
async fn models_outlive_the_agent_each_in_place_of_the_one_before_and_are_of_one_user_on_one_host() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    assert_eq!(store.models(&someone()).await.expect("an answer"), []);
    store.save_models(&someone(), vec![model(ModelKind::Keys, b"one"), model(ModelKind::Mouse, b"two")]);
    store.save_models(&someone(), vec![model(ModelKind::Keys, b"three")]);
    let expected = vec![model(ModelKind::Keys, b"three"), model(ModelKind::Mouse, b"two")];
    assert_eq!(store.models(&someone()).await.expect("models"), expected);
    let elsewhere = Identity { host: "elsewhere".into(), ..(*someone()).clone() };
    assert_eq!(store.models(&elsewhere).await.expect("an answer"), []);
    assert_eq!(read_models(&path, &someone()).expect("a database that an agent uses"), expected);
    store.save_models(&elsewhere, vec![model(ModelKind::Mouse, b"four")]);
    store.close(LIMIT).await.expect("closed");
    let store = new_store(&path);
    assert_eq!(store.models(&someone()).await.expect("models"), expected);
    assert_eq!(store.models(&elsewhere).await.expect("models"), [model(ModelKind::Mouse, b"four")]);
}

#[tokio::test]
async fn saving_models_never_waits_and_what_a_lock_keeps_from_the_database_is_written_with_the_next_records() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let begun = Instant::now();
    for _ in 0..5_000 {
        store.save_models(&someone(), vec![model(ModelKind::Keys, b"old"), model(ModelKind::Mouse, b"mouse")]);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let failed = store.write_models(&someone(), vec![model(ModelKind::Keys, b"new")]).await;
    // Either it waited behind the lock in vain, or the ones before it did.
    assert!(matches!(failed, Err(StoreError::Sqlite(_))), "{failed:?}");
    other.execute_batch("ROLLBACK").expect("the lock's end");
    append(&store, Origin::Device, &recognised()[..1]).await;
    let expected = vec![model(ModelKind::Keys, b"new"), model(ModelKind::Mouse, b"mouse")];
    assert_eq!(store.models(&someone()).await.expect("models"), expected);
}

#[tokio::test]
async fn models_that_found_no_room_in_the_queue_are_written_when_the_store_closes() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let mut number = 0;
    while store.append(
        &someone(),
        Origin::Device,
        Output::Recognised(Record { window_end_us: number, ..recognised()[0].clone() }),
    ) {
        number += 1;
    }
    store.save_models(&someone(), vec![model(ModelKind::Keys, b"late")]);
    other.execute_batch("ROLLBACK").expect("the lock's end");
    store.close(LIMIT).await.expect("closed");
    assert_eq!(read_models(&path, &someone()).expect("a database"), [model(ModelKind::Keys, b"late")]);
}

#[tokio::test]
async fn a_model_that_is_too_large_is_refused_and_the_one_before_stays() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let largest = vec![1; LARGEST_MODEL_BYTES];
    store.write_models(&someone(), vec![model(ModelKind::Keys, &largest)]).await.expect("it just fits");
    let too_large = model(ModelKind::Keys, &vec![2; LARGEST_MODEL_BYTES + 1]);
    let refused = store.write_models(&someone(), vec![too_large.clone()]).await;
    assert!(matches!(refused, Err(StoreError::ModelTooLarge { kind: "keys", .. })), "{refused:?}");
    store.save_models(&someone(), vec![too_large, model(ModelKind::Mouse, b"mouse")]);
    let models = store.models(&someone()).await.expect("models");
    assert!(models[0].blob == largest && models[1] == model(ModelKind::Mouse, b"mouse"));
}

#[tokio::test]
async fn a_model_that_cannot_be_read_is_set_aside_and_the_last_three_of_those_are_kept() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    assert_eq!(store.set_model_aside(&someone(), ModelKind::Keys).await.expect("an answer"), None);
    store.write_models(&someone(), vec![model(ModelKind::Mouse, b"mouse")]).await.expect("written");
    let mut names = Vec::new();
    for number in 0..5 {
        store.write_models(&someone(), vec![model(ModelKind::Keys, &[number])]).await.expect("written");
        let name = store.set_model_aside(&someone(), ModelKind::Keys).await.expect("an answer").expect("a name");
        assert!(name.starts_with("keys.damaged-20"), "{name}");
        names.push(name);
        assert_eq!(store.models(&someone()).await.expect("models"), [model(ModelKind::Mouse, b"mouse")]);
    }
    let connection = read_only(&path).expect("a second connection");
    let mut statement = connection.prepare("SELECT kind, blob FROM models ORDER BY kind").expect("a table");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let left: Vec<(String, Vec<u8>)> = rows.map(|row| row.expect("a row")).collect();
    let aside = names.into_iter().zip(0..5).skip(2).map(|(name, number)| (name, vec![number]));
    assert_eq!(left, aside.chain([("mouse".to_owned(), b"mouse".to_vec())]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_row_that_another_program_has_spoilt_costs_neither_the_database_nor_the_other_model() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    store
        .write_models(&someone(), vec![model(ModelKind::Keys, b"keys"), model(ModelKind::Mouse, b"mouse")])
        .await
        .expect("written");
    store.close(LIMIT).await.expect("closed");
    let spoil = "UPDATE models SET version = -1, blob = X'ff', counts = CAST(X'ff' AS TEXT) WHERE kind = 'keys'";
    assert_eq!(rusqlite::Connection::open(&path).expect("a database").execute(spoil, []).expect("a change"), 1);
    let store = new_store(&path);
    let models = store.models(&someone()).await.expect("models");
    assert_eq!((models.len(), &models[0].blob[..]), (2, &[0xff][..]));
    assert_eq!(models[1], model(ModelKind::Mouse, b"mouse"));
    store.set_model_aside(&someone(), ModelKind::Keys).await.expect("an answer").expect("a name");
    assert_eq!(store.models(&someone()).await.expect("models"), [model(ModelKind::Mouse, b"mouse")]);
}

#[tokio::test]
async fn a_model_that_is_forgotten_while_no_agent_runs_leaves_nothing_in_the_files() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    store
        .write_models(&someone(), vec![model(ModelKind::Keys, b"secret"), model(ModelKind::Mouse, b"mouse")])
        .await
        .expect("written");
    let in_use = forget_models(&path, &someone(), &[ModelKind::Keys]).expect_err("an agent uses it");
    assert!(matches!(in_use, StoreError::InUse { .. }), "{in_use}");
    store.close(LIMIT).await.expect("closed");
    assert_eq!(forget_models(&path, &someone(), &[ModelKind::Keys]).expect("forgotten"), 1);
    assert!(!contents(&path).windows(6).any(|bytes| bytes == b"secret"));
    assert_eq!(read_models(&path, &someone()).expect("a database"), [model(ModelKind::Mouse, b"mouse")]);
}

#[tokio::test]
async fn a_model_that_is_forgotten_leaves_nothing_in_the_files_and_the_others_stay() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let elsewhere = Identity { host: "elsewhere".into(), ..(*someone()).clone() };
    let secret = b"the rhythm of a hand".repeat(1000);
    store.write_models(&elsewhere, vec![model(ModelKind::Keys, b"elsewhere")]).await.expect("written");
    store.write_models(&someone(), vec![model(ModelKind::Keys, &secret)]).await.expect("written");
    store.set_model_aside(&someone(), ModelKind::Keys).await.expect("an answer");
    store.write_models(&someone(), vec![model(ModelKind::Keys, &secret)]).await.expect("written");
    store.save_models(&someone(), vec![model(ModelKind::Mouse, b"mouse")]);
    let holds_secret = || contents(&path).windows(20).any(|bytes| bytes == b"the rhythm of a hand");
    assert!(holds_secret());
    assert_eq!(store.forget_models(&someone(), &[ModelKind::Keys]).await.expect("forgotten"), 2);
    assert!(!holds_secret());
    assert_eq!(store.models(&someone()).await.expect("models"), [model(ModelKind::Mouse, b"mouse")]);
    assert_eq!(store.models(&elsewhere).await.expect("models"), [model(ModelKind::Keys, b"elsewhere")]);
    assert_eq!(store.forget_models(&someone(), &ModelKind::ALL).await.expect("forgotten"), 1);
    assert_eq!(store.models(&someone()).await.expect("an answer"), []);
}

#[tokio::test]
async fn that_something_was_forgotten_at_a_time_to_come_is_not_believed() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    let forge = "INSERT INTO audit_log (ts, event, detail) VALUES (9223372036854775807, 'forget', 'model of x')";
    rusqlite::Connection::open(&path).expect("a database").execute(forge, []).expect("a row");
    assert_eq!(store.models_forgotten_us().await.expect("an answer"), None);
    store.write_models(&someone(), vec![model(ModelKind::Keys, b"keys")]).await.expect("written");
    assert_eq!(store.forget_models(&someone(), &ModelKind::ALL).await.expect("forgotten"), 1);
    let forgotten_us = store.models_forgotten_us().await.expect("an answer").expect("a time");
    assert!((1_700_000_000_000_000..9_000_000_000_000_000).contains(&forgotten_us), "{forgotten_us}");
}

#[tokio::test]
async fn a_model_is_not_said_to_be_forgotten_while_another_program_reads_the_log_that_contains_it() {
    let (_folder, path) = folder();
    let store = new_store(&path);
    store.write_models(&someone(), vec![model(ModelKind::Keys, b"secret")]).await.expect("written");
    let reader = read_only(&path).expect("a reader");
    reader.execute_batch("BEGIN; SELECT * FROM models").expect("a transaction");
    let outcome = store.forget_models(&someone(), &[ModelKind::Keys]).await;
    assert!(matches!(outcome, Err(StoreError::BeingRead { .. })), "{outcome:?}");
    reader.execute_batch("COMMIT").expect("its end");
    assert_eq!(store.forget_models(&someone(), &[ModelKind::Keys]).await.expect("nothing is left"), 0);
    assert!(!contents(&path).windows(6).any(|bytes| bytes == b"secret"));
}

#[tokio::test]
async fn models_are_read_from_no_database_but_one_of_this_version() {
    let (_folder, path) = folder();
    new_store(&path).close(LIMIT).await.expect("closed");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.pragma_update(None, "user_version", 3).expect("a version");
    assert_eq!(read_models(&path, &someone()).expect("no models as yet"), []);
    connection.pragma_update(None, "user_version", 99).expect("a version");
    assert!(matches!(read_models(&path, &someone()), Err(StoreError::Newer { found: 99, .. })));
}
