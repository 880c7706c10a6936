//! What is told of the focus, and when.

use super::windows::Focused;
use crate::sources::focus::{Focus, Taker, Update};
use std::time::Duration;
use tokio::time::Instant;

/// Between two windows there may be a moment in which none has the focus. Keystrokes wait for five times as long.
const GAP: Duration = Duration::from_millis(50);

/// Where no window has the focus, something of the desktop has: a locker, a launcher, a prompt. What is typed there is
/// nobody's to take.
#[derive(Debug, Default)]
pub struct Report {
    /// What was told last; `None` in it: no window has the focus.
    told: Option<Option<Focused>>,
    /// Since when no window has the focus, without that being told.
    gap: Option<Instant>,
}

impl Report {
    /// What is to be told now that this window has the focus.
    pub fn see(&mut self, focused: Option<Focused>, now: Instant) -> Vec<Update> {
        let Some(focused) = focused else {
            if self.told != Some(None) {
                self.gap.get_or_insert(now);
            }
            return Vec::new();
        };
        let had_gap = self.gap.take().is_some();
        let told = self.told.replace(Some(focused.clone()));
        let (was_none, last) = match &told {
            Some(Some(last)) => (false, Some(last)),
            Some(None) => (true, None),
            None => (false, None),
        };
        // The keys were taken from it, however short the time: what was typed then may be read later.
        let was_taken = had_gap && last.is_some_and(|last| last.window == focused.window);
        let is_news = last != Some(&focused);
        let taken = was_taken.then_some(Update::Taken(Some(Taker::Prompt)));
        let focus = is_news.then_some(Update::Focus(focused.focus));
        // Not before it is told what has the focus now: it may be an excluded application.
        let free = (was_taken || was_none).then_some(Update::Taken(None));
        taken.into_iter().chain(focus).chain(free).collect()
    }

    /// When [`Report::wait`] is over.
    pub fn due(&self) -> Option<Instant> {
        self.gap.map(|since| since + GAP)
    }

    /// What is to be told when no window has got the focus by then.
    pub fn wait(&mut self) -> Vec<Update> {
        if self.gap.take().is_none() {
            return Vec::new();
        }
        self.told = Some(None);
        vec![Update::Taken(Some(Taker::Prompt)), Update::Focus(Focus::Nothing)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::app::App;

    const PROMPT: Update = Update::Taken(Some(Taker::Prompt));
    const FREE: Update = Update::Taken(None);
    const NOTHING: Update = Update::Focus(Focus::Nothing);

    fn app(name: &str) -> Focus {
        Focus::App(App { instance: name.into(), class: "".into() })
    }

    fn focused(window: u32, name: &str) -> Option<Focused> {
        Some(Focused { window, focus: app(name) })
    }

    fn focus(name: &str) -> Update {
        Update::Focus(app(name))
    }

    #[test]
    fn each_window_that_gets_the_focus_is_told_once_and_so_is_another_name() {
        let (mut report, now) = (Report::default(), Instant::now());
        assert_eq!(report.see(focused(1, "one"), now), [focus("one")]);
        assert_eq!(report.see(focused(1, "one"), now), []);
        assert_eq!(report.see(focused(2, "one"), now), [focus("one")]);
        assert_eq!(report.see(focused(2, "two"), now), [focus("two")]);
        assert_eq!(report.due(), None);
    }

    #[test]
    fn a_moment_without_focus_between_two_windows_is_not_told() {
        let (mut report, now) = (Report::default(), Instant::now());
        report.see(focused(1, "one"), now);
        assert_eq!(report.see(None, now), []);
        assert_eq!(report.due(), Some(now + GAP));
        assert_eq!(report.see(focused(2, "two"), now), [focus("two")]);
        assert_eq!((report.due(), report.wait()), (None, vec![]));
    }

    #[test]
    fn where_no_window_gets_the_focus_the_desktop_has_taken_the_keys_until_one_does() {
        let (mut report, now) = (Report::default(), Instant::now());
        report.see(focused(1, "one"), now);
        report.see(None, now);
        report.see(None, now + GAP / 2);
        assert_eq!(report.due(), Some(now + GAP), "it counts from the beginning");
        assert_eq!(report.wait(), [PROMPT, NOTHING]);
        assert_eq!((report.see(None, now), report.due()), (vec![], None));
        assert_eq!(report.see(focused(1, "one"), now), [focus("one"), FREE], "first what has the focus");
    }

    #[test]
    fn keys_that_were_taken_from_a_window_are_told_of_however_soon_it_has_them_again() {
        let (mut report, now) = (Report::default(), Instant::now());
        report.see(focused(1, "one"), now);
        report.see(None, now);
        assert_eq!(report.see(focused(1, "one"), now), [PROMPT, FREE]);
    }

    #[test]
    fn at_first_too_no_window_has_the_focus_only_after_a_while() {
        let (mut report, now) = (Report::default(), Instant::now());
        assert_eq!((report.see(None, now), report.due()), (vec![], Some(now + GAP)));
        assert_eq!(report.wait(), [PROMPT, NOTHING]);
    }
}
