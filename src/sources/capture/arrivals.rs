//! Events on their way from the devices to the pipeline.
//!
//! Where a change of focus is told without its time, a keystroke waits until it is sure that none from before it is still
//! to come. What comes after it waits, too: the order stays.

use crate::event::{Action, Event, Micros, Stamped};
use std::collections::VecDeque;
use std::time::Duration;

/// How late a change of focus may be told: seven times the longest time measured on an idle machine (35 ms, sway 1.10).
pub(super) const HOLD_US: Micros = 250_000;
/// More than arrives within that time; beyond, the oldest go on at once.
const MOST_EVENTS: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: VecDeque<Stamped>,
    /// How long a keystroke waits.
    hold_us: Micros,
    /// For what is read from the devices; reused.
    pub fresh: Vec<Stamped>,
}

impl Arrivals {
    /// How long a keystroke waits at present.
    pub fn hold_us(&self) -> Micros {
        self.hold_us
    }

    /// Whether keystrokes wait from now on.
    pub fn set_held(&mut self, is_held: bool) {
        self.hold_us = if is_held { HOLD_US } else { 0 };
    }

    pub fn push(&mut self, stamped: Stamped) {
        self.waiting.push_back(stamped);
    }

    /// Whether a press that was held back need not wait any longer at `now_us`.
    pub fn is_press_due(&self, now_us: Micros) -> bool {
        let mut due = self.waiting.iter().take_while(|stamped| self.left_us(stamped, now_us) <= 0);
        self.hold_us > 0 && due.any(is_press)
    }

    /// Moves to `out` what need not wait any longer at `now_us`.
    pub fn release(&mut self, now_us: Micros, out: &mut Vec<Stamped>) {
        while let Some(first) = self.waiting.front() {
            if self.waiting.len() <= MOST_EVENTS && self.left_us(first, now_us) > 0 {
                return;
            }
            out.extend(self.waiting.pop_front());
        }
    }

    /// How long until something need not wait any longer; `None`: nothing waits.
    pub fn wait(&self, now_us: Micros) -> Option<Duration> {
        let first = self.waiting.front()?;
        Some(Duration::from_micros(u64::try_from(self.left_us(first, now_us)).unwrap_or(0)))
    }

    /// A key's time is never far ahead: where the clock was set back, it is what it was before.
    fn left_us(&self, stamped: &Stamped, now_us: Micros) -> Micros {
        match stamped.event {
            Event::Key { .. } => (stamped.ts_us + self.hold_us - now_us).min(self.hold_us),
            _ => 0,
        }
    }

    /// Puts `mark` before the first keystroke that waits.
    pub fn part(&mut self, mark: Event) {
        if let Some(place) = self.waiting.iter().position(|stamped| matches!(stamped.event, Event::Key { .. })) {
            let ts_us = self.waiting[place].ts_us;
            self.waiting.insert(place, Stamped { ts_us, event: mark });
        }
    }

    /// Drops the keystrokes that wait; tells each one's action.
    pub fn discard(&mut self, mut tell: impl FnMut(Action)) {
        self.waiting.retain(|stamped| match stamped.event {
            Event::Key { action, .. } => {
                tell(action);
                false
            }
            _ => true,
        });
    }
}

pub(super) fn is_press(stamped: &Stamped) -> bool {
    matches!(stamped.event, Event::Key { action: Action::Press, .. })
}

#[cfg(test)]
impl Arrivals {
    /// How many presses wait.
    pub fn presses(&self) -> usize {
        self.waiting.iter().filter(|stamped| is_press(stamped)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;
    use proptest::prelude::*;

    fn key(ts_us: Micros) -> Stamped {
        let key = Key::from_code(30);
        Stamped { ts_us, event: Event::Key { key, action: Action::Press } }
    }

    fn motion(ts_us: Micros) -> Stamped {
        Stamped { ts_us, event: Event::Move { dx: 1.0, dy: 0.0 } }
    }

    fn released(arrivals: &mut Arrivals, now_us: Micros) -> Vec<Micros> {
        let mut out = Vec::new();
        arrivals.release(now_us, &mut out);
        out.iter().map(|stamped| stamped.ts_us).collect()
    }

    #[test]
    fn where_nothing_is_held_back_all_goes_on_at_once() {
        let mut arrivals = Arrivals::default();
        arrivals.push(key(1));
        assert_eq!(released(&mut arrivals, 1), [1]);
        assert_eq!(arrivals.wait(1), None);
    }

    #[test]
    fn a_keystroke_waits_and_what_comes_after_it_waits_with_it() {
        let mut arrivals = Arrivals::default();
        arrivals.set_held(true);
        [motion(5), key(10), motion(20)].into_iter().for_each(|stamped| arrivals.push(stamped));
        assert_eq!(released(&mut arrivals, 20), [5]);
        assert_eq!(arrivals.wait(20), Some(Duration::from_micros(HOLD_US as u64 - 10)));
        assert_eq!(released(&mut arrivals, HOLD_US + 9), [] as [Micros; 0]);
        assert_eq!(released(&mut arrivals, HOLD_US + 10), [10, 20]);
    }

    #[test]
    fn a_press_is_due_when_it_has_waited_and_never_where_nothing_is_held_back() {
        let mut arrivals = Arrivals::default();
        arrivals.push(key(10));
        assert!(!arrivals.is_press_due(20));
        arrivals.set_held(true);
        assert!(!arrivals.is_press_due(HOLD_US + 9));
        assert!(arrivals.is_press_due(HOLD_US + 10));
        arrivals.release(HOLD_US + 10, &mut Vec::new());
        arrivals.push(motion(20));
        assert!(!arrivals.is_press_due(2 * HOLD_US));
    }

    #[test]
    fn keystrokes_that_wait_can_be_parted_from_those_before_or_discarded() {
        let mut arrivals = Arrivals::default();
        arrivals.set_held(true);
        [key(10), motion(20), key(30)].into_iter().for_each(|stamped| arrivals.push(stamped));
        arrivals.part(Event::Focus { app: None });
        assert_eq!(arrivals.waiting[0], Stamped { ts_us: 10, event: Event::Focus { app: None } });
        let mut discarded = 0;
        arrivals.discard(|_| discarded += 1);
        assert_eq!((discarded, released(&mut arrivals, 30)), (2, vec![10, 20]));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_for_longer() {
        let mut arrivals = Arrivals::default();
        arrivals.set_held(true);
        arrivals.push(key(1_000_000_000));
        assert_eq!(arrivals.wait(0), Some(Duration::from_micros(HOLD_US as u64)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_order_stays(kinds in proptest::collection::vec(any::<bool>(), 0..50)) {
            let mut arrivals = Arrivals::default();
            arrivals.set_held(true);
            let mut out = Vec::new();
            for (ts_us, is_key) in (0..).step_by(10_000).zip(&kinds) {
                arrivals.push(if *is_key { key(ts_us) } else { motion(ts_us) });
                arrivals.release(ts_us, &mut out);
            }
            arrivals.release(10_000_000, &mut out);
            prop_assert!(out.iter().map(|stamped| stamped.ts_us).eq((0..).step_by(10_000).take(kinds.len())));
        }
    }
}
