//! Dwell by finger and digraph latency by pair of zones, published so that nothing typed can be read off them.
//!
//! A word adds one value to a feature, the mean of its samples, and a feature moves only when an epoch ends in which three
//! words added one.

use super::super::stats::{Sum, inside, mean, ms};
use super::line::WORD_PRESSES;
use super::{DWELL_MS, Stroke};
use crate::event::key::{ZONE_ED, ZONE_TH, ZONES};

/// Open interval of valid latencies.
const DIGRAPH_MS: (f64, f64) = (0.0, 1500.0);
/// An epoch ends with the first window that ends after so many presses that count.
const EPOCH_PRESSES: u32 = 150;
/// Words that must add a value to a feature for it to move.
const EPOCH_WORDS: u32 = 3;
/// Weight of the newest epoch.
const EPOCH_ALPHA: f64 = 0.5;

const DWELLS: usize = ZONES - 1;
const DIGRAPHS: usize = ZONES * ZONES;
const FEATURES: usize = DWELLS + DIGRAPHS;

pub(super) struct ByFinger {
    values: [Option<f64>; FEATURES],
    /// Of this epoch: what the words added.
    added: [Sum; FEATURES],
    presses: u32,
    /// Reused from word to word.
    samples: Vec<(usize, f64)>,
}

impl Default for ByFinger {
    fn default() -> ByFinger {
        ByFinger {
            values: [None; FEATURES],
            added: [Sum::ZERO; FEATURES],
            presses: 0,
            samples: Vec::with_capacity(2 * (WORD_PRESSES as usize + 1)),
        }
    }
}

impl ByFinger {
    /// Forgets all that was learnt.
    pub(super) fn clear(&mut self) {
        self.values = [None; FEATURES];
        self.added = [Sum::ZERO; FEATURES];
        self.presses = 0;
    }

    /// Takes the strokes of a word, and the space before it.
    pub(super) fn take_word(&mut self, space: &Stroke, word: &[Stroke]) {
        self.presses += word.len() as u32;
        self.samples.clear();
        let (mut from, mut from_us) = (ZONE_TH, space.press_us);
        for stroke in word {
            let Some(zone) = stroke.zone.map(usize::from) else { continue };
            let dwell_ms = stroke.dwell_ms().filter(|&dwell_ms| zone != ZONE_ED && inside(dwell_ms, DWELL_MS));
            self.samples.extend(dwell_ms.map(|dwell_ms| (zone, dwell_ms)));
            let latency_ms = ms(stroke.press_us - from_us);
            if inside(latency_ms, DIGRAPH_MS) {
                self.samples.push((DWELLS + from * ZONES + zone, latency_ms));
            }
            (from, from_us) = (zone, stroke.press_us);
        }
        for (i, &(feature, _)) in self.samples.iter().enumerate() {
            let is_added = self.samples[..i].iter().any(|&(before, _)| before == feature);
            if !is_added {
                let samples = self.samples[i..].iter().filter(|&&(f, _)| f == feature).map(|&(_, ms)| ms);
                self.added[feature].extend(mean(samples));
            }
        }
    }

    /// Moves the values if enough was typed; all that the epoch's words added is discarded then.
    pub(super) fn end_epoch(&mut self) {
        if self.presses < EPOCH_PRESSES {
            return;
        }
        for (value, added) in self.values.iter_mut().zip(&self.added) {
            if let Some(new) = added.mean().filter(|_| added.count() >= EPOCH_WORDS) {
                *value = Some(value.map_or(new, |old| EPOCH_ALPHA * new + (1.0 - EPOCH_ALPHA) * old));
            }
        }
        self.added = [Sum::ZERO; FEATURES];
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
