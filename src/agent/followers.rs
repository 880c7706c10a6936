//! The sinks that are enabled, each following the store in a task of its own.

use crate::config::{Config, Switch};
use crate::remote::redis::BadUrl;
use crate::sinks::{self, Sink, State, follow};
use crate::store::Store;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
            running.push(Running::start(sinks::redis::Redis::new(config.redis.clone(), store.database_id())?, store));
        }
        if config.influx.is_on() {
            running.push(Running::start(sinks::influx::Influx::new(config.influx.clone()), store));
        }
        Ok(Followers { running, committed: Some(store.committed()) })
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

impl Running {
    fn start<S: Sink + Send + Sync + 'static>(sink: S, store: &Store) -> Running {
        let (sender, status) = watch::channel(sinks::Status::default());
        let start = *store.committed().borrow();
        let task = tokio::spawn(follow(sink, store.clone(), start, sender));
        Running { name: <S as Sink>::FOLLOWER.name(), task, status }
    }
}
