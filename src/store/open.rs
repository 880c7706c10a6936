//! Opening the database: its folder and file are the owner's alone, and one agent at a time writes to it.

use super::aside::{is_damage, set_aside};
use super::{StoreError, schema};
use crate::now_us;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
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
    /// The identifier that it was given when it was made.
    pub id: String,
    /// Of the newest record.
    pub last_id: i64,
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
    _lock: File,
}

impl Database {
    /// Whether the file is still where it was opened: SQLite goes on writing to one that was removed.
    pub fn is_in_place(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(metadata) => self.file == (metadata.dev(), metadata.ino()),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Closes a damaged database as it is, and gives its file another name.
    pub fn set_aside(self) -> io::Result<PathBuf> {
        keep_as_it_is(&self.connection, true);
        drop(self.connection);
        set_aside(&self.path)
    }
}

/// Opens or makes a database for writing and brings its schema up to date. A damaged one is set aside, and a new one
/// begun.
pub fn writable(path: &Path) -> Result<Database, StoreError> {
    let mut file = make_private_file(path)?;
    let lock = lock(path)?;
    let opened = match connect(path) {
        Err(error) if is_damage(&error) => {
            let aside = set_aside(path).map_err(|failure| cannot_be_set_aside(path, failure))?;
            tracing::error!(%error, aside = %aside.display(), "the database is damaged: it is set aside, and a new one is created");
            file = make_private_file(path)?;
            connect(path)
        }
        result => result,
    };
    let (connection, id, last_id) = opened?;
    Ok(Database { connection, id, last_id, path: path.into(), file: (file.dev(), file.ino()), _lock: lock })
}

/// The connection, the database's identifier and the id of its newest record.
fn connect(path: &Path) -> Result<(Connection, String, i64), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // Until it is known to be sound.
    keep_as_it_is(&connection, true);
    connection.busy_timeout(BUSY_LIMIT)?;
    if schema::is_to_be_made(&connection, path)? {
        // It needs the lock that writers take, which another program may hold while we start.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.execute_batch(
        // FULL: what was announced is there after a power cut, and its id is not given to another record.
        // secure_delete: what retention removes is gone from the file, not only out of sight.
        // Small caches and logs: each record is written once and read once, soon after.
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -128;
         PRAGMA wal_autocheckpoint = 64;
         PRAGMA journal_size_limit = 262144;
         PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    schema::migrate(&mut connection, now_us())?;
    connection.set_prepared_statement_cache_capacity(32);
    let id = connection.query_row("SELECT value FROM config WHERE key = 'database_id'", [], |row| row.get(0))?;
    let last_id = connection.query_row("SELECT last_id FROM sequence", [], |row| row.get(0))?;
    keep_as_it_is(&connection, false);
    Ok((connection, id, last_id))
}

/// Whether closing leaves the file and its log as they are, and does not write the one into the other.
fn keep_as_it_is(connection: &Connection, keep: bool) {
    // It fails for an option that SQLite does not know; it has known this one for years.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep);
}

pub fn cannot_be_set_aside(path: &Path, error: io::Error) -> StoreError {
    let mend = "move it away yourself".into();
    StoreError::Unusable { path: path.into(), what: format!("damaged, and cannot be set aside: {error}"), mend }
}

/// Opens a database for looking at, while an agent may be writing to it.
pub fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    Ok(connection)
}

/// Makes the database's folder where there is none.
pub fn make_folder(database: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder_of(database))
}

pub fn folder_of(database: &Path) -> &Path {
    database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Who may write to the folder may put another database, or another log of it, in this one's place.
fn check_folder(database: &Path) -> Result<(), StoreError> {
    let folder = folder_of(database);
    let unusable = |what: String, mend: String| StoreError::Unusable { path: folder.into(), what, mend };
    let mode = fs::metadata(folder).map_err(|error| unusable(error.to_string(), "make it".into()))?.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    const STICKY: u32 = 0o1000;
    let mend = if mode & STICKY != 0 {
        // It is meant for everybody.
        format!("choose a folder in it, such as {}/trace, with store.path", folder.display())
    } else {
        format!("run `chmod go-w {}`, or choose another place with store.path", folder.display())
    };
    Err(unusable(format!("others may write to the database's folder (mode {mode:03o})"), mend))
}

/// SQLite gives its other files the mode of the database, so it is enough to make that one.
fn make_private_file(path: &Path) -> Result<fs::Metadata, StoreError> {
    let unusable = |what: String, mend: String| StoreError::Unusable { path: path.into(), what, mend };
    let failed = |error: io::Error| unusable(error.to_string(), "choose another place with store.path".into());
    make_folder(path).map_err(failed)?;
    check_folder(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let mend = format!("run `chmod 600 {}`", path.display());
        return Err(unusable(format!("others may read or write it (mode {mode:03o})"), mend));
    }
    Ok(metadata)
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
            Err(StoreError::InUse { path: path.into(), holder })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
