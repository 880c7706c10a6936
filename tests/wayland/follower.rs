//! The backend under test, and what it is expected to tell.

use crate::support::LIMIT;
use crate::support::compositor::Compositor;
use seclyzer::sources::app::App;
use seclyzer::sources::environment::Environment;
use seclyzer::sources::focus::{Focus, Taker, Update, wayland};
use std::time::Duration;
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

    pub fn on(compositor: &Compositor) -> Follower {
        Follower::of(compositor.environment())
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

pub fn median_and_max_ms(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    (ms(times[times.len() / 2]), ms(times[times.len() - 1]))
}
