//! A record as one line of InfluxDB's line protocol.
//!
//! Escaping follows <https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>. The protocol has no way
//! to write a line break or a trailing backslash in a tag, so both become what cannot be mistaken for syntax.

use super::{Body, Entry, Origin};
use crate::features::names::{Feature, KEYSTROKE, MOUSE};
use std::fmt::Write;

impl Entry {
    /// Appends the record's line, line break included. Writing it twice to a database changes nothing: the same
    /// series, the same time.
    ///
    /// Tags are `user_id` and `host`, for applications `from_app` and `to_app` too, and `origin` where the events did
    /// not come from devices, so that injected records never replace real ones.
    pub fn write_line(&self, out: &mut String) {
        out.push_str(self.record.kind().table());
        push_tag(out, "user_id", &self.identity.user);
        push_tag(out, "host", &self.identity.host);
        if self.origin != Origin::Device {
            push_tag(out, "origin", self.origin.name());
        }
        if let Body::App(app) = &self.record.body {
            push_tag(out, "from_app", &app.from_app);
            push_tag(out, "to_app", &app.to_app);
        }
        let _ = write!(out, " dev_mode={},degraded={}", self.identity.dev_mode, self.record.degraded);
        match &self.record.body {
            Body::Keystroke { total_keys, features } => {
                let _ = write!(out, ",total_keys={total_keys}i");
                push_features(out, &KEYSTROKE, &features[..]);
            }
            Body::Mouse { total_samples, features } => {
                let _ = write!(out, ",total_samples={total_samples}i");
                push_features(out, &MOUSE, &features[..]);
            }
            Body::App(app) => {
                let _ = write!(
                    out,
                    ",duration_ms={}i,transition_count={}i,distinct_apps={}i,hour={}i",
                    app.duration_ms, app.transition_count, app.distinct_apps, app.hour
                );
                push_float(out, "transition_probability", app.transition_probability);
                push_float(out, "switch_rate_per_min", app.switch_rate_per_min);
                push_float(out, "focus_entropy_bits", app.focus_entropy_bits);
                push_float(out, "hour_probability", app.hour_probability);
            }
        }
        // Nanoseconds; i128 because the last years of ISO 8601's four digits do not fit into 64 bits of them.
        let _ = writeln!(out, " {}", i128::from(self.record.window_end_us) * 1000);
    }
}

fn push_features(out: &mut String, features: &[Feature], values: &[Option<f64>]) {
    for (feature, value) in features.iter().zip(values) {
        if let Some(value) = value {
            push_float(out, &feature.name, *value);
        }
    }
}

/// A field is left out rather than written as NaN or infinity, which the protocol does not have.
fn push_float(out: &mut String, name: &str, value: f64) {
    if value.is_finite() {
        let _ = write!(out, ",{name}={value}");
    }
}

/// An empty tag value is not allowed, so such a tag is left out.
fn push_tag(out: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let _ = write!(out, ",{name}=");
    for character in value.chars() {
        match character {
            ',' | '=' | ' ' => {
                out.push('\\');
                out.push(character);
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    if value.ends_with('\\') {
        out.push('\u{fffd}');
    }
}
