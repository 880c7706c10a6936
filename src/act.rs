//! From a decision to an act: when to notify, when to lock, and what guests and pauses suppress. Pure: what happened goes
//! in, what is to be done comes out. Which of the notices that ask nothing are shown, and when, decides [`board`].
//!
//! The rules: the session is locked at the lock threshold of an alarm, and not again in that alarm before it was unlocked;
//! never while an alarm is contested, a guest is there or capture is paused. Where nothing locked it is tried again as long
//! as the alarm lasts and there is input, and reported once an alarm. A lock that was only heard prevents no request: the
//! account could feign it, and a screen that is really locked gets no second locker. An unlock answers an alarm only after
//! a lock was heard: otherwise anybody at the open session could feign one. While the session is locked nobody is judged:
//! at the lock screen anybody may type, so the case that an unlock answers ends with the lock.

pub mod board;
mod deed;
mod mode;
pub mod ports;
pub mod span;

use crate::event::{Control, Micros};
use crate::recognition::coarse::Decision;
use crate::recognition::{Reason, State};
use board::Info;
pub use deed::{Deed, Known};
pub use mode::Mode;
use ports::{Answer, Heard, Locked, Notice};
use span::End;

/// The newest request to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    /// Nobody has answered it yet.
    Pending {
        by_button: bool,
    },
    Failed {
        at_us: Micros,
    },
    /// The session is verifiably locked.
    Locked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Alarm {
    contested: bool,
    /// Its lock threshold was reached.
    is_due: bool,
}

/// Between two attempts to lock where nothing does.
const RETRY_US: Micros = 60_000_000;

/// The rules, and what they have to remember.
#[derive(Debug)]
pub struct Act {
    mode: Mode,
    alarm: Option<Alarm>,
    is_locked: bool,
    request: Request,
    /// It was reported that nothing locked, and that is still so.
    has_failed: bool,
    guest: Option<End>,
    pause: Option<End>,
    /// Nothing could ask for the password when the button of this alarm's notice was pressed.
    cannot_ask: bool,
    shown: Option<Notice>,
    /// What was last said of pauses and guests.
    said: [Info; 2],
}

impl Act {
    pub fn new(mode: Mode) -> Act {
        Act {
            mode,
            alarm: None,
            is_locked: false,
            request: Request::None,
            has_failed: false,
            guest: None,
            pause: None,
            cannot_ask: false,
            shown: None,
            said: [Info::Resumed, Info::GuestGone],
        }
    }

    /// Goes on from where the process before has been left. Of a pause or a guest that is still there nobody is informed
    /// again: a process that is restarted over and over would do so each time.
    pub fn resume(&mut self, now_us: Micros, known: Known, paused_until_us: Option<Micros>, mut out: impl FnMut(Deed)) {
        self.take_known(now_us, known);
        self.pause = paused_until_us.map(|until_us| End::new(now_us, until_us));
        self.said = self.suppressing();
        if self.pause.is_some() {
            out(Deed::Pause);
        }
        self.lock_if_due(None, &mut out);
        self.settle(&mut out);
    }

    /// Recognition goes on from something else.
    pub fn replaced(&mut self, now_us: Micros, known: Known, mut out: impl FnMut(Deed)) {
        self.take_known(now_us, known);
        self.lock_if_due(None, &mut out);
        self.settle(&mut out);
    }

    fn take_known(&mut self, now_us: Micros, Known { state, is_due, guest_until_us }: Known) {
        match state {
            // Whether it is contested is forgotten here; recognition, which locks, still knows.
            State::Stranger => self.alarm = Some(Alarm { contested: false, is_due }),
            _ => self.end_alarm(),
        }
        let guest_until_us = guest_until_us.filter(|_| state == State::Guest);
        self.guest = guest_until_us.map(|until_us| End::new(now_us, until_us));
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the session is locked, as far as it was heard: nobody is to be judged.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Whether this alarm's lock threshold was reached and nothing locked.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub fn guest_until_us(&self) -> Option<Micros> {
        self.guest.map(End::us)
    }

    pub fn paused_until_us(&self) -> Option<Micros> {
        self.pause().map(End::us)
    }

    pub fn pause(&self) -> Option<End> {
        self.pause
    }

    /// When [`Act::tick`] has something to do, unless the clock is set before.
    pub fn due_us(&self) -> Option<Micros> {
        self.guest_until_us().into_iter().chain(self.paused_until_us()).min()
    }

    /// Recognition has decided.
    pub fn decided(&mut self, decision: &Decision, mut out: impl FnMut(Deed)) {
        let Decision { from, to, reason, .. } = *decision;
        match (from, to) {
            (State::Stranger, State::Stranger) => {
                if let Some(alarm) = self.alarm.as_mut().filter(|_| reason == Reason::Lock) {
                    alarm.is_due = true;
                    self.lock_if_due(None, &mut out);
                }
            }
            (_, State::Stranger) => self.begin_alarm(reason == Reason::Contested),
            (State::Stranger, _) => self.end_alarm(),
            (State::Guest, _) if to != State::Guest => self.guest = None,
            _ => {}
        }
        self.settle(&mut out);
    }

    /// An interval with input, which ended then, was judged.
    pub fn judged(&mut self, end_us: Micros, mut out: impl FnMut(Deed)) {
        self.lock_if_due(Some(end_us), &mut out);
    }

    /// `now_us`: where an earlier failure may be over.
    fn lock_if_due(&mut self, now_us: Option<Micros>, out: &mut impl FnMut(Deed)) {
        let may = self.mode == Mode::Lock
            && self.alarm.is_some_and(|alarm| alarm.is_due && !alarm.contested)
            && self.guest.is_none()
            && self.pause.is_none();
        // The clock may have been set back.
        let is_over = |at_us: Micros| now_us.is_some_and(|now_us| now_us.abs_diff(at_us) >= RETRY_US.unsigned_abs());
        match self.request {
            Request::None if may => self.lock(false, out),
            Request::Failed { at_us } if may && is_over(at_us) => self.lock(false, out),
            _ => {}
        }
    }

    fn lock(&mut self, by_button: bool, out: &mut impl FnMut(Deed)) {
        self.request = Request::Pending { by_button };
        out(Deed::Lock);
    }

    fn begin_alarm(&mut self, contested: bool) {
        self.alarm = Some(Alarm { contested, is_due: false });
        (self.has_failed, self.cannot_ask) = (false, false);
        // An unlock may have gone unheard. Whether the session is still locked is found out when it is to be locked.
        if !matches!(self.request, Request::Pending { .. }) {
            self.request = Request::None;
        }
    }

    fn end_alarm(&mut self) {
        self.alarm = None;
        self.has_failed = false;
        self.request = match self.request {
            Request::Failed { .. } => Request::None,
            // What it was asked for is over.
            Request::Pending { .. } => Request::Pending { by_button: false },
            request => request,
        };
    }

    /// What came of [`Deed::Lock`], at this moment; `false`: it is nothing to report.
    pub fn locked(&mut self, now_us: Micros, locked: &Locked, mut out: impl FnMut(Deed)) -> bool {
        // Meanwhile the session may have been heard to be locked, and unlocked again.
        let Request::Pending { by_button } = self.request else { return false };
        let is_locked = locked.evidence.is_some();
        let is_awaited = by_button || self.alarm.is_some_and(|alarm| alarm.is_due);
        let is_news = is_locked || is_awaited && !self.has_failed;
        match (is_locked, is_awaited) {
            (true, _) => self.take_lock(&mut out),
            (false, true) => self.request = Request::Failed { at_us: now_us },
            (false, false) => self.request = Request::None,
        }
        if is_news && !is_locked {
            self.has_failed = true;
            out(Deed::Record(Reason::NotLocked));
        }
        self.settle(&mut out);
        is_news
    }

    /// What was asked for is so.
    fn take_lock(&mut self, out: &mut impl FnMut(Deed)) {
        self.request = Request::Locked;
        self.has_failed = false;
        out(Deed::Record(Reason::Locked));
        self.begin_lock(out);
    }

    fn begin_lock(&mut self, out: &mut impl FnMut(Deed)) {
        if !std::mem::replace(&mut self.is_locked, true) {
            out(Deed::Tell(Control::Lock));
        }
    }

    fn hear_lock(&mut self, out: &mut impl FnMut(Deed)) {
        match self.request {
            _ if self.is_locked => {}
            // A locker may be slower than it was waited for.
            Request::Pending { .. } | Request::Failed { .. } => self.take_lock(out),
            Request::None | Request::Locked => self.begin_lock(out),
        }
    }

    fn hear_unlock(&mut self, out: &mut impl FnMut(Deed)) {
        if self.end_lock() {
            out(Deed::Tell(Control::Unlock));
        }
    }

    /// Whether it was locked. Without an unlock the alarm is as it was, and locks again.
    fn end_lock(&mut self) -> bool {
        let was_locked = std::mem::take(&mut self.is_locked);
        if was_locked {
            (self.request, self.has_failed) = (Request::None, false);
        }
        was_locked
    }

    /// The desk tells something.
    pub fn heard(&mut self, heard: Heard, mut out: impl FnMut(Deed)) {
        match heard {
            Heard::Locked => self.hear_lock(&mut out),
            Heard::Unlocked => self.hear_unlock(&mut out),
            Heard::Ended => drop(self.end_lock()),
            Heard::Answered(Answer::ItIsMe) => {
                out(if self.mode.needs_authority() { Deed::Prove } else { Deed::Confirm });
            }
            // By whoever is there, so no rule but that it is not being locked already.
            Heard::Answered(Answer::Lock) => {
                if !matches!(self.request, Request::Pending { .. }) {
                    self.has_failed = false;
                    self.lock(true, &mut out);
                }
            }
        }
        self.settle(&mut out);
    }

    /// A guest comes, by the word of whoever may say so.
    pub fn guest(&mut self, now_us: Micros, until_us: Micros, mut out: impl FnMut(Deed)) {
        let was_there = self.guest.replace(End::new(now_us, until_us)).is_some();
        self.end_alarm();
        out(Deed::Tell(Control::Guest { until_us }));
        if was_there {
            // The state stays, so that recognition has nothing to report.
            out(Deed::Record(Reason::Guest));
        }
        self.settle(&mut out);
    }

    /// The guest has gone before the time; `false` if there is none.
    pub fn end_guest(&mut self, now_us: Micros, mut out: impl FnMut(Deed)) -> bool {
        let was_there = self.guest.take().is_some();
        if was_there {
            out(Deed::Tell(Control::Guest { until_us: now_us }));
            out(Deed::EndGuest);
            self.settle(&mut out);
        }
        was_there
    }

    /// Nothing is captured until then, by the word of whoever may say so.
    pub fn begin_pause(&mut self, now_us: Micros, until_us: Micros, mut out: impl FnMut(Deed)) {
        if self.pause.replace(End::new(now_us, until_us)).is_none() {
            out(Deed::Pause);
        }
        out(Deed::Record(Reason::Pause));
        self.settle(&mut out);
    }

    /// Capture goes on before the time; `false` if it was not paused.
    pub fn end_pause(&mut self, mut out: impl FnMut(Deed)) -> bool {
        let was_paused = self.pause.take().is_some();
        if was_paused {
            out(Deed::Resume);
            out(Deed::Record(Reason::PauseEnd));
            self.settle(&mut out);
        }
        was_paused
    }

    /// It is `now`: ends what is over.
    pub fn tick(&mut self, now_us: Micros, mut out: impl FnMut(Deed)) {
        if let Some(end) = self.guest.take_if(|end| end.is_reached(now_us)) {
            if end.is_moved() {
                // Recognition knows of the later end that was ordered.
                out(Deed::Tell(Control::Guest { until_us: now_us }));
            }
            out(Deed::EndGuest);
        }
        if self.pause.is_some_and(|end| end.is_reached(now_us)) {
            self.end_pause(&mut out);
        }
        self.settle(&mut out);
    }

    /// The wall clock was set and shows `now`: what suppresses ends 12 hours from now at the latest.
    pub fn clock_set(&mut self, now_us: Micros, out: impl FnMut(Deed)) {
        self.guest.iter_mut().chain(&mut self.pause).for_each(|end| end.clock_set(now_us));
        self.tick(now_us, out);
    }

    /// Nothing came of an answer to the notice, which is gone: it is shown again. `cannot_ask`: nothing here can ask for the
    /// password, so that the notice says what to do instead.
    pub fn not_proved(&mut self, cannot_ask: bool, mut out: impl FnMut(Deed)) {
        self.cannot_ask |= cannot_ask;
        self.shown = None;
        self.settle(&mut out);
    }

    /// Says what is new of pauses and guests, and shows the question that fits, if it is not there already.
    fn settle(&mut self, out: &mut impl FnMut(Deed)) {
        let suppressing = self.suppressing();
        for (said, info) in self.said.iter_mut().zip(suppressing) {
            if std::mem::replace(said, info) != info {
                out(Deed::Inform(info));
            }
        }
        let notice = self.notice();
        if notice == self.shown {
            return;
        }
        self.shown = notice;
        out(notice.map_or(Deed::Withdraw, Deed::Show));
    }

    /// What is so of pauses and guests.
    fn suppressing(&self) -> [Info; 2] {
        let pause = self.paused_until_us().map_or(Info::Resumed, |until_us| Info::Paused { until_us });
        let guest = self.guest_until_us().map_or(Info::GuestGone, |until_us| Info::Guest { until_us });
        [pause, guest]
    }

    fn notice(&self) -> Option<Notice> {
        let is_suppressed = self.pause.is_some() || self.guest.is_some();
        if self.mode == Mode::Observe || is_suppressed {
            return None;
        }
        let can_ask = !self.cannot_ask;
        let alarm = self.alarm.map(|alarm| Notice::Alarm { contested: alarm.contested, can_ask });
        // The button may be pressed where there is no alarm any more, and still the failure has to be reported.
        let failed = self.has_failed.then_some(Notice::NothingLocked { can_ask });
        failed.or(alarm)
    }
}

#[cfg(test)]
mod tests;
