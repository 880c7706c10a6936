//! What is held to be so of anybody before a stroke is seen, and how what nodes know is combined.
//!
//! A value is the mean of its leaf plus noise; a node's mean is its parent's plus a difference. All of these are normal,
//! so what is known of a mean is a precision and a mean, and adds up.

use super::values::Feature;
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// What is known of a mean from one side: a precision (the inverse of a variance), and precision times mean.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Message {
    pub precision: f64,
    pub weighted: f64,
}

impl Message {
    const fn of(mean: f64, sd: f64) -> Message {
        let precision = 1.0 / (sd * sd);
        Message { precision, weighted: precision * mean }
    }

    /// What it says of a mean that differs from this one by a normal of mean zero: precision 1 / (1 / precision +
    /// `variance`), the same mean. Nothing stays nothing.
    pub fn across(self, variance: f64) -> Message {
        let kept = 1.0 / (1.0 + self.precision * variance);
        Message { precision: self.precision * kept, weighted: self.weighted * kept }
    }

    pub fn mean(self) -> f64 {
        self.weighted / self.precision
    }
}

impl Add for Message {
    type Output = Message;

    fn add(self, other: Message) -> Message {
        Message { precision: self.precision + other.precision, weighted: self.weighted + other.weighted }
    }
}

impl Sub for Message {
    type Output = Message;

    fn sub(self, other: Message) -> Message {
        Message { precision: self.precision - other.precision, weighted: self.weighted - other.weighted }
    }
}

/// The constants of one tree.
#[derive(Clone, Copy)]
pub(super) struct Normals {
    /// What is known of the root before any value.
    pub above: Message,
    /// Variance of what a group, a subgroup, a leaf differs by from its parent.
    pub differs: [f64; 3],
    /// Variance within a leaf, and its inverse.
    pub within: f64,
    pub per_within: f64,
}

/// Of the mean of all values: its mean and standard deviation among people; standard deviations of what a group, a
/// subgroup, a leaf differs by from its parent, and within a leaf.
const fn normals(mean: f64, person: f64, differs: [f64; 3], within: f64) -> Normals {
    let [group, subgroup, leaf] = differs;
    Normals {
        above: Message::of(mean, person),
        differs: [group * group, subgroup * subgroup, leaf * leaf],
        within: within * within,
        per_within: 1.0 / (within * within),
    }
}

/// By [`Feature`]; the means are of ln ms, ln ms and asinh(ms / 60). Variance components of eleven people's free text,
/// rounded; the standard deviations of differences are 1.4 times as large, since wider ones told people better apart.
pub(super) const OWNER: [Normals; Feature::COUNT] = [
    normals(4.5, 0.20, [0.14, 0.11, 0.14], 0.25),
    normals(5.2, 0.35, [0.15, 0.20, 0.20], 0.50),
    normals(0.8, 0.70, [0.35, 0.40, 0.40], 0.80),
];

/// By [`Feature`]: which part of what a subgroup and a leaf differ by is common to all people.
pub(super) const COMMON: [[f64; 2]; Feature::COUNT] = [[0.2, 0.2], [0.4, 0.4], [0.4, 0.4]];

/// Of a stranger, whose values are judged without the common part, as the owner shows it: what is left differs less.
pub(super) const STRANGER: [Normals; Feature::COUNT] =
    [own_part(OWNER[0], COMMON[0]), own_part(OWNER[1], COMMON[1]), own_part(OWNER[2], COMMON[2])];

const fn own_part(owner: Normals, common: [f64; 2]) -> Normals {
    let [group, subgroup, leaf] = owner.differs;
    let differs = [group, subgroup * (1.0 - common[0] * common[0]), leaf * (1.0 - common[1] * common[1])];
    Normals { differs, ..owner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_from_two_sides_is_their_weighted_mean() {
        let known = Message::of(1.0, 1.0) + Message::of(4.0, 0.5);
        assert_eq!(known.mean(), (1.0 + 4.0 * 4.0) / 5.0);
        assert!(known - Message::of(4.0, 0.5) == Message::of(1.0, 1.0));
    }

    #[test]
    fn across_a_difference_the_mean_stays_and_the_variances_add() {
        let known = Message::of(3.0, 0.5).across(0.75);
        assert!((known.precision - 1.0).abs() < 1e-15 && (known.mean() - 3.0).abs() < 1e-15);
        assert!(Message::default().across(0.75) == Message::default(), "nothing is known");
    }

    #[test]
    fn a_stranger_differs_by_less_below_the_groups() {
        for (owner, stranger) in OWNER.iter().zip(&STRANGER) {
            assert_eq!(owner.differs[0], stranger.differs[0]);
            assert!(owner.differs[1] > stranger.differs[1] && owner.differs[2] > stranger.differs[2]);
        }
    }
}
