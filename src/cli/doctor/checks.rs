//! What the doctor looks at.

use super::super::devices::{NO_DEVICE, PROVIDE_DEVICE};
use super::super::trial::{self, Trial};
use super::super::{Error, block_on};
use super::service::{self, Running};
use super::{Finding, applications, decision, keystrokes, recognition};
use crate::act::Mode;
use crate::bus;
use crate::config::{self, Config, Loaded, Switch};
use crate::local_time::local_clock;
use crate::now_us;
use crate::remote::redis::answer::trouble;
use crate::remote::redis::servers;
use crate::sinks::Failure;
use crate::sinks::influx::Influx;
use crate::sinks::redis::Redis;
use crate::sources::evdev::{self, Kind, Node, State};
use crate::sources::redis as injected;
use crate::store::{StoreError, check_mounted, large_log, log_bytes, read_models, read_only, schema};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const INSTALL: &str = "seclyzer install, then log in anew (every program of this account can read keys then), or sudo seclyzer \
     install --hardened (only the agent may open devices); docs/installing.md";

/// Every finding, in the order in which things depend on each other.
pub fn all(loaded: &Loaded) -> Result<Vec<Finding>, Error> {
    let config = &loaded.config;
    let running = service::ask(&config.store.path);
    let mut findings = vec![service::configuration(loaded.source.as_deref(), &config.store.path)];
    findings.extend(devices(config, running.as_ref())?);
    findings.push(database(&config.store.path));
    findings.push(service::finding(running.as_ref(), &config.store.path));
    findings.push(keystrokes::finding(&config.keystroke, &config.store.path, running.as_ref()));
    let stored = || service::stored_descriptors(&config.store.path);
    findings.push(recognition::finding(config.recognition.enabled, running.as_ref(), stored));
    let since_us = now_us() - trial::SPAN_US;
    // A database that cannot be read has a finding of its own.
    let connection = read_only(&config.store.path).ok();
    let trial = connection.and_then(|connection| Trial::of(&connection, &config.identity, since_us).ok());
    let strokes = read_models(&config.store.path, &config.identity).ok().map(|models| decision::strokes_of(&models));
    let is_its_file = service::reads(loaded.source.as_deref(), &config.store.path);
    let mode = decision::mode(config.decision.mode, running.as_ref(), is_its_file);
    findings.push(decision::finding(mode, running.as_ref(), strokes, trial.as_ref()));
    let near_and_far = async {
        let mut findings = vec![locking(mode, config.decision.lock_command.is_some()).await];
        findings.extend(applications::findings(config, running.as_ref()).await);
        findings.push(redis(&config.redis).await);
        findings.extend(events(&config.redis).await);
        findings.push(influx(&config.influx).await);
        Ok(findings)
    };
    findings.extend(block_on(near_and_far)?);
    Ok(findings)
}

fn devices(config: &Config, running: Option<&Running>) -> Result<Vec<Finding>, Error> {
    let nodes = match running {
        Some(running) => running.devices.clone(),
        None => evdev::list(&config.devices)?,
    };
    if let Some(until_us) = running.and_then(|running| running.decision.paused_until_us) {
        let text = format!("none is open: capture is paused until {}", local_clock(until_us));
        return Ok(vec![Finding::warning("devices", text, "`seclyzer resume` ends the pause")]);
    }
    if nodes.is_empty() {
        return Ok(vec![Finding::failure("devices", NO_DEVICE, PROVIDE_DEVICE)]);
    }
    let refused = nodes.iter().filter(|node| matches!(node.state, State::Refused(_))).count();
    let permissions = match refused {
        0 => Finding::ok("permissions", format!("{} input devices, all may be opened", nodes.len())),
        _ => Finding::failure(
            "permissions",
            format!("{} input devices, {refused} may not be opened ({})", nodes.len(), errors(&nodes)),
            INSTALL,
        ),
    };
    let read = |kind: Kind| nodes.iter().filter(|node| node.state == State::Read && node.kinds.contains(&kind)).count();
    let (keyboards, pointers) =
        (read(Kind::Keyboard), read(Kind::Mouse) + read(Kind::Touchpad) + read(Kind::AbsolutePointer));
    let text = format!("read: {keyboards} with keys, {pointers} with a pointer");
    let found = match (keyboards, pointers) {
        (0, 0) => Finding::failure("devices", text, "see `seclyzer devices` for the reasons"),
        (0, _) | (_, 0) => Finding::warning("devices", text, "see `seclyzer devices` for the reasons"),
        _ => Finding::ok("devices", text),
    };
    Ok(vec![permissions, found])
}

/// Which errors there were, each once.
fn errors(nodes: &[Node]) -> String {
    let errors = nodes.iter().filter_map(|node| match &node.state {
        State::Refused(error) => Some(error.as_str()),
        State::Read | State::Unread(_) => None,
    });
    errors.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

fn database(path: &Path) -> Finding {
    let shown = path.display();
    let mode = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Finding::failure("database", format!("{shown} is a folder"), "name a file with store.path");
        }
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match check_mounted(path) {
                Ok(()) => Finding::ok("database", format!("{shown} is made at the first start")),
                Err(StoreError::Unreachable { path, what, mend }) => {
                    Finding::failure("database", format!("{}: {what}", path.display()), mend)
                }
                Err(error) => Finding::failure("database", error.to_string(), "set store.path"),
            };
        }
        Err(error) => return Finding::failure("database", format!("{shown}: {error}"), "set store.path"),
    };
    if mode & 0o077 != 0 {
        let text = format!("{shown}: others may read or write it (mode {mode:03o})");
        return Finding::failure("database", text, format!("chmod 600 '{shown}'"));
    }
    let version = read_only(path)
        .and_then(|db| db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(StoreError::from));
    match version {
        Ok(version @ 1..=schema::VERSION) => match large_log(log_bytes(path)) {
            None => Finding::ok("database", format!("{shown}, schema version {version}")),
            Some(text) => Finding::warning(
                "database",
                text,
                format!("fuser -v '{shown}' names the programs that have it open; end the one that reads it"),
            ),
        },
        Ok(0) => Finding::ok("database", format!("{shown}, empty")),
        Ok(version) => {
            Finding::failure("database", format!("{shown}: schema version {version}"), "use a newer seclyzer")
        }
        Err(error) if std::fs::File::open(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) => {
            let what_to_do = "run this as its owner, or set store.path to a database of your own";
            Finding::failure("database", format!("{shown}: you may not read it: {error}"), what_to_do)
        }
        Err(error) => Finding::failure("database", format!("{shown}: {error}"), "move it away; a new one is begun"),
    }
}

/// By what this session could be locked; whoever runs the doctor sits at it.
async fn locking(mode: Mode, has_command: bool) -> Finding {
    let session = bus::Session::of_this_process(has_command);
    let is_wayland = session.x11.is_wayland();
    decision::locking(mode, &bus::Desk::start(session).prospects().await, has_command, is_wayland)
}

/// What an account has to be allowed is in docs/configuration.md.
async fn redis(settings: &config::Redis) -> Finding {
    const MEND: &str = "start the server, or correct [redis]; what an account needs: docs/configuration.md";
    if settings.enabled == Switch::Off {
        return Finding::ok("redis", "off");
    }
    // Nothing is stored under this identifier.
    let sink = match Redis::new(settings.clone(), "doctor") {
        Ok(sink) => sink,
        Err(error) => return Finding::failure("redis", error.to_string(), "correct redis.url"),
    };
    let what = if settings.stream { "publishing and the stream" } else { "publishing" };
    match sink.check().await {
        Ok(checked) if checked.is_open_to_all => {
            let text = format!(
                "{} allows {what} without a password: every local account can read the records",
                checked.address
            );
            Finding::warning("redis", text, "set requirepass in redis.conf and redis.password_file here")
        }
        Ok(checked) if checked.channels_are_tried => Finding::ok("redis", format!("{} allows {what}", checked.address)),
        Ok(checked) => {
            let text = format!("{} allows PUBLISH; whether on each channel could not be tried", checked.address);
            let account = settings.username.as_deref().unwrap_or("default");
            let mend = format!(
                "ACL SETUSER {account} &features &seclyzer:features:* &seclyzer:scores &seclyzer:decisions +publish, \
                 unless it has these rules; with +multi the doctor can try the channels"
            );
            Finding::warning("redis", text, mend)
        }
        Err(failure @ Failure::Unreachable(_)) if settings.enabled == Switch::Auto => {
            Finding::ok("redis", format!("not used until a server answers ({failure})"))
        }
        Err(failure) => Finding::failure("redis", format!("{}: {failure}", settings.url), MEND),
    }
}

/// The subscription to the channel of events, if it is wanted.
async fn events(settings: &config::Redis) -> Option<Finding> {
    if !settings.accept_events {
        return None;
    }
    let mut reason = String::new();
    for server in servers(settings).ok()? {
        match injected::open(&server).await {
            Ok(_) => return Some(Finding::ok("events", format!("{} allows the subscription", server.address()))),
            Err(error) => reason = format!("{}: {}", server.address(), trouble(&error, None, settings).reason),
        }
    }
    Some(Finding::failure("events", reason, "start the server, or allow SUBSCRIBE; docs/configuration.md"))
}

async fn influx(settings: &config::Influx) -> Finding {
    if settings.enabled == Switch::Off {
        return Finding::ok("influxdb", "off");
    }
    if !settings.is_on() {
        return Finding::ok("influxdb", format!("off: not configured ({} missing)", settings.missing().join(", ")));
    }
    match Influx::new(settings.clone()).check().await {
        Ok(()) => Finding::ok("influxdb", format!("{} takes records", settings.url)),
        Err(failure) => {
            let mend = "start the server, or correct [influx] in the configuration";
            Finding::failure("influxdb", format!("{}: {failure}", settings.url), mend)
        }
    }
}
