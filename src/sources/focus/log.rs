//! What a backend says in the log.

use std::fmt::Display;
use std::mem::Discriminant;
use tracing::{info, warn};

/// One line a change of state, however often a connection is tried.
pub struct Log<E> {
    /// To whom the backend connects.
    server: &'static str,
    was_ready: bool,
    said: Option<Discriminant<E>>,
}

/// What every error comes to.
pub const MEANWHILE: &str = "no application can be excluded meanwhile";

impl<E: Display> Log<E> {
    pub fn new(server: &'static str) -> Log<E> {
        Log { server, was_ready: false, said: None }
    }

    pub fn connected(&mut self) {
        if self.was_ready {
            info!("connected to {} again", self.server);
        } else {
            info!("✓ App Tracker initialized and ready");
        }
        self.was_ready = true;
        self.said = None;
    }

    pub fn lost(&mut self, error: &E) {
        let server = self.server;
        warn!("lost {server}: {error}; the focused application is unknown until one is found, and {MEANWHILE}");
    }

    /// Of a backend that listens on the session's bus: whether the error is to be told. Where it `was_ready`, it has lost
    /// whom it followed. Where that one `is_absent`, as on other desktops always, the log says nothing.
    pub fn is_unknown(
        &mut self,
        error: &E,
        was_ready: bool,
        is_absent: bool,
        is_everyday: bool,
        meanwhile: &str,
    ) -> bool {
        if was_ready {
            self.lost(error);
        } else if !is_absent {
            return self.unreachable(error, is_everyday, &format!("{meanwhile}; {MEANWHILE}"));
        }
        self.is_news(error)
    }

    /// Whether it is another error than before.
    pub fn is_news(&mut self, error: &E) -> bool {
        let kind = std::mem::discriminant(error);
        self.said.replace(kind) != Some(kind)
    }

    /// The same, and says so. An everyday error, such as that nobody is there, is no warning.
    pub fn unreachable(&mut self, error: &E, is_everyday: bool, outlook: &str) -> bool {
        let is_news = self.is_news(error);
        match is_everyday {
            _ if !is_news => {}
            true => info!("the focused application is unknown: {error}; {outlook}"),
            false => warn!("the focused application is unknown: {error}; {outlook}"),
        }
        is_news
    }
}
