//! Surfaces that report their contacts one by one.

use super::*;

const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const SLOT: u16 = 0x2f;
const X: u16 = 0x35;
const Y: u16 = 0x36;
const TOOL_TYPE: u16 = 0x37;
const ID: u16 = 0x39;
const PALM: i32 = 2;
const BTN_TOOL_PEN: u16 = 0x140;
const BTN_TOOL_FINGER: u16 = 0x145;
const BTN_TOUCH: u16 = 0x14a;
const BTN_TOOL_DOUBLETAP: u16 = 0x14d;
const BTN_TOOL_TRIPLETAP: u16 = 0x14e;

/// What a packet says of an axis.
const fn abs(code: u16, value: i32) -> (u16, u16, i32) {
    (EV_ABS, code, value)
}

const fn btn(code: u16, value: i32) -> (u16, u16, i32) {
    (EV_KEY, code, value)
}

/// The end of a contact of a list.
const END: (u16, u16, i32) = (EV_SYN, SYN_MT_REPORT, 0);

/// One packet a line, a microsecond apart from 1 on.
fn packets(packets: &[&[(u16, u16, i32)]]) -> Vec<Line> {
    let packet = |(ts_us, events): (i64, &&[(u16, u16, i32)])| {
        let line = move |&(kind, code, value): &(u16, u16, i32)| (ts_us, kind, code, value);
        events.iter().map(line).chain([report(ts_us)]).collect::<Vec<_>>()
    };
    (1..).zip(packets).flat_map(packet).collect()
}

#[track_caller]
fn assert_decoded(surface: Surface, sent: &[&[(u16, u16, i32)]], expected: &[Stamped]) {
    assert_eq!(decoded_from(BOTH, surface, &packets(sent)), expected);
}

#[test]
fn a_surface_without_single_touch_axes_moves_with_its_finger() {
    let sent: [&[_]; 4] =
        [&[abs(ID, 7), abs(X, 345), abs(Y, 371)], &[abs(X, 340)], &[abs(X, 344), abs(Y, 381)], &[abs(ID, -1)]];
    let expected = [touched(1), moved(2, -5.0, 0.0), moved(3, 4.0, 10.0), touched(4)];
    for surface in [Surface::Touchscreen, Surface::Free, Surface::Tablet, PAD] {
        assert_decoded(surface, &sent, &expected);
    }
}

#[test]
fn a_finger_that_comes_back_elsewhere_has_not_moved_there() {
    // The second time it comes down in the same column, of which nothing is said.
    let sent: [&[_]; 5] = [
        &[abs(ID, 0), abs(X, 100), abs(Y, 100), btn(BTN_TOUCH, 1)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0)],
        &[abs(ID, 0), abs(Y, 900), btn(BTN_TOUCH, 1)],
        &[abs(X, 101)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0)],
    ];
    let expected = [touched(1), touched(2), touched(3), moved(4, 1.0, 0.0), touched(5)];
    assert_decoded(Surface::Touchscreen, &sent, &expected);
}

#[test]
fn when_the_first_of_two_fingers_goes_the_way_to_the_other_is_no_motion() {
    let sent: [&[_]; 6] = [
        &[abs(SLOT, 0), abs(ID, 1), abs(X, 1000), abs(Y, 1000), btn(BTN_TOUCH, 1), abs(ABS_X, 1000), abs(ABS_Y, 1000)],
        &[abs(X, 1002), abs(SLOT, 1), abs(ID, 2), abs(X, 3000), abs(Y, 2000), abs(ABS_X, 1002)],
        &[abs(SLOT, 0), abs(X, 1004), abs(SLOT, 1), abs(X, 2998), abs(ABS_X, 1004)],
        &[abs(SLOT, 0), abs(ID, -1), abs(SLOT, 1), abs(X, 2996), abs(ABS_X, 2996), abs(ABS_Y, 2000)],
        &[abs(X, 2995), abs(ABS_X, 2995)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0)],
    ];
    let expected =
        [touched(1), touched(2), moved(2, 2.0, 0.0), moved(3, 2.0, 0.0), touched(4), moved(5, -1.0, 0.0), touched(6)];
    assert_decoded(Surface::Touchscreen, &sent, &expected);
}

#[test]
fn when_the_second_of_two_fingers_goes_the_first_one_moves_on() {
    let sent: [&[_]; 4] = [
        &[abs(ID, 1), abs(X, 100), abs(Y, 100)],
        &[abs(SLOT, 3), abs(ID, 2), abs(X, 900), abs(Y, 900)],
        &[abs(ID, -1), abs(SLOT, 0), abs(X, 103)],
        &[abs(X, 104)],
    ];
    let expected = [touched(1), touched(2), touched(3), moved(3, 3.0, 0.0), moved(4, 1.0, 0.0)];
    assert_decoded(Surface::Touchscreen, &sent, &expected);
}

#[test]
fn a_finger_that_takes_the_place_of_another_in_one_packet_has_not_moved_there() {
    // In the same slot, and in another one while the pad still notices one finger.
    let begin = [abs(ID, 5), abs(X, 100), abs(Y, 100), btn(BTN_TOUCH, 1), btn(BTN_TOOL_FINGER, 1)];
    for replaced in [
        vec![abs(ID, 6), abs(X, 900), abs(ABS_X, 900)],
        vec![abs(ID, -1), abs(SLOT, 1), abs(ID, 6), abs(X, 900), abs(Y, 100), abs(ABS_X, 900)],
    ] {
        let sent: [&[_]; 4] = [&begin, &[abs(X, 101)], &replaced, &[abs(X, 903)]];
        let expected = [touched(1), moved(2, 1.0, 0.0), touched(3), moved(4, 3.0, 0.0)];
        for surface in [PAD, Surface::Touchscreen] {
            assert_decoded(surface, &sent, &expected);
        }
    }
}

#[test]
fn a_device_may_report_whose_the_single_touch_axes_are_and_no_position_of_the_contact() {
    let sent: [&[_]; 4] = [
        &[abs(ID, 5), abs(ABS_X, 100), abs(ABS_Y, 100), btn(BTN_TOUCH, 1), btn(BTN_TOOL_FINGER, 1)],
        &[abs(ABS_X, 101)],
        &[abs(ID, 6), abs(ABS_X, 900)],
        &[abs(ABS_X, 903)],
    ];
    let expected = [touched(1), moved(2, 1.0, 0.0), touched(3), moved(4, 3.0, 0.0)];
    for surface in [PAD, Surface::Touchscreen] {
        assert_decoded(surface, &sent, &expected);
    }
}

#[test]
fn two_fingers_scroll_and_one_that_is_replaced_scrolls_nothing() {
    let sent: [&[_]; 5] = [
        &[
            abs(ID, 5),
            abs(X, 100),
            abs(Y, 1000),
            abs(SLOT, 1),
            abs(ID, 6),
            abs(X, 300),
            abs(Y, 1000),
            btn(BTN_TOUCH, 1),
            btn(BTN_TOOL_DOUBLETAP, 1),
        ],
        &[abs(SLOT, 0), abs(Y, 1150), abs(SLOT, 1), abs(Y, 1150)],
        &[abs(SLOT, 0), abs(ID, 7), abs(Y, 200)],
        // The older one is in the second slot now.
        &[abs(Y, 900), abs(SLOT, 1), abs(Y, 1050)],
        &[abs(SLOT, 0), abs(ID, -1), abs(SLOT, 1), abs(ID, -1), btn(BTN_TOUCH, 0), btn(BTN_TOOL_DOUBLETAP, 0)],
    ];
    assert_decoded(PAD, &sent, &[touched(1), scrolled(2, -1.0), touched(3), scrolled(4, 1.0), touched(5)]);
}

#[test]
fn a_pad_that_notices_more_fingers_than_it_has_slots_for_takes_them_for_a_gesture() {
    let sent: [&[_]; 3] = [
        &[
            abs(ID, 5),
            abs(Y, 100),
            abs(SLOT, 1),
            abs(ID, 6),
            abs(Y, 100),
            btn(BTN_TOUCH, 1),
            btn(BTN_TOOL_DOUBLETAP, 1),
        ],
        &[btn(BTN_TOOL_DOUBLETAP, 0), btn(BTN_TOOL_TRIPLETAP, 1)],
        &[abs(SLOT, 0), abs(Y, 500), abs(SLOT, 1), abs(Y, 500)],
    ];
    assert_decoded(PAD, &sent, &[touched(1), touched(2)]);
}

#[test]
fn a_palm_is_no_touch_and_moves_nothing_and_neither_does_what_goes_with_it() {
    let with_position = [abs(X, 500), abs(Y, 500), abs(ABS_X, 500), abs(ABS_Y, 500)];
    let tools = |value| [btn(BTN_TOUCH, value), btn(BTN_TOOL_FINGER, value)];
    for slot in [0, 3] {
        let down = [&[abs(SLOT, slot), abs(ID, 5), abs(TOOL_TYPE, PALM)], &with_position[..], &tools(1)].concat();
        let gone = [&[abs(ID, -1)][..], &tools(0)].concat();
        // The kernel does not repeat the type of the tool for the next palm in the slot.
        let again = [&[abs(ID, 6)][..], &tools(1)].concat();
        let moving = [abs(X, 900), abs(ABS_X, 900)];
        for surface in [PAD, Surface::Touchscreen, Surface::Free, Surface::Tablet] {
            assert_decoded(surface, &[&down, &moving, &gone, &again, &moving, &gone], &[]);
        }
    }
}

#[test]
fn a_contact_that_turns_into_a_palm_moves_no_longer_and_goes_without_a_touch() {
    // Older kernels give the palm another id.
    for palm in [vec![abs(TOOL_TYPE, PALM), abs(X, 110)], vec![abs(ID, 6), abs(TOOL_TYPE, PALM), abs(X, 110)]] {
        let sent: [&[_]; 5] = [
            &[abs(ID, 5), abs(X, 100), abs(Y, 100), btn(BTN_TOUCH, 1), btn(BTN_TOOL_FINGER, 1)],
            &[abs(X, 101)],
            &palm,
            &[abs(X, 130)],
            &[abs(ID, -1), btn(BTN_TOUCH, 0), btn(BTN_TOOL_FINGER, 0)],
        ];
        for surface in [PAD, Surface::Touchscreen] {
            assert_decoded(surface, &sent, &[touched(1), moved(2, 1.0, 0.0)]);
        }
    }
}

#[test]
fn a_finger_beside_a_palm_moves_and_is_the_only_touch() {
    let sent: [&[_]; 6] = [
        &[abs(ID, 5), abs(TOOL_TYPE, PALM), abs(X, 100), abs(Y, 100), btn(BTN_TOUCH, 1), btn(BTN_TOOL_FINGER, 1)],
        &[abs(SLOT, 1), abs(ID, 6), abs(X, 800), abs(Y, 800), btn(BTN_TOOL_FINGER, 0), btn(BTN_TOOL_DOUBLETAP, 1)],
        &[abs(SLOT, 0), abs(X, 105), abs(ABS_X, 105), abs(SLOT, 1), abs(X, 810)],
        // The palm goes first, then the finger.
        &[abs(SLOT, 0), abs(ID, -1), btn(BTN_TOOL_FINGER, 1), btn(BTN_TOOL_DOUBLETAP, 0)],
        &[abs(SLOT, 1), abs(X, 811)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0), btn(BTN_TOOL_FINGER, 0)],
    ];
    let expected = [touched(2), moved(3, 10.0, 0.0), moved(5, 1.0, 0.0), touched(6)];
    assert_decoded(PAD, &sent, &expected);
    assert_decoded(Surface::Touchscreen, &sent, &expected);
}

#[test]
fn a_palm_that_lets_go_of_the_surface_late_is_still_none() {
    let sent: [&[_]; 5] = [
        &[abs(ID, 1), abs(X, 1), abs(Y, 1), btn(BTN_TOUCH, 1)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0)],
        &[btn(BTN_TOUCH, 1), abs(ID, 2), abs(TOOL_TYPE, PALM)],
        &[abs(ID, -1)],
        &[btn(BTN_TOUCH, 0)],
    ];
    for surface in [PAD, Surface::Touchscreen] {
        assert_decoded(surface, &sent, &[touched(1), touched(2)]);
    }
}

#[test]
fn a_pen_over_a_screen_that_fingers_touch_too_moves_by_its_own_axes() {
    let sent: [&[_]; 5] = [
        &[abs(ID, 1), abs(X, 100), abs(Y, 100), btn(BTN_TOUCH, 1)],
        &[abs(X, 103)],
        &[abs(ID, -1), btn(BTN_TOUCH, 0)],
        &[btn(BTN_TOOL_PEN, 1), abs(ABS_X, 700), abs(ABS_Y, 700)],
        &[abs(ABS_X, 709)],
    ];
    let expected = [touched(1), moved(2, 3.0, 0.0), touched(3), touched(4), moved(5, 9.0, 0.0)];
    assert_decoded(Surface::Tablet, &sent, &expected);
}

#[test]
fn a_list_of_contacts_in_every_packet_moves_by_its_first_one() {
    let sent: [&[_]; 6] = [
        &[abs(X, 114), abs(Y, 383), END],
        &[abs(X, 117), abs(Y, 383), END],
        &[abs(X, 118), abs(Y, 383), END, abs(X, 600), abs(Y, 600), END],
        // One of them has gone; nobody says which.
        &[abs(X, 601), abs(Y, 600), END],
        &[abs(X, 604), abs(Y, 600), END],
        &[END],
    ];
    let expected =
        [touched(1), moved(2, 3.0, 0.0), touched(3), moved(3, 1.0, 0.0), touched(4), moved(5, 3.0, 0.0), touched(6)];
    assert_decoded(Surface::Touchscreen, &sent, &expected);
}

#[test]
fn a_list_may_have_ids_and_may_end_with_the_touch_alone() {
    let sent: [&[_]; 4] = [
        &[abs(ID, 0), abs(X, 10), abs(Y, 10), END, abs(ID, 1), abs(X, 90), abs(Y, 90), END, btn(BTN_TOUCH, 1)],
        &[abs(ID, 1), abs(X, 91), abs(Y, 90), END],
        &[abs(ID, 1), abs(X, 92), abs(Y, 90), END],
        &[btn(BTN_TOUCH, 0)],
    ];
    assert_decoded(Surface::Touchscreen, &sent, &[touched(1), touched(2), moved(3, 1.0, 0.0), touched(4)]);
}

#[test]
fn after_an_overrun_contacts_wait_for_the_next_touch_and_none_stays_behind() {
    let before: [&[_]; 2] = [&[abs(ID, 1), abs(X, 10), abs(Y, 10)], &[abs(X, 11)]];
    let after: [&[_]; 6] = [
        &[abs(X, 500)],
        &[abs(X, 510)],
        // The slot was another by then: the finger that comes is in the second one, which nobody says.
        &[abs(ID, 2), abs(X, 700)],
        &[abs(SLOT, 0), abs(ID, -1), abs(SLOT, 1), abs(X, 705)],
        &[abs(ID, -1)],
        &[abs(ID, 3), abs(X, 300)],
    ];
    let mut lines = packets(&before);
    lines.extend([dropped(3), report(3)]);
    lines.extend(packets(&after).into_iter().map(|(ts_us, kind, code, value)| (ts_us + 3, kind, code, value)));
    lines.extend([(10, EV_ABS, X, 301), report(10)]);
    let mouse = Modalities { keystroke: false, mouse: true };
    let out = decoded_from(mouse, Surface::Touchscreen, &lines);
    assert_eq!(out[..3], [touched(1), moved(2, 1.0, 0.0), overrun(3, Scope::Mouse)]);
    let moves: Vec<_> = out.iter().filter(|event| matches!(event.event, Event::Move { .. })).skip(1).collect();
    assert_eq!(moves, [&moved(10, 1.0, 0.0)], "only the finger that was seen to come");
}

#[test]
fn contacts_in_slots_beyond_two_hands_are_not_followed() {
    let sent: [&[_]; 3] = [&[abs(SLOT, 99), abs(ID, 1), abs(X, 1)], &[abs(X, 9)], &[abs(SLOT, -1), abs(ID, 3)]];
    assert_decoded(Surface::Touchscreen, &sent, &[]);
}
