//! alice at her desktop, with the agent as she has installed it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::agent::{binary, binary_at, gaps};
use crate::desktop::LIMIT;
use crate::harness::{DESKTOP_PAUSE, Guest, Process, poll_for};

/// Where she has built it.
pub const BUILT: &str = "/opt/build/seclyzer";
/// A line of eleven words.
pub const SENTENCE: &str = " it is a dog so we go on up at all ";
/// Of its keys, those that count: not the space before the first word, nor the last word, which waits for another.
pub const COUNTING: usize = SENTENCE.len() - 5;

/// Packages take their time in a busy guest.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// What she gets by one of the ways to install.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub program: &'static str,
    pub database: &'static str,
    /// Shows the service's properties.
    pub show: &'static str,
}

pub const USER_WAY: Way = Way {
    program: "~/.local/bin/seclyzer",
    database: "~/.local/share/seclyzer/seclyzer.db",
    show: "systemctl --user show seclyzer.service",
};
pub const HARDENED: Way = Way {
    program: "seclyzer",
    database: "/var/lib/seclyzer/alice/seclyzer.db",
    show: "systemctl show seclyzer@alice.service",
};

const BY_HAND: Way =
    Way { program: "seclyzer", database: "~/.local/share/seclyzer/seclyzer.db", show: "systemctl show agent.service" };
/// Without what an installed service would forbid: what holds here is the agent's own doing.
pub const BY_HAND_START: &str = "systemd-run --quiet --unit=agent -p User=alice -p SupplementaryGroups=input \
    -p LimitCORE=infinity -E DISPLAY=:0 -E XAUTHORITY=/home/alice/.Xauthority -E HOME=/home/alice /usr/bin/seclyzer run";

pub struct Desk {
    pub guest: Guest,
    pub way: Way,
}

impl Desk {
    /// alice's desktop, with the program and nothing installed.
    pub fn fresh(way: Way) -> Desk {
        Desk { guest: Guest::desktop(&[binary_at(BUILT)]), way }
    }

    /// alice's desktop with the hardened agent running.
    pub fn hardened() -> Desk {
        let mut desk = Desk::fresh(HARDENED);
        desk.install_hardened(BUILT);
        desk.guest.click_into("editor");
        desk
    }

    /// alice's desktop with an agent that runs though it is not installed.
    pub fn by_hand(config: &str) -> Desk {
        let mut desk = Desk { guest: Guest::desktop(&[binary()]), way: BY_HAND };
        desk.run("mkdir -p -m 0700 ~/.config/seclyzer ~/.local ~/.local/share ~/.local/share/seclyzer");
        desk.run(&format!("umask 077; cat >~/.config/seclyzer/config.toml <<'END'\n{config}\nEND"));
        desk.guest.run(BY_HAND_START);
        desk.await_agent();
        desk
    }

    /// Installs the hardened agent and starts it in the session, as installing says.
    pub fn install_hardened(&mut self, program: &str) {
        let told = self.run(&format!("sudo {program} install --hardened"));
        let start = told.lines().find(|line| line.starts_with("  sh -c ")).expect("how to start it now");
        self.run(&format!("export DISPLAY=:0 XAUTHORITY=~/.Xauthority; {start}"));
        self.await_agent();
    }

    /// Requires that the hardened agent goes by an account of its own in what a signal asks for, and by alice's in all else.
    pub fn check_own_account(&mut self) {
        let pid = self.property("MainPID");
        let uids = self.guest.run(&format!("awk '/^Uid:/ {{ print $2, $3, $4, $5 }}' /proc/{pid}/status"));
        let expected = "own=$(id -u seclyzer); alice=$(id -u alice); echo $own $alice $own $alice";
        assert_eq!(uids, self.guest.run(expected), "real, effective, saved, of files");
    }

    /// Runs a command as alice, at her terminal, and requires that it succeeds.
    pub fn run(&mut self, command: &str) -> String {
        let output = self.guest.run_as("alice", command, COMMAND_LIMIT);
        assert_eq!(output.status, 0, "{command}: {}", output.text());
        output.text()
    }

    /// Requires that the running agent has given up what it can do without, and tells nobody of its memory.
    pub fn check_hardening(&mut self) {
        let in_force = self.status()["hardening"].clone();
        for measure in ["private_memory", "no_core_dumps", "no_new_privileges", "landlock_files"] {
            assert_eq!(in_force[measure], true, "{measure}");
        }
        let pid = self.property("MainPID");
        let told = self.guest.run(&format!("grep -E '^(NoNewPrivs|CapEff|Seccomp):' /proc/{pid}/status | tr -d '\\t'"));
        assert_eq!(told, "CapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:2");
        for secret in ["mem", "environ", "maps", "exe", "fd/0"] {
            let peek = self.guest.run_as("alice", &format!("head -c 1 /proc/{pid}/{secret}"), LIMIT);
            assert_ne!(peek.status, 0, "her other programs read {secret}");
        }
    }

    /// What the agent tells of itself, if it runs.
    pub fn try_status(&mut self) -> Option<Value> {
        let output = self.guest.run_as("alice", &format!("{} status --json", self.way.program), LIMIT);
        (output.status == 0).then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    pub fn status(&mut self) -> Value {
        self.try_status().expect("the agent runs")
    }

    pub fn poll_for<T>(&mut self, what: &str, ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        poll_for(self, what, DESKTOP_PAUSE, 2 * LIMIT, ask)
    }

    /// Waits until the agent follows keyboard, mouse and focus.
    pub fn await_agent(&mut self) {
        self.poll_for("the agent follows keyboard, mouse and focus", |desk| {
            let status = desk.try_status()?;
            let is_read = |name: &str| {
                let devices = status["devices"].as_array();
                devices.is_some_and(|all| all.iter().any(|node| node["name"] == name && node["state"] == "read"))
            };
            let reads_all = is_read("QEMU Virtio Keyboard") && is_read("QEMU Virtio Mouse");
            (reads_all && status["applications"] == true).then_some(())
        });
    }

    pub fn events(&mut self, kind: &str) -> u64 {
        self.status()["events"][kind].as_u64().expect("a count")
    }

    pub fn gaps(&mut self) -> u64 {
        gaps(&self.status())
    }

    /// Types, and requires that the agent takes it; a multiple of five keys, for it tells their events in steps of ten.
    pub fn type_and_be_heard(&mut self, text: &str) {
        let before = self.events("keystroke");
        let expected = before + 2 * self.guest.type_text(text);
        self.poll_for("what was typed", |desk| (desk.events("keystroke") >= expected).then_some(()));
        assert_eq!(self.events("keystroke"), expected);
    }

    pub fn query(&mut self, sql: &str) -> String {
        self.run(&format!("sqlite3 -readonly {} \"{sql}\"", self.way.database))
    }

    /// Waits until a query gives a row.
    pub fn await_row(&mut self, sql: &str) -> String {
        self.poll_for(sql, |desk| Some(desk.query(sql)).filter(|rows| !rows.is_empty()))
    }

    /// How many records of keys and of the mouse the agent has stored since it started, as it tells.
    pub fn stored(&mut self) -> u64 {
        let store = &self.status()["store"];
        ["keystroke_records", "mouse_records"].map(|kind| store[kind].as_u64().expect("a count")).iter().sum()
    }

    /// How many records of keys and of the mouse there are.
    pub fn count(&mut self, condition: &str) -> u64 {
        let count = |table| format!("(SELECT count(*) FROM {table} WHERE {condition})");
        let sql = format!("SELECT {} + {}", count("keystroke_features"), count("mouse_features"));
        self.query(&sql).parse().expect("a number")
    }

    /// Kind and window's end of each record in the stream.
    pub fn streamed(&mut self) -> Vec<String> {
        let stream = self.guest.run("redis-cli XRANGE seclyzer:stream:features - +");
        let records = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let name = |record: Value| format!("{}|{}", record["type"].as_str().expect("a type"), record["window_end"]);
        records.filter(Value::is_object).map(name).collect()
    }

    /// The same of each in the database.
    pub fn named(&mut self) -> BTreeSet<String> {
        let kinds = [("keystroke", "keystroke_features"), ("mouse", "mouse_features"), ("app", "app_transitions")];
        let all = kinds.map(|(kind, table)| format!("SELECT '{kind}', window_end FROM {table}")).join(" UNION ALL ");
        self.query(&all).lines().map(str::to_owned).collect()
    }

    /// Requires a sound database, and that each id that was given is a record's.
    pub fn check_that_no_record_is_missing(&mut self) {
        assert_eq!(self.query("PRAGMA integrity_check"), "ok");
        let last = self.query("SELECT last_id FROM sequence");
        let others = ["app_transitions", "scores", "decisions"].map(|table| format!("(SELECT count(*) FROM {table})"));
        let others: u64 = self.query(&format!("SELECT {}", others.join(" + "))).parse().expect("a number");
        assert_eq!(last, (self.count("true") + others).to_string());
    }

    /// One of the service's properties, as systemd tells it.
    pub fn property(&mut self, name: &str) -> String {
        self.run(&format!("{} -p {name} --value", self.way.show))
    }

    /// A subscriber to all features.
    pub fn subscribe(&mut self) -> Process {
        let subscriber = self.guest.spawn("redis-cli SUBSCRIBE features");
        self.guest.poll(&format!("grep -q subscribe {}", subscriber.stdout), LIMIT);
        subscriber
    }

    /// What a subscriber was told.
    pub fn messages(&mut self, subscriber: &Process) -> Vec<Value> {
        let told = String::from_utf8_lossy(&self.guest.read_file(&subscriber.stdout)).into_owned();
        told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object).collect()
    }
}
