//! Devices that do not send what they announce, or send it in a way of their own, are heard for what happens on them.

use serde_json::Value;

use crate::agent::{Recorder, boot};
use crate::devices::Device;
use crate::harness::Guest;
use crate::machine::Hardware;

const MULTI_TOUCH: &str = "ABS_MT_SLOT,ABS_MT_TRACKING_ID,ABS_MT_POSITION_X,ABS_MT_POSITION_Y";

/// A device, what is played on it, and what of that is to be recorded.
struct Scene {
    kind: String,
    /// A report a line, at least ten milliseconds apart: reports that follow at once may mean something else.
    script: String,
    expected: Vec<String>,
}

fn scene(kind: impl Into<String>, reports: &[&str], expected: &[&str]) -> Scene {
    let expected = expected.iter().map(|&event| event.to_owned()).collect();
    Scene { kind: kind.into(), script: reports.join("\nrest_us 10000\n") + "\n", expected }
}

/// An event without its time.
fn told(event: &Value) -> String {
    let number = |field: &str| event[field].as_f64().unwrap_or_else(|| panic!("no {field} in {event}"));
    let text = |field: &str| event[field].as_str().unwrap_or_else(|| panic!("no {field} in {event}"));
    match (text("type"), text("event")) {
        ("keystroke", action) => format!("{action} {}", text("key")),
        (_, "move") => format!("move {} {}", number("dx"), number("dy")),
        (_, "scroll") => format!("scroll {}", number("scroll_delta")),
        (_, "touch") => "touch".to_owned(),
        (_, action) => format!("{action} {}", text("button")),
    }
}

/// Plays the scenes one after the other in one guest.
fn assert_recorded(scenes: &[Scene]) {
    let mut guest = boot(Hardware::Virtio);
    let make = |(number, scene): (usize, &Scene)| guest.make_device(&scene.kind, &format!("Test Device {number}"));
    let devices: Vec<Device> = scenes.iter().enumerate().map(make).collect();
    guest.run("permit");
    let nodes: Vec<&str> = devices.iter().map(|device| device.node.as_str()).collect();
    let recorder = Recorder::start(&mut guest, &nodes);
    for (device, scene) in devices.iter().zip(scenes) {
        guest.play(device, &scene.script);
    }
    let trace = finish_after_a_last_key(&mut guest, recorder);
    let recorded: Vec<String> = trace.iter().map(told).collect();
    let expected: Vec<&String> = scenes.iter().flat_map(|scene| &scene.expected).collect();
    assert_eq!(recorded.iter().collect::<Vec<_>>(), expected);
}

/// Types a key on a keyboard that comes last: when it has arrived, so has all that came before it.
fn finish_after_a_last_key(guest: &mut Guest, recorder: Recorder) -> Vec<Value> {
    let last = guest.make_device("keyboard", "Test Keyboard");
    guest.run("permit");
    recorder.await_read(guest, &last.node);
    let witness = guest.watch(&last.node);
    guest.play(&last, "down KEY_F12\nwait_us 60000\nup KEY_F12\n");
    guest.poll_holds(&witness, 1);
    let mut trace = recorder.finish(guest);
    trace.retain(|event| event["type"] != "app");
    let end = trace.split_off(trace.len().saturating_sub(2));
    assert_eq!(end.iter().map(told).collect::<Vec<_>>(), ["press KEY_F12", "release KEY_F12"]);
    trace
}

#[test]
fn keys_pointers_and_wheels_are_recorded_whatever_their_device_announces() {
    assert_recorded(&[
        // A program ends its packets as the kernel ends those that it makes up.
        scene(
            "combo",
            &[
                "down KEY_H; syn 1",
                "up KEY_H; syn 1",
                "down BTN_LEFT; syn 1",
                "rel 5 0; syn 1",
                "up BTN_LEFT; syn 1",
                "down KEY_A",
                "up KEY_A",
            ],
            &["press KEY_H", "release KEY_H", "press Left", "move 5 0", "release Left", "press KEY_A", "release KEY_A"],
        ),
        // The pointer of a virtual machine announces what all of the machine's pointers share.
        scene(
            "of:BTN_LEFT,BTN_RIGHT,BTN_MIDDLE,BTN_SIDE,BTN_EXTRA,BTN_TOUCH,REL_WHEEL,ABS_X,ABS_Y",
            &[
                "abs ABS_X 500; abs ABS_Y 300",
                "abs ABS_X 1000; abs ABS_Y 600",
                "down BTN_LEFT",
                "up BTN_LEFT",
                "wheel 1",
            ],
            &["move 500 300", "press Left", "release Left", "scroll 1"],
        ),
        // A remapper's one device for a plain wheel and a fine one.
        scene(
            "wheel",
            &["wheel -1", "wheel -1", "hires -60", "hires -60; wheel -1", "wheel 1", "wheel 1", "hires 120; wheel 1"],
            &["scroll -1", "scroll -1", "scroll -0.5", "scroll -0.5", "scroll 1", "scroll 1", "scroll 1"],
        ),
        // A pen whose tablet reports no proximity.
        scene(
            "of:BTN_TOOL_PEN,BTN_TOUCH,BTN_STYLUS,ABS_X,ABS_Y,ABS_PRESSURE",
            &[
                "abs ABS_X 100; abs ABS_Y 100",
                "abs ABS_X 150",
                "down BTN_TOUCH; abs ABS_PRESSURE 300; abs ABS_X 160",
                "abs ABS_X 170",
                "up BTN_TOUCH; abs ABS_PRESSURE 0",
            ],
            &["move 50 0", "touch", "move 10 0", "touch"],
        ),
    ]);
}

#[test]
fn contacts_are_followed_one_by_one_whatever_reports_them() {
    let at = |x: i32, y: i32| format!("abs ABS_MT_POSITION_X {x}; abs ABS_MT_POSITION_Y {y}");
    let first = format!(
        "abs ABS_MT_SLOT 0; abs ABS_MT_TRACKING_ID 1; {}; down BTN_TOUCH; abs ABS_X 1000; abs ABS_Y 1000",
        at(1000, 1000)
    );
    let second = format!("abs ABS_MT_SLOT 1; abs ABS_MT_TRACKING_ID 2; {}", at(3000, 2000));
    let one = format!("abs ABS_MT_TRACKING_ID 7; {}", at(345, 371));
    let [list, longer, one_less] = [at(114, 383), format!("{}; next; {}", at(117, 383), at(600, 600)), at(601, 600)];
    let palm = format!(
        "abs ABS_MT_TRACKING_ID 5; abs ABS_MT_TOOL_TYPE 2; {}; down BTN_TOUCH; down BTN_TOOL_FINGER; abs ABS_X 200",
        at(200, 200)
    );
    let beside = format!(
        "abs ABS_MT_SLOT 1; abs ABS_MT_TRACKING_ID 6; {}; up BTN_TOOL_FINGER; down BTN_TOOL_DOUBLETAP",
        at(800, 800)
    );
    assert_recorded(&[
        // Two fingers on a screen; the first one goes first.
        scene(
            format!("of:BTN_TOUCH,ABS_X,ABS_Y,{MULTI_TOUCH},DIRECT"),
            &[
                &first,
                &second,
                "abs ABS_MT_SLOT 0; abs ABS_MT_POSITION_X 1002; abs ABS_X 1002",
                "abs ABS_MT_TRACKING_ID -1; abs ABS_X 3000; abs ABS_Y 2000",
                "abs ABS_MT_SLOT 1; abs ABS_MT_POSITION_X 2999; abs ABS_X 2999",
                "abs ABS_MT_TRACKING_ID -1; up BTN_TOUCH",
            ],
            &["touch", "touch", "move 2 0", "touch", "move -1 0", "touch"],
        ),
        // No axes for a single touch, and no key at all.
        scene(
            format!("of:{MULTI_TOUCH}"),
            &[&one, "abs ABS_MT_POSITION_X 340", "abs ABS_MT_TRACKING_ID -1"],
            &["touch", "move -5 0", "touch"],
        ),
        // Lists of contacts instead of slots.
        scene(
            "of:ABS_MT_POSITION_X,ABS_MT_POSITION_Y,DIRECT",
            &[
                &format!("{list}; next"),
                &format!("{longer}; next"),
                &format!("{one_less}; next"),
                &format!("{}; next", at(604, 600)),
                "next",
            ],
            &["touch", "touch", "move 3 0", "touch", "move 3 0", "touch"],
        ),
        // A palm on a touchpad, a finger beside it, and another palm.
        scene(
            "touchpad",
            &[
                &palm,
                "abs ABS_MT_POSITION_X 230; abs ABS_X 230",
                &beside,
                "abs ABS_MT_POSITION_X 810",
                "abs ABS_MT_TRACKING_ID -1; down BTN_TOOL_FINGER; up BTN_TOOL_DOUBLETAP",
                "abs ABS_MT_SLOT 0; abs ABS_MT_TRACKING_ID -1; up BTN_TOUCH; up BTN_TOOL_FINGER",
                "abs ABS_MT_TRACKING_ID 8; down BTN_TOUCH; down BTN_TOOL_FINGER",
                "abs ABS_MT_TRACKING_ID -1; up BTN_TOUCH; up BTN_TOOL_FINGER",
            ],
            &["touch", "move 10 0", "touch"],
        ),
    ]);
}
