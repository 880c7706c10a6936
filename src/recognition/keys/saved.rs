//! The model as it is stored: what may teach, and nothing that can be computed from it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The kept part of a model. As JSON it is `{"strokes": n, "capitals": [left Shift, right Shift, Caps Lock], "trees":
/// [dwell, press, flight]}`, and a tree `{"leaves": [[node, count, sum], …], "spread": [[node, count, squares], …]}`
/// in order of node.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedKeys {
    /// Strokes that taught it.
    pub strokes: u64,
    pub(super) capitals: [f64; 3],
    pub(super) trees: [SavedTree; 3],
}

/// Nodes: the root 0, groups from 1, subgroups from 100, leaves from 1000, `64 * first key + second key`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedTree {
    /// Node, count and sum of a leaf's values.
    pub leaves: Vec<(u16, f64, f64)>,
    /// Node, count and sum of the squared deviations below it.
    pub spread: Vec<(u16, f64, f64)>,
}

impl fmt::Debug for SavedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SavedKeys(…)")
    }
}
