//! What the doctor looks at.

use super::super::devices::{NO_DEVICE, PROVIDE_DEVICE};
use super::super::{Error, block_on};
use super::Finding;
use super::service::{self, Running};
use crate::config::{self, Config, Loaded, Switch};
use crate::remote::redis as remote;
use crate::sinks::influx::Influx;
use crate::sources::evdev::{self, Kind, Node, State};
use crate::sources::x11;
use crate::store::{StoreError, check_mounted, large_log, log_bytes, read_only, schema};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const INSTALL: &str = "seclyzer install, then log in anew (every program of this account can read keys then), or sudo seclyzer \
     install --hardened (only the agent may open devices); docs/installing.md";

/// Every finding, in the order in which things depend on each other.
pub fn all(loaded: &Loaded) -> Result<Vec<Finding>, Error> {
    let config = &loaded.config;
    let running = service::ask(&config.store.path);
    let mut findings = vec![configuration(loaded)];
    findings.extend(devices(config, running.as_ref())?);
    findings.push(database(&config.store.path));
    findings.push(service::finding(running.as_ref(), &config.store.path));
    let remote = async { Ok([windows(&config.x11).await, redis(&config.redis).await, influx(&config.influx).await]) };
    findings.extend(block_on(remote)?);
    Ok(findings)
}

fn configuration(loaded: &Loaded) -> Finding {
    match &loaded.source {
        Some(path) => Finding::ok("configuration", path.display().to_string()),
        None => Finding::ok("configuration", "no file: defaults and environment"),
    }
}

fn devices(config: &Config, running: Option<&Running>) -> Result<Vec<Finding>, Error> {
    let nodes = match running {
        Some(running) => running.devices.clone(),
        None => evdev::list(&config.devices)?,
    };
    if nodes.is_empty() {
        return Ok(vec![Finding::failure("devices", NO_DEVICE, PROVIDE_DEVICE)]);
    }
    let refused = nodes.iter().filter(|node| matches!(node.state, State::Refused(_))).count();
    let permissions = match refused {
        0 => Finding::ok("permissions", format!("{} nodes, all may be opened", nodes.len())),
        _ => Finding::failure(
            "permissions",
            format!("{} nodes, {refused} refused ({})", nodes.len(), errors(&nodes)),
            INSTALL,
        ),
    };
    let read = |kind: Kind| nodes.iter().filter(|node| node.state == State::Read && node.kinds.contains(&kind)).count();
    let (keyboards, pointers) =
        (read(Kind::Keyboard), read(Kind::Mouse) + read(Kind::Touchpad) + read(Kind::AbsolutePointer));
    let text = format!("{keyboards} with keys and {pointers} with a pointer are read");
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
        Err(error) => Finding::failure("database", format!("{shown}: {error}"), "move it away; a new one is begun"),
    }
}

async fn windows(settings: &config::X11) -> Finding {
    if !settings.enabled {
        return Finding::ok("applications", "not followed: x11.enabled = false");
    }
    match x11::check(&x11::Environment::of_this_process()).await {
        Ok(()) => Finding::ok("applications", "the X server answers"),
        Err(error) => {
            let mend = "run it in an X11 session with DISPLAY and XAUTHORITY; keys and mouse work without";
            Finding::warning("applications", error.to_string(), mend)
        }
    }
}

async fn redis(settings: &config::Redis) -> Finding {
    if settings.enabled == Switch::Off {
        return Finding::ok("redis", "off");
    }
    let servers = match remote::servers(settings) {
        Ok(servers) => servers,
        Err(error) => return Finding::failure("redis", error.to_string(), "correct redis.url"),
    };
    let mut reason = String::new();
    for server in &servers {
        let address = remote::address(server);
        match remote::connect(server).await {
            Ok(_) if remote::is_open_to_all(server) => {
                let text = format!("{address} answers without a password: any local account can read along");
                return Finding::warning("redis", text, "set requirepass in redis.conf and redis.password_file here");
            }
            Ok(_) => return Finding::ok("redis", format!("{address} answers")),
            Err(error) => reason = format!("{address}: {}", remote::describe(&error, settings)),
        }
    }
    match settings.enabled {
        Switch::Auto => Finding::ok("redis", format!("off until a server answers ({reason})")),
        Switch::On | Switch::Off => {
            Finding::failure("redis", reason, "start the server, or correct redis.url and redis.password")
        }
    }
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
