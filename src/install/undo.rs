//! Taking an installation back, in an order in which whatever fails can be tried again.

use super::hands::Hands;
use super::manifest::{self, OLDER, SAVED, suffixed};
use super::{Command, GROUP, InstallError, Manifest, System, Undo, Way, data, running};
use std::io;
use std::path::{Path, PathBuf};

/// What was not taken back, since one change could not be.
#[derive(Debug)]
pub struct Left {
    pub changes: Vec<Undo>,
    pub why: String,
}

/// Takes away what is in the manifest, then `purged`, then the manifest, then folders that are empty by then. What of
/// `purged` is still there is returned.
///
/// # Errors
/// The agent still runs, and nothing was changed; or a change could not be taken back, and the manifest has what is left.
pub fn uninstall(
    way: Way,
    manifest: &Manifest,
    purged: &[PathBuf],
    system: &System,
    hands: &mut Hands<'_>,
) -> Result<Vec<String>, InstallError> {
    if let Some(who) = running::holder(way, system) {
        return Err(InstallError::Running { who });
    }
    let manifest_path = system.manifest_path(way);
    if let Err(Left { changes, why }) = take_back(&manifest.changes, system, hands) {
        // Where this fails it lists too much; what is taken back twice stays as it is.
        let _ = manifest::keep(&Manifest { changes }, &manifest_path, system, hands);
        return Err(InstallError::Left { why });
    }
    let troubles = data::purge(purged, system);
    let removed = manifest::remove(&manifest_path, system, hands);
    removed.map_err(|source| InstallError::Manifest { path: manifest_path, source })?;
    remove_folders(&manifest.changes, system, hands);
    Ok(troubles)
}

/// The order in which changes are taken back: root's first, for a password may be refused, and the program last, for it
/// is what can try again; else the newest first. Folders are a matter of their own.
pub fn in_order<'a>(changes: &'a [Undo], system: &System) -> Vec<&'a Undo> {
    let mut order: Vec<&Undo> = changes.iter().rev().filter(|undo| !is_folder(undo)).collect();
    order.sort_by_key(|undo| match undo {
        Undo::Leave { .. } => (false, false),
        Undo::Remove(path) | Undo::Restore(path) | Undo::GoBack(path) | Undo::RemoveFolder(path) => {
            (path.ends_with("bin/seclyzer"), !system.is_root_s(path))
        }
    });
    order
}

fn is_folder(undo: &Undo) -> bool {
    matches!(undo, Undo::RemoveFolder(_))
}

/// Takes changes back, but for folders, and stops at the first that cannot be.
pub(super) fn take_back(changes: &[Undo], system: &System, hands: &mut Hands<'_>) -> Result<(), Left> {
    let order = in_order(changes, system);
    for (i, &undo) in order.iter().enumerate() {
        if let Err(error) = take_one_back(undo, system, hands) {
            let is_left = |change: &&Undo| is_folder(change) || order[i..].contains(change);
            let left = changes.iter().filter(is_left).cloned().collect();
            return Err(Left { changes: left, why: format!("{undo}: {error}") });
        }
    }
    Ok(())
}

fn take_one_back(undo: &Undo, system: &System, hands: &mut Hands<'_>) -> io::Result<()> {
    match undo {
        Undo::Remove(path) => hands.remove(&system.at(path), system.is_root_s(path)),
        Undo::Restore(path) => restore(path, SAVED, system, hands),
        Undo::GoBack(path) => restore(path, OLDER, system, hands),
        Undo::RemoveFolder(path) => hands.remove_folder(&system.at(path), system.is_root_s(path)),
        Undo::Leave { user } => hands.run(&Command::root(&format!("gpasswd -d {user} {GROUP}"))),
    }
}

fn restore(path: &Path, suffix: &str, system: &System, hands: &mut Hands<'_>) -> io::Result<()> {
    let (saved, place) = (system.at(&suffixed(path, suffix)), system.at(path));
    // Taken back before, if it is not there.
    if saved.symlink_metadata().is_ok() { hands.rename(&saved, &place, system.is_root_s(path)) } else { Ok(()) }
}

/// Removes the folders that were made and are empty; one that stays does no harm.
pub(super) fn remove_folders(changes: &[Undo], system: &System, hands: &mut Hands<'_>) {
    for undo in changes.iter().rev().filter(|undo| is_folder(undo)) {
        let _ = take_one_back(undo, system, hands);
    }
}
