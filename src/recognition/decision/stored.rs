//! What is stored of what is learnt. It must not depend on which cases are open at the moment, because that depends on what
//! was typed last: so an open case that has raised no doubt is the owner's already.

use super::{Decision, Learnt};
use crate::recognition::keys::SavedKeys;
use crate::recognition::state::State;

impl Decision {
    /// Of the keys. The kept trees themselves get a stroke later, once nothing before it is open.
    pub fn stored_keys(&self) -> SavedKeys {
        self.undecided.stored(!self.holds_back, &self.keys)
    }

    /// Of the mouse, as if the sitting ended: whoever loads it begins another one.
    pub fn stored_mouse(&self) -> Learnt {
        self.mouse.ahead().after_sitting()
    }

    /// Passes on to the kept trees what is decided, so that a snapshot has it: behind a break it would wait.
    pub fn flush(&mut self) {
        self.undecided.flush(&mut self.keys);
    }

    pub(super) fn is_doubted(&self) -> bool {
        matches!(self.state, State::Doubtful | State::Stranger)
    }
}
