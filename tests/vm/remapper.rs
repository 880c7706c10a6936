//! Programs that stand between the keyboard and everybody else: every key counts once.

use std::thread::sleep;
use std::time::Duration;

use crate::agent::{Agent, boot};
use crate::devices::Device;
use crate::harness::{Guest, KEYBOARD};
use crate::machine::Hardware;

const TEXT: &str = "packmyboxwithfivedozenjugs";

/// Types on the physical keyboard; says how many events that makes.
fn type_text(guest: &mut Guest) -> u64 {
    for key in TEXT.chars() {
        guest.tap(&key.to_string(), Duration::from_millis(30));
        sleep(Duration::from_millis(10));
    }
    2 * TEXT.len() as u64
}

fn start(guest: &mut Guest, mode: &str) -> Device {
    let keyboard = guest.node(KEYBOARD);
    let stand_in = guest.make_device(&format!("{mode} {keyboard}"), "Test Remapper");
    guest.run("permit");
    stand_in
}

#[test]
fn a_key_counts_once_whether_the_remapper_comes_before_the_agent_or_after_it_or_goes() {
    let mut guest = boot(Hardware::Virtio);
    let early = start(&mut guest, "remap");
    let agent = Agent::start(&mut guest, "");
    agent.await_read(&mut guest, &early.node);
    let mut typed = type_text(&mut guest);
    agent.await_events(&mut guest, "keystroke", typed);

    guest.stop(&early.process, Duration::from_secs(5));
    agent.await_state(&mut guest, &early.node, "gone");
    typed += type_text(&mut guest);
    agent.await_events(&mut guest, "keystroke", typed);

    let late = start(&mut guest, "remap");
    agent.await_read(&mut guest, &late.node);
    typed += type_text(&mut guest);
    agent.await_events(&mut guest, "keystroke", typed);
}

#[test]
fn a_key_counts_once_if_a_program_repeats_it_without_grabbing() {
    let mut guest = boot(Hardware::Virtio);
    let agent = Agent::start(&mut guest, "");
    let mirror = start(&mut guest, "mirror");
    agent.await_read(&mut guest, &mirror.node);
    let witness = guest.watch(&mirror.node);
    let typed = type_text(&mut guest);
    guest.poll_holds(&witness, TEXT.len());
    agent.await_events(&mut guest, "keystroke", typed);
}
