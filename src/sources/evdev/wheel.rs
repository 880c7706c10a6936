//! A wheel's way, counted once. Pure.
//!
//! A fine wheel reports its way in 120ths of a detent (REL_WHEEL_HI_RES) and repeats it in whole detents (REL_WHEEL),
//! for programs that know no others. A plain wheel reports whole detents alone. Both may be on one node, because a
//! remapper has one output device for several mice. So REL_WHEEL is counted as far as fine steps do not cover it, and
//! an account is kept of the fine steps that were not repeated yet:
//! - drivers repeat in the packet of the step that completes a detent. Some do so when it is half complete, some start
//!   anew after a change of direction or a second of rest, and some do not: in one packet a step covers whatever a
//!   driver can make of it;
//! - programs that pass each event on in a packet of its own may put REL_WHEEL before or behind its fine step.

use crate::event::Micros;

/// REL_WHEEL_HI_RES counts 120 a detent.
const DETENT: i64 = 120;
/// Drivers repeat a detent when half of it is done, or all.
const HALF: i64 = DETENT / 2;
/// After a rest of this length drivers count anew.
const REST_US: Micros = 1_000_000;
/// A fine step this soon after a REL_WHEEL that was counted is the same one in a packet of its own.
const MOMENT_US: Micros = 5_000;

#[derive(Default)]
pub struct Wheel {
    /// Direction of the last fine step.
    direction: i64,
    /// Fine steps in that direction that REL_WHEEL has not repeated; negative if it repeated a detent before its end.
    unrepeated: i64,
    /// When the last fine step came.
    fine_us: Micros,
    /// What was counted of the last REL_WHEEL, in fine steps with their sign, until such steps repeat it.
    counted: i64,
    counted_us: Micros,
}

impl Wheel {
    /// A packet turned the wheel by so many detents and by so many fine steps. Gives the way in detents.
    pub fn turn(&mut self, ts_us: Micros, detents: i64, fine: i64) -> f64 {
        if (detents, fine) == (0, 0) {
            return 0.0;
        }
        if ts_us.saturating_sub(self.fine_us) > REST_US {
            self.unrepeated = self.unrepeated.clamp(0, DETENT - 1);
        }
        (self.fresh(ts_us, fine) + self.plain(ts_us, detents, fine)) as f64 / DETENT as f64
    }

    /// Of fine steps those that repeat no REL_WHEEL.
    fn fresh(&mut self, ts_us: Micros, fine: i64) -> i64 {
        if fine == 0 {
            return 0;
        }
        let is_repetition =
            ts_us.saturating_sub(self.counted_us) <= MOMENT_US && self.counted.signum() == fine.signum();
        let repeated = if is_repetition { fine.signum() * fine.abs().min(self.counted.abs()) } else { 0 };
        self.counted -= repeated;
        let fresh = fine - repeated;
        if fresh != 0 {
            if self.direction != fresh.signum() {
                (self.direction, self.unrepeated) = (fresh.signum(), 0);
            }
            self.unrepeated += fresh.abs();
            self.fine_us = ts_us;
        }
        fresh
    }

    /// Of detents what no fine step covers, in fine steps; `fine` are those of the same packet.
    fn plain(&mut self, ts_us: Micros, detents: i64, fine: i64) -> i64 {
        if detents == 0 {
            return 0;
        }
        let sign = detents.signum();
        let is_same_way = self.direction == sign;
        let earlier = if is_same_way { (self.unrepeated + HALF) / DETENT } else { 0 };
        let same_packet = if fine.signum() == sign { (fine.abs() + DETENT - 1) / DETENT } else { 0 };
        let covered = detents.abs().min(earlier.max(same_packet));
        let mut plain = (detents.abs() - covered) * DETENT;
        if covered > 0 {
            self.unrepeated = (self.unrepeated - covered * DETENT).max(-HALF);
        }
        if plain > 0 && is_same_way && same_packet == 0 {
            let part = self.unrepeated.max(0);
            (plain, self.unrepeated) = (plain - part, self.unrepeated - part);
        }
        (self.counted, self.counted_us) = (sign * plain, ts_us);
        self.counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (ms, detents, fine steps) to the sum of their ways in detents.
    fn turned(packets: &[(i64, i64, i64)]) -> f64 {
        let mut wheel = Wheel::default();
        packets.iter().map(|&(ms, detents, fine)| wheel.turn(ms * 1_000, detents, fine)).sum()
    }

    #[test]
    fn a_plain_wheel_counts_detents() {
        assert_eq!(turned(&[(0, 1, 0), (60, 2, 0), (120, -1, 0)]), 2.0);
    }

    #[test]
    fn a_fine_wheel_counts_once_in_either_order_within_a_packet_and_between_two() {
        assert_eq!(turned(&[(0, 1, 120), (50, 2, 240)]), 3.0);
        assert_eq!(turned(&[(0, 0, 120), (0, 1, 0), (50, 0, 240), (50, 2, 0)]), 3.0, "passed on one by one");
        assert_eq!(turned(&[(0, 1, 0), (0, 0, 120), (50, 2, 0), (50, 0, 240)]), 3.0, "passed on the other way round");
        assert_eq!(turned(&[(0, 0, 120), (300, 0, 120), (600, 2, 0)]), 2.0, "repeated late");
    }

    #[test]
    fn plain_steps_count_before_and_after_fine_ones_in_both_directions() {
        let eighths = |from_ms: i64, sign: i64| {
            let step = move |i: i64| (from_ms + 20 * i, if i == 7 { sign } else { 0 }, 15 * sign);
            (0..8).map(step).collect::<Vec<_>>()
        };
        let plain = |from_ms: i64, sign: i64| (0..3).map(move |i| (from_ms + 20 * i, sign, 0)).collect::<Vec<_>>();
        for (fine, coarse) in [(1, 1), (1, -1), (-1, 1), (-1, -1)] {
            let packets = [plain(0, coarse), eighths(60, fine), plain(220, coarse), eighths(280, fine)].concat();
            assert_eq!(turned(&packets), (6 * coarse + 2 * fine) as f64, "{packets:?}");
        }
    }

    #[test]
    fn plain_steps_count_after_a_wheel_whose_driver_repeats_half_detents() {
        let half_way = (0..8).map(|i| (20 * i, i64::from(i == 3), 15));
        let packets: Vec<_> = half_way.chain((0..5).map(|i| (160 + 60 * i, 1, 0))).collect();
        assert_eq!(turned(&packets), 6.0);
    }

    #[test]
    fn a_repetition_of_more_than_the_fine_steps_is_counted_beyond_them() {
        assert_eq!(turned(&[(0, 0, 240), (10, 5, 0)]), 5.0);
        assert_eq!(turned(&[(0, 0, 45), (10, 1, 0), (60, 1, 0)]), 2.0, "a part of a detent covers a part");
        assert_eq!(turned(&[(0, 5, 240)]), 5.0, "and in the same packet");
        assert_eq!(turned(&[(0, 3, -120)]), 2.0, "what goes the other way covers nothing");
    }

    #[test]
    fn no_time_makes_a_wheel_fail() {
        let mut wheel = Wheel::default();
        for ts_us in [Micros::MAX, Micros::MIN, 0, Micros::MAX] {
            assert_eq!((wheel.turn(ts_us, 0, 120), wheel.turn(ts_us, 1, 0)), (1.0, 0.0));
        }
    }

    /// What REL_WHEEL says of fine steps, as the kernel's drivers reckon.
    struct Driver {
        repeats_halves: bool,
        direction: i64,
        remainder: i64,
    }

    impl Driver {
        fn repeat(&mut self, ms: i64, fine: i64) -> i64 {
            if self.repeats_halves && (ms > 1_000 || fine.signum() != self.direction) {
                self.remainder = 0;
            }
            self.direction = fine.signum();
            self.remainder += fine;
            let mut detents = self.remainder / DETENT;
            if self.repeats_halves && detents == 0 && self.remainder.abs() >= HALF {
                detents = fine.signum();
            }
            self.remainder -= detents * DETENT;
            detents
        }
    }

    proptest! {
        #[test]
        fn no_step_of_a_drivers_wheel_is_lost_or_counted_twice(
            steps in prop::collection::vec((10i64..1_500, prop::sample::select(vec![-240i64, -120, -30, -15, 15, 30, 45, 120, 360])), 1..60),
            repeats_halves: bool,
        ) {
            let mut driver = Driver { repeats_halves, direction: 0, remainder: 0 };
            let (mut wheel, mut ms) = (Wheel::default(), 0);
            for (pause, fine) in steps {
                ms += pause;
                let detents = driver.repeat(pause, fine);
                prop_assert_eq!(wheel.turn(ms * 1_000, detents, fine), fine as f64 / 120.0);
            }
        }

        #[test]
        fn a_drivers_packets_that_were_split_count_once_too(
            steps in prop::collection::vec((10i64..1_500, prop::sample::select(vec![15i64, 30, 45, 60, 75, 105, 120, 360])), 1..60),
            repeats_halves: bool,
            fine_first: bool,
        ) {
            // Drivers that repeat halves send the fine step first.
            let fine_first = fine_first || repeats_halves;
            let mut driver = Driver { repeats_halves, direction: 0, remainder: 0 };
            let (mut wheel, mut ms, mut counted, mut sent) = (Wheel::default(), 0, 0.0, 0);
            for (pause, fine) in steps {
                ms += pause;
                let detents = driver.repeat(pause, fine);
                let (detents, fine) = ((detents, 0), (0, fine));
                for (detents, fine) in if fine_first { [fine, detents] } else { [detents, fine] } {
                    counted += wheel.turn(ms * 1_000, detents, fine);
                    sent += fine;
                }
            }
            // A sum of hundred-twentieths is rounded at each step.
            let expected = sent as f64 / 120.0;
            prop_assert!((counted - expected).abs() < 1e-9, "{} instead of {}", counted, expected);
        }
    }
}
