//! The features by name, unit and definition, in the contract's order.

use crate::event::key::ZONE_NAMES;
use std::sync::LazyLock;

/// One feature of the contract.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Feature {
    pub name: String,
    pub unit: &'static str,
    pub definition: String,
}

pub const KEYSTROKE_COUNT: usize = 140;
pub const MOUSE_COUNT: usize = 38;

/// The keystroke features, in the order of their values in a record.
pub static KEYSTROKE: LazyLock<Vec<Feature>> = LazyLock::new(keystroke);
/// The mouse features, in the order of their values in a record.
pub static MOUSE: LazyLock<Vec<Feature>> = LazyLock::new(mouse);

/// The eight statistics, as `stats::stats8` computes them.
const STATISTICS: [(&str, &str); 8] = [
    ("mean", "mean"),
    ("std", "population standard deviation"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("median", "median"),
    ("q25", "lower quartile"),
    ("q75", "upper quartile"),
    ("range", "maximum minus minimum"),
];

const FINGERS: [&str; 9] = [
    "left little finger",
    "left ring finger",
    "left middle finger",
    "left index finger",
    "right index finger",
    "right middle finger",
    "right ring finger",
    "right little finger",
    "thumbs",
];

fn feature(name: impl Into<String>, unit: &'static str, definition: impl Into<String>) -> Feature {
    Feature { name: name.into(), unit, definition: definition.into() }
}

fn keystroke() -> Vec<Feature> {
    const DWELL: &str = "dwell time: release - press, 0 < d < 1000 ms";
    const FLIGHT: &str = "flight time: press - release of the previous key, negative on rollover, -1000 < f < 2000 ms";
    const BY_EPOCH: &str = "updated once per epoch of 150 presses";
    let mut all = Vec::with_capacity(KEYSTROKE_COUNT);
    for (prefix, what) in [("dwell", DWELL), ("flight", FLIGHT)] {
        all.extend(
            STATISTICS
                .map(|(name, meaning)| feature(format!("{prefix}_{name}"), "ms", format!("{meaning} of the {what}"))),
        );
    }
    for (zone, finger) in ZONE_NAMES.iter().zip(FINGERS) {
        all.push(feature(format!("dwell_{zone}"), "ms", format!("dwell time of the {finger}; {BY_EPOCH}")));
    }
    for hand in ["left", "right"] {
        let name = format!("dwell_{hand}_hand");
        all.push(feature(name, "ms", format!("mean of the {hand} hand's four finger values; {BY_EPOCH}")));
    }
    all.push(feature("rollover_ratio", "ratio", "share of presses with the previous key still down"));
    for first in ZONE_NAMES {
        for second in ZONE_NAMES {
            let name = format!("digraph_{first}_{second}");
            let what = format!(
                "press-to-press latency from a key of zone {first} to one of zone {second}, without modifiers, \
                 0 < l < 1500 ms; {BY_EPOCH}"
            );
            all.push(feature(name, "ms", what));
        }
    }
    all.extend(CORRECTIONS_AND_RHYTHM.map(|(name, unit, what)| feature(name, unit, what)));
    all
}

const CORRECTIONS_AND_RHYTHM: [(&str, &str, &str); 12] = [
    ("backspace_frequency", "ratio", "share of presses that erase (Backspace)"),
    ("backspace_count", "count", "presses that erase"),
    ("backspace_latency_mean", "ms", "mean time from the previous press to the first erasing press, 0 < l < 5000 ms"),
    ("backspace_run_mean", "count", "mean number of erasing presses in a row"),
    ("typing_speed_wpm", "words/min", "60000 / mean press-to-press interval / 5; intervals 0 < i < 5000 ms"),
    ("rhythm_consistency", "ratio", "1 - standard deviation / mean of the intervals"),
    ("rhythm_variation", "ms", "population standard deviation of the intervals"),
    ("rhythm_stability", "ratio", "1 - mean absolute successive difference / mean of the intervals"),
    ("burst_frequency", "ratio", "share of intervals under 150 ms"),
    ("burst_interval_mean", "ms", "mean of the intervals under 150 ms"),
    ("pause_frequency", "ratio", "share of intervals over 500 ms"),
    ("pause_interval_mean", "ms", "mean of the intervals over 500 ms"),
];

fn mouse() -> Vec<Feature> {
    MOUSE_FEATURES.iter().map(|&(name, unit, what)| feature(name, unit, what)).collect()
}

const MOUSE_FEATURES: [(&str, &str, &str); MOUSE_COUNT] = [
    ("speed_mean", "counts/s", "mean speed between motion samples, within strokes"),
    ("speed_std", "counts/s", "population standard deviation of the speed"),
    ("speed_max", "counts/s", "largest speed"),
    ("speed_median", "counts/s", "median speed"),
    ("acceleration_abs_mean", "counts/s²", "mean magnitude of the first difference quotient of speed"),
    ("acceleration_std", "counts/s²", "population standard deviation of the acceleration"),
    ("acceleration_abs_max", "counts/s²", "largest magnitude of the acceleration"),
    ("jerk_abs_mean", "counts/s³", "mean magnitude of the second difference quotient of speed"),
    ("jerk_std", "counts/s³", "population standard deviation of the jerk"),
    ("turn_abs_mean", "rad", "mean magnitude of the change of heading between steps, in (-π, π]"),
    ("turn_std", "rad", "population standard deviation of the change of heading"),
    ("turn_bias", "rad", "signed mean of the change of heading"),
    ("path_efficiency_mean", "ratio", "mean of chord / path length over strokes"),
    ("path_deviation_mean", "ratio", "mean of the largest distance from the chord / chord over strokes"),
    ("stroke_rate", "1/s", "strokes per second of the window"),
    ("stroke_length_mean", "counts", "mean path length of a stroke"),
    ("stroke_duration_mean", "ms", "mean duration of a stroke"),
    ("stroke_peak_time_mean", "ratio", "mean time of the top speed within the stroke, from 0 (begin) to 1 (end)"),
    ("idle_fraction", "ratio", "share of the window outside strokes"),
    ("distance_total", "counts", "path length of all strokes"),
    ("click_duration_mean", "ms", "mean time from press to release of a button, 0 < d < 5000 ms"),
    ("click_duration_std", "ms", "population standard deviation of the click duration"),
    ("click_duration_median", "ms", "median click duration"),
    ("left_click_count", "count", "presses of the left button"),
    ("right_click_count", "count", "presses of the right button"),
    ("middle_click_count", "count", "presses of the middle button"),
    ("double_click_rate", "ratio", "share of presses within 500 ms after one of the same button"),
    ("double_click_interval_mean", "ms", "mean press-to-press interval of double clicks"),
    ("pre_click_pause_mean", "ms", "mean time from the last motion to a press, under 5000 ms"),
    ("drag_distance_mean", "counts", "mean path while a button was held, of those over 5 counts"),
    ("scroll_rate", "1/s", "scroll events per second of the window"),
    ("scroll_abs_mean", "detents", "mean magnitude of a scroll event"),
    ("scroll_up_ratio", "ratio", "share of scroll events that go up"),
    ("scroll_interval_mean", "ms", "mean interval between scroll events, under 2000 ms"),
    ("scroll_interval_std", "ms", "population standard deviation of the scroll interval"),
    ("micro_stroke_rate", "1/s", "strokes shorter than 20 counts, per second of the window"),
    ("micro_stroke_length_mean", "counts", "mean path length of strokes shorter than 20 counts"),
    ("reversal_rate", "ratio", "share of changes of heading over 2 rad"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_140_keystroke_and_38_mouse_features_and_no_name_twice() {
        let names: HashSet<&str> = KEYSTROKE.iter().chain(MOUSE.iter()).map(|f| f.name.as_str()).collect();
        assert_eq!((KEYSTROKE.len(), MOUSE.len(), names.len()), (KEYSTROKE_COUNT, MOUSE_COUNT, 178));
    }
}
