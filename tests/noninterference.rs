//! What was typed does not show in records but through the features by finger, and a secret does not show at all:
//! another secret of as many keys, typed in another rhythm, gives the same records to the bit. What holds of which strokes
//! are published: of "lines" all of it; of "words" it holds of a password of one word, not of a passphrase; of "all" it
//! holds of the features by finger, which are computed from plain words alone.

mod common;

use common::replay_publishing;
use proptest::prelude::*;
use seclyzer::event::{Action, Button, Event, GapReason, Key, KeySet, Layout, Micros, Scope, Stamped};
use seclyzer::features::keystroke::Publish;
use seclyzer::record::{Body, Record};
use std::ops::Range;

const START_US: Micros = 1_790_000_000_000_000;
const INTERVAL_US: Micros = 170_000;
/// Dwells and latencies by finger; between them lies the share of rollovers.
const BY_FINGER: [Range<usize>; 2] = [16..27, 28..128];
const TEXT: &str = "the quick brown fox, jumps over the lazy dog. and then some of the others went home to rest ";
/// What stands in texts for what is no character.
const CLICK: char = '◉';
const FOCUS_UNKNOWN: char = '⊞';
const FOCUS_KNOWN: char = '⊟';
/// Half a second after the last key, so that it is no palm.
const TAP: char = '⊙';
const LOST: char = '⊘';
const PAUSE: char = '⏸';
const MOTION: char = '↝';
const WHEEL: char = '⇕';
/// From one of two layouts to the other; both have the letters and marks of [`TEXT`].
const LAYOUT: char = '⌨';
/// A space that is held for 8 ms.
const QUICK_SPACE: char = '␣';
/// These two are held while the next key goes down.
const SHIFT: char = '⇧';
const ALTGR: char = '⎇';
const PAUSE_US: Micros = 31_000_000;
const TAP_US: Micros = 500_000;
const KEYS: [(char, &str); 8] = [
    ('\n', "Return"),
    ('\t', "Tab"),
    ('⌫', "Backspace"),
    (SHIFT, "ShiftLeft"),
    (ALTGR, "AltGr"),
    ('⌘', "MetaLeft"),
    ('⇪', "CapsLock"),
    (QUICK_SPACE, "Space"),
];

fn key(character: char) -> Key {
    let name = KEYS.iter().find(|&&(key, _)| key == character).map(|&(_, name)| name.to_owned());
    Key::named(&name.unwrap_or_else(|| character.into())).expect("a key of a US keyboard")
}

/// Letters on two more keys, others with AltGr, and dead keys; the digit 6 is one with Shift.
fn other_layout() -> Layout {
    let keys = |characters: &str| characters.chars().map(key).collect::<KeySet>();
    let letters = Layout::of_letters(Key::US_LETTERS.union(keys("[;")));
    Layout { altgr: keys("qes"), accents: keys("=`"), shift_accents: keys("6=`"), ..letters }
}

/// What a character stands for: what goes down and up, or what happens once.
fn events(character: char, press_us: Micros, release_us: Micros) -> Vec<Stamped> {
    let once = |event| vec![Stamped { ts_us: press_us, event }];
    let both = |event: &dyn Fn(Action) -> Event| {
        let at = |ts_us, action| Stamped { ts_us, event: event(action) };
        vec![at(press_us, Action::Press), at(release_us, Action::Release)]
    };
    match character {
        PAUSE => Vec::new(),
        FOCUS_UNKNOWN => once(Event::Focus { app: None }),
        FOCUS_KNOWN => once(Event::Focus { app: Some("xterm".into()) }),
        TAP => once(Event::Touch),
        MOTION => once(Event::Move { dx: 300.0, dy: -40.0 }),
        WHEEL => once(Event::Scroll { delta: -1.0 }),
        LOST => once(Event::Gap { reason: GapReason::Overrun, scope: Scope::Mouse }),
        CLICK => both(&|action| Event::Button { button: Button::Left, action }),
        other => both(&|action| Event::Key { key: key(other), action }),
    }
}

/// How a secret is typed; the seed makes it another one.
#[derive(Debug, Clone, Copy)]
enum Rhythm {
    /// At intervals from a third of the usual one to three times it.
    Hand(u64),
    /// Five keys at a time, quicker than any hand.
    Program(u64),
    /// By a hand, on a keyboard of which some keys are let go too soon.
    FaultySwitches(u64),
}

impl Rhythm {
    /// Press and release of each of `keys` strokes from `begin_us` on; the whole takes as long whatever the rhythm, and the
    /// last key is let go at the same time: that may decide whether there is a window, and is no secret.
    fn times(self, keys: usize, begin_us: Micros) -> Vec<(Micros, Micros)> {
        let (Rhythm::Hand(seed) | Rhythm::Program(seed) | Rhythm::FaultySwitches(seed)) = self;
        let weight = |i: usize| (30 + (seed + 1) * (i as u64 * 7919 + 104_729) % 271) as Micros;
        let all_us = keys as Micros * INTERVAL_US;
        let total: Micros = (0..keys).map(weight).sum();
        let end_us = begin_us + all_us - 10_000;
        let time = |i: usize| {
            let before: Micros = (0..i).map(weight).sum();
            let press_us = begin_us + before * all_us / total;
            match self {
                Rhythm::Program(_) => {
                    let press_us =
                        begin_us + ((i / 5 * 5) as Micros) * INTERVAL_US + (i % 5) as Micros * weight(0) * 30;
                    (press_us, press_us + 1_000 + weight(i) * 40)
                }
                _ if i + 1 == keys => (press_us, end_us),
                Rhythm::FaultySwitches(_) if weight(i) % 3 == 0 => (press_us, press_us + 1_000 + weight(i) * 40),
                _ => (press_us, press_us + 20_000 + weight(i) * 100),
            }
        };
        (0..keys).map(time).collect()
    }
}

/// Outside of `free` the rhythm depends on the place alone.
fn typed(text: &str, free: Range<usize>, rhythm: Rhythm) -> Vec<Stamped> {
    let characters: Vec<char> = text.chars().collect();
    let mut begin_us = START_US;
    let mut times = Vec::new();
    for (i, &character) in characters.iter().enumerate() {
        if i == free.start {
            times.extend(rhythm.times(free.len(), begin_us));
        }
        if free.contains(&i) {
            begin_us += INTERVAL_US;
            continue;
        }
        if character == TAP {
            begin_us += TAP_US;
        }
        let n = i as Micros;
        let press_us = begin_us + n * n % 97 * 1_000;
        let dwell_us = if character == QUICK_SPACE { 8_000 } else { 60_000 + n * n % 53 * 1_000 };
        times.push((press_us, press_us + dwell_us));
        begin_us += if character == PAUSE { PAUSE_US } else { INTERVAL_US };
    }
    let mut layouts = [other_layout(), Layout::US].into_iter().cycle();
    let mut all = Vec::new();
    for (i, (&character, &(press_us, release_us))) in characters.iter().zip(&times).enumerate() {
        // The two hands that it takes are those of one person: of a secret, or of what is around it.
        let holds = matches!(character, SHIFT | ALTGR) && i + 1 < times.len() && i + 1 != free.end;
        let release_us = if holds { release_us.max(times[i + 1].1 - 1) } else { release_us };
        match character {
            LAYOUT => {
                let layout = layouts.next().expect("a cycle has no end");
                all.push(Stamped { ts_us: press_us, event: Event::Layout(Box::new(layout)) });
            }
            _ => all.extend(events(character, press_us, release_us)),
        }
    }
    all.sort_by_key(|event| event.ts_us);
    all
}

/// Of the pointer and the wheel, every 230 ms, whatever is typed.
fn motion(during_us: Range<Micros>) -> impl Iterator<Item = Stamped> {
    let times = during_us.step_by(230_000).enumerate();
    times.flat_map(|(i, ts_us)| events(if i % 4 == 3 { WHEEL } else { MOTION }, ts_us, ts_us))
}

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
        let begin = lead.chars().count();
        let free = begin..begin + secret.chars().count();
        let mut events = typed(&format!("{lead}{secret}{}{text}", self.after), free.clone(), rhythm);
        if self.moves {
            let begin_us = typed(&format!("{lead}x"), 0..0, rhythm).last().expect("a letter").ts_us;
            events.extend(motion(begin_us..begin_us + free.len() as Micros * INTERVAL_US));
            events.sort_by_key(|event| event.ts_us);
        }
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

/// What may come before a secret that has a line of its own: the lock screen's shortcut and a long pause are among it.
fn line_begins() -> impl Strategy<Value = &'static str> {
    const BEGINS: [&str; 15] =
        ["\n", "\t", "◉", "⊞", "⊙", "⊘", "⏸", "⌘", "word ⌘", "⇪", "ab⌫⌫⌫", "↝", "⇕", "⌨", "word ⌨"];
    prop::sample::select(&BEGINS[..])
}

/// With or without something that begins a line.
fn places() -> impl Strategy<Value = &'static str> {
    prop_oneof![line_begins(), Just("")]
}

/// Where the focus is known, motion ends no line and is not among these.
fn line_ends_at_a_known_focus() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['\n', '\t', CLICK, FOCUS_KNOWN, FOCUS_UNKNOWN, TAP, LOST, PAUSE, LAYOUT, '⌘'])
}

fn line_ends() -> impl Strategy<Value = char> {
    prop_oneof![4 => line_ends_at_a_known_focus(), 1 => prop::sample::select(vec![MOTION, WHEEL])]
}

fn hands() -> impl Strategy<Value = Rhythm> {
    (1..1000_u64).prop_map(Rhythm::Hand)
}

/// Any hand, any program, any keyboard.
fn rhythms() -> impl Strategy<Value = Rhythm> {
    let quick = |rhythm: fn(u64) -> Rhythm| (1..1000_u64).prop_map(rhythm);
    prop_oneof![hands(), quick(Rhythm::Program), quick(Rhythm::FaultySwitches)]
}

fn passwords() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9!-/⇧⌫]{10}", "[a-z0-9;=⎇⇧]{10}", "[a-z]{10}"]
}

fn eight_words() -> impl Strategy<Value = String> {
    ["[a-z]{3}", "[a-z]{5}", "[a-z]{4}", "[a-z]{3}", "[a-z]{5}", "[a-z]{6}", "[a-z]{3}", "[a-z]{5}"]
        .prop_map(|words| words.join(" "))
}

/// Eight words of as many keys whatever they are, with AltGr, letters that the US keyboard does not have, and dead keys; a
/// space after one of these is none.
fn eight_accented_words() -> impl Strategy<Value = String> {
    let word = |keys: usize| {
        prop::collection::vec(0..30_usize, keys).prop_map(|choices| {
            let (mut word, mut left) = (String::new(), choices.len());
            for choice in choices {
                let next = match choice {
                    0..3 if left > 1 => ["⎇e", "⎇s", "⎇q"][choice],
                    3..5 if left > 1 => ["=a", "`o"][choice - 3],
                    5..10 if left > 1 => "= ",
                    _ => &"[;abcdefghijklmnopqrstuvwxyz[;"[choice..=choice],
                };
                // What is left over of the choices is not needed.
                if left >= next.chars().count() {
                    left -= next.chars().count();
                    word += next;
                }
            }
            word
        })
    };
    [word(4), word(3), word(6), word(5), word(3), word(4), word(7), word(3)].prop_map(|words| words.join(" "))
}

/// What may go wrong at a passphrase's end before it is erased: nothing, a digit, a pause before a letter.
fn slips() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "7", "x", "7x"][..]).prop_map(String::from)
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
