//! The log: to standard error, which systemd takes to its journal, and to a file where one is wanted.

use super::Error;
use crate::config;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
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
            let file = private(path).map_err(|source| Error::CannotCreate { path: path.clone(), source })?;
            Some(fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_target(false))
        }
    };
    tracing_subscriber::registry().with(own).with(is_own).with(to_stderr).with(to_file).init();
    Ok(())
}

/// Opens a file to append to, which is the owner's alone from then on.
fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
    let metadata = file.metadata()?;
    // A device such as /dev/null is everybody's.
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}
