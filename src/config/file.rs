//! The text of a configuration file to a layer of settings.

use super::error::{ConfigError, Origin, shell_word};
use super::keys::{self, KEYS, Key, nearest};
use super::settings::Layer;
use super::value::{Value, clipped, type_name};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use zeroize::Zeroizing;

/// A configuration file as it was found.
pub struct ConfigFile {
    pub path: PathBuf,
    pub text: Zeroizing<String>,
    /// Permission bits.
    pub mode: u32,
    /// Whether its group is the one that its owner's account has for itself.
    pub has_own_group: bool,
}

/// Bits of a mode by which anybody but the owner has a part in a file.
pub(super) const OTHERS: u32 = 0o077;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

impl ConfigFile {
    pub(super) fn layer(&self) -> Result<Layer, ConfigError> {
        self.refuse_foreign_hands()?;
        let path: Arc<Path> = Arc::from(self.path.as_path());
        let at = |offset: usize| Origin::File { path: path.clone(), line: line_of(&self.text, offset) };
        let document = DeTable::parse(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let (origin, problem) = (at(offset), error.message());
            match key_at(&self.text, offset) {
                Some(key) if problem == "duplicate key" => {
                    ConfigError::at(&origin, key.name, "set twice; each key once")
                }
                Some(key) => ConfigError::at(&origin, key.name, format!("{problem}; {}", key.kind.expects())),
                None => ConfigError::new(format_args!("{origin}: {problem}")),
            }
        })?;
        let mut layer = Layer::default();
        for (name, value) in by_line(document.get_ref()) {
            let origin = at(name.span().start);
            let section = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) if keys::sections().any(|known| known == section) => {
                    for (name, value) in by_line(table) {
                        read_key(&mut layer, section, name.get_ref(), value.get_ref(), at(name.span().start))?;
                    }
                }
                other => return Err(misplaced(section, other, &origin)),
            }
        }
        let layer = layer.settle()?;
        self.refuse_exposed_secret(&layer)?;
        Ok(layer)
    }

    /// Who may write to it may have the records sent elsewhere.
    fn refuse_foreign_hands(&self) -> Result<(), ConfigError> {
        let foreign = if self.has_own_group { OTHERS_WRITE } else { OTHERS_WRITE | GROUP_WRITES };
        // What is written to a device such as /dev/null is not read from it.
        if self.mode & libc::S_IFMT != libc::S_IFREG || self.mode & foreign == 0 {
            return Ok(());
        }
        let (mode, mend) = (self.mode & 0o777, shell_word(&self.path));
        let path = self.path.display();
        Err(ConfigError::new(format_args!("{path}: others may write to it (mode {mode:03o}); chmod go-w {mend}")))
    }

    fn refuse_exposed_secret(&self, layer: &Layer) -> Result<(), ConfigError> {
        match layer.secret() {
            Some((key, setting)) if self.mode & OTHERS != 0 => {
                let mend = shell_word(&self.path);
                let problem = format!("a secret in a file that others may read; chmod 600 {mend}");
                Err(ConfigError::at(&setting.origin, key, problem))
            }
            _ => Ok(()),
        }
    }
}

fn read_key(
    layer: &mut Layer,
    section: &str,
    name: &str,
    value: &DeValue<'_>,
    origin: Origin,
) -> Result<(), ConfigError> {
    let written = format!("{section}.{name}");
    let Some(key) = keys::find(&written) else {
        return Err(ConfigError::at(&origin, &clipped(&written), unknown_key(section, name)));
    };
    // An empty text is as if the key were not set, also where only some texts are right.
    let is_unset = key.kind.is_textual() && value.as_str() == Some("");
    if !is_unset {
        let value = Value::from_toml(key.kind, value).map_err(|problem| ConfigError::at(&origin, key.name, problem))?;
        layer.set(key.name, value, origin);
    }
    Ok(())
}

/// What to say of a name that is no key of its section.
fn unknown_key(section: &str, name: &str) -> String {
    let of_section: Vec<_> = KEYS.iter().filter(|key| key.section() == section).map(Key::short_name).collect();
    let longer = || of_section.iter().copied().find(|short_name| short_name.starts_with(name));
    if let Some(short_name) = nearest(name, of_section.iter().copied()).or_else(longer) {
        return format!("unknown key; did you mean {section}.{short_name}?");
    }
    match KEYS.iter().find(|key| key.short_name() == name) {
        Some(elsewhere) => format!("unknown key; did you mean {}?", elsewhere.name),
        None => format!("unknown key; [{section}] knows {}", of_section.join(", ")),
    }
}

/// What to say of a name at the top level that is no section.
fn misplaced(name: &str, value: &DeValue<'_>, origin: &Origin) -> ConfigError {
    let shown = clipped(name);
    let key = KEYS.iter().find(|key| key.short_name() == name);
    let section = nearest(name, keys::sections());
    match (value, section, key) {
        (DeValue::Table(_), Some(section), _) => {
            ConfigError::at(origin, &format!("[{shown}]"), format!("unknown section; did you mean [{section}]?"))
        }
        (DeValue::Table(_), None, _) => {
            let known: Vec<_> = keys::sections().collect();
            ConfigError::at(origin, &format!("[{shown}]"), format!("unknown section; known are {}", known.join(", ")))
        }
        (_, Some(section), _) if section == name => {
            ConfigError::at(origin, &shown, format!("found {}; a section [{section}]", type_name(value)))
        }
        (_, _, Some(key)) => {
            ConfigError::at(origin, &shown, format!("a key outside of its section; did you mean {}?", key.name))
        }
        (_, _, None) => ConfigError::at(origin, &shown, "unknown key; every key belongs to a section, as in [window]"),
    }
}

/// Entries in the order of the file, so that the first mistake is the one that is told.
fn by_line<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The key that the line around `offset` sets, where the text as a whole is not TOML and can only be looked at by line.
fn key_at(text: &str, offset: usize) -> Option<&'static Key> {
    let lines: Vec<&str> = text.lines().take(line_of(text, offset)).collect();
    let (name, _) = lines.last()?.split_once('=')?;
    let header = |line: &&str| line.trim().strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
    let section = lines.iter().rev().find_map(header)?;
    keys::find(&format!("{section}.{}", name.trim()))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
