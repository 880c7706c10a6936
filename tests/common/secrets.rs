//! Secrets, what comes before and after them, and how they are typed.

use super::typing::{CLICK, FOCUS_KNOWN, FOCUS_UNKNOWN, LAYOUT, LOST, MOTION, PAUSE, Rhythm, TAP, WHEEL};
use proptest::prelude::*;

/// What may come before a secret that has a line of its own: the lock screen's shortcut and a long pause are among it.
pub fn line_begins() -> impl Strategy<Value = &'static str> {
    const BEGINS: [&str; 15] =
        ["\n", "\t", "◉", "⊞", "⊙", "⊘", "⏸", "⌘", "word ⌘", "⇪", "ab⌫⌫⌫", "↝", "⇕", "⌨", "word ⌨"];
    prop::sample::select(&BEGINS[..])
}

/// With or without something that begins a line.
pub fn places() -> impl Strategy<Value = &'static str> {
    prop_oneof![line_begins(), Just("")]
}

/// Where the focus is known, motion ends no line and is not among these.
pub fn line_ends_at_a_known_focus() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['\n', '\t', CLICK, FOCUS_KNOWN, FOCUS_UNKNOWN, TAP, LOST, PAUSE, LAYOUT, '⌘'])
}

pub fn line_ends() -> impl Strategy<Value = char> {
    prop_oneof![4 => line_ends_at_a_known_focus(), 1 => prop::sample::select(vec![MOTION, WHEEL])]
}

pub fn hands() -> impl Strategy<Value = Rhythm> {
    (1..1000_u64).prop_map(Rhythm::Hand)
}

/// Any hand, any program, any keyboard.
pub fn rhythms() -> impl Strategy<Value = Rhythm> {
    let quick = |rhythm: fn(u64) -> Rhythm| (1..1000_u64).prop_map(rhythm);
    prop_oneof![hands(), quick(Rhythm::Program), quick(Rhythm::FaultySwitches)]
}

pub fn passwords() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9!-/⇧⌫]{10}", "[a-z0-9;=⎇⇧]{10}", "[a-z]{10}"]
}

pub fn eight_words() -> impl Strategy<Value = String> {
    ["[a-z]{3}", "[a-z]{5}", "[a-z]{4}", "[a-z]{3}", "[a-z]{5}", "[a-z]{6}", "[a-z]{3}", "[a-z]{5}"]
        .prop_map(|words| words.join(" "))
}

/// Eight words of as many keys whatever they are, with AltGr, letters that the US keyboard does not have, and dead keys; a
/// space after one of these is none.
pub fn eight_accented_words() -> impl Strategy<Value = String> {
    let word = |keys: usize| {
        prop::collection::vec(0..30_usize, keys).prop_map(|choices| {
            let (mut word, mut left) = (String::new(), choices.len());
            for choice in choices {
                let next = match choice {
                    0..3 if left > 1 => ["⎇e", "⎇s", "⎇q"][choice],
                    3..5 if left > 1 => ["=a", "`o"][choice - 3],
                    5..10 if left > 1 => "= ",
                    _ => &"[;abcdefghijklmnopqrstuvwxyz[;"[choice..=choice],
                };
                // What is left over of the choices is not needed.
                if left >= next.chars().count() {
                    left -= next.chars().count();
                    word += next;
                }
            }
            word
        })
    };
    [word(4), word(3), word(6), word(5), word(3), word(4), word(7), word(3)].prop_map(|words| words.join(" "))
}

/// What may go wrong at a passphrase's end before it is erased: nothing, a digit, a pause before a letter.
pub fn slips() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "7", "x", "7x"][..]).prop_map(String::from)
}
