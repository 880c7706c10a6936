//! The live state over the end of a process, killed or not: with a service manager's socket and real processes.

mod support;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use seclyzer::agent::live_state::LiveState;
use seclyzer::agent::notify::ServiceManager;
use std::io::{BufRead, BufReader, IoSliceMut, Lines};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use support::LIMIT;
use tempfile::TempDir;

const SIZE: usize = 256 << 10;
const LENGTH: usize = 100_000;
/// For the process that this program starts as itself: what it is to do.
const TASK: &str = "LIVE_STATE_TASK";

/// A service manager with its socket and what is stored.
struct Manager {
    socket: UnixDatagram,
    stored: Option<OwnedFd>,
    folder: TempDir,
}

impl Manager {
    fn start() -> Manager {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Manager { socket, stored: None, folder }
    }

    /// Waits for a notification, and stores or drops a descriptor as it asks.
    fn hear(&mut self) -> String {
        let (mut text, mut space) = ([0; 256], cmsg_space!([RawFd; 4]));
        let mut parts = [IoSliceMut::new(&mut text)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags).expect("in time");
        let fds = message.cmsgs().expect("whole").flat_map(|part| match part {
            ControlMessageOwned::ScmRights(fds) => fds,
            other => panic!("{other:?}"),
        });
        // SAFETY: the kernel has just made them for this process.
        let fds: Vec<OwnedFd> = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
        let length = message.bytes;
        let lines = String::from_utf8(text[..length].to_vec()).expect("a text");
        match lines.as_str() {
            "FDSTORE=1\nFDNAME=recognition" => self.stored = fds.into_iter().next(),
            "FDSTOREREMOVE=1\nFDNAME=recognition" => self.stored = None,
            other => assert!(fds.is_empty(), "{other}"),
        }
        lines
    }

    /// Starts this program as the service, with what is stored.
    fn start_service(&self, task: &str) -> Service {
        // The shell's number becomes the program's, which is what LISTEN_PID has to be.
        let script = "export LISTEN_PID=$$; exec \"$0\" --exact the_service --nocapture --include-ignored";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(std::env::current_exe().expect("this program"));
        command.env(TASK, task).env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        if let Some(stored) = &self.stored {
            command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "recognition");
            let stored = stored.as_raw_fd();
            assert_ne!(stored, 3, "it would stay close-on-exec");
            // SAFETY: between fork and exec only this system call is made.
            unsafe {
                command.pre_exec(
                    move || {
                        if libc::dup2(stored, 3) == 3 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
                    },
                )
            };
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Service { child, lines }
    }
}

struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Service {
    /// The rest of the next line that begins so.
    fn line(&mut self, beginning: &str) -> String {
        loop {
            let line = self.lines.next().expect("it has more to say").expect("a text");
            // The test harness begins the line with the test's name.
            if let Some((_, rest)) = line.split_once(beginning) {
                return rest.to_owned();
            }
        }
    }

    /// Kills it; the rest of the last line that it said and that begins so.
    fn kill(mut self, beginning: &str) -> Option<String> {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
        let lines: Vec<String> = self.lines.map(|line| line.expect("a text")).collect();
        lines.iter().rev().find_map(|line| line.strip_prefix(beginning).map(str::to_owned))
    }
}

/// Not a test: what the processes do that the tests start.
#[test]
#[ignore = "a process of the other tests"]
fn the_service() {
    let Ok(task) = std::env::var(TASK) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut manager = ServiceManager::of_this_process();
    if task == "discard" {
        LiveState::discard(&mut manager);
        println!("done: ");
        return;
    }
    let mut state = LiveState::inherited_or_new(&mut manager, SIZE).expect("kept");
    let found = state.read();
    let is_of_one_write =
        found.as_ref().is_none_or(|found| found.len() == LENGTH && found.iter().all(|b| *b == found[0]));
    println!(
        "found: {}",
        match &found {
            None => "nothing".into(),
            Some(found) if is_of_one_write => found[0].to_string(),
            Some(_) => "a torn snapshot".into(),
        }
    );
    let mut byte = found.map_or(0, |found| found[0]);
    loop {
        byte = byte.wrapping_add(1);
        assert!(state.write(|file| file.put(&vec![byte; LENGTH])));
        println!("written: {byte}");
        if task == "once" {
            return;
        }
    }
}

#[test]
fn the_next_process_reads_what_the_one_before_it_wrote() {
    let mut manager = Manager::start();
    let mut first = manager.start_service("once");
    assert_eq!(manager.hear(), "FDSTOREREMOVE=1\nFDNAME=recognition");
    assert_eq!(manager.hear(), "FDSTORE=1\nFDNAME=recognition");
    assert_eq!(first.line("found: "), "nothing");
    assert!(first.child.wait().expect("a process of ours").success());
    for last in ["1", "2"] {
        let mut next = manager.start_service("once");
        assert_eq!(next.line("found: "), last);
        assert!(next.child.wait().expect("a process of ours").success());
    }
    manager.socket.set_nonblocking(true).expect("our own socket");
    assert!(manager.socket.recv(&mut [0; 16]).is_err(), "it is stored once");
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_a_whole_snapshot() {
    let mut manager = Manager::start();
    let mut service = manager.start_service("for ever");
    manager.hear();
    manager.hear();
    service.line("found: ");
    for round in 0..20 {
        // A different moment of the write each time.
        let mut last = String::new();
        for _ in 0..=round {
            last = service.line("written: ");
        }
        let last: u8 = service.kill("written: ").unwrap_or(last).parse().expect("a number");
        service = manager.start_service("for ever");
        let found = service.line("found: ");
        // It may have been killed between the end of a write and the line that says so.
        assert!([last, last.wrapping_add(1)].map(|byte| byte.to_string()).contains(&found), "{found} after {last}");
    }
    service.kill("written: ");
}

#[test]
fn a_stored_descriptor_of_another_size_is_replaced_and_an_unwanted_one_dropped() {
    let mut manager = Manager::start();
    let other = std::fs::File::open("/dev/null").expect("a device");
    manager.stored = Some(other.into());
    let mut service = manager.start_service("once");
    assert_eq!(service.line("found: "), "nothing");
    assert_eq!(manager.hear(), "FDSTOREREMOVE=1\nFDNAME=recognition");
    assert_eq!(manager.hear(), "FDSTORE=1\nFDNAME=recognition");
    assert!(service.child.wait().expect("a process of ours").success());

    manager.start_service("discard").line("done: ");
    assert_eq!(manager.hear(), "FDSTOREREMOVE=1\nFDNAME=recognition");
}
