//! The log: to standard error, which systemd takes to its journal, and to a file where one is wanted.

use super::Error;
use crate::config;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// Starts logging.
pub fn start(settings: &config::Log) -> Result<(), Error> {
    // Libraries may only warn: what they tell of at finer levels (requests, frames) is not theirs to tell.
    let own: Targets = settings.level.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let is_own = tracing_subscriber::filter::filter_fn(|metadata| {
        metadata.target().starts_with("seclyzer") || *metadata.level() <= Level::WARN
    });
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let to_stderr = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false);
    let to_stderr = if in_journal { to_stderr.without_time().boxed() } else { to_stderr.boxed() };
    let to_file = match &settings.file {
        None => None,
        Some(path) => {
            let cannot = |source| Error::CannotCreate { path: path.clone(), source };
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
            let file = options.open(path).map_err(cannot)?;
            Some(fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_target(false))
        }
    };
    tracing_subscriber::registry().with(own).with(is_own).with(to_stderr).with(to_file).init();
    Ok(())
}
