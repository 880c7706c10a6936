//! What the agent costs as things grow: a small table each, which should be flat.

use crate::desk::Desk;
use crate::load::{Load, Person};
use crate::process::{Memory, Moment, Usage, memory_by_mapping};
use crate::report::Earlier::Unknown;
use crate::report::Target::AtMost;
use crate::report::{Report, short};
use crate::session::{BareReader, Session};
use crate::support::agent::{Agent, Home};
use crate::support::servers::Redis;
use crate::workload::{self, START_US};
use seclyzer::event::json;
use std::fmt::Write;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub const QUIET: &str = "[redis]\nenabled = false\n[influx]\nenabled = false\n";
const HOUR_US: i64 = 3_600_000_000;

pub fn tables(runtime: &Runtime, rows: u64) {
    of_devices(runtime);
    backlog(runtime);
    crate::rows::table(runtime, rows);
}

/// With more devices, and with faster ones.
pub fn of_devices(runtime: &Runtime) {
    devices();
    rates(runtime);
}

/// An hour in which the typing and the mouse never stop.
pub fn disk_an_hour(report: &mut Report) {
    let home = Home::with_config(QUIET);
    let mut events = workload::decoded(&workload::typing(START_US, HOUR_US, 8));
    events.extend(workload::decoded(&workload::motion(START_US, HOUR_US, 125)));
    events.sort_by_key(|event| event.ts_us);
    let mut text = String::new();
    for event in &events {
        let _ = writeln!(text, "{}", json::to_json(event).expect("everything has a name"));
    }
    let trace = home.path().join("hour.jsonl");
    std::fs::write(&trace, text).expect("room for a trace");
    let output = home.run(&["replay", "--speed", "max", trace.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mb = std::fs::metadata(home.database()).expect("a database").len() as f64 / 1e6;
    let what = format!("disk, an hour of constant use ({} records)", home.count_records());
    report.row(&what, AtMost(1.5), Ok(mb), "MB", Unknown);
}

/// All sources and sinks at work, at real speed.
pub fn uptime(course: &[Moment]) {
    println!("\n| minutes | RSS kB | CPU s |\n|---|---|---|");
    for Moment { after, memory, usage } in course {
        let minutes = short(after.as_secs_f64() / 60.0);
        let cpu_s = short(usage.cpu_ns as f64 / 1e9);
        println!("| {minutes} | {} | {cpu_s} |", memory.rss_kb);
    }
}

/// What recognition of an owner with many keys adds, everything on and connected. The keys are typed by somebody else, so
/// that a case is open.
pub fn recognition(runtime: &Runtime, length: Duration) {
    println!("\n| recognition | RSS kB | PSS kB | program | shared libraries | data |\n|---|---|---|---|---|---|");
    type Start = fn(&Runtime) -> Option<Session>;
    let [off, on]: [(_, Start); 2] =
        [("off", Session::start_unrecognised), ("on", |runtime| Session::start(runtime, ""))];
    for (name, start) in [off, on] {
        let Some(mut session) = start(runtime) else { return };
        session.work(crate::HASTY, length);
        let (memory, [program, libraries, data]) = (Memory::of(session.pid()), memory_by_mapping(session.pid()));
        println!("| {name} | {} | {} | {program} | {libraries} | {data} |", memory.rss_kb, memory.pss_kb);
    }
}

fn devices() {
    println!("\n| devices | RSS kB | µs an event, 110 events/s |\n|---|---|---|");
    for count in [2, 8, 32, 64] {
        let Some(desk) = Desk::new() else { return };
        let mut person = Person { keyboard: desk.add_keyboard(), mouse: desk.add_mouse() };
        let _others: Vec<_> = (2..count).map(|_| desk.add_mouse()).collect();
        let home = Home::with_config(QUIET);
        let mut command = home.command(&["run"]);
        desk.sit_down(&mut command);
        let agent = Agent::start(command);
        agent.wait_for_log("Mouse Extractor initialized and ready");
        person.work(crate::SLOW, Duration::from_secs(6));
        let before = Usage::of(agent.id());
        let events = person.work(crate::SLOW, Duration::from_secs(10));
        let used = Usage::of(agent.id()).since(before);
        let event_us = used.cpu_ns as f64 / 1000.0 / events as f64;
        println!("| {count} | {} | {} |", Memory::of(agent.id()).rss_kb, short(event_us));
    }
}

fn rates(runtime: &Runtime) {
    let head = "reports a second | % of a core | µs an event | a bare reader's | wake-ups an event | RSS kB";
    println!("\n| {head} |\n|---|---|---|---|---|---|");
    let Some(mut session) = Session::start(runtime, "") else { return };
    let Some(mut reader) = BareReader::start() else { return };
    for motion in [125, 500, 1000, 2000, 4000, 8000] {
        let load = Load { name: "a mouse", key_events: 0, motion };
        let before = Usage::of(session.pid());
        let cost = session.work(load, Duration::from_secs(15));
        let wakeups = Usage::of(session.pid()).since(before).wakeups as f64 / f64::from(15 * motion);
        let rss_kb = Memory::of(session.pid()).rss_kb;
        let (percent, event_us) = (short(cost.core_percent), short(cost.event_us));
        let bare_us = short(reader.work(motion, Duration::from_secs(5)));
        println!("| {motion} | {percent} | {event_us} | {bare_us} | {} | {rss_kb} |", short(wakeups));
    }
}

/// Records that Redis has missed, and what it takes to deliver them.
fn backlog(runtime: &Runtime) {
    println!("\n| backlog, records | RSS kB when delivered | records a second | CPU µs a record |\n|---|---|---|---|");
    for count in [1_000, 10_000, 100_000] {
        let redis = runtime.block_on(Redis::start(&[]));
        let url = redis.url();
        let home = Home::with_config(&format!("[redis]\nenabled = true\nurl = \"{url}\"\nstream = true\n"));
        crate::rows::fill(&home, count);
        let agent = home.start_agent(&[]);
        let begun = Instant::now();
        let client = redis::Client::open(url).expect("a good URL");
        let mut connection = client.get_connection().expect("a server that runs");
        loop {
            let mut length = redis::cmd("XLEN");
            length.arg("seclyzer:stream:features");
            if length.query::<u64>(&mut connection).expect("a number") >= count {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let cpu_us = Usage::of(agent.id()).cpu_ns as f64 / 1000.0 / count as f64;
        let rss_kb = Memory::of(agent.id()).rss_kb;
        println!("| {count} | {rss_kb} | {} | {} |", short(count as f64 / seconds), short(cpu_us));
    }
}
