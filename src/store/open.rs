//! Opening the database: its folder and file are the owner's alone, and one agent at a time writes to it.

use super::{StoreError, now_us, schema};
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another program may hold a lock on the database before a commit is tried again.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// The database, locked against other agents as long as this lives.
#[derive(Debug)]
pub struct Database {
    pub connection: Connection,
    _lock: File,
}

/// Opens or makes a database for writing and brings its schema up to date.
pub fn writable(path: &Path) -> Result<Database, StoreError> {
    make_private_file(path)?;
    let lock = lock(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.execute_batch(
        // FULL: what was announced is there after a power cut, and its id is not given to another record.
        // Small caches and logs: each record is written once and read once, soon after.
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -128;
         PRAGMA wal_autocheckpoint = 64;
         PRAGMA journal_size_limit = 262144;
         PRAGMA trusted_schema = OFF;",
    )?;
    schema::migrate(&mut connection, now_us())?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(Database { connection, _lock: lock })
}

/// Opens a database for looking at, while an agent may be writing to it.
pub fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    Ok(connection)
}

/// SQLite gives its other files the mode of the database, so it is enough to make that one.
fn make_private_file(path: &Path) -> Result<(), StoreError> {
    let unusable = |what: String, mend: String| StoreError::Unusable { path: path.into(), what, mend };
    let failed = |error: io::Error| unusable(error.to_string(), "choose another place with store.path".into());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let mend = format!("run `chmod 600 {}`", path.display());
        return Err(unusable(format!("others may read or write it (mode {mode:03o})"), mend));
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = PathBuf::from(format!("{}.lock", path.display()));
    let unusable = |what: String, mend: &str| StoreError::Unusable { path: lock_path.clone(), what, mend: mend.into() };
    let failed = |error: io::Error| unusable(error.to_string(), "choose another place with store.path");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(&lock_path)
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
            let mend = "stop that one, or give this one another store.path";
            Err(unusable(format!("process {holder} is using this database"), mend))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
