//! `seclyzer lock`

use super::Error;
use super::ask::{request, tell};
use crate::agent::control::Request;
use crate::config::Config;
use std::io::Write;

/// Try whether the agent can lock this session: it does, and says which step did
///
/// The steps are tried in the order in which they are tried at an alarm, until one verifiably locks the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer lock --test

Exit codes: 0 the session is locked; 69 no agent runs; 77 nothing locked it.")]
pub struct Args {
    /// Lock the session now
    #[arg(long, required = true)]
    test: bool,
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    debug_assert!(args.test, "clap requires it");
    tell(request(&config.store.path, &Request::TestLock)?, out)
}
