//! What gets what is typed, and whether it may be captured.

use super::terminal_apps;
use crate::event::{Action, Micros};
use crate::sources::focus::{Focus, Taker};

/// Why keystrokes are discarded. The surest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// The screen is locked.
    Lock,
    /// A program has grabbed the keyboard.
    Grab,
    /// The desktop itself asks for something, or a program that does nothing else, or no window has the focus where that
    /// means so.
    Prompt,
    /// A text field for a password or a PIN has the focus.
    Field,
    /// A terminal waits for a password.
    Terminal,
    /// An application that is excluded has the focus, or had it when it was last known.
    Application,
    /// It was typed shortly before one of these began or ended.
    Doubt,
}

impl Withheld {
    pub const ALL: [Withheld; 7] = [
        Withheld::Lock,
        Withheld::Grab,
        Withheld::Prompt,
        Withheld::Field,
        Withheld::Terminal,
        Withheld::Application,
        Withheld::Doubt,
    ];

    /// As in the status, and for people.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Withheld::Lock => ("secret: lock", "discarded while the screen was locked"),
            Withheld::Grab => ("secret: grab", "discarded while a program had grabbed the keyboard"),
            Withheld::Prompt => (
                "secret: prompt",
                "discarded in prompts of the desktop, beside a pinentry or askpass, or where no window had the focus",
            ),
            Withheld::Field => ("secret: field", "discarded in fields for passwords"),
            Withheld::Terminal => ("secret: terminal", "discarded while a terminal waited for a password"),
            Withheld::Application => ("excluded", "discarded in excluded applications"),
            Withheld::Doubt => ("doubt", "discarded shortly before such a time began or ended"),
        }
    }
}

impl From<Taker> for Withheld {
    fn from(taker: Taker) -> Withheld {
        match taker {
            Taker::Lock => Withheld::Lock,
            Taker::Grab => Withheld::Grab,
            Taker::Prompt => Withheld::Prompt,
            Taker::Field => Withheld::Field,
        }
    }
}

/// Key presses that were discarded, by the cause.
#[derive(Debug, Clone, Default)]
pub struct Counts([u32; Withheld::ALL.len()]);

impl Counts {
    pub(super) fn add(&mut self, why: Withheld, action: Action) {
        let count = &mut self.0[why as usize];
        *count = count.saturating_add((action == Action::Press).into());
    }

    /// Of all causes.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |total, &count| total.saturating_add(count))
    }

    pub fn of(&self, why: Withheld) -> u32 {
        self.0[why as usize]
    }
}

/// For how long it is believed of somebody who tells nothing any more that keys are taken.
const BELIEVED_US: Micros = 60_000_000;

/// All that is known of what gets what is typed.
#[derive(Debug)]
pub(super) struct Recipient {
    /// In lower case.
    excluded_apps: Vec<String>,
    /// Told again when our session becomes the active one again.
    focus: Focus,
    taken: Option<Taker>,
    /// Until when that is believed, by CLOCK_BOOTTIME, of one that tells nothing any more.
    taken_until_us: Option<Micros>,
    /// A program is running that does nothing but ask for a secret.
    is_asked: bool,
    /// The focused application is excluded, or was when the focus was last known.
    is_app_excluded: bool,
    /// The focused application is known to have terminals in its windows.
    is_in_terminal: bool,
    /// By logind.
    is_locked: bool,
}

impl Recipient {
    pub fn new(excluded_apps: &[String]) -> Recipient {
        Recipient {
            excluded_apps: excluded_apps.iter().map(|name| name.to_lowercase()).collect(),
            focus: Focus::Nothing,
            taken: None,
            taken_until_us: None,
            is_asked: false,
            is_app_excluded: false,
            is_in_terminal: false,
            is_locked: false,
        }
    }

    /// Why keystrokes are discarded at present.
    pub fn withholds(&self) -> Option<Withheld> {
        let lock = self.is_locked.then_some(Withheld::Lock);
        let prompt = self.is_asked.then_some(Withheld::Prompt);
        let application = self.is_app_excluded.then_some(Withheld::Application);
        lock.or(self.taken.map(Withheld::from)).or(prompt).or(application)
    }

    pub fn is_app_excluded(&self) -> bool {
        self.is_app_excluded
    }

    /// Whether what is typed goes to a terminal.
    pub fn is_in_terminal(&self) -> bool {
        self.is_in_terminal
    }

    /// Whether it may, for all that is known.
    pub fn may_be_in_terminal(&self) -> bool {
        self.is_in_terminal || !matches!(self.focus, Focus::App(_))
    }

    pub fn focus(&self) -> &Focus {
        &self.focus
    }

    /// The focused application's name in records.
    pub fn name(&self) -> Option<Box<str>> {
        match &self.focus {
            Focus::App(app) => Some(app.name().into()),
            Focus::Nameless | Focus::Nothing => None,
        }
    }

    /// Somebody who knows the focus has been found, and has told nothing yet.
    pub fn begin(&mut self, boot_us: Micros) {
        self.lose(boot_us);
    }

    /// Nobody knows the focus any more. What took the keys may still do so, but for a grab, which ends with its X server.
    pub fn lose(&mut self, boot_us: Micros) {
        self.taken = self.taken.filter(|&taker| taker != Taker::Grab);
        if self.taken.is_some() && self.taken_until_us.is_none() {
            self.taken_until_us = Some(boot_us + BELIEVED_US);
        }
        self.is_in_terminal = false;
        self.focus = Focus::Nothing;
    }

    /// It is `boot_us`.
    pub fn lapse(&mut self, boot_us: Micros) {
        if self.taken_until_us.is_some_and(|until_us| until_us <= boot_us) {
            self.set_taken(None);
        }
    }

    pub fn set_focus(&mut self, focus: Focus) {
        // While it is not known what has the focus, it may still be the excluded one.
        if let Focus::App(app) = &focus {
            self.is_app_excluded = app.is_among(&self.excluded_apps);
        }
        if self.taken_until_us.is_some() {
            // Whoever tells this would have told what takes its keys.
            self.set_taken(None);
        }
        self.is_in_terminal = matches!(&focus, Focus::App(app) if terminal_apps::is_terminal(app));
        self.focus = focus;
    }

    pub fn set_taken(&mut self, taken: Option<Taker>) {
        (self.taken, self.taken_until_us) = (taken, None);
    }

    pub fn set_asked(&mut self, is_asked: bool) {
        self.is_asked = is_asked;
    }

    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    pub fn set_locked(&mut self, is_locked: bool) {
        self.is_locked = is_locked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::app::App;

    fn app(name: &str) -> Focus {
        Focus::App(App { instance: name.into(), class: "".into() })
    }

    #[test]
    fn an_excluded_application_withholds_until_another_one_is_known_to_have_the_focus() {
        let mut recipient = Recipient::new(&["KeePassXC".into()]);
        assert_eq!(recipient.withholds(), None);
        recipient.set_focus(app("keepassxc"));
        assert_eq!(recipient.withholds(), Some(Withheld::Application));
        for focus in [Focus::Nothing, Focus::Nameless] {
            recipient.set_focus(focus);
            assert_eq!(recipient.withholds(), Some(Withheld::Application));
        }
        recipient.lose(0);
        assert_eq!(recipient.withholds(), Some(Withheld::Application));
        recipient.set_focus(app("editor"));
        assert_eq!((recipient.withholds(), recipient.name().as_deref()), (None, Some("editor")));
    }

    #[test]
    fn whatever_takes_the_keys_withholds_them_and_a_lock_comes_first() {
        let mut recipient = Recipient::new(&[]);
        for (taker, why) in [
            (Taker::Grab, Withheld::Grab),
            (Taker::Lock, Withheld::Lock),
            (Taker::Prompt, Withheld::Prompt),
            (Taker::Field, Withheld::Field),
        ] {
            recipient.set_taken(Some(taker));
            assert_eq!(recipient.withholds(), Some(why));
        }
        recipient.set_locked(true);
        assert_eq!(recipient.withholds(), Some(Withheld::Lock));
    }

    #[test]
    fn what_took_the_keys_is_believed_for_a_while_after_nobody_tells_it_any_more() {
        for (taker, is_believed) in
            [(Taker::Grab, false), (Taker::Lock, true), (Taker::Prompt, true), (Taker::Field, true)]
        {
            let mut recipient = Recipient::new(&[]);
            recipient.set_taken(Some(taker));
            recipient.lose(5);
            recipient.begin(10);
            recipient.lapse(BELIEVED_US + 4);
            assert_eq!(recipient.withholds().is_some(), is_believed, "{taker:?}");
            let mut known = Recipient::new(&[]);
            known.set_taken(Some(taker));
            known.lose(5);
            known.set_focus(app("editor"));
            assert_eq!(known.withholds(), None, "{taker:?}: it is known what has the keys");
            recipient.lapse(BELIEVED_US + 5);
            assert_eq!(recipient.withholds(), None, "{taker:?}: not for ever");
        }
    }

    #[test]
    fn presses_are_counted_by_cause_and_releases_are_not() {
        let mut counts = Counts::default();
        counts.add(Withheld::Field, Action::Press);
        counts.add(Withheld::Field, Action::Release);
        counts.add(Withheld::Lock, Action::Press);
        assert_eq!((counts.of(Withheld::Field), counts.of(Withheld::Doubt), counts.total()), (1, 0, 2));
        assert!(Withheld::ALL.iter().enumerate().all(|(place, &why)| why as usize == place));
    }
}
