//! What a person's session does under the installed agent, the hardened one: windows, locking, other people, sleep, X
//! that dies.

use crate::alice::{COUNTING, Desk, SENTENCE};
use crate::desktop::LIMIT;

/// Another person on the same seat: a login on a console, which comes to the front.
const BOB: &str = "chvt 8 && systemd-run --quiet --unit=bob -p User=bob -p PAMName=login -p TTYPath=/dev/tty8 \
    -p StandardInput=tty -E XDG_SEAT=seat0 -E XDG_VTNR=8 -E XDG_SESSION_TYPE=tty sleep infinity";
const WINDOW_STEP_US: u64 = 5_000_000;

impl Desk {
    fn work_in_two_windows(&mut self) {
        self.type_and_be_heard(SENTENCE);
        self.guest.click_into("notes");
        self.type_and_be_heard("and now for something new");
        self.guest.click_into("editor");
        let transition = "SELECT to_app FROM app_transitions WHERE from_app = 'editor' AND duration_ms > 1000 LIMIT 1";
        assert_eq!(self.await_row(transition), "notes");
        assert_eq!(self.await_row("SELECT degraded FROM keystroke_features ORDER BY window_end DESC LIMIT 1"), "0");
        let clicks = "SELECT 1 FROM mouse_features WHERE left_click_count >= 2 LIMIT 1";
        assert_eq!(self.await_row(clicks), "1");
    }

    /// She locks the screen in the middle of a line and unlocks it with her password, which is a plain word.
    fn lock_and_unlock(&mut self) {
        let begin_us = self.now_us();
        self.type_and_be_heard(SENTENCE);
        let focus = self.events("app");
        self.guest.spawn_as("alice", "DISPLAY=:0 xtrlock");
        // No other window becomes the active one: it takes the keyboard.
        self.poll_for("the locker is seen", |desk| (desk.events("app") > focus).then_some(()));
        let before = self.stored();
        self.guest.type_text("alice\n");
        self.guest.poll("! pgrep -x xtrlock", LIMIT);
        self.guest.type_text(SENTENCE);
        self.poll_for("a record", |desk| (desk.stored() > before).then_some(()));
        let most =
            self.await_row(&format!("SELECT max(total_keys) FROM keystroke_features WHERE window_end > {begin_us}"));
        // The line from before she was in two windows may still be in the window.
        assert!(most.parse::<usize>().expect("a number") <= 3 * COUNTING / 5 * 5, "{most} keys counted");
        self.guest.click_into("editor");
    }

    /// She has it paused: its devices are closed, after a restart of its service too, until she ends it.
    fn pause_and_resume(&mut self) {
        self.type_and_be_heard("first");
        assert!(self.open_devices() >= 2, "keyboard and mouse");
        let told = self.run("seclyzer pause 30m");
        assert!(told.starts_with("paused until "), "{told}");
        self.poll_for("the devices are closed", |desk| (desk.open_devices() == 0).then_some(()));
        for _ in 0..2 {
            let status = self.status();
            assert!(status["decision"]["paused_until_us"].is_i64(), "{status}");
            let nodes = status["devices"].as_array().expect("a list");
            assert!(nodes.iter().all(|node| node["state"] != "read"), "{status}");
            let events = self.events("keystroke");
            self.guest.type_text(SENTENCE);
            assert_eq!((self.open_devices(), self.events("keystroke")), (0, events));
            self.guest.run("systemctl restart seclyzer@alice");
            self.poll_for("the next process", |desk| desk.try_status());
        }
        assert_eq!(self.run("seclyzer resume"), "capture goes on");
        self.await_agent();
        self.type_and_be_heard(SENTENCE);
        assert!(self.open_devices() >= 2, "keyboard and mouse");
        let events =
            "SELECT group_concat(event) FROM (SELECT event FROM audit_log WHERE event LIKE 'pause%' ORDER BY id)";
        // Each process that begins in the pause notes that it lasts.
        assert_eq!(self.await_row(events), "pause,pause,pause,pause_end");
    }

    /// Of input, which the agent has open.
    fn open_devices(&mut self) -> usize {
        let pid = self.property("MainPID");
        self.guest
            .run(&format!("lsof -w -n -P -p {pid} -Fn | grep -c /dev/input/event || true"))
            .parse()
            .expect("a number")
    }

    /// bob comes, types and points, and alice comes back.
    pub fn share_the_seat(&mut self) {
        self.type_and_be_heard("first");
        let gaps = self.gaps();
        let keystrokes = self.hold("h");
        self.guest.run(BOB);
        self.guest.await_active("bob");
        self.poll_for("the agent pauses", |desk| (desk.status()["session_active"] == false).then_some(()));
        let begin_us = self.now_us();
        let mouse = self.events("mouse");
        self.guest.key_up("h");
        self.guest.type_text(SENTENCE);
        self.guest.rel_motion(30, 40);
        // The window in which he typed comes to its end.
        self.poll_for("a window's end", |desk| (desk.now_us() > begin_us + 2 * WINDOW_STEP_US).then_some(()));
        let end_us = self.now_us();
        assert_eq!((self.events("keystroke"), self.events("mouse")), (keystrokes, mouse), "bob's are not alice's");

        self.guest.run("chvt 7");
        self.guest.await_active("alice");
        self.poll_for("the agent goes on", |desk| (desk.status()["session_active"] == true).then_some(()));
        self.type_and_be_heard(SENTENCE);
        assert!(self.gaps() > gaps, "nothing may span the time between");
        let (later, keys) = (format!("window_end > {end_us}"), COUNTING);
        self.await_row(&format!("SELECT 1 FROM keystroke_features WHERE {later} AND total_keys = {keys} LIMIT 1"));
        let most = self.query(&format!("SELECT max(total_keys) FROM keystroke_features WHERE {later}"));
        assert_eq!(most, keys.to_string(), "what she typed after she came back, and nothing before");
        assert_eq!(self.count(&format!("window_end > {begin_us} AND window_end <= {end_us}")), 0);
        self.guest.run("systemctl stop bob");
    }

    /// The machine sleeps and wakes.
    pub fn sleep(&mut self) {
        self.type_and_be_heard("first");
        let gaps = self.gaps();
        self.hold("h");
        // All that a sleep does but switching the machine off: the kernel waits five seconds and resumes.
        self.guest.run("echo core >/sys/power/pm_test; echo mem >/sys/power/state");
        self.poll_for("the gap", |desk| (desk.gaps() > gaps).then_some(()));
        self.guest.key_up("h");
        self.guest.click_into("editor");
        self.type_and_be_heard(SENTENCE);
        let longest = self.await_row("SELECT max(dwell_max) FROM keystroke_features WHERE degraded = 1");
        assert!(longest.parse::<f64>().expect("a number") < 200.0, "{longest} ms");
    }

    /// Presses a key and keeps it down; how many keystroke events there are then, in tens.
    fn hold(&mut self, key: &str) -> u64 {
        // The agent's count is a multiple of ten, so that the press does not show in it.
        let before = self.events("keystroke");
        self.guest.key_down(key);
        before
    }

    /// X dies; then there is a new session.
    pub fn lose_x(&mut self) {
        self.guest.run("pkill -KILL -x Xorg");
        self.guest.poll("! pgrep -x -u alice 'xterm|xinit'", 2 * LIMIT);
        self.guest.poll("! systemctl is-active desktop@alice", LIMIT);
    }

    fn now_us(&mut self) -> u64 {
        self.guest.run("date +%s%6N").parse().expect("a number")
    }
}

#[test]
fn the_hardened_agent_follows_windows_locks_other_users_sleep_and_an_x_that_dies() {
    let mut desk = Desk::hardened();
    desk.work_in_two_windows();
    desk.lock_and_unlock();
    desk.pause_and_resume();
    desk.share_the_seat();
    desk.sleep();

    let pid = desk.status()["pid"].clone();
    desk.lose_x();
    desk.poll_for("the agent is without X", |desk| (desk.status()["applications"] == false).then_some(()));
    desk.poll_for("there is no session on the seat", |desk| (desk.status()["session_active"] == false).then_some(()));
    assert_eq!(desk.status()["pid"], pid);
    desk.guest.log_in();
    desk.poll_for("the new session has it start anew", |desk| (desk.try_status()?["pid"] != pid).then_some(()));
    desk.await_agent();
    desk.guest.click_into("notes");
    desk.guest.click_into("editor");
    desk.poll_for("the change of focus", |desk| (desk.events("app") >= 2).then_some(()));
    desk.type_and_be_heard("again");
    assert_eq!(desk.property("NRestarts"), "0", "nothing had to be restarted after a failure");
}
