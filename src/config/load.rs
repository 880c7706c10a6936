//! From the sources to the checked configuration, without a machine: what only a machine knows is handed in.

use super::environment::{self, Environment};
use super::error::ConfigError;
use super::file::ConfigFile;
use super::keys::{self, Key, Kind};
use super::settings::{Setting, Settings};
use super::value::{Value, printable};
use super::{Config, Switch, resolve, secrets};
use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a configuration is made from.
pub struct Sources<'a> {
    pub file: Option<ConfigFile>,
    pub environment: &'a Environment,
    pub machine: &'a dyn Machine,
}

/// What only the machine knows.
pub trait Machine {
    fn account(&self) -> Account;
    fn host_name(&self) -> Option<String>;
    /// Where the hardened service of that account keeps its database, if it has been installed.
    fn service_directory(&self, account: &str) -> Option<PathBuf>;
    fn read_secret(&self, path: &Path) -> io::Result<SecretFile>;
}

/// The account that the agent runs as, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub name: Option<String>,
    pub home: Option<PathBuf>,
}

/// A file in which a secret is expected.
pub enum SecretFile {
    Regular {
        /// Permission bits.
        mode: u32,
        bytes: Zeroizing<Vec<u8>>,
    },
    /// A directory, a pipe, a device.
    Other,
}

/// A configuration, and where each part of it came from.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// The configuration file, if there was one.
    pub source: Option<PathBuf>,
    settings: Settings,
}

impl Loaded {
    /// Every key with its value and origin, in the order of [`keys::KEYS`].
    pub fn settings(&self) -> impl Iterator<Item = (&'static Key, &Setting)> {
        keys::KEYS.iter().map(|key| (key, self.settings.get(key.name)))
    }
}

/// Reads and checks a configuration. Fails on the first mistake.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
    let Sources { file, environment, machine } = sources;
    let mut settings = Settings::defaults();
    if let Some(file) = file {
        settings.lay(file.layer()?);
    }
    if let Some(directory) = environment::directory(environment, "CREDENTIALS_DIRECTORY") {
        settings.lay(secrets::credentials(&directory, *machine)?);
    }
    settings.lay(environment::layer(environment, settings.text("redis.url"))?);
    complete(&mut settings, environment, *machine)?;
    secrets::read_files(&mut settings, *machine)?;
    let config = resolve::resolve(&settings)?;
    check_tls(&config, &settings, *machine)?;
    Ok(Loaded { config, source: file.as_ref().map(|file| file.path.clone()), settings })
}

/// Reads the certificates and keys that will be needed.
fn check_tls(config: &Config, settings: &Settings, machine: &dyn Machine) -> Result<(), ConfigError> {
    let of_redis = config.redis.is_used().then_some(("redis", &config.redis.tls));
    let of_influx = (config.influx.enabled != Switch::Off).then_some(("influx", &config.influx.tls));
    for (section, tls) in of_redis.into_iter().chain(of_influx) {
        tls.read_from(machine).map_err(|error| {
            let problem = format_args!("{}: {}", error.path.display(), error.problem).to_string();
            settings.error(&format!("{section}.{}", error.key), problem)
        })?;
    }
    Ok(())
}

/// Fills in what is taken from the machine where it is not set, and makes paths absolute.
fn complete(settings: &mut Settings, environment: &Environment, machine: &dyn Machine) -> Result<(), ConfigError> {
    let account = OnceCell::new();
    let account = || account.get_or_init(|| machine.account());
    let home = || environment::directory(environment, "HOME").or_else(|| account().home.clone());

    if settings.text("identity.user").is_empty() {
        let from_environment = || environment.get("USER").and_then(|name| name.to_str().map(str::to_owned));
        let name = account().name.clone().or_else(from_environment).filter(|name| is_name(name));
        let name = name.ok_or_else(|| settings.error("identity.user", "the account has no name; a name in quotes"))?;
        settings.complete("identity.user", Value::Text(name));
    }
    if settings.text("identity.host").is_empty() {
        let name = machine.host_name().filter(|name| is_name(name));
        let name = name.ok_or_else(|| settings.error("identity.host", "the machine has no name; a name in quotes"))?;
        settings.complete("identity.host", Value::Text(name));
    }
    if settings.text("store.path").is_empty() {
        let state = || first_state_directory(environment);
        let service = || machine.service_directory(account().name.as_deref()?);
        let data = || Some(environment::directory(environment, "XDG_DATA_HOME")?.join("seclyzer"));
        let own = || Some(home()?.join(".local/share/seclyzer"));
        let directory = state().or_else(service).or_else(data).or_else(own);
        let directory = directory.ok_or_else(|| settings.error("store.path", "no home directory; an absolute path"))?;
        settings.complete("store.path", path_value(settings, "store.path", &directory.join("seclyzer.db"))?);
    }
    for key in keys::KEYS.iter().filter(|key| key.kind == Kind::Path) {
        let text = settings.text(key.name);
        let path = match text.strip_prefix("~/") {
            Some(rest) => home().map(|home| home.join(rest)).ok_or("no home directory; an absolute path".to_owned()),
            None if text.is_empty() || Path::new(text).is_absolute() => Ok(PathBuf::from(text)),
            None => Err(format!("a relative path; {}", key.kind.expects())),
        };
        let path = path.map_err(|problem| settings.error(key.name, problem))?;
        settings.complete(key.name, path_value(settings, key.name, &path)?);
    }
    Ok(())
}

/// Whether what the machine is called can stand in a record.
fn is_name(text: &str) -> bool {
    !text.is_empty() && printable(text).is_ok()
}

/// systemd separates several state directories by colons; the first one is the agent's.
fn first_state_directory(environment: &Environment) -> Option<PathBuf> {
    let list = environment.get("STATE_DIRECTORY")?;
    std::env::split_paths(list).next().filter(|path| path.is_absolute())
}

fn path_value(settings: &Settings, key: &str, path: &Path) -> Result<Value, ConfigError> {
    let text =
        path.to_str().ok_or_else(|| settings.error(key, "the directory's name is not UTF-8; an absolute path"))?;
    Ok(Value::Text(text.to_owned()))
}
