//! The service manager: it is notified (sd_notify) that the agent is ready, how it is, and that its loop still turns; and
//! it stores a descriptor from one run of the service to the next (sd_listen_fds, sd_pid_notify_with_fds).

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The manager's socket; without one, nobody is told anything.
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// The manager's patience, halved. The only timer on an idle machine, and only where it is asked for.
    watchdog: Option<Interval>,
    /// What was stored before and is handed back to this process, with its names.
    handed_back: Vec<(String, OwnedFd)>,
}

/// The first descriptor that a manager passes (SD_LISTEN_FDS_START).
const FIRST: RawFd = 3;
/// A service of ours stores one; more than a few are somebody's mistake.
const MOST: RawFd = 16;

impl ServiceManager {
    /// The one that has started this process, if one has. Must be called within a runtime.
    pub fn of_this_process() -> ServiceManager {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = socket.and_then(|name| match connect(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be notified that the agent is ready");
                None
            }
        });
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let concerns_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let patience_us = number("WATCHDOG_USEC").filter(|&us| us > 1 && concerns_us && socket.is_some());
        let watchdog = patience_us.map(|us| {
            let mut watchdog = interval(Duration::from_micros(us / 2));
            watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
            watchdog
        });
        let handed_back = passed_descriptors(|name| std::env::var(name).ok());
        let handed_back = handed_back.into_iter().filter_map(|(name, fd)| Some((name, take_inherited(fd)?))).collect();
        ServiceManager { socket, watchdog, handed_back }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// The descriptor that was stored under this name before. All others that were handed back are closed.
    pub fn take_stored(&mut self, name: &str) -> Option<OwnedFd> {
        let handed_back = std::mem::take(&mut self.handed_back);
        handed_back.into_iter().find(|(of, _)| of == name).map(|(_, fd)| fd)
    }

    /// Stores a duplicate of a descriptor. systemd takes it if the unit has `FileDescriptorStoreMax=` and it is not full;
    /// it does not answer. It keeps it while the service is restarted, whether by `systemctl restart` or after a crash,
    /// and closes it where the service is stopped and no job is queued for it (`FileDescriptorStorePreserve=restart`, the
    /// default).
    pub fn store(&self, name: &str, fd: BorrowedFd<'_>) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Err(io::ErrorKind::NotConnected.into()) };
        let lines = format!("FDSTORE=1\nFDNAME={name}");
        let fds = [fd.as_raw_fd()];
        let (lines, fds) = ([IoSlice::new(lines.as_bytes())], [ControlMessage::ScmRights(&fds)]);
        sendmsg::<()>(socket.as_raw_fd(), &lines, &fds, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    }

    /// Drops what is stored under this name.
    pub fn remove_stored(&self, name: &str) {
        self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"));
    }

    /// Tells lines of the form `NAME=value`. A manager that does not listen is not waited for.
    pub fn tell(&self, lines: &str) {
        if let Some(socket) = &self.socket {
            // The manager draws its own conclusions from silence.
            let _ = socket.send(lines.as_bytes());
        }
    }

    /// When it is to be told that the loop still turns, where it wants to know.
    pub fn take_watchdog(&mut self) -> Option<Interval> {
        self.watchdog.take()
    }
}

/// The numbers of the descriptors that were passed to this process, with the names that they were stored under. The
/// variables stay set: they are for this process alone (LISTEN_PID), which starts no other program.
fn passed_descriptors(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, RawFd)> {
    let number = |name| variable(name)?.parse::<u32>().ok();
    let count = match (number("LISTEN_PID"), number("LISTEN_FDS")) {
        (Some(pid), Some(count)) if pid == std::process::id() => RawFd::try_from(count).unwrap_or(MOST).min(MOST),
        _ => 0,
    };
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    names.split(':').map(str::to_owned).zip(FIRST..FIRST + count).collect()
}

/// Takes a descriptor that this process was started with, and keeps it from programs that it might start.
fn take_inherited(fd: RawFd) -> Option<OwnedFd> {
    let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).ok()?);
    if flags.contains(FdFlag::FD_CLOEXEC) {
        return None;
    }
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: it is open, and it came through exec: all that this process opens is close-on-exec. So nobody else owns
    // it, nor can it be taken twice, as it is close-on-exec now.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
impl ServiceManager {
    /// One that listens on this socket.
    pub fn at(name: &OsStr) -> ServiceManager {
        ServiceManager { socket: Some(connect(name).expect("connected")), ..ServiceManager::nobody() }
    }

    /// There is none.
    pub fn nobody() -> ServiceManager {
        ServiceManager { socket: None, watchdog: None, handed_back: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::IntoRawFd;

    #[test]
    fn descriptors_are_this_process_s_where_its_number_is_told() {
        let passed = |pid: u32, count: &str, names: &str| {
            let variables =
                [("LISTEN_PID", pid.to_string()), ("LISTEN_FDS", count.into()), ("LISTEN_FDNAMES", names.into())];
            passed_descriptors(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone()))
        };
        let ours = std::process::id();
        assert_eq!(passed(ours, "2", "one:recognition"), [("one".into(), 3), ("recognition".into(), 4)]);
        for (pid, count) in [(ours + 1, "2"), (ours, "0"), (ours, "-1"), (ours, "two")] {
            assert_eq!(passed(pid, count, "one:two"), [], "{pid} {count}");
        }
        assert_eq!(passed(ours, "4294967295", "one:two").len(), 2);
        assert_eq!(passed_descriptors(|_| None), []);
    }

    #[test]
    fn only_a_descriptor_that_came_through_exec_is_taken_and_only_once() {
        let file = std::fs::File::open("/dev/null").expect("a device");
        assert!(take_inherited(file.as_raw_fd()).is_none(), "it is ours");
        let fd = file.into_raw_fd();
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty())).expect("open");
        let taken = take_inherited(fd).expect("as after exec");
        assert!(take_inherited(taken.as_raw_fd()).is_none());
        assert!(take_inherited(1 << 20).is_none(), "not open");
    }

    #[test]
    fn a_socket_is_reached_by_its_path_or_by_its_abstract_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let abstract_name = format!("seclyzer-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        let managers = [UnixDatagram::bind(&path), UnixDatagram::bind_addr(&address)];
        for (manager, name) in managers.into_iter().zip([path.into_os_string(), format!("@{abstract_name}").into()]) {
            let manager = manager.expect("a socket");
            let ours = ServiceManager::at(&name);
            ours.tell("READY=1");
            let mut buffer = [0; 64];
            let length = manager.recv(&mut buffer).expect("told");
            assert_eq!(&buffer[..length], b"READY=1");
        }
    }
}
