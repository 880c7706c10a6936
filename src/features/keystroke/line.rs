//! Which strokes count: those of plain words inside a line, so that a secret is part of no feature.
//!
//! A word is what is typed between two spaces; it is plain if it is letters and the like alone. A password, a command,
//! a number is none. What Enter, Tab, a click or a change of focus ends may be a passphrase: so a line's words wait
//! until it has more of them than a passphrase, and the last one waits for another.

use super::tally::{Fate, LineEnd};
use crate::event::Key;
use crate::event::layout::Part;
use std::ops::Range;

/// Of a line of no more plain words than this none counts: it may be a passphrase.
pub(super) const LINE_WORDS: u32 = 8;
/// So many words at the line's end wait for what comes after them.
const LAST_WORDS: usize = 1;
/// Of a word with more, none counts.
pub(super) const WORD_PRESSES: u64 = 64;

/// Strokes that will never count, by their numbers, and why. The end may lie behind the newest.
pub(super) type Void = (Range<u64>, Fate);

/// The line that is being typed. Strokes are known by their numbers.
#[derive(Clone)]
pub(super) struct Line {
    /// A line of no more plain words than this does not count.
    least_words: u32,
    /// Plain words that do not count yet, each with the space that ends it.
    waiting: Vec<Range<u64>>,
    /// Plain words since the line's begin.
    words: u32,
    /// First stroke since the last space, if all since then make a plain word.
    begin: Option<u64>,
    /// Letters since then, less those that were erased.
    letters: i64,
    /// Whether a dead key waits for the next one.
    accent: bool,
    /// Whether AltGr, which writes no letters on this layout, may have composed a character since the last space.
    composed: bool,
}

impl Line {
    pub(super) fn new(least_words: u32) -> Line {
        let waiting = Vec::with_capacity(least_words as usize + 1);
        Line { least_words, waiting, words: 0, begin: None, letters: 0, accent: false, composed: false }
    }

    /// What was typed since the last space is no plain word.
    pub(super) fn void_word(&mut self) -> Option<Void> {
        self.begin.take().map(|first| (first..u64::MAX, Fate::NoWord))
    }

    /// What follows may be typed elsewhere. `None` where no word was under way.
    pub(super) fn end(&mut self, why: LineEnd) -> Option<Void> {
        let first = self.first_waiting();
        self.waiting.clear();
        self.words = 0;
        self.begin = None;
        self.letters = 0;
        self.accent = false;
        self.composed = false;
        let fate = if why == LineEnd::Gap { Fate::Gap } else { Fate::ShortLine };
        first.map(|first| (first..u64::MAX, fate))
    }

    /// No hand made this stroke: the word that it is part of is no plain one, nor is the one that follows it if it is a
    /// space, whose first pair would reach over it to what was typed before.
    pub(super) fn void_words_of(&mut self, number: u64) -> Option<Void> {
        let is_in = |word: &Range<u64>| (word.start - 1..word.end).contains(&number);
        let last = self.begin.take_if(|begin| number + 1 >= *begin).map(|first| first..u64::MAX);
        let before = self.waiting.len();
        let waiting = self.waiting.iter().filter(|&word| is_in(word)).cloned();
        let void = waiting.chain(last).reduce(|first, last| first.start..last.end);
        self.waiting.retain(|word| !is_in(word));
        self.words -= (before - self.waiting.len()) as u32;
        void.map(|void| (void, Fate::NoWord))
    }

    /// Whether this stroke, the newest, is part of a plain word.
    pub(super) fn holds(&self, number: u64) -> bool {
        self.begin.is_some_and(|begin| number >= begin)
            || self.waiting.last().is_some_and(|word| word.contains(&number))
    }

    /// The first stroke that may still come to count.
    pub(super) fn first_waiting(&self) -> Option<u64> {
        self.waiting.first().map(|word| word.start).or(self.begin)
    }

    /// Takes the press of stroke `number`, which writes `part`; what it settles. Words may count after it, see
    /// [`Line::next_word`]. The cause is given where it ends the line.
    pub(super) fn press(&mut self, number: u64, key: Key, part: Part) -> (Option<Void>, Option<LineEnd>) {
        let is_after_accent = self.accent;
        self.accent = part == Part::Accent || is_after_accent && part == Part::Silent;
        if key.is_space() {
            // After a dead key it is no space, but writes the accent by itself.
            return (if is_after_accent { self.void_word() } else { self.end_word(number) }, None);
        }
        if key.ends_line() {
            return (self.end(LineEnd::Command), Some(LineEnd::Command));
        }
        // Whatever becomes of the word: an eraser must not reach the words before it unseen. What may write no character
        // of its own is not counted, so that the line may end sooner, but never later, than a space is erased.
        let erases = key.is_eraser();
        self.composed |= key.is_altgr() && part == Part::None;
        if erases {
            self.letters -= 1;
        } else if part == Part::Letter && !is_after_accent && !self.composed {
            self.letters += 1;
        }
        if self.letters < 0 {
            return (self.end(LineEnd::Erasing), Some(LineEnd::Erasing));
        }
        let is_too_long = self.begin.is_some_and(|begin| number - begin >= WORD_PRESSES);
        let is_erased = self.letters == 0 && erases;
        let is_plain = !is_too_long && !is_erased && (erases || part != Part::None);
        (if is_plain { None } else { self.void_word() }, None)
    }

    fn end_word(&mut self, space: u64) -> Option<Void> {
        let letters = std::mem::take(&mut self.letters);
        self.composed = false;
        let first = self.begin.replace(space + 1)?;
        if letters == 0 {
            return Some((first..space + 1, Fate::NoWord));
        }
        self.waiting.push(first..space + 1);
        self.words = self.words.saturating_add(1);
        None
    }

    /// A word that counts from now on: its strokes, the space that ends it among them.
    pub(super) fn next_word(&mut self) -> Option<Range<u64>> {
        let counts = self.words > self.least_words && self.waiting.len() > LAST_WORDS;
        counts.then(|| self.waiting.remove(0))
    }
}
