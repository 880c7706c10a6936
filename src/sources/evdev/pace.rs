//! How long a device may be left alone. To be woken for each report costs more than all that is done with it, and the
//! time of a report is the kernel's, so it does not matter when it is read: as long as the kernel has room for it.

use std::time::{Duration, Instant};

/// Events that the kernel keeps for each reader of a keyboard and of a mouse, at least (drivers/input/evdev.c: 8 packets of
/// as many events as the device can report at a time, but no fewer than 64). Half of that may gather.
const KEYBOARD_EVENTS: f64 = 32.0;
const MOUSE_EVENTS: f64 = 64.0;
/// A scanner of 200 keys a second fills the kernel's buffer within 50 ms.
const KEYBOARD_LONGEST: Duration = Duration::from_millis(50);
const MOUSE_LONGEST: Duration = Duration::from_millis(100);
/// At 8,000 reports a second, of three events each, half of the buffer is full after so long. It is also taken for so fast
/// until it is known better.
pub(super) const SHORTEST: Duration = Duration::from_micros(2_500);
/// A device of which it is not known how fast it can be is taken for at least so fast, in events a second, until it has been
/// read for a while: a mouse of 1 kHz may begin slowly.
const UNKNOWN: f64 = 3_000.0;
const KNOWN_AFTER: Duration = Duration::from_secs(5);
/// A rate is measured over so long, or so many events: a report that was late comes together with the next.
const MEASURED: Duration = Duration::from_millis(40);
const MEASURED_EVENTS: u32 = 96;
/// For how long of reading each of [`Pace::rates`] is the newest: the highest is remembered for 8 to 10 minutes.
const REMEMBERED: Duration = Duration::from_secs(120);
const SLOTS: usize = 5;
/// It pays to leave a device alone if so many reports can be expected meanwhile.
const WORTH_REPORTS: f64 = 2.0;
/// A report is of two events at least, and most of a mouse are of three.
const REPORT_EVENTS: f64 = 2.0;
const FULL_REPORT_EVENTS: f64 = 3.0;

/// It is read beside others for so long after it has said something.
const QUIET: Duration = Duration::from_secs(1);

/// Follows how fast a device reports.
#[derive(Debug)]
pub(super) struct Pace {
    half_full_events: f64,
    longest: Duration,
    /// Events a second that it cannot exceed, where that is known.
    fastest: Option<f64>,
    last: Option<Instant>,
    /// The last reading that found something.
    found: Option<Instant>,
    /// What is being measured: since when, and events.
    measured: (Option<Instant>, u32),
    /// The highest rates, in events a second; the newest first.
    rates: [f64; SLOTS],
    /// Time of reading in the newest of them, and in all.
    filled: Duration,
    read: Duration,
    is_worth: bool,
}

impl Pace {
    /// `has_motion`: the kernel keeps a mouse's events in a larger buffer. `interval`: between two reports, at least.
    pub fn new(has_motion: bool, interval: Option<Duration>) -> Pace {
        let (half_full_events, longest) =
            if has_motion { (MOUSE_EVENTS, MOUSE_LONGEST) } else { (KEYBOARD_EVENTS, KEYBOARD_LONGEST) };
        Pace {
            half_full_events,
            longest,
            fastest: interval.map(|interval| FULL_REPORT_EVENTS / interval.as_secs_f64()),
            last: None,
            found: None,
            measured: (None, 0),
            rates: [0.0; SLOTS],
            filled: Duration::ZERO,
            read: Duration::ZERO,
            is_worth: false,
        }
    }

    /// So many of the kernel's events, or none, were read at this time.
    pub fn note(&mut self, now: Instant, events: u32) {
        let since = self.last.replace(now).map(|last| now - last);
        if events == 0 {
            self.is_worth = false;
            return;
        }
        let between = self.found.replace(now).map(|found| now - found);
        // After quiet it is not known when the events came.
        match since.filter(|&since| since <= MOUSE_LONGEST * 2) {
            Some(since) => self.measure(now, since, events),
            None => self.measured = (Some(now), 0),
        }
        let reports = f64::from(events) / REPORT_EVENTS;
        let expected = between.map(|between| reports * self.pause().as_secs_f64() / between.as_secs_f64().max(1e-6));
        self.is_worth = expected.is_some_and(|expected| expected >= WORTH_REPORTS);
    }

    fn measure(&mut self, now: Instant, since: Duration, events: u32) {
        let (begun, before) = self.measured;
        let (begun, count) = (begun.unwrap_or(now - since), before.saturating_add(events));
        let length = now - begun;
        if length < MEASURED && count < MEASURED_EVENTS {
            self.measured = (Some(begun), count);
            return;
        }
        self.measured = (Some(now), 0);
        self.filled += length;
        self.read += length;
        if self.filled > REMEMBERED {
            self.filled = Duration::ZERO;
            self.rates.rotate_right(1);
            self.rates[0] = 0.0;
        }
        self.rates[0] = self.rates[0].max(f64::from(count) / length.as_secs_f64().max(1e-6));
    }

    /// Events were lost: it is faster than all that was seen of it.
    pub fn note_overrun(&mut self) {
        self.rates[0] = f64::INFINITY;
    }

    /// For how long the device may be left alone.
    pub fn pause(&self) -> Duration {
        let seen = self.rates.iter().copied().fold(0.0, f64::max);
        let highest = match self.fastest {
            Some(fastest) => seen.max(fastest),
            None if seen == 0.0 => return SHORTEST,
            None if self.read < KNOWN_AFTER => seen.max(UNKNOWN),
            None => seen,
        };
        Duration::from_secs_f64((self.half_full_events / highest).min(self.longest.as_secs_f64())).max(SHORTEST)
    }

    /// Whether so much is to be expected of it that it pays.
    pub fn is_worth(&self) -> bool {
        self.is_worth
    }

    /// Whether nothing has come from it for so long that it need not be read with others any more.
    pub fn is_quiet(&self, now: Instant) -> bool {
        self.found.is_none_or(|found| now - found > QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Somebody who reads a device late, on a clock of their own.
    struct Reader {
        pace: Pace,
        begun: Instant,
        now: Duration,
        /// When the device is read next, whatever it reports.
        due: Option<Duration>,
        /// Events that have gathered.
        gathered: u32,
        most_gathered: u32,
        wakings: u32,
    }

    impl Reader {
        fn new(has_motion: bool) -> Reader {
            let (pace, begun) = (Pace::new(has_motion, None), Instant::now());
            Reader { pace, begun, now: Duration::ZERO, due: None, gathered: 0, most_gathered: 0, wakings: 0 }
        }

        /// The device makes so many reports a second for so long.
        fn hear(&mut self, reports_a_second: u32, report_events: u32, length: Duration) {
            let between = SECOND / reports_a_second;
            let end = self.now + length;
            let mut next = self.now + between;
            while next <= end {
                match self.due {
                    Some(due) if due < next => {
                        self.now = due;
                        self.read();
                    }
                    waiting => {
                        self.now = next;
                        self.gathered += report_events;
                        self.most_gathered = self.most_gathered.max(self.gathered);
                        next += between;
                        if waiting.is_none() {
                            self.read();
                        }
                    }
                }
            }
            self.now = end;
        }

        fn read(&mut self) {
            self.wakings += 1;
            self.pace.note(self.begun + self.now, std::mem::take(&mut self.gathered));
            self.due = self.pace.is_worth().then(|| self.now + self.pace.pause());
        }

        /// Wakings in one second of such a load.
        fn wakings(&mut self, reports_a_second: u32, report_events: u32) -> u32 {
            self.wakings = 0;
            self.hear(reports_a_second, report_events, SECOND);
            self.wakings
        }
    }

    #[test]
    fn a_mouse_wakes_the_process_a_few_times_a_second_however_fast_it_is() {
        let wakings = [100, 500, 1_000, 8_000].map(|reports_a_second| {
            let mut reader = Reader::new(true);
            reader.hear(reports_a_second, 3, 2 * KNOWN_AFTER);
            reader.wakings(reports_a_second, 3)
        });
        assert_eq!(wakings, [10, 24, 48, 384]);
    }

    #[test]
    fn a_mouse_of_which_nothing_is_known_may_begin_slowly() {
        let mut reader = Reader::new(true);
        reader.hear(100, 3, SECOND);
        reader.hear(1_000, 3, SECOND);
        assert!(reader.most_gathered <= 66, "{}", reader.most_gathered);
    }

    #[test]
    fn no_more_than_half_of_the_kernel_s_buffer_fills_at_a_steady_rate() {
        for reports_a_second in [20, 125, 500, 1_000, 4_000, 8_000] {
            let mut reader = Reader::new(true);
            reader.hear(reports_a_second, 3, 10 * SECOND);
            assert!(reader.most_gathered <= 66, "{reports_a_second}: {}", reader.most_gathered);
        }
        for keys_a_second in [10, 100, 200, 1_000] {
            let mut reader = Reader::new(false);
            reader.hear(2 * keys_a_second, 3, SECOND);
            assert!(reader.most_gathered <= 33, "{keys_a_second}: {}", reader.most_gathered);
        }
    }

    #[test]
    fn a_fast_mouse_is_remembered_over_slow_motion_and_quiet() {
        let mut reader = Reader::new(true);
        reader.hear(8_000, 3, SECOND);
        reader.due = None;
        reader.now += 3600 * SECOND;
        reader.hear(100, 3, 60 * SECOND);
        reader.most_gathered = 0;
        reader.hear(8_000, 3, SECOND);
        assert!(reader.most_gathered <= 66, "{}", reader.most_gathered);
    }

    #[test]
    fn a_mouse_that_is_known_to_be_fast_is_taken_for_so_from_the_first_report() {
        let mut reader = Reader::new(true);
        reader.pace = Pace::new(true, Some(Duration::from_millis(1)));
        reader.hear(100, 3, 60 * SECOND);
        reader.hear(1_000, 3, SECOND);
        assert!(reader.most_gathered <= 66, "{}", reader.most_gathered);
    }

    #[test]
    fn somebody_who_types_is_read_at_once() {
        let mut reader = Reader::new(false);
        reader.hear(17, 3, 10 * SECOND);
        assert_eq!(reader.wakings(17, 3), 17);
    }

    #[test]
    fn somebody_whose_strokes_overlap_is_read_50_ms_late_at_most() {
        let mut reader = Reader::new(false);
        reader.hear(17, 3, 10 * SECOND);
        reader.hear(50, 3, SECOND / 25);
        assert!(reader.due.is_some_and(|due| due <= reader.now + SECOND / 20), "{:?}", reader.due);
    }

    #[test]
    fn a_scanner_is_read_some_times_a_second() {
        let mut reader = Reader::new(false);
        reader.hear(400, 3, 2 * KNOWN_AFTER);
        let wakings = reader.wakings(400, 3);
        assert!((36..=44).contains(&wakings), "{wakings}");
    }

    #[test]
    fn a_device_whose_buffer_ran_over_is_taken_for_the_fastest() {
        let mut reader = Reader::new(true);
        reader.hear(100, 3, 10 * SECOND);
        assert!(reader.pace.pause() > SECOND / 20);
        reader.pace.note_overrun();
        assert_eq!(reader.pace.pause(), SHORTEST);
    }
}
