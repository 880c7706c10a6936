//! `seclyzer report`: a page about a span of time, in one file.

mod calendar;
mod collect;
mod keyboard;
mod page;
mod plot;
mod presence;
mod sections;
mod transitions;

use crate::database;
use crate::output::{Output, Place};
use calendar::{Calendar, LONGEST_US};
use collect::{Data, Wanted};
use rusqlite::Connection;
use seclyzer::cli::Error;
use seclyzer::cli::view::ReportArgs;
use seclyzer::config::Config;
use seclyzer::event::Micros;
use seclyzer::record::Origin;
use seclyzer::record::json::iso8601;
use seclyzer::store::StoreError;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn run(args: &ReportArgs, config: &Config) -> Result<(), Error> {
    // Records of a wrong clock may be of the future.
    let until_us = args.until.unwrap_or_else(seclyzer::now_us);
    if args.since > until_us {
        return Err(Error::Usage("--since is later than --until".into()));
    }
    let place = match args.output.as_path() {
        output if output == Path::new("-") && args.open => {
            return Err(Error::Usage("--open shows a file: name one with -o".into()));
        }
        output if output == Path::new("-") => Place::Standard,
        output => Place::file(output.into(), args.force)?,
    };
    let connection = database::open(&config.store.path)?;
    let (user, host) = (config.identity.user.as_str(), config.identity.host.as_str());
    let [window_us, step_us] = [config.window.length, config.window.step].map(|span| span.as_micros() as Micros);
    let wanted = Wanted { since_us: args.since, until_us, origin: args.origin.name(), user, host, window_us, step_us };
    let bounds = collect::bounds(&connection, wanted).map_err(StoreError::from)?;
    let (first_us, last_us) = bounds.ok_or_else(|| no_records(&connection, wanted, &config.store.path))?;
    check_span(first_us, last_us)?;
    let calendar = Calendar::new(&connection, first_us, last_us).map_err(StoreError::from)?;
    let data = Data::read(&connection, wanted, calendar).map_err(StoreError::from)?;
    let title = format!("How {user} used {host}");
    let html = page::page(&title, &subtitle(&data, args.origin), &sections::summary(&data), &sections::all(&data));
    let mut output = Output::begin(place, args.force)?;
    let written = output.file().write_all(html.into_string().as_bytes());
    written.map_err(|error| output.failed(error))?;
    output.finish()?;
    if args.open { open(&args.output) } else { Ok(()) }
}

fn subtitle(data: &Data, origin: Origin) -> String {
    let (first, last) = (&data.dates[0], &data.dates[data.dates.len() - 1]);
    let begin = match data.days_a_slot {
        1 => format!("From {first} to {last}"),
        _ => format!("From {first} to the week from {last}"),
    };
    let version = env!("CARGO_PKG_VERSION");
    match origin {
        Origin::Device => format!("{begin}, in local time. Made by seclyzer {version}."),
        origin => {
            format!("{begin}, in local time: records of the origin {}. Made by seclyzer {version}.", origin.name())
        }
    }
}

/// One record of a wrong clock makes a span of centuries.
fn check_span(first_us: Micros, last_us: Micros) -> Result<(), Error> {
    if last_us.saturating_sub(first_us) <= LONGEST_US {
        return Ok(());
    }
    let (first, last) = (iso8601(first_us), iso8601(last_us));
    Err(Error::Usage(format!(
        "the records of this span are from {first} to {last}, and a report is of five years at most: name a shorter span \
         with --since and --until"
    )))
}

/// Names those of whom there are records.
fn no_records(connection: &Connection, wanted: Wanted<'_>, path: &Path) -> Error {
    let Wanted { origin, user, host, .. } = wanted;
    let owners = match database::owners(connection) {
        Ok(owners) => owners,
        Err(error) => return StoreError::from(error).into(),
    };
    let instead = match owners.is_empty() {
        true => "it has none at all yet".into(),
        false => format!(
            "of this or another time it has records of {}; --origin, and user and host under [identity] in the \
             configuration, say whose are shown",
            database::named(&owners)
        ),
    };
    let text = format!("no record of {user} on {host} of the origin {origin} in this span; {instead}");
    Error::NoInput { path: path.into(), source: io::Error::other(text) }
}

/// How long a failure to show it is waited for. What runs longer shows it: some desktops run the browser itself.
const OPENING: Duration = Duration::from_secs(2);

/// Has the desktop show it.
fn open(path: &Path) -> Result<(), Error> {
    let failed = |why: String| Err(Error::Unavailable(format!("{} is written, but xdg-open: {why}", path.display())));
    let started = Command::new("xdg-open").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return failed(format!("{error}; install the package xdg-utils, or open the file yourself")),
    };
    let begun = Instant::now();
    while begun.elapsed() < OPENING {
        match child.try_wait() {
            Ok(Some(status)) if !status.success() => return failed(status.to_string()),
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            _ => return Ok(()),
        }
    }
    Ok(())
}
