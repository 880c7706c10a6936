//! `seclyzer guest`, `seclyzer pause` and `seclyzer resume`: what suppresses recognition for a time.

use super::ask::{request, request_of_owner, tell};
use super::{Error, time};
use crate::agent::control::Request;
use crate::config::Config;
use crate::event::Micros;
use crate::now_us;
use std::io::Write;

/// Let somebody else use the machine for a time: nobody is judged, and nothing is learnt
///
/// Records of features are made as always. Status, notice, journal and decision records show it. While decision.mode is
/// "lock" the account's password is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer guest 30m
  seclyzer guest until 18:30          in local time; 18:30Z is in UTC
  seclyzer guest off

A time of day is the next one to come. A guest stays for 12 hours at most.

Exit codes: 0 done; 64 no such time; 69 no agent runs; 77 the agent refuses, for example because the password was not given.")]
pub struct GuestArgs {
    /// A length of time (30m, 2h, 1h30m), `until` and a time (18:30, or as in `seclyzer forget`), or `off`
    #[arg(required = true, num_args = 1..=2, value_name = "WHEN")]
    when: Vec<String>,
}

/// Capture nothing at all for a time
///
/// No key, no movement, no application; there are no records of it. Status, notice, journal and decision records show it.
/// Events that other programs send through Redis (redis.accept_events) are no capture, and go on. While decision.mode is "lock"
/// the account's password is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer pause 30m
  seclyzer pause 1h30m
  seclyzer pause until 18:30          in local time; 18:30Z is in UTC
  seclyzer resume                     captures again at once

A time of day is the next one to come. A pause lasts 12 hours at most.

Exit codes: 0 done; 64 no such time; 69 no agent runs; 77 the agent refuses, for example because the password was not given.")]
pub struct PauseArgs {
    /// A length of time (30m, 2h, 1h30m), or `until` and a time (18:30, or as in `seclyzer forget`)
    #[arg(required = true, num_args = 1..=2, value_name = "WHEN")]
    when: Vec<String>,
}

/// End a pause: capture again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer resume

Exit codes: 0 done; 69 no agent runs.")]
pub struct ResumeArgs {}

pub fn guest(args: &GuestArgs, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let wanted = match args.when.as_slice() {
        [off] if off == "off" => return tell(request(&config.store.path, &Request::EndGuest)?, out),
        when => Request::Guest { until_us: end_us(when)? },
    };
    tell(request_of_owner(&config.store.path, &wanted)?, out)
}

pub fn pause(args: &PauseArgs, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    tell(request_of_owner(&config.store.path, &Request::Pause { until_us: end_us(&args.when)? })?, out)
}

pub fn resume(_: &ResumeArgs, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    tell(request(&config.store.path, &Request::Resume)?, out)
}

fn end_us(when: &[String]) -> Result<Micros, Error> {
    let now_us = now_us();
    let end_us = match when {
        [span] => time::span_us(span).and_then(|span_us| now_us.checked_add(span_us)),
        [until, clock] if until == "until" => time::to_come_us(clock, now_us),
        _ => None,
    };
    end_us.ok_or_else(|| {
        Error::Usage(format!(
            "{:?} names no end; accepted are a length of time, such as 30m, 2h or 1h30m (s, m, h, d, w), and `until` with \
             a time, such as 18:30 (local), 18:30Z (UTC) or 2026-11-23T18:30:00+01:00",
            when.join(" ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_length_of_time_or_a_time_of_day() {
        let end = |words: &[&str]| end_us(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        let in_half_an_hour_us = end(&["30m"]).expect("an end") - now_us();
        assert!((1_799_000_000..=1_800_000_000).contains(&in_half_an_hour_us), "{in_half_an_hour_us}");
        assert!(end(&["1h30m"]).expect("an end") > end(&["80m"]).expect("an end"));
        for time in ["18:30", "18:30Z", "2126-11-23T18:30:00Z"] {
            assert!(end(&["until", time]).is_ok(), "{time}");
        }
        for words in [&["until"][..], &["18:30"], &["until", "30m"], &["for", "30m"], &["-5m"], &["4000000000w"]] {
            assert!(end(words).is_err(), "{words:?}");
        }
    }
}
