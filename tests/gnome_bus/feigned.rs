//! A stand-in for GNOME Shell with the extension, and the source under test.

use crate::dbus::Daemon;
use crate::follower::{Follower, focus};
use crate::support::eventually;
use seclyzer::sources::focus::{Update, gnome};
use std::collections::HashMap;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::fdo::{RequestNameFlags, RequestNameReply};
use zbus::message::Flags;
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, Message, interface};

pub const AGENT: &str = "org.seclyzer.Agent";
const SHELL: &str = "org.gnome.Shell";
const PATH: &str = "/org/seclyzer/Focus";
const INTERFACE: &str = "org.seclyzer.Focus";

/// What the extension says.
#[derive(Debug, Clone, Copy)]
pub struct Tell<'a> {
    pub window: u32,
    pub instance: &'a str,
    pub class: &'a str,
    pub is_locked: bool,
    pub is_prompted: bool,
    pub is_secret: bool,
}

impl<'a> Tell<'a> {
    /// Of a Wayland program's window, into which one types.
    pub fn of(name: &'a str) -> Tell<'a> {
        Tell { window: 1, instance: name, class: name, is_locked: false, is_prompted: false, is_secret: false }
    }

    pub fn body(self) -> (u32, &'a str, &'a str, bool, bool, bool) {
        (self.window, self.instance, self.class, self.is_locked, self.is_prompted, self.is_secret)
    }
}

/// What the shell says of its extensions.
struct Extensions {
    version: &'static str,
    state: Option<f64>,
    is_on: bool,
}

#[interface(name = "org.gnome.Shell.Extensions")]
impl Extensions {
    /// Of the one that fits; it knows no other.
    fn get_extension_info(&self, uuid: &str) -> HashMap<&str, Value<'_>> {
        let fitting = if self.version < "45" { gnome::OLD } else { gnome::NEW };
        let state = self.state.filter(|_| uuid == fitting);
        state.map(|state| ("state", Value::F64(state))).into_iter().collect()
    }

    #[zbus(property)]
    fn shell_version(&self) -> &str {
        self.version
    }

    #[zbus(property)]
    fn user_extensions_enabled(&self) -> bool {
        self.is_on
    }
}

pub struct Shell(Connection);

impl Shell {
    pub async fn start(daemon: &Daemon) -> Shell {
        Shell::that_says(daemon, "48.7", Some(1.0), true).await
    }

    pub async fn that_says(daemon: &Daemon, version: &'static str, state: Option<f64>, is_on: bool) -> Shell {
        let builder = Builder::address(daemon.address().as_str())
            .and_then(|builder| builder.serve_at("/org/gnome/Shell", Extensions { version, state, is_on }))
            .and_then(|builder| builder.name(SHELL));
        let shell = builder.expect("a builder").build().await.expect("a bus");
        // What is asked for like this is not given away, unlike the first.
        let answer =
            shell.request_name_with_flags("org.gnome.Shell.Introspect", RequestNameFlags::DoNotQueue.into()).await;
        assert_eq!(answer.expect("an answer"), RequestNameReply::PrimaryOwner);
        Shell(shell)
    }

    pub async fn try_tell(&self, tell: Tell<'_>) -> zbus::Result<Message> {
        self.call("Tell", &tell.body()).await
    }

    /// Says it to whoever is the agent, as soon as somebody is, and waits for the answer.
    pub async fn tell(&self, tell: Tell<'_>) {
        eventually("an answer of the agent's", async || self.try_tell(tell).await.ok()).await;
    }

    /// The extension is disabled.
    pub async fn disable(&self) {
        // Nobody waits for an answer.
        let call = Message::method_call(PATH, "End")
            .and_then(|call| call.destination(AGENT)?.interface(INTERFACE)?.with_flags(Flags::NoReplyExpected));
        self.0.send(&call.and_then(|call| call.build(&())).expect("a message")).await.expect("sent");
    }

    pub async fn call<B: serde::Serialize + DynamicType>(&self, method: &str, body: &B) -> zbus::Result<Message> {
        call_agent(&self.0, method, body).await
    }

    pub async fn end(self) {
        self.0.close().await.expect("closed");
    }
}

/// Calls the agent from anywhere; what it does not answer within a second it does not answer.
pub async fn call_agent<B: serde::Serialize + DynamicType>(
    from: &Connection,
    method: &str,
    body: &B,
) -> zbus::Result<Message> {
    let call = from.call_method(Some(AGENT), PATH, Some(INTERFACE), method, body);
    timeout(std::time::Duration::from_secs(1), call).await.unwrap_or(Err(zbus::Error::InvalidReply))
}

/// Somebody who has the name and does nothing else.
pub async fn own(daemon: &Daemon, name: &'static str) -> Connection {
    let connection = daemon.connect().await;
    connection.request_name(name).await.expect("the name is free");
    connection
}

/// A shell whose application `one` has the focus, which has been told.
pub async fn followed(daemon: &Daemon) -> (Shell, Follower) {
    let shell = Shell::start(daemon).await;
    let mut follower = Follower::at(daemon.address());
    shell.tell(Tell::of("one")).await;
    follower.expect([Update::Ready, focus("one", "")]).await;
    (shell, follower)
}
