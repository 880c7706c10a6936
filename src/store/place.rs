//! The place of the database: its folder as it was when it was opened, and the lock that keeps other agents out of it.
//!
//! Later the same path may lead elsewhere: the folder was removed, moved or replaced by a copy, or its file system was
//! unmounted, so that what is written next would lie below the mount point. So folders are made at the start only, and
//! nothing is written to a folder that is not the one of the start.

use super::StoreError;
use super::aside::companion;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file or a folder, whatever its name is: device and inode. It is told apart from later ones as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId(u64, u64);

impl FileId {
    pub fn of(metadata: &Metadata) -> FileId {
        FileId(metadata.dev(), metadata.ino())
    }

    /// Of what a path leads to.
    pub fn at(path: &Path) -> io::Result<FileId> {
        fs::metadata(path).map(|metadata| FileId::of(&metadata))
    }
}

/// The database is no longer ours to write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Displaced {
    /// Its path leads to another folder than it did at the start, or to none.
    #[error(
        "{folder}: the database's folder {what} after the start, and nothing is written in its place; start again once \
         the right folder is there (a service is started again by itself)"
    )]
    Folder { folder: PathBuf, what: String },
    /// The lock file was removed, and another process made and locked a new one.
    #[error(
        "{database}: the database's lock file was removed, and process {holder} has taken the database since; nothing \
         more is written to it by this one; stop one of the two, or give it another store.path"
    )]
    Taken { database: PathBuf, holder: String },
}

/// The folder of a database, locked against other agents as long as this lives.
#[derive(Debug)]
pub struct Place {
    database: PathBuf,
    folder: FileId,
    /// It is in the folder, so the folder's inode is given to no other as long as it is open.
    lock: File,
}

impl Place {
    /// Makes the database's folder where there is none, and takes it.
    pub fn take(database: &Path) -> Result<Place, StoreError> {
        make_folder(database)?;
        let folder = check_folder(database)?;
        let place = Place { database: database.into(), folder, lock: lock(database)? };
        place.check()?;
        Ok(place)
    }

    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Whether the path still leads to the folder that was taken.
    pub fn check(&self) -> Result<(), Displaced> {
        let folder = folder_of(&self.database);
        let what = match FileId::at(folder) {
            Ok(found) if found == self.folder => return Ok(()),
            Ok(_) => "was replaced by another one".into(),
            Err(error) if error.kind() == ErrorKind::NotFound => "was removed, moved or unmounted".into(),
            Err(error) => format!("became unreachable ({error})"),
        };
        Err(Displaced::Folder { folder: folder.into(), what })
    }

    /// Whether the place is still ours: [`Place::check`], and that the lock file is the one that we hold. One that was
    /// removed is made anew.
    pub fn hold(&mut self) -> Result<(), Displaced> {
        self.check()?;
        let held = self.lock.metadata().map(|metadata| FileId::of(&metadata));
        if matches!((FileId::at(&lock_path(&self.database)), held), (Ok(found), Ok(held)) if found == held) {
            return Ok(());
        }
        match lock(&self.database) {
            Ok(lock) => self.lock = lock,
            Err(StoreError::InUse { path, holder }) => return Err(Displaced::Taken { database: path, holder }),
            // A full disk, for instance. It is tried again with the next commit.
            Err(error) => tracing::debug!(%error, "the lock file is not made anew"),
        }
        Ok(())
    }
}

pub fn folder_of(database: &Path) -> &Path {
    database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the database's folder where there is none.
pub fn make_folder(database: &Path) -> Result<(), StoreError> {
    check_mounted(database)?;
    let folder = folder_of(database);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unreachable(folder, &error, "choose another place with store.path"))
}

/// Whether the database's folder may be made, if it has to be. A home or a disk that is not mounted is an empty folder:
/// no folders are made in such a one for the database's folder to be made in.
pub fn check_mounted(database: &Path) -> Result<(), StoreError> {
    let folder = folder_of(database);
    let mut missing = folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists());
    let (Some(_), Some(topmost)) = (missing.next(), missing.last()) else { return Ok(()) };
    let Some(above) = topmost.parent() else { return Ok(()) };
    match above.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => Err(StoreError::Unreachable {
            path: folder.into(),
            what: format!("it is not there, and {} is empty", above.display()),
            mend: format!("mount what belongs there, or run `mkdir -p -m 700 {}`", folder.display()),
        }),
        // Why it cannot be read is told by whoever makes a folder in it.
        Ok(false) | Err(_) => Ok(()),
    }
}

pub fn unreachable(path: &Path, error: &io::Error, mend: &str) -> StoreError {
    StoreError::Unreachable { path: path.into(), what: error.to_string(), mend: mend.into() }
}

/// Who may write to the folder may put another database, or another log of it, in this one's place.
fn check_folder(database: &Path) -> Result<FileId, StoreError> {
    let folder = folder_of(database);
    let metadata = fs::metadata(folder).map_err(|error| unreachable(folder, &error, "make it"))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(FileId::of(&metadata));
    }
    const STICKY: u32 = 0o1000;
    let mend = if mode & STICKY != 0 {
        // It is meant for everybody.
        format!("choose a folder in it, such as {}/trace, with store.path", folder.display())
    } else {
        format!("run `chmod go-w {}`, or choose another place with store.path", folder.display())
    };
    let what = format!("others may write to the database's folder (mode {mode:03o})");
    Err(StoreError::Unusable { path: folder.into(), what, mend })
}

fn lock_path(database: &Path) -> PathBuf {
    companion(database, ".lock")
}

fn lock(database: &Path) -> Result<File, StoreError> {
    let path = lock_path(database);
    let failed = |error: io::Error| unreachable(&path, &error, "choose another place with store.path");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(failed)?;
            write!(file, "{}", std::process::id()).map_err(failed)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.take(20).read_to_string(&mut holder).map_err(failed)?;
            Err(StoreError::InUse { path: database.into(), holder })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn place(folder: &Path) -> Place {
        Place::take(&folder.join("a/b/seclyzer.db")).expect("a place")
    }

    /// A folder that is not empty, as a home or a disk that is mounted.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join(".profile"), "").expect("a file");
        home
    }

    #[test]
    fn a_folder_that_is_removed_moved_or_replaced_at_any_level_is_another_place() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 5] = [
            ("removed", |home| fs::remove_dir_all(home.join("a/b")).expect("removed")),
            ("removed and made again", |home| {
                fs::remove_dir_all(home.join("a/b")).expect("removed");
                fs::create_dir(home.join("a/b")).expect("made");
            }),
            ("moved", |home| fs::rename(home.join("a/b"), home.join("a/c")).expect("moved")),
            ("the folder above was replaced", |home| {
                fs::rename(home.join("a"), home.join("old")).expect("moved");
                fs::create_dir_all(home.join("a/b")).expect("made");
            }),
            ("a link to another one", |home| {
                fs::rename(home.join("a"), home.join("old")).expect("moved");
                fs::create_dir_all(home.join("new/b")).expect("made");
                symlink(home.join("new"), home.join("a")).expect("a link");
            }),
        ];
        for (name, change) in changes {
            let home = home();
            let place = place(home.path());
            assert_eq!(place.check(), Ok(()), "{name}");
            change(home.path());
            assert!(place.check().is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_comes_back_is_the_same_place_and_what_it_holds_does_not_matter() {
        let home = home();
        let mut place = place(home.path());
        let (here, there) = (home.path().join("a/b"), home.path().join("elsewhere"));
        fs::rename(&here, &there).expect("moved");
        fs::rename(&there, &here).expect("moved back");
        fs::write(here.join("seclyzer.db"), "").expect("a file");
        assert_eq!(place.hold(), Ok(()));
    }

    #[test]
    fn a_lock_file_that_is_removed_or_replaced_is_made_anew_and_keeps_others_out() {
        let home = home();
        let mut place = place(home.path());
        let lock = home.path().join("a/b/seclyzer.db.lock");
        fs::remove_file(&lock).expect("removed");
        assert_eq!(place.hold(), Ok(()));
        assert_eq!(fs::read_to_string(&lock).expect("a lock"), std::process::id().to_string());
        assert!(matches!(Place::take(place.database()), Err(StoreError::InUse { .. })));
        fs::remove_file(&lock).expect("removed");
        fs::write(&lock, "1").expect("another one, which nobody has locked");
        assert_eq!(place.hold(), Ok(()));
        assert!(matches!(Place::take(place.database()), Err(StoreError::InUse { .. })));
    }

    #[test]
    fn a_place_whose_lock_file_was_removed_is_lost_to_whoever_takes_it_first() {
        let home = home();
        let mut first = place(home.path());
        fs::remove_file(home.path().join("a/b/seclyzer.db.lock")).expect("removed");
        let mut second = place(home.path());
        assert!(matches!(first.hold(), Err(Displaced::Taken { .. })));
        assert_eq!(second.hold(), Ok(()));
        // Another database in the same folder is another place.
        Place::take(&home.path().join("a/b/other.db")).expect("taken");
    }

    #[test]
    fn no_folders_are_made_in_an_empty_one_that_looks_like_a_mount_point() {
        let empty = tempfile::tempdir().expect("a folder");
        let database = empty.path().join(".local/share/seclyzer/seclyzer.db");
        let error = Place::take(&database).expect_err("not mounted").to_string();
        assert!(error.contains("is empty; mount what belongs there, or run `mkdir -p"), "{error}");
        assert_eq!(fs::read_dir(empty.path()).expect("a folder").count(), 0);
        // One folder alone is what was made here before, and was removed.
        Place::take(&empty.path().join("seclyzer/seclyzer.db")).expect("made");
        Place::take(&database).expect("made where something is");
    }
}
