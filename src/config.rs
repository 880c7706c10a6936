//! The checked configuration, one struct a section. Each part of the agent is handed its own section only.
//!
//! [`read`] takes it from this machine's files and environment; [`load`] is the same without a machine: defaults, then
//! the file, then the service manager's credentials, then the environment, each over the ones before.

mod environment;
mod error;
mod file;
pub mod keys;
mod load;
mod plain_text;
mod resolve;
mod secrets;
mod settings;
mod system;
mod tls;
mod urls;
mod value;

pub use environment::Environment;
pub(crate) use error::shell_word;
pub use error::{ConfigError, Origin};
pub use file::ConfigFile;
pub use keys::Key;
pub use load::{Account, Loaded, Machine, SecretFile, Sources, load};
pub use settings::Setting;
pub use system::{process_environment, read, read_for_account};
pub use tls::{Tls, TlsError, TlsFiles};
pub use value::Value;

use crate::act::Mode;
use crate::act::board::Topic;
use crate::event::{Key as InputKey, Layout};
use crate::features::keystroke::Publish;
use crate::recognition::Settings;
use crate::record::Identity;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Debug, Clone)]
pub struct Config {
    pub identity: Identity,
    pub window: Window,
    pub devices: Devices,
    pub keystroke: Keystroke,
    pub keyboard: Keyboard,
    pub recognition: Recognition,
    pub decision: Decision,
    pub notify: Notify,
    pub x11: X11,
    pub store: Store,
    pub redis: Redis,
    pub influx: Influx,
    pub log: Log,
}

/// Lengths of a window and of the step between two windows' ends.
#[derive(Debug, Clone)]
pub struct Window {
    pub length: Duration,
    pub step: Duration,
}

/// Which nodes under /dev/input are read. A pattern is a device's name (with `*` for any text), `vendor:product` in
/// hexadecimal, or a path.
#[derive(Debug, Clone)]
pub struct Devices {
    /// Empty: every keyboard, mouse, touchpad and absolute pointer.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

/// Which keys write letters.
#[derive(Debug, Clone)]
pub struct Keyboard {
    /// Empty: those of the layout that X11 reports, else of a US keyboard.
    pub letters: Vec<InputKey>,
}

impl Keyboard {
    /// The layout that is configured, if one is.
    pub fn layout(&self) -> Option<Layout> {
        (!self.letters.is_empty()).then(|| Layout::of_letters(self.letters.iter().copied().collect()))
    }
}

#[derive(Debug, Clone)]
pub struct Keystroke {
    /// Which strokes features are computed from.
    pub publish: Publish,
}

#[derive(Debug, Clone)]
pub struct Recognition {
    /// Whether anything is learnt and judged.
    pub enabled: bool,
    pub settings: Settings,
}

#[derive(Debug, Clone)]
pub struct Decision {
    /// What is done at an alarm.
    pub mode: Mode,
    /// What locks the screen where neither logind nor the desktop does.
    pub lock_command: Option<String>,
}

/// Which notices are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    /// That capture has begun or ended.
    pub capture: bool,
    /// That a pause or a guest's time has begun or ended.
    pub pause: bool,
    /// That no device may be read, or nothing can be stored.
    pub failures: bool,
    /// That a sink is a day behind.
    pub sinks: bool,
    /// What the decision's mode asks.
    pub decisions: bool,
}

impl Default for Notify {
    fn default() -> Notify {
        Notify { capture: false, pause: true, failures: true, sinks: true, decisions: true }
    }
}

impl Notify {
    /// Whether notices about this are shown.
    pub fn shows(&self, topic: Topic) -> bool {
        match topic {
            Topic::Capture => self.capture,
            Topic::Pause | Topic::Guest => self.pause,
            Topic::Devices | Topic::Database => self.failures,
            Topic::Sinks => self.sinks,
        }
    }
}

#[derive(Debug, Clone)]
pub struct X11 {
    pub enabled: bool,
    /// Applications by either half of WM_CLASS, in any case of letters; keystrokes are not captured while one has the
    /// focus.
    pub excluded_apps: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Store {
    pub path: PathBuf,
    /// `None`: records are kept for ever.
    pub retention: Option<Duration>,
}

/// A sink that is on, off, or on when what it needs is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
    Auto,
}

#[derive(Debug, Clone)]
pub struct Redis {
    pub enabled: Switch,
    /// `redis://`, `rediss://` or `unix://`, without the password.
    pub url: String,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// For `rediss://`.
    pub tls: Tls,
    /// Whether records are also appended to the streams `seclyzer:stream:features` and `seclyzer:stream:decisions`.
    pub stream: bool,
    /// About how many records the stream keeps (`MAXLEN ~`).
    pub stream_max_len: u64,
    /// Whether events are accepted on the channel `seclyzer:events`.
    pub accept_events: bool,
    /// Which of their strokes features are computed from.
    pub events_publish: Publish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InfluxApi {
    /// `/write?db=` of InfluxDB 1.x.
    V1,
    /// `/api/v2/write` of InfluxDB 2 and later.
    V2,
}

#[derive(Debug, Clone)]
pub struct Influx {
    pub enabled: Switch,
    pub api: InfluxApi,
    /// Empty: not configured.
    pub url: String,
    /// v2.
    pub token: Option<Secret>,
    /// v2; empty: none, which InfluxDB 3 does not mind.
    pub org: String,
    /// v2; for v1 the database.
    pub bucket: String,
    /// v1; empty: no login.
    pub username: String,
    /// v1.
    pub password: Option<Secret>,
    /// For `https://`.
    pub tls: Tls,
}

impl Redis {
    /// Whether the server is needed at all.
    pub fn is_used(&self) -> bool {
        Redis::is_used_with(self.enabled, self.accept_events)
    }

    /// The same, of settings that are still being read.
    pub(crate) fn is_used_with(enabled: Switch, accept_events: bool) -> bool {
        enabled != Switch::Off || accept_events
    }
}

#[derive(Debug, Clone)]
pub struct Log {
    /// A `tracing` filter: `info`, or `info,seclyzer::sinks=debug`.
    pub level: String,
    /// Where to write the log besides standard error.
    pub file: Option<PathBuf>,
}

impl Influx {
    /// Whether records go to InfluxDB: auto is on once everything that the API needs is set.
    pub fn is_on(&self) -> bool {
        match self.enabled {
            Switch::On => true,
            Switch::Off => false,
            Switch::Auto => self.missing().is_empty(),
        }
    }

    /// The keys that the API needs and that are not set.
    pub fn missing(&self) -> Vec<&'static str> {
        let needed = match self.api {
            InfluxApi::V1 => vec![("influx.url", &self.url), ("influx.database", &self.bucket)],
            // The organisation is InfluxDB 2's own, which says so where it is missing.
            InfluxApi::V2 => vec![("influx.url", &self.url), ("influx.bucket", &self.bucket)],
        };
        let token = (self.api == InfluxApi::V2 && self.token.is_none()).then_some("influx.token");
        needed.into_iter().filter(|(_, text)| text.is_empty()).map(|(key, _)| key).chain(token).collect()
    }
}

/// Text that must not be shown; wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"***\"")
    }
}
