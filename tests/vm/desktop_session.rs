//! What a person's session does under a running agent: windows, locking, other people, sleep, X that dies, logging out.

use std::time::Duration;

use serde_json::Value;

use crate::agent::{binary, gaps as count_gaps};
use crate::desktop::LIMIT;
use crate::harness::Guest;

const SENTENCE: &str = "the quick brown fox jumps over the lazy dogs ";
/// The agent has nothing but the group input, and alice's display.
const START: &str = "systemd-run --quiet --unit=agent -p User=alice -p SupplementaryGroups=input \
    -E DISPLAY=:0 -E XAUTHORITY=/home/alice/.Xauthority -E HOME=/home/alice /usr/bin/seclyzer run";

/// Another person on the same seat: a login on a console, which comes to the front.
const BOB: &str = "chvt 8 && systemd-run --quiet --unit=bob -p User=bob -p PAMName=login -p TTYPath=/dev/tty8 \
    -p StandardInput=tty -E XDG_SEAT=seat0 -E XDG_VTNR=8 -E XDG_SESSION_TYPE=tty sleep infinity";

struct Desk {
    guest: Guest,
}

impl Desk {
    /// alice's desktop with the agent running.
    fn open() -> Desk {
        let mut desk = Desk { guest: Guest::desktop(&[binary()]) };
        desk.guest.run(START);
        desk.guest.poll_for("the agent follows the focus", LIMIT, |guest| {
            (status(guest)?["applications"] == true).then_some(())
        });
        desk.guest.click_into("editor");
        desk
    }

    fn events(&mut self, kind: &str) -> u64 {
        status(&mut self.guest).expect("the agent runs")["events"][kind].as_u64().expect("a count")
    }

    fn gaps(&mut self) -> u64 {
        count_gaps(&status(&mut self.guest).expect("the agent runs"))
    }

    /// Types, and requires that the agent takes it; a multiple of five keys, for it tells their events in steps of ten.
    fn type_and_be_heard(&mut self, text: &str) {
        let before = self.events("keystroke");
        let expected = before + 2 * self.guest.type_text(text);
        self.guest.poll_for("what was typed", LIMIT, |guest| {
            (status(guest)?["events"]["keystroke"].as_u64()? >= expected).then_some(())
        });
        assert_eq!(self.events("keystroke"), expected);
    }

    /// Waits until a user's session is the one on the screen.
    fn await_active(&mut self, user: &str) {
        self.guest.poll(
            &format!(
                "[ $(loginctl list-sessions --no-legend | while read -r id _; do \
            [ $(loginctl show-session $id -p Active --value) = yes ] && loginctl show-session $id -p Name --value; \
            done) = {user} ]"
            ),
            LIMIT,
        );
    }

    fn query(&mut self, sql: &str) -> String {
        let database = "/home/alice/.local/share/seclyzer/seclyzer.db";
        let output = self.guest.run_as("alice", &format!("sqlite3 -readonly {database} \"{sql}\""), LIMIT);
        assert_eq!(output.status, 0, "{sql}");
        output.text()
    }

    /// Waits until a query gives a row.
    fn await_row(&mut self, sql: &str) -> String {
        let deadline = std::time::Instant::now() + LIMIT;
        loop {
            let rows = self.query(sql);
            if !rows.is_empty() {
                return rows;
            }
            assert!(std::time::Instant::now() < deadline, "no row: {sql}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// As alice sees it.
fn status(guest: &mut Guest) -> Option<Value> {
    let output = guest.run_as("alice", "seclyzer status --json", LIMIT);
    (output.status == 0).then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn typing_and_clicking_into_another_window_gives_records_of_keys_pointer_and_applications() {
    let mut desk = Desk::open();
    desk.type_and_be_heard(SENTENCE);
    desk.guest.click_into("notes");
    desk.type_and_be_heard("and now for something new");
    desk.guest.click_into("editor");
    let transition = "SELECT to_app FROM app_transitions WHERE from_app = 'editor' AND duration_ms > 1000 LIMIT 1";
    assert_eq!(desk.await_row(transition), "notes");
    assert_eq!(desk.await_row("SELECT degraded FROM keystroke_features ORDER BY window_end DESC LIMIT 1"), "0");
    let clicks = "SELECT 1 FROM mouse_features WHERE left_click_count >= 2 LIMIT 1";
    assert_eq!(desk.await_row(clicks), "1");
}

#[test]
fn after_a_sleep_there_is_a_gap_and_typing_goes_on() {
    let mut desk = Desk::open();
    desk.type_and_be_heard("first");
    let gaps = desk.gaps();
    // All that a sleep does but switching the machine off: the kernel waits five seconds and resumes.
    desk.guest.run("echo core >/sys/power/pm_test; echo mem >/sys/power/state");
    desk.guest.poll_for("the gap", LIMIT, |guest| (count_gaps(&status(guest)?) > gaps).then_some(()));
    desk.type_and_be_heard(SENTENCE);
    let longest = desk.await_row("SELECT max(dwell_max) FROM keystroke_features WHERE degraded = 1");
    assert!(longest.parse::<f64>().expect("a number") < 200.0, "{longest} ms");
}

#[test]
fn when_x_is_restarted_its_new_server_is_followed() {
    let mut desk = Desk::open();
    // Without waiting for it: the new session is told by its windows.
    desk.guest.run("systemctl restart --no-block desktop@alice");
    desk.guest.poll("! pgrep -x -u alice xterm", 2 * LIMIT);
    desk.guest.await_session("alice");
    desk.guest
        .poll_for("the agent follows the focus", LIMIT, |guest| (status(guest)?["applications"] == true).then_some(()));
    let before = desk.events("app");
    desk.guest.click_into("notes");
    desk.guest.click_into("editor");
    desk.guest.poll_for("the change of focus", LIMIT, |guest| {
        (status(guest)?["events"]["app"].as_u64()? >= before + 2).then_some(())
    });
    desk.type_and_be_heard("again");
}

#[test]
fn what_another_user_does_on_the_same_seat_is_not_recorded() {
    let mut desk = Desk::open();
    desk.type_and_be_heard("first");
    let (before, gaps) = (desk.events("keystroke"), desk.gaps());
    desk.guest.run(BOB);
    desk.await_active("bob");
    desk.guest.type_text(SENTENCE);
    assert_eq!(desk.events("keystroke"), before, "bob's keys are not alice's");

    desk.guest.run("chvt 7");
    desk.await_active("alice");
    desk.type_and_be_heard("after");
    assert!(desk.gaps() > gaps, "nothing may span the time between");
}

#[test]
fn locking_the_session_does_not_disturb_the_agent() {
    let mut desk = Desk::open();
    desk.type_and_be_heard("first");
    desk.guest.run("loginctl lock-sessions && loginctl unlock-sessions");
    desk.type_and_be_heard("after");
}
