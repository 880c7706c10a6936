//! The store through its handle: what is committed, kept, refused and deleted.

mod common;
mod support;

use common::{records, someone};
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::{Body, Kind, Origin, Record};
use seclyzer::store::{Follower, Store, StoreError, large_log, read_only};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::eventually;

const LIMIT: Duration = Duration::from_secs(10);

fn settings(path: &Path) -> config::Store {
    config::Store { path: path.to_owned(), retention: None }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("private/seclyzer.db");
    (folder, path)
}

/// The same records, so many days later.
fn days_later(records: &[Record], days: i64) -> Vec<Record> {
    let later =
        |record: &Record| Record { window_end_us: record.window_end_us + days * 86_400_000_000, ..record.clone() };
    records.iter().map(later).collect()
}

/// How far a mark is in the file, which is all that is left of an agent that is killed.
fn mark_in_file(path: &Path) -> i64 {
    let connection = read_only(path).expect("a database");
    connection.query_row("SELECT mark FROM followers WHERE name = 'redis'", [], |row| row.get(0)).expect("a mark")
}

/// Appends records and waits until the newest of them is committed.
async fn append(store: &Store, records: &[Record]) {
    let before = *store.committed().borrow();
    for record in records {
        assert!(store.append(&someone(), Origin::Device, Output::Window(record.clone())), "the queue is full");
    }
    let mut committed = store.committed();
    let all_there = committed.wait_for(|&id| id >= before + records.len() as i64);
    tokio::time::timeout(LIMIT, all_there).await.expect("committed in time").expect("a store that runs");
}

#[tokio::test]
async fn a_mark_that_moves_a_little_is_committed_with_the_next_records_and_one_that_moves_far_at_once() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records[..1]).await;
    assert_eq!(store.move_mark(Follower::Redis, 1, 8).await.expect("moved"), 1, "nothing is lost without a first one");
    assert_eq!(store.move_mark(Follower::Redis, 3, 8).await.expect("moved"), 1);
    assert_eq!((mark_in_file(&path), store.status().records()), (1, 1));
    append(&store, &records[1..2]).await;
    assert_eq!(mark_in_file(&path), 3);
    assert_eq!(store.move_mark(Follower::Redis, 12, 8).await.expect("moved"), 12);
    assert_eq!(mark_in_file(&path), 12);
}

#[tokio::test]
async fn a_mark_that_waits_is_committed_when_no_records_come_and_at_the_end() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    store.set_mark(Follower::Redis, 1).await.expect("a mark");
    assert_eq!(store.move_mark(Follower::Redis, 2, 8).await.expect("moved"), 1);
    eventually("the mark in the file", async || (mark_in_file(&path) == 2).then_some(())).await;
    assert_eq!(store.move_mark(Follower::Redis, 3, 8).await.expect("moved"), 2);
    store.close(LIMIT).await.expect("closed");
    assert_eq!(mark_in_file(&path), 3);
}

#[tokio::test]
async fn whoever_follows_anew_goes_on_from_a_mark_that_has_waited() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    store.set_mark(Follower::Redis, 1).await.expect("a mark");
    store.move_mark(Follower::Redis, 2, 8).await.expect("moved");
    assert_eq!(store.mark_or(Follower::Redis, 9).await.expect("a mark"), 2);
    assert_eq!(mark_in_file(&path), 2);
}

#[tokio::test]
async fn the_log_goes_back_into_the_database_in_quiet_moments() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    let has_grown = {
        let length = std::fs::metadata(&path).expect("a database").len();
        let path = path.clone();
        move || std::fs::metadata(&path).expect("a database").len() > length
    };
    for record in &records[..7] {
        append(&store, std::slice::from_ref(record)).await;
    }
    assert!(!has_grown(), "with no commit");
    append(&store, &records[7..8]).await;
    eventually("the log written back", async || has_grown().then_some(())).await;
}

#[tokio::test]
async fn records_come_back_in_order_as_they_went_in() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    assert!(Kind::ALL.iter().all(|kind| records.iter().any(|record| record.kind() == *kind)));
    append(&store, &records).await;
    let all = store.fetch(0, 10_000).await.expect("records");
    assert_eq!(all.iter().map(|stored| stored.id).collect::<Vec<_>>(), (1..=records.len() as i64).collect::<Vec<_>>());
    assert_eq!(all.into_iter().map(|stored| stored.entry.record).collect::<Vec<_>>(), records);
    let some = store.fetch(3, 4).await.expect("records");
    assert_eq!(some.iter().map(|stored| stored.id).collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert_eq!(store.backlog(3).await.expect("a number"), records.len() as u64 - 3);
}

#[tokio::test]
async fn a_record_that_is_there_already_is_ignored() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records).await;
    for record in &records {
        assert!(store.append(&someone(), Origin::Device, Output::Window(record.clone())));
    }
    // The same window of another origin is another record.
    assert!(store.append(&someone(), Origin::Redis, Output::Window(records[0].clone())));
    let mut committed = store.committed();
    let last = records.len() as i64 + 1;
    tokio::time::timeout(LIMIT, committed.wait_for(|&id| id == last)).await.expect("in time").expect("it runs");
    assert_eq!(store.status().ignored, records.len() as u64);
}

#[tokio::test]
async fn records_of_the_devices_with_the_same_windows_end_are_all_kept_and_a_repetition_is_not() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    for kind in Kind::ALL {
        // Three that differ; after the clock was set back twice they may end at the same time.
        let mut differ: Vec<Record> = Vec::new();
        for record in records().into_iter().filter(|record| record.kind() == kind) {
            if differ.len() < 3 && differ.iter().all(|other| other.body != record.body) {
                differ.push(record);
            }
        }
        let end_us = differ[0].window_end_us;
        let at = |end_us| move |record: &Record| Record { window_end_us: end_us, ..record.clone() };
        let clash: Vec<Record> = differ.iter().map(at(end_us)).collect();
        let before = store.newest().await.expect("an id");
        append(&store, &clash).await;
        for record in &clash {
            assert!(store.append(&someone(), Origin::Device, Output::Window(record.clone())));
        }
        assert_eq!(store.newest().await.expect("an id"), before + 3, "a repetition is ignored");
        let kept: Vec<Record> =
            store.fetch(before, 10).await.expect("records").into_iter().map(|stored| stored.entry.record).collect();
        let expected: Vec<Record> = (end_us..).zip(&differ).map(|(end_us, record)| at(end_us)(record)).collect();
        assert_eq!(kept, expected, "{kind:?}: the next free microsecond names it");
    }
    assert_eq!(store.status().ignored, 3 * Kind::ALL.len() as u64);
}

#[tokio::test]
async fn of_other_origins_the_first_record_with_a_name_stays() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let first = records()[0].clone();
    let second = Record { degraded: !first.degraded, ..first.clone() };
    for record in [&first, &second] {
        assert!(store.append(&someone(), Origin::Trace, Output::Window(record.clone())));
    }
    assert_eq!(store.newest().await.expect("an id"), 1);
    assert_eq!(store.fetch(0, 10).await.expect("a record")[0].entry.record, first);
}

#[tokio::test]
async fn marks_ids_and_what_was_learnt_outlive_the_agent() {
    let (_folder, path) = folder();
    let records = records();
    let database_id = {
        let store = Store::open(&settings(&path)).expect("a new database");
        append(&store, &records).await;
        assert_eq!(store.mark(Follower::Redis).await.expect("an answer"), None);
        assert_eq!(store.mark_or(Follower::Redis, 2).await.expect("a mark"), 2);
        store.set_mark(Follower::Influx, 5).await.expect("a mark");
        let id = store.database_id().to_owned();
        store.close(LIMIT).await.expect("closed");
        id
    };
    assert!(!path.with_extension("db-wal").exists(), "a closed database is one file");
    let store = Store::open(&settings(&path)).expect("the same database");
    assert_eq!(store.database_id(), database_id);
    assert_eq!(*store.committed().borrow(), records.len() as i64);
    assert_eq!(store.mark_or(Follower::Redis, 99).await.expect("a mark"), 2);
    assert_eq!(store.mark(Follower::Influx).await.expect("a mark"), Some(5));
}

#[tokio::test]
async fn what_was_learnt_of_applications_is_kept_apart_by_origin() {
    use seclyzer::features::app::AppCore;
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let mut core = AppCore::default();
    for (i, app) in ["code", "xterm", "code", "mpv"].into_iter().enumerate() {
        let (learnt, _) = core.push(1_790_000_000_000_000 + i as i64 * 1_000_000, Some(app.into()));
        assert!(store.append(&someone(), Origin::Trace, Output::Focus(learnt, None)));
    }
    let history = store.history(&someone(), Origin::Trace).await.expect("a history");
    assert_eq!(history.focus_us, [("code".into(), 2_000_000), ("xterm".into(), 1_000_000)]);
    assert_eq!(history.transitions.len(), 3);
    assert_eq!(store.history(&someone(), Origin::Device).await.expect("a history").focus_us, []);
}

#[tokio::test]
async fn a_folder_that_others_may_write_to_is_refused_with_what_mends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seclyzer.db");
    // One that is sticky is meant for everybody, as /tmp is.
    let mends = [(0o720, "chmod go-w"), (0o702, "chmod go-w"), (0o1777, "choose a folder in it")];
    for (mode, mend) in mends {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).expect("our own folder");
        let error = Store::open(&settings(&path)).expect_err("others may write to it").to_string();
        assert!(error.contains("others may write") && error.contains(mend), "{error}");
        assert!(!path.exists(), "mode {mode:o}");
    }
}

#[tokio::test]
async fn a_database_that_others_may_read_is_refused_with_what_mends_it() {
    let (_folder, path) = folder();
    drop(Store::open(&settings(&path)).expect("a new database").close(LIMIT).await);
    let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("our own file");
    let error = Store::open(&settings(&path)).expect_err("refused").to_string();
    assert!(error.contains("mode 644") && error.contains("run `chmod 600"), "{error}");
}

#[tokio::test]
async fn two_agents_do_not_write_to_one_database() {
    let (_folder, path) = folder();
    let _first = Store::open(&settings(&path)).expect("a new database");
    let error = Store::open(&settings(&path)).expect_err("refused").to_string();
    assert!(error.contains(&format!("process {} is using this database", std::process::id())), "{error}");
}

#[tokio::test]
async fn an_agent_that_starts_because_the_lock_file_was_removed_ends_the_one_before_which_loses_nothing() {
    let (_folder, path) = folder();
    let first = Store::open(&settings(&path)).expect("a new database");
    append(&first, &records()[..4]).await;
    std::fs::remove_file(format!("{}.lock", path.display())).expect("the lock file");
    let second = Store::open(&settings(&path)).expect("it is not known to be in use");
    for record in &records()[4..] {
        assert!(first.append(&someone(), Origin::Device, Output::Window(record.clone())));
    }
    let reason = tokio::time::timeout(LIMIT, first.displaced()).await.expect("it ends in time").to_string();
    assert!(reason.contains(&format!("process {} has taken the database", std::process::id())), "{reason}");
    // What is still queued then is committed when it closes.
    let status = first.clone();
    first.close(LIMIT).await.expect("closed");
    assert_eq!(status.status().dropped, 0);
    let all = second.fetch(0, 10_000).await.expect("records");
    assert_eq!(all.len(), records().len());
    second.close(LIMIT).await.expect("closed");
    assert_eq!(all_in(&path).await, records());
}

#[tokio::test]
async fn a_lock_file_that_is_removed_is_made_anew_by_the_next_commit() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    std::fs::remove_file(format!("{}.lock", path.display())).expect("the lock file");
    append(&store, &records()[..4]).await;
    assert!(matches!(Store::open(&settings(&path)), Err(StoreError::InUse { .. })));
    append(&store, &records()[4..]).await;
}

#[tokio::test]
async fn those_who_can_wait_leave_room_for_those_who_cannot() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let record = records()[0].clone();
    let flood = tokio::spawn({
        let (store, record) = (store.clone(), record.clone());
        async move {
            for i in 0..5000 {
                let record = Record { window_end_us: i, ..record.clone() };
                store.append_when_free(&someone(), Origin::Redis, Output::Window(record)).await.expect("it runs");
            }
        }
    });
    eventually("the store says what it waits for", async || store.status().trouble.is_some().then_some(())).await;
    assert!(!flood.is_finished(), "the flood waits");
    assert!(store.append(&someone(), Origin::Device, Output::Window(record)), "a device's record found no room");
    other.execute_batch("ROLLBACK").expect("the lock's end");
    tokio::time::timeout(2 * LIMIT, flood).await.expect("in time").expect("no panic");
    store.newest().await.expect("committed");
    assert_eq!((store.backlog(0).await.expect("a number"), store.status().dropped), (5001, 0));
}

#[tokio::test]
async fn closing_does_not_wait_for_ever_for_a_database_that_is_locked() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let mut queued = 0;
    while store.append(&someone(), Origin::Device, Output::Window(records()[0].clone())) {
        queued += 1;
    }
    assert!(queued >= 1024, "{queued}");
    store.audit("stop", "test");
    let closing = store.close(Duration::from_millis(100));
    tokio::time::timeout(6 * LIMIT, closing).await.expect("in time").expect("closed");
}

#[tokio::test]
async fn a_row_that_is_no_record_holds_up_none_behind_it() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records).await;
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    let changed = other.execute("UPDATE mouse_features SET total_samples = -1", []).expect("an update");
    assert!(changed > 0);
    assert_eq!(store.fetch(0, 1000).await.expect("the rest").len(), records.len() - changed);
}

#[tokio::test]
async fn a_row_that_is_no_record_takes_no_place_in_a_batch() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let of = |kind: Kind| move |record: &Record| record.kind() == kind;
    let keystroke: Vec<Record> = records().into_iter().filter(of(Kind::Keystroke)).take(2).collect();
    let mouse: Vec<Record> = records().into_iter().filter(of(Kind::Mouse)).take(1).collect();
    append(&store, &[keystroke, mouse].concat()).await;
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute("UPDATE keystroke_features SET total_keys = -1 WHERE id = 1", []).expect("an update");
    let batch = store.fetch(0, 1).await.expect("a batch");
    assert_eq!(batch.iter().map(|stored| stored.id).collect::<Vec<_>>(), [2], "3 comes after it");
}

#[tokio::test]
async fn freed_pages_go_back_to_the_file_system() {
    let (_folder, path) = folder();
    let records = records();
    let store = Store::open(&settings(&path)).expect("a new database");
    for day in 0..120 {
        append(&store, &days_later(&records, day)).await;
    }
    store.close(LIMIT).await.expect("closed");
    let pages = |connection: &rusqlite::Connection| -> u32 {
        connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("a number")
    };
    let connection = rusqlite::Connection::open(&path).expect("a database");
    for kind in Kind::ALL {
        let sql = format!("UPDATE {} SET stored = stored - 86400000000 * 3", kind.table());
        connection.execute(&sql, []).expect("an update");
    }
    let before = pages(&connection);
    drop(connection);
    let day = config::Store { retention: Some(Duration::from_secs(86_400)), ..settings(&path) };
    let _store = Store::open(&day).expect("the same database");
    let connection = read_only(&path).expect("a second connection");
    eventually("half of the pages given back", async || (pages(&connection) <= before / 2).then_some(())).await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let (_folder, path) = folder();
    drop(Store::open(&settings(&path)).expect("a new database").close(LIMIT).await);
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.pragma_update(None, "user_version", 99).expect("a version");
    drop(connection);
    assert!(matches!(Store::open(&settings(&path)), Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn records_wait_while_another_program_has_the_database_locked() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let records = records();
    for record in &records {
        assert!(store.append(&someone(), Origin::Device, Output::Window(record.clone())));
    }
    eventually("the store says what it waits for", async || store.status().trouble.is_some().then_some(())).await;
    other.execute_batch("ROLLBACK").expect("the lock's end");
    let mut committed = store.committed();
    let all_there = committed.wait_for(|&id| id == records.len() as i64);
    tokio::time::timeout(LIMIT, all_there).await.expect("in time").expect("it runs");
    store.close(LIMIT).await.expect("closed");
}

#[tokio::test]
async fn the_agent_starts_while_another_program_has_the_database_locked() {
    let (_folder, path) = folder();
    filled(&path).await;
    let other = rusqlite::Connection::open(&path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let begun = Instant::now();
    Store::open(&settings(&path)).expect("opened all the same");
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for the lock: {:?}", begun.elapsed());
}

#[tokio::test]
async fn records_go_when_they_have_been_kept_long_enough_and_their_ids_are_not_used_again() {
    let (_folder, path) = folder();
    let records = records();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records).await;
    store.close(LIMIT).await.expect("closed");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    for kind in Kind::ALL {
        let sql = format!("UPDATE {} SET stored = stored - 86400000000 * 3", kind.table());
        connection.execute(&sql, []).expect("an update");
    }
    drop(connection);
    let days = |days: u64| config::Store { retention: Some(Duration::from_secs(86_400 * days)), ..settings(&path) };
    let store = Store::open(&days(4)).expect("the same database");
    let kept = store.backlog(0).await.expect("a number");
    store.close(LIMIT).await.expect("closed");
    assert_eq!(kept, records.len() as u64, "younger than four days");

    let store = Store::open(&days(2)).expect("the same database");
    eventually("old records deleted", async || (store.backlog(0).await.expect("a number") == 0).then_some(())).await;
    append(&store, &records[..1]).await;
    assert_eq!(store.fetch(0, 10).await.expect("records")[0].id, records.len() as i64 + 1);
}

/// Moves the times at which these records were stored by so many days.
fn move_stored(path: &Path, ids: std::ops::RangeInclusive<i64>, days: i64) {
    let connection = rusqlite::Connection::open(path).expect("a database");
    for kind in Kind::ALL {
        let sql = format!("UPDATE {} SET stored = stored + ?1 WHERE id BETWEEN ?2 AND ?3", kind.table());
        connection.execute(&sql, (days * 86_400_000_000, ids.start(), ids.end())).expect("an update");
    }
}

fn keeping_days(path: &Path, days: u64) -> config::Store {
    config::Store { retention: Some(Duration::from_secs(86_400 * days)), ..settings(path) }
}

#[tokio::test]
async fn records_stored_while_the_clock_was_ahead_do_not_keep_those_behind_them() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    for day in 0..20 {
        append(&store, &days_later(&records(), day)).await;
    }
    let newest = store.newest().await.expect("an id");
    store.close(LIMIT).await.expect("closed");
    let (ahead, old) = (newest / 2, newest * 3 / 4);
    move_stored(&path, 1..=ahead, 3650);
    move_stored(&path, ahead + 1..=old, -3);
    let store = Store::open(&keeping_days(&path, 2)).expect("the same database");
    eventually("old records deleted", async || {
        (store.backlog(0).await.expect("a number") <= (newest - old) as u64).then_some(())
    })
    .await;
    assert_eq!(store.fetch(0, 1).await.expect("a record")[0].id, old + 1);
}

#[tokio::test]
async fn nothing_goes_because_the_clock_was_set_back() {
    let (_folder, path) = folder();
    let count = filled(&path).await.len() as i64;
    move_stored(&path, 1..=count, 3650);
    let store = Store::open(&keeping_days(&path, 2)).expect("the same database");
    append(&store, &days_later(&records()[..1], 1)).await;
    assert_eq!(store.backlog(0).await.expect("a number"), count as u64 + 1);
}

#[tokio::test]
async fn a_database_that_was_set_aside_goes_when_its_records_would_have_gone() {
    let (_folder, path) = folder();
    filled(&path).await;
    let aside = |day: &str| path.with_file_name(format!("seclyzer.db.corrupt-{day}T00:00:00.000000Z"));
    let (old, log, young) = (
        aside("2020-01-01"),
        path.with_file_name("seclyzer.db.corrupt-2020-01-01T00:00:00.000000Z-wal"),
        aside("9000-01-01"),
    );
    for file in [&old, &log, &young] {
        std::fs::write(file, "records").expect("a file");
    }
    let _store = Store::open(&keeping_days(&path, 2)).expect("the same database");
    eventually("old files deleted", async || (!old.exists() && !log.exists()).then_some(())).await;
    assert!(young.exists());
}

#[tokio::test]
async fn the_views_answer_the_usual_questions() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records()).await;
    let connection = read_only(&path).expect("a second connection");
    let newest = |kind: Kind| {
        let of_kind = records().into_iter().filter(move |record| record.kind() == kind);
        of_kind.map(|record| record.window_end_us).max().expect("a record")
    };
    for (view, kind) in [("latest_keystroke", Kind::Keystroke), ("latest_mouse", Kind::Mouse)] {
        let sql = format!("SELECT window_end, time FROM {view}");
        let (end, time): (i64, String) =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("one row");
        assert_eq!(end, newest(kind));
        assert!(time.starts_with("2026-"), "{time}");
    }
    for view in ["app_usage", "app_transition_matrix", "hourly_activity"] {
        connection.prepare(&format!("SELECT * FROM {view}")).and_then(|mut all| all.exists([])).expect("a view");
    }
    let nulls: i64 = connection
        .query_row("SELECT count(*) FROM keystroke_features WHERE dwell_lp IS NULL", [], |row| row.get(0))
        .expect("a number");
    let without = |record: &Record| matches!(&record.body, Body::Keystroke { features, .. } if features[16].is_none());
    assert_eq!(nulls as usize, records().iter().filter(|record| without(record)).count());
    assert!(nulls > 0, "the first windows have no value told by finger");
}

/// Files beside the database whose names say that they were set aside; not their logs.
fn set_aside(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.parent().expect("a folder")).expect("its entries");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.starts_with("seclyzer.db.corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    paths.filter(is_aside).collect()
}

/// A closed database with the golden records in it.
async fn filled(path: &Path) -> Vec<Record> {
    let store = Store::open(&settings(path)).expect("a new database");
    let records = records();
    append(&store, &records).await;
    store.close(LIMIT).await.expect("closed");
    records
}

/// Flips a byte of the first page of these kinds' tables, which opening does not read; what the file then holds.
fn damage(path: &Path, kinds: &[Kind]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let database = rusqlite::Connection::open(path).expect("the database");
    let root = |kind: &Kind| {
        let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{}'", kind.table());
        database.query_row(&sql, [], |row| row.get::<_, u32>(0)).expect("a table") as usize
    };
    let roots: Vec<usize> = kinds.iter().map(root).collect();
    drop(database);
    let mut bytes = std::fs::read(path).expect("the database");
    roots.into_iter().for_each(|root| bytes[(root - 1) * PAGE] ^= 0xff);
    std::fs::write(path, &bytes).expect("our own file");
    bytes
}

#[tokio::test]
async fn a_file_that_is_no_database_is_set_aside_untouched_and_a_new_one_begun() {
    let (_folder, path) = folder();
    filled(&path).await;
    let garbage = vec![0x5a; 10_000];
    std::fs::write(&path, &garbage).expect("our own file");
    let store = Store::open(&settings(&path)).expect("a new database in its place");
    append(&store, &records()[..3]).await;
    let aside = set_aside(&path);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read(&aside[0]).expect("the old file"), garbage);
    assert_eq!(std::fs::metadata(&aside[0]).expect("the old file").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn damage_that_the_check_finds_while_the_agent_runs_sets_the_database_aside_and_numbers_go_on() {
    let (_folder, path) = folder();
    let count = filled(&path).await.len() as i64;
    damage(&path, &[Kind::Mouse]);
    let store = Store::open(&settings(&path)).expect("nothing was noticed yet");
    let id = store.database_id().to_owned();
    store.set_mark(Follower::Influx, count - 2).await.expect("a mark");
    store.check();
    append(&store, &records()[..3]).await;
    assert_eq!(set_aside(&path).len(), 1);
    let ids: Vec<i64> = store.fetch(0, 100).await.expect("records").iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [count + 1, count + 2, count + 3]);
    store.close(LIMIT).await.expect("closed");
    let store = Store::open(&settings(&path)).expect("the new database");
    assert_eq!(store.database_id(), id);
    assert_eq!(store.mark(Follower::Influx).await.expect("a mark"), Some(count - 2));
}

#[tokio::test]
async fn records_in_work_when_damage_shows_are_committed_to_the_new_database() {
    let (_folder, path) = folder();
    let old = filled(&path).await;
    let bytes = damage(&path, &Kind::ALL);
    let store = Store::open(&settings(&path)).expect("nothing was noticed yet");
    append(&store, &days_later(&old, 1)).await;
    assert_eq!(store.fetch(0, 10_000).await.expect("records").len(), old.len());
    assert_eq!(store.status().trouble, None);
    let aside = set_aside(&path);
    assert_eq!(aside.len(), 1);
    assert_eq!(std::fs::read(&aside[0]).expect("the old file"), bytes);
}

#[tokio::test]
async fn a_database_in_which_the_name_of_a_column_is_damaged_is_set_aside() {
    let (_folder, path) = folder();
    let old = filled(&path).await;
    for name in ["rhythm_stability", "speed_mean", "last_id"] {
        let mut bytes = std::fs::read(&path).expect("the database");
        let at = bytes.windows(name.len()).position(|text| text == name.as_bytes()).expect("the schema's text");
        // SQLite takes it for a name like any other.
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).expect("our own file");
        let before = set_aside(&path).len();
        let store = Store::open(&settings(&path)).expect("a database, this one or another");
        append(&store, &days_later(&old, 1)).await;
        assert_eq!(set_aside(&path).len(), before + 1, "{name}");
        store.close(LIMIT).await.expect("closed");
    }
}

#[tokio::test]
async fn a_database_file_that_is_removed_while_the_agent_runs_is_begun_anew_and_no_later_record_is_lost() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records[..4]).await;
    for file in beside(&path) {
        std::fs::remove_file(file).expect("our own file");
    }
    append(&store, &records[4..]).await;
    store.close(LIMIT).await.expect("closed");
    assert_eq!(all_in(&path).await, records[4..]);
    let store = Store::open(&settings(&path)).expect("the new database");
    assert_eq!(*store.committed().borrow(), records.len() as i64);
}

/// What a process finds that starts after this one was killed: the files that have a name.
async fn all_after_a_kill(path: &Path) -> Vec<Record> {
    let copy = path.parent().expect("a folder").with_file_name("after-a-kill");
    copy_folder(path.parent().expect("a folder"), &copy);
    all_in(&copy.join("seclyzer.db")).await
}

#[tokio::test]
async fn every_published_record_outlives_a_kill_though_the_log_was_removed_moved_or_replaced() {
    type Change = fn(&Path, &Path);
    let changes: [(&str, Change); 4] = [
        ("removed", |log, _| std::fs::remove_file(log).expect("removed")),
        ("removed with its index", |log, index| {
            [log, index].into_iter().for_each(|file| std::fs::remove_file(file).expect("removed"))
        }),
        ("moved", |log, _| std::fs::rename(log, log.with_extension("old")).expect("moved")),
        ("replaced by a copy", |log, _| {
            std::fs::copy(log, log.with_extension("copy")).expect("copied");
            std::fs::rename(log.with_extension("copy"), log).expect("replaced");
        }),
    ];
    for (name, change) in changes {
        let (_folder, path) = folder();
        let store = Store::open(&settings(&path)).expect("a new database");
        let records = records();
        append(&store, &records[..4]).await;
        let [_, log, index] = beside(&path);
        change(&log, &index);
        append(&store, &records[4..]).await;
        assert_eq!(all_after_a_kill(&path).await, records, "{name}");
        assert_eq!(store.fetch(0, 10_000).await.expect("records").len(), records.len(), "{name}");
        assert_eq!((store.status().ignored, store.status().dropped), (0, 0), "{name}");
        store.close(LIMIT).await.expect("closed");
        assert_eq!(all_in(&path).await, records, "{name}");
    }
}

#[tokio::test]
async fn an_idle_store_whose_log_is_removed_saves_what_it_contained_once_the_folder_is_looked_at() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records()[..4]).await;
    std::fs::remove_file(&beside(&path)[1]).expect("the log");
    store.check_place();
    assert_eq!(store.backlog(0).await.expect("a number"), 4);
    assert_eq!(all_after_a_kill(&path).await, records()[..4]);
}

#[tokio::test]
async fn a_log_that_is_removed_while_another_program_reads_is_saved_once_that_one_ends() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records()[..4]).await;
    let reader = read_only(&path).expect("a reader");
    reader.execute_batch("BEGIN; SELECT count(*) FROM sequence").expect("a transaction");
    reader.query_row("SELECT last_id FROM sequence", [], |row| row.get::<_, u32>(0)).expect("a number");
    std::fs::remove_file(&beside(&path)[1]).expect("the log");
    for record in &records()[4..] {
        assert!(store.append(&someone(), Origin::Device, Output::Window(record.clone())));
    }
    eventually("the store says what it waits for", async || store.status().trouble.is_some().then_some(())).await;
    assert!(store.status().trouble.is_some_and(|trouble| trouble.contains("the database's log was removed")));
    assert_eq!(*store.committed().borrow(), 4, "nothing is published meanwhile");
    drop(reader);
    let last = records().len() as i64;
    let mut committed = store.committed();
    tokio::time::timeout(LIMIT, committed.wait_for(|&id| id == last)).await.expect("in time").expect("it runs");
    assert_eq!(all_after_a_kill(&path).await, records());
}

/// The database with what SQLite keeps beside it.
fn beside(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| PathBuf::from(format!("{}{suffix}", path.display())))
}

/// All records of a database that nobody uses.
async fn all_in(path: &Path) -> Vec<Record> {
    let store = Store::open(&settings(path)).expect("a database");
    let stored = store.fetch(0, 10_000).await.expect("records");
    store.close(LIMIT).await.expect("closed");
    stored.into_iter().map(|stored| stored.entry.record).collect()
}

/// Without a process of its own, which would keep the locks of all databases here for a moment.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for (path, _) in contents(from) {
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a file");
    }
}

/// What is in the files of a folder, by name.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_database_file_that_is_restored_under_the_agent_keeps_its_records_and_those_of_its_log() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records[..4]).await;
    let backup = path.parent().expect("a folder").with_file_name("backup");
    copy_folder(path.parent().expect("a folder"), &backup);
    assert!(std::fs::metadata(beside(&backup.join("seclyzer.db"))[1].clone()).is_ok_and(|log| log.len() > 0));
    append(&store, &records[4..8]).await;
    for (from, to) in beside(&backup.join("seclyzer.db")).iter().zip(beside(&path)) {
        std::fs::rename(from, to).expect("restored");
    }
    append(&store, &records[8..]).await;
    store.close(LIMIT).await.expect("closed");
    assert_eq!(all_in(&path).await, [&records[..4], &records[8..]].concat());
}

#[tokio::test]
async fn a_database_file_that_is_moved_away_without_its_log_holds_every_record_that_was_committed() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    let records = records();
    append(&store, &records[..4]).await;
    let moved = path.with_file_name("moved.db");
    std::fs::rename(&path, &moved).expect("moved");
    append(&store, &records[4..]).await;
    store.close(LIMIT).await.expect("closed");
    let (before, later) = (all_in(&moved).await, all_in(&path).await);
    assert!(before.starts_with(&records[..4]));
    assert_eq!(later, records[4..]);
}

/// Changes the database's folder under a store with records, has it take another record, and closes it.
async fn displaced(change: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf, u64) {
    let (folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records()[..4]).await;
    change(path.parent().expect("a folder"));
    assert!(store.append(&someone(), Origin::Device, Output::Window(records()[4].clone())));
    let displaced = tokio::time::timeout(LIMIT, store.displaced()).await.expect("noticed in time").to_string();
    assert!(displaced.starts_with(&path.parent().expect("a folder").display().to_string()), "{displaced}");
    let since = Instant::now();
    let status = store.clone();
    store.close(LIMIT).await.expect("closed");
    assert!(since.elapsed() < LIMIT / 2, "closing took {:?}", since.elapsed());
    (folder, path, status.status().dropped)
}

#[tokio::test]
async fn a_folder_that_is_removed_is_not_made_again_and_what_is_lost_is_counted() {
    let (_folder, path, lost) = displaced(|folder| std::fs::remove_dir_all(folder).expect("removed")).await;
    assert!(!path.parent().expect("a folder").exists());
    assert_eq!(lost, 1);
    // Another process begins anew.
    assert_eq!(all_in(&path).await, []);
}

#[tokio::test]
async fn a_folder_that_is_moved_takes_the_records_in_memory_along() {
    let (folder, path, lost) = displaced(|folder| {
        std::fs::rename(folder, folder.with_file_name("moved")).expect("moved");
    })
    .await;
    assert!(!path.parent().expect("a folder").exists());
    assert_eq!(lost, 0);
    assert_eq!(all_in(&folder.path().join("moved/seclyzer.db")).await, records()[..5]);
}

#[tokio::test]
async fn a_folder_that_is_replaced_by_a_copy_is_left_as_it_is_with_the_log_that_belongs_to_it() {
    let mut copied = Vec::new();
    let (_folder, path, lost) = displaced(|folder| {
        let copy = folder.with_file_name("copy");
        copy_folder(folder, &copy);
        std::fs::remove_dir_all(folder).expect("removed");
        std::fs::rename(copy, folder).expect("moved");
        copied = contents(folder);
    })
    .await;
    assert_eq!(contents(path.parent().expect("a folder")), copied);
    assert_eq!(lost, 1);
    assert_eq!(all_in(&path).await, records()[..4]);
}

#[tokio::test]
async fn a_folder_whose_parent_was_replaced_is_another_one() {
    let (folder, path, _) = displaced(|folder| {
        let parent = folder.parent().expect("a parent");
        std::fs::rename(folder, parent.join("old")).expect("moved");
        std::fs::create_dir(folder).expect("made");
    })
    .await;
    assert_eq!(contents(path.parent().expect("a folder")), []);
    assert_eq!(all_in(&folder.path().join("old/seclyzer.db")).await, records()[..5]);
}

#[tokio::test]
async fn a_log_that_a_reader_holds_is_told_of_until_the_reader_ends() {
    let (_folder, path) = folder();
    let store = Store::open(&settings(&path)).expect("a new database");
    append(&store, &records()[..1]).await;
    let reader = read_only(&path).expect("a reader");
    reader.execute_batch("BEGIN").expect("a transaction");
    reader.query_row("SELECT count(*) FROM mouse_features", [], |row| row.get::<_, u32>(0)).expect("a number");
    let writer = rusqlite::Connection::open(&path).expect("a writer");
    for _ in 0..40 {
        let fill = "INSERT INTO models VALUES ('', '', hex(randomblob(8)), 1, zeroblob(1000000), '{}', 0)";
        writer.execute_batch(fill).expect("a megabyte");
    }
    append(&store, &records()[1..2]).await;
    let told = large_log(store.status().log_bytes).expect("it is large");
    assert!(told.contains("MiB") && told.contains("does not end its transaction"), "{told}");
    drop(reader);
    // The first commit writes the log back, and the next begins it anew.
    append(&store, &records()[2..4]).await;
    append(&store, &records()[4..5]).await;
    append(&store, &records()[5..6]).await;
    assert_eq!(large_log(store.status().log_bytes), None, "{}", store.status().log_bytes);
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let (_folder, path) = folder();
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let other = rusqlite::Connection::open(&path).expect("a database");
    other.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").expect("a table");
    drop(other);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("our own file");
    let before = std::fs::read(&path).expect("their database");
    let error = Store::open(&settings(&path)).expect_err("refused").to_string();
    assert!(error.contains("another program"), "{error}");
    assert_eq!(std::fs::read(&path).expect("their database"), before);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_to_is_refused_with_what_mends_it() {
    // Not even root may make a folder there.
    let error = Store::open(&settings(Path::new("/proc/seclyzer/seclyzer.db"))).expect_err("refused").to_string();
    assert!(error.contains("choose another place with store.path"), "{error}");
}

#[tokio::test]
async fn symbolic_links_in_place_of_the_database_or_its_lock_are_not_followed() {
    for name in ["seclyzer.db", "seclyzer.db.lock"] {
        let (folder, path) = folder();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").expect("a file");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(&victim, path.with_file_name(name)).expect("a link");
        let error = Store::open(&settings(&path)).expect_err("refused").to_string();
        assert!(error.contains(name), "{error}");
        assert_eq!(std::fs::read(&victim).expect("the victim"), b"precious");
    }
}
