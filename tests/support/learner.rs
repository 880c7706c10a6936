//! A process that does with events what the agent does with its devices', on machines that have none: they go to a
//! pipeline and to recognition, records to the store and the sinks, what is learnt to the live state and the database.
//! Time is that of the events, which come as fast as they are taken.

use super::LIMIT;
use super::agent::Home;
use super::typists::{self, Stroke};
use seclyzer::agent::feed::Feed;
use seclyzer::agent::followers::Followers;
use seclyzer::agent::keeper::Keeper;
use seclyzer::agent::notify::ServiceManager;
use seclyzer::agent::outlet::{Outlet, Show};
use seclyzer::agent::windows_of;
use seclyzer::config::{self, Environment};
use seclyzer::event::{Stamped, json};
use seclyzer::recognition::Recognition;
use seclyzer::record::Origin;
use seclyzer::store::Store;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// For the process that a test program starts as itself: the folder of [`Home`].
const HOME: &str = "LEARNER_HOME";
/// Whether it goes on before an interval's records are committed.
const HURRIES: &str = "LEARNER_HURRIES";

/// The name of the test that is this process in programs that have a harness.
pub const TEST: &str = "the_learner";

fn trace(home: &Path) -> PathBuf {
    home.join("events.jsonl")
}

fn progress(home: &Path) -> PathBuf {
    home.join("progress")
}

/// The process that learns from these strokes. `hurries`: it does not wait until an interval's records are committed.
pub fn learner(home: &Home, strokes: &[Stroke], hurries: bool) -> Command {
    let lines = typists::events(strokes).into_iter().map(|event| json::to_json(&event).expect("an event").to_string());
    let text: String = lines.map(|line| line + "\n").collect();
    std::fs::write(trace(home.path()), text).expect("room for a trace");
    File::create(progress(home.path())).expect("room for a file");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", TEST, "--nocapture", "--include-ignored"]).env(HOME, home.path());
    if hurries {
        command.env(HURRIES, "1");
    }
    command
}

/// How many strokes the last process had learnt, as far as they may be stored: at its start, and at the end of each
/// interval with input since.
pub fn learnt(home: &Home) -> Vec<u64> {
    let text = std::fs::read_to_string(progress(home.path())).expect("a file of ours");
    let whole_lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole_lines.map(|line| line.trim().parse().expect("a number")).collect()
}

/// Is that process if it was started as it, and ends.
pub fn run_if_asked() {
    if let Ok(home) = std::env::var(HOME) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(Path::new(&home)));
        std::process::exit(0);
    }
}

async fn run(home: &Path) {
    let config =
        config::read(Some(&home.join("config.toml")), &Environment::default()).expect("a configuration").config;
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let store = Store::open(&config.store).expect("a database");
    let identity = Arc::new(config.identity.clone());
    let outlet = Outlet::new(Arc::clone(&identity), Some(store.clone()), Show::Nothing);
    let windows = windows_of(&config.window);
    let mut feed =
        Feed::with_history(Origin::Device, windows, config.keystroke.publish, &outlet).await.expect("a history");
    let mut manager = ServiceManager::of_this_process();
    let owner = Keeper::start(&config.recognition, Some(store.clone()), identity, &mut manager).await;
    let (recogniser, keeper) = owner.expect("models").expect("recognition is on");
    feed.recogniser = Some(recogniser);
    let followers = Followers::start(&config, &store).expect("good addresses");
    let progress = OpenOptions::new().append(true).open(progress(home)).expect("a file of the test's");
    let events = std::fs::read_to_string(trace(home)).expect("a trace");
    let events: Vec<Stamped> = events.lines().map(|line| json::parse(line.as_bytes()).expect("an event")).collect();
    let hurries = std::env::var_os(HURRIES).is_some();
    let mut learner = Learner { feed, keeper, outlet, store, followers, progress, hurries };
    manager.tell("READY=1");
    learner.take(events).await;
    learner.finish().await;
}

struct Learner {
    feed: Feed,
    keeper: Keeper,
    outlet: Outlet,
    store: Store,
    followers: Followers,
    progress: File,
    hurries: bool,
}

impl Learner {
    async fn take(&mut self, events: Vec<Stamped>) {
        let (begin_us, begun) = (events[0].ts_us, Instant::now());
        self.note();
        for stamped in events {
            while let Some(due_us) = self.recognition().due_us().filter(|&due_us| due_us < stamped.ts_us) {
                self.feed.close_due(self.feed.deadline().expect("an interval is open"));
                self.feed.schedule(due_us, 0);
                self.note();
                let now = begun + Duration::from_micros((due_us - begin_us).unsigned_abs());
                let recogniser = self.feed.recogniser.as_mut().expect("recognition is on");
                self.keeper.keep(&mut recogniser.recognition, now);
                self.put().await;
            }
            let ts_us = stamped.ts_us;
            self.feed.push(stamped);
            self.feed.schedule(ts_us, 0);
        }
        self.put().await;
    }

    fn recognition(&self) -> &Recognition {
        &self.feed.recogniser.as_ref().expect("recognition is on").recognition
    }

    async fn put(&mut self) {
        let outputs: Vec<_> = self.feed.outputs().collect();
        for output in outputs {
            self.outlet.put_when_free(Origin::Device, output).await.expect("a store");
        }
        if !self.hurries {
            self.store.newest().await.expect("a store");
        }
        tokio::task::yield_now().await;
    }

    fn note(&mut self) {
        let strokes = self.recognition().stored().strokes();
        self.progress.write_all(format!("{strokes}\n").as_bytes()).expect("room for a line");
    }

    /// As the agent ends, but that all is delivered first.
    async fn finish(mut self) {
        let recogniser = self.feed.recogniser.as_mut().expect("recognition is on");
        recogniser.suspend();
        self.keeper.finish(&mut recogniser.recognition);
        let newest = self.store.newest().await.expect("a store");
        tokio::time::timeout(LIMIT, self.followers.caught_up(newest)).await.expect("delivered in time");
        drop((self.followers, self.outlet));
        self.store.close(LIMIT).await.expect("committed in time");
    }
}
