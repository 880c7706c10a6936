//! What holds for any events, any vectors and any order of learning.

use super::*;
use crate::event::{self, Micros};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Input {
    Move(f64, f64),
    Position(f64, f64),
    Button(event::Action),
    Scroll(f64),
    End,
    Reset,
}

/// Of a hand, of the contract's limits, and of no device at all.
fn counts() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-40i32..=40).prop_map(f64::from),
        2 => -1e6..=1e6f64,
        1 => prop::sample::select(vec![1e6, -1e6, f64::MAX, f64::MIN, f64::INFINITY, f64::NAN, 1e-300, f64::MIN_POSITIVE]),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        12 => (counts(), counts()).prop_map(|(dx, dy)| Input::Move(dx, dy)),
        2 => (counts(), counts()).prop_map(|(x, y)| Input::Position(x, y)),
        2 => prop::sample::select(vec![event::Action::Press, event::Action::Release]).prop_map(Input::Button),
        2 => counts().prop_map(Input::Scroll),
        1 => Just(Input::End),
        1 => Just(Input::Reset),
    ]
}

/// How far time moves on.
fn step_us() -> impl Strategy<Value = Micros> {
    prop_oneof![
        12 => 5_000..30_000i64,
        2 => prop::sample::select(vec![0, 1, 7_500, 10_000, 300_000, 300_001]),
        1 => -1_000_000..20_000_000i64,
        1 => prop::sample::select(vec![Micros::MAX, Micros::MIN]),
    ]
}

fn feed(strokes: &mut Strokes, ts_us: Micros, input: &Input) {
    match *input {
        Input::Move(dx, dy) => strokes.push_move(ts_us, dx, dy),
        Input::Position(x, y) => strokes.push_position(ts_us, x, y),
        Input::Button(action) => strokes.push_button(ts_us, action),
        Input::Scroll(delta) => strokes.push_scroll(ts_us, delta),
        Input::End => strokes.end(),
        Input::Reset => strokes.reset(),
    }
}

fn vector() -> impl Strategy<Value = Vector> {
    let kinds = vec![ActionKind::Move, ActionKind::Click, ActionKind::Drag, ActionKind::Bare, ActionKind::Scroll];
    let features = prop::array::uniform20(prop::option::of(-12.0..12.0f64));
    (prop::sample::select(kinds), features)
        .prop_map(|(kind, features)| Vector::of(&Action { kind, start_us: 0, end_us: 0, features }))
}

fn sittings() -> impl Strategy<Value = Vec<Vec<Vector>>> {
    prop::collection::vec(prop::collection::vec(vector(), 0..70), 1..4)
}

fn taught<'a>(sittings: impl IntoIterator<Item = &'a Vec<Vector>>) -> Owner {
    let mut owner = Owner::new();
    for sitting in sittings {
        sitting.iter().for_each(|vector| owner.learn(vector));
        owner.end_block();
    }
    owner
}

fn numbers(saved: &SavedMouse) -> Vec<f64> {
    let SavedMouse { actions, n, sum, square, blocks, bsum, bsquare, binverse } = saved;
    let fields = [n, sum, square, blocks, bsum, bsquare, binverse];
    [*actions].into_iter().chain(fields.into_iter().flatten().copied()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_events_give_finite_actions_vectors_and_evidence(
        events in prop::collection::vec((step_us(), input()), 0..250),
    ) {
        let mut strokes = Strokes::default();
        let (mut owner, mut window, mut level) = (Owner::new(), Window::new(0.9), Level::default());
        let mut ts_us: Micros = 1_790_000_000_000_000;
        for (step_us, input) in &events {
            ts_us = ts_us.saturating_add(*step_us);
            feed(&mut strokes, ts_us, input);
            let actions: Vec<Action> = std::iter::from_fn(|| strokes.pop()).collect();
            prop_assert!(actions.len() <= 3);
            for action in actions {
                prop_assert!(action.features.iter().flatten().all(|feature| feature.is_finite()), "{action:?}");
                let vector = Vector::of(&action);
                prop_assert!(vector.values().all(|(_, value)| value.abs() <= constants::FARTHEST));
                owner.learn(&vector);
                window.add(&vector);
                let llr = window.llr(&owner);
                level.learn(llr);
                prop_assert!(llr.is_finite() && level.at(llr).is_finite());
            }
        }
        prop_assert!(Owner::load(&owner.save()).is_ok());
        prop_assert!(Level::try_from(<[f64; 3]>::from(level)).is_ok());
    }

    #[test]
    fn what_is_learnt_does_not_depend_on_the_order_of_sittings(sittings in sittings()) {
        let (forwards, backwards) = (taught(&sittings).save(), taught(sittings.iter().rev()).save());
        for (a, b) in numbers(&forwards).into_iter().zip(numbers(&backwards)) {
            prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn what_is_saved_is_loaded_unchanged_and_judges_alike(sittings in sittings(), recent in prop::collection::vec(vector(), 1..30)) {
        let owner = taught(&sittings);
        let loaded = Owner::load(&owner.save()).expect("its own state");
        prop_assert_eq!(&loaded, &owner);
        let mut window = Window::new(0.9);
        recent.iter().for_each(|vector| window.add(vector));
        prop_assert_eq!(window.llr(&loaded), window.llr(&owner));
    }
}
