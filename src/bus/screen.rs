//! Whether the screen is locked, as far as anything tells, and what of it is news.

use crate::act::ports::{Evidence, Heard};
use crate::sources::x11::grab::Hold;

/// What is to be seen of the session that is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sight {
    /// It has not been looked at yet.
    #[default]
    Unknown,
    /// It is not known to be a Wayland session, and no X server can be looked at: nothing is believed.
    Dark,
    /// By logind's word it is a Wayland session, in which nobody sees what has the keyboard.
    Wayland,
    /// What its X server shows.
    X11(Hold),
}

impl Sight {
    pub fn is_lock(self) -> bool {
        matches!(self, Sight::X11(hold) if hold.is_lock())
    }

    /// Whether something keeps input from the windows of an X server. Desktops that draw all windows themselves show no
    /// window of a locker, and some lockers grab nothing.
    fn is_held(self) -> bool {
        matches!(self, Sight::X11(hold) if hold.has_keyboard || hold.is_covered)
    }

    /// By what it is known that the screen is locked, with what logind's hint and a screen saver claim. Any program of the
    /// account can have both be what it likes: where there is an X server, they count only as far as it shows something,
    /// and where nothing can be seen though logind does not say why, not at all.
    pub fn evidence(self, is_hinted: bool, is_saver_active: bool) -> Option<Evidence> {
        let is_believed = self == Sight::Wayland || self.is_held();
        match self {
            _ if is_hinted && is_believed => Some(Evidence::Hint),
            _ if self.is_lock() => Some(Evidence::Grab),
            _ if is_saver_active && is_believed => Some(Evidence::Saver),
            _ => None,
        }
    }
}

/// Who claims that the screen is locked, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimant {
    /// logind's hint.
    Hint,
    /// The screen saver that was asked to lock.
    Saver,
}

/// All that there is to go by.
#[derive(Debug, Default)]
pub struct Screen {
    is_hinted: bool,
    is_saver_active: bool,
    /// The one that is called active is not there to say so, or otherwise, any more.
    is_saver_gone: bool,
    sight: Sight,
    /// What is seen next was not seen to come about.
    is_interrupted: bool,
}

impl Screen {
    /// What a claimant now says; what of that is news.
    pub fn claim(&mut self, by: Claimant, is_locked: bool) -> Option<Heard> {
        self.change(Heard::Unlocked, |screen| match by {
            Claimant::Hint => screen.is_hinted = is_locked,
            Claimant::Saver => (screen.is_saver_active, screen.is_saver_gone) = (is_locked, false),
        })
    }

    /// The screen saver that was called active has ended; what of that is news. Its claim ends, too, once an X server shows
    /// that nothing is locked; otherwise every menu would look like its lock for ever.
    pub fn abandon_saver(&mut self) -> Option<Heard> {
        self.change(Heard::Unlocked, |screen| screen.is_saver_gone = true)
    }

    /// The session that was hinted to be locked has ended; what of that is news.
    pub fn end(&mut self) -> Option<Heard> {
        self.change(Heard::Ended, |screen| screen.is_hinted = false)
    }

    /// What is seen now; what of that is news.
    pub fn see(&mut self, sight: Sight) -> Option<Heard> {
        let was_interrupted = std::mem::take(&mut self.is_interrupted);
        let is_same_server = matches!((self.sight, sight), (Sight::X11(_), Sight::X11(_))) && !was_interrupted;
        let end = if is_same_server { Heard::Unlocked } else { Heard::Ended };
        self.change(end, |screen| screen.sight = sight)
    }

    /// The X server is not looked at any more. What it showed last is so until something else is seen, of which nobody
    /// knows then how it came about: it may be another server.
    pub fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// `end`: what it is that a screen is locked no more.
    fn change(&mut self, end: Heard, change: impl FnOnce(&mut Screen)) -> Option<Heard> {
        let before = self.is_locked();
        change(self);
        if self.is_saver_gone && matches!(self.sight, Sight::X11(_)) && !self.sight.is_held() {
            (self.is_saver_active, self.is_saver_gone) = (false, false);
        }
        match (before, self.is_locked()) {
            (false, true) => Some(Heard::Locked),
            (true, false) => Some(end),
            _ => None,
        }
    }

    pub fn sight(&self) -> Sight {
        self.sight
    }

    /// Whether anything says that it is locked, believed or not.
    pub fn is_claimed(&self) -> bool {
        self.is_hinted || self.is_saver_active
    }

    fn is_locked(&self) -> bool {
        self.sight.evidence(self.is_hinted, self.is_saver_active).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Sight = Sight::X11(Hold { has_keyboard: false, has_pointer: false, is_covered: false });
    const MENU: Sight = Sight::X11(Hold { has_keyboard: true, has_pointer: true, is_covered: false });
    const LOCKER: Sight = Sight::X11(Hold { has_keyboard: true, has_pointer: true, is_covered: true });

    #[test]
    fn it_is_locked_as_long_as_any_evidence_says_so_and_each_change_is_heard_once() {
        let mut screen = Screen::default();
        assert_eq!(screen.see(FREE), None);
        assert_eq!(screen.claim(Claimant::Hint, false), None);
        assert_eq!(screen.see(LOCKER), Some(Heard::Locked));
        assert_eq!(screen.claim(Claimant::Hint, true), None);
        assert_eq!(screen.claim(Claimant::Hint, false), None);
        assert_eq!(screen.see(FREE), Some(Heard::Unlocked));
        assert_eq!(screen.see(FREE), None);
    }

    #[test]
    fn a_claim_counts_alone_only_in_a_wayland_session() {
        for by in [Claimant::Hint, Claimant::Saver] {
            let mut screen = Screen::default();
            assert_eq!(screen.claim(by, true), None, "it is not known yet what session it is");
            assert_eq!((screen.see(Sight::Dark), screen.see(FREE)), (None, None));
            assert!(screen.is_claimed());
            assert_eq!(screen.see(MENU), Some(Heard::Locked));
            assert_eq!(screen.see(FREE), Some(Heard::Unlocked));
            assert_eq!(screen.see(Sight::Wayland), Some(Heard::Locked));
            assert_eq!(screen.claim(by, false), Some(Heard::Unlocked));
        }
    }

    #[test]
    fn the_claim_of_a_screen_saver_that_is_gone_ends_with_what_it_showed() {
        let mut screen = Screen::default();
        screen.see(MENU);
        assert_eq!(screen.claim(Claimant::Saver, true), Some(Heard::Locked));
        assert_eq!(screen.abandon_saver(), None, "what it showed is still there");
        assert_eq!(screen.see(FREE), Some(Heard::Unlocked));
        assert_eq!((screen.see(MENU), screen.is_claimed()), (None, false));
        screen.see(Sight::Wayland);
        assert_eq!(screen.claim(Claimant::Saver, true), Some(Heard::Locked));
        assert_eq!((screen.abandon_saver(), screen.is_claimed()), (None, true), "nothing is seen there");
    }

    #[test]
    fn a_menu_alone_is_no_lock() {
        assert_eq!(Screen::default().see(MENU), None);
        assert_eq!(MENU.evidence(false, false), None);
    }

    #[test]
    fn what_is_seen_and_claimed_at_once_has_one_name() {
        assert_eq!(LOCKER.evidence(true, true), Some(Evidence::Hint));
        assert_eq!(LOCKER.evidence(false, true), Some(Evidence::Grab));
        assert_eq!(MENU.evidence(false, true), Some(Evidence::Saver));
    }

    #[test]
    fn a_lock_whose_end_nobody_saw_was_not_unlocked() {
        let mut screen = Screen::default();
        screen.see(LOCKER);
        screen.interrupt();
        assert_eq!(screen.see(FREE), Some(Heard::Ended), "perhaps another server");
        screen.see(LOCKER);
        screen.interrupt();
        assert_eq!((screen.see(LOCKER), screen.see(FREE)), (None, Some(Heard::Unlocked)), "the same lock, seen to end");
        screen.see(LOCKER);
        assert_eq!(screen.see(Sight::Dark), Some(Heard::Ended));
        screen.see(Sight::Wayland);
        screen.claim(Claimant::Hint, true);
        assert_eq!(screen.end(), Some(Heard::Ended));
    }
}
