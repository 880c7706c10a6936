//! Days of the local zone. A long span is divided into weeks.

use rusqlite::{Connection, Statement};
use seclyzer::event::Micros;
use std::collections::HashMap;

/// A span of more days is divided into weeks.
const MOST_DAYS: usize = 62;
const DAYS_A_WEEK: usize = 7;
/// Five years of weeks; more are no page that anybody reads.
const MOST_SLOTS: Micros = 260;
pub const LONGEST_US: Micros = MOST_SLOTS * DAYS_A_WEEK as Micros * 86_400_000_000;
/// All zones differ from UTC by whole quarters of an hour.
const QUARTER_US: Micros = 900_000_000;

/// A day, or a week, and the hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub slot: usize,
    /// Since the calendar's first.
    pub day: i64,
    pub hour: usize,
}

pub struct Calendar<'c> {
    /// The date each slot begins with.
    pub dates: Vec<String>,
    pub days_a_slot: usize,
    first: String,
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
        let days_a_slot = if dates.len() > MOST_DAYS { DAYS_A_WEEK } else { 1 };
        let first = dates[0].clone();
        let dates = dates.into_iter().step_by(days_a_slot).collect();
        let place = "SELECT julianday(date(?1, 'unixepoch', 'localtime')) - julianday(?2),
                            CAST(strftime('%H', ?1, 'unixepoch', 'localtime') AS INTEGER)";
        Ok(Calendar { dates, days_a_slot, first, statement: connection.prepare(place)?, known: HashMap::new() })
    }

    /// Where a moment of the span belongs.
    pub fn place(&mut self, time_us: Micros) -> rusqlite::Result<Place> {
        let quarter = time_us.div_euclid(QUARTER_US);
        if let Some(place) = self.known.get(&quarter) {
            return Ok(*place);
        }
        let begin_s = quarter * (QUARTER_US / 1_000_000);
        let (day, hour): (f64, i64) =
            self.statement.query_row((begin_s, &self.first), |row| Ok((row.get(0)?, row.get(1)?)))?;
        // The quarter may begin before the span does.
        let slot = (day.max(0.0) as usize / self.days_a_slot).min(self.dates.len() - 1);
        let place = Place { slot, day: day as i64, hour: hour.clamp(0, 23) as usize };
        self.known.insert(quarter, place);
        Ok(place)
    }
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
        assert_eq!((days.dates.len(), days.days_a_slot), (10, 1));
        let first = days.place(since_us).expect("a place");
        assert_eq!(days.place(since_us + 3 * DAY_US).expect("a place"), Place { slot: 3, day: 3, ..first });
        let mut weeks = Calendar::new(&connection, since_us, since_us + 99 * DAY_US).expect("weeks");
        assert_eq!((weeks.dates.len(), weeks.days_a_slot), (15, 7));
        assert_eq!(weeks.place(since_us + 13 * DAY_US).expect("a place").slot, 1);
        assert_eq!(weeks.place(since_us - 1).expect("a place").slot, 0);
    }
}
