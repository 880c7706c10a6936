//! The command line: one file a command.

pub mod ask;
mod check;
pub mod config;
mod consent;
pub mod database;
mod decision;
mod devices;
mod doctor;
mod evaluate;
mod features;
mod forget;
mod guest;
mod install;
mod keystrokes;
mod lock;
pub mod lock_command;
mod logging;
mod me;
mod model;
mod model_file;
pub mod recognition;
mod record;
mod replay;
mod run;
mod status;
pub mod text;
mod text_agent;
pub mod time;
pub mod trial;
mod uninstall;
pub mod view;
mod watch;

use crate::agent::replay::ReplayError;
use crate::agent::{AgentError, account, hardening};
use crate::config::{ConfigError, Loaded, process_environment};
use crate::install::InstallError;
use crate::recognition::BadState;
use crate::sources::evdev::EvdevError;
use crate::store::StoreError;
use clap::{CommandFactory, Parser, Subcommand};
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit codes, as in sysexits.h.
mod code {
    pub const USAGE: u8 = 64;
    pub const DATA: u8 = 65;
    pub const NO_INPUT: u8 = 66;
    pub const UNAVAILABLE: u8 = 69;
    pub const CANNOT_CREATE: u8 = 73;
    pub const IO: u8 = 74;
    pub const TRY_AGAIN: u8 = 75;
    pub const NO_PERMISSION: u8 = 77;
    pub const CONFIG: u8 = 78;
}

/// Behavioural biometrics for Linux: how you type, point and switch, never what.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  seclyzer doctor                     check permissions, devices and servers
  seclyzer run --show                 run in the foreground, one line a record
  seclyzer replay trace.jsonl --speed max --stdout | head -1
  redis-cli SUBSCRIBE features        watch the records where a Redis server runs"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Read this file instead of the first that exists of $XDG_CONFIG_HOME/seclyzer/config.toml and
    /// /etc/seclyzer/config.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Replay(replay::Args),
    Record(record::Args),
    Devices(devices::Args),
    Doctor(doctor::Args),
    Features(features::Args),
    Status(status::Args),
    Config(config::Args),
    Install(install::Args),
    Uninstall(uninstall::Args),
    Forget(forget::Args),
    Model(model::Args),
    Me(me::Args),
    Guest(guest::GuestArgs),
    Pause(guest::PauseArgs),
    Resume(guest::ResumeArgs),
    Check(check::Args),
    Watch(watch::Args),
    Lock(lock::Args),
    /// What a unit of the service manager runs to lock the session
    #[command(name = "lock-command", hide = true)]
    Locker,
    Decision(decision::Args),
    Evaluate(evaluate::Args),
    Export(view::ExportArgs),
    Report(view::ReportArgs),
    Top(view::TopArgs),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Account(#[from] account::Error),
    #[error(transparent)]
    Devices(#[from] EvdevError),
    #[error("{path}: {source}")]
    Replay { path: PathBuf, source: ReplayError },
    #[error("{path}: {source}")]
    NoInput { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    CannotCreate { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    Model { path: PathBuf, source: BadState },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Data(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    TryAgain(String),
    /// The problem has been reported already; only the exit code is left.
    #[error("a problem was reported")]
    Told,
    /// The exit code is the answer, and what it means has been said.
    #[error("exit code {0}")]
    Answer(u8),
}

impl Error {
    fn code(&self) -> u8 {
        match self {
            Error::Config(_) => code::CONFIG,
            Error::Store(error) | Error::Agent(AgentError::Store(error)) => match error {
                StoreError::InUse { .. } | StoreError::BeingRead { .. } | StoreError::Displaced(_) => code::TRY_AGAIN,
                StoreError::Unreachable { .. } => code::CANNOT_CREATE,
                StoreError::Unusable { .. } | StoreError::Newer { .. } => code::CONFIG,
                _ => code::IO,
            },
            Error::Replay { source: ReplayError::Trace(_), .. } | Error::Model { .. } | Error::Data(_) => code::DATA,
            Error::NoInput { .. } => code::NO_INPUT,
            Error::CannotCreate { .. } | Error::Install(_) => code::CANNOT_CREATE,
            Error::Usage(_) => code::USAGE,
            Error::Unavailable(_) => code::UNAVAILABLE,
            Error::Refused(_) | Error::Account(_) => code::NO_PERMISSION,
            Error::TryAgain(_) => code::TRY_AGAIN,
            Error::Told => 1,
            Error::Answer(code) => *code,
            Error::Agent(_) | Error::Devices(_) | Error::Replay { .. } | Error::Output(_) => code::IO,
        }
    }

    /// Whoever read standard output has what it wanted.
    fn is_broken_pipe(&self) -> bool {
        let (Error::Output(error) | Error::Replay { source: ReplayError::Output(error), .. }) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// The command line's description, for man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the arguments and runs a command.
pub fn main() -> ExitCode {
    // The first thing of all: what waits for the moment between start and hardening waits in vain.
    hardening::protect_memory();
    run_parsed(dispatch)
}

/// Parses the arguments of a program and runs what they ask for; its error becomes a message and the exit code.
pub fn run_parsed<C: Parser>(run: impl FnOnce(&C) -> Result<(), Error>) -> ExitCode {
    let cli = match C::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nowhere to say that it cannot be said.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(code::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, Error::Told | Error::Answer(_)) {
                // Where it cannot be said, the exit code still tells.
                let _ = writeln!(io::stderr(), "seclyzer: {error}");
            }
            ExitCode::from(error.code())
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let config = cli.config.as_deref();
    match &cli.command {
        Command::Run(args) => drop_lock(out, || {
            // Before the configuration is read: whose it is depends on it.
            args.take_account()?;
            run::run(args, load(config)?)
        }),
        Command::Replay(args) => drop_lock(out, || replay::run(args, load(config)?)),
        Command::Record(args) => drop_lock(out, || record::run(args, load(config)?)),
        Command::Devices(args) => devices::run(args, &load(config)?.config, &mut out),
        Command::Doctor(args) => doctor::run(args, config, &mut out),
        Command::Features(args) => features::run(args, &mut out),
        Command::Status(args) => status::run(args, &load(config)?.config, &mut out),
        Command::Config(args) => config::run(args, config, &mut out),
        Command::Install(args) => install::run(args, &mut out),
        Command::Uninstall(args) => uninstall::run(args, &mut out),
        Command::Forget(args) => forget::run(args, &load(config)?.config, &mut out),
        Command::Model(args) => model::run(args, &load(config)?.config, &mut out),
        Command::Me(args) => me::run(args, &load(config)?.config, &mut out),
        Command::Guest(args) => guest::guest(args, &load(config)?.config, &mut out),
        Command::Pause(args) => guest::pause(args, &load(config)?.config, &mut out),
        Command::Resume(args) => guest::resume(args, &load(config)?.config, &mut out),
        Command::Check(args) => check::run(args, config, &mut out),
        Command::Watch(args) => watch::run(args, &load(config)?.config, &mut out),
        Command::Lock(args) => lock::run(args, &load(config)?.config, &mut out),
        Command::Locker => lock_command::run(load(config)?.config.decision.lock_command.as_deref()),
        Command::Decision(args) => decision::run(args, &load(config)?.config, &mut out),
        Command::Evaluate(args) => evaluate::run(args, &mut out),
        Command::Export(_) | Command::Report(_) | Command::Top(_) => view::run_instead(),
    }
}

/// Commands that print from within the agent take the lock of standard output line by line.
fn drop_lock(out: impl Write, run: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    drop(out);
    run()
}

/// The configuration, from the file that is named or the first that exists, and the environment.
pub fn load(explicit: Option<&Path>) -> Result<Loaded, ConfigError> {
    crate::config::read(explicit, &process_environment())
}

/// Runs a future on the one thread that everything but the store runs on.
fn block_on<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Output)?;
    let result = runtime.block_on(future);
    // A connection attempt that hangs must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Completes when the process is told to end. The signals are heeded from the call on, which must be made within the
/// runtime.
pub fn told_to_end() -> impl Future<Output = ()> {
    let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let wait = |signals: io::Result<Signal>| async {
        match signals {
            Ok(mut signals) => drop(signals.recv().await),
            // Without a handler the signal ends the process, which is what it asks for.
            Err(_) => std::future::pending().await,
        }
    };
    async move {
        tokio::select! {
            () = wait(interrupt) => {}
            () = wait(terminate) => {}
        }
    }
}
