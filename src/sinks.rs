//! Followers of the store: each delivers what was committed to one server, in order, from a mark of its own.
//!
//! A sink knows how to deliver one batch and how to name what went wrong. When to try, how much at a time, what to
//! count and what to log is decided here, once for all of them.

pub mod influx;
mod pace;
pub mod redis;

use crate::event::Micros;
use crate::now_us;
use crate::record::{Kind, Stored};
use crate::remote::{Backoff, LONGEST_PAUSE};
use crate::store::{Follower, Store, StoreError};
use pace::{Pace, Verdict};
use serde::Serialize;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// One server that records are delivered to.
pub trait Sink {
    const FOLLOWER: Follower;
    /// The most records in one delivery.
    const LARGEST_BATCH: usize;

    /// Whether nobody has asked for this sink: it is on only if a server answers.
    fn is_optional(&self) -> bool {
        false
    }

    /// Delivers a batch, which is not empty. After `Ok` the server has it all. After an error it may have part of it:
    /// the same records come again, and the server must be told in a way that lets it recognise them.
    fn deliver(&mut self, batch: &[Stored]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why a batch was not delivered. Texts are ready for the log: short and free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection, no answer in time, or an answer that makes no sense.
    #[error("{0}")]
    Unreachable(String),
    /// The server has too much to do, and may say when to come back.
    #[error("{reason}")]
    Busy { reason: String, retry_after: Option<Duration> },
    /// The server does not let us in: a matter of configuration, here or there.
    #[error("{0}")]
    Refused(String),
    /// The server works and will never take this batch: a record in it is wrong, or it is too large.
    #[error("{0}")]
    Rejected(String),
    /// The server works and keeps nothing of a time that a record in this batch is of.
    #[error("{0}")]
    Outdated(String),
}

/// How a sink is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub state: State,
    /// When it came into this state; microseconds since the Unix epoch.
    pub since_us: Micros,
    /// Every record up to this id has been delivered, or discarded because the server will never store it.
    pub mark: i64,
    /// Since the agent's start.
    pub delivered: u64,
    /// Records that the server will never store, since the agent's start.
    pub rejected: u64,
    /// Records that were no longer in the database when their turn came, since the agent's start.
    pub missed: u64,
    /// The latest; it may be mended since.
    pub last_error: Option<String>,
    /// While there are records that cannot be delivered.
    #[serde(skip)]
    pub stuck: Option<Stuck>,
}

/// What a sink cannot deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// Of the first attempt that failed.
    pub since: Instant,
    /// Time of the oldest undelivered record of this machine's devices, if there is one; microseconds since the Unix epoch.
    pub oldest_us: Option<Micros>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There has been nothing to deliver.
    Idle,
    /// An optional sink, and no server has answered since the agent's start.
    Absent,
    Delivering,
    /// The server works and will never store the latest record, which was discarded.
    Rejecting,
    /// The server cannot be reached or is busy; undelivered records are kept.
    Waiting,
    /// The server does not let us in; undelivered records are kept.
    Refused,
}

impl Default for Status {
    fn default() -> Status {
        Status {
            state: State::Idle,
            since_us: now_us(),
            mark: 0,
            delivered: 0,
            rejected: 0,
            missed: 0,
            last_error: None,
            stuck: None,
        }
    }
}

/// Delivers what the store commits, until the store stops. A sink that follows for the first time is given the records
/// after `start`.
///
/// An optional sink has no mark until a server has answered, so that the server gets what this run of the agent yielded
/// and not all that was ever stored. Until then it is tried only when there is something new: a machine without a server
/// pays nothing while it is idle.
pub async fn follow<S: Sink>(sink: S, store: Store, start: i64, status: watch::Sender<Status>) {
    follow_behind(None, sink, store, start, status).await
}

/// As [`follow`], but lets somebody else who delivers the same records go `ahead`: some are waited for, and others are not.
pub async fn follow_behind<S: Sink>(
    ahead: Option<watch::Receiver<Status>>,
    sink: S,
    store: Store,
    start: i64,
    status: watch::Sender<Status>,
) {
    let pace = Pace::new(S::LARGEST_BATCH);
    let given_up = GivenUp::default();
    let follow = Follow {
        sink,
        store,
        status,
        pace,
        given_up,
        mark: start,
        committed_mark: start,
        ahead,
        is_absent: false,
        is_missing: false,
        looked_up_to: start,
        of_devices: None,
    };
    let Err(Stopped) = follow.run().await;
}

struct Stopped;

struct Follow<S> {
    sink: S,
    store: Store,
    status: watch::Sender<Status>,
    pace: Pace,
    given_up: GivenUp,
    mark: i64,
    /// The one that was committed when it was asked last; it is never ahead of what is.
    committed_mark: i64,
    /// Who delivers the same records first, if there is somebody.
    ahead: Option<watch::Receiver<Status>>,
    /// No server has answered since the start, and nobody has asked for one.
    is_absent: bool,
    /// The latest records were no longer there, which has been told.
    is_missing: bool,
    /// From the mark up to this id no record is of this machine's devices.
    looked_up_to: i64,
    /// Id and time of the first one beyond the mark, once it was looked for and found.
    of_devices: Option<(i64, Micros)>,
}

impl<S: Sink> Follow<S> {
    async fn run(mut self) -> Result<Infallible, Stopped> {
        let mut committed = self.store.committed();
        self.begin().await?;
        loop {
            let mark = self.mark;
            self.status.send_modify(|status| status.mark = mark);
            let newest = *committed.wait_for(|newest| *newest > mark).await.map_err(|_| Stopped)?;
            self.let_go_ahead().await;
            let limit = self.limit();
            let batch = insist(|| self.store.fetch(mark, limit)).await?;
            let Some(last) = batch.last() else {
                self.miss(newest - mark);
                self.mark = newest;
                continue;
            };
            let outcome = self.sink.deliver(&batch).await;
            let kinds: Vec<Kind> = batch.iter().map(|stored| stored.entry.record.kind()).collect();
            let verdict = self.pace.judge(&kinds, outcome.as_ref().err());
            if self.is_absent && !matches!(outcome, Err(Failure::Unreachable(_))) {
                // It is there, whatever it answers: from here on it gets everything.
                self.is_absent = false;
                insist(|| self.store.set_mark(S::FOLLOWER, mark)).await?;
                self.committed_mark = mark;
            }
            // A record that is rejected holds nothing up, and nobody waits for a server that nobody has asked for.
            let is_stuck = outcome.is_err() && !verdict.is_done && !self.is_absent;
            let oldest_us = if is_stuck { self.oldest_of_devices(newest).await? } else { None };
            self.note_stuck(is_stuck, oldest_us);
            self.tell(batch.len(), last.id, outcome, &verdict);
            if verdict.is_done {
                // Ids have no gaps, but for records that were deleted or are none.
                self.miss(last.id - mark - batch.len() as i64);
                self.mark = last.id;
                self.committed_mark = insist(|| self.store.move_mark(S::FOLLOWER, last.id, Self::LAG)).await?;
            }
            if let Some(pause) = verdict.pause {
                self.pause(Instant::now() + pause, &mut committed).await?;
            }
        }
    }

    /// How far the committed mark may be behind.
    const LAG: i64 = S::LARGEST_BATCH as i64 / 2;
    /// How long somebody else is let go ahead.
    const TURN: Duration = Duration::from_millis(20);

    /// How many records to deliver. An agent that dies now goes on from the committed mark, and what it delivers first has
    /// to contain everything from there on that the server may have: it recognises that in one batch only.
    fn limit(&self) -> usize {
        let behind = usize::try_from(self.mark - self.committed_mark).unwrap_or_default();
        self.pace.limit.min(S::LARGEST_BATCH.saturating_sub(behind)).max(1)
    }

    /// Lets somebody else who is delivering finish what he has begun, so that our work for the same records does not hold up
    /// his: one thread does both.
    async fn let_go_ahead(&mut self) {
        let mark = self.mark;
        if let Some(ahead) = &mut self.ahead {
            let is_ahead = ahead.wait_for(|status| status.mark > mark || status.state != State::Delivering);
            // He is slow, or has ended.
            let _ = tokio::time::timeout(Self::TURN, is_ahead).await;
        }
    }

    /// Time of the oldest record of this machine's devices beyond the mark: others are as old as their trace, not as they
    /// have waited, and a million of them may be before it. Each is read once.
    async fn oldest_of_devices(&mut self, newest: i64) -> Result<Option<Micros>, Stopped> {
        self.of_devices.take_if(|(id, _)| *id <= self.mark);
        if self.of_devices.is_none() {
            let after = self.mark.max(self.looked_up_to);
            self.of_devices = insist(|| self.store.first_of_devices(after)).await?;
            self.looked_up_to = self.of_devices.map_or(newest, |(id, _)| id - 1);
        }
        Ok(self.of_devices.map(|(_, time_us)| time_us))
    }

    /// Notes whether there are records that cannot be delivered.
    fn note_stuck(&self, is_stuck: bool, oldest_us: Option<Micros>) {
        self.status.send_modify(|status| {
            let since = status.stuck.map_or_else(Instant::now, |stuck| stuck.since);
            status.stuck = is_stuck.then_some(Stuck { since, oldest_us });
        });
    }

    /// Counts records that the mark passes and nobody delivers: retention was faster than the server, or they were
    /// forgotten.
    fn miss(&mut self, count: i64) {
        if count > 0 && !self.is_missing {
            let sink = S::FOLLOWER.name();
            tracing::warn!(sink, count, "records were deleted before they could be delivered; status counts all such");
        }
        self.is_missing = count > 0;
        self.status.send_modify(|status| status.missed += count.unsigned_abs());
    }

    /// Finds the mark to start from.
    async fn begin(&mut self) -> Result<(), Stopped> {
        let start = self.mark;
        if self.sink.is_optional() {
            self.mark = insist(|| self.store.mark(S::FOLLOWER)).await?.unwrap_or(start);
            self.is_absent = true;
        } else {
            self.mark = insist(|| self.store.mark_or(S::FOLLOWER, start)).await?;
        }
        self.committed_mark = self.mark;
        Ok(())
    }

    async fn pause(&mut self, until: Instant, committed: &mut watch::Receiver<i64>) -> Result<(), Stopped> {
        if !self.is_absent {
            sleep_until(until).await;
            return Ok(());
        }
        while Instant::now() < until {
            committed.changed().await.map_err(|_| Stopped)?;
        }
        Ok(())
    }

    /// Counts and logs what became of a delivery.
    fn tell(&mut self, count: usize, last_id: i64, outcome: Result<(), Failure>, verdict: &Verdict) {
        match outcome {
            Ok(()) => {
                self.status.send_modify(|status| status.delivered += count as u64);
                self.enter(State::Delivering, String::new());
            }
            Err(failure @ (Failure::Rejected(_) | Failure::Outdated(_))) if verdict.is_done => {
                self.given_up.add(S::FOLLOWER.name(), last_id, &failure);
                self.status.send_modify(|status| status.rejected += 1);
                self.enter(State::Rejecting, failure.to_string());
            }
            // Told when it comes down to a single record.
            Err(Failure::Rejected(_) | Failure::Outdated(_)) => {}
            Err(failure) if self.is_absent => self.enter(State::Absent, failure.to_string()),
            Err(failure @ Failure::Refused(_)) => self.enter(State::Refused, failure.to_string()),
            Err(failure) => self.enter(State::Waiting, failure.to_string()),
        }
    }

    /// Notes the state, and logs it if it is another one than before.
    fn enter(&self, state: State, reason: String) {
        let sink = S::FOLLOWER.name();
        let before = self.status.borrow().state;
        if before == state {
            tracing::debug!(sink, reason, "still {state:?}");
        } else {
            match state {
                // Some kinds of records may be taken and another not, so that these change all the time; `GivenUp` logs.
                State::Rejecting => {}
                State::Delivering if before == State::Rejecting => {}
                State::Idle | State::Delivering => tracing::info!(sink, "records are being delivered"),
                State::Absent => tracing::info!(sink, reason, "off, for no server answers; tried with later records"),
                State::Waiting => {
                    tracing::warn!(sink, reason, "cannot deliver; undelivered records are kept and tried again")
                }
                State::Refused => tracing::warn!(sink, reason, "the server refuses; undelivered records are kept"),
            }
            self.status.send_modify(|status| (status.state, status.since_us) = (state, now_us()));
        }
        if !reason.is_empty() {
            self.status.send_modify(|status| status.last_error = Some(reason));
        }
    }
}

/// Records that were rejected and discarded since they were last logged: at most once a minute, for a backlog may hold a
/// million of them.
#[derive(Debug, Default)]
struct GivenUp {
    count: u64,
    logged: Option<Instant>,
}

impl GivenUp {
    const INTERVAL: Duration = Duration::from_secs(60);

    fn add(&mut self, sink: &str, id: i64, failure: &Failure) {
        self.count += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= GivenUp::INTERVAL) {
            let records = self.count;
            tracing::error!(sink, records, id, %failure, "records that the server will never store were discarded; status counts them all");
            *self = GivenUp { count: 0, logged: Some(Instant::now()) };
        }
    }
}

/// Asks the store until it answers: a full disk, say, may be mended.
async fn insist<T, F: Future<Output = Result<T, StoreError>>>(mut ask: impl FnMut() -> F) -> Result<T, Stopped> {
    let mut backoff = Backoff::default();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(StoreError::Stopped) => return Err(Stopped),
            Err(error) => {
                tracing::debug!(%error, "the store is asked again");
                tokio::time::sleep(backoff.pause(LONGEST_PAUSE)).await;
            }
        }
    }
}
