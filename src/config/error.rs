//! Where a setting came from, and the one error that says what is wrong with it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The configuration file; lines count from 1.
    File {
        path: Arc<Path>,
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A file that holds one secret.
    SecretFile(PathBuf),
}

impl Origin {
    /// A word for programs: which kind of place it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Environment(_) => "environment",
            Origin::SecretFile(_) => "secret_file",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(variable) => write!(f, "environment: {variable}"),
            Origin::SecretFile(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A mistake in the configuration: one line that names the place, the key and what would be right. It never holds a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(super) fn new(text: impl fmt::Display) -> ConfigError {
        // A path or a key may hold a line break; the error is one line all the same.
        let mut line = String::new();
        for c in text.to_string().chars() {
            if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
        }
        ConfigError(line)
    }

    /// A mistake in the setting of a key. A variable names its key already.
    pub(super) fn at(origin: &Origin, key: &str, problem: impl fmt::Display) -> ConfigError {
        match origin {
            Origin::Environment(_) => ConfigError::new(format_args!("{origin}: {problem}")),
            _ => ConfigError::new(format_args!("{origin}: {key}: {problem}")),
        }
    }
}

/// A text as a word of a shell's command.
pub fn shell_word(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    let is_plain = !text.is_empty() && text.chars().all(plain);
    if is_plain { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_unusual_characters_is_quoted_for_the_shell() {
        assert_eq!(shell_word("/etc/seclyzer/config.toml"), "/etc/seclyzer/config.toml");
        assert_eq!(shell_word("/tmp/it's here"), r"'/tmp/it'\''s here'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn an_error_is_one_line_whatever_it_names() {
        assert_eq!(ConfigError::new("a\nb\u{1b}").to_string(), r"a\nb\u{1b}");
    }
}
