//! Installing and uninstalling: what is to be changed is worked out first, listed, and only then done.
//!
//! [`plan`](plan::plan) says what an installation consists of, [`apply`] brings a machine there or leaves it as it was,
//! and the [`Manifest`] remembers what that takes, so that [`undo`] restores what was there.

pub mod apply;
pub mod data;
pub mod gnome;
pub mod hands;
pub mod manifest;
pub mod plan;
pub mod running;
pub mod undo;

pub use manifest::{Manifest, Undo};

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The program that draws and exports.
pub const VIEW: &str = "seclyzer-view";
/// The group that may read input devices.
pub const GROUP: &str = "input";

/// How the agent gets at the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The account joins the group, and runs the agent in its own session.
    User,
    /// A service of the system runs it; only that has the group.
    Hardened,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Way::User => "the user way",
            Way::Hardened => "the hardened way",
        }
    }

    pub fn other(self) -> Way {
        match self {
            Way::User => Way::Hardened,
            Way::Hardened => Way::User,
        }
    }
}

/// Whom it is installed for.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// As the system's services are told; what `$HOME` says is not asked.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, or `.config` in the home directory.
    pub config_home: PathBuf,
}

/// The machine, as far as installing is concerned.
#[derive(Debug, Clone)]
pub struct System {
    /// What every path begins with: `/`.
    pub root: PathBuf,
    pub account: Account,
    /// The program that installs itself.
    pub executable: PathBuf,
    /// Whether the account is in the group.
    pub is_member: bool,
}

impl System {
    /// The second program, which draws and exports; it may not be there.
    pub fn view(&self) -> PathBuf {
        self.executable.with_file_name(VIEW)
    }

    /// Where a path of the installation is on this machine.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether only root may change it.
    pub fn is_root_s(&self, path: &Path) -> bool {
        !path.starts_with(&self.account.home) && !path.starts_with(&self.account.config_home)
    }

    pub fn manifest_path(&self, way: Way) -> PathBuf {
        match way {
            Way::User => self.account.home.join(".local/state/seclyzer/installed.json"),
            Way::Hardened => "/var/lib/seclyzer/installed.json".into(),
        }
    }
}

/// One thing that an installation consists of. Paths are as on a machine whose root is `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    File {
        path: PathBuf,
        contents: Contents,
        mode: u32,
    },
    Link {
        path: PathBuf,
        target: PathBuf,
    },
    /// A folder that is the account's alone.
    OwnFolder {
        path: PathBuf,
    },
    Membership,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    Text(String),
    /// Those of the program itself.
    Program,
    /// Those of the program beside it that draws and exports.
    View,
}

/// A command that follows the changes or goes before them. What it tells a running system is not part of what is
/// installed: its failure is reported and undoes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub words: Vec<String>,
    pub as_root: bool,
    /// Whether its failure is not even reported.
    pub may_fail: bool,
}

impl Command {
    pub fn root(words: &str) -> Command {
        Command { words: words.split(' ').map(str::to_owned).collect(), as_root: true, may_fail: false }
    }

    pub fn own(words: &str) -> Command {
        Command { as_root: false, ..Command::root(words) }
    }

    pub fn that_may_fail(self) -> Command {
        Command { may_fail: true, ..self }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.words.join(" "))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("{what}: {source}")]
    Change { what: String, source: io::Error },
    /// A change failed, and taking back those before it failed too. The record has what is left.
    #[error("{what}: {source}; undoing the rest failed too, and uninstalling retries it: {left}")]
    HalfDone { what: String, source: io::Error, left: String },
    #[error("{why}; this and the changes after it are still there, and uninstalling retries them")]
    Left { why: String },
    #[error("{who} still uses the agent's database: nothing was removed")]
    Running { who: running::Holder },
    #[error("{}: {source}", path.display())]
    Manifest { path: PathBuf, source: io::Error },
}
