//! `seclyzer decision`

use super::database::Owner;
use super::recognition::counted;
use super::text::table;
use super::trial::{self, Alarm, Trial};
use super::{Error, database, time};
use crate::config::Config;
use crate::event::Micros;
use crate::now_us;
use crate::record::json::iso8601;
use crate::record::{Identity, Kind};
use crate::store::StoreError;
use std::io::Write;

/// See what the agent has decided, and what it would have done
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  seclyzer decision trial             what each mode would have done in the last 14 days
  seclyzer decision trial --since 3d --json

Exit codes: 0 done; 66 there is no database; 69 it cannot be read; 78 it is another program's."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what each mode would have done: alarms, locks, when, with which evidence, against the hours of use
    ///
    /// From the records of the database that the devices of this machine made: no mode acts on a replay, or on events
    /// from Redis. If it was always the owner, each alarm was false.
    Trial {
        /// From this time on; as in `seclyzer forget`
        #[arg(long, value_name = "TIME", value_parser = time::parse)]
        since: Option<Micros>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let Command::Trial { since, json } = &args.command;
    let path = &config.store.path;
    let connection = database::open(path)?;
    let since_us = since.unwrap_or_else(|| now_us() - trial::SPAN_US);
    let trial = Trial::of(&connection, &config.identity, since_us).map_err(StoreError::from)?;
    if *json {
        serde_json::to_writer_pretty(&mut *out, &trial).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", describe(&trial, since_us))?;
        if trial == Trial::default() {
            let owners = database::owners(&connection, &[Kind::Score]).map_err(StoreError::from)?;
            writeln!(out, "\n{}", nobody_judged(&config.identity, &owners))?;
        }
    }
    Ok(())
}

fn describe(trial: &Trial, since_us: Micros) -> String {
    let (alarms, locks) = (trial.alarms.len(), trial.locks());
    let number = |count: usize, what| counted(count as u64, what);
    let often = |count: usize| match count {
        0 => String::new(),
        count => format!(", one in {:.1} hours of use", trial.hours / count as f64),
    };
    let mut text =
        format!("since {}: {:.1} hours of use in which somebody was judged\n\n", iso8601(since_us), trial.hours);
    let rows = [
        ["observe".into(), format!("{} recorded{}", number(alarms, "alarm"), often(alarms))],
        ["notify".into(), format!("{}{}", number(alarms, "notice"), often(alarms))],
        ["lock".into(), format!("{}, {}{}", number(alarms, "notice"), number(locks, "lock"), often(locks))],
    ];
    text += &table(&["mode", "would have"], &rows);
    if trial.alarms.is_empty() {
        return text;
    }
    let rows: Vec<[String; 4]> = trial.alarms.iter().map(row).collect();
    text += "\n";
    text += &table(&["alarm (local time)", "evidence", "lock", "ended by"], &rows);
    text += "\nWith `lock` only a password ends an alarm: one that ended by `calm` would have lasted until then.\n";
    text
}

/// Whose scores there are instead.
fn nobody_judged(identity: &Identity, owners: &[Owner]) -> String {
    let Identity { user, host, .. } = identity;
    let instead = match owners {
        [] => "no score at all: recognition is off, or still learning (`seclyzer model status`)".into(),
        owners => format!("scores of {}", database::named(owners)),
    };
    format!("Nobody was judged in this time: {user} on {host}, of the origin device. The database contains {instead}.")
}

fn row(alarm: &Alarm) -> [String; 4] {
    let lock = match (alarm.lock_after_s, alarm.outcome.as_deref()) {
        (None, _) => "no".into(),
        (Some(seconds), None) => format!("after {seconds} s"),
        (Some(seconds), Some(outcome)) => format!("after {seconds} s: {}", outcome.replace('_', " ")),
    };
    let evidence = alarm.evidence.as_deref().unwrap_or("-");
    let contested = if alarm.contested { ", contested" } else { "" };
    let ended_by = alarm.ended_by.as_deref().unwrap_or("-").to_owned();
    [alarm.local_time.clone(), format!("{evidence}{contested}"), lock, ended_by]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_is_told_with_its_alarms_and_how_often_they_were() {
        let alarm = |local_time: &str, lock_after_s| Alarm {
            local_time: local_time.into(),
            evidence: Some("both".into()),
            lock_after_s,
            ended_by: Some("calm".into()),
            ..Alarm::default()
        };
        let alarms = vec![alarm("2026-11-20 14:03", Some(12)), alarm("2026-11-21 09:30", None)];
        let text = describe(&Trial { hours: 30.0, alarms }, 0);
        assert!(text.contains("lock     2 notices, 1 lock, one in 30.0 hours of use"), "{text}");
        assert!(text.contains("observe  2 alarms recorded, one in 15.0 hours of use"), "{text}");
        assert!(text.contains("2026-11-20 14:03    both      after 12 s  calm"), "{text}");
        let none = describe(&Trial::default(), 0);
        assert!(none.contains("lock     0 notices, 0 locks\n") && !none.contains("local time"), "{none}");
    }
}
