//! What hinders capture and delivery, as far as whoever is at the session should know it.

use super::followers::Followers;
use crate::act::board::{Behind, Info};
use crate::sources::evdev::Devices;
use crate::store::Store;
use std::future::pending;
use tokio::sync::watch;

/// What was last found of the devices.
#[derive(Debug, Default)]
pub struct Health {
    are_devices_refused: bool,
}

/// What hinders the database and the sinks.
#[derive(Debug, Default)]
pub struct Troubles {
    /// Why the database takes nothing, if it does not.
    trouble: Option<watch::Receiver<Option<String>>>,
    behind: Option<watch::Receiver<Behind>>,
}

impl Health {
    /// What is new of the devices, if anything is.
    pub fn look_at(&mut self, devices: &Devices) -> Option<Info> {
        let are_refused = devices.are_refused();
        let is_new = std::mem::replace(&mut self.are_devices_refused, are_refused) != are_refused;
        is_new.then_some(if are_refused { Info::DevicesRefused } else { Info::DevicesRead })
    }

    pub fn are_devices_refused(&self) -> bool {
        self.are_devices_refused
    }
}

impl Troubles {
    pub fn of(store: Option<&Store>, followers: &Followers) -> Troubles {
        Troubles { trouble: store.map(Store::trouble), behind: followers.behind() }
    }

    /// Waits for what is new. Cancel-safe.
    pub async fn next(&mut self) -> Info {
        tokio::select! {
            trouble = changed(&mut self.trouble) => match trouble {
                Some(_) => Info::DatabaseFails,
                None => Info::DatabaseWorks,
            },
            behind = changed(&mut self.behind) => Info::Behind(behind),
        }
    }
}

/// The next value; never, where there is nothing to follow.
async fn changed<T: Clone>(receiver: &mut Option<watch::Receiver<T>>) -> T {
    if let Some(receiver) = receiver
        && receiver.changed().await.is_ok()
    {
        return receiver.borrow_and_update().clone();
    }
    pending().await
}
