//! Whatever a bus of D-Bus does, capture goes on: an agent whose buses are silent or flood it takes every event at once.
//! Events come over Redis, which the same thread takes as it takes those of devices.

#[path = "support/dbus.rs"]
mod dbus;
mod support;
#[path = "support/xserver.rs"]
mod xserver;

use dbus::Daemon;
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::agent::{Agent, Home};
use support::eventually;
use support::servers::Redis;
use zbus::connection::Builder;

const ROUNDS: u64 = 40;
/// Of a round, half of them presses and releases.
const EVENTS: u64 = 100;
/// Until a round is counted, with room for a machine under load; who waits for a bus waits for five seconds.
const AT_ONCE: Duration = Duration::from_secs(2);

fn now_us() -> i64 {
    support::an_hour_ago_us() + 3_600_000_000
}

/// A bus that accepts everybody, and how many it has accepted.
struct Hostile {
    folder: tempfile::TempDir,
    accepted: Arc<AtomicU64>,
}

impl Hostile {
    /// Each client is served by a thread of its own, which ends with the client.
    fn start(serve: fn(UnixStream)) -> Hostile {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("bus")).expect("a socket");
        let accepted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&accepted);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(client));
            }
        });
        Hostile { folder, accepted }
    }

    fn address(&self) -> String {
        address(&self.folder.path().join("bus"))
    }
}

fn address(socket: &Path) -> String {
    format!("unix:path={}", socket.display())
}

/// Reads and never answers.
fn stay_silent(mut client: UnixStream) {
    while client.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {}
}

/// Answers with what is no message of D-Bus, without end.
fn flood(mut client: UnixStream) {
    while client.write_all(&[b'x'; 4096]).is_ok() {}
}

/// Answers with lines that are no greeting.
fn send_empty_lines(mut client: UnixStream) {
    let _ = client.write_all(b"\n\n");
    stay_silent(client);
}

/// logind's name on a real bus, whose owner sends signals as fast as it can, until told to stop.
fn flood_as_logind(address: String, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> JoinHandle<()> {
    let flood = async move {
        let builder = Builder::address(address.as_str()).and_then(|builder| builder.name("org.freedesktop.login1"));
        let attacker = builder.expect("a builder").build().await.expect("a bus");
        let (path, interface) = ("/org/freedesktop/login1/session/_31", "org.freedesktop.DBus.Properties");
        while !stop.load(Ordering::SeqCst) {
            let emitted = attacker.emit_signal(None::<&str>, path, interface, "PropertiesChanged", &"x").await;
            emitted.expect("a bus that takes it");
            sent.fetch_add(1, Ordering::SeqCst);
        }
    };
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(flood);
    })
}

/// An agent with these buses that takes events over Redis, and has a notice to show.
async fn agent(redis: &Redis, system: &str, session: &str) -> (Home, Agent) {
    let home = Home::with_config(&format!(
        "[decision]\nmode = \"notify\"\n[redis]\nenabled = true\nurl = \"{}\"\naccept_events = true\n",
        redis.url()
    ));
    let mut command = home.command(&["run"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", system).env("DBUS_SESSION_BUS_ADDRESS", session);
    let agent = Agent::start(command);
    agent.wait_for_log("Mouse Extractor initialized and ready");
    eventually("it listens to events", async || {
        let listeners: (String, u64) = redis.ask("PUBSUB NUMSUB seclyzer:events").await;
        (listeners.1 > 0).then_some(())
    })
    .await;
    assert_eq!(home.run(&["guest", "1h"]).status.code(), Some(0));
    (home, agent)
}

fn taken(home: &Home) -> Value {
    let status: Value = serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON");
    status["injected"]["present"].clone()
}

/// Publishes events round after round, each of which has to be counted at once.
async fn every_event_is_counted_at_once(redis: &Redis, home: &Home) {
    let mut connection = redis.connect("").await;
    for round in 1..=ROUNDS {
        for i in 0..EVENTS {
            let event = match i % 4 {
                0 => json!({"type": "keystroke", "ts": now_us(), "key": "a", "event": "press"}),
                1 => json!({"type": "keystroke", "ts": now_us(), "key": "a", "event": "release"}),
                _ => json!({"type": "mouse", "ts": now_us(), "event": "move", "dx": 1, "dy": 1}),
            };
            let _: u64 = connection.publish("seclyzer:events", event.to_string()).await.expect("published");
        }
        let sent = Instant::now();
        let wanted = json!(round * EVENTS / 2);
        eventually("a round is counted", async || {
            let taken = taken(home);
            (taken["keystroke"] == wanted && taken["mouse"] == wanted).then_some(())
        })
        .await;
        assert!(sent.elapsed() < AT_ONCE, "round {round} took {:?}", sent.elapsed());
    }
    assert_eq!(taken(home)["gaps"], json!({}));
}

async fn goes_on_beside(bus: Hostile) {
    let redis = Redis::start(&[]).await;
    let (home, agent) = agent(&redis, &bus.address(), &bus.address()).await;
    eventually("both buses are tried", async || (bus.accepted.load(Ordering::SeqCst) >= 2).then_some(())).await;
    every_event_is_counted_at_once(&redis, &home).await;
    eventually("a bus is tried again", async || (bus.accepted.load(Ordering::SeqCst) >= 3).then_some(())).await;
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn beside_a_bus_that_accepts_and_never_answers_every_event_is_counted_at_once() {
    goes_on_beside(Hostile::start(stay_silent)).await;
}

#[tokio::test]
async fn beside_a_bus_that_sends_without_end_every_event_is_counted_at_once() {
    goes_on_beside(Hostile::start(flood)).await;
}

#[tokio::test]
async fn beside_a_bus_that_greets_with_empty_lines_every_event_is_counted_at_once() {
    goes_on_beside(Hostile::start(send_empty_lines)).await;
}

#[tokio::test]
async fn beside_a_logind_that_sends_signals_without_end_every_event_is_counted_at_once() {
    let (daemon, redis) = (Daemon::start().await, Redis::start(&[]).await);
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flooding = flood_as_logind(daemon.address(), Arc::clone(&stop), Arc::clone(&sent));
    let (home, agent) = agent(&redis, &daemon.address(), &daemon.address()).await;
    let before = sent.load(Ordering::SeqCst);
    every_event_is_counted_at_once(&redis, &home).await;
    let during = sent.load(Ordering::SeqCst) - before;
    assert!(during > u64::from(seclyzer::bus::BURST), "{during} signals");
    assert_eq!(agent.stop(), Some(0));
    stop.store(true, Ordering::SeqCst);
    flooding.join().expect("no panic");
}
