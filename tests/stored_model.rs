//! What recognition stores is the same to the bit whatever a secret was and in whatever rhythm it was typed, once or every
//! day, at any moment, over restarts: as long as no doubt arises, which is published anyway. So are scores, but for how
//! much is learnt until that is enough: programs' strokes and those that are no text are not counted in it.

mod common;

use common::secrets::*;
use common::typing::*;
use proptest::prelude::*;
use seclyzer::event::{Event, Layout, Micros, Stamped};
use seclyzer::recognition::{Recognition, Saved, Settings, Told, coarse};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

const CASES: u32 = 64;
const DAY_US: Micros = 86_400_000_000;
/// Of the moments at which what is stored is compared, every second one lies so close to the secret.
const NEAR_US: Micros = 4_000_000;

/// Who is known when it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Nobody,
    /// Who types the texts.
    Owner,
}

impl Known {
    fn begin(self) -> Recognition {
        static OWNER: OnceLock<Vec<u8>> = OnceLock::new();
        let nobody = || Recognition::new(Settings::default(), None).expect("there is nothing to read");
        if self == Known::Nobody {
            return nobody();
        }
        let snapshot = OWNER.get_or_init(|| {
            let mut recognition = nobody();
            typed(&TEXT.repeat(40), 0..0, Rhythm::Owner(0)).iter().for_each(|event| recognition.push(event, |_| ()));
            assert_eq!(recognition.score().trust, Some(100), "the owner is known");
            snapshot(&mut recognition)
        });
        restored(snapshot)
    }
}

fn snapshot(recognition: &mut Recognition) -> Vec<u8> {
    let mut bytes = Vec::new();
    recognition.snapshot(|piece| bytes.extend_from_slice(piece));
    bytes
}

fn restored(snapshot: &[u8]) -> Recognition {
    Recognition::restore(Settings::default(), snapshot).expect("what was written")
}

/// What comes between two processes.
#[derive(Debug, Clone, Copy)]
enum Break {
    /// The live state outlives it.
    Restart,
    /// Only what is stored does.
    Reboot,
}

impl Break {
    fn goes_on_from(self, recognition: &mut Recognition) -> Recognition {
        match self {
            Break::Restart => restored(&snapshot(recognition)),
            Break::Reboot => {
                let saved = Saved::from_json(&recognition.stored().to_json()).expect("what was written");
                Recognition::new(Settings::default(), Some(&saved)).expect("what was stored")
            }
        }
    }
}

/// What happens besides the secret: the same on some days, on the last of which what is stored is looked at.
#[derive(Debug, Clone)]
struct Life {
    known: Known,
    days: Micros,
    /// Parts of the last day. Those at even places are parts of the time around the secret.
    moments: Vec<f64>,
    /// At the first of these moments.
    ends: Option<Break>,
    /// Whether one of them may come while the secret is typed.
    meanwhile: bool,
    /// Whether the pointer moves while the secret is typed.
    moves: bool,
}

fn lives() -> impl Strategy<Value = Life> {
    let known = prop_oneof![Just(Known::Nobody), Just(Known::Owner)];
    let ends = prop_oneof![2 => Just(None), 1 => Just(Some(Break::Restart)), 1 => Just(Some(Break::Reboot))];
    let moments = prop::collection::vec(0.0..1.0, 8);
    (known, 1..4_i64, moments, ends, any::<bool>()).prop_map(|(known, days, moments, ends, moves)| Life {
        known,
        days,
        moments,
        ends,
        meanwhile: true,
        moves,
    })
}

/// What is typed, and how the secret is.
#[derive(Debug, Clone, Copy)]
struct Typing<'a> {
    before: &'a str,
    secret: &'a str,
    after: &'a str,
    rhythm: Rhythm,
}

/// What came of it: what was stored at each moment (a hash of it), and what was published.
#[derive(Default)]
struct Outcome {
    stored: Vec<u64>,
    scores: Vec<(Micros, coarse::Score)>,
    /// Changes of state.
    decisions: usize,
}

impl Outcome {
    fn take(&mut self, told: Told) {
        match told {
            Told::Score(score) => self.scores.push((score.window_end_us, score.coarse)),
            Told::Decision(_) => self.decisions += 1,
        }
    }

    fn store(&mut self, recognition: &Recognition) {
        let mut hasher = DefaultHasher::new();
        recognition.stored().to_json().hash(&mut hasher);
        self.stored.push(hasher.finish());
    }

    /// The scores; how many strokes are learnt while the owner is not known depends on which of them are text.
    fn published(self, known: Known) -> BTreeMap<Micros, coarse::Score> {
        let published = |score: coarse::Score| match known {
            Known::Nobody => coarse::Score { learnt_keys: 0, ..score },
            Known::Owner => score,
        };
        self.scores.into_iter().map(|(end_us, score)| (end_us, published(score))).collect()
    }
}

impl Life {
    fn of(&self, typing: Typing<'_>) -> Outcome {
        let (mut recognition, mut outcome) = (self.known.begin(), Outcome::default());
        for day in 1..=self.days {
            // In another rhythm each day, and the same text at other places.
            let rhythm = typing.rhythm.other(day.cast_unsigned());
            let mut events = typed_around(typing.before, typing.secret, typing.after, rhythm, self.moves);
            // What the day before has left is gone: each day is the same.
            let begin = [Event::Layout(Box::new(Layout::US)), Event::Focus { app: None }];
            let ts_us = events[0].ts_us;
            events.splice(0..0, begin.map(|event| Stamped { ts_us, event }));
            events.iter_mut().for_each(|event| event.ts_us += day * DAY_US);
            let moments = if day == self.days { self.moments_us(typing, &events) } else { Vec::new() };
            let mut moments = moments.into_iter().enumerate().peekable();
            for event in &events {
                while let Some((i, moment_us)) = moments.next_if(|&(_, moment_us)| moment_us < event.ts_us) {
                    recognition.tick(moment_us, |told| outcome.take(told));
                    outcome.store(&recognition);
                    if let Some(end) = self.ends.filter(|_| i == 0) {
                        recognition = end.goes_on_from(&mut recognition);
                        outcome.store(&recognition);
                    }
                }
                recognition.push(event, |told| outcome.take(told));
            }
            recognition.finish(|told| outcome.take(told));
            outcome.store(&recognition);
        }
        outcome
    }

    /// In order.
    fn moments_us(&self, typing: Typing<'_>, events: &[Stamped]) -> Vec<Micros> {
        let day_us = events[0].ts_us..events[events.len() - 1].ts_us;
        let begin_us = end_us(typing.before) + self.days * DAY_US;
        let end_us = begin_us + typing.secret.chars().count() as Micros * INTERVAL_US;
        let near_us = begin_us - NEAR_US..end_us + NEAR_US;
        let at = |(i, part): (usize, &f64)| {
            let span_us = if i % 2 == 0 { &near_us } else { &day_us };
            span_us.start + ((span_us.end - span_us.start) as f64 * part) as Micros
        };
        let is_meant = |moment_us: &Micros| self.meanwhile || !(begin_us..=end_us).contains(moment_us);
        let mut moments: Vec<Micros> = self.moments.iter().enumerate().map(at).filter(is_meant).collect();
        moments.sort_unstable();
        moments
    }

    /// That it makes no difference which of two secrets was typed.
    fn hides(&self, one: Typing<'_>, other: Typing<'_>) -> Result<(), TestCaseError> {
        let (one, other) = (self.of(one), self.of(other));
        prop_assume!(one.decisions + other.decisions == 0);
        prop_assert_eq!(one.stored.len(), other.stored.len());
        prop_assert!(one.stored.first() != one.stored.last(), "nothing is learnt of the text");
        let different = one.stored.iter().zip(&other.stored).position(|(one, other)| one != other);
        prop_assert_eq!(different, None, "what is stored");
        let (one, other) = (one.published(self.known), other.published(self.known));
        // After a break the interval has a score if a key goes down in what is left of it: when is no secret.
        let ends = |of: &BTreeMap<Micros, coarse::Score>| of.keys().copied().collect::<Vec<_>>();
        prop_assert!(self.ends.is_some() || ends(&one) == ends(&other));
        for (end_us, score) in &one {
            prop_assert!(other.get(end_us).is_none_or(|other| other == score), "{:?}", (score, other.get(end_us)));
        }
        Ok(())
    }
}

/// The text before a secret, and what is pressed right before it.
fn lead(before: &str) -> String {
    TEXT.repeat(2) + before
}

/// What is pressed right after a secret, and the text after it.
fn rest(after: char) -> String {
    format!("{after}{TEXT}{TEXT}")
}

/// How the two secrets of a case are typed: where the owner is known mostly as the owner types, or there would be doubt.
fn two_rhythms() -> impl Strategy<Value = (Life, [Rhythm; 2])> {
    let owner = || (1..1000_u64).prop_map(Rhythm::Owner);
    let of_life = move |life: Life| {
        let rhythm = match life.known {
            Known::Nobody => hands().boxed(),
            Known::Owner => prop_oneof![12 => owner(), 1 => hands()].boxed(),
        };
        (Just(life), [rhythm.clone(), rhythm])
    };
    lives().prop_flat_map(of_life)
}

/// Of as many keys each.
fn two_passwords() -> impl Strategy<Value = (String, String)> {
    prop_oneof![(passwords(), passwords()), ("[0-9]{4}", "[0-9]{4}"), ("[0-9]{8}", "[0-9]{8}")]
}

/// Of as many words and keys.
fn two_passphrases() -> impl Strategy<Value = (String, String)> {
    let first = |words: usize, all: String| all.split(' ').take(words).collect::<Vec<_>>().join(" ");
    (1..=8_usize, eight_words(), eight_words())
        .prop_map(move |(words, one, other)| (first(words, one), first(words, other)))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES, max_global_rejects: CASES / 2, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_password_or_pin_changes_nothing_that_is_stored_or_published(
        (one, other) in two_passwords(), before in places(), after in line_ends(), (life, rhythms) in two_rhythms(),
    ) {
        let (before, after) = (&*lead(before), &*rest(after));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&one, rhythms[0]), typing(&other, rhythms[1]))?;
    }

    #[test]
    fn nor_does_a_passphrase_of_up_to_eight_words_on_a_line_of_its_own(
        (one, other) in two_passphrases(), before in line_begins(), after in line_ends(),
        (life, rhythms) in two_rhythms(),
    ) {
        let (before, after) = (&*lead(before), &*rest(after));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&one, rhythms[0]), typing(&other, rhythms[1]))?;
    }

    #[test]
    fn nor_if_it_is_erased_and_typed_again(
        (one, other) in two_passphrases(), slip in slips(), before in line_begins(), (life, rhythms) in two_rhythms(),
    ) {
        let retyped = |secret: &str| {
            let erased = "⌫".repeat(secret.len() + slip.chars().count());
            format!("{secret}{slip}{erased}{secret}")
        };
        let (before, after) = (&*lead(before), &*rest('\n'));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&retyped(&one), rhythms[0]), typing(&retyped(&other), rhythms[1]))?;
    }

    #[test]
    fn nor_does_a_password_with_a_space_in_it_after_words_of_the_same_line(
        one in "[a-z]{5} [a-z]{5}", other in "[a-z]{4} [a-z]{6}", (life, rhythms) in two_rhythms(),
    ) {
        // Once the space is typed, the text's last word counts.
        let life = Life { meanwhile: false, ..life };
        let (before, after) = (&*lead(""), &*rest('\n'));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&one, rhythms[0]), typing(&other, rhythms[1]))?;
    }

    #[test]
    fn nor_does_what_is_no_plain_word_between_words_that_count(
        one in "[a-z]{3}[0-9/][a-z]{3}", other in "[a-z]{2}[0-9/][a-z]{4}",
        after in prop::sample::select(vec![' ', QUICK_SPACE]), (life, rhythms) in two_rhythms(),
    ) {
        let (before, after) = (&*lead(""), &*rest(after));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&one, rhythms[0]), typing(&other, rhythms[1]))?;
    }

    #[test]
    fn nor_does_what_a_program_types_or_a_faulty_keyboard(
        (one, other) in two_passwords(), before in places(), after in prop::sample::select(vec!['\n', '\t', CLICK, TAP]),
        life in lives(), rhythms in [rhythms(), rhythms()],
    ) {
        let life = Life { known: Known::Nobody, ..life };
        let (before, after) = (&*lead(before), &*rest(after));
        let typing = |secret, rhythm| Typing { before, secret, after, rhythm };
        life.hides(typing(&one, rhythms[0]), typing(&other, rhythms[1]))?;
    }
}

const PLAIN_LIFE: Life =
    Life { known: Known::Nobody, days: 1, moments: Vec::new(), ends: None, meanwhile: true, moves: false };

/// What is stored at the end.
fn stored(before: &str, secret: &str, after: &str) -> Option<u64> {
    let rhythm = Rhythm::Owner(7);
    PLAIN_LIFE.of(Typing { before, secret, after, rhythm }).stored.pop()
}

#[test]
fn nine_words_and_words_in_a_long_line_do_show() {
    let nine =
        |first: &str| stored(&lead("\n"), &format!(" {first} so many words as these nine are teach one "), &rest('\n'));
    assert!(nine("only") != nine("also"), "or the tests above prove nothing");
    let word = |word: &str| stored(&lead(""), &format!("{word} "), &rest(' '));
    assert!(word("zqxj") != word("pkvw"));
}

#[test]
fn what_a_program_types_teaches_nothing() {
    let life = Life { known: Known::Owner, ..PLAIN_LIFE };
    let (before, after, digits) = (&*lead("\n"), &*rest('\n'), &*"7".repeat(TEXT.len()));
    let stored = |secret, rhythm| {
        let outcome = life.of(Typing { before, secret, after, rhythm });
        assert_eq!(outcome.decisions, 0);
        outcome.stored
    };
    for rhythm in [Rhythm::Program(1), Rhythm::Program(23)] {
        assert_eq!(stored(TEXT, rhythm), stored(digits, rhythm));
    }
    assert_ne!(stored(TEXT, Rhythm::Owner(1)), stored(digits, Rhythm::Owner(1)), "by hand it would");
}

#[test]
fn while_the_owner_is_being_learnt_passwords_of_as_many_keys_add_as_much_to_what_is_learnt() {
    let life = Life { days: 5, ..PLAIN_LIFE };
    let (before, after, rhythm) = (&*lead("\n"), &*rest('\n'), Rhythm::Owner(7));
    let scores = |secret| {
        let outcome = life.of(Typing { before, secret, after, rhythm });
        assert_eq!(outcome.decisions, 0);
        outcome.scores
    };
    let [one, other, third] = ["hunter2xyz", "7oavq9kelp", "correcthor"].map(scores);
    assert!(one.last().is_some_and(|(_, score)| score.learnt_keys >= 1_800));
    assert_eq!(one, other);
    assert_eq!(one, third);
}
