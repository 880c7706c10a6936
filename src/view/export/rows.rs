//! Records from the database, batch by batch in the order of time.
//!
//! Each batch is a query of its own, so that nothing is held in the database while a batch is written, however slow the
//! reader of a pipe is: the log of a running agent would grow until then.

use super::columns::Column;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use seclyzer::cli::Error;
use seclyzer::cli::view::{Origins, SpanArgs};
use seclyzer::event::Micros;
use seclyzer::record::Kind;
use seclyzer::record::json::iso8601;
use seclyzer::store::StoreError;

/// 5 MB of the widest kind.
const BATCH: usize = 1_024;
/// Values of a row before those of its columns: its place in the order.
const PLACE: usize = 4;

/// Which records are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Selection {
    since_us: Micros,
    until_us: Micros,
    origins: Origins,
    /// The newest at the beginning: what is recorded meanwhile is left out, or the end might never come.
    last_id: i64,
}

impl Selection {
    pub fn new(connection: &Connection, span: SpanArgs, origins: Origins) -> Result<Selection, Error> {
        let last_id = connection.query_row("SELECT last_id FROM sequence", [], |row| row.get(0));
        Ok(Selection {
            since_us: span.since.unwrap_or(Micros::MIN),
            until_us: span.until.unwrap_or(Micros::MAX),
            origins,
            last_id: last_id.map_err(StoreError::from)?,
        })
    }

    /// `None` for every one.
    fn origin(&self) -> Option<&'static str> {
        match self.origins {
            Origins::All => None,
            Origins::One(origin) => Some(origin.name()),
        }
    }

    /// Whether there is such a record of one of these kinds.
    pub fn is_any(&self, connection: &Connection, kinds: &[Kind]) -> Result<bool, Error> {
        let values = (self.until_us, self.last_id, self.origin(), self.since_us);
        let is_any = |kind: &Kind| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {CONDITION} AND window_end >= ?4)", kind.table());
            connection.query_row(&sql, values, |row| row.get::<_, bool>(0))
        };
        for kind in kinds {
            if is_any(kind).map_err(StoreError::from)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// None of ours is infinite; one of another program's is no number that all forms and readers have.
fn finite(value: Value) -> Value {
    match value {
        Value::Real(real) if !real.is_finite() => Value::Null,
        value => value,
    }
}

/// Where a record is in the order: what names it, but for its type.
type Place = (Micros, String, String, String);

pub struct Rows<'c> {
    connection: &'c Connection,
    kind: Kind,
    statement: Statement<'c>,
    width: usize,
    selection: Selection,
    /// Of the last row that was read.
    after: Place,
    first_us: Option<Micros>,
    read: u64,
}

/// But for the beginning.
const CONDITION: &str = "window_end <= ?1 AND id <= ?2 AND (?3 IS NULL OR origin = ?3)";

impl<'c> Rows<'c> {
    pub fn new(
        connection: &'c Connection,
        kind: Kind,
        columns: &[Column],
        selection: Selection,
    ) -> Result<Rows<'c>, Error> {
        let selected: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
        let sql = format!(
            "SELECT window_end, user, host, origin, {} FROM {} \
             WHERE {CONDITION} AND (window_end, user, host, origin) > (?4, ?5, ?6, ?7) \
             ORDER BY window_end, user, host, origin LIMIT {BATCH}",
            selected.join(", "),
            kind.table(),
        );
        let statement = connection.prepare(&sql).map_err(StoreError::from)?;
        // No name is empty, so this is before all records of that moment.
        let after = (selection.since_us, String::new(), String::new(), String::new());
        Ok(Rows { connection, kind, statement, width: columns.len(), selection, after, first_us: None, read: 0 })
    }

    /// How many records are asked for.
    pub fn count(&self) -> Result<u64, Error> {
        let Selection { since_us, until_us, last_id, .. } = self.selection;
        let sql = format!("SELECT count(*) FROM {} WHERE {CONDITION} AND window_end >= ?4", self.kind.table());
        let values = (until_us, last_id, self.selection.origin(), since_us);
        let count: i64 = self.connection.query_row(&sql, values, |row| row.get(0)).map_err(StoreError::from)?;
        Ok(count as u64)
    }

    /// The next rows, a value a column; none at the end.
    pub fn next_batch(&mut self) -> Result<Vec<Vec<Value>>, Error> {
        self.read().map_err(|error| StoreError::from(error).into())
    }

    /// What was read, as in "90 app records, 2026-11-23T08:00:10.000000Z to 2026-11-23T17:00:00.000000Z".
    pub fn contents(&self) -> String {
        let records = format!("{} {} record{}", self.read, self.kind.name(), if self.read == 1 { "" } else { "s" });
        match self.first_us {
            None => records,
            Some(first_us) => format!("{records}, {} to {}", iso8601(first_us), iso8601(self.after.0)),
        }
    }

    fn read(&mut self) -> rusqlite::Result<Vec<Vec<Value>>> {
        let Selection { until_us, last_id, .. } = self.selection;
        let (window_end_us, user, host, origin) = &self.after;
        let values = (until_us, last_id, self.selection.origin(), window_end_us, user, host, origin);
        let mut rows = self.statement.query(values)?;
        let mut batch = Vec::with_capacity(BATCH);
        let (mut first_us, mut after) = (None, None);
        while let Some(row) = rows.next()? {
            first_us.get_or_insert(row.get(0)?);
            after = Some((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            batch.push((PLACE..PLACE + self.width).map(|i| row.get(i).map(finite)).collect::<rusqlite::Result<_>>()?);
        }
        drop(rows);
        self.first_us = self.first_us.or(first_us);
        self.read += batch.len() as u64;
        self.after = after.unwrap_or_else(|| std::mem::take(&mut self.after));
        Ok(batch)
    }
}
