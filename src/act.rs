//! From a decision to an act: when to notify, when to lock, and what guests and pauses suppress. Pure: what happened goes
//! in, what is to be done comes out.
//!
//! The rules: the session is locked once an alarm, at the lock threshold, and never again before it was unlocked; never
//! while an alarm is contested, a guest is there or capture is paused. That nothing locked is said once an alarm. An
//! unlock answers an alarm only after a lock was heard: otherwise anybody at the open session could feign one.

pub mod ports;
pub mod span;

use crate::event::{Control, Micros};
use crate::recognition::coarse::Decision;
use crate::recognition::{Reason, State};
use ports::{Answer, Heard, Locked, Notice};

/// What is done at an alarm (`decision.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It is recorded and published.
    #[default]
    Observe,
    /// A notice asks whether it is the owner, too.
    Notify,
    /// The session is locked, too.
    Lock,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Observe, Mode::Notify, Mode::Lock];

    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Observe => "observe",
            Mode::Notify => "notify",
            Mode::Lock => "lock",
        }
    }

    pub fn named(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether whoever speaks for the owner has to prove it: where the machine locks, who has just sat down at it would
    /// do so first of all.
    pub fn needs_authority(self) -> bool {
        self == Mode::Lock
    }
}

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
    /// Replaces the notice that is shown.
    Show(Notice),
    Withdraw,
    /// The session is to be locked, and what came of it reported by [`Act::locked`].
    Lock,
    /// A decision record in which the state stays; the journal says the same.
    Record(Reason),
}

/// A request to lock that nobody has answered yet, or that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    Pending,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Alarm {
    contested: bool,
}

/// The rules, and what they have to remember.
#[derive(Debug)]
pub struct Act {
    mode: Mode,
    alarm: Option<Alarm>,
    is_locked: bool,
    request: Request,
    guest_until_us: Option<Micros>,
    paused_until_us: Option<Micros>,
    shown: Option<Notice>,
}

impl Act {
    pub fn new(mode: Mode) -> Act {
        Act {
            mode,
            alarm: None,
            is_locked: false,
            request: Request::None,
            guest_until_us: None,
            paused_until_us: None,
            shown: None,
        }
    }

    /// Goes on from where recognition and the pause of the process before have been left.
    pub fn resume(
        &mut self,
        state: State,
        guest_until_us: Option<Micros>,
        paused_until_us: Option<Micros>,
        mut out: impl FnMut(Deed),
    ) {
        // Whether it is contested is forgotten here; recognition, which locks, still knows.
        self.alarm = (state == State::Stranger).then_some(Alarm { contested: false });
        self.guest_until_us = guest_until_us.filter(|_| state == State::Guest);
        self.paused_until_us = paused_until_us;
        if paused_until_us.is_some() {
            out(Deed::Pause);
        }
        self.settle(&mut out);
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the session is locked, as far as it was heard.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Whether this alarm's lock threshold was reached and nothing locked.
    pub fn has_failed(&self) -> bool {
        self.request == Request::Failed
    }

    pub fn guest_until_us(&self) -> Option<Micros> {
        self.guest_until_us
    }

    pub fn paused_until_us(&self) -> Option<Micros> {
        self.paused_until_us
    }

    /// When [`Act::tick`] has something to do.
    pub fn due_us(&self) -> Option<Micros> {
        self.guest_until_us.into_iter().chain(self.paused_until_us).min()
    }

    /// Recognition has decided.
    pub fn decided(&mut self, decision: &Decision, mut out: impl FnMut(Deed)) {
        let Decision { from, to, reason, .. } = *decision;
        match (from, to) {
            (State::Stranger, State::Stranger) if reason == Reason::Lock => self.lock_at_threshold(&mut out),
            (State::Stranger, State::Stranger) => {}
            (_, State::Stranger) => self.alarm = Some(Alarm { contested: reason == Reason::Contested }),
            (State::Stranger, _) => self.end_alarm(),
            (State::Guest, _) if to != State::Guest => self.guest_until_us = None,
            _ => {}
        }
        self.settle(&mut out);
    }

    fn lock_at_threshold(&mut self, out: &mut impl FnMut(Deed)) {
        let may = self.mode == Mode::Lock
            && self.alarm.is_some_and(|alarm| !alarm.contested)
            && self.guest_until_us.is_none()
            && self.paused_until_us.is_none();
        if may && self.request == Request::None {
            self.lock(out);
        }
    }

    fn lock(&mut self, out: &mut impl FnMut(Deed)) {
        if !self.is_locked && self.request != Request::Pending {
            self.request = Request::Pending;
            out(Deed::Lock);
        }
    }

    fn end_alarm(&mut self) {
        self.alarm = None;
        if self.request == Request::Failed {
            self.request = Request::None;
        }
    }

    /// What came of [`Deed::Lock`].
    pub fn locked(&mut self, locked: &Locked, mut out: impl FnMut(Deed)) {
        // Meanwhile the session may have been unlocked again.
        if self.request != Request::Pending {
            return;
        }
        // It may have been heard later than it was waited for.
        if locked.evidence.is_some() || self.is_locked {
            self.request = Request::None;
            out(Deed::Record(Reason::Locked));
            self.note_locked(&mut out);
        } else {
            self.request = Request::Failed;
            out(Deed::Record(Reason::NotLocked));
        }
        self.settle(&mut out);
    }

    fn note_locked(&mut self, out: &mut impl FnMut(Deed)) {
        if !self.is_locked {
            self.is_locked = true;
            out(Deed::Tell(Control::Lock));
        }
    }

    /// The desk tells something.
    pub fn heard(&mut self, heard: Heard, mut out: impl FnMut(Deed)) {
        match heard {
            Heard::Locked => self.note_locked(&mut out),
            Heard::Unlocked if self.is_locked => {
                self.is_locked = false;
                self.request = Request::None;
                out(Deed::Tell(Control::Unlock));
            }
            Heard::Answered(Answer::ItIsMe) => {
                out(if self.mode.needs_authority() { Deed::Prove } else { Deed::Confirm });
            }
            // By whoever is there, so no rule but that it is not locked already.
            Heard::Answered(Answer::Lock) => self.lock(&mut out),
            Heard::Unlocked | Heard::Sleep | Heard::Woke => {}
        }
        self.settle(&mut out);
    }

    /// A guest comes, by the word of whoever may say so.
    pub fn guest(&mut self, until_us: Micros, mut out: impl FnMut(Deed)) {
        self.guest_until_us = Some(until_us);
        self.end_alarm();
        out(Deed::Tell(Control::Guest { until_us }));
        self.settle(&mut out);
    }

    /// The guest has gone before the time; `false` if there is none.
    pub fn end_guest(&mut self, now_us: Micros, mut out: impl FnMut(Deed)) -> bool {
        let was_there = self.guest_until_us.take().is_some();
        if was_there {
            out(Deed::Tell(Control::Guest { until_us: now_us }));
            out(Deed::EndGuest);
            self.settle(&mut out);
        }
        was_there
    }

    /// Nothing is captured until then, by the word of whoever may say so.
    pub fn pause(&mut self, until_us: Micros, mut out: impl FnMut(Deed)) {
        if self.paused_until_us.replace(until_us).is_none() {
            out(Deed::Pause);
        }
        out(Deed::Record(Reason::Pause));
        self.settle(&mut out);
    }

    /// Capture goes on before the time; `false` if it was not paused.
    pub fn end_pause(&mut self, mut out: impl FnMut(Deed)) -> bool {
        let was_paused = self.paused_until_us.take().is_some();
        if was_paused {
            out(Deed::Resume);
            out(Deed::Record(Reason::PauseEnd));
            self.settle(&mut out);
        }
        was_paused
    }

    /// It is `now`: ends what is over.
    pub fn tick(&mut self, now_us: Micros, mut out: impl FnMut(Deed)) {
        if self.guest_until_us.take_if(|until_us| *until_us <= now_us).is_some() {
            out(Deed::EndGuest);
        }
        if self.paused_until_us.is_some_and(|until_us| until_us <= now_us) {
            self.end_pause(&mut out);
        }
        self.settle(&mut out);
    }

    /// Nothing came of an answer to the notice, which is gone: it is shown again.
    pub fn not_proved(&mut self, mut out: impl FnMut(Deed)) {
        self.shown = None;
        self.settle(&mut out);
    }

    /// Shows the notice that fits, if it is not there already.
    fn settle(&mut self, out: &mut impl FnMut(Deed)) {
        let notice = self.notice();
        if notice == self.shown {
            return;
        }
        self.shown = notice;
        out(notice.map_or(Deed::Withdraw, Deed::Show));
    }

    fn notice(&self) -> Option<Notice> {
        if self.mode == Mode::Observe {
            return None;
        }
        let of_alarm = |Alarm { contested }| match self.request {
            Request::Failed => Notice::NothingLocked,
            Request::None | Request::Pending => Notice::Alarm { contested },
        };
        let paused = self.paused_until_us.map(|until_us| Notice::Paused { until_us });
        let guest = self.guest_until_us.map(|until_us| Notice::Guest { until_us });
        // The button may be pressed where there is no alarm any more, and still the failure has to be said.
        let failed = self.has_failed().then_some(Notice::NothingLocked);
        paused.or(guest).or(self.alarm.map(of_alarm)).or(failed)
    }
}

#[cfg(test)]
mod tests;
