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
    assert_eq!(decoded_from(BOTH, Surface::Tablet, &lines), [touched(1), touched(2), moved(2, 2.0, 0.0)]);
}

/// Positions (X, 0), a report each, a microsecond apart.
fn positions(from_us: i64, axis: u16, positions: &[i32]) -> Vec<Line> {
    let packets = positions.iter().zip(from_us..).map(|(&x, ts_us)| [(ts_us, EV_ABS, axis, x), report(ts_us)]);
    packets.flatten().collect()
}

fn tool(ts_us: i64, tool: u16, value: i32) -> Vec<Line> {
    vec![(ts_us, EV_KEY, tool, value), report(ts_us)]
}

#[test]
fn a_pointer_that_announces_touching_and_never_does_moves_all_the_same() {
    for surface in [Surface::Free, Surface::Touchscreen, Surface::Tablet, PAD] {
        let lines = [positions(1, ABS_X, &[500, 510, 530]), tool(9, BTN_LEFT, 1)].concat();
        let expected = [moved(2, 10.0, 0.0), moved(3, 20.0, 0.0), click(9, "Left", Action::Press)];
        assert_eq!(decoded_from(BOTH, surface, &lines), expected, "{surface:?}");
    }
}

#[test]
fn a_free_pointer_that_touches_moves_before_and_after_but_not_to_where_it_comes_down() {
    let mut lines = positions(1, ABS_X, &[500, 510]);
    lines.extend([(5, EV_KEY, BTN_TOUCH, 1), (5, EV_ABS, ABS_X, 900), report(5)]);
    lines.extend(positions(6, ABS_X, &[903]));
    lines.extend(tool(8, BTN_TOUCH, 0));
    lines.extend(positions(9, ABS_X, &[904]));
    let expected = [moved(2, 10.0, 0.0), touched(5), moved(6, 3.0, 0.0), touched(8), moved(9, 1.0, 0.0)];
    assert_eq!(decoded_from(BOTH, Surface::Free, &lines), expected);
}

#[test]
fn a_pen_that_reports_no_proximity_moves_over_the_tablet_and_on_it() {
    let lines = [
        positions(1, ABS_X, &[100, 150]),
        tool(5, BTN_TOUCH, 1),
        positions(6, ABS_X, &[160, 175]),
        tool(9, BTN_TOUCH, 0),
        positions(10, ABS_X, &[176]),
    ]
    .concat();
    let expected =
        [moved(2, 50.0, 0.0), touched(5), moved(6, 10.0, 0.0), moved(7, 15.0, 0.0), touched(9), moved(10, 1.0, 0.0)];
    assert_eq!(decoded_from(BOTH, Surface::Tablet, &lines), expected);
}

#[test]
fn where_pens_report_proximity_another_contact_moves_only_while_it_touches() {
    let lines = [
        tool(1, BTN_TOOL_PEN, 1),
        tool(2, BTN_TOOL_PEN, 0),
        positions(3, ABS_X, &[100, 150]),
        vec![(6, EV_KEY, BTN_TOUCH, 1), (6, EV_ABS, ABS_X, 300), report(6)],
        positions(7, ABS_X, &[302]),
        tool(9, BTN_TOUCH, 0),
        positions(10, ABS_X, &[400]),
    ]
    .concat();
    let expected = [touched(1), touched(2), touched(6), moved(7, 2.0, 0.0), touched(9)];
    assert_eq!(decoded_from(BOTH, Surface::Tablet, &lines), expected);
}

#[test]
fn after_an_overrun_a_screen_that_reports_touching_waits_for_the_next_touch() {
    let lines = [
        tool(1, BTN_TOUCH, 1),
        positions(2, ABS_X, &[100, 101]),
        vec![dropped(5), report(5)],
        positions(6, ABS_X, &[500, 501]),
    ]
    .concat();
    let mouse = Modalities { keystroke: false, mouse: true };
    let expected = [touched(1), moved(3, 1.0, 0.0), overrun(5, Scope::Mouse)];
    assert_eq!(decoded_from(mouse, Surface::Touchscreen, &lines), expected);
}

#[test]
fn a_joysticks_axes_point_at_nothing() {
    let lines = [(1, EV_ABS, ABS_X, 100), report(1), (2, EV_ABS, ABS_X, 200), report(2)];
    assert_eq!(decoded_from(BOTH, Surface::None, &lines), []);
}
