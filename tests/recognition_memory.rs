//! What recognition holds in memory, and that it is bounded whatever is typed; that reading it changes nothing.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/owner.rs"]
mod owner;
#[path = "common/workload.rs"]
mod workload;

use allocator::held_bytes;
use seclyzer::agent::recogniser::Recogniser;
use seclyzer::event::{Action, Event, GapReason, Key, Micros, Scope, Stamped};
use seclyzer::recognition::{Recognition, Saved, Settings, State, Told};
use std::sync::OnceLock;

/// Both models of an owner with 1,500 leaves a tree: the trees of the keys, live and kept, and the sums of the mouse.
const MODELS_BYTES: isize = 400_000;
/// Three trees in which nothing is learnt yet.
const EMPTY_STRANGER_BYTES: isize = 41_000;
/// What an open case holds at most, with its strokes on their way to the kept trees.
const CASE_BYTES: isize = 310_000;
/// The stranger of a case in which every pair of keys has occurred.
const STRANGER_BYTES: isize = 340_000;
/// Of a stroke of the mouse that does not end: its samples, and the grid on which it is measured.
const MOTION_BYTES: isize = 120_000;

const OTHERS: [&str; 14] = [
    "KEY_1",
    "KEY_2",
    "KEY_3",
    "KEY_4",
    "KEY_5",
    "KEY_COMMA",
    "KEY_DOT",
    "KEY_SLASH",
    "KEY_SPACE",
    "KEY_MINUS",
    "KEY_LEFTSHIFT",
    "KEY_RIGHTSHIFT",
    "KEY_BACKSPACE",
    "KEY_ENTER",
];

/// A stranger stays one.
fn settings() -> Settings {
    Settings { password_only: true, ..Settings::default() }
}

fn snapshot(recognition: &mut Recognition) -> Vec<u8> {
    let mut bytes = Vec::new();
    recognition.snapshot(|piece| bytes.extend(piece));
    bytes
}

/// A snapshot of the known owner, and when it ends.
fn known() -> &'static (Vec<u8>, Micros) {
    static KNOWN: OnceLock<(Vec<u8>, Micros)> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let (mut recognition, now_us) = owner::known();
        (snapshot(&mut recognition), now_us)
    })
}

#[test]
fn both_models_of_an_owner_with_many_keys_fit_into_their_memory() {
    let saved = Saved::from_json(&owner::many_keys()).expect("a saved state");
    let before = held_bytes();
    let recognition = Recognition::new(settings(), Some(&saved)).expect("a state that fits");
    let bytes = held_bytes() - before + size_of::<Recognition>() as isize;
    println!("both models, a stranger whom nobody has met, an empty case: {bytes} bytes");
    assert!(bytes < MODELS_BYTES + EMPTY_STRANGER_BYTES, "{bytes} bytes");
    assert!(recognition.saved().strokes() >= 15_000);
}

/// Events without end, a few at a time.
struct Typist {
    now_us: Micros,
    chance: u64,
    events: Vec<Stamped>,
}

impl Typist {
    fn at(now_us: Micros) -> Typist {
        Typist { now_us, chance: 1, events: Vec::new() }
    }

    /// A number below this one.
    fn below(&mut self, limit: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % limit
    }

    fn push(&mut self, ts_us: Micros, event: Event) {
        self.events.push(Stamped { ts_us, event });
    }

    fn key(&mut self, key: Key, after_us: Micros, held_us: Micros) {
        self.now_us += after_us;
        self.push(self.now_us, Event::Key { key, action: Action::Press });
        self.now_us += held_us;
        self.push(self.now_us, Event::Key { key, action: Action::Release });
    }

    fn named(&mut self, name: &str, after_us: Micros, held_us: Micros) {
        self.key(Key::named(name).expect("a key"), after_us, held_us);
    }

    /// Letters for the most part, or it would be no text.
    fn any_key(&mut self) {
        if self.below(4) > 0 {
            return self.letter();
        }
        let other = OTHERS[self.below(OTHERS.len() as u64) as usize];
        let (after_us, held_us) = (self.below(500_000) as Micros, 20_000 + self.below(200_000) as Micros);
        self.named(other, 20_000 + after_us, held_us);
    }

    fn letter(&mut self) {
        let letter = char::from(b'a' + self.below(26) as u8).to_string();
        let (after_us, held_us) = (30_000 + self.below(200_000) as Micros, 30_000 + self.below(100_000) as Micros);
        self.named(&format!("KEY_{}", letter.to_uppercase()), after_us, held_us);
    }

    fn burst(&mut self) {
        (0..6).for_each(|_| self.named("KEY_E", 1_000, 500));
    }

    fn gap(&mut self) {
        self.now_us += 1_000;
        self.push(self.now_us, Event::Gap { scope: Scope::All, reason: GapReason::Overrun });
    }

    fn point(&mut self) {
        let (dx, dy) = (self.below(60) as f64, self.below(40) as f64);
        for _ in 0..20 {
            self.now_us += 8_000;
            self.push(self.now_us, Event::Move { dx, dy });
        }
        self.now_us += 400_000;
    }
}

/// Has one thing done again and again, after `before`; none of it makes memory grow beyond what is bounded, or at all
/// from the middle on.
fn assert_bounded(what: &str, times: usize, before: impl Fn(&mut Typist), round: impl Fn(&mut Typist)) {
    let (known, now_us) = known();
    let empty_bytes = held_bytes();
    let mut recognition = Recognition::restore(settings(), known).expect("a snapshot");
    let begun_bytes = held_bytes();
    let mut typist = Typist::at(*now_us);
    before(&mut typist);
    let mut middle_bytes = 0;
    for time in 0..times {
        round(&mut typist);
        typist.events.drain(..).for_each(|event| recognition.push(&event, drop));
        if time == times / 2 {
            middle_bytes = held_bytes();
        }
    }
    // What is printed is held, too.
    let end_bytes = held_bytes();
    let (begun, grown) = (begun_bytes - empty_bytes, end_bytes - begun_bytes);
    println!("{what}: {begun} bytes, then {grown} more; {}", recognition.score().state.name());
    assert_eq!(end_bytes, middle_bytes, "{what}: memory grows");
    let typist_bytes = (typist.events.capacity() * size_of::<Stamped>()) as isize;
    let most_bytes = CASE_BYTES + STRANGER_BYTES + MOTION_BYTES + typist_bytes;
    assert!(grown < most_bytes, "{what}: {grown} bytes, at most {most_bytes}");
}

fn nothing(_: &mut Typist) {}

/// A case is open, of a stranger.
fn alarm(typist: &mut Typist) {
    (0..300).for_each(|_| typist.any_key());
}

#[test]
fn a_strangers_hundred_thousand_strokes_and_many_actions_need_no_more_memory_than_the_first() {
    assert_bounded("a stranger types", 100_000, alarm, Typist::any_key);
    assert_bounded("a stranger types and points", 10_000, alarm, |typist| {
        (0..5).for_each(|_| typist.any_key());
        typist.point();
    });
    assert_bounded("a stranger points", 10_000, alarm, Typist::point);
}

#[test]
fn a_game_needs_no_more_memory_however_long_it_is() {
    for before in [nothing as fn(&mut Typist), alarm] {
        assert_bounded("a game", 25_000, before, |typist| {
            for name in ["KEY_W", "KEY_A", "KEY_S", "KEY_D"] {
                typist.named(name, 100_000, 150_000);
            }
        });
    }
}

#[test]
fn what_no_hand_makes_needs_no_more_memory_however_often_it_comes() {
    for before in [nothing as fn(&mut Typist), alarm] {
        assert_bounded("bursts and strokes", 100_000 / 8, before, |typist| {
            typist.burst();
            typist.letter();
            typist.letter();
        });
        assert_bounded("bursts, gaps and strokes", 100_000 / 8, before, |typist| {
            typist.burst();
            typist.gap();
            typist.letter();
            typist.letter();
        });
    }
}

#[test]
fn a_line_or_a_word_that_never_ends_needs_no_more_memory() {
    for before in [nothing as fn(&mut Typist), alarm] {
        assert_bounded("a word without end", 100_000, before, Typist::letter);
        assert_bounded("a line without end", 100_000 / 6, before, |typist| {
            (0..5).for_each(|_| typist.letter());
            typist.named("KEY_SPACE", 100_000, 80_000);
        });
    }
}

#[test]
fn a_million_gaps_need_no_more_memory_than_a_few() {
    for before in [nothing as fn(&mut Typist), alarm] {
        assert_bounded("gaps", 1_000_000, before, Typist::gap);
        assert_bounded("gaps and strokes", 50_000, before, |typist| {
            typist.gap();
            typist.letter();
        });
    }
}

#[test]
fn keys_pressed_at_once_and_never_released_need_no_more_memory() {
    let wait = |typist: &mut Typist| {
        let key = Key::named("KEY_C").expect("a key");
        typist.push(typist.now_us, Event::Key { key, action: Action::Press });
        typist.now_us += 100_000;
    };
    assert_bounded("presses", 100_000, wait, |typist| {
        let key = Key::named(if typist.below(2) == 0 { "KEY_A" } else { "KEY_B" }).expect("a key");
        typist.push(typist.now_us, Event::Key { key, action: Action::Press });
    });
}

#[test]
fn what_is_learnt_in_ten_minutes_is_the_same_to_the_bit_whether_it_is_read_or_not_and_memory_stays_as_it_is() {
    const MINUTE_US: Micros = 60_000_000;
    let (known, now_us) = known();
    let restored = || Recogniser::new(Recognition::restore(Settings::default(), known).expect("a snapshot"));
    // Typing and pointing that never stop.
    let minutes: Vec<Vec<Stamped>> =
        (0..10).map(|minute| owner::work(*now_us + minute * MINUTE_US, MINUTE_US)).collect();
    let mut unread = restored();
    minutes.iter().flatten().for_each(|event| unread.push(event));
    unread.finish();

    let mut read = restored();
    let (mut records, mut held) = (Vec::with_capacity(1_000), [0; 10]);
    for (minute, held) in minutes.iter().zip(&mut held) {
        for event in minute {
            while let Some(due_us) = read.recognition.due_us().filter(|&due_us| due_us < event.ts_us) {
                read.tick(due_us);
                drop((read.recognition.score(), read.recognition.stored(), snapshot(&mut read.recognition)));
            }
            read.push(event);
            records.extend(read.exact());
        }
        *held = held_bytes();
    }
    read.finish();
    records.extend(read.exact());
    let learnt_keys = records.iter().rev().find_map(|told| match told {
        Told::Score(score) => Some(score.learnt_keys),
        Told::Decision(_) => None,
    });
    assert_eq!(records, unread.exact().collect::<Vec<_>>());
    assert!(read.recognition.stored() == unread.recognition.stored());
    assert!(snapshot(&mut read.recognition) == snapshot(&mut unread.recognition));
    assert!(held[4..].iter().all(|&bytes| bytes == held[4]), "{held:?}");
    assert!(learnt_keys > Some(3_000) && read.recognition.score().state == State::Owner, "{learnt_keys:?}");
}
