//! What is stored of an owner who types and points does not depend on a secret either, although the secret decides when
//! the open case is closed, and so when actions of the mouse are learnt: whatever comes after it.

mod common;

use common::parse;
use seclyzer::event::{Action, Control, Event, Key, Micros, Stamped};
use seclyzer::recognition::{Recognition, Saved, Settings, Told};

const SECOND_US: Micros = 1_000_000;
/// Longer than a sitting lasts without input.
const IDLE_US: Micros = 1_000 * SECOND_US;
const SECRETS: usize = 60;

/// The first half minute of the owner's day: typing and pointing in turns, each about ten seconds long.
fn morning() -> Vec<Stamped> {
    let mut events = parse(include_str!("recognition/golden/day.jsonl"));
    let is_before_any_gap = |event: &Stamped| !matches!(event.event, Event::Gap { .. });
    events.truncate(events.iter().take_while(|event| is_before_any_gap(event)).count());
    events
}

fn owner() -> Recognition {
    let saved = Saved::from_json(include_bytes!("recognition/golden/owner.state.json")).expect("a model");
    Recognition::new(Settings::default(), Some(&saved)).expect("a model")
}

/// Ten letters that look like chance.
fn secret(number: usize) -> Vec<Key> {
    let mut random = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut letter = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letter = (b'A' + ((random >> 33) % 26) as u8) as char;
        Key::named(&format!("KEY_{letter}")).expect("a letter")
    };
    (0..10).map(|_| letter()).collect()
}

/// Somebody at the desk, and what is stored at each moment that is looked at.
struct Desk {
    recognition: Recognition,
    now_us: Micros,
    stored: Vec<Vec<u8>>,
    decisions: usize,
    /// What speaks against the owner when the secret has been typed.
    against: f64,
}

impl Desk {
    fn push(&mut self, ts_us: Micros, event: Event) {
        self.now_us = ts_us;
        let decisions = &mut self.decisions;
        self.recognition
            .push(&Stamped { ts_us, event }, |told| *decisions += usize::from(matches!(told, Told::Decision(_))));
    }

    /// Does what was done at another time, from now on.
    fn repeat(&mut self, events: &[Stamped]) {
        let shift_us = self.now_us + SECOND_US - events[0].ts_us;
        for Stamped { ts_us, event } in events {
            self.push(ts_us + shift_us, event.clone());
        }
        self.look();
    }

    fn tap(&mut self, key: Key, after_us: Micros, held_us: Micros) {
        let press_us = self.now_us + after_us;
        self.push(press_us, Event::Key { key, action: Action::Press });
        self.push(press_us + held_us, Event::Key { key, action: Action::Release });
    }

    fn look(&mut self) {
        self.stored.push(self.recognition.stored().to_json());
    }
}

/// A day with this secret in it.
fn lived(secret: &[Key]) -> Desk {
    let key = |name| Key::named(name).expect("a key");
    let morning = morning();
    let is_key = |event: &Stamped| matches!(event.event, Event::Key { .. });
    // In between the pointer trembles.
    let mut parts = morning.chunk_by(|one, other| is_key(one) == is_key(other)).filter(|part| part.len() > 20);
    let mut part = || parts.next().expect("another part");
    let (typing, pointing, more_typing, more_pointing) = (part(), part(), part(), part());
    let begin_us = morning[0].ts_us - SECOND_US;
    let mut desk = Desk { recognition: owner(), now_us: begin_us, stored: Vec::new(), decisions: 0, against: 0.0 };
    desk.repeat(typing);
    desk.tap(key("KEY_ENTER"), 200_000, 80_000);
    for (i, &key) in secret.iter().enumerate() {
        desk.tap(key, 70_000 + 9_000 * (i as Micros % 5), 70_000 + 3_000 * (i as Micros % 3));
    }
    desk.tap(key("KEY_ENTER"), 200_000, 80_000);
    desk.recognition.clone().finish(|told| {
        if let Told::Score(score) = told {
            desk.against = score.evidence;
        }
    });
    desk.look();
    desk.repeat(pointing);
    desk.repeat(more_typing);
    desk.repeat(more_pointing);
    desk.now_us += IDLE_US;
    desk.repeat(pointing);
    for i in 0..1_500 {
        desk.tap(key("KEY_DOWN"), 120_000, 80_000);
        if i % 500 == 0 {
            desk.look();
        }
    }
    desk.repeat(more_pointing);
    let until_us = desk.now_us + 60 * SECOND_US;
    desk.push(desk.now_us, Event::Control(Control::Guest { until_us }));
    desk.look();
    desk
}

#[test]
fn a_password_changes_nothing_that_is_stored_though_it_decides_when_cases_close() {
    let lives: Vec<Desk> = (0..SECRETS).map(|number| lived(&secret(number))).collect();
    let calm: Vec<&Desk> = lives.iter().filter(|desk| desk.decisions == 1).collect();
    assert!(calm.len() >= SECRETS / 2, "but for the guest nothing was decided in {} of {SECRETS} lives", calm.len());
    let open = calm.iter().filter(|desk| desk.against > 0.0).count();
    assert!(open >= 5 && calm.len() - open >= 5, "{open} of {} secrets leave a case open", calm.len());
    for desk in &calm {
        let different = desk.stored.iter().zip(&calm[0].stored).position(|(one, other)| one != other);
        assert_eq!((desk.stored.len(), different), (calm[0].stored.len(), None), "what is stored");
    }
    assert!(calm[0].stored.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 5, "nothing is learnt");
}
