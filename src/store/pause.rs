//! Until when capture is paused, for the process after this one.

use super::{Command, Store, StoreError};
use crate::event::Micros;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

const KEY: &str = "paused_until_us";

impl Store {
    /// Has the end of a pause stored until there is another one, or none. It is asked for at once, whoever waits for the
    /// answer.
    pub fn keep_pause(
        &self,
        until_us: Option<Micros>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let is_asked = self.commands.try_send(Command::KeepPause { until_us, reply }).is_ok();
        async move {
            match is_asked {
                true => answer.await.unwrap_or(Err(StoreError::Stopped)),
                false => Err(StoreError::Busy),
            }
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
