//! Secrets from files of their own: those that the configuration names, and the service manager's credentials.

use super::error::{ConfigError, Origin, shell_word};
use super::file::OTHERS;
use super::settings::{Layer, Settings};
use super::value::{Value, printable};
use super::{Machine, Redis, Secret, SecretFile, Switch};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Credentials by their name in `$CREDENTIALS_DIRECTORY`, and the key that each one sets.
const CREDENTIALS: [(&str, &str); 3] =
    [("redis_password", "redis.password"), ("influx_token", "influx.token"), ("influx_password", "influx.password")];

/// The key that names a file, and the key whose value is in it.
const FILES: [(&str, &str); 3] = [
    ("redis.password_file", "redis.password"),
    ("influx.token_file", "influx.token"),
    ("influx.password_file", "influx.password"),
];

/// What the service manager hands over. Who may read it is the manager's care: it grants access by ACL, which shows up
/// as bits of the group's.
pub(super) fn credentials(directory: &Path, machine: &dyn Machine) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for (name, key) in CREDENTIALS {
        let path = directory.join(name);
        let origin = Origin::SecretFile(path.clone());
        let secret = match machine.read_secret(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => Err(error.to_string()),
            Ok(SecretFile::Regular { bytes, .. }) => secret_of(&bytes),
            Ok(SecretFile::Other) => Err("not a regular file".into()),
        };
        let secret = secret.map_err(|problem| ConfigError::at(&origin, key, problem))?;
        layer.set(key, Value::Secret(secret), origin);
    }
    Ok(layer)
}

/// Reads the files that the settings name.
pub(super) fn read_files(settings: &mut Settings, machine: &dyn Machine) -> Result<(), ConfigError> {
    let redis_is_used = Redis::is_used_with(settings.switch("redis.enabled"), settings.flag("redis.accept_events"));
    let influx_is_used = settings.switch("influx.enabled") != Switch::Off;
    for (file_key, key) in FILES {
        let path = Path::new(settings.text(file_key)).to_owned();
        let is_used = if key.starts_with("redis.") { redis_is_used } else { influx_is_used };
        if path.as_os_str().is_empty() || !is_used {
            continue;
        }
        let secret = read(&path, machine)
            .map_err(|problem| settings.error(file_key, format_args!("{}: {problem}", path.display())))?;
        settings.set(key, Value::Secret(secret), Origin::SecretFile(path));
    }
    Ok(())
}

fn read(path: &Path, machine: &dyn Machine) -> Result<Secret, String> {
    match machine.read_secret(path) {
        Err(error) => Err(format!("{error}; a file that holds the secret alone")),
        Ok(SecretFile::Other) => Err("not a regular file; a file that holds the secret alone".into()),
        Ok(SecretFile::Regular { mode, .. }) if mode & OTHERS != 0 => {
            Err(format!("others may read it; chmod 600 {}", shell_word(path)))
        }
        Ok(SecretFile::Regular { bytes, .. }) => secret_of(&bytes),
    }
}

fn secret_of(bytes: &Zeroizing<Vec<u8>>) -> Result<Secret, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8; the secret as one line of text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err("empty; the secret as one line of text".into());
    }
    printable(text).map(Secret::new)
}
