//! The source under test, on a thread of its own, and what it tells.

use crate::support::LIMIT;
use crate::support::compositor::Room;
use seclyzer::sources::app::App;
use seclyzer::sources::focus::kwin::{self, Place};
use seclyzer::sources::focus::{Focus, Update};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub struct Follower {
    updates: Receiver<(Instant, Update)>,
    end: tokio::sync::oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Where the source finds KWin in a room.
pub fn place(room: &Room) -> Place {
    Place { bus: room.bus_address("session-bus"), folder: Some(folder(room)) }
}

/// Where the source hands its script over.
pub fn folder(room: &Room) -> PathBuf {
    room.path().join("seclyzer")
}

impl Follower {
    pub fn of(place: Place) -> Follower {
        let (sender, updates) = channel();
        let (end, ended) = tokio::sync::oneshot::channel();
        let follow = async move {
            let (told, mut heard) = tokio::sync::mpsc::channel(16);
            let source = tokio::spawn(kwin::run_at(place, told));
            let pass_on = async {
                while let Some(update) = heard.recv().await {
                    let _ = sender.send((Instant::now(), update));
                }
            };
            tokio::select! {
                () = pass_on => {}
                _ = ended => {}
            }
            drop(heard);
            source.await.expect("no panic");
        };
        let thread = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(follow);
        });
        Follower { updates, end, thread }
    }

    pub fn next(&self) -> Update {
        self.updates.recv_timeout(LIMIT).expect("an update in time").1
    }

    pub fn expect(&self, update: Update) {
        assert_eq!(self.next(), update);
    }

    /// Skips updates up to the one that is waited for; when that was told.
    pub fn wait_for(&self, update: Update) -> Instant {
        let mut skipped = Vec::new();
        loop {
            let Ok((told, next)) = self.updates.recv_timeout(LIMIT) else {
                panic!("{update:?} is not told; what is: {skipped:?}")
            };
            if next == update {
                return told;
            }
            skipped.push(next);
        }
    }

    /// Nobody wants to know any more. How long the source has taken to end.
    pub fn end(self) -> Duration {
        let begun = Instant::now();
        drop(self.end);
        self.thread.join().expect("no panic");
        begun.elapsed()
    }
}

pub fn focus(instance: &str, class: &str) -> Update {
    Update::Focus(Focus::App(App { instance: instance.into(), class: class.into() }))
}
