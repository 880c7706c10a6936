//! What was typed does not show in records but through the features told by finger, and a secret does not show at all:
//! another secret of as many keys, typed in another rhythm, gives the same records to the bit.

mod common;

use common::replay;
use proptest::prelude::*;
use seclyzer::event::{Action, Button, Event, GapReason, Key, Micros, Scope, Stamped};
use seclyzer::record::{Body, Record};
use std::ops::Range;

const START_US: Micros = 1_790_000_000_000_000;
const INTERVAL_US: Micros = 170_000;
/// Dwells and latencies by finger; between them lies the share of rollovers.
const BY_FINGER: [Range<usize>; 2] = [16..27, 28..128];
const TEXT: &str = "the quick brown fox, jumps over the lazy dog. and then some of the others went home to rest ";
/// What stands in texts for what is no character.
const CLICK: char = '◉';
const FOCUS: char = '⊞';
const TAP: char = '⊙';
const LOST: char = '⊘';
const PAUSE: char = '⏸';
const PAUSE_US: Micros = 31_000_000;
const KEYS: [(char, &str); 6] =
    [('\n', "Return"), ('\t', "Tab"), ('⌫', "Backspace"), ('⇧', "ShiftLeft"), ('⌘', "MetaLeft"), ('⇪', "CapsLock")];

/// What a character stands for: what goes down and up, or what happens once.
fn events(character: char, press_us: Micros, release_us: Micros) -> Vec<Stamped> {
    let once = |event| vec![Stamped { ts_us: press_us, event }];
    let both = |event: &dyn Fn(Action) -> Event| {
        let at = |ts_us, action| Stamped { ts_us, event: event(action) };
        vec![at(press_us, Action::Press), at(release_us, Action::Release)]
    };
    match character {
        PAUSE => Vec::new(),
        FOCUS => once(Event::Focus { app: None }),
        TAP => once(Event::Touch),
        LOST => once(Event::Gap { reason: GapReason::Overrun, scope: Scope::Mouse }),
        CLICK => both(&|action| Event::Button { button: Button::Left, action }),
        other => {
            let name = KEYS.iter().find(|&&(key, _)| key == other).map(|&(_, name)| name.to_owned());
            let key = Key::named(&name.unwrap_or_else(|| other.into())).expect("a key of a US keyboard");
            both(&|action| Event::Key { key, action })
        }
    }
}

/// The rhythm depends on the place, and within `free` on the seed; the whole takes as long whatever the seed.
fn typed(text: &str, free: Range<usize>, seed: u64) -> Vec<Stamped> {
    // From a third of the usual interval to three times it.
    let weight = |i: usize| (30 + (seed + 1) * (i as u64 * 7919 + 104_729) % 271) as Micros;
    let total: Micros = free.clone().map(weight).sum();
    let free_us = free.len() as Micros * INTERVAL_US;
    let (mut begin_us, mut all) = (START_US, Vec::new());
    for (i, character) in text.chars().enumerate() {
        let (press_us, dwell_us) = if free.contains(&i) {
            let before: Micros = (free.start..i).map(weight).sum();
            let press_us = begin_us - (i - free.start) as Micros * INTERVAL_US + before * free_us / total;
            // When the last key is let go may decide whether there is a window: that is no secret.
            let end_us = begin_us + INTERVAL_US - 10_000;
            (press_us, if i + 1 == free.end { end_us - press_us } else { 20_000 + weight(i) * 100 })
        } else {
            let i = i as Micros;
            (begin_us + i * i % 97 * 1_000, 60_000 + i * i % 53 * 1_000)
        };
        all.extend(events(character, press_us, press_us + dwell_us));
        begin_us += if character == PAUSE { PAUSE_US } else { INTERVAL_US };
    }
    all.sort_by_key(|event| event.ts_us);
    all
}

/// The records of a secret between two stretches of text; `before` and `after` are what is pressed around it.
fn around(before: &str, secret: &str, after: char, seed: u64) -> Vec<Record> {
    let text = TEXT.repeat(4);
    let begin = (text.clone() + before).chars().count();
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

/// What may come before a secret that has a line of its own: the lock screen's shortcut and a long pause are among it.
fn line_begins() -> impl Strategy<Value = String> {
    const BEGINS: [&str; 11] = ["\n", "\t", "◉", "⊞", "⊙", "⊘", "⏸", "⌘", "word ⌘", "⇪", "ab⌫⌫⌫"];
    prop::sample::select(&BEGINS[..]).prop_map(String::from)
}

fn eight_words() -> impl Strategy<Value = String> {
    ["[a-z]{3}", "[a-z]{5}", "[a-z]{4}", "[a-z]{3}", "[a-z]{5}", "[a-z]{6}", "[a-z]{3}", "[a-z]{5}"]
        .prop_map(|words| words.join(" "))
}

/// What may go wrong at a passphrase's end before it is erased: nothing, a digit, a pause before a letter.
fn slips() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "7", "x", "7x"][..]).prop_map(String::from)
}

fn line_ends() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['\n', '\t', CLICK, FOCUS, TAP, LOST, PAUSE, '⌘'])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_password_leaves_no_trace_of_its_keys_nor_of_its_rhythm(
        one in "[a-z0-9!-/⇧⌫]{10}", other in "[a-z0-9!-/⇧⌫]{10}", letters in "[a-z]{10}",
        before in prop_oneof![line_begins(), Just(String::new())], after in line_ends(), seed in 1..1000_u64,
    ) {
        let records = around(&before, &one, after, 0);
        prop_assert!(records.len() > 20);
        prop_assert_eq!(&records, &around(&before, &other, after, seed));
        prop_assert_eq!(&records, &around(&before, &letters, after, seed + 31));
    }

    #[test]
    fn nor_does_a_passphrase_of_eight_words_on_a_line_of_its_own(
        one in "[a-z]{3} [a-z]{2} [a-z]{4} [a-z]{3} [a-z]{5} [a-z]{2} [a-z]{3} [a-z]{4} ",
        other in "[a-z]{2} [a-z]{3} [a-z]{3} [a-z]{4} [a-z]{2} [a-z]{5} [a-z]{4} [a-z]{3} ",
        before in line_begins(), after in line_ends(), seed in 1..1000_u64,
    ) {
        prop_assert_eq!(around(&before, &one, after, 0), around(&before, &other, after, seed));
    }

    #[test]
    fn nor_if_it_is_erased_and_typed_again(
        one in eight_words(), other in eight_words(), slip in slips(), before in line_begins(),
        tries in 1..3_usize, erased in 0..8_usize, seed in 1..1000_u64,
    ) {
        // So many of the last words, or all, by taps on Backspace.
        let retyped = |secret: &str| {
            let (kept, last) = secret.split_at(secret.match_indices(' ').map(|(i, _)| i).nth(7 - erased).unwrap_or(0));
            let again = format!("{}{last}", "⌫".repeat(last.len() + slip.chars().count()));
            format!("{kept}{last}{slip}{}", again.clone() + &(slip.clone() + &again).repeat(tries - 1))
        };
        prop_assert_eq!(around(&before, &retyped(&one), '\n', 0), around(&before, &retyped(&other), '\n', seed));
    }

    #[test]
    fn nor_does_a_password_with_a_space_in_it_after_words_of_the_same_line(
        one in "[a-z]{5} [a-z]{5}", other in "[a-z]{4} [a-z]{6}", seed in 1..1000_u64,
    ) {
        prop_assert_eq!(around("", &one, '\n', 0), around("", &other, '\n', seed));
    }

    #[test]
    fn nor_does_what_is_no_plain_word_between_words_that_count(
        one in "[a-z]{3}[0-9=;][a-z]{3}", other in "[a-z]{2}[0-9=;][a-z]{4}", seed in 1..1000_u64,
    ) {
        prop_assert_eq!(around("", &one, ' ', 0), around("", &other, ' ', seed));
    }

    #[test]
    fn words_show_in_the_features_told_by_finger_alone(one in "[a-z]{7}", other in "[a-z]{7}") {
        let thrice = |word: &str| around("", &format!("{word} {word} {word}"), ' ', 0);
        prop_assert_eq!(without_fingers(thrice(&one)), without_fingers(thrice(&other)));
    }
}

#[test]
fn a_word_that_comes_three_times_in_a_long_line_does_show_there() {
    let thrice = |word: &str| around("", &format!("{word} {word} {word}"), ' ', 0);
    assert_ne!(thrice("zzzzzzz"), thrice("ppppppp"), "or the tests above prove nothing");
    assert_ne!(around("", "zz zz", ' ', 0), around("", "zz zz", ' ', 7), "and its rhythm shows");
}
