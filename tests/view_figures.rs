//! What `report` and `export` take of half a million records: `cargo test --release --features long-tests --test
//! view_figures -- --nocapture` prints the table of docs/benchmarks.md. `SECLYZER_PROGRAM` names another build.

#![cfg(feature = "long-tests")]

mod support;

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use support::agent::Home;
use support::month;

const RECORDS: u64 = 500_000;
const NOW_US: u64 = 1_790_000_000_000_000;
const SPAN: [&str; 4] = ["--since", "2026-08-20", "--until", "2026-09-30"];
const PAGE_BYTES: u64 = 1_000_000;
/// Of a release build, whatever else the machine does.
const REPORT_CPU_S: f64 = 2.0;
/// Between two looks at a process, which grows and shrinks more slowly.
const BETWEEN: Duration = Duration::from_millis(2);
/// Does not depend on how many records there are.
const EXPORT_KIB: u64 = 160 * 1024;

/// What a command took.
struct Taken {
    seconds: f64,
    cpu_s: f64,
    /// Its largest resident memory.
    peak_kib: u64,
}

/// How large the process has been. What `wait4` reports is at least what it was before it ran the program, a copy of this
/// one.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Waits for its end.
fn taken(child: &Child, begun: Instant) -> Taken {
    let process = child.id().cast_signed();
    let mut status = 0;
    // SAFETY: all zeroes are a value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut largest = 0;
    loop {
        // Before the program runs it is a copy of this one.
        let program = std::fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
        if program.ends_with("seclyzer-view") {
            largest = peak_kib(child.id()).unwrap_or(0).max(largest);
        }
        // SAFETY: both outlive the call, and nobody else waits for the child.
        match unsafe { libc::wait4(process, &mut status, libc::WNOHANG, &mut usage) } {
            0 => std::thread::sleep(BETWEEN),
            ended => break assert_eq!((ended, status), (process, 0)),
        }
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Taken { seconds: begun.elapsed().as_secs_f64(), cpu_s, peak_kib: largest }
}

fn measured(home: &Home, arguments: &[&str]) -> Taken {
    let program = std::env::var("SECLYZER_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_seclyzer").into());
    let mut command = Command::new(program);
    command.args(arguments).arg("--config").arg(home.path().join("config.toml")).arg("--force");
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").current_dir(home.path());
    let begun = Instant::now();
    taken(&command.spawn().expect("it runs"), begun)
}

fn bytes(folder: &Path, ending: &str) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().ends_with(ending))
        .map(|file| file.metadata().expect("a file").len())
        .sum()
}

#[test]
fn half_a_million_records_are_reported_on_one_small_page_and_exported_in_bounded_memory() {
    let home = Home::with_config("[redis]\nenabled = false\n");
    month::fill(&home, RECORDS, NOW_US);
    println!("| command | time | CPU time | size | peak RSS |\n|---|---|---|---|---|");
    let row = |what: &str, taken: &Taken, ending: &str| {
        let (bytes, Taken { seconds, cpu_s, peak_kib }) = (bytes(home.path(), ending), taken);
        println!("| {what} | {seconds:.2} s | {cpu_s:.2} s | {:.2} MB | {} MiB |", bytes as f64 / 1e6, peak_kib / 1024);
        bytes
    };
    let all: Vec<&str> = ["report"].into_iter().chain(SPAN).collect();
    // The second time the kernel has the file in memory.
    measured(&home, &all);
    let report = measured(&home, &all);
    assert!(row("`report` of a month", &report, ".html") < PAGE_BYTES);
    assert!(cfg!(debug_assertions) || report.cpu_s <= REPORT_CPU_S, "{} s of CPU time", report.cpu_s);
    for format in ["csv", "jsonl", "parquet"] {
        let taken = measured(&home, &["export", "--format", format]);
        row(&format!("`export --format {format}`, all kinds"), &taken, &format!(".{format}"));
        assert!(taken.peak_kib > 0 && taken.peak_kib < EXPORT_KIB, "{format}: {} KiB", taken.peak_kib);
    }
}
