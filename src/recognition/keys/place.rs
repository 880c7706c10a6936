//! Where on the keyboard keys lie, how two of them are related, and which nodes of a tree a value belongs to by that.

use super::number::{KeyNumber, NUMBERS};
use super::values::Feature;

/// Number of zones: the fingers' and those of keys that have a rhythm of their own.
pub(super) const ZONES: usize = 12;

const THUMBS: u8 = 8;
const ELSEWHERE: u8 = 9;
const ENTER_OR_BACKSPACE: u8 = 10;
const SHIFT: u8 = 11;

/// Linux key codes of each zone, as on a US keyboard.
const ZONE_CODES: [&[u16]; ZONES] = [
    &[41, 2, 15, 16, 58, 30, 44, 29, 1], // left little finger: ` 1 Tab Q Caps A Z Ctrl Escape
    &[3, 17, 31, 45],                    // left ring finger: 2 W S X
    &[4, 18, 32, 46],                    // left middle finger: 3 E D C
    &[5, 6, 19, 20, 33, 34, 47, 48],     // left index finger: 4 5 R T F G V B
    &[7, 8, 21, 22, 35, 36, 49, 50],     // right index finger: 6 7 Y U H J N M
    &[9, 23, 37, 51],                    // right middle finger: 8 I K ,
    &[10, 24, 38, 52],                   // right ring finger: 9 O L .
    &[11, 12, 13, 25, 26, 27, 39, 40, 43, 53, 97, 111], // right little finger: 0 - = P [ ] ; ' \ / Ctrl Delete
    &[57, 56, 100, 125, 126],            // thumbs: Space Alt Meta
    &[],                                 // every other key
    &[28, 14],                           // Enter Backspace
    &[42, 54],                           // Shift
];

const ZONE: [u8; NUMBERS] = {
    let mut zones = [ELSEWHERE; NUMBERS];
    let mut zone = 0;
    while zone < ZONES {
        let mut i = 0;
        while i < ZONE_CODES[zone].len() {
            zones[KeyNumber::of_code(ZONE_CODES[zone][i]).index()] = zone as u8;
            i += 1;
        }
        zone += 1;
    }
    zones
};

/// Index of the zone that a key lies in, below [`ZONES`].
pub(super) fn zone(key: KeyNumber) -> usize {
    usize::from(ZONE[key.index()])
}

/// How the second of two keys lies to the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    SameKey,
    SameFinger,
    SameHand,
    OtherHand,
    AfterThumb,
    BeforeThumb,
    EnterOrBackspace,
    Shift,
    Elsewhere,
}

impl Relation {
    pub const COUNT: usize = 9;

    pub fn of(first: KeyNumber, second: KeyNumber) -> Relation {
        const LEFT: std::ops::Range<u8> = 0..4;
        let (a, b) = (ZONE[first.index()], ZONE[second.index()]);
        let either = |zone| a == zone || b == zone;
        if first == second {
            Relation::SameKey
        } else if either(ELSEWHERE) {
            Relation::Elsewhere
        } else if either(ENTER_OR_BACKSPACE) {
            Relation::EnterOrBackspace
        } else if either(SHIFT) {
            Relation::Shift
        } else if a == THUMBS {
            Relation::AfterThumb
        } else if b == THUMBS {
            Relation::BeforeThumb
        } else if a == b {
            Relation::SameFinger
        } else if LEFT.contains(&a) == LEFT.contains(&b) {
            Relation::SameHand
        } else {
            Relation::OtherHand
        }
    }
}

/// Number of a tree's nodes above the leaves: a root, up to 12 groups, up to 156 subgroups.
pub(super) const INNER: usize = FIRST_SUBGROUP + DOUBLED + ZONES;
const FIRST_SUBGROUP: usize = 1 + ZONES;
/// The subgroups of keys pressed twice, by zone, come after those of pairs of zones.
const DOUBLED: usize = ZONES * ZONES;
/// In a saved tree inner nodes and leaves have numbers from here on.
const SAVED_SUBGROUP: usize = 100;
const SAVED_LEAF: u16 = 1000;

/// The nodes that a value belongs to, below the root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    group: u8,
    subgroup: u8,
    /// Both keys of the leaf; below [`Path::PAIRS`].
    pub pair: u16,
}

impl Path {
    pub const PAIRS: usize = NUMBERS * NUMBERS;

    /// A dwell: zone, key, key and the key after it. Another value: relation, pair of zones, pair of keys.
    pub fn new(feature: Feature, first: KeyNumber, second: KeyNumber) -> Path {
        let (group, subgroup) = match feature {
            Feature::Dwell => (zone(first), first.index()),
            // A node has one parent, so pairs of one key are not among those of one zone.
            _ if first == second => (Relation::SameKey as usize, DOUBLED + zone(first)),
            _ => (Relation::of(first, second) as usize, zone(first) * ZONES + zone(second)),
        };
        Path {
            group: (1 + group) as u8,
            subgroup: (FIRST_SUBGROUP + subgroup) as u8,
            pair: (first.index() * NUMBERS + second.index()) as u16,
        }
    }

    /// The path to the leaf of a pair.
    pub fn of_pair(feature: Feature, pair: u16) -> Path {
        Path::new(feature, KeyNumber::of_bits(pair / NUMBERS as u16), KeyNumber::of_bits(pair))
    }

    /// Indices of root, group and subgroup among the tree's [`INNER`] nodes.
    pub fn inner(self) -> [usize; 3] {
        [0, usize::from(self.group), usize::from(self.subgroup)]
    }

    /// How many levels below the root a node is whose index this is.
    pub fn level(inner: usize) -> usize {
        usize::from(inner > 0) + usize::from(inner >= FIRST_SUBGROUP)
    }

    /// An inner node's number in a saved tree.
    pub fn saved_inner(inner: usize) -> u16 {
        let number = if inner < FIRST_SUBGROUP { inner } else { inner - FIRST_SUBGROUP + SAVED_SUBGROUP };
        number as u16
    }

    /// A leaf's number in a saved tree.
    pub fn saved_leaf(pair: u16) -> u16 {
        SAVED_LEAF + pair
    }

    /// Which node a number in a saved tree is; `None` if none is.
    pub fn of_saved(feature: Feature, number: u16) -> Option<Node> {
        if let Some(pair) = number.checked_sub(SAVED_LEAF) {
            let (first, second) = (pair / NUMBERS as u16, pair % NUMBERS as u16);
            let last = if feature == Feature::Dwell { KeyNumber::NONE } else { KeyNumber::OTHER };
            let exists = usize::from(first) <= KeyNumber::OTHER.index() && usize::from(second) <= last.index();
            return exists.then_some(Node::Leaf(pair));
        }
        let number = usize::from(number);
        let inner = match number.checked_sub(SAVED_SUBGROUP) {
            Some(subgroup) => Some(FIRST_SUBGROUP + subgroup),
            None => Some(number).filter(|&group| group < FIRST_SUBGROUP),
        };
        inner.filter(|&inner| inner < INNER).map(Node::Inner)
    }
}

/// A node of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// By its index among the inner nodes.
    Inner(usize),
    /// By its pair of keys.
    Leaf(u16),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;
    use std::collections::HashMap;

    fn key(name: &str) -> KeyNumber {
        KeyNumber::from(Key::named(name).expect("a key"))
    }

    fn keys() -> impl Iterator<Item = KeyNumber> + Clone {
        (0..=62).map(|number| KeyNumber::try_from(number).expect("a key"))
    }

    #[test]
    fn every_numbered_key_lies_in_a_zone_of_its_own_row_of_the_chart() {
        let elsewhere: Vec<usize> = keys().filter(|&key| zone(key) == 9).map(KeyNumber::index).collect();
        assert_eq!(elsewhere, [KeyNumber::OTHER.index()]);
        assert_eq!(ZONE_CODES.iter().map(|codes| codes.len()).sum::<usize>(), KeyNumber::OTHER.index(), "each once");
        assert_eq!(["q", "s", "d", "t", "j", "i", "l", "p"].map(key).map(zone), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(["KEY_SPACE", "KEY_ENTER", "KEY_LEFTSHIFT"].map(key).map(zone), [8, 10, 11]);
    }

    #[test]
    fn two_keys_are_related_by_finger_hand_and_what_they_are_for() {
        let relation = |first, second| Relation::of(key(first), key(second));
        assert_eq!(relation("l", "l"), Relation::SameKey);
        assert_eq!(relation("e", "d"), Relation::SameFinger);
        assert_eq!(relation("r", "e"), Relation::SameHand);
        assert_eq!(relation("j", "k"), Relation::SameHand);
        assert_eq!(relation("t", "h"), Relation::OtherHand);
        assert_eq!(relation("KEY_SPACE", "a"), Relation::AfterThumb);
        assert_eq!(relation("a", "KEY_SPACE"), Relation::BeforeThumb);
        assert_eq!(relation("KEY_SPACE", "KEY_RIGHTALT"), Relation::AfterThumb);
        assert_eq!(relation("a", "KEY_BACKSPACE"), Relation::EnterOrBackspace);
        assert_eq!(relation("KEY_LEFTSHIFT", "KEY_ENTER"), Relation::EnterOrBackspace);
        assert_eq!(relation("KEY_LEFTSHIFT", "i"), Relation::Shift);
        assert_eq!(relation("KEY_ENTER", "KEY_UP"), Relation::Elsewhere);
        assert_eq!(relation("KEY_UP", "KEY_UP"), Relation::SameKey);
    }

    #[test]
    fn a_node_has_one_parent() {
        for feature in Feature::ALL {
            let mut parents = HashMap::new();
            for first in keys() {
                for second in keys() {
                    let path = Path::new(feature, first, second);
                    let [root, group, subgroup] = path.inner();
                    assert_eq!([root, group, subgroup].map(Path::level), [0, 1, 2]);
                    assert!(subgroup < INNER);
                    assert_eq!(*parents.entry(subgroup).or_insert(group), group);
                }
            }
        }
    }

    #[test]
    fn a_path_is_known_by_the_pair_of_its_leaf() {
        for feature in Feature::ALL {
            for first in keys() {
                for second in keys() {
                    let path = Path::new(feature, first, second);
                    assert!(path == Path::of_pair(feature, path.pair));
                }
            }
        }
    }

    #[test]
    fn nodes_have_the_numbers_they_are_saved_under() {
        for feature in Feature::ALL {
            for inner in 0..INNER {
                let number = Path::saved_inner(inner);
                assert!(Path::of_saved(feature, number) == Some(Node::Inner(inner)));
            }
        }
        assert_eq!([0, 12, 13, 168].map(Path::saved_inner), [0, 12, 100, 255]);
        let path = Path::new(Feature::Press, key("a"), key("b"));
        assert_eq!(Path::saved_leaf(path.pair), 1001);
        assert!(Path::of_saved(Feature::Press, 1001) == Some(Node::Leaf(path.pair)));
    }

    #[test]
    fn numbers_of_no_node_are_none() {
        let none = |feature, number| Path::of_saved(feature, number).is_none();
        for number in [13, 99, 256, 999, 1000 + 63 * 64, 1000 + 4096, u16::MAX] {
            assert!(none(Feature::Dwell, number) && none(Feature::Press, number), "{number}");
        }
        assert!(!none(Feature::Dwell, 1063), "a dwell may be followed by no key");
        assert!(none(Feature::Press, 1063) && none(Feature::Flight, 1063), "a pair has two");
    }
}
