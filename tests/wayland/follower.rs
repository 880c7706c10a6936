//! The backend under test, and what it is expected to tell.

use crate::support::LIMIT;
use seclyzer::sources::app::App;
use seclyzer::sources::environment::Environment;
use seclyzer::sources::focus::{Focus, Taker, Update, wayland};
use tokio::sync::mpsc;

pub const NOTHING: Update = Update::Focus(Focus::Nothing);
pub const NAMELESS: Update = Update::Focus(Focus::Nameless);
pub const PROMPT: Update = Update::Taken(Some(Taker::Prompt));
pub const FREE: Update = Update::Taken(None);

/// The backend, running as a task.
pub struct Follower(mpsc::Receiver<Update>);

impl Follower {
    pub fn of(environment: Environment) -> Follower {
        let (sender, updates) = mpsc::channel(1);
        tokio::spawn(wayland::run(environment, sender));
        Follower(updates)
    }

    pub async fn next(&mut self) -> Update {
        let update = tokio::time::timeout(LIMIT, self.0.recv()).await.expect("an update in time");
        update.expect("it follows on")
    }

    pub async fn expect(&mut self, update: Update) {
        assert_eq!(self.next().await, update);
    }

    /// Skips updates up to the one that is waited for.
    pub async fn wait_for(&mut self, update: Update) {
        while self.next().await != update {}
    }

    /// Skips updates up to the one that the focus cannot be followed; why not.
    pub async fn wait_for_unknown(&mut self) -> String {
        loop {
            if let Update::Unknown(reason) = self.next().await {
                return reason;
            }
        }
    }
}

pub fn app(app_id: &str) -> Update {
    Update::Focus(Focus::App(App { instance: app_id.into(), class: "".into() }))
}
