//! Records to rows and back.

use super::Follower;
use crate::event::Micros;
use crate::features::app::Transition;
use crate::features::app::{History, Learnt};
use crate::features::keystroke::Publish;
use crate::features::names::{Feature, KEYSTROKE, KEYSTROKE_COUNT, MOUSE};
use crate::recognition::coarse::{Decision, Score};
use crate::recognition::{Modality, Reason, State};
use crate::record::{Body, Entry, Identity, Kind, Origin, Record, SCHEMA, Stored};
use rusqlite::types::{ToSql, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Statement, Transaction};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

/// Columns before a record's own.
const ENVELOPE: &str = "id, window_end, user, host, origin, dev_mode, degraded, stored, schema";
const ENVELOPE_COLUMNS: usize = 9;

struct TableSql {
    insert: String,
    select: String,
    named: String,
}

static KEYSTROKE_SQL: LazyLock<TableSql> =
    LazyLock::new(|| table_sql(Kind::Keystroke, &(columns("total_keys", &KEYSTROKE) + ", strokes")));
static MOUSE_SQL: LazyLock<TableSql> = LazyLock::new(|| table_sql(Kind::Mouse, &columns("total_samples", &MOUSE)));
static APP_SQL: LazyLock<TableSql> = LazyLock::new(|| {
    let columns = "from_app, to_app, duration_ms, transition_count, transition_probability, switch_rate_per_min, \
                   distinct_apps, focus_entropy_bits, hour, hour_probability";
    table_sql(Kind::App, columns)
});

static SCORE_SQL: LazyLock<TableSql> =
    LazyLock::new(|| table_sql(Kind::Score, "state, trust, learnt_keys, learnt_actions, sittings"));
static DECISION_SQL: LazyLock<TableSql> =
    LazyLock::new(|| table_sql(Kind::Decision, "from_state, to_state, reason, modality"));
static COUNT_AFTER_SQL: LazyLock<String> = LazyLock::new(|| {
    let counts = Kind::ALL.map(|kind| format!("(SELECT count(*) FROM {} WHERE id > ?1)", kind.table()));
    format!("SELECT {}", counts.join(" + "))
});

fn columns(count: &str, features: &[Feature]) -> String {
    features.iter().fold(count.to_owned(), |mut all, feature| {
        let _ = write!(all, ", {}", feature.name);
        all
    })
}

fn table_sql(kind: Kind, columns: &str) -> TableSql {
    let table = kind.table();
    let count = ENVELOPE_COLUMNS + columns.split(',').count();
    let places = vec!["?"; count].join(", ");
    TableSql {
        insert: format!(
            "INSERT INTO {table} ({ENVELOPE}, {columns}) VALUES ({places}) \
             ON CONFLICT (window_end, user, host, origin) DO NOTHING"
        ),
        select: format!("SELECT {ENVELOPE}, {columns} FROM {table} WHERE id > ?1 ORDER BY id"),
        named: format!(
            "SELECT {ENVELOPE}, {columns} FROM {table} WHERE window_end = ?1 AND user = ?2 AND host = ?3 AND origin = ?4"
        ),
    }
}

fn sql(kind: Kind) -> &'static TableSql {
    match kind {
        Kind::Keystroke => &KEYSTROKE_SQL,
        Kind::Mouse => &MOUSE_SQL,
        Kind::App => &APP_SQL,
        Kind::Score => &SCORE_SQL,
        Kind::Decision => &DECISION_SQL,
    }
}

/// Binds one parameter after the other.
struct Binder<'s, 'c> {
    statement: &'s mut Statement<'c>,
    bound: usize,
}

impl Binder<'_, '_> {
    fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }
}

/// Inserts a record under an id; `false` if the record is there already.
pub fn insert(
    connection: &Connection,
    id: i64,
    entry: (&Identity, Origin, &Record),
    stored_us: i64,
) -> rusqlite::Result<bool> {
    let (_, origin, record) = entry;
    let mut window_end_us = record.window_end_us;
    while !insert_at(connection, id, entry, window_end_us, stored_us)? {
        // What the devices tell is made once, so a record that differs is not a repetition: the clock was set back. And
        // one event may lead to several decisions. Such a record gets the next name that is free.
        let may_share_its_time = origin == Origin::Device || record.kind() == Kind::Decision;
        if !may_share_its_time || is_there(connection, entry, window_end_us)? {
            return Ok(false);
        }
        window_end_us += 1;
    }
    Ok(true)
}

/// Whether the record that has the name is the same one.
fn is_there(
    connection: &Connection,
    (identity, origin, record): (&Identity, Origin, &Record),
    window_end_us: Micros,
) -> rusqlite::Result<bool> {
    let kind = record.kind();
    let mut statement = connection.prepare_cached(&sql(kind).named)?;
    let mut rows = statement.query((window_end_us, &identity.user, &identity.host, origin.name()))?;
    // A row that is no record is another one.
    let there = rows.next()?.and_then(|row| read(row, kind, None).ok());
    Ok(there.is_some_and(|stored| {
        let there = stored.entry.record;
        there.degraded == record.degraded && there.body == record.body
    }))
}

/// Inserts a record under a window's end; `false` if that name is taken.
fn insert_at(
    connection: &Connection,
    id: i64,
    (identity, origin, record): (&Identity, Origin, &Record),
    window_end_us: Micros,
    stored_us: i64,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(&sql(record.kind()).insert)?;
    let mut row = Binder { statement: &mut statement, bound: 0 };
    row.bind(id)?;
    row.bind(window_end_us)?;
    row.bind(&identity.user)?;
    row.bind(&identity.host)?;
    row.bind(origin.name())?;
    row.bind(identity.dev_mode)?;
    row.bind(record.degraded)?;
    row.bind(stored_us)?;
    row.bind(SCHEMA)?;
    match &record.body {
        Body::Keystroke { strokes, total_keys, features } => {
            row.bind(total_keys)?;
            features.iter().try_for_each(|value| row.bind(value))?;
            row.bind(strokes.name())?;
        }
        Body::Mouse { total_samples, features } => {
            row.bind(total_samples)?;
            features.iter().try_for_each(|value| row.bind(value))?;
        }
        Body::App(app) => {
            row.bind(&*app.from_app)?;
            row.bind(&*app.to_app)?;
            row.bind(app.duration_ms)?;
            row.bind(app.transition_count as i64)?;
            row.bind(app.transition_probability)?;
            row.bind(app.switch_rate_per_min)?;
            row.bind(app.distinct_apps)?;
            row.bind(app.focus_entropy_bits)?;
            row.bind(app.hour)?;
            row.bind(app.hour_probability)?;
        }
        Body::Score(score) => {
            row.bind(score.state.name())?;
            row.bind(score.trust)?;
            row.bind(score.learnt_keys as i64)?;
            row.bind(score.learnt_actions as i64)?;
            row.bind(score.sittings as i64)?;
        }
        Body::Decision(decision) => {
            row.bind(decision.from.name())?;
            row.bind(decision.to.name())?;
            row.bind(decision.reason.name())?;
            row.bind(decision.modality.map(Modality::name))?;
        }
    }
    Ok(statement.raw_execute()? == 1)
}

/// Id and time of the first record of this machine's devices with an id above `after`.
pub fn first_of_devices(connection: &Connection, after: i64) -> rusqlite::Result<Option<(i64, Micros)>> {
    let mut first: Option<(i64, Micros)> = None;
    for kind in Kind::ALL {
        let sql =
            format!("SELECT id, window_end FROM {} WHERE id > ?1 AND origin = ?2 ORDER BY id LIMIT 1", kind.table());
        let values = (after, Origin::Device.name());
        let found =
            connection.prepare_cached(&sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        first = first.into_iter().chain(found).min();
    }
    Ok(first)
}

/// Records of all kinds with an id above `after`, in order, at most `limit`.
pub fn fetch(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<Stored>> {
    let mut all: Vec<Stored> = Vec::new();
    for kind in Kind::ALL {
        let mut statement = connection.prepare_cached(&sql(kind).select)?;
        let mut rows = statement.query([after])?;
        let mut left = limit;
        while left > 0
            && let Some(row) = rows.next()?
        {
            let identity = all.last().map(|stored| &stored.entry.identity);
            match read(row, kind, identity) {
                Ok(stored) => {
                    all.push(stored);
                    left -= 1;
                }
                // Nobody but another program can have put it there; those behind it must not wait for it.
                Err(error) => {
                    tracing::error!(%error, table = kind.table(), "a row is skipped: it is not a valid record")
                }
            }
        }
    }
    all.sort_unstable_by_key(|stored| stored.id);
    all.truncate(limit);
    Ok(all)
}

/// `before`: an identity that is likely the same, so that most records share one.
fn read(row: &Row<'_>, kind: Kind, before: Option<&Arc<Identity>>) -> rusqlite::Result<Stored> {
    let identity = Identity { user: row.get(2)?, host: row.get(3)?, dev_mode: row.get(5)? };
    let identity = match before {
        Some(before) if **before == identity => Arc::clone(before),
        _ => Arc::new(identity),
    };
    let origin: String = row.get(4)?;
    let body = match kind {
        Kind::Keystroke => {
            let strokes: String = row.get(ENVELOPE_COLUMNS + 1 + KEYSTROKE_COUNT)?;
            let strokes = Publish::named(&strokes).unwrap_or_default();
            Body::Keystroke { strokes, total_keys: row.get(ENVELOPE_COLUMNS)?, features: Box::new(features(row)?) }
        }
        Kind::Mouse => Body::Mouse { total_samples: row.get(ENVELOPE_COLUMNS)?, features: Box::new(features(row)?) },
        Kind::App => Body::App(transition(row)?),
        Kind::Score => Body::Score(score(row)?),
        Kind::Decision => Body::Decision(decision(row)?),
    };
    let record = Record { window_end_us: row.get(1)?, degraded: row.get(6)?, body };
    let origin = Origin::named(&origin).unwrap_or(Origin::Trace);
    Ok(Stored { id: row.get(0)?, entry: Entry { schema: row.get(8)?, identity, origin, record } })
}

fn features<const N: usize>(row: &Row<'_>) -> rusqlite::Result<[Option<f64>; N]> {
    let mut values = [None; N];
    for (i, value) in values.iter_mut().enumerate() {
        *value = row.get(ENVELOPE_COLUMNS + 1 + i)?;
    }
    Ok(values)
}

fn transition(row: &Row<'_>) -> rusqlite::Result<Transition> {
    let at = |i| ENVELOPE_COLUMNS + i;
    Ok(Transition {
        from_app: row.get(at(0))?,
        to_app: row.get(at(1))?,
        duration_ms: row.get(at(2))?,
        transition_count: row.get::<_, i64>(at(3))? as u64,
        transition_probability: row.get(at(4))?,
        switch_rate_per_min: row.get(at(5))?,
        distinct_apps: row.get(at(6))?,
        focus_entropy_bits: row.get(at(7))?,
        hour: row.get(at(8))?,
        hour_probability: row.get(at(9))?,
    })
}

fn score(row: &Row<'_>) -> rusqlite::Result<Score> {
    let at = |i| ENVELOPE_COLUMNS + i;
    Ok(Score {
        state: named(row, at(0), State::named)?,
        trust: row.get(at(1))?,
        learnt_keys: row.get::<_, i64>(at(2))? as u64,
        learnt_actions: row.get::<_, i64>(at(3))? as u64,
        sittings: row.get::<_, i64>(at(4))? as u64,
    })
}

fn decision(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let at = |i| ENVELOPE_COLUMNS + i;
    let is_by_evidence = !matches!(row.get_ref(at(3))?, ValueRef::Null);
    Ok(Decision {
        from: named(row, at(0), State::named)?,
        to: named(row, at(1), State::named)?,
        reason: named(row, at(2), Reason::named)?,
        modality: is_by_evidence.then(|| named(row, at(3), Modality::named)).transpose()?,
    })
}

/// What a name in a column stands for; one that stands for nothing makes the row no record.
fn named<T>(row: &Row<'_>, column: usize, meaning: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let name: String = row.get(column)?;
    meaning(&name).ok_or_else(|| {
        let error = format!("{name:?} is no name of the contract").into();
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
    })
}

/// How many records have an id above `after`.
pub fn count_after(connection: &Connection, after: i64) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(&COUNT_AFTER_SQL)?;
    statement.query_row([after], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

pub fn mark(connection: &Connection, follower: Follower) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT mark FROM followers WHERE name = ?1";
    connection.prepare_cached(sql)?.query_row([follower.name()], |row| row.get(0)).optional()
}

pub fn set_mark(connection: &Connection, follower: Follower, id: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO followers VALUES (?1, ?2) ON CONFLICT DO UPDATE SET mark = excluded.mark";
    connection.prepare_cached(sql)?.execute((follower.name(), id)).map(drop)
}

/// Sets all of them, as a part of a transaction.
pub fn set_marks(transaction: &Transaction<'_>, marks: &BTreeMap<Follower, i64>) -> rusqlite::Result<()> {
    marks.iter().try_for_each(|(follower, mark)| set_mark(transaction, *follower, *mark))
}

/// Adds what a change of focus has taught.
pub fn learn(connection: &Connection, identity: &Identity, origin: Origin, learnt: &Learnt) -> rusqlite::Result<()> {
    let (user, host, origin) = (&identity.user, &identity.host, origin.name());
    if let Some(app) = &learnt.forgotten {
        for (table, column) in
            [("app_focus", "app"), ("app_hours", "app"), ("app_followers", "from_app"), ("app_followers", "to_app")]
        {
            let sql = format!("DELETE FROM {table} WHERE user = ?1 AND host = ?2 AND origin = ?3 AND {column} = ?4");
            connection.prepare_cached(&sql)?.execute((user, host, origin, app))?;
        }
    }
    if let Some((app, focus_us)) = &learnt.focus_us {
        let sql = "INSERT INTO app_focus VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT DO UPDATE SET focus_us = focus_us + excluded.focus_us";
        connection.prepare_cached(sql)?.execute((user, host, origin, app, focus_us))?;
    }
    if let Some((from, to)) = &learnt.transition {
        let sql =
            "INSERT INTO app_followers VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT DO UPDATE SET count = count + 1";
        connection.prepare_cached(sql)?.execute((user, host, origin, from, to))?;
    }
    if let Some((app, hour)) = &learnt.hour {
        let sql = "INSERT INTO app_hours VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT DO UPDATE SET count = count + 1";
        connection.prepare_cached(sql)?.execute((user, host, origin, app, hour))?;
    }
    Ok(())
}

/// The sum of all that [`learn`] was given.
pub fn history(connection: &Connection, identity: &Identity, origin: Origin) -> rusqlite::Result<History> {
    let whose = (&identity.user, &identity.host, origin.name());
    let list = |columns: &str, table: &str| {
        connection.prepare(&format!("SELECT {columns} FROM {table} WHERE user = ?1 AND host = ?2 AND origin = ?3"))
    };
    let focus_us = list("app, focus_us", "app_focus")?
        .query_map(whose, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let transitions = list("from_app, to_app, count", "app_followers")?
        .query_map(whose, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)))?
        .collect::<rusqlite::Result<_>>()?;
    let hours = list("app, hour, count", "app_hours")?
        .query_map(whose, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(History { focus_us, transitions, hours })
}

/// Notes that records of this user on this host were committed.
pub fn see_user(connection: &Connection, identity: &Identity, now_us: i64) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO user_profile VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen";
    connection.prepare_cached(sql)?.execute((&identity.user, &identity.host, now_us)).map(drop)
}

/// Has a database go on where another one left off: ids are not given twice, and followers find their marks.
pub fn go_on_from(
    connection: &mut Connection,
    database_id: &str,
    last_id: i64,
    marks: &BTreeMap<Follower, i64>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("UPDATE config SET value = ?1 WHERE key = 'database_id'", [database_id])?;
    transaction.execute("UPDATE sequence SET last_id = max(last_id, ?1)", [last_id])?;
    marks.iter().try_for_each(|(follower, mark)| set_mark(&transaction, *follower, *mark))?;
    transaction.commit()
}
