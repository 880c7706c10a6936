//! The running agent's account of itself, and the UNIX socket beside the database on which it is asked for.
//!
//! The socket is the only one that the agent listens on. Its mode is 0600, and only the agent's own user and root are
//! answered.

use super::Agent;
use super::control::Peer;
use super::decision_status::DecisionStatus;
use super::desk::Desk;
use super::feed::{Events, StrokesStatus};
use super::followers::SinkStatus;
use super::hardening::Hardening;
use super::injected::{Injected, InjectedStatus};
use super::recognition_status::RecognitionStatus;
use crate::features::keystroke::tally::in_steps;
use crate::sources::capture::{LayoutOrigin, Withheld};
use crate::sources::evdev::Node;
use crate::sources::focus::Backend;
use crate::store::{FileId, Store, StoreStatus};
use serde::Serialize;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// A client that does not read is not waited for.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub uptime_s: u64,
    pub hardening: Hardening,
    /// Whether our user's session is the active one; nothing is captured while it is not.
    pub session_active: bool,
    pub devices: Vec<Node>,
    /// Whether it is known which application has the focus, if any has: only then can applications be excluded.
    pub applications: bool,
    /// Why that is not known.
    pub applications_trouble: Option<String>,
    /// Where it is taken from which keys write letters.
    pub layout: LayoutOrigin,
    /// Taken from devices and the window system.
    pub events: Events,
    /// What became of the keystrokes.
    pub keystrokes: StrokesStatus,
    /// Who tells which application has the focus; `None` where nobody does.
    pub focus: Option<Backend>,
    /// Whether keystrokes are not captured at present: an excluded application has the focus, or they may be a secret.
    pub excluded: bool,
    /// Why not, as the counts of such keystrokes have it.
    pub excluded_by: Option<String>,
    /// What is known of the owner; `None` where recognition is off.
    pub recognition: Option<RecognitionStatus>,
    /// What is done at an alarm, and what suppresses it.
    pub decision: DecisionStatus,
    pub injected: Option<InjectedStatus>,
    pub store: Option<StoreStatus>,
    pub sinks: Vec<SinkStatus>,
}

impl Status {
    /// As a line of JSON, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("all keys are texts")
    }
}

impl<D: Desk> Agent<D> {
    pub(super) fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            devices: self.capture.devices.nodes(),
            hardening: self.hardening,
            session_active: self.capture.is_session_active(),
            applications: self.capture.trouble().is_none(),
            applications_trouble: self.capture.trouble().map(str::to_owned),
            layout: self.capture.layout_origin(),
            events: self.feed.events(),
            keystrokes: self.keystrokes(),
            focus: self.capture.backend(),
            excluded: self.capture.withholds().is_some(),
            excluded_by: self.capture.withholds().map(|why| why.names().0.into()),
            recognition: self
                .keeper
                .as_ref()
                .zip(self.feed.recogniser.as_ref())
                .map(|(keeper, recogniser)| keeper.status(&recogniser.recognition)),
            decision: self.acting.status(),
            injected: self.injected.as_ref().map(Injected::status),
            store: self.outlet.store.as_ref().map(Store::status),
            sinks: self.followers.status(),
        }
    }

    /// Strokes that are discarded at once never reach the pipeline.
    fn keystrokes(&self) -> StrokesStatus {
        let mut keystrokes = self.feed.strokes();
        for why in Withheld::ALL {
            keystrokes.strokes.insert(why.names().0.into(), in_steps(self.capture.counts().of(why)));
        }
        keystrokes
    }
}

/// Where the agent that writes to this database answers.
pub fn socket_path(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.sock", database.display()))
}

/// The listening socket; the file goes with it.
#[derive(Debug)]
pub struct StatusSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it is: another agent's may have its name later.
    file: Option<FileId>,
}

impl StatusSocket {
    /// Only called by who holds the database's lock, so that a socket that is there already belongs to nobody. Without
    /// it the agent runs all the same, but cannot be asked.
    pub fn bind(database: &Path) -> Option<StatusSocket> {
        let path = socket_path(database);
        let bind = || -> io::Result<UnixListener> {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
            Ok(listener)
        };
        match bind() {
            Ok(listener) => Some(StatusSocket { listener, file: FileId::at(&path).ok(), path }),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "`seclyzer status` will not work: no socket");
                None
            }
        }
    }
}

impl Drop for StatusSocket {
    fn drop(&mut self) {
        if self.file.is_some() && FileId::at(&self.path).ok() == self.file {
            // If it cannot be removed now, the next agent does.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The next client that may be answered; never, without a socket. Cancel-safe.
pub async fn accept(socket: Option<&StatusSocket>) -> (UnixStream, Peer) {
    let Some(socket) = socket else { return std::future::pending().await };
    loop {
        match socket.listener.accept().await {
            Ok((client, _)) => {
                if let Some(peer) = owner(&client) {
                    return (client, peer);
                }
            }
            // Out of descriptors, say: asking again at once would only spin.
            Err(_) => tokio::time::sleep(ANSWER_LIMIT).await,
        }
    }
}

/// Who asks, if it is the agent's own account or root.
fn owner(client: &UnixStream) -> Option<Peer> {
    // SAFETY: geteuid has no preconditions and cannot fail.
    let own = unsafe { libc::geteuid() };
    let credentials = client.peer_cred().ok()?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    [own, 0].contains(&credentials.uid()).then_some(Peer { pid, uid: credentials.uid() })
}
