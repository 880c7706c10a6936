//! The guest is what the other tests take it for.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::devices::program;
use crate::harness::{Guest, KEYBOARD, MOUSE};

const LIMIT: Duration = Duration::from_secs(10);

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn commands_run_in_the_guest_and_their_output_comes_back_unchanged() {
    let mut guest = Guest::boot(&[]);
    let every_byte: Vec<u8> = (0..=255).collect();
    let octal: String = every_byte.iter().map(|byte| format!("\\{byte:03o}")).collect();
    guest.run(&format!("printf '{octal}' >/tmp/bytes"));
    assert_eq!(guest.read_file("/tmp/bytes"), every_byte);
    assert_eq!(guest.try_run("exit 3").status, 3);
    assert_ne!(guest.run_as("root", "sleep 30", Duration::from_secs(1)).status, 0, "the limit ends a command");

    let host = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64();
    let guests: f64 = guest.run("date +%s").parse().expect("a number");
    assert!((guests - host).abs() < 2.5, "the guest's clock says {guests}, the host's {host}");
}

#[test]
fn keys_pressed_on_the_virtual_keyboard_are_held_as_long_as_asked_for() {
    let mut guest = Guest::boot(&[program()]);
    let node = guest.node(KEYBOARD);
    let witness = guest.watch(&node);
    let mut sent_ms = Vec::new();
    for key in "behaviouralbiometrics".chars() {
        let press = Instant::now();
        guest.tap(&key.to_string(), Duration::from_millis(50));
        sent_ms.push(press.elapsed().as_secs_f64() * 1000.0);
    }
    let holds = guest.poll_holds(&witness, sent_ms.len());
    let keys: Vec<String> = "BEHAVIOURALBIOMETRICS".chars().map(|key| format!("KEY_{key}")).collect();
    assert_eq!(holds.iter().map(|hold| hold.code.clone()).collect::<Vec<_>>(), keys);
    let errors = holds.iter().zip(&sent_ms).map(|(hold, sent_ms)| (hold.ms() - sent_ms).abs());
    assert!(median(errors.collect()) < 5.0, "sent {sent_ms:?}, seen {holds:?}");
}

#[test]
fn motion_clicks_and_the_wheel_of_the_virtual_mouse_arrive() {
    let mut guest = Guest::boot(&[program()]);
    let node = guest.node(MOUSE);
    let witness = guest.watch(&node);
    guest.rel_motion(3, -4);
    guest.button("left", true);
    guest.button("left", false);
    guest.wheel(2);
    guest.wheel(-1);
    let seen = guest.poll_for("seven mouse events", LIMIT, |guest| Some(guest.seen(&witness)).filter(|s| s.len() >= 7));
    let seen: Vec<_> = seen.iter().map(|event| (event.code.as_str(), event.value)).collect();
    let wheel = [("REL_WHEEL", 1), ("REL_WHEEL", 1), ("REL_WHEEL", -1)];
    let expected = [("REL_X", 3), ("REL_Y", -4), ("BTN_LEFT", 1), ("BTN_LEFT", 0)];
    assert_eq!(seen, [&expected[..], &wheel].concat());
}

#[test]
fn a_device_made_in_the_guest_types_and_moves_as_its_script_says() {
    let mut guest = Guest::boot(&[program()]);
    let combo = guest.make_device("combo", "Test Combo");
    let witness = guest.watch(&combo.node);
    let written_us = guest.play(&combo, &"down KEY_Q\nwait_us 40000\nup KEY_Q\nwait_us 25000\n".repeat(20));
    let holds = guest.poll_holds(&witness, 20);
    let written_ms: Vec<f64> = written_us.chunks(4).map(|tap| (tap[2] - tap[0]) as f64 / 1000.0).collect();
    let errors = holds.iter().zip(&written_ms).map(|(hold, written_ms)| (hold.ms() - written_ms).abs());
    assert!(median(errors.collect()) < 2.0, "written {written_ms:?}, seen {holds:?}");
    assert!(median(written_ms) >= 35.0, "the schedule is kept, if late on a busy machine");

    let before = guest.seen(&witness).len();
    guest.play(&combo, "rel 3 -2; down BTN_LEFT\nup BTN_LEFT\nwheel -1\nflood 100000 1000");
    let seen = guest.poll_for("the flood's end", LIMIT, |guest| {
        Some(guest.seen(&witness).split_off(before)).filter(|seen| seen.len() >= 105)
    });
    let sum = |code| seen.iter().filter(|event| event.code == code).map(|event| event.value).sum::<i64>();
    assert_eq!([sum("REL_X"), sum("REL_Y"), sum("REL_WHEEL"), sum("BTN_LEFT")], [103, -2, -1, 1]);
}

#[test]
fn every_kind_of_device_can_be_made() {
    let mut guest = Guest::boot(&[program()]);
    let scripts = [
        ("keyboard", "down KEY_LEFTSHIFT; down KEY_A", "KEY_A"),
        ("mouse", "rel 1 1", "REL_Y"),
        ("wheel", "hires 30", "REL_WHEEL_HI_RES"),
        (
            "touchpad",
            "abs ABS_MT_TRACKING_ID 1; abs ABS_MT_POSITION_X 9; down BTN_TOOL_FINGER; down BTN_TOUCH",
            "BTN_TOUCH",
        ),
        ("tablet", "abs ABS_X 100; abs ABS_Y 200", "ABS_Y"),
    ];
    for (kind, report, last) in scripts {
        let device = guest.make_device(kind, &format!("Test {kind}"));
        assert_eq!(guest.node(&format!("Test {kind}")), device.node);
        let witness = guest.watch(&device.node);
        guest.play(&device, report);
        guest.poll_for(last, LIMIT, |guest| guest.seen(&witness).iter().any(|event| event.code == last).then_some(()));
    }
}

#[test]
fn devices_come_and_go_and_belong_to_root_until_they_are_permitted() {
    let mut guest = Guest::boot(&[program()]);
    let as_agent = |guest: &mut Guest, node: &str| {
        guest.run_as("agent", &format!("head -c 0 {node} && exec <{node}"), LIMIT).status == 0
    };
    let permanent = guest.node(KEYBOARD);
    assert!(as_agent(&mut guest, &permanent), "the group input reads the devices that are there from the start");

    let device = guest.make_device("keyboard", "Test Keyboard");
    assert!(!as_agent(&mut guest, &device.node), "a new node is root's");
    guest.run("permit");
    assert!(as_agent(&mut guest, &device.node));
    guest.stop(&device.process, LIMIT);
    guest.poll(&format!("[ ! -e {} ]", device.node), LIMIT);

    guest.plug("virtio-tablet-pci", "tablet");
    let node = guest.node("QEMU Virtio Tablet");
    assert!(!as_agent(&mut guest, &node));
    guest.unplug("tablet");
    guest.poll(&format!("[ ! -e {node} ]"), LIMIT);
}
