//! Events that others publish on Redis: pipelines of their own, so that nothing injected disturbs what the devices feed.
//!
//! There are two. Events told in the present time go into one; events of another time (a recording that somebody
//! publishes) are judged by their own clock in the other, and cannot disturb the first.

use super::feed::{Events, Feed, Outlet};
use crate::config;
use crate::event::{Micros, Stamped};
use crate::pipeline::Windows;
use crate::record::Origin;
use crate::sources::redis::{Counts, subscribe};
use crate::store::StoreError;
use serde::Serialize;
use std::time::SystemTime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Events that may wait for the agent.
const QUEUE: usize = 1024;

/// How injected events fare, for `status`.
#[derive(Debug, Clone, Serialize)]
pub struct InjectedStatus {
    #[serde(flatten)]
    pub counts: Counts,
    /// Told in the present time.
    pub present: Events,
    /// Told in another time.
    pub other: Events,
}

#[derive(Debug)]
pub struct Injected {
    source: Option<Source>,
    present: Feed,
    other: Feed,
    window_us: Micros,
}

#[derive(Debug)]
struct Source {
    events: mpsc::Receiver<Stamped>,
    counts: watch::Receiver<Counts>,
}

impl Injected {
    /// Subscribes in a task of its own if events are accepted.
    pub async fn start(settings: &config::Redis, windows: Windows, outlet: &Outlet) -> Result<Injected, StoreError> {
        let source = settings.accept_events.then(|| Source::start(settings.clone()));
        Ok(Injected {
            source,
            present: Feed::with_history(Origin::Redis, windows, outlet).await?,
            other: Feed::with_history(Origin::Redis, windows, outlet).await?,
            window_us: windows.length_us,
        })
    }

    /// The next event; never, if none are accepted. Cancel-safe.
    pub async fn next(&mut self) -> Option<Stamped> {
        match &mut self.source {
            Some(source) => source.events.recv().await,
            None => std::future::pending().await,
        }
    }

    pub fn push(&mut self, stamped: Stamped, outlet: &Outlet) {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now_us = since_epoch.as_micros() as Micros;
        // An event from further away than a window's length has no place in the present window.
        let is_present = (stamped.ts_us - now_us).abs() <= self.window_us;
        let feed = if is_present { &mut self.present } else { &mut self.other };
        feed.push(stamped, outlet);
        feed.schedule_from_newest_event();
    }

    pub fn deadline(&self) -> impl Iterator<Item = Instant> {
        self.present.deadline().into_iter().chain(self.other.deadline())
    }

    pub fn close_due(&mut self, now: Instant, outlet: &Outlet) {
        self.present.close_due(now, outlet);
        self.other.close_due(now, outlet);
    }

    /// `None` if no events are accepted.
    pub fn status(&self) -> Option<InjectedStatus> {
        let source = self.source.as_ref()?;
        let counts = source.counts.borrow().clone();
        Some(InjectedStatus { counts, present: self.present.events, other: self.other.events })
    }
}

impl Source {
    fn start(settings: config::Redis) -> Source {
        let (sender, events) = mpsc::channel(QUEUE);
        let (count, counts) = watch::channel(Counts::default());
        tokio::spawn(async move {
            if let Err(error) = subscribe(settings, sender, count).await {
                tracing::error!(%error, "no events are accepted");
            }
        });
        Source { events, counts }
    }
}
