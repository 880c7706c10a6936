//! A record as one line of InfluxDB's line protocol.
//!
//! Escaping follows <https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>. The protocol has no way
//! to write a line break in a tag, nor a backslash at the end of one. And servers do not agree on a backslash before a
//! character that is escaped: InfluxDB takes `\\,` for a backslash and a comma, the parser of InfluxDB 3 takes it for
//! the end of the tag. All of these become U+FFFD.

use super::{Body, Entry, Origin};
use crate::features::names::{Feature, KEYSTROKE, MOUSE};
use std::fmt::Write;

/// Stands for what a tag cannot hold.
const REPLACEMENT: char = '\u{fffd}';

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
        let (dev_mode, degraded) = (self.identity.dev_mode, self.record.degraded);
        let _ = write!(out, " schema={}i,dev_mode={dev_mode},degraded={degraded}", self.schema);
        match &self.record.body {
            Body::Keystroke { strokes, total_keys, features } => {
                let _ = write!(out, ",strokes=\"{}\",total_keys={total_keys}i", strokes.name());
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
            Body::Score(score) => {
                push_name(out, "state", score.state.name());
                if let Some(trust) = score.trust {
                    let _ = write!(out, ",trust={trust}i");
                }
                let (keys, actions, sittings) = (score.learnt_keys, score.learnt_actions, score.sittings);
                let _ = write!(out, ",learnt_keys={keys}i,learnt_actions={actions}i,sittings={sittings}i");
            }
            Body::Decision(decision) => {
                push_name(out, "from", decision.from.name());
                push_name(out, "to", decision.to.name());
                push_name(out, "reason", decision.reason.name());
                if let Some(modality) = decision.modality {
                    push_name(out, "modality", modality.name());
                }
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

/// A text field of one of our own names, in which nothing has to be escaped.
fn push_name(out: &mut String, field: &str, name: &str) {
    let _ = write!(out, ",{field}=\"{name}\"");
}

/// An empty tag value is not allowed, so such a tag is left out.
fn push_tag(out: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let _ = write!(out, ",{name}=");
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ',' | '=' | ' ' => out.extend(['\\', character]),
            '\\' if matches!(characters.peek(), None | Some('\\' | ',' | '=' | ' ')) => out.push(REPLACEMENT),
            c if c.is_control() => out.push(REPLACEMENT),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::features::app::Transition;
    use crate::features::keystroke::Publish;
    use crate::features::names::{KEYSTROKE, KEYSTROKE_COUNT, MOUSE, MOUSE_COUNT};
    use crate::recognition::coarse::{Decision, Score};
    use crate::recognition::{Modality, Reason, State};
    use crate::record::{Body, Entry, Identity, Origin, Record};
    use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
    use proptest::prelude::*;

    fn entry(user: &str, host: &str, origin: Origin, body: Body) -> Entry {
        let identity = Identity { user: user.into(), host: host.into(), dev_mode: false };
        let record = Record { window_end_us: 1_790_000_000_000_001, degraded: true, body };
        Entry::new(identity.into(), origin, record)
    }

    fn transition(from_app: &str, to_app: &str, number: f64) -> Body {
        Body::App(Transition {
            from_app: from_app.into(),
            to_app: to_app.into(),
            duration_ms: -1,
            transition_count: u64::MAX >> 1,
            transition_probability: number,
            switch_rate_per_min: number,
            distinct_apps: 3,
            focus_entropy_bits: number,
            hour: 23,
            hour_probability: number,
        })
    }

    fn line(entry: &Entry) -> String {
        let mut out = String::new();
        entry.write_line(&mut out);
        out
    }

    /// The one point in the text.
    fn point(text: &str) -> ParsedLine<'_> {
        let mut points: Vec<_> = parse_lines(text).collect();
        assert_eq!((points.len(), text.matches('\n').count()), (1, 1), "{text:?}");
        points.remove(0).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    fn tags(point: &ParsedLine) -> Vec<(String, String)> {
        let tags = point.series.tag_set.iter().flatten();
        tags.map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
        expected.map(|(name, value)| (name.to_string(), value.to_string())).into()
    }

    /// What a database shows for a tag: the text itself, but for what the protocol cannot say.
    fn shown(text: &str) -> String {
        let text: Vec<char> = text.chars().collect();
        let is_syntax = |c: Option<&char>| c.is_none_or(|c| matches!(c, '\\' | ',' | '=' | ' '));
        let shown = text
            .iter()
            .enumerate()
            .map(|(i, &c)| if c.is_control() || (c == '\\' && is_syntax(text.get(i + 1))) { '\u{fffd}' } else { c });
        shown.collect()
    }

    /// Names as nasty as they come: syntax of the protocol in any order, and anything else.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[,= \\\\\"'#a\n\r\t\0\u{85}\u{1f600}]{1,12}", any::<String>().prop_filter("", |s| !s.is_empty())]
    }

    proptest! {
        #[test]
        fn any_name_is_one_tag_of_one_point(user in name(), host in name(), from in name(), to in name()) {
            let text = line(&entry(&user, &host, Origin::Device, transition(&from, &to, 0.5)));
            let expected = [("user_id", user), ("host", host), ("from_app", from), ("to_app", to)];
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
            prop_assert_eq!(tags(&point(&text)), expected);
        }

        #[test]
        fn any_number_reads_back_exactly_or_is_left_out(number in any::<f64>()) {
            let text = line(&entry("u", "h", Origin::Device, transition("a", "b", number)));
            let read = point(&text).field_value("focus_entropy_bits").cloned();
            let expected = number.is_finite().then_some(FieldValue::F64(number));
            prop_assert_eq!(read, expected, "{}", text);
        }

        #[test]
        fn features_with_a_value_are_fields_and_the_others_are_not(
            values in prop::collection::vec(prop::option::of(any::<f64>()), KEYSTROKE_COUNT),
        ) {
            let features: Box<[Option<f64>; KEYSTROKE_COUNT]> =
                values.clone().into_boxed_slice().try_into().expect("as many");
            let text = line(&entry("u", "h", Origin::Device, Body::Keystroke { strokes: Publish::All, total_keys: 30, features }));
            let point = point(&text);
            for (feature, value) in KEYSTROKE.iter().zip(values) {
                let expected = value.filter(|value| value.is_finite()).map(FieldValue::F64);
                prop_assert_eq!(point.field_value(&feature.name).cloned(), expected);
            }
        }
    }

    #[test]
    fn a_mouse_record_is_one_point_of_its_measurement() {
        let mut features = Box::new([None; MOUSE_COUNT]);
        (features[0], features[1]) = (Some(250.25), Some(f64::NAN));
        let text = line(&entry("ann", "desk", Origin::Device, Body::Mouse { total_samples: 40, features }));
        let name = &MOUSE[0].name;
        assert_eq!(
            text,
            format!(
                "mouse_features,user_id=ann,host=desk schema=3i,dev_mode=false,degraded=true,total_samples=40i,{name}=250.25 \
                 1790000000000001000\n"
            )
        );
        assert_eq!(point(&text).timestamp, Some(1_790_000_000_000_001_000));
    }

    #[test]
    fn a_score_and_a_decision_are_points_without_fields_for_what_is_not_known() {
        let score =
            Score { state: State::Owner, trust: Some(100), learnt_keys: 2100, learnt_actions: 450, sittings: 3 };
        let envelope = "user_id=ann,host=desk schema=3i,dev_mode=false,degraded=true";
        let of = |body| line(&entry("ann", "desk", Origin::Device, body));
        assert_eq!(
            of(Body::Score(score)),
            format!(
                "scores,{envelope},state=\"owner\",trust=100i,learnt_keys=2100i,learnt_actions=450i,sittings=3i \
                 1790000000000001000\n"
            )
        );
        let decision = Decision { from: State::Stranger, to: State::Owner, reason: Reason::Unlock, modality: None };
        assert_eq!(
            of(Body::Decision(decision)),
            format!("decisions,{envelope},from=\"stranger\",to=\"owner\",reason=\"unlock\" 1790000000000001000\n")
        );
        assert_eq!(point(&of(Body::Score(Score { trust: None, ..score }))).field_value("trust"), None);
        let decision = Decision { modality: Some(Modality::Keys), ..decision };
        assert_eq!(
            point(&of(Body::Decision(decision))).field_value("modality"),
            Some(&FieldValue::String("keys".into()))
        );
    }

    #[test]
    fn injected_records_are_a_series_of_their_own() {
        let text = line(&entry("ann", "desk", Origin::Redis, transition("a", "b", 0.5)));
        let expected =
            pairs([("user_id", "ann"), ("host", "desk"), ("origin", "redis"), ("from_app", "a"), ("to_app", "b")]);
        assert_eq!(tags(&point(&text)), expected);
    }

    #[test]
    fn an_account_of_a_windows_domain_keeps_its_backslash() {
        let text = line(&entry("CORP\\ann lee", "", Origin::Device, transition("a\\", "b\nc", 0.5)));
        let expected = pairs([("user_id", "CORP\\ann lee"), ("from_app", "a\u{fffd}"), ("to_app", "b\u{fffd}c")]);
        assert_eq!(tags(&point(&text)), expected);
    }
}
