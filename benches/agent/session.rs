//! An agent with everything on: devices, X11, events from Redis; SQLite, Redis with its stream, InfluxDB's write API.

use crate::desk::Desk;
use crate::load::{Load, Person};
use crate::manager::Manager;
use crate::owner;
use crate::process::Usage;
use crate::support::agent::{Agent, Home};
use crate::support::servers::{Redis, VictoriaMetrics, free_port};
use crate::support::wait_until;
use crate::xserver::XServer;
use crate::xwindows::Windows;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Servers {
    redis: Redis,
    influx: VictoriaMetrics,
}

impl Servers {
    pub async fn start() -> Servers {
        Servers { redis: Redis::start(&[]).await, influx: VictoriaMetrics::start().await }
    }

    pub fn config(&self) -> String {
        config(&self.redis.url(), &self.influx.url())
    }
}

/// Nobody listens where it points to.
pub fn nobodys_config() -> String {
    let [redis, influx] = [free_port(), free_port()];
    config(&format!("redis://127.0.0.1:{redis}"), &format!("http://127.0.0.1:{influx}"))
}

fn config(redis: &str, influx: &str) -> String {
    format!(
        "[redis]\nenabled = true\nurl = \"{redis}\"\nstream = true\naccept_events = true\n\
         [influx]\nurl = \"{influx}\"\ntoken = \"t\"\norg = \"o\"\nbucket = \"b\"\n"
    )
}

/// A program that does nothing but read the mouse: what no agent can do with less.
pub struct BareReader {
    person: Person,
    cat: std::process::Child,
    _desk: Desk,
}

impl BareReader {
    pub fn start() -> Option<BareReader> {
        let desk = Desk::new()?;
        let person = Person { keyboard: desk.add_keyboard(), mouse: desk.add_mouse() };
        let node = std::fs::File::open(&person.mouse.path).expect("the node");
        let cat = Command::new("cat").stdin(node).stdout(Stdio::null()).spawn().expect("cat is everywhere");
        Some(BareReader { person, cat, _desk: desk })
    }

    /// µs an event.
    pub fn work(&mut self, motion: u32, length: Duration) -> f64 {
        let before = Usage::of(self.cat.id());
        let events = self.person.work(Load { name: "a mouse", key_events: 0, motion }, length);
        Usage::of(self.cat.id()).since(before).cpu_ns as f64 / 1000.0 / events as f64
    }
}

impl Drop for BareReader {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.cat.kill();
        let _ = self.cat.wait();
    }
}

/// What some work has cost.
pub struct Cost {
    pub event_us: f64,
    pub core_percent: f64,
    pub wakeups_a_second: f64,
}

pub struct Session {
    agent: Agent,
    person: Person,
    servers: Servers,
    windows: Windows,
    _screen: XServer,
    home: Home,
    _desk: Desk,
}

impl Session {
    /// With every source and sink; `None` where devices cannot be made.
    pub fn start(runtime: &tokio::runtime::Runtime, more_config: &str) -> Option<Session> {
        Session::start_as(runtime, more_config, as_it_is)
    }

    /// The same, but for what is started in place of the program.
    pub fn start_as(
        runtime: &tokio::runtime::Runtime,
        more_config: &str,
        replace: impl FnOnce(Command, &Home) -> Command,
    ) -> Option<Session> {
        let servers = runtime.block_on(Servers::start());
        let config = servers.config() + more_config;
        Some(Session::begin(Desk::new()?, servers, &config, &owner::many_keys(), replace).connected())
    }

    /// Once every sink has been connected to.
    fn connected(self) -> Session {
        wait_until("both sinks deliver", || {
            let status = self.home.run(&["status", "--json"]).stdout;
            let status: serde_json::Value = serde_json::from_slice(&status).expect("JSON");
            let sinks = status["sinks"].as_array().expect("a list");
            sinks.len() == 2 && sinks.iter().all(|sink| sink["state"] == "delivering")
        });
        self
    }

    /// Without any sink.
    pub fn start_alone(runtime: &tokio::runtime::Runtime) -> Option<Session> {
        Some(Session::alone_at(Desk::new()?, runtime))
    }

    /// The same, with devices of USB that the host asks once a millisecond.
    pub fn start_alone_on_fast_usb(runtime: &tokio::runtime::Runtime) -> Option<Session> {
        Some(Session::alone_at(Desk::of_fast_usb()?, runtime))
    }

    fn alone_at(desk: Desk, runtime: &tokio::runtime::Runtime) -> Session {
        let servers = runtime.block_on(Servers::start());
        Session::begin(desk, servers, crate::growth::QUIET, &owner::many_keys(), as_it_is)
    }

    /// `model` is what was learnt of the owner; where it is empty, recognition is off.
    fn begin(
        desk: Desk,
        servers: Servers,
        config: &str,
        model: &[u8],
        replace: impl FnOnce(Command, &Home) -> Command,
    ) -> Session {
        let person = Person { keyboard: desk.add_keyboard(), mouse: desk.add_mouse() };
        let screen = XServer::start();
        let home = Home::with_config(config);
        if !model.is_empty() {
            know(&home, model);
        }
        let mut command = replace(home.command(&["run"]), &home);
        command.env("DISPLAY", screen.display()).env("NOTIFY_SOCKET", Manager::start(home.path()).socket);
        desk.sit_down(&mut command);
        let agent = Agent::start(command);
        agent.wait_for_log("reading /dev/input/event1");
        agent.wait_for_log("Mouse Extractor initialized and ready");
        agent.wait_for_log("App Tracker initialized and ready");
        let windows = Windows::on(&screen);
        let mut session = Session { agent, person, servers, windows, _screen: screen, home, _desk: desk };
        session.turn_to(b"editor\0Editor\0");
        // Sinks are given something, and how fast the devices are is known after 5 s of use.
        session.person.work(crate::SLOW, Duration::from_secs(12));
        session
    }

    /// What is typed from now on goes to a new window of this class.
    fn turn_to(&self, wm_class: &[u8]) {
        self.windows.focus(self.windows.open(Some(wm_class)));
    }

    /// Does something while a terminal has the focus: what is typed waits, and the terminals are asked for prompts.
    pub fn in_a_terminal<T>(&mut self, what: impl FnOnce(&mut Session) -> T) -> T {
        self.turn_to(b"xterm\0XTerm\0");
        let done = what(self);
        self.turn_to(b"editor\0Editor\0");
        done
    }

    /// Without recognition, else as [`Session::start`].
    pub fn start_unrecognised(runtime: &tokio::runtime::Runtime) -> Option<Session> {
        let servers = runtime.block_on(Servers::start());
        let config = servers.config() + "[recognition]\nenabled = false\n";
        Some(Session::begin(Desk::new()?, servers, &config, &[], as_it_is).connected())
    }

    pub fn pid(&self) -> u32 {
        self.agent.id()
    }

    /// Ends it; where its files are.
    pub fn stop(self) -> Home {
        assert_eq!(self.agent.stop(), Some(0));
        self.home
    }

    pub fn use_of(&self, what: impl FnOnce()) -> Usage {
        let before = Usage::of(self.pid());
        what();
        Usage::of(self.pid()).since(before)
    }

    pub fn work(&mut self, load: Load, length: Duration) -> Cost {
        let before = Usage::of(self.pid());
        let events = self.person.work(load, length);
        let used = Usage::of(self.pid()).since(before);
        Cost {
            event_us: used.cpu_ns as f64 / 1000.0 / events as f64,
            core_percent: 100.0 * used.cpu_ns as f64 / length.as_nanos() as f64,
            wakeups_a_second: used.wakeups as f64 / length.as_secs_f64(),
        }
    }

    pub fn stop_servers(&mut self) {
        self.servers.redis.stop();
        self.servers.influx.stop();
    }

    /// From a window's end to its message at a subscriber, of every window while somebody works.
    pub fn latencies_ms(&mut self, load: Load, length: Duration) -> Vec<f64> {
        let client = redis::Client::open(self.servers.redis.url()).expect("a good URL");
        let mut connection = client.get_connection().expect("a server that runs");
        let (sender, receiver) = mpsc::channel();
        let listener = std::thread::spawn(move || {
            let mut subscription = connection.as_pubsub();
            subscription.subscribe("features").expect("a subscription");
            while let Ok(message) = subscription.get_message() {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_micros() as f64;
                let record: serde_json::Value = serde_json::from_slice(message.get_payload_bytes()).expect("JSON");
                let end_us = record["window_end"].as_f64().expect("a time");
                if sender.send((now - end_us) / 1000.0).is_err() {
                    return;
                }
            }
        });
        self.person.work(load, length);
        self.stop_servers();
        // It ends with the connection.
        listener.join().expect("no panic");
        receiver.into_iter().collect()
    }
}

fn as_it_is(command: Command, _: &Home) -> Command {
    command
}

/// Stores what was learnt of the owner.
fn know(home: &Home, model: &[u8]) {
    let file = home.path().join("model.json");
    std::fs::write(&file, model).expect("room for a model");
    let agent = home.start_agent(&[]);
    let output = home.run(&["model", "import", "--yes", file.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(agent.stop(), Some(0));
}
