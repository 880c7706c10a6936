//! `seclyzer uninstall`

use super::Error;
use super::install::{this_system, uninstall_command, warn_of_other_home};
use crate::install::data::purgeable;
use crate::install::hands::{self, Hands};
use crate::install::manifest;
use crate::install::plan::farewell;
use crate::install::running::Holder;
use crate::install::undo::{in_order, uninstall};
use crate::install::{Command, InstallError, Manifest, System, Undo, Way};
use nix::unistd::getuid;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Remove what `seclyzer install` has installed; lists every change first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer uninstall --dry-run        list the changes
  seclyzer uninstall                  keeps configuration and data
  sudo seclyzer uninstall --hardened --purge

Exit codes: 0 done; 1 something is left, which is named; 73 something could not be changed; 75 an agent is running; 77 it
needs root, or nothing is installed this way.")]
pub struct Args {
    /// The hardened service, for all its users; needs root
    #[arg(long)]
    hardened: bool,
    /// Remove configuration and data too
    #[arg(long)]
    purge: bool,
    /// Only list the changes
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let way = if args.hardened { Way::Hardened } else { Way::User };
    let system = this_system(way, None)?;
    let manifest_path = system.manifest_path(way);
    let mut manifest = manifest::read(&system, &manifest_path)?;
    if manifest.changes.is_empty() {
        let is_other = system.at(&system.manifest_path(way.other())).exists();
        return Err(Error::Refused(nothing_installed(way, &manifest_path, is_other)));
    }
    // An account that is not in the group, or has left it meanwhile, need not leave it.
    manifest.changes.retain(|change| system.is_member || !matches!(change, Undo::Leave { .. }));
    let (purged, unread) = if args.purge { purgeable(way, &system) } else { Default::default() };
    let [before, after] = farewell(way, &system);
    warn_of_other_home(&system.account, out)?;
    if let Some(error) = unread {
        writeln!(out, "warning: {error}; data outside the default places is not known, and is kept")?;
    }
    list(&before, &manifest, &system, &purged, way, &after, out)?;
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
    let troubles = uninstall(way, &manifest, &purged, &system, &mut hands).map_err(|error| match error {
        InstallError::Running { who } => Error::TryAgain(format!("{error}; {}", how_to_end(way, who))),
        error => error.into(),
    })?;
    tell(&after, &mut hands, out)?;
    for trouble in &troubles {
        writeln!(out, "warning: {trouble}")?;
    }
    let kept = match (args.purge, troubles.is_empty()) {
        (false, _) => " Configuration and data are still there.",
        (true, true) => "",
        (true, false) => " What is named above is still there.",
    };
    writeln!(out, "\nUninstalled.{kept}")?;
    if troubles.is_empty() { Ok(()) } else { Err(Error::Told) }
}

fn how_to_end(way: Way, who: Holder) -> String {
    let sudo = if way == Way::Hardened { "sudo " } else { "" };
    let pid = who.pid.map_or("PID".into(), |pid| pid.to_string());
    format!("end it with `{sudo}kill {pid}` and run this again")
}

/// Which way it was that was looked for, and what to do where it is the other one (`is_other`).
fn nothing_installed(way: Way, manifest_path: &Path, is_other: bool) -> String {
    let told = format!("nothing is installed {} (looked at {})", way.name(), manifest_path.display());
    match is_other {
        true => format!("{told}; it is installed {}: `{}`", way.other().name(), uninstall_command(way.other())),
        false => told,
    }
}

fn list(
    before: &[Command],
    manifest: &Manifest,
    system: &System,
    purged: &[PathBuf],
    way: Way,
    after: &[Command],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "Changes:")?;
    let run = |command: &Command| format!("run {command}{}", if command.as_root { " (as root)" } else { "" });
    let folders = manifest.changes.iter().rev().filter(|change| matches!(change, Undo::RemoveFolder(_)));
    let changes = in_order(&manifest.changes, system).into_iter().map(Undo::to_string);
    let purged = purged.iter().map(|path| format!("remove {} and its content", path.display()));
    let record = [format!("remove {}", system.manifest_path(way).display())];
    let folders = folders.map(Undo::to_string);
    let lines = before.iter().map(run).chain(changes).chain(purged).chain(record).chain(folders);
    for line in lines.chain(after.iter().map(run)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_which_way_was_looked_for_and_where() {
        let path = Path::new("/home/ann/.local/state/seclyzer/installed.json");
        let told = nothing_installed(Way::User, path, false);
        assert_eq!(told, format!("nothing is installed the user way (looked at {})", path.display()));
        let told = nothing_installed(Way::User, path, true);
        assert!(told.ends_with("; it is installed the hardened way: `sudo seclyzer uninstall --hardened`"), "{told}");
    }

    #[test]
    fn an_agent_that_still_runs_is_named_with_what_ends_it() {
        let told = how_to_end(Way::Hardened, Holder { pid: Some(12) });
        assert_eq!(told, "end it with `sudo kill 12` and run this again");
    }
}
