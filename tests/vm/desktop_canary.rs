//! A text is typed on a keyboard of the machine while the agent tells all that it has to tell, and is then looked for in
//! all of that. An agent that crashes meanwhile leaves no image of its memory.

use crate::alice::{BY_HAND_START, Desk};
use crate::desktop::LIMIT;
use crate::leaks::{MARKER, leaks};

const CONFIG: &str = "\
[log]
level = \"trace\"
file = \"~/.local/share/seclyzer/trace.log\"
[redis]
enabled = true
url = \"redis://127.0.0.1:6379\"
stream = true";
const FILES: [&str; 4] = ["seclyzer.db", "seclyzer.db-wal", "seclyzer.db-shm", "trace.log"];

/// So many, in one line, that features by finger get values: an epoch has 150 presses that count.
const ROUNDS: usize = 24;
const EXPORT: &str = "runuser -u alice -- env HOME=/home/alice \
    sh -c 'seclyzer model export --force /tmp/model.json >&2; cat /tmp/model.json'";
const KEEP_CORE: &str = "/usr/local/bin/keep-core";

#[test]
fn what_is_typed_on_a_real_keyboard_is_nowhere_to_be_found() {
    let mut desk = Desk::by_hand(CONFIG);
    let monitor = desk.guest.spawn("redis-cli MONITOR");
    desk.guest.poll(&format!("grep -q OK {}", monitor.stdout), LIMIT);
    let subscriber = desk.subscribe();
    desk.guest.click_into("editor");
    for round in 0..ROUNDS {
        desk.guest.type_text(&format!("{MARKER}{}", if round + 1 == ROUNDS { "\n" } else { " " }));
    }
    desk.await_row("SELECT 1 FROM keystroke_features WHERE dwell_ri IS NOT NULL LIMIT 1");
    desk.poll_for("the subscriber is told", |desk| {
        desk.messages(&subscriber).iter().any(|message| message["type"] == "keystroke").then_some(())
    });

    let told = told(&mut desk, &monitor.stdout, &subscriber.stdout);
    for (what, text, expected) in &told {
        assert!(text.contains(expected), "{what} tells nothing: {text}");
        assert_eq!(leaks(what, text), [""; 0]);
    }
    let journal = text_of(&mut desk, "journalctl -b -o export");
    assert!(journal.contains("Keystroke Extractor") && !journal.to_lowercase().contains(MARKER));
}

/// All that the agent tells: by what name, and a word that has to be in it.
fn told(desk: &mut Desk, monitor: &str, subscriber: &str) -> Vec<(String, String, &'static str)> {
    let commands = [
        ("journalctl -u agent -o export", "Keystroke Extractor"),
        ("redis-cli XRANGE seclyzer:stream:features - +", "keystroke"),
        ("runuser -u alice -- env HOME=/home/alice seclyzer status", "keystroke"),
        ("runuser -u alice -- env HOME=/home/alice seclyzer status --json", "keystroke"),
        ("runuser -u alice -- env HOME=/home/alice seclyzer doctor || true", "database"),
        ("runuser -u alice -- env HOME=/home/alice seclyzer model status", "strokes learnt"),
        (EXPORT, "trees"),
        ("seclyzer devices", "QEMU Virtio Keyboard"),
    ];
    let files = FILES.map(|name| (format!("cat /home/alice/.local/share/seclyzer/{name}"), ""));
    let outputs = [monitor, subscriber].map(|path| (format!("cat {path}"), "keystroke"));
    let commands = commands.map(|(command, expected)| (command.to_owned(), expected));
    let all = commands.into_iter().chain(files).chain(outputs);
    all.map(|(command, expected)| (command.clone(), text_of(desk, &command), expected)).collect()
}

fn text_of(desk: &mut Desk, command: &str) -> String {
    let output = desk.guest.run_as("root", command, LIMIT);
    assert!(output.status == 0 && !output.stdout.is_empty(), "{command}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_agent_that_crashes_while_keys_are_down_leaves_no_image_of_its_memory() {
    let mut desk = Desk::by_hand(CONFIG);
    desk.guest.write_file(KEEP_CORE, "#!/bin/sh\nexec cat >/var/cores/$1");
    desk.guest.run(&format!("chmod +x {KEEP_CORE}; mkdir -m 1777 /var/cores"));
    // Where crashes are collected for the machine, even programs that change their user are dumped.
    desk.guest.run("echo 2 >/proc/sys/fs/suid_dumpable");
    for (signal, pattern) in [("SEGV", format!("|{KEEP_CORE} %p")), ("ABRT", "/var/cores/%p".to_owned())] {
        desk.guest.run(&format!("echo '{pattern}' >/proc/sys/kernel/core_pattern"));
        desk.guest.type_text(MARKER);
        desk.guest.key_down("z");
        let pid = desk.property("MainPID");
        // The first SIGSEGV that no fault was the reason of only ends Rust's handling of it.
        desk.guest.run(&format!("while kill -{signal} {pid}; do sleep 0.5; done"));
        desk.poll_for("it has crashed", |desk| (desk.property("ActiveState") == "failed").then_some(()));
        desk.guest.key_up("z");
        // Another program's is written, and after it everything that was to be written before.
        let other = desk.guest.run(&format!(
            "systemd-run --quiet --unit=other-{signal} -p User=alice -p LimitCORE=infinity sleep 600; \
            systemctl show -p MainPID --value other-{signal}"
        ));
        desk.guest.run(&format!("kill -{signal} {other}"));
        desk.guest.poll(&format!("[ -s /var/cores/{other} ]"), LIMIT);
        assert!(!desk.guest.run("ls /var/cores").lines().any(|name| name == pid), "an image of the agent's memory");
        desk.guest.run(&format!("systemctl reset-failed agent; {BY_HAND_START}"));
        desk.await_agent();
    }
}
