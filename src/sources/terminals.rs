//! Whether a terminal of this account waits for a password.
//!
//! A program that asks for one in a terminal has the kernel show nothing of what is typed, and whoever may open the
//! terminal can see that. No event tells of it, so the terminals have to be asked: all of them, since it is not known
//! which one is in the focused window.

mod typing;

use super::session::Seat;
use nix::fcntl::OFlag;
use nix::sys::termios::tcgetattr;
use std::fs::{self, DirEntry, File};
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use typing::{Place, Starred, Typing};

/// Where the kernel has those of terminal emulators.
const ROOT: &str = "/dev/pts";
/// More than anybody has open.
const MOST_TERMINALS: usize = 1024;
/// A terminal that the last who had it open has closed has ended, to whoever made it. Until the program that it is made
/// for has opened it that would be us.
const MADE: Duration = Duration::from_secs(1);

/// The terminals of an account.
#[derive(Debug)]
pub struct Terminals {
    folder: PathBuf,
    uid: u32,
    /// How long after it was made or given to somebody a terminal is let alone.
    pub(super) made: Duration,
    starred: Starred,
}

impl Terminals {
    /// Those of the account that is at the machine.
    pub fn of_this_account() -> Terminals {
        Terminals::in_folder(Path::new(ROOT), Seat::of_this_process().uid)
    }

    /// As [`of_this_account`](Self::of_this_account), of any folder and account.
    pub fn in_folder(folder: &Path, uid: u32) -> Terminals {
        if let Err(error) = fs::read_dir(folder) {
            tracing::warn!(
                %error,
                "{} cannot be read: whether a terminal waits for a password is not known",
                folder.display()
            );
        }
        Terminals { folder: folder.to_owned(), uid, made: MADE, starred: Starred::default() }
    }

    /// Whether any of them waits for one at present. Of one that cannot be asked it is not known.
    pub fn is_secret_asked(&mut self) -> bool {
        let Ok(entries) = fs::read_dir(&self.folder) else { return false };
        let (uid, now) = (self.uid, SystemTime::now());
        let just_now = now.checked_sub(self.made).unwrap_or(now)..=now;
        let known = entries.flatten().take(MOST_TERMINALS).filter_map(|entry| {
            // `ptmx` is none.
            let number = entry.file_name().to_str()?.parse().ok()?;
            typing(number, &entry, uid, &just_now)
        });
        self.starred.take(known)
    }

    /// Enter was typed at what is taken for a prompt.
    pub fn note_enter(&mut self) {
        self.starred.note_enter();
    }
}

/// `None` where it cannot be asked, or was made `just_now`.
fn typing(number: u32, entry: &DirEntry, uid: u32, just_now: &RangeInclusive<SystemTime>) -> Option<(Place, Typing)> {
    let path = entry.path();
    let metadata = fs::metadata(&path).ok()?;
    let since_epoch = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    let is_ours = metadata.uid() == uid && metadata.file_type().is_char_device();
    if !is_ours || just_now.contains(&SystemTime::UNIX_EPOCH.checked_add(since_epoch)?) {
        return None;
    }
    let flags = OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let terminal = File::options().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let settings = tcgetattr(&terminal).ok()?;
    Some((Place::of(number, since_epoch, &settings), Typing::of(&settings)))
}
