//! Notices on the desktop that ask nothing, as the agent has them shown: which, when, and that neither capture nor the
//! agent's end waits for whoever shows them.

mod common;
#[path = "support/dbus.rs"]
mod dbus;
mod support;
#[path = "support/xserver.rs"]
mod xserver;

use dbus::{Daemon, Notifications};
use seclyzer::config;
use seclyzer::pipeline::Output;
use seclyzer::record::Origin;
use seclyzer::store::{Follower, Store};
use std::process::Command;
use std::time::{Duration, Instant};
use support::agent::{Agent, Home};
use support::alarm::READY;
use support::manager::Manager;
use support::{LIMIT, an_hour_ago_us, eventually, record};
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
    assert!(paused.text.ends_with(" UTC.") && paused.actions.is_empty() && paused.urgency == 0, "{paused:?}");
    told(&home, &["resume"]);
    told(&home, &["guest", "1h"]);
    let guest = notifications.await_posted(1).await;
    assert!(guest.text.starts_with("seclyzer: A guest is at this machine. Nobody is recognised until "), "{guest:?}");
    end(agent).await;
    assert_eq!(texts(&notifications).len(), 2, "the end of capture is not asked for: {:?}", texts(&notifications));
}

#[tokio::test]
async fn nothing_that_is_off_is_shown_and_nobody_is_connected_to_the_bus_for_it() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let home = home("pause = false\nfailures = false\nsinks = false", NO_SINKS);
    let agent = start(command(&home, &daemon));
    for arguments in [&["pause", "1h"][..], &["resume"], &["guest", "1h"], &["guest", "off"]] {
        told(&home, arguments);
    }
    assert!(!is_connected(&daemon).await);
    end(agent).await;
    assert_eq!(texts(&notifications), [""; 0]);
}

#[tokio::test]
async fn capture_that_begins_and_ends_is_shown_where_that_is_asked_for() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    let home = home("capture = true", NO_SINKS);
    let mut manager = Manager::start();
    let supervised = |manager: &Manager| start(manager.supervise(&command(&home, &daemon)));
    let agent = supervised(&manager);
    assert!(notifications.await_posted(0).await.text.starts_with("seclyzer: Capture has begun. "));
    told(&home, &["pause", "1h"]);
    notifications.await_posted(1).await;
    // Within the minute.
    end(agent).await;
    assert_eq!(texts(&notifications).len(), 2);
    manager.heard();
    let agent = supervised(&manager);
    assert!(notifications.await_posted(2).await.text.starts_with("seclyzer: Capture is paused. "), "it has not begun");
    end(agent).await;
    assert_eq!(texts(&notifications).len(), 4, "{:?}", texts(&notifications));
    assert!(texts(&notifications)[3].starts_with("seclyzer: Capture has ended. "));
}

#[tokio::test]
async fn records_that_have_waited_for_a_sink_for_a_day_are_shown_after_a_restart_too() {
    let (daemon, notifications) = (Daemon::start().await, Notifications::default());
    let _server = notifications.serve(&daemon).await;
    // Nobody listens there.
    let home = home("", "[redis]\nenabled = true\nurl = \"redis://127.0.0.1:9\"\n");
    std::fs::create_dir_all(home.database().parent().expect("a folder")).expect("room");
    let store = Store::open(&config::Store { path: home.database(), retention: None }).expect("a database");
    store.set_mark(Follower::Redis, 0).await.expect("a store that runs");
    for (number, origin) in [Origin::Trace, Origin::Device].into_iter().enumerate() {
        let output = Output::Window(record(an_hour_ago_us() - 24 * HOUR_US, number as i64));
        store.append_when_free(&common::someone(), origin, output).await.expect("a store that runs");
    }
    store.close(LIMIT).await.expect("closed");
    let agent = start(command(&home, &daemon));
    let posted = notifications.await_posted(0).await;
    assert!(
        posted.text.starts_with("seclyzer: Records are not delivered. Records for Redis have waited"),
        "{posted:?}"
    );
    assert_eq!((posted.urgency, posted.actions.len()), (1, 0));
    end(agent).await;
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
    told(&home, &["pause", "1h"]);
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
