//! `seclyzer forget`

use super::{Error, time};
use crate::agent::windows_of;
use crate::config::{Config, Influx, InfluxApi, Redis, shell_word};
use crate::event::Micros;
use crate::now_us;
use crate::record::Kind;
use crate::record::json::iso8601;
use crate::sinks::influx::LATEST_US;
use crate::sinks::redis::{STREAM, STREAM_OF_DECISIONS, STREAM_OF_DECISIONS_IN_CLUSTER};
use crate::store::{Span, forget};
use std::io::Write;

/// Delete the records of a span of time, or everything
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer forget --since 2h                                      the last two hours
  seclyzer forget --since '2026-11-23 09:00' --until '2026-11-23 10:30'
  seclyzer forget --until 7d                                      all but the last week
  seclyzer forget --all

TIME is RFC 3339 (2026-11-23T09:00:00+01:00), a date or a date and time of the local zone, or an age: 90s, 30m, 2h, 7d,
4w. Stop the agent first. Only the SQLite database is changed. The commands that delete the same from the Redis streams
and from InfluxDB are printed, if the present configuration names them; servers of an earlier one are not known.

A record is deleted if its window overlaps the span. Later records still reveal a little of it: values by finger change
slowly until five minutes pass without a key, so let the span reach beyond such a pause; and counts and shares of
applications continue. What was learnt of applications, and the models of typing and of the mouse, have no times and are
deleted by --all only, as are databases that were set aside as damaged; for a span their names are printed.

Exit codes: 0 deleted; 64 no span, or one that ends before it begins; 66 there is no database; 75 an agent is using it,
or another program is reading it.")]
#[group(id = "span", required = true, multiple = true)]
pub struct Args {
    /// From this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<Micros>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<Micros>,
    /// Everything, including models and what was learnt of applications; the audit log is kept
    #[arg(long, conflicts_with_all = ["since", "until"])]
    all: bool,
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let path = &config.store.path;
    if let Err(source) = std::fs::metadata(path) {
        return Err(Error::NoInput { path: path.clone(), source });
    }
    let (since_us, until_us) = (args.since.unwrap_or(0), args.until.unwrap_or_else(now_us));
    if since_us > until_us {
        return Err(Error::Usage("--since is later than --until".into()));
    }
    let span = if args.all { Span::All } else { Span::Between { since_us, until_us } };
    let window_us = windows_of(&config.window).length_us;
    let forgotten = forget(path, span, window_us)?;
    writeln!(out, "{}: {} records deleted", path.display(), forgotten.records)?;
    if span != Span::All {
        writeln!(
            out,
            "Models of typing and of the mouse have no times, and are kept. To delete them: seclyzer model forget"
        )?;
    }
    if span != Span::All && !forgotten.aside.is_empty() {
        let names: Vec<String> = forgotten.aside.iter().map(shell_word).collect();
        writeln!(
            out,
            "\nDatabases that were set aside as damaged are kept. To delete them:\n  rm {}",
            names.join(" ")
        )?;
    }
    // Windows that end after the span began in it.
    let until_us = until_us + window_us;
    let elsewhere = [influx(&config.influx, config, span, until_us), redis(&config.redis, span, until_us)].concat();
    if !elsewhere.is_empty() {
        writeln!(out, "\nWhat was sent to servers is still there. To delete it:\n{elsewhere}")?;
    }
    Ok(())
}

/// The commands for InfluxDB; empty if none is configured.
fn influx(influx: &Influx, config: &Config, span: Span, until_us: Micros) -> String {
    let Influx { url, org, bucket, .. } = influx;
    if url.is_empty() {
        return String::new();
    }
    let (since_us, until_us) = match span {
        Span::All => (0, LATEST_US),
        Span::Between { since_us, .. } => (since_us, until_us),
    };
    let (since, until) = (iso8601(since_us), iso8601(until_us));
    let (user, host) = (&config.identity.user, &config.identity.host);
    if influx.api == InfluxApi::V2 && org.is_empty() {
        return of_version_3(url, bucket);
    }
    let command = |kind: Kind| {
        let table = kind.table();
        match influx.api {
            InfluxApi::V1 => {
                let whose = format!("user_id = {} AND host = {}", literal(user, '\''), literal(host, '\''));
                let query = format!("DELETE FROM {table} WHERE time >= '{since}' AND time <= '{until}' AND {whose}");
                let [place, database, query] =
                    [format!("{url}/query"), format!("db={bucket}"), format!("q={query}")].map(shell_word);
                format!("  curl {place} --data-urlencode {database} --data-urlencode {query}\n")
            }
            InfluxApi::V2 => {
                let whose = format!("user_id={} AND host={}", literal(user, '"'), literal(host, '"'));
                let predicate = shell_word(format!("_measurement=\"{table}\" AND {whose}"));
                let [url, org, bucket] = [url, org, bucket].map(shell_word);
                let place = format!("--host {url} --org {org} --bucket {bucket}");
                format!("  influx delete {place} --start {since} --stop {until} --predicate {predicate}\n")
            }
        }
    };
    Kind::ALL.into_iter().map(command).collect()
}

/// Without an organisation it is InfluxDB 3, which cannot delete single records.
fn of_version_3(url: &str, bucket: &str) -> String {
    let [url, bucket] = [url, bucket].map(shell_word);
    let command = |kind: Kind| format!("  influxdb3 delete table --host {url} --database {bucket} {}\n", kind.table());
    let commands: String = Kind::ALL.into_iter().map(command).collect();
    format!("InfluxDB 3 deletes whole tables only, with the records of all users and machines:\n{commands}")
}

/// A text as InfluxDB's languages write it.
fn literal(text: &str, quote: char) -> String {
    let escaped = text.replace('\\', r"\\").replace(quote, &format!("\\{quote}"));
    format!("{quote}{escaped}{quote}")
}

/// The commands for Redis; empty if no stream is configured. Published messages are kept by nobody but subscribers.
fn redis(redis: &Redis, span: Span, until_us: Micros) -> String {
    if !redis.stream {
        return String::new();
    }
    let client = format!("redis-cli -u {}", shell_word(&redis.url));
    let command = |stream: &str| match span {
        Span::All => format!("  {client} DEL {stream}\n"),
        // An entry's id is the time that it was sent, in ms: records that had to wait have a later one.
        Span::Between { since_us: 0, .. } => format!("  {client} XTRIM {stream} MINID {}\n", until_us / 1000),
        Span::Between { since_us, .. } => format!(
            "  {client} --raw XRANGE {stream} {} {} | grep -xE '[0-9]+-[0-9]+' | xargs -r {client} XDEL {stream}\n",
            since_us / 1000,
            until_us / 1000
        ),
    };
    let commands = [STREAM, STREAM_OF_DECISIONS].map(command).concat();
    let password = if redis.password.is_some() { "Set REDISCLI_AUTH to the password first. " } else { "" };
    let missed = match span {
        Span::All => String::new(),
        Span::Between { .. } => format!(
            "They select by the time of sending, so they miss records that were delayed or replayed;\n\
             `{client} DEL {STREAM} {STREAM_OF_DECISIONS}` misses none. "
        ),
    };
    format!(
        "The streams in Redis contain the records of all users and machines; this deletes theirs too.\n\
         In a Redis Cluster that of decisions is {STREAM_OF_DECISIONS_IN_CLUSTER}.\n\
         {missed}{password}\n{commands}"
    )
}
