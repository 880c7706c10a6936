//! The decision: one sum for keys and mouse, five states, and what is learnt.
//!
//! The sum is Page's test: what speaks against the owner adds up and never falls below 0. A stroke adds the allowance
//! less its score, an action of the mouse what it changed the mouse's log odds by. Where the sum falls to 0 the case is
//! closed in the owner's favour: what it held is learnt, and a new stranger begins. Equations and the origin of the
//! constants: docs/recognition.md.

mod case;
mod mouse;
mod stored;
mod undecided;

use super::coarse;
use super::keys::{Model, Stroke};
use super::mouse::{CALIBRATION, Vector};
use super::state::{Modality, Readiness, Reason, Settings, State};
use crate::event::Micros;
use case::{Case, Item};
pub use mouse::Learnt;
use mouse::Mouse;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use undecided::Undecided;

/// A stroke adds this less its score: silence counts against. At 0, 3 % of strangers are never found; at 0.12 owners climb.
const ALLOWANCE: f64 = 0.06;
/// Items in a row below doubt after which a stranger is held to have gone.
const CALM: u32 = 200;

/// A change of state, with the time of what caused it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub ts_us: Micros,
    pub from: State,
    pub to: State,
    pub reason: Reason,
    /// `None` where no evidence decided.
    pub modality: Option<Modality>,
}

impl Change {
    /// What may be published of it.
    pub fn coarse(&self) -> coarse::Decision {
        let Change { from, to, reason, modality, .. } = *self;
        coarse::Decision { from, to, reason, modality }
    }
}

/// Serialized it is a snapshot. Of the strokes of the open case and of the present line nothing is in it but sums: their
/// order and times are a text.
#[derive(Clone, Serialize, Deserialize)]
pub struct Decision {
    #[serde(skip)]
    settings: Settings,
    pub keys: Model,
    pub mouse: Mouse,
    state: State,
    case: Case,
    /// Whether nothing of the open case counts as the owner's, because it has raised a doubt.
    holds_back: bool,
    #[serde(skip)]
    undecided: Undecided,
    /// Items in a row below doubt.
    calm: u32,
    /// End of the guest's time.
    until_us: Option<Micros>,
    /// An alarm was answered in this sitting.
    answered: bool,
    contested: bool,
    locked: bool,
    #[serde(skip)]
    changes: Vec<Change>,
}

/// It does not show what was typed.
impl std::fmt::Debug for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decision").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Decision {
    pub fn new(settings: Settings, keys: Model, mouse: Learnt) -> Decision {
        let mut decision = Decision {
            settings,
            keys,
            mouse: Mouse::new(mouse),
            state: State::Learning,
            case: Case::default(),
            holds_back: false,
            undecided: Undecided::default(),
            calm: 0,
            until_us: None,
            answered: false,
            contested: false,
            locked: false,
            changes: Vec::new(),
        };
        decision.state = decision.rest();
        decision
    }

    /// With other settings than it was stored with, and after a time in which nothing was seen.
    pub fn restart(&mut self, settings: Settings) {
        self.settings = settings;
        // More may have to be learnt now than before.
        if self.state == State::Owner {
            self.state = self.rest();
        }
    }

    /// Whether use can have led to this, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        self.keys.is_sound()
            && self.mouse.is_sound()
            && self.case.is_sound()
            && (self.holds_back || !self.is_doubted())
            && (self.state != State::Guest || self.until_us.is_some())
    }

    /// Goes on with other models, where there are any. What is open is dropped; a guest stays.
    pub fn replace(&mut self, ts_us: Micros, keys: Option<Model>, mouse: Option<Learnt>, reason: Reason) {
        let mut model = keys.unwrap_or_else(|| std::mem::take(&mut self.keys));
        model.begin();
        model.break_scoring();
        model.learn(None);
        model.keep(None, false);
        let learnt = mouse.unwrap_or_else(|| self.mouse.ahead().after_sitting());
        let (state, until_us, changes) = (self.state, self.until_us, std::mem::take(&mut self.changes));
        *self = Decision { state, until_us, changes, ..Decision::new(self.settings, model, learnt) };
        if state != State::Guest {
            self.go(ts_us, self.rest(), reason, None);
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// What speaks against the owner, and its parts by keys and mouse.
    pub fn evidence(&self) -> (f64, f64, f64) {
        (self.case.against, self.case.by_keys, self.case.by_mouse)
    }

    /// Changes of state since it was asked last, in order.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.changes.drain(..)
    }

    /// 100 to 0: 0 where the owner is told; `None` where nothing is judged.
    pub fn trust(&self) -> Option<f64> {
        match self.state {
            State::Learning | State::Guest => None,
            State::Stranger => Some(0.0),
            State::Owner | State::Doubtful => {
                Some(100.0 * (1.0 - self.case.against / self.settings.thresholds.notify).max(0.0))
            }
        }
    }

    /// How far the sum is from the threshold of doubt, 0, to that at which the owner is told, 1.
    pub fn doubt(&self) -> f64 {
        let thresholds = self.settings.thresholds;
        (self.case.against - thresholds.doubt) / (thresholds.notify - thresholds.doubt)
    }

    /// What must be learnt before anything is judged.
    pub fn readiness(&self) -> Readiness {
        self.settings.readiness
    }

    pub fn keys_ready(&self) -> bool {
        self.keys.live_strokes() >= self.settings.readiness.strokes
    }

    pub fn mouse_ready(&self) -> bool {
        self.mouse.sure().is_ready(&self.settings.readiness)
    }

    /// The state where nothing speaks against the owner.
    fn rest(&self) -> State {
        if self.keys_ready() || self.mouse_ready() { State::Owner } else { State::Learning }
    }

    fn go(&mut self, ts_us: Micros, to: State, reason: Reason, modality: Option<Modality>) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.changes.push(Change { ts_us, from, to, reason, modality });
        }
    }

    /// Takes a stroke. `counts`: whether it may teach the kept trees, as far as it is known by now.
    pub fn stroke(&mut self, ts_us: Micros, number: u64, stroke: Stroke, counts: Option<bool>) {
        if self.state == State::Guest {
            return;
        }
        let ticket = self.undecided.push(number, Some(stroke), None, counts, !self.holds_back, &mut self.keys);
        self.hold(Item::Key(ticket, Some(stroke)));
        let against = if self.keys_ready() { ALLOWANCE - self.keys.score(stroke) } else { 0.0 };
        self.add(ts_us, against, 0.0);
    }

    /// Takes a stroke that is no text: it is neither judged nor learnt by the live trees, and no duration of theirs spans
    /// it (`begins`: the one before was text). The kept trees go by their own rule alone, because what is stored must not
    /// depend on what was typed in between.
    pub fn skip(&mut self, number: u64, stroke: Stroke, counts: Option<bool>, begins: bool) {
        if self.state == State::Guest {
            return;
        }
        if begins {
            self.keys.break_scoring();
            // The kept trees have no break here.
            self.hold(Item::Key(u64::MAX, None));
            self.close_if_calm();
        }
        let good = Some(self.state != State::Stranger);
        self.undecided.push(number, Some(stroke), good, counts, !self.holds_back, &mut self.keys);
        self.undecided.drain(&mut self.keys);
    }

    /// No duration of the keys spans this moment; `number` is the next stroke's.
    pub fn pause(&mut self, number: u64) {
        self.keys.break_scoring();
        // As in the definition, a break never gets a verdict: what follows it waits, but not to be stored.
        let ticket = self.undecided.push(number, None, None, None, !self.holds_back, &mut self.keys);
        self.hold(Item::Key(ticket, None));
        self.close_if_calm();
        self.undecided.limit(&mut self.keys);
    }

    /// Takes an action of the mouse.
    pub fn action(&mut self, ts_us: Micros, vector: Vector) {
        if self.state == State::Guest {
            return;
        }
        let (change, odds) = self.mouse.act(&vector, &self.settings.readiness, !self.holds_back);
        self.hold(Item::Mouse(vector, odds));
        self.add(ts_us, 0.0, change);
    }

    /// Whether these strokes count, so that they may teach what is stored. They come in any order of numbers.
    pub fn set_counts(&mut self, strokes: &Range<u64>, counts: bool) {
        self.undecided.set_counts(strokes, counts);
    }

    /// Passes on to the kept trees what is decided.
    pub fn drain(&mut self) {
        self.undecided.drain(&mut self.keys);
    }

    fn hold(&mut self, item: Item) {
        if let Some(Item::Key(ticket, stroke)) = self.case.hold(item) {
            // What is stored has counted it as the owner's, and must not depend on which cases are open.
            self.undecided.set_good(ticket, stroke.is_some() && !self.holds_back);
        }
    }

    fn add(&mut self, ts_us: Micros, by_keys: f64, by_mouse: f64) {
        self.case.add(by_keys, by_mouse);
        let (thresholds, modality) = (self.settings.thresholds, Some(self.case.modality()));
        let closed = self.case.against <= 0.0;
        if closed {
            self.close(self.case.risen(&thresholds));
        }
        let against = self.case.against;
        if self.state == State::Learning {
            self.go(ts_us, self.rest(), Reason::Ready, None);
        }
        if self.state == State::Doubtful && closed {
            self.go(ts_us, State::Owner, Reason::Evidence, None);
        }
        if self.state == State::Owner && against >= thresholds.doubt {
            self.holds_back = true;
            self.mouse.fall_back();
            self.go(ts_us, State::Doubtful, Reason::Evidence, modality);
        }
        if self.state == State::Doubtful && against >= thresholds.notify {
            self.contested = self.answered;
            let reason = if self.contested { Reason::Contested } else { Reason::Evidence };
            self.go(ts_us, State::Stranger, reason, modality);
        }
        if self.state == State::Stranger && against >= thresholds.lock && !(self.locked || self.contested) {
            self.locked = true;
            let (from, to) = (State::Stranger, State::Stranger);
            self.changes.push(Change { ts_us, from, to, reason: Reason::Lock, modality });
        }
        let is_calm = self.state == State::Stranger && against < thresholds.doubt;
        self.calm = if is_calm { self.calm.saturating_add(1) } else { 0 };
        if self.calm >= CALM && !self.settings.password_only {
            (self.contested, self.locked, self.holds_back) = (false, false, false);
            self.mouse.learn(self.case.actions_from(self.case.risen(&thresholds)));
            self.go(ts_us, self.rest(), Reason::Calm, None);
        }
    }

    fn close_if_calm(&mut self) {
        if self.case.against <= 0.0 {
            self.close(0);
        }
    }

    /// The case ends; what it held is learnt, but for its first `skip` items. Of a stranger nothing is. What is stored
    /// has all of a case that raised no doubt.
    fn close(&mut self, skip: usize) {
        let is_owners = self.state != State::Stranger;
        if is_owners {
            if self.holds_back {
                self.mouse.learn(self.case.actions_from(skip));
            }
            self.mouse.settle(self.case.actions_from(skip));
        }
        if self.case.cut {
            self.keys.learn(None);
        }
        for i in 0..self.case.len() {
            let good = i >= skip && is_owners;
            if let Some(Item::Key(ticket, stroke)) = self.case.next_item() {
                self.undecided.set_good(ticket, good || !self.holds_back);
                self.keys.learn(stroke.filter(|_| good));
            }
        }
        self.holds_back = !is_owners;
        self.case.clear();
        self.keys.begin();
        self.undecided.drain(&mut self.keys);
    }

    /// Idle for long, locked, unlocked, a guest: the mouse's window and block end; the sum and the case stay.
    pub fn end_sitting(&mut self) {
        self.answered = false;
        self.mouse.end_sitting();
    }

    /// Whether this stranger's lock threshold was reached, and is not contested.
    pub fn is_lock_due(&self) -> bool {
        self.state == State::Stranger && self.locked && !self.contested
    }

    /// A password closes the case. Where it had come to a stranger the owner has answered, and all of it is learnt,
    /// unless one was answered in this sitting already (contested): then nobody knows, and nothing is.
    pub fn unlock(&mut self, ts_us: Micros) {
        let is_alarm = self.state == State::Stranger;
        let mut skip = self.case.risen(&self.settings.thresholds);
        self.end_sitting();
        if is_alarm {
            skip = if self.contested { self.case.len() } else { 0 };
            self.answered = true;
        }
        self.go(ts_us, self.rest(), Reason::Unlock, None);
        self.close(skip);
        (self.contested, self.locked) = (false, false);
    }

    /// Nothing is judged or learnt until then. What was open is dropped; what is stored has it if it raised no doubt.
    pub fn guest(&mut self, ts_us: Micros, until_us: Micros) {
        self.end_sitting();
        self.close(self.case.len());
        self.until_us = Some(until_us);
        (self.contested, self.locked) = (false, false);
        self.go(ts_us, State::Guest, Reason::Guest, None);
    }

    /// End of the guest's time, if one is there.
    pub fn guest_until_us(&self) -> Option<Micros> {
        self.until_us.filter(|_| self.state == State::Guest)
    }

    /// Whether a guest's time is over.
    pub fn is_guest_gone(&self, ts_us: Micros) -> bool {
        self.guest_until_us().is_some_and(|until_us| ts_us >= until_us)
    }

    /// The guest has gone, at the end of the time.
    pub fn back(&mut self) {
        self.end_sitting();
        self.go(self.until_us.unwrap_or_default(), self.rest(), Reason::GuestEnd, None);
    }
}
