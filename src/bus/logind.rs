//! logind: the session that is watched, and whether it is locked.
//!
//! What a signal says is not relied on where the property can be read: a signal has it read once more, however many come.
//! So nobody else's signals can say anything, and logind's own restart, a bus that was away and another session in front
//! are all the same case.

use super::Shared;
use super::screen::Claimant;
use crate::dbus::connection::{ANSWER_LIMIT, Bus, CallError, Target, object_in, subscribe};
use crate::sources::session::Seat;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::sleep;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message, MessageStream, message};

const NAME: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SEAT: &str = "org.freedesktop.login1.Seat";
const SESSION: &str = "org.freedesktop.login1.Session";
const USER: &str = "org.freedesktop.login1.User";
const ROOT: &str = "/org/freedesktop/login1";
const RULES: [&str; 2] = [
    "type='signal',sender='org.freedesktop.login1',path_namespace='/org/freedesktop/login1'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.freedesktop.login1'",
];

/// Between two times that everything is read.
const PACE: Duration = Duration::from_millis(250);
/// What is said of a session that has ended.
const GONE: [&str; 2] = ["org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.login1.NoSuchSession"];

/// The session of the account that is in front.
#[derive(Debug, Clone)]
pub struct Front {
    pub session: Target,
    pub kind: Kind,
    /// Whether it has windows, as far as is known. A console has none, and nothing of what is seen or claimed elsewhere
    /// says anything of it.
    pub is_graphical: bool,
    pub is_hinted: bool,
}

/// What logind says of the screen of a session. It learns that from the login: what the session's own files say could have
/// been written by any program of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Wayland,
    /// `display`: of this machine; `None`: the login does not know it, which the session's file has to say then.
    X11 {
        display: Option<String>,
    },
    /// A session that was begun at a console, or nobody says.
    Unsaid,
}

/// The session of the account that is in front on the seat; where there is no such seat (a session from afar), its
/// foremost graphical one. `None`: another account's is in front.
pub async fn front(bus: &Bus, seat: &Seat) -> Result<Option<Front>, CallError> {
    let manager = Target::at(NAME, ROOT, MANAGER);
    let session = match bus.call(&manager, "GetSeat", &(seat.name.as_str()), ANSWER_LIMIT).await {
        Ok(answer) => {
            let seat = Target { interface: SEAT, ..manager.with_path(path_of(&answer)?) };
            session_in(&bus.property(&seat, "ActiveSession").await?)
        }
        Err(CallError::Refused(_)) => display(bus, seat.uid).await?,
        Err(error) => return Err(error),
    };
    let Some(session) = session else { return Ok(None) };
    let of = bus.properties(&session).await?;
    let Some(Value::Structure(user)) = of.get("User").map(|user| &**user) else { return Err(CallError::Broken) };
    if user.fields().first() != Some(&Value::U32(seat.uid)) {
        return Ok(None);
    }
    let text = |name| of.get(name).and_then(|value| <&str>::try_from(value).ok()).unwrap_or_default();
    let kind = match (text("Type"), text("Display")) {
        ("wayland", _) => Kind::Wayland,
        (_, display) if display.starts_with(':') => Kind::X11 { display: Some(display.into()) },
        ("x11", _) => Kind::X11 { display: None },
        _ => Kind::Unsaid,
    };
    let is_graphical = match kind {
        Kind::Wayland | Kind::X11 { display: Some(_) } => true,
        Kind::X11 { display: None } | Kind::Unsaid => display(bus, seat.uid)
            .await
            .is_ok_and(|display| display.is_some_and(|display| display.path == session.path)),
    };
    let is_hinted = of.get("LockedHint").is_some_and(|hint| matches!(**hint, Value::Bool(true)));
    Ok(Some(Front { session, kind, is_graphical, is_hinted }))
}

/// The session of the account that is in front.
pub async fn watched(bus: &Bus, seat: &Seat) -> Result<Option<Target>, CallError> {
    Ok(front(bus, seat).await?.map(|front| front.session))
}

/// Asks a session to be locked. The answer says only that logind has passed it on, to nobody in particular.
pub async fn lock(bus: &Bus, session: &Target) -> Result<(), CallError> {
    bus.call(session, "Lock", &(), ANSWER_LIMIT).await.map(drop)
}

/// Asks the account's graphical session to be locked where another one is in front: it has windows, and is one switch of
/// the terminal away.
pub async fn lock_display(bus: &Bus, seat: &Seat, in_front: &Target) {
    if let Ok(Some(display)) = display(bus, seat.uid).await
        && display.path != in_front.path
    {
        // Nothing is to be seen of it from here.
        let _ = lock(bus, &display).await;
    }
}

/// The foremost graphical session of an account.
async fn display(bus: &Bus, uid: u32) -> Result<Option<Target>, CallError> {
    let manager = Target::at(NAME, ROOT, MANAGER);
    let user = bus.call(&manager, "GetUser", &(uid), ANSWER_LIMIT).await?;
    let user = Target { interface: USER, ..manager.with_path(path_of(&user)?) };
    Ok(session_in(&bus.property(&user, "Display").await?))
}

fn path_of(answer: &Message) -> Result<OwnedObjectPath, CallError> {
    answer.body().deserialize().map_err(|_| CallError::Broken)
}

/// The session that a property names, if it names one.
fn session_in(value: &OwnedValue) -> Option<Target> {
    let path = object_in(value).filter(|path| path.as_str() != "/")?;
    Some(Target { interface: SESSION, ..Target::at(NAME, ROOT, MANAGER).with_path(path) })
}

pub async fn is_locked(bus: &Bus, session: &Target) -> Result<bool, CallError> {
    let hint = bus.property(session, "LockedHint").await?;
    bool::try_from(hint).map_err(|_| CallError::Broken)
}

/// Follows logind on this connection until that is lost.
pub async fn follow(shared: &Shared, connection: &Connection) {
    let mut stream = MessageStream::from(connection);
    // Messages are taken while answers are awaited: they come by the same queue.
    tokio::select! {
        () = take_all(shared, &mut stream) => {}
        () = stay_informed(shared, connection) => {}
    }
}

async fn take_all(shared: &Shared, stream: &mut MessageStream) {
    while let Some(Ok(message)) = stream.next().await {
        if message.message_type() == message::Type::Signal {
            shared.refresh.notify_one();
        }
    }
}

/// Subscribes, and reads what is so whenever it may have changed. Ends if the bus does not let us.
async fn stay_informed(shared: &Shared, connection: &Connection) {
    if !subscribe(connection, &RULES).await {
        return;
    }
    loop {
        read(shared).await;
        // However many signals come, answers stay few.
        sleep(PACE).await;
        shared.refresh.notified().await;
    }
}

/// What cannot be read stays as it was: a logind that is away has unlocked nothing.
async fn read(shared: &Shared) {
    let locked = shared.logind().locked.clone();
    if let Some(session) = locked {
        match is_locked(&shared.system, &session).await {
            Ok(true) => {}
            Ok(false) => note(shared, &session, false),
            Err(CallError::Refused(error)) if GONE.contains(&error.as_str()) => {
                shared.logind().locked = None;
                shared.end();
            }
            Err(_) => return,
        }
    }
    let front = front(&shared.system, &shared.seat).await;
    shared.take_kind(&front);
    if let Ok(Some(Front { session, is_graphical: true, is_hinted: true, .. })) = front {
        note(shared, &session, true);
    }
}

/// Takes the hint of a session. Of several sessions of the account the one that was heard to be locked has to be unlocked.
pub fn note(shared: &Shared, session: &Target, is_locked: bool) {
    {
        let mut logind = shared.logind();
        let is_other = logind.locked.as_ref().is_some_and(|locked| locked.path != session.path);
        if is_other {
            return;
        }
        logind.locked = is_locked.then(|| session.clone());
    }
    shared.claim(Claimant::Hint, is_locked);
}
