//! By which key somebody writes capitals: left Shift, right Shift or Caps Lock.

use super::number::KeyNumber;
use crate::recognition::BadState;
use serde::{Deserialize, Serialize};

/// What each of the three is held to have been pressed before anything is seen.
const PRIOR: f64 = 0.3;
/// The habit of the last so many.
const REMEMBERED: f64 = 20.0;

/// How often each of the three was pressed.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
pub(super) struct Capitals([f64; 3]);

/// One of the three keys.
#[derive(Clone, Copy)]
pub(super) struct Way(usize);

impl Way {
    pub fn of(key: KeyNumber) -> Option<Way> {
        [KeyNumber::LEFT_SHIFT, KeyNumber::RIGHT_SHIFT, KeyNumber::CAPS_LOCK]
            .iter()
            .position(|&way| way == key)
            .map(Way)
    }
}

impl Capitals {
    pub fn of_saved(counts: [f64; 3]) -> Result<Capitals, BadState> {
        let capitals = Capitals::try_from(counts)?;
        // Scaling down leaves a rounding error.
        if capitals.total() <= REMEMBERED + 1e-9 { Ok(capitals) } else { Err(bad()) }
    }

    pub fn saved(self) -> [f64; 3] {
        self.0
    }

    /// Counts a press for good.
    pub fn count(&mut self, way: Way) {
        self.0[way.0] += 1.0;
    }

    /// Counts a press and forgets as much of the older ones.
    pub fn learn(&mut self, way: Way) {
        self.count(way);
        let total = self.total();
        if total > REMEMBERED {
            self.0 = self.0.map(|count| count * REMEMBERED / total);
        }
    }

    /// Probability of this one.
    pub fn share(self, way: Way) -> f64 {
        (self.0[way.0] + PRIOR) / (self.total() + 3.0 * PRIOR)
    }

    fn total(self) -> f64 {
        let [left, right, lock] = self.0;
        left + right + lock
    }
}

impl TryFrom<[f64; 3]> for Capitals {
    type Error = BadState;

    fn try_from(counts: [f64; 3]) -> Result<Capitals, BadState> {
        let possible = counts.iter().all(|count| (0.0..=f64::MAX / 4.0).contains(count));
        if possible { Ok(Capitals(counts)) } else { Err(bad()) }
    }
}

impl From<Capitals> for [f64; 3] {
    fn from(capitals: Capitals) -> [f64; 3] {
        capitals.0
    }
}

fn bad() -> BadState {
    BadState("the counts of capitals are impossible".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn before_any_is_pressed_all_are_as_likely() {
        let capitals = Capitals::default();
        assert!((0..3).all(|way| (capitals.share(Way(way)) - 1.0 / 3.0).abs() < 1e-15));
    }

    #[test]
    fn a_habit_is_learnt_and_a_new_one_takes_its_place() {
        let mut capitals = Capitals::default();
        (0..100).for_each(|_| capitals.learn(Way(0)));
        assert!(capitals.share(Way(0)) > 0.95);
        (0..100).for_each(|_| capitals.learn(Way(2)));
        assert!(capitals.share(Way(2)) > 0.95);
    }

    #[test]
    fn only_the_shifts_and_caps_lock_write_capitals() {
        let ways = (0..=62).filter(|&number| Way::of(KeyNumber::try_from(number).expect("a key")).is_some()).count();
        assert_eq!(ways, 3);
    }

    proptest! {
        #[test]
        fn learnt_counts_can_be_saved_and_loaded(ways in proptest::collection::vec(0_usize..3, 0..200)) {
            let mut capitals = Capitals::default();
            ways.into_iter().for_each(|way| capitals.learn(Way(way)));
            prop_assert!(Capitals::of_saved(capitals.saved()).is_ok_and(|loaded| loaded == capitals));
        }
    }

    #[test]
    fn counts_that_none_learnt_are_refused() {
        for counts in [[-1.0, 0.0, 0.0], [f64::NAN, 0.0, 0.0], [0.0, f64::INFINITY, 0.0], [10.0, 10.0, 1.0]] {
            assert!(Capitals::of_saved(counts).is_err(), "{counts:?}");
        }
    }
}
