//! Whether the screen is locked, as far as anything tells, and what of it is news.

use crate::act::ports::{Evidence, Heard};
use crate::sources::x11::grab::Hold;

/// What the session's X server shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum X11 {
    /// It has not been looked at yet.
    #[default]
    Unknown,
    /// There is none to look at.
    Absent,
    Shows(Hold),
}

/// All that there is to go by. Any program of the account can have logind's hint and a screen saver's word be what it
/// likes: where there is an X server, they count only as far as something keeps input from the windows.
#[derive(Debug, Default)]
pub struct Screen {
    is_hinted: bool,
    is_saver_active: bool,
    x11: X11,
}

impl Screen {
    /// What the hint ([`Evidence::Hint`]) or the screen saver ([`Evidence::Saver`]) now says; what of that is news.
    pub fn claim(&mut self, by: Evidence, is_locked: bool) -> Option<Heard> {
        self.change(|screen| match by {
            Evidence::Hint => screen.is_hinted = is_locked,
            Evidence::Saver => screen.is_saver_active = is_locked,
            // It is seen, not claimed.
            Evidence::Grab => {}
        })
    }

    /// What is seen now; what of that is news.
    pub fn see(&mut self, x11: X11) -> Option<Heard> {
        self.change(|screen| screen.x11 = x11)
    }

    fn change(&mut self, change: impl FnOnce(&mut Screen)) -> Option<Heard> {
        let before = self.locked_by().is_some();
        change(self);
        match (before, self.locked_by().is_some()) {
            (false, true) => Some(Heard::Locked),
            (true, false) => Some(Heard::Unlocked),
            _ => None,
        }
    }

    pub fn x11(&self) -> X11 {
        self.x11
    }

    /// Whether anything says that it is locked, believed or not.
    pub fn is_claimed(&self) -> bool {
        self.is_hinted || self.is_saver_active
    }

    pub fn locked_by(&self) -> Option<Evidence> {
        let is_believed = match self.x11 {
            X11::Unknown => false,
            X11::Absent => true,
            // Desktops that draw all windows themselves show no window of a locker, and some lockers grab nothing.
            X11::Shows(hold) => hold.has_keyboard || hold.is_covered,
        };
        match self.x11 {
            _ if self.is_hinted && is_believed => Some(Evidence::Hint),
            X11::Shows(hold) if hold.is_lock() => Some(Evidence::Grab),
            _ if self.is_saver_active && is_believed => Some(Evidence::Saver),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: X11 = X11::Shows(Hold { has_keyboard: false, has_pointer: false, is_covered: false });
    const MENU: X11 = X11::Shows(Hold { has_keyboard: true, has_pointer: true, is_covered: false });
    const LOCKER: X11 = X11::Shows(Hold { has_keyboard: true, has_pointer: true, is_covered: true });

    #[test]
    fn it_is_locked_as_long_as_any_evidence_says_so_and_each_change_is_heard_once() {
        let mut screen = Screen::default();
        assert_eq!(screen.see(FREE), None);
        assert_eq!(screen.claim(Evidence::Hint, false), None);
        assert_eq!(screen.see(LOCKER), Some(Heard::Locked));
        assert_eq!(screen.claim(Evidence::Hint, true), None);
        assert_eq!(screen.locked_by(), Some(Evidence::Hint));
        assert_eq!(screen.claim(Evidence::Hint, false), None);
        assert_eq!(screen.locked_by(), Some(Evidence::Grab));
        assert_eq!(screen.see(FREE), Some(Heard::Unlocked));
        assert_eq!(screen.see(FREE), None);
    }

    #[test]
    fn a_claim_counts_alone_only_where_there_is_no_x_server() {
        for by in [Evidence::Hint, Evidence::Saver] {
            let mut screen = Screen::default();
            assert_eq!(screen.claim(by, true), None, "it is not known yet whether there is one");
            assert_eq!(screen.see(FREE), None);
            assert!(screen.is_claimed());
            assert_eq!(screen.see(MENU), Some(Heard::Locked));
            assert_eq!(screen.see(FREE), Some(Heard::Unlocked));
            assert_eq!(screen.see(X11::Absent), Some(Heard::Locked));
            assert_eq!((screen.locked_by(), screen.claim(by, false)), (Some(by), Some(Heard::Unlocked)));
        }
    }

    #[test]
    fn a_menu_alone_is_no_lock() {
        let mut screen = Screen::default();
        assert_eq!((screen.see(MENU), screen.locked_by()), (None, None));
    }
}
