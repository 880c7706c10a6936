//! `seclyzer top`, `report` and `export`: the commands of the second program, `seclyzer-view`, which draws and exports.
//!
//! This program knows their arguments, so that help, completions and man pages are those of one command, and runs the
//! other one in its place. The other one alone has the libraries for it: they would cost the agent memory.

use super::{Error, time};
use crate::event::Micros;
use crate::install::VIEW;
use crate::record::{Kind, Origin};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Write records to files that other programs read: CSV, JSON lines or Parquet
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer export --format parquet --since 30d          one file a kind in this folder
  seclyzer export --format csv --kind keystroke -o typing.csv
  seclyzer export --format jsonl --kind score -o - | jq .trust

TIME is RFC 3339 (2026-11-23T09:00:00+01:00), a date or a date and time of the local zone, or an age: 90s, 30m, 2h, 7d,
4w. Columns have the names and the order of docs/contract.md; `timestamp` is in UTC. The version of the contract is in
each record's `schema`, and in the metadata of a Parquet file. The agent may run meanwhile. Names of applications are
unchanged: a spreadsheet may take one that begins with =, +, - or @ for a formula.

Exit codes: 0 written; 64 no such file for these kinds; 66 there is no database, or no such record in it; 69 the database
is empty, no SQLite file, or of an older version, or seclyzer-view is not installed or of another version; 73 a file exists
already, or cannot be written; 74 the database cannot be read, or the output not be written to; 78 the database is another
program's, or of a newer version.")]
pub struct ExportArgs {
    /// The form
    #[arg(long, value_enum)]
    pub format: Format,
    /// Only records of this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND", value_parser = kinds())]
    pub kinds: Vec<Kind>,
    #[command(flatten)]
    pub span: SpanArgs,
    /// Only records of this origin; `device` is the devices of this machine, `all` is every one
    #[arg(long, value_name = "ORIGIN", value_parser = origins(), default_value = "device")]
    pub origin: Origins,
    /// A folder that exists, or for one kind a file; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = ".")]
    pub output: PathBuf,
    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// Records of one origin, or of every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    All,
    One(Origin),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Csv,
    Jsonl,
    Parquet,
}

/// Look at the running agent: what it reads, recognises and sends, a screen that follows it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer top
  seclyzer top --once                 prints it once, as text

Keys: 1 to 4 and Tab choose a view, arrows scroll, p pauses capture until 30 minutes from now (a pause that ends later
stays), r resumes, ? explains, q ends. NO_COLOR=1 shows it without colours. Of the features of typing, the flight of the
100 pairs of zones is not shown; `seclyzer report` draws it.

Exit codes: 0 ended with q, or printed; 64 there is no terminal (use --once); 69 --once, and no agent runs or the database
cannot be read, or seclyzer-view is not installed or of another version; 74 the terminal cannot be written to.")]
pub struct TopArgs {
    /// Print it once as text, for scripts and screen readers
    #[arg(long)]
    pub once: bool,
}

/// Write a page about a span of time: when you were at the machine, how you typed and pointed, what was decided
///
/// One HTML file with pictures and tables, which needs nothing else and fetches nothing. Printed, it has the tables that
/// are open.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer report                     the last seven days, to seclyzer-report.html
  seclyzer report --since 30d --open
  seclyzer report --since 2026-11-01 --until 2026-12-01 -o november.html

TIME is as in `seclyzer export --help`. The page is about the user and the host of the configuration ([identity]). It
contains names of applications and the hours of use, and is readable for you alone. The agent may run meanwhile.

Exit codes: 0 written; 64 the span ends before it begins, or its records are of more than five years; 66 there is no
database, or it has no record of the span; 69 the database is empty, no SQLite file, or of an older version, or
seclyzer-view is not installed or of another version; 73 the file exists already, or cannot be written; 74 the database
cannot be read, or the output not be written to; 78 the database is another program's, or of a newer version.")]
pub struct ReportArgs {
    /// From this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse, default_value = "7d")]
    pub since: Micros,
    /// Up to this time, by default now
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub until: Option<Micros>,
    /// Only records of this origin; `device` is the devices of this machine, `trace` a replay
    #[arg(long, value_name = "ORIGIN", value_parser = origin(), default_value = "device")]
    pub origin: Origin,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "seclyzer-report.html")]
    pub output: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
    /// Show it in the browser
    #[arg(long)]
    pub open: bool,
}

/// Which windows' ends are asked for.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct SpanArgs {
    /// From this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub since: Option<Micros>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub until: Option<Micros>,
}

impl SpanArgs {
    /// # Errors
    /// It ends before it begins.
    pub fn check(&self) -> Result<(), Error> {
        match (self.since, self.until) {
            (Some(since_us), Some(until_us)) if since_us > until_us => {
                Err(Error::Usage("--since is later than --until".into()))
            }
            _ => Ok(()),
        }
    }
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    let named = |name: String| Kind::ALL.into_iter().find(|kind| kind.name() == name).expect("one of them");
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(named)
}

fn origin() -> impl TypedValueParser<Value = Origin> {
    let named = |name: String| Origin::named(&name).expect("one of them");
    PossibleValuesParser::new(Origin::ALL.map(Origin::name)).map(named)
}

fn origins() -> impl TypedValueParser<Value = Origins> {
    let names = Origin::ALL.map(Origin::name).into_iter().chain(["all"]);
    PossibleValuesParser::new(names).map(|name: String| Origin::named(&name).map_or(Origins::All, Origins::One))
}

/// The name of the hidden argument by which the second program learns of which version the first one is.
pub const RUN_BY: &str = "run-by";

/// What the second program is told of the first, which reads another version's arguments and database otherwise.
///
/// # Errors
/// It is of another version.
pub fn check_version(of_first: Option<&str>) -> Result<(), Error> {
    let own = env!("CARGO_PKG_VERSION");
    match of_first {
        Some(other) if other != own => {
            let program = std::env::current_exe().unwrap_or_else(|_| VIEW.into());
            Err(Error::Unavailable(format!(
                "{} is of version {own}, and seclyzer of version {other}: install both of one version, \
                 `seclyzer install` from a folder that contains both or the Debian package",
                program.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Runs the second program in place of this one, with the same arguments. It returns only if that fails.
pub fn run_instead() -> Result<(), Error> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(VIEW));
    let program = beside.filter(|program| program.is_file()).unwrap_or_else(|| Path::new(VIEW).into());
    let version = format!("--{RUN_BY}={}", env!("CARGO_PKG_VERSION"));
    let error = Command::new(&program).arg(version).args(arguments).exec();
    Err(Error::Unavailable(match error.kind() {
        io::ErrorKind::NotFound => format!(
            "the program {VIEW} is not here, which draws and exports: put it beside this one or into a folder of PATH; \
             `make build` makes both, and the Debian package contains both"
        ),
        _ => format!("{}: {error}", program.display()),
    }))
}
