//! What the loop is told by others than the devices, the timer and the desk.
//!
//! A task of its own waits for all of them, so that a reading of the devices, which is what the loop mostly does, looks at
//! one queue in their place.

use super::control::{Client, Clients, Request};
use super::health::Troubles;
use crate::act::board::Info;
use crate::sources::path_watch::PathWatch;
use crate::store::{Displaced, Store};
use std::future::{Future, pending};
use std::pin::pin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Interval;

/// Of the queue. What is told while it is full waits with whoever tells it.
const MOST: usize = 8;

#[derive(Debug)]
pub enum Message {
    /// The agent is to end.
    End,
    /// The store's folder is another one.
    Displaced(Displaced),
    /// It is time to say that the loop still turns.
    WatchdogDue,
    /// The path of the store's folder may lead elsewhere.
    PathChanged,
    Trouble(Info),
    Asked(Request, Client),
}

/// Those who tell it.
pub struct Senders<S> {
    pub shutdown: S,
    pub store: Option<Store>,
    pub watchdog: Option<Interval>,
    /// Where there is a store: whether its folder may be another one.
    pub path_watch: Option<PathWatch>,
    pub troubles: Troubles,
    pub clients: Clients,
}

#[derive(Debug)]
pub struct Inbox {
    messages: mpsc::Receiver<Message>,
    task: JoinHandle<()>,
}

impl Inbox {
    /// Must be called within a runtime.
    pub fn start(senders: Senders<impl Future<Output = ()> + Send + 'static>) -> Inbox {
        let (sender, messages) = mpsc::channel(MOST);
        Inbox { messages, task: tokio::spawn(senders.tell(sender)) }
    }

    /// Waits for the next message. Cancel-safe.
    pub async fn next(&mut self) -> Message {
        match self.messages.recv().await {
            Some(message) => message,
            // Only a panic, which has been reported, ends the task before `End` is told.
            None => Message::End,
        }
    }

    /// Hears nobody any more; the status socket is closed once this completes.
    pub async fn close(self) {
        self.task.abort();
        // That it was cancelled is what is waited for.
        let _ = self.task.await;
    }
}

impl<S: Future<Output = ()>> Senders<S> {
    /// Until there is nobody to be told.
    async fn tell(self, sender: mpsc::Sender<Message>) {
        let Senders { shutdown, store, mut watchdog, mut path_watch, mut troubles, mut clients } = self;
        let (mut shutdown, mut displaced) = (pin!(shutdown), pin!(displaced(store)));
        loop {
            let message = tokio::select! {
                biased;
                () = &mut shutdown => Message::End,
                displaced = &mut displaced => Message::Displaced(displaced),
                () = due(&mut watchdog) => Message::WatchdogDue,
                () = path_changed(&mut path_watch) => Message::PathChanged,
                info = troubles.next() => Message::Trouble(info),
                (request, client) = clients.next() => Message::Asked(request, client),
            };
            let is_last = matches!(message, Message::End | Message::Displaced(_));
            if sender.send(message).await.is_err() || is_last {
                // Clients still wait until the loop has ended.
                return pending().await;
            }
        }
    }
}

/// Completes once the store's folder is another one; never, without a store.
async fn displaced(store: Option<Store>) -> Displaced {
    match store {
        Some(store) => store.displaced().await,
        None => pending().await,
    }
}

/// Never, where nobody wants to know.
async fn due(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(watchdog) => drop(watchdog.tick().await),
        None => pending().await,
    }
}

async fn path_changed(watch: &mut Option<PathWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}
