//! The database, for commands that only read it.

use super::Error;
use crate::record::Kind;
use crate::store::schema::{VERSION, is_to_be_made};
use crate::store::{StoreError, read_only};
use rusqlite::{Connection, ErrorCode};
use std::io;
use std::path::Path;

/// Opens the database of the records; an agent may be writing to it.
///
/// # Errors
/// There is none, or it is none, or another program's, or of another version.
pub fn open(path: &Path) -> Result<Connection, Error> {
    if let Err(source) = std::fs::metadata(path) {
        return Err(Error::NoInput { path: path.into(), source });
    }
    let unreadable = |error: rusqlite::Error| {
        let mend = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => "; name another file with store.path, or move this one away",
            _ => "",
        };
        Error::Unavailable(format!("{}: {error}{mend}", path.display()))
    };
    let connection = read_only(path)?;
    let start = "start the agent once, which brings it up to date";
    match is_to_be_made(&connection, path) {
        Ok(false) => {}
        Ok(true) => return Err(Error::Unavailable(format!("{} is empty: {start}", path.display()))),
        Err(StoreError::Sqlite(error)) => return Err(unreadable(error)),
        Err(error) => return Err(error.into()),
    }
    match connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(unreadable)? {
        VERSION => Ok(connection),
        found if found > VERSION => Err(StoreError::Newer { found, known: VERSION }.into()),
        found => Err(Error::Unavailable(format!(
            "{} has schema version {found}, which is older than {VERSION}: {start}",
            path.display()
        ))),
    }
}

/// Whose records there are, and of which days of the local zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub origin: String,
    pub user: String,
    pub host: String,
    pub first_day: String,
    pub last_day: String,
}

/// All of whom there are records of these kinds, of any time.
pub fn owners(connection: &Connection, kinds: &[Kind]) -> rusqlite::Result<Vec<Owner>> {
    let all = kinds.iter().map(|kind| format!("SELECT origin, user, host, window_end FROM {}", kind.table()));
    // A clock that was wrong by thousands of years makes no date.
    let day = |end: &str| format!("coalesce(date({end}(window_end) / 1000000, 'unixepoch', 'localtime'), 'no date')");
    let sql = format!(
        "SELECT origin, user, host, {}, {} FROM ({}) GROUP BY origin, user, host ORDER BY origin, user, host",
        day("min"),
        day("max"),
        all.collect::<Vec<_>>().join(" UNION ALL ")
    );
    let owner = |row: &rusqlite::Row<'_>| {
        Ok(Owner {
            origin: row.get(0)?,
            user: row.get(1)?,
            host: row.get(2)?,
            first_day: row.get(3)?,
            last_day: row.get(4)?,
        })
    };
    connection.prepare(&sql)?.query_map([], owner)?.collect()
}

/// Names some of them, as in "ann on desk (origin device, 2026-11-23 to 2026-11-27)".
pub fn named(owners: &[Owner]) -> String {
    const NAMED: usize = 8;
    let names = owners.iter().take(NAMED);
    let names = names.map(|owner| {
        let Owner { origin, user, host, first_day, last_day } = owner;
        let days = if first_day == last_day { first_day.clone() } else { format!("{first_day} to {last_day}") };
        format!("{user} on {host} (origin {origin}, {days})")
    });
    let others = owners.len().saturating_sub(NAMED);
    names.chain((others > 0).then(|| format!("{others} others"))).collect::<Vec<_>>().join(", ")
}

/// There is no such record; what there is instead is named.
pub fn no_records(connection: &Connection, path: &Path, asked: &str) -> Error {
    let owners = match owners(connection, &Kind::ALL) {
        Ok(owners) => owners,
        Err(error) => return StoreError::from(error).into(),
    };
    let instead = match owners.is_empty() {
        true => "the database contains none at all yet".into(),
        false => format!("the database contains records of {}", named(&owners)),
    };
    Error::NoInput { path: path.into(), source: io::Error::other(format!("no record of {asked}; {instead}")) }
}
