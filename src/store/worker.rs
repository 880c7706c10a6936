//! The thread that owns the connection: takes commands in order, commits what is appended in batches.

use super::open::Database;
use super::retention::Retention;
use super::{Appended, Command, Counters, StoreError, now_us, rows, schema};
use crate::pipeline::Output;
use crate::record::Kind;
use rusqlite::TransactionBehavior;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

/// Outputs committed in one transaction at most.
const BATCH: usize = 256;
/// Between two tries to commit.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub struct Worker {
    pub database: Database,
    pub queue: mpsc::Receiver<Command>,
    /// The newest id that is committed.
    pub newest: watch::Sender<i64>,
    pub counters: Arc<Counters>,
    /// Set when the agent will not wait any longer.
    pub giving_up: Arc<AtomicBool>,
    pub retention: Retention,
}

impl Worker {
    pub fn run(mut self) {
        let mut batch = Vec::new();
        while let Some(command) = self.next_command() {
            let mut next = Some(command);
            while let Some(Command::Append(appended)) = next {
                batch.push(appended);
                next = if batch.len() < BATCH { self.queue.try_recv().ok() } else { None };
            }
            if !batch.is_empty() {
                self.commit_at_last(&batch);
                batch.clear();
            }
            match next {
                Some(Command::Close { reply }) => {
                    let result = self.close();
                    // Whoever asked may have gone; then nobody is left to tell.
                    let _ = reply.send(result);
                    return;
                }
                Some(command) => self.answer(command),
                None => {}
            }
        }
    }

    /// Waits for a command; while there is none, old records go.
    fn next_command(&mut self) -> Option<Command> {
        while self.retention.is_due(now_us()) {
            match self.queue.try_recv() {
                Ok(command) => return Some(command),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {
                    if let Err(error) = self.retention.step(&self.database.connection, now_us()) {
                        tracing::warn!(%error, "old records could not be deleted; tried again in an hour");
                        self.retention.put_off();
                    }
                }
            }
        }
        self.queue.blocking_recv()
    }

    /// Tries until the batch is committed: memory is bounded by the queue, which fills meanwhile.
    fn commit_at_last(&mut self, batch: &[Appended]) {
        let mut wait = SHORTEST_WAIT;
        let mut troubled = false;
        loop {
            match self.commit(batch) {
                Ok(()) if troubled => {
                    tracing::info!("the database takes records again");
                    self.counters.set_trouble(None);
                    return;
                }
                Ok(()) => return,
                Err(error) if self.giving_up.load(Ordering::Relaxed) => {
                    tracing::error!(%error, records = batch.len(), "records are lost: they could not be committed");
                    return;
                }
                Err(error) => {
                    if !troubled {
                        tracing::warn!(%error, "the database takes no records; they wait in memory");
                    }
                    troubled = true;
                    self.counters.set_trouble(Some(error.to_string()));
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Appended]) -> rusqlite::Result<()> {
        let now_us = now_us();
        let transaction = self.database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first_id: i64 = transaction.query_row("SELECT last_id FROM sequence", [], |row| row.get(0))?;
        let mut last_id = first_id;
        let (mut new, mut ignored): (Vec<Kind>, u64) = (Vec::new(), 0);
        for Appended { identity, origin, output } in batch {
            let record = match output {
                Output::Window(record) => Some(record),
                Output::Focus(learnt, record) => {
                    rows::learn(&transaction, identity, *origin, learnt)?;
                    record.as_ref()
                }
            };
            let Some(record) = record else { continue };
            if rows::insert(&transaction, last_id + 1, (identity, *origin, record), now_us)? {
                last_id += 1;
                new.push(record.kind());
            } else {
                ignored += 1;
            }
        }
        if let Some(newest) = batch.last().filter(|_| last_id > first_id) {
            transaction.prepare_cached("UPDATE sequence SET last_id = ?1")?.execute([last_id])?;
            rows::see_user(&transaction, &newest.identity, now_us)?;
        }
        transaction.commit()?;
        new.into_iter().for_each(|kind| self.counters.count_committed(kind));
        self.counters.ignored.fetch_add(ignored, Ordering::Relaxed);
        self.newest.send_if_modified(|newest| std::mem::replace(newest, last_id) != last_id);
        Ok(())
    }

    fn answer(&self, command: Command) {
        let connection = &self.database.connection;
        // A reply that nobody waits for any longer may go astray.
        match command {
            Command::Fetch { after, limit, reply } => {
                let _ = reply.send(rows::fetch(connection, after, limit).map_err(StoreError::from));
            }
            Command::Mark { follower, start, reply } => {
                let mark = rows::mark(connection, follower).and_then(|mark| match (mark, start) {
                    (None, Some(start)) => rows::set_mark(connection, follower, start).map(|()| Some(start)),
                    (mark, _) => Ok(mark),
                });
                let _ = reply.send(mark.map_err(StoreError::from));
            }
            Command::SetMark { follower, id, reply } => {
                let _ = reply.send(rows::set_mark(connection, follower, id).map_err(StoreError::from));
            }
            Command::Backlog { after, reply } => {
                let _ = reply.send(rows::count_after(connection, after).map_err(StoreError::from));
            }
            Command::History { identity, origin, reply } => {
                let _ = reply.send(rows::history(connection, &identity, origin).map_err(StoreError::from));
            }
            Command::Audit { event, detail } => {
                if let Err(error) = schema::audit(connection, now_us(), event, &detail) {
                    tracing::warn!(%error, event, "the audit log could not be written");
                }
            }
            Command::Append(_) | Command::Close { .. } => unreachable!("taken by the loop"),
        }
    }

    /// Leaves one file: the write-ahead log goes into the database.
    fn close(self) -> Result<(), StoreError> {
        self.database.connection.close().map_err(|(_, error)| StoreError::Sqlite(error))
    }
}
