//! Variables of the environment to a layer of settings.

use super::error::{ConfigError, Origin};
use super::keys::{KEYS, nearest};
use super::settings::Layer;
use super::urls;
use super::value::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment as it is handed in.
pub type Environment = BTreeMap<String, OsString>;

const PREFIX: &str = "SECLYZER_";
/// Names with the prefix that belong to others: where scripts find the binary.
const NOT_OURS: [&str; 1] = ["SECLYZER_BIN"];

/// The settings of the environment. `redis_url` is what the layers below have set: `REDIS_HOST` and `REDIS_PORT` replace
/// parts of it.
pub(super) fn layer(environment: &Environment, redis_url: &str) -> Result<Layer, ConfigError> {
    refuse_unknown(environment)?;
    let mut layer = Layer::default();
    for key in &KEYS {
        let own = key.variable();
        let direct = if key.name == "redis.url" { &[] } else { key.aliases };
        let names = std::iter::once(own.as_str()).chain(direct.iter().copied());
        for name in names {
            let Some(text) = text_of(environment, name)? else { continue };
            let origin = Origin::Environment(name.to_owned());
            let value =
                Value::from_text(key.kind, text).map_err(|problem| ConfigError::at(&origin, key.name, problem))?;
            layer.set(key.name, value, origin);
            break;
        }
    }
    if layer.get("redis.url").is_none() {
        replace_host_and_port(&mut layer, environment, redis_url)?;
    }
    layer.settle()
}

fn replace_host_and_port(layer: &mut Layer, environment: &Environment, below: &str) -> Result<(), ConfigError> {
    let mut url = below.to_owned();
    for (name, replace) in [("REDIS_HOST", urls::with_host as fn(&str, &str) -> _), ("REDIS_PORT", urls::with_port)] {
        let Some(text) = text_of(environment, name)? else { continue };
        let origin = Origin::Environment(name.to_owned());
        url = replace(&url, text).map_err(|problem| ConfigError::at(&origin, "redis.url", problem))?;
        layer.set("redis.url", Value::Text(url.clone()), origin);
    }
    Ok(())
}

/// A misspelt variable would otherwise be a setting that quietly does nothing.
fn refuse_unknown(environment: &Environment) -> Result<(), ConfigError> {
    let known =
        || KEYS.iter().flat_map(|key| key.aliases.iter().map(|&alias| alias.to_owned()).chain([key.variable()]));
    let unknown = environment.iter().find(|(name, value)| {
        name.starts_with(PREFIX)
            && !value.is_empty()
            && !NOT_OURS.contains(&name.as_str())
            && !known().any(|variable| variable == **name)
    });
    let Some((name, _)) = unknown else { return Ok(()) };
    let origin = Origin::Environment(name.clone());
    let problem = match nearest(name, known().filter(|variable| variable.starts_with(PREFIX))) {
        Some(variable) => format!("unknown variable; did you mean {variable}?"),
        None => "unknown variable; `seclyzer config show` lists every key, as SECLYZER_<SECTION>_<KEY>".into(),
    };
    Err(ConfigError::at(&origin, "", problem))
}

fn text_of<'e>(environment: &'e Environment, name: &str) -> Result<Option<&'e str>, ConfigError> {
    match environment.get(name).map(|value| value.to_str()) {
        None | Some(Some("")) => Ok(None),
        Some(Some(text)) => Ok(Some(text)),
        Some(None) => Err(ConfigError::at(&Origin::Environment(name.to_owned()), "", "not UTF-8; a text in UTF-8")),
    }
}

/// A directory that the environment names. One that is not absolute is as if it were not set.
pub(super) fn directory(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
