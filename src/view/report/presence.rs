//! When somebody was at the machine: the hours, and the gaps between records.

use super::calendar::Calendar;
use super::collect::{SPAN, Wanted};
use rusqlite::Connection;
use seclyzer::event::Micros;

pub const HOURS: usize = 24;
const HOUR_US: f64 = 3.6e9;
/// A shorter time without a record is no gap.
pub const LEAST_GAP_US: Micros = 300_000_000;

/// Of a slot: times without a record, with records of the same day before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gaps {
    pub count: u32,
    pub hours: f64,
}

pub struct Presence {
    /// Of each row of the calendar and hour of the day, in all.
    pub hours: Vec<[f64; HOURS]>,
    pub gaps: Vec<Gaps>,
}

/// From the ends of all windows of typing and of the mouse, which an index contains.
pub fn presence(
    connection: &Connection,
    wanted: Wanted<'_>,
    calendar: &mut Calendar<'_>,
) -> rusqlite::Result<Presence> {
    let sql = format!(
        "SELECT window_end FROM keystroke_features WHERE {SPAN}
         UNION SELECT window_end FROM mouse_features WHERE {SPAN} ORDER BY window_end"
    );
    let (rows, slots) = (calendar.dates.len(), calendar.slots.len());
    let mut presence = Presence { hours: vec![[0.0; HOURS]; rows], gaps: vec![Gaps::default(); slots] };
    let mut before: Option<(Micros, i64)> = None;
    let mut statement = connection.prepare(&sql)?;
    let mut ends = statement.query(wanted.values())?;
    while let Some(row) = ends.next()? {
        let end_us = row.get(0)?;
        let place = calendar.place(end_us)?;
        let since_us = before.map(|(before_us, _)| end_us - before_us);
        presence.hours[place.row][place.hour] += in_use_us(since_us, wanted) as f64 / HOUR_US;
        if let (Some(since_us), Some((_, day))) = (since_us, before)
            && since_us > LEAST_GAP_US
            && day == place.day
        {
            let gaps = &mut presence.gaps[place.slot];
            gaps.count += 1;
            gaps.hours += since_us as f64 / HOUR_US;
        }
        before = Some((end_us, place.day));
    }
    Ok(presence)
}

/// The time that a record adds: that since the one before, where they are of one stretch of use. The first of a stretch
/// stands for one step.
fn in_use_us(since_us: Option<Micros>, wanted: Wanted<'_>) -> Micros {
    since_us.filter(|&since_us| since_us <= wanted.window_us + wanted.step_us).unwrap_or(wanted.step_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stands_for_the_time_since_the_one_before_in_the_same_stretch_of_use() {
        let wanted = Wanted {
            since_us: 0,
            until_us: 1,
            origin: "device",
            user: "ann",
            host: "desk",
            window_us: 30_000_000,
            step_us: 5_000_000,
        };
        for (since_us, used_us) in [
            (None, 5_000_000),
            (Some(1_000_000), 1_000_000),
            (Some(35_000_000), 35_000_000),
            (Some(36_000_000), 5_000_000),
        ] {
            assert_eq!(in_use_us(since_us, wanted), used_us);
        }
    }
}
