//! `seclyzer check`

use super::ask::{self, Reply};
use super::{Error, load, time};
use crate::agent::control::{Checked, Request};
use crate::config::{ConfigError, read_for_account};
use crate::recognition::State;
use nix::unistd::geteuid;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Ask who is at the machine, for scripts and PAM: the answer is the exit code
///
/// It comes within milliseconds; for an agent that does not answer it waits 200. As root with PAM_USER set, as pam_exec
/// does, the agent of that account is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer check && echo the owner
  seclyzer check --within 60s         there has to have been input in the last minute, whoever's
  seclyzer check --stranger && echo somebody else

Exit codes: 0 the owner; 1 a stranger; 2 doubtful; 3 nobody can say: learning, a guest, a pause, recognition off, no
input within the time, or no agent. With --stranger: 0 a stranger; 1 anything else. docs/decision.md has an example
for PAM, and what to beware of there.")]
pub struct Args {
    /// How old the last input that was judged may be, whoever's, where the state is the owner's: 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    within: Option<u64>,
    /// Exit with 0 only where a stranger is at the machine, so that whatever fails lets the owner in
    #[arg(long, conflicts_with = "within")]
    stranger: bool,
    /// Say nothing
    #[arg(long, short)]
    quiet: bool,
}

fn parse_span(text: &str) -> Result<u64, String> {
    let seconds = time::span_us(text).map(|span_us| span_us.unsigned_abs() / 1_000_000);
    seconds.ok_or_else(|| "not a length of time, such as 30s, 5m or 1h30m (s, m, h, d, w)".into())
}

/// What is known, in the order of the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Owner,
    Stranger,
    Doubtful,
    Unknown,
}

pub fn run(args: &Args, explicit: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    let (verdict, text) = match ask_agent(explicit) {
        Ok(checked) => judge(&checked, args.within),
        Err(problem) => (Verdict::Unknown, problem),
    };
    if !args.quiet {
        // The exit code is the answer, whether or not anybody reads this.
        let _ = writeln!(out, "{text}");
    }
    match (args.stranger, verdict) {
        (true, Verdict::Stranger) | (false, Verdict::Owner) => Ok(()),
        (true, _) => Err(Error::Answer(1)),
        (false, verdict) => Err(Error::Answer(verdict as u8)),
    }
}

/// Whatever fails is an answer, too.
fn ask_agent(explicit: Option<&Path>) -> Result<Checked, String> {
    let database = database(explicit).map_err(|error| error.to_string())?;
    match ask::request(&database, &Request::Check).map_err(|error| error.to_string())? {
        Reply::Checked(checked) => Ok(checked),
        Reply::Refused(reason) => Err(reason),
        Reply::Done(_) | Reply::Model(_) => Err("the agent's answer is none to this; restart the agent".into()),
    }
}

fn database(explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
    let account = std::env::var("PAM_USER").ok().filter(|_| geteuid().is_root());
    let loaded = match account {
        Some(account) => read_for_account(&account, explicit),
        None => load(explicit),
    };
    Ok(loaded?.config.store.path)
}

fn judge(checked: &Checked, within_s: Option<u64>) -> (Verdict, String) {
    let Some(state) = checked.state else { return (Verdict::Unknown, "recognition is off".into()) };
    // What speaks against the owner does not grow old.
    match state {
        State::Stranger => return (Verdict::Stranger, "a stranger is at the machine".into()),
        State::Doubtful => return (Verdict::Doubtful, "it is doubtful whether it is the owner".into()),
        _ if checked.paused => return (Verdict::Unknown, "nothing is captured at present: paused".into()),
        State::Learning => return (Verdict::Unknown, "too little is learnt to judge".into()),
        State::Guest => return (Verdict::Unknown, "a guest is at the machine, by the owner's word".into()),
        State::Owner => {}
    }
    let age = checked.judged_s_ago.map_or("since the agent started".into(), |age_s| format!("for {age_s} s"));
    match within_s {
        Some(within_s) if checked.judged_s_ago.is_none_or(|age_s| age_s > within_s) => {
            (Verdict::Unknown, format!("no input was judged {age}; the state was the owner's"))
        }
        _ => (Verdict::Owner, "the owner is at the machine".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(state: Option<State>, paused: bool, judged_s_ago: Option<u64>, within_s: Option<u64>) -> Verdict {
        judge(&Checked { state, paused, judged_s_ago }, within_s).0
    }

    #[test]
    fn the_owner_counts_only_as_long_as_it_was_asked_for_and_a_stranger_always() {
        use Verdict::{Doubtful, Owner, Stranger, Unknown};
        let of = |state| verdict(Some(state), false, Some(300), None);
        assert_eq!(State::ALL.map(of), [Unknown, Owner, Doubtful, Stranger, Unknown]);
        let within = |state, age| verdict(Some(state), false, age, Some(60));
        assert_eq!(
            [Some(0), Some(60), Some(65), None].map(|age| within(State::Owner, age)),
            [Owner, Owner, Unknown, Unknown]
        );
        assert_eq!(within(State::Stranger, None), Stranger);
        assert_eq!(within(State::Doubtful, Some(3_600)), Doubtful);
    }

    #[test]
    fn a_pause_or_recognition_off_says_nothing_but_an_alarm_stays() {
        assert_eq!(verdict(None, false, None, None), Verdict::Unknown);
        assert_eq!(verdict(Some(State::Owner), true, Some(0), None), Verdict::Unknown);
        assert_eq!(verdict(Some(State::Stranger), true, Some(0), None), Verdict::Stranger);
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes =
            [Verdict::Owner, Verdict::Stranger, Verdict::Doubtful, Verdict::Unknown].map(|verdict| verdict as u8);
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
