//! Settings to the checked configuration: what a value of the right kind can still have wrong with it.

use super::error::{ConfigError, Origin};
use super::keys::nearest;
use super::settings::Settings;
use super::value::quoted;
use super::{
    Config, Decision, Devices, Identity, Influx, InfluxApi, Keyboard, Keystroke, Log, Notify, Publish, Recognition,
    Redis, Store, Switch, Tls, Window, X11, urls,
};
use crate::act::Mode;
use crate::event::Key;
use crate::recognition::{self, Readiness, Thresholds};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// As long as a name may be in a record.
const NAME_BYTES_MAX: usize = 256;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn resolve(settings: &Settings) -> Result<Config, ConfigError> {
    Ok(Config {
        identity: identity(settings)?,
        window: window(settings)?,
        devices: devices(settings)?,
        keystroke: Keystroke { publish: publish(settings, "keystroke.publish") },
        keyboard: keyboard(settings)?,
        recognition: recognition(settings)?,
        decision: decision(settings),
        notify: notify(settings),
        x11: x11(settings)?,
        store: store(settings),
        redis: redis(settings)?,
        influx: influx(settings)?,
        log: log(settings)?,
    })
}

fn identity(settings: &Settings) -> Result<Identity, ConfigError> {
    for key in ["identity.user", "identity.host"] {
        if settings.text(key).len() > NAME_BYTES_MAX {
            return Err(settings.error(key, format_args!("too long; a name of at most {NAME_BYTES_MAX} bytes")));
        }
    }
    Ok(Identity {
        user: settings.text("identity.user").to_owned(),
        host: settings.text("identity.host").to_owned(),
        dev_mode: settings.flag("identity.dev_mode"),
    })
}

fn window(settings: &Settings) -> Result<Window, ConfigError> {
    let (length_s, step_s) = (settings.whole("window.seconds"), settings.whole("window.update_interval"));
    if length_s < step_s && settings.get("window.seconds").origin == Origin::Default {
        let problem = format!("{step_s} is more than window.seconds ({length_s}); at most as much");
        return Err(settings.error("window.update_interval", problem));
    }
    if length_s < step_s {
        let problem = format!("{length_s} is less than window.update_interval ({step_s}); at least as much");
        return Err(settings.error("window.seconds", problem));
    }
    Ok(Window { length: Duration::from_secs(length_s.into()), step: Duration::from_secs(step_s.into()) })
}

fn devices(settings: &Settings) -> Result<Devices, ConfigError> {
    for key in ["devices.include", "devices.exclude"] {
        for pattern in named(settings, key)? {
            if pattern.starts_with('/') && !pattern.starts_with("/dev/") {
                let problem = format!("{} is no device; a path under /dev/", quoted(pattern));
                return Err(settings.error(key, problem));
            }
        }
    }
    Ok(Devices {
        include: settings.list("devices.include").to_vec(),
        exclude: settings.list("devices.exclude").to_vec(),
    })
}

/// The list of choices has let no other text pass.
fn publish(settings: &Settings, key: &str) -> Publish {
    Publish::named(settings.text(key)).unwrap_or_default()
}

fn keyboard(settings: &Settings) -> Result<Keyboard, ConfigError> {
    let letters = settings.list("keyboard.letters").iter().map(|name| letter(name));
    let letters: Result<Vec<Key>, String> = letters.collect();
    Ok(Keyboard { letters: letters.map_err(|problem| settings.error("keyboard.letters", problem))? })
}

/// The key of that name, if it can write a letter.
fn letter(name: &str) -> Result<Key, String> {
    let Some(key) = Key::named(name) else {
        let names = Key::all().filter(|key| key.may_write_letters()).filter_map(Key::kernel_name);
        let meant = nearest(name, names).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
        return Err(format!("{} is no key; a name as in \"KEY_A\", \"KeyA\" or \"a\"{meant}", quoted(name)));
    };
    if key.may_write_letters() {
        return Ok(key);
    }
    Err(format!("{} never writes a letter; leave it out", quoted(name)))
}

fn recognition(settings: &Settings) -> Result<Recognition, ConfigError> {
    let number = |key: &str| u64::from(settings.whole(key));
    let readiness = Readiness {
        strokes: number("recognition.ready_strokes"),
        actions: number("recognition.ready_actions"),
        sittings: number("recognition.ready_sittings"),
    };
    // Where nothing is locked nobody may be there to answer an alarm.
    let password_only = mode(settings) == Mode::Lock;
    let settings_of = recognition::Settings { thresholds: thresholds(settings)?, readiness, password_only };
    Ok(Recognition { enabled: settings.flag("recognition.enabled"), settings: settings_of })
}

/// The list of choices has let no other text pass.
fn mode(settings: &Settings) -> Mode {
    Mode::named(settings.text("decision.mode")).unwrap_or_default()
}

fn decision(settings: &Settings) -> Decision {
    let lock_command = Some(settings.text("decision.lock_command").to_owned()).filter(|command| !command.is_empty());
    Decision { mode: mode(settings), lock_command }
}

fn notify(settings: &Settings) -> Notify {
    Notify {
        capture: settings.flag("notify.capture"),
        pause: settings.flag("notify.pause"),
        failures: settings.flag("notify.failures"),
        sinks: settings.flag("notify.sinks"),
        decisions: settings.flag("notify.decisions"),
    }
}

/// Each must be more than the one before it.
fn thresholds(settings: &Settings) -> Result<Thresholds, ConfigError> {
    const KEYS: [&str; 3] = ["recognition.doubt", "recognition.notify", "recognition.lock"];
    for pair in KEYS.windows(2) {
        let [(lower, low), (upper, high)] = [pair[0], pair[1]].map(|key| (key, settings.whole(key)));
        if low >= high && settings.get(upper).origin == Origin::Default {
            return Err(settings.error(lower, format_args!("{low} is not less than {upper} ({high}); less")));
        }
        if low >= high {
            return Err(settings.error(upper, format_args!("{high} is not more than {lower} ({low}); more")));
        }
    }
    let [doubt, notify, lock] = KEYS.map(|key| f64::from(settings.whole(key)));
    Ok(Thresholds { doubt, notify, lock })
}

fn x11(settings: &Settings) -> Result<X11, ConfigError> {
    let excluded_apps = named(settings, "x11.excluded_apps")?.to_vec();
    Ok(X11 { enabled: settings.flag("x11.enabled"), excluded_apps })
}

/// A list of names, none of them empty.
fn named<'s>(settings: &'s Settings, key: &str) -> Result<&'s [String], ConfigError> {
    let items = settings.list(key);
    if items.iter().any(|item| item.trim().is_empty()) {
        return Err(settings.error(key, "an empty text in the list; a name"));
    }
    Ok(items)
}

fn store(settings: &Settings) -> Store {
    let days = settings.whole("store.retention_days");
    Store { path: PathBuf::from(settings.text("store.path")), retention: (days > 0).then(|| DAY * days) }
}

fn redis(settings: &Settings) -> Result<Redis, ConfigError> {
    let redis = Redis {
        enabled: settings.switch("redis.enabled"),
        url: settings.text("redis.url").to_owned(),
        username: Some(settings.text("redis.username").to_owned()).filter(|name| !name.is_empty()),
        password: settings.secret("redis.password"),
        tls: tls(settings, REDIS_TLS),
        stream: settings.flag("redis.stream"),
        stream_max_len: settings.whole("redis.stream_max_len").into(),
        accept_events: settings.flag("redis.accept_events"),
        events_publish: publish(settings, "redis.events_publish"),
    };
    if redis.is_used() {
        check_tls(settings, REDIS_TLS, &redis.url, "rediss://")?;
    }
    Ok(redis)
}

/// The keys that name a file of authorities, of our certificate and of its key.
type TlsKeys = [&'static str; 3];
const REDIS_TLS: TlsKeys = ["redis.tls_ca", "redis.tls_cert", "redis.tls_key"];
const INFLUX_TLS: TlsKeys = ["influx.tls_ca", "influx.tls_cert", "influx.tls_key"];

fn tls(settings: &Settings, keys: TlsKeys) -> Tls {
    let path = |key: &str| Some(settings.text(key)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let [ca, cert, key] = keys.map(path);
    Tls { ca, cert, key }
}

/// What is set must be of use: somebody may take an unencrypted connection for an encrypted one.
fn check_tls(settings: &Settings, keys: TlsKeys, url: &str, scheme: &str) -> Result<(), ConfigError> {
    let is_set = |key: &str| !settings.text(key).is_empty();
    let without_tls = !url.is_empty() && !url.starts_with(scheme);
    if let Some(key) = keys.into_iter().find(|key| without_tls && is_set(key)) {
        return Err(settings.error(key, format_args!("set for a URL without TLS; a URL that begins with {scheme}")));
    }
    let [_, cert, key] = keys;
    match (is_set(cert), is_set(key)) {
        (true, false) => Err(settings.error(cert, format_args!("set without {key}; both or neither"))),
        (false, true) => Err(settings.error(key, format_args!("set without {cert}; both or neither"))),
        _ => Ok(()),
    }
}

fn influx(settings: &Settings) -> Result<Influx, ConfigError> {
    let url = match settings.text("influx.url") {
        "" => String::new(),
        text => urls::influx(text).map_err(|problem| settings.error("influx.url", problem))?,
    };
    let api = if settings.text("influx.api") == "v1" { InfluxApi::V1 } else { InfluxApi::V2 };
    // The client of v2 would leave it out.
    if api == InfluxApi::V2 && urls::has_path(&url) {
        return Err(settings
            .error("influx.url", "a path, which only influx.api \"v1\" takes; http://host:8086 or https://host:8086"));
    }
    // At most one of the two is set.
    let bucket = [settings.text("influx.bucket"), settings.text("influx.database")].concat();
    let influx = Influx {
        enabled: settings.switch("influx.enabled"),
        api,
        url,
        token: settings.secret("influx.token"),
        org: settings.text("influx.org").to_owned(),
        bucket,
        username: settings.text("influx.username").to_owned(),
        password: settings.secret("influx.password"),
        tls: tls(settings, INFLUX_TLS),
    };
    if influx.enabled != Switch::Off {
        check_tls(settings, INFLUX_TLS, &influx.url, "https://")?;
    }
    let missing = influx.missing();
    if influx.enabled == Switch::On && !missing.is_empty() {
        let problem = format!("{} not set; true needs it", missing.join(", "));
        return Err(settings.error("influx.enabled", problem));
    }
    Ok(influx)
}

fn log(settings: &Settings) -> Result<Log, ConfigError> {
    let level = settings.text("log.level");
    if let Some(part) = level.split(',').find(|part| !is_directive(part)) {
        let problem = format!("{} is no level; {}, or part=level", quoted(part), LEVELS.join(", "));
        return Err(settings.error("log.level", problem));
    }
    let file = Some(settings.text("log.file")).filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(Log { level: level.to_owned(), file })
}

/// `tracing` takes a misspelt level for the name of a part, and then says nothing at all.
fn is_directive(text: &str) -> bool {
    let (part, level) = text.split_once('=').map_or((None, text), |(part, level)| (Some(part), level));
    let is_path = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
    LEVELS.contains(&level) && part.is_none_or(is_path)
}
