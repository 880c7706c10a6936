//! Dwell by finger and digraph latency by pair of zones, told so that nothing typed can be read off them.
//!
//! Only plain words count: the keys between two spaces, if they are letters and the like alone. A password, a command,
//! a number has no say. A word has one say in a feature, the mean of its samples, and a feature moves only when an epoch
//! ends in which three words had a say.

use super::super::stats::{Sum, mean};
use crate::event::Key;
use crate::event::key::{ZONE_ED, ZONES};

/// An epoch ends with the first window that ends after so many presses.
const EPOCH_PRESSES: u32 = 150;
/// Words that must have a say in a feature for it to move.
const EPOCH_WORDS: u32 = 3;
/// Weight of the newest epoch.
const EPOCH_ALPHA: f64 = 0.5;
/// A word with more samples than this is void.
const WORD_SAMPLES: usize = 128;

const DWELLS: usize = ZONES - 1;
const DIGRAPHS: usize = ZONES * ZONES;
const FEATURES: usize = DWELLS + DIGRAPHS;

pub(super) struct ByFinger {
    values: [Option<f64>; FEATURES],
    /// Of this epoch: what the words said.
    says: [Sum; FEATURES],
    presses: u32,
    /// Samples of the word since the last space.
    word: Vec<(usize, f64)>,
    /// Whether the keys since the last space are a plain word so far.
    in_word: bool,
}

impl Default for ByFinger {
    fn default() -> ByFinger {
        ByFinger {
            values: [None; FEATURES],
            says: [Sum::ZERO; FEATURES],
            presses: 0,
            word: Vec::with_capacity(WORD_SAMPLES),
            in_word: false,
        }
    }
}

impl ByFinger {
    /// Forgets all that was learnt.
    pub(super) fn clear(&mut self) {
        self.values = [None; FEATURES];
        self.says = [Sum::ZERO; FEATURES];
        self.presses = 0;
        self.void_word();
    }

    /// What was typed since the last space has no say.
    pub(super) fn void_word(&mut self) {
        self.word.clear();
        self.in_word = false;
    }

    pub(super) fn count_press(&mut self) {
        self.presses = self.presses.saturating_add(1);
    }

    pub(super) fn add_dwell(&mut self, key: Key, dwell_ms: f64) {
        if key.zone() != ZONE_ED {
            self.add(key.zone(), dwell_ms);
        }
    }

    pub(super) fn add_digraph(&mut self, first: Key, second: Key, latency_ms: f64) {
        self.add(DWELLS + first.zone() * ZONES + second.zone(), latency_ms);
    }

    fn add(&mut self, feature: usize, ms: f64) {
        if !self.in_word {
            return;
        }
        if self.word.len() == WORD_SAMPLES {
            self.void_word();
        } else {
            self.word.push((feature, ms));
        }
    }

    /// A space: the word has its say, and the next begins.
    pub(super) fn end_word(&mut self) {
        for (i, &(feature, _)) in self.word.iter().enumerate() {
            let had_its_say = self.word[..i].iter().any(|&(before, _)| before == feature);
            if !had_its_say {
                let samples = self.word[i..].iter().filter(|&&(f, _)| f == feature).map(|&(_, ms)| ms);
                self.says[feature].extend(mean(samples));
            }
        }
        self.word.clear();
        self.in_word = true;
    }

    /// Moves the values if enough was typed; all says of the epoch are thrown away then.
    pub(super) fn end_epoch(&mut self) {
        if self.presses < EPOCH_PRESSES {
            return;
        }
        for (value, says) in self.values.iter_mut().zip(&self.says) {
            if let Some(new) = says.mean().filter(|_| says.count() >= EPOCH_WORDS) {
                *value = Some(value.map_or(new, |old| EPOCH_ALPHA * new + (1.0 - EPOCH_ALPHA) * old));
            }
        }
        self.says = [Sum::ZERO; FEATURES];
        self.presses = 0;
    }

    /// Dwell of the nine zones with a finger, then of the left and the right hand.
    pub(super) fn dwells(&self) -> [Option<f64>; DWELLS + 2] {
        let hand = |fingers: &[Option<f64>]| mean(fingers.iter().copied().flatten());
        let mut out = [None; DWELLS + 2];
        out[..DWELLS].copy_from_slice(&self.values[..DWELLS]);
        out[DWELLS] = hand(&self.values[..4]);
        out[DWELLS + 1] = hand(&self.values[4..8]);
        out
    }

    /// Latency from each zone to each, the first zone's row first.
    pub(super) fn digraphs(&self) -> &[Option<f64>] {
        &self.values[DWELLS..]
    }
}
