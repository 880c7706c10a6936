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

/// Squared deviations of predictions below a node and their number: integral, at most the level's cap.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Inner {
    /// Sum of what the children say of this node's mean.
    below: Message,
    squares: f64,
    count: u16,
}

/// Values of one pair of keys. `count` is that of `sum` and of `squares` alike.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Leaf {
    sum: f64,
    squares: f64,
    pair: u16,
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
