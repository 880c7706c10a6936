//! Real X servers for tests: Xvfb on displays of their own, stopped when the test ends, however it ends.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// A child process that ends with the test.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Process {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Process(child)
    }

    /// Asks it to end, and makes it end when it does not.
    fn end(&mut self) {
        self.signal(libc::SIGTERM);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Ends it at once, without a chance to tidy up.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn signal(&self, signal: i32) {
        // SAFETY: a call without memory; the process has not been waited for, so its id is still its own.
        unsafe { libc::kill(self.0.id() as i32, signal) };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

pub struct XServer {
    process: Process,
    number: u16,
}

impl XServer {
    /// Starts a server on a display that is free.
    pub fn start() -> XServer {
        XServer::start_with(None, None)
    }

    pub fn start_on(number: u16) -> XServer {
        XServer::start_with(Some(number), None)
    }

    /// Starts a server that lets in nobody without a cookie of that file.
    pub fn start_with_authority(file: &Path) -> XServer {
        XServer::start_with(None, Some(file))
    }

    fn start_with(number: Option<u16>, authority: Option<&Path>) -> XServer {
        let mut command = Command::new("Xvfb");
        command.args(number.map(|number| format!(":{number}")));
        // The server writes its display's number to standard output when it takes connections.
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", "640x480x24"]);
        if let Some(file) = authority {
            command.arg("-auth").arg(file);
        }
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let (stdout, mut stderr) = (process.0.stdout.take().unwrap(), process.0.stderr.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(line);
            let mut complaints = String::new();
            let _ = stderr.read_to_string(&mut complaints);
            let _ = sender.send(complaints);
        });
        let line = receiver.recv_timeout(LIMIT).expect("Xvfb says nothing");
        let number = line.trim().parse().unwrap_or_else(|_| panic!("Xvfb: {:?}", receiver.recv_timeout(LIMIT)));
        XServer { process, number }
    }

    pub fn number(&self) -> u16 {
        self.number
    }

    pub fn display(&self) -> String {
        format!(":{}", self.number)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(self) {
        self.process.kill();
    }

    /// Runs a program on this display, with `home` for its files.
    pub fn run(&self, program: &str, arguments: &[&str], home: &Path) -> Process {
        Process::start(
            Command::new(program)
                .args(arguments)
                .env("DISPLAY", self.display())
                .env("HOME", home)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )
    }
}

/// The number of a display that no server has and that none started with [`XServer::start`] comes to have.
pub fn unused_display() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_this_process = 1000 + (std::process::id() % 2000) as u16 * 16;
    (0..16)
        .map(|_| of_this_process + NEXT.fetch_add(1, Ordering::Relaxed) % 16)
        .find(|&number| !socket_path(number).exists() && !PathBuf::from(format!("/tmp/.X{number}-lock")).exists())
        .expect("a display without a server")
}

pub fn socket_path(number: u16) -> PathBuf {
    PathBuf::from(format!("/tmp/.X11-unix/X{number}"))
}
