//! The agent itself in a KWin's session, with all that it gives up at its start.

use crate::scripting::Scripting;
use crate::support::agent::{Agent, Home};
use crate::support::compositor::{Compositor, KWIN};
use crate::support::wait_until;
use crate::{NAMES, folder};
use std::os::unix::fs::PermissionsExt;

const CONFIG: &str = "[redis]\nenabled = false\n";

/// Starts it in that session and waits until it follows KWin.
fn start(home: &Home, compositor: &Compositor) -> Agent {
    let mut command = home.command(&["run"]);
    command.env("XDG_SESSION_TYPE", "wayland").env("XDG_RUNTIME_DIR", compositor.room().path());
    command.env("DBUS_SESSION_BUS_ADDRESS", compositor.room().bus_address("session-bus"));
    let agent = Agent::start(command);
    agent.wait_for_log("Mouse Extractor initialized and ready");
    wait_until("KWin is followed", || status(home)["focus"] == "kwin");
    agent
}

fn status(home: &Home) -> serde_json::Value {
    serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON")
}

#[test]
fn the_agent_follows_kwin_with_landlock_in_force_and_takes_its_script_back_at_its_end() {
    let compositor = Compositor::start(&KWIN);
    let home = Home::with_config(CONFIG);
    let agent = start(&home, &compositor);
    let folder = folder(compositor.room());
    let mode = std::fs::metadata(&folder).expect("a folder").permissions().mode();
    assert_eq!((mode & 0o777, std::fs::read_dir(&folder).expect("a folder").count()), (0o700, 0));
    let scripting = Scripting::of(compositor.room());
    assert!(scripting.is_loaded(NAMES[0]));
    assert_eq!(agent.stop(), Some(0));
    assert!(!scripting.is_loaded(NAMES[0]));
}

#[test]
fn an_agent_that_was_killed_leaves_its_script_to_the_next_one() {
    let compositor = Compositor::start(&KWIN);
    let home = Home::with_config(CONFIG);
    start(&home, &compositor).kill();
    let scripting = Scripting::of(compositor.room());
    assert!(scripting.is_loaded(NAMES[0]), "nobody has taken it back");
    let next = start(&home, &compositor);
    assert_eq!(NAMES.map(|name| scripting.is_loaded(name)), [true, false]);
    assert_eq!(next.stop(), Some(0));
    assert!(!scripting.is_loaded(NAMES[0]));
}
