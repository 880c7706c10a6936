//! What suppresses acting in the course of time: the pause that the process before has left, when pauses and guests end,
//! what a clock that is set does to them, and what of it the next process finds.

use super::Agent;
use super::control::{Answer, Client};
use super::desk::Desk;
use super::keeper::Keeper;
use crate::act::span::{BadEnd, End, check};
use crate::act::{Act, Deed, Known, Mode};
use crate::event::Micros;
use crate::local_time::local_clock;
use crate::recognition::{Reason, State};
use crate::record::json::iso8601;
use crate::store::{Store, StoreError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a client's answer waits for its pause to be stored.
const STORING_LIMIT: Duration = Duration::from_secs(1);

/// What the process before has left of a pause.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    now_us: Micros,
    until_us: Option<Micros>,
}

impl Left {
    /// # Errors
    /// The database cannot be read.
    pub async fn find(
        now_us: Micros,
        mode: Mode,
        keeper: Option<&Keeper>,
        store: Option<&Store>,
    ) -> Result<Left, StoreError> {
        let of_process = keeper.and_then(|keeper| keeper.paused_until_us);
        let until_us = match store {
            // Where the machine is locked a pause needs the password, and any program of the account may write to the
            // database.
            Some(store) if of_process.is_none() && mode != Mode::Lock => store.paused_until_us().await?,
            _ => of_process,
        };
        Ok(Left { now_us, until_us })
    }

    /// The end that is still to come. One that is farther away than any is of a clock that was ahead, or now is behind.
    fn lasting(self) -> Option<Micros> {
        self.until_us.filter(|&until_us| check(self.now_us, until_us) != Err(BadEnd::Past))
    }

    /// Whether capture is to begin in a pause.
    pub fn lasts(self) -> bool {
        self.lasting().is_some()
    }
}

impl<D: Desk> Agent<D> {
    /// Goes on from where the process before has been left. Where its pause lasts, no device has been opened.
    pub(super) fn resume(&mut self, left: Left) {
        let known = self.known();
        self.acting.take(|act, out| act.resume(left.now_us, known, left.lasting(), out));
        self.carry_out();
        match (self.acting.act.pause(), left.until_us) {
            (Some(end), _) => {
                let until = local_clock(end.us());
                if end.is_moved() {
                    let ordered = iso8601(end.ordered_us());
                    tracing::warn!(
                        "the clock is behind: still paused until {until}, or until {ordered} once it is right"
                    );
                } else {
                    tracing::info!("still paused until {until}");
                }
                self.audit(Reason::Pause.name(), format!("lasts until {}", iso8601(end.us())));
            }
            (None, Some(until_us)) => {
                tracing::info!("a pause ended while no agent ran, at {}", iso8601(until_us));
                self.record(left.now_us, Reason::PauseEnd);
                self.remember_pause_soon();
            }
            (None, None) => {}
        }
    }

    fn known(&self) -> Known {
        let recognition = self.feed.recogniser.as_ref().map(|recogniser| &recogniser.recognition);
        Known {
            state: recognition.map_or(State::Learning, |recognition| recognition.score().state),
            is_due: recognition.is_some_and(|recognition| recognition.is_lock_due()),
            guest_until_us: recognition.and_then(|recognition| recognition.guest_until_us()),
        }
    }

    /// What recognition knows is not what the rules have been told.
    pub(super) fn go_on_from_recognition(&mut self) {
        let (now_us, known) = (self.capture.now_us(), self.known());
        self.acting.take(|act, out| act.replaced(now_us, known, out));
    }

    /// When a guest's time or a pause ends, on this machine's own clock, if one does.
    pub(super) fn end_of_suppression(&self) -> Option<Instant> {
        let left_us = self.acting.act.due_us()? - self.capture.now_us();
        Some(Instant::now() + Duration::from_micros(left_us.max(0).unsigned_abs()))
    }

    pub(super) fn end_suppression(&mut self) {
        self.let_time_pass(|act, now_us, out| act.tick(now_us, out));
    }

    /// The wall clock was set, or may have been.
    pub(super) fn take_set_clock(&mut self) {
        let before_us = self.acting.act.paused_until_us();
        self.let_time_pass(|act, now_us, out| act.clock_set(now_us, out));
        if let Some(until_us) =
            self.acting.act.paused_until_us().filter(|_| before_us != self.acting.act.paused_until_us())
        {
            tracing::info!("the clock was set: paused until {}", local_clock(until_us));
        }
    }

    fn let_time_pass(&mut self, pass: impl FnOnce(&mut Act, Micros, &mut dyn FnMut(Deed))) {
        let (now_us, was_paused) = (self.capture.now_us(), self.acting.act.pause().is_some());
        self.acting.take(|act, out| pass(act, now_us, out));
        self.carry_out();
        if was_paused && self.acting.act.pause().is_none() {
            self.remember_pause_soon();
        }
    }

    /// Answers once the next process would find the pause, or that there is none, and says so if it may not.
    pub(super) fn answer_once_remembered(&mut self, client: Client, done: String) {
        // The live state is written by what is carried out.
        self.carry_out();
        let remembered = self.remember_pause();
        client.answer_later(async move {
            Answer::Done(match remembered.await {
                Ok(()) => done,
                Err(trouble) => format!("{done}; {trouble}"),
            })
        });
    }

    /// Without anybody who waits for it; what fails is logged.
    fn remember_pause_soon(&self) {
        drop(tokio::spawn(self.remember_pause()));
    }

    /// Has the pause stored as it was ordered, or that there is none: each process moves the end as its own clock demands.
    /// Where the machine is locked the database is not asked for it, and the live state has to do.
    fn remember_pause(&self) -> impl Future<Output = Result<(), String>> + Send + 'static {
        let (pause, is_locking) = (self.acting.act.pause(), self.acting.act.mode() == Mode::Lock);
        let of_database = pause.filter(|_| !is_locking).map(End::ordered_us);
        let stored = self.outlet.store.as_ref().map(|store| store.keep_pause(of_database));
        let is_by_live_state = is_locking || stored.is_none();
        let without_live_state = pause.and_then(|_| self.live_state_trouble());
        async move {
            let in_database = match stored {
                None => None,
                Some(stored) => match timeout(STORING_LIMIT, stored).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the database has not answered yet".into()),
                },
            };
            let trouble = if is_by_live_state { without_live_state } else { in_database };
            let Some(trouble) = trouble else { return Ok(()) };
            let text = match pause {
                Some(_) => format!("the pause is not stored, so a restart of the agent may end it: {trouble}"),
                None => format!("its end is not stored, so a restart of the agent may pause again: {trouble}"),
            };
            tracing::warn!("{text}");
            Err(text)
        }
    }

    /// Why the next process would not find a pause in the live state, if it would not.
    fn live_state_trouble(&self) -> Option<String> {
        match &self.keeper {
            Some(keeper) => keeper.live_state_trouble(),
            None => Some("in mode `lock` it is in the live state of recognition, which is off".into()),
        }
    }
}
