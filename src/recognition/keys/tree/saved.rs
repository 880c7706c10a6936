//! A tree to and from what is stored of it, and to and from a snapshot, which also has the sums.

use super::super::normals::Normals;
use super::super::place::{INNER, Node, Path};
use super::super::saved::SavedTree;
use super::super::values::Feature;
use super::{INNER_CAPS, Inner, LEAF_CAP, Leaf, Tree};
use crate::recognition::BadState;
use serde::Deserialize;

/// No value is so far from zero: logarithms of any 64 bits are within 45.
const FARTHEST: f64 = 100.0;

impl Tree {
    pub fn save(&self) -> SavedTree {
        let mut leaves: Vec<&Leaf> = self.leaves.iter().collect();
        leaves.sort_unstable_by_key(|leaf| leaf.pair);
        let inner = self.inner.iter().enumerate().filter(|(_, node)| node.count > 0);
        let spread = inner.map(|(node, inner)| (Path::saved_inner(node), f64::from(inner.count), inner.squares));
        let leaf = |leaf: &&Leaf, sum| (Path::saved_leaf(leaf.pair), f64::from(leaf.count), sum);
        SavedTree {
            leaves: leaves.iter().map(|l| leaf(l, l.sum)).collect(),
            spread: spread.chain(leaves.iter().map(|l| leaf(l, l.squares))).collect(),
        }
    }

    /// Errors say what is wrong and not where: that would tell of keys.
    pub fn load(feature: Feature, normals: &Normals, saved: &SavedTree) -> Result<Tree, BadState> {
        let mut tree = Tree::new();
        tree.leaves.reserve_exact(saved.leaves.len().min(Path::PAIRS));
        tree.load_leaves(feature, saved)?;
        tree.load_spread(feature, saved)?;
        tree.sum_up(feature, normals);
        // What has values below it has a count, and only that.
        if tree.inner.iter().any(|inner| (inner.count > 0) != (inner.below.precision > 0.0)) {
            return Err(bad("the spread above the leaves is not that of the leaves"));
        }
        Ok(tree)
    }

    fn load_leaves(&mut self, feature: Feature, saved: &SavedTree) -> Result<(), BadState> {
        if !saved.leaves.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(bad("leaves are not in order"));
        }
        for &(number, count, sum) in &saved.leaves {
            let Some(Node::Leaf(pair)) = Path::of_saved(feature, number) else {
                return Err(bad("a leaf is not of two keys"));
            };
            let count = whole(count, LEAF_CAP)?;
            if !(0.0..=f64::from(count) * FARTHEST).contains(&sum.abs()) {
                return Err(bad("a sum of values is impossible"));
            }
            self.add(Leaf { sum, squares: 0.0, pair, count });
        }
        Ok(())
    }

    fn load_spread(&mut self, feature: Feature, saved: &SavedTree) -> Result<(), BadState> {
        if !saved.spread.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(bad("nodes are not in order"));
        }
        let mut leaves = 0;
        for &(number, count, squares) in &saved.spread {
            let node = Path::of_saved(feature, number).ok_or_else(|| bad("a node does not exist"))?;
            let cap = match node {
                Node::Inner(inner) => INNER_CAPS[Path::level(inner)],
                Node::Leaf(_) => LEAF_CAP,
            };
            let count = whole(count, cap)?;
            if !(0.0..=f64::from(count) * FARTHEST * FARTHEST).contains(&squares) {
                return Err(bad("a sum of squares is impossible"));
            }
            match node {
                Node::Inner(inner) => self.inner[inner] = Inner { squares, count, ..Inner::default() },
                Node::Leaf(pair) => {
                    if self.leaf(pair).count != count {
                        return Err(bad("a leaf has two counts"));
                    }
                    self.leaf_mut(pair).squares = squares;
                    leaves += 1;
                }
            }
        }
        if leaves == self.leaves.len() { Ok(()) } else { Err(bad("a leaf has no spread")) }
    }

    /// Computes what children say of their parents, children in order of number.
    fn sum_up(&mut self, feature: Feature, normals: &Normals) {
        let [to_group, to_subgroup, to_leaf] = normals.differs;
        let mut parents = [0; INNER];
        for i in 0..self.leaves.len() {
            let leaf = self.leaves[i];
            let [root, group, subgroup] = Path::of_pair(feature, leaf.pair).inner();
            (parents[subgroup], parents[group]) = (group, root);
            let inner = &mut self.inner[subgroup];
            inner.below = inner.below + leaf.message(normals).across(to_leaf);
        }
        for (level, differs) in [(2, to_subgroup), (1, to_group)] {
            for node in (0..INNER).filter(|&node| Path::level(node) == level) {
                let message = self.inner[node].below.across(differs);
                let parent = &mut self.inner[parents[node]];
                parent.below = parent.below + message;
            }
        }
    }
}

/// A tree in a snapshot.
#[derive(Deserialize)]
pub(super) struct Nodes {
    inner: Box<[Inner]>,
    leaves: Vec<Leaf>,
}

impl TryFrom<Nodes> for Tree {
    type Error = BadState;

    fn try_from(nodes: Nodes) -> Result<Tree, BadState> {
        let mut tree = Tree::new();
        let sound = |inner: &Inner| {
            let Inner { below, squares, count: _ } = inner;
            let magnitudes = [below.precision, below.weighted.abs(), *squares];
            magnitudes.iter().all(|magnitude| (0.0..=f64::MAX).contains(magnitude))
        };
        if nodes.inner.len() != INNER || !nodes.inner.iter().all(sound) {
            return Err(bad("its nodes are impossible"));
        }
        tree.inner = nodes.inner;
        tree.leaves.reserve_exact(nodes.leaves.len().min(Path::PAIRS));
        for leaf in nodes.leaves {
            let place = tree.places.get(usize::from(leaf.pair));
            if place != Some(&0) || !leaf.sum.is_finite() || !(0.0..=f64::MAX).contains(&leaf.squares) {
                return Err(bad("its leaves are impossible"));
            }
            tree.add(leaf);
        }
        Ok(tree)
    }
}

fn bad(what: &str) -> BadState {
    BadState(what.to_owned())
}

fn whole(count: f64, cap: u16) -> Result<u16, BadState> {
    let whole = count as u16;
    if f64::from(whole) == count && (1..=cap).contains(&whole) { Ok(whole) } else { Err(bad("a count is impossible")) }
}
