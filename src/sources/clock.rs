//! The clock of events: the kernel's CLOCK_BOOTTIME, told as wall-clock time.
//!
//! The boot clock never jumps and counts sleep, so differences between events are right whatever happens to the wall
//! clock. One offset maps it to the wall clock. It is renewed only when the wall clock was stepped or the machine slept;
//! both are told, since no duration may span them. Slewing moves all clocks alike, so the offset does not drift.

use super::descriptor;
use crate::event::{GapReason, Micros};
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The wall clock was stepped if it moved by this much against the boot clock when the kernel told of a change; less is
/// let be, so that no duration suffers from it, and adds up with the next. No sleep is shorter.
const STEP_US: Micros = 10_000;
/// Readings of which the quickest is kept: a preemption between two clocks would be taken for an offset.
const READINGS: usize = 3;

/// How the three clocks stood to each other at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Relation {
    /// Wall clock minus boot clock.
    offset_us: Micros,
    /// Boot clock minus monotonic clock: time spent asleep since the machine started.
    asleep_us: Micros,
}

impl Relation {
    fn measure() -> Relation {
        let read = || {
            let before = boot_us();
            let (wall, monotonic) = (read_us(libc::CLOCK_REALTIME), read_us(libc::CLOCK_MONOTONIC));
            let took = boot_us() - before;
            let boot = before + took / 2;
            (took, Relation { offset_us: wall - boot, asleep_us: boot - monotonic })
        };
        let mut best = read();
        for _ in 1..READINGS {
            best = std::cmp::min_by_key(best, read(), |&(took, _)| took);
        }
        best.1
    }

    /// What lies between an earlier relation and this one, if no duration may span it.
    fn discontinuity_since(self, earlier: Relation) -> Option<GapReason> {
        if self.asleep_us - earlier.asleep_us >= STEP_US {
            Some(GapReason::Suspend)
        } else if (self.offset_us - earlier.offset_us).abs() >= STEP_US {
            Some(GapReason::ClockStep)
        } else {
            None
        }
    }
}

/// Maps the boot clock to the wall clock, and tells when no duration may span a moment.
pub struct EventClock {
    relation: Relation,
    /// Never expires: the kernel cancels it when the wall clock is set or the machine wakes up, so nobody has to poll.
    timer: AsyncFd<File>,
    /// Found, but not yet told.
    found: Option<(GapReason, Relation)>,
}

impl EventClock {
    /// Measures the offset. Must be called within a runtime.
    ///
    /// # Errors
    /// The kernel has no descriptor left for the timer.
    pub fn new() -> io::Result<EventClock> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: a system call without pointers that makes a descriptor.
        let timer = unsafe { descriptor::made(libc::timerfd_create(libc::CLOCK_REALTIME, flags)) }?;
        arm(&timer)?;
        Ok(EventClock { relation: Relation::measure(), timer: descriptor::watched(timer)?, found: None })
    }

    /// The wall-clock time now, by the boot clock.
    pub fn now_us(&self) -> Micros {
        self.wall_us(boot_us())
    }

    /// The wall-clock time of a reading of the boot clock.
    pub fn wall_us(&self, boot_us: Micros) -> Micros {
        boot_us.saturating_add(self.relation.offset_us)
    }

    /// Waits until the wall clock was stepped or the machine slept; the offset is renewed by [`renew`](Self::renew). May be
    /// dropped while it waits and called anew; nothing is lost.
    pub async fn discontinuity(&mut self) -> GapReason {
        loop {
            self.look();
            if let Some((reason, _)) = self.found {
                return reason;
            }
            if let Err(error) = self.timer.readable().await {
                tracing::warn!(%error, "steps of the clock can no longer be noticed");
                std::future::pending::<()>().await;
            }
        }
    }

    /// Goes on with the offset of after the discontinuity that was told.
    pub fn renew(&mut self) {
        if let Some((_, relation)) = self.found.take() {
            self.relation = relation;
        }
    }

    /// The boot clock's time before which whatever happened was before the machine slept, if that was just told. It was
    /// asleep for longer than it has been awake since.
    pub fn asleep_since_us(&self) -> Option<Micros> {
        let slept_us = self.found.map(|(_, now)| now.asleep_us - self.relation.asleep_us);
        slept_us.filter(|&slept_us| slept_us >= STEP_US).map(|slept_us| boot_us() - slept_us)
    }

    /// Asks the timer whether it was cancelled, and if so judges what happened.
    fn look(&mut self) {
        let mut expirations = [0; 8];
        match self.timer.try_io_mut(Interest::READABLE, |timer| timer.read(&mut expirations)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.raw_os_error() != Some(libc::ECANCELED) => {
                tracing::warn!(%error, "the timer that notices steps of the clock cannot be read");
            }
            _ => {}
        }
        if let Err(error) = arm(self.timer.get_ref()) {
            tracing::warn!(%error, "the timer that notices steps of the clock cannot be armed");
        }
        let now = Relation::measure();
        if let Some(reason) = now.discontinuity_since(self.relation) {
            self.found = Some((reason, now));
        }
    }
}

/// Sets the timer to the end of time, to be cancelled when the wall clock is set.
fn arm(timer: &File) -> io::Result<()> {
    let never = libc::timespec { tv_sec: libc::time_t::MAX, tv_nsec: 0 };
    let at = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: never };
    let flags = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
    // SAFETY: the descriptor is open, `at` lives through the call, and the old setting is not asked for.
    let result = unsafe { libc::timerfd_settime(timer.as_raw_fd(), flags, &at, std::ptr::null_mut()) };
    if result == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // The clock was set just now; the timer is armed all the same, and the caller measures after this.
        error if error.raw_os_error() == Some(libc::ECANCELED) => Ok(()),
        error => Err(error),
    }
}

/// CLOCK_BOOTTIME now.
pub(super) fn boot_us() -> Micros {
    read_us(libc::CLOCK_BOOTTIME)
}

fn read_us(clock: libc::clockid_t) -> Micros {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the kernel fills `time`; it fails for unknown clocks only, and these three exist since Linux 2.6.39.
    let time = unsafe {
        assert_eq!(libc::clock_gettime(clock, time.as_mut_ptr()), 0, "a clock that every Linux has");
        time.assume_init()
    };
    #[allow(clippy::useless_conversion)] // 32 bits wide on some machines
    let (seconds, nanoseconds) = (Micros::from(time.tv_sec), Micros::from(time.tv_nsec));
    seconds * 1_000_000 + nanoseconds / 1_000
}

#[cfg(test)]
impl EventClock {
    /// As if the wall clock had been set forward by so much, or the machine had slept for so long, just now.
    pub fn feign(&mut self, set_us: Micros, slept_us: Micros) {
        let Relation { offset_us, asleep_us } = self.relation;
        let now = Relation { offset_us: offset_us + set_us, asleep_us: asleep_us + slept_us };
        self.found = now.discontinuity_since(self.relation).map(|reason| (reason, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    const BEFORE: Relation = Relation { offset_us: 1_700_000_000_000_000, asleep_us: 5_000_000 };

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn sleep_is_told_from_a_step_of_the_clock() {
        let slept = Relation { offset_us: BEFORE.offset_us + 40, asleep_us: BEFORE.asleep_us + 3_600_000_000 };
        assert_eq!(slept.discontinuity_since(BEFORE), Some(GapReason::Suspend));
        for step in [3_600_000_000, -3_600_000_000, STEP_US, -STEP_US] {
            let stepped = Relation { offset_us: BEFORE.offset_us + step, ..BEFORE };
            assert_eq!(stepped.discontinuity_since(BEFORE), Some(GapReason::ClockStep), "{step}");
        }
    }

    #[test]
    fn sleep_that_also_moved_the_wall_clock_is_sleep() {
        let both = Relation { offset_us: BEFORE.offset_us - 900_000, asleep_us: BEFORE.asleep_us + 60_000_000 };
        assert_eq!(both.discontinuity_since(BEFORE), Some(GapReason::Suspend));
    }

    #[test]
    fn small_corrections_are_no_discontinuity() {
        for correction in [0, STEP_US - 1, 1 - STEP_US] {
            let corrected = Relation { offset_us: BEFORE.offset_us + correction, asleep_us: BEFORE.asleep_us + 3 };
            assert_eq!(corrected.discontinuity_since(BEFORE), None, "{correction}");
        }
    }

    #[test]
    fn the_boot_clock_is_told_as_wall_clock_time() {
        let runtime = runtime();
        let _context = runtime.enter();
        let clock = EventClock::new().expect("a timer");
        let wall = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros());
        let (before, told, after) = (wall().expect("µs"), clock.now_us(), wall().expect("µs"));
        let blur = 1_000;
        assert!(before - blur <= told && told <= after + blur, "{before} {told} {after}");
        assert_eq!(clock.wall_us(2_000) - clock.wall_us(500), 1_500, "durations are those of the boot clock");
    }

    #[test]
    fn a_clock_that_nobody_sets_tells_of_nothing() {
        runtime().block_on(async {
            let mut clock = EventClock::new().expect("a timer");
            let told = tokio::time::timeout(Duration::from_millis(50), clock.discontinuity()).await;
            assert!(told.is_err(), "told {told:?}");
        });
    }
}
