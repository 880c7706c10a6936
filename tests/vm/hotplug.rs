//! Devices come and go under a running agent, which stays what it was.

use std::time::Duration;

use serde_json::Value;

use crate::agent::{Agent, LIMIT, Recorder, boot};
use crate::harness::Guest;
use crate::machine::Hardware;

const CYCLES: u64 = 50;
/// More than a retry of a node that may not be opened yet ever waits.
const RETRIES_OVER: Duration = Duration::from_secs(4);

/// Words of three letters; holds of 30 ms, 10 ms apart.
fn taps(count: usize) -> String {
    let tap = |i: usize| {
        let key = if i % 4 == 3 { "SPACE" } else { "J" };
        format!("down KEY_{key}\nwait_us 30000\nup KEY_{key}\nwait_us 10000\n")
    };
    (0..count).map(tap).collect()
}

/// What the agent takes of the machine.
#[derive(Debug)]
struct Cost {
    descriptors: u64,
    resident_kb: u64,
}

fn number(guest: &mut Guest, command: &str) -> u64 {
    guest.run(command).trim().parse().expect("a number")
}

/// Of processor time, in the next second.
fn ticks_in_a_second(guest: &mut Guest, pid: u32) -> u64 {
    let ticks = format!("awk '{{ print $14 + $15 }}' /proc/{pid}/stat");
    let before = number(guest, &ticks);
    std::thread::sleep(Duration::from_secs(1));
    number(guest, &ticks) - before
}

fn cost(guest: &mut Guest, pid: u32) -> Cost {
    Cost {
        descriptors: number(guest, &format!("ls /proc/{pid}/fd | wc -l")),
        // Counted page by page: `VmRSS` lags behind by up to 64 pages a thread (proc_pid_status(5)).
        resident_kb: number(guest, &format!("awk '/^Rss/ {{ print $2 }}' /proc/{pid}/smaps_rollup")),
    }
}

#[test]
fn fifty_devices_come_and_go_while_another_is_typed_on_and_the_agent_costs_what_it_did() {
    let mut guest = boot(Hardware::Virtio);
    let keyboard = guest.make_device("keyboard", "Test Keyboard");
    guest.run("permit");
    let agent = Agent::start(&mut guest, "");
    let mut typed = 0;
    let mut cycle = |guest: &mut Guest| {
        // What is typed meanwhile waits in the device's pipe and is played while the other comes and goes.
        guest.write_file(&keyboard.process.stdin, &taps(4));
        let other = guest.make_device("combo", "Test Combo");
        guest.run("permit");
        agent.await_read(guest, &other.node);
        guest.play(&other, "down KEY_A\ndown KEY_B\nwait_us 1000\nrel 1 1");
        typed += 10;
        guest.poll_for("what was typed", LIMIT, |guest| (agent.events(guest, "keystroke") >= typed).then_some(()));
        guest.stop(&other.process, LIMIT);
        agent.await_state(guest, &other.node, "gone");
    };
    cycle(&mut guest);
    let before = cost(&mut guest, agent.process.pid);
    for _ in 1..CYCLES {
        cycle(&mut guest);
    }
    let after = cost(&mut guest, agent.process.pid);
    println!("{before:?} before, {after:?} after");
    assert_eq!(after.descriptors, before.descriptors);
    assert!(after.resident_kb <= before.resident_kb + 512, "{before:?} before, {after:?} after");
    // What the last device left may still be written; what is busy with nothing to do is so for ever.
    guest.poll_for("a second in which it does nothing", LIMIT, |guest| {
        (ticks_in_a_second(guest, agent.process.pid) <= 1).then_some(())
    });
    assert_eq!(agent.gaps(&mut guest), 2 * CYCLES, "of keys and of the pointer, each time");

    // Each device that went has begun the window anew; this makes a record.
    guest.play(&keyboard, &taps(44));
    let (_folder, database) = agent.await_records(&mut guest);
    let longest: f64 =
        database.query_one("SELECT max(dwell_max) FROM keystroke_features", [], |row| row.get(0)).expect("records");
    assert!(longest < 100.0, "a key that was held when its keyboard went was told as held for {longest} ms");
}

#[test]
fn a_key_that_is_held_when_its_keyboard_goes_is_not_told_as_released() {
    let mut guest = boot(Hardware::Virtio);
    let keyboard = guest.make_device("keyboard", "Test Keyboard");
    guest.run("permit");
    let recorder = Recorder::start(&mut guest, &[&keyboard.node]);
    guest.play(&keyboard, "down KEY_A\nwait_us 300000");
    guest.stop(&keyboard.process, LIMIT);
    guest.poll(&format!("[ ! -e {} ]", keyboard.node), LIMIT);
    let trace = recorder.finish(&mut guest);
    let told: Vec<_> = trace
        .iter()
        .filter(|event| event["type"] != "app")
        .map(|event| [&event["type"], &event["event"], &event["scope"]].map(Value::as_str))
        .collect();
    assert_eq!(told, [[Some("keystroke"), Some("press"), None], [Some("gap"), None, Some("keystroke")]]);
}

#[test]
fn a_node_that_may_be_read_only_later_is_read_then() {
    let mut guest = boot(Hardware::Virtio);
    let agent = Agent::start(&mut guest, "");
    let keyboard = guest.make_device("keyboard", "Test Keyboard");
    agent.await_state(&mut guest, &keyboard.node, "refused");
    std::thread::sleep(RETRIES_OVER);
    agent.await_state(&mut guest, &keyboard.node, "refused");
    guest.run("permit");
    agent.await_read(&mut guest, &keyboard.node);
    guest.play(&keyboard, &"down KEY_A\nup KEY_A\n".repeat(5));
    agent.await_events(&mut guest, "keystroke", 10);
}
