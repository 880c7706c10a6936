//! The fault campaign: every fault at length, and a table of what became of the records. `make torture` runs it.
//!
//! usage: torture [network|disk|load|kills|learning]... [KILLS [SECONDS_OF_LOAD]]; all groups, 1,000 and 60 by default

mod faults;
mod support;

use faults::{Row, disk, kills, learning, load, network};
use std::process::ExitCode;
use std::time::Duration;
use support::servers::Influx1;

/// A day of windows of keystrokes and mouse at five-second steps.
const DAY_RECORDS: i64 = 34_560;

fn main() -> ExitCode {
    support::learner::run_if_asked();
    campaign()
}

#[tokio::main(flavor = "current_thread")]
async fn campaign() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let kills = numbers.next().unwrap_or(1_000);
    let load_s = numbers.next().unwrap_or(60) as i64;
    let groups: Vec<&String> = arguments.iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
    let is_chosen = |group: &str| groups.is_empty() || groups.iter().any(|chosen| *chosen == group);
    println!("| fault | times tried | records announced | records found | lost | twice |");
    println!("|---|---|---|---|---|---|");
    let mut is_flawless = true;
    let mut tell = |row: Row| {
        let Row { fault, times, announced, found, lost, twice } = &row;
        println!("| {fault} | {times} | {announced} | {found} | {lost} | {twice} |");
        is_flawless &= row.is_flawless();
    };
    if is_chosen("network") {
        let influx = Influx1::start(None).await;
        for number in 0..network::ILLNESSES.len() {
            tell(network::ill(&influx, number).await);
        }
        tell(network::refused().await);
        tell(network::too_large().await);
        tell(network::data_lost(&influx).await);
        tell(network::long_absence(&influx, DAY_RECORDS).await);
    }
    if is_chosen("disk") {
        tell(disk::full().await);
        match disk::full_file_system().await {
            Some(row) => tell(row),
            None => eprintln!("a full file system is tried by root only"),
        }
        tell(disk::locked(Duration::from_secs(60)).await);
        tell(disk::removed().await);
        tell(disk::flipped_byte(1).await);
    }
    if is_chosen("load") {
        tell(load::flood(load_s).await);
        tell(load::rubbish(1_000_000).await);
    }
    if is_chosen("kills") {
        tell(kills::kill(kills).await);
    }
    let mut lost = Vec::new();
    if is_chosen("learning") {
        for (is_live_kept, most_s) in [(false, learning::LONGEST_LOST_S), (true, learning::LONGEST_LOST_LIVE_S)] {
            let (row, of_learning) = learning::kill(kills, is_live_kept).await;
            lost.push((row.fault.clone(), of_learning, most_s));
            tell(row);
        }
        tell(learning::locked(Duration::from_secs(20)).await);
        tell(learning::full().await);
    }
    if !lost.is_empty() {
        println!("\n| fault | learning lost, at most: seconds | strokes |\n|---|---|---|");
    }
    for (fault, of_learning, most_s) in lost {
        println!("| {fault} | {} | {} |", of_learning.seconds, of_learning.strokes);
        is_flawless &= of_learning.seconds <= most_s;
    }
    if is_flawless { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
