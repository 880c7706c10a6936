//! The sinks that are enabled, each following the store in a task of its own.

use crate::act::board::{Behind, is_behind};
use crate::config::{Config, Switch};
use crate::event::Micros;
use crate::now_us;
use crate::remote::redis::BadUrl;
use crate::sinks::{self, Sink, State, follow_behind};
use crate::store::{Follower, Store};
use futures_util::future::select;
use serde::Serialize;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How a sink is doing, for `status`.
#[derive(Debug, Clone, Serialize)]
pub struct SinkStatus {
    pub name: &'static str,
    /// Records that are committed and not yet delivered.
    pub backlog: i64,
    #[serde(flatten)]
    pub status: sinks::Status,
}

/// The tasks end with this.
#[derive(Debug, Default)]
pub struct Followers {
    running: Vec<Running>,
    committed: Option<watch::Receiver<i64>>,
    behind: Option<watch::Receiver<Behind>>,
    /// Follows which sinks are behind.
    _lag: JoinSet<()>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    task: JoinHandle<()>,
    status: watch::Receiver<sinks::Status>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Followers {
    /// Starts what is enabled; connects to nothing yet.
    pub fn start(config: &Config, store: &Store) -> Result<Followers, BadUrl> {
        for (secret, url) in config.secrets_in_plain_text() {
            tracing::warn!("{secret} goes over the network unencrypted; use rediss:// or https:// in {url}");
        }
        let mut running = Vec::new();
        if config.redis.enabled != Switch::Off {
            let redis = sinks::redis::Redis::new(config.redis.clone(), store.database_id())?;
            running.push(Running::start(redis, store, None));
        }
        if config.influx.is_on() {
            // Subscribers of Redis may act at once on what they hear; InfluxDB is asked later.
            let redis = running.first().map(|redis| redis.status.clone());
            running.push(Running::start(sinks::influx::Influx::new(config.influx.clone()), store, redis));
        }
        let (sender, behind) = watch::channel(Behind::default());
        let mut lag = JoinSet::new();
        let status = |name| running.iter().find(|running| running.name == name).map(|running| running.status.clone());
        lag.spawn(follow_lag(status(Follower::Redis.name()), status(Follower::Influx.name()), sender));
        Ok(Followers { running, committed: Some(store.committed()), behind: Some(behind), _lag: lag })
    }

    /// Which sinks have had records to deliver for a day.
    pub fn behind(&self) -> Option<watch::Receiver<Behind>> {
        self.behind.clone()
    }

    pub fn status(&self) -> Vec<SinkStatus> {
        let newest = self.committed.as_ref().map_or(0, |committed| *committed.borrow());
        let status_of = |running: &Running| {
            let status = running.status.borrow().clone();
            SinkStatus { name: running.name, backlog: (newest - status.mark).max(0), status }
        };
        self.running.iter().map(status_of).collect()
    }

    /// Waits until every sink that is there has delivered everything up to this id.
    pub async fn caught_up(&mut self, newest: i64) {
        for running in &mut self.running {
            let done = |status: &sinks::Status| status.mark >= newest || status.state == State::Absent;
            // A sink whose task has ended will not catch up, but there is nothing to wait for either.
            let _ = running.status.wait_for(done).await;
        }
    }
}

/// A sink that cannot deliver tries again, and each attempt is a change: no timer is needed to find it a day behind.
async fn follow_lag(mut redis: Status, mut influx: Status, behind: watch::Sender<Behind>) {
    loop {
        let now = Behind { redis: is_stuck(&mut redis), influx: is_stuck(&mut influx) };
        behind.send_if_modified(|before| std::mem::replace(before, now) != now);
        select(pin!(changed(&mut redis)), pin!(changed(&mut influx))).await;
    }
}

/// Of a sink that there is.
type Status = Option<watch::Receiver<sinks::Status>>;

fn is_stuck(status: &mut Status) -> bool {
    let stuck = status.as_mut().and_then(|status| status.borrow_and_update().stuck);
    stuck.is_some_and(|stuck| is_behind(now_us(), stuck.oldest_us, us(stuck.since.elapsed())))
}

fn us(time: Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX)
}

async fn changed(status: &mut Status) {
    let is_changed = match status {
        Some(status) => status.changed().await.is_ok(),
        None => false,
    };
    // There is none, or it has ended.
    if !is_changed {
        pending().await
    }
}

impl Running {
    /// `ahead` is who delivers the same records first.
    fn start<S: Sink + Send + Sync + 'static>(
        sink: S,
        store: &Store,
        ahead: Option<watch::Receiver<sinks::Status>>,
    ) -> Running {
        let (sender, status) = watch::channel(sinks::Status::default());
        let start = *store.committed().borrow();
        let task = tokio::spawn(follow_behind(ahead, sink, store.clone(), start, sender));
        Running { name: <S as Sink>::FOLLOWER.name(), task, status }
    }
}
