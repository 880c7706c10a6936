//! The fault campaign: every fault at length, and a table of what became of the records. `make torture` runs it.
//!
//! usage: torture [network|disk|load|kills]... [KILLS [SECONDS_OF_LOAD]]; all groups, 1,000 and 60 by default

mod faults;
mod support;

use faults::{Row, disk, kills, load, network};
use std::process::ExitCode;
use std::time::Duration;
use support::servers::Influx1;

/// A day of windows of keystrokes and mouse at five-second steps.
const DAY_RECORDS: i64 = 34_560;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
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
    if is_flawless { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
