//! `seclyzer replay`

use super::{Error, block_on, logging, told_to_end};
use crate::agent::followers::Followers;
use crate::agent::outlet::{Outlet, Show};
use crate::agent::replay::{Replayed, Speed, replay};
use crate::agent::{AgentError, CLOSING_LIMIT, windows_of};
use crate::config::{Config, Loaded};
use crate::store::Store;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A shorter trace is over before a progress bar is of any use.
const LONG_TRACE_BYTES: u64 = 1 << 20;

/// Run traces through the pipeline, as if their events happened now
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer replay trace.jsonl --speed max --stdout   records as JSON, nothing is stored
  seclyzer replay trace.jsonl --speed 10             ten times as fast as it was, stored and sent
  seclyzer replay trace.jsonl --speed max --drain 60

Exit codes: 0 every enabled sink has everything; 65 a trace cannot be read to its end; 75 a sink is behind.")]
pub struct Args {
    /// Trace files, one event a line
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// How many times as fast as it was, or `max`
    #[arg(long, default_value = "1", value_parser = parse_speed)]
    speed: Speed,
    /// Print records as JSON, one a line; store and send nothing, and know nothing of what was learnt before
    #[arg(long)]
    stdout: bool,
    /// Print one readable line a record
    #[arg(long, conflicts_with = "stdout")]
    show: bool,
    /// Wait so many seconds for the sinks to catch up
    #[arg(long, default_value_t = 30, value_name = "SECONDS", conflicts_with = "stdout")]
    drain: u64,
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("a number above 0, such as 1 or 2.5, or `max`".into()),
    }
}

pub fn run(args: &Args, loaded: Loaded) -> Result<(), Error> {
    logging::start(&loaded.config.log)?;
    block_on(async {
        let end = told_to_end();
        let interrupted = async {
            end.await;
            Err(Error::TryAgain("interrupted; what was replayed so far is stored".into()))
        };
        let identity = Arc::new(loaded.config.identity.clone());
        if args.stdout {
            let outlet = Outlet::new(identity, None, Show::Json);
            return tokio::select! {
                result = replay_all(args, &loaded.config, &outlet) => result,
                interrupted = interrupted => interrupted,
            };
        }
        let store = Store::open(&loaded.config.store)?;
        let show = if args.show { Show::Summary } else { Show::Nothing };
        let outlet = Outlet::new(identity, Some(store.clone()), show);
        let result = tokio::select! {
            result = replay_and_drain(args, &loaded.config, &outlet, &store) => result,
            interrupted = interrupted => interrupted,
        };
        store.close(CLOSING_LIMIT).await?;
        result
    })
}

async fn replay_and_drain(args: &Args, config: &Config, outlet: &Outlet, store: &Store) -> Result<(), Error> {
    store.check();
    let mut followers = Followers::start(config, store).map_err(AgentError::from)?;
    replay_all(args, config, outlet).await?;
    let newest = store.newest().await?;
    let limit = Duration::from_secs(args.drain);
    if tokio::time::timeout(limit, followers.caught_up(newest)).await.is_ok() {
        return Ok(());
    }
    let behind: Vec<String> = followers
        .status()
        .iter()
        .filter(|sink| sink.backlog > 0)
        .map(|sink| {
            let reason = sink.status.last_error.as_deref().unwrap_or("it is slow");
            format!("{} misses {} records ({reason})", sink.name, sink.backlog)
        })
        .collect();
    Err(Error::TryAgain(format!("{}; they are kept and delivered later", behind.join(", "))))
}

async fn replay_all(args: &Args, config: &Config, outlet: &Outlet) -> Result<(), Error> {
    let windows = windows_of(&config.window);
    for path in &args.traces {
        let no_input = |source| Error::NoInput { path: path.clone(), source };
        let file = File::open(path).map_err(no_input)?;
        let bar = progress_bar(path, file.metadata().map_err(no_input)?.len());
        let replayed = replay(BufReader::new(file), windows, args.speed, outlet, |read| bar.set_position(read))
            .await
            .map_err(|source| Error::Replay { path: path.clone(), source })?;
        bar.finish_and_clear();
        tell(path, &replayed);
    }
    Ok(())
}

fn progress_bar(path: &Path, length: u64) -> ProgressBar {
    // Draws nothing where standard error is no terminal.
    let target = if length < LONG_TRACE_BYTES { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ProgressBar::with_draw_target(Some(length), target).with_style(style).with_message(name)
}

fn tell(path: &Path, replayed: &Replayed) {
    for (reject, (first, count)) in &replayed.rejected {
        tracing::warn!(count, "{}:{first}: dropped: {reject}", path.display());
    }
    tracing::info!(events = replayed.events, records = replayed.records, "replayed {}", path.display());
}
