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

    /// Whether it is one of an action, and not only of numbers from a snapshot.
    pub fn is_sound(&self) -> bool {
        self.known >> FEATURES == 0 && self.z.iter().all(|z| z.abs() <= FARTHEST)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn action(kind: ActionKind, features: &[(usize, f64)]) -> Action {
        let mut action = Action { kind, start_us: 0, end_us: 0, features: [None; FEATURES] };
        features.iter().for_each(|&(i, value)| action.features[i] = Some(value));
        action
    }

    #[test]
    fn it_is_small_because_an_open_case_contains_a_thousand() {
        assert!(size_of::<Vector>() <= 176, "{}", size_of::<Vector>());
    }

    #[test]
    fn what_has_no_value_has_no_dimension_but_the_type_always_has() {
        let dims = Vector::of(&action(ActionKind::Bare, &[(LN_DWELL, CENTRE[LN_DWELL] + SCALE[LN_DWELL])])).dims();
        let known: Vec<usize> = (0..DIMENSIONS).filter(|&d| dims[d].is_some()).collect();
        assert_eq!(known, [LN_DWELL, FEATURES + LN_DWELL, 40, 41, 42, 43, 44]);
        assert!((dims[LN_DWELL].unwrap() - 1.0).abs() < 1e-12);
        assert!(dims[FEATURES + LN_DWELL].unwrap().abs() < 1e-12);
        assert!((dims[43].unwrap() - (1.0 - 0.18) * 1.5).abs() < 1e-12);
        assert!((dims[40].unwrap() + 0.37 * 1.5).abs() < 1e-12);
    }

    #[test]
    fn far_off_values_are_cut_off() {
        let dims = Vector::of(&action(ActionKind::Click, &[(LN_PAUSE, 1e300), (LN_CLICK_PAUSE, -1e300)])).dims();
        assert_eq!((dims[LN_PAUSE], dims[LN_CLICK_PAUSE]), (Some(CLIP), Some(-CLIP)));
        assert_eq!(dims[FEATURES + LN_PAUSE], Some(SQUARE_CAP - 1.0));
    }

    #[test]
    fn a_longer_way_makes_a_higher_speed_expected() {
        let speed = |length: f64| {
            let features = [(LN_LENGTH, CENTRE[LN_LENGTH] + length * SCALE[LN_LENGTH]), (LN_PEAK, CENTRE[LN_PEAK])];
            Vector::of(&action(ActionKind::Move, &features)).dims()[LN_PEAK].unwrap()
        };
        assert!(speed(2.0) < speed(0.0) && speed(0.0) < speed(-2.0));
    }
}
