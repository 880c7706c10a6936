//! The database, to read only.

use rusqlite::Connection;
use seclyzer::cli::Error;
use seclyzer::store::schema::VERSION;
use seclyzer::store::{StoreError, read_only};
use std::path::Path;

/// Opens the database of the records; an agent may be writing to it.
pub fn open(path: &Path) -> Result<Connection, Error> {
    if let Err(source) = std::fs::metadata(path) {
        return Err(Error::NoInput { path: path.into(), source });
    }
    let connection = read_only(path)?;
    match connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(StoreError::from)? {
        VERSION => Ok(connection),
        found if found > VERSION => Err(StoreError::Newer { found, known: VERSION }.into()),
        found => Err(Error::Unavailable(format!(
            "{} has schema version {found}, which is older than {VERSION}: start the agent once, which brings it up to date",
            path.display()
        ))),
    }
}
