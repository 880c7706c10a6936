//! What the rules go on from, and what comes of them.

use super::board::Info;
use super::ports::Notice;
use crate::event::{Control, Micros};
use crate::recognition::{Reason, State};

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Recognition is to be told.
    Tell(Control),
    /// It was the owner, as a button says: recognition is to be told, if there is an alarm.
    Confirm,
    /// Whoever is at the session has to give the account's password; then as [`Deed::Confirm`].
    Prove,
    /// The guest's time is over: recognition is to be told the time.
    EndGuest,
    /// Nothing is to be captured from now on.
    Pause,
    Resume,
    /// Replaces the question that is shown.
    Show(Notice),
    Withdraw,
    /// Whoever is at the session is to know this.
    Inform(Info),
    /// The session is to be locked, and what came of it reported by [`Act::locked`].
    Lock,
    /// A decision record in which the state stays; the journal says the same.
    Record(Reason),
}

/// What recognition knows, as far as it concerns the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub state: State,
    /// The alarm has reached its lock threshold and is not contested.
    pub is_due: bool,
    pub guest_until_us: Option<Micros>,
}
