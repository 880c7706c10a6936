//! What was typed does not show in records but through the features by finger, and a secret does not show at all:
//! another secret of as many keys, typed in another rhythm, gives the same records to the bit. What holds of which strokes
//! are published: of "lines" all of it; of "words" it holds of a password of one word, not of a passphrase; of "all" it
//! holds of the features by finger, which are computed from plain words alone.

mod common;

use common::replay_publishing;
use common::secrets::*;
use common::typing::*;
use proptest::prelude::*;
use seclyzer::event::{Action, Event, Key, Micros, Stamped};
use seclyzer::features::keystroke::Publish;
use seclyzer::record::{Body, Record};
use std::ops::Range;

/// Dwells and latencies by finger; between them lies the share of rollovers.
const BY_FINGER: [Range<usize>; 2] = [16..27, 28..128];

/// A secret between two stretches of text.
#[derive(Clone, Copy)]
struct Scene<'a> {
    publish: Publish,
    /// What happens before the first text.
    opening: &'a str,
    /// What is pressed right before the secret and right after it.
    before: &'a str,
    after: char,
    /// Whether the pointer moves and the wheel turns all the while that the secret is typed.
    moves: bool,
}

impl Scene<'_> {
    fn of<'a>(publish: Publish, before: &'a str, after: char) -> Scene<'a> {
        Scene { publish, opening: "", before, after, moves: false }
    }

    fn records(self, secret: &str, rhythm: Rhythm) -> Vec<Record> {
        let text = TEXT.repeat(4);
        let lead = format!("{}{text}{}", self.opening, self.before);
        let events = typed_around(&lead, secret, &format!("{}{text}", self.after), rhythm, self.moves);
        replay_publishing(self.publish, events)
    }
}

fn lines<'a>(before: &'a str, after: char) -> Scene<'a> {
    Scene::of(Publish::Lines, before, after)
}

fn ends(records: &[Record]) -> Vec<Micros> {
    records.iter().map(|record| record.window_end_us).collect()
}

/// The first difference, if there is one: whole records would fill pages.
fn same(one: &[Record], other: &[Record]) -> Result<(), TestCaseError> {
    prop_assert_eq!(ends(one), ends(other));
    for (one, other) in one.iter().zip(other) {
        prop_assert_eq!(one, other);
    }
    Ok(())
}

/// The same keystroke records with some of their features only.
fn with_features(records: Vec<Record>, keep: impl Fn(usize) -> bool) -> Vec<Record> {
    let mut typing: Vec<Record> = typing(records);
    for record in &mut typing {
        let Body::Keystroke { strokes, total_keys, features } = &mut record.body else { continue };
        (*strokes, *total_keys) = (Publish::Lines, 0);
        features.iter_mut().enumerate().filter(|&(i, _)| !keep(i)).for_each(|(_, feature)| *feature = None);
    }
    typing
}

fn by_finger(records: Vec<Record>) -> Vec<Record> {
    with_features(records, |i| BY_FINGER.iter().any(|range| range.contains(&i)))
}

fn without_fingers(records: Vec<Record>) -> Vec<Record> {
    with_features(records, |i| !BY_FINGER.iter().any(|range| range.contains(&i)))
}

fn typing(mut records: Vec<Record>) -> Vec<Record> {
    records.retain(|record| matches!(record.body, Body::Keystroke { .. }));
    records
}

const USUAL: Rhythm = Rhythm::Hand(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_password_leaves_no_trace_of_its_keys_nor_of_its_rhythm(
        one in passwords(), other in passwords(), before in places(), after in line_ends(), hand in hands(),
        moves: bool,
    ) {
        let scene = Scene { moves, ..lines(before, after) };
        let records = scene.records(&one, USUAL);
        prop_assert!(records.len() > 20);
        same(&records, &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_where_the_focus_is_known_and_the_mouse_moves(
        one in passwords(), other in passwords(), before in places(), after in line_ends_at_a_known_focus(),
        hand in hands(),
    ) {
        let scene = Scene { opening: "⊟", moves: true, ..lines(before, after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_does_a_passphrase_of_eight_words_on_a_line_of_its_own(
        one in "[a-z]{3} [a-z]{2} [a-z]{4} [a-z]{3} [a-z]{5} [a-z]{2} [a-z]{3} [a-z]{4} ",
        other in "[a-z]{2} [a-z]{3} [a-z]{3} [a-z]{4} [a-z]{2} [a-z]{5} [a-z]{4} [a-z]{3} ",
        before in line_begins(), after in line_ends(), hand in hands(), moves: bool,
    ) {
        let scene = Scene { moves, ..lines(before, after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_does_one_where_the_focus_is_known_and_the_mouse_moves(
        one in eight_words(), other in eight_words(), after in line_ends_at_a_known_focus(), hand in hands(),
        before in line_begins().prop_filter("it ends no line there", |begin| !matches!(*begin, "↝" | "⇕")),
    ) {
        let scene = Scene { opening: "⊟", moves: true, ..lines(before, after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_does_one_in_the_letters_of_another_layout(
        one in eight_accented_words(), other in eight_accented_words(), opening in prop::sample::select(vec!["", "⌨"]),
        before in line_begins(), after in line_ends(), hand in hands(),
    ) {
        // Two dead keys and AltGr write nothing on the US keyboard, and make a word none there.
        let scene = Scene { opening, ..lines(before, after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_if_it_is_erased_and_typed_again(
        one in eight_words(), other in eight_words(), slip in slips(), before in line_begins(),
        tries in 1..3_usize, erased in 0..8_usize, hand in hands(),
    ) {
        // So many of the last words, or all, by taps on Backspace.
        let retyped = |secret: &str| {
            let (kept, last) = secret.split_at(secret.match_indices(' ').map(|(i, _)| i).nth(7 - erased).unwrap_or(0));
            let again = format!("{}{last}", "⌫".repeat(last.len() + slip.chars().count()));
            format!("{kept}{last}{slip}{}", again.clone() + &(slip.clone() + &again).repeat(tries - 1))
        };
        let scene = lines(before, '\n');
        same(&scene.records(&retyped(&one), USUAL), &scene.records(&retyped(&other), hand))?;
    }

    #[test]
    fn nor_does_a_secret_that_a_program_types_or_a_faulty_keyboard(
        (one, other, before) in prop_oneof![
            (passwords(), passwords(), places()),
            ("[a-z]{3} [a-z]{6}", "[a-z]{4} [a-z]{5}", line_begins()),
        ],
        after in prop::sample::select(vec!['\n', '\t', CLICK, TAP, '⌘']), rhythms in [rhythms(), rhythms()],
    ) {
        // After so long a pause a window may have 25 presses or fewer, by how many of them a hand made.
        prop_assume!(before != "⏸");
        let scene = lines(before, after);
        same(&scene.records(&one, rhythms[0]), &scene.records(&other, rhythms[1]))?;
    }

    #[test]
    fn nor_does_a_password_with_a_space_in_it_after_words_of_the_same_line(
        one in "[a-z]{5} [a-z]{5}", other in "[a-z]{4} [a-z]{6}", hand in hands(),
        publish in prop::sample::select(vec![Publish::Lines, Publish::Words]),
    ) {
        let scene = Scene::of(publish, "", '\n');
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn nor_does_what_is_no_plain_word_between_words_that_count(
        one in "[a-z]{3}[0-9/][a-z]{3}", other in "[a-z]{2}[0-9/][a-z]{4}", hand in hands(),
        opening in prop::sample::select(vec!["", "⌨"]),
        after in prop::sample::select(vec![' ', QUICK_SPACE]),
        publish in prop::sample::select(vec![Publish::Lines, Publish::Words]),
    ) {
        let scene = Scene { opening, ..Scene::of(publish, "", after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn of_words_a_password_of_one_word_leaves_no_trace_either(
        one in passwords(), other in passwords(), before in places(), after in line_ends(), hand in hands(), moves: bool,
    ) {
        let scene = Scene { moves, ..Scene::of(Publish::Words, before, after) };
        same(&scene.records(&one, USUAL), &scene.records(&other, hand))?;
    }

    #[test]
    fn of_all_strokes_a_password_of_one_word_is_in_no_feature_by_finger(
        one in passwords(), other in passwords(), before in places(), after in line_ends(), hand in hands(),
    ) {
        let scene = Scene::of(Publish::All, before, after);
        let by_finger = |secret, rhythm| by_finger(scene.records(secret, rhythm));
        same(&by_finger(&one, USUAL), &by_finger(&other, hand))?;
    }

    #[test]
    fn of_all_strokes_the_features_by_finger_are_those_of_words(
        text in "[a-z ]{0,40}[a-z0-9 ,⌫⇧\n]{60}", before in places(), after in line_ends(), rhythm in rhythms(),
    ) {
        let of = |publish| by_finger(Scene::of(publish, before, after).records(&text, rhythm));
        let of_all = of(Publish::All);
        same(&of(Publish::Words), &of_all)?;
        prop_assert_eq!(ends(&of(Publish::Lines)), ends(&of_all));
    }

    #[test]
    fn words_show_in_the_features_by_finger_alone(
        one in "[a-z]{7}", other in "[a-z]{7}", publish in prop::sample::select(&Publish::ALL[..]),
    ) {
        let thrice = |word: &str| Scene::of(publish, "", ' ').records(&format!("{word} {word} {word}"), USUAL);
        same(&without_fingers(thrice(&one)), &without_fingers(thrice(&other)))?;
    }

    #[test]
    fn while_the_focus_is_known_motion_and_the_wheel_change_no_keystroke_record(
        text in "[a-z ]{60}[a-z0-9 ,⌫⇧⎇\n\t⊙◉⌨]{60}", publish in prop::sample::select(&Publish::ALL[..]), hand in hands(),
    ) {
        let of = |moves| typing(Scene { opening: "⊟", moves, ..Scene::of(publish, "", ' ') }.records(&text, hand));
        same(&of(false), &of(true))?;
    }
}

/// Whether any record shows which of two secrets it was, or how it was typed.
fn shows(scene: Scene<'_>, one: &str, other: &str, rhythm: Rhythm) -> bool {
    scene.records(one, USUAL) != scene.records(other, rhythm)
}

#[test]
fn a_word_that_comes_three_times_in_a_long_line_does_show_there() {
    let scene = lines("", ' ');
    assert!(
        shows(scene, "zzzzzzz zzzzzzz zzzzzzz", "ppppppp ppppppp ppppppp", USUAL),
        "or the tests above prove nothing"
    );
    assert!(shows(scene, "zz zz", "zz zz", Rhythm::Hand(7)), "and its rhythm shows");
}

#[test]
fn letters_of_another_layout_do_show_in_a_long_line() {
    let scene = Scene { opening: "⌨", ..lines("", ' ') };
    for word in ["[;;[", "⎇s⎇s", "=aab", "⎇sab"] {
        let words = format!("{word} {word} {word}");
        assert!(shows(scene, &words, &words, Rhythm::Hand(7)), "{word} counts there");
        assert!(!shows(Scene { opening: "", ..scene }, &words, &words, Rhythm::Hand(7)), "{word} is no US word");
    }
}

#[test]
fn of_words_a_passphrase_shows_and_of_all_strokes_a_password() {
    let secret = "four words of it";
    assert!(!shows(lines("\n", '\n'), secret, secret, Rhythm::Hand(7)));
    assert!(shows(Scene::of(Publish::Words, "\n", '\n'), secret, secret, Rhythm::Hand(7)));
    assert!(shows(Scene::of(Publish::All, "\n", '\n'), "hunter2hunter2", "hunter2hunter2", Rhythm::Hand(7)));
}

/// A desktop may repeat Backspace sooner than the kernel does: then fewer presses erase more than one character each.
#[test]
fn a_passphrase_that_held_backspaces_erase_and_that_is_typed_again_leaves_no_trace() {
    let mut now_us = START_US;
    let mut events = Vec::new();
    let mut stroke = |name: &str, dwell_us: Micros| {
        let key = Key::named(name).expect("a key");
        for (ts_us, action) in [(now_us, Action::Press), (now_us + dwell_us, Action::Release)] {
            events.push(Stamped { ts_us, event: Event::Key { key, action } });
        }
        now_us += dwell_us + 60_000;
    };
    stroke("Return", 80_000);
    for _ in 0..4 {
        "correct horse battery staple".chars().for_each(|c| stroke(&c.to_string(), 90_000));
        (0..4).for_each(|_| stroke("Backspace", 160_000));
    }
    stroke("Return", 80_000);
    for record in common::replay(events) {
        assert!(matches!(record.body, Body::Keystroke { total_keys: 0, .. }), "{record:?}");
    }
}
