//! Opening the database: its folder and file are the owner's alone, and one agent at a time writes to it.

use super::aside::{INDEX, LOG, companion, is_damage, set_aside, set_log_aside};
use super::place::{FileId, Place, unreachable};
use super::{StoreError, schema};
use crate::now_us;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another program may hold a lock on the database before a commit is tried again.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// The open database of a [`Place`]. It goes on writing to the files that it opened, whatever becomes of their names.
#[derive(Debug)]
pub struct Database {
    pub connection: Connection,
    /// The identifier that it was given when it was made.
    pub id: String,
    /// Of the newest record.
    pub last_id: i64,
    path: PathBuf,
    /// The file itself, to see whether it still has a name. Closing another descriptor of it would drop SQLite's locks;
    /// this one is only a reference (O_PATH).
    file: File,
    log: FileId,
}

impl Database {
    /// Opens or makes a database for writing and brings its schema up to date. A damaged one is set aside, and a new
    /// one begun.
    pub fn open(place: &Place) -> Result<Database, StoreError> {
        place.check()?;
        let path = place.database();
        make_private_file(path)?;
        let opened = match connect(path) {
            Err(error) if is_damage(&error) => {
                let aside = set_aside(path).map_err(|failure| cannot_be_set_aside(path, failure))?;
                tracing::error!(%error, aside = %aside.display(), "the database is damaged: it is set aside, and a new one is created");
                make_private_file(path)?;
                connect(path)
            }
            result => result,
        };
        let (connection, id, last_id) = opened?;
        let refer = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path);
        let file = refer.map_err(|error| unreachable(path, &error, "start again"))?;
        let log = FileId::at(&companion(path, LOG));
        let log = log.map_err(|error| unreachable(&companion(path, LOG), &error, "start again"))?;
        Ok(Database { connection, id, last_id, path: path.into(), file, log })
    }

    /// Whether the file and its log are still where they were opened.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.is_in_place() {
            true if self.has_lost_its_log() => Err(StoreError::LogRemoved { path: companion(&self.path, LOG) }),
            true => Ok(()),
            false => Err(StoreError::Moved),
        }
    }

    /// Whether the file is where it was opened, but not its log: what is committed is in a file without a name, and gone
    /// with this process.
    pub fn has_lost_its_log(&self) -> bool {
        self.is_in_place() && FileId::at(&companion(&self.path, LOG)).ok() != Some(self.log)
    }

    /// Writes everything that a log without a name contains to the file, which must not be left before that.
    pub fn write_back(&self) -> Result<(), StoreError> {
        let log = companion(&self.path, LOG);
        // SQLite would apply another log of this name to the file. An empty one is of a program that reads.
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0)
            && let Err(error) = set_log_aside(&self.path)
        {
            return Err(unreachable(&log, &error, "move it away"));
        }
        if empty_log(&self.connection) { Ok(()) } else { Err(StoreError::LogRemoved { path: log }) }
    }

    fn is_in_place(&self) -> bool {
        match (FileId::at(&self.path), self.file.metadata()) {
            (Ok(found), Ok(opened)) => found == FileId::of(&opened),
            (Err(error), _) => error.kind() != ErrorKind::NotFound,
            (Ok(_), Err(_)) => false,
        }
    }

    /// Whether the file has a name, be it another one: what is written to it can be found.
    pub fn is_to_be_found(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// Closes a damaged database as it is, and gives its file another name.
    pub fn set_aside(self) -> io::Result<PathBuf> {
        keep_as_it_is(&self.connection, true);
        drop(self.connection);
        set_aside(&self.path)
    }

    /// Closes a database that is no longer in its place. SQLite would delete a log by its name, which may be another
    /// database's by now. Ours goes, because another database must not be taken for the one that it belongs to.
    pub fn leave(self) {
        let Database { connection, path, log, .. } = self;
        keep_as_it_is(&connection, true);
        // Moved without its log, the file has to hold everything. Whoever reads it is not waited for.
        let all_in_file = connection.busy_timeout(Duration::ZERO).is_ok() && empty_log(&connection);
        drop(connection);
        if FileId::at(&companion(&path, LOG)).ok() != Some(log) {
            return;
        }
        let gone = match all_in_file {
            true => fs::remove_file(companion(&path, LOG)),
            false => set_log_aside(&path),
        };
        if let Err(error) = gone.and_then(|()| fs::remove_file(companion(&path, INDEX))) {
            tracing::warn!(%error, "the log of the database that was here before is left in the folder");
        }
    }
}

/// Writes the log's content to the file, if no other program reads or writes it.
fn empty_log(connection: &Connection) -> bool {
    let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    checkpoint.is_ok_and(|is_busy| is_busy == 0)
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
        // Small caches and logs: each record is written once and read once, soon after. The log is written back in quiet
        // moments; with a commit, only where there are none.
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -128;
         PRAGMA wal_autocheckpoint = 256;
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

/// Size of a database's write-ahead log; 0 where there is none.
pub fn log_bytes(database: &Path) -> u64 {
    fs::metadata(companion(database, LOG)).map_or(0, |metadata| metadata.len())
}

/// SQLite gives its other files the mode of the database, so it is enough to make that one. Its folder must be there.
fn make_private_file(path: &Path) -> Result<(), StoreError> {
    let failed = |error: io::Error| unreachable(path, &error, "choose another place with store.path");
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
        let (what, mend) =
            (format!("others may read or write it (mode {mode:03o})"), format!("run `chmod 600 {}`", path.display()));
        return Err(StoreError::Unusable { path: path.into(), what, mend });
    }
    Ok(())
}
