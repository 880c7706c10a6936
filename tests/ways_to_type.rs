//! What people's hands, keyboards and desks do besides typing prose on a US keyboard with a mouse that lies still.

mod common;

use common::{replay, replay_publishing};
use proptest::prelude::*;
use seclyzer::event::{Action, Event, Key, KeySet, Layout, Micros, Stamped};
use seclyzer::features::keystroke::Publish;
use seclyzer::features::names::KEYSTROKE;
use seclyzer::record::{Body, Record};

const START_US: Micros = 1_790_000_000_000_000;
const TEXT: &str = "the quick brown fox jumps over the lazy dog and then it runs away from here again and again until \
                    night comes over the hills ";

fn key(name: &str) -> Key {
    Key::named(name).unwrap_or_else(|| panic!("{name} is no key"))
}

/// A key, the time from the release before it, and its dwell.
type Stroke = (Key, Micros, Micros);

/// A person's dwell of the stroke of this number, and the time from the release before it.
fn hand(i: i64) -> (Micros, Micros) {
    (82_000 + i * 37 % 23 * 1000, 38_000 + i * 53 % 31 * 1000)
}

/// Strokes in a row.
fn typed(strokes: impl IntoIterator<Item = Stroke>) -> Vec<Stamped> {
    let mut now_us = START_US;
    let mut events = Vec::new();
    for (key, pause_us, dwell_us) in strokes {
        for (us, action) in [(pause_us, Action::Press), (dwell_us, Action::Release)] {
            now_us += us;
            events.push(Stamped { ts_us: now_us, event: Event::Key { key, action } });
        }
    }
    events
}

fn by_a_person(text: &str) -> Vec<Stroke> {
    let stroke = |(character, i): (char, i64)| (key(&character.to_string()), hand(i).1, hand(i).0);
    text.chars().zip(0..).map(stroke).collect()
}

/// Values of a keystroke feature, record by record; one that is null is left out.
fn values(records: &[Record], name: &str) -> Vec<f64> {
    let place = KEYSTROKE.iter().position(|feature| feature.name == name).expect("a feature");
    let value = |record: &Record| match &record.body {
        Body::Keystroke { features, .. } => features[place],
        _ => None,
    };
    records.iter().filter_map(value).collect()
}

fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "no record contains a value");
    values.iter().sum::<f64>() / values.len() as f64
}

/// Total keys of all keystroke records.
fn counted(records: &[Record]) -> u32 {
    let total = |record: &Record| match record.body {
        Body::Keystroke { total_keys, .. } => total_keys,
        _ => 0,
    };
    records.iter().map(total).sum()
}

#[test]
fn a_text_expander_s_strokes_make_no_record() {
    let quick = |(key, ..): Stroke| (key, 130, 130);
    let strokes: Vec<_> = by_a_person(&TEXT.repeat(3)).into_iter().map(quick).collect();
    for publish in Publish::ALL {
        assert!(replay_publishing(publish, typed(strokes.clone())).is_empty(), "{publish:?}");
    }
}

#[test]
fn a_text_that_an_expander_types_amid_a_person_s_changes_the_person_s_values_little() {
    let mut strokes = by_a_person(&TEXT.repeat(3));
    let person = replay_publishing(Publish::All, typed(strokes.clone()));
    strokes.splice(200..200, by_a_person(TEXT).into_iter().map(|(key, ..)| (key, 1_500, 2_000)));
    let mixed = replay_publishing(Publish::All, typed(strokes));
    for name in ["dwell_mean", "dwell_std", "typing_speed_wpm"] {
        let (alone, mixed) = (mean(&values(&person, name)), mean(&values(&mixed, name)));
        assert!((mixed / alone - 1.0).abs() < 0.1, "{name}: {mixed} beside an expander, {alone} without one");
    }
}

/// Home-row keys whose press is reported when they are let go, 1 ms before their release.
fn tap_hold((key, pause_us, dwell_us): Stroke) -> Vec<Stroke> {
    let is_home = "asdfjkl".chars().any(|c| key == self::key(&c.to_string()));
    vec![if is_home { (key, pause_us + dwell_us - 1000, 1000) } else { (key, pause_us, dwell_us) }]
}

/// A switch that closes once more, 3 ms after it has opened, for 2 ms.
fn chatter(stroke: Stroke) -> Vec<Stroke> {
    let chatters = ["e", "a", "o"].map(key).contains(&stroke.0);
    [stroke].into_iter().chain(chatters.then_some((stroke.0, 3_000, 2_000))).collect()
}

#[test]
fn keys_that_a_firmware_taps_and_switches_that_chatter_leave_dwell_and_rhythm_as_they_are() {
    let person = by_a_person(&TEXT.repeat(3));
    let of_person = replay_publishing(Publish::All, typed(person.clone()));
    for (kind, distort) in [("tap-hold", tap_hold as fn(Stroke) -> Vec<Stroke>), ("chatter", chatter)] {
        let strokes = typed(person.iter().copied().flat_map(distort));
        for publish in Publish::ALL {
            let records = replay_publishing(publish, strokes.clone());
            for (name, tolerance_ms) in [("dwell_mean", 3.0), ("dwell_std", 3.0)] {
                for value in values(&records, name) {
                    let of_person = mean(&values(&of_person, name));
                    assert!((value - of_person).abs() < tolerance_ms, "{kind}, {publish:?}, {name}: {value}");
                }
            }
        }
        let all = replay_publishing(Publish::All, strokes);
        assert!(!values(&all, "dwell_mean").is_empty(), "{kind} yields values");
    }
    let chattering = replay_publishing(Publish::All, typed(person.iter().copied().flat_map(chatter)));
    let [alone, beside] = [&of_person, &chattering].map(|records| mean(&values(records, "rhythm_variation")));
    assert!((alone - beside).abs() < 3.0, "{beside} ms with chatter, {alone} ms without");
}

/// What happens every so often while a person types.
fn beside(every_us: Micros, events: impl Fn(i64) -> Vec<Event>) -> Vec<Stamped> {
    let mut due_us = START_US + every_us;
    let mut all = Vec::new();
    for stamped in typed(by_a_person(&TEXT.repeat(4))) {
        let ts_us = stamped.ts_us;
        let is_release = matches!(stamped.event, Event::Key { action: Action::Release, .. });
        all.push(stamped);
        if is_release && ts_us >= due_us {
            due_us += every_us;
            let number = (due_us - START_US) / every_us;
            all.extend(events(number).into_iter().map(|event| Stamped { ts_us: ts_us + 1000, event }));
        }
    }
    all
}

#[test]
fn a_pointer_that_trembles_and_palms_on_the_touchpad_take_nothing_from_who_types() {
    let still = counted(&replay(typed(by_a_person(&TEXT.repeat(4)))));
    assert!(still > 1000);
    for seconds in [1, 3, 5, 10] {
        let tremble = |n: i64| vec![Event::Move { dx: if n % 2 == 0 { 1.0 } else { -1.0 }, dy: 0.0 }];
        assert_eq!(counted(&replay(beside(seconds * 1_000_000, tremble))), still, "every {seconds} s");
        assert_eq!(counted(&replay(beside(seconds * 1_000_000, |_| vec![Event::Touch]))), still, "palm, {seconds} s");
    }
}

#[test]
fn a_mouse_that_is_moved_takes_nothing_while_the_focus_is_known() {
    let still = counted(&replay(typed(by_a_person(&TEXT.repeat(4)))));
    let moves = |_| vec![Event::Move { dx: 300.0, dy: 20.0 }, Event::Scroll { delta: -1.0 }];
    let focus = Stamped { ts_us: START_US, event: Event::Focus { app: Some("code".into()) } };
    let known: Vec<_> = [focus].into_iter().chain(beside(4_000_000, moves)).collect();
    assert_eq!(counted(&replay(known)), still);
    assert!(counted(&replay(beside(4_000_000, moves))) < still / 2, "without a known focus it may lead elsewhere");
}

/// Letters of the main block's keys in order, on layouts that people use.
const LAYOUTS: [(&str, &str); 6] = [
    ("qwerty", "qwertyuiop[]asdfghjkl;'zxcvbnm,./"),
    ("colemak", "qwfpgjluy;[]arstdhneio'zxcvbkm,./"),
    ("dvorak", "',.pyfgcrl/=aoeuidhtns-;qjkxbmwvz"),
    ("qwertz", "qwertzuiopü+asdfghjklöäyxcvbnm,.-"),
    ("azerty", "azertyuiop^$qsdfghjklmùwxcvbn,;:!"),
    ("jcuken", "йцукенгшщзхъфывапролджэячсмитьбю."),
];
const EN: &str = "people who write all day do not look at their hands and most of them use some keys more than others \
                  because words of a language are not made of all letters alike ";
const DE: &str = "wer den ganzen tag schreibt schaut nicht auf seine hände und die meisten benutzen einige tasten öfter \
                  als andere weil wörter einer sprache nicht aus allen buchstaben gleich gemacht sind ";
const FR: &str = "ceux qui regardent peu leurs mains tapent toujours de la même façon et la plupart utilisent certaines \
                  touches plus que les autres parce que les mots ne sont pas tous égaux ";
const RU: &str = "люди которые пишут весь день не смотрят на свои руки и чаще всего нажимают одни и те же клавиши потому \
                  что слова языка не состоят из всех букв поровну ";

/// The keys of a layout, and those of its number row that write letters.
fn keys_of(layout: &str) -> impl Fn(char) -> Option<Key> {
    const ROW: [(&str, char, &str); 3] = [("azerty", 'é', "KEY_2"), ("azerty", 'ç', "KEY_9"), ("azerty", 'ê', "KEY_8")];
    let letters = LAYOUTS.iter().find(|&&(name, _)| name == layout).expect("a layout").1;
    let layout = layout.to_owned();
    move |character| {
        let place = letters.chars().position(|letter| letter == character);
        let physical = place.map(|place| LAYOUTS[0].1.chars().nth(place).expect("as many keys").to_string());
        let in_row = ROW.iter().find(|&&(name, letter, _)| name == layout && letter == character);
        Some(key(&in_row.map(|&(.., name)| name.to_owned()).or(physical)?))
    }
}

#[test]
fn on_every_layout_as_many_strokes_count_as_on_a_us_keyboard() {
    let share = |layout: &str, text: &str| {
        let keys = keys_of(layout);
        let letters: KeySet = text.chars().filter_map(&keys).collect();
        let stroke = |(c, i): (char, i64)| {
            let key = if c == ' ' { key(" ") } else { keys(c).unwrap_or_else(|| panic!("{layout} has no {c}")) };
            (key, hand(i).1, hand(i).0)
        };
        let strokes: Vec<_> = text.repeat(6).chars().zip(0..).map(stroke).collect();
        let events = typed(strokes);
        let layout = Stamped { ts_us: START_US, event: Event::Layout(Box::new(Layout::of_letters(letters))) };
        let records = replay([layout].into_iter().chain(events).collect());
        f64::from(counted(&records)) / records.len() as f64
    };
    let qwerty = share("qwerty", EN);
    for (layout, text) in [("colemak", EN), ("dvorak", EN), ("qwertz", DE), ("azerty", FR), ("jcuken", RU)] {
        let share = share(layout, text);
        assert!(share >= 0.95 * qwerty, "{layout}: {share} keys a window count, {qwerty} on qwerty");
    }
}

#[test]
fn what_writes_a_comma_elsewhere_is_no_letter_there() {
    // On azerty the key of M writes a comma, and M lies beside L.
    let letters: KeySet = "azertyuiopqsdfghjklwxcvbn".chars().filter_map(keys_of("azerty")).collect();
    let layout = Layout { plain: letters, shift: letters, ..Layout::US };
    let text = "same dames made some more memes mum ".repeat(8);
    let events = |layout| {
        let layout = Stamped { ts_us: START_US, event: Event::Layout(Box::new(layout)) };
        [layout].into_iter().chain(typed(by_a_person(&text))).collect::<Vec<_>>()
    };
    assert!(counted(&replay(events(Layout::US))) > 0);
    assert_eq!(counted(&replay(events(layout))), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_too_quick_for_a_hand_adds_nothing(
        places in prop::collection::vec(0usize..375, 1..40), dwell_us in 0i64..15_000, pause_us in 0i64..40_000,
    ) {
        // A foreign stroke in the pause before a person's takes no time away from it.
        let mut strokes = by_a_person(&TEXT.repeat(3));
        let person = replay_publishing(Publish::All, typed(strokes.clone()));
        for &place in &places {
            let pause_before_us = strokes[place].1 - dwell_us - pause_us;
            if pause_before_us > 0 {
                strokes[place].1 = pause_before_us;
                strokes.insert(place, (key("q"), pause_us, dwell_us));
            }
        }
        let dwells = |records: &[Record]| values(records, "dwell_mean");
        let (person, beside) = (dwells(&person), dwells(&replay_publishing(Publish::All, typed(strokes))));
        // Four presses within 40 ms take a person's strokes with them; no value is invented.
        for value in beside {
            prop_assert!((80.0..106.0).contains(&value), "{} beside {:?}", value, person);
        }
    }
}
