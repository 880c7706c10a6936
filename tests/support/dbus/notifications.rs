//! A stand-in for a desktop's notification daemon.

use super::{Daemon, eventually};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zbus::connection::Builder;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

/// A notice as its server was asked to show it.
#[derive(Debug, Clone)]
pub struct Posted {
    pub id: u32,
    pub text: String,
    pub actions: Vec<String>,
    pub urgency: u8,
    pub replaces: u32,
    pub expiry_ms: i32,
    pub at: Instant,
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
        replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expiry_ms: i32,
    ) -> u32 {
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok()).unwrap_or_default();
        let id = {
            let mut posted = self.posted.lock().expect("no panic");
            let id = 40 + posted.len() as u32;
            let text = format!("{application}: {summary}. {body}");
            posted.push(Posted { id, text, actions, urgency, replaces, expiry_ms, at: Instant::now() });
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
