//! `seclyzer install`

use super::Error;
use crate::install::apply::apply;
use crate::install::gnome;
use crate::install::hands::{self, Hands};
use crate::install::manifest;
use crate::install::plan::{Without, plan, tell_session};
use crate::install::{Account, Command, GROUP, Step, System, Way};
use nix::unistd::{Gid, Group, Uid, User, getgroups, getuid};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Install the agent so that it starts with the session; lists every change first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer install --dry-run          list the changes
  seclyzer install                    the account joins the group input; asks sudo for that
  sudo seclyzer install --hardened    a sandboxed service; only it may read the devices

docs/installing.md describes what each way exposes. Installing again upgrades the program and keeps configuration and data.

Exit codes: 0 done; 73 something could not be changed; 77 it needs root, there is no such account, or it is installed the
other way.")]
pub struct Args {
    /// As a system service: no other program of the account may open the devices; needs root
    #[arg(long)]
    hardened: bool,
    /// Only list the changes
    #[arg(long)]
    dry_run: bool,
    /// The account that the hardened service is for; by default the one that called sudo
    #[arg(long, value_name = "NAME", requires = "hardened")]
    user: Option<String>,
}

pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let way = if args.hardened { Way::Hardened } else { Way::User };
    let system = this_system(way, args.user.as_deref())?;
    let other = way.other();
    if system.at(&system.manifest_path(other)).exists() {
        let (name, uninstall) = (other.name(), uninstall_command(other));
        return Err(Error::Refused(format!("it is already installed {name}: first run `{uninstall}`")));
    }
    let manifest_path = system.manifest_path(way);
    let mut manifest = manifest::read(&system, &manifest_path)?;
    let plan = plan(way, &system);
    let unreadable = |source| Error::CannotCreate { path: system.executable.clone(), source };
    let steps = system.missing(&plan.steps).map_err(unreadable)?;
    if let Some(Without { view, earlier }) = &plan.without {
        let missing = "is not there, so top, report and export will not work";
        let earlier = earlier.iter().map(|earlier| {
            format!(" unless {}, which stays, is of this version, {}", earlier.display(), env!("CARGO_PKG_VERSION"))
        });
        let earlier: String = earlier.collect();
        writeln!(out, "warning: {} {missing}{earlier}: put it there and install again", view.display())?;
    }
    if steps.is_empty() {
        writeln!(out, "Everything is already installed; nothing to do.")?;
        return Ok(());
    }
    let may_read = may_read_devices();
    // Without the group it would only find that it may not read anything.
    let is_pointless = |command: &Command| way == Way::User && !may_read && is_start(command);
    let after: Vec<&Command> = plan.after.iter().filter(|command| !is_pointless(command)).collect();
    if system.account.uid == 0 {
        writeln!(out, "warning: {FOR_ROOT}")?;
    }
    warn_of_other_home(&system.account, out)?;
    list(&system, &steps, &manifest_path, &after, out)?;
    if args.dry_run {
        return Ok(());
    }
    let is_root = getuid().is_root();
    if way == Way::Hardened && !is_root {
        return Err(Error::Refused("this needs root: run `sudo seclyzer install --hardened`".into()));
    }
    out.flush()?;
    let mut hands = Hands { is_root, run: &mut hands::run };
    apply(&steps, &system, &mut hands, &manifest_path, &mut manifest)?;
    let mut has_started = may_read;
    for command in after {
        if let Err(error) = hands.run(command) {
            writeln!(out, "warning: {command}: {error}")?;
            has_started &= !is_start(command);
        }
    }
    writeln!(out, "\nInstalled. {}", what_now(way, may_read, has_started, &system))?;
    if gnome::has_shell(&system) {
        writeln!(out, "{}", gnome::what_now())?;
    }
    Ok(())
}

fn is_start(command: &Command) -> bool {
    command.words.contains(&"restart".into())
}

fn list(
    system: &System,
    steps: &[&Step],
    manifest_path: &Path,
    after: &[&Command],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "Changes:")?;
    for step in steps {
        writeln!(out, "  {}", system.describe(step))?;
    }
    writeln!(out, "  {}, which records the above for uninstalling", system.describe_file(manifest_path))?;
    for command in after {
        let who = if command.as_root { " (as root)" } else { "" };
        writeln!(out, "  run {command}{who}")?;
    }
    Ok(())
}

const FOR_ROOT: &str = "the account is root: the agent would run as root, and only in root's sessions. Run this as the \
    account that types; with --hardened use sudo, or --user NAME";

/// Says so where the account's own process asks and has another home directory set.
pub(super) fn warn_of_other_home(account: &Account, out: &mut impl Write) -> io::Result<()> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|_| account.uid == getuid().as_raw());
    match home.and_then(|home| other_home(account, &home)) {
        Some(warning) => writeln!(out, "warning: {warning}"),
        None => Ok(()),
    }
}

fn other_home(account: &Account, home: &Path) -> Option<String> {
    let told = || {
        format!(
            "HOME is {}, but the home directory of {} is {}: services use the latter, and so does this command; set \
             HOME to it for the other commands",
            home.display(),
            account.name,
            account.home.display()
        )
    };
    (home != account.home).then(told)
}

fn what_now(way: Way, may_read: bool, has_started: bool, system: &System) -> String {
    match way {
        Way::User if has_started => "The agent is running: see `seclyzer status`.".into(),
        Way::User if may_read => {
            "The agent has not been started: run `systemctl --user restart seclyzer.service` in the graphical session; \
             `seclyzer doctor` reports what prevents it."
                .into()
        }
        Way::User => format!(
            "One step is left: reboot, or log out of every session of {}, wait 15 seconds and log in.\n\
             The account is in the group {GROUP}, but running processes keep the groups that they started with.\n\
             After that the agent starts with the session: see `seclyzer status`.",
            system.account.name
        ),
        Way::Hardened => format!(
            "The agent starts with the next graphical session of {0}. To start it in this one, as {0}:\n  sh -c \"{1}\"",
            system.account.name,
            tell_session(&system.account.name)
        ),
    }
}

pub(super) fn uninstall_command(way: Way) -> &'static str {
    match way {
        Way::User => "seclyzer uninstall",
        Way::Hardened => "sudo seclyzer uninstall --hardened",
    }
}

/// This machine, and the account that the agent is for.
pub(super) fn this_system(way: Way, user: Option<&str>) -> Result<System, Error> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let caller = variable("SUDO_USER").and_then(|name| name.into_string().ok()).filter(|name| name != "root");
    let is_own = user.is_none() && !(getuid().is_root() && caller.is_some());
    if way == Way::User && !is_own {
        let text = "run it without sudo: it installs for the account that runs it; the hardened way needs --hardened";
        return Err(Error::Refused(text.into()));
    }
    let found = match user.map(str::to_owned).or(caller.filter(|_| !is_own)) {
        Some(name) => User::from_name(&name).ok().flatten().ok_or(name),
        None => User::from_uid(getuid()).ok().flatten().ok_or_else(|| getuid().to_string()),
    };
    let user = found.map_err(|name| Error::Refused(format!("there is no account {name}")))?;
    let config_home = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| is_own && path.is_absolute());
    let executable =
        std::env::current_exe().map_err(|source| Error::CannotCreate { path: "/proc/self/exe".into(), source })?;
    let is_member = input_group().is_some_and(|group| group.mem.contains(&user.name) || group.gid == user.gid);
    let account = Account {
        config_home: config_home.unwrap_or_else(|| user.dir.join(".config")),
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        home: user.dir,
    };
    Ok(System { root: "/".into(), account, executable, is_member })
}

fn input_group() -> Option<Group> {
    Group::from_name(GROUP).ok().flatten()
}

/// Whether what this process starts may read the devices.
fn may_read_devices() -> bool {
    let has = |group: Group| getgroups().is_ok_and(|groups: Vec<Gid>| groups.contains(&group.gid));
    Uid::effective().is_root() || input_group().is_some_and(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> System {
        let account = Account {
            name: "ann".into(),
            uid: 1000,
            gid: 1000,
            home: "/home/ann".into(),
            config_home: "/home/ann/.config".into(),
        };
        System { root: "/nowhere".into(), account, executable: "/tmp/seclyzer".into(), is_member: false }
    }

    #[test]
    fn the_list_of_changes_names_the_record_of_them() {
        for (way, line) in [
            (Way::User, "  write /home/ann/.local/state/seclyzer/installed.json, which records"),
            (Way::Hardened, "  write /var/lib/seclyzer/installed.json (as root), which records"),
        ] {
            let system = ann();
            let plan = plan(way, &system);
            let (steps, after): (Vec<_>, Vec<_>) = (plan.steps.iter().collect(), plan.after.iter().collect());
            let mut out = Vec::new();
            list(&system, &steps, &system.manifest_path(way), &after, &mut out).expect("room for it");
            let told = String::from_utf8(out).expect("UTF-8");
            assert!(told.lines().any(|told| told.starts_with(line)), "{told}");
            assert_eq!(told.lines().count(), 1 + steps.len() + 1 + after.len());
        }
    }

    #[test]
    fn the_agent_is_said_to_run_only_where_it_was_started() {
        let told = |may_read, has_started| what_now(Way::User, may_read, has_started, &ann());
        assert!(told(true, true).starts_with("The agent is running"));
        assert!(told(true, false).starts_with("The agent has not been started"));
        assert!(told(false, false).starts_with("One step is left"));
    }

    #[test]
    fn another_home_than_the_account_s_is_warned_about() {
        let account = ann().account;
        assert_eq!(other_home(&account, Path::new("/home/ann/")), None);
        let told = other_home(&account, Path::new("/tmp/other")).expect("a warning");
        assert!(told.contains("HOME is /tmp/other") && told.contains("/home/ann"), "{told}");
    }
}
