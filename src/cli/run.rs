//! `seclyzer run`

use super::{Error, block_on, logging, told_to_end};
use crate::agent::account;
use crate::agent::hardening::{self, Needs};
use crate::agent::outlet::Show;
use crate::agent::{self, Options};
use crate::bus;
use crate::config::Loaded;
use crate::sources::focus::kwin;
use crate::sources::{path_watch, x11};
use crate::store;
use std::path::PathBuf;

/// Run the agent in the foreground until it is stopped (Ctrl-C, SIGTERM)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer run
  seclyzer run --show                 one readable line a record
  seclyzer run --dry-run | jq .type   records as JSON, nothing is stored or sent
  SECLYZER_LOG_LEVEL=debug seclyzer run

Exit codes: 0 ended by a signal; 73 the database cannot be reached or made; 74 the database or the devices cannot be used;
75 an agent is using this database; 77 it may not run for this account; 78 the configuration has a mistake, or the database
is another program's.")]
pub struct Args {
    /// Print records as JSON, one a line; store and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one readable line a record
    #[arg(long)]
    show: bool,
    /// Also accept events from the Redis channel seclyzer:events; whoever may publish there can add records, which have
    /// the origin `redis`
    #[arg(long)]
    accept_events: bool,
    /// Capture for this account: for a service that has an account of its own and CAP_SETUID, so that only root may
    /// signal it (seclyzer@.service)
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Args {
    /// To be called before anything is read that depends on whose process this is.
    pub fn take_account(&self) -> Result<(), account::Error> {
        self.account.as_deref().map_or(Ok(()), account::work_for)
    }
}

pub fn run(args: &Args, loaded: Loaded) -> Result<(), Error> {
    let Loaded { mut config, source, .. } = loaded;
    return_large_buffers();
    logging::start(&config.log)?;
    match &source {
        Some(path) => tracing::info!(path = %path.display(), "configuration"),
        None => tracing::info!("no configuration file: defaults and environment"),
    }
    config.redis.accept_events |= args.accept_events;
    let show = match (args.show, args.dry_run) {
        (true, _) => Show::Summary,
        (false, true) => Show::Json,
        (false, false) => Show::Nothing,
    };
    if !args.dry_run {
        store::make_folder(&config.store.path)?;
    }
    let mounts = path_watch::mounts().ok();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let environment = x11::Environment::of_this_process();
    // Landlock permits only what is there.
    if let Some(folder) = hardening::runtime_folder(&config, &environment, variable) {
        kwin::make_folder(&folder);
    }
    let hardening = hardening::enforce(&Needs::of(&config, &environment, variable));
    let session = bus::Session::of_this_process(config.decision.lock_command.is_some());
    let last_notice_limit = agent::LAST_NOTICE_LIMIT;
    let options = Options { dry_run: args.dry_run, show, hardening, mounts, session, last_notice_limit };
    block_on(async { Ok(agent::run(&config, options, told_to_end()).await?) })
}

/// Has glibc give what is larger than this back to the kernel when it is freed. By itself it keeps more and more: a model
/// is stored every five minutes by way of a megabyte of such buffers.
fn return_large_buffers() {
    #[cfg(target_env = "gnu")]
    {
        const LARGE_BYTES: libc::c_int = 32 << 10;
        // SAFETY: takes no pointers; no other thread has been started. Where it fails all is as before.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
    }
}
