//! `seclyzer report`: a page about a span of time, in one file.

mod calendar;
mod collect;
mod keyboard;
mod page;
mod plot;
mod sections;
mod statistics;
mod transitions;

use crate::database;
use crate::output::{Output, Place};
use collect::{Data, Wanted};
use rusqlite::Connection;
use seclyzer::cli::Error;
use seclyzer::cli::view::ReportArgs;
use seclyzer::config::Config;
use seclyzer::event::Micros;
use seclyzer::record::Origin;
use seclyzer::store::StoreError;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn run(args: &ReportArgs, config: &Config) -> Result<(), Error> {
    let until_us = args.until.unwrap_or(Micros::MAX);
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
    let step_us = config.window.step.as_micros() as Micros;
    let wanted = Wanted { since_us: args.since, until_us, origin: args.origin.name(), step_us };
    let data = Data::read(&connection, wanted).map_err(StoreError::from)?;
    let data = data.ok_or_else(|| no_records(&connection, args.origin, &config.store.path))?;
    let title = format!("How {} used {}", config.identity.user, config.identity.host);
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

/// Names the origins that have records.
fn no_records(connection: &Connection, origin: Origin, path: &Path) -> Error {
    let has = |origin: &Origin| {
        let sql = "SELECT EXISTS (SELECT 1 FROM keystroke_features WHERE origin = ?1)
                       OR EXISTS (SELECT 1 FROM mouse_features WHERE origin = ?1)";
        connection.query_row(sql, [origin.name()], |row| row.get(0)).unwrap_or(false)
    };
    let others: Vec<&str> = Origin::ALL.iter().filter(|origin| has(origin)).map(|origin| origin.name()).collect();
    let instead = match others.as_slice() {
        [] => "it has none at all yet".into(),
        others => format!("there are some of the origins {}, of this or another time", others.join(", ")),
    };
    let source = std::io::Error::other(format!("no record of the origin {} in this span; {instead}", origin.name()));
    Error::NoInput { path: path.into(), source }
}

/// Has the desktop show it.
fn open(path: &Path) -> Result<(), Error> {
    let shown = Command::new("xdg-open").arg(path).stdin(Stdio::null()).status();
    match shown {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Unavailable(format!("{} is written, but xdg-open: {status}", path.display()))),
        Err(error) => {
            let install = "install the package xdg-utils, or open the file yourself";
            Err(Error::Unavailable(format!("{} is written, but xdg-open: {error}; {install}", path.display())))
        }
    }
}
