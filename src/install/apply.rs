//! Doing what was planned, all of it or nothing, and taking it back.

use super::hands::Hands;
use super::{Command, Contents, GROUP, InstallError, Manifest, OLDER, SAVED, Step, System, Undo};
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

/// Does these steps, and records them in the manifest. If one fails, those before it are taken back.
pub fn apply(
    steps: &[&Step],
    system: &System,
    hands: &mut Hands<'_>,
    manifest_path: &Path,
    manifest: &mut Manifest,
) -> Result<(), InstallError> {
    let mut work = Work { system, hands, manifest, done: Vec::new() };
    let result = work.all(steps, manifest_path);
    match result {
        Ok(merged) => {
            for undo in &work.done {
                if let Undo::GoBack(path) = undo {
                    // One that stays behind does no harm.
                    let _ = work.hands.remove(&system.at(&suffixed(path, OLDER)), system.is_root_s(path));
                }
            }
            *manifest = merged;
            Ok(())
        }
        Err((what, source)) => {
            let left = take_back(&work.done, system, work.hands);
            if left.is_empty() {
                Err(InstallError::Change { what, source })
            } else {
                Err(InstallError::HalfDone { what, source, left: left.join("; ") })
            }
        }
    }
}

struct Work<'a, 'h> {
    system: &'a System,
    hands: &'a mut Hands<'h>,
    /// Of earlier installations.
    manifest: &'a Manifest,
    done: Vec<Undo>,
}

impl Work<'_, '_> {
    fn all(&mut self, steps: &[&Step], manifest_path: &Path) -> Result<Manifest, (String, io::Error)> {
        let recording = |source| (format!("write {}", manifest_path.display()), source);
        if let Some(folder) = manifest_path.parent() {
            self.make_folders(folder).map_err(recording)?;
        }
        for step in steps {
            let what = self.system.describe(step);
            self.step(step).map_err(|source| (what, source))?;
        }
        let mut merged = self.manifest.clone();
        // A file of ours that a newer one has replaced is no change of what was there before us.
        let is_new = |undo: &&Undo| !matches!(undo, Undo::GoBack(_)) && !self.manifest.changes.contains(undo);
        merged.changes.extend(self.done.iter().filter(is_new).cloned());
        self.write_manifest(manifest_path, &merged).map_err(recording)?;
        Ok(merged)
    }

    fn step(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Membership => {
                let user = &self.system.account.name;
                self.hands.run(&Command::root(&format!("usermod -aG {GROUP} {user}")))?;
                self.done.push(Undo::Leave { user: user.clone() });
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
            let (suffix, undo) = match self.manifest.has(path) {
                true => (OLDER, Undo::GoBack(path.to_owned())),
                false => (SAVED, Undo::Restore(path.to_owned())),
            };
            self.hands.rename(&place, &self.system.at(&suffixed(path, suffix)), self.system.is_root_s(path))?;
            self.done.push(undo);
        } else {
            self.done.push(Undo::Remove(path.to_owned()));
        }
        Ok(place)
    }

    fn make_folders(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !self.system.at(folder).is_dir()).collect();
        for folder in missing.into_iter().rev() {
            self.hands.make_folder(&self.system.at(folder), self.system.is_root_s(folder))?;
            self.done.push(Undo::RemoveFolder(folder.to_owned()));
        }
        Ok(())
    }

    fn write_manifest(&mut self, path: &Path, manifest: &Manifest) -> io::Result<()> {
        let (place, as_root) = (self.system.at(path), self.system.is_root_s(path));
        let new = self.system.at(&path.with_extension("new"));
        self.hands.remove(&new, as_root)?;
        self.hands.write(&new, &serde_json::to_vec_pretty(manifest)?, 0o644, as_root)?;
        self.hands.rename(&new, &place, as_root)
    }
}

/// Takes changes back, the newest first; what could not be taken back.
pub fn take_back(changes: &[Undo], system: &System, hands: &mut Hands<'_>) -> Vec<String> {
    let mut left = Vec::new();
    for undo in changes.iter().rev() {
        let result = match undo {
            Undo::Remove(path) => hands.remove(&system.at(path), system.is_root_s(path)),
            Undo::Restore(path) => restore(path, SAVED, system, hands),
            Undo::GoBack(path) => restore(path, OLDER, system, hands),
            Undo::RemoveFolder(path) => hands.remove_folder(&system.at(path), system.is_root_s(path)),
            Undo::Leave { user } => hands.run(&Command::root(&format!("gpasswd -d {user} {GROUP}"))),
        };
        if let Err(error) = result {
            left.push(format!("{undo}: {error}"));
        }
    }
    left
}

fn restore(path: &Path, suffix: &str, system: &System, hands: &mut Hands<'_>) -> io::Result<()> {
    let (saved, place) = (system.at(&suffixed(path, suffix)), system.at(path));
    // Taken back before, if it is not there.
    if saved.symlink_metadata().is_ok() { hands.rename(&saved, &place, system.is_root_s(path)) } else { Ok(()) }
}

/// What an earlier installation has changed; nothing, if there was none.
pub fn read_manifest(system: &System, path: &Path) -> Result<Manifest, InstallError> {
    let failed = |source| InstallError::Manifest { path: path.to_owned(), source };
    match fs::read(system.at(path)) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(failed(error)),
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
