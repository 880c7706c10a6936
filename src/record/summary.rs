//! A record as one line for people.

use super::json::iso8601;
use super::{Body, Record};
use crate::event::without_controls;
use crate::features::names::{Feature, KEYSTROKE, MOUSE};

/// Stands for a feature without a value.
const NULL: &str = "-";

impl Record {
    /// Time of day (UTC), kind, and the few features that say most.
    pub fn summary(&self) -> String {
        let time = &iso8601(self.window_end_us)[11..19];
        let mark = if self.degraded { "  (degraded)" } else { "" };
        match &self.body {
            Body::Keystroke { total_keys, features } => {
                let value = |name| named(&KEYSTROKE, &features[..], name);
                let told = if value("dwell_mean") == NULL {
                    "too few in lines of plain words to tell of".into()
                } else {
                    let [dwell, flight, speed] = ["dwell_mean", "flight_mean", "typing_speed_wpm"].map(value);
                    format!("dwell {dwell} ms  flight {flight} ms  {speed} wpm")
                };
                format!("{time}  keystroke  {total_keys:>4} keys     {told}{mark}")
            }
            Body::Mouse { total_samples, features } => {
                let value = |name| named(&MOUSE, &features[..], name);
                format!(
                    "{time}  mouse      {total_samples:>4} samples  speed {} counts/s  distance {} counts  \
                     {} left clicks{mark}",
                    value("speed_mean"),
                    value("distance_total"),
                    value("left_click_count"),
                )
            }
            Body::App(app) => {
                let seconds = app.duration_ms as f64 / 1000.0;
                format!(
                    "{time}  app        {} -> {} after {seconds:.1} s{mark}",
                    without_controls(&app.from_app),
                    without_controls(&app.to_app)
                )
            }
        }
    }
}

fn named(features: &[Feature], values: &[Option<f64>], name: &str) -> String {
    let value = features.iter().position(|feature| feature.name == name).and_then(|i| values[i]);
    value.map_or_else(|| NULL.into(), |value| format!("{value:.0}"))
}
