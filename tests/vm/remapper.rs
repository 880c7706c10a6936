//! Programs that stand between the keyboard and everybody else: every key counts once.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::agent::{LIMIT, Recorder, boot};
use crate::devices::Device;
use crate::harness::{Guest, KEYBOARD};
use crate::machine::Hardware;

const TEXT: &str = "packmyboxwithfivedozenjugs";

/// Types on the physical keyboard.
fn type_text(guest: &mut Guest) {
    for key in TEXT.chars() {
        guest.tap(&key.to_string(), Duration::from_millis(30));
        sleep(Duration::from_millis(10));
    }
}

fn start(guest: &mut Guest, mode: &str) -> Device {
    let keyboard = guest.node(KEYBOARD);
    let stand_in = guest.make_device(&format!("{mode} {keyboard}"), "Test Remapper");
    guest.run("permit");
    stand_in
}

/// Types and waits until a node has said all of it; the agent, who is told at the same time, has it then.
fn type_through(guest: &mut Guest, node: &str) {
    let witness = guest.watch(node);
    type_text(guest);
    guest.poll_holds(&witness, TEXT.len());
}

fn assert_typed(trace: &[Value], times: usize) {
    let presses = trace.iter().filter(|event| event["event"] == "press").count();
    let releases = trace.iter().filter(|event| event["event"] == "release").count();
    assert_eq!([presses, releases], [times * TEXT.len(); 2], "the text was typed {times} times");
}

#[test]
fn a_key_counts_once_whether_the_remapper_comes_before_the_agent_or_after_it_or_goes() {
    let mut guest = boot(Hardware::Virtio);
    let keyboard = guest.node(KEYBOARD);
    let early = start(&mut guest, "remap");
    let recorder = Recorder::start(&mut guest, &[&keyboard, &early.node]);
    type_through(&mut guest, &early.node);

    guest.stop(&early.process, LIMIT);
    recorder.await_gone(&mut guest, &early.node);
    type_through(&mut guest, &keyboard);

    let late = start(&mut guest, "remap");
    recorder.await_read_again(&mut guest, &late.node);
    type_through(&mut guest, &late.node);
    assert_typed(&recorder.finish(&mut guest), 3);
}

#[test]
fn a_key_counts_once_if_a_program_repeats_it_without_grabbing() {
    // Its time is that of its instructions: no program is late where the host is slow.
    let mut guest = boot(Hardware::VirtioSteady);
    let keyboard = guest.node(KEYBOARD);
    let recorder = Recorder::start(&mut guest, &[&keyboard]);
    let mirror = start(&mut guest, "mirror");
    recorder.await_read(&mut guest, &mirror.node);
    type_through(&mut guest, &mirror.node);
    assert_typed(&recorder.finish(&mut guest), 1);
}

#[test]
fn a_key_counts_once_if_a_program_repeats_a_virtual_keyboard_and_another_one_repeats_that() {
    let mut guest = boot(Hardware::VirtioSteady);
    let remapper = guest.make_device("keyboard", "Test Remapper");
    let mirror = guest.make_device(&format!("mirror {}", remapper.node), "Test Mirror");
    let mirror_of_it = guest.make_device(&format!("mirror {}", mirror.node), "Test Mirror of it");
    guest.run("permit");
    let witness = guest.watch(&mirror_of_it.node);
    let recorder = Recorder::start(&mut guest, &[&remapper.node, &mirror.node, &mirror_of_it.node]);
    let stroke = |key: char| {
        let key = key.to_ascii_uppercase();
        format!("down KEY_{key}\nwait_us 60000\nup KEY_{key}\nwait_us 30000\n")
    };
    guest.play(&remapper, &TEXT.chars().map(stroke).collect::<String>());
    guest.poll_holds(&witness, TEXT.len());
    assert_typed(&recorder.finish(&mut guest), 1);
}
