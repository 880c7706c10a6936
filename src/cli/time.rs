//! Times as people write them on the command line.

use crate::event::Micros;
pub use crate::local_time::{follow_zone, local_clock, local_time};
use crate::now_us;

/// A time as people write it: absolute, of the local zone where none is named, or an age.
pub fn parse(text: &str) -> Result<Micros, String> {
    let now_us = now_us();
    let time_us = if is_absolute(text) { absolute_us(text) } else { ago_us(text, now_us) };
    time_us.ok_or_else(|| {
        "not a time, such as 2026-11-23T09:00:00Z, '2026-11-23 09:00', 2026-11-23, 2h, 1h30m or 7d (s, m, h, d, w)"
            .into()
    })
}

/// A time to come as people write it: absolute, or the next moment at which a clock shows this.
pub fn to_come_us(text: &str, now_us: Micros) -> Option<Micros> {
    if is_absolute(text) { absolute_us(text) } else { next_us(text, now_us) }
}

/// Whether it begins with a year.
fn is_absolute(text: &str) -> bool {
    text.get(4..5) == Some("-")
}

/// How long ago.
fn ago_us(text: &str, now_us: Micros) -> Option<Micros> {
    Some(now_us.saturating_sub(span_us(text)?).max(0))
}

/// A length of time: 90s, 30m, 2h, 1h30m, 7d, 4w.
pub fn span_us(text: &str) -> Option<Micros> {
    let mut parts = text.split_inclusive(|c: char| !c.is_ascii_digit()).peekable();
    parts.peek()?;
    parts.try_fold(0, |sum: Micros, part| sum.checked_add(part_us(part)?))
}

/// A number and its unit.
fn part_us(part: &str) -> Option<Micros> {
    let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    i64::from(number.parse::<u32>().ok()?).checked_mul(unit_s * 1_000_000)
}

/// The next moment at which a clock shows this: 18:30 of the local zone, or 18:30Z of UTC.
fn next_us(clock: &str, now_us: Micros) -> Option<Micros> {
    let (clock, in_zone, from_zone) = match clock.strip_suffix('Z') {
        // A modifier that changes nothing.
        Some(clock) => (clock, "+0 days", "+0 days"),
        None => (clock, "localtime", "utc"),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let whole = |text: &str| text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    whole(hours).filter(|&hours| hours < 24 && minutes.len() == 2)?;
    whole(minutes).filter(|&minutes| minutes < 60)?;
    let connection = rusqlite::Connection::open_in_memory().ok()?;
    let on = |day: &str| -> Option<Micros> {
        let sql = "SELECT unixepoch(date(?1, 'unixepoch', ?2, ?3) || ' ' || ?4, ?5)";
        let values = (now_us / 1_000_000, in_zone, day, format!("{hours:0>2}:{minutes}"), from_zone);
        let seconds: i64 = connection.query_row(sql, values, |row| row.get(0)).ok()?;
        Some(seconds * 1_000_000)
    };
    on("+0 days").filter(|&time_us| time_us > now_us).or_else(|| on("+1 day"))
}

/// SQLite knows the calendar and the local zone, which counts where the text tells none.
fn absolute_us(text: &str) -> Option<Micros> {
    let connection = rusqlite::Connection::open_in_memory().ok()?;
    let seconds: Option<f64> =
        connection.query_row("SELECT unixepoch(?1, 'subsec', 'utc')", [text], |row| row.get(0)).ok()?;
    Some((seconds? * 1e6).round() as Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_on_the_wall_shows_it_within_the_next_day() {
        let now_us = crate::now_us();
        for clock in ["00:00", "7:05", "18:30", "23:59"] {
            let next_us = next_us(clock, now_us).expect("a time");
            assert!(next_us > now_us && next_us <= now_us + 25 * 3_600_000_000, "{clock}");
            assert_eq!(local_clock(next_us), format!("{clock:0>5}"));
        }
        for clock in ["", "24:00", "12:60", "12:5", "12", "-1:00", "1:+5", "é:00", "Z", "12:30z", "12:30ZZ"] {
            assert_eq!(next_us(clock, now_us), None, "{clock}");
        }
    }

    #[test]
    fn a_time_to_come_may_be_of_utc_or_have_a_date() {
        // 14:13:20 UTC on 2026-09-21.
        let now_us = 1_790_000_000_000_000;
        assert_eq!(to_come_us("18:30Z", now_us), Some(1_790_015_400_000_000));
        assert_eq!(to_come_us("9:00Z", now_us), Some(1_790_067_600_000_000));
        assert_eq!(to_come_us("2026-09-21T18:30:00Z", now_us), Some(1_790_015_400_000_000));
        assert_eq!(to_come_us("2026-09-21T20:30:00+02:00", now_us), Some(1_790_015_400_000_000));
        assert_eq!(to_come_us("2026-09-21", now_us), parse("2026-09-21").ok());
        assert_eq!(to_come_us("2h", now_us), None);
    }

    #[test]
    fn a_length_of_time_may_have_several_parts() {
        assert_eq!(span_us("1h30m"), Some(5_400_000_000));
        assert_eq!(span_us("1d12h"), span_us("36h"));
        for text in ["", "h", "1", "1h30", "h30m", "1h 30m", "+1h", "1.5h", "1y", "4000000000w4000000000w", "é"] {
            assert_eq!(span_us(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_absolute_or_so_long_ago() {
        assert_eq!(parse("2026-11-23T09:00:00+01:00"), Ok(1_795_420_800_000_000));
        assert_eq!(parse("2026-11-23T08:00:00.250Z"), Ok(1_795_420_800_250_000));
        assert_eq!(ago_us("90s", 100_000_000), Some(10_000_000));
        assert_eq!(ago_us("2h", 7_300_000_000), Some(100_000_000));
        assert_eq!(ago_us("9w", 100), Some(0));
        // The zone of whoever runs this is not known, but a day is not far off.
        let day_us = parse("2026-11-23").expect("a date");
        assert_eq!(parse("2026-11-23 01:30"), Ok(day_us + 5_400_000_000));
        assert!((day_us - 1_795_392_000_000_000).abs() <= 14 * 3_600_000_000);
        for text in ["", "h", "2", "-2h", "2y", "now", "2026-13-01", "yesterday", "é"] {
            assert!(parse(text).is_err(), "{text:?} was taken for a time");
        }
    }
}
