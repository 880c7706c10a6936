//! Installing, using and removing the agent as its documentation says, on a machine that has never had it.

use crate::alice::{BUILT, Desk, HARDENED, SENTENCE, USER_WAY};
use crate::desktop::LIMIT;
use crate::harness::KEYBOARD;
use crate::snapshot::Snapshot;

const DATA: &str = "/home/alice/.local/share/";

/// Types into one window, clicks into another, and finds that out again wherever it is to be found.
fn use_it(desk: &mut Desk) {
    desk.await_agent();
    let subscriber = desk.subscribe();
    desk.guest.click_into("editor");
    desk.guest.type_text(SENTENCE);
    desk.guest.click_into("notes");
    desk.guest.type_text(SENTENCE);
    desk.guest.click_into("editor");
    for kind in ["keystroke", "mouse", "app"] {
        desk.poll_for(&format!("a {kind} message"), |desk| {
            desk.messages(&subscriber).iter().any(|message| message["type"] == kind).then_some(())
        });
    }
    for query in [
        "SELECT 1 FROM keystroke_features WHERE dwell_mean BETWEEN 30 AND 150 LIMIT 1",
        "SELECT 1 FROM mouse_features WHERE left_click_count > 0 LIMIT 1",
    ] {
        desk.await_row(query);
    }
    desk.poll_for("a change from one window to the other", |desk| {
        let seen = desk.query("SELECT 1 FROM app_transitions WHERE from_app = 'editor' AND to_app = 'notes' LIMIT 1");
        if seen.is_empty() {
            // Where X is too slow to answer the agent knows no focus for a while.
            ["notes", "editor"].into_iter().for_each(|window| desk.guest.click_into(window));
        }
        (!seen.is_empty()).then_some(())
    });
    let status = desk.run(&format!("{} status", desk.way.program));
    assert!(
        status.contains("gaps: none\n") && status.contains("focused application: the X server tells it"),
        "{status}"
    );
    desk.guest.stop(&subscriber, LIMIT);
}

/// What only the hardened way gives.
fn check_that_keys_are_the_agent_s_alone(desk: &mut Desk) {
    assert!(!desk.run("id -nG").split(' ').any(|group| group == "input"));
    let score = "systemd-analyze security seclyzer@alice.service | sed -n 's/.*Overall exposure level[^0-9]*\\([0-9.]*\\).*/\\1/p'";
    let score = desk.guest.run(score);
    assert!(score.parse::<f64>().expect("a score") <= 2.0, "exposed: {score}");
    let keyboard = desk.guest.node(KEYBOARD);
    let open = desk.guest.run_as("alice", &format!("head -c 0 {keyboard}"), LIMIT);
    assert_ne!(open.status, 0, "her other programs open the keyboard");
    desk.check_hardening();
    desk.check_own_account();
}

#[test]
fn both_ways_install_run_after_a_reboot_and_leave_nothing_but_what_was_to_be_kept() {
    let mut desk = Desk::fresh(USER_WAY);
    let before = Snapshot::of(&mut desk.guest);
    let listed = desk.run(&format!("{BUILT} install --dry-run"));
    assert!(listed.contains("input"), "{listed}");
    before.check_left(&mut desk.guest, |_| false);

    let told = desk.run(&format!("{BUILT} install"));
    assert!(told.contains("One step is left"), "{told}");
    let again = desk.run(&format!("{BUILT} install"));
    assert!(again.contains("nothing to do"), "{again}");
    desk.guest.reboot();
    use_it(&mut desk);
    assert_eq!(desk.property("ActiveState"), "active");
    desk.check_hardening();
    // As the README says it, in a shell as a login gives it.
    for command in ["doctor", "status", "uninstall"] {
        desk.run(&format!("bash -lc 'seclyzer {command}'"));
    }
    desk.guest.poll("! pgrep -x seclyzer", LIMIT);
    assert!(before.added(&mut desk.guest).iter().any(|path| path.ends_with("seclyzer.db")), "the data stays");
    before.check_left(&mut desk.guest, |path| path.starts_with(DATA));

    desk.way = HARDENED;
    desk.install_hardened(BUILT);
    use_it(&mut desk);
    check_that_keys_are_the_agent_s_alone(&mut desk);
    desk.guest.reboot();
    use_it(&mut desk);
    desk.run("seclyzer doctor");
    desk.run("sudo seclyzer uninstall --hardened --purge");
    before.check_left(&mut desk.guest, |path| path.starts_with(DATA));
}
