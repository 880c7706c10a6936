//! Conversations of nodes, and what is counted of them.

use super::*;
use crate::event::{Action, Button, GapReason, Key, Scope};
use proptest::prelude::*;

const PHYSICAL: bool = false;
const VIRTUAL: bool = true;
const KEY_A: u16 = 30;
const KEY_B: u16 = 48;
const HOLD_US: Micros = 80_000;

fn key(ts_us: Micros, code: u16, action: Action) -> Stamped {
    Stamped { ts_us, event: Event::Key { key: Key::from_code(code), action } }
}

fn press(ts_us: Micros, code: u16) -> Stamped {
    key(ts_us, code, Action::Press)
}

fn release(ts_us: Micros, code: u16) -> Stamped {
    key(ts_us, code, Action::Release)
}

fn motion(ts_us: Micros, dx: f64) -> Stamped {
    Stamped { ts_us, event: Event::Move { dx, dy: 1.0 } }
}

/// A key that is pressed and let go by a node.
fn stroke(node: usize, ts_us: Micros, code: u16) -> [(usize, Stamped); 2] {
    [(node, press(ts_us, code)), (node, release(ts_us + HOLD_US, code))]
}

/// What is counted of a conversation, with the node that said it.
fn counted_with_nodes(nodes: &[bool], said: &[(usize, Stamped)]) -> Vec<(usize, Stamped)> {
    let mut echoes = Echoes::default();
    let speakers: Vec<_> = nodes.iter().map(|&is_virtual| echoes.join(is_virtual)).collect();
    said.iter().filter(|(node, event)| !echoes.is_echo(speakers[*node], event)).cloned().collect()
}

fn counted(nodes: &[bool], said: &[(usize, Stamped)]) -> Vec<Stamped> {
    counted_with_nodes(nodes, said).into_iter().map(|(_, event)| event).collect()
}

/// Strokes that the first node begins, one in 200 ms, and others repeat after so long a time; in order of time.
fn repeated(strokes: Micros, delays_us: &[Micros]) -> Vec<(usize, Stamped)> {
    let mut said = Vec::new();
    for i in 0..strokes {
        let code = KEY_A + (i % 7) as u16;
        said.extend(stroke(0, 200_000 * i, code));
        for (node, delay_us) in (1..).zip(delays_us) {
            said.extend(stroke(node, 200_000 * i + delay_us, code));
        }
    }
    said.sort_by_key(|(_, event)| event.ts_us);
    said
}

#[test]
fn a_virtual_device_is_counted_when_the_physical_one_is_silent() {
    let said = [press(0, KEY_A), release(90_000, KEY_A), press(120_000, KEY_B)];
    assert_eq!(counted(&[PHYSICAL, VIRTUAL], &said.clone().map(|event| (1, event))), said);
}

#[test]
fn a_remapper_that_starts_in_between_takes_over_without_a_key_lost_or_counted_twice() {
    let said = [press(0, KEY_A), release(90_000, KEY_A), press(200_000, KEY_A), press(300_000, KEY_B)];
    let [physical_1, physical_2, virtual_1, virtual_2] = said.clone();
    let told = [(0, physical_1), (0, physical_2), (1, virtual_1), (1, virtual_2)];
    assert_eq!(counted(&[PHYSICAL, VIRTUAL], &told), said);
}

#[test]
fn what_other_nodes_repeat_is_counted_once_from_the_first_stroke_on() {
    let chains = [
        ([PHYSICAL, VIRTUAL, VIRTUAL], "a mirror of a keyboard, and one of that mirror"),
        ([VIRTUAL, VIRTUAL, VIRTUAL], "mirrors of a remapper's device"),
        ([PHYSICAL, PHYSICAL, PHYSICAL], "a keyboard that reports each key on three nodes"),
    ];
    for (nodes, what) in chains {
        let told = counted_with_nodes(&nodes, &repeated(20, &[600, 1_400]));
        assert_eq!(told.len(), 40, "{what}");
        assert!(told.iter().all(|(node, _)| *node == 0), "{what}: the original's time is the true one");
    }
}

#[test]
fn nodes_that_report_each_key_count_once_whichever_of_them_is_first() {
    let mut said = repeated(20, &[900]);
    for (i, (node, _)) in said.iter_mut().enumerate() {
        // Two events of each: first the one, then the other.
        *node = if i / 2 % 3 == 0 { 1 - *node } else { *node };
    }
    assert_eq!(counted(&[PHYSICAL, PHYSICAL], &said).len(), 40);
}

#[test]
fn buttons_are_repeated_like_keys() {
    let click = |ts_us| Stamped { ts_us, event: Event::Button { button: Button::Left, action: Action::Press } };
    for nodes in [[PHYSICAL, VIRTUAL], [VIRTUAL, VIRTUAL], [PHYSICAL, PHYSICAL]] {
        assert_eq!(counted(&nodes, &[(0, click(0)), (1, click(700))]), [click(0)]);
    }
}

#[test]
fn what_differs_in_key_action_or_time_is_no_echo() {
    for other in [press(1_000, KEY_B), release(1_000, KEY_A), press(ECHO_US + 1, KEY_A)] {
        let told = [(0, press(0, KEY_A)), (1, other.clone())];
        assert_eq!(counted(&[PHYSICAL, VIRTUAL], &told), [press(0, KEY_A), other]);
    }
}

#[test]
fn a_node_repeats_each_stroke_once_and_itself_never() {
    // A text expander writes the same letter twice within an instant.
    let fast = [press(0, KEY_A), release(500, KEY_A), press(1_000, KEY_A), release(1_500, KEY_A)];
    let mirrored = fast.clone().map(|event| (1, Stamped { ts_us: event.ts_us + 200, ..event }));
    let mut said = [fast.clone().map(|event| (0, event)), mirrored].concat();
    assert_eq!(counted(&[VIRTUAL, VIRTUAL], &said), fast, "what one drain reads of each");
    said.sort_by_key(|(_, event)| event.ts_us);
    assert_eq!(counted(&[VIRTUAL, VIRTUAL], &said), fast);
}

#[test]
fn the_same_key_on_another_node_counts_when_it_is_too_late_for_an_echo() {
    for nodes in [[PHYSICAL, VIRTUAL], [VIRTUAL, VIRTUAL], [PHYSICAL, PHYSICAL]] {
        assert_eq!(counted(&nodes, &repeated(20, &[ECHO_US])).len(), 40);
        assert_eq!(counted(&nodes, &repeated(20, &[ECHO_US + 1])).len(), 80);
    }
}

#[test]
fn a_mirror_that_changes_some_keys_still_repeats_the_others() {
    let mut said = repeated(60, &[600]);
    for (node, event) in &mut said {
        if let (1, Event::Key { key, .. }) = (&node, &mut event.event)
            && [KEY_A, KEY_A + 3].contains(&key.code())
        {
            *key = Key::from_code(KEY_B + 1);
        }
    }
    let own = said.iter().filter(|(_, event)| event.event == press(0, KEY_B + 1).event).count();
    assert!(own > 10);
    let told = counted(&[PHYSICAL, VIRTUAL], &said);
    assert_eq!(told.len(), 120 + 2 * own);
}

#[test]
fn two_keyboards_that_agree_by_accident_lose_nothing() {
    // Somebody types at each of them; every fifth stroke is the same key within a millisecond.
    let mut said = Vec::new();
    for i in 0..100 {
        let code = KEY_A + (i % 5) as u16;
        let (other, delay_us) = if i % 5 == 4 { (code, 1_000) } else { (code + 5, 70_000) };
        said.extend(stroke(0, 200_000 * i, code));
        said.extend(stroke(1, 200_000 * i + delay_us, other));
    }
    said.sort_by_key(|(_, event)| event.ts_us);
    for nodes in [[PHYSICAL, PHYSICAL], [VIRTUAL, VIRTUAL]] {
        assert_eq!(counted(&nodes, &said).len(), said.len());
    }
    // A remapper's device, with a keyboard of its own, loses some until it has said enough by itself.
    let told = counted(&[PHYSICAL, VIRTUAL], &said);
    let late = |said: &[(usize, Stamped)]| said.iter().filter(|(_, event)| event.ts_us > 5_000_000).count();
    assert_eq!(told.iter().filter(|event| event.ts_us > 5_000_000).count(), late(&said));
    assert!(said.len() - told.len() <= 6, "{} of {}", told.len(), said.len());
}

#[test]
fn who_is_mirrored_loses_nothing_to_a_third_keyboard() {
    let mut said = repeated(50, &[500]);
    // The third one types keys of its own, and now and then the same as the first, an instant before it.
    for i in 0..50 {
        said.extend(stroke(2, 200_000 * i + 100_000, KEY_B + 2));
        if i % 10 == 9 {
            let code = KEY_A + (i % 7) as u16;
            said.extend(stroke(2, 200_000 * i - 700, code));
        }
    }
    said.sort_by_key(|(_, event)| event.ts_us);
    let told = counted_with_nodes(&[PHYSICAL, VIRTUAL, PHYSICAL], &said);
    let of = |node: usize| told.iter().filter(|(speaker, _)| *speaker == node).count();
    assert_eq!([of(0), of(1), of(2)], [100, 0, 110]);
}

#[test]
fn motion_is_repeated_by_virtual_devices_alone() {
    let told = [(0, motion(0, 3.0)), (1, motion(200, 3.0)), (1, motion(300, 4.0))];
    assert_eq!(counted(&[PHYSICAL, VIRTUAL], &told), [motion(0, 3.0), motion(300, 4.0)]);
    assert_eq!(counted(&[VIRTUAL, VIRTUAL], &told), [motion(0, 3.0), motion(300, 4.0)]);
    let said = told.clone().map(|(_, event)| event);
    assert_eq!(counted(&[PHYSICAL, PHYSICAL], &told), said, "two mice move alike");
}

#[test]
fn no_time_makes_the_comparison_fail() {
    for (first, second) in [(Micros::MAX, Micros::MIN), (Micros::MIN, Micros::MAX)] {
        let said = [(0, press(first, KEY_A)), (1, press(second, KEY_A))];
        assert_eq!(counted(&[VIRTUAL, VIRTUAL], &said).len(), 2);
    }
}

#[test]
fn gaps_of_both_devices_are_told() {
    let gap = |ts_us| Stamped { ts_us, event: Event::Gap { scope: Scope::Mouse, reason: GapReason::Overrun } };
    assert_eq!(counted(&[PHYSICAL, VIRTUAL], &[(0, gap(0)), (1, gap(10))]), [gap(0), gap(10)]);
}

#[test]
fn who_comes_in_the_place_of_another_is_judged_anew() {
    let mut echoes = Echoes::default();
    let keyboard = echoes.join(PHYSICAL);
    let gone = echoes.join(PHYSICAL).expect("room");
    for ts_us in 0..20 {
        assert!(!echoes.is_echo(Some(gone), &press(1_000_000 * ts_us, KEY_B)), "it speaks for itself");
    }
    echoes.leave(gone);
    let twin = echoes.join(PHYSICAL);
    assert_eq!(twin, Some(gone), "its place is taken");
    assert!(!echoes.is_echo(keyboard, &press(50_000_000, KEY_A)));
    assert!(echoes.is_echo(twin, &press(50_000_500, KEY_A)));
}

#[test]
fn memory_is_bounded_and_keeps_what_is_newest() {
    let mut echoes = Echoes::default();
    let (keyboard, mirror) = (echoes.join(PHYSICAL), echoes.join(VIRTUAL));
    for ts_us in 0..10_000 {
        assert!(!echoes.is_echo(keyboard, &press(ts_us, KEY_A)));
    }
    assert_eq!((echoes.strokes.recent.len(), echoes.strokes.recent.capacity()), (CAPACITY, CAPACITY));
    assert!(echoes.is_echo(mirror, &press(10_000, KEY_A)));
    let others: Vec<_> = (2..=COMPARED).map(|_| echoes.join(PHYSICAL)).collect();
    assert_eq!(others.iter().filter(|other| other.is_none()).count(), 1, "no more than can be compared");
    assert!(!echoes.is_echo(None, &press(10_001, KEY_A)));
}

proptest! {
    #[test]
    fn of_one_node_nothing_is_ever_an_echo(times in prop::collection::vec((0i64..50_000, 30u16..33, any::<bool>()), 0..200), is_virtual: bool) {
        let mut now_us = 0;
        let said: Vec<_> = times.into_iter().map(|(pause_us, code, down)| {
            now_us += pause_us;
            (0, key(now_us, code, if down { Action::Press } else { Action::Release }))
        }).collect();
        prop_assert_eq!(counted(&[is_virtual, PHYSICAL], &said).len(), said.len());
    }
}
