//! A database that is damaged: how that shows, and how its file gets out of the way without anything being lost of it.

use super::StoreError;
use crate::now_us;
use crate::record::json::iso8601;
use rusqlite::{Connection, ErrorCode};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database; the log may hold records that are nowhere else.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Whether an error says that the file holds what nobody wrote there. The tables are strict, so a value of another type
/// than its column's is damage too.
pub fn is_damage(error: &StoreError) -> bool {
    use rusqlite::Error;
    match error {
        StoreError::Damaged(_) => true,
        StoreError::Sqlite(error) => match error {
            Error::SqliteFailure(failure, _) => {
                matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
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

/// Gives a database, with its companions, the name `<path>.corrupt-<time>`, which nothing had before.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = beside(path, &format!(".corrupt-{}", iso8601(now_us())));
    // Renaming replaces what has the new name: taken first, it is an empty file of ours.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    fs::rename(path, &aside)?;
    for companion in COMPANIONS {
        match fs::rename(beside(path, companion), beside(&aside, companion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
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
        fs::write(beside(&path, "-wal"), "log").expect("a file");
        let aside = set_aside(&path).expect("set aside");
        assert_eq!(fs::read(&aside).expect("the file"), b"database");
        assert_eq!(fs::read(beside(&aside, "-wal")).expect("the log"), b"log");
        assert!(!path.exists() && !beside(&path, "-wal").exists());
        fs::write(&path, "second").expect("a file");
        assert_ne!(set_aside(&path).expect("set aside"), aside);
        assert_eq!(fs::read(&aside).expect("the file"), b"database", "not overwritten");
    }
}
