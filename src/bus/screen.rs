//! Whether the screen is locked, as far as anything tells, and what of it is news.

use crate::act::ports::{Evidence, Heard};

/// All evidence that there is.
#[derive(Debug, Default)]
pub struct Screen {
    evidence: [bool; 3],
}

impl Screen {
    /// Takes what one kind of evidence now says; what of that is news. Locked is what any kind of evidence says.
    pub fn set(&mut self, evidence: Evidence, is_locked: bool) -> Option<Heard> {
        let before = self.locked_by().is_some();
        self.evidence[evidence as usize] = is_locked;
        match (before, self.locked_by().is_some()) {
            (false, true) => Some(Heard::Locked),
            (true, false) => Some(Heard::Unlocked),
            _ => None,
        }
    }

    pub fn locked_by(&self) -> Option<Evidence> {
        [Evidence::Hint, Evidence::Grab, Evidence::Saver].into_iter().find(|&of| self.evidence[of as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_locked_as_long_as_any_evidence_says_so_and_each_change_is_heard_once() {
        let mut screen = Screen::default();
        assert_eq!(screen.set(Evidence::Hint, false), None);
        assert_eq!(screen.set(Evidence::Grab, true), Some(Heard::Locked));
        assert_eq!(screen.set(Evidence::Hint, true), None);
        assert_eq!(screen.set(Evidence::Grab, false), None);
        assert_eq!(screen.locked_by(), Some(Evidence::Hint));
        assert_eq!(screen.set(Evidence::Hint, false), Some(Heard::Unlocked));
        assert_eq!(screen.set(Evidence::Hint, false), None);
    }
}
