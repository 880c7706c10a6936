//! The live state over a restart: what was in it goes on, and whatever stands there in its place does no harm.

mod common;
#[path = "fuzz/recognition.rs"]
mod fuzz;

use common::{generator, parse};
use proptest::prelude::*;
use seclyzer::event::{Event, Stamped};
use seclyzer::recognition::{Readiness, Recognition, Saved, Settings, State, Told};
use std::collections::HashSet;
use std::path::Path;

const GOLDEN: [&str; 9] = ["day", "expander", "fresh", "gone", "layouts", "long_alarm", "mixed", "play", "takeover"];

fn golden(name: &str) -> Vec<Stamped> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recognition/golden").join(name);
    parse(&std::fs::read_to_string(path.with_extension("jsonl")).expect("a golden trace"))
}

fn owner() -> Recognition {
    let saved = Saved::from_json(include_bytes!("recognition/golden/owner.state.json")).expect("a model");
    Recognition::new(Settings::default(), Some(&saved)).expect("a model")
}

/// How many strokes have taught what is stored.
fn strokes(stored: &Saved) -> u64 {
    stored.keys.as_ref().expect("a model of the keys").strokes
}

/// Takes an event at a time, and restores the state so often; it must have lost nothing but strokes of an open case, which
/// are stored as the owner's and stay out of the live state.
fn push_and_restart(recognition: &mut Recognition, events: &[Stamped], interval: usize) -> Result<(), TestCaseError> {
    for (i, stamped) in events.iter().enumerate() {
        recognition.push(stamped, drop);
        if i % interval == interval - 1 {
            recognition.suspend(drop);
            let (score, before) = (recognition.score(), recognition.stored());
            let snapshot = recognition.snapshot_bytes();
            let (kept, stored) = (recognition.saved(), recognition.stored());
            prop_assert!(stored == before, "event {}: what is to be stored has changed by the snapshot", i);
            let restored = Recognition::restore(Settings::default(), &snapshot);
            *recognition = restored.map_err(|error| TestCaseError::fail(format!("event {i}: {error}")))?;
            prop_assert_eq!(recognition.score(), score);
            prop_assert!(recognition.saved() == kept, "event {}: what is kept has changed", i);
            let after = recognition.stored();
            let of_the_mouse = |saved: &Saved| (saved.mouse.clone(), saved.level, saved.sittings);
            prop_assert!(of_the_mouse(&after) == of_the_mouse(&stored), "event {}: what is stored of the mouse", i);
            // Where no stroke waits in an open case all is as it was.
            let is_some_lost = (strokes(&kept)..strokes(&stored)).contains(&strokes(&after));
            prop_assert!(after == stored || is_some_lost, "event {}: what is to be stored has changed", i);
            let again = Recognition::restore(Settings::default(), &recognition.snapshot_bytes()).expect("a live state");
            prop_assert!(again.stored() == after, "event {}: what the restart has kept is lost by another one", i);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_state_of_any_moment_of_a_golden_trace_is_restored(
        name in prop::sample::select(&GOLDEN[..]),
        interval in 20_usize..2_000,
    ) {
        push_and_restart(&mut owner(), &golden(name), interval)?;
    }

    #[test]
    fn the_state_of_any_moment_of_any_events_is_restored(events in generator::events(), interval in 20_usize..2_000) {
        push_and_restart(&mut owner(), &events, interval)?;
    }
}

/// A number of eight bytes that comes out of no learning, or out of a mistake.
fn wild() -> impl Strategy<Value = [u8; 8]> {
    let float = prop::sample::select(vec![
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        -1.0,
        -0.0,
        f64::MIN_POSITIVE,
        1e-300,
        1e300,
        1e15,
    ]);
    prop_oneof![
        float.prop_map(f64::to_le_bytes),
        any::<f64>().prop_map(f64::to_le_bytes),
        // The longest numbers, and lengths, there are.
        Just([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Just([0xff; 8]),
        Just([0; 8]),
        any::<[u8; 8]>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn wild_numbers_in_a_live_state_are_refused_or_gone_on_from(
        patches in prop::collection::vec((0_u32..1 << 24, wild()), 1..6),
    ) {
        let patches = patches.iter().flat_map(|(place, value)| [&place.to_be_bytes()[1..], value].concat());
        let bytes: Vec<u8> = [1].into_iter().chain(patches).collect();
        fuzz::live_state(&bytes);
    }

    #[test]
    fn bytes_of_any_kind_are_no_live_state(bytes in prop::collection::vec(any::<u8>(), 0..4_096)) {
        fuzz::live_state(&bytes);
    }
}

#[test]
fn a_live_state_that_is_cut_off_goes_on_behind_its_end_or_is_of_another_version_is_refused() {
    let good = owner().snapshot_bytes();
    let restore = |bytes: &[u8]| Recognition::restore(Settings::default(), bytes).map(drop);
    assert_eq!(restore(&good), Ok(()));
    let refusal = |bytes: &[u8]| restore(bytes).expect_err("no live state").to_string();
    assert!(refusal(&good[..good.len() - 1]).contains("not a live state"));
    assert!(refusal(&[&good, &[0][..]].concat()).contains("no use leads to"));
    assert!(refusal(&[&[good[0] + 1], &good[1..]].concat()).contains("another version"));
    assert!(refusal(&[]).contains("not a live state"));
}

#[test]
fn no_stroke_is_in_the_live_state_with_its_time_so_that_nobody_can_tell_in_which_order_keys_were_pressed() {
    for name in GOLDEN {
        let (mut recognition, mut times) = (owner(), Vec::new());
        for (i, stamped) in golden(name).iter().enumerate() {
            recognition.push(stamped, drop);
            if matches!(stamped.event, Event::Key { .. }) {
                times.push(postcard::to_allocvec(&stamped.ts_us).expect("a number"));
            }
            if i % 500 == 499 {
                let (snapshot, bytes) = (recognition.snapshot_bytes(), times[0].len());
                let there: HashSet<&[u8]> = snapshot.windows(bytes).collect();
                assert!(
                    times.iter().all(|time| time.len() == bytes && !there.contains(&time[..])),
                    "{name}, event {i}"
                );
            }
        }
    }
}

#[test]
fn where_more_has_to_be_learnt_since_the_restart_nobody_is_judged_until_it_is() {
    let readiness = Readiness { strokes: 100_000, actions: 100_000, sittings: 3 };
    let settings = Settings { readiness, ..Settings::default() };
    let mut recognition = owner();
    assert_eq!(recognition.score().state, State::Owner);
    let restored = Recognition::restore(settings, &recognition.snapshot_bytes()).expect("its own");
    assert_eq!(restored.score().state, State::Learning);
}

#[test]
fn a_doubt_and_an_alarm_outlive_a_restart() {
    let events = golden("takeover");
    let states = |restart: Option<usize>| {
        let (mut recognition, mut states) = (owner(), Vec::new());
        for (i, stamped) in events.iter().enumerate() {
            if restart == Some(i) {
                recognition.suspend(drop);
                let snapshot = recognition.snapshot_bytes();
                recognition = Recognition::restore(Settings::default(), &snapshot).expect("its own");
            }
            recognition.push(stamped, |told| {
                if let Told::Decision(change) = told {
                    states.push(change.to);
                }
            });
        }
        states
    };
    let undisturbed = states(None);
    // Before the stranger comes, in the middle of the doubt, while the stranger is there, and after the owner's answer.
    for event in [700, 857, 1_500, 3_000] {
        assert_eq!(states(Some(event)), undisturbed, "restarted before event {event}");
    }
}

#[test]
fn a_restart_forgets_the_strokes_of_an_open_case_and_no_others() {
    let mut recognition = owner();
    for stamped in &golden("play")[..556] {
        recognition.push(stamped, drop);
    }
    recognition.suspend(drop);
    let snapshot = recognition.snapshot_bytes();
    let restored = Recognition::restore(Settings::default(), &snapshot).expect("a live state");
    let [kept, stored, restored] =
        [recognition.saved(), recognition.stored(), restored.stored()].map(|all| strokes(&all));
    assert!(kept < stored, "a case is open: {kept} of {stored}");
    assert_eq!(restored, kept);
}
