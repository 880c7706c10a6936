//! What is set and where: a layer from each source, laid over the defaults.

use super::error::{ConfigError, Origin};
use super::keys::KEYS;
use super::value::Value;
use super::{Secret, Switch, urls};
use std::collections::BTreeMap;

/// A key's value and where it came from.
#[derive(Debug, Clone)]
pub struct Setting {
    pub value: Value,
    pub origin: Origin,
}

/// Two forms of the same: a layer sets one of them, and so replaces either form of the layers below.
const EITHER_OR: [(&str, &str); 4] = [
    ("redis.password", "redis.password_file"),
    ("influx.token", "influx.token_file"),
    ("influx.password", "influx.password_file"),
    ("influx.bucket", "influx.database"),
];

/// What one source sets. An empty value is as if it were not set.
#[derive(Debug, Default)]
pub(super) struct Layer(BTreeMap<&'static str, Setting>);

impl Layer {
    pub fn set(&mut self, key: &'static str, value: Value, origin: Origin) {
        if !value.is_empty() {
            self.0.insert(key, Setting { value, origin });
        }
    }

    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    /// Moves a login out of `redis.url`, then refuses what is set in two forms at once.
    pub fn settle(mut self) -> Result<Layer, ConfigError> {
        if let Some(Setting { value: Value::Text(text), origin }) = self.0.remove("redis.url") {
            let parts = urls::redis(&text).map_err(|problem| ConfigError::at(&origin, "redis.url", problem))?;
            let login = [
                ("redis.username", parts.username.map(Value::Text)),
                ("redis.password", parts.password.map(Value::Secret)),
            ];
            for (key, value) in login {
                let Some(value) = value else { continue };
                if self.0.contains_key(key) {
                    let problem = format!("the URL holds one too and {key} is set; one of the two");
                    return Err(ConfigError::at(&origin, "redis.url", problem));
                }
                self.set(key, value, origin.clone());
            }
            self.set("redis.url", Value::Text(parts.url), origin);
        }
        for (one, other) in EITHER_OR {
            if let (Some(_), Some(second)) = (self.get(one), self.get(other)) {
                return Err(ConfigError::at(&second.origin, other, format!("{one} is set too; one of the two")));
            }
        }
        Ok(self)
    }

    /// The first secret of this layer, if it holds any.
    pub fn secret(&self) -> Option<(&'static str, &Setting)> {
        self.0
            .iter()
            .find(|(_, setting)| matches!(setting.value, Value::Secret(_)))
            .map(|(key, setting)| (*key, setting))
    }
}

/// Every key's setting.
#[derive(Debug)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    pub fn defaults() -> Settings {
        let default = |key: &'static super::Key| {
            let parsed = toml::de::DeValue::parse(key.default).expect("a default is TOML");
            let value = Value::from_toml(key.kind, parsed.get_ref()).expect("a default is of its key's kind");
            (key.name, Setting { value, origin: Origin::Default })
        };
        Settings(KEYS.iter().map(default).collect())
    }

    /// Lays a settled layer over what is there.
    pub fn lay(&mut self, layer: Layer) {
        for (one, other) in EITHER_OR {
            if layer.get(one).is_some() || layer.get(other).is_some() {
                self.clear(one);
                self.clear(other);
            }
        }
        self.0.extend(layer.0);
    }

    fn clear(&mut self, key: &'static str) {
        let setting = self.0.get_mut(key).expect("every key has a setting");
        setting.origin = Origin::Default;
        setting.value = match setting.value {
            Value::Secret(_) => Value::Secret(Secret::new("")),
            _ => Value::Text(String::new()),
        };
    }

    /// Gives a key its value where its setting is empty or needs completion; it keeps its origin.
    pub fn complete(&mut self, key: &str, value: Value) {
        self.0.get_mut(key).expect("every key has a setting").value = value;
    }

    pub fn set(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.0.insert(key, Setting { value, origin });
    }

    pub fn get(&self, key: &str) -> &Setting {
        self.0.get(key).unwrap_or_else(|| panic!("{key} is not in the list of keys"))
    }

    /// A mistake in the setting of `key`.
    pub fn error(&self, key: &str, problem: impl std::fmt::Display) -> ConfigError {
        ConfigError::at(&self.get(key).origin, key, problem)
    }

    pub fn text(&self, key: &str) -> &str {
        match &self.get(key).value {
            Value::Text(text) => text,
            _ => unreachable!("{key} is a text"),
        }
    }

    pub fn secret(&self, key: &str) -> Option<Secret> {
        match &self.get(key).value {
            Value::Secret(secret) if secret.expose().is_empty() => None,
            Value::Secret(secret) => Some(secret.clone()),
            _ => unreachable!("{key} is a secret"),
        }
    }

    pub fn flag(&self, key: &str) -> bool {
        match self.get(key).value {
            Value::Flag(on) => on,
            _ => unreachable!("{key} is a flag"),
        }
    }

    pub fn switch(&self, key: &str) -> Switch {
        match self.get(key).value {
            Value::Switch(switch) => switch,
            _ => unreachable!("{key} is a switch"),
        }
    }

    pub fn whole(&self, key: &str) -> u32 {
        match self.get(key).value {
            Value::Whole(number) => number,
            _ => unreachable!("{key} is a whole number"),
        }
    }

    pub fn list(&self, key: &str) -> &[String] {
        match &self.get(key).value {
            Value::List(items) => items,
            _ => unreachable!("{key} is a list"),
        }
    }
}
