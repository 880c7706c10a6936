//! Recorded `input_event` bytes in, events out.

mod contacts;
mod multitouch;

use super::*;
use proptest::prelude::*;

const EV_MSC: u16 = 4;
const REL_HWHEEL: u16 = 6;
const REL_HWHEEL_HI_RES: u16 = 12;
const KEY_A: u16 = 30;
const KEY_B: u16 = 48;
const BTN_RIGHT: u16 = 0x111;
const BTN_SIDE: u16 = 0x113;

const BOTH: Modalities = Modalities { keystroke: true, mouse: true };
const PAD: Surface = Surface::Touchpad { counts_per_detent: 100 };

/// (µs, type, code, value), as `evtest` shows them.
type Line = (i64, u16, u16, i32);

fn report(ts_us: i64) -> Line {
    (ts_us, EV_SYN, SYN_REPORT, 0)
}

fn dropped(ts_us: i64) -> Line {
    (ts_us, EV_SYN, SYN_DROPPED, 0)
}

/// What the kernel writes for a line.
fn bytes(&(ts_us, kind, code, value): &Line) -> [u8; RAW_LEN] {
    let mut bytes = [0; RAW_LEN];
    bytes[..WORD].copy_from_slice(&((ts_us / 1_000_000) as isize).to_ne_bytes());
    bytes[WORD..2 * WORD].copy_from_slice(&((ts_us % 1_000_000) as isize).to_ne_bytes());
    bytes[2 * WORD..2 * WORD + 2].copy_from_slice(&kind.to_ne_bytes());
    bytes[2 * WORD + 2..2 * WORD + 4].copy_from_slice(&code.to_ne_bytes());
    bytes[2 * WORD + 4..].copy_from_slice(&value.to_ne_bytes());
    bytes
}

fn decoded_from(modalities: Modalities, surface: Surface, lines: &[Line]) -> Vec<Stamped> {
    let mut decoder = Decoder::new(modalities, surface);
    let mut out = Vec::new();
    for line in lines {
        decoder.feed(Raw::parse(&bytes(line)), &mut out);
    }
    out
}

fn decoded(lines: &[Line]) -> Vec<Stamped> {
    decoded_from(BOTH, Surface::None, lines)
}

fn press(ts_us: i64, code: u16) -> Stamped {
    Stamped { ts_us, event: Event::Key { key: Key::from_code(code), action: Action::Press } }
}

fn release(ts_us: i64, code: u16) -> Stamped {
    Stamped { ts_us, event: Event::Key { key: Key::from_code(code), action: Action::Release } }
}

fn click(ts_us: i64, button: &str, action: Action) -> Stamped {
    Stamped { ts_us, event: Event::Button { button: Button::named(button), action } }
}

fn moved(ts_us: i64, dx: f64, dy: f64) -> Stamped {
    Stamped { ts_us, event: Event::Move { dx, dy } }
}

fn touched(ts_us: i64) -> Stamped {
    Stamped { ts_us, event: Event::Touch }
}

fn scrolled(ts_us: i64, delta: f64) -> Stamped {
    Stamped { ts_us, event: Event::Scroll { delta } }
}

fn overrun(ts_us: i64, scope: Scope) -> Stamped {
    Stamped { ts_us, event: Event::Gap { scope, reason: GapReason::Overrun } }
}

#[test]
fn typing_with_rollover_keeps_every_key_and_its_kernel_time() {
    let typed = decoded(&[
        (7_000_000, EV_MSC, 4, 0x70004),
        (7_000_000, EV_KEY, KEY_A, 1),
        report(7_000_000),
        (7_080_123, EV_KEY, KEY_B, 1),
        report(7_080_123),
        (7_095_456, EV_KEY, KEY_A, 0),
        report(7_095_456),
        (7_170_789, EV_KEY, KEY_B, 0),
        report(7_170_789),
    ]);
    let expected =
        [press(7_000_000, KEY_A), press(7_080_123, KEY_B), release(7_095_456, KEY_A), release(7_170_789, KEY_B)];
    assert_eq!(typed, expected);
}

#[test]
fn autorepeat_is_no_typing() {
    let held = [(0, EV_KEY, KEY_A, 1), report(0), (250, EV_KEY, KEY_A, 2), report(250), (283, EV_KEY, KEY_A, 2)];
    assert_eq!(decoded(&held), [press(0, KEY_A)]);
}

#[test]
fn what_the_kernel_lets_go_in_the_place_of_fingers_is_not_released() {
    let unplugged = [
        (0, EV_KEY, KEY_A, 1),
        report(0),
        (10, EV_KEY, BTN_LEFT, 1),
        report(10),
        (900, EV_KEY, KEY_A, 0),
        (900, EV_KEY, BTN_LEFT, 0),
        (900, EV_SYN, SYN_REPORT, MADE_UP),
    ];
    assert_eq!(decoded(&unplugged), [press(0, KEY_A), click(10, "Left", Action::Press)]);
}

/// A packet that its sender, or the kernel, ended with 1.
fn ended_with_one(ts_us: i64, kind: u16, code: u16, value: i32) -> [Line; 2] {
    [(ts_us, kind, code, value), (ts_us, EV_SYN, SYN_REPORT, MADE_UP)]
}

#[test]
fn a_program_that_ends_its_packets_with_one_is_heard_with_its_releases() {
    let typed = [
        ended_with_one(0, EV_KEY, KEY_A, 1),
        ended_with_one(80, EV_KEY, KEY_A, 0),
        ended_with_one(100, EV_KEY, BTN_LEFT, 1),
        ended_with_one(110, EV_REL, REL_X, 4),
        ended_with_one(160, EV_KEY, BTN_LEFT, 0),
        // As some do, it reports other keys in the usual way.
        [(200, EV_KEY, KEY_B, 1), report(200)],
        ended_with_one(280, EV_KEY, KEY_B, 0),
    ];
    let expected = [
        press(0, KEY_A),
        release(80, KEY_A),
        click(100, "Left", Action::Press),
        moved(110, 4.0, 0.0),
        click(160, "Left", Action::Release),
        press(200, KEY_B),
        release(280, KEY_B),
    ];
    assert_eq!(decoded(typed.as_flattened()), expected);
}

#[test]
fn a_press_counts_with_all_of_its_packet_whatever_ends_it() {
    let rollover = [(9, EV_KEY, KEY_A, 0), (9, EV_KEY, KEY_B, 1), (9, EV_SYN, SYN_REPORT, MADE_UP)];
    assert_eq!(decoded(&rollover), [release(9, KEY_A), press(9, KEY_B)]);
    let held = [(9, EV_KEY, KEY_A, 2), (9, EV_SYN, SYN_REPORT, MADE_UP)];
    assert_eq!(decoded(&[&held[..], &ended_with_one(20, EV_KEY, KEY_A, 0)].concat()), [], "autorepeat is no press");
}

#[test]
fn relative_motion_is_summed_to_the_end_of_its_packet() {
    let lines = [
        (10, EV_REL, REL_X, 3),
        (10, EV_REL, REL_Y, -2),
        (10, EV_REL, REL_X, 4),
        report(11),
        (20, EV_REL, REL_Y, 1),
        report(20),
        report(30),
    ];
    assert_eq!(decoded(&lines), [moved(11, 7.0, -2.0), moved(20, 0.0, 1.0)]);
}

#[test]
fn a_packet_that_is_not_complete_moves_nothing_yet() {
    assert_eq!(decoded(&[(10, EV_REL, REL_X, 3)]), []);
}

#[test]
fn one_node_may_type_move_and_click() {
    let lines = [
        (10, EV_KEY, KEY_A, 1),
        (10, EV_KEY, BTN_LEFT, 1),
        (10, EV_REL, REL_X, 5),
        report(10),
        (20, EV_KEY, BTN_SIDE, 1),
        (20, EV_KEY, BTN_RIGHT, 0),
        report(20),
    ];
    let expected = [
        press(10, KEY_A),
        click(10, "Left", Action::Press),
        moved(10, 5.0, 0.0),
        click(20, "Side", Action::Press),
        click(20, "Right", Action::Release),
    ];
    assert_eq!(decoded(&lines), expected);
}

#[test]
fn every_key_code_has_one_meaning() {
    assert_eq!(button(0x110), Some(Button::Left));
    assert_eq!(button(0x112), Some(Button::Middle));
    assert_eq!(button(0x117), Some(Button::named("Task")));
    for key in Key::all().filter(|key| key.code() != 0) {
        assert!(is_key(key.code()), "{}", key.code());
        assert_eq!(button(key.code()), None);
    }
    for other in [0, 0x100, 0x10f, 0x118, 0x120, 0x130, 0x14a, 0x151, 0x15f, 0x220, 0x223, 0x2c0, 0x2e7, 0x300] {
        assert!(!is_key(other) && button(other).is_none(), "{other:#x}");
    }
}

#[test]
fn a_coarse_wheel_counts_detents() {
    assert_eq!(decoded(&[(5, EV_REL, REL_WHEEL, -2), report(5)]), [scrolled(5, -2.0)]);
}

#[test]
fn a_fine_wheel_counts_once_and_in_fractions() {
    let lines = [
        (5, EV_REL, REL_WHEEL_HI_RES, 30),
        report(5),
        (6, EV_REL, REL_WHEEL_HI_RES, 90),
        (6, EV_REL, REL_WHEEL, 1),
        report(6),
    ];
    assert_eq!(decoded(&lines), [scrolled(5, 0.25), scrolled(6, 0.75)]);
}

#[test]
fn a_fine_wheel_is_known_by_its_first_packet_in_either_order() {
    let lines = [(5, EV_REL, REL_WHEEL, 1), (5, EV_REL, REL_WHEEL_HI_RES, 120), report(5)];
    assert_eq!(decoded(&lines), [scrolled(5, 1.0)]);
}

#[test]
fn sideways_wheels_do_not_scroll() {
    assert_eq!(decoded(&[(5, EV_REL, REL_HWHEEL, 1), (5, EV_REL, REL_HWHEEL_HI_RES, 120), report(5)]), []);
}

#[test]
fn after_an_overrun_nothing_gets_out_until_the_packet_has_ended() {
    let lines = [
        (1, EV_KEY, KEY_A, 1),
        (1, EV_REL, REL_X, 9),
        dropped(9),
        (9, EV_KEY, KEY_B, 1),
        (9, EV_REL, REL_X, 9),
        report(10),
        (11, EV_KEY, KEY_A, 0),
        (11, EV_REL, REL_X, 2),
        report(11),
    ];
    let expected = [
        press(1, KEY_A),
        overrun(10, Scope::Keystroke),
        overrun(10, Scope::Mouse),
        release(11, KEY_A),
        moved(11, 2.0, 0.0),
    ];
    assert_eq!(decoded(&lines), expected);
}

#[test]
fn several_overruns_in_one_packet_are_one_gap() {
    let lines = [dropped(1), dropped(2), (2, EV_KEY, KEY_A, 1), dropped(3), report(4), report(5)];
    assert_eq!(decoded(&lines), [overrun(4, Scope::Keystroke), overrun(4, Scope::Mouse)]);
}

#[test]
fn a_gap_concerns_only_what_the_device_can_do() {
    let lines = [dropped(1), report(2)];
    let keyboard = Modalities { keystroke: true, mouse: false };
    assert_eq!(decoded_from(keyboard, Surface::None, &lines), [overrun(2, Scope::Keystroke)]);
    let mouse = Modalities { keystroke: false, mouse: true };
    assert_eq!(decoded_from(mouse, Surface::None, &lines), [overrun(2, Scope::Mouse)]);
}

#[test]
fn wherever_an_overrun_strikes_each_other_key_keeps_its_own_time() {
    let typing: Vec<Line> = (0..8)
        .flat_map(|i| [(10 * i, EV_KEY, KEY_A + (i / 2) as u16, i32::from(i % 2 == 0)), report(10 * i)])
        .collect();
    for at in 0..=typing.len() {
        let mut lines = typing.clone();
        lines.insert(at, dropped(typing[at.saturating_sub(1)].0));
        let out = decoded(&lines);
        let keys: Vec<&Stamped> = out.iter().filter(|event| matches!(event.event, Event::Key { .. })).collect();
        let lost = usize::from(at % 2 == 0 && at < typing.len());
        assert_eq!(keys.len(), 8 - lost, "dropped before line {at}");
        for key in keys {
            assert!(decoded(&typing).contains(key), "a key that nobody typed, at {at}");
        }
    }
}

#[test]
fn motion_that_no_hand_can_make_is_dropped() {
    let lines =
        [(1, EV_REL, REL_X, i32::MAX), (1, EV_REL, REL_X, i32::MAX), report(1), (2, EV_REL, REL_X, 1), report(2)];
    assert_eq!(decoded(&lines), [moved(2, 1.0, 0.0)]);
    assert_eq!(decoded(&[(1, EV_REL, REL_WHEEL, i32::MIN), report(1)]), []);
}

#[test]
fn the_kernels_layout_is_that_of_libc() {
    assert_eq!(RAW_LEN, size_of::<libc::input_event>());
    let raw = Raw::parse(&bytes(&(1_700_000_123_456, EV_REL, REL_Y, -7)));
    assert_eq!((raw.ts_us, raw.kind, raw.code, raw.value), (1_700_000_123_456, EV_REL, REL_Y, -7));
}

fn surfaces() -> impl Strategy<Value = Surface> {
    prop::sample::select(vec![Surface::None, Surface::Free, Surface::Touchscreen, Surface::Tablet, PAD])
}

/// Lines as devices send them, with codes that mean something more often than not.
fn lines() -> impl Strategy<Value = Vec<Line>> {
    let syn = prop::sample::select(vec![SYN_REPORT, SYN_REPORT, SYN_REPORT, SYN_DROPPED, 1, 2]);
    let code = prop_oneof![0u16..16, 0x110u16..0x118, 0x140u16..0x150, 0u16..0x300];
    let line = prop_oneof![
        syn.prop_map(|code| (EV_SYN, code, 0)),
        (1u16..5, code, -3i32..4).prop_map(|(kind, code, value)| (kind, code, value)),
    ];
    prop::collection::vec(line, 0..200).prop_map(|lines| {
        lines.into_iter().enumerate().map(|(i, (kind, code, value))| (i as i64, kind, code, value)).collect()
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_fail(stream: Vec<u8>, surface in surfaces()) {
        let mut decoder = Decoder::new(BOTH, surface);
        let mut out = Vec::new();
        for bytes in stream.as_chunks().0 {
            decoder.feed(Raw::parse(bytes), &mut out);
        }
        prop_assert!(out.len() <= 2 * (stream.len() / RAW_LEN));
    }

    #[test]
    fn no_numbers_make_the_decoder_fail(lines: Vec<(i64, u16, u16, i32)>, surface in surfaces()) {
        for event in decoded_from(BOTH, surface, &lines) {
            match event.event {
                Event::Move { dx, dy } => prop_assert!((dx, dy) != (0.0, 0.0) && dx.abs() <= 1e6 && dy.abs() <= 1e6),
                Event::Scroll { delta } => prop_assert!(delta != 0.0 && delta.abs() <= 1e6),
                _ => {}
            }
        }
    }

    #[test]
    fn motion_is_neither_lost_nor_invented(steps in prop::collection::vec((-900i32..900, -900i32..900, any::<bool>()), 0..100)) {
        let mut lines = Vec::new();
        for (i, &(dx, dy, ends)) in steps.iter().enumerate() {
            lines.push((i as i64, EV_REL, REL_X, dx));
            lines.push((i as i64, EV_REL, REL_Y, dy));
            if ends || i + 1 == steps.len() {
                lines.push(report(i as i64));
            }
        }
        let (mut x, mut y) = (0.0, 0.0);
        for event in decoded(&lines) {
            let Event::Move { dx, dy } = event.event else { return Err(TestCaseError::fail("no motion")) };
            (x, y) = (x + dx, y + dy);
        }
        let sum = |part: fn(&(i32, i32, bool)) -> i32| f64::from(steps.iter().map(part).sum::<i32>());
        prop_assert_eq!((x, y), (sum(|s| s.0), sum(|s| s.1)));
    }

    #[test]
    fn between_an_overrun_and_the_end_of_its_packet_nothing_gets_out(lines in lines(), surface in surfaces()) {
        let mut decoder = Decoder::new(BOTH, surface);
        let mut is_dropping = false;
        for line in &lines {
            let mut out = Vec::new();
            decoder.feed(Raw::parse(&bytes(line)), &mut out);
            let (is_drop, is_report) = (*line == dropped(line.0), *line == report(line.0));
            if is_dropping && is_report {
                prop_assert_eq!(out, vec![overrun(line.0, Scope::Keystroke), overrun(line.0, Scope::Mouse)]);
            } else if is_dropping {
                prop_assert!(out.is_empty());
            } else if is_drop {
                // What was pressed before was pressed all the same.
                let is_key = |event: &Stamped| matches!(event.event, Event::Key { .. } | Event::Button { .. });
                prop_assert!(out.iter().all(is_key));
            } else {
                let is_gap = |event: &Stamped| matches!(event.event, Event::Gap { .. });
                prop_assert!(!out.iter().any(is_gap));
            }
            is_dropping = (is_dropping || is_drop) && !is_report;
        }
    }
}
