//! Which terminals an account has. A press asks them all, so they are not looked for each time: the kernel tells when one
//! comes, goes or is given to somebody (inotify).

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than anybody has open.
const MOST_TERMINALS: usize = 1024;

#[derive(Debug)]
pub(super) struct Terminal {
    pub number: u32,
    pub path: PathBuf,
    /// Its file's ctime, since the epoch: when it was made or given to somebody.
    pub made: Duration,
}

#[derive(Debug)]
pub(super) struct Listed {
    folder: PathBuf,
    uid: u32,
    /// Without it they are looked for each time.
    watch: Option<Watch>,
    terminals: Vec<Terminal>,
    /// They are to be looked for again.
    is_stale: bool,
}

/// Nobody waits for it: a terminal that comes and goes wakes nobody.
#[derive(Debug)]
struct Watch {
    inotify: Inotify,
    /// Device and inode of the folder: another one may be mounted over it.
    place: (u64, u64),
}

impl Watch {
    fn of(folder: &Path) -> io::Result<Watch> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let names = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
        inotify.add_watch(folder, names | AddWatchFlags::IN_ATTRIB)?;
        Ok(Watch { inotify, place: place(folder)? })
    }

    /// Whether something has changed since it was last asked; fails once it can tell no longer.
    fn is_changed(&self, folder: &Path) -> io::Result<bool> {
        if place(folder)? != self.place {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut is_changed = false;
        loop {
            let notices = match self.inotify.read_events() {
                Ok(notices) => notices,
                Err(Errno::EAGAIN) => return Ok(is_changed),
                Err(error) => return Err(error.into()),
            };
            // Notices that were lost are a notice, too.
            is_changed = true;
            if notices
                .iter()
                .any(|notice| notice.mask.intersects(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_UNMOUNT))
            {
                return Err(io::ErrorKind::NotFound.into());
            }
        }
    }
}

fn place(folder: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Listed {
    pub fn of(folder: &Path, uid: u32) -> Listed {
        // Watched before it is looked through.
        let watch = Watch::of(folder).map_err(told).ok();
        let mut listed = Listed { folder: folder.to_owned(), uid, watch, terminals: Vec::new(), is_stale: true };
        if let Err(error) = listed.look() {
            tracing::warn!(
                %error,
                "{} cannot be read: whether a terminal waits for a password is not known",
                folder.display()
            );
        }
        listed
    }

    /// Those that there are at present.
    pub fn terminals(&mut self) -> &[Terminal] {
        match self.watch.as_ref().map(|watch| watch.is_changed(&self.folder)) {
            Some(Ok(is_changed)) => self.is_stale |= is_changed,
            Some(Err(error)) => {
                told(error);
                self.watch = None;
            }
            None => {}
        }
        if self.is_stale || self.watch.is_none() {
            // Those of before, where they cannot be looked for just now; the next press tries again.
            self.is_stale = self.look().is_err();
        }
        &self.terminals
    }

    fn look(&mut self) -> io::Result<()> {
        let mut terminals = Vec::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST_TERMINALS) {
            let entry = entry?;
            // `ptmx` is none.
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            match made(&entry.path(), self.uid) {
                Ok(Some(made)) => terminals.push(Terminal { number, path: entry.path(), made }),
                Ok(None) => {}
                // It has gone meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        (self.terminals, self.is_stale) = (terminals, false);
        Ok(())
    }
}

fn told(error: io::Error) {
    tracing::debug!(%error, "terminals are looked for at each press");
}

/// `None`: it is not this account's.
fn made(path: &Path, uid: u32) -> io::Result<Option<Duration>> {
    let metadata = fs::metadata(path)?;
    let is_ours = metadata.uid() == uid && metadata.file_type().is_char_device();
    let [seconds, nanoseconds] =
        [metadata.ctime(), metadata.ctime_nsec()].map(|of| u64::try_from(of).unwrap_or_default());
    Ok(is_ours.then(|| Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::OFlag;
    use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
    use nix::unistd::geteuid;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Instant;

    fn terminal() -> (PtyMaster, u32) {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("ours");
        let path = ptsname_r(&master).expect("its path");
        (master, path.rsplit('/').next().and_then(|number| number.parse().ok()).expect("a number"))
    }

    fn listed_in(folder: &Path) -> Listed {
        Listed::of(folder, geteuid().as_raw())
    }

    fn has(listed: &mut Listed, number: u32) -> bool {
        made_at(listed, number).is_some()
    }

    /// Another terminal may have its number since.
    fn made_at(listed: &mut Listed, number: u32) -> Option<Duration> {
        listed.terminals().iter().find(|terminal| terminal.number == number).map(|terminal| terminal.made)
    }

    #[test]
    fn a_terminal_that_comes_is_given_away_or_goes_is_noticed_at_the_next_look() {
        let mut listed = listed_in(Path::new(PTS));
        let (master, number) = terminal();
        let path = PathBuf::from(PTS).join(number.to_string());
        let made_first = made_at(&mut listed, number).expect("it is there");
        let begun = Instant::now();
        // Its time is that of a tick.
        let made_anew = loop {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
            match made(&path, geteuid().as_raw()).expect("it is there") {
                Some(made) if made != made_first => break made,
                _ => assert!(begun.elapsed() < Duration::from_secs(10), "the kernel has noted no change"),
            }
        };
        assert_eq!(made_at(&mut listed, number), Some(made_anew));
        drop(master);
        assert_ne!(made_at(&mut listed, number), Some(made_anew));
    }

    #[test]
    fn without_inotify_they_are_looked_for_each_time() {
        let mut listed = listed_in(Path::new(PTS));
        listed.watch = None;
        let (master, number) = terminal();
        let made = made_at(&mut listed, number).expect("it is there");
        drop(master);
        assert_ne!(made_at(&mut listed, number), Some(made));
    }

    #[test]
    fn a_folder_in_the_place_of_the_one_that_was_watched_is_looked_through_at_each_press() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("pts");
        fs::create_dir(&folder).expect("a folder");
        let mut listed = listed_in(&folder);
        fs::rename(&folder, home.path().join("old")).expect("moved");
        fs::create_dir(&folder).expect("a folder");
        let (_master, number) = terminal();
        for name in [7, 8] {
            symlink(format!("{PTS}/{number}"), folder.join(name.to_string())).expect("a link");
            assert!(has(&mut listed, name));
        }
    }

    #[test]
    fn those_that_were_known_stay_so_while_they_cannot_be_looked_for_and_are_looked_for_again() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("pts");
        fs::create_dir(&folder).expect("a folder");
        let (_master, number) = terminal();
        symlink(format!("{PTS}/{number}"), folder.join("7")).expect("a link");
        let mut listed = listed_in(&folder);
        fs::rename(&folder, home.path().join("old")).expect("moved");
        assert!(has(&mut listed, 7));
        fs::create_dir(&folder).expect("a folder");
        assert!(!has(&mut listed, 7));
    }

    #[test]
    fn those_of_others_are_not_listed() {
        let (_master, number) = terminal();
        let mut of_another = Listed::of(Path::new(PTS), geteuid().as_raw() + 1);
        assert!(!has(&mut of_another, number));
    }

    const PTS: &str = "/dev/pts";
}
