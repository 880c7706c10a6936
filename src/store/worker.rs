//! The thread that owns the connection: takes commands in order, commits what is appended in batches.

use super::aside::{check, is_damage};
use super::batch;
use super::chores::{Log, Marks};
use super::models::{self, ModelsCommand, Waiting};
use super::open::{Database, cannot_be_set_aside, log_bytes};
use super::place::{Displaced, Place};
use super::retention::Retention;
use super::wait;
use super::{Appended, Command, Counters, StoreError, pause, rows, schema};
use crate::now_us;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

/// Outputs committed in one transaction at most.
const BATCH: usize = 256;
/// Between two tries to commit.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub struct Worker {
    pub place: Place,
    /// Set for good once the database's path leads to another folder than that, or another process has taken it.
    pub displaced: watch::Sender<Option<Displaced>>,
    /// `None` after it was lost, until another one is open.
    pub database: Option<Database>,
    pub database_id: Arc<str>,
    pub marks: Marks,
    pub log: Log,
    pub queue: mpsc::Receiver<Command>,
    /// The newest id that is committed.
    pub newest: watch::Sender<i64>,
    pub counters: Arc<Counters>,
    /// Models that wait to be written.
    pub waiting: Arc<Waiting>,
    /// The last models could not be written, which has been logged.
    pub are_models_troubled: bool,
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
                // A database that takes records takes models that it refused before; what fails is logged.
                let _ = self.save_models();
            }
            match next {
                Some(Command::Close { reply }) => {
                    // What fails is logged.
                    let _ = self.save_models();
                    self.save_marks();
                    let result = self.close();
                    // Whoever hears of it may open the database anew.
                    drop(self);
                    // Whoever asked may have gone; then nobody is left to tell.
                    let _ = reply.send(result);
                    return;
                }
                Some(command) => self.answer(command),
                None => {}
            }
        }
        self.save_marks();
    }

    /// Waits for a command; while there is none, old records go, and marks and the log are written.
    fn next_command(&mut self) -> Option<Command> {
        loop {
            if let Ok(command) = self.queue.try_recv() {
                return Some(command);
            }
            self.do_chores();
            if let Some(command) = self.next_while_old_records_go() {
                return Some(command);
            }
            let due = [self.marks.due(), self.log.due()].into_iter().flatten().min();
            if let Poll::Ready(command) = wait::next(&mut self.queue, due) {
                return command;
            }
        }
    }

    /// Deletes old records, if any are due, until a command comes.
    fn next_while_old_records_go(&mut self) -> Option<Command> {
        while self.retention.is_due(now_us()) {
            match self.queue.try_recv() {
                Ok(command) => return Some(command),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {
                    if let Err(error) = self.delete_old() {
                        tracing::warn!(%error, "old records could not be deleted; retried in an hour");
                        self.retention.put_off();
                        self.react_to(&error);
                    }
                }
            }
        }
        None
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
                Err(error @ StoreError::Displaced(_)) => return self.react_to(&error),
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
                    self.react_to(&error);
                    // Whoever closes the store ends the wait.
                    std::thread::park_timeout(wait);
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Appended]) -> Result<(), StoreError> {
        let marks = self.marks.waiting();
        let written = self.connection().and_then(|connection| Ok(batch::write(connection, batch, &marks)?));
        if let Err(displaced) = self.place.hold() {
            // It went to the files that were opened, wherever they are now.
            let is_kept = written.is_ok() && self.database.as_ref().is_some_and(Database::is_to_be_found);
            if !is_kept {
                tracing::error!(records = batch.len(), "records are lost: the database's files are gone");
                self.counters.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
            return Err(displaced.into());
        }
        let written = written?;
        // What was written to files without a name is written again elsewhere before it is published.
        self.database.as_ref().map_or(Err(StoreError::Moved), Database::check)?;
        self.marks.note_committed();
        self.log.note_commit(Instant::now());
        written.kinds.into_iter().for_each(|kind| self.counters.count_committed(kind));
        self.counters.ignored.fetch_add(written.ignored, Ordering::Relaxed);
        self.counters.dropped.fetch_add(written.unfit, Ordering::Relaxed);
        self.counters.set_log_bytes(log_bytes(self.place.database()));
        self.newest.send_if_modified(|newest| std::mem::replace(newest, written.last_id) != written.last_id);
        Ok(())
    }

    fn answer(&mut self, command: Command) {
        // A reply that nobody waits for any longer may go astray.
        match command {
            Command::Fetch { after, limit, reply } => {
                let _ = reply.send(self.ask(|connection| rows::fetch(connection, after, limit)));
            }
            Command::Mark { follower, start, reply } => {
                let _ = reply.send(self.mark(follower, start));
            }
            Command::SetMark { follower, id, reply } => {
                let _ = reply.send(self.set_mark(follower, id));
            }
            Command::MoveMark { follower, id, at_most, reply } => {
                let _ = reply.send(match self.marks.put_off(follower, id, at_most, Instant::now()) {
                    Some(committed) => Ok(committed),
                    None => self.set_mark(follower, id).map(|()| id),
                });
            }
            Command::FirstOfDevices { after, reply } => {
                let _ = reply.send(self.ask(|connection| rows::first_of_devices(connection, after)));
            }
            Command::Backlog { after, reply } => {
                let _ = reply.send(self.ask(|connection| rows::count_after(connection, after)));
            }
            Command::History { identity, origin, reply } => {
                let _ = reply.send(self.ask(|connection| rows::history(connection, &identity, origin)));
            }
            Command::Models(command) => self.answer_on_models(command),
            Command::Audit { event, detail } => {
                if let Err(error) = self.ask(|connection| schema::audit(connection, now_us(), event, &detail)) {
                    tracing::warn!(%error, event, "the audit log could not be written");
                }
            }
            Command::KeepPause { until_us, reply } => {
                let _ = reply.send(self.ask(|connection| pause::write(connection, until_us)));
            }
            Command::Pause { reply } => {
                let _ = reply.send(self.ask(|connection| pause::read(connection)));
            }
            Command::Check => {
                if let Err(error) = self.connection().and_then(|connection| check(connection)) {
                    self.react_to(&error);
                }
            }
            Command::CheckPlace => {
                if let Err(error) = self.place.check().map_err(StoreError::from).and_then(|()| self.save_log()) {
                    self.react_to(&error);
                }
            }
            Command::Append(_) | Command::Close { .. } => unreachable!("taken by the loop"),
        }
    }

    fn answer_on_models(&mut self, command: ModelsCommand) {
        match command {
            ModelsCommand::Save { reply } => {
                let saved = self.save_models();
                if let Some(reply) = reply {
                    let _ = reply.send(saved);
                }
            }
            ModelsCommand::Read { identity, reply } => {
                let _ = reply.send(self.ask(|connection| models::read(connection, &identity)));
            }
            ModelsCommand::Forgotten { reply } => {
                let _ = reply.send(self.ask(|connection| models::forgotten_us(connection)));
            }
            ModelsCommand::SetAside { identity, kind, reply } => {
                let _ = reply.send(self.ask(|connection| models::set_aside(connection, &identity, kind)));
            }
            ModelsCommand::Forget { identity, kinds, reply } => {
                self.waiting.forget(&identity, &kinds);
                let forgotten = self.ask(|connection| models::forget(connection, &identity, &kinds));
                let _ = reply.send(match forgotten {
                    Ok((count, false)) => Ok(count),
                    Ok((_, true)) => Err(StoreError::BeingRead { path: self.place.database().into() }),
                    Err(error) => Err(error),
                });
            }
        }
    }

    /// Writes the models that wait. Those that cannot be written wait for the next time.
    fn save_models(&mut self) -> Result<(), StoreError> {
        let models = self.waiting.take();
        if models.is_empty() {
            return Ok(());
        }
        let saved = self.ask(|connection| models::write(connection, &models)).and_then(|()| {
            let place = self.place.check().map_err(StoreError::from);
            let checked = place.and_then(|()| self.database.as_ref().map_or(Err(StoreError::Moved), Database::check));
            checked.inspect_err(|error| self.react_to(error))
        });
        match &saved {
            Ok(()) if std::mem::take(&mut self.are_models_troubled) => tracing::info!("models are saved again"),
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.are_models_troubled, true) {
                    tracing::warn!(%error, "models cannot be saved; retried with the next records");
                }
                self.waiting.put_back(models);
            }
        }
        saved
    }

    pub fn ask<T>(&mut self, ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let answer = self.connection().and_then(|connection| Ok(ask(connection)?));
        if let Err(error) = &answer {
            self.react_to(error);
        }
        answer
    }

    fn delete_old(&mut self) -> Result<(), StoreError> {
        self.place.check()?;
        self.save_log()?;
        match &self.database {
            Some(database) => self.retention.step(&database.connection, now_us())?,
            // One that was lost is reopened when it is needed.
            None => self.retention.put_off(),
        }
        Ok(())
    }

    /// The open database, or another one where that was lost. It goes on with the numbers of the lost one, so that
    /// followers need not know of it.
    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.save_log()?;
        if self.database.is_none() {
            let mut database = Database::open(&self.place)?;
            rows::go_on_from(&mut database.connection, &self.database_id, *self.newest.borrow(), &self.marks.present)?;
            self.marks.note_committed();
            self.database = Some(database);
        }
        Ok(&mut self.database.as_mut().expect("opened above").connection)
    }

    /// Lets go of a database whose log was removed or replaced, once the file contains everything. No other file is made
    /// before something is to be written: the folder may be about to be removed.
    fn save_log(&mut self) -> Result<(), StoreError> {
        let Some(database) = self.database.take_if(|database| database.has_lost_its_log()) else { return Ok(()) };
        if let Err(error) = database.write_back() {
            self.database = Some(database);
            return Err(error);
        }
        tracing::error!("the database's log was removed; what it contained is written to the database");
        database.leave();
        Ok(())
    }

    /// Lets go of a database that is damaged or was removed; makes known that its folder is another one.
    pub fn react_to(&mut self, error: &StoreError) {
        match error {
            StoreError::Displaced(displaced) => drop(self.displaced.send_replace(Some(displaced.clone()))),
            StoreError::Moved => {
                tracing::error!("the database was removed; a new one is created");
                if let Some(database) = self.database.take() {
                    database.leave();
                }
            }
            error if is_damage(error) => self.set_aside(error),
            _ => {}
        }
    }

    fn set_aside(&mut self, damage: &StoreError) {
        if let Err(displaced) = self.place.check() {
            return self.react_to(&displaced.into());
        }
        let Some(database) = self.database.take() else { return };
        match database.set_aside() {
            Ok(aside) => {
                tracing::error!(error = %damage, aside = %aside.display(), "the database is damaged: it is set aside, and a new one is created");
            }
            Err(failure) => {
                tracing::error!(error = %cannot_be_set_aside(self.place.database(), failure), "no records can be stored");
            }
        }
    }

    /// Leaves one file: the write-ahead log goes into the database.
    fn close(&mut self) -> Result<(), StoreError> {
        match self.database.take() {
            Some(database) if self.place.check().is_ok() && database.check().is_ok() => {
                database.connection.close().map_err(|(_, error)| StoreError::Sqlite(error))
            }
            Some(database) => {
                database.leave();
                Ok(())
            }
            None => Ok(()),
        }
    }
}
