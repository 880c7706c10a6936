//! Whether an agent still runs, whoever has started it: it holds the lock of its database.

use super::{System, Way, data};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The process that has a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Not known while it is about to say so.
    pub pid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => write!(f, "a process"),
        }
    }
}

/// Who holds the lock of a database that an agent of this installation writes to.
pub fn holder(way: Way, system: &System) -> Option<Holder> {
    locks(way, system).iter().find_map(|lock| holder_of(&system.at(lock)))
}

fn locks(way: Way, system: &System) -> Vec<PathBuf> {
    match way {
        Way::User => vec![format!("{}.lock", data::find(system).database.display()).into()],
        Way::Hardened => {
            let folders = data::entries(system, Path::new("/var/lib/seclyzer"));
            let files = folders.iter().flat_map(|folder| data::entries(system, folder));
            files.filter(|path| path.extension().is_some_and(|extension| extension == "lock")).collect()
        }
    }
}

fn holder_of(lock: &Path) -> Option<Holder> {
    // Where root looks, the folder is another account's: no link is followed, and no FIFO waited for.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(lock).ok()?;
    let is_held = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    is_held.then(|| Holder { pid: read_pid(file) })
}

fn read_pid(lock: File) -> Option<u32> {
    let mut text = String::new();
    lock.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
