//! Devices that the guest makes itself, and the witness that tells what the kernel reported.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::archive::Import;
use crate::harness::{Guest, Process};

/// A machine that counts instructions may take ten times as long as its clock says.
const LIMIT: Duration = Duration::from_secs(90);
const PROGRAM: &str = "/bin/vm-uinput";

/// The guest's own program, which cargo builds as an example beside this test.
pub fn program() -> Import {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("PROFILE/deps/vm").to_owned();
    Import::new(profile.join("examples/vm-uinput"), PathBuf::from(PROGRAM))
}

/// A device made through uinput; it is unplugged by stopping its process.
pub struct Device {
    pub process: Process,
    pub node: String,
}

/// An independent reader of one node.
pub struct Witness {
    process: Process,
}

/// An event as the kernel gave it to the witness, in microseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Seen {
    pub us: i64,
    pub code: String,
    pub value: i64,
}

/// A key or button from its press to its release.
#[derive(Debug, Clone)]
pub struct Hold {
    pub code: String,
    pub press_us: i64,
    pub release_us: i64,
}

impl Hold {
    pub fn ms(&self) -> f64 {
        (self.release_us - self.press_us) as f64 / 1000.0
    }
}

impl Guest {
    /// Makes a device of a kind (see the guest's program) and waits for its node, which belongs to root alone.
    pub fn make_device(&mut self, kind: &str, name: &str) -> Device {
        let process = self.spawn(&format!("{PROGRAM} {kind} '{name}'"));
        let first = self.poll_lines(&process, 1).remove(0);
        let node = first["node"].as_str().expect("a node").to_owned();
        Device { process, node }
    }

    /// Plays a script to its end. Gives when each line was done, in microseconds of CLOCK_BOOTTIME.
    pub fn play(&mut self, device: &Device, script: &str) -> Vec<i64> {
        self.play_undisturbed(device, script, 0)
    }

    /// As [`play`](Self::play), for a script that takes so many seconds, in which nothing else is started: to start a
    /// program takes longer than the kernel's queue for a reader of a fast device lasts.
    pub fn play_undisturbed(&mut self, device: &Device, script: &str, seconds: u32) -> Vec<i64> {
        let before = self.lines(&device.process).len();
        self.write_file(&device.process.stdin, script);
        if seconds > 0 {
            // A guest whose time is counted in instructions may be slower than the clock.
            let limit = 3 * Duration::from_secs(seconds.into()) + LIMIT;
            let output = self.run_as("root", &format!("sleep {seconds}"), limit);
            assert_eq!(output.status, 0, "{output:?}");
        }
        let lines = self.poll_lines(&device.process, before + script.lines().count());
        lines[before..].iter().map(|line| line["us"].as_i64().expect("a time")).collect()
    }

    pub fn watch(&mut self, node: &str) -> Witness {
        let process = self.spawn(&format!("{PROGRAM} watch {node}"));
        self.poll_lines(&process, 1);
        Witness { process }
    }

    pub fn seen(&mut self, witness: &Witness) -> Vec<Seen> {
        let lines = self.lines(&witness.process);
        let offset_us = lines[0]["wall_offset_us"].as_i64().expect("an offset");
        let event = |line: &Value| Seen {
            us: line["us"].as_i64().expect("a time") + offset_us,
            code: line["code"].as_str().expect("a code").to_owned(),
            value: line["value"].as_i64().expect("a value"),
        };
        lines[1..].iter().map(event).collect()
    }

    /// Waits until the witness has seen so many complete holds.
    pub fn poll_holds(&mut self, witness: &Witness, count: usize) -> Vec<Hold> {
        self.poll_for(&format!("{count} holds"), LIMIT, |guest| {
            let holds = holds(&guest.seen(witness));
            (holds.len() >= count).then_some(holds)
        })
    }

    fn lines(&mut self, process: &Process) -> Vec<Value> {
        let text = self.read_file(&process.stdout);
        let whole_lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        whole_lines.map(|line| serde_json::from_slice(line).expect("JSON lines")).collect()
    }

    fn poll_lines(&mut self, process: &Process, count: usize) -> Vec<Value> {
        self.poll_for(&format!("{count} lines of {}", process.stdout), LIMIT, |guest| {
            let lines = guest.lines(process);
            (lines.len() >= count).then_some(lines)
        })
    }
}

/// Pairs presses with releases, in the order of the releases. Autorepeat is neither.
pub fn holds(events: &[Seen]) -> Vec<Hold> {
    let mut down = HashMap::new();
    let mut holds = Vec::new();
    for event in events.iter().filter(|event| event.code.starts_with("KEY_") || event.code.starts_with("BTN_")) {
        match event.value {
            1 => drop(down.insert(&event.code, event.us)),
            0 => holds.extend(down.remove(&event.code).map(|press_us| Hold {
                code: event.code.clone(),
                press_us,
                release_us: event.us,
            })),
            _ => {}
        }
    }
    holds
}
