//! How a span is divided: into days of the local zone, a long one into weeks, a short one into hours or minutes.

use rusqlite::{Connection, Statement};
use seclyzer::event::Micros;
use std::collections::HashMap;

/// More days are divided into weeks, and only so many hours or minutes are shown each.
const MOST_DAYS: usize = 62;
/// Of a short span: the shortest of these of which there are not too many.
const STEPS_MINUTES: [i64; 4] = [1, 5, 15, 60];
const MINUTE_US: Micros = 60_000_000;
const DAYS_A_WEEK: usize = 7;
/// Five years of weeks; more are no page that anybody reads.
const MOST_SLOTS: Micros = 260;
pub const LONGEST_US: Micros = MOST_SLOTS * DAYS_A_WEEK as Micros * 86_400_000_000;
/// All zones differ from UTC by whole quarters of an hour.
const QUARTER_US: Micros = 900_000_000;

/// What a slot, which is a value of a picture through time, stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Minutes(i64),
    Day,
    Week,
}

impl Step {
    /// Heads the column of what slots begin with.
    pub fn head(self) -> String {
        match self {
            Step::Minutes(60) => "hour from".into(),
            Step::Minutes(1) => "minute".into(),
            Step::Minutes(minutes) => format!("{minutes} minutes from"),
            Step::Day => "day".into(),
            Step::Week => "week from".into(),
        }
    }

    /// Several of them.
    pub fn plural(self) -> String {
        match self {
            Step::Minutes(60) => "hours".into(),
            Step::Minutes(1) => "minutes".into(),
            Step::Minutes(minutes) => format!("stretches of {minutes} minutes"),
            Step::Day => "days".into(),
            Step::Week => "weeks".into(),
        }
    }
}

/// A slot, a row of the hours of a day, and the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub slot: usize,
    /// A day, or a week.
    pub row: usize,
    /// Since the calendar's first.
    pub day: i64,
    pub hour: usize,
}

pub struct Calendar<'c> {
    /// The date each row of the hours of a day begins with.
    pub dates: Vec<String>,
    pub days_a_row: usize,
    /// The date, or date and time of day, each slot begins with.
    pub slots: Vec<String>,
    pub step: Step,
    first: String,
    /// Of the first slot of a short span.
    first_slot_us: Micros,
    statement: Statement<'c>,
    known: HashMap<i64, Place>,
}

impl<'c> Calendar<'c> {
    /// Of the days from one moment to another, at most [`LONGEST_US`] apart.
    pub fn new(connection: &'c Connection, since_us: Micros, until_us: Micros) -> rusqlite::Result<Calendar<'c>> {
        let days = "WITH RECURSIVE day(date) AS (
                        SELECT date(?1, 'unixepoch', 'localtime')
                        UNION ALL SELECT date(date, '+1 day') FROM day WHERE date < date(?2, 'unixepoch', 'localtime')
                    ) SELECT date FROM day";
        let mut days = connection.prepare(days)?;
        let dates = days.query_map((since_us / 1_000_000, until_us / 1_000_000), |row| row.get(0))?;
        let dates: Vec<String> = dates.collect::<rusqlite::Result<_>>()?;
        let days_a_row = if dates.len() > MOST_DAYS { DAYS_A_WEEK } else { 1 };
        let first = dates[0].clone();
        let dates: Vec<String> = dates.into_iter().step_by(days_a_row).collect();
        let short = short(connection, since_us / 1_000_000, until_us / 1_000_000)?;
        let step = if days_a_row == 1 { Step::Day } else { Step::Week };
        let (step, first_slot_us, slots) = short.unwrap_or_else(|| (step, since_us, dates.clone()));
        let place = "SELECT julianday(date(?1, 'unixepoch', 'localtime')) - julianday(?2),
                            CAST(strftime('%H', ?1, 'unixepoch', 'localtime') AS INTEGER)";
        let statement = connection.prepare(place)?;
        Ok(Calendar { dates, days_a_row, slots, step, first, first_slot_us, statement, known: HashMap::new() })
    }

    /// Where a moment of the span belongs.
    pub fn place(&mut self, time_us: Micros) -> rusqlite::Result<Place> {
        let place = self.place_in_day(time_us)?;
        let slot = match self.step {
            Step::Minutes(minutes) => (time_us - self.first_slot_us).max(0) / (minutes * MINUTE_US),
            Step::Day | Step::Week => place.row as i64,
        };
        Ok(Place { slot: (slot as usize).min(self.slots.len() - 1), ..place })
    }

    fn place_in_day(&mut self, time_us: Micros) -> rusqlite::Result<Place> {
        let quarter = time_us.div_euclid(QUARTER_US);
        if let Some(place) = self.known.get(&quarter) {
            return Ok(*place);
        }
        let begin_s = quarter * (QUARTER_US / 1_000_000);
        let (day, hour): (f64, i64) =
            self.statement.query_row((begin_s, &self.first), |row| Ok((row.get(0)?, row.get(1)?)))?;
        // The quarter may begin before the span does.
        let row = (day.max(0.0) as usize / self.days_a_row).min(self.dates.len() - 1);
        let place = Place { slot: row, row, day: day as i64, hour: hour.clamp(0, 23) as usize };
        self.known.insert(quarter, place);
        Ok(place)
    }
}

/// The slots of a short span: their step, the first one's begin, and what each begins with. `None` of a longer one.
fn short(connection: &Connection, since_s: i64, until_s: i64) -> rusqlite::Result<Option<(Step, Micros, Vec<String>)>> {
    let offset = "SELECT unixepoch(?1, 'unixepoch', 'localtime') - ?1";
    let offset_s: i64 = connection.query_row(offset, [since_s], |row| row.get(0))?;
    let mut clock = connection.prepare("SELECT strftime('%Y-%m-%d %H:%M', ?1, 'unixepoch', 'localtime')")?;
    for minutes in STEPS_MINUTES {
        let step_s = 60 * minutes;
        let first_s = (since_s + offset_s).div_euclid(step_s) * step_s - offset_s;
        let count = (until_s - first_s) / step_s + 1;
        if count <= MOST_DAYS as i64 {
            let names = (0..count).map(|i| clock.query_row([first_s + i * step_s], |row| row.get(0)));
            return Ok(Some((Step::Minutes(minutes), first_s * 1_000_000, names.collect::<rusqlite::Result<_>>()?)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: Micros = 86_400_000_000;

    #[test]
    fn moments_are_in_the_slot_of_their_day_and_of_their_week_in_a_long_span() {
        let connection = Connection::open_in_memory().expect("a connection");
        let since_us = 1_790_000_000_000_000;
        let mut days = Calendar::new(&connection, since_us, since_us + 9 * DAY_US).expect("days");
        assert_eq!((days.dates.len(), days.step), (10, Step::Day));
        let first = days.place(since_us).expect("a place");
        assert_eq!(days.place(since_us + 3 * DAY_US).expect("a place"), Place { slot: 3, row: 3, day: 3, ..first });
        let mut weeks = Calendar::new(&connection, since_us, since_us + 99 * DAY_US).expect("weeks");
        assert_eq!((weeks.dates.len(), weeks.days_a_row, weeks.step), (15, 7, Step::Week));
        assert_eq!(weeks.place(since_us + 13 * DAY_US).expect("a place").slot, 1);
        assert_eq!(weeks.place(since_us - 1).expect("a place").slot, 0);
    }

    #[test]
    fn the_slots_of_a_short_span_are_the_shortest_of_which_there_are_not_too_many() {
        let connection = Connection::open_in_memory().expect("a connection");
        // In each zone an hour begins 40 minutes before, or 10, or 25, or 55.
        let since_us = 1_790_001_600_000_000;
        for (span_us, step, count) in [
            (5 * MINUTE_US, Step::Minutes(1), 6),
            (3 * 60 * MINUTE_US, Step::Minutes(5), 37),
            (9 * 60 * MINUTE_US, Step::Minutes(15), 37),
        ] {
            let mut short = Calendar::new(&connection, since_us, since_us + span_us).expect("slots");
            assert_eq!((short.step, short.slots.len()), (step, count), "{:?}", short.slots);
            assert_eq!(short.place(since_us).expect("a place").slot, 0);
            assert_eq!(short.place(since_us + span_us).expect("a place").slot, count - 1);
            assert!(short.slots[0].starts_with(&short.dates[0]), "{:?}", short.slots);
        }
        let hours = Calendar::new(&connection, since_us, since_us + 2 * DAY_US).expect("slots");
        assert!(hours.step == Step::Minutes(60) && (49..=50).contains(&hours.slots.len()), "{:?}", hours.slots);
        assert!(hours.slots.iter().all(|slot| slot.ends_with(":00")), "{:?}", hours.slots);
    }
}
