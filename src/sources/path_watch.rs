//! Tells when a path may lead to another folder: when a part of it is moved, removed or replaced (inotify), and when
//! something is mounted or unmounted (the kernel's table of mounts).

use super::descriptor;
use super::inotify::Inotify;
use std::ffi::OsString;
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Of each part of the path, be it a folder or a symbolic link.
const ITSELF: u32 = libc::IN_MOVE_SELF | libc::IN_DELETE_SELF | libc::IN_DONT_FOLLOW;
/// Of the folder above: one whose files are open is not said to be deleted itself.
const NAMES: u32 = libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO;

/// The kernel's table of mounts, to be opened before Landlock leaves it out. Without it unmounting goes unnoticed.
pub fn mounts() -> io::Result<File> {
    File::open("/proc/self/mountinfo")
}

pub struct PathWatch {
    name: OsString,
    inotify: Option<Inotify>,
    mounts: Option<AsyncFd<File>>,
}

impl PathWatch {
    /// Must be called within a runtime. What cannot be watched is left out; the log says so.
    pub fn start(folder: &Path, mounts: Option<File>) -> PathWatch {
        let watch = || -> io::Result<Inotify> {
            let inotify = Inotify::new()?;
            // Where links lead, too. A folder that may not be read cannot be watched.
            for path in [folder.canonicalize().ok(), Some(folder.to_owned())].into_iter().flatten() {
                path.ancestors().for_each(|part| _ = inotify.add_any(part, ITSELF));
                let above: Option<PathBuf> = path.parent().map(Path::to_owned);
                _ = above.map(|above| inotify.add(&above, NAMES));
            }
            Ok(inotify)
        };
        let told = |error: io::Error| {
            tracing::warn!(%error, "a change of the database's folder is noticed at the next commit only");
        };
        let mounts = mounts.and_then(|mounts| descriptor::watched_for(mounts, Interest::PRIORITY).map_err(told).ok());
        let name = folder.file_name().unwrap_or_default().to_owned();
        PathWatch { name, inotify: watch().map_err(told).ok(), mounts }
    }

    /// Waits until the path may lead elsewhere. Cancel-safe.
    pub async fn changed(&mut self) {
        let PathWatch { name, inotify, mounts } = self;
        let moved = async {
            let Some(inotify) = inotify else { return pending().await };
            let mut bytes = Vec::new();
            loop {
                poll_fn(|context| inotify.poll_changed(context)).await;
                let mut is_ours = false;
                while let Some(mut notices) = inotify.read(&mut bytes) {
                    is_ours |= notices.any(|notice| notice.name.is_empty() || notice.name == name.as_bytes());
                }
                if is_ours {
                    return;
                }
            }
        };
        let mounted = async {
            let Some(mounts) = mounts else { return pending().await };
            match mounts.ready(Interest::PRIORITY).await {
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => pending().await,
            }
        };
        tokio::select! {
            () = moved => {}
            () = mounted => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    async fn is_noticed(watch: &mut PathWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn whatever_leads_the_path_elsewhere_is_noticed_at_once() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 6] = [
            ("moved", |home| fs::rename(home.join("a/b"), home.join("a/c")).expect("moved")),
            ("removed", |home| fs::remove_dir_all(home.join("a/b")).expect("removed")),
            ("another one in its place", |home| {
                fs::create_dir(home.join("new")).expect("made");
                fs::rename(home.join("a/b"), home.join("old")).expect("moved");
                fs::rename(home.join("new"), home.join("a/b")).expect("moved");
            }),
            ("the folder above moved", |home| fs::rename(home.join("a"), home.join("old")).expect("moved")),
            ("the link's target moved", |home| fs::rename(home.join("real"), home.join("old")).expect("moved")),
            ("the link replaced", |home| {
                symlink(home.join("a"), home.join("new")).expect("a link");
                fs::rename(home.join("new"), home.join("link")).expect("replaced");
            }),
        ];
        for (name, change) in changes {
            let home = tempfile::tempdir().expect("a folder");
            let folder = match name.contains("link") {
                true => {
                    fs::create_dir_all(home.path().join("real/b")).expect("folders");
                    symlink(home.path().join("real"), home.path().join("link")).expect("a link");
                    home.path().join("link/b")
                }
                false => home.path().join("a/b"),
            };
            fs::create_dir_all(home.path().join("a/b")).expect("folders");
            // An open file keeps the folder from being deleted for good.
            let _open = File::create(folder.join("open")).expect("a file");
            let mut watch = PathWatch::start(&folder, None);
            change(home.path());
            assert!(is_noticed(&mut watch).await, "{name}");
        }
    }

    #[tokio::test]
    async fn what_happens_beside_the_folder_and_in_it_wakes_nobody() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("ours");
        fs::create_dir(&folder).expect("a folder");
        let mut watch = PathWatch::start(&folder, Some(mounts().expect("the table of mounts")));
        for place in [home.path(), &folder] {
            fs::write(place.join("file"), "").expect("a file");
            fs::rename(place.join("file"), place.join("renamed")).expect("moved");
            fs::remove_file(place.join("renamed")).expect("removed");
        }
        assert!(tokio::time::timeout(Duration::from_millis(100), watch.changed()).await.is_err());
        fs::rename(&folder, home.path().join("theirs")).expect("moved");
        assert!(is_noticed(&mut watch).await);
    }
}
