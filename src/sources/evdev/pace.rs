//! How often devices are read. A fast mouse would wake the process for each of its reports, which costs more than all
//! that is done with them. Their time is the kernel's, so it does not matter when they are read.

use std::time::{Duration, Instant};

/// Reports closer together than this come from a fast mouse, of 1 kHz and more.
const FAST: Duration = Duration::from_micros(1_200);
/// So many readings in a row have to find such reports: a key and a slow mouse may speak at the same time.
const FAST_READINGS: u8 = 4;
/// So many reports gather in the kernel, of three events each. It keeps at least 64 events for each reader, and 128 of
/// a mouse (drivers/input/evdev.c).
const GATHERED: u32 = 8;
/// Whatever else the thread has to do waits so long at most.
const LONGEST_REST: Duration = Duration::from_millis(2);

/// Follows how fast reports come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// From one report to the next, of late.
    between: Duration,
    fast_readings: u8,
}

impl Pace {
    /// So many events, one at least, were read at this time.
    pub(super) fn note(&mut self, now: Instant, events: usize) {
        let since = self.last.replace(now).map_or(Duration::MAX, |last| now - last);
        self.between = since / u32::try_from(events).unwrap_or(u32::MAX);
        self.fast_readings = if self.between < FAST { self.fast_readings.saturating_add(1) } else { 0 };
    }

    /// How long to wait before the next reading, though there is something to read.
    pub(super) fn rest(&self) -> Option<Duration> {
        (self.fast_readings >= FAST_READINGS).then(|| (GATHERED * self.between).min(LONGEST_REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How often a reader is woken in a second by so many reports a second.
    fn readings(reports_a_second: u32) -> u32 {
        let (begin, between) = (Instant::now(), SECOND / reports_a_second);
        let (mut pace, mut readings, mut read) = (Pace::default(), 0, 0);
        while read < reports_a_second {
            let mut now = between * (read + 1);
            now += pace.rest().unwrap_or_default();
            let ready = u32::try_from(now.as_nanos() / between.as_nanos()).expect("a few");
            pace.note(begin + now, (ready - read) as usize);
            (read, readings) = (ready, readings + 1);
        }
        readings
    }

    #[test]
    fn a_fast_mouse_is_read_when_some_of_its_reports_have_gathered() {
        assert_eq!([1_000, 2_000, 4_000, 8_000].map(readings), [337, 404, 449, 894]);
    }

    #[test]
    fn an_ordinary_mouse_is_read_at_once() {
        for reports_a_second in [20, 125, 500] {
            assert_eq!(readings(reports_a_second), reports_a_second);
        }
    }

    #[test]
    fn a_key_beside_an_ordinary_mouse_makes_it_no_fast_one() {
        let (begin, mut pace) = (Instant::now(), Pace::default());
        for report in 0..1_000 {
            let now = begin + report * Duration::from_millis(2);
            pace.note(now, 1);
            pace.note(now + Duration::from_micros(30), 1);
            assert_eq!(pace.rest(), None);
        }
    }

    #[test]
    fn a_fast_mouse_that_stops_is_read_at_once_when_it_moves_again() {
        let (mut now, mut pace) = (Instant::now(), Pace::default());
        for _ in 0..100 {
            now += Duration::from_micros(125);
            pace.note(now, 1);
        }
        assert_eq!(pace.rest(), Some(Duration::from_millis(1)));
        pace.note(now + SECOND, 1);
        assert_eq!(pace.rest(), None);
    }
}
