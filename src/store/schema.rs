//! The database's schema, as a list of migrations.
//!
//! | version | what it brought |
//! |---|---|
//! | 1 | the tables and views of the contract, followers' marks, what was learnt of applications |
//! | 2 | which version of the contract a record was made by |
//! | 3 | which strokes a keystroke record is computed from |
//! | 4 | scores and decisions, and the models that they come from |

use super::StoreError;
use crate::features::names::{Feature, KEYSTROKE, MOUSE};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Version of the schema that this program writes, `PRAGMA user_version`.
pub const VERSION: u32 = MIGRATIONS.len() as u32;
/// `PRAGMA application_id`, "SecL": tells our databases from others'.
const APPLICATION_ID: i32 = 0x5365_634c;

/// Each brings the schema from its place in the list to the next version.
const MIGRATIONS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; 4] =
    [to_version_1, to_version_2, to_version_3, to_version_4];

/// Brings a database to [`VERSION`]; each step is a transaction. `now_us` is for the audit log.
pub fn migrate(connection: &mut Connection, now_us: i64) -> Result<(), StoreError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(StoreError::Newer { found: version, known: VERSION });
    }
    for (from, migration) in (0..VERSION).zip(MIGRATIONS).skip(version as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migration(&transaction)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        audit(&transaction, now_us, "schema", &format!("version {from} to {}", from + 1))?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether the database is empty as yet. One of another program is refused before anything is written to it.
pub fn is_to_be_made(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    let is_empty = !connection.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if is_empty || id == APPLICATION_ID {
        return Ok(is_empty);
    }
    let (what, mend) = ("a database of another program".into(), "choose another place with store.path".into());
    Err(StoreError::Unusable { path: path.into(), what, mend })
}

/// Adds a line to the audit log.
pub fn audit(connection: &Connection, now_us: i64, event: &str, detail: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO audit_log (ts, event, detail) VALUES (?1, ?2, ?3)")?
        .execute((now_us, event, detail))
        .map(drop)
}

fn to_version_1(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(&feature_table("keystroke_features", "total_keys", &KEYSTROKE))?;
    transaction.execute_batch(&feature_table("mouse_features", "total_samples", &MOUSE))?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(VIEWS)
}

fn to_version_2(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    ["keystroke_features", "mouse_features", "app_transitions"].into_iter().try_for_each(|table| {
        transaction.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN schema INTEGER NOT NULL DEFAULT 1"))
    })
}

/// Version 1 of the contract used all strokes, version 2 those in lines.
fn to_version_3(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE keystroke_features ADD COLUMN strokes TEXT NOT NULL DEFAULT 'lines';
         UPDATE keystroke_features SET strokes = 'all' WHERE schema = 1;",
    )
}

/// Rows in `models` are of programs that used the table while this one did not.
fn to_version_4(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    if transaction.prepare("SELECT 1 FROM models")?.exists([])? {
        transaction.execute_batch(&format!("ALTER TABLE models RENAME TO {MODELS_OF_OTHERS}"))?;
    } else {
        transaction.execute_batch("DROP TABLE models")?;
    }
    let own = [
        (
            "scores",
            "state TEXT NOT NULL, trust INTEGER, learnt_keys INTEGER NOT NULL, learnt_actions INTEGER NOT NULL, \
             sittings INTEGER NOT NULL",
        ),
        ("decisions", "from_state TEXT NOT NULL, to_state TEXT NOT NULL, reason TEXT NOT NULL, modality TEXT"),
    ];
    for (table, columns) in own {
        let sql = format!("CREATE TABLE {table} ({ENVELOPE}, schema INTEGER NOT NULL, {columns}, {UNIQUE}) STRICT");
        transaction.execute_batch(&sql)?;
    }
    transaction.execute_batch(RECOGNITION)
}

/// Where the rows of an old table `models` are.
pub const MODELS_OF_OTHERS: &str = "models_of_others";

/// What every table of records begins and ends with. Times are microseconds since the Unix epoch; `stored` is when the
/// record was committed, which retention goes by.
const ENVELOPE: &str = "id INTEGER PRIMARY KEY, window_end INTEGER NOT NULL, user TEXT NOT NULL, host TEXT NOT NULL, \
     origin TEXT NOT NULL, dev_mode INTEGER NOT NULL, degraded INTEGER NOT NULL, stored INTEGER NOT NULL";
const UNIQUE: &str = "UNIQUE (window_end, user, host, origin)";

fn feature_table(table: &str, count: &str, features: &[Feature]) -> String {
    let columns: String = features.iter().map(|feature| format!("{} REAL, ", feature.name)).collect();
    format!("CREATE TABLE {table} ({ENVELOPE}, {count} INTEGER NOT NULL, {columns}{UNIQUE}) STRICT;")
}

const TABLES: &str = "
    CREATE TABLE app_transitions (
        id INTEGER PRIMARY KEY, window_end INTEGER NOT NULL, user TEXT NOT NULL, host TEXT NOT NULL,
        origin TEXT NOT NULL, dev_mode INTEGER NOT NULL, degraded INTEGER NOT NULL, stored INTEGER NOT NULL,
        from_app TEXT NOT NULL, to_app TEXT NOT NULL, duration_ms INTEGER NOT NULL,
        transition_count INTEGER NOT NULL, transition_probability REAL NOT NULL, switch_rate_per_min REAL NOT NULL,
        distinct_apps INTEGER NOT NULL, focus_entropy_bits REAL NOT NULL,
        hour INTEGER NOT NULL, hour_probability REAL NOT NULL,
        UNIQUE (window_end, user, host, origin)
    ) STRICT;
    -- Ids grow over all tables of records together.
    CREATE TABLE sequence (last_id INTEGER NOT NULL) STRICT;
    INSERT INTO sequence VALUES (0);
    -- How far each sink has got.
    CREATE TABLE followers (name TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    -- What was learnt of applications; kept longer than the records it came from.
    CREATE TABLE app_focus (
        user TEXT, host TEXT, origin TEXT, app TEXT, focus_us INTEGER NOT NULL,
        PRIMARY KEY (user, host, origin, app)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE app_followers (
        user TEXT, host TEXT, origin TEXT, from_app TEXT, to_app TEXT, count INTEGER NOT NULL,
        PRIMARY KEY (user, host, origin, from_app, to_app)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE app_hours (
        user TEXT, host TEXT, origin TEXT, app TEXT, hour INTEGER, count INTEGER NOT NULL,
        PRIMARY KEY (user, host, origin, app, hour)
    ) STRICT, WITHOUT ROWID;
    -- Whose records are here.
    CREATE TABLE user_profile (
        user TEXT, host TEXT, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY (user, host)
    ) STRICT, WITHOUT ROWID;
    -- For those who score the records: a model of a person, in a form of their own.
    CREATE TABLE models (
        id INTEGER PRIMARY KEY, user TEXT NOT NULL, host TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,
        schema INTEGER NOT NULL, data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE config (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO config VALUES ('database_id', lower(hex(randomblob(8))));
    CREATE TABLE audit_log (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
";

const VIEWS: &str = "
    CREATE VIEW latest_keystroke AS
        SELECT datetime(window_end / 1000000, 'unixepoch') AS time, * FROM keystroke_features
        ORDER BY window_end DESC LIMIT 1;
    CREATE VIEW latest_mouse AS
        SELECT datetime(window_end / 1000000, 'unixepoch') AS time, * FROM mouse_features
        ORDER BY window_end DESC LIMIT 1;
    CREATE VIEW app_usage AS
        SELECT user, host, origin, app, focus_us / 60e6 AS minutes,
               CAST(focus_us AS REAL) / nullif(sum(focus_us) OVER (PARTITION BY user, host, origin), 0) AS share
        FROM app_focus;
    CREATE VIEW app_transition_matrix AS
        SELECT user, host, origin, from_app, to_app, count,
               CAST(count AS REAL) / sum(count) OVER (PARTITION BY user, host, origin, from_app) AS probability
        FROM app_followers;
    -- Of the last seven days, by hour of the day in UTC.
    CREATE VIEW hourly_activity AS
        WITH recent AS (
            SELECT 'keystroke' AS type, window_end FROM keystroke_features
            WHERE window_end > (unixepoch() - 604800) * 1000000
            UNION ALL SELECT 'mouse', window_end FROM mouse_features
            WHERE window_end > (unixepoch() - 604800) * 1000000
            UNION ALL SELECT 'app', window_end FROM app_transitions
            WHERE window_end > (unixepoch() - 604800) * 1000000
        )
        SELECT window_end / 3600000000 % 24 AS hour, sum(type = 'keystroke') AS keystroke_windows,
               sum(type = 'mouse') AS mouse_windows, sum(type = 'app') AS focus_changes
        FROM recent GROUP BY hour;
";

const RECOGNITION: &str = "
    -- What was learnt of a person, in a form of its own. `kind` is keys or mouse; what could not be read has
    -- `<kind>.damaged-<time>`. `counts` is a JSON object for people.
    CREATE TABLE models (
        user TEXT NOT NULL, host TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, blob BLOB NOT NULL,
        counts TEXT NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (user, host, kind)
    ) STRICT;
    CREATE VIEW latest_decision AS
        SELECT datetime(window_end / 1000000, 'unixepoch') AS time, * FROM decisions
        ORDER BY window_end DESC LIMIT 1;
    -- By day in UTC. A score stands for five seconds with input; an alarm is a stranger.
    CREATE VIEW recognition_by_day AS
        WITH used AS (
            SELECT date(window_end / 1000000, 'unixepoch') AS day, user, host, origin, count(*) * 5 / 3600.0 AS hours,
                   min(trust) AS least_trust
            FROM scores GROUP BY day, user, host, origin
        ), decided AS (
            SELECT date(window_end / 1000000, 'unixepoch') AS day, user, host, origin,
                   sum(from_state = 'owner' AND to_state = 'doubtful') AS doubts,
                   sum(from_state <> 'stranger' AND to_state = 'stranger') AS alarms
            FROM decisions GROUP BY day, user, host, origin
        )
        SELECT day, user, host, origin, hours, least_trust, coalesce(doubts, 0) AS doubts,
               coalesce(alarms, 0) AS alarms
        FROM used LEFT JOIN decided USING (day, user, host, origin);
";
