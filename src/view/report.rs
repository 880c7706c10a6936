//! `seclyzer report`: a page about a span of time, in one file.

mod calendar;
mod collect;
mod keyboard;
mod page;
mod plot;
mod presence;
mod sections;
mod transitions;

use crate::output::{Output, Place};
use calendar::{Calendar, LONGEST_US};
use collect::{Data, Wanted};
use rusqlite::Connection;
use seclyzer::cli::time::local_time;
use seclyzer::cli::view::ReportArgs;
use seclyzer::cli::{Error, database};
use seclyzer::config::Config;
use seclyzer::event::Micros;
use seclyzer::record::Origin;
use seclyzer::record::json::iso8601;
use seclyzer::store::StoreError;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn run(args: &ReportArgs, config: &Config) -> Result<(), Error> {
    // Records of a wrong clock may be of the future.
    let until_us = args.until.unwrap_or_else(seclyzer::now_us);
    check_order(args.since, args.until, until_us)?;
    let place = match args.output.as_path() {
        output if output == Path::new("-") => Place::Standard,
        output => Place::file(output.into(), args.force)?,
    };
    if args.open && !matches!(place, Place::File(_)) {
        return Err(Error::Usage("--open shows a file: name one with -o".into()));
    }
    let connection = database::open(&config.store.path)?;
    let (user, host) = (config.identity.user.as_str(), config.identity.host.as_str());
    let [window_us, step_us] = [config.window.length, config.window.step].map(|span| span.as_micros() as Micros);
    let wanted = Wanted { since_us: args.since, until_us, origin: args.origin.name(), user, host, window_us, step_us };
    let bounds = collect::bounds(&connection, wanted).map_err(StoreError::from)?;
    let (first_us, last_us) = bounds.ok_or_else(|| no_records(&connection, wanted, &config.store.path))?;
    check_span(first_us, last_us)?;
    let calendar = Calendar::new(&connection, first_us, last_us).map_err(StoreError::from)?;
    let data = Data::read(&connection, wanted, calendar).map_err(StoreError::from)?;
    let span = (local_time(first_us), local_time(last_us));
    let title = format!("How {user} used {host}, {}", days(&span));
    let subtitle = subtitle(&span, args.origin);
    let html = page::page(&title, &subtitle, &sections::summary(&data), &sections::all(&data));
    let mut output = Output::begin(place, args.force)?;
    let written = output.file().write_all(html.into_string().as_bytes());
    written.map_err(|error| output.failed(error))?;
    let windows: u32 = data.quality.iter().map(|slot| slot.keystroke + slot.mouse).sum();
    output.finish(&format!("a page about {windows} windows of {user} on {host}, {} to {}", span.0, span.1))?;
    if args.open { open(&args.output) } else { Ok(()) }
}

/// What was not given has a default, which is named.
fn check_order(since_us: Micros, until_us: Option<Micros>, end_us: Micros) -> Result<(), Error> {
    let why = match until_us {
        _ if since_us <= end_us => return Ok(()),
        Some(_) => "--since (by default seven days ago) is later than --until",
        None => "--since is later than now: records of the future need an --until",
    };
    Err(Error::Usage(why.into()))
}

/// The date of the first record and, if that is another, of the last one.
fn days((first, last): &(String, String)) -> String {
    let [first, last] = [first, last].map(|time| time.split(' ').next().unwrap_or_default());
    if first == last { first.to_owned() } else { format!("{first} to {last}") }
}

fn subtitle((first, last): &(String, String), origin: Origin) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let of = match origin {
        Origin::Device => String::new(),
        origin => format!(" of the origin {}", origin.name()),
    };
    format!("Records{of} from {first} to {last}, in local time. Made by seclyzer {version}.")
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

/// In the zone of the days that there are.
fn no_records(connection: &Connection, wanted: Wanted<'_>, path: &Path) -> Error {
    let Wanted { origin, user, host, .. } = wanted;
    let asked = format!(
        "{user} on {host} (user and host under [identity]) of the origin {origin} (--origin) from {} to {} (--since, \
         --until)",
        local_time(wanted.since_us),
        local_time(wanted.until_us)
    );
    database::no_records(connection, path, &asked)
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
