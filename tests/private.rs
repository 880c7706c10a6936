//! What the running binary leaves for others to find: files, sockets, secrets on the wire.

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use support::agent::{Agent, Home};

const READY: &str = "Mouse Extractor initialized and ready";
const NO_SINKS: &str = "[redis]\nenabled = false\n";

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("it exists").permissions().mode() & 0o777
}

#[test]
fn files_are_the_owners_alone_whatever_the_umask() {
    for umask in [0o000, 0o022, 0o077] {
        let home = Home::with_config(NO_SINKS);
        let log = home.path().join("log");
        let mut command = home.command(&["run"]);
        command.env("SECLYZER_LOG_FILE", &log);
        // SAFETY: one system call between fork and exec, which touches no memory.
        unsafe {
            command.pre_exec(move || {
                libc::umask(umask);
                Ok(())
            })
        };
        let agent = Agent::start(command);
        agent.wait_for_log(READY);
        let folder = home.database().parent().expect("a folder").to_owned();
        support::wait_until("the socket is there", || home.database().with_extension("db.sock").exists());
        assert_eq!(mode(&folder), 0o700, "umask {umask:o}");
        let files: Vec<_> =
            std::fs::read_dir(&folder).expect("files").map(|file| file.expect("a file").path()).collect();
        assert!(files.len() >= 5, "database, log, shared memory, lock, socket: {files:?}");
        for file in files.iter().chain([&log]) {
            assert_eq!(mode(file), 0o600, "{} under umask {umask:o}", file.display());
        }
        assert_eq!(agent.stop(), Some(0));
    }
}

#[test]
fn a_log_file_that_is_a_symbolic_link_is_not_written_to() {
    let home = Home::with_config(NO_SINKS);
    let (victim, link) = (home.path().join("victim"), home.path().join("log"));
    std::fs::write(&victim, "precious").expect("a file");
    symlink(&victim, &link).expect("a link");
    let output = home.command(&["run"]).env("SECLYZER_LOG_FILE", &link).output().expect("it runs");
    assert_eq!(output.status.code(), Some(73), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read(&victim).expect("the victim"), b"precious");
}

#[test]
fn a_trace_is_not_recorded_through_a_symbolic_link_nor_over_a_file() {
    let home = Home::with_config(NO_SINKS);
    let (victim, link) = (home.path().join("victim"), home.path().join("trace"));
    symlink(&victim, &link).expect("a link");
    let output = home.run(&["record", "--yes", "--seconds", "1", "-o", link.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(73), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!victim.exists());
}

#[test]
fn a_symbolic_link_in_the_socket_s_place_is_replaced_and_not_followed() {
    let home = Home::with_config(NO_SINKS);
    let socket = home.database().with_extension("db.sock");
    let victim = home.path().join("victim");
    std::fs::write(&victim, "precious").expect("a file");
    std::fs::create_dir_all(socket.parent().expect("a folder")).expect("a folder");
    symlink(&victim, &socket).expect("a link");
    let agent = home.start_agent(&[]);
    let is_socket = || std::fs::symlink_metadata(&socket).is_ok_and(|found| found.file_type().is_socket());
    support::wait_until("the socket is there", is_socket);
    assert_eq!(std::fs::read(&victim).expect("the victim"), b"precious");
    assert_eq!(agent.stop(), Some(0));
}

/// Inodes in a table under /proc/net of the sockets that listen, or that anybody may send to.
fn listening(pid: u32, table: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let lines = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inode = |fields: Vec<&str>| match table {
        // State 0A: LISTEN. Flag 10000: it accepts connections.
        "tcp" | "tcp6" => (fields[3] == "0A").then(|| fields[9].to_owned()),
        "unix" => (fields[3] == "00010000").then(|| fields[6].to_owned()),
        _ => Some(fields[9].to_owned()),
    };
    lines.filter_map(inode).collect()
}

#[test]
fn the_only_socket_that_listens_is_the_one_for_status() {
    let redis = support::servers::free_port();
    let home = Home::with_config(&format!(
        "[redis]\nenabled = true\nurl = \"redis://127.0.0.1:{redis}\"\naccept_events = true\n\
         [influx]\nurl = \"http://127.0.0.1:{redis}\"\napi = \"v1\"\ndatabase = \"seclyzer\"\n"
    ));
    let agent = home.start_agent(&[]);
    support::wait_until("status is answered", || home.run(&["status"]).status.success());
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", agent.id())).expect("our own process");
    let own: BTreeSet<String> = descriptors
        .filter_map(|descriptor| {
            let target = std::fs::read_link(descriptor.ok()?.path()).ok()?;
            Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        assert_eq!(own.intersection(&listening(agent.id(), table)).count(), 0, "{table}");
    }
    assert_eq!(own.intersection(&listening(agent.id(), "unix")).count(), 1);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_secret_that_would_go_over_the_network_unencrypted_is_warned_about() {
    // An address that is nobody's.
    let home = Home::with_config(
        "[redis]\nenabled = true\nurl = \"redis://:hush@192.0.2.1\"\n\
         [influx]\nurl = \"http://192.0.2.1:8086\"\ntoken = \"hush\"\norg = \"o\"\nbucket = \"b\"\n",
    );
    let agent = Agent::start(home.command(&["run"]));
    agent.wait_for_log("redis.password goes over the network unencrypted");
    agent.wait_for_log("influx.token goes over the network unencrypted");
    assert_eq!(agent.stop(), Some(0));
}
