//! Whether a terminal of this account waits for a password.
//!
//! A program that asks for one in a terminal has the kernel show nothing of what is typed, and whoever may open the
//! terminal can see that. No event tells of it, so the terminals have to be asked: all of them, since it is not known
//! which one is in the focused window.

mod listed;
mod typing;

use super::session::Seat;
use listed::{Listed, Terminal};
use nix::fcntl::OFlag;
use nix::sys::termios::tcgetattr;
use std::fs::File;
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use typing::{Place, Starred, Typing};

/// Where the kernel has those of terminal emulators.
const ROOT: &str = "/dev/pts";
/// A terminal that the last who had it open has closed has ended, to whoever made it. Until the program that it is made
/// for has opened it that would be us.
const MADE: Duration = Duration::from_secs(1);

/// The terminals of an account.
#[derive(Debug)]
pub struct Terminals {
    listed: Listed,
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
        Terminals { listed: Listed::of(folder, uid), made: MADE, starred: Starred::default() }
    }

    /// Whether any of them waits for one at present. Of one that cannot be asked it is not known.
    pub fn is_secret_asked(&mut self) -> bool {
        let now = SystemTime::now();
        let just_now = now.checked_sub(self.made).unwrap_or(now)..=now;
        let terminals = self.listed.terminals().iter();
        self.starred.take(terminals.filter_map(|terminal| typing(terminal, &just_now)))
    }

    /// Enter was typed at what is taken for a prompt.
    pub fn note_enter(&mut self) {
        self.starred.note_enter();
    }
}

/// `None` where it cannot be asked, or was made `just_now`.
fn typing(terminal: &Terminal, just_now: &RangeInclusive<SystemTime>) -> Option<(Place, Typing)> {
    let Terminal { number, path, made } = terminal;
    if just_now.contains(&SystemTime::UNIX_EPOCH.checked_add(*made)?) {
        return None;
    }
    let flags = OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let terminal = File::options().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let settings = tcgetattr(&terminal).ok()?;
    Some((Place::of(*number, *made, &settings), Typing::of(&settings)))
}
