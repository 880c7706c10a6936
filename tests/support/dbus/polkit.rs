//! A stand-in for polkit.

use super::Daemon;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zbus::connection::Builder;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

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
