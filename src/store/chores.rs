//! What the store's thread does when nobody waits for it: soon after a commit the followers ask for what it brought, and
//! nothing else must be in their way.

use super::worker::Worker;
use super::{Follower, StoreError, rows};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a mark that has moved a little may wait for the records that it is committed with: a little longer than from
/// one window's end to the next.
pub const MARK_WAIT: Duration = Duration::from_secs(6);
/// From the last commit until whoever follows has been given what it brought.
const QUIET: Duration = Duration::from_millis(100);
/// Commits whose log is written back to the database at once: some 64 pages, of windows.
const LOGGED_COMMITS: u32 = 8;

/// How far followers are.
#[derive(Debug, Default)]
pub struct Marks {
    /// As far as they were asked for or moved: what another database goes on from.
    pub present: BTreeMap<Follower, i64>,
    /// As far as they are committed.
    committed: BTreeMap<Follower, i64>,
    /// When those that are not have to be.
    due: Option<Instant>,
}

impl Marks {
    /// Takes one that is committed, or was read.
    pub fn take(&mut self, follower: Follower, mark: i64) {
        self.present.insert(follower, mark);
        self.committed.insert(follower, mark);
    }

    /// Moves one that is committed later, if it may be: by no more than `at_most` beyond the committed one. That one, then.
    pub fn put_off(&mut self, follower: Follower, mark: i64, at_most: i64, now: Instant) -> Option<i64> {
        let committed = *self.committed.get(&follower)?;
        if !(0..=at_most).contains(&(mark - committed)) {
            return None;
        }
        self.present.insert(follower, mark);
        self.due.get_or_insert(now + MARK_WAIT);
        Some(committed)
    }

    /// Those to be committed with whatever is committed next; none, where all are.
    pub fn waiting(&self) -> BTreeMap<Follower, i64> {
        if self.due.is_some() { self.present.clone() } else { BTreeMap::new() }
    }

    /// All are committed.
    pub fn note_committed(&mut self) {
        self.committed.clone_from(&self.present);
        self.due = None;
    }

    /// They could not be committed.
    pub fn try_later(&mut self, now: Instant) {
        self.due = Some(now + MARK_WAIT);
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// When the log is written back to the database.
#[derive(Debug, Default)]
pub struct Log {
    commits: u32,
    due: Option<Instant>,
}

impl Log {
    pub fn note_commit(&mut self, now: Instant) {
        self.commits += 1;
        if self.commits >= LOGGED_COMMITS {
            self.due = Some(now + QUIET);
        }
    }

    /// It is being written back.
    pub fn begin(&mut self) {
        *self = Log::default();
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }
}

impl Worker {
    /// Does what is due.
    pub fn do_chores(&mut self) {
        let now = Instant::now();
        if self.marks.due().is_some_and(|due| due <= now) {
            self.save_marks();
        }
        if self.log.due().is_some_and(|due| due <= now) {
            self.log.begin();
            self.write_log_back();
        }
    }

    /// Commits the marks that wait. If that fails, it is tried again later.
    pub fn save_marks(&mut self) {
        if let Err(error) = self.try_save_marks() {
            tracing::debug!(%error, "marks are committed later");
            self.marks.try_later(Instant::now());
        }
    }

    fn try_save_marks(&mut self) -> Result<(), StoreError> {
        let marks = self.marks.waiting();
        if !marks.is_empty() {
            self.ask(|connection| {
                let transaction = connection.transaction()?;
                rows::set_marks(&transaction, &marks)?;
                transaction.commit()
            })?;
            self.marks.note_committed();
        }
        Ok(())
    }

    /// As far as no other program reads it. What is left is written back the next time, or by SQLite.
    fn write_log_back(&mut self) {
        let Some(database) = &self.database else { return };
        let checkpoint = database.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = checkpoint.map_err(StoreError::from) {
            tracing::debug!(%error, "the log is written back later");
            self.react_to(&error);
        }
    }

    /// How far a follower is; one that never was here begins from `start`.
    pub fn mark(&mut self, follower: Follower, start: Option<i64>) -> Result<Option<i64>, StoreError> {
        // Whoever begins to follow begins from a committed one.
        self.try_save_marks()?;
        if let Some(mark) = self.marks.present.get(&follower) {
            return Ok(Some(*mark));
        }
        let mark = self.ask(|connection| rows::mark(connection, follower))?;
        match (mark, start) {
            (Some(mark), _) => self.marks.take(follower, mark),
            (None, Some(start)) => self.set_mark(follower, start)?,
            (None, None) => {}
        }
        Ok(mark.or(start))
    }

    /// Commits a mark at once.
    pub fn set_mark(&mut self, follower: Follower, id: i64) -> Result<(), StoreError> {
        self.ask(|connection| rows::set_mark(connection, follower, id))?;
        self.marks.take(follower, id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_put_off_only_within_the_bound_from_the_one_that_is_committed() {
        let (mut marks, now) = (Marks::default(), Instant::now());
        assert_eq!(marks.put_off(Follower::Redis, 1, 8, now), None, "none is committed");
        marks.take(Follower::Redis, 10);
        assert_eq!(marks.put_off(Follower::Redis, 15, 8, now), Some(10));
        assert_eq!(marks.put_off(Follower::Redis, 18, 8, now), Some(10));
        assert_eq!(marks.put_off(Follower::Redis, 19, 8, now), None);
        assert_eq!(marks.put_off(Follower::Redis, 9, 8, now), None, "backwards");
        assert_eq!(marks.waiting(), BTreeMap::from([(Follower::Redis, 18)]));
        marks.note_committed();
        assert_eq!((marks.waiting(), marks.due()), (BTreeMap::new(), None));
        assert_eq!(marks.put_off(Follower::Redis, 26, 8, now), Some(18));
    }

    #[test]
    fn a_mark_that_moves_again_and_again_waits_no_longer_for_that() {
        let (mut marks, begun) = (Marks::default(), Instant::now());
        marks.take(Follower::Influx, 0);
        for n in 0..8 {
            marks.put_off(Follower::Influx, n, 8, begun + Duration::from_secs(1) * n as u32);
        }
        assert_eq!(marks.due(), Some(begun + MARK_WAIT));
    }

    #[test]
    fn the_log_is_written_back_a_while_after_so_many_commits() {
        let (mut log, now) = (Log::default(), Instant::now());
        (1..LOGGED_COMMITS).for_each(|_| log.note_commit(now));
        assert_eq!(log.due(), None);
        log.note_commit(now);
        assert!(log.due().is_some_and(|due| due > now));
        log.note_commit(now + QUIET / 2);
        assert_eq!(log.due(), Some(now + QUIET / 2 + QUIET), "whoever follows is given that first");
        log.begin();
        log.note_commit(now);
        assert_eq!(log.due(), None);
    }
}
