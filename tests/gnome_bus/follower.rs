//! The source under test, and what it is expected to tell.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::support::LIMIT;
use seclyzer::sources::app::App;
use seclyzer::sources::focus::{Focus, Taker, Update, gnome};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub const NOTHING: Update = Update::Focus(Focus::Nothing);
pub const PROMPT: Update = Update::Taken(Some(Taker::Prompt));
pub const FREE: Update = Update::Taken(None);

pub fn focus(instance: &str, class: &str) -> Update {
    Update::Focus(Focus::App(App { instance: instance.into(), class: class.into() }))
}

/// The source, running as a task.
pub struct Follower(mpsc::Receiver<Update>);

impl Follower {
    pub fn at(bus: String) -> Follower {
        let (sender, updates) = mpsc::channel(16);
        tokio::spawn(gnome::run_at(bus, sender));
        Follower(updates)
    }

    pub async fn next(&mut self) -> Update {
        timeout(LIMIT, self.0.recv()).await.expect("an update in time").expect("the source goes on")
    }

    pub async fn expect<const N: usize>(&mut self, updates: [Update; N]) {
        for update in updates {
            assert_eq!(self.next().await, update);
        }
    }

    /// These two, whichever comes first.
    pub async fn expect_both(&mut self, updates: [Update; 2]) {
        let told = [self.next().await, self.next().await];
        assert!(updates.iter().all(|update| told.contains(update)), "{told:?}");
    }

    /// That the focus cannot be followed, for a reason that begins like this.
    pub async fn expect_unknown(&mut self, reason: &str) -> String {
        match self.next().await {
            Update::Unknown(said) if said.starts_with(reason) => said,
            other => panic!("{other:?}"),
        }
    }

    pub async fn skip_to(&mut self, update: Update) {
        while self.next().await != update {}
    }

    /// The same, after others.
    pub async fn skip_to_unknown(&mut self, reason: &str) -> String {
        loop {
            match self.next().await {
                Update::Unknown(said) if said.starts_with(reason) => return said,
                _ => {}
            }
        }
    }
}
