//! Which strokes are text. Games, navigation, numbers and shortcuts are typed with other rhythms and tell nothing of who
//! types: such strokes are neither judged nor learnt.

use super::number::{KeyNumber, NUMBERS};
use crate::event::Micros;
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
#[derive(Clone, Default)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;

    const TAP_US: Micros = 80_000;

    fn key(name: &str) -> KeyNumber {
        KeyNumber::from(Key::named(name).expect("a key"))
    }

    /// Of each character whether it is text.
    fn typed(text: &mut Text, what: &str) -> Vec<bool> {
        what.chars().map(|c| text.take(key(&c.to_string()), TAP_US, false)).collect()
    }

    #[test]
    fn words_are_text() {
        assert!(
            typed(&mut Text::new(), "the quick brown fox jumps over the lazy dog").into_iter().all(|is_text| is_text)
        );
    }

    #[test]
    fn a_few_keys_again_and_again_are_a_game() {
        let verdicts = typed(&mut Text::new(), &"wasd".repeat(6));
        assert!(verdicts[..11].iter().all(|&is_text| is_text), "so few strokes may be a word");
        assert!(verdicts[12..].iter().all(|&is_text| !is_text));
    }

    #[test]
    fn numbers_are_no_text() {
        assert!(!typed(&mut Text::new(), "3.141 2.718 1.618 0.577").ends_with(&[true]));
    }

    #[test]
    fn keys_held_for_long_are_no_text() {
        let mut text = Text::new();
        typed(&mut text, "the quick brown fox");
        let held: Vec<bool> = "jumps".chars().map(|c| text.take(key(&c.to_string()), 400_001, false)).collect();
        assert_eq!(held, [true, true, true, false, false]);
    }

    #[test]
    fn shortcuts_and_keys_of_other_blocks_are_no_text() {
        let mut text = Text::new();
        assert!(!text.take(key("c"), TAP_US, true));
        assert!(!text.take(key("KEY_DOWN"), TAP_US, false));
        assert!(text.take(key("c"), TAP_US, false));
    }

    #[test]
    fn after_a_game_text_is_text_again_once_it_prevails() {
        let mut text = Text::new();
        typed(&mut text, &"wasd".repeat(6));
        assert!(typed(&mut text, "the quick brown fox jumps over").ends_with(&[true]));
    }

    #[test]
    fn cleared_it_begins_anew() {
        let mut text = Text::new();
        typed(&mut text, &"wasd".repeat(6));
        text.clear();
        assert_eq!(typed(&mut text, "wasd"), [true; 4]);
    }

    #[test]
    fn debug_does_not_show_the_keys() {
        let mut text = Text::new();
        typed(&mut text, "secret");
        assert_eq!(format!("{text:?}"), "Text(…)");
    }
}
