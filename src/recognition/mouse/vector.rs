//! An action as a vector.

use super::constants::*;
use super::strokes::{Action, ActionKind};
use serde::{Deserialize, Serialize};

/// An action as 45 values, of which any may be missing: each feature, scaled and freed of what the action's length and
/// type make expect (z); its square, capped, less 1; and which type it is. Only z and the type are stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Vector {
    z: [f64; FEATURES],
    /// A bit for each feature that has a value.
    known: u32,
    kind: ActionKind,
}

impl Vector {
    pub fn of(action: &Action) -> Vector {
        let kind = action.kind;
        let mut vector = Vector { z: [0.0; FEATURES], known: 0, kind };
        for (i, feature) in action.features.iter().enumerate() {
            if let Some(value) = feature {
                vector.known |= 1 << i;
                vector.z[i] = ((value - CENTRE[i]) / SCALE[i]).clamp(-CLIP, CLIP);
            }
        }
        let length = vector.z[LN_LENGTH];
        let context =
            [1.0, length, length * length - 1.0, share(kind == ActionKind::Click), share(kind == ActionKind::Drag)];
        for (k, i) in KINEMATIC.into_iter().enumerate().filter(|&(_, i)| vector.known & (1 << i) != 0) {
            vector.z[i] -= EXPECTATION.iter().zip(context).map(|(row, c)| row[k] * c).sum::<f64>();
        }
        vector
    }

    /// The dimensions that have a value.
    pub fn values(&self) -> impl Iterator<Item = (usize, f64)> {
        let Vector { z, known, kind } = self;
        let features = (0..FEATURES).filter(move |i| known & (1 << i) != 0);
        let squares = features.clone().map(move |i| (FEATURES + i, (z[i] * z[i]).min(SQUARE_CAP) - 1.0));
        let types =
            (0..TYPES).map(move |i| (2 * FEATURES + i, (share(*kind as usize == i) - TYPE_SHARE[i]) * TYPE_SCALE));
        features.map(move |i| (i, z[i])).chain(squares).chain(types)
    }

    /// All dimensions; `None` where there is no value.
    pub fn dims(&self) -> [Option<f64>; DIMENSIONS] {
        let mut dims = [None; DIMENSIONS];
        self.values().for_each(|(d, value)| dims[d] = Some(value));
        dims
    }
}

/// 1 or 0.
fn share(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
