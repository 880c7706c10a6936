//! Whether an application can be excluded, as the running agent, `status` and `doctor` report it, without a window
//! manager.

mod support;
#[path = "support/xserver.rs"]
mod xserver;
#[path = "support/xwindows.rs"]
mod xwindows;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::agent::{Agent, Home};
use support::wait_until;
use xserver::XServer;
use xwindows::Windows;

struct Desk {
    server: XServer,
    windows: Windows,
    display: String,
    home: Home,
    agent: Agent,
}

impl Desk {
    fn with_config(text: &str) -> Desk {
        let server = XServer::start();
        let windows = Windows::on(&server);
        let display = server.display();
        let home = Home::with_config(&format!("[redis]\nenabled = false\n{text}"));
        let mut command = home.command(&["run"]);
        command.envs([("DISPLAY", display.as_str()), ("XDG_SESSION_TYPE", "x11")]);
        let agent = Agent::start(command);
        agent.wait_for_log("App Tracker initialized and ready");
        Desk { server, windows, display, home, agent }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = self.home.command(arguments);
        command.envs([("DISPLAY", self.display.as_str()), ("XDG_SESSION_TYPE", "x11")]);
        String::from_utf8(command.output().expect("the command runs").stdout).expect("a text")
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--json"])).unwrap_or_default()
    }

    fn wait_for_status(&self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        wait_until(key, || self.status()[key] == value);
    }

    /// The verdict of `doctor` on this, and its text.
    fn finding(&self, what: &str) -> (String, String) {
        let findings: Value = serde_json::from_str(&self.run(&["doctor", "--json"])).expect("findings");
        let finding = findings.as_array().expect("a list").iter().find(|finding| finding["what"] == what).cloned();
        let finding = finding.expect("such a finding");
        let text = |key: &str| finding[key].as_str().expect("a text").to_owned();
        (text("verdict"), text("text"))
    }
}

#[test]
fn a_password_manager_is_excluded_from_the_moment_that_its_window_has_the_focus_and_its_name() {
    let desk = Desk::with_config("");
    let window = desk.windows.open(Some(b"keepassxc\0KeePassXC\0"));
    desk.windows.focus(window);
    desk.wait_for_status("excluded", true);
    assert_eq!((desk.status()["applications"].clone(), desk.finding("applications").0), (true.into(), "ok".into()));
    desk.windows.set_wm_class(window, b"xterm\0XTerm\0");
    desk.wait_for_status("excluded", false);
    desk.windows.set_wm_class(window, b"sun-awt-X11-XFramePeer\0KeePassXC\0");
    desk.wait_for_status("excluded", true);
}

#[test]
fn where_the_focused_window_cannot_be_excluded_status_doctor_and_log_report_it() {
    let desk = Desk::with_config("");
    desk.windows.focus(desk.windows.open(None));
    desk.agent.wait_for_log("x11.excluded_apps cannot exclude it");
    desk.wait_for_status("applications", false);
    let status = desk.run(&["status"]);
    assert!(status.contains("focused application: unknown, so none can be excluded: the window that has"), "{status}");
    let (verdict, text) = desk.finding("applications");
    assert!(verdict == "warning" && text.contains("no WM_CLASS") && text.contains("none can be excluded"), "{text}");
    desk.windows.focus(desk.windows.open(Some(b"xterm\0XTerm\0")));
    desk.wait_for_status("applications", true);
    assert_eq!(desk.finding("applications").0, "ok");
}

#[test]
fn keystrokes_are_excluded_as_long_as_another_program_has_grabbed_the_keyboard() {
    let desk = Desk::with_config("");
    desk.windows.focus(desk.windows.open(Some(b"xterm\0XTerm\0")));
    desk.wait_for_status("applications", true);
    assert_eq!(desk.status()["excluded"], false);
    let locker = desk.windows.grab_keyboard();
    desk.wait_for_status("excluded", true);
    // The focus may move under it.
    desk.windows.focus(desk.windows.open(Some(b"editor\0Editor\0")));
    assert_eq!(desk.status()["excluded"], true);
    drop(locker);
    desk.wait_for_status("excluded", false);
}

#[test]
fn a_nameless_dialogue_of_an_excluded_application_stays_excluded_in_a_frame_and_status_reports_it() {
    let desk = Desk::with_config("");
    desk.windows.focus(desk.windows.open(Some(b"keepassxc\0KeePassXC\0")));
    desk.wait_for_status("excluded", true);
    let manager = Windows::on(&desk.server);
    let frame = manager.open(Some(b"i3-frame\0i3-frame\0"));
    desk.windows.focus(desk.windows.open_in(frame, None));
    desk.wait_for_status("applications", false);
    assert_eq!(desk.status()["excluded"], true);
    let trouble = desk.status()["applications_trouble"].to_string();
    assert!(trouble.contains("no WM_CLASS") && trouble.contains("stay excluded"), "{trouble}");
}

#[test]
fn keystrokes_are_excluded_as_long_as_a_pinentry_runs_whatever_has_the_focus() {
    let desk = Desk::with_config("");
    desk.windows.focus(desk.windows.open(Some(b"editor\0Editor\0")));
    desk.wait_for_status("applications", true);
    let mut pinentry = Command::new("pinentry-curses");
    pinentry.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut pinentry = pinentry.spawn().expect("pinentry-curses is installed");
    desk.wait_for_status("excluded_by", "secret: prompt");
    // It ends with what asks it.
    drop(pinentry.stdin.take());
    pinentry.wait().expect("a child of ours");
    desk.wait_for_status("excluded_by", Value::Null);
    assert_eq!(desk.status()["excluded"], false);
}

#[test]
fn an_application_id_excludes_the_window_that_has_its_last_part_for_a_name() {
    let desk = Desk::with_config("[x11]\nexcluded_apps = [\"org.example.Vault\"]\n");
    desk.windows.focus(desk.windows.open(Some(b"vault\0Other\0")));
    desk.wait_for_status("excluded_by", "excluded");
    desk.windows.focus(desk.windows.open(Some(b"org.other.Vault\0Other\0")));
    desk.wait_for_status("excluded_by", Value::Null);
}

#[test]
fn an_agent_that_follows_no_application_reports_that_none_can_be_excluded() {
    let home = Home::with_config("[redis]\nenabled = false\n[x11]\nenabled = false\n");
    let _agent = home.start_agent(&[]);
    let status = String::from_utf8(home.run(&["status"]).stdout).expect("a text");
    assert!(status.contains("focused application: unknown, so none can be excluded: x11.enabled is false"), "{status}");
    let findings = String::from_utf8(home.run(&["doctor"]).stdout).expect("a text");
    assert!(findings.contains("warning  applications"), "{findings}");
}

#[test]
fn letters_are_those_that_the_x_server_reports_unless_the_configuration_lists_them() {
    let desk = Desk::with_config("");
    desk.wait_for_status("layout", "x11");
    assert_eq!(
        desk.finding("letters"),
        ("ok".into(), "written by the keys of the layout that the X server reports".into())
    );
    let desk = Desk::with_config("[keyboard]\nletters = [\"a\", \"KEY_SEMICOLON\"]\n");
    assert_eq!(desk.status()["layout"], "configuration");
    assert_eq!(desk.finding("letters"), ("ok".into(), "written by the keys that keyboard.letters lists".into()));
}
