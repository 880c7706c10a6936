//! The agent in the guest: how it is started there, and what it tells.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::archive::Import;
use crate::devices::program;
use crate::harness::{Guest, Process};
use crate::machine::Hardware;

pub const LIMIT: Duration = Duration::from_secs(20);

const WINDOW_STEP_S: u64 = 5;
const DATABASE: &str = "/tmp/data/seclyzer.db";
const CONFIG_FILE: &str = "/tmp/seclyzer.toml";
const CONFIG: &str = r#"
[store]
path = "/tmp/data/seclyzer.db"
"#;

/// The agent's binary, which the tests bring into the guest.
pub fn binary() -> Import {
    binary_at("/usr/bin/seclyzer")
}

pub fn binary_at(path: &str) -> Import {
    let agent = std::env::var_os("SECLYZER_BIN").or(option_env!("CARGO_BIN_EXE_seclyzer").map(Into::into));
    Import::new(PathBuf::from(agent.expect("SECLYZER_BIN names the agent's binary")), path)
}

/// A small guest with the agent and the program that makes devices.
pub fn boot(hardware: Hardware) -> Guest {
    Guest::boot_with(hardware, &[program(), binary()])
}

/// An agent that runs.
pub struct Agent {
    pub process: Process,
}

impl Agent {
    /// Starts the agent as a user who has nothing but the group input; `settings` are more lines of its configuration.
    pub fn start(guest: &mut Guest, settings: &str) -> Agent {
        guest.write_file(CONFIG_FILE, &format!("{CONFIG}{settings}"));
        guest.run("mkdir -p -m 0700 /tmp/data && chown agent:agent /tmp/data");
        let process = guest.spawn_as("agent", &format!("/usr/bin/seclyzer run --config {CONFIG_FILE}"));
        guest.poll(&format!("grep -q 'Keystroke Extractor initialized and ready' {}", process.stderr), LIMIT);
        Agent { process }
    }

    pub fn status(&self, guest: &mut Guest) -> Value {
        let text = guest.run(&format!("seclyzer status --json --config {CONFIG_FILE}"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// How many events of a kind the agent has taken; keystroke events are told in steps of ten.
    pub fn events(&self, guest: &mut Guest, kind: &str) -> u64 {
        self.status(guest)["events"][kind].as_u64().expect("a count")
    }

    /// How many gaps there were, whatever the reason.
    pub fn gaps(&self, guest: &mut Guest) -> u64 {
        gaps(&self.status(guest))
    }

    pub fn await_events(&self, guest: &mut Guest, kind: &str, count: u64) {
        guest.poll_for(&format!("{count} {kind} events"), LIMIT, |guest| {
            (self.events(guest, kind) >= count).then_some(())
        });
        assert_eq!(self.events(guest, kind), count, "{kind} events");
    }

    /// Waits until a node is read.
    pub fn await_read(&self, guest: &mut Guest, node: &str) {
        self.await_state(guest, node, "read");
    }

    /// Waits until a node is in a state: `read`, `refused` or `gone`.
    pub fn await_state(&self, guest: &mut Guest, node: &str, state: &str) {
        guest.poll_for(&format!("{node} is {state}"), LIMIT, |guest| {
            let status = self.status(guest);
            let devices = status["devices"].as_array().expect("a list of devices");
            let device = devices.iter().find(|device| device["path"] == node);
            let now = device.map_or("gone", |device| device["state"].as_str().expect("a state"));
            (now == state).then_some(())
        });
    }

    /// Waits until the window of the newest event has ended, and gives the database as it is then.
    pub fn await_records(&self, guest: &mut Guest) -> (TempDir, Connection) {
        let now: u64 = guest.run("date +%s").parse().expect("a number");
        let written = (now / WINDOW_STEP_S + 1) * WINDOW_STEP_S + 1;
        // The guest's clock may be slow.
        guest.poll(&format!("[ $(date +%s) -gt {written} ]"), 6 * LIMIT);
        fetch_database(guest)
    }

    pub fn stop(self, guest: &mut Guest) {
        guest.stop(&self.process, LIMIT);
    }
}

/// How many gaps a status tells of.
pub fn gaps(status: &Value) -> u64 {
    let by_reason = status["events"]["gaps"].as_object().expect("gaps by reason");
    by_reason.values().map(|count| count.as_u64().expect("a count")).sum()
}

/// Copies the agent's database, with what it may have left in the write-ahead log.
pub fn fetch_database(guest: &mut Guest) -> (TempDir, Connection) {
    let folder = TempDir::new().expect("a temporary folder");
    for suffix in ["", "-wal"] {
        let output = guest.try_run(&format!("cat {DATABASE}{suffix}"));
        if output.status == 0 {
            std::fs::write(folder.path().join(format!("seclyzer.db{suffix}")), output.stdout).expect("room for it");
        }
    }
    let database = Connection::open(folder.path().join("seclyzer.db")).expect("an SQLite database");
    (folder, database)
}

/// `seclyzer record`: every event that the agent takes, one by one.
pub struct Recorder {
    process: Process,
    trace: String,
}

impl Recorder {
    /// Starts to record, and waits until these nodes are read.
    pub fn start(guest: &mut Guest, nodes: &[&str]) -> Recorder {
        let trace = "/tmp/trace.jsonl".to_owned();
        guest.run(&format!("rm -f {trace}"));
        let process = guest.spawn_as("agent", &format!("/usr/bin/seclyzer record --yes --output {trace}"));
        let recorder = Recorder { process, trace };
        nodes.iter().for_each(|node| recorder.await_read(guest, node));
        recorder
    }

    pub fn await_read(&self, guest: &mut Guest, node: &str) {
        guest.poll(&format!("grep -q 'reading {node} ' {}", self.process.stderr), LIMIT);
    }

    pub fn await_gone(&self, guest: &mut Guest, node: &str) {
        guest.poll(&format!("grep -q 'no longer reading {node} ' {}", self.process.stderr), LIMIT);
    }

    /// Waits until a node is read that was before, under the same name.
    pub fn await_read_again(&self, guest: &mut Guest, node: &str) {
        let is_read_last = format!("grep 'reading {node} ' {} | tail -n 1 | grep -qv 'no longer'", self.process.stderr);
        guest.poll(&is_read_last, LIMIT);
    }

    /// Ends the recording and gives what was recorded.
    pub fn finish(self, guest: &mut Guest) -> Vec<Value> {
        guest.stop(&self.process, LIMIT);
        let text = guest.read_file(&self.trace);
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("JSON lines")).collect()
    }
}
