//! What a key's symbols write: a part of a plain word, an accent for the letter after it, or something else.

use crate::event::{Key, Layout};
use std::ops::RangeInclusive;
use xkeysym::Keysym;

/// The symbols of a key: alone, with Shift, with AltGr. 0 for none.
pub(super) type Symbols = [u32; 3];

/// Marks within and after words: comma, full stop, apostrophe and hyphen, in the scripts that have their own.
const MARKS: &str = ",.'-’‐‑·־׳״،۔।॥։՝、。゛゜་\u{200c}\u{200d}";

/// Signs that are written over, under or after a letter of their script and are letters of words there, though Unicode
/// does not call them alphabetic: tones, and what joins or silences letters.
const SIGNS: [RangeInclusive<char>; 12] = [
    '\u{300}'..='\u{36f}', // Latin, Greek, Cyrillic
    '\u{591}'..='\u{5c7}', // Hebrew
    '\u{64b}'..='\u{65f}', // Arabic
    '\u{670}'..='\u{670}',
    '\u{6d6}'..='\u{6ed}',
    '\u{dca}'..='\u{dca}',   // Sinhala
    '\u{e47}'..='\u{e4e}',   // Thai
    '\u{ec8}'..='\u{ecd}',   // Lao
    '\u{1037}'..='\u{103a}', // Burmese
    '\u{17c9}'..='\u{17d3}', // Khmer
    '\u{302a}'..='\u{302f}', // Chinese, Korean
    '\u{3099}'..='\u{309a}', // Japanese
];

/// The layout of a keyboard with these keys.
pub(super) fn layout(keys: impl IntoIterator<Item = (Key, Symbols)>) -> Layout {
    let keys: Vec<_> = keys.into_iter().filter(|(key, _)| key.may_write_letters()).collect();
    let that = |writes: &dyn Fn(Symbols) -> bool| {
        keys.iter().filter(|&&(_, symbols)| writes(symbols)).map(|&(key, _)| key).collect()
    };
    Layout {
        plain: that(&|[plain, ..]| is_of_word(plain)),
        shift: that(&|[plain, shift, _]| is_of_word(if shift == 0 { plain } else { shift })),
        altgr: that(&|[.., altgr]| is_of_word(altgr)),
        accents: that(&|[plain, ..]| is_accent(plain)),
        shift_accents: that(&|[_, shift, _]| is_accent(shift)),
    }
}

/// Whether a symbol writes a letter or a mark of a plain word, in whichever script.
fn is_of_word(keysym: u32) -> bool {
    Keysym::new(keysym).key_char().is_some_and(|c| c.is_alphabetic() || MARKS.contains(c) || is_sign(c))
}

fn is_sign(c: char) -> bool {
    // Nukta, virama and accents lie at the same places of each Indic script's block.
    let is_indic = ('\u{900}'..'\u{e00}').contains(&c) && matches!(u32::from(c) & 0x7f, 0x3c | 0x4d | 0x51..=0x54);
    is_indic || SIGNS.iter().any(|signs| signs.contains(&c))
}

/// Whether a symbol is a dead key for an accent, which shows on the letter that is typed next.
fn is_accent(keysym: u32) -> bool {
    const DEAD_KEYS: RangeInclusive<u32> = 0xfe50..=0xfe93;
    // These two write signs of their own.
    const DEAD_CURRENCY: u32 = 0xfe6f;
    const DEAD_GREEK: u32 = 0xfe8c;
    DEAD_KEYS.contains(&keysym) && ![DEAD_CURRENCY, DEAD_GREEK].contains(&keysym)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of_word(keysyms: &[u32]) -> bool {
        keysyms.iter().all(|&keysym| is_of_word(keysym))
    }

    #[test]
    fn letters_of_every_script_are_letters_in_the_old_and_in_the_unicode_form() {
        assert!(all_of_word(&[0x61, 0x5a, 0xf6, 0xe9, 0xdf, 0xf1])); // a Z ö é ß ñ
        assert!(all_of_word(&[0x1b1, 0x1e6, 0x1ea, 0x1f8])); // ą ć ę ř, as of Latin 2
        assert!(all_of_word(&[0x6c1, 0x6da, 0x6df, 0x100_0451])); // а з Ъ ё
        assert!(all_of_word(&[0x7e1, 0x7f9, 0x7f3])); // α ω ς
        assert!(all_of_word(&[0xce0, 0xcf9, 0x100_05d0])); // א ש
        assert!(all_of_word(&[0x5c7, 0x5e1, 0x100_067e])); // ا ف پ
        assert!(all_of_word(&[0x100_0915, 0x100_093e, 0x100_094d, 0x100_093c])); // क ा ् ़
        assert!(all_of_word(&[0xda1, 0xdd1, 0xde8, 0xdeb])); // ก ั ่ ๋
        assert!(all_of_word(&[0x4b1, 0x4b0, 0x4de])); // ア ー ゛
        assert!(all_of_word(&[0x100_0561, 0x100_10d0, 0x100_1200])); // Armenian, Georgian, Ethiopic
    }

    #[test]
    fn comma_full_stop_apostrophe_and_hyphen_are_of_words_and_other_marks_are_not() {
        assert!(all_of_word(&[0x2c, 0x2e, 0x27, 0x2d, 0x100_2019, 0x5ac, 0x100_0964])); // , . ' - ’ ، ।
        for keysym in [0x3b, 0x3a, 0x2f, 0x40, 0x5f, 0x28, 0x21, 0x24, 0x20ac, 0x5b, 0x7c] {
            assert!(!is_of_word(keysym), "{keysym:#x}");
        }
    }

    #[test]
    fn digits_of_every_script_are_no_letters() {
        for keysym in [0x30, 0x39, 0x100_0661, 0x100_06f1, 0x100_0967, 0xdf1, 0xffb5] {
            assert!(!is_of_word(keysym), "{keysym:#x}");
        }
    }

    #[test]
    fn keys_that_write_nothing_are_no_letters() {
        // NoSymbol, Return, Shift_L, Multi_key, ISO_Level3_Shift, F1, a key of the keypad, none that there is
        for keysym in [0, 0xff0d, 0xffe1, 0xff20, 0xfe03, 0xffbe, 0xffaa, 0xffff_ffff] {
            assert!(!is_of_word(keysym) && !is_accent(keysym), "{keysym:#x}");
        }
    }

    #[test]
    fn dead_keys_are_accents_but_those_that_write_signs_of_their_own() {
        for keysym in [0xfe50, 0xfe51, 0xfe52, 0xfe53, 0xfe57, 0xfe5a, 0xfe5b] {
            assert!(is_accent(keysym), "{keysym:#x}");
        }
        assert!(!is_accent(0xfe6f) && !is_accent(0xfe8c) && !is_accent(0x61));
    }

    fn has(set: crate::event::KeySet, name: &str) -> bool {
        set.contains(Key::named(name).expect("a key"))
    }

    #[test]
    fn a_key_is_a_letter_on_the_levels_that_write_one() {
        let keys = [
            (3, [0xe9, 0x32, 0xfe50]),  // é, 2, dead grave
            (16, [0x61, 0, 0]),         // a, and so A
            (18, [0x65, 0x45, 0x20ac]), // e, E, €
            (27, [0xfe52, 0xfe57, 0]),  // dead circumflex, dead diaeresis
            (41, [0xfe52, 0xb0, 0]),    // dead circumflex, °
            (30, [0x61, 0x41, 0x1b1]),  // a, A, ą
        ];
        let Layout { plain, shift, altgr, accents, shift_accents } =
            layout(keys.map(|(code, symbols)| (Key::from_code(code), symbols)));
        assert!(has(plain, "KEY_2") && !has(shift, "KEY_2") && !has(altgr, "KEY_2"));
        assert!(has(plain, "KEY_Q") && has(shift, "KEY_Q") && !has(altgr, "KEY_Q"));
        assert!(has(plain, "KEY_E") && !has(altgr, "KEY_E"));
        assert!(has(accents, "KEY_RIGHTBRACE") && !has(plain, "KEY_RIGHTBRACE") && !has(shift, "KEY_RIGHTBRACE"));
        assert!(has(shift_accents, "KEY_RIGHTBRACE"));
        assert!(has(accents, "KEY_GRAVE") && !has(shift_accents, "KEY_GRAVE"));
        assert!(has(altgr, "KEY_A") && !has(accents, "KEY_A"));
    }

    #[test]
    fn space_enter_tab_backspace_modifiers_and_the_keypad_write_no_letters_whatever_they_are_made() {
        let codes = [1, 14, 15, 28, 29, 42, 54, 55, 56, 57, 58, 71, 79, 83, 96, 97, 98, 100, 119, 125, 126];
        assert_eq!(layout(codes.map(|code| (Key::from_code(code), [0x61, 0x41, 0x1b1]))), layout([]));
    }
}
