//! A real dbus-daemon in a folder of its own, and stand-ins for the services of a desktop on it, which do what a test has
//! them do.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

#[path = "dbus/kwin.rs"]
mod kwin;
#[path = "dbus/logind.rs"]
mod logind;
#[path = "dbus/notifications.rs"]
mod notifications;
#[path = "dbus/polkit.rs"]
mod polkit;
#[path = "dbus/saver.rs"]
mod saver;

use super::{eventually, xserver::Process};
pub use kwin::{Kwin, Manner, tell_without_answer};
pub use logind::Logind;
pub use notifications::{NOTIFICATIONS, Notifications, Posted, press};
pub use polkit::Polkit;
pub use saver::{saver, unlock};
use seclyzer::act::board::Pace;
use seclyzer::act::ports::Heard;
use seclyzer::bus::{Addresses, Desk, Session};
use seclyzer::sources::session::Seat;
use seclyzer::sources::x11::Environment;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::{Connection, fdo};

pub const UID: u32 = 4711;

/// One bus, for what is on the system's and for what is on the session's.
pub struct Daemon {
    folder: TempDir,
    process: Option<Process>,
}

impl Daemon {
    pub async fn start() -> Daemon {
        let mut daemon = Daemon { folder: tempfile::tempdir().expect("a folder"), process: None };
        daemon.restart().await;
        daemon
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", self.folder.path().join("bus").display())
    }

    pub async fn restart(&mut self) {
        self.stop();
        let config = self.folder.path().join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\"><busconfig><type>session</type>\
             <listen>{}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\
             </policy></busconfig>",
            self.address()
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--nopidfile").arg("--config-file").arg(config);
        self.process = Some(Process::start(command.stdout(Stdio::null()).stderr(Stdio::null())));
        eventually("dbus-daemon listens", async || {
            Builder::address(self.address().as_str()).ok()?.build().await.ok().map(drop)
        })
        .await;
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        let _ = std::fs::remove_file(self.folder.path().join("bus"));
    }

    pub async fn connect(&self) -> Connection {
        Builder::address(self.address().as_str()).expect("an address").build().await.expect("a bus")
    }

    /// A desk at this bus, without a window system.
    pub fn session(&self) -> Session {
        Session {
            seat: Seat { name: "seat0".into(), uid: UID },
            addresses: Addresses { system: self.address(), session: self.address() },
            x11: Environment::default(),
            lock_file: None,
            pace: Pace::default(),
        }
    }

    pub fn desk(&self) -> Desk {
        Desk::start(self.session())
    }

    pub async fn logind(&self, way: Way) -> Logind {
        Logind::start(self, way).await
    }
}

/// What comes next, in time.
pub async fn heard(desk: &Desk) -> Heard {
    timeout(Duration::from_secs(20), desk.heard()).await.expect("something is heard in time")
}

/// Nothing more has been heard.
pub async fn nothing_heard(desk: &Desk) {
    let heard = timeout(Duration::from_millis(300), desk.heard()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// How a service that locks behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Honest,
    /// Reports success and locks nothing.
    Lying,
    Refusing,
    /// Never answers.
    Hanging,
}

impl Way {
    /// Whether it locks; an error, or never, as it behaves.
    async fn locks(self) -> fdo::Result<bool> {
        match self {
            Way::Honest => Ok(true),
            Way::Lying => Ok(false),
            Way::Refusing => Err(fdo::Error::NotSupported("a text that nobody repeats".into())),
            Way::Hanging => std::future::pending().await,
        }
    }
}
