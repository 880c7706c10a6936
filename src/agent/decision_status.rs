//! What is done at an alarm, and what suppresses it at present: for `status`, `doctor` and whoever watches.

use crate::act::{Act, Mode};
use crate::event::Micros;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecisionStatus {
    /// `observe`, `notify` or `lock`.
    pub mode: String,
    /// `notify.decisions` is off: no notice is shown at an alarm.
    pub notices_off: bool,
    /// Whether the session is locked, as far as it was heard.
    pub locked: bool,
    /// This alarm's lock threshold was reached, and nothing locked the session.
    pub not_locked: bool,
    /// Nothing is judged or learnt until then.
    pub guest_until_us: Option<Micros>,
    /// Nothing is captured until then.
    pub paused_until_us: Option<Micros>,
}

impl DecisionStatus {
    /// `notices`: whether any are shown at an alarm.
    pub fn new(act: &Act, notices: bool) -> DecisionStatus {
        DecisionStatus {
            mode: act.mode().name().into(),
            notices_off: !notices,
            locked: act.is_locked(),
            not_locked: act.has_failed(),
            guest_until_us: act.guest_until_us(),
            paused_until_us: act.paused_until_us(),
        }
    }

    /// `None`: of an agent of another version.
    pub fn known_mode(&self) -> Option<Mode> {
        Mode::named(&self.mode)
    }
}
