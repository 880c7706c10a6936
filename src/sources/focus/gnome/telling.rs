//! What is told of what the extension says.

use super::Error;
use super::hearing::Seen;
use crate::sources::focus::log::Log;
use crate::sources::focus::{Focus, Taker, Update};
use tokio::sync::mpsc::Sender;

/// The way out; keeps what was told last.
pub struct Reporter {
    updates: Sender<Update>,
    is_ready: bool,
    /// Which window had the focus.
    focus: Option<(u32, Focus)>,
    taken: Option<Taker>,
    log: Log<Error>,
}

impl Reporter {
    pub fn to(updates: Sender<Update>) -> Reporter {
        Reporter { updates, is_ready: false, focus: None, taken: None, log: Log::new("GNOME Shell") }
    }

    /// Whether the extension has called, and is followed.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Tells what of it is news. What begins to take the keys is told before the focus, and what does so no more after
    /// it: the window behind may be an excluded application's.
    pub async fn tell(&mut self, seen: Seen) {
        if !std::mem::replace(&mut self.is_ready, true) {
            self.log.connected();
            self.send(Update::Ready).await;
        }
        if seen.taken.is_some() {
            self.take(seen.taken).await;
        }
        let focus = Some((seen.window, seen.focus.clone()));
        if self.focus != focus {
            self.focus = focus;
            self.send(Update::Focus(seen.focus)).await;
        }
        self.take(seen.taken).await;
    }

    /// What was seen last may be so no more.
    pub async fn doubt(&mut self) {
        if self.is_ready {
            self.take(Some(Taker::Prompt)).await;
        }
    }

    async fn take(&mut self, taken: Option<Taker>) {
        if std::mem::replace(&mut self.taken, taken) != taken {
            self.send(Update::Taken(taken)).await;
        }
    }

    /// Once for each kind of reason in a row.
    pub async fn unknown(&mut self, error: &Error) {
        (self.focus, self.taken) = (None, None);
        let was_ready = std::mem::take(&mut self.is_ready);
        let (is_absent, is_everyday) = (matches!(error, Error::Absent), matches!(error, Error::NoBus(_)));
        if self.log.is_unknown(error, was_ready, is_absent, is_everyday, "still listening") {
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

    fn focus(name: &str) -> Focus {
        Focus::App(App { instance: name.into(), class: "".into() })
    }

    fn seen(window: u32, taken: Option<Taker>) -> Seen {
        Seen { window, focus: focus("app"), taken }
    }

    fn all(told: &mut mpsc::Receiver<Update>) -> Vec<Update> {
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn only_news_is_told_and_another_window_of_the_application_is_news() {
        let (sender, mut told) = mpsc::channel(16);
        let mut reporter = Reporter::to(sender);
        for seen in [seen(1, None), seen(1, None)] {
            reporter.tell(seen).await;
        }
        assert_eq!(all(&mut told), [Update::Ready, Update::Focus(focus("app"))]);
        reporter.tell(seen(2, None)).await;
        assert_eq!(all(&mut told), [Update::Focus(focus("app"))]);
    }

    #[tokio::test]
    async fn what_takes_the_keys_is_told_before_the_focus_and_its_end_after_it() {
        let (sender, mut told) = mpsc::channel(16);
        let mut reporter = Reporter::to(sender);
        reporter.tell(seen(1, None)).await;
        all(&mut told);
        let (field, lock) = (Update::Taken(Some(Taker::Field)), Update::Taken(Some(Taker::Lock)));
        reporter.tell(seen(2, Some(Taker::Field))).await;
        assert_eq!(all(&mut told), [field, Update::Focus(focus("app"))]);
        reporter.tell(seen(2, Some(Taker::Lock))).await;
        assert_eq!(all(&mut told), [lock]);
        reporter.tell(seen(3, None)).await;
        assert_eq!(all(&mut told), [Update::Focus(focus("app")), Update::Taken(None)]);
    }

    #[tokio::test]
    async fn a_reason_is_told_once_until_the_extension_has_called_again() {
        let (sender, mut told) = mpsc::channel(16);
        let mut reporter = Reporter::to(sender);
        for error in [Error::Absent, Error::Absent, Error::Displaced, Error::Absent] {
            reporter.unknown(&error).await;
        }
        let reasons = [Error::Absent, Error::Displaced, Error::Absent].map(|error| Update::Unknown(error.to_string()));
        assert_eq!(all(&mut told), reasons);
        reporter.doubt().await;
        assert_eq!(all(&mut told), []);
        reporter.tell(seen(1, None)).await;
        reporter.doubt().await;
        let prompt = Update::Taken(Some(Taker::Prompt));
        assert_eq!(all(&mut told), [Update::Ready, Update::Focus(focus("app")), prompt]);
        reporter.unknown(&Error::Absent).await;
        assert_eq!(all(&mut told), [Update::Unknown(Error::Absent.to_string())]);
    }
}
