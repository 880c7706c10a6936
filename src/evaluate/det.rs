//! The detection error trade-off: what share of owners' windows is refused where few of the others' are accepted.

use super::trials::Trials;
use serde::Serialize;

/// Shares of others' windows that are accepted.
pub const LEVELS: [f64; 6] = [0.1, 0.05, 0.02, 0.01, 0.005, 0.001];

/// Of the DET curve, each rate 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trade {
    pub false_acceptance: f64,
    /// `None` where there are too few of the others' windows to know.
    pub false_rejection: Option<f64>,
}

/// What is refused at each of [`LEVELS`]: at the lowest threshold that accepts no more of the others.
pub fn at_levels(trials: &Trials) -> [Trade; LEVELS.len()] {
    let curve = trials.curve();
    let smallest = 1.0 / trials.impostor().max(1) as f64;
    LEVELS.map(|level| {
        let reached = curve.iter().find(|point| point.false_acceptance <= level + 1e-12);
        let known = reached.filter(|_| smallest <= level);
        Trade { false_acceptance: level, false_rejection: known.map(|point| point.false_rejection) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::trials::{Author, Trial};

    fn trials() -> Trials {
        let own = (0..100).map(|i| Trial { score: f64::from(i), owner: 0, author: Author::Owner });
        let other = (0..100).map(|i| Trial { score: f64::from(i) - 90.5, owner: 0, author: Author::Other(1) });
        Trials::new(own.chain(other).collect(), 2)
    }

    #[test]
    fn the_fewer_others_are_accepted_the_more_owners_are_refused() {
        let refused = at_levels(&trials()).map(|trade| trade.false_rejection);
        // Nine of a hundred others score over 0: 0.5, 1.5, … 8.5.
        assert_eq!(refused[..4], [Some(0.0), Some(0.04), Some(0.07), Some(0.08)]);
    }

    #[test]
    fn a_hundred_others_say_nothing_of_one_in_a_thousand() {
        assert_eq!(
            at_levels(&trials())[4..].iter().map(|trade| trade.false_rejection).collect::<Vec<_>>(),
            [None, None]
        );
    }
}
