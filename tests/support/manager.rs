//! A service manager, as far as the agent needs one: its socket, and the descriptor that it stores for the next process.

use super::LIMIT;
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use std::io::{ErrorKind, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::Command;
use tempfile::TempDir;

pub const STORE: &str = "FDSTORE=1\nFDNAME=recognition";
pub const REMOVE: &str = "FDSTOREREMOVE=1\nFDNAME=recognition";

pub struct Manager {
    socket: UnixDatagram,
    pub stored: Option<OwnedFd>,
    folder: TempDir,
}

impl Manager {
    pub fn start() -> Manager {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Manager { socket, stored: None, folder }
    }

    /// Waits for a notification, and stores or drops a descriptor as it asks.
    pub fn hear(&mut self) -> String {
        self.receive(MsgFlags::empty()).expect("in time")
    }

    /// What it was notified of by now.
    pub fn heard(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.receive(MsgFlags::MSG_DONTWAIT)).collect()
    }

    fn receive(&mut self, flags: MsgFlags) -> Option<String> {
        let (mut text, mut space) = ([0; 256], cmsg_space!([RawFd; 4]));
        let mut parts = [IoSliceMut::new(&mut text)];
        let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
        let message = match recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(error) if std::io::Error::from(error).kind() == ErrorKind::WouldBlock => return None,
            message => message.expect("a message"),
        };
        let fds = message.cmsgs().expect("whole").flat_map(|part| match part {
            ControlMessageOwned::ScmRights(fds) => fds,
            other => panic!("{other:?}"),
        });
        // SAFETY: the kernel has just made them for this process.
        let fds: Vec<OwnedFd> = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
        let length = message.bytes;
        let lines = String::from_utf8(text[..length].to_vec()).expect("a text");
        match lines.as_str() {
            STORE => self.stored = fds.into_iter().next(),
            REMOVE => self.stored = None,
            other => assert!(fds.is_empty(), "{other}"),
        }
        Some(lines)
    }

    /// The same command as a service of this manager, which is handed what is stored.
    pub fn supervise(&self, service: &Command) -> Command {
        // The shell's number becomes the program's, which is what LISTEN_PID has to be.
        let script = "export LISTEN_PID=$$; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(service.get_program()).args(service.get_args()).env_clear();
        command.envs(service.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        if let Some(folder) = service.get_current_dir() {
            command.current_dir(folder);
        }
        if let Some(stored) = &self.stored {
            command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "recognition");
            let stored = stored.as_raw_fd();
            let hand_over = move || {
                // SAFETY: the descriptor is open. The copy is not closed on exec; one that is in its place already stays so.
                match unsafe { if stored == 3 { libc::fcntl(3, libc::F_SETFD, 0) } else { libc::dup2(stored, 3) } } {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            };
            // SAFETY: between fork and exec only these system calls are made.
            unsafe { command.pre_exec(hand_over) };
        }
        command
    }
}
