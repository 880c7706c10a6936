//! The command `seclyzer-view`: what draws and exports. `seclyzer` runs it; the agent has none of its libraries.
//!
//! It opens the database to read, and asks the agent on the status socket. It opens no device, and writes nothing but
//! the files that it is asked for.

mod export;
mod output;
mod report;
mod statistics;
mod top;

use clap::{Parser, Subcommand};
use seclyzer::cli::view::{ExportArgs, RUN_BY, ReportArgs, TopArgs, check_version};
use seclyzer::cli::{self, Error};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `seclyzer` runs to draw and to export.
#[derive(Debug, Parser)]
#[command(name = "seclyzer", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Read this file instead of the first that exists of $XDG_CONFIG_HOME/seclyzer/config.toml and
    /// /etc/seclyzer/config.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The version of the program that runs this one
    #[arg(long = RUN_BY, value_name = "VERSION", hide = true)]
    run_by: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(ExportArgs),
    Report(ReportArgs),
    Top(TopArgs),
}

fn main() -> ExitCode {
    cli::run_parsed(|cli: &Cli| dispatch(cli))
}

fn dispatch(cli: &Cli) -> Result<(), Error> {
    check_version(cli.run_by.as_deref())?;
    let config = cli::load(cli.config.as_deref())?.config;
    match &cli.command {
        Command::Export(args) => export::run(args, &config),
        Command::Report(args) => report::run(args, &config),
        Command::Top(args) => top::run(args, &config),
    }
}
