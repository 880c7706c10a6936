//! Events that are injected on the Redis channel `seclyzer:events`, in the contract's JSON form.
//!
//! Whoever may publish on that Redis may send anything, as fast as they like: what does not fit is counted by reason and
//! dropped, what the agent cannot keep up with is counted and becomes a gap. Content is never logged.

use crate::config;
use crate::event::json::{Reject, parse};
use crate::event::{Event, GapReason, Scope, Stamped};
use crate::remote::redis::{BadUrl, TIMEOUT, address, describe, install_cryptography_for, is_refusal, servers};
use crate::remote::{Backoff, LONGEST_PAUSE, LONGEST_PAUSE_REFUSED};
use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Client, ErrorKind, RedisError, RedisResult};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

pub const CHANNEL: &str = "seclyzer:events";

/// No event of the contract comes near this many bytes.
const LONGEST_MESSAGE: usize = 4096;
/// Between two lines in the log about events that were dropped.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// What came in so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub accepted: u64,
    /// The agent was too slow to take them.
    pub dropped: u64,
    /// By the name of the reason.
    pub rejected: BTreeMap<&'static str, u64>,
}

/// Subscribes, and subscribes again whenever the connection is lost, until nobody takes the events any more.
pub async fn subscribe(
    settings: config::Redis,
    events: mpsc::Sender<Stamped>,
    counts: watch::Sender<Counts>,
) -> Result<(), BadUrl> {
    let servers = servers(&settings)?;
    let mut intake = Intake { events: events.clone(), counts, gap: false, reported: None };
    tokio::select! {
        () = events.closed() => Ok(()),
        never = listen(&settings, &servers, &mut intake) => match never {},
    }
}

async fn listen(settings: &config::Redis, servers: &[Client], intake: &mut Intake) -> std::convert::Infallible {
    let mut backoff = Backoff::default();
    let mut is_lost = false;
    for server in servers.iter().cycle() {
        let error = match open(server).await {
            Ok(mut subscription) => {
                tracing::info!(address = address(server), "events are accepted on Redis channel {CHANNEL}");
                backoff.reset();
                is_lost = false;
                while let Some(message) = subscription.on_message().next().await {
                    intake.take(message.get_payload_bytes());
                }
                // What was published meanwhile is lost.
                intake.gap = true;
                RedisError::from((ErrorKind::Io, "the connection was closed"))
            }
            Err(error) => error,
        };
        if !std::mem::replace(&mut is_lost, true) {
            let reason = describe(&error, settings);
            tracing::warn!(address = address(server), reason, "no events from Redis until it is back");
        }
        let cap = if is_refusal(&error) { LONGEST_PAUSE_REFUSED } else { LONGEST_PAUSE };
        tokio::time::sleep(backoff.pause(cap)).await;
    }
    unreachable!("a cycle over at least one server has no end")
}

async fn open(server: &Client) -> RedisResult<PubSub> {
    install_cryptography_for(server);
    let subscription = async {
        let mut subscription = server.get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        Ok(subscription)
    };
    let late = |_| RedisError::from((ErrorKind::Io, "no answer in time"));
    tokio::time::timeout(TIMEOUT, subscription).await.map_err(late)?
}

/// From a message's bytes to the queue; never waits.
struct Intake {
    events: mpsc::Sender<Stamped>,
    counts: watch::Sender<Counts>,
    /// Events were lost since the last one that was passed on.
    gap: bool,
    reported: Option<Instant>,
}

impl Intake {
    fn take(&mut self, message: &[u8]) {
        let parsed = if message.len() > LONGEST_MESSAGE { Err(Reject::TooLong) } else { parse(message) };
        match parsed.map(|stamped| self.pass_on(stamped)) {
            Ok(true) => self.counts.send_modify(|counts| counts.accepted += 1),
            Ok(false) => {
                self.gap = true;
                self.counts.send_modify(|counts| counts.dropped += 1);
                self.report();
            }
            Err(reject) => {
                self.counts.send_modify(|counts| *counts.rejected.entry(reject.name()).or_default() += 1);
                self.report();
            }
        }
    }

    fn pass_on(&mut self, stamped: Stamped) -> bool {
        let gap = Event::Gap { scope: Scope::All, reason: GapReason::Dropped };
        if self.gap && self.events.try_send(Stamped { ts_us: stamped.ts_us, event: gap }).is_err() {
            return false;
        }
        self.gap = false;
        self.events.try_send(stamped).is_ok()
    }

    /// Says how many events were dropped so far, if a minute has passed since it was said last. No timer: the next
    /// one that is dropped gives the occasion.
    fn report(&mut self) {
        if self.reported.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
            self.reported = Some(Instant::now());
            let Counts { accepted, dropped, rejected } = &*self.counts.borrow();
            tracing::warn!(accepted, dropped, ?rejected, "events from Redis were dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESS: &[u8] = br#"{"type":"keystroke","ts":1701423846000000,"key":"a","event":"press"}"#;

    fn intake(queue: usize) -> (Intake, mpsc::Receiver<Stamped>, watch::Receiver<Counts>) {
        let (events, receiver) = mpsc::channel(queue);
        let (counts, counted) = watch::channel(Counts::default());
        (Intake { events, counts, gap: false, reported: None }, receiver, counted)
    }

    #[test]
    fn what_does_not_fit_is_counted_by_reason_and_the_next_event_is_taken() {
        let (mut intake, mut receiver, counted) = intake(4);
        let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(LONGEST_MESSAGE));
        for message in [b"{".as_slice(), b"\xff", long.as_bytes(), PRESS] {
            intake.take(message);
        }
        let counts = counted.borrow().clone();
        assert_eq!((counts.accepted, counts.dropped), (1, 0));
        assert_eq!(counts.rejected, BTreeMap::from([("not_an_object", 2), ("too_long", 1)]));
        assert_eq!(receiver.try_recv().expect("the press").ts_us, 1_701_423_846_000_000);
    }

    #[test]
    fn events_that_find_the_queue_full_are_counted_and_become_a_gap() {
        let (mut intake, mut receiver, counted) = intake(2);
        for _ in 0..5 {
            intake.take(PRESS);
        }
        assert_eq!((counted.borrow().accepted, counted.borrow().dropped), (2, 3));
        while receiver.try_recv().is_ok() {}
        intake.take(PRESS);
        let gap = receiver.try_recv().expect("a gap").event;
        assert_eq!(gap, Event::Gap { scope: Scope::All, reason: GapReason::Dropped });
        assert!(matches!(receiver.try_recv().expect("the press").event, Event::Key { .. }));
    }
}
