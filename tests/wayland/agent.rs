//! The agent itself in a session of sway, with all that it gives up at its start.

use crate::support::agent::{Agent, Home};
use crate::support::compositor::{Compositor, SWAY};
use crate::support::wait_until;
use serde_json::Value;

fn start(home: &Home, sway: &Compositor) -> Agent {
    let mut command = home.command(&["run"]);
    command.env("XDG_SESSION_TYPE", "wayland").env("XDG_RUNTIME_DIR", sway.room().path());
    command.env("WAYLAND_DISPLAY", sway.environment().wayland_display.expect("a name"));
    let agent = Agent::start(command);
    agent.wait_for_log("Mouse Extractor initialized and ready");
    agent.wait_for_log("App Tracker initialized and ready");
    agent
}

fn wait_for(home: &Home, key: &str, value: impl Into<Value>) {
    let value = value.into();
    wait_until(key, || {
        let status: Value = serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON");
        status[key] == value
    });
}

#[test]
fn keystrokes_are_excluded_in_listed_applications_and_where_no_window_has_the_focus() {
    let sway = Compositor::start(&SWAY);
    let home = Home::with_config("[redis]\nenabled = false\n[x11]\nexcluded_apps = [\"Vault\"]\n");
    let agent = start(&home, &sway);
    wait_for(&home, "focus", "wayland");
    wait_for(&home, "excluded", true);
    let _editor = sway.sway_window("editor");
    wait_for(&home, "excluded", false);
    let vault = sway.sway_window("vault");
    wait_for(&home, "excluded", true);
    drop(vault);
    wait_for(&home, "excluded", false);
    let locker = sway.client("swaylock", &["-c", "000000"]);
    wait_for(&home, "excluded", true);
    locker.signal(libc::SIGUSR1);
    wait_for(&home, "excluded", false);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_compositor_that_ends_leaves_the_agent_without_applications_and_it_goes_on() {
    let mut sway = Compositor::start(&SWAY);
    let home = Home::with_config("[redis]\nenabled = false\n");
    let agent = start(&home, &sway);
    let _editor = sway.sway_window("editor");
    wait_for(&home, "applications", true);
    sway.kill();
    agent.wait_for_log("lost the Wayland compositor");
    wait_for(&home, "applications", false);
    wait_for(&home, "focus", Value::Null);
    sway.start_again();
    agent.wait_for_log("connected to the Wayland compositor again");
    wait_for(&home, "focus", "wayland");
    assert_eq!(agent.stop(), Some(0));
}
