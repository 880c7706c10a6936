//! `seclyzer uninstall`

use super::install::{this_system, uninstall_command};
use super::{Error, load};
use crate::agent::status::socket_path;
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
        let other = if way == Way::User { Way::Hardened } else { Way::User };
        let hint = match system.at(&system.manifest_path(other)).exists() {
            true => format!("; for the other way: `{}`", uninstall_command(other)),
            false => String::new(),
        };
        return Err(Error::Refused(format!("nothing is installed this way{hint}")));
    }
    let purged = if args.purge { kept(way, &system)? } else { Vec::new() };
    let [before, after] = farewell(way, &system);
    list(&before, &manifest, &purged, &after, out)?;
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

fn list(
    before: &[Command],
    manifest: &Manifest,
    purged: &[PathBuf],
    after: &[Command],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "Changes:")?;
    let run = |command: &Command| format!("run {command}{}", if command.as_root { " (as root)" } else { "" });
    let changes = manifest.changes.iter().rev().map(Undo::to_string);
    let purged = purged.iter().map(|path| format!("remove {} with what is in it", path.display()));
    for line in before.iter().map(run).chain(changes).chain(purged).chain(after.iter().map(run)) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn tell(commands: &[Command], hands: &mut Hands<'_>, out: &mut impl Write) -> io::Result<()> {
    for command in commands {
        if let Err(error) = hands.run(command) {
            writeln!(out, "warning: {command}: {error}")?;
        }
    }
    Ok(())
}

/// Configuration and data, as far as they are there.
fn kept(way: Way, system: &System) -> Result<Vec<PathBuf>, Error> {
    let paths = match way {
        Way::Hardened => vec!["/etc/seclyzer".into(), "/var/lib/seclyzer".into()],
        Way::User => {
            let config = load(None)?.config;
            let database = config.store.path;
            let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
            let mut paths = vec![system.account.config_home.join("seclyzer")];
            paths.extend(config.log.file);
            paths.extend(["", "-wal", "-shm", ".lock"].map(beside));
            paths.push(socket_path(&database));
            // The folder of its own that it has by default.
            paths.extend(database.parent().filter(|folder| folder.ends_with("seclyzer")).map(Path::to_owned));
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
