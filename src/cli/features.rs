//! `seclyzer features`

use super::Error;
use super::text::table;
use crate::features::names::{Feature, KEYSTROKE, MOUSE};
use std::io::Write;

/// List the features: name, unit, definition
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer features
  seclyzer features --json | jq '.mouse[].name'")]
pub struct Args {
    /// As JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As Markdown tables
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    if args.json {
        let all = serde_json::json!({ "keystroke": *KEYSTROKE, "mouse": *MOUSE });
        serde_json::to_writer_pretty(&mut *out, &all).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    for (kind, features) in [("keystroke", &KEYSTROKE), ("mouse", &MOUSE)] {
        if args.markdown {
            writeln!(out, "## {kind}: {}\n\n| name | unit | definition |\n|---|---|---|", features.len())?;
            for Feature { name, unit, definition } in features.iter() {
                writeln!(out, "| `{name}` | {unit} | {definition} |")?;
            }
            writeln!(out)?;
        } else {
            let rows: Vec<_> = features.iter().map(|f| [f.name.clone(), f.unit.into(), f.definition.clone()]).collect();
            write!(out, "{}", table(&[kind, "unit", "definition"], &rows))?;
            writeln!(out)?;
        }
    }
    Ok(())
}
