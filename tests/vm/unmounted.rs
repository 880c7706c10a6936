//! The home goes away under an agent that outlives the login: nothing of what is typed later lies below the mount point.

use crate::agent::{LIMIT, boot};
use crate::harness::{Guest, MOUSE, Process};
use crate::machine::Hardware;

const HOME: &str = "/home/ann";
const CONFIG_FILE: &str = "/tmp/ann.toml";
const CONFIG: &str = r#"
[store]
path = "/home/ann/.local/share/seclyzer/seclyzer.db"
[redis]
enabled = false
"#;
const READY: &str = "Keystroke Extractor initialized and ready";
const TRY_AGAIN: &str = "75";
const NOT_MOUNTED: &str = "73";

fn mount(guest: &mut Guest) {
    // Nothing but the agent itself keeps it from writing below.
    guest.run(&format!("mkdir -p -m 0700 {HOME} && chown agent:agent {HOME}"));
    guest.run(&format!("mount -t tmpfs -o mode=700,uid=1000,gid=1000 tmpfs {HOME} && touch {HOME}/.profile"));
}

/// As a service manager starts it: its exit code follows its messages.
fn start(guest: &mut Guest) -> Process {
    let run = format!("sh -c 'seclyzer run --config {CONFIG_FILE}; echo code $? >&2'");
    guest.spawn_as("agent", &run)
}

fn await_line(guest: &mut Guest, process: &Process, text: &str) {
    guest.poll(&format!("grep -q '{text}' {}", process.stderr), LIMIT);
}

fn below(guest: &mut Guest) -> String {
    guest.run(&format!("find {HOME} -mindepth 1"))
}

fn a_home_goes_and_comes(hardware: Hardware) {
    let mut guest = boot(hardware);
    guest.run("permit");
    guest.write_file(CONFIG_FILE, CONFIG);
    mount(&mut guest);
    let agent = start(&mut guest);
    await_line(&mut guest, &agent, READY);
    let enforced =
        guest.run(&format!("seclyzer status --json --config {CONFIG_FILE}")).contains("\"landlock_files\": true");
    assert_eq!(enforced, hardware != Hardware::WithoutLandlock);
    guest.node(MOUSE);
    guest.rel_motion(3, 4);

    // As a session's end does whose programs still have files open.
    guest.run(&format!("umount -l {HOME}"));
    await_line(&mut guest, &agent, &format!("code {TRY_AGAIN}"));
    await_line(&mut guest, &agent, "folder was removed, moved or unmounted");
    assert_eq!(below(&mut guest), "");

    guest.rel_motion(3, 4);
    let too_early = start(&mut guest);
    await_line(&mut guest, &too_early, &format!("code {NOT_MOUNTED}"));
    await_line(&mut guest, &too_early, "is empty; mount what belongs there");
    assert_eq!(below(&mut guest), "");

    mount(&mut guest);
    let agent = start(&mut guest);
    await_line(&mut guest, &agent, READY);
    // Something else in its place.
    mount(&mut guest);
    await_line(&mut guest, &agent, &format!("code {TRY_AGAIN}"));
    assert_eq!(below(&mut guest), format!("{HOME}/.profile"));
}

#[test]
fn a_home_that_is_unmounted_ends_the_agent_and_nothing_is_written_below_it() {
    a_home_goes_and_comes(Hardware::Virtio);
}

#[test]
fn the_same_on_a_kernel_without_landlock() {
    a_home_goes_and_comes(Hardware::WithoutLandlock);
}
