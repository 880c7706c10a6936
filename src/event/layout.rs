//! Which keys write letters: the keyboard layout, as far as plain words depend on it.

use super::Key;

/// Codes of the keys that may write a letter: those of the main block.
const CODES: u16 = 128;

/// A set of keys of the main block.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySet(u128);

impl KeySet {
    pub const EMPTY: KeySet = KeySet(0);

    pub(super) const fn of_codes(codes: &[u16]) -> KeySet {
        let (mut set, mut i) = (0, 0);
        while i < codes.len() {
            set |= 1 << codes[i];
            i += 1;
        }
        KeySet(set)
    }

    pub fn contains(self, key: Key) -> bool {
        key.code() < CODES && self.0 >> key.code() & 1 == 1
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn union(self, other: KeySet) -> KeySet {
        KeySet(self.0 | other.0)
    }

    pub fn without(self, other: KeySet) -> KeySet {
        KeySet(self.0 & !other.0)
    }

    /// In order of their codes.
    pub fn iter(self) -> impl Iterator<Item = Key> {
        (0..CODES).filter(move |code| self.0 >> code & 1 == 1).map(Key::from_code)
    }
}

impl FromIterator<Key> for KeySet {
    /// A key that [never writes a letter](Key::may_write_letters) is left out.
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> KeySet {
        let writing = keys.into_iter().filter(|key| key.may_write_letters());
        KeySet(writing.fold(0, |set, key| set | 1 << key.code()))
    }
}

/// It does not show which keys.
impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySet(…)")
    }
}

/// The keys with which a plain word is written: letters and the marks `, . ' -`, on each level of the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub plain: KeySet,
    pub shift: KeySet,
    /// With AltGr, with or without Shift. Where it is empty, AltGr makes a word none.
    pub altgr: KeySet,
    /// Dead keys without and with Shift, which write an accent together with the next letter.
    pub accents: KeySet,
    pub shift_accents: KeySet,
}

/// What a key press is to the word that it falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A letter or one of the marks.
    Letter,
    /// Nothing by itself: Shift, AltGr where it writes letters.
    Silent,
    /// Nothing until the next key: a dead key.
    Accent,
    None,
}

impl Layout {
    /// The US keyboard's.
    pub const US: Layout = Layout {
        plain: Key::US_LETTERS.union(Key::US_MARKS),
        shift: Key::US_LETTERS,
        altgr: KeySet::EMPTY,
        accents: KeySet::EMPTY,
        shift_accents: KeySet::EMPTY,
    };

    /// A layout with these letters and the US keyboard's marks. In the number row Shift writes digits and signs.
    pub fn of_letters(letters: KeySet) -> Layout {
        Layout { plain: letters.union(Key::US_MARKS), shift: letters.without(Key::NUMBER_ROW), ..Layout::US }
    }

    /// What this key is while these modifiers are down.
    pub(crate) fn part(&self, key: Key, shift: bool, altgr: bool) -> Part {
        if key.is_shift() || key.is_altgr() && !self.altgr.is_empty() {
            return Part::Silent;
        }
        let (letters, accents) = if altgr {
            (self.altgr, KeySet::EMPTY)
        } else if shift {
            (self.shift, self.shift_accents)
        } else {
            (self.plain, self.accents)
        };
        if letters.contains(key) {
            Part::Letter
        } else if accents.contains(key) {
            Part::Accent
        } else {
            Part::None
        }
    }
}

impl Default for Layout {
    fn default() -> Layout {
        Layout::US
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::named(name).unwrap_or_else(|| panic!("{name} is no key"))
    }

    #[test]
    fn keys_that_go_elsewhere_or_erase_are_never_letters() {
        let keys =
            ["KEY_ENTER", "KEY_TAB", "KEY_SPACE", "KEY_BACKSPACE", "KEY_KP1", "KEY_UP", "KEY_LEFTSHIFT"].map(key);
        assert!(keys.into_iter().chain([Key::from_code(600)]).collect::<KeySet>().is_empty());
    }

    #[test]
    fn a_digit_that_shares_its_key_with_a_letter_is_none() {
        let layout = Layout { plain: KeySet::from_iter([key("KEY_2")]), shift: KeySet::EMPTY, ..Layout::US };
        assert_eq!(layout.part(key("KEY_2"), false, false), Part::Letter);
        assert_eq!(layout.part(key("KEY_2"), true, false), Part::None);
    }

    #[test]
    fn a_digit_that_shares_its_key_with_an_accent_is_no_accent() {
        let layout = Layout { shift_accents: KeySet::from_iter([key("KEY_6")]), ..Layout::US };
        assert_eq!(layout.part(key("KEY_6"), false, false), Part::None);
        assert_eq!(layout.part(key("KEY_6"), true, false), Part::Accent);
        assert_eq!(layout.part(key("KEY_6"), true, true), Part::None);
    }

    #[test]
    fn with_shift_neither_marks_nor_the_number_row_are_letters_unless_they_are_listed() {
        let french = Layout::of_letters([key("KEY_A"), key("KEY_2")].into_iter().collect());
        for (name, part) in [("KEY_A", Part::Letter), ("KEY_2", Part::None), ("KEY_COMMA", Part::None)] {
            assert_eq!(french.part(key(name), true, false), part, "{name}");
        }
        assert_eq!(Layout::US.part(key("KEY_APOSTROPHE"), true, false), Part::None);
    }

    #[test]
    fn of_letters_alone_the_us_marks_stay() {
        let layout = Layout::of_letters([key("KEY_A"), key("KEY_SEMICOLON")].into_iter().collect());
        for (name, part) in [
            ("KEY_A", Part::Letter),
            ("KEY_SEMICOLON", Part::Letter),
            ("KEY_COMMA", Part::Letter),
            ("KEY_B", Part::None),
        ] {
            assert_eq!(layout.part(key(name), false, false), part, "{name}");
        }
    }
}
