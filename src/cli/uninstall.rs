//! `seclyzer uninstall`

use super::Error;
use super::install::{this_system, uninstall_command, warn_of_other_home};
use crate::agent::status::socket_path;
use crate::config;
use crate::install::apply::{read_manifest, take_back};
use crate::install::hands::{self, Hands};
use crate::install::plan::farewell;
use crate::install::{Command, Manifest, System, Undo, Way};
use nix::unistd::getuid;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Take away what `seclyzer install` has put there; lists every change first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer uninstall --dry-run        what would be changed?
  seclyzer uninstall                  configuration and data stay
  sudo seclyzer uninstall --hardened --purge")]
pub struct Args {
    /// The hardened service, of all its users; needs root
    #[arg(long)]
    hardened: bool,
    /// Remove configuration and data too
    #[arg(long)]
    purge: bool,
    /// Only list what would be changed
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let way = if args.hardened { Way::Hardened } else { Way::User };
    let system = this_system(way, None)?;
    let manifest_path = system.manifest_path(way);
    let mut manifest = read_manifest(&system, &manifest_path)?;
    // An account that has left the group meanwhile need not leave it.
    manifest.changes.retain(|change| system.is_member || !matches!(change, Undo::Leave { .. }));
    if manifest.changes.is_empty() {
        let is_other = system.at(&system.manifest_path(way.other())).exists();
        return Err(Error::Refused(nothing_installed(way, &manifest_path, is_other)));
    }
    let purged = if args.purge { kept(way, &system)? } else { Vec::new() };
    let [before, after] = farewell(way, &system);
    warn_of_other_home(&system.account, out)?;
    list(&before, &manifest, &manifest_path, &purged, &after, out)?;
    if args.dry_run {
        return Ok(());
    }
    let is_root = getuid().is_root();
    if way == Way::Hardened && !is_root {
        return Err(Error::Refused(format!("this needs root: run `{}`", uninstall_command(way))));
    }
    out.flush()?;
    let mut hands = Hands { is_root, run: &mut hands::run };
    tell(&before, &mut hands, out)?;
    // Folders go last, since they have to be empty.
    let (folders, others): (Vec<Undo>, Vec<Undo>) =
        manifest.changes.into_iter().partition(|change| matches!(change, Undo::RemoveFolder(_)));
    let left = take_back(&others, &system, &mut hands);
    for path in &purged {
        remove(&system.at(path)).map_err(|source| Error::CannotCreate { path: path.clone(), source })?;
    }
    if left.is_empty() {
        let removed = hands.remove(&system.at(&manifest_path), system.is_root_s(&manifest_path));
        removed.map_err(|source| Error::CannotCreate { path: manifest_path.clone(), source })?;
    }
    take_back(&folders, &system, &mut hands);
    tell(&after, &mut hands, out)?;
    for trouble in &left {
        writeln!(out, "warning: {trouble}")?;
    }
    if !left.is_empty() {
        return Err(Error::Told);
    }
    writeln!(out, "\nUninstalled.{}", if args.purge { "" } else { " Configuration and data are still there." })?;
    Ok(())
}

/// Which way it was that was looked for, and what to do where it is the other one (`is_other`).
fn nothing_installed(way: Way, manifest_path: &Path, is_other: bool) -> String {
    let told = format!("nothing is installed {} (looked at {})", way.name(), manifest_path.display());
    match is_other {
        true => format!("{told}; {} it is: `{}`", way.other().name(), uninstall_command(way.other())),
        false => told,
    }
}

fn list(
    before: &[Command],
    manifest: &Manifest,
    manifest_path: &Path,
    purged: &[PathBuf],
    after: &[Command],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "Changes:")?;
    let run = |command: &Command| format!("run {command}{}", if command.as_root { " (as root)" } else { "" });
    let changes = manifest.changes.iter().rev().map(Undo::to_string);
    let purged = purged.iter().map(|path| format!("remove {} with what is in it", path.display()));
    let record = [format!("remove {}", manifest_path.display())];
    for line in before.iter().map(run).chain(changes).chain(purged).chain(record).chain(after.iter().map(run)) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn tell(commands: &[Command], hands: &mut Hands<'_>, out: &mut impl Write) -> io::Result<()> {
    for command in commands {
        match hands.run(command) {
            Err(error) if !command.may_fail => writeln!(out, "warning: {command}: {error}")?,
            _ => {}
        }
    }
    Ok(())
}

/// Configuration and data, as far as they are there. The agent that was installed found them from the account's home and
/// its configuration: what else is set in this shell is none of it.
fn kept(way: Way, system: &System) -> Result<Vec<PathBuf>, Error> {
    let paths = match way {
        Way::Hardened => vec!["/etc/seclyzer".into(), "/var/lib/seclyzer".into()],
        Way::User => {
            let account = &system.account;
            let home = [("HOME", &account.home), ("XDG_CONFIG_HOME", &account.config_home)];
            let environment = home.map(|(name, path)| (name.into(), path.clone().into())).into_iter().collect();
            let config = config::read(None, &environment)?.config;
            let database = config.store.path;
            let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
            let mut paths = vec![system.account.config_home.join("seclyzer")];
            paths.extend(config.log.file);
            paths.extend(["", "-wal", "-shm", ".lock"].map(beside));
            paths.push(socket_path(&database));
            // The folder of its own that it has by default; any other may hold what is not ours.
            let own = account.home.join(".local/share/seclyzer");
            paths.extend(database.parent().filter(|&folder| folder == own).map(Path::to_owned));
            paths
        }
    };
    Ok(paths.into_iter().filter(|path| system.at(path).exists()).collect())
}

fn remove(path: &Path) -> io::Result<()> {
    let result = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::Account;

    #[test]
    fn it_says_which_way_was_looked_for_and_where() {
        let path = Path::new("/home/ann/.local/state/seclyzer/installed.json");
        let told = nothing_installed(Way::User, path, false);
        assert_eq!(told, format!("nothing is installed the user way (looked at {})", path.display()));
        let told = nothing_installed(Way::User, path, true);
        assert!(told.ends_with("; the hardened way it is: `sudo seclyzer uninstall --hardened`"), "{told}");
    }

    fn ann(home: &Path) -> System {
        let config_home = home.join(".config");
        let account = Account { name: "ann".into(), uid: 1000, gid: 1000, home: home.to_owned(), config_home };
        System { root: "/".into(), account, executable: "/tmp/seclyzer".into(), is_member: false }
    }

    fn put(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    #[test]
    fn purging_goes_by_the_account_s_home_and_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        put(&home.join(".config/seclyzer/config.toml"), "[store]\npath = \"~/records.db\"\n");
        put(&home.join("records.db"), "");
        let kept = kept(Way::User, &ann(&home)).expect("a configuration");
        assert_eq!(kept, [home.join(".config/seclyzer"), home.join("records.db")]);
    }

    #[test]
    fn purging_takes_a_folder_only_where_it_is_the_agent_s_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("ann");
        put(&home.join(".local/share/seclyzer/seclyzer.db"), "");
        let own = kept(Way::User, &ann(&home)).expect("a configuration");
        assert!(own.contains(&home.join(".local/share/seclyzer")), "{own:?}");
        let checkout = home.join("src/seclyzer");
        put(&home.join(".config/seclyzer/config.toml"), "[store]\npath = \"~/src/seclyzer/seclyzer.db\"\n");
        put(&checkout.join("seclyzer.db"), "");
        put(&checkout.join("precious.rs"), "");
        let kept = kept(Way::User, &ann(&home)).expect("a configuration");
        assert_eq!(kept, [home.join(".config/seclyzer"), checkout.join("seclyzer.db")]);
    }
}
