//! The agent as a service: what it tells the manager, what it gives up, and whether its units are right.

mod support;

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use support::LIMIT;
use support::agent::{Agent, Home};

const OFF: &str = "[redis]\nenabled = false\n";

/// A manager's socket for notifications.
struct Manager(UnixDatagram);

impl Manager {
    fn bind(path: &Path) -> Manager {
        let socket = UnixDatagram::bind(path).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Manager(socket)
    }

    /// The next notification but for those of the descriptor store.
    fn hear(&self) -> String {
        loop {
            let mut buffer = [0; 512];
            let length = self.0.recv(&mut buffer).expect("told in time");
            let text = String::from_utf8(buffer[..length].to_vec()).expect("a text");
            if !text.starts_with("FDSTORE") {
                return text;
            }
        }
    }
}

#[test]
fn the_manager_is_told_of_start_life_and_end() {
    let home = Home::with_config(OFF);
    let socket = home.path().join("notify");
    let manager = Manager::bind(&socket);
    let mut command = home.command(&["run"]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "200000");
    let agent = Agent::start(command);
    assert!(manager.hear().starts_with("READY=1\nSTATUS="));
    for _ in 0..3 {
        assert_eq!(manager.hear(), "WATCHDOG=1");
    }
    assert_eq!(agent.stop(), Some(0));
    let end = std::iter::repeat_with(|| manager.hear()).find(|told| told != "WATCHDOG=1");
    assert!(end.is_some_and(|told| told.starts_with("STOPPING=1\n")));
}

#[test]
fn another_process_s_watchdog_is_not_ours_to_calm() {
    let home = Home::with_config(OFF);
    let socket = home.path().join("notify");
    let manager = Manager::bind(&socket);
    let mut command = home.command(&["run"]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let agent = Agent::start(command);
    assert!(manager.hear().starts_with("READY=1\n"));
    assert_eq!(agent.stop(), Some(0));
    assert!(manager.hear().starts_with("STOPPING=1\n"));
}

#[test]
fn the_running_agent_says_what_is_in_force_and_the_kernel_agrees() {
    let home = Home::with_config(OFF);
    let agent = home.start_agent(&[]);
    let status = home.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let in_force = |name: &str| status["hardening"][name].as_bool().expect("a flag");
    assert!(in_force("private_memory") && in_force("no_core_dumps") && in_force("no_new_privileges"));
    let process = |file: &str| {
        std::fs::read_to_string(format!("/proc/{}/{file}", agent.id()))
            .unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    assert!(process("status").contains("NoNewPrivs:\t1\n"));
    let core = process("limits").lines().find(|line| line.starts_with("Max core file size")).map(str::to_owned);
    let core = core.expect("the limit");
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"]);
    let doctor = String::from_utf8(home.run(&["doctor"]).stdout).expect("a text");
    assert!(doctor.contains("the agent is running with private memory, no core dumps, no new privileges"), "{doctor}");
    assert_eq!(agent.stop(), Some(0));
}

/// The units in a folder, starting a program that is there.
fn units() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd")).expect("units") {
        let path = entry.expect("a unit").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        // Keys of newer versions of systemd, which older ones say that they ignore.
        let newer = |line: &&str| !line.starts_with("RestartSteps=") && !line.starts_with("RestartMaxDelaySec=");
        let text: Vec<_> = text.lines().filter(newer).collect();
        let text = text.join("\n").replace("/usr/bin/seclyzer", env!("CARGO_BIN_EXE_seclyzer"));
        std::fs::write(folder.path().join(path.file_name().expect("a name")), text).expect("a copy");
    }
    folder
}

fn analyze(arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .current_dir(folder)
        .env("SYSTEMD_LOG_COLOR", "0")
        .env("XDG_RUNTIME_DIR", folder)
        .stdin(Stdio::null())
        .output()
        .expect("systemd-analyze, from the package systemd");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = units();
    for arguments in [
        &[
            "verify",
            "--man=no",
            "./seclyzer@ann.service",
            "./seclyzer@ann.path",
            "./seclyzer-session@ann.service",
            "./seclyzer-lock@ann.path",
            "./seclyzer-lock@ann.service",
        ][..],
        &["verify", "--man=no", "--user", "./seclyzer.service", "./seclyzer-lock.path", "./seclyzer-lock.service"],
    ] {
        let (is_right, said) = analyze(arguments, folder.path());
        let ours: Vec<_> = said.lines().filter(|line| line.contains("seclyzer")).collect();
        assert!(is_right && ours.is_empty(), "{arguments:?}: {said}");
    }
}

/// The system calls that a unit allows, as far as systemd names them.
fn allowed_calls(unit: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for list in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (list, is_denied) = list.strip_prefix('~').map_or((list, false), |list| (list, true));
        for name in list.split(' ') {
            for call in calls_of(name) {
                if is_denied {
                    allowed.remove(&call)
                } else {
                    allowed.insert(call)
                };
            }
        }
    }
    allowed
}

/// The calls of a set such as `@memlock`, or the call itself.
fn calls_of(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let (is_known, listed) = analyze(&["syscall-filter", "--no-pager", name], Path::new("/"));
    assert!(is_known, "{listed}");
    let names = listed.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with('#'));
    names.flat_map(calls_of).collect()
}

#[test]
fn the_units_allow_the_calls_by_which_the_live_state_is_kept() {
    const NEEDED: [&str; 12] = [
        "fallocate",
        "fcntl",
        "fstat",
        "ftruncate",
        "memfd_create",
        "mlock",
        "mlock2",
        "mmap",
        "munmap",
        "pread64",
        "pwrite64",
        "sendmsg",
    ];
    for unit in ["seclyzer.service", "seclyzer@.service"] {
        let text = std::fs::read_to_string(units().path().join(unit)).expect("a unit");
        let allowed = allowed_calls(&text);
        assert!(!allowed.contains("ptrace") && !allowed.contains("add_key"), "{allowed:?}");
        let denied: Vec<_> = NEEDED.into_iter().filter(|&call| !allowed.contains(call)).collect();
        assert!(denied.is_empty(), "{unit} denies {denied:?}");
        assert!(text.contains("\nFileDescriptorStoreMax=1\n") && text.contains("\nMemorySwapMax=0\n"), "{unit}");
    }
}

#[test]
fn the_hardened_unit_may_read_input_devices_and_terminals_and_no_other_device() {
    let text = std::fs::read_to_string(units().path().join("seclyzer@.service")).expect("a unit");
    let allowed: Vec<_> = text.lines().filter(|line| line.starts_with("Device")).collect();
    assert_eq!(allowed, ["DevicePolicy=closed", "DeviceAllow=char-input r", "DeviceAllow=char-pts r"]);
}

#[test]
fn the_hardened_unit_is_exposed_to_2_0_at_most() {
    let folder = units();
    let arguments = ["security", "--offline=true", "--no-pager", "--threshold=20", "./seclyzer@ann.service"];
    let (is_within, said) = analyze(&arguments, folder.path());
    assert!(is_within && said.contains("Overall exposure level"), "{said}");
}
