//! What of what is typed is discarded.

use super::{Capture, Withheld};
use crate::event::{Action, Event, GapReason, Key, Scope};

impl Capture {
    /// Why keystrokes are discarded at present.
    pub fn withholds(&self) -> Option<Withheld> {
        self.recipient.withholds().or(self.prompt.is_secret().then_some(Withheld::Terminal))
    }

    pub(super) fn withhold(&mut self, why: Withheld, key: Key, action: Action) {
        self.counts.add(why, action);
        if why == Withheld::Terminal && action == Action::Press && key.is_enter() {
            self.prompt.enter();
            self.terminals.note_enter();
        }
    }

    /// Asks the terminals whether one waits for a password, where what is typed may go to a terminal. What is held back
    /// may be a part of it then, and nothing of the line counts.
    pub(super) fn ask_terminals(&mut self) {
        let may_matter = self.is_capturing() && self.recipient.may_be_in_terminal();
        if !may_matter || self.recipient.withholds().is_some() {
            return;
        }
        if self.prompt.look(self.terminals.is_secret_asked()) {
            self.discard_held_as(Withheld::Terminal);
            self.push_excluded();
        }
    }

    /// Discards the keystrokes that are held back. Where there were any, nothing spans them.
    pub(super) fn discard_held(&mut self) {
        if self.discard_held_as(Withheld::Doubt) {
            self.push_excluded();
        }
    }

    /// Whether there were any.
    fn discard_held_as(&mut self, why: Withheld) -> bool {
        let counts = &mut self.counts;
        let mut is_any = false;
        self.arrivals.discard(|action| {
            is_any = true;
            counts.add(why, action);
        });
        is_any
    }

    /// Nothing spans keystrokes that were discarded.
    pub(super) fn push_excluded(&mut self) {
        self.push(Event::Gap { scope: Scope::Keystroke, reason: GapReason::Excluded });
    }
}
