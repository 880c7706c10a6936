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
