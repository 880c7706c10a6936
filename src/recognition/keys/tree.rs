//! What one feature's values are like: a tree of normals from the person down to pairs of keys.
//!
//! Each inner node holds the sum of what its children say of its mean, so a value touches the four nodes of its path
//! and nothing is ever computed anew: predictions are exact posteriors but for what is clipped and forgotten.

mod saved;

use super::normals::{Message, Normals};
use super::place::{INNER, Path};
use super::values::Feature;
use saved::Nodes;
use serde::{Deserialize, Serialize};
use std::mem::size_of_val;

/// How many values a variance's prior is worth, at each level.
const KAPPA: f64 = 20.0;
/// How far a value pulls the mean, and the spread, in standard deviations of its prediction.
const CLIP_MEAN: f64 = 1.5;
const CLIP_SPREAD: f64 = 2.5;
/// Values that a leaf, and the spread of root, group and subgroup, remember; each later one replaces its part of them.
const LEAF_CAP: u16 = 16;
const INNER_CAPS: [u16; 3] = [64 * LEAF_CAP, 16 * LEAF_CAP, 4 * LEAF_CAP];
/// Room is made for so many leaves at a time: a tree's size is what it learnt, not twice that.
const LEAVES_STEP: usize = 64;

/// The person, a group or a subgroup.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Inner {
    /// Sum of what the children say of this node's mean.
    below: Message,
    /// Sum of the squared deviations of values below it from what was expected.
    squares: f64,
    /// Of `squares`, at most its level's cap.
    count: u16,
}

/// A pair of keys.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Leaf {
    /// Sum of its values.
    sum: f64,
    squares: f64,
    pair: u16,
    /// Of `sum` and of `squares` alike, at most [`LEAF_CAP`].
    count: u16,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Nodes")]
pub(super) struct Tree {
    inner: Box<[Inner]>,
    leaves: Vec<Leaf>,
    /// By pair: index of its leaf plus one, or 0.
    #[serde(skip)]
    places: Box<[u16]>,
}

/// What is expected of a value.
#[derive(Clone, Copy)]
pub(super) struct Prediction {
    /// What is known of the means of group, subgroup and leaf.
    pub group: Message,
    pub subgroup: Message,
    pub mean: f64,
    /// Variance of the leaf's mean, and of values about it.
    pub mean_variance: f64,
    pub within: f64,
}

impl Prediction {
    pub fn variance(&self) -> f64 {
        self.within + self.mean_variance
    }
}

impl Tree {
    pub fn new() -> Tree {
        Tree {
            inner: vec![Inner::default(); INNER].into_boxed_slice(),
            leaves: Vec::new(),
            places: vec![0; Path::PAIRS].into_boxed_slice(),
        }
    }

    /// Forgets everything, in time proportional to what there is, and keeps the room.
    pub fn clear(&mut self, feature: Feature) {
        for leaf in self.leaves.drain(..) {
            self.places[usize::from(leaf.pair)] = 0;
            for node in Path::of_pair(feature, leaf.pair).inner() {
                self.inner[node] = Inner::default();
            }
        }
    }

    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.inner) + self.leaves.capacity() * size_of::<Leaf>() + size_of_val(&*self.places)
    }

    pub fn predict(&self, normals: &Normals, path: Path) -> Prediction {
        let [root, group, subgroup] = path.inner().map(|node| self.inner[node]);
        let leaf = self.leaf(path.pair);
        let [to_group, to_subgroup, to_leaf] = normals.differs;
        // Downwards goes what is known of a node's mean from everywhere but the child that it goes to.
        let above_group = (normals.above + root.below - group.below.across(to_group)).across(to_group);
        let above_subgroup = (above_group + group.below - subgroup.below.across(to_subgroup)).across(to_subgroup);
        let from_leaf = leaf.message(normals);
        let above_leaf = (above_subgroup + subgroup.below - from_leaf.across(to_leaf)).across(to_leaf);
        let known = above_leaf + from_leaf;
        let mean_variance = 1.0 / known.precision;
        let within = [root, group, subgroup].iter().fold(normals.within, |v, node| shrink(v, node.squares, node.count));
        Prediction {
            group: above_group + group.below,
            subgroup: above_subgroup + subgroup.below,
            mean: known.weighted * mean_variance,
            mean_variance,
            within: shrink(within, leaf.squares, leaf.count),
        }
    }

    /// Learns a value that was `expected` so.
    pub fn update(&mut self, normals: &Normals, path: Path, x: f64, expected: &Prediction) {
        let variance = expected.variance();
        let sd = variance.sqrt();
        let error = x - expected.mean;
        let x = expected.mean + error.min(CLIP_MEAN * sd).max(-CLIP_MEAN * sd);
        let deviation = error.abs().min(CLIP_SPREAD * sd);
        let square = deviation * deviation * expected.within / variance;

        let leaf = self.leaf_mut(path.pair);
        let before = leaf.message(normals);
        leaf.learn(x, square);
        let mut change = (before, leaf.message(normals));
        for (level, node) in path.inner().into_iter().enumerate().rev() {
            let (before, after) = change;
            let differs = normals.differs[level];
            change = self.inner[node].learn(INNER_CAPS[level], square, before.across(differs), after.across(differs));
        }
    }

    fn leaf(&self, pair: u16) -> Leaf {
        let place = usize::from(self.places[usize::from(pair)]);
        self.leaves.get(place.wrapping_sub(1)).copied().unwrap_or_default()
    }

    fn leaf_mut(&mut self, pair: u16) -> &mut Leaf {
        let place = match usize::from(self.places[usize::from(pair)]) {
            0 => self.add(Leaf { pair, ..Leaf::default() }),
            place => place,
        };
        &mut self.leaves[place - 1]
    }

    /// Returns its index plus one.
    fn add(&mut self, leaf: Leaf) -> usize {
        if self.leaves.len() == self.leaves.capacity() {
            self.leaves.reserve_exact(LEAVES_STEP);
        }
        self.leaves.push(leaf);
        let place = self.leaves.len();
        // A tree has a leaf per pair at most.
        self.places[usize::from(leaf.pair)] = place as u16;
        place
    }
}

impl Leaf {
    /// What its values say of its mean.
    fn message(&self, normals: &Normals) -> Message {
        Message { precision: f64::from(self.count) * normals.per_within, weighted: self.sum * normals.per_within }
    }

    fn learn(&mut self, x: f64, square: f64) {
        if self.count >= LEAF_CAP {
            self.sum = forget(self.sum, LEAF_CAP);
        }
        self.sum += x;
        count(&mut self.squares, &mut self.count, LEAF_CAP, square);
    }
}

impl Inner {
    /// Takes in what a child says `after` a value instead of what it said `before`; returns what this node did and does.
    fn learn(&mut self, cap: u16, square: f64, before: Message, after: Message) -> (Message, Message) {
        count(&mut self.squares, &mut self.count, cap, square);
        let below = self.below;
        self.below = below + after - before;
        (below, self.below)
    }
}

fn forget(sum: f64, cap: u16) -> f64 {
    sum * (f64::from(cap - 1) / f64::from(cap))
}

fn count(squares: &mut f64, count: &mut u16, cap: u16, square: f64) {
    if *count >= cap {
        *squares = forget(*squares, cap);
    } else {
        *count += 1;
    }
    *squares += square;
}

/// A variance by a node's deviations, and by `variance` of the level above.
fn shrink(variance: f64, squares: f64, count: u16) -> f64 {
    (KAPPA * variance + squares) / (KAPPA + f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::super::normals::OWNER;
    use super::super::number::KeyNumber;
    use super::*;
    use proptest::prelude::*;

    const NORMALS: &Normals = &OWNER[1];

    fn path(first: u8, second: u8) -> Path {
        let key = |number| KeyNumber::try_from(number).expect("a key");
        Path::new(Feature::Press, key(first), key(second))
    }

    fn learn(tree: &mut Tree, path: Path, x: f64) {
        let expected = tree.predict(NORMALS, path);
        tree.update(NORMALS, path, x, &expected);
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn what_was_never_seen_is_expected_as_of_anybody() {
        let expected = Tree::new().predict(NORMALS, path(0, 1));
        let differs: f64 = NORMALS.differs.iter().sum();
        assert!(near(expected.mean, 5.2) && near(expected.mean_variance, 0.35 * 0.35 + differs));
        assert_eq!(expected.within, NORMALS.within);
    }

    #[test]
    fn what_one_pair_is_like_is_expected_of_another_the_more_the_closer_it_is() {
        let mut tree = Tree::new();
        (0..10).for_each(|_| learn(&mut tree, path(0, 18), 5.6)); // A S
        let mean = |first, second| tree.predict(NORMALS, path(first, second)).mean;
        let [same, same_zones, same_relation, other] = [mean(0, 18), mean(16, 22), mean(18, 3), mean(0, 9)]; // QW SD AJ
        assert!(5.6 > same && same > same_zones && same_zones > same_relation && same_relation > other && other > 5.2);
    }

    #[test]
    fn a_value_far_away_pulls_no_more_than_one_at_the_limit() {
        let mean_after = |x| {
            let mut tree = Tree::new();
            learn(&mut tree, path(0, 1), x);
            tree.predict(NORMALS, path(0, 1)).mean
        };
        assert_eq!(mean_after(50.0), mean_after(9.0));
        assert!(mean_after(5.5) < mean_after(9.0));
    }

    #[test]
    fn a_pair_forgets_its_old_values() {
        let mut tree = Tree::new();
        (0..100).for_each(|_| learn(&mut tree, path(0, 1), 5.0));
        (0..100).for_each(|_| learn(&mut tree, path(0, 1), 5.5));
        assert!((tree.predict(NORMALS, path(0, 1)).mean - 5.5).abs() < 0.05);
        assert_eq!(tree.leaf(path(0, 1).pair).count, LEAF_CAP);
        assert_eq!(path(0, 1).inner().map(|node| tree.inner[node].count), [200, 200, 64]);
    }

    #[test]
    fn regular_values_are_expected_to_be_regular() {
        let within = |noise: f64| {
            let mut tree = Tree::new();
            (0..50).for_each(|i| learn(&mut tree, path(0, 1), 5.2 + noise * f64::from(i % 2)));
            tree.predict(NORMALS, path(0, 1)).within
        };
        assert!(within(0.0) < 0.1 * NORMALS.within && within(0.5) > 0.1 * NORMALS.within);
    }

    /// Solves `matrix` x = `right`, which is symmetric and positive definite.
    fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
        let n = right.len();
        for i in 0..n {
            for j in i + 1..n {
                let factor = matrix[j][i] / matrix[i][i];
                (i..n).for_each(|k| matrix[j][k] -= factor * matrix[i][k]);
                right[j] -= factor * right[i];
            }
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| matrix[i][j] * right[j]).sum();
            right[i] = (right[i] - known) / matrix[i][i];
        }
        right
    }

    /// What two leaves' means have in common by the nodes above both.
    fn covariance(a: Path, b: Path) -> f64 {
        let shared = a.inner().into_iter().zip(b.inner()).filter(|(a, b)| a == b).count();
        let levels = [0.35 * 0.35, NORMALS.differs[0], NORMALS.differs[1], NORMALS.differs[2]];
        levels.iter().take(shared + usize::from(a == b)).sum()
    }

    /// Mean and variance of the mean of `path`, by all that was learnt at once.
    fn conditioned(tree: &Tree, path: Path) -> (f64, f64) {
        let leaves: Vec<(Path, &Leaf)> =
            tree.leaves.iter().map(|leaf| (Path::of_pair(Feature::Press, leaf.pair), leaf)).collect();
        let noise = |i: usize, j: usize| if i == j { NORMALS.within / f64::from(leaves[i].1.count) } else { 0.0 };
        let row = |i: usize| (0..leaves.len()).map(|j| covariance(leaves[i].0, leaves[j].0) + noise(i, j)).collect();
        let matrix: Vec<Vec<f64>> = (0..leaves.len()).map(row).collect();
        let with: Vec<f64> = leaves.iter().map(|leaf| covariance(path, leaf.0)).collect();
        let errors = leaves.iter().map(|(_, leaf)| leaf.sum / f64::from(leaf.count) - 5.2).collect();
        let dot = |weights: Vec<f64>| -> f64 { with.iter().zip(weights).map(|(a, b)| a * b).sum() };
        (5.2 + dot(solve(matrix.clone(), errors)), covariance(path, path) - dot(solve(matrix, with.clone())))
    }

    /// Pairs of few keys, so that they meet in all nodes, and values.
    fn values() -> impl Strategy<Value = Vec<(u8, u8, f64)>> {
        let key = prop::sample::select(vec![0_u8, 1, 3, 9, 18, 47, 49, 51, 62]);
        prop::collection::vec((key.clone(), key, 3.0..8.0), 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_prediction_is_the_exact_posterior_of_all_that_is_remembered(values in values()) {
            let mut tree = Tree::new();
            values.iter().for_each(|&(first, second, x)| learn(&mut tree, path(first, second), x));
            for path in [path(0, 1), path(18, 3), path(47, 4), path(values[0].0, values[0].1)] {
                let expected = tree.predict(NORMALS, path);
                let (mean, variance) = conditioned(&tree, path);
                prop_assert!(near(expected.mean, mean) && near(expected.mean_variance, variance));
            }
        }

        #[test]
        fn a_cleared_tree_is_a_new_one_that_keeps_its_room(values in values()) {
            let mut tree = Tree::new();
            values.iter().for_each(|&(first, second, x)| learn(&mut tree, path(first, second), x));
            let room = tree.heap_bytes();
            tree.clear(Feature::Press);
            let new = Tree::new();
            prop_assert!(tree.inner == new.inner && tree.leaves == new.leaves && tree.places == new.places);
            prop_assert_eq!(tree.heap_bytes(), room);
        }
    }
}
