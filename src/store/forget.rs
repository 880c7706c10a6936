//! Forgetting on request: what was recorded of a span of time, or everything.

use super::aside::all_aside;
use super::open::Database;
use super::place::{Place, unreachable};
use super::{ModelKind, StoreError, models, schema};
use crate::event::Micros;
use crate::now_us;
use crate::record::json::iso8601;
use crate::record::{Identity, Kind};
use rusqlite::{Connection, TransactionBehavior};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What is to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// All that happened from one time to the other, both included.
    Between { since_us: Micros, until_us: Micros },
    /// Everything, with what was learnt of applications and the models.
    All,
}

/// What came of it.
#[derive(Debug)]
pub struct Forgotten {
    pub records: usize,
    /// Files of databases that were set aside as damaged: deleted with everything, left as they are by a span.
    pub aside: Vec<PathBuf>,
}

/// As the audit log calls it.
pub const EVERYTHING: &str = "everything";

/// What derives from records or events, but cannot be told apart by time.
const LEARNT: [&str; 5] = ["app_focus", "app_followers", "app_hours", "models", "user_profile"];

/// Deletes from the database that no agent uses, so that nothing of it is left in the file or its log. A record goes if
/// its window, or the stay in an application that it tells of, has a part in the span; `window_us` is the length of a
/// window. Later records are still coloured by what happened in it: features told by finger move by epochs, and what an
/// application's record counts, it counts from the first one on.
pub fn forget(path: &Path, span: Span, window_us: Micros) -> Result<Forgotten, StoreError> {
    let (_place, mut database) = open(path)?;
    let connection = &mut database.connection;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (deleted, what) = match span {
        Span::All => (forget_all(&transaction)?, EVERYTHING.to_owned()),
        Span::Between { since_us, until_us } => {
            let what = format!("{} to {}", iso8601(since_us), iso8601(until_us));
            (forget_between(&transaction, since_us, until_us, window_us)?, what)
        }
    };
    schema::audit(&transaction, now_us(), "forget", &format!("{what}: {deleted} records"))?;
    transaction.commit()?;
    let aside = forget_aside(path, span).map_err(|error| StoreError::Unusable {
        path: path.into(),
        what: format!("databases that were set aside cannot be deleted: {error}"),
        mend: format!("delete {}.corrupt-* yourself", path.display()),
    })?;
    if !leave_nothing(connection)? {
        return Err(StoreError::BeingRead { path: path.into() });
    }
    Ok(Forgotten { records: deleted, aside })
}

/// Deletes the models of these kinds, those set aside among them, from a database that no agent uses, so that nothing of
/// them is left in the file or its log; how many there were.
pub fn forget_models(path: &Path, identity: &Identity, kinds: &[ModelKind]) -> Result<usize, StoreError> {
    let (_place, mut database) = open(path)?;
    let (forgotten, is_busy) = models::forget(&mut database.connection, identity, kinds)?;
    if is_busy { Err(StoreError::BeingRead { path: path.into() }) } else { Ok(forgotten) }
}

/// The database to forget from; its place is kept from agents for as long as it is held.
fn open(path: &Path) -> Result<(Place, Database), StoreError> {
    let place = Place::take(path)?;
    check_that_it_is_a_database(path)?;
    let database = Database::open(&place)?;
    Ok((place, database))
}

/// A file of somebody else's would be set aside as a damaged database, and what is set aside may be deleted.
fn check_that_it_is_a_database(path: &Path) -> Result<(), StoreError> {
    const BEGIN: &[u8] = b"SQLite format 3\0";
    let mut begin = Vec::new();
    // A pipe is not waited for.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path);
    match file.and_then(|file| file.take(BEGIN.len() as u64).read_to_end(&mut begin)) {
        Ok(_) if begin.is_empty() || begin == BEGIN => Ok(()),
        Ok(_) => Err(StoreError::Unusable {
            path: path.into(),
            what: "no SQLite database, or one that has lost its beginning; nothing was changed".into(),
            mend: "name the agent's with store.path, or delete the file yourself".into(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unreachable(path, &error, "name the agent's database with store.path")),
    }
}

fn forget_all(connection: &Connection) -> rusqlite::Result<usize> {
    let others = connection.table_exists(None, schema::MODELS_OF_OTHERS)?.then_some(schema::MODELS_OF_OTHERS);
    for table in LEARNT.into_iter().chain(others) {
        connection.execute(&format!("DELETE FROM {table}"), [])?;
    }
    Kind::ALL.into_iter().map(|kind| connection.execute(&format!("DELETE FROM {}", kind.table()), [])).sum()
}

fn forget_between(
    connection: &Connection,
    since_us: Micros,
    until_us: Micros,
    window_us: Micros,
) -> rusqlite::Result<usize> {
    let delete = |kind: Kind| {
        let begin_us = match kind {
            // What a decision was made by lies before it, too.
            Kind::Keystroke | Kind::Mouse | Kind::Score | Kind::Decision => format!("window_end - {window_us}"),
            // It tells how long the application before had the focus.
            Kind::App => "window_end - duration_ms * 1000".into(),
        };
        let sql = format!("DELETE FROM {} WHERE window_end >= ?1 AND {begin_us} <= ?2", kind.table());
        connection.execute(&sql, (since_us, until_us))
    };
    Kind::ALL.into_iter().map(delete).sum()
}

/// The files of what was set aside, which are gone if that is everything's end.
fn forget_aside(path: &Path, span: Span) -> io::Result<Vec<PathBuf>> {
    let aside = all_aside(path)?;
    if span == Span::All {
        aside.iter().try_for_each(fs::remove_file)?;
    }
    Ok(aside)
}

/// `secure_delete` has overwritten the rows; a database of an older agent may hold remains of earlier ones, and the
/// write-ahead log those of all. `false` if another connection still reads what the log holds.
fn leave_nothing(connection: &Connection) -> rusqlite::Result<bool> {
    // The copy that VACUUM makes must not lie in a temporary file.
    connection.execute_batch("PRAGMA temp_store = MEMORY; VACUUM;")?;
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(!is_busy)
}
