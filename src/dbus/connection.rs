//! One connection to one bus, made when it is first needed and made anew when it is lost.

use super::socket::Bounded;
pub use super::socket::Traffic;
use serde::Serialize;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::address::Address;
use zbus::address::transport::{Transport, UnixSocket};
use zbus::connection::Builder;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message};

/// How long a bus may take to let us in.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How long a question may take that concerns no person.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Messages that wait to be looked at, each of at most [`super::socket::MESSAGE_BYTES`].
const QUEUE: usize = 8;
pub const DBUS: &str = "org.freedesktop.DBus";
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Where the two buses are.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub system: String,
    pub session: String,
}

impl Addresses {
    /// By this process's environment, or else where systemd has them. A service of the system is in no session, and finds
    /// the bus of its account's sessions all the same.
    pub fn of_this_process(uid: u32) -> Addresses {
        let set = |name| std::env::var(name).ok().filter(|address| !address.is_empty());
        Addresses {
            system: set("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|| "unix:path=/run/dbus/system_bus_socket".into()),
            session: set("DBUS_SESSION_BUS_ADDRESS").unwrap_or_else(|| format!("unix:path=/run/user/{uid}/bus")),
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// Normal: not every machine has a bus.
    #[error("no D-Bus at {address} ({source})")]
    NoBus { address: String, source: std::sync::Arc<io::Error> },
    #[error("no answer in time")]
    Silent,
    /// Normal, too.
    #[error("{0} is not on the bus")]
    Nobody(&'static str),
    /// An error by its name alone: its text is the peer's.
    #[error("refused with {0}")]
    Refused(String),
    #[error("the connection broke or the answer is not understood")]
    Broken,
}

/// An object of a service, and the interface that is meant.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: &'static str,
    pub path: OwnedObjectPath,
    pub interface: &'static str,
}

impl Target {
    /// Of a path that is valid as it stands.
    pub fn at(name: &'static str, path: &'static str, interface: &'static str) -> Target {
        let path = zbus::zvariant::ObjectPath::from_static_str_unchecked(path).into();
        Target { name, path, interface }
    }

    pub fn with_path(&self, path: OwnedObjectPath) -> Target {
        Target { path, ..self.clone() }
    }
}

/// A bus, connected or not.
#[derive(Debug)]
pub struct Bus {
    address: String,
    traffic: Traffic,
    connection: Mutex<Option<Connection>>,
}

impl Bus {
    pub fn at(address: String, traffic: Traffic) -> Bus {
        Bus { address, traffic, connection: Mutex::new(None) }
    }

    /// The connection; a new one, if there is none that lives.
    pub async fn connection(&self) -> Result<Connection, CallError> {
        let mut connection = self.connection.lock().await;
        if let Some(living) = connection.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(living.clone());
        }
        *connection = None;
        let made = match timeout(CONNECT_LIMIT, connect(&self.address, &self.traffic)).await {
            Ok(Ok(made)) => made,
            Ok(Err(source)) => return Err(CallError::NoBus { address: self.address.clone(), source: source.into() }),
            Err(_) => return Err(CallError::Silent),
        };
        Ok(connection.insert(made).clone())
    }

    /// Asks and waits for the answer, at most for this long.
    pub async fn call<B>(
        &self,
        target: &Target,
        member: &'static str,
        body: &B,
        limit: Duration,
    ) -> Result<Message, CallError>
    where
        B: Serialize + DynamicType,
    {
        let connection = self.connection().await?;
        let Target { name, path, interface } = target;
        let call = connection.call_method(Some(*name), path, Some(*interface), member, body);
        match timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer),
            // It broke before or meanwhile.
            Ok(Err(error)) if connection.is_closed() || matches!(error, zbus::Error::InputOutput(_)) => {
                self.forget(&connection).await;
                let source = io::Error::from(io::ErrorKind::ConnectionReset);
                Err(CallError::NoBus { address: self.address.clone(), source: source.into() })
            }
            Ok(Err(error)) => Err(understood(name, error)),
            Err(_) => {
                self.leave_if_hung(&connection).await;
                Err(CallError::Silent)
            }
        }
    }

    /// A property of the target's interface.
    pub async fn property(&self, target: &Target, property: &'static str) -> Result<OwnedValue, CallError> {
        let properties = Target { interface: PROPERTIES, ..target.clone() };
        let answer = self.call(&properties, "Get", &(target.interface, property), ANSWER_LIMIT).await?;
        let body = answer.body();
        let value: Value<'_> = body.deserialize().map_err(|_| CallError::Broken)?;
        value.try_to_owned().map_err(|_| CallError::Broken)
    }

    /// All properties of the target's interface.
    pub async fn properties(&self, target: &Target) -> Result<HashMap<String, OwnedValue>, CallError> {
        let properties = Target { interface: PROPERTIES, ..target.clone() };
        let answer = self.call(&properties, "GetAll", &(target.interface), ANSWER_LIMIT).await?;
        answer.body().deserialize().map_err(|_| CallError::Broken)
    }

    /// Of a bus that does not answer for itself, what is half sent may never arrive.
    async fn leave_if_hung(&self, connection: &Connection) {
        let ping = connection.call_method(Some(DBUS), "/org/freedesktop/DBus", Some(DBUS), "GetId", &());
        if !matches!(timeout(ANSWER_LIMIT, ping).await, Ok(Ok(_))) {
            self.forget(connection).await;
        }
    }

    /// Has the next call make a connection anew.
    pub async fn forget(&self, lost: &Connection) {
        // A bus gives out each name once; one that was started anew begins from the first again.
        let identity = |of: &Connection| (of.server_guid().to_owned(), of.unique_name().cloned());
        let mut connection = self.connection.lock().await;
        connection.take_if(|present| identity(present) == identity(lost));
    }
}

fn understood(name: &'static str, error: zbus::Error) -> CallError {
    const NOBODY: [&str; 4] = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Disconnected",
        "org.freedesktop.DBus.Error.NoReply",
    ];
    match error {
        zbus::Error::MethodError(error, ..) => {
            let is_spawn = error.as_str().starts_with("org.freedesktop.DBus.Error.Spawn.");
            if is_spawn || NOBODY.contains(&error.as_str()) {
                return CallError::Nobody(name);
            }
            CallError::Refused(error.as_str().to_owned())
        }
        _ => CallError::Broken,
    }
}

/// Only sockets of this machine: other kinds of addresses would start programs, or go out on the network.
async fn connect(address: &str, traffic: &Traffic) -> io::Result<Connection> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "not the address of a Unix socket");
    for path in address.split(';').filter_map(socket_path) {
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                let made =
                    Builder::socket(Bounded { stream, traffic: traffic.clone() }).max_queued(QUEUE).build().await;
                return made.map_err(io::Error::other);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn socket_path(address: &str) -> Option<PathBuf> {
    let address: Address = address.parse().ok()?;
    match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => Some(path.clone()),
            UnixSocket::Abstract(name) => {
                let name: Vec<u8> = [&[0], name.as_bytes()].concat();
                Some(Path::new(&OsString::from_vec(name)).to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Asks the bus for the signals that match; `false`: it does not let us.
pub async fn subscribe(connection: &Connection, rules: &[&str]) -> bool {
    for rule in rules {
        let added = connection.call_method(Some(DBUS), "/org/freedesktop/DBus", Some(DBUS), "AddMatch", rule);
        if !matches!(timeout(ANSWER_LIMIT, added).await, Ok(Ok(_))) {
            return false;
        }
    }
    true
}

/// The object in a structure of a name and a path, as logind has them.
pub fn object_in(value: &OwnedValue) -> Option<OwnedObjectPath> {
    let Value::Structure(structure) = &**value else { return None };
    structure.fields().iter().find_map(|field| match field {
        Value::ObjectPath(path) => Some(path.to_owned().into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_this_machine_are_addresses() {
        assert_eq!(
            socket_path("unix:path=/run/user/1/bus,guid=0123456789abcdef0123456789abcdef"),
            Some("/run/user/1/bus".into())
        );
        assert_eq!(socket_path("unix:abstract=/tmp/dbus-1"), Some("\0/tmp/dbus-1".into()));
        for other in ["unixexec:path=/bin/sh", "tcp:host=10.0.0.1,port=1", "autolaunch:", "nonsense", ""] {
            assert_eq!(socket_path(other), None, "{other}");
        }
    }
}
