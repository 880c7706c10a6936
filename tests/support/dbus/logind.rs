//! A stand-in for logind.

use super::{Daemon, UID, Way};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, fdo, interface};

/// logind with one seat and two sessions, of which tests say whose they are and whether they are locked. The first is
/// the account's graphical one, and in front unless a test brings the other one there. Both are Wayland sessions, unless a
/// test says otherwise.
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
    fails: bool,
    uid: u32,
    locks: Arc<AtomicU32>,
    kind: &'static str,
    display: String,
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
    fn locked_hint(&self) -> fdo::Result<bool> {
        match self.fails {
            true => Err(fdo::Error::AccessDenied("for a moment".into())),
            false => Ok(self.is_locked.load(Ordering::SeqCst)),
        }
    }

    #[zbus(property)]
    fn user(&self) -> (u32, OwnedObjectPath) {
        (self.uid, path(USER))
    }

    #[zbus(property, name = "Type")]
    fn kind(&self) -> String {
        self.kind.into()
    }

    #[zbus(property)]
    fn display(&self) -> String {
        self.display.clone()
    }

    #[zbus(property)]
    fn id(&self) -> String {
        "1".into()
    }

    #[zbus(signal, name = "Lock")]
    async fn lock_signal(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

impl Logind {
    pub(super) async fn start(daemon: &Daemon, way: Way) -> Logind {
        let locked = Arc::new(AtomicU32::new(0));
        let session = || SessionObject {
            way,
            is_locked: Arc::default(),
            fails: false,
            uid: UID,
            locks: Arc::clone(&locked),
            kind: "wayland",
            display: String::new(),
        };
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

    /// What the login of a session said of it: its `Type`, and the `Display` if the login knows one.
    pub async fn set_kind(&self, session: usize, kind: &'static str, display: &str) {
        let path = SESSIONS[session];
        let object = self.connection.object_server().interface::<_, SessionObject>(path).await.expect("ours");
        let mut session = object.get_mut().await;
        (session.kind, session.display) = (kind, display.into());
        session.type_changed(object.signal_emitter()).await.expect("sent");
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

    /// Whether the first session's hint cannot be read.
    pub async fn fail(&self, fails: bool) {
        let object = self.connection.object_server().interface::<_, SessionObject>(SESSION).await.expect("ours");
        object.get_mut().await.fails = fails;
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
