//! A database that looks like a month at a desk.

use super::agent::Home;
use rusqlite::Connection;
use std::path::Path;

const DAYS: u64 = 30;
const DAY_US: u64 = 86_400_000_000;
/// Records of one kind are at least so far apart.
const STEP_US: u64 = 5_000_000;

/// Fills the database with so many records, 48 % of typing, 48 % of the mouse and 4 % of applications, by repeating those
/// of golden traces, each day at the same hours; and with scores and decisions. The last day is today.
pub fn fill(home: &Home, count: u64, now_us: u64) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let traces = ["typist.jsonl", "desk.jsonl"].map(|name| golden.join(name).display().to_string());
    let output = home.run(&["replay", "--speed", "max", "--drain", "0", &traces[0], &traces[1]]);
    assert!(matches!(output.status.code(), Some(0 | 75)), "{}", String::from_utf8_lossy(&output.stderr));
    let connection = Connection::open(home.database()).expect("a database");
    connection
        .execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        .expect("a database of our own");
    let mut id = 1;
    for (table, percent) in [("keystroke_features", 48), ("mouse_features", 48), ("app_transitions", 4)] {
        let rows = (count * percent).div_ceil(100);
        repeat(&connection, table, rows, id, now_us).expect("room for rows");
        id += rows;
    }
    let rest = format!(
        "INSERT INTO scores SELECT id + {id}, window_end, user, host, origin, 0, 0, stored, schema,
             iif(window_end / {DAY_US} % 7 = 3, 'doubtful', 'owner'), iif(window_end / {DAY_US} % 7 = 3, 50, 100), 2000, 400, 3
             FROM keystroke_features;
         INSERT INTO decisions SELECT id + 10 * {id}, window_end, user, host, origin, 0, 0, stored, schema, 'doubtful',
             'stranger', 'evidence', 'keys' FROM keystroke_features WHERE id % ({id} / 20) = 7;
         INSERT INTO decisions SELECT id + 10 * {id}, window_end + 12000000, user, host, origin, 0, 0, stored, schema,
             'stranger', 'stranger', 'lock', 'keys' FROM decisions WHERE rowid % 3 > 0;
         UPDATE app_transitions SET from_app = '<script>alert(1)</script>' WHERE id % 9 = 0;
         UPDATE sequence SET last_id = 40 * {id}; DELETE FROM followers; PRAGMA journal_mode = WAL;"
    );
    connection.execute_batch(&rest).expect("room for rows");
}

fn repeat(connection: &Connection, table: &str, rows: u64, first_id: u64, now_us: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let a_day = rows.div_ceil(DAYS);
    // So that a day's records are within a day's hours however few there are.
    let step_us = (8 * 3_600_000_000 / a_day).max(STEP_US);
    let today_us = now_us / DAY_US * DAY_US;
    let first_us = today_us - (DAYS - 1) * DAY_US + 7 * 3_600_000_000;
    let time = format!("({first_us} + i / {a_day} * {DAY_US} + i % {a_day} * {step_us}) / {STEP_US} * {STEP_US}");
    let columns: Vec<String> = names
        .into_iter()
        .map(|name| match name.as_str() {
            "id" => format!("{first_id} + i"),
            "window_end" | "stored" => time.clone(),
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
