//! `seclyzer top`: what it prints of a running agent, and its error where there is none.

mod support;

use seclyzer::agent::status::socket_path;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use support::agent::Home;
use support::{LIMIT, wait_until};

fn top(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(&[&["top"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_running_agent_is_shown_as_text_and_its_pause_with_it() {
    let home = Home::with_config("[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n");
    let agent = home.start_agent(&[]);
    let (code, text, error) = top(&home, &["--once"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(text.contains(&format!("process {}  up 0 min", agent.id())), "{text}");
    for panel in ["Capture", "Events a second", "Recognition", "Sinks", "Devices", "Typing", "Mouse"] {
        assert!(text.lines().any(|line| line.starts_with(panel)), "{panel} is not in\n{text}");
    }
    assert!(text.contains(" MB") && text.contains("redis ") && text.contains("no window yet"), "{text}");
    assert!(!text.contains("paused until"));
    // What is counted a second needs two answers.
    assert!(text.contains("CPU ") && text.contains("keystroke     0.0"), "{text}");
    let paused = home.run(&["pause", "30m"]);
    assert!(paused.status.success(), "{}", String::from_utf8_lossy(&paused.stderr));
    assert!(top(&home, &["--once"]).1.contains("paused until"));
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    connection.pragma_update(None, "application_id", 7).expect("another program's");
    let (code, text, error) = top(&home, &["--once"]);
    assert_eq!(code, Some(69));
    assert!(text.contains("Devices") && text.contains("a database of another program"), "{text}");
    assert!(error.contains("a database of another program"), "{error}");
    connection.pragma_update(None, "application_id", 0x5365_634c).expect("ours");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn whoever_looks_is_told_the_status_each_second() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let agent = home.start_agent(&[]);
    let mut socket = UnixStream::connect(socket_path(&home.database())).expect("the status socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    socket.write_all(b"status follow\n").expect("a request");
    let mut lines = BufReader::new(socket).lines();
    let mut up_s = Vec::new();
    for _ in 0..3 {
        let status: Value = serde_json::from_str(&lines.next().expect("a line").expect("in time")).expect("JSON");
        assert_eq!((status["pid"].as_u64(), &status["excluded"]), (Some(agent.id().into()), &Value::Bool(false)));
        up_s.push(status["uptime_s"].as_u64().expect("seconds"));
    }
    // By the agent's clock: however late they are read here.
    assert!(up_s[1] > up_s[0] && up_s[2] > up_s[1], "{up_s:?}");
    assert_eq!(agent.stop(), Some(0));
    assert!(lines.next().is_none(), "the agent has ended");
}

#[test]
fn without_an_agent_or_a_terminal_what_to_do_is_named() {
    let home = Home::with_config("");
    let (code, _, error) = top(&home, &["--once"]);
    assert_eq!(code, Some(69));
    assert!(error.starts_with("seclyzer: no agent runs on ") && error.contains("To start it:"), "{error}");
    let (code, _, error) = top(&home, &[]);
    assert_eq!(code, Some(64));
    assert!(error.contains("--once"), "{error}");
}

/// `seclyzer top` in a terminal of 80 by 24, ended with it.
struct Terminal<'h> {
    home: &'h Home,
}

impl Terminal<'_> {
    fn open(home: &Home) -> Terminal<'_> {
        Terminal::open_with(home, "")
    }

    /// With these variables set.
    fn open_with<'h>(home: &'h Home, variables: &str) -> Terminal<'h> {
        let terminal = Terminal { home };
        let program = env!("CARGO_BIN_EXE_seclyzer");
        let command =
            format!("{variables} exec '{program}' top --config '{}'", home.path().join("config.toml").display());
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &command]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.home.path().join("tmux")).args(arguments);
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("tmux: run `make test-packages`");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn await_text(&self, text: &str) {
        wait_until(text, || self.tmux(&["capture-pane", "-p"]).1.contains(text));
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).0, "{key}");
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // It may have ended with what ran in it.
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn in_a_terminal_keys_choose_a_view_pause_resume_and_end_it() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    let agent = home.start_agent(&[]);
    let terminal = Terminal::open(&home);
    terminal.await_text("┌ Capture");
    terminal.press("2");
    terminal.await_text("no window yet");
    terminal.press("p");
    terminal.press("1");
    terminal.await_text("paused until");
    terminal.press("r");
    wait_until("it goes on", || !terminal.tmux(&["capture-pane", "-p"]).1.contains("nothing is read"));
    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    terminal.await_text(&"─".repeat(110));
    assert_eq!(agent.stop(), Some(0));
    terminal.await_text("no agent runs on");
    terminal.press("q");
    wait_until("the end", || !terminal.tmux(&["has-session"]).0);
}

#[test]
fn no_color_is_heeded_unless_it_is_empty() {
    for (variables, has_colours) in [("", true), ("NO_COLOR=", true), ("NO_COLOR=1", false)] {
        let home = Home::with_config("");
        let terminal = Terminal::open_with(&home, variables);
        terminal.await_text("no agent runs on");
        let (_, styled) = terminal.tmux(&["capture-pane", "-p", "-e"]);
        assert_eq!(styled.contains("\u{1b}[31m") || styled.contains("38;5;"), has_colours, "{variables}: {styled:?}");
    }
}

#[test]
fn a_second_program_of_another_version_says_so_and_does_nothing() {
    let home = Home::with_config("");
    let run = |version: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seclyzer-view"));
        command.arg(format!("--run-by={version}")).args(["top", "--once", "--config"]).arg(home.config());
        let output = command.env_clear().env("HOME", home.path()).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, error) = run("0.0.9");
    assert_eq!(code, Some(69));
    let own = env!("CARGO_PKG_VERSION");
    assert!(error.contains(&format!("seclyzer-view is of version {own}, and seclyzer of version 0.0.9")), "{error}");
    assert!(run(own).1.contains("no agent runs on"));
}

#[test]
fn a_terminal_is_as_it_was_after_a_signal_has_ended_it() {
    let home = Home::with_config("");
    let terminal = Terminal { home: &home };
    let program = env!("CARGO_BIN_EXE_seclyzer");
    let command = format!(
        "'{program}' top --config '{}'; echo ended-with $?; exec cat",
        home.path().join("config.toml").display()
    );
    terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &command]);
    terminal.await_text("no agent runs on");
    let (_, shell) = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let pgrep = Command::new("pgrep").args(["-P", shell.trim()]).output().expect("pgrep");
    let process = String::from_utf8(pgrep.stdout).expect("a number");
    assert!(Command::new("kill").arg(process.trim()).status().expect("kill").success());
    terminal.await_text("ended-with 0");
    assert!(!terminal.tmux(&["capture-pane", "-p"]).1.contains("┌"), "the alternate screen is left");
    // In raw mode nothing that is typed would be seen before a program shows it.
    terminal.press("x");
    terminal.await_text("x");
    terminal.press("Enter");
    wait_until("a line is read back", || terminal.tmux(&["capture-pane", "-p"]).1.matches('x').count() == 2);
}
