//! The real binary, measured from outside: `make bench`, or `cargo bench --bench agent -- [HOURS=1] [ROWS=10000000]`.
//!
//! Prints the targets with what was measured beside them. It starts servers of its own: Debian's redis-server,
//! victoria-metrics and Xvfb. Nothing in here fails because something was slow.

mod arrival;
#[path = "../../tests/support/dbus.rs"]
mod dbus;
mod desk;
mod growth;
mod load;
mod manager;
#[path = "../../tests/common/owner.rs"]
mod owner;
mod parts;
mod process;
mod report;
mod rows;
mod session;
#[path = "../../tests/support/mod.rs"]
mod support;
mod used;
#[path = "../../tests/common/workload.rs"]
mod workload;
#[path = "../../tests/support/xserver.rs"]
mod xserver;
#[path = "../../tests/support/xwindows.rs"]
mod xwindows;

use load::Load;
use process::{Memory, Moment, Usage, memory_by_mapping};
use report::Earlier::{Unknown, Was};
use report::Report;
use report::Target::AtMost;
use session::{Cost, Session};
use std::time::{Duration, Instant};
use support::agent::Home;
use tokio::runtime::{self, Runtime};
// What `dbus` takes from beside it.
use support::eventually;

const MIB: f64 = 1024.0 * 1024.0;
const KB_A_MIB: f64 = 1024.0;
const STARTS: usize = 25;
/// What the kernel accounts CPU in.
const TICK_NS: u64 = 10_000_000;
const NEEDS_ROOT: &str = "needs root, for devices of its own";

/// Somebody who types as fast as anybody can, at a fast mouse.
const HASTY: Load = Load { name: "20 keys/s and a 1 kHz mouse", key_events: 40, motion: 1000 };
/// Those of the earlier system's figures: 100 Hz of motion, or 1,000, and ten key events a second.
const SLOW: Load = Load { name: "110 events/s", key_events: 10, motion: 100 };
const FAST: Load = Load { name: "1,010 events/s", key_events: 10, motion: 1000 };
/// 100 words of five letters a minute are 8.3 keys a second.
const TYPIST: Load = Load { name: "100 wpm and a 1 kHz mouse", key_events: 17, motion: 1000 };
const GAMER: Load = Load { name: "8 kHz mouse", key_events: 0, motion: 8000 };

struct Options {
    /// How long memory is watched; minutes without.
    hours: Option<f64>,
    rows: u64,
    /// What alone is to be measured; `order` is for `make order`.
    part: Option<String>,
}

/// `cargo bench --bench agent -- PART`
const PARTS: [&str; 7] = ["arrival", "costs", "growth", "latency", "memory", "order", "recognition"];

fn main() {
    if arrival::was_a_reader() {
        return;
    }
    let options = Options::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let session = || Session::start(&runtime, "").expect(NEEDS_ROOT);
    match options.part.as_deref() {
        Some("arrival") => arrival(&mut Report::begin()),
        Some("costs") => drop(with_devices(&mut Report::begin(), &runtime, session(), &options)),
        Some("growth") => growth::of_devices(&runtime),
        Some("latency") => latency(&mut Report::begin(), latency_session(&runtime).expect(NEEDS_ROOT)),
        Some("memory") => {
            let mut session = session();
            growth::uptime(&memory_rows(&mut Report::begin(), &runtime, &mut session, &options));
        }
        Some("order") => used::write_order(&runtime),
        Some(_) => growth::recognition(&runtime, options.watch(90.0)),
        None => all(&runtime, &options),
    }
}

fn all(runtime: &Runtime, options: &Options) {
    let mut report = Report::begin();
    binary_and_start(&mut report, runtime);
    let mut course = Vec::new();
    match Session::start(runtime, "") {
        Some(session) => course = with_devices(&mut report, runtime, session, options),
        None => report.row("everything that needs devices", AtMost(0.0), Err(NEEDS_ROOT), "", Unknown),
    }
    arrival(&mut report);
    if let Some(session) = latency_session(runtime) {
        latency(&mut report, session);
    }
    growth::disk_an_hour(&mut report);
    parts::rows(&mut report);
    report.end();
    growth::uptime(&course);
    growth::recognition(runtime, options.watch(90.0));
    growth::tables(runtime, options.rows);
}

impl Options {
    /// How long memory is watched; so many seconds where no hours are given.
    fn watch(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(self.hours.map_or(seconds, |hours| hours * 3600.0))
    }

    fn parse() -> Options {
        let value = |name: &str| std::env::args().find_map(|arg| arg.strip_prefix(name)?.parse::<f64>().ok());
        Options {
            hours: value("HOURS="),
            rows: value("ROWS=").map_or(1_000_000, |rows| rows as u64),
            part: std::env::args().find(|arg| PARTS.contains(&arg.as_str())),
        }
    }
}

fn binary_and_start(report: &mut Report, runtime: &Runtime) {
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_seclyzer")).expect("the binary");
    report.row("binary, stripped", AtMost(6.0), Ok(binary.len() as f64 / MIB), "MiB", Was(13.5));
    let servers = runtime.block_on(session::Servers::start());
    for (what, config) in [("servers up", servers.config()), ("servers down", session::nobodys_config())] {
        let mut ms: Vec<f64> = (0..STARTS).map(|_| start_ms(&config)).collect();
        let what = format!("start to ready, {what}, median of {STARTS}");
        report.row(&what, AtMost(10.0), Ok(median(&mut ms)), "ms", Was(45.0));
    }
}

/// From before fork and exec to the line that says that it is ready, database made before.
fn start_ms(config: &str) -> f64 {
    let home = Home::with_config(config);
    assert_eq!(home.start_agent(&[]).stop(), Some(0));
    let begun = Instant::now();
    let _agent = home.start_agent(&[]);
    begun.elapsed().as_secs_f64() * 1000.0
}

fn with_devices(report: &mut Report, runtime: &Runtime, mut session: Session, options: &Options) -> Vec<Moment> {
    const LENGTH: Duration = Duration::from_secs(40);
    let (mut alone, mut bare) = (Session::start_alone(runtime), session::BareReader::start());
    for (load, target_us, target_ratio, before_us) in [(SLOW, 9.0, 0.25, 607.0), (FAST, 5.0, 0.35, 372.0)] {
        let all = session.work(load, LENGTH);
        let own = alone.as_mut().map_or(Err(NEEDS_ROOT), |alone| Ok(alone.work(load, LENGTH)));
        let what = format!("CPU an event, {}, device to window and SQLite", load.name);
        report.row(
            &what,
            AtMost(target_us),
            own.as_ref().map(|own| own.event_us).map_err(|&e| e),
            "µs",
            Was(before_us),
        );
        let bare_us = bare.as_mut().map_or(0.0, |bare| bare.work(load.key_events + load.motion, LENGTH / 4));
        let ratio = own.as_ref().map(|own| own.event_us / bare_us).map_err(|&e| e);
        report.row("the same, beside `cat` on the device", AtMost(target_ratio), ratio, "times", Unknown);
        if load.motion == SLOW.motion {
            if let Some(mut fast) = Session::start_alone_on_fast_usb(runtime) {
                aside("of USB devices that are asked once a millisecond", fast.work(load, LENGTH));
            }
            let wakeups = own.as_ref().map(|own| own.wakeups_a_second).map_err(|&e| e);
            report.row("wake-ups a second at that, all threads", AtMost(15.0), wakeups, "", Unknown);
            if let Some(alone) = &mut alone {
                aside("typed into a terminal", alone.in_a_terminal(|alone| alone.work(load, LENGTH)));
            }
        }
        let (all_us, all_wakeups) = (all.event_us, all.wakeups_a_second);
        println!(
            "| with all sinks {all_us:.1} µs, {all_wakeups:.1} wake-ups a second; `cat` {bare_us:.1} µs | | | | | |"
        );
    }
    for (load, percent) in [(TYPIST, 0.6), (GAMER, 2.5)] {
        let value = alone.as_mut().map_or(Err(NEEDS_ROOT), |alone| Ok(alone.work(load, LENGTH).core_percent));
        report.row(&format!("share of a core, {}", load.name), AtMost(percent), value, "%", Unknown);
    }
    drop((alone, bare));
    let course = memory_rows(report, runtime, &mut session, options);
    idle(report, &session);
    course
}

/// What has no target of its own.
fn aside(what: &str, Cost { event_us, wakeups_a_second, .. }: Cost) {
    println!("| {what} {event_us:.1} µs, {wakeups_a_second:.1} wake-ups a second | | | | | |");
}

fn memory_rows(report: &mut Report, runtime: &Runtime, session: &mut Session, options: &Options) -> Vec<Moment> {
    // Both are watched at the same time: neither asks for much of a core, and memory does not depend on the other.
    let length = options.watch(60.0);
    let down =
        Session::start(runtime, "").map(|session| std::thread::spawn(move || rss_kb_with_sinks_down(session, length)));
    let course = memory(report, session, options.watch(90.0));
    let what = format!("resident memory, 8 kHz mouse, sinks down for {} s", length.as_secs());
    let rss = down.ok_or(NEEDS_ROOT).map(|down| down.join().expect("no panic") as f64 / KB_A_MIB);
    report.row(&what, AtMost(10.0), rss, "MiB", Was(442.0));
    // Now that no other agent shares the program's pages.
    let pss = Memory::of(session.pid()).pss_kb as f64 / KB_A_MIB;
    report.row("memory with shared pages divided (PSS)", AtMost(5.5), Ok(pss), "MiB", Was(397.0));
    course
}

/// Watches the agent at work; what it was seen at.
fn memory(report: &mut Report, session: &mut Session, length: Duration) -> Vec<Moment> {
    const LOOKS: u32 = 6;
    let looks = (1..=LOOKS).map(|look| {
        session.work(SLOW, length / LOOKS);
        Moment { after: length / LOOKS * look, memory: Memory::of(session.pid()), usage: Usage::of(session.pid()) }
    });
    let course: Vec<Moment> = looks.collect();
    let [middle, end] = [course.len() / 2 - 1, course.len() - 1].map(|look| course[look].memory);
    let rss = Ok(end.rss_kb as f64 / KB_A_MIB);
    report.row("resident memory, everything on and connected", AtMost(10.0), rss, "MiB", Was(397.0));
    let growth = end.rss_kb as f64 - middle.rss_kb as f64;
    report.row(&format!("growth over the last {} s", length.as_secs() / 2), AtMost(0.0), Ok(growth), "kB", Unknown);
    let [program, libraries, data] = memory_by_mapping(session.pid());
    println!("| of it: program {program} kB, shared libraries {libraries} kB, data {data} kB | | | | | |");
    course
}

fn idle(report: &mut Report, session: &Session) {
    // What was typed last is delivered, its window is over, and the sinks' marks are committed.
    std::thread::sleep(Duration::from_secs(20));
    let used = session.use_of(|| std::thread::sleep(Duration::from_secs(60)));
    report.row("idle for 60 s: CPU", AtMost(0.0), Ok((used.cpu_ns / TICK_NS) as f64), "ticks", Unknown);
    report.row("idle for 60 s: wake-ups", AtMost(6.0), Ok(used.wakeups as f64), "", Was(60.0 * 12.0));
}

fn rss_kb_with_sinks_down(mut session: Session, length: Duration) -> u64 {
    session.stop_servers();
    session.work(GAMER, length);
    Memory::of(session.pid()).rss_kb
}

fn arrival(report: &mut Report) {
    let p99_ms = arrival::p99_ms().ok_or(NEEDS_ROOT);
    // It is read late: its time is the kernel's all the same.
    let what = "kernel's time of an event to its being in the core, p99 of 2,000";
    report.row(what, AtMost(110.0), p99_ms.map(|[agent, _]| agent), "ms", Unknown);
    if let Ok([_, bare]) = p99_ms {
        println!("| a bare reader of the node {bare:.3} ms | | | | | |");
    }
}

/// With a window that ends each second.
fn latency_session(runtime: &Runtime) -> Option<Session> {
    Session::start(runtime, "[window]\nupdate_interval = 1\n")
}

fn latency(report: &mut Report, mut session: Session) {
    let mut ms = session.latencies_ms(SLOW, Duration::from_secs(60));
    let target = AtMost(5.0);
    report.row("window's end to Redis subscriber, median", target, Ok(median(&mut ms)), "ms", Unknown);
    let p99 = ms[(ms.len() * 99 / 100).min(ms.len() - 1)];
    report.row(&format!("the same, p99 of {}", ms.len()), target, Ok(p99), "ms", Was(18.0));
}

/// Sorts, too.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
