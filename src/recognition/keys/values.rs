//! A stroke, and the values that two strokes in a row make known.

use super::number::KeyNumber;
use super::place::{Path, Relation, ZONES, zone};
use crate::event::Micros;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A key pressed and released.
///
/// Strokes come in order of press, each when the one before it was released or held too long to have a dwell.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stroke {
    pub press_us: Micros,
    /// `None` if it is not known when, or not yet.
    pub release_us: Option<Micros>,
    pub key: KeyNumber,
}

impl fmt::Debug for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stroke(…)")
    }
}

/// What of strokes is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feature {
    /// How long the first key was held.
    Dwell,
    /// From the press of the first to that of the second.
    Press,
    /// From the release of the first to the press of the second; negative in rollover.
    Flight,
}

impl Feature {
    pub const COUNT: usize = 3;
    pub const ALL: [Feature; Feature::COUNT] = [Feature::Dwell, Feature::Press, Feature::Flight];

    pub fn index(self) -> usize {
        self as usize
    }
}

/// One measurement on the model's scale.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub feature: Feature,
    pub path: Path,
    pub x: f64,
}

/// After a longer pause the second stroke has nothing to do with the first.
const PAUSE_US: Micros = 2_000_000;
/// What counts as a dwell.
const LEAST_HELD_US: Micros = 5_000;
const MOST_HELD_US: Micros = 1_000_000;
/// A step is taken to be no shorter: its logarithm has no bottom.
const LEAST_STEP_MS: f64 = 4.0;
/// Where a flight's scale turns from linear to logarithmic.
const FLIGHT_MS: f64 = 60.0;
/// Of the logarithm of the dwell by zone, and of the step by relation: by how much people differ from their mean there,
/// on average. A flight's is [`FLIGHT_OFFSET`] times the step's.
const DWELL_OFFSET: [f64; ZONES] = [0.1, 0.05, 0.0, -0.1, -0.1, -0.05, -0.05, -0.05, 0.0, 0.1, -0.1, 1.2];
const PAIR_OFFSET: [f64; Relation::COUNT] = [0.0, 0.1, 0.0, -0.25, 0.3, -0.15, 0.8, 0.35, 0.3];
const FLIGHT_OFFSET: f64 = 1.5;

/// What `stroke` makes known with the stroke before it, in the order of [`Feature::ALL`].
///
/// Dwell: ln(ms) - offset; step: ln(ms) - offset; flight: asinh(ms / 60) - 1.5 offset.
pub(super) fn values(before: Option<Stroke>, stroke: Stroke) -> impl Iterator<Item = Value> {
    before.map(|before| measure(before, stroke)).into_iter().flatten().flatten()
}

fn measure(first: Stroke, second: Stroke) -> [Option<Value>; Feature::COUNT] {
    let step_us = second.press_us.saturating_sub(first.press_us);
    let near = step_us <= PAUSE_US;
    let release_us = first
        .release_us
        .filter(|&release_us| (LEAST_HELD_US..=MOST_HELD_US).contains(&release_us.saturating_sub(first.press_us)));

    let dwell = release_us.map(|release_us| {
        let after = if near { second.key } else { KeyNumber::NONE };
        let held_ms = ms(release_us.saturating_sub(first.press_us));
        (Path::new(Feature::Dwell, first.key, after), held_ms.ln() - DWELL_OFFSET[zone(first.key)])
    });
    let offset = PAIR_OFFSET[Relation::of(first.key, second.key) as usize];
    let pair = Path::new(Feature::Press, first.key, second.key);
    let press = near.then(|| (pair, ms(step_us).max(LEAST_STEP_MS).ln() - offset));
    let flight = release_us.filter(|_| near).map(|release_us| {
        let flight_ms = ms(second.press_us.saturating_sub(release_us));
        (pair, (flight_ms / FLIGHT_MS).asinh() - FLIGHT_OFFSET * offset)
    });

    let value = |feature, at: Option<(Path, f64)>| at.map(|(path, x)| Value { feature, path, x });
    [value(Feature::Dwell, dwell), value(Feature::Press, press), value(Feature::Flight, flight)]
}

fn ms(us: Micros) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;

    fn stroke(name: &str, press_ms: i64, release_ms: Option<i64>) -> Stroke {
        let key = KeyNumber::from(Key::named(name).expect("a key"));
        Stroke { press_us: press_ms * 1000, release_us: release_ms.map(|ms| ms * 1000), key }
    }

    /// Feature and value of each.
    fn measured(before: Stroke, stroke: Stroke) -> Vec<(Feature, f64)> {
        values(Some(before), stroke).map(|value| (value.feature, value.x)).collect()
    }

    #[test]
    fn a_first_stroke_tells_nothing() {
        assert_eq!(values(None, stroke("a", 0, Some(80))).count(), 0);
    }

    #[test]
    fn two_strokes_tell_a_dwell_a_step_and_a_flight() {
        // The same hand: no offset of the pair; the dwell's is that of the left little finger.
        let found = measured(stroke("a", 0, Some(80)), stroke("d", 200, None));
        let expected = [
            (Feature::Dwell, 80_f64.ln() - 0.1),
            (Feature::Press, 200_f64.ln()),
            (Feature::Flight, (120_f64 / 60.0).asinh()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_key_pressed_before_the_last_is_released_has_a_negative_flight() {
        let found = measured(stroke("a", 0, Some(150)), stroke("d", 100, None));
        assert!(found[2].1 < 0.0);
    }

    #[test]
    fn after_a_pause_only_the_dwell_is_known_and_no_key_follows_it() {
        let second = stroke("d", 2_001, None);
        let found: Vec<Value> = values(Some(stroke("a", 0, Some(80))), second).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].path == Path::new(Feature::Dwell, KeyNumber::of_code(30), KeyNumber::NONE));
        assert_eq!(measured(stroke("a", 0, Some(80)), stroke("d", 2_000, None)).len(), 3);
    }

    #[test]
    fn a_key_held_too_shortly_too_long_or_never_released_has_only_a_step() {
        for release_ms in [Some(4), Some(1_001), None] {
            let found = measured(stroke("a", 0, release_ms), stroke("d", 1_500, None));
            assert_eq!(found, [(Feature::Press, 1_500_f64.ln())]);
        }
        for release_ms in [5, 1_000] {
            assert_eq!(measured(stroke("a", 0, Some(release_ms)), stroke("d", 1_500, None)).len(), 3);
        }
    }

    #[test]
    fn a_step_of_nothing_is_one_of_four_milliseconds() {
        assert_eq!(measured(stroke("a", 0, None), stroke("d", 0, None)), [(Feature::Press, 4_f64.ln())]);
    }

    #[test]
    fn times_at_the_ends_of_what_can_be_written_are_finite() {
        let strokes = [i64::MIN, -1, 0, 1, i64::MAX].map(|us| Stroke {
            press_us: us,
            release_us: Some(us.saturating_add(5_000)),
            key: KeyNumber::OTHER,
        });
        for first in strokes {
            for second in strokes {
                assert!(values(Some(first), second).all(|value| value.x.abs() < 50.0));
            }
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", stroke("a", 0, None)), format!("{:?}", stroke("b", 1, Some(2))));
    }
}
