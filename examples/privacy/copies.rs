//! The attack on copies of a model: which leaves, of a key before another one, changed more than they would have without
//! the secret.

use crate::scenario::Scenario;
use crate::year::{Copies, Leaf, leaf_number};

/// Dwells and times from press to press.
const TREES: usize = 2;
/// A leaf counts no more values.
const FULL: f64 = 16.0;
/// No change is held to be less likely: the attacker's picture of the text is not perfect.
const LEAST: f64 = 0.002;

/// How often text without a secret changes each leaf within a day.
pub struct Usual {
    days: f64,
    of: Vec<Copies>,
}

impl Usual {
    /// What was seen of other people.
    pub fn of(others: Vec<Copies>) -> Usual {
        Usual { days: others.iter().map(|copies| copies.days as f64).sum(), of: others }
    }

    fn a_day(&self, leaf: Leaf) -> f64 {
        let moved: usize = self.of.iter().map(|copies| copies.moved(leaf)).sum();
        ((moved as f64 + 0.5) / (self.days + 1.0)).clamp(LEAST, 1.0 - LEAST)
    }
}

/// The leaves that typing it changes if it teaches, each once.
pub fn leaves(scenario: &Scenario, secret: &str) -> Vec<Leaf> {
    let (before, secret) = scenario.with_ends(secret);
    // Over a pause there is no time between two keys.
    let text = if scenario.is_alone() { secret } else { format!("{before}{secret}") };
    let keys: Vec<char> = text.chars().collect();
    let pairs = keys.windows(2).map(|pair| leaf_number(pair[0], pair[1]));
    let mut all: Vec<Leaf> = pairs.flat_map(|number| (0..TREES).map(move |tree| (tree, number))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// From a copy each day: on how many of them each leaf changed. For each candidate's leaves a log likelihood ratio.
pub fn day_by_day(copies: &Copies, usual: &Usual, candidates: &[Vec<Leaf>]) -> Vec<f64> {
    let of_leaf = |&leaf: &Leaf| {
        let (usual, moved) = (usual.a_day(leaf), copies.moved(leaf) as f64);
        let still = copies.days as f64 - moved;
        moved * ((1.0 - LEAST) / usual).ln() + still * (LEAST / (1.0 - usual)).ln()
    };
    candidates.iter().map(|leaves| leaves.iter().map(of_leaf).sum()).collect()
}

/// From a copy before the year and one after it: which leaves have become full that were not. A secret that teaches fills
/// each of its own; text fills a leaf if enough values come by chance.
pub fn before_and_after(copies: &Copies, usual: &Usual, candidates: &[Vec<Leaf>]) -> Vec<f64> {
    let of_leaf = |&leaf: &Leaf| {
        let [before, after] = copies.values(leaf);
        if before >= FULL {
            return 0.0;
        }
        let expected = -(1.0 - usual.a_day(leaf)).ln() * copies.days as f64;
        let usual = at_least((FULL - before).ceil() as usize, expected).clamp(LEAST, 1.0 - LEAST);
        if after >= FULL { ((1.0 - LEAST) / usual).ln() } else { (LEAST / (1.0 - usual)).ln() }
    };
    candidates.iter().map(|leaves| leaves.iter().map(of_leaf).sum()).collect()
}

/// Probability of so many events or more where this number is expected (Poisson).
fn at_least(events: usize, expected: f64) -> f64 {
    let mut chance = (-expected).exp();
    let mut fewer = 0.0;
    for n in 0..events {
        fewer += chance;
        chance *= expected / (n + 1) as f64;
    }
    1.0 - fewer
}
