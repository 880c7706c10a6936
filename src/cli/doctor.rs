//! `seclyzer doctor`

mod applications;
mod checks;
mod decision;
mod keystrokes;
mod recognition;
mod service;

pub use service::how_to_start;

use super::Error;
use super::text::table;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Check permissions, devices, X, Redis, InfluxDB, SQLite and the service, and name the remedy for each problem
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer doctor
  seclyzer doctor --json | jq '.[] | select(.verdict != \"ok\")'

Exit codes: 0 no check fails; 1 a check fails.")]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failure => "FAILURE",
        }
    }
}

/// One line of the doctor's report.
#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    text: String,
    /// A command, or what else to do.
    mend: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, text: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Ok, what, text: text.into(), mend: None }
    }

    fn warning(what: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Warning, what, text: text.into(), mend: Some(mend.into()) }
    }

    fn failure(what: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Failure, what, text: text.into(), mend: Some(mend.into()) }
    }
}

pub fn run(args: &Args, explicit: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    let findings = match super::load(explicit) {
        Ok(loaded) => checks::all(&loaded)?,
        Err(error) => vec![Finding::failure("configuration", error.to_string(), "correct that line")],
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &findings).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        let row =
            |f: &Finding| [f.verdict.name().into(), f.what.into(), f.text.clone(), f.mend.clone().unwrap_or_default()];
        let rows: Vec<[String; 4]> = findings.iter().map(row).collect();
        write!(out, "{}", report(&rows))?;
    }
    if findings.iter().any(|finding| finding.verdict == Verdict::Failure) { Err(Error::Told) } else { Ok(()) }
}

/// What mends a finding stands under it, so that a command can be copied.
fn report(rows: &[[String; 4]]) -> String {
    let findings: Vec<[String; 3]> =
        rows.iter().map(|[verdict, what, text, _]| [verdict.clone(), what.clone(), text.clone()]).collect();
    let lines = table(&["", "check", "finding"], &findings);
    let mut report = String::new();
    for (line, mend) in lines.lines().skip(1).zip(rows.iter().map(|row| &row[3])) {
        report += line;
        report.push('\n');
        if !mend.is_empty() {
            report += &format!("         -> {mend}\n");
        }
    }
    report
}
