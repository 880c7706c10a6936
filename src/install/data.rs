//! Configuration and data: what uninstalling keeps, and purging removes.

use super::{System, Way};
use crate::agent::status::socket_path;
use crate::config::{self, ConfigError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the agent of an account keeps what it records.
#[derive(Debug)]
pub struct Data {
    pub database: PathBuf,
    pub log: Option<PathBuf>,
    /// Why these are the default places, and may not be the agent's.
    pub unread: Option<ConfigError>,
}

/// The agent that was installed found them from the account's home and its configuration: what else is set in this
/// shell is none of it.
pub fn find(system: &System) -> Data {
    let account = &system.account;
    let home = [("HOME", &account.home), ("XDG_CONFIG_HOME", &account.config_home)];
    let environment = home.map(|(name, path)| (name.into(), path.clone().into())).into_iter().collect();
    match config::read(None, &environment) {
        Ok(loaded) => Data { database: loaded.config.store.path, log: loaded.config.log.file, unread: None },
        Err(error) => Data { database: own_folder(system).join("seclyzer.db"), log: None, unread: Some(error) },
    }
}

/// The folder of its own that the agent has by default.
fn own_folder(system: &System) -> PathBuf {
    system.account.home.join(".local/share/seclyzer")
}

/// What purging removes, as far as it is there, and why that may not be all.
pub fn purgeable(way: Way, system: &System) -> (Vec<PathBuf>, Option<ConfigError>) {
    let (paths, unread) = match way {
        Way::Hardened => (vec!["/etc/seclyzer".into(), "/var/lib/seclyzer".into()], None),
        Way::User => {
            let Data { database, log, unread } = find(system);
            let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
            let mut paths = vec![system.account.config_home.join("seclyzer")];
            paths.extend(log);
            paths.extend(["", "-wal", "-shm", ".lock"].map(beside));
            paths.push(socket_path(&database));
            paths.extend(set_aside(&database, system));
            // Any other folder may hold what is not ours.
            paths.extend(database.parent().filter(|&folder| folder == own_folder(system)).map(Path::to_owned));
            (paths, unread)
        }
    };
    (paths.into_iter().filter(|path| system.at(path).exists()).collect(), unread)
}

/// Damaged databases, which the store has given other names.
fn set_aside(database: &Path, system: &System) -> Vec<PathBuf> {
    let Some(folder) = database.parent() else { return Vec::new() };
    let begin = format!("{}.corrupt-", database.display());
    let mut found = entries(system, folder);
    found.retain(|path| path.display().to_string().starts_with(&begin));
    found.sort();
    found
}

/// What is in a folder; nothing, where it cannot be read.
pub(super) fn entries(system: &System, folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(system.at(folder)).into_iter().flatten().flatten();
    entries.map(|entry| folder.join(entry.file_name())).collect()
}

/// Removes these with what is in them; what could not be.
pub(super) fn purge(paths: &[PathBuf], system: &System) -> Vec<String> {
    let failed = |path: &PathBuf| Some(format!("remove {}: {}", path.display(), remove(&system.at(path)).err()?));
    paths.iter().filter_map(failed).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Account;
    use super::*;

    fn ann(home: &Path) -> System {
        let config_home = home.join(".config");
        let account = Account { name: "ann".into(), uid: 1000, gid: 1000, home: home.to_owned(), config_home };
        System { root: "/".into(), account, executable: "/tmp/seclyzer".into(), is_member: false }
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn purged(home: &Path) -> Vec<PathBuf> {
        let (paths, unread) = purgeable(Way::User, &ann(home));
        assert!(unread.is_none(), "{unread:?}");
        paths
    }

    #[test]
    fn purging_goes_by_the_account_s_home_and_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        put(&home.join(".config/seclyzer/config.toml"), "[store]\npath = \"~/records.db\"\n");
        put(&home.join("records.db"), "");
        assert_eq!(purged(&home), [home.join(".config/seclyzer"), home.join("records.db")]);
    }

    #[test]
    fn purging_takes_a_folder_only_where_it_is_the_agent_s_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        put(&home.join(".local/share/seclyzer/seclyzer.db"), "");
        let own = purged(&home);
        assert!(own.contains(&home.join(".local/share/seclyzer")), "{own:?}");
        let checkout = home.join("src/seclyzer");
        put(&home.join(".config/seclyzer/config.toml"), "[store]\npath = \"~/src/seclyzer/seclyzer.db\"\n");
        put(&checkout.join("seclyzer.db"), "");
        put(&checkout.join("precious.rs"), "");
        assert_eq!(purged(&home), [home.join(".config/seclyzer"), checkout.join("seclyzer.db")]);
    }

    #[test]
    fn purging_takes_databases_that_were_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        put(&home.join(".config/seclyzer/config.toml"), "[store]\npath = \"~/records.db\"\n");
        let aside = ["", "-shm", "-wal"].map(|suffix| home.join(format!("records.db.corrupt-2026-01-01{suffix}")));
        aside.iter().for_each(|path| put(path, ""));
        put(&home.join("other.db.corrupt-2026-01-01"), "another program's");
        assert_eq!(purged(&home), [&[home.join(".config/seclyzer")], &aside[..]].concat());
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_named_and_the_default_places_are_purged() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        let file = home.join(".config/seclyzer/config.toml");
        put(&file, "store = nonsense");
        put(&home.join(".local/share/seclyzer/seclyzer.db"), "");
        let (paths, unread) = purgeable(Way::User, &ann(&home));
        let told = unread.expect("a mistake").to_string();
        assert!(told.contains(&file.display().to_string()), "{told}");
        assert!(paths.contains(&home.join(".local/share/seclyzer")), "{paths:?}");
    }

    #[test]
    fn what_cannot_be_removed_is_told_and_the_rest_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ["a", "file/below", "b"].map(|name| folder.path().join(name));
        ["a", "file", "b"].iter().for_each(|name| put(&folder.path().join(name), ""));
        let told = purge(&paths, &ann(folder.path()));
        assert!(told.len() == 1 && told[0].contains("file/below: "), "{told:?}");
        assert!(!paths[0].exists() && !paths[2].exists());
    }
}
