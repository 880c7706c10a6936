//! Which strokes count: those of plain words inside a line, so that a secret has no say in any feature.
//!
//! A word is what is typed between two spaces; it is plain if it is letters and the like alone. A password, a command,
//! a number is none. What Enter, Tab, a click or a change of focus ends may be a passphrase: so a line's words wait
//! until it has more of them than a passphrase, and the last one waits for another.

use crate::event::Key;
use std::ops::Range;

/// A line of no more plain words than this has no say: it may be a passphrase.
const LINE_WORDS: u32 = 8;
/// So many words at the line's end wait for what comes after them.
const LAST_WORDS: usize = 1;
/// Of a word with more, none counts.
pub(super) const WORD_PRESSES: u64 = 64;

/// The line that is being typed. Strokes are told by their numbers.
pub(super) struct Line {
    /// Plain words that do not count yet.
    waiting: Vec<Range<u64>>,
    /// Plain words since the line's begin.
    words: u32,
    /// First stroke since the last space, if all since then make a plain word.
    begin: Option<u64>,
    /// Letters since then, less those that were erased.
    letters: i64,
}

impl Default for Line {
    fn default() -> Line {
        Line { waiting: Vec::with_capacity(LINE_WORDS as usize + 1), words: 0, begin: None, letters: 0 }
    }
}

impl Line {
    /// What was typed since the last space is no plain word: from which stroke on none will ever count.
    pub(super) fn void_word(&mut self) -> Option<u64> {
        self.begin.take()
    }

    /// What follows is typed elsewhere, for all that is known: from which stroke on none will ever count.
    pub(super) fn end(&mut self) -> Option<u64> {
        let first = self.first_waiting();
        self.waiting.clear();
        self.words = 0;
        self.begin = None;
        self.letters = 0;
        first
    }

    /// The first stroke that may still come to count.
    pub(super) fn first_waiting(&self) -> Option<u64> {
        self.waiting.first().map(|word| word.start).or(self.begin)
    }

    /// Takes the press of stroke `number`: from which stroke on none will ever count, if that is known now.
    /// Words may count after it, see [`Line::next_word`].
    pub(super) fn press(&mut self, number: u64, key: Key) -> Option<u64> {
        if key.is_space() {
            return self.end_word(number);
        }
        if key.ends_line() {
            return self.end();
        }
        // Whatever becomes of the word: an eraser must not reach the words before it unseen. What is no letter is not
        // counted, so that the line may end sooner, but never later, than a space is erased.
        if key.is_word_key() {
            self.letters += if key.is_eraser() { -1 } else { 1 };
        }
        if self.letters < 0 {
            return self.end();
        }
        let is_too_long = self.begin.is_some_and(|begin| number - begin >= WORD_PRESSES);
        let is_erased = self.letters == 0 && key.is_eraser();
        let is_plain = !is_too_long && !is_erased && (key.is_word_key() || key.is_shift());
        if is_plain { None } else { self.void_word() }
    }

    fn end_word(&mut self, space: u64) -> Option<u64> {
        let letters = std::mem::take(&mut self.letters);
        let first = self.begin.replace(space + 1)?;
        if letters == 0 {
            return Some(first);
        }
        self.waiting.push(first..space + 1);
        self.words = self.words.saturating_add(1);
        None
    }

    /// A word that counts from now on: its strokes, the space that ends it among them.
    pub(super) fn next_word(&mut self) -> Option<Range<u64>> {
        let counts = self.words > LINE_WORDS && self.waiting.len() > LAST_WORDS;
        counts.then(|| self.waiting.remove(0))
    }
}
