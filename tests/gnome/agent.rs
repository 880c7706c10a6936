//! The agent itself in a session of GNOME Shell, with all that it gives up at its start.

use crate::session::{FORM, Session};
use crate::support::agent::{Agent, Home};
use crate::support::wait_until;
use serde_json::Value;

fn start(home: &Home, session: &Session) -> Agent {
    let mut command = home.command(&["run"]);
    command.env("XDG_SESSION_TYPE", "wayland").env("XDG_RUNTIME_DIR", session.compositor.room().path());
    command.env("DBUS_SESSION_BUS_ADDRESS", session.address());
    let agent = Agent::start(command);
    agent.wait_for_log("Mouse Extractor initialized and ready");
    agent
}

fn wait_for(home: &Home, key: &str, value: impl Into<Value>) {
    let value = value.into();
    wait_until(key, || {
        let status: Value = serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON");
        status[key] == value
    });
}

#[tokio::test]
async fn keystrokes_are_excluded_in_listed_applications_in_fields_for_secrets_and_at_the_lock_screen() {
    let session = Session::start().await;
    let home = Home::with_config("[redis]\nenabled = false\n[x11]\nexcluded_apps = [\"Vault\"]\n");
    let agent = start(&home, &session);
    wait_for(&home, "focus", "gnome");
    wait_for(&home, "excluded", true);
    session.leave_overview().await;
    let _editor = session.compositor.window("editor");
    wait_for(&home, "excluded", false);
    let vault = session.compositor.window("vault");
    wait_for(&home, "excluded", true);
    drop(vault);
    wait_for(&home, "excluded", false);
    let _form = session.form();
    session.wait_for_window(FORM).await;
    session.focus_field("password").await;
    wait_for(&home, "excluded", true);
    session.focus_field("entry").await;
    wait_for(&home, "excluded", false);
    session.order("Main.sessionMode.pushMode('unlock-dialog')").await;
    wait_for(&home, "excluded", true);
    session.order("Main.sessionMode.popMode('unlock-dialog')").await;
    wait_for(&home, "excluded", false);
    assert_eq!(agent.stop(), Some(0));
}
