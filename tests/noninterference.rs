//! What was typed does not show in records but through the features told by finger, and a secret does not show at all:
//! another secret, typed in another rhythm, gives the same records to the bit.

mod common;

use common::replay;
use proptest::prelude::*;
use seclyzer::event::{Action, Button, Event, Key, Micros, Stamped};
use seclyzer::record::{Body, Record};
use std::ops::Range;

const START_US: Micros = 1_790_000_000_000_000;
/// Dwells and latencies by finger; between them lies the share of rollovers.
const BY_FINGER: [Range<usize>; 2] = [16..27, 28..128];
const TEXT: &str = "the quick brown fox, jumps over the lazy dog. and then some of the others went home to rest ";
/// A click, in texts.
const CLICK: char = '◉';

/// One press and release a character. The rhythm depends on the place, and within `free` on the seed.
fn typed(text: &str, free: Range<usize>, seed: Micros) -> Vec<Stamped> {
    let stroke = |(i, character): (usize, char)| {
        let seed = if free.contains(&i) { seed } else { 0 };
        let i = i as Micros;
        let press_us = START_US + i * 170_000 + (i * i + seed) % 97 * 1_000;
        let release_us = press_us + 60_000 + (i * i + seed) % 53 * 1_000;
        let key = match character {
            CLICK => None,
            '\n' => Key::named("Return"),
            '\t' => Key::named("Tab"),
            other => Some(Key::named(other.encode_utf8(&mut [0; 4])).expect("a key of a US keyboard")),
        };
        let event = |ts_us, action| match key {
            Some(key) => Stamped { ts_us, event: Event::Key { key, action } },
            None => Stamped { ts_us, event: Event::Button { button: Button::Left, action } },
        };
        [event(press_us, Action::Press), event(release_us, Action::Release)]
    };
    let mut events: Vec<Stamped> = text.chars().enumerate().flat_map(stroke).collect();
    events.sort_by_key(|event| event.ts_us);
    events
}

/// The records of a secret between two stretches of text; `before` and `after` are the keys around it.
fn around(before: char, secret: &str, after: char, seed: Micros) -> Vec<Record> {
    let text = TEXT.repeat(4);
    let begin = text.chars().count() + 1;
    let free = begin..begin + secret.chars().count();
    replay(typed(&format!("{text}{before}{secret}{after}{text}"), free, seed))
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
    fn a_password_leaves_no_trace_of_its_keys_nor_of_its_rhythm(
        one in "[a-z0-9!-/]{10}", other in "[a-z0-9!-/]{10}", letters in "[a-z]{10}",
        before in prop_oneof![Just('\n'), Just(' '), Just(CLICK)],
        after in prop_oneof![Just('\n'), Just('\t'), Just(CLICK)],
        seed in 1..1000_i64,
    ) {
        let records = around(before, &one, after, 0);
        prop_assert!(records.len() > 20);
        prop_assert_eq!(&records, &around(before, &other, after, seed));
        prop_assert_eq!(&records, &around(before, &letters, after, seed + 31));
    }

    #[test]
    fn nor_does_a_passphrase_of_eight_words_on_a_line_of_its_own(
        one in "[a-z]{3} [a-z]{2} [a-z]{4} [a-z]{3} [a-z]{5} [a-z]{2} [a-z]{3} [a-z]{4} ",
        other in "[a-z]{2} [a-z]{3} [a-z]{3} [a-z]{4} [a-z]{2} [a-z]{5} [a-z]{4} [a-z]{3} ",
        before in prop_oneof![Just('\n'), Just(CLICK)],
        after in prop_oneof![Just('\n'), Just('\t'), Just(CLICK)],
        seed in 1..1000_i64,
    ) {
        prop_assert_eq!(around(before, &one, after, 0), around(before, &other, after, seed));
    }

    #[test]
    fn nor_does_a_password_with_a_space_in_it_after_words_of_the_same_line(
        one in "[a-z]{5} [a-z]{5}", other in "[a-z]{4} [a-z]{6}", seed in 1..1000_i64,
    ) {
        prop_assert_eq!(around(' ', &one, '\n', 0), around(' ', &other, '\n', seed));
    }

    #[test]
    fn words_show_in_the_features_told_by_finger_alone(one in "[a-z]{7}", other in "[a-z]{7}") {
        let thrice = |word: &str| around(' ', &format!("{word} {word} {word}"), ' ', 0);
        prop_assert_eq!(without_fingers(thrice(&one)), without_fingers(thrice(&other)));
    }
}

#[test]
fn a_word_that_comes_three_times_in_a_long_line_does_show_there() {
    let thrice = |word: &str| around(' ', &format!("{word} {word} {word}"), ' ', 0);
    assert_ne!(thrice("zzzzzzz"), thrice("ppppppp"), "or the tests above prove nothing");
    assert_ne!(around(' ', "zz zz", ' ', 0), around(' ', "zz zz", ' ', 7), "and its rhythm shows");
}
