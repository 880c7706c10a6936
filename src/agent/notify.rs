//! What the service manager is told (sd_notify): that the agent is ready, how it is, and that its loop still turns.

use std::ffi::OsStr;
use std::io;
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
}

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
        ServiceManager { socket, watchdog }
    }

    /// Tells lines of the form `NAME=value`. A manager that does not listen is not waited for.
    pub fn tell(&self, lines: &str) {
        if let Some(socket) = &self.socket {
            // The manager draws its own conclusions from silence.
            let _ = socket.send(lines.as_bytes());
        }
    }

    /// Waits until it is time to say that the loop still turns; never ends where nobody wants to know. Cancel-safe.
    pub async fn watchdog_due(&mut self) {
        match &mut self.watchdog {
            Some(watchdog) => drop(watchdog.tick().await),
            None => std::future::pending().await,
        }
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_reached_by_its_path_or_by_its_abstract_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let abstract_name = format!("seclyzer-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        let managers = [UnixDatagram::bind(&path), UnixDatagram::bind_addr(&address)];
        for (manager, name) in managers.into_iter().zip([path.into_os_string(), format!("@{abstract_name}").into()]) {
            let manager = manager.expect("a socket");
            let ours = ServiceManager { socket: Some(connect(&name).expect("connected")), watchdog: None };
            ours.tell("READY=1");
            let mut buffer = [0; 64];
            let length = manager.recv(&mut buffer).expect("told");
            assert_eq!(&buffer[..length], b"READY=1");
        }
    }
}
