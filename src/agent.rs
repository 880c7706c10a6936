//! Wiring: who feeds whom, and the order of starting and of shutting down.
//!
//! One task on one thread owns the pipelines and all that feeds them. It never waits for a sink or for the disk.

pub mod feed;
pub mod followers;
mod footprint;
mod injected;
pub mod replay;
pub mod status;

use crate::config::{self, Config};
use crate::event::Stamped;
use crate::pipeline::Windows;
use crate::record::{Identity, Origin};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::{Devices, EvdevError};
use crate::store::{Store, StoreError};
use feed::{Feed, Outlet, Show};
use followers::Followers;
use injected::Injected;
use status::StatusSocket;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the store may take to commit what is queued when the agent stops.
pub const CLOSING_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Devices(#[from] EvdevError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the event clock: {0}")]
    Clock(io::Error),
    #[error(transparent)]
    Redis(#[from] crate::remote::redis::BadUrl),
}

/// What `run` is asked for besides the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Nothing is stored or sent.
    pub dry_run: bool,
    pub show: Show,
}

impl Windows {
    pub fn of(settings: &config::Window) -> Windows {
        let us = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        Windows { length_us: us(settings.length), step_us: us(settings.step) }
    }
}

impl Identity {
    pub fn of(settings: &config::Identity) -> Arc<Identity> {
        let config::Identity { user, host, dev_mode } = settings.clone();
        Arc::new(Identity { user, host, dev_mode })
    }
}

/// The running agent.
struct Agent {
    capture: Capture,
    feed: Feed,
    injected: Injected,
    outlet: Outlet,
    followers: Followers,
    started: Instant,
    /// Events on their way from the sources to the pipeline; reused.
    batch: Vec<Stamped>,
}

/// Runs until `shutdown` completes.
pub async fn run(config: &Config, options: Options, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
    let store = if options.dry_run { None } else { Some(Store::open(&config.store)?) };
    let outlet = Outlet { identity: Identity::of(&config.identity), store, show: options.show };
    let windows = Windows::of(&config.window);
    let feed = Feed::with_history(Origin::Device, windows, &outlet).await?;
    let clock = EventClock::new().map_err(AgentError::Clock)?;
    let devices = Devices::open(&config.devices)?;
    let capture = Capture::start(devices, clock, &config.x11);
    tracing::info!("✓ Keystroke Extractor initialized and ready");
    tracing::info!("✓ Mouse Extractor initialized and ready");
    let injected = Injected::start(&config.redis, windows, &outlet).await?;
    let followers = match &outlet.store {
        Some(store) => Followers::start(config, store)?,
        None => Followers::default(),
    };
    let socket = outlet.store.is_some().then(|| StatusSocket::bind(&config.store.path)).flatten();
    let started = Instant::now();
    let mut agent = Agent { capture, feed, injected, outlet, followers, started, batch: Vec::with_capacity(256) };
    agent.note("start").await;
    footprint::shrink_when_settled();
    agent.serve(socket.as_ref(), shutdown).await;
    agent.stop().await
}

impl Agent {
    async fn serve(&mut self, socket: Option<&StatusSocket>, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        loop {
            let deadline = self.feed.deadline().into_iter().chain(self.injected.deadline()).min();
            if let Some(deadline) = deadline.filter(|&deadline| deadline != timer.deadline()) {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                () = self.capture.next(&mut self.batch) => self.take_batch(),
                () = &mut timer, if deadline.is_some() => self.close_windows(),
                Some(event) = self.injected.next() => self.injected.push(event, &self.outlet),
                client = status::accept(socket) => status::answer(client, self.status()),
            }
        }
    }

    fn take_batch(&mut self) {
        if !self.feed.is_open() {
            self.capture.follow_slew();
        }
        for stamped in self.batch.drain(..) {
            self.feed.push(stamped, &self.outlet);
        }
        self.feed.schedule(self.capture.now_us());
    }

    /// A window holds every event up to its end, so the devices are read once more before it closes.
    fn close_windows(&mut self) {
        self.capture.drain(&mut self.batch);
        self.take_batch();
        let now = Instant::now();
        self.feed.close_due(now, &self.outlet);
        self.injected.close_due(now, &self.outlet);
    }

    fn status(&self) -> status::Status {
        status::Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            devices: self.capture.devices.nodes(),
            applications: self.capture.has_window_system(),
            events: self.feed.events,
            excluded_keystrokes: self.capture.excluded_events(),
            injected: self.injected.status(),
            store: self.outlet.store.as_ref().map(Store::status),
            sinks: self.followers.status(),
        }
    }

    async fn note(&self, event: &'static str) {
        if let Some(store) = &self.outlet.store {
            // A store that has stopped says so itself.
            let _ = store.audit(event, concat!("seclyzer ", env!("CARGO_PKG_VERSION"))).await;
        }
    }

    /// What is in an open window is not a record yet and is let go; what is a record is committed.
    async fn stop(self) -> Result<(), AgentError> {
        self.note("stop").await;
        drop(self.followers);
        match self.outlet.store {
            Some(store) => Ok(store.close(CLOSING_LIMIT).await?),
            None => Ok(()),
        }
    }
}
