//! Whatever text an event is written as: the parser reads it as the contract's rules do over the whole object.

#[path = "common/value_parser.rs"]
mod value_parser;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use seclyzer::event::json::{Reject, parse};

/// Names of fields, some of them written with escapes, and some that no event has.
const NAMES: [&str; 23] = [
    "type",
    "ts",
    "event",
    "key",
    "dx",
    "dy",
    "x",
    "y",
    "scroll_delta",
    "button",
    "app_name",
    "scope",
    "letters",
    "shift_letters",
    "altgr_letters",
    "marks",
    "shift_marks",
    "accents",
    "shift_accents",
    r"\u0074ype",
    "window_class",
    "",
    r"\ud800",
];

/// Values as they stand in the text: right ones, and whatever may stand there instead.
const VALUES: [&str; 60] = [
    r#""keystroke""#,
    r#""mouse""#,
    r#""app""#,
    r#""gap""#,
    r#""layout""#,
    r#""press""#,
    r#""release""#,
    r#""move""#,
    r#""scroll""#,
    r#""touch""#,
    r#""focus""#,
    r#""m\u006fve""#,
    r#""KEY_A""#,
    r#""KEY_ENTER""#,
    r#""a""#,
    r#""Left""#,
    r#""all""#,
    r#""ö""#,
    r#""\u00f6""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\x""#,
    "\"\t\"",
    r#""""#,
    "0",
    "-0",
    "0.0",
    "1",
    "1.0",
    "1e3",
    "1e999",
    "-1e999",
    "1e-999",
    "-7",
    "0.125",
    "1000000",
    "1000000.5",
    "-1000001",
    "1790000000000000",
    "253402300799999999",
    "253402300800000000",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "01",
    "+1",
    ".5",
    "true",
    "false",
    "null",
    "NaN",
    "[]",
    r#"["a","KEY_B",7]"#,
    r#"["a","KEY_B"]"#,
    r#"[[["\ud800"]]]"#,
    r#"{"b":1,"a":2,"b":3}"#,
    r#"{"a":{"a":1e999}}"#,
    r#"{1:2}"#,
    "[1,]",
];

/// Whole numbers and decimals of every length, right and wrong.
fn number() -> impl Strategy<Value = String> {
    let digits = |most| vec(select(&b"0123456789"[..]), 0..most).prop_map(|d| String::from_utf8(d).expect("digits"));
    let sign = select(&["", "", "", "-", "+"][..]);
    let point = select(&["", ".", ".", "e", "e-", ".e"][..]);
    (sign, digits(22), point, digits(22)).prop_map(|(sign, whole, point, rest)| format!("{sign}{whole}{point}{rest}"))
}

fn field() -> impl Strategy<Value = String> {
    let value = prop_oneof![select(&VALUES[..]).prop_map(str::to_owned), number()];
    let spaces = || select(&["", "", "", " ", "  ", "\t", "\n"][..]);
    (select(&NAMES[..]), value, [spaces(), spaces(), spaces(), spaces()])
        .prop_map(|(name, value, [a, b, c, d])| format!("{a}\"{name}\"{b}:{c}{value}{d}"))
}

/// An object that is an event's in most of its fields.
fn object() -> impl Strategy<Value = String> {
    let kinds = [
        r#""type":"keystroke","key":"a","event":"press""#,
        r#""type":"mouse","event":"move","dx":3"#,
        r#""type":"mouse","event":"move","x":3,"y":0.5"#,
        r#""type":"mouse","event":"scroll","scroll_delta":-1"#,
        r#""type":"mouse","event":"press","button":"Left""#,
        r#""type":"app","event":"focus","app_name":"xterm""#,
        r#""type":"gap","scope":"mouse""#,
        r#""type":"layout","letters":["a"]"#,
        r#""window_class":null"#,
    ];
    (select(kinds.to_vec()), vec(field(), 0..4), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(kind, more, at, in_time)| {
            let mut fields = more;
            if in_time {
                fields.push(r#""ts":1790000000000000"#.into());
            }
            fields.insert(at.index(fields.len() + 1), kind.to_owned());
            format!("{{{}}}", fields.join(","))
        },
    )
}

fn check(text: &[u8]) {
    assert_eq!(parse(text), value_parser::parse(text), "{:?}", String::from_utf8_lossy(text));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fields_an_object_has_it_is_read_by_the_same_rules(text in object()) {
        check(text.as_bytes());
    }

    #[test]
    fn a_text_that_is_cut_off_or_damaged_is_read_by_the_same_rules(
        text in object(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        check(&bytes);
    }
}

#[test]
fn every_value_in_the_place_of_every_field_is_read_by_the_same_rules() {
    let mut reasons = std::collections::BTreeSet::new();
    for kind in ["keystroke", "mouse", "app", "gap", "layout"] {
        for name in NAMES {
            for value in VALUES {
                for event in ["press", "move", "scroll", "focus"] {
                    let text = format!(r#"{{"type":"{kind}","ts":5,"event":"{event}","{name}":{value}}}"#);
                    check(text.as_bytes());
                    reasons.extend(parse(text.as_bytes()).err());
                }
            }
        }
    }
    // Which line is too long is for the reader of lines.
    assert!(reasons.len() == 8 && !reasons.contains(&Reject::TooLong), "{reasons:?}");
}

#[test]
fn an_object_in_an_object_is_as_deep_as_it_may_be_and_no_deeper() {
    for depth in [1, 100, 125, 126, 127, 128, 129, 1000] {
        for name in ["window_class", "button", "type"] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                check(format!(r#"{{"{name}":{value},"ts":1}}"#).as_bytes());
                check(format!(r#"{{"type":"mouse","ts":1,"event":"press","{name}":{value}}}"#).as_bytes());
            }
        }
    }
}
