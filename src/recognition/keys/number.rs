//! The keys that the model tells apart, by numbers of its own: they are in saved models and never change.

use crate::event::Key;
use crate::recognition::BadState;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A key as the model knows it: A to Z, 0 to 9, 26 more of the main block, or [`KeyNumber::OTHER`].
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct KeyNumber(u8);

/// Size of the space of numbers.
pub(super) const NUMBERS: usize = 64;

/// Linux key codes of the numbers 0 to 61.
const CODES: [u16; KeyNumber::OTHER.0 as usize] = [
    30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, // A … M
    49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44, // N … Z
    11, 2, 3, 4, 5, 6, 7, 8, 9, 10, // 0 … 9
    12, 13, 26, 27, 43, 39, 40, 41, 51, 52, 53, // - = [ ] \ ; ' ` , . /
    57, 28, 14, 15, // Space Enter Backspace Tab
    42, 54, 29, 97, 56, 100, 125, 126, // left and right: Shift Ctrl Alt Meta
    58, 1, 111, // Caps Lock Escape Delete
];

const LAST_CODE: usize = 126;
const BY_CODE: [u8; LAST_CODE + 1] = {
    let mut numbers = [KeyNumber::OTHER.0; LAST_CODE + 1];
    let mut number = 0;
    while number < CODES.len() {
        numbers[CODES[number] as usize] = number as u8;
        number += 1;
    }
    numbers
};

impl KeyNumber {
    const LETTERS: u8 = 26;
    pub(super) const SPACE: KeyNumber = KeyNumber::of_code(57);
    const BACKSPACE: KeyNumber = KeyNumber::of_code(14);
    pub(super) const LEFT_SHIFT: KeyNumber = KeyNumber::of_code(42);
    pub(super) const RIGHT_SHIFT: KeyNumber = KeyNumber::of_code(54);
    pub(super) const CAPS_LOCK: KeyNumber = KeyNumber::of_code(58);
    /// Ctrl, left Alt and Meta.
    const CHORDS: [KeyNumber; 5] = [
        KeyNumber::of_code(29),
        KeyNumber::of_code(97),
        KeyNumber::of_code(56),
        KeyNumber::of_code(125),
        KeyNumber::of_code(126),
    ];
    /// Any key without a number of its own.
    pub const OTHER: KeyNumber = KeyNumber(62);
    /// No key: what follows a stroke after a pause.
    pub(super) const NONE: KeyNumber = KeyNumber(63);

    pub(super) const fn of_code(code: u16) -> KeyNumber {
        if code as usize <= LAST_CODE { KeyNumber(BY_CODE[code as usize]) } else { KeyNumber::OTHER }
    }

    /// Of the low six bits, which are all that a number has.
    pub(super) const fn of_bits(bits: u16) -> KeyNumber {
        KeyNumber(bits as u8 % NUMBERS as u8)
    }

    /// Below [`NUMBERS`].
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether another key pressed meanwhile is a shortcut: Ctrl, left Alt, Meta. Right Alt writes letters.
    pub fn is_chord(self) -> bool {
        KeyNumber::CHORDS.contains(&self)
    }

    /// Whether text consists of it for the most part: letters, Space, Backspace.
    pub(super) fn writes_text(self) -> bool {
        self.0 < KeyNumber::LETTERS || self == KeyNumber::SPACE || self == KeyNumber::BACKSPACE
    }
}

impl From<Key> for KeyNumber {
    fn from(key: Key) -> KeyNumber {
        KeyNumber::of_code(key.code())
    }
}

impl TryFrom<u8> for KeyNumber {
    type Error = BadState;

    fn try_from(number: u8) -> Result<KeyNumber, BadState> {
        if number <= KeyNumber::OTHER.0 {
            Ok(KeyNumber(number))
        } else {
            Err(BadState("a key has no number".to_owned()))
        }
    }
}

impl From<KeyNumber> for u8 {
    fn from(key: KeyNumber) -> u8 {
        key.0
    }
}

impl fmt::Debug for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyNumber(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's names without `KEY_`, in order of number.
    const NAMES: &str = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 0 1 2 3 4 5 6 7 8 9 \
        MINUS EQUAL LEFTBRACE RIGHTBRACE BACKSLASH SEMICOLON APOSTROPHE GRAVE COMMA DOT SLASH SPACE ENTER BACKSPACE TAB \
        LEFTSHIFT RIGHTSHIFT LEFTCTRL RIGHTCTRL LEFTALT RIGHTALT LEFTMETA RIGHTMETA CAPSLOCK ESC DELETE";

    fn number(name: &str) -> KeyNumber {
        KeyNumber::from(Key::named(&format!("KEY_{name}")).expect("a key of that name"))
    }

    #[test]
    fn each_key_of_the_list_has_the_number_of_its_place_in_it() {
        for (place, name) in NAMES.split_whitespace().enumerate() {
            assert_eq!(number(name).index(), place, "{name}");
        }
        assert_eq!(NAMES.split_whitespace().count(), KeyNumber::OTHER.index());
    }

    #[test]
    fn every_other_key_is_one_and_the_same() {
        let others = Key::all().filter(|&key| KeyNumber::from(key) == KeyNumber::OTHER).count();
        let codes: std::collections::HashSet<u16> = Key::all().map(Key::code).collect();
        assert!(others >= codes.len() - CODES.len());
        assert_eq!(KeyNumber::from(Key::from_code(u16::MAX)), KeyNumber::OTHER);
        assert_eq!(number("102ND"), KeyNumber::OTHER);
    }

    #[test]
    fn shortcuts_are_made_with_ctrl_left_alt_and_meta() {
        let chords: Vec<&str> = NAMES.split_whitespace().filter(|name| number(name).is_chord()).collect();
        assert_eq!(chords, ["LEFTCTRL", "RIGHTCTRL", "LEFTALT", "LEFTMETA", "RIGHTMETA"]);
    }

    #[test]
    fn text_is_letters_space_and_backspace() {
        let others: Vec<&str> = NAMES.split_whitespace().skip(26).filter(|name| number(name).writes_text()).collect();
        assert_eq!(others, ["SPACE", "BACKSPACE"]);
        assert!(NAMES.split_whitespace().take(26).all(|letter| number(letter).writes_text()));
    }

    #[test]
    fn a_number_read_from_outside_is_one_of_a_key() {
        assert!(KeyNumber::try_from(62).is_ok());
        assert!(KeyNumber::try_from(63).is_err(), "no key was pressed");
        assert!(KeyNumber::try_from(255).is_err());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", number("A")), format!("{:?}", number("B")));
    }
}
