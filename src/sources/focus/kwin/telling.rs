//! What is told of what the script says.

use super::Error;
use super::calls::Seen;
use crate::sources::focus::log::Log;
use crate::sources::focus::{Focus, Taker, Update};
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Between two windows none has the focus, for some ms; that is no loss of it.
const UNFOCUSED_HOLD: Duration = Duration::from_millis(50);

/// What is told of what has the focus, in this order, and what takes the keys from then on. What begins to take them is
/// told before the focus, and what does so no more after it: the window behind may be an excluded application's.
fn updates(seen: Seen, taken: Option<Taker>) -> (Option<Taker>, [Option<Update>; 3]) {
    let (focus, takes) = match seen {
        Seen::App(app) => (Focus::App(app), None),
        Seen::Nameless => (Focus::Nameless, None),
        Seen::Nothing => (Focus::Nothing, Some(Taker::Prompt)),
        Seen::Lock => (Focus::Nothing, Some(Taker::Lock)),
    };
    let is_new = takes != taken;
    let before = (is_new && takes.is_some()).then_some(Update::Taken(takes));
    let after = (is_new && takes.is_none()).then_some(Update::Taken(None));
    (takes, [before, Some(Update::Focus(focus)), after])
}

/// The way out; keeps what was told last.
pub struct Reporter {
    updates: Sender<Update>,
    taken: Option<Taker>,
    /// Since when no window has had the focus, which has not been told.
    unfocused: Option<Instant>,
    is_ready: bool,
    log: Log<Error>,
}

impl Reporter {
    pub fn to(updates: Sender<Update>) -> Reporter {
        Reporter { updates, taken: None, unfocused: None, is_ready: false, log: Log::new("KWin") }
    }

    /// The script has called for the first time.
    pub async fn begin(&mut self, seen: Seen) {
        self.is_ready = true;
        self.log.connected();
        (self.taken, self.unfocused) = (None, None);
        self.send(Update::Ready).await;
        self.tell(seen).await;
    }

    pub async fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Nothing if self.taken == Some(Taker::Prompt) => {}
            Seen::Nothing => {
                self.unfocused.get_or_insert_with(Instant::now);
            }
            seen => self.tell(seen).await,
        }
    }

    /// Completes when what might have been a moment between two windows has lasted too long for that. Cancel-safe.
    pub async fn moment(&self) {
        match self.unfocused {
            Some(since) => tokio::time::sleep_until(since + UNFOCUSED_HOLD).await,
            None => std::future::pending().await,
        }
    }

    /// It was none.
    pub async fn settle(&mut self) {
        self.tell(Seen::Nothing).await;
    }

    async fn tell(&mut self, seen: Seen) {
        self.unfocused = None;
        let (taken, updates) = updates(seen, self.taken);
        self.taken = taken;
        for update in updates.into_iter().flatten() {
            self.send(update).await;
        }
    }

    /// Once for each kind of reason in a row.
    pub async fn unknown(&mut self, error: &Error) {
        (self.taken, self.unfocused) = (None, None);
        let was_ready = std::mem::take(&mut self.is_ready);
        let (is_absent, is_everyday) = (matches!(error, Error::Absent), matches!(error, Error::NoBus(_)));
        if self.log.is_unknown(error, was_ready, is_absent, is_everyday, "still trying") {
            self.send(Update::Unknown(error.to_string())).await;
        }
    }

    async fn send(&self, update: Update) {
        // A receiver that is gone ends it all.
        let _ = self.updates.send(update).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::app::App;
    use tokio::sync::mpsc;

    fn app(name: &str) -> Seen {
        Seen::App(App { instance: name.into(), class: "".into() })
    }

    fn focus(name: &str) -> Update {
        Update::Focus(Focus::App(App { instance: name.into(), class: "".into() }))
    }

    const NOTHING: Update = Update::Focus(Focus::Nothing);

    /// A reporter that has begun with an application, and what it tells from then on.
    async fn begun() -> (Reporter, mpsc::Receiver<Update>) {
        let (sender, mut told) = mpsc::channel(16);
        let mut reporter = Reporter::to(sender);
        reporter.begin(app("one")).await;
        assert_eq!((told.recv().await, told.recv().await), (Some(Update::Ready), Some(focus("one"))));
        (reporter, told)
    }

    fn all(told: &mut mpsc::Receiver<Update>) -> Vec<Update> {
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn a_window_s_moment_without_focus_is_not_told_and_one_that_lasts_takes_the_keys() {
        let (mut reporter, mut told) = begun().await;
        reporter.see(Seen::Nothing).await;
        reporter.see(app("two")).await;
        assert_eq!(all(&mut told), [focus("two")]);
        reporter.see(Seen::Nothing).await;
        let begun = Instant::now();
        reporter.moment().await;
        assert!(begun.elapsed() >= UNFOCUSED_HOLD / 2);
        reporter.settle().await;
        reporter.see(Seen::Nothing).await;
        assert!(reporter.unfocused.is_none());
        assert_eq!(all(&mut told), [Update::Taken(Some(Taker::Prompt)), NOTHING]);
        reporter.see(app("two")).await;
        assert_eq!(all(&mut told), [focus("two"), Update::Taken(None)]);
    }

    #[tokio::test]
    async fn the_lock_screen_takes_the_keys_and_is_no_application() {
        let (mut reporter, mut told) = begun().await;
        reporter.see(Seen::Lock).await;
        assert_eq!(all(&mut told), [Update::Taken(Some(Taker::Lock)), NOTHING]);
        reporter.see(Seen::Nameless).await;
        assert_eq!(all(&mut told), [Update::Focus(Focus::Nameless), Update::Taken(None)]);
    }

    #[tokio::test]
    async fn a_reason_is_told_once_until_the_script_has_called_again() {
        let (mut reporter, mut told) = begun().await;
        for error in [Error::Absent, Error::Absent, Error::Silent, Error::Absent] {
            reporter.unknown(&error).await;
        }
        let reasons = [Error::Absent, Error::Silent, Error::Absent].map(|error| Update::Unknown(error.to_string()));
        assert_eq!(all(&mut told), reasons);
        // Nothing takes the keys from what is begun with.
        reporter.begin(Seen::Lock).await;
        assert_eq!(all(&mut told), [Update::Ready, Update::Taken(Some(Taker::Lock)), NOTHING]);
        reporter.unknown(&Error::Absent).await;
        assert_eq!(all(&mut told), [Update::Unknown(Error::Absent.to_string())]);
    }
}
