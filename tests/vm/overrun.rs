//! An agent that is stopped while the kernel's buffer overruns says so, and invents nothing.

use crate::agent::{Agent, LIMIT, boot};
use crate::harness::Guest;
use crate::machine::Hardware;

/// Words of three letters; holds of 40 ms, 10 ms apart.
fn taps(count: usize) -> String {
    let tap = |i: usize| {
        let key = if i % 4 == 3 { "SPACE" } else { "J" };
        format!("down KEY_{key}\nwait_us 40000\nup KEY_{key}\nwait_us 10000\n")
    };
    (0..count).map(tap).collect()
}

/// More motion than the kernel keeps for a reader.
const OVERRUN: &str = "flood 400000 2000";

fn newest_record(guest: &mut Guest, agent: &Agent) -> (i64, f64, f64) {
    let (_folder, database) = agent.await_records(guest);
    let query = "SELECT degraded, dwell_min, dwell_max FROM keystroke_features WHERE dwell_min IS NOT NULL \
                 ORDER BY window_end DESC LIMIT 1";
    database.query_one(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("a record")
}

#[test]
fn an_overrun_is_a_gap_and_degrades_the_record_without_a_timing_of_its_own() {
    let mut guest = boot(Hardware::VirtioSteady);
    let combo = guest.make_device("combo", "Test Combo");
    guest.run("permit");
    let agent = Agent::start(&mut guest, "");
    agent.await_read(&mut guest, &combo.node);
    guest.play(&combo, &format!("{}down KEY_A\ndown KEY_B", taps(4)));
    agent.await_events(&mut guest, "keystroke", 10);

    let pid = agent.process.pid;
    guest.run(&format!("kill -STOP {pid}"));
    // What was held is let go, and something else is held, while nobody reads.
    guest.play(&combo, &format!("up KEY_A\nup KEY_B\ndown KEY_S\n{OVERRUN}"));
    guest.run(&format!("kill -CONT {pid}"));
    guest.poll_for("the gap", LIMIT, |guest| (agent.gaps(guest) == 2).then_some(()));

    guest.play(&combo, &format!("up KEY_S\n{}down KEY_L", taps(44)));
    agent.await_events(&mut guest, "keystroke", 100);
    let (is_degraded, dwell_min, dwell_max) = newest_record(&mut guest, &agent);
    assert_eq!(is_degraded, 1);
    assert!(dwell_min > 30.0 && dwell_max < 90.0, "held for 40 ms, told as {dwell_min} to {dwell_max} ms");
    assert_eq!(agent.gaps(&mut guest), 2, "one overrun: a gap in the keys and one in the motion");
}

#[test]
fn a_mouse_that_is_slow_and_then_reports_at_1_khz_and_a_keyboard_in_use_lose_no_event() {
    let mut guest = boot(Hardware::VirtioSteady);
    // Of the HID layer, without a USB endpoint: the kernel does not say how fast they can be.
    let (mouse, keyboard) =
        (guest.make_device("hid-mouse", "Test Mouse"), guest.make_device("hid-keyboard", "Test Keyboard"));
    guest.run("permit");
    let agent = Agent::start(&mut guest, "");
    agent.await_read(&mut guest, &mouse.node);
    agent.await_read(&mut guest, &keyboard.node);
    guest.write_file(&keyboard.process.stdin, "type 10000000 100000\n");
    guest.play_undisturbed(&mouse, "rel 0 1\nflood 2000000 10000\nflood 8000000 1000", 11);
    agent.await_events(&mut guest, "mouse", 8_201);
    agent.await_events(&mut guest, "keystroke", 100);
    assert_eq!(agent.gaps(&mut guest), 0);
}

/// Presses and releases, half a millisecond apart: five times what a scanner types.
const BURST: &str = "type 1000000 500";
const BURST_EVENTS: u64 = 2_000;

#[test]
fn a_keyboard_of_a_thousand_keys_a_second_loses_none_or_the_record_is_degraded() {
    let mut guest = boot(Hardware::VirtioSteady);
    let keyboard = guest.make_device("keyboard", "Test Keyboard");
    guest.run("permit");
    let agent = Agent::start(&mut guest, "");
    agent.await_read(&mut guest, &keyboard.node);
    // Words, so that there is a record.
    guest.play(&keyboard, &taps(45));
    agent.await_events(&mut guest, "keystroke", 90);
    let written_us = guest.play_undisturbed(&keyboard, &format!("wait_us 1\n{BURST}"), 2);
    println!("{BURST_EVENTS} events within {} ms", (written_us[1] - written_us[0]) / 1000);
    let all = 90 + BURST_EVENTS;
    let is_whole = guest.poll_for("all events, or a gap", LIMIT, |guest| match agent.gaps(guest) {
        0 => (agent.events(guest, "keystroke") == all).then_some(true),
        _ => Some(false),
    });
    println!("whole: {is_whole}");
    let (is_degraded, ..) = newest_record(&mut guest, &agent);
    assert_eq!(is_degraded, i64::from(!is_whole));
}
