//! `seclyzer model`: what is learnt of the owner.

use super::ask::{self, NoAnswer, Reply, tell};
use super::consent::is_agreed;
use super::text::printable_value;
use super::{Error, model_file, recognition};
use crate::agent::control::{Model, Request};
use crate::agent::keeper::Counts;
use crate::agent::recognition_status::RecognitionStatus;
use crate::config::Config;
use crate::recognition::Modality;
use crate::store::{ModelKind, forget_models, read_models};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Show, forget, copy or correct what the agent has learnt of its owner
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  seclyzer model status               what is learnt, and what is missing until it is judged
  seclyzer model confirm              the answer to a false alarm: it was the owner (as `seclyzer me`)
  seclyzer model forget --mouse       after a change of hand or of mouse
  seclyzer model export model.json    for another machine, or a backup
  seclyzer model import model.json

The running agent does it; without one `status` and `forget` use the database.

Exit codes: 0 done; 66 there is no such file; 69 no agent runs, or you did not agree; 73 the file cannot be written, or
exists already; 77 the agent refuses, for example because the file is no model."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what is learnt, since when, how sure the agent is, and what is missing until it judges
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer a false alarm: it was the owner
    ///
    /// The state is `owner` again, and what raised the alarm is learnt, the first time in a sitting.
    Confirm,
    /// Forget what is learnt, and learn anew
    ///
    /// Records are kept; `seclyzer forget` deletes them.
    Forget {
        /// Only what is learnt of the keys
        #[arg(long)]
        keys: bool,
        /// Only what is learnt of the mouse
        #[arg(long)]
        mouse: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Write the stored model to a file that only you may read
    ///
    /// It contains how you type each pair of keys and how you move the mouse, and no text: whoever has it could imitate
    /// you. Keep it as you keep a password.
    Export {
        /// The file to write
        file: PathBuf,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
    },
    /// Replace what is learnt by what a file contains
    ///
    /// Whoever wrote the file decides who is taken for the owner: import only your own.
    Import {
        /// A file that `export` has written
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let database = &config.store.path;
    match &args.command {
        Command::Status { json } => status(config, *json, out),
        Command::Confirm => tell(ask::request_of_owner(database, &Request::Confirm)?, out),
        Command::Forget { keys, mouse, yes } => {
            let (what, modality) = match (keys, mouse) {
                (true, false) => ("of the keys", Modality::Keys),
                (false, true) => ("of the mouse", Modality::Mouse),
                _ => ("of the keys and the mouse", Modality::Both),
            };
            agree(*yes, &format!("forgets all that is learnt {what}"), "nothing was forgotten")?;
            match ask::request_of_owner(database, &Request::Forget(modality)) {
                // Only the database has it.
                Err(NoAnswer::NotRunning(_)) if database.exists() => {
                    let count = forget_models(database, &config.identity, ModelKind::of(modality))?;
                    Ok(writeln!(out, "forgotten: {count} stored")?)
                }
                reply => tell(reply?, out),
            }
        }
        Command::Export { file, force } => export(database, file, *force, out),
        Command::Import { file, yes } => {
            let model = Model(model_file::read(file)?);
            let what = format!("replaces what is learnt by what {} contains", file.display());
            agree(*yes, &what, "nothing was imported")?;
            tell(ask::request_of_owner(database, &Request::Import(model))?, out)
        }
    }
}

fn agree(yes: bool, what: &str, otherwise: &str) -> Result<(), Error> {
    if yes || is_agreed(what)? {
        return Ok(());
    }
    Err(Error::Unavailable(format!("{otherwise}: this {what}; answer y in a terminal, or use --yes")))
}

fn status(config: &Config, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let known = match ask::status(&config.store.path) {
        Ok(mut status) => {
            if !json {
                printable_value(&mut status);
            }
            status["recognition"].take()
        }
        Err(no_agent @ NoAnswer::NotRunning(_)) => {
            let stored = stored(config);
            return match stored.is_empty() {
                _ if json => Ok(writeln!(out, "{:#}", stored_json(&stored))?),
                true => Err(no_agent.into()),
                false => Ok(write!(out, "{no_agent}\n\n{}", stored_lines(&stored))?),
            };
        }
        Err(error) => return Err(error.into()),
    };
    match serde_json::from_value::<RecognitionStatus>(known.clone()) {
        _ if json => writeln!(out, "{known:#}")?,
        Ok(status) => write!(out, "{}", recognition::lines(&status))?,
        Err(_) if known == Value::Null => write!(out, "{}\n{}", recognition::OFF, stored_lines(&stored(config)))?,
        Err(_) => return Err(NoAnswer::NotUnderstood(config.store.path.clone()).into()),
    }
    Ok(())
}

/// What the database contains of the models, for when no agent runs.
fn stored(config: &Config) -> Vec<(ModelKind, Counts)> {
    let models = read_models(&config.store.path, &config.identity).unwrap_or_default();
    models.iter().filter_map(Counts::of).collect()
}

fn stored_lines(stored: &[(ModelKind, Counts)]) -> String {
    stored.iter().map(|(kind, counts)| recognition::stored(*kind, counts)).collect()
}

fn stored_json(stored: &[(ModelKind, Counts)]) -> Value {
    let counts = stored.iter().map(|(kind, counts)| (kind.name().to_owned(), json!(counts)));
    json!({ "state": null, "stored": counts.collect::<Map<_, _>>() })
}

fn export(database: &Path, path: &Path, force: bool, out: &mut impl Write) -> Result<(), Error> {
    model_file::check_place(path, force)?;
    let Model(model) = match ask::request(database, &Request::Export)? {
        Reply::Model(model) => model,
        other => return tell(other, out),
    };
    model_file::write(path, &model, force)?;
    writeln!(
        out,
        "{}: {} bytes, which only you may read. They contain how you type and how you move the mouse, and no text: whoever \
         has the file could imitate you. Keep it as you keep a password, and delete it when it is not needed.",
        path.display(),
        model.len()
    )?;
    Ok(())
}
