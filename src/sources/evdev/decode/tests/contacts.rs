//! Fingers, pens and the pointers of virtual machines.

use super::*;

const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const BTN_TOOL_PEN: u16 = 0x140;
const BTN_TOOL_FINGER: u16 = 0x145;
const BTN_TOUCH: u16 = 0x14a;
const BTN_TOOL_DOUBLETAP: u16 = 0x14d;
const BTN_TOOL_TRIPLETAP: u16 = 0x14e;

#[test]
fn one_finger_on_a_touchpad_moves_and_starts_anew_where_it_comes_down() {
    let lines = [
        (1, EV_KEY, BTN_TOUCH, 1),
        (1, EV_KEY, BTN_TOOL_FINGER, 1),
        (1, EV_ABS, ABS_X, 500),
        (1, EV_ABS, ABS_Y, 800),
        report(1),
        (2, EV_ABS, ABS_X, 510),
        report(2),
        (3, EV_ABS, ABS_X, 505),
        (3, EV_ABS, ABS_Y, 820),
        report(3),
        (4, EV_KEY, BTN_TOUCH, 0),
        (4, EV_KEY, BTN_TOOL_FINGER, 0),
        report(4),
        (5, EV_KEY, BTN_TOUCH, 1),
        (5, EV_KEY, BTN_TOOL_FINGER, 1),
        (5, EV_ABS, ABS_X, 100),
        report(5),
        (6, EV_ABS, ABS_Y, 815),
        report(6),
    ];
    let expected = [touched(1), moved(2, 10.0, 0.0), moved(3, -5.0, 20.0), touched(4), touched(5), moved(6, 0.0, -5.0)];
    assert_eq!(decoded_from(BOTH, PAD, &lines), expected, "and touching is no click");
}

#[test]
fn two_fingers_scroll_in_whole_detents() {
    let lines = [
        (1, EV_KEY, BTN_TOUCH, 1),
        (1, EV_KEY, BTN_TOOL_DOUBLETAP, 1),
        (1, EV_ABS, ABS_X, 500),
        (1, EV_ABS, ABS_Y, 1_000),
        report(1),
        (2, EV_ABS, ABS_Y, 1_060),
        (2, EV_ABS, ABS_X, 600),
        report(2),
        (3, EV_ABS, ABS_Y, 1_120),
        report(3),
        (4, EV_ABS, ABS_Y, 790),
        report(4),
    ];
    assert_eq!(decoded_from(BOTH, PAD, &lines), [touched(1), scrolled(3, -1.0), scrolled(4, 3.0)]);
}

#[test]
fn a_second_finger_makes_no_jump_and_a_third_makes_it_a_gesture() {
    let lines = [
        (1, EV_KEY, BTN_TOUCH, 1),
        (1, EV_KEY, BTN_TOOL_FINGER, 1),
        (1, EV_ABS, ABS_X, 500),
        (1, EV_ABS, ABS_Y, 500),
        report(1),
        (2, EV_KEY, BTN_TOOL_FINGER, 0),
        (2, EV_KEY, BTN_TOOL_DOUBLETAP, 1),
        (2, EV_ABS, ABS_X, 900),
        (2, EV_ABS, ABS_Y, 900),
        report(2),
        (3, EV_KEY, BTN_TOOL_DOUBLETAP, 0),
        (3, EV_KEY, BTN_TOOL_TRIPLETAP, 1),
        report(3),
        (4, EV_ABS, ABS_X, 100),
        (4, EV_ABS, ABS_Y, 100),
        report(4),
    ];
    assert_eq!(decoded_from(BOTH, PAD, &lines), [touched(1), touched(2), touched(3)]);
}

#[test]
fn a_finger_over_the_pad_that_does_not_touch_it_moves_nothing() {
    let lines =
        [(1, EV_KEY, BTN_TOOL_FINGER, 1), (1, EV_ABS, ABS_X, 500), report(1), (2, EV_ABS, ABS_X, 510), report(2)];
    assert_eq!(decoded_from(BOTH, PAD, &lines), [touched(1)]);
}

#[test]
fn a_touchpad_clicks_with_its_button() {
    let lines = [(1, EV_KEY, BTN_LEFT, 1), report(1), (2, EV_KEY, BTN_LEFT, 0), report(2)];
    let expected = [click(1, "Left", Action::Press), click(2, "Left", Action::Release)];
    assert_eq!(decoded_from(BOTH, PAD, &lines), expected);
}

#[test]
fn after_an_overrun_a_touchpad_waits_for_the_next_touch() {
    let lines = [
        (1, EV_KEY, BTN_TOUCH, 1),
        (1, EV_KEY, BTN_TOOL_FINGER, 1),
        (1, EV_ABS, ABS_X, 500),
        report(1),
        dropped(2),
        report(2),
        (3, EV_ABS, ABS_X, 700),
        report(3),
        (4, EV_ABS, ABS_X, 800),
        report(4),
    ];
    let mouse = Modalities { keystroke: false, mouse: true };
    assert_eq!(decoded_from(mouse, PAD, &lines), [touched(1), overrun(2, Scope::Mouse)]);
}

#[test]
fn a_virtual_machines_pointer_moves_by_the_difference_of_positions() {
    let lines = [
        (1, EV_ABS, ABS_X, 16_000),
        (1, EV_ABS, ABS_Y, 9_000),
        report(1),
        (2, EV_ABS, ABS_X, 16_040),
        report(2),
        dropped(3),
        report(3),
        (4, EV_ABS, ABS_X, 30_000),
        report(4),
        (5, EV_ABS, ABS_Y, 9_100),
        (5, EV_ABS, ABS_X, 30_010),
        report(5),
    ];
    let mouse = Modalities { keystroke: false, mouse: true };
    let expected = [moved(2, 40.0, 0.0), overrun(3, Scope::Mouse), moved(5, 10.0, 0.0)];
    assert_eq!(decoded_from(mouse, Surface::Free, &lines), expected, "nothing is measured across the gap");
}

#[test]
fn a_pen_moves_while_it_is_near_and_a_finger_on_a_screen_while_it_touches() {
    for (surface, tool) in [(Surface::Tablet, BTN_TOOL_PEN), (Surface::Touchscreen, BTN_TOUCH)] {
        let lines = [
            (1, EV_KEY, tool, 1),
            (1, EV_ABS, ABS_X, 100),
            report(1),
            (2, EV_ABS, ABS_X, 103),
            report(2),
            (3, EV_KEY, tool, 0),
            report(3),
            (4, EV_ABS, ABS_X, 900),
            report(4),
            (5, EV_KEY, tool, 1),
            (5, EV_ABS, ABS_X, 950),
            report(5),
            (6, EV_ABS, ABS_X, 951),
            report(6),
        ];
        assert_eq!(
            decoded_from(BOTH, surface, &lines),
            [touched(1), moved(2, 3.0, 0.0), touched(3), touched(5), moved(6, 1.0, 0.0)]
        );
    }
}

#[test]
fn a_pen_that_is_set_down_goes_on_moving() {
    let lines = [
        (1, EV_KEY, BTN_TOOL_PEN, 1),
        (1, EV_ABS, ABS_X, 100),
        report(1),
        (2, EV_KEY, BTN_TOUCH, 1),
        (2, EV_ABS, ABS_X, 102),
        report(2),
    ];
    assert_eq!(decoded_from(BOTH, Surface::Tablet, &lines), [touched(1), moved(2, 2.0, 0.0)]);
}

#[test]
fn a_joysticks_axes_point_at_nothing() {
    let lines = [(1, EV_ABS, ABS_X, 100), report(1), (2, EV_ABS, ABS_X, 200), report(2)];
    assert_eq!(decoded_from(BOTH, Surface::None, &lines), []);
}
