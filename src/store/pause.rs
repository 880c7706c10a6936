//! Until when capture is paused, for the process after this one.

use super::{Command, Store, StoreError};
use crate::event::Micros;
use rusqlite::{Connection, OptionalExtension};

const KEY: &str = "paused_until_us";

impl Store {
    /// Keeps the end of a pause until there is another one, or none.
    pub fn keep_pause(&self, until_us: Option<Micros>) {
        if self.commands.try_send(Command::KeepPause(until_us)).is_err() {
            tracing::warn!("the store is too busy to keep the pause: a restart of the agent ends it");
        }
    }

    /// The end of the pause that the process before was in, whether it is past or not. Any program of the account may
    /// have written it.
    pub async fn paused_until_us(&self) -> Result<Option<Micros>, StoreError> {
        self.ask(|reply| Command::Pause { reply }).await
    }
}

pub fn read(connection: &Connection) -> rusqlite::Result<Option<Micros>> {
    let sql = "SELECT CAST(value AS INTEGER) FROM config WHERE key = ?1";
    connection.query_row(sql, [KEY], |row| row.get(0)).optional()
}

pub fn write(connection: &Connection, until_us: Option<Micros>) -> rusqlite::Result<()> {
    let written = match until_us {
        Some(until_us) => connection.execute("REPLACE INTO config VALUES (?1, ?2)", (KEY, until_us.to_string())),
        None => connection.execute("DELETE FROM config WHERE key = ?1", [KEY]),
    };
    written.map(drop)
}
