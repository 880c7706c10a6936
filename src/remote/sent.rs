//! What a server says, made fit for a log: without anything that we have sent to it.
//!
//! A server, or a proxy before it, may repeat a request: the token in a header, the arguments of a command, a line that
//! it cannot parse. Nothing is cut out of such a text, since what is cut out shows by its gap, and a token that is an
//! ordinary word stands in other places too. A text is quoted as a whole or left out as a whole; what it means is said
//! in our own words either way.

use crate::config::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// So many characters of a secret in a row are a part of it that must not be shown.
const PART: usize = 4;

/// What of our requests must not come back in a log.
#[derive(Default)]
pub struct Sent {
    /// In lower case, in each form in which they are sent.
    secrets: Vec<Zeroizing<String>>,
    /// How records begin in a request.
    contents: Vec<String>,
}

impl Sent {
    /// A request's body by what every record in it begins with.
    pub fn with_contents(contents: impl IntoIterator<Item = String>) -> Sent {
        Sent { secrets: Vec::new(), contents: contents.into_iter().collect() }
    }

    /// Adds a secret, as it is and as a URL has it.
    pub fn and_secret(mut self, secret: &Secret) -> Sent {
        self.add(secret.expose());
        self.add(&utf8_percent_encode(secret.expose(), NON_ALPHANUMERIC).to_string());
        self
    }

    /// Adds a text that is as secret.
    pub fn add(&mut self, text: &str) {
        let lower = Zeroizing::new(text.to_lowercase());
        if !lower.is_empty() && !self.secrets.contains(&lower) {
            self.secrets.push(lower);
        }
    }

    /// What has happened in our own words, and what was said of it, if that may be shown.
    pub fn reason(&self, what: &str, said: &str) -> String {
        match printable(said) {
            shown if shown.is_empty() => what.to_owned(),
            _ if self.is_in(said) => format!("{what} (details are left out, for they repeat what was sent)"),
            shown if what.is_empty() => shown,
            shown => format!("{what}: {shown}"),
        }
    }

    /// Whether a text holds a part of what was sent.
    fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.contents.iter().any(|begin| text.contains(begin)) || self.secrets.iter().any(|s| has_part(&lower, s))
    }
}

fn has_part(text: &str, secret: &str) -> bool {
    let starts: Vec<usize> = secret.char_indices().map(|(start, _)| start).chain([secret.len()]).collect();
    let part = PART.min(starts.len() - 1);
    starts.iter().zip(&starts[part..]).any(|(&start, &end)| text.contains(&secret[start..end]))
}

/// A text on one line and of bounded length.
fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut characters = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT_OUT: &str = "401 (details are left out, for they repeat what was sent)";

    fn sent(secret: &str) -> Sent {
        Sent::default().and_secret(&Secret::new(secret))
    }

    #[test]
    fn a_server_cannot_forge_log_lines_or_flood_the_log() {
        let told = sent("s3cr3t").reason("401", &format!("no\nERROR \x1b[31m {}", "x".repeat(1000)));
        assert!(told.starts_with("401: no ERROR  [31m xxx"), "{told}");
        assert_eq!(told.chars().count(), "401: ".len() + 201);
        assert_eq!(sent("").reason("401", "  short\n"), "401: short");
        assert_eq!(sent("").reason("401", "\n"), "401");
    }

    #[test]
    fn a_text_that_repeats_a_secret_of_any_length_is_left_out_as_a_whole() {
        for length in 1..=8 {
            let secret = &"Zq%9wX4k"[..length];
            for text in
                [format!("token {secret} is wrong"), secret.to_owned(), format!("ab{secret}cd"), secret.to_lowercase()]
            {
                assert_eq!(sent(secret).reason("401", &text), LEFT_OUT, "{secret}: {text}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_an_ordinary_word_neither_shows_nor_tears_other_words_apart() {
        assert_eq!(sent("write").reason("401", "partial write: write denied to Write"), LEFT_OUT);
        assert_eq!(sent("write").reason("401", "rewriting is not allowed"), LEFT_OUT);
        assert_eq!(sent("write").reason("401", "unauthorized access"), "401: unauthorized access");
    }

    #[test]
    fn neither_does_a_part_of_a_secret_show_nor_another_form_of_it() {
        let sent = sent("s3cr3t of/mine");
        for text in ["begins with s3cr…", "ends in mine", "S3CR3T", "?p=s3cr3t%20of%2Fmine", "%20of%2F"] {
            assert_eq!(sent.reason("401", text), LEFT_OUT, "{text}");
        }
        assert_eq!(sent.reason("401", "s3c min"), "401: s3c min", "three characters tell nothing");
    }

    #[test]
    fn a_record_that_comes_back_is_left_out() {
        let sent = Sent::with_contents(["mouse_features,".to_owned()]);
        assert_eq!(sent.reason("401", "unable to parse 'mouse_features,host=h speed=1': bad"), LEFT_OUT);
        assert_eq!(sent.reason("401", "on measurement \"mouse_features\""), "401: on measurement \"mouse_features\"");
    }
}
