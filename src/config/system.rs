//! The machine that the agent runs on: its files, accounts and name.

use super::environment::{Environment, directory};
use super::error::ConfigError;
use super::file::ConfigFile;
use super::{Account, Loaded, Machine, SecretFile, Sources, load};
use nix::unistd::{Uid, User};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// A file of authorities may hold all that there are.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// The configuration from `explicit` or else the first file that exists of `$XDG_CONFIG_HOME/seclyzer/config.toml` and
/// `/etc/seclyzer/config.toml`, then from the environment. Fails on the first mistake, and where `explicit` cannot be
/// read.
pub fn read(explicit: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigError> {
    let file = match explicit {
        Some(path) => Some(read_file(path).map_err(|error| unreadable(path, &error))?),
        None => first_of(&places(environment))?,
    };
    load(&Sources { file, environment, machine: &ThisMachine })
}

/// The configuration under which root asks another account's agent: that of `explicit` or of the machine alone, since a
/// file or a variable of the account could name a socket of its own.
pub fn read_for_account(name: &str, explicit: Option<&Path>) -> Result<Loaded, ConfigError> {
    let none = Environment::new();
    let file = match explicit {
        Some(path) => Some(read_file(path).map_err(|error| unreadable(path, &error))?),
        None => first_of(&places(&none))?,
    };
    load(&Sources { file, environment: &none, machine: &MachineOf(name) })
}

/// The environment of this process. A name that is not UTF-8 is none of the agent's.
pub fn process_environment() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

/// Where a configuration file is looked for, in order.
fn places(environment: &Environment) -> Vec<PathBuf> {
    let home = || directory(environment, "HOME").map(|home| home.join(".config"));
    let user = directory(environment, "XDG_CONFIG_HOME").or_else(home);
    user.into_iter().chain([PathBuf::from("/etc")]).map(|place| place.join("seclyzer/config.toml")).collect()
}

fn first_of(places: &[PathBuf]) -> Result<Option<ConfigFile>, ConfigError> {
    for path in places {
        match read_file(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::new(format_args!("{}: {error}; a readable TOML file", path.display()))
}

fn read_file(path: &Path) -> io::Result<ConfigFile> {
    let file = open_at_once(path)?;
    let metadata = file.metadata()?;
    if metadata.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pipe"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    read_within(file, CONFIG_BYTES_MAX, &mut bytes)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(ConfigFile {
            path: path.to_owned(),
            text: Zeroizing::new(text.to_owned()),
            mode: metadata.mode(),
            has_own_group: has_own_group(&metadata),
        }),
        Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8")),
    }
}

/// Without O_NONBLOCK a FIFO would hold up a start, or whoever waits for `check`, until somebody writes to it.
fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn has_own_group(metadata: &Metadata) -> bool {
    let owner = User::from_uid(Uid::from_raw(metadata.uid()));
    owner.is_ok_and(|owner| owner.is_some_and(|owner| owner.gid.as_raw() == metadata.gid()))
}

fn read_within(file: File, bytes_max: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    file.take(bytes_max + 1).read_to_end(bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {bytes_max} bytes")));
    }
    Ok(())
}

pub(super) struct ThisMachine;

impl Machine for ThisMachine {
    fn account(&self) -> Account {
        let uid = nix::unistd::geteuid();
        match User::from_uid(uid) {
            Ok(Some(user)) => Account { name: Some(user.name), home: Some(user.dir) },
            _ => Account { name: None, home: None },
        }
    }

    fn host_name(&self) -> Option<String> {
        nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok())
    }

    fn service_directory(&self, account: &str) -> Option<PathBuf> {
        Some(Path::new("/var/lib/seclyzer").join(account)).filter(|folder| folder.is_dir())
    }

    fn read_secret(&self, path: &Path) -> io::Result<SecretFile> {
        let file = open_at_once(path)?;
        let metadata: Metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(SecretFile::Other);
        }
        let mut bytes = Zeroizing::new(Vec::new());
        read_within(file, SECRET_BYTES_MAX, &mut bytes)?;
        Ok(SecretFile::Regular { mode: metadata.mode(), bytes })
    }
}

/// The same machine for another account.
struct MachineOf<'a>(&'a str);

impl Machine for MachineOf<'_> {
    fn account(&self) -> Account {
        match User::from_name(self.0) {
            Ok(Some(user)) => Account { name: Some(user.name), home: Some(user.dir) },
            _ => Account { name: None, home: None },
        }
    }

    fn host_name(&self) -> Option<String> {
        ThisMachine.host_name()
    }

    fn service_directory(&self, account: &str) -> Option<PathBuf> {
        ThisMachine.service_directory(account)
    }

    fn read_secret(&self, path: &Path) -> io::Result<SecretFile> {
        ThisMachine.read_secret(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| (name.to_string(), value.into())).collect()
    }

    #[test]
    fn the_user_s_file_is_looked_for_before_the_machine_s() {
        let machine = PathBuf::from("/etc/seclyzer/config.toml");
        let home = [("HOME", "/home/me")];
        assert_eq!(
            places(&environment(&home)),
            [PathBuf::from("/home/me/.config/seclyzer/config.toml"), machine.clone()]
        );
        let xdg = [("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/cfg")];
        assert_eq!(places(&environment(&xdg)), [PathBuf::from("/cfg/seclyzer/config.toml"), machine.clone()]);
        let relative = [("XDG_CONFIG_HOME", "cfg")];
        assert_eq!(places(&environment(&relative)), [machine]);
    }

    #[test]
    fn a_fifo_in_a_secret_s_place_is_told_apart_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(ThisMachine.read_secret(&path).unwrap(), SecretFile::Other));
    }

    #[test]
    fn a_fifo_in_the_configuration_s_place_is_refused_without_waiting_for_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = read(Some(&path), &environment(&[])).expect_err("no file").to_string();
        assert!(error.contains("a pipe; a readable TOML file"), "{error}");
    }

    #[test]
    fn an_oversized_secret_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, vec![b'x'; SECRET_BYTES_MAX as usize + 1]).unwrap();
        let error = ThisMachine.read_secret(&path).err().expect("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
