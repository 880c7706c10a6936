//! Records go when they have been kept long enough: a few at a time, whenever nothing else is to be done.

use crate::event::Micros;
use crate::record::Kind;
use rusqlite::Connection;
use std::time::Duration;

/// How often it is looked whether something has to go.
const EVERY_US: Micros = 3_600_000_000;
/// Rows deleted in one transaction: about a millisecond's work.
const ROWS: usize = 50;
/// Pages given back to the file system in one step.
const PAGES: u32 = 64;

/// What is left to do of the present sweep, and when the next begins.
#[derive(Debug)]
pub struct Retention {
    keep_us: Option<Micros>,
    next_sweep_us: Micros,
    sweeping: bool,
}

impl Retention {
    /// `keep`: how long; `None`: for ever.
    pub fn new(keep: Option<Duration>) -> Retention {
        let keep_us = keep.map(|keep| Micros::try_from(keep.as_micros()).unwrap_or(Micros::MAX));
        Retention { keep_us, next_sweep_us: Micros::MIN, sweeping: false }
    }

    /// Whether [`Retention::step`] has something to do at this time.
    pub fn is_due(&mut self, now_us: Micros) -> bool {
        // A clock that was set back must not put the next sweep off for longer than usual.
        let due = now_us >= self.next_sweep_us || self.next_sweep_us > now_us.saturating_add(EVERY_US);
        if self.keep_us.is_some() && !self.sweeping && due {
            self.sweeping = true;
            self.next_sweep_us = now_us + EVERY_US;
        }
        self.sweeping
    }

    /// Deletes a few records, or gives a few pages back; returns how many records went.
    pub fn step(&mut self, connection: &Connection, now_us: Micros) -> rusqlite::Result<usize> {
        let Some(keep_us) = self.keep_us else { return Ok(0) };
        // Ids grow with the time of storing, so the oldest rows are the first: no index and no scan is needed.
        for table in Kind::ALL.map(Kind::table) {
            let sql = format!(
                "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT {ROWS}) AND stored < ?1"
            );
            let deleted = connection.prepare_cached(&sql)?.execute([now_us.saturating_sub(keep_us)])?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        let free_pages: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free_pages > PAGES {
            // A step frees a page.
            let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let mut freed = vacuum.query([])?;
            while freed.next()?.is_some() {}
        } else {
            self.sweeping = false;
        }
        Ok(0)
    }

    /// After a failure: the rest waits for the next sweep.
    pub fn put_off(&mut self) {
        self.sweeping = false;
    }
}
