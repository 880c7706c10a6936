//! Physical keys: their codes, their names in traces, and the finger that the touch-typing chart gives each.

use super::key_names::KEY_NAMES;
use super::layout::KeySet;
use std::fmt;

/// A physical key, by its Linux key code.
///
/// Which key it is must not leave the keystroke features: `Debug` does not tell it, and there is no `Display`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(u16);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Number of zones: nine fingers' (both thumbs are one) and `ed`, every other key.
pub const ZONES: usize = 10;
/// The zones' short names, in the contract's order: left pinky … right pinky, thumbs, every other key.
pub const ZONE_NAMES: [&str; ZONES] = ["lp", "lr", "lm", "li", "ri", "rm", "rr", "rp", "th", "ed"];
/// The zone of every key that no finger of the chart has.
pub const ZONE_ED: usize = 9;
/// The thumbs' zone, the space's.
pub const ZONE_TH: usize = 8;

const LAST_MAIN_KEY: usize = 127;
const SPACE: u16 = 57;
const TAB: u16 = 15;
const BACKSPACE: u16 = 14;
const ENTER: u16 = 28;
const KEYPAD_ENTER: u16 = 96;
const LEFT_SHIFT: u16 = 42;
const RIGHT_SHIFT: u16 = 54;
const RIGHT_ALT: u16 = 100;

/// What the features need to know of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Traits {
    zone: u8,
    modifier: bool,
    ends_line: bool,
}

/// Codes of each zone in `ZONE_NAMES` order, as on a US keyboard.
const ZONE_CODES: [&[u16]; ZONES - 1] = [
    &[41, 2, 15, 16, 58, 30, 42, 44, 86, 29], // ` 1 Tab Q Caps A LShift Z 102nd LCtrl
    &[3, 17, 31, 45],                         // 2 W S X
    &[4, 18, 32, 46],                         // 3 E D C
    &[5, 6, 19, 20, 33, 34, 47, 48],          // 4 5 R T F G V B
    &[7, 8, 21, 22, 35, 36, 49, 50],          // 6 7 Y U H J N M
    &[9, 23, 37, 51],                         // 8 I K ,
    &[10, 24, 38, 52],                        // 9 O L .
    &[11, 12, 13, 25, 26, 27, 39, 40, 43, 53, 54, 97], // 0 - = P [ ] ; ' \ / RShift RCtrl
    &[57, 56, 100, 125, 126],                 // Space LAlt RAlt LMeta RMeta
];
/// Modifiers of shortcuts, which open menus, windows, screens: Ctrl, left Alt, Meta, and Caps Lock, which many have made
/// one of these. Right Alt writes letters.
const COMMAND_CODES: [u16; 6] = [29, 97, 56, 125, 126, 58];
const MODIFIER_CODES: [u16; 9] = [42, 54, 29, 97, 56, 100, 125, 126, 58];
/// Of the US keyboard.
const LETTER_CODES: [u16; 26] = [
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, // Q … P
    30, 31, 32, 33, 34, 35, 36, 37, 38, // A … L
    44, 45, 46, 47, 48, 49, 50, // Z … M
];
/// `, . ' -` of the US keyboard.
const MARK_CODES: [u16; 4] = [51, 52, 40, 12];

/// A key that no finger of the chart has: it moves the cursor, goes to another field or gives a command.
const OTHER: Traits = Traits { zone: ZONE_ED as u8, modifier: false, ends_line: true };

const TRAITS: [Traits; LAST_MAIN_KEY + 1] = {
    let mut traits = [OTHER; LAST_MAIN_KEY + 1];
    let mut zone = 0;
    while zone < ZONE_CODES.len() {
        let mut i = 0;
        while i < ZONE_CODES[zone].len() {
            traits[ZONE_CODES[zone][i] as usize] = Traits { zone: zone as u8, ends_line: false, ..OTHER };
            i += 1;
        }
        zone += 1;
    }
    let mut i = 0;
    while i < MODIFIER_CODES.len() {
        traits[MODIFIER_CODES[i] as usize].modifier = true;
        i += 1;
    }
    i = 0;
    while i < COMMAND_CODES.len() {
        traits[COMMAND_CODES[i] as usize].ends_line = true;
        i += 1;
    }
    traits[TAB as usize].ends_line = true;
    traits[BACKSPACE as usize].ends_line = false;
    traits
};

impl Key {
    /// `, . ' -` of the US keyboard.
    pub const US_MARKS: KeySet = KeySet::of_codes(&MARK_CODES);
    pub const US_LETTERS: KeySet = KeySet::of_codes(&LETTER_CODES);
    /// 1 … 0 and the two keys after them.
    pub const NUMBER_ROW: KeySet = KeySet::of_codes(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);

    /// The key with this Linux key code.
    pub const fn from_code(code: u16) -> Key {
        Key(code)
    }

    /// The key of a name as traces use them: the kernel's (`KEY_A`), rdev's (`KeyA`, `Return`) or a character that
    /// the key gives on a US keyboard (`a`, `A`). `None` if there is no such key.
    pub fn named(name: &str) -> Option<Key> {
        if name.starts_with("KEY_") {
            return kernel_key(name);
        }
        if let Ok(i) = RDEV_NAMES.binary_search_by_key(&name, |&(rdev, _)| rdev) {
            return kernel_key(RDEV_NAMES[i].1);
        }
        let mut characters = name.chars();
        match (characters.next()?, characters.next()) {
            (character, None) => character_key(character),
            _ => rdev_pattern(name),
        }
    }

    /// The kernel's name, for traces that the user records; `None` for a code that has none.
    ///
    /// Only `record` may ask: nothing else may learn which key it was.
    pub fn kernel_name(self) -> Option<&'static str> {
        KEY_NAMES.iter().find(|&&(_, code)| code == self.0).map(|&(name, _)| name)
    }

    /// Whether the two lie in one zone and are of one kind, whatever they write.
    pub(crate) fn is_of_kind_of(self, other: Key) -> bool {
        let kind = |key: Key| (key.traits(), key.is_shift(), key.is_altgr(), key.is_space(), key.is_eraser());
        kind(self) == kind(other)
    }

    /// Whether some layout may write a letter with it.
    pub fn may_write_letters(self) -> bool {
        let Traits { zone, modifier, ends_line } = self.traits();
        usize::from(zone) != ZONE_ED && !modifier && !ends_line && !self.is_space()
    }

    /// Every key that has a name.
    pub fn all() -> impl Iterator<Item = Key> {
        KEY_NAMES.iter().map(|&(_, code)| Key(code))
    }

    pub(crate) fn code(self) -> u16 {
        self.0
    }

    fn traits(self) -> Traits {
        TRAITS.get(usize::from(self.0)).copied().unwrap_or(OTHER)
    }

    /// Index into [`ZONE_NAMES`].
    pub(crate) fn zone(self) -> usize {
        usize::from(self.traits().zone)
    }

    pub(crate) fn is_modifier(self) -> bool {
        self.traits().modifier
    }

    /// Whether what follows is typed elsewhere, for all that is known: Enter, Tab, Escape, arrows, shortcuts.
    pub(crate) fn ends_line(self) -> bool {
        self.traits().ends_line
    }

    /// The two that send a line.
    pub(crate) fn is_enter(self) -> bool {
        matches!(self.0, ENTER | KEYPAD_ENTER)
    }

    pub(crate) fn is_shift(self) -> bool {
        matches!(self.0, LEFT_SHIFT | RIGHT_SHIFT)
    }

    /// Right Alt, which writes letters on many layouts.
    pub(crate) fn is_altgr(self) -> bool {
        self.0 == RIGHT_ALT
    }

    pub(crate) fn is_space(self) -> bool {
        self.0 == SPACE
    }

    /// Backspace. Delete ends a line, so it never counts.
    pub(crate) fn is_eraser(self) -> bool {
        self.0 == BACKSPACE
    }
}

fn kernel_key(name: &str) -> Option<Key> {
    KEY_NAMES.binary_search_by_key(&name, |&(kernel, _)| kernel).ok().map(|i| Key(KEY_NAMES[i].1))
}

/// `KeyA` … `KeyZ` (either case of the letter) and `Num0` … `Num9`.
fn rdev_pattern(name: &str) -> Option<Key> {
    let (prefix, last) = name.split_at_checked(3)?;
    let mut rest = last.chars();
    match (prefix, rest.next()?, rest.next()) {
        ("Key", letter, None) if letter.is_ascii_alphabetic() => character_key(letter),
        ("Num", digit, None) if digit.is_ascii_digit() => character_key(digit),
        _ => None,
    }
}

/// The key of a US keyboard that gives this character, with or without Shift.
fn character_key(character: char) -> Option<Key> {
    const ROWS: [(&str, &str, u16); 4] = [
        ("1234567890-=", "!@#$%^&*()_+", 2),
        ("qwertyuiop[]", "QWERTYUIOP{}", 16),
        ("asdfghjkl;'`", "ASDFGHJKL:\"~", 30),
        ("\\zxcvbnm,./", "|ZXCVBNM<>?", 43),
    ];
    if character == ' ' {
        return Some(Key(SPACE));
    }
    ROWS.iter().find_map(|&(plain, shifted, first)| {
        let column =
            plain.chars().position(|c| c == character).or_else(|| shifted.chars().position(|c| c == character));
        Some(Key(first + u16::try_from(column?).ok()?))
    })
}

/// rdev's names for keys that are neither letters nor digits, sorted.
const RDEV_NAMES: [(&str, &str); 35] = [
    ("Alt", "KEY_LEFTALT"),
    ("AltGr", "KEY_RIGHTALT"),
    ("BackQuote", "KEY_GRAVE"),
    ("BackSlash", "KEY_BACKSLASH"),
    ("Backspace", "KEY_BACKSPACE"),
    ("CapsLock", "KEY_CAPSLOCK"),
    ("Comma", "KEY_COMMA"),
    ("ControlLeft", "KEY_LEFTCTRL"),
    ("ControlRight", "KEY_RIGHTCTRL"),
    ("Delete", "KEY_DELETE"),
    ("Dot", "KEY_DOT"),
    ("DownArrow", "KEY_DOWN"),
    ("End", "KEY_END"),
    ("Equal", "KEY_EQUAL"),
    ("Escape", "KEY_ESC"),
    ("Home", "KEY_HOME"),
    ("IntlBackslash", "KEY_102ND"),
    ("LeftArrow", "KEY_LEFT"),
    ("LeftBracket", "KEY_LEFTBRACE"),
    ("MetaLeft", "KEY_LEFTMETA"),
    ("MetaRight", "KEY_RIGHTMETA"),
    ("Minus", "KEY_MINUS"),
    ("PageDown", "KEY_PAGEDOWN"),
    ("PageUp", "KEY_PAGEUP"),
    ("Quote", "KEY_APOSTROPHE"),
    ("Return", "KEY_ENTER"),
    ("RightArrow", "KEY_RIGHT"),
    ("RightBracket", "KEY_RIGHTBRACE"),
    ("SemiColon", "KEY_SEMICOLON"),
    ("ShiftLeft", "KEY_LEFTSHIFT"),
    ("ShiftRight", "KEY_RIGHTSHIFT"),
    ("Slash", "KEY_SLASH"),
    ("Space", "KEY_SPACE"),
    ("Tab", "KEY_TAB"),
    ("UpArrow", "KEY_UP"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_three_forms_mean_the_same_physical_key() {
        let key = |name| Key::named(name).unwrap_or_else(|| panic!("{name} is unknown"));
        for (kernel, others) in [
            ("KEY_A", ["KeyA", "a", "A", "Keya"].as_slice()),
            ("KEY_1", &["Num1", "1", "!"]),
            ("KEY_SPACE", &["Space", " "]),
            ("KEY_GRAVE", &["BackQuote", "`", "~"]),
            ("KEY_BACKSLASH", &["BackSlash", "\\", "|"]),
            ("KEY_APOSTROPHE", &["Quote", "'", "\""]),
            ("KEY_SLASH", &["Slash", "/", "?"]),
            ("KEY_M", &["m", "M"]),
            ("KEY_EQUAL", &["=", "+"]),
            ("KEY_102ND", &["IntlBackslash"]),
        ] {
            for other in others {
                assert!(key(other) == key(kernel), "{other} is not {kernel}");
            }
        }
    }

    #[test]
    fn names_that_no_key_has_are_unknown() {
        for name in ["", "KEY_", "KEY_NOSUCH", "Key", "KeyÄ", "Num", "Num٣", "return", "ä", "ab", "KEY_MAX", "BTN_LEFT"]
        {
            assert!(Key::named(name).is_none(), "{name:?} was taken for a key");
        }
    }

    #[test]
    fn the_kernel_agrees_on_every_name() {
        for (name, code) in KEY_NAMES {
            let Ok(kernel) = name.parse::<evdev::KeyCode>() else { continue };
            assert_eq!(kernel.code(), *code, "{name}");
        }
        assert!(KEY_NAMES.is_sorted_by_key(|(name, _)| name), "the binary search needs an order");
        assert!(RDEV_NAMES.is_sorted_by_key(|(name, _)| name), "the binary search needs an order");
    }

    #[test]
    fn debug_output_does_not_tell_which_key_it_was() {
        let shown: Vec<String> = Key::all().map(|key| format!("{key:?}")).collect();
        assert!(shown.iter().all(|text| text == "Key(…)"));
    }
}
