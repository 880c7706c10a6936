//! `seclyzer me`

use super::Error;
use super::ask::{request_of_owner, tell};
use crate::agent::control::Request;
use crate::config::Config;
use std::io::Write;

/// Answer an alarm: it is me
///
/// The same as the button "It is me" of the notice: the state is `owner` again, and what raised the alarm is learnt; the
/// second time in a sitting it is not. While decision.mode is "lock" the account's password is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer me

Exit codes: 0 done, or there is no alarm; 69 no agent runs; 77 the password was not given.")]
pub struct Args {}

pub fn run(_: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    tell(request_of_owner(&config.store.path, &Request::Confirm)?, out)
}
