//! Remappers: each key counts once, whoever else reads the keyboard. Pure.
//!
//! A remapper (keyd, xremap, kmonad) grabs a keyboard, whose node is silent from then on, and speaks through a virtual
//! one. So every node is read, and nobody has to know who has grabbed what, or since when:
//! - a remapper that grabs: only the virtual device is heard, whether it came before us or after;
//! - no physical device at all (remote desktops, test rigs): the same;
//! - a virtual device that repeats one that nobody has grabbed: both are heard, and the second time is the echo. It is
//!   recognised by saying the same within a moment and dropped; the physical device's time is the true one.
//!
//! To test for a grab by grabbing would be an answer too, but it could take a key away from a running program.

use crate::event::{Event, Micros, Stamped};
use std::collections::VecDeque;

/// An echo follows within this time: a program passes an event on in well under a millisecond, a busy machine takes
/// longer, and nobody does the same thing twice on two devices as fast.
const ECHO_US: Micros = 20_000;
/// What the fastest mouse says in that time (8 kHz) and some more.
const CAPACITY: usize = 256;

/// Remembers what physical devices said a moment ago.
#[derive(Default)]
pub struct Echoes {
    recent: VecDeque<Stamped>,
}

impl Echoes {
    /// A physical device has said this.
    pub fn hear(&mut self, said: &Stamped) {
        self.recent.reserve_exact(CAPACITY - self.recent.len());
        if self.recent.len() == CAPACITY {
            self.recent.pop_front();
        }
        self.recent.push_back(said.clone());
    }

    /// Whether what a virtual device says repeats a physical one. A gap is nobody's echo.
    pub fn is_echo(&self, said: &Stamped) -> bool {
        let is_recent = |heard: &&Stamped| (0..=ECHO_US).contains(&(said.ts_us - heard.ts_us));
        !matches!(said.event, Event::Gap { .. })
            && self.recent.iter().rev().filter(is_recent).any(|heard| heard.event == said.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, GapReason, Key, Scope};

    fn key(ts_us: Micros, code: u16, action: Action) -> Stamped {
        Stamped { ts_us, event: Event::Key { key: Key::from_code(code), action } }
    }

    fn press(ts_us: Micros, code: u16) -> Stamped {
        key(ts_us, code, Action::Press)
    }

    /// What is counted of a conversation: physical devices are told by `true`.
    fn counted(said: &[(bool, Stamped)]) -> Vec<Stamped> {
        let mut echoes = Echoes::default();
        let mut out = Vec::new();
        for (is_physical, event) in said {
            if *is_physical {
                echoes.hear(event);
                out.push(event.clone());
            } else if !echoes.is_echo(event) {
                out.push(event.clone());
            }
        }
        out
    }

    #[test]
    fn a_virtual_device_is_counted_when_the_physical_one_is_silent() {
        let said = [press(0, 30), key(90_000, 30, Action::Release), press(120_000, 48)];
        assert_eq!(counted(&said.clone().map(|event| (false, event))), said);
    }

    #[test]
    fn a_remapper_that_starts_in_between_takes_over_without_a_key_lost_or_told_twice() {
        let said = [press(0, 30), key(90_000, 30, Action::Release), press(200_000, 30), press(300_000, 48)];
        let [physical_1, physical_2, virtual_1, virtual_2] = said.clone();
        let told = [(true, physical_1), (true, physical_2), (false, virtual_1), (false, virtual_2)];
        assert_eq!(counted(&told), said);
    }

    #[test]
    fn a_mirror_of_a_device_that_nobody_grabbed_is_not_counted() {
        let told = [
            (true, press(0, 30)),
            (false, press(600, 30)),
            (true, key(80_000, 30, Action::Release)),
            (false, key(81_000, 30, Action::Release)),
        ];
        assert_eq!(counted(&told), [press(0, 30), key(80_000, 30, Action::Release)]);
    }

    #[test]
    fn what_differs_in_key_action_or_time_is_no_echo() {
        for other in [press(1_000, 48), key(1_000, 30, Action::Release), press(ECHO_US + 1, 30)] {
            let told = [(true, press(0, 30)), (false, other.clone())];
            assert_eq!(counted(&told), [press(0, 30), other]);
        }
    }

    #[test]
    fn motion_is_mirrored_like_keys() {
        let motion = |ts_us, dx| Stamped { ts_us, event: Event::Move { dx, dy: 1.0 } };
        let told = [(true, motion(0, 3.0)), (false, motion(200, 3.0)), (false, motion(300, 4.0))];
        assert_eq!(counted(&told), [motion(0, 3.0), motion(300, 4.0)]);
    }

    #[test]
    fn gaps_of_both_devices_are_told() {
        let gap = |ts_us| Stamped { ts_us, event: Event::Gap { scope: Scope::Mouse, reason: GapReason::Overrun } };
        assert_eq!(counted(&[(true, gap(0)), (false, gap(10))]), [gap(0), gap(10)]);
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_newest() {
        let mut echoes = Echoes::default();
        for ts_us in 0..10_000 {
            echoes.hear(&press(ts_us, 30));
        }
        assert_eq!(echoes.recent.len(), CAPACITY);
        assert_eq!(echoes.recent.capacity(), CAPACITY);
        assert!(echoes.is_echo(&press(10_000, 30)));
    }
}
