//! Whether a program is running that does nothing but ask for a secret: a pinentry or an askpass.
//!
//! In a terminal such a program is like any other that fills the screen, and on Wayland some have no window that could
//! get the focus. But it runs for as long as it asks. The kernel tells when its file is opened, as it is to be run, and
//! when the last of what has it open has ended (inotify), so nobody has to look.

mod running;

use super::inotify::Inotify;
use running::Running;
use std::ffi::OsStr;
use std::future::{pending, poll_fn};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tokio::time::{Duration, Instant, sleep_until};

/// Where distributions have them.
const FOLDERS: [&str; 9] = [
    "/usr/bin",
    "/usr/local/bin",
    "/usr/libexec",
    "/usr/libexec/openssh",
    "/usr/libexec/seahorse",
    "/usr/lib/openssh",
    "/usr/lib/seahorse",
    "/usr/lib/ssh",
    "/run/current-system/sw/bin",
];
/// Of each program. Whoever opens it also reads it, to run it or to look at it, and of notices that are the same and
/// follow each other unread the kernel drops all but one: without those of reading, a second opening might not count, and
/// the closing after it would.
const USE: u32 = libc::IN_OPEN | libc::IN_ACCESS | libc::IN_CLOSE;
/// Of each folder: one may be installed later, or replaced.
const NAMES: u32 = libc::IN_CREATE | libc::IN_MOVED_TO;
/// More than a machine has of them.
const MOST_PROGRAMS: usize = 64;
/// An end may be missed, where two follow each other unread or notices were lost: one that seems to run for longer than
/// this is not believed.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The programs that are there.
pub(super) struct Askers {
    folders: Vec<PathBuf>,
    inotify: Option<Inotify>,
    running: Running,
    /// When the newest of those that run, or may, began.
    begun: Instant,
    longest: Duration,
    /// What was told last.
    is_asked: bool,
}

impl Askers {
    /// Those of the machine. Must be called within a runtime. Without inotify they are not known, and the log says so.
    pub fn start() -> Askers {
        Askers::start_in(FOLDERS.into_iter().map(PathBuf::from).collect())
    }

    /// Those in any folders.
    pub(super) fn start_in(folders: Vec<PathBuf>) -> Askers {
        let watch = || -> io::Result<Inotify> {
            let inotify = Inotify::new()?;
            for folder in &folders {
                // Watched before it is looked through. Few machines have all of them.
                _ = inotify.add(folder, NAMES);
                look_through(&inotify, folder);
            }
            Ok(inotify)
        };
        let told = |error| tracing::warn!(%error, "whether a pinentry or an askpass is running is not known");
        let inotify = watch().map_err(told).ok();
        Askers {
            folders,
            inotify,
            running: Running::default(),
            begun: Instant::now(),
            longest: LONGEST,
            is_asked: false,
        }
    }

    /// Waits until that changes; whether a secret is asked for then. Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        loop {
            let is_asked = self.running.is_any();
            if is_asked != self.is_asked {
                self.is_asked = is_asked;
                return is_asked;
            }
            let Some(inotify) = &self.inotify else { return pending().await };
            tokio::select! {
                () = poll_fn(|context| inotify.poll_changed(context)) => self.read(),
                () = sleep_until(self.begun + self.longest), if is_asked => self.running.clear(),
            }
        }
    }

    fn read(&mut self) {
        let Some(inotify) = &mut self.inotify else { return };
        let mut buffer = Vec::new();
        let mut is_new = false;
        while let Some(notices) = inotify.read(&mut buffer) {
            for notice in notices {
                is_new |= is_asker(OsStr::from_bytes(notice.name));
                if self.running.take(notice.watch, notice.mask) {
                    self.begun = Instant::now();
                }
            }
        }
        if is_new {
            self.folders.iter().for_each(|folder| look_through(inotify, folder));
        }
    }
}

/// Watches what of a folder is such a program, wherever links lead.
fn look_through(inotify: &Inotify, folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let programs = entries.filter(|entry| is_asker(&entry.file_name())).take(MOST_PROGRAMS);
    // Which of them may not be read is not known to run.
    programs.for_each(|program| _ = inotify.add_any(&program.path(), USE));
}

fn is_asker(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"pinentry") || memchr::memmem::find(name, b"askpass").is_some()
}

#[cfg(test)]
mod tests;
