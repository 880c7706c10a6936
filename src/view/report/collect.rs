//! What the report shows, from the database: the rows of each table of records are read once.

use super::calendar::{Calendar, LONGEST_US, Place, Step};
use super::presence::{Gaps, HOURS, presence};
use rusqlite::{Connection, Row};
use seclyzer::cli::trial::Trial;
use seclyzer::event::Micros;
use seclyzer::event::key::{ZONE_NAMES, ZONES};
use seclyzer::record::Kind;
use std::ops::RangeInclusive;

/// Decisions that are listed.
const DECISIONS: usize = 50;
/// Applications whose hours are shown; the others are one row.
const APPLICATIONS: usize = 20;
/// Applications in the graph of transitions.
const NODES: usize = 8;
/// Characters of a name. Those of applications come from strangers, and another program may write any length.
const NAME: usize = 256;

/// Which records.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub since_us: Micros,
    pub until_us: Micros,
    pub origin: &'static str,
    pub user: &'a str,
    pub host: &'a str,
    /// A window's length.
    pub window_us: Micros,
    /// From one window to the next.
    pub step_us: Micros,
}

/// Values of a feature, those of each slot of the calendar.
pub type Series = Vec<Vec<f32>>;

#[derive(Debug)]
pub struct Typing {
    pub speed_wpm: Series,
    pub consistency: Series,
    pub dwell_ms: Vec<f32>,
    pub flight_ms: Vec<f32>,
    /// By zones, in the order of the contract.
    pub dwell_by_zone_ms: [Option<f64>; ZONES - 1],
    /// From the one zone (row) to the other.
    pub pairs_ms: [[Option<f64>; ZONES]; ZONES],
}

#[derive(Debug)]
pub struct Pointing {
    pub speed: Series,
    pub straightness: Series,
    pub length: Series,
}

/// Windows of a slot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quality {
    pub keystroke: u32,
    /// Of them those whose features are null, because too few presses counted.
    pub without_values: u32,
    /// Of these those in which fewer than five counted.
    pub none_counted: u32,
    pub mouse: u32,
    /// Of them those without motion.
    pub without_motion: u32,
    /// Of both those that a gap fell into.
    pub degraded: u32,
    /// Of both those without values, or degraded, or both.
    pub flawed: u32,
}

#[derive(Debug)]
pub struct Applications {
    /// How many had the focus before a change, or got it.
    pub count: u32,
    /// With hours of focus before a change to another one, the longest first.
    pub hours: Vec<(String, f64)>,
    /// From, to and how often, the most frequent first: all between the applications with the most changes.
    pub transitions: Vec<(String, String, u32)>,
}

#[derive(Debug, Clone)]
pub struct Decided {
    pub time: String,
    pub from: String,
    pub to: String,
    pub reason: String,
    pub modality: Option<String>,
}

#[derive(Debug)]
pub struct Recognised {
    pub trust: Series,
    /// The newest, newest first.
    pub decisions: Vec<Decided>,
    /// Of each slot: alarms that began in it, and of them those that reached the threshold of locking, then or later.
    pub alarms: Vec<(u32, u32)>,
}

#[derive(Debug)]
pub struct Data {
    /// The date each row of the hours of a day begins with, and how many days it is.
    pub dates: Vec<String>,
    pub days_a_row: usize,
    /// The date, or date and time of day, each slot begins with.
    pub slots: Vec<String>,
    pub step: Step,
    /// Of each row and hour of the day: hours at the machine in all.
    pub at_machine_h: Vec<[f64; HOURS]>,
    pub gaps: Vec<Gaps>,
    pub quality: Vec<Quality>,
    /// Settings of which strokes count, each with the windows without values that were made with it.
    pub strokes: Vec<(String, u32)>,
    pub typing: Typing,
    pub pointing: Pointing,
    pub applications: Applications,
    pub recognised: Recognised,
}

impl Data {
    /// Of the calendar's days; all that is wanted is within them.
    pub fn read(connection: &Connection, wanted: Wanted<'_>, mut calendar: Calendar<'_>) -> rusqlite::Result<Data> {
        let mut quality = vec![Quality::default(); calendar.slots.len()];
        let presence = presence(connection, wanted, &mut calendar)?;
        let typing = typing(connection, wanted, &mut calendar, &mut quality)?;
        let pointing = pointing(connection, wanted, &mut calendar, &mut quality)?;
        let recognised = recognised(connection, wanted, &mut calendar)?;
        Ok(Data {
            at_machine_h: presence.hours,
            gaps: presence.gaps,
            quality,
            strokes: strokes(connection, wanted)?,
            typing,
            pointing,
            applications: applications(connection, wanted)?,
            recognised,
            dates: calendar.dates,
            days_a_row: calendar.days_a_row,
            slots: calendar.slots,
            step: calendar.step,
        })
    }
}

/// The ends of the first and the last window; `None` where there is none.
pub fn bounds(connection: &Connection, wanted: Wanted<'_>) -> rusqlite::Result<Option<(Micros, Micros)>> {
    let all = Kind::ALL
        .map(Kind::table)
        .map(|table| format!("SELECT min(window_end) AS first, max(window_end) AS last FROM {table} WHERE {SPAN}"));
    let sql = format!("SELECT min(first), max(last) FROM ({})", all.join(" UNION ALL "));
    let bounds: (Option<i64>, Option<i64>) =
        connection.query_row(&sql, wanted.values(), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(bounds.0.zip(bounds.1))
}

/// What [`Wanted::values`] are for.
pub const SPAN: &str = "window_end >= ?1 AND window_end <= ?2 AND origin = ?3 AND user = ?4 AND host = ?5";

impl<'a> Wanted<'a> {
    pub fn values(&self) -> (Micros, Micros, &'static str, &'a str, &'a str) {
        (self.since_us, self.until_us, self.origin, self.user, self.host)
    }
}

/// Passes on each row of a table, with its place in the calendar. Its first column is the window's end, then those asked for.
fn each(
    connection: &Connection,
    wanted: Wanted<'_>,
    (columns, table): (&str, &str),
    calendar: &mut Calendar<'_>,
    mut take: impl FnMut(Place, &Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT window_end, {columns} FROM {table} WHERE {SPAN} ORDER BY window_end");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(wanted.values())?;
    while let Some(row) = rows.next()? {
        take(calendar.place(row.get(0)?)?, row)?;
    }
    Ok(())
}

/// What a feature can be; a value beyond was written by another program, and would be all that a picture shows.
type Bounds = RangeInclusive<f64>;
const DWELL_MS: Bounds = 0.0..=1_000.0;
const FLIGHT_MS: Bounds = -1_000.0..=2_000.0;
const DIGRAPH_MS: Bounds = 0.0..=1_500.0;
/// A key every ten milliseconds.
const SPEED_WPM: Bounds = 0.0..=1_200.0;
/// Of intervals whose deviation is eleven times their mean.
const CONSISTENCY: Bounds = -10.0..=1.0;
/// Counts, and counts a second: the finest sensor, 26,000 an inch, moved by ten metres.
const COUNTS: Bounds = 0.0..=1e7;
const STRAIGHTNESS: Bounds = 0.0..=1.0;
const TRUST: Bounds = 0.0..=100.0;

/// Adds a value where there is one within bounds.
fn add(values: &mut Vec<f32>, value: Option<f64>, bounds: &Bounds) {
    values.extend(value.filter(|value| bounds.contains(value)).map(|value| value as f32));
}

fn typing(
    connection: &Connection,
    wanted: Wanted<'_>,
    calendar: &mut Calendar<'_>,
    quality: &mut [Quality],
) -> rusqlite::Result<Typing> {
    let empty = || vec![Vec::new(); quality.len()];
    let (mut speed_wpm, mut consistency) = (empty(), empty());
    let (mut dwell_ms, mut flight_ms) = (Vec::new(), Vec::new());
    let columns = "degraded, dwell_median, flight_median, typing_speed_wpm, rhythm_consistency, total_keys < 5";
    each(connection, wanted, (columns, "keystroke_features"), calendar, |place, row| {
        let (is_degraded, dwell): (bool, Option<f64>) = (row.get(1)?, row.get(2)?);
        let is_without = dwell.is_none();
        let quality = &mut quality[place.slot];
        quality.keystroke += 1;
        quality.degraded += u32::from(is_degraded);
        quality.without_values += u32::from(is_without);
        quality.none_counted += u32::from(is_without && row.get(6)?);
        quality.flawed += u32::from(is_without || is_degraded);
        add(&mut dwell_ms, dwell, &DWELL_MS);
        add(&mut flight_ms, row.get(3)?, &FLIGHT_MS);
        add(&mut speed_wpm[place.slot], row.get(4)?, &SPEED_WPM);
        add(&mut consistency[place.slot], row.get(5)?, &CONSISTENCY);
        Ok(())
    })?;
    let (dwell_by_zone_ms, pairs_ms) = zones(connection, wanted)?;
    Ok(Typing { speed_wpm, consistency, dwell_ms, flight_ms, dwell_by_zone_ms, pairs_ms })
}

fn strokes(connection: &Connection, wanted: Wanted<'_>) -> rusqlite::Result<Vec<(String, u32)>> {
    let sql = format!(
        "SELECT substr(strokes, 1, {NAME}) AS made_with, count(*) FROM keystroke_features WHERE {SPAN} AND dwell_median IS NULL
         GROUP BY made_with ORDER BY count(*) DESC LIMIT {APPLICATIONS}"
    );
    connection.prepare(&sql)?.query_map(wanted.values(), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

type Zones = ([Option<f64>; ZONES - 1], [[Option<f64>; ZONES]; ZONES]);

/// Values by finger move once in 150 presses: one window in a quarter of an hour is enough.
fn zones(connection: &Connection, wanted: Wanted<'_>) -> rusqlite::Result<Zones> {
    let mean = |feature: String, bounds: &Bounds| {
        format!("avg({feature}) FILTER (WHERE {feature} BETWEEN {} AND {})", bounds.start(), bounds.end())
    };
    let dwells = ZONE_NAMES[..ZONES - 1].iter().map(|zone| mean(format!("dwell_{zone}"), &DWELL_MS));
    let pairs = ZONE_NAMES
        .iter()
        .flat_map(|from| ZONE_NAMES.iter().map(move |to| mean(format!("digraph_{from}_{to}"), &DIGRAPH_MS)));
    let sql = format!(
        "SELECT {} FROM keystroke_features WHERE origin = ?3 AND user = ?4 AND host = ?5 AND window_end IN (
             SELECT max(window_end) FROM keystroke_features WHERE {SPAN} GROUP BY window_end / 900000000
         )",
        dwells.chain(pairs).collect::<Vec<_>>().join(", ")
    );
    connection.query_row(&sql, wanted.values(), |row| {
        let (mut dwells, mut pairs) = ([None; ZONES - 1], [[None; ZONES]; ZONES]);
        for (zone, dwell) in dwells.iter_mut().enumerate() {
            *dwell = row.get(zone)?;
        }
        for (i, pair) in pairs.iter_mut().flatten().enumerate() {
            *pair = row.get(ZONES - 1 + i)?;
        }
        Ok((dwells, pairs))
    })
}

fn pointing(
    connection: &Connection,
    wanted: Wanted<'_>,
    calendar: &mut Calendar<'_>,
    quality: &mut [Quality],
) -> rusqlite::Result<Pointing> {
    let empty = || vec![Vec::new(); quality.len()];
    let (mut speed, mut straightness, mut length) = (empty(), empty(), empty());
    let columns = "degraded, speed_mean, path_efficiency_mean, stroke_length_mean";
    each(connection, wanted, (columns, "mouse_features"), calendar, |place, row| {
        let (is_degraded, moved): (bool, Option<f64>) = (row.get(1)?, row.get(2)?);
        let is_without = moved.is_none();
        let quality = &mut quality[place.slot];
        quality.mouse += 1;
        quality.degraded += u32::from(is_degraded);
        quality.without_motion += u32::from(is_without);
        quality.flawed += u32::from(is_without || is_degraded);
        add(&mut speed[place.slot], moved, &COUNTS);
        add(&mut straightness[place.slot], row.get(3)?, &STRAIGHTNESS);
        add(&mut length[place.slot], row.get(4)?, &COUNTS);
        Ok(())
    })?;
    Ok(Pointing { speed, straightness, length })
}

fn applications(connection: &Connection, wanted: Wanted<'_>) -> rusqlite::Result<Applications> {
    // Of a stretch the part within the span. One that is negative, or longer than a report can be, is another program's.
    let changes = format!(
        "WITH changes AS MATERIALIZED (
             SELECT substr(from_app, 1, {NAME}) AS from_app, substr(to_app, 1, {NAME}) AS to_app,
                    iif(duration_ms BETWEEN 0 AND {}, min(duration_ms, (window_end - ?1) / 1000), 0) AS duration_ms
             FROM app_transitions WHERE {SPAN} AND from_app <> to_app
         )",
        LONGEST_US / 1_000
    );
    let count =
        format!("{changes} SELECT count(*) FROM (SELECT from_app FROM changes UNION SELECT to_app FROM changes)");
    let hours = format!(
        "{changes}, ranked AS (
             SELECT from_app, total(duration_ms) / 3.6e6 AS hours,
                    row_number() OVER (ORDER BY total(duration_ms) DESC, from_app) AS place
             FROM changes GROUP BY from_app
         )
         SELECT iif(place > {APPLICATIONS}, 'others', from_app), total(hours) FROM ranked
         GROUP BY min(place, {APPLICATIONS} + 1) ORDER BY min(place)"
    );
    let transitions = format!(
        "{changes}, nodes AS (
             SELECT app FROM (SELECT from_app AS app FROM changes UNION ALL SELECT to_app FROM changes)
             GROUP BY app ORDER BY count(*) DESC, app LIMIT {NODES}
         )
         SELECT from_app, to_app, count(*) AS times FROM changes
         WHERE from_app IN nodes AND to_app IN nodes AND from_app <> to_app
         GROUP BY from_app, to_app ORDER BY times DESC, from_app, to_app"
    );
    let mut hours = connection.prepare(&hours)?;
    let hours = hours.query_map(wanted.values(), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut transitions = connection.prepare(&transitions)?;
    let transitions = transitions.query_map(wanted.values(), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Applications {
        count: connection.query_row(&count, wanted.values(), |row| row.get(0))?,
        hours: hours.collect::<rusqlite::Result<_>>()?,
        transitions: transitions.collect::<rusqlite::Result<_>>()?,
    })
}

fn recognised(
    connection: &Connection,
    wanted: Wanted<'_>,
    calendar: &mut Calendar<'_>,
) -> rusqlite::Result<Recognised> {
    let mut trust = vec![Vec::new(); calendar.slots.len()];
    each(connection, wanted, ("trust", "scores"), calendar, |place, row| {
        add(&mut trust[place.slot], row.get(1)?, &TRUST);
        Ok(())
    })?;
    let mut alarms = vec![(0, 0); trust.len()];
    let whose = (wanted.user, wanted.host, wanted.origin);
    for alarm in Trial::alarms(connection, whose, (wanted.since_us, wanted.until_us))? {
        let slot = &mut alarms[calendar.place(alarm.time_us)?.slot];
        slot.0 += 1;
        slot.1 += u32::from(alarm.lock_after_s.is_some());
    }
    let decisions = format!(
        "SELECT strftime('%Y-%m-%d %H:%M', window_end / 1000000, 'unixepoch', 'localtime'),
                substr(from_state, 1, {NAME}), substr(to_state, 1, {NAME}), substr(reason, 1, {NAME}),
                substr(modality, 1, {NAME})
         FROM decisions WHERE {SPAN} ORDER BY window_end DESC LIMIT {DECISIONS}"
    );
    let mut decisions = connection.prepare(&decisions)?;
    let decisions = decisions.query_map(wanted.values(), |row| {
        Ok(Decided {
            time: row.get(0)?,
            from: row.get(1)?,
            to: row.get(2)?,
            reason: row.get(3)?,
            modality: row.get(4)?,
        })
    })?;
    Ok(Recognised { trust, decisions: decisions.collect::<rusqlite::Result<_>>()?, alarms })
}
