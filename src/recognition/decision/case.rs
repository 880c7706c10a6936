//! The open case: what speaks against the owner since it last fell to nothing, and the strokes and actions that it holds
//! until it is known whose they are.

use super::mouse::Odds;
use super::undecided::Ticket;
use crate::recognition::keys::Stroke;
use crate::recognition::mouse::Vector;
use crate::recognition::saved::MOST_SUMMED;
use crate::recognition::{Modality, Thresholds};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Items that a case holds; the oldest is forgotten, and never learnt.
pub const HELD: usize = 1024;
/// A part of the evidence below this decides nothing by itself.
const LEAST_SHARE: f64 = 0.25;

/// Something that may be learnt once the case is closed.
pub enum Item {
    /// A stroke, or `None` where nothing spans; the ticket is that of the kept trees' queue.
    Key(Ticket, Option<Stroke>),
    /// An action of the mouse, with the window's log odds.
    Mouse(Vector, Odds),
}

/// Serialized it is without its items.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Case {
    /// What speaks against the owner, never below 0.
    pub against: f64,
    /// Its two parts, which may be negative.
    pub by_keys: f64,
    pub by_mouse: f64,
    peak: f64,
    /// Items held when the sum was highest.
    #[serde(skip)]
    top: usize,
    /// Of each item held, in order, whether it is a stroke; apart, because an action is much larger.
    #[serde(skip)]
    is_key: VecDeque<bool>,
    #[serde(skip)]
    keys: VecDeque<(Ticket, Option<Stroke>)>,
    #[serde(skip)]
    actions: VecDeque<(Vector, Odds)>,
    /// Whether its oldest items were forgotten.
    #[serde(skip)]
    pub cut: bool,
}

impl Case {
    /// Whether use can have led to this, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        let sums = [self.against, self.by_keys.abs(), self.by_mouse.abs(), self.peak];
        sums.iter().all(|sum| (0.0..=MOST_SUMMED).contains(sum))
    }

    /// Holds an item. One that had to go for it is returned, taken out first: there is never room for more of them.
    pub fn hold(&mut self, item: Item) -> Option<Item> {
        let forgotten = if self.len() < HELD { None } else { self.next_item() };
        if forgotten.is_some() {
            self.top = self.top.saturating_sub(1);
            self.cut |= matches!(forgotten, Some(Item::Key(..)));
        }
        self.is_key.push_back(matches!(item, Item::Key(..)));
        match item {
            Item::Key(ticket, stroke) => self.keys.push_back((ticket, stroke)),
            Item::Mouse(vector, odds) => self.actions.push_back((vector, odds)),
        }
        forgotten
    }

    pub fn add(&mut self, by_keys: f64, by_mouse: f64) {
        self.against += by_keys + by_mouse;
        self.by_keys += by_keys;
        self.by_mouse += by_mouse;
        if self.against > self.peak {
            (self.peak, self.top) = (self.against, self.len());
        }
    }

    /// How many items came while the sum rose to doubt: they are never learnt.
    pub fn risen(&self, thresholds: &Thresholds) -> usize {
        if self.peak >= thresholds.doubt { self.top } else { 0 }
    }

    pub fn len(&self) -> usize {
        self.is_key.len()
    }

    /// The oldest item, taken out.
    pub fn next_item(&mut self) -> Option<Item> {
        match self.is_key.pop_front()? {
            true => self.keys.pop_front().map(|(ticket, stroke)| Item::Key(ticket, stroke)),
            false => self.actions.pop_front().map(|(vector, odds)| Item::Mouse(vector, odds)),
        }
    }

    /// The actions of the mouse that it holds, in order, but for those among its first `skip` items.
    pub fn actions_from(&self, skip: usize) -> impl Iterator<Item = &(Vector, Odds)> {
        let skipped = self.is_key.iter().take(skip).filter(|&&is_key| !is_key).count();
        self.actions.iter().skip(skipped)
    }

    /// A new case begins, in the same memory.
    pub fn clear(&mut self) {
        self.is_key.clear();
        self.keys.clear();
        self.actions.clear();
        (self.against, self.by_keys, self.by_mouse) = (0.0, 0.0, 0.0);
        (self.peak, self.top, self.cut) = (0.0, 0, false);
    }

    /// Which of the two has brought the sum to where it is.
    pub fn modality(&self) -> Modality {
        let (keys, mouse) = (self.by_keys.max(0.0), self.by_mouse.max(0.0));
        if mouse < LEAST_SHARE * (keys + mouse) {
            Modality::Keys
        } else if keys < LEAST_SHARE * (keys + mouse) {
            Modality::Mouse
        } else {
            Modality::Both
        }
    }
}
