//! `seclyzer export`: records to files that other programs read.

mod columns;
mod csv;
mod jsonl;
mod parquet;
mod places;
mod rows;

use crate::output::{Output, Place};
use columns::Column;
use indicatif::{ProgressBar, ProgressStyle};
use rows::{Rows, Selection};
use rusqlite::types::Value;
use seclyzer::cli::time::local_time;
use seclyzer::cli::view::{ExportArgs, Format, Origins};
use seclyzer::cli::{Error, database};
use seclyzer::config::Config;
use seclyzer::event::Micros;
use seclyzer::record::Kind;
use std::io::{self, IsTerminal, Write};

/// Takes rows of one kind, in order.
trait Writer {
    /// Takes a row: a value a column.
    fn write(&mut self, row: Vec<Value>) -> io::Result<()>;
    /// Writes what is not written yet.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

pub fn run(args: &ExportArgs, config: &Config) -> Result<(), Error> {
    args.span.check()?;
    let is_wanted = |kind: &Kind| args.kinds.is_empty() || args.kinds.contains(kind);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_wanted).collect();
    let places = places::of(args, &kinds)?;
    if places.contains(&Place::Standard) && args.format == Format::Parquet && io::stdout().is_terminal() {
        return Err(Error::Usage(
            "Parquet is no text for a terminal: name a file with -o, or redirect the output".into(),
        ));
    }
    let connection = database::open(&config.store.path)?;
    let selection = Selection::new(&connection, args.span, args.origin)?;
    if !selection.is_any(&connection, &kinds)? {
        return Err(database::no_records(&connection, &config.store.path, &asked(args)));
    }
    for (kind, place) in kinds.iter().zip(places) {
        let columns = columns::of(*kind);
        let mut rows = Rows::new(&connection, *kind, &columns, selection)?;
        let bar = if is_drawn(&place) { progress(kind.name(), rows.count()?) } else { ProgressBar::hidden() };
        let mut output = Output::begin(place, args.force)?;
        let written = write_all(args.format, *kind, &columns, &mut rows, output.file(), &bar);
        bar.finish_and_clear();
        match written {
            Ok(()) => output.finish(&rows.contents())?,
            Err(Failure::Database(error)) => return Err(error),
            Err(Failure::Output(error)) => return Err(output.failed(error)),
        }
    }
    Ok(())
}

/// What was asked for, as a part of a sentence.
fn asked(args: &ExportArgs) -> String {
    let kinds: Vec<&str> = args.kinds.iter().map(|kind| kind.name()).collect();
    let kinds = if kinds.is_empty() { "any kind".into() } else { format!("the kind {} (--kind)", kinds.join(" or ")) };
    let origin = match args.origin {
        Origins::All => "any origin".into(),
        Origins::One(origin) => format!("the origin {} (--origin)", origin.name()),
    };
    // In the zone of the days that there are.
    let end =
        |name, end: Option<Micros>| end.map_or_else(String::new, |end_us| format!(" {name} {}", local_time(end_us)));
    format!("{kinds}, of {origin}{}{}", end("since", args.span.since), end("until", args.span.until))
}

/// What went wrong between database and file.
enum Failure {
    Database(Error),
    Output(io::Error),
}

fn write_all(
    format: Format,
    kind: Kind,
    columns: &[Column],
    rows: &mut Rows<'_>,
    out: &mut (dyn Write + Send),
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let mut writer: Box<dyn Writer + '_> = match format {
        Format::Csv => Box::new(csv::Csv::begin(columns, out).map_err(Failure::Output)?),
        Format::Jsonl => Box::new(jsonl::Jsonl::new(columns, out)),
        Format::Parquet => Box::new(parquet::Parquet::begin(kind, columns, out).map_err(Failure::Output)?),
    };
    loop {
        let batch = rows.next_batch().map_err(Failure::Database)?;
        if batch.is_empty() {
            return writer.finish().map_err(Failure::Output);
        }
        bar.inc(batch.len() as u64);
        batch.into_iter().try_for_each(|row| writer.write(row)).map_err(Failure::Output)?;
    }
}

/// Whether there is a terminal for a bar that shows nothing else.
fn is_drawn(place: &Place) -> bool {
    io::stderr().is_terminal() && !(*place == Place::Standard && io::stdout().is_terminal())
}

fn progress(what: &'static str, count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos} of {len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(count).with_style(style).with_message(what)
}

/// No program of ours has written that row.
fn not_of_its_type(column: &Column) -> io::Error {
    io::Error::other(format!("a record has a value in `{}` that the contract does not allow there", column.name))
}
