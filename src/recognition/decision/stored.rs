//! What is stored and published of what is learnt. It must not depend on whether a case happens to be open at the moment,
//! because that depends on what was typed last: so an open case below doubt is the owner's already.

use super::Decision;
use crate::recognition::keys::SavedKeys;
use crate::recognition::mouse::{Level, Owner, Vector};
use crate::recognition::state::State;

impl Decision {
    /// Of the keys. The kept trees themselves get a stroke later, once nothing before it is open.
    pub fn stored_keys(&self) -> SavedKeys {
        self.undecided.stored(!self.is_doubted(), &self.keys)
    }

    /// Of the mouse: its model and the owner's level.
    pub fn stored_mouse(&self) -> (Owner, Level) {
        let (mut owner, mut level) = (self.owner.clone(), self.level);
        for (vector, odds) in self.open_actions() {
            owner.learn(vector);
            if let Some(odds) = *odds {
                level.learn(odds);
            }
        }
        (owner, level)
    }

    /// Actions of the mouse, a fraction once the past has faded.
    pub fn learnt_actions(&self) -> f64 {
        self.owner.actions() + self.open_actions().count() as f64
    }

    fn open_actions(&self) -> impl Iterator<Item = &(Vector, Option<f64>)> {
        let is_doubted = self.is_doubted();
        self.case.actions().filter(move |_| !is_doubted)
    }

    fn is_doubted(&self) -> bool {
        matches!(self.state, State::Doubtful | State::Stranger)
    }
}
