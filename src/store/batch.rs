//! Writes what was appended, a batch in one transaction.

use super::{Appended, Follower, rows};
use crate::now_us;
use crate::pipeline::Output;
use crate::record::Kind;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::collections::BTreeMap;

/// What a transaction brought.
pub struct Written {
    pub last_id: i64,
    pub kinds: Vec<Kind>,
    /// Records that were there already.
    pub ignored: u64,
    /// Records that no table can hold.
    pub unfit: u64,
}

/// Writes a batch in one transaction, and the marks that have waited for one.
pub fn write(
    connection: &mut Connection,
    batch: &[Appended],
    marks: &BTreeMap<Follower, i64>,
) -> rusqlite::Result<Written> {
    let now_us = now_us();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let first_id: i64 = transaction.query_row("SELECT last_id FROM sequence", [], |row| row.get(0))?;
    let mut written = Written { last_id: first_id, kinds: Vec::new(), ignored: 0, unfit: 0 };
    for Appended { identity, origin, output, .. } in batch {
        let (learnt, record) = match output {
            Output::Window(record) | Output::Typing(record, _) | Output::Recognised(record) => (None, Some(record)),
            Output::Focus(learnt, record) => (Some(learnt), record.as_ref()),
        };
        if let Some(record) = record {
            match rows::insert(&transaction, written.last_id + 1, (identity, *origin, record), now_us) {
                Ok(true) => {
                    written.last_id += 1;
                    written.kinds.push(record.kind());
                }
                Ok(false) => {
                    written.ignored += 1;
                    // What a record taught that was there before is known.
                    continue;
                }
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    tracing::error!(%error, kind = record.kind().name(), "a record is lost: it does not fit the schema");
                    written.unfit += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(learnt) = learnt {
            rows::learn(&transaction, identity, *origin, learnt)?;
        }
    }
    if let Some(newest) = batch.last().filter(|_| written.last_id > first_id) {
        transaction.prepare_cached("UPDATE sequence SET last_id = ?1")?.execute([written.last_id])?;
        rows::see_user(&transaction, &newest.identity, now_us)?;
    }
    rows::set_marks(&transaction, marks)?;
    transaction.commit()?;
    Ok(written)
}
