//! What inserts and queries cost as the database grows.

use crate::report::short;
use crate::support::agent::Home;
use crate::support::{an_hour_ago_us, entry, record};
use rusqlite::Connection;
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::store::{Store, read_only};
use std::time::Instant;
use tokio::runtime::Runtime;

const QUERIES: [(&str, &str); 2] =
    [("README.md", include_str!("../../README.md")), ("docs/queries.md", include_str!("../../docs/queries.md"))];
const TRIES: usize = 5;
const INSERTS: usize = 101;
/// Kinds, with how many of a hundred records are of them.
const SHARES: [(&str, u64); 3] = [("keystroke_features", 48), ("mouse_features", 48), ("app_transitions", 4)];
const STEP_US: u64 = 5_000_000;

pub fn table(runtime: &Runtime, rows: u64) {
    let counts = [1_000, rows / 10, rows];
    let columns: Vec<_> = counts.iter().map(|&count| measure(runtime, count)).collect();
    println!("\n| ms, with so many rows | {} | {} | {} |\n|---|---|---|---|", counts[0], counts[1], counts[2]);
    for (i, (what, few)) in columns[0].iter().enumerate() {
        println!("| {what} | {} | {} | {} |", short(*few), short(columns[1][i].1), short(columns[2][i].1));
    }
}

fn measure(runtime: &Runtime, count: u64) -> Vec<(String, f64)> {
    let home = Home::with_config("[redis]\nenabled = false\n");
    fill(&home, count);
    let mut all = vec![("commit of one record".to_owned(), insert_ms(runtime, &home))];
    let connection = read_only(&home.database()).expect("a database");
    for (file, text) in QUERIES {
        for (i, sql) in text.split("```sql\n").skip(1).enumerate() {
            let sql = sql.split("```").next().expect("the query's end");
            let mut ms: Vec<f64> = (0..TRIES).map(|_| query_ms(&connection, sql)).collect();
            all.push((format!("{file}, query {}", i + 1), crate::median(&mut ms)));
        }
    }
    all
}

/// Makes a database of so many records, the newest an hour old, by repeating those of a golden trace.
pub fn fill(home: &Home, count: u64) {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/typist.jsonl");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/desk.jsonl");
    let output = home.run(&["replay", "--speed", "max", "--drain", "0", trace, other]);
    assert!(matches!(output.status.code(), Some(0 | 75)), "{}", String::from_utf8_lossy(&output.stderr));
    let connection = Connection::open(home.database()).expect("a database");
    let hasty = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;";
    connection.execute_batch(hasty).expect("a database of our own");
    let last_us = an_hour_ago_us() as u64;
    let mut id = 1;
    for (table, share) in SHARES {
        let rows = (count * share).div_ceil(100);
        repeat(&connection, table, rows, id, last_us - rows * STEP_US).expect("room for rows");
        id += rows;
    }
    let newest = id - 1;
    let rest = format!(
        "UPDATE sequence SET last_id = {newest}; DELETE FROM followers;
         INSERT INTO followers VALUES ('redis', 0); PRAGMA journal_mode = WAL;"
    );
    connection.execute_batch(&rest).expect("room for rows");
}

/// Replaces a table's rows by so many copies of them in turn, with ids from `first_id` on and a step of time apart.
fn repeat(connection: &Connection, table: &str, rows: u64, first_id: u64, first_us: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let columns: Vec<String> = names
        .into_iter()
        .map(|name| match name.as_str() {
            "id" => format!("{first_id} + i"),
            "window_end" | "stored" => format!("{first_us} + i * {STEP_US}"),
            "origin" => "'device'".into(),
            _ => format!("few.{name}"),
        })
        .collect();
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE few AS SELECT * FROM {table};
         DELETE FROM {table};
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
         INSERT INTO {table} SELECT {} FROM n JOIN few ON few.rowid = 1 + i % (SELECT count(*) FROM few);
         DROP TABLE few;",
        columns.join(", ")
    ))
}

fn insert_ms(runtime: &Runtime, home: &Home) -> f64 {
    let settings = config::Store { path: home.database(), retention: None };
    let store = Store::open(&settings).expect("the database");
    let mut ms: Vec<f64> = Vec::new();
    for i in 0..INSERTS {
        let entry = entry(record(an_hour_ago_us(), 3 * i as i64));
        let (newest, begun) = (*store.committed().borrow(), Instant::now());
        assert!(store.append(&entry.identity, entry.origin, Output::Window(entry.record)), "the queue is full");
        runtime.block_on(async { store.committed().wait_for(|&id| id > newest).await.map(drop) }).expect("it runs");
        ms.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    crate::median(&mut ms)
}

fn query_ms(connection: &Connection, sql: &str) -> f64 {
    let begun = Instant::now();
    let mut statement = connection.prepare(sql).expect("a query");
    let mut rows = statement.query([]).expect("a query that runs");
    while rows.next().expect("a row").is_some() {}
    begun.elapsed().as_secs_f64() * 1000.0
}
