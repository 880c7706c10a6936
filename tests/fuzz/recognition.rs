//! What recognition begins with: a saved model, and the live state of a process before, which other programs of the
//! account may be able to write.
#![allow(dead_code, reason = "each test uses a part of it")]

use seclyzer::event::{Control, Event, Stamped, json};
use seclyzer::recognition::{Modality, Readiness, Recognition, Saved, Settings, Thresholds, Told};
use std::sync::LazyLock;

/// Bytes that are written into a good live state: where, as a number of three bytes, and what.
const PATCH: usize = 3 + 8;
/// In the trace of a takeover, where the stranger has typed and pointed for a while: a long case is open.
const OPEN_CASE: usize = 1_500;

fn settings() -> Settings {
    let readiness = Readiness { strokes: 500, ..Readiness::default() };
    Settings { thresholds: Thresholds::default(), readiness, password_only: false }
}

fn events(trace: &str) -> impl Iterator<Item = Stamped> {
    trace.lines().map(|line| json::parse(line.as_bytes()).expect("an event of a golden trace"))
}

fn takeover() -> &'static [Stamped] {
    static EVENTS: LazyLock<Vec<Stamped>> =
        LazyLock::new(|| events(include_str!("../recognition/golden/takeover.jsonl")).collect());
    &EVENTS
}

fn live_state_with_a_case() -> &'static [u8] {
    static SNAPSHOT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let saved = Saved::from_json(include_bytes!("../recognition/golden/owner.state.json")).expect("a model");
        let mut recognition = Recognition::new(settings(), Some(&saved)).expect("a model");
        takeover()[..OPEN_CASE].iter().for_each(|stamped| recognition.push(stamped, drop));
        recognition.snapshot_bytes()
    });
    &SNAPSHOT
}

/// Whatever the bytes are, they are refused or recognition goes on. An even first byte: all after it is the live state;
/// an odd one: patches to a good one, which reach further in.
pub fn live_state(bytes: &[u8]) {
    match bytes.split_first() {
        Some((first, raw)) if first % 2 == 0 => restore(raw),
        Some((_, patches)) => restore(&patched(live_state_with_a_case(), patches)),
        None => restore(bytes),
    }
}

fn patched(good: &[u8], patches: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let (patches, _) = patches.as_chunks::<PATCH>();
    for [high, middle, low, value @ ..] in patches {
        let place = u32::from_be_bytes([0, *high, *middle, *low]) as usize % bytes.len();
        let end = (place + value.len()).min(bytes.len());
        bytes[place..end].copy_from_slice(&value[..end - place]);
    }
    bytes
}

fn restore(bytes: &[u8]) {
    if let Ok(recognition) = Recognition::restore(settings(), bytes) {
        go_on(recognition);
    }
}

/// Whatever a model file contains, it is refused in few words or recognition begins with it.
pub fn model(bytes: &[u8]) {
    let recognition =
        Saved::from_json(bytes).and_then(|saved| Recognition::new(settings(), Some(&saved)).map(|with| (with, saved)));
    match recognition {
        Ok((recognition, saved)) => {
            assert!(saved.strokes() <= i64::MAX as u64 && saved.sittings <= i64::MAX as u64, "for the database");
            go_on(recognition);
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() < 300 && !told.chars().any(char::is_control), "{} bytes", told.len());
        }
    }
}

/// What recognition does in the rest of a life: judges, learns, is answered, ends, and begins anew from what it leaves.
fn go_on(mut recognition: Recognition) {
    let events = &takeover()[OPEN_CASE..];
    let at_us = events[0].ts_us;
    let (typed, more) = events.split_at(600);
    let control = |ts_us, control| Stamped { ts_us, event: Event::Control(control) };
    look_at(&mut recognition, typed);
    look_at(&mut recognition, &[control(typed[599].ts_us, Control::Unlock)]);
    let again = Recognition::restore(settings(), &recognition.snapshot_bytes());
    look_at(&mut again.expect("its own live state"), &more[..300]);
    let saved = recognition.stored();
    let text = saved.to_json();
    assert!(Saved::from_json(&text).is_ok_and(|again| again == saved), "its own model");
    Recognition::new(settings(), Some(&saved)).expect("its own model");
    let guest = Control::Guest { until_us: at_us };
    look_at(&mut recognition, &[control(at_us, guest), control(at_us + 1, Control::Lock)]);
    look_at(&mut recognition, &more[..100]);
    recognition.finish(drop);
    recognition.import(at_us, &saved, drop).expect("its own model");
    recognition.forget(at_us, Modality::Keys, drop);
    recognition.forget(at_us, Modality::Mouse, drop);
}

/// What comes of events are numbers.
fn look_at(recognition: &mut Recognition, events: &[Stamped]) {
    for stamped in events {
        recognition.push(stamped, |told| {
            if let Told::Score(score) = told {
                let figures = [score.evidence, score.by_keys, score.by_mouse, score.learnt_actions];
                assert!(figures.iter().all(|figure| figure.is_finite()), "{figures:?}");
                assert!(score.trust.is_none_or(|trust| (0.0..=100.0).contains(&trust)));
            }
        });
    }
}
