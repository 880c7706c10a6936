//! `seclyzer watch`

use super::text::{printable, printable_value};
use super::{Error, ask, time};
use crate::agent::decision_status::DecisionStatus;
use crate::config::Config;
use crate::recognition::{Reason, State};
use serde_json::Value;
use std::io::Write;

/// Follow who is at the machine: the state now, then each score and decision as it is made
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer watch
  seclyzer watch --json | jq -c 'select(.type == \"decision\")'

The first line is the present state; after it there is one every 5 s of use (`score`), and one a change (`decision`), in
the form of docs/contract.md.

Exit codes: 69 no agent runs, or it has ended; 77 eight programs watch already.")]
pub struct Args {
    /// As JSON, an object a line
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    for line in ask::watch(&config.store.path)? {
        let mut line = line?;
        if !args.json {
            printable_value(&mut line);
        }
        if let Some(reason) = line["refused"].as_str() {
            return Err(Error::Refused(printable(reason)));
        }
        match args.json {
            true => writeln!(out, "{line}")?,
            false => writeln!(out, "{}", describe(&line))?,
        }
        out.flush()?;
    }
    Err(Error::Unavailable("the agent has ended".into()))
}

fn describe(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let clock = line["timestamp"].as_str().and_then(|timestamp| timestamp.get(11..19)).unwrap_or("now     ");
    let trust = line["trust"].as_u64().map_or(String::new(), |trust| format!("  trust {trust} of 100"));
    match line["type"].as_str() {
        Some("decision") => {
            let modality = line["modality"].as_str().map(|modality| format!(" ({modality})")).unwrap_or_default();
            let meaning = Reason::named(&text("reason")).map_or("", meaning);
            format!("{clock}  {} -> {}: {}{modality}{meaning}", text("from"), text("to"), text("reason"))
        }
        Some("now") => {
            let decision: DecisionStatus = serde_json::from_value(line["decision"].clone()).unwrap_or_default();
            let state = line["state"].as_str().and_then(State::named).map_or("recognition is off", State::name);
            let until = |what: &str, until_us: Option<i64>| {
                until_us.map_or(String::new(), |until_us| format!("  {what} until {}", time::local_clock(until_us)))
            };
            let (paused, guest) = (until("paused", decision.paused_until_us), until("guest", decision.guest_until_us));
            format!("{clock}  {state}{trust}  mode {}{guest}{paused}", decision.mode)
        }
        _ => format!("{clock}  {}{trust}", text("state")),
    }
}

/// What is not said by the states.
fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::NotLocked => "; nothing locked the session",
        Reason::Locked => "; the session was locked",
        Reason::Pause => "; nothing is captured",
        Reason::PauseEnd => "; captured again",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_what_changed_and_what_it_means() {
        let decision = json!({
            "type": "decision", "timestamp": "2026-11-26T10:00:05.000000Z", "from": "doubtful", "to": "stranger",
            "reason": "evidence", "modality": "both",
        });
        assert_eq!(describe(&decision), "10:00:05  doubtful -> stranger: evidence (both)");
        let not_locked = json!({
            "type": "decision", "timestamp": "2026-11-26T10:00:05.000000Z", "from": "stranger", "to": "stranger",
            "reason": "not_locked", "modality": null,
        });
        assert!(describe(&not_locked).ends_with("not_locked; nothing locked the session"));
        let score =
            json!({ "type": "score", "timestamp": "2026-11-26T10:00:05.000000Z", "state": "owner", "trust": 100 });
        assert_eq!(describe(&score), "10:00:05  owner  trust 100 of 100");
        let now = json!({ "type": "now", "state": null, "trust": null, "decision": { "mode": "lock" } });
        assert!(describe(&now).contains("recognition is off"), "{}", describe(&now));
    }
}
