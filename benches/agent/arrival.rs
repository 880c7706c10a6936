//! How long after the kernel's time of an event the core has it, and how long a reader that does nothing else takes.
//!
//! Each is this program once more, told by a variable what to be: the agent's own capture and pipeline without anything
//! behind them, or a blocking `read`.

use crate::desk::Desk;
use crate::load::{Load, Person};
use seclyzer::config;
use seclyzer::event::{Micros, Stamped};
use seclyzer::features::app::History;
use seclyzer::pipeline::{Pipeline, Windows};
use seclyzer::sources::capture::Capture;
use seclyzer::sources::clock::EventClock;
use seclyzer::sources::evdev::Devices;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Holds the node that a bare reader is to read, or nothing for the agent's capture.
const VARIABLE: &str = "BENCH_ARRIVAL";
/// Events after which a reader tells what it saw.
const EVENTS: usize = 2_000;
const READY: &str = "ready";
/// Twice as long as the events take, and as much again to begin.
const READER_LIMIT: Duration = Duration::from_secs(40);
const PACKET: usize = size_of::<libc::input_event>();
const SYN: u16 = 0;

/// If this process is a reader, reads, tells what it saw, and is done.
pub fn was_a_reader() -> bool {
    let Ok(node) = std::env::var(VARIABLE) else { return false };
    std::thread::spawn(|| {
        std::thread::sleep(READER_LIMIT);
        eprintln!("not {EVENTS} events within {READER_LIMIT:?}");
        std::process::exit(1);
    });
    let late_us = if node.is_empty() { capture() } else { read(&node) };
    late_us.into_iter().for_each(|late_us| println!("{late_us}"));
    true
}

/// By the agent's capture, µs after the kernel's time.
fn capture() -> Vec<Micros> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let devices = config::Devices { include: Vec::new(), exclude: Vec::new() };
        let devices = Devices::open(&devices).expect("devices of our own");
        let clock = EventClock::new().expect("a clock");
        let mut capture = Capture::start(
            devices,
            clock,
            &config::X11 { enabled: false, excluded_apps: Vec::new() },
            &config::Keyboard { letters: Vec::new() },
        );
        let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
        let (mut batch, mut late_us): (Vec<Stamped>, _) = (Vec::new(), Vec::new());
        println!("{READY}");
        while late_us.len() < EVENTS {
            capture.next(&mut batch).await;
            for stamped in batch.drain(..) {
                let at_us = pipeline.push(stamped, drop);
                late_us.push(capture.now_us() - at_us);
            }
        }
        late_us
    })
}

/// By nothing but a blocking `read`, µs after the kernel's time.
fn read(node: &str) -> Vec<Micros> {
    let mut node = File::open(node).expect("the node");
    let mut late_us = Vec::new();
    let mut bytes = [0; 64 * PACKET];
    println!("{READY}");
    while late_us.len() < EVENTS {
        let length = node.read(&mut bytes).expect("a device that stays");
        let now_us = crate::load::boot_us();
        for event in bytes[..length].chunks_exact(PACKET) {
            let number = |at: usize| i64::from_ne_bytes(event[at..at + 8].try_into().expect("eight bytes"));
            if u16::from_ne_bytes([event[16], event[17]]) == SYN {
                late_us.push(now_us - (number(0) * 1_000_000 + number(8)));
            }
        }
    }
    late_us
}

/// p99 of the agent's capture and of the bare reader, ms; `None` where devices cannot be made.
pub fn p99_ms() -> Option<[f64; 2]> {
    let load = Load { name: "a mouse", key_events: 0, motion: 200 };
    let one = |is_agent: bool| {
        let desk = Desk::new()?;
        let mut person = Person { keyboard: desk.add_keyboard(), mouse: desk.add_mouse() };
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.stdout(Stdio::piped()).env(VARIABLE, if is_agent { "" } else { &person.mouse.path });
        desk.sit_down(&mut command);
        let mut reader = command.spawn().expect("this program, once more");
        let mut lines = BufReader::new(reader.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
        assert_eq!(lines.next().as_deref(), Some(READY));
        // A little more than it waits for.
        person.work(load, Duration::from_millis(EVENTS as u64 * 1100 / u64::from(load.motion)));
        let mut late_us: Vec<Micros> = lines.map(|line| line.parse().expect("a number")).collect();
        assert!(reader.wait().expect("a child of ours").success());
        late_us.sort_unstable();
        Some(late_us[late_us.len() * 99 / 100] as f64 / 1000.0)
    };
    Some([one(true)?, one(false)?])
}
