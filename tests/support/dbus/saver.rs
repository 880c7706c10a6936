//! A stand-in for a desktop's screen saver.

use super::{Daemon, Way};
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, fdo, interface};

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
