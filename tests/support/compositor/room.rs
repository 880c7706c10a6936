//! A root directory that programs have to themselves, as `scripts/wayland-root.sh` makes it, and a runtime directory in
//! it that is at the same place outside. Rooms do not know of each other, and nothing in one outlives the test.

use super::super::wait_until;
use nix::unistd::{getegid, geteuid};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Room {
    folder: TempDir,
    /// Its namespaces are the room's; the room ends when its standard input does.
    keeper: Child,
}

impl Room {
    /// With the root directory of that name.
    pub fn open(root: &str) -> Room {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.join("target/wayland").join(root);
        assert!(root.exists(), "{} is not there: `make test-wayland test-gnome` makes it", root.display());
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("home")).expect("a folder of ours");
        let mut command = Command::new("unshare");
        // Even without a file in common, X servers would meet in the network's namespace.
        command.args(if geteuid().is_root() { ["--mount", "--net"] } else { ["--map-root-user", "--mount"] });
        command.arg("sh").arg(here.join("tests/support/compositor/room.sh")).arg(root).arg(folder.path());
        if !geteuid().is_root() {
            command.args([geteuid().to_string(), getegid().to_string()]);
        }
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare starts");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("a pipe")).read_line(&mut line).expect("a pipe");
        assert_eq!(line, "ready\n", "the room could not be made");
        Room { folder, keeper }
    }

    /// The runtime directory, where sockets and logs are.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Where the buses are once [`Room::start_buses`] has started them.
    pub fn bus_address(&self, name: &str) -> String {
        format!("unix:path={}", self.path().join(name).display())
    }

    /// A program in the room, whose child process it becomes itself.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.keeper.id().to_string()).args(["--mount", "--net"]);
        if !geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program).stdin(Stdio::null());
        command.env_clear().envs([("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("LIBGL_ALWAYS_SOFTWARE", "1")]);
        command.env("XDG_RUNTIME_DIR", self.path()).env("HOME", self.home()).env("GSETTINGS_BACKEND", "keyfile");
        command.env("DBUS_SESSION_BUS_ADDRESS", self.bus_address("session-bus"));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus_address("system-bus"));
        command
    }

    /// Runs a program to its end, which must be a success. What it printed.
    pub fn run<A: AsRef<OsStr>>(&self, program: &str, arguments: &[A]) -> String {
        finish(self.command(program).args(arguments))
    }

    /// Starts a program; what it says is in a file of that name.
    pub fn start(&self, name: &str, command: &mut Command) -> Process {
        let log = self.path().join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        let child = command.stdout(file.try_clone().expect("the log again")).stderr(file).spawn();
        Process { child: child.expect("nsenter starts"), log }
    }

    /// A session bus and one in place of the system's, each with nobody on it.
    pub fn start_buses(&self) -> [Process; 2] {
        ["session-bus", "system-bus"].map(|name| {
            let mut command = self.command("dbus-daemon");
            command.args(["--session", "--nofork", "--nopidfile", "--address", &self.bus_address(name)]);
            let mut process = self.start(name, &mut command);
            process.wait_for_socket(&self.path().join(name));
            process
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Runs a command to its end, which must be a success. What it printed.
pub fn finish(command: &mut Command) -> String {
    let output = command.output().expect("nsenter starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {} {errors}", output.status);
    String::from_utf8(output.stdout).expect("a text")
}

/// A program in a room. It is killed when it goes out of scope.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a call without memory; the process has not been waited for, so its id is still its own.
        unsafe { libc::kill(self.child.id().cast_signed(), signal) };
    }

    /// Waits until somebody listens there.
    pub fn wait_for_socket(&mut self, path: &Path) {
        let begun = Instant::now();
        while UnixStream::connect(path).is_err() {
            let ended = self.child.try_wait().expect("a process of ours");
            assert!(ended.is_none() && begun.elapsed() < super::super::LIMIT, "{ended:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) {
        let child = std::cell::RefCell::new(&mut self.child);
        wait_until("the end of a process", || child.borrow_mut().try_wait().expect("a process of ours").is_some());
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
