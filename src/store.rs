//! SQLite: the durable spool that every record is committed to before anybody is told that it exists.
//!
//! One thread owns the connection; [`Store`] is the handle that the rest of the agent talks to it through. Records get
//! ids that grow over all kinds, so that one number, a follower's mark, says how far it has got.

mod aside;
mod batch;
mod chores;
mod forget;
mod models;
mod open;
mod pause;
mod place;
mod retention;
mod rows;
pub mod schema;
mod wait;
mod worker;

pub use forget::{Forgotten, Span, forget, forget_models};
pub use models::{LARGEST_MODEL_BYTES, ModelKind, StoredModel, read_models};
pub use open::{log_bytes, read_only};
pub use place::{Displaced, FileId, check_mounted, folder_of, make_folder};

use crate::config;
use crate::event::Micros;
use crate::features::app::History;
use crate::pipeline::Output;
use crate::record::{Identity, Kind, Origin, Stored};
use models::{ModelsCommand, Waiting};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// Records that may wait for the disk: half an hour of a busy desktop, 2 MB.
const QUEUE: usize = 1024;
/// SQLite needs some 60 KiB.
const STACK_BYTES: usize = 512 * 1024;

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
    /// Somebody has to change something.
    #[error("{path}: {what}; {mend}")]
    Unusable { path: PathBuf, what: String, mend: String },
    /// It may come by itself, as a file system that is not mounted yet.
    #[error("{path}: {what}; {mend}")]
    Unreachable { path: PathBuf, what: String, mend: String },
    #[error(transparent)]
    Displaced(#[from] Displaced),
    #[error("{path}: process {holder} is using this database; stop that one, or give this one another store.path")]
    InUse { path: PathBuf, holder: String },
    #[error(
        "{path}: the records are deleted, but another program is reading the database and so keeps them in its files; \
         end that program and repeat this"
    )]
    BeingRead { path: PathBuf },
    #[error("the database has schema version {found}, this program supports {known}: use a newer seclyzer")]
    Newer { found: u32, known: u32 },
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database is no longer where it was opened")]
    Moved,
    #[error(
        "{path}: the database's log was removed, and what it contained is not yet written to the database; if that lasts, \
         end the programs that read the database"
    )]
    LogRemoved { path: PathBuf },
    #[error(
        "the model of {kind} has {bytes} bytes, and at most {LARGEST_MODEL_BYTES} can be stored: it is damaged, or of a \
         newer seclyzer"
    )]
    ModelTooLarge { kind: &'static str, bytes: usize },
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the store's thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("too much is waiting to be stored")]
    Busy,
    #[error("the store has stopped")]
    Stopped,
}

/// What the store has done and what hinders it, for `status`.
#[derive(Debug, Default)]
pub struct Counters {
    committed: [AtomicU64; Kind::ALL.len()],
    ignored: AtomicU64,
    dropped: AtomicU64,
    log_bytes: AtomicU64,
    trouble: watch::Sender<Option<String>>,
}

/// A moment's reading of [`Counters`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreStatus {
    pub keystroke_records: u64,
    pub mouse_records: u64,
    pub app_records: u64,
    pub score_records: u64,
    pub decision_records: u64,
    /// Records that were there already.
    pub ignored: u64,
    /// Records that found the queue full and are lost.
    pub dropped: u64,
    /// Size of the write-ahead log.
    pub log_bytes: u64,
    /// Why nothing can be committed at present.
    pub trouble: Option<String>,
}

impl StoreStatus {
    /// Records of all kinds that were committed.
    pub fn records(&self) -> u64 {
        self.keystroke_records + self.mouse_records + self.app_records + self.score_records + self.decision_records
    }
}

impl Counters {
    fn count_committed(&self, kind: Kind) {
        self.committed[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn set_trouble(&self, trouble: Option<String>) {
        self.trouble.send_replace(trouble);
    }

    /// Takes the log's size, and tells of one that has become large.
    fn set_log_bytes(&self, bytes: u64) {
        let before = self.log_bytes.swap(bytes, Ordering::Relaxed);
        if let (None, Some(advice)) = (large_log(before), large_log(bytes)) {
            tracing::warn!("{advice}");
        }
    }

    fn read(&self) -> StoreStatus {
        let [keystroke, mouse, app, score, decision] = &self.committed;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreStatus {
            keystroke_records: load(keystroke),
            mouse_records: load(mouse),
            app_records: load(app),
            score_records: load(score),
            decision_records: load(decision),
            ignored: load(&self.ignored),
            dropped: load(&self.dropped),
            log_bytes: load(&self.log_bytes),
            trouble: self.trouble.borrow().clone(),
        }
    }
}

/// Beyond this size the log has not been written back to the database for long, which else happens every 256 KiB or so.
const LARGE_LOG_BYTES: u64 = 32 << 20;

/// What is to be done about a write-ahead log of that size, if anything.
pub fn large_log(bytes: u64) -> Option<String> {
    (bytes >= LARGE_LOG_BYTES).then(|| {
        format!(
            "the write-ahead log has grown to {} MiB, because a program that reads the database does not end its \
             transaction; it shrinks once that program ends",
            bytes >> 20
        )
    })
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

#[derive(Debug)]
enum Command {
    Append(Appended),
    Fetch { after: i64, limit: usize, reply: Reply<Vec<Stored>> },
    Mark { follower: Follower, start: Option<i64>, reply: Reply<Option<i64>> },
    SetMark { follower: Follower, id: i64, reply: Reply<()> },
    MoveMark { follower: Follower, id: i64, at_most: i64, reply: Reply<i64> },
    FirstOfDevices { after: i64, reply: Reply<Option<(i64, Micros)>> },
    Backlog { after: i64, reply: Reply<u64> },
    History { identity: Arc<Identity>, origin: Origin, reply: Reply<History> },
    Models(ModelsCommand),
    KeepPause { until_us: Option<Micros>, reply: Reply<()> },
    Pause { reply: Reply<Option<Micros>> },
    Audit { event: &'static str, detail: String },
    Check,
    CheckPlace,
    Close { reply: Reply<()> },
}

/// What a pipeline yielded, and whose and whence it is.
#[derive(Debug)]
struct Appended {
    identity: Arc<Identity>,
    origin: Origin,
    output: Output,
    /// Of who waits for room; given back once it is committed.
    _place: Option<OwnedSemaphorePermit>,
}

/// A handle to the store's thread. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    commands: mpsc::Sender<Command>,
    /// The part of the queue that is for those who wait.
    patient: Arc<Semaphore>,
    committed: watch::Receiver<i64>,
    counters: Arc<Counters>,
    waiting: Arc<Waiting>,
    displaced: watch::Receiver<Option<Displaced>>,
    giving_up: Arc<AtomicBool>,
    thread: std::thread::Thread,
    database_id: Arc<str>,
}

impl Store {
    /// Opens or makes the database, brings its schema up to date and starts the thread.
    pub fn open(settings: &config::Store) -> Result<Store, StoreError> {
        let place = place::Place::take(&settings.path)?;
        let database = open::Database::open(&place)?;
        let database_id: Arc<str> = database.id.as_str().into();
        let (commands, queue) = mpsc::channel(QUEUE);
        let (newest, committed) = watch::channel(database.last_id);
        let (displace, displaced) = watch::channel(None);
        let counters = Arc::<Counters>::default();
        let waiting = Arc::<Waiting>::default();
        let giving_up = Arc::<AtomicBool>::default();
        let worker = worker::Worker {
            place,
            displaced: displace,
            database_id: Arc::clone(&database_id),
            database: Some(database),
            marks: chores::Marks::default(),
            log: chores::Log::default(),
            queue,
            newest,
            counters: Arc::clone(&counters),
            waiting: Arc::clone(&waiting),
            are_models_troubled: false,
            giving_up: Arc::clone(&giving_up),
            retention: retention::Retention::new(settings),
        };
        let thread = std::thread::Builder::new().name("store".into()).stack_size(STACK_BYTES);
        let thread = thread.spawn(move || worker.run()).map_err(StoreError::Thread)?.thread().clone();
        let patient = Arc::new(Semaphore::new(QUEUE / 2));
        Ok(Store { commands, patient, committed, counters, waiting, displaced, giving_up, thread, database_id })
    }

    /// The identifier of this database, made when it was created.
    pub fn database_id(&self) -> &str {
        &self.database_id
    }

    /// Takes what a pipeline yielded without ever waiting; `false` if the queue was full: it is lost, and counted.
    pub fn append(&self, identity: &Arc<Identity>, origin: Origin, output: Output) -> bool {
        let appended = Appended { identity: Arc::clone(identity), origin, output, _place: None };
        let fits = match self.commands.try_send(Command::Append(appended)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        };
        if !fits {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    /// As [`Store::append`], but waits for a place in the queue, and never takes one of the half that is for those who
    /// cannot wait.
    pub async fn append_when_free(
        &self,
        identity: &Arc<Identity>,
        origin: Origin,
        output: Output,
    ) -> Result<(), StoreError> {
        let place = Arc::clone(&self.patient).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let appended = Appended { identity: Arc::clone(identity), origin, output, _place: Some(place) };
        self.commands.send(Command::Append(appended)).await.map_err(|_| StoreError::Stopped)
    }

    /// The id of the last record that a follower has delivered; `None` if it never was here.
    pub async fn mark(&self, follower: Follower) -> Result<Option<i64>, StoreError> {
        self.ask(|reply| Command::Mark { follower, start: None, reply }).await
    }

    /// As [`Store::mark`], but a follower that never was here is given the records after `start`.
    pub async fn mark_or(&self, follower: Follower, start: i64) -> Result<i64, StoreError> {
        let mark = self.ask(|reply| Command::Mark { follower, start: Some(start), reply }).await?;
        Ok(mark.unwrap_or(start))
    }

    /// Moves a follower's mark, and says which one is committed: that one; or an earlier one, no more than `at_most`
    /// records behind it. Then this one is committed with the next records, after some seconds without any, or when the
    /// store is closed.
    pub async fn move_mark(&self, follower: Follower, id: i64, at_most: i64) -> Result<i64, StoreError> {
        self.ask(|reply| Command::MoveMark { follower, id, at_most, reply }).await
    }

    /// Sets a follower's mark; returns once it is committed.
    pub async fn set_mark(&self, follower: Follower, id: i64) -> Result<(), StoreError> {
        self.ask(|reply| Command::SetMark { follower, id, reply }).await
    }

    /// Committed records with an id above `after`, in order, at most `limit`.
    pub async fn fetch(&self, after: i64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.ask(|reply| Command::Fetch { after, limit, reply }).await
    }

    /// Id and time (microseconds since the Unix epoch) of the first record of this machine's devices above `after`. It reads
    /// all that is before it.
    pub async fn first_of_devices(&self, after: i64) -> Result<Option<(i64, Micros)>, StoreError> {
        self.ask(|reply| Command::FirstOfDevices { after, reply }).await
    }

    /// Number of committed records above `after`.
    pub async fn backlog(&self, after: i64) -> Result<u64, StoreError> {
        self.ask(|reply| Command::Backlog { after, reply }).await
    }

    /// What was learnt of applications before.
    pub async fn history(&self, identity: &Arc<Identity>, origin: Origin) -> Result<History, StoreError> {
        let identity = Arc::clone(identity);
        self.ask(|reply| Command::History { identity, origin, reply }).await
    }

    /// Notes something in the audit log, never what was typed; does without where the queue is full.
    pub fn audit(&self, event: &'static str, detail: impl Into<String>) {
        if self.commands.try_send(Command::Audit { event, detail: detail.into() }).is_err() {
            tracing::debug!(event, "not recorded in the audit log");
        }
    }

    /// Has the store's thread look for damage once it gets to it.
    pub fn check(&self) {
        if self.commands.try_send(Command::Check).is_err() {
            tracing::debug!("the database is not checked for damage");
        }
    }

    /// Has the store's thread look whether the database's folder is still in its place.
    pub fn check_place(&self) {
        if self.commands.try_send(Command::CheckPlace).is_err() {
            tracing::debug!("the folder is looked at with the next commit");
        }
    }

    /// Completes once the database's folder is no longer in its place: nothing more can be stored until another process
    /// opens it anew. Cancel-safe.
    pub async fn displaced(&self) -> Displaced {
        let mut displaced = self.displaced.clone();
        let found = displaced.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        match found {
            Some(displaced) => displaced,
            // The store has stopped before that.
            None => std::future::pending().await,
        }
    }

    /// The newest id, once everything appended before is committed.
    pub async fn newest(&self) -> Result<i64, StoreError> {
        // Commands are taken in order, so an answer to any says that what came before is done.
        self.backlog(i64::MAX).await?;
        match &*self.displaced.borrow() {
            Some(displaced) => Err(displaced.clone().into()),
            None => Ok(*self.committed.borrow()),
        }
    }

    /// Changes whenever records were committed: the newest id.
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }

    /// Changes whenever a commit has failed, and once they succeed again: why nothing can be committed.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.counters.trouble.subscribe()
    }

    pub fn status(&self) -> StoreStatus {
        self.counters.read()
    }

    /// Commits what is queued, models too, and closes the database. If that takes longer than `limit`, what could not be committed
    /// is given up and said to be lost.
    pub async fn close(self, limit: Duration) -> Result<(), StoreError> {
        let closing = self.ask(|reply| Command::Close { reply });
        tokio::pin!(closing);
        match tokio::time::timeout(limit, &mut closing).await {
            Ok(result) => result,
            Err(_) => {
                self.giving_up.store(true, Ordering::Relaxed);
                self.thread.unpark();
                closing.await
            }
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}
