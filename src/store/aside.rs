//! A database that is damaged: how that shows, and how its file gets out of the way without anything being lost of it.

use super::StoreError;
use super::place::folder_of;
use crate::event::Micros;
use crate::now_us;
use crate::record::json::iso8601;
use rusqlite::ffi::SQLITE_ERROR;
use rusqlite::{Connection, ErrorCode};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The write-ahead log that SQLite keeps beside a database; it may hold records that are nowhere else.
pub const LOG: &str = "-wal";
/// The log's index.
pub const INDEX: &str = "-shm";

/// Whether an error says that the file holds what nobody wrote there. The tables are strict, so a value of another type
/// than its column's is damage too; and what our own statements name is there, unless a name was damaged.
pub fn is_damage(error: &StoreError) -> bool {
    use rusqlite::Error;
    match error {
        StoreError::Damaged(_) => true,
        StoreError::Sqlite(error) => match error {
            Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => {
                matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                    || failure.extended_code == SQLITE_ERROR
            }
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => true,
            _ => false,
        },
        _ => false,
    }
}

/// Reads the whole database once, a few milliseconds a megabyte.
pub fn check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged(verdict)) }
}

/// What stands between a database's name and the time at which it was set aside.
const MARK: &str = ".corrupt-";

/// Gives a database, with its companions, the name `<path>.corrupt-<time>`, which nothing had before.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = name_aside(path);
    // Renaming replaces what has the new name: taken first, it is an empty file of ours.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    fs::rename(path, &aside)?;
    for suffix in [LOG, INDEX] {
        match fs::rename(companion(path, suffix), companion(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// The same for the log alone, of a database that was moved without it.
pub fn set_log_aside(path: &Path) -> io::Result<()> {
    fs::rename(companion(path, LOG), companion(&name_aside(path), LOG))
}

fn name_aside(path: &Path) -> PathBuf {
    companion(path, &format!("{MARK}{}", iso8601(now_us())))
}

/// What was set aside of a database, its companions too, in order of time.
pub fn all_aside(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = folder_of(path).read_dir()?.collect::<io::Result<Vec<_>>>()?;
    let mut all: Vec<PathBuf> =
        entries.into_iter().map(|entry| entry.path()).filter(|entry| time_aside(path, entry).is_some()).collect();
    all.sort_unstable();
    Ok(all)
}

/// Deletes what was set aside of a database before a time; how many files that were.
pub fn delete_older(path: &Path, before_us: Micros) -> io::Result<usize> {
    let before = iso8601(before_us.max(0));
    let is_older = |aside: &PathBuf| time_aside(path, aside).is_some_and(|time| time < before.as_str());
    let old: Vec<PathBuf> = all_aside(path)?.into_iter().filter(is_older).collect();
    old.iter().try_for_each(fs::remove_file)?;
    Ok(old.len())
}

/// When a file was set aside, as its name says; times of this form sort as texts. `None`: it is another one.
fn time_aside<'f>(path: &Path, file: &'f Path) -> Option<&'f str> {
    let name = file.file_name()?.to_str()?;
    name.strip_prefix(path.file_name()?.to_str()?)?.strip_prefix(MARK)
}

/// A file of that database, beside it.
pub fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_keeps_its_log_and_leaves_the_place_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        fs::write(&path, "database").expect("a file");
        fs::write(companion(&path, "-wal"), "log").expect("a file");
        let aside = set_aside(&path).expect("set aside");
        assert_eq!(fs::read(&aside).expect("the file"), b"database");
        assert_eq!(fs::read(companion(&aside, "-wal")).expect("the log"), b"log");
        assert!(!path.exists() && !companion(&path, "-wal").exists());
        fs::write(&path, "second").expect("a file");
        assert_ne!(set_aside(&path).expect("set aside"), aside);
        assert_eq!(fs::read(&aside).expect("the file"), b"database", "not overwritten");
    }

    #[test]
    fn what_was_set_aside_is_deleted_by_the_time_in_its_name_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let names = [
            "a.db",
            "a.db-wal",
            "b.db.corrupt-2020-01-01T00:00:00.000000Z",
            "a.db.corrupt-2026-01-02T00:00:00.000000Z",
        ];
        let old = ["a.db.corrupt-2025-12-31T00:00:00.000000Z", "a.db.corrupt-2025-12-31T00:00:00.000000Z-wal"];
        for name in names.iter().chain(&old) {
            fs::write(folder.path().join(name), "records").expect("a file");
        }
        assert_eq!(all_aside(&path).expect("a folder").len(), 3);
        // The first of January 2026.
        assert_eq!(delete_older(&path, 1_767_225_600_000_000).expect("our own files"), 2);
        assert!(names.iter().all(|name| folder.path().join(name).exists()));
        assert!(!old.iter().any(|name| folder.path().join(name).exists()));
    }
}
