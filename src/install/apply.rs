//! Doing what was planned, all of it or nothing.

use super::hands::Hands;
use super::manifest::{self, OLDER, SAVED, suffixed};
use super::undo::{remove_folders, take_back};
use super::{Command, Contents, GROUP, InstallError, Manifest, Step, System, Undo};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

impl System {
    /// The steps of a plan that are still to be done.
    ///
    /// # Errors
    /// What is there cannot be read.
    pub fn missing<'a>(&self, steps: &'a [Step]) -> io::Result<Vec<&'a Step>> {
        let mut missing = Vec::new();
        for step in steps {
            if !self.is_done(step)? {
                missing.push(step);
            }
        }
        Ok(missing)
    }

    fn is_done(&self, step: &Step) -> io::Result<bool> {
        Ok(match step {
            Step::Membership => self.is_member,
            Step::OwnFolder { path } => self.at(path).is_dir(),
            Step::Link { path, target } => fs::read_link(self.at(path)).is_ok_and(|now| now == *target),
            Step::File { path, contents, mode } => {
                let place = self.at(path);
                let bytes = self.bytes(contents)?;
                let now = place.symlink_metadata();
                now.is_ok_and(|now| now.is_file() && now.permissions().mode() & 0o7777 == *mode)
                    // One that may not be read is written anew.
                    && fs::read(place).is_ok_and(|now| bytes == now)
            }
        })
    }

    fn bytes(&self, contents: &Contents) -> io::Result<Vec<u8>> {
        match contents {
            Contents::Text(text) => Ok(text.clone().into_bytes()),
            Contents::Program => fs::read(&self.executable),
            Contents::View => fs::read(self.view()),
        }
    }

    /// One line that says what a step does.
    pub fn describe(&self, step: &Step) -> String {
        let (verb, path) = match step {
            Step::Membership => return format!("add {} to the group {GROUP} (as root)", self.account.name),
            Step::OwnFolder { path } => ("make", path),
            Step::Link { path, .. } => ("link", path),
            Step::File { path, .. } => return self.describe_file(path),
        };
        self.change(verb, path)
    }

    /// The same of a file that is written.
    pub fn describe_file(&self, path: &Path) -> String {
        self.change(if self.at(path).exists() { "replace" } else { "write" }, path)
    }

    fn change(&self, verb: &str, path: &Path) -> String {
        let who = if self.is_root_s(path) { " (as root)" } else { "" };
        format!("{verb} {}{who}", path.display())
    }
}

/// Does these steps. Each is in the manifest before it is done, so that whatever interrupts this, uninstalling takes it
/// back. If one fails, those before it are taken back.
pub fn apply(
    steps: &[&Step],
    system: &System,
    hands: &mut Hands<'_>,
    manifest_path: &Path,
    manifest: &mut Manifest,
) -> Result<(), InstallError> {
    let mut before = manifest.clone();
    let mut work = Work { system, hands, manifest_path, manifest, done: Vec::new() };
    let Err((what, source)) = work.all(steps) else {
        work.forget_older();
        return Ok(());
    };
    let done = work.done;
    let left = take_back(&done, system, hands).err();
    for undo in left.iter().flat_map(|left| &left.changes) {
        before.add(undo.clone());
    }
    *manifest = before;
    // Where this fails it lists too much; what is taken back twice stays as it is.
    let _ = manifest::keep(manifest, manifest_path, system, hands);
    match left {
        Some(left) => Err(InstallError::HalfDone { what, source, left: left.why }),
        None => {
            remove_folders(&done, system, hands);
            Err(InstallError::Change { what, source })
        }
    }
}

struct Work<'a, 'h> {
    system: &'a System,
    hands: &'a mut Hands<'h>,
    manifest_path: &'a Path,
    manifest: &'a mut Manifest,
    done: Vec<Undo>,
}

impl Work<'_, '_> {
    fn all(&mut self, steps: &[&Step]) -> Result<(), (String, io::Error)> {
        if let Some(folder) = self.manifest_path.parent() {
            let what = || format!("write {}", self.manifest_path.display());
            self.make_folders(folder).map_err(|source| (what(), source))?;
        }
        for step in steps {
            let what = self.system.describe(step);
            self.step(step).map_err(|source| (what, source))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Membership => {
                let user = self.system.account.name.clone();
                // Unlike usermod it knows accounts that a directory service has.
                let join = Command::root(&format!("gpasswd -a {user} {GROUP}"));
                self.intend(Undo::Leave { user: user.clone() })?;
                self.hands.run(&join)?;
                self.done.push(Undo::Leave { user });
            }
            Step::OwnFolder { path } => {
                self.make_folders(path)?;
                let account = &self.system.account;
                self.hands.give(&self.system.at(path), account.uid, account.gid)?;
            }
            Step::Link { path, target } => {
                let place = self.make_way(path)?;
                self.hands.link(&place, target, self.system.is_root_s(path))?;
            }
            Step::File { path, contents, mode } => {
                let bytes = self.system.bytes(contents)?;
                let place = self.make_way(path)?;
                self.hands.write(&place, &bytes, *mode, self.system.is_root_s(path))?;
            }
        }
        Ok(())
    }

    /// Sees to it that nothing is at a path and that its folder is there; where that is on this machine.
    fn make_way(&mut self, path: &Path) -> io::Result<PathBuf> {
        if let Some(folder) = path.parent() {
            self.make_folders(folder)?;
        }
        let place = self.system.at(path);
        if place.symlink_metadata().is_ok() {
            let (suffix, undo) = match self.is_ours(path) {
                true => (OLDER, Undo::GoBack(path.to_owned())),
                false => (SAVED, Undo::Restore(path.to_owned())),
            };
            self.intend(undo.clone())?;
            self.hands.rename(&place, &self.system.at(&suffixed(path, suffix)), self.system.is_root_s(path))?;
            self.done.push(undo);
        } else {
            self.intend(Undo::Remove(path.to_owned()))?;
            self.done.push(Undo::Remove(path.to_owned()));
        }
        Ok(place)
    }

    /// Whether what is at a path is an installation's. One that was interrupted may have meant to save what was there,
    /// and not have come to it.
    fn is_ours(&self, path: &Path) -> bool {
        let is_saved = || self.system.at(&suffixed(path, SAVED)).symlink_metadata().is_ok();
        self.manifest.has(path) && (!self.manifest.changes.contains(&Undo::Restore(path.to_owned())) || is_saved())
    }

    fn make_folders(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !self.system.at(folder).is_dir()).collect();
        for folder in missing.into_iter().rev() {
            self.intend(Undo::RemoveFolder(folder.to_owned()))?;
            self.hands.make_folder(&self.system.at(folder), self.system.is_root_s(folder))?;
            self.done.push(Undo::RemoveFolder(folder.to_owned()));
        }
        Ok(())
    }

    /// Has the manifest say how a change is taken back, before it is made.
    fn intend(&mut self, undo: Undo) -> io::Result<()> {
        // The folders that the manifest itself lies in come first, and are written down with what follows.
        let can_be_written = self.manifest_path.parent().is_some_and(|folder| self.system.at(folder).is_dir());
        if self.manifest.add(undo) && can_be_written {
            manifest::keep(self.manifest, self.manifest_path, self.system, self.hands)?;
        }
        Ok(())
    }

    /// A file of ours that a newer one has replaced is no change of what was there before us.
    fn forget_older(&mut self) {
        let is_older = |undo: &Undo| matches!(undo, Undo::GoBack(_));
        let (older, changes): (Vec<Undo>, Vec<Undo>) = self.manifest.changes.drain(..).partition(is_older);
        self.manifest.changes = changes;
        for undo in &older {
            if let Undo::GoBack(path) = undo {
                // One that stays behind does no harm.
                let older = self.system.at(&suffixed(path, OLDER));
                let _ = self.hands.remove(&older, self.system.is_root_s(path));
            }
        }
        if !older.is_empty() {
            // Nor does going back to what is not there.
            let _ = manifest::keep(self.manifest, self.manifest_path, self.system, self.hands);
        }
    }
}
