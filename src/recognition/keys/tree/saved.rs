//! A tree to and from what is stored of it, and to and from a snapshot, which also has the sums.

use super::super::normals::{Message, Normals};
use super::super::place::{INNER, Node, Path};
use super::super::saved::SavedTree;
use super::super::values::Feature;
use super::{INNER_CAPS, Inner, LEAF_CAP, Leaf, Tree};
use crate::recognition::BadState;
use crate::recognition::saved::MOST_SUMMED;
use serde::Deserialize;

/// No value is so far from zero: logarithms of any 64 bits are within 45.
const FARTHEST: f64 = 100.0;
/// How far sums that are kept up to date may be from those computed anew: rounding leaves far less.
const TOLERANCE: f64 = 1e-6;

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

    /// Whether learning can have led to this tree, which comes from a snapshot: then nothing that is computed from it
    /// overflows or loses its sense.
    pub fn is_sound(&self, feature: Feature, normals: &Normals) -> bool {
        let mut anew = self.clone();
        anew.inner.iter_mut().for_each(|inner| inner.below = Message::default());
        anew.sum_up(feature, normals);
        let is_leaf = |leaf: &Leaf| {
            let exists = matches!(Path::of_saved(feature, Path::saved_leaf(leaf.pair)), Some(Node::Leaf(_)));
            exists && (1..=LEAF_CAP).contains(&leaf.count) && is_sum(leaf.sum.abs()) && is_sum(leaf.squares)
        };
        let is_inner = |(number, (inner, anew)): (usize, (&Inner, &Inner))| {
            let is_used = inner.count > 0;
            inner.count <= INNER_CAPS[Path::level(number)]
                && is_used == (anew.below.precision > 0.0)
                && is_sum(inner.squares)
                && is_near(inner.below.precision, anew.below.precision)
                && is_near(inner.below.weighted, anew.below.weighted)
        };
        self.leaves.iter().all(is_leaf) && self.inner.iter().zip(&anew.inner).enumerate().all(is_inner)
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

/// A tree in a snapshot. That it has its shape is checked here, its numbers by [`Tree::is_sound`].
#[derive(Deserialize)]
pub(super) struct Nodes {
    inner: Box<[Inner]>,
    leaves: Vec<Leaf>,
}

impl TryFrom<Nodes> for Tree {
    type Error = BadState;

    fn try_from(nodes: Nodes) -> Result<Tree, BadState> {
        let mut tree = Tree::new();
        if nodes.inner.len() != INNER {
            return Err(bad("a tree has too many or too few nodes"));
        }
        tree.inner = nodes.inner;
        tree.leaves.reserve_exact(nodes.leaves.len().min(Path::PAIRS));
        for leaf in nodes.leaves {
            if tree.places.get(usize::from(leaf.pair)) != Some(&0) {
                return Err(bad("a leaf is not of two keys, or is there twice"));
            }
            tree.add(leaf);
        }
        Ok(tree)
    }
}

fn is_sum(magnitude: f64) -> bool {
    (0.0..=MOST_SUMMED).contains(&magnitude)
}

fn is_near(sum: f64, anew: f64) -> bool {
    (sum - anew).abs() <= TOLERANCE * anew.abs().max(1.0)
}

fn bad(what: &str) -> BadState {
    BadState(what.to_owned())
}

fn whole(count: f64, cap: u16) -> Result<u16, BadState> {
    let whole = count as u16;
    if f64::from(whole) == count && (1..=cap).contains(&whole) { Ok(whole) } else { Err(bad("a count is impossible")) }
}

#[cfg(test)]
mod tests {
    use super::super::super::normals::OWNER;
    use super::super::super::number::KeyNumber;
    use super::*;
    use proptest::prelude::*;

    const NORMALS: &Normals = &OWNER[0];

    fn learnt(values: &[(u8, u8, f64)]) -> Tree {
        let key = |number| KeyNumber::try_from(number).expect("a key");
        let mut tree = Tree::new();
        for &(first, second, x) in values {
            let path = Path::new(Feature::Dwell, key(first), key(second));
            let expected = tree.predict(NORMALS, path);
            tree.update(NORMALS, path, x, &expected);
        }
        tree
    }

    /// A dwell of A before B, learnt twice.
    fn small() -> SavedTree {
        learnt(&[(0, 1, 4.0), (0, 1, 4.5)]).save()
    }

    fn load(saved: &SavedTree) -> Result<Tree, BadState> {
        Tree::load(Feature::Dwell, NORMALS, saved)
    }

    #[test]
    fn a_tree_is_saved_by_the_numbers_of_its_nodes() {
        let saved = small();
        assert_eq!(saved.leaves.iter().map(|leaf| (leaf.0, leaf.1)).collect::<Vec<_>>(), [(1001, 2.0)]);
        let nodes: Vec<(u16, f64)> = saved.spread.iter().map(|node| (node.0, node.1)).collect();
        assert_eq!(nodes, [(0, 2.0), (1, 2.0), (100, 2.0), (1001, 2.0)]);
        assert!(load(&saved).is_ok());
    }

    #[test]
    fn an_empty_tree_can_be_loaded() {
        assert!(load(&Tree::new().save()).is_ok_and(|tree| tree.inner == Tree::new().inner));
    }

    #[test]
    fn a_tree_that_nobody_can_have_learnt_is_refused() {
        type Mistake = (&'static str, fn(&mut SavedTree));
        let mistakes: [Mistake; 17] = [
            ("a leaf of no keys", |saved| saved.leaves[0].0 = 6000),
            ("a leaf above the leaves", |saved| saved.leaves[0].0 = 100),
            ("a leaf of a key without a number", |saved| saved.leaves[0].0 = 1000 + 63 * 64),
            ("a leaf twice", |saved| saved.leaves.push(saved.leaves[0])),
            ("half a value", |saved| saved.leaves[0].1 = 1.5),
            ("no value", |saved| saved.leaves[0].1 = 0.0),
            ("fewer than no values", |saved| saved.leaves[0].1 = -1.0),
            ("more values than a leaf remembers", |saved| saved.leaves[0].1 = 17.0),
            ("a count that is no number", |saved| saved.leaves[0].1 = f64::NAN),
            ("a sum that is no number", |saved| saved.leaves[0].2 = f64::NAN),
            ("a sum that no durations have", |saved| saved.leaves[0].2 = -1e300),
            ("a leaf with two counts", |saved| saved.spread[3].1 = 3.0),
            ("a leaf without a spread", |saved| saved.spread.truncate(3)),
            ("a subgroup without a spread", |saved| saved.spread.retain(|node| node.0 != 100)),
            ("a group without values", |saved| saved.spread.insert(2, (2, 1.0, 0.1))),
            ("negative squares", |saved| saved.spread[0].2 = -1.0),
            ("endless squares", |saved| saved.spread[0].2 = f64::INFINITY),
        ];
        for (what, make) in mistakes {
            let mut saved = small();
            make(&mut saved);
            let error = load(&saved).err().unwrap_or_else(|| panic!("{what}"));
            assert!(error.to_string().chars().all(|c| !c.is_ascii_digit()), "{what}: {error} tells of no key");
        }
    }

    fn values() -> impl Strategy<Value = Vec<(u8, u8, f64)>> {
        prop::collection::vec((0_u8..=62, 0_u8..=62, 1.0..8.0), 0..300)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sums_kept_up_to_date_are_those_computed_anew(values in values()) {
            let tree = learnt(&values);
            let loaded = load(&tree.save()).expect("what was learnt");
            for (kept, anew) in tree.inner.iter().zip(&loaded.inner) {
                prop_assert!(near(kept.below.precision, anew.below.precision));
                prop_assert!(near(kept.below.weighted, anew.below.weighted));
                prop_assert!(kept.squares == anew.squares && kept.count == anew.count);
            }
            prop_assert!(loaded.save() == tree.save());
        }

        #[test]
        fn a_snapshot_restores_every_bit(values in values()) {
            let tree = learnt(&values);
            // A value tree, unlike text, leaves a number's bits as they are.
            let snapshot = serde_json::to_value(&tree).expect("a snapshot");
            let restored: Tree = serde_json::from_value(snapshot).expect("the same");
            prop_assert!(restored.is_sound(Feature::Dwell, NORMALS));
            prop_assert!(restored.inner == tree.inner && restored.leaves == tree.leaves && restored.places == tree.places);
        }
    }

    #[test]
    fn a_snapshot_that_no_learning_leads_to_is_refused() {
        let snapshot = serde_json::to_value(learnt(&[(0, 1, 4.0)])).expect("a snapshot");
        let refused = |change: fn(&mut serde_json::Value)| {
            let mut snapshot = snapshot.clone();
            change(&mut snapshot);
            let tree = serde_json::from_value::<Tree>(snapshot);
            !tree.is_ok_and(|tree| tree.is_sound(Feature::Dwell, NORMALS))
        };
        assert!(!refused(|_| ()));
        assert!(refused(|snapshot| drop(snapshot["inner"].as_array_mut().expect("nodes").pop())));
        assert!(refused(|snapshot| snapshot["leaves"][0]["pair"] = 4096.into()));
        assert!(refused(|snapshot| snapshot["leaves"][0]["pair"] = (63 * 64).into()), "a key without a number");
        assert!(refused(|snapshot| snapshot["leaves"][0]["sum"] = 1e300.into()));
        assert!(refused(|snapshot| snapshot["leaves"][0]["squares"] = (-1.0).into()));
        assert!(refused(|snapshot| snapshot["leaves"][0]["count"] = 0.into()));
        assert!(refused(|snapshot| snapshot["leaves"][0]["count"] = 17.into()));
        assert!(refused(|snapshot| snapshot["inner"][0]["count"] = 0.into()));
        assert!(refused(|snapshot| snapshot["inner"][0]["count"] = 1025.into()));
        assert!(refused(|snapshot| snapshot["inner"][0]["squares"] = 1e300.into()));
        assert!(refused(|snapshot| snapshot["inner"][5]["count"] = 1.into()), "of no leaf");
        assert!(refused(|snapshot| snapshot["inner"][0]["below"]["precision"] = (-1.0).into()));
        assert!(refused(|snapshot| snapshot["inner"][0]["below"]["weighted"] = 1e3.into()));
        assert!(refused(|snapshot| {
            let leaves = snapshot["leaves"].as_array_mut().expect("leaves");
            leaves.push(leaves[0].clone());
        }));
    }
}
