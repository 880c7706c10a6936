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
    /// Nobody waits for it: a terminal that comes and goes wakes nobody. Without it they are looked for each time.
    inotify: Option<Inotify>,
    terminals: Vec<Terminal>,
}

impl Listed {
    pub fn of(folder: &Path, uid: u32) -> Listed {
        let watch = || -> nix::Result<Inotify> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            let names = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
            inotify.add_watch(folder, names | AddWatchFlags::IN_ATTRIB)?;
            Ok(inotify)
        };
        let told = |error| tracing::debug!(%error, "terminals are looked for at each press");
        // Watched before it is looked through.
        let inotify = watch().map_err(told).ok();
        let mut listed = Listed { folder: folder.to_owned(), uid, inotify, terminals: Vec::new() };
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
        if self.is_changed() {
            // What cannot be read has none.
            _ = self.look();
        }
        &self.terminals
    }

    fn is_changed(&self) -> bool {
        let Some(inotify) = &self.inotify else { return true };
        let mut is_changed = false;
        loop {
            match inotify.read_events() {
                // Notices that were lost are a notice, too.
                Ok(_) => is_changed = true,
                Err(Errno::EAGAIN) => return is_changed,
                Err(_) => return true,
            }
        }
    }

    fn look(&mut self) -> io::Result<()> {
        self.terminals.clear();
        for entry in fs::read_dir(&self.folder)?.flatten().take(MOST_TERMINALS) {
            // `ptmx` is none.
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let made = number.and_then(|_| made(&entry.path(), self.uid));
            if let (Some(number), Some(made)) = (number, made) {
                self.terminals.push(Terminal { number, path: entry.path(), made });
            }
        }
        Ok(())
    }
}

/// `None`: it is not this account's.
fn made(path: &Path, uid: u32) -> Option<Duration> {
    let metadata = fs::metadata(path).ok()?;
    let is_ours = metadata.uid() == uid && metadata.file_type().is_char_device();
    let made = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    is_ours.then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::OFlag;
    use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
    use nix::unistd::geteuid;
    use std::os::unix::fs::PermissionsExt;

    fn terminal() -> (PtyMaster, u32) {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("ours");
        let path = ptsname_r(&master).expect("its path");
        (master, path.rsplit('/').next().and_then(|number| number.parse().ok()).expect("a number"))
    }

    fn made_of(listed: &mut Listed, number: u32) -> Option<Duration> {
        listed.terminals().iter().find(|terminal| terminal.number == number).map(|terminal| terminal.made)
    }

    #[test]
    fn a_terminal_that_comes_is_given_away_or_goes_is_noticed_at_the_next_look() {
        let mut listed = Listed::of(Path::new("/dev/pts"), geteuid().as_raw());
        assert!(listed.inotify.is_some());
        let (master, number) = terminal();
        let made = made_of(&mut listed, number).expect("it came");
        fs::set_permissions(format!("/dev/pts/{number}"), fs::Permissions::from_mode(0o600)).expect("ours");
        assert_ne!(
            made_of(&mut listed, number).expect("still there"),
            made,
            "given to somebody, as far as one can tell"
        );
        drop(master);
        assert_eq!(made_of(&mut listed, number), None);
    }

    #[test]
    fn without_inotify_they_are_looked_for_each_time() {
        let mut listed = Listed::of(Path::new("/dev/pts"), geteuid().as_raw());
        listed.inotify = None;
        let (master, number) = terminal();
        assert!(made_of(&mut listed, number).is_some());
        drop(master);
        assert!(made_of(&mut listed, number).is_none());
    }

    #[test]
    fn those_of_others_are_not_listed() {
        let (_master, number) = terminal();
        let mut of_another = Listed::of(Path::new("/dev/pts"), geteuid().as_raw() + 1);
        assert!(made_of(&mut of_another, number).is_none());
    }
}
