//! KWin as whoever hands it scripts sees it.

use crate::support::compositor::Room;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Runtime;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::zvariant::DynamicType;

pub struct Scripting {
    /// Of its own, so that it can be asked while the test's thread does nothing else.
    runtime: Runtime,
    connection: Connection,
    room: PathBuf,
}

impl Scripting {
    pub fn of(room: &Room) -> Scripting {
        let address = room.bus_address("session-bus");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connection = async { Builder::address(address.as_str()).expect("an address").build().await };
        let connection = runtime.block_on(connection).expect("a bus");
        Scripting { runtime, connection, room: room.path().into() }
    }

    fn ask<T>(&self, path: &str, interface: &str, member: &str, body: &(impl serde::Serialize + DynamicType)) -> T
    where
        T: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        let answer = self.connection.call_method(Some("org.kde.KWin"), path, Some(interface), member, body);
        self.runtime.block_on(answer).expect("an answer").body().deserialize().expect("as it is documented")
    }

    fn scripting<T>(&self, member: &str, body: &(impl serde::Serialize + DynamicType)) -> T
    where
        T: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        self.ask("/Scripting", "org.kde.kwin.Scripting", member, body)
    }

    pub fn is_loaded(&self, name: &str) -> bool {
        self.scripting("isScriptLoaded", &(name))
    }

    pub fn unload(&self, name: &str) -> bool {
        self.scripting("unloadScript", &(name))
    }

    /// Has KWin load a script, which is then one call from being run.
    pub fn load(&self, name: &str, text: &str) -> Loaded<'_> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = self.room.join(format!("test-{}.js", NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, text).expect("room");
        let number = self.scripting("loadScript", &(path.to_str().expect("UTF-8"), name));
        assert!(number >= 0, "{name} is loaded already");
        Loaded { scripting: self, number, name: name.into() }
    }
}

pub struct Loaded<'a> {
    scripting: &'a Scripting,
    number: i32,
    name: String,
}

impl Loaded<'_> {
    pub fn run(&self) {
        let path = format!("/Scripting/Script{}", self.number);
        self.scripting.ask::<()>(&path, "org.kde.kwin.Script", "run", &());
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        self.scripting.unload(&self.name);
    }
}

/// A script that gives the focus to the window of that application.
pub fn switch_to(app_id: &str) -> String {
    format!(
        "workspace.activeWindow = workspace.windowList().find(window => String(window.resourceClass) === {app_id:?});"
    )
}
