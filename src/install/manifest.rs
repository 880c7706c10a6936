//! The record of what installing changes, by which it is taken back.

use super::hands::Hands;
use super::{GROUP, InstallError, System};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// How one change is taken back. Doing that twice, or before the change was made, changes nothing more; leaving a group
/// that the account is not in fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// It was not there before.
    Remove(PathBuf),
    /// What was there before has this name and the suffix [`SAVED`].
    Restore(PathBuf),
    /// Unless something is in it by then.
    RemoveFolder(PathBuf),
    /// An older version of ours was there, which has this name and the suffix [`OLDER`] until the newer one stays.
    GoBack(PathBuf),
    Leave {
        user: String,
    },
}

/// Suffix of what was there before.
pub const SAVED: &str = ".before-seclyzer";
pub const OLDER: &str = ".older-seclyzer";
/// Extension of a manifest that is being written.
const NEW: &str = "new";

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undo::Remove(path) => write!(f, "remove {}", path.display()),
            Undo::Restore(path) => write!(f, "restore {} from {}{SAVED}", path.display(), path.display()),
            Undo::RemoveFolder(path) => write!(f, "remove {}/ if it is empty", path.display()),
            Undo::GoBack(path) => write!(f, "go back to the older {}", path.display()),
            Undo::Leave { user } => write!(f, "take {user} out of the group {GROUP}"),
        }
    }
}

/// What installing has changed or was about to change, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub changes: Vec<Undo>,
}

impl Manifest {
    /// Whether this path was put there by an installation.
    pub fn has(&self, path: &Path) -> bool {
        self.changes.iter().any(|change| matches!(change, Undo::Remove(own) | Undo::Restore(own) if own == path))
    }

    /// Adds a change; whether that is news.
    pub fn add(&mut self, undo: Undo) -> bool {
        let is_known = match &undo {
            // Restoring removes as well.
            Undo::Remove(path) => self.has(path),
            other => self.changes.contains(other),
        };
        if !is_known {
            self.changes.push(undo);
        }
        !is_known
    }
}

/// What an earlier installation has changed; nothing, if there was none.
pub fn read(system: &System, path: &Path) -> Result<Manifest, InstallError> {
    let failed = |source| InstallError::Manifest { path: path.to_owned(), source };
    match fs::read(system.at(path)) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(failed(error)),
    }
}

/// Replaces the file with this manifest, or removes it where nothing is left to take back. At no time is there half a
/// manifest, not even after a power cut.
pub fn keep(manifest: &Manifest, path: &Path, system: &System, hands: &mut Hands<'_>) -> io::Result<()> {
    let (place, as_root) = (system.at(path), system.is_root_s(path));
    if manifest.changes.is_empty() {
        return remove(path, system, hands);
    }
    let new = system.at(&path.with_extension(NEW));
    hands.remove(&new, as_root)?;
    hands.write(&new, &serde_json::to_vec_pretty(manifest)?, 0o644, as_root)?;
    File::open(&new)?.sync_all()?;
    hands.rename(&new, &place, as_root)
}

/// Removes the file, and what writing it may have left.
pub(super) fn remove(path: &Path, system: &System, hands: &mut Hands<'_>) -> io::Result<()> {
    let as_root = system.is_root_s(path);
    hands.remove(&system.at(&path.with_extension(NEW)), as_root)?;
    hands.remove(&system.at(path), as_root)
}

pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
