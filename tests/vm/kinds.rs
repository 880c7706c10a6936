//! Every kind of keyboard, mouse and touchpad that the guest can have arrives as what it is, and whole.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::agent::{Agent, Recorder, boot};
use crate::devices::{Hold, Seen, holds};
use crate::harness::{Guest, KEYBOARD, MOUSE};
use crate::machine::Hardware;

const LIMIT: Duration = Duration::from_secs(20);
const PS2_KEYBOARD: &str = "AT Translated Set 2 keyboard";
const PS2_MOUSE: &str = "ImExPS/2 Generic Explorer Mouse";
const USB_TABLET: &str = "QEMU QEMU USB Tablet";
const TEXT: &str = "thequickbrownfox";

fn of_type<'a>(trace: &'a [Value], kind: &str) -> Vec<&'a Value> {
    trace.iter().filter(|event| event["type"] == kind).collect()
}

fn of_event<'a>(trace: &'a [Value], event: &str) -> Vec<&'a Value> {
    of_type(trace, "mouse").into_iter().filter(|told| told["event"] == event).collect()
}

fn number(event: &Value, field: &str) -> f64 {
    event[field].as_f64().unwrap_or_else(|| panic!("no {field} in {event}"))
}

fn sum(events: &[&Value], field: &str) -> f64 {
    events.iter().map(|event| number(event, field)).sum()
}

/// What the agent took for holds of keys and buttons.
fn holds_in(trace: &[Value]) -> Vec<Hold> {
    let seen: Vec<Seen> = trace
        .iter()
        .filter(|event| event["event"] == "press" || event["event"] == "release")
        .map(|event| Seen {
            us: event["ts"].as_i64().expect("a time"),
            code: match event["type"].as_str() {
                Some("keystroke") => event["key"].as_str().expect("a key").to_owned(),
                _ => format!("BTN_{}", event["button"].as_str().expect("a button").to_uppercase()),
            },
            value: i64::from(event["event"] == "press"),
        })
        .collect();
    holds(&seen)
}

/// The agent and the witness, who reads the same node by other means, agree on what was held and for how long.
fn assert_same_holds(told: &[Hold], witnessed: &[Hold]) {
    let codes = |holds: &[Hold]| holds.iter().map(|hold| hold.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(told), codes(witnessed));
    for (told, witnessed) in told.iter().zip(witnessed) {
        assert!((told.ms() - witnessed.ms()).abs() < 2.0, "told {told:?}, the kernel reported {witnessed:?}");
        assert!((told.press_us - witnessed.press_us).abs() < 100_000, "told {told:?}, it was {witnessed:?}");
    }
}

fn type_move_and_click(guest: &mut Guest) {
    for key in TEXT.chars() {
        guest.tap(&key.to_string(), Duration::from_millis(40));
        sleep(Duration::from_millis(10));
    }
    for _ in 0..20 {
        guest.rel_motion(3, -4);
        sleep(Duration::from_millis(10));
    }
    guest.button("right", true);
    sleep(Duration::from_millis(60));
    guest.button("right", false);
    guest.wheel(2);
}

fn keyboard_and_mouse_arrive(hardware: Hardware, keyboard: &str, mouse: &str) {
    let mut guest = boot(hardware);
    let nodes = [guest.node(keyboard), guest.node(mouse)];
    guest.run("permit");
    let witnesses = [guest.watch(&nodes[0]), guest.watch(&nodes[1])];
    let recorder = Recorder::start(&mut guest, &[&nodes[0], &nodes[1]]);
    type_move_and_click(&mut guest);
    let mut witnessed = guest.poll_holds(&witnesses[0], TEXT.len());
    witnessed.extend(guest.poll_holds(&witnesses[1], 1));
    guest.poll_for("the wheel's second step", LIMIT, |guest| {
        let steps = guest
            .seen(&witnesses[1])
            .iter()
            .filter(|seen| seen.code == "REL_WHEEL")
            .map(|seen| seen.value)
            .sum::<i64>();
        (steps == 2).then_some(())
    });
    let trace = recorder.finish(&mut guest);
    assert_same_holds(&holds_in(&trace), &witnessed);
    let moves = of_event(&trace, "move");
    assert_eq!((sum(&moves, "dx"), sum(&moves, "dy")), (60.0, -80.0));
    assert_eq!(sum(&of_event(&trace, "scroll"), "scroll_delta"), 2.0);
    assert_eq!(of_type(&trace, "gap").len(), 0);
}

#[test]
fn the_virtio_keyboard_and_mouse_arrive_as_the_kernel_reports_them() {
    keyboard_and_mouse_arrive(Hardware::Virtio, KEYBOARD, MOUSE);
}

#[test]
fn the_ps2_keyboard_and_mouse_arrive_as_the_kernel_reports_them() {
    keyboard_and_mouse_arrive(Hardware::Ps2, PS2_KEYBOARD, PS2_MOUSE);
}

#[test]
fn the_usb_tablet_moves_by_the_way_between_its_positions() {
    let mut guest = boot(Hardware::Usb);
    let node = guest.node(USB_TABLET);
    guest.run("permit");
    let witness = guest.watch(&node);
    let recorder = Recorder::start(&mut guest, &[&node]);
    for step in 1..=20 {
        guest.move_to(1_000 * step, 500 * step);
        sleep(Duration::from_millis(15));
    }
    guest.button("left", true);
    sleep(Duration::from_millis(60));
    guest.button("left", false);
    let clicks = guest.poll_holds(&witness, 1);
    let seen = guest.seen(&witness);
    let trace = recorder.finish(&mut guest);
    assert_same_holds(&holds_in(&trace), &clicks);
    let moves = of_event(&trace, "move");
    for (axis, delta) in [("ABS_X", "dx"), ("ABS_Y", "dy")] {
        let positions: Vec<i64> = seen.iter().filter(|seen| seen.code == axis).map(|seen| seen.value).collect();
        let way = positions[positions.len() - 1] - positions[0];
        assert!(way > 5_000, "the pen went {positions:?}");
        assert_eq!(sum(&moves, delta), way as f64, "along {axis}");
    }
}

#[test]
fn a_device_that_is_keyboard_and_mouse_in_one_is_heard_as_both() {
    let mut guest = boot(Hardware::Virtio);
    let combo = guest.make_device("combo", "Test Combo");
    guest.run("permit");
    let witness = guest.watch(&combo.node);
    let recorder = Recorder::start(&mut guest, &[&combo.node]);
    let typing = "down KEY_Q; rel 2 1\nwait_us 45000\nup KEY_Q\nrel 0 3\nwait_us 20000\n".repeat(20);
    guest.play(&combo, &format!("{typing}down BTN_LEFT\nwait_us 50000\nup BTN_LEFT\nwheel -3"));
    let witnessed = guest.poll_holds(&witness, 21);
    let trace = recorder.finish(&mut guest);
    assert_same_holds(&holds_in(&trace), &witnessed);
    let moves = of_event(&trace, "move");
    assert_eq!((sum(&moves, "dx"), sum(&moves, "dy")), (40.0, 80.0));
    assert_eq!(sum(&of_event(&trace, "scroll"), "scroll_delta"), -3.0);
}

#[test]
fn a_finger_on_a_touchpad_moves_and_does_not_click() {
    let mut guest = boot(Hardware::Virtio);
    let pad = guest.make_device("touchpad", "Test Touchpad");
    guest.run("permit");
    let witness = guest.watch(&pad.node);
    let recorder = Recorder::start(&mut guest, &[&pad.node]);
    let at =
        |x: i32, y: i32| format!("abs ABS_MT_POSITION_X {x}; abs ABS_MT_POSITION_Y {y}; abs ABS_X {x}; abs ABS_Y {y}");
    let mut script = format!("abs ABS_MT_TRACKING_ID 7; {}; down BTN_TOUCH; down BTN_TOOL_FINGER\n", at(500, 500));
    for step in 1..=30 {
        script += &format!("wait_us 8000\n{}\n", at(500 + 10 * step, 500 + 5 * step));
    }
    script += "abs ABS_MT_TRACKING_ID -1; up BTN_TOUCH; up BTN_TOOL_FINGER\n";
    // The pad itself is pressed: that is a click.
    script += "wait_us 20000\ndown BTN_LEFT\nwait_us 60000\nup BTN_LEFT\n";
    guest.play(&pad, &script);
    let button = guest.poll_holds(&witness, 3).into_iter().filter(|hold| hold.code == "BTN_LEFT").collect::<Vec<_>>();
    let trace = recorder.finish(&mut guest);
    assert_same_holds(&holds_in(&trace), &button);
    let moves = of_event(&trace, "move");
    assert_eq!((sum(&moves, "dx"), sum(&moves, "dy")), (300.0, 150.0));
    assert_eq!(of_event(&trace, "touch").len(), 2, "it comes and goes");
    assert_eq!(of_type(&trace, "keystroke").len(), 0);
}

/// Lets a mouse report for so many seconds at a rate, while somebody types on a keyboard; nothing may be lost. The machine
/// counts instructions for time, so that it is as fast as a small computer however slow it is emulated. Gives what was
/// reported, and what is left of the rate.
pub fn hear_a_fast_mouse(period_us: u32, seconds: u32) -> (Guest, Agent, f64) {
    let mut guest = boot(Hardware::VirtioSteady);
    let (mouse, keyboard) = (guest.make_device("mouse", "Test Mouse"), guest.make_device("keyboard", "Test Keyboard"));
    guest.run("permit");
    let agent = Agent::start(&mut guest, "");
    agent.await_read(&mut guest, &mouse.node);
    agent.await_read(&mut guest, &keyboard.node);
    // A press or a release each tenth of a second.
    guest.write_file(&keyboard.process.stdin, &format!("type {} 100000\n", seconds * 1_000_000));
    let reports = seconds * 1_000_000 / period_us;
    let flood = format!("rel 0 1\nflood {} {period_us}", seconds * 1_000_000);
    let written_us = guest.play_undisturbed(&mouse, &flood, seconds + 1);
    let rate_hz = f64::from(reports) / (written_us[1] - written_us[0]) as f64 * 1e6;
    println!("{reports} reports at {rate_hz:.0} Hz");
    agent.await_events(&mut guest, "mouse", u64::from(reports) + 1);
    agent.await_events(&mut guest, "keystroke", 10 * u64::from(seconds));
    assert_eq!(agent.gaps(&mut guest), 0);
    (guest, agent, rate_hz * f64::from(period_us) / 1e6)
}

fn a_fast_mouse_is_heard_whole(period_us: u32) -> f64 {
    const SECONDS: u32 = 3;
    let (mut guest, agent, left) = hear_a_fast_mouse(period_us, SECONDS);
    let (_folder, database) = agent.await_records(&mut guest);
    let query = "SELECT distance_total, degraded FROM mouse_features ORDER BY window_end DESC LIMIT 1";
    let (distance, degraded): (f64, bool) =
        database.query_one(query, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a record");
    // A stroke's way starts at its first sample, which holds 7.5 ms of motion.
    let missing = f64::from(SECONDS * 1_000_000 / period_us) - distance;
    assert!((0.0..=f64::from(10_000 / period_us) + 1.0).contains(&missing), "{distance} counts, {missing} missing");
    assert!(!degraded);
    left
}

/// Its timers are those of the host: where that is busy, a mouse may be slower than it should.
fn a_mouse_of_this_rate_is_heard_whole(period_us: u32) {
    let is_fast = (0..3).any(|_| a_fast_mouse_is_heard_whole(period_us) > 0.8);
    assert!(is_fast, "this machine is too busy for a mouse of this rate");
}

#[test]
fn a_mouse_of_1_khz_and_a_keyboard_in_use_lose_no_event() {
    a_mouse_of_this_rate_is_heard_whole(1_000);
}

#[test]
fn a_mouse_of_8_khz_and_a_keyboard_in_use_lose_no_event() {
    a_mouse_of_this_rate_is_heard_whole(125);
}
