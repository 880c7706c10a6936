//! Installing, using and removing the agent as its documentation says, on a machine that has never had it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::agent::binary_at;
use crate::desktop::LIMIT;
use crate::harness::{Guest, Process};

/// Where alice has built it.
const BUILT: &str = "/opt/build/seclyzer";
const SENTENCE: &str = "pack my box with five dozen liquor jugs and then some ";
/// Everything on the disk that is not somebody else's scratch: who changed it, when, and how long it is.
const FILES: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
    -o -path /var/log -o -path /var/lib/systemd -o -path /var/lib/redis -o -path /opt/build -o -path /home/alice/.cache \
    -o -path /home/alice/.local/share/xorg -o -name '.Xauthority*' -o -name '.serverauth*' -o -name '*-' \
    -o -name .bash_history \\) -prune -o ! -type d -printf '%p %M %u:%g\\n' -o -type d -printf '%p/ %M %u:%g\\n'";
/// What decides who may do what.
const ACCOUNTS: &str =
    "cat /etc/passwd /etc/group /etc/gshadow; getfacl -pn /dev/input/event*; stat -c '%A %G' /dev/input/event*";

fn fresh() -> Guest {
    Guest::desktop(&[binary_at(BUILT)])
}

/// Runs a command as alice, at her terminal, and requires that it succeeds.
fn alice(guest: &mut Guest, command: &str) -> String {
    let output = guest.run_as("alice", command, 2 * LIMIT);
    assert_eq!(output.status, 0, "{command}: {}", output.text());
    output.text()
}

fn files(guest: &mut Guest) -> BTreeSet<String> {
    guest.run_as("root", FILES, 2 * LIMIT).text().lines().map(str::to_owned).collect()
}

fn added(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    after.difference(before).map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}

fn await_agent(guest: &mut Guest, status: &str) {
    guest.poll_for("the agent follows keyboard, mouse and focus", 2 * LIMIT, |guest| {
        let output = guest.run_as("alice", status, LIMIT);
        let status: Value = serde_json::from_slice(&output.stdout).ok()?;
        let is_read = |name: &str| {
            let devices = status["devices"].as_array();
            devices.is_some_and(|all| all.iter().any(|node| node["name"] == name && node["state"] == "read"))
        };
        let reads_all = is_read("QEMU Virtio Keyboard") && is_read("QEMU Virtio Mouse");
        (reads_all && status["applications"] == true).then_some(())
    });
}

fn subscribe(guest: &mut Guest) -> Process {
    let subscriber = guest.spawn("redis-cli SUBSCRIBE features");
    guest.poll(&format!("grep -q subscribe {}", subscriber.stdout), LIMIT);
    subscriber
}

/// Types into one window, clicks into another, and finds that out again wherever it is to be found.
fn use_it(guest: &mut Guest, seclyzer: &str, database: &str) {
    await_agent(guest, &format!("{seclyzer} status --json"));
    let subscriber = subscribe(guest);
    guest.click_into("editor");
    guest.type_text(SENTENCE);
    guest.click_into("notes");
    guest.type_text(SENTENCE);
    guest.click_into("editor");
    for kind in ["keystroke", "mouse", "app"] {
        guest.poll_for(&format!("a {kind} message"), LIMIT, |guest| {
            let told = String::from_utf8_lossy(&guest.read_file(&subscriber.stdout)).into_owned();
            let mut messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            messages.any(|message| message["type"] == kind).then_some(())
        });
    }
    for query in [
        "SELECT count(*) FROM keystroke_features WHERE dwell_mean BETWEEN 30 AND 150",
        "SELECT count(*) FROM mouse_features WHERE left_click_count > 0",
        "SELECT count(*) FROM app_transitions WHERE from_app = 'editor' AND to_app = 'notes'",
    ] {
        guest.poll_for(query, LIMIT, |guest| {
            let count = guest.run_as("alice", &format!("sqlite3 -readonly {database} \"{query}\""), LIMIT).text();
            (count.parse::<u32>().ok()? > 0).then_some(())
        });
    }
    let status = alice(guest, &format!("{seclyzer} status"));
    assert!(status.contains("gaps: none\n") && status.contains("focused application: followed"), "{status}");
    guest.stop(&subscriber, Duration::from_secs(5));
}

#[test]
fn the_user_way_installs_runs_after_a_reboot_and_leaves_nothing_but_data() {
    let mut guest = fresh();
    let (files_before, accounts_before) = (files(&mut guest), guest.run(ACCOUNTS));

    let listed = alice(&mut guest, &format!("{BUILT} install --dry-run"));
    assert!(listed.contains("input"), "{listed}");
    assert_eq!(added(&files_before, &files(&mut guest)), [""; 0], "a dry run changes nothing");
    assert_eq!(guest.run(ACCOUNTS), accounts_before);

    let told = alice(&mut guest, &format!("{BUILT} install"));
    assert!(told.contains("One step is left"), "{told}");
    let again = alice(&mut guest, &format!("{BUILT} install"));
    assert!(again.contains("nothing to do"), "{again}");

    guest.reboot();
    use_it(&mut guest, "~/.local/bin/seclyzer", "~/.local/share/seclyzer/seclyzer.db");
    assert_eq!(alice(&mut guest, "systemctl --user is-active seclyzer.service"), "active");

    alice(&mut guest, "~/.local/bin/seclyzer uninstall");
    assert_eq!(guest.run(ACCOUNTS), accounts_before);
    let left = added(&files_before, &files(&mut guest));
    let is_data =
        |path: &String| path.starts_with("/home/alice/.local/share/seclyzer/") || path == "/home/alice/.local/share/";
    assert!(left.iter().any(|path| path.ends_with("seclyzer.db")), "the data stays: {left:?}");
    assert_eq!(left.iter().filter(|path| !is_data(path)).collect::<Vec<_>>(), [""; 0], "nothing but data stays");
}

#[test]
fn the_hardened_way_works_at_once_and_after_a_reboot_keeps_keys_from_others_and_goes_without_a_trace() {
    let mut guest = fresh();
    let (files_before, accounts_before) = (files(&mut guest), guest.run(ACCOUNTS));
    let told = alice(&mut guest, &format!("sudo {BUILT} install --hardened"));
    assert!(told.contains("Installed."), "{told}");

    guest.reboot();
    use_it(&mut guest, "seclyzer", "/var/lib/seclyzer/alice/seclyzer.db");
    assert!(!alice(&mut guest, "id -nG").split(' ').any(|group| group == "input"));
    let score = guest.run("systemd-analyze security seclyzer@alice.service | sed -n 's/.*Overall exposure level[^0-9]*\\([0-9.]*\\).*/\\1/p'");
    assert!(score.parse::<f64>().expect("a score") <= 2.0, "exposed: {score}");
    let pid = guest.run("systemctl show -p MainPID --value seclyzer@alice.service");
    let peek = guest.run_as("alice", &format!("cat /proc/{pid}/environ"), LIMIT);
    assert_ne!(peek.status, 0, "its memory is nobody's business");

    alice(&mut guest, "sudo seclyzer uninstall --hardened --purge");
    assert_eq!(guest.run(ACCOUNTS), accounts_before);
    assert_eq!(added(&files_before, &files(&mut guest)), [""; 0], "nothing stays");
}
