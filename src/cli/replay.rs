//! `seclyzer replay`

use super::{Error, block_on, logging, model_file, told_to_end};
use crate::agent::followers::Followers;
use crate::agent::outlet::{Outlet, Show};
use crate::agent::recogniser::Recogniser;
use crate::agent::replay::{Replay, Replayed, Speed, replay};
use crate::agent::{AgentError, CLOSING_LIMIT, windows_of};
use crate::config::{Config, Loaded, Switch};
use crate::features::keystroke::Publish;
use crate::recognition::{Recognition, Saved, Settings};
use crate::store::{Store, StoreError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A shorter trace is over before a progress bar is of any use.
const LONG_TRACE_BYTES: u64 = 1 << 20;

/// Run traces through the pipeline, and store and send the records as the agent does (or print them: --stdout)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer replay trace.jsonl --speed max --stdout   records as JSON, nothing is stored
  seclyzer replay trace.jsonl --speed 10             ten times as fast as recorded, stored and sent
  seclyzer replay trace.jsonl --speed max --drain 60
  SECLYZER_STORE_PATH=/tmp/trace/trace.db SECLYZER_REDIS_ENABLED=false SECLYZER_INFLUX_ENABLED=false seclyzer replay trace.jsonl

Without --stdout the records are stored in the configured database, by default the agent's own, and sent to the
configured sinks, also to Redis on this machine. They have the times of the trace and the origin `trace`. The agent must
not be using that database. A record that is stored already is neither stored nor sent again.

Exit codes: 0 every active sink has everything but what it rejects for good; 65 a trace cannot be read to its
end, or contains no event but something else; 66 there is no such trace; 75 a sink is behind, an agent is using the database, its folder was taken away, or it was interrupted.")]
pub struct Args {
    /// Trace files, one event a line
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// How many times as fast as recorded, or `max`
    #[arg(long, default_value = "1", value_parser = parse_speed)]
    speed: Speed,
    /// Which strokes features are computed from: lines, words or all; without it, as configured
    #[arg(long, value_name = "STROKES", value_parser = parse_publish)]
    publish: Option<Publish>,
    /// Print records as JSON, one a line; store and send nothing, and ignore what was learnt before
    #[arg(long)]
    stdout: bool,
    /// Print one readable line a record
    #[arg(long, conflicts_with = "stdout")]
    show: bool,
    #[command(flatten)]
    recognise: Recognise,
    /// Wait up to this many seconds for the sinks to catch up
    #[arg(long, default_value_t = 30, value_name = "SECONDS", conflicts_with = "stdout")]
    drain: u64,
}

/// Whether it is the owner.
#[derive(Debug, clap::Args)]
struct Recognise {
    /// Recognise the person too, with a model of its own; the agent's is neither used nor changed
    #[arg(long)]
    recognise: bool,
    /// Begin with the model in this file instead of an empty one
    #[arg(long, value_name = "FILE", requires = "recognise")]
    model: Option<PathBuf>,
    /// Write what was learnt to this file, readable for you alone; it reveals how you type
    #[arg(long, value_name = "FILE", requires = "recognise")]
    save_model: Option<PathBuf>,
    /// Only a password leads out of the state `stranger`, as where the screen is locked
    #[arg(long, requires = "recognise")]
    password_only: bool,
    /// Print scores and decisions with all their figures, which reveal something of each key
    #[arg(long, requires_all = ["recognise", "stdout"])]
    exact: bool,
}

impl Recognise {
    fn recogniser(&self, settings: Settings) -> Result<Option<Recogniser>, Error> {
        if !self.recognise {
            return Ok(None);
        }
        let settings = Settings { password_only: self.password_only, ..settings };
        let recognition = match &self.model {
            None => Recognition::new(settings, None).expect("nothing to be wrong with"),
            Some(path) => {
                let model = model_file::read(path)?;
                let recognition = Saved::from_json(&model).and_then(|saved| Recognition::new(settings, Some(&saved)));
                recognition.map_err(|source| Error::Model { path: path.clone(), source })?
            }
        };
        Ok(Some(Recogniser::new(recognition)))
    }
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("a number above 0, such as 1 or 2.5, or `max`".into()),
    }
}

fn parse_publish(text: &str) -> Result<Publish, String> {
    Publish::named(text).ok_or_else(|| "lines, words or all".into())
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
        tracing::info!("{}", destinations(&loaded.config));
        let store = Store::open(&loaded.config.store)?;
        let show = if args.show { Show::Summary } else { Show::Nothing };
        let outlet = Outlet::new(identity, Some(store.clone()), show);
        let result = tokio::select! {
            result = replay_and_drain(args, &loaded.config, &outlet, &store) => result,
            interrupted = interrupted => interrupted,
            displaced = store.displaced() => Err(StoreError::from(displaced).into()),
        };
        store.close(CLOSING_LIMIT).await?;
        result
    })
}

/// Where the records go.
fn destinations(config: &Config) -> String {
    let mut sinks = Vec::new();
    match config.redis.enabled {
        Switch::On => sinks.push(config.redis.url.clone()),
        Switch::Auto => sinks.push(format!("the Redis at {} or on this machine, if one answers", config.redis.url)),
        Switch::Off => {}
    }
    if config.influx.is_on() {
        sinks.push(config.influx.url.clone());
    }
    let sinks = if sinks.is_empty() { "nowhere".into() } else { format!("to {}", sinks.join("; to ")) };
    format!("records are stored in {} with the origin `trace`, and sent {sinks}", config.store.path.display())
}

async fn replay_and_drain(args: &Args, config: &Config, outlet: &Outlet, store: &Store) -> Result<(), Error> {
    store.check();
    let mut followers = Followers::start(config, store).map_err(AgentError::from)?;
    replay_all(args, config, outlet).await?;
    let newest = store.newest().await?;
    let limit = Duration::from_secs(args.drain);
    let caught_up = tokio::time::timeout(limit, followers.caught_up(newest)).await.is_ok();
    for sink in followers.status().iter().filter(|sink| sink.status.rejected > 0) {
        let (records, reason) = (sink.status.rejected, sink.status.last_error.as_deref());
        tracing::warn!(sink = sink.name, records, reason, "records that the server will never store were discarded");
    }
    if caught_up {
        return Ok(());
    }
    let behind: Vec<String> = followers
        .status()
        .iter()
        .filter(|sink| sink.backlog > 0)
        .map(|sink| {
            let reason = sink.status.last_error.as_deref().unwrap_or("it is slow");
            format!("{} is {} records behind ({reason})", sink.name, sink.backlog)
        })
        .collect();
    Err(Error::TryAgain(format!("{}; they are kept and delivered later", behind.join(", "))))
}

async fn replay_all(args: &Args, config: &Config, outlet: &Outlet) -> Result<(), Error> {
    let mut how = Replay {
        windows: windows_of(&config.window),
        publish: args.publish.unwrap_or(config.keystroke.publish),
        speed: args.speed,
        recogniser: args.recognise.recogniser(config.recognition.settings)?,
        exact: args.recognise.exact,
    };
    let mut stored_before = 0;
    for path in &args.traces {
        let no_input = |source| Error::NoInput { path: path.clone(), source };
        let file = File::open(path).map_err(no_input)?;
        let bar = progress_bar(path, file.metadata().map_err(no_input)?.len());
        let replayed = replay(file, &mut how, outlet, |read| bar.set_position(read))
            .await
            .map_err(|source| Error::Replay { path: path.clone(), source })?;
        bar.finish_and_clear();
        let stored = stored(outlet).await?;
        tell(path, &replayed, stored.map(|stored| stored - stored_before));
        if replayed.events == 0 && !replayed.rejected.is_empty() {
            let text = "none of its lines is an event; `seclyzer record` makes a trace";
            return Err(Error::Data(format!("{}: {text}", path.display())));
        }
        stored_before = stored.unwrap_or(0);
    }
    match (&args.recognise.save_model, &how.recogniser) {
        (Some(path), Some(recogniser)) => model_file::write(path, &recogniser.recognition.saved().to_json(), true),
        _ => Ok(()),
    }
}

/// Records that this process has stored, once all that it has made are; `None` where none is stored.
async fn stored(outlet: &Outlet) -> Result<Option<u64>, StoreError> {
    let Some(store) = &outlet.store else { return Ok(None) };
    store.newest().await?;
    Ok(Some(store.status().records()))
}

fn progress_bar(path: &Path, length: u64) -> ProgressBar {
    // Draws nothing where standard error is no terminal.
    let target = if length < LONG_TRACE_BYTES { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ProgressBar::with_draw_target(Some(length), target).with_style(style).with_message(name)
}

/// `new`: how many of the records were not stored before, if they are stored at all.
fn tell(path: &Path, replayed: &Replayed, new: Option<u64>) {
    for (reject, (first, count)) in &replayed.rejected {
        tracing::warn!(count, "{}:{first}: discarded: {reject}", path.display());
    }
    tracing::info!(events = replayed.events, records = replayed.records, new, "replayed {}", path.display());
}
