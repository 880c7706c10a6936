//! Notices that ask nothing, on the session's bus. When which of them is shown [`Board`] decides; here they are brought to
//! the screen, each in its topic's place, and none in the place of a question or of another topic.

use super::notices::{Manner, Shown, post};
use crate::act::board::{Board, Info, Pace, Topic};
use crate::act::ports::Words;
use crate::dbus::connection::{Bus, CallError};
use crate::event::Micros;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};
use zbus::Message;

/// The urgencies of the specification.
const LOW: u8 = 0;
const NORMAL: u8 = 1;
/// How long they are shown.
const EXPIRY_MS: i32 = 10_000;

#[derive(Debug)]
pub struct Informing {
    begun: Instant,
    state: Mutex<State>,
    changed: Notify,
    /// Something was shown.
    shown: Notify,
}

#[derive(Debug)]
struct State {
    board: Board,
    /// Of each topic's newest state.
    words: BTreeMap<Topic, Words>,
    /// What the next of its topic replaces.
    shown: BTreeMap<Topic, Shown>,
}

impl Informing {
    pub fn new(pace: Pace) -> Informing {
        let state = State { board: Board::new(pace), words: BTreeMap::new(), shown: BTreeMap::new() };
        Informing {
            begun: Instant::now(),
            state: Mutex::new(state),
            changed: Notify::default(),
            shown: Notify::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> Micros {
        Micros::try_from(self.begun.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    pub fn tell(&self, info: Info, words: Words) {
        let mut state = self.state();
        state.board.set(self.now_us(), info);
        state.words.insert(info.topic(), words);
        self.changed.notify_one();
    }

    fn due(&self) -> Option<Instant> {
        let due_us = self.state().board.due_us()?;
        Some(self.begun + Duration::from_micros(due_us.max(0).unsigned_abs()))
    }

    /// Waits until there is something to show.
    pub async fn first_needed(&self) {
        while self.next().is_none() {
            self.wait().await;
        }
    }

    /// Completes once nothing is to be shown at present.
    pub async fn settled(&self) {
        loop {
            let shown = self.shown.notified();
            if self.state().board.is_settled(self.now_us()) {
                return;
            }
            shown.await;
        }
    }

    /// What is to be shown now, and the number of the notice that it replaces.
    fn next(&self) -> Option<(Info, Words, u32)> {
        let state = self.state();
        let info = state.board.next(self.now_us())?;
        let words = state.words.get(&info.topic())?.clone();
        let replaces = state.shown.get(&info.topic()).map_or(0, |shown| shown.id);
        Some((info, words, replaces))
    }

    /// Waits until there may be something else to do.
    async fn wait(&self) {
        let due = self.due();
        tokio::select! {
            () = self.changed.notified() => {}
            () = sleep_until(due.unwrap_or(self.begun)), if due.is_some() => {}
        }
    }

    /// Shows what is to be shown, whenever there is something.
    pub async fn follow(&self, bus: &Bus) {
        loop {
            match self.show_all(bus).await {
                Ok(()) => self.wait().await,
                // Whoever comes to show notices is heard.
                Err(NobodyThere) => self.changed.notified().await,
            }
        }
    }

    async fn show_all(&self, bus: &Bus) -> Result<(), NobodyThere> {
        while let Some((info, words, replaces)) = self.next() {
            let urgency = if info.is_failure() { NORMAL } else { LOW };
            let manner = Manner { replaces, urgency, stays: false, expiry_ms: EXPIRY_MS };
            self.state().board.begin(self.now_us(), info);
            let answer = post(bus, &words, manner).await;
            let answer = answer.inspect_err(|error| tracing::debug!("a notice is not shown: {error}"));
            self.take_answer(info, answer)?;
        }
        Ok(())
    }

    fn take_answer(&self, info: Info, answer: Result<Shown, CallError>) -> Result<(), NobodyThere> {
        let mut state = self.state();
        match answer {
            Err(CallError::Nobody(_)) => {
                state.board.not_shown(info);
                return Err(NobodyThere);
            }
            // It may be on the screen.
            Err(CallError::NoBus { .. }) => return Ok(()),
            // One that was refused or not answered is not worth a second one.
            Err(_) => drop(state.shown.remove(&info.topic())),
            Ok(shown) => drop(state.shown.insert(info.topic(), shown)),
        }
        state.board.shown(self.now_us(), info);
        self.shown.notify_waiters();
        Ok(())
    }

    /// A notice that was closed has no place any more.
    pub fn closed(&self, signal: &Message) {
        self.state().shown.retain(|_, shown| !shown.is_closed_by(signal));
    }

    /// Whoever has shown notices has ended or begun, or may have meanwhile: numbers are of other notices by now.
    pub fn lost(&self) {
        self.state().shown.clear();
        self.changed.notify_one();
    }
}

struct NobodyThere;
