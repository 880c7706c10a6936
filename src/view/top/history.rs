//! What the database has of the last minutes, of today, and of the last week.

use crate::statistics::{Quantiles, quantiles};
use rusqlite::{Connection, OptionalExtension};
use seclyzer::cli::database;
use seclyzer::event::Micros;
use seclyzer::features::names::{Feature, KEYSTROKE, MOUSE};
use seclyzer::record::{Identity, Kind};

/// What is shown of trust and evidence.
pub const RECENT_US: Micros = 600_000_000;
const WEEK_US: Micros = 7 * 86_400_000_000;
const DECISIONS: usize = 8;
/// One window in a quarter of an hour shows what is usual.
const SAMPLE_US: Micros = 900_000_000;
/// A window that is older is not of the present.
const PRESENT_MIN: Micros = 5;
/// Fewer values show nothing.
const LEAST_VALUES: usize = 8;
/// The records that are shown.
const OWN: &str = "origin = 'device' AND user = ?1 AND host = ?2";

#[derive(Debug, Clone)]
pub struct Measured {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: Option<f64>,
    /// The median of the last week, and the bounds of eight of ten values.
    pub usual: Option<Quantiles>,
}

impl Measured {
    pub fn is_unusual(&self) -> bool {
        let outside = |value: f64, usual: Quantiles| value < usual.low || value > usual.high;
        self.value.zip(self.usual).is_some_and(|(value, usual)| outside(value, usual))
    }
}

/// The application that got the focus last today. Only stretches of focus that have ended count: how long it has had the
/// focus since is not recorded, for a pause, sleep, or the end of the agent ends a stretch without a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Focus {
    pub name: String,
    /// Of this application.
    pub own_us: Micros,
    /// Of all applications.
    pub all_us: Micros,
}

impl Focus {
    /// Its share of today, 0 to 1.
    pub fn share(&self) -> f64 {
        self.own_us as f64 / self.all_us.max(1) as f64
    }
}

#[derive(Debug, Clone, Default)]
pub struct History {
    /// Why it is not known.
    pub trouble: Option<String>,
    /// Where there are records, but none of this user and host.
    pub others: Option<String>,
    /// Of the last ten minutes: how long ago, and the trust.
    pub trust: Vec<(Micros, Option<u8>)>,
    /// Of the same time: how long ago something decided, and what.
    pub evidence: Vec<(Micros, String)>,
    /// The newest first, each as its time and what changed.
    pub decisions: Vec<(String, String)>,
    pub application: Option<Focus>,
    /// When the newest windows ended, as a clock on the wall shows it; with the day or the age where that is not now.
    pub keystroke_time: Option<String>,
    pub mouse_time: Option<String>,
    /// Without the pairs of zones.
    pub keystroke: Vec<Measured>,
    pub mouse: Vec<Measured>,
}

/// What is usual, by feature; it is worked out now and then.
#[derive(Debug, Clone, Default)]
pub struct Week {
    keystroke: Vec<Option<Quantiles>>,
    mouse: Vec<Option<Quantiles>>,
}

impl Week {
    pub fn read(connection: &Connection, whose: &Identity, now_us: Micros) -> rusqlite::Result<Week> {
        Ok(Week {
            keystroke: usual(connection, "keystroke_features", &shown(&KEYSTROKE), whose, now_us)?,
            mouse: usual(connection, "mouse_features", &shown(&MOUSE), whose, now_us)?,
        })
    }
}

/// The features that have a line of their own.
fn shown(features: &'static [Feature]) -> Vec<&'static Feature> {
    features.iter().filter(|feature| !feature.name.starts_with("digraph_")).collect()
}

fn columns(features: &[&Feature]) -> String {
    features.iter().map(|feature| feature.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn usual(
    connection: &Connection,
    table: &str,
    features: &[&Feature],
    whose: &Identity,
    now_us: Micros,
) -> rusqlite::Result<Vec<Option<Quantiles>>> {
    let sql = format!(
        "SELECT {} FROM {table} WHERE {OWN} AND window_end IN (
             SELECT max(window_end) FROM {table} WHERE window_end > ?3 AND window_end <= ?4 AND {OWN}
             GROUP BY window_end / {SAMPLE_US}
         )",
        columns(features)
    );
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); features.len()];
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query((&whose.user, &whose.host, now_us - WEEK_US, now_us))?;
    while let Some(row) = rows.next()? {
        for (i, values) in values.iter_mut().enumerate() {
            let value = row.get::<_, Option<f64>>(i)?.map(|value| value as f32);
            values.extend(value.filter(|value| value.is_finite()));
        }
    }
    Ok(values.iter().map(|values| bounds(values)).collect())
}

fn bounds(values: &[f32]) -> Option<Quantiles> {
    quantiles(values).filter(|_| values.len() >= LEAST_VALUES)
}

impl History {
    pub fn read(connection: &Connection, week: &Week, whose: &Identity, now_us: Micros) -> rusqlite::Result<History> {
        let (keystroke_time, keystroke) =
            newest(connection, "keystroke_features", &shown(&KEYSTROKE), &week.keystroke, whose, now_us)?;
        let (mouse_time, mouse) = newest(connection, "mouse_features", &shown(&MOUSE), &week.mouse, whose, now_us)?;
        let has_none = keystroke_time.is_none() && mouse_time.is_none();
        Ok(History {
            trouble: None,
            others: if has_none { others(connection, whose)? } else { None },
            trust: recent(connection, ("trust", "scores", "1"), whose, now_us)?,
            evidence: recent(connection, ("modality", "decisions", "modality IS NOT NULL"), whose, now_us)?,
            decisions: decisions(connection, whose, now_us)?,
            application: application(connection, whose, now_us)?,
            keystroke_time,
            mouse_time,
            keystroke,
            mouse,
        })
    }
}

/// Of whom there are records instead.
fn others(connection: &Connection, whose: &Identity) -> rusqlite::Result<Option<String>> {
    let mut owners = database::owners(connection, &Kind::ALL)?;
    owners.retain(|owner| (&owner.user, &owner.host) != (&whose.user, &whose.host));
    let text =
        |owners| format!("there is no record of {} on {}, but of {}", whose.user, whose.host, database::named(owners));
    Ok((!owners.is_empty()).then(|| text(&owners)))
}

/// How long ago, and a column, of the last minutes.
fn recent<T: rusqlite::types::FromSql>(
    connection: &Connection,
    (column, table, condition): (&str, &str, &str),
    whose: &Identity,
    now_us: Micros,
) -> rusqlite::Result<Vec<(Micros, T)>> {
    let sql = format!(
        "SELECT ?4 - window_end, {column} FROM {table}
         WHERE {OWN} AND window_end > ?3 AND window_end <= ?4 AND {condition} ORDER BY window_end"
    );
    let values = (&whose.user, &whose.host, now_us - RECENT_US, now_us);
    connection.prepare(&sql)?.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn decisions(connection: &Connection, whose: &Identity, now_us: Micros) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT strftime('%m-%d %H:%M:%S', window_end / 1000000, 'unixepoch', 'localtime'),
                from_state || ' -> ' || to_state || ': ' || reason || coalesce(' (' || modality || ')', '')
         FROM decisions WHERE {OWN} AND window_end <= ?3 ORDER BY window_end DESC LIMIT {DECISIONS}"
    );
    let values = (&whose.user, &whose.host, now_us);
    connection.prepare(&sql)?.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// When the day began in the local zone, of a time in microseconds.
const MIDNIGHT: &str = "unixepoch(?3 / 1000000, 'unixepoch', 'localtime', 'start of day', 'utc') * 1000000";

/// A stretch that began yesterday counts from midnight on.
fn application(connection: &Connection, whose: &Identity, now_us: Micros) -> rusqlite::Result<Option<Focus>> {
    let sql = format!(
        "WITH day(midnight) AS (SELECT {MIDNIGHT}), today AS (
             SELECT from_app, to_app, window_end, min(duration_ms * 1000, window_end - midnight) AS us
             FROM app_transitions, day WHERE {OWN} AND window_end >= midnight AND window_end <= ?3
         ), newest AS (SELECT to_app FROM today ORDER BY window_end DESC LIMIT 1)
         SELECT to_app, (SELECT coalesce(sum(us), 0) FROM today WHERE from_app = newest.to_app), (SELECT sum(us) FROM today)
         FROM newest"
    );
    let focus = |row: &rusqlite::Row<'_>| Ok(Focus { name: row.get(0)?, own_us: row.get(1)?, all_us: row.get(2)? });
    connection.query_row(&sql, (&whose.user, &whose.host, now_us), focus).optional()
}

/// When the newest window ended, and its features.
fn newest(
    connection: &Connection,
    table: &str,
    features: &[&'static Feature],
    usual: &[Option<Quantiles>],
    whose: &Identity,
    now_us: Micros,
) -> rusqlite::Result<(Option<String>, Vec<Measured>)> {
    let sql = format!(
        "SELECT strftime(iif(window_end >= {MIDNIGHT}, '%H:%M:%S', '%Y-%m-%d %H:%M'),
                         window_end / 1000000, 'unixepoch', 'localtime'), ?3 - window_end, {}
         FROM {table} WHERE {OWN} AND window_end <= ?3 ORDER BY window_end DESC LIMIT 1",
        columns(features)
    );
    let row = connection.query_row(&sql, (&whose.user, &whose.host, now_us), |row| {
        let values: Vec<Option<f64>> = (2..features.len() + 2).map(|i| row.get(i)).collect::<rusqlite::Result<_>>()?;
        Ok((row.get::<_, String>(0)? + &age(row.get(1)?), values))
    });
    let Some((time, values)) = row.optional()? else { return Ok((None, Vec::new())) };
    let usual = usual.iter().copied().chain(std::iter::repeat(None));
    let measured = features.iter().zip(values).zip(usual).map(|((feature, value), usual)| Measured {
        name: &feature.name,
        unit: feature.unit,
        value,
        usual,
    });
    Ok((Some(time), measured.collect()))
}

/// How old something is, where it is not of the present.
fn age(age_us: Micros) -> String {
    match (age_us / 60_000_000, age_us / 3_600_000_000, age_us / 86_400_000_000) {
        (..PRESENT_MIN, ..) => String::new(),
        (minutes, 0, _) => format!(", {minutes} min ago"),
        (_, hours, 0) => format!(", {hours} h ago"),
        (.., days) => format!(", {days} d ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seclyzer::store::schema::migrate;

    /// Twelve o'clock of a day in UTC, and in no zone later than 23 or earlier than 1 o'clock.
    const NOON_US: Micros = 20_000 * 86_400_000_000 + 12 * 3_600_000_000;
    const HOUR_US: Micros = 3_600_000_000;

    fn ann() -> Identity {
        Identity { user: "ann".into(), host: "desk".into(), dev_mode: false }
    }

    fn empty() -> Connection {
        let mut connection = rusqlite::Connection::open_in_memory().expect("a database");
        migrate(&mut connection, 0).expect("tables");
        connection
    }

    /// Ann went from one application to another at this time, after so long in the first.
    fn switch(connection: &Connection, user: &str, at_us: Micros, from: &str, duration_us: Micros, to: &str) {
        let sql = "INSERT INTO app_transitions VALUES (NULL, ?1, ?2, 'desk', 'device', 0, 0, 0, ?3, ?4, ?5, 1, 1, 1, 1, 1, 1, 1, 4)";
        connection.execute(sql, (at_us, user, from, to, duration_us / 1000)).expect("a record");
    }

    fn midnight_us(connection: &Connection) -> Micros {
        let sql = "SELECT unixepoch(?1, 'unixepoch', 'localtime', 'start of day', 'utc') * 1000000";
        connection.query_row(sql, [NOON_US / 1_000_000], |row| row.get(0)).expect("a time")
    }

    #[test]
    fn what_is_usual_is_known_from_eight_values_on() {
        assert_eq!(bounds(&[1.0; 7]), None);
        let values: Vec<f32> = (0..=10).rev().map(|i| i as f32).collect();
        let usual = bounds(&values).expect("bounds");
        assert_eq!(usual, Quantiles { low: 1.0, median: 5.0, high: 9.0 });
        let at = |value| Measured { name: "speed_mean", unit: "", value, usual: Some(usual) }.is_unusual();
        assert_eq!([Some(0.5), Some(1.0), Some(9.0), Some(9.5), None].map(at), [true, false, false, true, false]);
    }

    #[test]
    fn an_application_has_its_share_of_the_stretches_of_today_that_have_ended() {
        let connection = empty();
        assert_eq!(application(&connection, &ann(), NOON_US).expect("an answer"), None);
        let midnight_us = midnight_us(&connection);
        let now_us = midnight_us + 4 * HOUR_US;
        switch(&connection, "ann", midnight_us - HOUR_US, "code", HOUR_US, "firefox");
        // Which had the focus over midnight, as far as is known; but nothing of today says so.
        assert_eq!(application(&connection, &ann(), now_us).expect("an answer"), None);
        switch(&connection, "ann", midnight_us + HOUR_US, "firefox", 9 * HOUR_US, "code");
        switch(&connection, "ann", midnight_us + 3 * HOUR_US, "code", 2 * HOUR_US, "firefox");
        switch(&connection, "ann", now_us + 1, "firefox", HOUR_US, "of a clock that was ahead");
        switch(&connection, "bob", midnight_us + 2 * HOUR_US, "game", HOUR_US, "chess");
        let focus = application(&connection, &ann(), now_us).expect("an answer").expect("a focus");
        assert_eq!(focus, Focus { name: "firefox".into(), own_us: HOUR_US, all_us: 3 * HOUR_US });
        assert!((focus.share() - 1.0 / 3.0).abs() < 1e-9);
    }

    /// Ann typed in a window that ended then, at this speed in words a minute.
    fn typed(connection: &Connection, window_end_us: Micros, speed: f64) {
        let sql = "INSERT INTO keystroke_features (window_end, user, host, origin, dev_mode, degraded, stored, schema, total_keys, typing_speed_wpm)
                   VALUES (?1, 'ann', 'desk', 'device', 0, 0, 0, 4, 0, ?2)";
        connection.execute(sql, (window_end_us, speed)).expect("a record");
    }

    #[test]
    fn a_window_that_is_not_of_the_present_is_shown_with_its_age_and_one_of_the_future_not_at_all() {
        const MINUTE_US: Micros = 60_000_000;
        let connection = empty();
        let now_us = midnight_us(&connection) + 4 * HOUR_US;
        let shown = || {
            let history = History::read(&connection, &Week::default(), &ann(), now_us).expect("a history");
            let speed = history.keystroke.iter().find(|measured| measured.name == "typing_speed_wpm");
            (history.keystroke_time.unwrap_or_default(), speed.and_then(|speed| speed.value))
        };
        assert_eq!(shown(), (String::new(), None));
        typed(&connection, now_us + MINUTE_US, 99.0);
        assert_eq!(shown(), (String::new(), None));
        typed(&connection, now_us - 50 * HOUR_US, 10.0);
        let (time, speed) = shown();
        assert!(time.starts_with("20") && time.ends_with(" 02:00, 2 d ago"), "{time}");
        assert_eq!(speed, Some(10.0));
        typed(&connection, now_us - 3 * HOUR_US, 20.0);
        assert_eq!(shown(), ("01:00:00, 3 h ago".into(), Some(20.0)));
        typed(&connection, now_us - 5 * MINUTE_US, 30.0);
        assert_eq!(shown(), ("03:55:00, 5 min ago".into(), Some(30.0)));
        typed(&connection, now_us - MINUTE_US, 40.0);
        assert_eq!(shown(), ("03:59:00".into(), Some(40.0)));
    }

    #[test]
    fn a_decision_of_a_time_to_come_is_not_shown() {
        let connection = empty();
        let sql = "INSERT INTO decisions (window_end, user, host, origin, dev_mode, degraded, stored, schema, from_state, to_state, reason)
                   VALUES (?1, 'ann', 'desk', 'device', 0, 0, 0, 4, 'owner', 'owner', ?2)";
        for (window_end_us, reason) in [(NOON_US, "pause"), (NOON_US + 1, "pause_end")] {
            connection.execute(sql, (window_end_us, reason)).expect("a record");
        }
        let decisions = decisions(&connection, &ann(), NOON_US).expect("an answer");
        assert!(decisions.len() == 1 && decisions[0].1.ends_with(": pause"), "{decisions:?}");
    }

    #[test]
    fn records_of_others_are_not_shown_but_named_where_there_are_no_own() {
        let connection = empty();
        let history =
            |whose: &Identity| History::read(&connection, &Week::default(), whose, NOON_US).expect("a history");
        assert_eq!(history(&ann()).others, None);
        switch(&connection, "bob", NOON_US - HOUR_US, "game", HOUR_US, "chess");
        let others = history(&ann()).others.expect("bob");
        let expected = "there is no record of ann on desk, but of bob on desk (origin device, 20";
        assert!(others.starts_with(expected), "{others}");
        assert_eq!(history(&ann()).application, None);
    }
}
