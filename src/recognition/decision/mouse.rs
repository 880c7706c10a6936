//! What is learnt of the mouse: what closed cases have taught, by which it is judged, and ahead of it the same with the
//! actions of the open case, which are the owner's as long as no doubt arises.
//!
//! What is stored is what is ahead. When a case closes depends on the keys that were typed, and so on a secret among them;
//! what is ahead depends on the mouse, on when a sitting ends, and on doubt alone.

use super::CALIBRATION;
use crate::recognition::mouse::{HALF_LIFE_ACTIONS, Level, MIN_LEVEL_ACTIONS, Owner, Vector, Window};
use crate::recognition::saved::check_count;
use crate::recognition::state::Readiness;
use serde::{Deserialize, Serialize};

/// The range of the log odds, 18, is less than the lock threshold: the mouse never locks alone.
const LOW: f64 = -4.0;
const HIGH: f64 = 14.0;
/// More than a sitting has.
const MOST_ACTIONS: u32 = u32::MAX / 2;
/// A sitting counts that taught so many actions.
const SITTING_ACTIONS: u32 = 30;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learnt {
    pub owner: Owner,
    pub level: Level,
    /// Sittings that have taught it.
    pub sittings: u64,
    /// Actions that the present sitting has taught.
    taught: u32,
}

impl Learnt {
    pub fn new(owner: Owner, level: Level, sittings: u64) -> Learnt {
        Learnt { owner, level, sittings, taught: 0 }
    }

    pub fn is_ready(&self, least: &Readiness) -> bool {
        self.owner.actions() >= least.actions as f64 && self.sittings >= least.sittings
    }

    /// The same after the sitting, should nothing more come of it.
    pub fn after_sitting(&self) -> Learnt {
        let mut learnt = self.clone();
        learnt.end_sitting();
        learnt
    }

    fn learn(&mut self, vector: &Vector, odds: Option<f64>) {
        self.owner.learn(vector);
        self.taught += 1;
        if let Some(odds) = odds {
            self.level.learn(odds);
        }
    }

    fn end_sitting(&mut self) {
        self.sittings += u64::from(self.taught >= SITTING_ACTIONS);
        self.taught = 0;
        self.owner.end_block();
    }

    fn is_sound(&self) -> bool {
        self.owner.is_sound() && check_count(self.sittings, "sittings").is_ok() && self.taught <= MOST_ACTIONS
    }
}

/// The mouse's window of the present sitting.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sitting {
    window: Window,
    window_actions: u32,
    /// The window's log odds as they have entered the sum.
    odds: Option<f64>,
}

impl Sitting {
    fn new() -> Sitting {
        Sitting { window: Window::new(Sitting::keep()), window_actions: 0, odds: None }
    }

    /// What an action leaves of the weight of those before.
    fn keep() -> f64 {
        (-1.0 / HALF_LIFE_ACTIONS).exp2()
    }

    fn is_sound(&self) -> bool {
        self.window.is_sound(Sitting::keep())
            && self.odds.is_none_or(|odds| (LOW..=HIGH).contains(&odds))
            && self.window_actions <= MOST_ACTIONS
    }
}

/// The window's log odds after an action, by what is sure and what is ahead, where they may teach the owner's level.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    sure: Option<f64>,
    ahead: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mouse {
    sure: Learnt,
    ahead: Learnt,
    /// Whether the two may differ.
    is_ahead: bool,
    sitting: Sitting,
}

impl Mouse {
    pub fn new(learnt: Learnt) -> Mouse {
        Mouse { ahead: learnt.clone(), sure: learnt, is_ahead: false, sitting: Sitting::new() }
    }

    /// What closed cases have taught.
    pub fn sure(&self) -> &Learnt {
        &self.sure
    }

    /// The same, and what the open case has taught so far.
    pub fn ahead(&self) -> &Learnt {
        &self.ahead
    }

    /// Takes an action of the open case, and learns it ahead if it `may_teach`. Gives what it changes the log odds by, as
    /// they enter the sum.
    pub fn act(&mut self, vector: &Vector, least: &Readiness, may_teach: bool) -> (f64, Odds) {
        let Mouse { sure, ahead, is_ahead, sitting } = self;
        let (mut change, mut odds) = (0.0, Odds::default());
        if ahead.is_ready(least) {
            sitting.window.add(vector);
            sitting.window_actions += 1;
            let teaches = sitting.window_actions >= MIN_LEVEL_ACTIONS;
            let by_ahead = CALIBRATION * sitting.window.llr(&ahead.owner);
            odds.ahead = teaches.then_some(by_ahead);
            if sure.is_ready(least) {
                let by_sure = if *is_ahead { CALIBRATION * sitting.window.llr(&sure.owner) } else { by_ahead };
                odds.sure = teaches.then_some(by_sure);
                let now = sure.level.at(by_sure).clamp(LOW, HIGH);
                change = now - sitting.odds.unwrap_or(now);
                sitting.odds = Some(now);
            }
        }
        if may_teach {
            ahead.learn(vector, odds.ahead);
            *is_ahead = true;
        }
        (change, odds)
    }

    /// What is ahead is sure: the case is closed, and these are its actions.
    pub fn settle<'a>(&mut self, actions: impl Iterator<Item = &'a (Vector, Odds)>) {
        if self.is_ahead {
            actions.filter_map(|(_, odds)| odds.sure).for_each(|odds| self.sure.level.learn(odds));
            self.sure = Learnt { level: self.sure.level, ..self.ahead.clone() };
            self.is_ahead = false;
        }
    }

    /// Nothing of the open case is learnt any more: a doubt has arisen.
    pub fn fall_back(&mut self) {
        self.ahead.clone_from(&self.sure);
        self.is_ahead = false;
    }

    /// Learns what was held back, ahead.
    pub fn learn<'a>(&mut self, actions: impl Iterator<Item = &'a (Vector, Odds)>) {
        for (vector, odds) in actions {
            self.ahead.learn(vector, odds.ahead);
            self.is_ahead = true;
        }
    }

    /// The window and the block end.
    pub fn end_sitting(&mut self) {
        self.sure.end_sitting();
        self.ahead.end_sitting();
        self.sitting = Sitting::new();
    }

    /// Whether use can have led to this, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        self.sure.is_sound() && self.ahead.is_sound() && self.sitting.is_sound()
    }
}
