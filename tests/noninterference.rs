//! What was typed does not show in records but through the features told by finger, and a secret not even there:
//! another secret typed in the same rhythm gives the same records to the bit.

mod common;

use common::replay;
use proptest::prelude::*;
use seclyzer::event::{Action, Event, Key, Micros, Stamped};
use seclyzer::record::{Body, Record};
use std::ops::Range;

const START_US: Micros = 1_790_000_000_000_000;
/// Dwells and latencies by finger; between them lies the share of rollovers.
const BY_FINGER: [Range<usize>; 2] = [16..27, 28..128];
const TEXT: &str = "the quick brown fox, jumps over the lazy dog. and then some of the others went home to rest ";

/// One press and release a character; the rhythm depends on the place alone.
fn typed(text: &str) -> Vec<Stamped> {
    let stroke = |(i, character): (usize, char)| {
        let key = match character {
            '\n' => Key::named("Return"),
            other => Key::named(other.encode_utf8(&mut [0; 4])),
        };
        let key = key.expect("a key of a US keyboard");
        let i = i as Micros;
        let press_us = START_US + i * 170_000 + i * i % 97 * 1_000;
        let release_us = press_us + 60_000 + i * i % 53 * 1_000;
        let event = |ts_us, action| Stamped { ts_us, event: Event::Key { key, action } };
        [event(press_us, Action::Press), event(release_us, Action::Release)]
    };
    let mut events: Vec<Stamped> = text.chars().enumerate().flat_map(stroke).collect();
    events.sort_by_key(|event| event.ts_us);
    events
}

/// The same records but for the features told by finger.
fn without_fingers(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        let Body::Keystroke { features, .. } = &mut record.body else { continue };
        BY_FINGER.into_iter().for_each(|range| features[range].fill(None));
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_that_enter_ends_leaves_no_trace(
        one in "[a-z0-9!-/]{10}", other in "[a-z0-9!-/]{10}", letters in "[a-z]{10}", before in prop_oneof![Just("\n"), Just(" ")]
    ) {
        let around = |secret: &str| replay(typed(&format!("{}{before}{secret}\n{}", TEXT.repeat(4), TEXT.repeat(4))));
        let records = around(&one);
        prop_assert!(records.len() > 20);
        prop_assert_eq!(&records, &around(&other));
        prop_assert_eq!(&records, &around(&letters));
    }

    #[test]
    fn words_show_in_the_features_told_by_finger_alone(one in "[a-z]{7}", other in "[a-z]{7}") {
        let around = |word: &str| replay(typed(&format!("{}{word} {word} {word} {}", TEXT.repeat(4), TEXT.repeat(4))));
        prop_assert_eq!(without_fingers(around(&one)), without_fingers(around(&other)));
    }
}

#[test]
fn a_word_that_comes_three_times_does_show_there() {
    let around = |word: &str| replay(typed(&format!("{}{word} {word} {word} {}", TEXT.repeat(4), TEXT.repeat(4))));
    assert_ne!(around("zzzzzzz"), around("ppppppp"), "or the tests above prove nothing");
}
