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

#[derive(Debug)]
pub(super) struct Arrivals {
    waiting: VecDeque<Waiting>,
    is_held: bool,
    /// How long a keystroke waits where it does.
    pub length_us: Micros,
    /// For what is read from the devices; reused.
    pub fresh: Vec<Stamped>,
}

#[derive(Debug)]
struct Waiting {
    /// When it happened, by a clock that is never set: CLOCK_BOOTTIME.
    boot_us: Micros,
    stamped: Stamped,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        Arrivals { waiting: VecDeque::new(), is_held: false, length_us: HOLD_US, fresh: Vec::new() }
    }
}

impl Arrivals {
    /// How long a keystroke waits at present.
    pub fn hold_us(&self) -> Micros {
        if self.is_held { self.length_us } else { 0 }
    }

    /// Whether keystrokes wait from now on.
    pub fn set_held(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// `boot_us`: when it happened, by CLOCK_BOOTTIME.
    pub fn push(&mut self, boot_us: Micros, stamped: Stamped) {
        self.waiting.push_back(Waiting { boot_us, stamped });
    }

    /// Whether a keystroke waits.
    pub fn is_any_held(&self) -> bool {
        self.waiting.iter().any(|waiting| is_key(&waiting.stamped))
    }

    /// Whether a press that was held back need not wait any longer.
    pub fn is_press_due(&self, boot_us: Micros) -> bool {
        let mut due = self.waiting.iter().take_while(|waiting| self.left_us(waiting, boot_us) <= 0);
        self.is_held && due.any(|waiting| is_press(&waiting.stamped))
    }

    /// Moves to `out` what need not wait any longer.
    pub fn release(&mut self, boot_us: Micros, out: &mut Vec<Stamped>) {
        while let Some(first) = self.waiting.front() {
            if self.waiting.len() <= MOST_EVENTS && self.left_us(first, boot_us) > 0 {
                return;
            }
            out.extend(self.waiting.pop_front().map(|waiting| waiting.stamped));
        }
    }

    /// How long until something need not wait any longer; `None`: nothing waits.
    pub fn wait(&self, boot_us: Micros) -> Option<Duration> {
        let first = self.waiting.front()?;
        Some(Duration::from_micros(u64::try_from(self.left_us(first, boot_us)).unwrap_or(0)))
    }

    fn left_us(&self, waiting: &Waiting, boot_us: Micros) -> Micros {
        if is_key(&waiting.stamped) { waiting.boot_us + self.hold_us() - boot_us } else { 0 }
    }

    /// Tells the focus of before once more ahead of the first keystroke that waits, unless that is done already: its line
    /// ends there.
    pub fn part(&mut self, focus: Event) {
        let Some(place) = self.waiting.iter().position(|waiting| is_key(&waiting.stamped)) else { return };
        let before = place.checked_sub(1).map(|before| &self.waiting[before].stamped.event);
        if !matches!(before, Some(Event::Focus { .. })) {
            let Waiting { boot_us, stamped: Stamped { ts_us, .. } } = self.waiting[place];
            self.waiting.insert(place, Waiting { boot_us, stamped: Stamped { ts_us, event: focus } });
        }
    }

    /// Drops the keystrokes that wait; tells each one's action.
    pub fn discard(&mut self, mut tell: impl FnMut(Action)) {
        self.waiting.retain(|waiting| match waiting.stamped.event {
            Event::Key { action, .. } => {
                tell(action);
                false
            }
            _ => true,
        });
    }
}

fn is_key(stamped: &Stamped) -> bool {
    matches!(stamped.event, Event::Key { .. })
}

pub(super) fn is_press(stamped: &Stamped) -> bool {
    matches!(stamped.event, Event::Key { action: Action::Press, .. })
}

#[cfg(test)]
impl Arrivals {
    /// How many presses wait.
    pub fn presses(&self) -> usize {
        self.waiting.iter().filter(|waiting| is_press(&waiting.stamped)).count()
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

    fn focus(ts_us: Micros, app: &str) -> Stamped {
        Stamped { ts_us, event: Event::Focus { app: Some(app.into()) } }
    }

    /// Where wall clock and boot clock show the same.
    fn held(stamped: impl IntoIterator<Item = Stamped>) -> Arrivals {
        let mut arrivals = Arrivals::default();
        arrivals.set_held(true);
        stamped.into_iter().for_each(|stamped| arrivals.push(stamped.ts_us, stamped));
        arrivals
    }

    fn released(arrivals: &mut Arrivals, boot_us: Micros) -> Vec<Micros> {
        let mut out = Vec::new();
        arrivals.release(boot_us, &mut out);
        out.iter().map(|stamped| stamped.ts_us).collect()
    }

    #[test]
    fn where_nothing_is_held_back_all_goes_on_at_once() {
        let mut arrivals = held([key(1)]);
        arrivals.set_held(false);
        assert_eq!(released(&mut arrivals, 1), [1]);
        assert_eq!(arrivals.wait(1), None);
    }

    #[test]
    fn a_keystroke_waits_and_what_comes_after_it_waits_with_it() {
        let mut arrivals = held([motion(5), key(10), motion(20)]);
        assert_eq!(released(&mut arrivals, 20), [5]);
        assert_eq!(arrivals.wait(20), Some(Duration::from_micros(HOLD_US as u64 - 10)));
        assert_eq!(released(&mut arrivals, HOLD_US + 9), [] as [Micros; 0]);
        assert!(arrivals.is_any_held() && !arrivals.is_press_due(HOLD_US + 9) && arrivals.is_press_due(HOLD_US + 10));
        assert_eq!(released(&mut arrivals, HOLD_US + 10), [10, 20]);
    }

    #[test]
    fn keystrokes_that_wait_can_be_discarded() {
        let mut arrivals = held([key(10), motion(20), key(30)]);
        let mut discarded = 0;
        arrivals.discard(|_| discarded += 1);
        assert_eq!((discarded, released(&mut arrivals, 30)), (2, vec![20]));
    }

    #[test]
    fn the_focus_of_before_is_told_once_ahead_of_the_keystrokes_that_wait_however_often_it_changes() {
        let mut arrivals = held([key(10)]);
        arrivals.part(focus(0, "one").event);
        arrivals.push(20, focus(20, "two"));
        arrivals.part(focus(0, "two").event);
        let waiting: Vec<_> = arrivals.waiting.into_iter().map(|waiting| waiting.stamped).collect();
        assert_eq!(waiting, [focus(10, "one"), key(10), focus(20, "two")]);
    }

    #[test]
    fn a_wall_clock_that_is_set_holds_nothing_for_longer_or_shorter() {
        for wall_us in [-3_600_000_000, 3_600_000_000] {
            let mut arrivals = Arrivals::default();
            arrivals.set_held(true);
            arrivals.push(10, key(wall_us));
            assert_eq!(released(&mut arrivals, HOLD_US + 9), [] as [Micros; 0]);
            assert_eq!(released(&mut arrivals, HOLD_US + 10), [wall_us]);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_order_stays(kinds in proptest::collection::vec(any::<bool>(), 0..50)) {
            let mut arrivals = held([]);
            let mut out = Vec::new();
            for (ts_us, is_key) in (0..).step_by(10_000).zip(&kinds) {
                arrivals.push(ts_us, if *is_key { key(ts_us) } else { motion(ts_us) });
                arrivals.release(ts_us, &mut out);
            }
            arrivals.release(10_000_000, &mut out);
            prop_assert!(out.iter().map(|stamped| stamped.ts_us).eq((0..).step_by(10_000).take(kinds.len())));
        }
    }
}
