//! Events that are injected on the Redis channel `seclyzer:events`, in the contract's JSON form.
//!
//! Whoever may publish on that Redis may send anything, as fast as they like. What does not fit is counted by reason and
//! dropped; what the agent cannot keep up with waits in Redis. Content is never logged.

pub mod subscription;

use crate::config;
use crate::event::json::{Reject, parse};
use crate::event::{Event, GapReason, Scope, Stamped};
use crate::remote::redis::answer::{Means, trouble};
use crate::remote::redis::{BadUrl, Server, TIMEOUT, servers};
use crate::remote::{Backoff, LONGEST_PAUSE, LONGEST_PAUSE_REFUSED};
use redis::{ErrorKind, RedisError, RedisResult};
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use subscription::Subscription;
use tokio::sync::{mpsc, watch};

pub const CHANNEL: &str = "seclyzer:events";

/// Events that are passed on together at most.
const BATCH: usize = 256;
/// Between two lines in the log about events that were dropped.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// What came in so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub accepted: u64,
    /// By the name of the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// How often the connection was lost, and with it what was published until it was there again.
    pub interruptions: u64,
}

/// Subscribes, and subscribes again whenever the connection is lost, until nobody takes the events any more. An
/// interruption becomes a gap.
pub async fn subscribe(
    settings: config::Redis,
    events: mpsc::Sender<Stamped>,
    counts: watch::Sender<Counts>,
) -> Result<(), BadUrl> {
    let servers = servers(&settings)?;
    let mut intake = Intake::new(events.clone(), counts);
    tokio::select! {
        () = events.closed() => Ok(()),
        never = listen(&settings, &servers, &mut intake) => match never {},
    }
}

async fn listen(settings: &config::Redis, servers: &[Server], intake: &mut Intake) -> Infallible {
    let mut backoff = Backoff::default();
    let mut is_lost = false;
    let mut candidates = servers.iter().cycle();
    loop {
        let server = candidates.next().expect("a cycle over at least one server has no end");
        let error = match open(server).await {
            Ok(mut subscription) => {
                tracing::info!(address = server.address(), "events are accepted on Redis channel {CHANNEL}");
                backoff.reset();
                is_lost = false;
                let Err(error) = intake.drain(&mut subscription).await;
                error
            }
            Err(error) => error,
        };
        let trouble = trouble(&error, None, settings);
        if !std::mem::replace(&mut is_lost, true) {
            tracing::warn!(
                address = server.address(),
                reason = trouble.reason,
                "no events from Redis until it answers again"
            );
        }
        let cap = if trouble.means == Means::Refusal { LONGEST_PAUSE_REFUSED } else { LONGEST_PAUSE };
        tokio::time::sleep(backoff.pause(cap)).await;
    }
}

/// Subscribes, or fails in time.
pub async fn open(server: &Server) -> RedisResult<Subscription> {
    let late = |_| RedisError::from((ErrorKind::Io, "no answer in time"));
    tokio::time::timeout(TIMEOUT, Subscription::open(server, CHANNEL)).await.map_err(late)?
}

/// From messages to the queue.
pub struct Intake {
    events: mpsc::Sender<Stamped>,
    counts: watch::Sender<Counts>,
    /// Events that came together and are not passed on yet, and how many of what came were taken and dropped.
    batch: Vec<Stamped>,
    accepted: u64,
    rejected: BTreeMap<&'static str, u64>,
    /// Events were lost since the last one that was passed on.
    gap: bool,
    reported: Option<Instant>,
}

impl Intake {
    pub fn new(events: mpsc::Sender<Stamped>, counts: watch::Sender<Counts>) -> Intake {
        let (batch, rejected) = (Vec::with_capacity(BATCH), BTreeMap::new());
        Intake { events, counts, batch, accepted: 0, rejected, gap: false, reported: None }
    }

    /// Takes messages until the connection is lost.
    pub async fn drain(&mut self, subscription: &mut Subscription) -> RedisResult<Infallible> {
        loop {
            match subscription.next().await {
                Ok(message) => self.take(message),
                Err(error) => {
                    self.gap = true;
                    self.counts.send_modify(|counts| counts.interruptions += 1);
                    return Err(error);
                }
            }
            // What came together goes on together.
            while self.batch.len() < BATCH
                && let Some(message) = subscription.next_received()
            {
                self.take(Some(message));
            }
            self.count();
            self.pass_on().await;
            // A flood must not keep the devices waiting.
            tokio::task::yield_now().await;
        }
    }

    fn take(&mut self, message: Option<&[u8]>) {
        match message.ok_or(Reject::TooLong).and_then(parse) {
            // Who is at the machine is not for strangers to say.
            Ok(Stamped { event: Event::Control(_), .. }) => {
                *self.rejected.entry(Reject::UnknownType.name()).or_default() += 1;
            }
            Ok(stamped) => {
                if std::mem::take(&mut self.gap) {
                    let gap = Event::Gap { scope: Scope::All, reason: GapReason::Dropped };
                    self.batch.push(Stamped { ts_us: stamped.ts_us, event: gap });
                }
                self.batch.push(stamped);
                self.accepted += 1;
            }
            Err(reject) => *self.rejected.entry(reject.name()).or_default() += 1,
        }
    }

    /// Makes known what came.
    fn count(&mut self) {
        let is_any_rejected = !self.rejected.is_empty();
        self.counts.send_modify(|counts| {
            counts.accepted += std::mem::take(&mut self.accepted);
            for (reason, count) in std::mem::take(&mut self.rejected) {
                *counts.rejected.entry(reason).or_default() += count;
            }
        });
        if is_any_rejected {
            self.report();
        }
    }

    async fn pass_on(&mut self) {
        while !self.batch.is_empty() {
            let count = self.batch.len().min(self.events.max_capacity());
            match self.events.reserve_many(count).await {
                Ok(places) => places.zip(self.batch.drain(..count)).for_each(|(place, stamped)| place.send(stamped)),
                // Nobody takes events any more: `subscribe` ends.
                Err(_) => self.batch.clear(),
            }
        }
    }

    /// Says how many events were dropped so far, if a minute has passed since it was said last. No timer: the next
    /// one that is dropped gives the occasion.
    fn report(&mut self) {
        if self.reported.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
            self.reported = Some(Instant::now());
            let Counts { rejected, .. } = &*self.counts.borrow();
            tracing::warn!(?rejected, "invalid events from Redis were discarded");
        }
    }
}
