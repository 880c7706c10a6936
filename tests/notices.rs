//! Notices on the desktop that ask nothing, as the agent has them shown: which, when, and that neither capture nor the
//! agent's end waits for whoever shows them.

mod common;
#[path = "support/dbus.rs"]
mod dbus;
mod support;
#[path = "support/xserver.rs"]
mod xserver;

use dbus::{Daemon, Notifications};
use seclyzer::act::board::Pace;
use seclyzer::agent::hardening::Hardening;
use seclyzer::agent::outlet::Show;
use seclyzer::agent::{self, Options};
use seclyzer::bus::Session;
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::Origin;
use seclyzer::store::{Follower, Store, make_folder};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::agent::{Agent, Home};
use support::alarm::READY;
use support::{LIMIT, an_hour_ago_us, eventually, record};
use tokio::sync::oneshot;
use zbus::fdo::DBusProxy;

const NO_SINKS: &str = "[redis]\nenabled = false\n";
const HOUR_US: i64 = 3_600_000_000;

fn home(notify: &str, sinks: &str) -> Home {
    Home::with_config(&format!("{READY}[notify]\n{notify}\n{sinks}"))
}

/// The agent's command, in the session of this bus.
fn command(home: &Home, daemon: &Daemon) -> Command {
    let mut command = home.command(&["run"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", daemon.address());
    command
}

fn start(command: Command) -> Agent {
    let agent = Agent::start(command);
    agent.wait_for_log("Mouse Extractor initialized and ready");
    agent
}

/// Has it end, while whoever shows notices can answer it.
async fn end(agent: Agent) {
    let code = tokio::task::spawn_blocking(|| agent.stop()).await.expect("no panic");
    assert_eq!(code, Some(0));
}

fn told(home: &Home, arguments: &[&str]) {
    assert_eq!(home.run(arguments).status.code(), Some(0), "{arguments:?}");
}

/// An agent in a thread of this process, with a minute of its own between two notices, and time for the last.
struct InProcess {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl InProcess {
    async fn start(home: &Home, daemon: &Daemon, apart: Duration) -> InProcess {
        let mut config =
            config::read(Some(&home.config()), &config::Environment::new()).expect("a configuration").config;
        config.x11.enabled = false;
        make_folder(&config.store.path).expect("room");
        let apart_us = i64::try_from(apart.as_micros()).expect("a length");
        let session = Session { pace: Pace { apart_us, lasting_us: 0 }, ..daemon.session() };
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let options = Options {
                dry_run: false,
                show: Show::Nothing,
                hardening: Hardening::default(),
                mounts: None,
                session,
                last_notice_limit: LIMIT,
            };
            runtime.block_on(agent::run(&config, options, async { drop(ended.await) })).expect("an agent");
            runtime.shutdown_background();
        });
        eventually("the agent answers", async || (home.run(&["status"]).status.code() == Some(0)).then_some(())).await;
        InProcess { end, thread }
    }

    async fn end(self) {
        self.end.send(()).expect("it runs");
        tokio::task::spawn_blocking(|| self.thread.join().expect("no panic")).await.expect("no panic");
    }
}

/// What was shown, in order, without the text below.
fn summaries(notifications: &Notifications) -> Vec<String> {
    let summary = |text: &String| text.split(['.', ':']).nth(1).unwrap_or_default().trim().to_owned();
    texts(notifications).iter().map(summary).collect()
}

/// What was shown, in order.
fn texts(notifications: &Notifications) -> Vec<String> {
    notifications.posted.lock().expect("no panic").iter().map(|posted| posted.text.clone()).collect()
}

async fn is_connected(daemon: &Daemon) -> bool {
    let own = daemon.connect().await;
    let names = DBusProxy::new(&own).await.expect("a bus").list_names().await.expect("names");
    names.iter().filter(|name| name.as_str().starts_with(':')).count() > 1
}

#[tokio::test]
async fn a_pause_and_a_guest_are_shown_once_in_every_mode_and_the_end_of_a_pause_not_within_the_minute() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    let home = home("", NO_SINKS);
    let agent = start(command(&home, &daemon));
    told(&home, &["pause", "1h"]);
    let paused = notifications.await_posted(0).await;
    assert!(paused.text.starts_with("seclyzer: Capture is paused. Nothing is captured until "), "{paused:?}");
    assert!(paused.actions.is_empty() && paused.urgency == 0, "{paused:?}");
    let status = String::from_utf8(home.run(&["status"]).stdout).expect("UTF-8");
    let (_, clock) = paused.text.trim_end_matches('.').rsplit_once(' ').expect("a time");
    assert!(status.contains(&format!("capture: paused until {clock}:")), "{clock} {status}");
    told(&home, &["resume"]);
    told(&home, &["guest", "1h"]);
    let guest = notifications.await_posted(1).await;
    assert!(guest.text.starts_with("seclyzer: A guest is at this machine. Nobody is recognised until "), "{guest:?}");
    end(agent).await;
    assert_eq!(texts(&notifications).len(), 2, "the end of capture is not asked for: {:?}", texts(&notifications));
}

#[tokio::test]
async fn nothing_that_is_off_is_shown() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    let home = home("capture = true\npause = false\nfailures = false\nsinks = false", NO_SINKS);
    let agent = InProcess::start(&home, &daemon, Duration::ZERO).await;
    for arguments in [&["pause", "1h"][..], &["resume"], &["guest", "1h"], &["guest", "off"]] {
        told(&home, arguments);
    }
    agent.end().await;
    assert_eq!(summaries(&notifications), ["Capture has begun", "Capture has ended"]);
}

#[tokio::test]
async fn capture_that_begins_and_ends_is_shown_where_that_is_asked_for_and_a_pause_not_again_after_a_restart() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    let home = home("capture = true", NO_SINKS);
    let agent = InProcess::start(&home, &daemon, Duration::from_secs(3600)).await;
    notifications.await_posted(0).await;
    told(&home, &["pause", "1h"]);
    notifications.await_posted(1).await;
    agent.end().await;
    let shown = ["Capture has begun", "Capture is paused"];
    assert_eq!(summaries(&notifications), shown, "the end is too soon after the beginning");
    InProcess::start(&home, &daemon, Duration::from_secs(3600)).await.end().await;
    assert_eq!(summaries(&notifications), [&shown[..], &["Capture has ended"]].concat());
}

#[tokio::test]
async fn records_of_a_weekend_without_the_agent_are_no_failure_before_they_have_been_tried_for_an_hour() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    // Nobody listens there.
    let home = home("capture = true", "[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n");
    std::fs::create_dir_all(home.database().parent().expect("a folder")).expect("room");
    let store = Store::open(&config::Store { path: home.database(), retention: None }).expect("a database");
    store.set_mark(Follower::Redis, 0).await.expect("a store that runs");
    let output = Output::Window(record(an_hour_ago_us() - 3 * 24 * HOUR_US, 0));
    store.append_when_free(&common::someone(), Origin::Device, output).await.expect("a store that runs");
    store.close(LIMIT).await.expect("closed");
    let agent = InProcess::start(&home, &daemon, Duration::ZERO).await;
    eventually("it has tried", async || {
        let status = String::from_utf8(home.run(&["status"]).stdout).expect("UTF-8");
        status.contains("waiting").then_some(())
    })
    .await;
    agent.end().await;
    assert_eq!(summaries(&notifications), ["Capture has begun", "Capture has ended"]);
}

#[tokio::test]
async fn a_database_that_takes_no_records_is_shown_once_that_lasts() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    let home = home("pause = false", NO_SINKS);
    let agent = start(command(&home, &daemon));
    let other = rusqlite::Connection::open(home.database()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    // A decision record, which cannot be committed.
    told(&home, &["guest", "1h"]);
    let posted = notifications.await_posted(0).await;
    assert!(posted.text.starts_with("seclyzer: Nothing can be stored. "), "{posted:?}");
    assert_eq!(posted.urgency, 1);
    other.execute_batch("ROLLBACK").expect("nothing was written");
    agent.wait_for_log("the database takes records again");
    end(agent).await;
    assert_eq!(texts(&notifications).len(), 1);
}

#[tokio::test]
async fn a_server_that_never_answers_holds_up_neither_commands_nor_the_end() {
    let daemon = Daemon::start().await;
    let notifications = Notifications { first_answer_after: Duration::from_secs(3600), ..Notifications::default() };
    let _server = notifications.serve(&daemon).await;
    let home = home("capture = true", NO_SINKS);
    let agent = start(command(&home, &daemon));
    notifications.await_posted(0).await;
    told(&home, &["pause", "1h"]);
    told(&home, &["resume"]);
    let begun = Instant::now();
    end(agent).await;
    // The notice itself may take ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn where_nobody_shows_notices_nothing_is_shown_and_nothing_goes_wrong() {
    let (with_bus, mut without) = (Daemon::start().await, Daemon::start().await);
    without.stop();
    for daemon in [&with_bus, &without] {
        let home = home("capture = true", NO_SINKS);
        let agent = start(command(&home, daemon));
        told(&home, &["pause", "1h"]);
        told(&home, &["resume"]);
        eventually("it listens for who shows them", async || {
            (!std::ptr::eq(daemon, &with_bus) || is_connected(daemon).await).then_some(())
        })
        .await;
        let begun = Instant::now();
        let (code, log) = agent.stop_with_log();
        assert_eq!(code, Some(0));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:?}");
    }
}
