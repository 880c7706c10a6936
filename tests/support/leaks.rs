//! A text to type, and the search for it, or for any key, in what was written.

/// No record, name or message holds these letters in a row by chance.
pub const MARKER: &str = "zqxjvkw";
/// The kernel's codes of its keys.
const MARKER_CODES: [u16; 7] = [44, 16, 45, 36, 47, 37, 17];

/// Each text in which a key's identity, or the typed text, shows.
pub fn leaks(what: &str, text: &str) -> Vec<String> {
    let codes = |separator: &str| MARKER_CODES.map(|code| code.to_string()).join(separator);
    let lower = text.to_lowercase();
    let mut needles = vec![MARKER.to_owned(), codes(","), codes(", "), codes(" "), "\"key\"".into()];
    needles.extend(MARKER.chars().map(|letter| format!("key_{letter}\"")));
    let mut found: Vec<String> = needles.into_iter().filter(|needle| lower.contains(needle)).collect();
    // KEY_A, KeyA, Key(30)
    let names = text.match_indices("KEY_").map(|(i, _)| i + 4).filter(|&i| next_is(text, i, char::is_alphanumeric));
    found.extend(names.map(|i| excerpt(text, i)));
    let names = text.match_indices("Key").map(|(i, _)| i + 3);
    found.extend(names.filter(|&i| is_key_name(&text[i..])).map(|i| excerpt(text, i)));
    found.into_iter().map(|found| format!("{what}: {found}")).collect()
}

fn next_is(text: &str, i: usize, is: impl Fn(char) -> bool) -> bool {
    text[i..].chars().next().is_some_and(is)
}

/// One capital and then no letter, or a number in brackets.
fn is_key_name(rest: &str) -> bool {
    let mut rest = rest.chars();
    match rest.next() {
        Some('(') => rest.next().is_some_and(|c| c.is_ascii_digit()),
        Some(letter) => letter.is_ascii_uppercase() && !rest.next().is_some_and(char::is_alphanumeric),
        None => false,
    }
}

fn excerpt(text: &str, i: usize) -> String {
    text.chars().skip(text[..i].chars().count().saturating_sub(12)).take(40).collect()
}
