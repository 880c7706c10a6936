//! Events that others publish on Redis: pipelines and a task of their own, so that nothing injected disturbs what the
//! devices feed. Where the store has no room, they wait, and Redis with them.
//!
//! There are two pipelines. Events of the present time go into one; events of another time (a recording that
//! somebody publishes) are judged by their own clock in the other, and cannot disturb the first.

use super::feed::{Events, Feed, Shown, StrokesStatus};
use super::outlet::Outlet;
use crate::config;
use crate::event::{Micros, Stamped};
use crate::features::keystroke::Publish;
use crate::now_us;
use crate::pipeline::Windows;
use crate::record::Origin;
use crate::sources::redis::{Counts, subscribe};
use crate::store::StoreError;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Events that may wait for the agent, and that are taken together.
const QUEUE: usize = 1024;
const BATCH: usize = 256;

/// How injected events fare, for `status`.
#[derive(Debug, Clone, Serialize)]
pub struct InjectedStatus {
    /// Of both, gaps left out. The exact number would tell that of the keystrokes.
    pub accepted: u64,
    /// By the name of the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// How often the connection was lost.
    pub interruptions: u64,
    /// Of the present time.
    pub present: Events,
    /// Of another time.
    pub other: Events,
    /// What became of the keystrokes of each.
    pub present_keystrokes: StrokesStatus,
    pub other_keystrokes: StrokesStatus,
}

/// What the pipelines of the present and of another time have taken.
pub type Taken = [(Events, Shown); 2];

/// The tasks end with this.
#[derive(Debug)]
pub struct Injected {
    tasks: [JoinHandle<()>; 2],
    counts: watch::Receiver<Counts>,
    events: watch::Receiver<Taken>,
    publish: Publish,
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Injected {
    /// Subscribes; `None` if no events are accepted.
    pub async fn start(
        settings: &config::Redis,
        windows: Windows,
        outlet: &Outlet,
    ) -> Result<Option<Injected>, StoreError> {
        if !settings.accept_events {
            return Ok(None);
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        let (count, counts) = watch::channel(Counts::default());
        let (taken, events) = watch::channel(Taken::default());
        let publish = settings.events_publish;
        let feeds = Feeds::new(windows, settings.events_publish, outlet).await?;
        let settings = settings.clone();
        let subscription = tokio::spawn(async move {
            if let Err(error) = subscribe(settings, sender, count).await {
                tracing::error!(%error, "no events are accepted");
            }
        });
        let tasks = [subscription, tokio::spawn(feeds.run(queue, taken))];
        Ok(Some(Injected { tasks, counts, events, publish }))
    }

    pub fn status(&self) -> InjectedStatus {
        let [(present, of_present), (other, of_other)] = self.events.borrow().clone();
        let [present_keystrokes, other_keystrokes] =
            [of_present, of_other].map(|shown| StrokesStatus::new(self.publish, shown));
        let Counts { rejected, interruptions, .. } = self.counts.borrow().clone();
        InjectedStatus {
            accepted: present.count() + other.count(),
            rejected,
            interruptions,
            present,
            other,
            present_keystrokes,
            other_keystrokes,
        }
    }
}

/// The two pipelines.
pub struct Feeds {
    present: Feed,
    other: Feed,
    window_us: Micros,
    outlet: Outlet,
}

impl Feeds {
    pub async fn new(windows: Windows, publish: Publish, outlet: &Outlet) -> Result<Feeds, StoreError> {
        Ok(Feeds {
            present: Feed::with_history(Origin::Redis, windows, publish, outlet).await?,
            other: Feed::with_history(Origin::RedisReplay, windows, publish, outlet).await?,
            window_us: windows.length_us,
            outlet: outlet.clone(),
        })
    }

    /// Takes events as long as somebody sends them.
    pub async fn run(mut self, mut queue: mpsc::Receiver<Stamped>, taken: watch::Sender<Taken>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.present.deadline().into_iter().chain(self.other.deadline()).min();
            let due = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = queue.recv_many(&mut batch, BATCH) => match count {
                    0 => return,
                    _ => self.push(batch.drain(..)),
                },
                () = due => {
                    let now = Instant::now();
                    self.present.close_due(now);
                    self.other.close_due(now);
                }
            }
            taken.send_replace([&self.present, &self.other].map(|feed| (feed.events(), feed.shown())));
            if let Err(error) = self.store().await {
                tracing::debug!(%error, "injected events are no longer accepted");
                return;
            }
        }
    }

    fn push(&mut self, batch: impl Iterator<Item = Stamped>) {
        let now_us = now_us();
        let (mut to_present, mut to_other) = (false, false);
        for stamped in batch {
            // An event from further away than a window's length has no place in the present window.
            let is_present = (stamped.ts_us - now_us).abs() <= self.window_us;
            let (feed, is_new) =
                if is_present { (&mut self.present, &mut to_present) } else { (&mut self.other, &mut to_other) };
            feed.push(stamped);
            *is_new = true;
        }
        for (feed, is_new) in [(&mut self.present, to_present), (&mut self.other, to_other)] {
            if is_new {
                feed.schedule_from_newest_event();
            }
        }
    }

    async fn store(&mut self) -> Result<(), StoreError> {
        for feed in [&mut self.present, &mut self.other] {
            let origin = feed.origin;
            for output in feed.outputs() {
                self.outlet.put_when_free(origin, output).await?;
            }
        }
        Ok(())
    }
}
