//! Which strokes are text. Games, navigation, numbers and shortcuts are typed with other rhythms and tell nothing of who
//! types: such strokes are neither judged nor learnt.

use super::number::{KeyNumber, NUMBERS};
use crate::event::Micros;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// So many of the last strokes are looked at, once there are so many.
const STROKES: usize = 24;
const LEAST_STROKES: usize = 12;
/// Of 24 strokes of text so many are different keys, at least.
const DIFFERENT_KEYS: usize = 9;
/// No more of them than these are held for longer.
const HELD: usize = 3;
const HELD_US: Micros = 400_000;

const _: () = assert!(NUMBERS <= u64::BITS as usize, "a set of keys is a word");

/// The last strokes, by which the next is text or not.
#[derive(Default, Serialize, Deserialize)]
pub struct Text {
    /// Key, and whether it was held for long.
    recent: VecDeque<(KeyNumber, bool)>,
}

impl Text {
    pub fn new() -> Text {
        Text { recent: VecDeque::with_capacity(STROKES + 1) }
    }

    pub fn clear(&mut self) {
        self.recent.clear();
    }

    /// Whether the next stroke, held for so long up to now or its release, is text.
    pub fn take(&mut self, key: KeyNumber, held_us: Micros, in_chord: bool) -> bool {
        self.recent.push_back((key, held_us > HELD_US));
        while self.recent.len() > STROKES {
            self.recent.pop_front();
        }
        !in_chord && key != KeyNumber::OTHER && (self.recent.len() < LEAST_STROKES || self.looks_like_text())
    }

    fn looks_like_text(&self) -> bool {
        let strokes = self.recent.len();
        let keys = self.recent.iter().fold(0_u64, |keys, (key, _)| keys | 1 << key.index());
        let letters = self.recent.iter().filter(|(key, _)| key.writes_text()).count();
        let held = self.recent.iter().filter(|&&(_, held)| held).count();
        STROKES * keys.count_ones() as usize >= DIFFERENT_KEYS * strokes && 2 * letters >= strokes && held <= HELD
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}
