//! The desktop: Debian with systemd, udev, logind and Xorg, and alice, who is logged in and has two windows open.
//!
//! It is booted once and its state saved, which the next ones start from in a few seconds. alice may use sudo; there is
//! another account, bob, and a Redis server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::archive::{self, Import};
use crate::harness::Guest;
use crate::machine::{DESKTOP, Desktop, Machine};

/// Generous, for machines that are slow or busy; a desktop usually takes half a minute to boot.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
pub const LIMIT: Duration = Duration::from_secs(60);
/// Those that run beside each other start from the same state.
static SAVING: Mutex<()> = Mutex::new(());
/// Where the middle of a window is on the screen of 1280 by 800.
const EDITOR: (i32, i32) = (180, 160);
const NOTES: (i32, i32) = (680, 160);
const SCREEN: (i32, i32) = (1280, 800);
const STEPS: i32 = 5;
/// The class of the window that has the focus, on each X server there is.
const FOCUSED: &str = "for socket in /tmp/.X11-unix/X*; do export DISPLAY=:${socket##*X}; \
    id=$(xprop -root _NET_ACTIVE_WINDOW) && xprop -id ${id##* } WM_CLASS; done";

impl Guest {
    /// The desktop from its saved state, with files of the host in it.
    pub fn desktop(imports: &[Import]) -> Guest {
        let folder = Path::new(DESKTOP);
        let [disk, state] = ["saved.raw", "state"].map(|name| folder.join(name));
        {
            let _saving = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
            if !is_saved(folder) {
                save(folder, &disk, &state);
            }
        }
        let start = || Machine::start_desktop(&Desktop::restored(&disk, &state), &archive::pack_files(imports));
        let mut guest = Guest::on_desktop(start);
        // It was stopped when it was saved.
        guest.poll_for("the state is loaded", LIMIT, |guest| {
            (guest.qmp.execute("query-status", json!({}))["status"] == "paused").then_some(())
        });
        guest.qmp.execute("cont", json!({}));
        // It still has the time at which it was saved.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        guest.run(&format!("date -s @{}.{:03}", now.as_secs(), now.subsec_millis()));
        guest.run("cd / && cpio -idu --quiet </dev/vdb");
        guest
    }

    /// Waits until a user has an X session with a window manager and both windows.
    pub fn await_session(&mut self, user: &str) {
        self.poll(&format!("[ $(pgrep -cx -u {user} xterm) = 2 ] && pgrep -x -u {user} openbox"), BOOT_LIMIT);
        // The X server that comes after one that was killed has another number.
        let windows = "for socket in /tmp/.X11-unix/X*; do DISPLAY=:${socket##*X} xwininfo -root -tree; done \
            | grep -c '(\"\\(editor\\|notes\\)\"'";
        self.poll_for("both windows", LIMIT, |guest| (guest.run_as(user, windows, LIMIT).text() == "2").then_some(()));
    }

    /// Ends alice's session, and waits until her manager has ended, which outlives it for ten seconds.
    pub fn log_out(&mut self) {
        self.run("systemctl stop desktop@alice");
        self.poll("[ $(systemctl show -p ActiveState --value user@$(id -u alice)) = inactive ]", LIMIT);
    }

    pub fn log_in(&mut self) {
        // Without waiting for it: the session is told by its windows.
        self.run("systemctl start --no-block desktop@alice");
        self.await_session("alice");
    }

    /// Waits until a user's session is the one on the screen.
    pub fn await_active(&mut self, user: &str) {
        self.poll(
            &format!(
                "[ $(loginctl list-sessions --no-legend | while read -r id _; do \
                [ $(loginctl show-session $id -p Active --value) = yes ] && loginctl show-session $id -p Name --value; \
                done) = {user} ]"
            ),
            LIMIT,
        );
    }

    pub fn reboot(&mut self) {
        // The answer has to be out before whoever gives it is ended.
        self.run("{ sleep 3; systemctl reboot; } >/dev/null 2>&1 &");
        self.await_desktop();
    }

    /// As if somebody pressed the machine's button: nobody is asked to end.
    pub fn reset(&mut self) {
        self.qmp.execute("system_reset", json!({}));
        self.await_desktop();
    }

    fn await_desktop(&mut self) {
        self.await_boot(BOOT_LIMIT);
        self.await_session("alice");
    }

    /// Clicks into a window, `editor` or `notes`, until it has the focus: QEMU drops what a busy guest does not fetch.
    pub fn click_into(&mut self, window: &str) {
        self.poll_for(&format!("the focus in {window}"), LIMIT, |guest| {
            guest.click(window);
            guest.has_focus(window).then_some(())
        });
    }

    /// Whether a window of alice's has the focus, by its WM_CLASS.
    pub fn has_focus(&mut self, window: &str) -> bool {
        self.run_as("alice", FOCUSED, LIMIT).text().contains(&format!("\"{window}\""))
    }

    fn click(&mut self, window: &str) {
        let (x, y) = if window == "editor" { EDITOR } else { NOTES };
        self.rel_motion(-SCREEN.0, -SCREEN.1);
        for step in 0..STEPS {
            sleep(Duration::from_millis(40));
            self.rel_motion((step + 1) * x / STEPS - step * x / STEPS, (step + 1) * y / STEPS - step * y / STEPS);
        }
        sleep(Duration::from_millis(50));
        self.button("left", true);
        sleep(Duration::from_millis(60));
        self.button("left", false);
    }

    /// Types letters, spaces and line ends; says how many keys that were.
    pub fn type_text(&mut self, text: &str) -> u64 {
        for (position, letter) in text.char_indices() {
            let key = match letter {
                ' ' => "spc".to_owned(),
                '\n' => "ret".to_owned(),
                letter => letter.to_string(),
            };
            self.tap(&key, Duration::from_millis(40 + (position as u64 * 7) % 30));
            sleep(Duration::from_millis(15));
        }
        text.len() as u64
    }
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("state.key")
}

fn is_saved(folder: &Path) -> bool {
    fs::read_to_string(key_file(folder)).is_ok_and(|key| key == Desktop::key())
}

/// Boots the desktop on a copy of its disk and saves what it has come to.
fn save(folder: &Path, disk: &Path, state: &Path) {
    let prepared = folder.join("disk.raw");
    let copied = Command::new("cp").arg("--sparse=always").args([&prepared, disk]).status().expect("cp runs");
    assert!(copied.success(), "run tests/vm/prepare-desktop.sh first");
    let mut guest = Guest::on_desktop(|| Machine::start_desktop(&Desktop::on(disk), &[]));
    guest.await_desktop();
    guest.poll("[ $(systemctl is-system-running) = running ]", BOOT_LIMIT);
    guest.run("sync");
    guest.qmp.execute("stop", json!({}));
    guest.qmp.execute("migrate", json!({ "uri": format!("exec:cat >'{}'", state.display()) }));
    guest.poll_for("the state is saved", LIMIT, |guest| {
        (guest.qmp.execute("query-migrate", json!({}))["status"] == "completed").then_some(())
    });
    guest.qmp.execute("quit", json!({}));
    fs::write(key_file(folder), Desktop::key()).expect("room for a key");
}
