//! The question on the desktop, with its buttons; and the screen saver by which the screen was locked, which is on the same
//! bus. Notices that ask nothing are in [`informing`](super::informing).

use super::screen::Claimant;
use super::{Answer, Heard, Shared};
use crate::act::ports::Words;
use crate::dbus::connection::{ANSWER_LIMIT, Bus, CallError, DBUS, Target, subscribe};
use crate::remote::{Backoff, LONGEST_PAUSE};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use zbus::zvariant::Value;
use zbus::{Connection, Message, MessageStream, message};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const APPLICATION: &str = "seclyzer";
const RULES: [&str; 5] = [
    "type='signal',sender='org.freedesktop.Notifications',interface='org.freedesktop.Notifications'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.freedesktop.Notifications'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.freedesktop.ScreenSaver'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.gnome.ScreenSaver'",
    "type='signal',member='ActiveChanged'",
];
/// How long a notice may take to be shown: on a desktop that has just begun, longer than other answers.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);
/// The critical urgency of the specification: shown until it is answered.
const CRITICAL: u8 = 2;

impl Answer {
    /// As the notice's server repeats it.
    fn key(self) -> &'static str {
        match self {
            Answer::ItIsMe => "it-is-me",
            Answer::Lock => "lock",
        }
    }
}

#[derive(Debug, Default)]
pub struct Notices {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_needed: bool,
    wanted: Option<Words>,
    shown: Option<Shown>,
    /// Of what was wanted before: to be taken away.
    to_close: Option<Shown>,
    /// The one by which the screen is locked.
    saver: Option<Target>,
}

/// A notice that is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The unique name of the program that shows it; nobody else's answer counts.
    owner: String,
    pub id: u32,
}

impl Shown {
    /// Whether the signal says that it was closed.
    pub fn is_closed_by(&self, signal: &Message) -> bool {
        let (header, body) = (signal.header(), signal.body());
        let closed = body.deserialize::<(u32, u32)>();
        closed.is_ok_and(|(id, _)| id == self.id) && header.sender().is_some_and(|sender| sender.as_str() == self.owner)
    }
}

impl Notices {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The notice that is to be on the screen from now on.
    pub fn want(&self, notice: Option<Words>) {
        let mut state = self.state();
        if state.wanted != notice {
            state.is_needed |= notice.is_some();
            state.wanted = notice;
            if let Some(shown) = state.shown.take() {
                state.to_close = Some(shown);
            }
        }
        self.changed.notify_one();
    }

    /// The screen is locked as long as this one is active.
    pub fn watch_saver(&self, saver: Option<Target>) {
        let mut state = self.state();
        state.is_needed = true;
        state.saver = saver;
        self.changed.notify_one();
    }

    /// Waits until the session's bus is needed.
    pub async fn first_needed(&self) {
        while !self.state().is_needed {
            self.changed.notified().await;
        }
        self.changed.notify_one();
    }

    /// The answer that a signal is, if it is one to the notice that is shown, by whoever shows it.
    fn answer(&self, signal: &Message) -> Option<Answer> {
        let header = signal.header();
        let body = signal.body();
        let (id, key): (u32, &str) = body.deserialize().ok()?;
        let mut state = self.state();
        let (shown, wanted) = (state.shown.as_ref()?, state.wanted.as_ref()?);
        if header.sender()?.as_str() != shown.owner || id != shown.id {
            return None;
        }
        let answer = wanted.answers.iter().map(|(answer, _)| *answer).find(|answer| answer.key() == key)?;
        // One notice is answered once.
        state.to_close = state.shown.take();
        state.wanted = None;
        self.changed.notify_one();
        Some(answer)
    }

    /// A notice that was closed is no longer to be shown: whoever has closed it has seen it.
    fn closed(&self, signal: &Message) {
        let mut state = self.state();
        if state.shown.as_ref().is_some_and(|shown| shown.is_closed_by(signal)) {
            (state.shown, state.wanted) = (None, None);
        }
    }

    /// Answers to what was shown over the connection before may have gone unheard: it is shown anew.
    fn reconnected(&self) {
        let mut state = self.state();
        state.to_close = state.shown.take();
        self.changed.notify_one();
    }

    /// Whoever shows notices has ended or begun: the notice is no longer on the screen.
    fn lost(&self) {
        self.state().shown = None;
        self.changed.notify_one();
    }
}

/// Follows the session's bus on this connection until that is lost.
pub async fn follow(shared: &Shared, connection: &Connection) {
    let mut stream = MessageStream::from(connection);
    shared.notices.reconnected();
    shared.informing.lost();
    tokio::select! {
        () = take_all(shared, &mut stream) => {}
        () = act(shared, connection) => {}
    }
}

async fn take_all(shared: &Shared, stream: &mut MessageStream) {
    while let Some(Ok(message)) = stream.next().await {
        if message.message_type() == message::Type::Signal {
            take(shared, &message);
        }
    }
}

fn take(shared: &Shared, signal: &Message) {
    let header = signal.header();
    let is_of_bus = header.sender().is_some_and(|sender| sender.as_str() == DBUS);
    match (header.interface().map(|name| name.as_str()), header.member().map(|name| name.as_str())) {
        (Some(NAME), Some("ActionInvoked")) => {
            if let Some(answer) = shared.notices.answer(signal) {
                shared.inbox.put(Heard::Answered(answer));
            }
        }
        (Some(NAME), Some("NotificationClosed")) => {
            shared.notices.closed(signal);
            shared.informing.closed(signal);
        }
        (Some(DBUS), Some("NameOwnerChanged")) if is_of_bus => {
            match signal.body().deserialize::<(&str, &str, &str)>() {
                Ok((NAME, ..)) => {
                    shared.notices.lost();
                    shared.informing.lost();
                }
                // A screen saver has begun or ended.
                _ => shared.notices.changed.notify_one(),
            }
        }
        // It is asked whether that is so.
        (_, Some("ActiveChanged")) => shared.notices.changed.notify_one(),
        _ => {}
    }
}

/// Subscribes, and brings to the screen what is wanted, whenever that changes. Ends if the bus does not let us.
async fn act(shared: &Shared, connection: &Connection) {
    if subscribe(connection, &RULES).await {
        // A server that does not answer the one holds up nothing of the other.
        tokio::join!(ask(shared), shared.informing.follow(&shared.session));
    }
}

async fn ask(shared: &Shared) {
    let mut backoff = Backoff::default();
    loop {
        let again = match bring_up(shared).await {
            Err(CallError::Silent) => Some(backoff.pause(LONGEST_PAUSE)),
            _ => None,
        };
        look_at_saver(shared).await;
        tokio::select! {
            () = shared.notices.changed.notified() => {}
            () = sleep(again.unwrap_or_default()), if again.is_some() => {}
        }
    }
}

async fn bring_up(shared: &Shared) -> Result<(), CallError> {
    let server = Target::at(NAME, PATH, NAME);
    let (to_close, wanted) = {
        let mut state = shared.notices.state();
        (state.to_close.take(), state.wanted.clone().filter(|_| state.shown.is_none()))
    };
    if let Some(Shown { id, .. }) = to_close {
        // One that is gone is closed.
        let _ = shared.session.call(&server, "CloseNotification", &(id), ANSWER_LIMIT).await;
    }
    let Some(notice) = wanted else { return Ok(()) };
    // It replaces none: the one before is closed.
    let manner = Manner { replaces: 0, urgency: CRITICAL, stays: true, expiry_ms: 0 };
    let shown = post(&shared.session, &notice, manner).await;
    let shown = Some(shown.inspect_err(|error| tracing::debug!("the notice is not shown: {error}"))?);
    let mut state = shared.notices.state();
    if state.wanted.as_ref() == Some(&notice) {
        state.shown = shown;
    } else {
        // It was withdrawn meanwhile.
        state.to_close = shown;
        shared.notices.changed.notify_one();
    }
    Ok(())
}

/// How a notice is shown.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// The number of the notice whose place it takes; 0: a place of its own.
    pub replaces: u32,
    pub urgency: u8,
    /// Whether it stays after one of its buttons was pressed.
    pub stays: bool,
    /// 0: never.
    pub expiry_ms: i32,
}

/// Has a notice shown.
pub async fn post(bus: &Bus, words: &Words, manner: Manner) -> Result<Shown, CallError> {
    let actions: Vec<&str> = words.answers.iter().flat_map(|(answer, label)| [answer.key(), label.as_str()]).collect();
    let Manner { replaces, urgency, stays, expiry_ms } = manner;
    let hints = HashMap::from([("urgency", Value::U8(urgency)), ("resident", Value::Bool(stays))]);
    let body = (APPLICATION, replaces, "", &words.summary, &words.body, actions, hints, expiry_ms);
    let answer = bus.call(&Target::at(NAME, PATH, NAME), "Notify", &body, NOTICE_LIMIT).await?;
    let owner = answer.header().sender().map(|sender| sender.as_str().to_owned());
    match (owner, answer.body().deserialize::<u32>()) {
        (Some(owner), Ok(id)) => Ok(Shown { owner, id }),
        _ => Err(CallError::Broken),
    }
}

/// One that does not answer has unlocked nothing. Of one that is gone, only what is seen says whether it locks.
async fn look_at_saver(shared: &Shared) {
    let saver = shared.notices.state().saver.clone();
    let Some(saver) = saver else { return };
    match shared.session.call(&saver, "GetActive", &(), ANSWER_LIMIT).await {
        Ok(answer) if answer.body().deserialize() == Ok(false) => {
            shared.notices.state().saver = None;
            shared.claim(Claimant::Saver, false);
        }
        Err(CallError::Nobody(_)) => shared.abandon_saver(),
        _ => {}
    }
}
