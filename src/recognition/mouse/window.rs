//! Recent actions against the owner, and what is usual for this owner.

use super::super::BadState;
use super::constants::*;
use super::owner::{Known, Owner};
use super::per_dimension;
use super::vector::Vector;
use serde::{Deserialize, Serialize};

/// Recent actions, which count the less the older they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    keep: f64,
    #[serde(with = "per_dimension")]
    sums: [Weighted; DIMENSIONS],
}

/// Of one dimension: the weights, their squares, and the weighted values, each summed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Weighted {
    n: f64,
    n2: f64,
    sum: f64,
}

impl Window {
    /// `keep` is what each action leaves of the weight of those before, more than 0 and at most 1: with 1 nothing is
    /// forgotten, with 2^(-1/h) an action counts half after h others.
    pub fn new(keep: f64) -> Window {
        Window { keep, sums: [Weighted::default(); DIMENSIONS] }
    }

    /// Whether use can have led to this, which comes from a snapshot, of a window that was made with this `keep`.
    pub fn is_sound(&self, keep: f64) -> bool {
        let most = 1.0 / (1.0 - keep) + 1.0;
        let is_sum = |&Weighted { n, n2, sum }: &Weighted| {
            (0.0..=most).contains(&n) && (0.0..=n).contains(&n2) && sum.abs() <= most * FARTHEST
        };
        self.keep == keep && self.sums.iter().all(is_sum)
    }

    /// Every dimension fades with every action, whether or not it has a value in this one.
    pub fn add(&mut self, vector: &Vector) {
        for sums in &mut self.sums {
            sums.fade(self.keep);
        }
        vector.values().for_each(|(d, value)| {
            let sums = &mut self.sums[d];
            sums.n += 1.0;
            sums.n2 += 1.0;
            sums.sum += value;
        });
    }

    /// The log likelihood ratio: ln p(window | a stranger) - ln p(window | the owner), not calibrated. Both are normal
    /// in each dimension, around the owner's mean.
    pub fn llr(&self, owner: &Owner) -> f64 {
        let known = self.sums.iter().enumerate().filter(|(_, sums)| sums.n > MIN_WINDOW_WEIGHT);
        known.filter_map(|(d, sums)| Some(sums.llr(owner.known(d)?, PEOPLE_SHARE * PEOPLE[d]))).sum()
    }
}

impl Weighted {
    fn fade(&mut self, keep: f64) {
        self.n *= keep;
        self.n2 *= keep * keep;
        self.sum *= keep;
        // Arithmetic is slow on numbers that are almost nothing, and beside 1 these are nothing at all.
        if self.n < NO_WEIGHT {
            *self = Weighted::default();
        }
    }

    fn llr(&self, known: Known, people: f64) -> f64 {
        let off = self.sum / self.n - known.mean;
        let own = known.within * (self.n2 / (self.n * self.n) + 1.0 / known.n) + known.between;
        let other = own + people;
        0.5 * (off * off / own - off * off / other + (own / other).ln())
    }
}

/// Level and spread of the log odds of the owner's own windows, in which owners differ. Serialised as [n, mean, square].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "[f64; 3]", try_from = "[f64; 3]")]
pub struct Level {
    n: f64,
    mean: f64,
    /// Mean of the squares.
    square: f64,
}

impl Default for Level {
    /// An average owner.
    fn default() -> Level {
        Level { n: LEVEL_WEIGHT, mean: LEVEL, square: SPREAD * SPREAD + LEVEL * LEVEL }
    }
}

impl Level {
    /// Learns the log odds of a window that was the owner's. Far-off ones are drawn in first.
    pub fn learn(&mut self, log_odds: f64) {
        let spread = self.spread();
        let log_odds = log_odds.max(self.mean - 3.0 * spread).min(self.mean + 4.0 * spread);
        self.n += 1.0;
        self.mean += (log_odds - self.mean) / self.n;
        self.square += (log_odds * log_odds - self.square) / self.n;
        self.n = self.n.min(LEVEL_MEMORY);
    }

    /// These log odds on the scale of an average owner.
    pub fn at(&self, log_odds: f64) -> f64 {
        (log_odds - self.mean) / self.spread() * SPREAD + LEVEL
    }

    fn spread(&self) -> f64 {
        (self.square - self.mean * self.mean).max(MIN_LEVEL_VARIANCE).sqrt()
    }
}

impl From<Level> for [f64; 3] {
    fn from(level: Level) -> [f64; 3] {
        [level.n, level.mean, level.square]
    }
}

impl TryFrom<[f64; 3]> for Level {
    type Error = BadState;

    fn try_from([n, mean, square]: [f64; 3]) -> Result<Level, BadState> {
        const MOST: f64 = 1e6;
        const TOLERANCE: f64 = 1e-6;
        if !(0.0..=LEVEL_MEMORY).contains(&n) {
            return Err(BadState(format!("the mouse's level is of {n} windows, not between 0 and {LEVEL_MEMORY}")));
        }
        let has_moments =
            (0.0..=MOST * MOST).contains(&square) && mean * mean <= square * (1.0 + TOLERANCE) + TOLERANCE;
        if !has_moments {
            return Err(BadState(format!("the mouse's level has a mean of {mean} and a mean square of {square}")));
        }
        Ok(Level { n, mean, square })
    }
}

#[cfg(test)]
mod tests {
    use super::super::strokes::{Action, ActionKind};
    use super::*;

    /// The i-th press of somebody who holds the button for so long, and hesitates before.
    fn press(dwell_s: f64, i: u32) -> Vector {
        let mut action = Action { kind: ActionKind::Bare, start_us: 0, end_us: 0, features: [None; FEATURES] };
        let chance = 1.0 + 0.02 * f64::from(i % 11);
        action.features[LN_DWELL] = Some((dwell_s * chance).ln());
        action.features[LN_CLICK_PAUSE] = Some((2.0 * dwell_s / chance).ln());
        Vector::of(&action)
    }

    fn owner() -> Owner {
        let mut owner = Owner::new();
        (0..600).for_each(|i| owner.learn(&press(0.08, i)));
        owner
    }

    fn window_of(dwell_s: f64, actions: u32) -> Window {
        let mut window = Window::new(1.0);
        (0..actions).for_each(|i| window.add(&press(dwell_s, i)));
        window
    }

    #[test]
    fn the_owners_own_actions_speak_for_the_owner_and_others_against() {
        assert!(window_of(0.08, 30).llr(&owner()) < -1.0);
        assert!(window_of(0.16, 30).llr(&owner()) > 5.0);
    }

    #[test]
    fn more_actions_tell_more_up_to_a_bound() {
        let llr = |actions| window_of(0.16, actions).llr(&owner());
        assert!(llr(1) < llr(10) && llr(10) < llr(100));
        assert!((llr(10_000) - llr(1_000)).abs() < 0.05 * llr(1_000));
    }

    #[test]
    fn nothing_is_said_of_an_unknown_owner_or_an_empty_window() {
        assert_eq!(window_of(0.16, 30).llr(&Owner::new()), 0.0);
        assert_eq!(Window::new(1.0).llr(&owner()), 0.0);
    }

    #[test]
    fn old_actions_are_forgotten() {
        let owner = owner();
        let keep = f64::exp2(-1.0 / HALF_LIFE_ACTIONS);
        let (mut changed, mut clean) = (Window::new(keep), Window::new(keep));
        (0..50).for_each(|i| changed.add(&press(0.16, i)));
        for i in 0..2_500 {
            changed.add(&press(0.08, i));
            clean.add(&press(0.08, i));
        }
        assert!((changed.llr(&owner) - clean.llr(&owner)).abs() < 1e-9);
        let mut scrolled = changed.clone();
        let scroll = Action { kind: ActionKind::Scroll, start_us: 0, end_us: 0, features: [None; FEATURES] };
        (0..3_000).for_each(|_| scrolled.add(&Vector::of(&scroll)));
        assert_eq!(scrolled.sums[LN_DWELL], Weighted::default(), "no remainder is dragged along");
    }

    #[test]
    fn an_average_owners_log_odds_stay_as_they_are() {
        for log_odds in [-5.0, LEVEL, 0.0, 7.5] {
            assert!((Level::default().at(log_odds) - log_odds).abs() < 1e-12);
        }
    }

    #[test]
    fn an_owner_whose_windows_lie_higher_is_judged_from_there() {
        let mut level = Level::default();
        (0..5_000).for_each(|i| level.learn(if i % 2 == 0 { 1.0 } else { 2.0 }));
        assert!(level.at(1.5) < -0.5 && level.at(1.5) > LEVEL - 0.5);
    }

    #[test]
    fn one_far_off_window_hardly_moves_the_level() {
        let mut level = Level::default();
        level.learn(1e300);
        assert!((level.mean - LEVEL).abs() < 0.03);
    }

    #[test]
    fn a_stored_level_is_three_numbers_and_nonsense_is_refused() {
        let level = Level::default();
        let text = serde_json::to_string(&level).expect("a level");
        assert_eq!(
            serde_json::from_str::<[f64; 3]>(&text).expect("three numbers"),
            [200.0, -0.93, 1.28 * 1.28 + 0.93 * 0.93]
        );
        assert_eq!(Level::try_from(<[f64; 3]>::from(level)).expect("a level"), level);
        for bad in [[-1.0, 0.0, 1.0], [1e9, 0.0, 1.0], [200.0, 3.0, 1.0], [200.0, 0.0, 1e300], [200.0, f64::NAN, 1.0]] {
            assert!(Level::try_from(bad).is_err(), "{bad:?}");
        }
        let refusal = Level::try_from([200.0, 3.0, 1.0]).expect_err("a mean without its square").to_string();
        assert_eq!(refusal, "the model cannot be used: the mouse's level has a mean of 3 and a mean square of 1");
    }
}
