//! Records go when they have been kept long enough: a few at a time, whenever nothing else is to be done.

use super::aside;
use crate::config;
use crate::event::Micros;
use crate::record::Kind;
use rusqlite::Connection;
use std::path::PathBuf;

/// How often it is looked whether something has to go.
const EVERY_US: Micros = 3_600_000_000;
/// Rows looked at or deleted in one step: about a millisecond's work.
const ROWS: usize = 50;
/// Pages given back to the file system in one step.
const PAGES: u32 = 64;

/// What is left to do of the present sweep, and when the next begins.
#[derive(Debug)]
pub struct Retention {
    path: PathBuf,
    keep_us: Option<Micros>,
    next_sweep_us: Micros,
    sweeping: bool,
    fronts: [Front; Kind::ALL.len()],
}

/// How far a sweep has got in one table, by id.
///
/// Ids grow with the time of storing, so the oldest rows are the first, and no index is needed. The times that they were
/// stored at need not grow: the clock may have been ahead for a while. Rows of a time to come tell nothing, and go with
/// the first old one behind them.
#[derive(Debug, Default)]
struct Front {
    seen: i64,
    /// All up to this one are old.
    old: i64,
}

impl Front {
    /// Deletes a few rows, or looks at a few more; `false` once there is nothing left to do.
    fn step(
        &mut self,
        connection: &Connection,
        table: &str,
        oldest_us: Micros,
        now_us: Micros,
    ) -> rusqlite::Result<bool> {
        let sql =
            format!("DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id <= ?1 ORDER BY id LIMIT {ROWS})");
        if connection.prepare_cached(&sql)?.execute([self.old])? > 0 {
            return Ok(true);
        }
        let sql = format!("SELECT id, stored FROM {table} WHERE id > ?1 ORDER BY id LIMIT {ROWS}");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([self.seen])?;
        let mut is_more = false;
        while let Some(row) = rows.next()? {
            let (id, stored_us): (i64, Micros) = (row.get(0)?, row.get(1)?);
            if stored_us < oldest_us {
                self.old = id;
            } else if stored_us <= now_us {
                // Those behind it are as young.
                self.seen = i64::MAX;
                return Ok(self.old > 0);
            }
            (self.seen, is_more) = (id, true);
        }
        Ok(is_more)
    }
}

impl Retention {
    pub fn new(settings: &config::Store) -> Retention {
        let keep_us = settings.retention.map(|keep| Micros::try_from(keep.as_micros()).unwrap_or(Micros::MAX));
        let path = settings.path.clone();
        Retention { path, keep_us, next_sweep_us: Micros::MIN, sweeping: false, fronts: Default::default() }
    }

    /// Whether [`Retention::step`] has something to do at this time.
    pub fn is_due(&mut self, now_us: Micros) -> bool {
        // A clock that was set back must not put the next sweep off for longer than usual.
        let due = now_us >= self.next_sweep_us || self.next_sweep_us > now_us.saturating_add(EVERY_US);
        if self.keep_us.is_some() && !self.sweeping && due {
            self.sweeping = true;
            self.next_sweep_us = now_us + EVERY_US;
            self.fronts = Default::default();
        }
        self.sweeping
    }

    /// Deletes a few records, or gives a few pages back.
    pub fn step(&mut self, connection: &Connection, now_us: Micros) -> rusqlite::Result<()> {
        let Some(keep_us) = self.keep_us else { return Ok(()) };
        let oldest_us = now_us.saturating_sub(keep_us);
        for (kind, front) in Kind::ALL.into_iter().zip(&mut self.fronts) {
            if front.step(connection, kind.table(), oldest_us, now_us)? {
                return Ok(());
            }
        }
        let free_pages: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free_pages > PAGES {
            // A step frees a page.
            let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let mut freed = vacuum.query([])?;
            while freed.next()?.is_some() {}
        } else {
            self.delete_aside(oldest_us);
            self.sweeping = false;
        }
        Ok(())
    }

    /// Damaged databases that were set aside hold records, too.
    fn delete_aside(&self, oldest_us: Micros) {
        match aside::delete_older(&self.path, oldest_us) {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "old databases that were set aside are deleted"),
            Err(error) => tracing::warn!(%error, "old databases that were set aside could not be deleted"),
        }
    }

    /// The rest waits for the next sweep.
    pub fn put_off(&mut self) {
        self.sweeping = false;
    }
}
