//! A record as one flat JSON object.

use super::{Body, Entry};
use crate::event::Micros;
use crate::features::names::{Feature, KEYSTROKE, MOUSE};
use crate::recognition::Modality;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::LazyLock;

/// What stands before each value of a keystroke's and of a mouse's record. The features' names are letters, digits and
/// underscores, so nothing has to be escaped.
static BEGINS: LazyLock<[Vec<String>; 2]> = LazyLock::new(|| {
    let begins = |features: &[Feature]| features.iter().map(|feature| format!(",\"{}\":", feature.name)).collect();
    [begins(&KEYSTROKE[..]), begins(&MOUSE[..])]
});

/// A record without its features of typing or of the mouse.
struct Head<'a>(&'a Entry);

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { identity, origin, schema, record } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", record.kind().name())?;
        map.serialize_entry("schema", schema)?;
        map.serialize_entry("user", &identity.user)?;
        map.serialize_entry("host", &identity.host)?;
        map.serialize_entry("origin", origin.name())?;
        map.serialize_entry("timestamp", &iso8601(record.window_end_us))?;
        map.serialize_entry("window_end", &record.window_end_us)?;
        map.serialize_entry("dev_mode", &identity.dev_mode)?;
        map.serialize_entry("degraded", &record.degraded)?;
        match &record.body {
            Body::Keystroke { strokes, total_keys, .. } => {
                map.serialize_entry("strokes", strokes.name())?;
                map.serialize_entry("total_keys", total_keys)?;
            }
            Body::Mouse { total_samples, .. } => map.serialize_entry("total_samples", total_samples)?,
            Body::App(app) => {
                map.serialize_entry("from_app", &app.from_app)?;
                map.serialize_entry("to_app", &app.to_app)?;
                map.serialize_entry("duration_ms", &app.duration_ms)?;
                map.serialize_entry("transition_count", &app.transition_count)?;
                map.serialize_entry("transition_probability", &app.transition_probability)?;
                map.serialize_entry("switch_rate_per_min", &app.switch_rate_per_min)?;
                map.serialize_entry("distinct_apps", &app.distinct_apps)?;
                map.serialize_entry("focus_entropy_bits", &app.focus_entropy_bits)?;
                map.serialize_entry("hour", &app.hour)?;
                map.serialize_entry("hour_probability", &app.hour_probability)?;
            }
            Body::Score(score) => {
                map.serialize_entry("state", score.state.name())?;
                map.serialize_entry("trust", &score.trust)?;
                map.serialize_entry("learnt_keys", &score.learnt_keys)?;
                map.serialize_entry("learnt_actions", &score.learnt_actions)?;
                map.serialize_entry("sittings", &score.sittings)?;
            }
            Body::Decision(decision) => {
                map.serialize_entry("from", decision.from.name())?;
                map.serialize_entry("to", decision.to.name())?;
                map.serialize_entry("reason", decision.reason.name())?;
                map.serialize_entry("modality", &decision.modality.map(Modality::name))?;
            }
        }
        map.end()
    }
}

impl Entry {
    /// The JSON text, one line without its end.
    pub fn to_json(&self) -> String {
        match &self.record.body {
            Body::Keystroke { features, .. } => self.with_features(&BEGINS[0], &features[..]),
            Body::Mouse { features, .. } => self.with_features(&BEGINS[1], &features[..]),
            Body::App(_) | Body::Score(_) | Body::Decision(_) => self.with_features(&[], &[]),
        }
    }

    fn with_features(&self, begins: &[String], values: &[Option<f64>]) -> String {
        const HEAD_BYTES: usize = 512;
        const FEATURE_BYTES: usize = 40;
        const WRITABLE: &str = "a record holds only strings and numbers";
        let mut text = Vec::with_capacity(HEAD_BYTES + begins.len() * FEATURE_BYTES);
        serde_json::to_writer(&mut text, &Head(self)).expect(WRITABLE);
        text.pop();
        for (begin, value) in begins.iter().zip(values) {
            text.extend_from_slice(begin.as_bytes());
            serde_json::to_writer(&mut text, value).expect(WRITABLE);
        }
        text.push(b'}');
        String::from_utf8(text).expect("serde_json writes UTF-8")
    }
}

/// `2026-11-23T14:05:30.000000Z`. The days-to-date part is Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
pub fn iso8601(us: Micros) -> String {
    const DAY_US: i64 = 86_400_000_000;
    let (days, in_day) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, micros) = (in_day / 1_000_000, in_day % 1_000_000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::iso8601;
    use crate::recognition::coarse::{Decision, Score};
    use crate::recognition::{Modality, Reason, State};
    use crate::record::{Body, Entry, Identity, Origin, Record};

    fn json(body: Body) -> String {
        let identity = Identity { user: "ann".into(), host: "desk".into(), dev_mode: false };
        let record = Record { window_end_us: 1_790_000_015_000_001, degraded: false, body };
        Entry::new(identity.into(), Origin::Device, record).to_json()
    }

    const ENVELOPE: &str = r#""schema":3,"user":"ann","host":"desk","origin":"device","timestamp":"2026-09-21T14:13:35.000001Z","window_end":1790000015000001,"dev_mode":false,"degraded":false"#;

    #[test]
    fn a_score_has_the_envelope_of_every_record_and_what_is_coarse() {
        let score = Score { state: State::Owner, trust: Some(75), learnt_keys: 2100, learnt_actions: 450, sittings: 3 };
        let own = r#""state":"owner","trust":75,"learnt_keys":2100,"learnt_actions":450,"sittings":3"#;
        assert_eq!(json(Body::Score(score)), format!(r#"{{"type":"score",{ENVELOPE},{own}}}"#));
        let learning = Score { state: State::Learning, trust: None, ..score };
        assert!(json(Body::Score(learning)).contains(r#""state":"learning","trust":null,"#));
    }

    #[test]
    fn a_decision_has_the_states_the_reason_and_what_decided() {
        let decision = Decision {
            from: State::Doubtful,
            to: State::Stranger,
            reason: Reason::Contested,
            modality: Some(Modality::Both),
        };
        let own = r#""from":"doubtful","to":"stranger","reason":"contested","modality":"both""#;
        assert_eq!(json(Body::Decision(decision)), format!(r#"{{"type":"decision",{ENVELOPE},{own}}}"#));
        let over = Decision { from: State::Guest, to: State::Owner, reason: Reason::GuestEnd, modality: None };
        assert!(json(Body::Decision(over)).contains(r#""reason":"guest_end","modality":null"#));
    }

    #[test]
    fn times_are_told_in_utc_to_the_microsecond() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso8601(1_790_000_015_000_001), "2026-09-21T14:13:35.000001Z");
        assert_eq!(iso8601(951_782_399_999_999), "2000-02-28T23:59:59.999999Z");
        assert_eq!(iso8601(951_782_400_000_000), "2000-02-29T00:00:00.000000Z");
        assert_eq!(iso8601(253_402_300_799_999_999), "9999-12-31T23:59:59.999999Z");
    }
}
