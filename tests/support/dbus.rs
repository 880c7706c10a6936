//! A real dbus-daemon in a folder of its own, and stand-ins for the services of a desktop on it, which do what a test has
//! them do.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::{eventually, xserver::Process};
use seclyzer::act::ports::Heard;
use seclyzer::bus::{Addresses, Desk, Session};
use seclyzer::sources::session::Seat;
use seclyzer::sources::x11::Environment;
use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};
use zbus::{Connection, fdo, interface};

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

/// logind with one seat and two sessions, of which tests say whose they are and whether they are locked. The first is
/// graphical, and in front unless a test brings the other one there.
pub struct Logind {
    pub connection: Connection,
    /// How often a session was asked to be locked.
    pub locked: Arc<AtomicU32>,
}

const SESSIONS: [&str; 2] = ["/org/freedesktop/login1/session/_31", "/org/freedesktop/login1/session/_32"];
const SESSION: &str = SESSIONS[0];
const SEAT: &str = "/org/freedesktop/login1/seat/seat0";
const USER: &str = "/org/freedesktop/login1/user/self";

struct Manager;
struct SeatObject {
    /// Which session is in front.
    front: usize,
}
struct UserObject;
struct SessionObject {
    way: Way,
    is_locked: Arc<AtomicBool>,
    uid: u32,
    locks: Arc<AtomicU32>,
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text).expect("a path")
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn get_seat(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        match name {
            "seat0" => Ok(path(SEAT)),
            _ => Err(fdo::Error::Failed("no such seat".into())),
        }
    }

    fn get_user(&self, _uid: u32) -> OwnedObjectPath {
        path(USER)
    }
}

#[interface(name = "org.freedesktop.login1.Seat")]
impl SeatObject {
    #[zbus(property)]
    fn active_session(&self) -> (String, OwnedObjectPath) {
        ((self.front + 1).to_string(), path(SESSIONS[self.front]))
    }
}

#[interface(name = "org.freedesktop.login1.User")]
impl UserObject {
    #[zbus(property)]
    fn display(&self) -> (String, OwnedObjectPath) {
        ("1".into(), path(SESSION))
    }
}

#[interface(name = "org.freedesktop.login1.Session")]
impl SessionObject {
    async fn lock(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) -> fdo::Result<()> {
        self.locks.fetch_add(1, Ordering::SeqCst);
        let locks = self.way.locks().await?;
        // Told to whoever follows it, of whom there may be nobody.
        Self::lock_signal(&emitter).await?;
        if locks {
            self.is_locked.store(true, Ordering::SeqCst);
            self.locked_hint_changed(&emitter).await?;
        }
        Ok(())
    }

    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.is_locked.load(Ordering::SeqCst)
    }

    #[zbus(property)]
    fn user(&self) -> (u32, OwnedObjectPath) {
        (self.uid, path(USER))
    }

    #[zbus(property)]
    fn id(&self) -> String {
        "1".into()
    }

    #[zbus(signal, name = "Lock")]
    async fn lock_signal(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

impl Logind {
    async fn start(daemon: &Daemon, way: Way) -> Logind {
        let locked = Arc::new(AtomicU32::new(0));
        let session = || SessionObject { way, is_locked: Arc::default(), uid: UID, locks: Arc::clone(&locked) };
        let connection = Builder::address(daemon.address().as_str())
            .and_then(|builder| builder.serve_at("/org/freedesktop/login1", Manager))
            .and_then(|builder| builder.serve_at(SEAT, SeatObject { front: 0 }))
            .and_then(|builder| builder.serve_at(USER, UserObject))
            .and_then(|builder| builder.serve_at(SESSIONS[0], session()))
            .and_then(|builder| builder.serve_at(SESSIONS[1], session()))
            .and_then(|builder| builder.name("org.freedesktop.login1"))
            .expect("a builder");
        Logind { connection: connection.build().await.expect("a bus"), locked }
    }

    /// What the locker has logind tell, or any program of the account.
    pub async fn set_hint(&self, is_locked: bool) {
        self.set_hint_of(0, is_locked).await;
    }

    pub async fn set_hint_of(&self, session: usize, is_locked: bool) {
        let path = SESSIONS[session];
        let object = self.connection.object_server().interface::<_, SessionObject>(path).await.expect("ours");
        let session = object.get().await;
        session.is_locked.store(is_locked, Ordering::SeqCst);
        session.locked_hint_changed(object.signal_emitter()).await.expect("sent");
    }

    /// The switch of the virtual terminal.
    pub async fn bring_to_front(&self, session: usize) {
        let object = self.connection.object_server().interface::<_, SeatObject>(SEAT).await.expect("ours");
        let mut seat = object.get_mut().await;
        seat.front = session;
        seat.active_session_changed(object.signal_emitter()).await.expect("sent");
    }

    /// Whether a session's locker has followed.
    pub async fn is_hinted(&self, session: usize) -> bool {
        let path = SESSIONS[session];
        let object = self.connection.object_server().interface::<_, SessionObject>(path).await.expect("ours");
        object.get().await.is_locked.load(Ordering::SeqCst)
    }

    /// A session has ended.
    pub async fn end(&self, session: usize) {
        let server = self.connection.object_server();
        server.remove::<SessionObject, _>(SESSIONS[session]).await.expect("it was there");
    }

    /// The session in front is this account's from now on.
    pub async fn give_to(&self, uid: u32) {
        let object = self.connection.object_server().interface::<_, SessionObject>(SESSION).await.expect("ours");
        object.get_mut().await.uid = uid;
    }

    pub async fn ask_to_lock(&self) {
        let object = self.connection.object_server().interface::<_, SessionObject>(SESSION).await.expect("ours");
        SessionObject::lock_signal(object.signal_emitter()).await.expect("sent");
    }
}

/// A desktop's screen saver.
pub struct Saver {
    way: Way,
    is_active: bool,
}

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    async fn lock(&mut self) -> fdo::Result<()> {
        self.is_active = self.way.locks().await?;
        Ok(())
    }

    fn get_active(&self) -> bool {
        self.is_active
    }

    #[zbus(signal)]
    async fn active_changed(emitter: &SignalEmitter<'_>, is_active: bool) -> zbus::Result<()>;
}

const SAVER: &str = "/org/freedesktop/ScreenSaver";

pub async fn saver(daemon: &Daemon, way: Way) -> Connection {
    let builder = Builder::address(daemon.address().as_str())
        .and_then(|builder| builder.serve_at(SAVER, Saver { way, is_active: false }))
        .and_then(|builder| builder.name("org.freedesktop.ScreenSaver"));
    builder.expect("a builder").build().await.expect("a bus")
}

/// The password was entered.
pub async fn unlock(saver: &Connection) {
    let object = saver.object_server().interface::<_, Saver>(SAVER).await.expect("ours");
    object.get_mut().await.is_active = false;
    Saver::active_changed(object.signal_emitter(), false).await.expect("sent");
}

/// A notice as its server was asked to show it.
#[derive(Debug, Clone)]
pub struct Posted {
    pub id: u32,
    pub text: String,
    pub actions: Vec<String>,
    pub urgency: u8,
}

/// A notification daemon.
#[derive(Clone, Default)]
pub struct Notifications {
    pub posted: Arc<Mutex<Vec<Posted>>>,
    pub closed: Arc<Mutex<Vec<u32>>>,
    /// How long after it has shown the first notice it answers, as a desktop that has just begun does.
    pub first_answer_after: Duration,
}

pub const NOTIFICATIONS: &str = "/org/freedesktop/Notifications";

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    async fn notify(
        &self,
        application: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok()).unwrap_or_default();
        let id = {
            let mut posted = self.posted.lock().expect("no panic");
            let id = 40 + posted.len() as u32;
            posted.push(Posted { id, text: format!("{application}: {summary}. {body}"), actions, urgency });
            id
        };
        if id == 40 && !self.first_answer_after.is_zero() {
            tokio::time::sleep(self.first_answer_after).await;
        }
        id
    }

    fn close_notification(&self, id: u32) {
        self.closed.lock().expect("no panic").push(id);
    }
}

impl Notifications {
    /// Whoever shows notices on this bus; it has shown as many before as its predecessor.
    pub async fn serve(&self, daemon: &Daemon) -> Connection {
        let builder = Builder::address(daemon.address().as_str())
            .and_then(|builder| builder.serve_at(NOTIFICATIONS, self.clone()))
            .and_then(|builder| builder.name("org.freedesktop.Notifications"));
        builder.expect("a builder").build().await.expect("a bus")
    }

    /// Waits for the notice of that number, counted from 0.
    pub async fn await_posted(&self, number: usize) -> Posted {
        eventually("a notice", async || self.posted.lock().expect("no panic").get(number).cloned()).await
    }
}

/// Says that a button of a notice was pressed, whoever says it.
pub async fn press(connection: &Connection, id: u32, key: &str) {
    let (name, member) = ("org.freedesktop.Notifications", "ActionInvoked");
    connection.emit_signal(None::<&str>, NOTIFICATIONS, name, member, &(id, key)).await.expect("sent");
}

/// polkit, which grants what a test has it grant and keeps who asked for what.
#[derive(Clone, Default)]
pub struct Polkit {
    pub asked: Arc<Mutex<Vec<String>>>,
    pub cancelled: Arc<Mutex<Vec<String>>>,
    /// Nothing in the session shows a dialog for it.
    pub is_without_agent: bool,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedValue>),
        action: String,
        details: HashMap<String, String>,
        flags: u32,
        cancellation: String,
    ) -> Result<(bool, bool, HashMap<String, String>), PolkitError> {
        let (kind, of) = subject;
        let number = |name: &str| of.get(name).map(|value| format!("{:?}", &**value)).unwrap_or_default();
        let who = format!("{kind} {} {} {flags} {}", number("pid"), number("session-id"), details.len());
        self.asked.lock().expect("no panic").push(format!("{who} {cancellation}"));
        match action.as_str() {
            "org.seclyzer.confirm" => Ok((true, false, HashMap::new())),
            // The dialog was closed.
            "org.seclyzer.guest" => Ok((false, false, HashMap::from([("polkit.dismissed".into(), "true".into())]))),
            // Nobody has registered to ask.
            "org.seclyzer.pause" if self.is_without_agent => Ok((false, true, HashMap::new())),
            _ => std::future::pending().await,
        }
    }

    fn cancel_check_authorization(&self, id: String) {
        self.cancelled.lock().expect("no panic").push(id);
    }
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.PolicyKit1.Error")]
pub enum PolkitError {
    #[zbus(error)]
    ZBus(zbus::Error),
    Failed(String),
}

impl Polkit {
    pub async fn serve(&self, daemon: &Daemon) -> Connection {
        let builder = Builder::address(daemon.address().as_str())
            .and_then(|builder| builder.serve_at("/org/freedesktop/PolicyKit1/Authority", self.clone()))
            .and_then(|builder| builder.name("org.freedesktop.PolicyKit1"));
        builder.expect("a builder").build().await.expect("a bus")
    }
}
