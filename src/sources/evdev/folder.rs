//! Tells which nodes of a folder came, changed and went (inotify), also while the folder itself is not there yet.

use crate::sources::inotify::{Inotify, Notice};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

/// What happened in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A node came, or may be opened by others than before.
    Came(String),
    Went(String),
    /// A link that patterns may name came or went, or some changes were missed: look at everything again.
    Anything,
}

/// The nodes of a folder, by name.
pub struct Folder {
    root: PathBuf,
    /// Folders of links that patterns name.
    links: BTreeSet<PathBuf>,
    inotify: Inotify,
    root_watch: Option<i32>,
    /// Of the folder above, as long as there is no root.
    parent_watch: Option<i32>,
}

const NODES: u32 = LINKS | libc::IN_ATTRIB;
const LINKS: u32 = libc::IN_CREATE | libc::IN_MOVED_TO | libc::IN_DELETE | libc::IN_MOVED_FROM;
const PARENT: u32 = libc::IN_CREATE | libc::IN_MOVED_TO;

impl Folder {
    /// Watches `root`, or waits for it to come. Must be called within a runtime.
    ///
    /// # Errors
    /// Neither `root` nor the folder above can be watched, or the account has no inotify instance left.
    pub fn watch(root: &Path, links: BTreeSet<PathBuf>) -> io::Result<Folder> {
        let inotify = Inotify::new()?;
        let mut folder = Folder { root: root.to_owned(), links, inotify, root_watch: None, parent_watch: None };
        folder.arm()?;
        Ok(folder)
    }

    /// Names of the nodes that are there now; none while there is no folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn nodes(root: &Path) -> io::Result<BTreeSet<String>> {
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries?,
        };
        let mut nodes = BTreeSet::new();
        for entry in entries {
            nodes.extend(entry?.file_name().into_string().ok().filter(|name| is_node(name)));
        }
        Ok(nodes)
    }

    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.inotify.poll_changed(context)
    }

    /// Appends what happened since the last call.
    ///
    /// # Errors
    /// The folder went away and the one above cannot be watched.
    pub fn changes(&mut self, out: &mut Vec<Change>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut is_stale = false;
        while let Some(notices) = self.inotify.read(&mut bytes) {
            for notice in notices {
                is_stale |= self.take(notice, out);
            }
        }
        if is_stale { self.arm() } else { Ok(()) }
    }

    /// Takes one notice; says whether the watches have to be set anew.
    fn take(&mut self, notice: Notice<'_>, out: &mut Vec<Change>) -> bool {
        let is_root = Some(notice.watch) == self.root_watch;
        let went = notice.mask & (libc::IN_DELETE | libc::IN_MOVED_FROM) != 0;
        if notice.mask & libc::IN_IGNORED != 0 {
            // The watched folder is gone, and its watch with it.
            if is_root {
                self.root_watch = None;
                out.push(Change::Anything);
            }
            return is_root;
        }
        match std::str::from_utf8(notice.name) {
            Ok(name) if is_root && is_node(name) => {
                out.push(if went { Change::Went(name.to_owned()) } else { Change::Came(name.to_owned()) });
                false
            }
            _ => {
                let concerns_us = Some(notice.watch) != self.parent_watch
                    || Some(notice.name) == self.root.file_name().map(|name| name.as_bytes());
                if concerns_us {
                    out.push(Change::Anything);
                }
                concerns_us
            }
        }
    }

    /// Watches the root, or the folder above while there is none.
    fn arm(&mut self) -> io::Result<()> {
        for folder in &self.links {
            // One that is not there yet comes as a change of the root.
            let _ = self.inotify.add(folder, LINKS);
        }
        loop {
            match self.inotify.add(&self.root, NODES) {
                Ok(watch) => {
                    self.root_watch = Some(watch);
                    self.leave_parent();
                    return Ok(());
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Err(_) if self.parent_watch.is_some() => return Ok(()),
                // Once more after this: the root may have come before the folder above was watched.
                Err(_) => self.parent_watch = Some(self.inotify.add(self.parent(), PARENT)?),
            }
        }
    }

    fn parent(&self) -> &Path {
        self.root.parent().unwrap_or(Path::new("/"))
    }

    fn leave_parent(&mut self) {
        match self.parent_watch.take() {
            Some(watch) if !self.links.contains(self.parent()) => self.inotify.remove(watch),
            _ => {}
        }
    }
}

/// Whether a name is one of an evdev node: `event` and a number.
fn is_node(name: &str) -> bool {
    name.strip_prefix("event").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    /// What is told of the folder until `enough`.
    async fn told(folder: &mut Folder, enough: impl Fn(&[Change]) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let telling = async {
            while !enough(&changes) {
                poll_fn(|context| folder.poll_changed(context)).await;
                folder.changes(&mut changes).expect("watching goes on");
            }
        };
        tokio::time::timeout(Duration::from_secs(10), telling).await.expect("told in time");
        changes
    }

    fn came(name: &str) -> Change {
        Change::Came(name.to_owned())
    }

    #[tokio::test]
    async fn nodes_that_come_change_and_go_are_told_by_name() {
        let root = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::watch(root.path(), BTreeSet::new()).expect("watching");
        let node = root.path().join("event7");
        fs::write(&node, "").expect("a file");
        assert!(told(&mut folder, |changes| !changes.is_empty()).await.contains(&came("event7")));
        fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("permissions");
        assert!(told(&mut folder, |changes| !changes.is_empty()).await.contains(&came("event7")));
        fs::remove_file(&node).expect("removed");
        let gone = Change::Went("event7".to_owned());
        told(&mut folder, |changes| changes.contains(&gone)).await;
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_yet_is_waited_for_also_after_it_went() {
        let parent = tempfile::tempdir().expect("a folder");
        let root = parent.path().join("input");
        let mut folder = Folder::watch(&root, BTreeSet::new()).expect("watching");
        for _ in 0..2 {
            fs::create_dir(&root).expect("a folder");
            told(&mut folder, |changes| changes.contains(&Change::Anything)).await;
            fs::write(root.join("event0"), "").expect("a file");
            told(&mut folder, |changes| changes.contains(&came("event0"))).await;
            fs::remove_dir_all(&root).expect("removed");
            told(&mut folder, |changes| changes.contains(&Change::Anything)).await;
        }
    }

    #[tokio::test]
    async fn a_link_in_a_folder_that_patterns_name_makes_everything_be_looked_at_again() {
        let root = tempfile::tempdir().expect("a folder");
        let links = root.path().join("by-id");
        let mut folder = Folder::watch(root.path(), BTreeSet::from([links.clone()])).expect("watching");
        fs::create_dir(&links).expect("a folder");
        told(&mut folder, |changes| changes.contains(&Change::Anything)).await;
        std::os::unix::fs::symlink("../event0", links.join("usb-keyboard")).expect("a link");
        told(&mut folder, |changes| changes.contains(&Change::Anything)).await;
    }

    #[test]
    fn only_evdev_nodes_are_listed() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["event0", "event12", "mouse0", "mice", "event", "event1x", "js0"] {
            fs::write(root.path().join(name), "").expect("a file");
        }
        let nodes = Folder::nodes(root.path()).expect("a list");
        assert_eq!(nodes, BTreeSet::from(["event0".to_owned(), "event12".to_owned()]));
        assert_eq!(Folder::nodes(&root.path().join("none")).expect("no folder is no error"), BTreeSet::new());
    }
}
