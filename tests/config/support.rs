//! A configuration made without a machine.

use seclyzer::config::{Account, ConfigError, ConfigFile, Environment, Loaded, Machine, SecretFile, Sources, load};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The account `me` with its home on the machine `box`; it has no files of secrets.
pub struct Workstation;

impl Machine for Workstation {
    fn account(&self) -> Account {
        Account { name: Some("me".into()), home: Some(PathBuf::from("/home/me")) }
    }

    fn host_name(&self) -> Option<String> {
        Some("box".into())
    }

    fn service_directory(&self, _account: &str) -> Option<PathBuf> {
        None
    }

    fn read_secret(&self, _path: &Path) -> io::Result<SecretFile> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The same workstation, with the hardened service of the account.
pub struct Hardened;

impl Machine for Hardened {
    fn account(&self) -> Account {
        Workstation.account()
    }

    fn host_name(&self) -> Option<String> {
        Workstation.host_name()
    }

    fn service_directory(&self, account: &str) -> Option<PathBuf> {
        Some(Path::new("/var/lib/seclyzer").join(account))
    }

    fn read_secret(&self, path: &Path) -> io::Result<SecretFile> {
        Workstation.read_secret(path)
    }
}

/// A machine that knows nothing of itself.
pub struct Nowhere;

impl Machine for Nowhere {
    fn account(&self) -> Account {
        Account::default()
    }

    fn host_name(&self) -> Option<String> {
        None
    }

    fn service_directory(&self, _account: &str) -> Option<PathBuf> {
        None
    }

    fn read_secret(&self, _path: &Path) -> io::Result<SecretFile> {
        Err(io::ErrorKind::NotFound.into())
    }
}

pub fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect()
}

/// A file `/f.toml` that is its owner's alone.
pub fn file(text: &str) -> ConfigFile {
    let text = Zeroizing::new(text.to_owned());
    ConfigFile { path: "/f.toml".into(), text, mode: 0o100_600, has_own_group: false }
}

/// What this file and these variables come to.
pub fn loaded(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load(&Sources { file: Some(file(text)), environment: &environment(variables), machine: &Workstation })
}

/// The error of this file and these variables.
pub fn error(text: &str, variables: &[(&str, &str)]) -> String {
    match loaded(text, variables) {
        Ok(_) => panic!("no mistake was found in {text:?} with {variables:?}"),
        Err(error) => error.to_string(),
    }
}
