//! Which devices the configuration lets in: by name, by vendor and product, by path.

use crate::config;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Why a node that could be read is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// A pattern of `devices.exclude` matches.
    Excluded,
    /// `devices.include` has patterns, and none matches.
    NotIncluded,
    /// Nobody types or points with it.
    NoInput,
    /// Capture is paused.
    Paused,
}

impl Unread {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Unread::Excluded => "excluded by devices.exclude",
            Unread::NotIncluded => "not among devices.include",
            Unread::NoInput => "no keyboard, mouse, touchpad or absolute pointer",
            Unread::Paused => "closed while capture is paused",
        }
    }
}

/// What patterns look at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub path: &'a Path,
    pub name: &'a str,
    pub vendor: u16,
    pub product: u16,
    /// Whether it is a way of input at all.
    pub is_input: bool,
}

/// The patterns of `devices.include` and `devices.exclude`.
pub struct Selection {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

enum Pattern {
    Path(PathBuf),
    Id { vendor: u16, product: u16 },
    Name(String),
}

impl Selection {
    pub fn new(settings: &config::Devices) -> Selection {
        let parse = |patterns: &[String]| patterns.iter().map(|pattern| Pattern::parse(pattern)).collect();
        Selection { include: parse(&settings.include), exclude: parse(&settings.exclude) }
    }

    /// Whether a device is read: an exclusion beats everything; an inclusion beats what the device seems to be.
    pub fn admit(&self, device: Candidate) -> Result<(), Unread> {
        let matched = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(device));
        if matched(&self.exclude) {
            Err(Unread::Excluded)
        } else if matched(&self.include) {
            Ok(())
        } else if !self.include.is_empty() {
            Err(Unread::NotIncluded)
        } else if device.is_input {
            Ok(())
        } else {
            Err(Unread::NoInput)
        }
    }

    /// The folders of paths in patterns: a link in one of them decides about a node, and udev makes links after nodes.
    pub fn link_folders(&self) -> impl Iterator<Item = &Path> {
        self.include.iter().chain(&self.exclude).filter_map(|pattern| match pattern {
            Pattern::Path(path) => path.parent(),
            _ => None,
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Pattern {
        let hexadecimal = |text: &str| {
            let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_id.then(|| u16::from_str_radix(text, 16).ok()).flatten()
        };
        if text.starts_with('/') {
            return Pattern::Path(text.into());
        }
        match text.split_once(':').map(|(vendor, product)| (hexadecimal(vendor), hexadecimal(product))) {
            Some((Some(vendor), Some(product))) => Pattern::Id { vendor, product },
            _ => Pattern::Name(text.to_owned()),
        }
    }

    fn matches(&self, device: Candidate) -> bool {
        match self {
            Pattern::Path(path) => {
                path == device.path
                    || fs::canonicalize(path)
                        .is_ok_and(|target| fs::canonicalize(device.path).is_ok_and(|path| path == target))
            }
            Pattern::Id { vendor, product } => (*vendor, *product) == (device.vendor, device.product),
            Pattern::Name(pattern) => matches_name(pattern.as_bytes(), device.name.as_bytes()),
        }
    }
}

/// Whether a name matches a pattern in which `*` stands for any text. The case of ASCII letters is ignored.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last star does not match: the star takes one byte more.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, n + 1));
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[n]) => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, from)) => {
                    (p, n) = (star, from);
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyboard() -> Candidate<'static> {
        let path = Path::new("/dev/input/event3");
        Candidate { path, name: "AT Translated Set 2 keyboard", vendor: 0x0001, product: 0xab41, is_input: true }
    }

    fn lid() -> Candidate<'static> {
        let path = Path::new("/dev/input/event0");
        Candidate { path, name: "Lid Switch", vendor: 0, product: 5, is_input: false }
    }

    fn admit(include: &[&str], exclude: &[&str], device: Candidate) -> Result<(), Unread> {
        let owned = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Selection::new(&config::Devices { include: owned(include), exclude: owned(exclude) }).admit(device)
    }

    #[test]
    fn without_patterns_every_way_of_input_is_read_and_nothing_else() {
        assert_eq!(admit(&[], &[], keyboard()), Ok(()));
        assert_eq!(admit(&[], &[], lid()), Err(Unread::NoInput));
    }

    #[test]
    fn a_device_is_matched_by_name_by_id_and_by_path() {
        for pattern in
            ["AT Translated Set 2 keyboard", "at*KEYBOARD", "*set*", "1:ab41", "0001:AB41", "/dev/input/event3"]
        {
            assert_eq!(admit(&[], &[pattern], keyboard()), Err(Unread::Excluded), "{pattern}");
            assert_eq!(admit(&[pattern], &[], keyboard()), Ok(()), "{pattern}");
        }
        for pattern in ["AT Translated", "keyboard", "*mouse*", "1:ab42", "ab41", "/dev/input/event30", ""] {
            assert_eq!(admit(&[], &[pattern], keyboard()), Ok(()), "{pattern}");
            assert_eq!(admit(&[pattern], &[], keyboard()), Err(Unread::NotIncluded), "{pattern}");
        }
    }

    #[test]
    fn exclusion_beats_inclusion_and_inclusion_beats_what_the_device_seems_to_be() {
        assert_eq!(admit(&["*"], &["1:ab41"], keyboard()), Err(Unread::Excluded));
        assert_eq!(admit(&["Lid*"], &[], lid()), Ok(()));
    }

    #[test]
    fn a_name_with_a_colon_is_no_id() {
        let device = Candidate { name: "Receiver: keys", ..keyboard() };
        assert_eq!(admit(&[], &["receiver: keys"], device), Err(Unread::Excluded));
        assert_eq!(admit(&[], &["+1:ab41"], keyboard()), Ok(()), "a sign is no hexadecimal digit");
    }

    #[test]
    fn a_link_stands_for_the_node_that_it_leads_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let (node, link) = (folder.path().join("event3"), folder.path().join("usb-keyboard"));
        fs::write(&node, "").expect("a file");
        let device = Candidate { path: &node, ..keyboard() };
        let pattern = link.to_str().expect("UTF-8");
        assert_eq!(admit(&[], &[pattern], device), Ok(()), "the link is not there yet");
        std::os::unix::fs::symlink("event3", &link).expect("a link");
        assert_eq!(admit(&[], &[pattern], device), Err(Unread::Excluded));
    }

    proptest! {
        #[test]
        fn a_pattern_matches_exactly_the_names_that_have_its_parts_in_order(
            parts in prop::collection::vec("[ab]{0,3}", 1..4),
            fillers in prop::collection::vec("[ab]{0,3}", 3),
            name in "[ab]{0,8}",
        ) {
            let pattern = parts.join("*");
            let built: String =
                parts.iter().enumerate().map(|(i, part)| if i == 0 { part.clone() } else { fillers[i - 1].clone() + part }).collect();
            prop_assert!(matches_name(pattern.as_bytes(), built.as_bytes()));
            prop_assert_eq!(matches_name(pattern.as_bytes(), name.as_bytes()), matches_by_trying(&pattern, &name));
        }
    }

    /// The definition, slow: a star takes any number of characters.
    fn matches_by_trying(pattern: &str, name: &str) -> bool {
        match pattern.split_at_checked(1) {
            None => name.is_empty(),
            Some(("*", rest)) => (0..=name.len()).any(|taken| matches_by_trying(rest, &name[taken..])),
            Some((first, rest)) => name.strip_prefix(first).is_some_and(|name| matches_by_trying(rest, name)),
        }
    }
}
