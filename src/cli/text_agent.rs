//! polkit's text agent, which asks for the account's password in this terminal where no desktop's agent does.

use std::io::{IsTerminal, Read, stdin};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Of polkit itself, beside its daemon.
const PROGRAM: &str = "/usr/bin/pkttyagent";
/// It registers at once, unless polkit is started for it.
const LIMIT: Duration = Duration::from_secs(20);

/// The agent, as long as this lives.
#[derive(Debug)]
pub struct TextAgent(Child);

impl TextAgent {
    /// For questions about this process. `None`: nobody could enter anything, or there is no such program. Where the
    /// desktop has an agent that one asks.
    pub fn start() -> Option<TextAgent> {
        if stdin().is_terminal() { TextAgent::run(PROGRAM) } else { None }
    }

    fn run(program: &str) -> Option<TextAgent> {
        let mut command = Command::new(program);
        command.args(["--process", &std::process::id().to_string(), "--fallback", "--notify-fd", "1"]);
        // It asks on the terminal itself, and closes this once it is registered.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
        if let Some(mut registered) = child.stdout.take() {
            let (sender, receiver) = channel();
            std::thread::spawn(move || {
                // Whatever it wrote: the end is what is waited for, and nobody may wait any more.
                let _ = registered.read_to_end(&mut Vec::new());
                let _ = sender.send(());
            });
            let _ = receiver.recv_timeout(LIMIT);
        }
        Some(TextAgent(child))
    }
}

impl Drop for TextAgent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn it_is_there_once_it_is_registered_and_ends_with_who_asks() {
        let folder = tempfile::tempdir().expect("a folder");
        let (program, told) = (folder.path().join("agent"), folder.path().join("told"));
        let script = format!("#!/bin/sh\necho $$ \"$@\" > {}\nexec sleep 60 >&-\n", told.display());
        std::fs::write(&program, script).expect("room");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a file of ours");
        let agent = TextAgent::run(&program.display().to_string()).expect("it runs");
        let told = std::fs::read_to_string(told).expect("it has run");
        let (pid, arguments) = told.trim().split_once(' ').expect("words");
        assert_eq!(arguments, format!("--process {} --fallback --notify-fd 1", std::process::id()));
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        drop(agent);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn where_there_is_no_such_program_nobody_is_waited_for() {
        assert!(TextAgent::run("/nowhere/pkttyagent").is_none());
    }
}
