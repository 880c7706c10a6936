//! Databases that earlier versions left behind: `tests/schemas/<version>.sql` is a dump of one with records in it.
//!
//! A new version of the schema adds the dump that its own program makes:
//! `seclyzer replay tests/golden/desk.jsonl --speed max`, then `sqlite3 seclyzer.db .dump`, with the two pragmas that a
//! dump leaves out in its first lines. From version 4 on with two scores, two decisions and a model besides.

use seclyzer::config;
use seclyzer::record::{Identity, Kind, SCHEMA};
use seclyzer::store::{ModelKind, Span, Store, forget, schema};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn dump(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{version}.sql"))
}

/// Every table, view and index with its text.
fn shape(path: &Path) -> Vec<(String, String)> {
    let database = seclyzer::store::read_only(path).expect("a database");
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name";
    let mut all = database.prepare(sql).expect("a query");
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn settings(path: &Path) -> config::Store {
    config::Store { path: path.to_owned(), retention: None }
}

/// A database as that version left it behind.
fn old(path: &Path, version: u32) -> rusqlite::Connection {
    let dump = dump(version);
    let text = std::fs::read_to_string(&dump)
        .unwrap_or_else(|error| panic!("{}: {error}; every version has its dump", dump.display()));
    let old = rusqlite::Connection::open(path).expect("a database");
    old.execute_batch(&text).expect("a dump");
    let found: u32 = old.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(found, version);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("our own file");
    old
}

#[tokio::test]
async fn a_database_of_every_older_version_is_brought_up_to_date_with_its_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = folder.path().join("new.db");
    Store::open(&settings(&new)).expect("a new database").close(Duration::from_secs(10)).await.expect("closed");
    for version in 1..=schema::VERSION {
        let path = folder.path().join(format!("{version}.db"));
        let old = old(&path, version);
        let before: i64 = old.query_row("SELECT last_id FROM sequence", [], |row| row.get(0)).expect("a number");
        drop(old);
        let store = Store::open(&settings(&path)).expect("brought up to date");
        let records = store.fetch(0, 10_000).await.expect("records");
        assert!(before > 0 && records.len() as i64 == before, "{} of {before}", records.len());
        // The contract's version moved with the schema's up to the third.
        let contract = version.min(SCHEMA);
        assert!(records.iter().all(|stored| stored.entry.schema == contract), "they are told as what they are");
        assert!(records[0].entry.to_json().contains(&format!("\"schema\":{contract},")));
        let is_recognition = |kind| matches!(kind, Kind::Score | Kind::Decision);
        let recognised = records.iter().filter(|stored| is_recognition(stored.entry.record.kind())).count();
        assert_eq!(recognised, if version < 4 { 0 } else { 4 });
        let ann = Identity { user: "ann".into(), host: "desk".into(), dev_mode: false };
        let models = store.models(&ann).await.expect("models");
        let kinds: Vec<ModelKind> = models.iter().map(|model| model.kind).collect();
        assert_eq!(kinds, [ModelKind::Keys][..usize::from(version >= 4)]);
        store.close(Duration::from_secs(10)).await.expect("closed");
        assert_eq!(shape(&path), shape(&new), "version {version}");
    }
}

#[tokio::test]
async fn models_that_others_put_into_an_older_database_are_kept_under_another_name_until_everything_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    for version in 1..=3 {
        let path = folder.path().join(format!("{version}.db"));
        let insert = "INSERT INTO models VALUES (7, 'ann', 'desk', 'forest', 1, 2, X'0102')";
        old(&path, version).execute_batch(insert).expect("a row");
        Store::open(&settings(&path))
            .expect("brought up to date")
            .close(Duration::from_secs(10))
            .await
            .expect("closed");
        let count = |table: &str| {
            let database = seclyzer::store::read_only(&path).expect("a database");
            let sql = format!("SELECT count(*) FROM {table} WHERE user = 'ann'");
            database.query_row(&sql, [], |row| row.get::<_, u32>(0)).expect("a number")
        };
        assert_eq!((count("models_of_others"), count("models")), (1, 0), "version {version}");
        forget(&path, Span::All, 30_000_000).expect("forgotten");
        assert_eq!(count("models_of_others"), 0, "version {version}");
    }
}
