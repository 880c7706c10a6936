//! SQLite: the durable spool that every record is committed to before anybody is told that it exists.
//!
//! One thread owns the connection; [`Store`] is the handle that the rest of the agent talks to it through.

use crate::record::{Entry, Stored};
use tokio::sync::{mpsc, oneshot, watch};

/// Who follows the store, each with a mark of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Follower {
    Redis,
    Influx,
}

impl Follower {
    pub fn name(self) -> &'static str {
        match self {
            Follower::Redis => "redis",
            Follower::Influx => "influx",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store has stopped")]
    Stopped,
}

/// A handle to the store's thread. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    commands: mpsc::Sender<Command>,
    committed: watch::Receiver<i64>,
}

#[derive(Debug)]
enum Command {
    Append(Entry),
    Fetch { after: i64, limit: usize, reply: oneshot::Sender<Vec<Stored>> },
}

impl Store {
    /// The identifier of this database, made when it was created.
    pub fn database_id(&self) -> &str {
        todo!()
    }
    /// The mark of a follower: the id of the last record that it has delivered. A follower that was never here before
    /// starts behind `start`: it is given the records after that id.
    pub async fn mark_or(&self, _follower: Follower, _start: i64) -> Result<i64, StoreError> {
        todo!()
    }
    /// Moves a follower's mark; returns once it is committed.
    pub async fn set_mark(&self, _follower: Follower, _id: i64) -> Result<(), StoreError> {
        todo!()
    }
    /// Committed records with an id above `after`, in order, at most `limit`.
    pub async fn fetch(&self, _after: i64, _limit: usize) -> Result<Vec<Stored>, StoreError> {
        todo!()
    }
    /// Number of committed records above `after`.
    pub async fn backlog(&self, _after: i64) -> Result<u64, StoreError> {
        todo!()
    }
    /// Changes whenever records were committed: the newest id.
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }
}
