//! Wiring: who feeds whom, and the order of starting and of shutting down.
//!
//! One task on one thread owns the pipelines and all that feeds them. It never waits for a sink or for the disk.

pub mod account;
mod acting;
mod acts;
pub mod control;
pub mod decision_status;
pub mod desk;
pub mod feed;
pub mod followers;
pub mod hardening;
mod health;
mod inbox;
pub mod injected;
pub mod keeper;
pub mod live_state;
mod lookers;
mod losses;
pub mod notify;
pub mod outlet;
mod pausing;
pub mod recogniser;
pub mod recognition_status;
pub mod replay;
mod request;
pub mod status;
mod watchers;

use crate::act::board::Info;
use crate::bus;
use crate::config::{self, Config};
use crate::event::{Event, GapReason, Micros, Stamped};
use crate::pipeline::{Output, Windows};
use crate::recognition::Modality;
use crate::recognition::coarse::Decision;
use crate::record::{Body, Origin, Record};
use crate::sources::capture::Capture;
use crate::sources::clock::EventClock;
use crate::sources::evdev::{Devices, EvdevError};
use crate::sources::path_watch::PathWatch;
use crate::sources::timer::Timer;
use crate::store::{Store, StoreError, folder_of};
use acting::Acting;
use control::Clients;
use desk::Desk;
use feed::Feed;
use followers::Followers;
use hardening::Hardening;
use health::{Health, Troubles};
use inbox::{Inbox, Message, Senders};
use injected::Injected;
use keeper::Keeper;
use lookers::Lookers;
use losses::Losses;
use notify::ServiceManager;
use outlet::{Outlet, Show};
use pausing::Left;
use status::StatusSocket;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use watchers::Watchers;

/// How long the store may take to commit what is queued when the agent stops.
pub const CLOSING_LIMIT: Duration = Duration::from_secs(10);
/// How much longer the end may take for the notice of it.
pub const LAST_NOTICE_LIMIT: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Devices(#[from] EvdevError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the event clock: {0}")]
    Clock(io::Error),
    #[error("a timer: {0}")]
    Timer(io::Error),
    #[error(transparent)]
    Redis(#[from] crate::remote::redis::BadUrl),
}

/// What `run` is asked for besides the configuration.
#[derive(Debug)]
pub struct Options {
    /// Nothing is stored or sent.
    pub dry_run: bool,
    pub show: Show,
    /// What is in force, for `status`.
    pub hardening: Hardening,
    /// The kernel's table of mounts, opened before Landlock leaves it out.
    pub mounts: Option<File>,
    /// Where notices are shown and the screen is locked.
    pub session: bus::Session,
    /// How much longer the end may take for the notice of it.
    pub last_notice_limit: Duration,
}

/// The lengths that the configuration asks for.
pub fn windows_of(settings: &config::Window) -> Windows {
    let us = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    Windows { length_us: us(settings.length), step_us: us(settings.step) }
}

/// The running agent.
struct Agent<D> {
    capture: Capture,
    feed: Feed,
    /// Where recognition is on.
    keeper: Option<Keeper>,
    acting: Acting<D>,
    watchers: Watchers,
    lookers: Lookers,
    /// End of the newest interval with input.
    judged_us: Option<Micros>,
    database: PathBuf,
    injected: Option<Injected>,
    outlet: Outlet,
    losses: Losses,
    followers: Followers,
    health: Health,
    hardening: Hardening,
    started: Instant,
    last_notice_limit: Duration,
    /// For the end of the open window, for what the keeper has to do soon after, or for the end of what suppresses acts.
    timer: Timer,
    /// Events on their way from the sources to the pipeline; reused.
    batch: Vec<Stamped>,
}

/// Runs until `shutdown` completes.
pub async fn run(
    config: &Config,
    mut options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AgentError> {
    let mut manager = ServiceManager::of_this_process();
    let mounts = options.mounts.take();
    let (mut agent, left) = Agent::start(config, options, &mut manager).await?;
    let store = agent.outlet.store.clone();
    let path_watch = store.as_ref().map(|_| PathWatch::start(folder_of(&config.store.path), mounts));
    let socket = store.as_ref().and_then(|_| StatusSocket::bind(&config.store.path));
    tracing::info!("✓ Keystroke Extractor initialized and ready");
    tracing::info!("✓ Mouse Extractor initialized and ready");
    agent.note("start");
    agent.resume(left);
    agent.announce();
    let troubles = Troubles::of(store.as_ref(), &agent.followers);
    let (watchdog, clients) = (manager.take_watchdog(), Clients::new(socket));
    let mut inbox = Inbox::start(Senders { shutdown, store, watchdog, path_watch, troubles, clients });
    manager.tell("READY=1\nSTATUS=Following keyboards, pointers and the focused application");
    let ended = agent.serve(&manager, &mut inbox).await;
    manager.tell("STOPPING=1\nSTATUS=Committing what is queued");
    // Before another agent may have a socket.
    inbox.close().await;
    let stopped = agent.stop().await;
    ended.map_err(AgentError::Store).and(stopped)
}

impl Agent<bus::Desk> {
    /// Starts all that runs beside the agent's loop; what it has to go on from comes with it.
    async fn start(
        config: &Config,
        options: Options,
        manager: &mut ServiceManager,
    ) -> Result<(Agent<bus::Desk>, Left), AgentError> {
        let store = if options.dry_run { None } else { Some(Store::open(&config.store)?) };
        let outlet = Outlet::new(Arc::new(config.identity.clone()), store, options.show).with_printer();
        let windows = windows_of(&config.window);
        let mut feed = Feed::with_history(Origin::Device, windows, config.keystroke.publish, &outlet).await?;
        let owner =
            Keeper::start(&config.recognition, outlet.store.clone(), Arc::clone(&outlet.identity), manager).await?;
        let keeper = owner.map(|(recogniser, keeper)| {
            feed.recogniser = Some(recogniser);
            keeper
        });
        let clock = EventClock::new().map_err(AgentError::Clock)?;
        let mode = config.decision.mode;
        let left = Left::find(clock.now_us(), mode, keeper.as_ref(), outlet.store.as_ref()).await?;
        // In a pause none is opened for a moment, either.
        let devices = if left.lasts() { Devices::closed(&config.devices) } else { Devices::open(&config.devices) };
        let capture = Capture::start(devices?, clock, &config.x11, &config.keyboard);
        let injected = Injected::start(&config.redis, windows, &outlet).await?;
        let followers = match &outlet.store {
            Some(store) => Followers::start(config, store)?,
            None => Followers::default(),
        };
        let agent = Agent {
            capture,
            feed,
            keeper,
            acting: Acting::new(mode, config.notify, bus::Desk::start(options.session)),
            watchers: Watchers::default(),
            lookers: Lookers::default(),
            judged_us: None,
            database: config.store.path.clone(),
            injected,
            outlet,
            losses: Losses::default(),
            followers,
            health: Health::default(),
            hardening: options.hardening,
            started: Instant::now(),
            last_notice_limit: options.last_notice_limit,
            timer: Timer::new().map_err(AgentError::Timer)?,
            batch: Vec::with_capacity(256),
        };
        Ok((agent, left))
    }
}

impl<D: Desk> Agent<D> {
    async fn serve(&mut self, manager: &ServiceManager, inbox: &mut Inbox) -> Result<(), StoreError> {
        loop {
            let keeping = self.keeper.as_ref().and_then(Keeper::due);
            self.timer.set(self.feed.deadline().into_iter().chain(keeping).chain(self.end_of_suppression()).min());
            tokio::select! {
                biased;
                message = inbox.next() => match message {
                    Message::End => return Ok(()),
                    Message::Displaced(displaced) => return Err(displaced.into()),
                    Message::WatchdogDue => manager.tell("WATCHDOG=1"),
                    Message::PathChanged => self.check_place(),
                    Message::Trouble(info) => self.acting.inform(info),
                    Message::Asked(request, client) => self.handle(request, client),
                },
                () = self.capture.next(&mut self.batch) => self.take_events(),
                () = self.timer.expired() => self.close_window(),
                news = self.acting.next() => self.take_news(news),
                () = self.lookers.due() => {
                    let status = self.status().line();
                    self.lookers.tell(&status);
                }
            }
        }
    }

    /// Says that capture has begun, if it has.
    fn announce(&mut self) {
        self.look_at_devices();
        let is_paused = self.acting.act.paused_until_us().is_some();
        if !is_paused && !self.health.are_devices_refused() {
            self.acting.inform(if self.capture.is_reading() { Info::CaptureBegan } else { Info::CaptureWaits });
        }
    }

    /// In a pause nothing is to be captured anyway.
    fn look_at_devices(&mut self) {
        if self.acting.act.paused_until_us().is_some() {
            return;
        }
        if let Some(info) = self.health.look_at(&self.capture.devices) {
            self.acting.inform(info);
        }
    }

    fn take_events(&mut self) {
        let is_clock_set = self.batch.iter().any(|stamped| {
            // While the machine slept its clock may have been set, too.
            matches!(stamped.event, Event::Gap { reason: GapReason::ClockStep | GapReason::Suspend, .. })
        });
        self.take_batch();
        if is_clock_set {
            self.take_set_clock();
        }
        self.carry_out();
    }

    fn take_batch(&mut self) {
        for stamped in self.batch.drain(..) {
            self.feed.push(stamped);
        }
        self.feed.schedule(self.capture.now_us(), self.capture.hold_us());
        self.put_outputs();
        self.look_at_devices();
    }

    /// Takes what was done before this moment, as far as it need not wait any longer.
    fn drain(&mut self) {
        self.capture.drain(&mut self.batch);
        self.take_batch();
    }

    /// Takes all that was done before this moment.
    fn flush(&mut self) {
        self.capture.flush(&mut self.batch);
        self.take_batch();
    }

    /// A window holds every event up to its end, so the devices are read once more before it closes.
    fn close_window(&mut self) {
        self.drain();
        self.feed.close_due(Instant::now());
        self.put_outputs();
        self.end_suppression();
        if let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) {
            keeper.keep_if_due(&mut recogniser.recognition, Instant::now());
        }
    }

    fn put_outputs(&mut self) {
        let (mut lost, mut is_judged, mut is_decided) = (0, false, false);
        for output in self.feed.outputs() {
            report(&output);
            self.watchers.put(&self.outlet.identity, &output);
            match output.record() {
                Some(Record { body: Body::Score(_), window_end_us, .. }) => {
                    let end_us = *window_end_us;
                    (is_judged, self.judged_us) = (true, Some(end_us));
                    self.acting.take(|act, out| act.judged(end_us, out));
                }
                Some(Record { body: Body::Decision(decision), .. }) => {
                    (is_judged, is_decided) = (true, true);
                    self.acting.take(|act, out| act.decided(decision, out));
                }
                _ => {}
            }
            lost += u64::from(!self.outlet.put(Origin::Device, output));
        }
        if lost > 0 {
            self.feed.note_loss();
            self.losses.tell(lost);
        }
        // An interval with input has ended, whether by the timer or by the event after it, or the state has changed.
        if let (true, Some(keeper), Some(recogniser)) = (is_judged, &mut self.keeper, &mut self.feed.recogniser) {
            keeper.note(is_decided, &mut recogniser.recognition, Instant::now());
        }
    }

    fn check_place(&self) {
        if let Some(store) = &self.outlet.store {
            store.check_place();
        }
    }

    fn note(&self, event: &'static str) {
        self.audit(event, concat!("seclyzer ", env!("CARGO_PKG_VERSION")));
    }

    fn audit(&self, event: &'static str, detail: impl Into<String>) {
        if let Some(store) = &self.outlet.store {
            store.audit(event, detail);
        }
    }

    /// What is in an open window is not a record yet and is let go; what is a record is committed, and so is the time
    /// that the present application has had the focus.
    async fn stop(mut self) -> Result<(), AgentError> {
        // Shown while all else ends.
        self.acting.inform(Info::CaptureEnded);
        self.flush();
        self.batch.push(Stamped { ts_us: self.capture.now_us(), event: Event::Focus { app: None } });
        self.take_batch();
        if let Some(recogniser) = &mut self.feed.recogniser {
            recogniser.suspend();
        }
        // What is judged last may be a decision.
        self.feed.take_recognised();
        self.put_outputs();
        if let (Some(keeper), Some(recogniser)) = (&mut self.keeper, &mut self.feed.recogniser) {
            keeper.finish(&mut recogniser.recognition);
        }
        self.note("stop");
        let unfollowed = self.capture.end();
        drop((self.injected, self.followers));
        let closed = match self.outlet.store {
            Some(store) => store.close(CLOSING_LIMIT).await,
            None => Ok(()),
        };
        // Whoever shows notices may be slow, or not there.
        let informed = tokio::time::timeout(self.last_notice_limit, self.acting.informed_of_end());
        let _ = tokio::join!(informed, unfollowed);
        Ok(closed?)
    }
}

/// Changes of who is at the machine are logged, without a figure.
fn report(output: &Output) {
    if let Some(Record { body: Body::Decision(Decision { from, to, reason, modality }), .. }) = output.record() {
        let (reason, modality) = (reason.name(), modality.map_or("none", Modality::name));
        tracing::info!(reason, modality, "recognition: {} -> {}", from.name(), to.name());
    }
}
