//! The binary itself: as a command that ends, and as an agent that runs until it is told to end.

use super::LIMIT;
use seclyzer::record::Kind;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use tempfile::TempDir;

/// A folder with a configuration, for commands that know nothing of the environment.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// The configuration's text follows a `[store]` section, which is there already.
    pub fn with_config(text: &str) -> Home {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home { folder };
        let config = format!("[store]\npath = \"{}\"\n{text}", home.database().display());
        std::fs::write(home.config(), config).expect("a configuration");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(home.config(), PermissionsExt::from_mode(0o600)).expect("our own file");
        home
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("data/seclyzer.db")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.toml")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seclyzer"));
        command.args(arguments).arg("--config").arg(self.config());
        command.env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin").current_dir(self.path());
        // The desktop on which the tests may run is nobody's to lock, or to show notices on.
        let nowhere = format!("unix:path={}", self.path().join("no-bus").display());
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &nowhere).env("DBUS_SESSION_BUS_ADDRESS", &nowhere);
        command.stdin(Stdio::null());
        command
    }

    /// A command in which no file may grow beyond that, as if the disk were full.
    pub fn cramped_command(&self, arguments: &[&str], most_bytes: u64) -> Command {
        let mut command = self.command(arguments);
        cramp(&mut command, most_bytes);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command runs")
    }

    /// Starts the agent and waits until it is ready.
    pub fn start_agent(&self, arguments: &[&str]) -> Agent {
        let command = self.command(&[&["run"], arguments].concat());
        let agent = Agent::start(command);
        agent.wait_for_log("Mouse Extractor initialized and ready");
        agent
    }

    /// All rows of a query on the database, a text each.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let connection = seclyzer::store::read_only(&self.database()).expect("a database");
        let mut statement = connection.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).expect("rows");
        rows.map(|row| match row.expect("a row") {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Real(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    /// How many records of all kinds the database holds.
    pub fn count_records(&self) -> usize {
        self.try_count_records().expect("a database with its tables")
    }

    /// The same of a database that an agent may be about to make; `None` until it is there.
    pub fn try_count_records(&self) -> Option<usize> {
        let connection = seclyzer::store::read_only(&self.database()).ok()?;
        let counts = Kind::ALL.map(|kind| format!("(SELECT count(*) FROM {})", kind.table()));
        let sql = format!("SELECT {}", counts.join(" + "));
        let count: u32 = connection.query_row(&sql, [], |row| row.get(0)).ok()?;
        Some(count as usize)
    }
}

/// No file may grow beyond that in the command's process, as if the disk were full.
pub fn cramp(command: &mut Command, most_bytes: u64) {
    // SAFETY: between fork and exec only these two system calls are made, and they touch no memory of ours.
    unsafe {
        command.pre_exec(move || {
            // Writing fails then, as on a full disk, where by default it would end the process.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit { rlim_cur: most_bytes, rlim_max: libc::RLIM_INFINITY };
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            Ok(())
        })
    };
}

/// Lifts that limit of a process of ours.
pub fn uncramp(process: u32) {
    let lifted = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit lives through the call, and the old one is not asked for.
    let result = unsafe { libc::prlimit(process.cast_signed(), libc::RLIMIT_FSIZE, &lifted, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// A process of the binary; killed when it goes out of scope.
pub struct Agent {
    child: Child,
    log: Receiver<String>,
}

impl Agent {
    pub fn start(mut command: Command) -> Agent {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the agent starts");
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Agent { child, log }
    }

    /// Waits for a line of the log with this text in it.
    pub fn wait_for_log(&self, text: &str) {
        self.log_until(text);
    }

    /// The lines of the log before the first with this text in it.
    pub fn log_until(&self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let begun = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(begun.elapsed());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(text) => return seen,
                Ok(line) => seen.push(line),
                Err(_) => panic!("the log never said {text:?}; it said:\n{}", seen.join("\n")),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells the agent to end; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(libc::SIGTERM);
        self.child.wait().expect("a process of ours").code()
    }

    /// Waits for the end; the exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("a process of ours").code()
    }

    /// As [`Agent::stop`], with what it logged and nobody has waited for.
    pub fn stop_with_log(self) -> (Option<i32>, Vec<String>) {
        self.signal(libc::SIGTERM);
        self.wait_with_log()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process of ours").is_none()
    }

    /// As [`Agent::wait`], with what it logged and nobody has waited for.
    pub fn wait_with_log(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().expect("a process of ours").code();
        (code, self.log.iter().collect())
    }

    /// Kills it; what it logged and nobody has waited for.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
        self.log.iter().collect()
    }

    fn signal(&self, signal: i32) {
        // SAFETY: a signal to a process of ours that has not been waited for, so its number is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id().cast_signed(), signal) }, 0);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
