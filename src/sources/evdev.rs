//! Keyboards, mice, touchpads and absolute pointers, read from the nodes under /dev/input.
//!
//! Nodes are opened for reading only and never grabbed. What an event feeds depends on the event, not on the device.
//! `decode`, `contact`, `slots` and `wheel` turn the kernel's events into ours, `classify` and `pattern` decide what is
//! read, `echo` sees to it that what several nodes report counts once, `pace` how late a device may be read: all without a
//! device. `node` opens one, `slot` reads it, `readiness` tells that it has something to say, `folder` which come and go.
//!
//! Devices are read late. The first event after quiet is read at once; from then on a device is not waited for but read
//! from time to time, in which the kernel keeps what it reports, until a reading finds nothing.
//! Names and paths of devices are logged; what is typed on them never is.

mod classify;
mod contact;
pub mod decode;
mod echo;
mod folder;
mod interval;
mod node;
mod pace;
mod pattern;
mod readiness;
mod slot;
mod slots;
mod wheel;

pub use classify::Kind;
pub use contact::Surface;
pub use decode::{Decoder, Modalities, RAW_LEN, Raw};
pub use node::{Node, State};
pub use pattern::Unread;

use crate::config;
use crate::event::{Event, GapReason, Stamped};
use crate::sources::timer::Timer;
use echo::{Echoes, Speaker};
use folder::{Change, Folder};
use pattern::Selection;
use readiness::Readiness;
use slot::{Found, Retry, Slot};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::task::Poll;
use tokio::time::{Instant, sleep_until};

/// Where the kernel's nodes are.
const ROOT: &str = "/dev/input";
/// Events of one read: the kernel keeps no fewer for each reader, and rarely more.
const EVENTS_A_READ: usize = 64;
/// Why devices cannot be read at all. A missing folder is none: devices may come.
#[derive(Debug, thiserror::Error)]
pub enum EvdevError {
    #[error("cannot watch {} for devices: {source}", path.display())]
    Watch { path: PathBuf, source: io::Error },
    #[error("cannot list {}: {source}", path.display())]
    List { path: PathBuf, source: io::Error },
    #[error("cannot wait for devices: {0}")]
    Wait(io::Error),
}

/// Every node that there is, as far as this process may look, without reading from any.
///
/// # Errors
/// [`EvdevError::List`]; that there is no such folder is no error.
pub fn list(settings: &config::Devices) -> Result<Vec<Node>, EvdevError> {
    let (root, selection) = (Path::new(ROOT), Selection::new(settings));
    let nodes = names(root)?.iter().map(|name| node::examine(&root.join(name), &selection).node).collect();
    Ok(in_order(nodes))
}

/// The devices that are read.
pub struct Devices {
    root: PathBuf,
    selection: Selection,
    folder: Folder,
    slots: Vec<Slot>,
    /// For the time of a pause all are closed.
    is_closed: bool,
    /// The folder could not be listed, and is tried again.
    listing: Option<Retry>,
    echoes: Echoes,
    readiness: Readiness,
    /// When devices that are not waited for are read.
    timer: Timer,
    /// What devices said, until it is judged; both are reused.
    said: Vec<(Option<Speaker>, Stamped)>,
    heard: Vec<Stamped>,
    buffer: Box<[u8; EVENTS_A_READ * RAW_LEN]>,
}

impl Devices {
    /// Opens what is to be read under /dev/input and watches for what comes. Must be called within a runtime.
    ///
    /// # Errors
    /// The folder cannot be watched or listed; that it is missing, empty or full of nodes that may not be opened is
    /// none.
    pub fn open(settings: &config::Devices) -> Result<Devices, EvdevError> {
        Devices::open_in(Path::new(ROOT), settings)
    }

    /// As [`open`](Self::open), for the nodes of any folder.
    pub fn open_in(root: &Path, settings: &config::Devices) -> Result<Devices, EvdevError> {
        let mut devices = Devices::closed_in(root, settings)?;
        devices.is_closed = false;
        devices.look_at_first(names(root)?);
        Ok(devices)
    }

    /// None is opened, nor looked at, before [`reopen`](Self::reopen).
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn closed(settings: &config::Devices) -> Result<Devices, EvdevError> {
        Devices::closed_in(Path::new(ROOT), settings)
    }

    fn closed_in(root: &Path, settings: &config::Devices) -> Result<Devices, EvdevError> {
        let selection = Selection::new(settings);
        let links = selection.link_folders().filter(|folder| *folder != root).map(Path::to_owned).collect();
        // Watched before it is listed: what comes in between is seen twice, not never.
        let folder =
            Folder::watch(root, links).map_err(|source| EvdevError::Watch { path: root.to_owned(), source })?;
        let made = Readiness::new().and_then(|readiness| Ok((readiness, Timer::new()?)));
        let (readiness, timer) = made.map_err(EvdevError::Wait)?;
        Ok(Devices {
            root: root.to_owned(),
            selection,
            folder,
            slots: Vec::new(),
            is_closed: true,
            listing: None,
            echoes: Echoes::default(),
            readiness,
            timer,
            said: Vec::new(),
            heard: Vec::new(),
            buffer: Box::new([0; EVENTS_A_READ * RAW_LEN]),
        })
    }

    fn look_at_first(&mut self, names: BTreeSet<String>) {
        let mut names = Vec::from_iter(names);
        // By number, which is about the order in which they were made.
        names.sort_by_key(String::len);
        for name in names {
            self.look_at(&name, None);
        }
        match summary(&self.nodes()) {
            Some(trouble) => tracing::warn!("{trouble}"),
            None if self.slots.is_empty() => tracing::info!("no node under {} yet", self.root.display()),
            None => {}
        }
    }

    /// Every node and whether it is read, by number.
    pub fn nodes(&self) -> Vec<Node> {
        in_order(self.slots.iter().map(|slot| slot.node.clone()).collect())
    }

    /// Closes all devices; none is opened, whatever comes, until [`reopen`](Self::reopen).
    pub fn close(&mut self) {
        (self.is_closed, self.listing) = (true, None);
        for slot in &mut self.slots {
            slot.retry = None;
            if slot.reading.is_some() {
                slot.close(State::Unread(Unread::Paused), &mut self.echoes, &mut self.heard);
            }
        }
        self.heard.clear();
    }

    /// Opens what is to be read by now.
    pub fn reopen(&mut self) {
        self.is_closed = false;
        self.look_at_all(&mut Vec::new());
    }

    /// Whether there are nodes to read, or may be, and none may be read.
    pub fn are_refused(&self) -> bool {
        let is_any_refused = self.slots.iter().any(|slot| matches!(slot.node.state, State::Refused(_)));
        (self.listing.is_some() || is_any_refused) && !self.is_any_read()
    }

    /// Whether any node is read.
    pub fn is_any_read(&self) -> bool {
        self.slots.iter().any(|slot| slot.node.state == State::Read)
    }

    /// Waits until [`drain`](Self::drain) has something to do. May be dropped while it waits and called anew; nothing
    /// is lost.
    pub async fn ready(&mut self) {
        let retries = self.slots.iter().filter_map(|slot| slot.retry).chain(self.listing);
        let due = retries.map(|retry| retry.due).min();
        let mut retry = due.map(|due| Box::pin(sleep_until(due)));
        poll_fn(|context| {
            let is_ready = self.readiness.poll(context).is_ready()
                || self.timer.poll(context).is_ready()
                || self.folder.poll_changed(context).is_ready()
                || retry.as_mut().is_some_and(|retry| retry.as_mut().poll(context).is_ready());
            if is_ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Does all that can be done without waiting: reads what devices have to say, follows nodes that came and went.
    /// Events are appended in order of their time, which is CLOCK_BOOTTIME in microseconds.
    pub fn drain(&mut self, out: &mut Vec<Stamped>) {
        let first = out.len();
        self.read();
        if !self.said.is_sorted_by_key(|(_, event)| event.ts_us) {
            self.said.sort_by_key(|(_, event)| event.ts_us);
        }
        out.extend(
            self.said
                .drain(..)
                .filter(|(speaker, event)| !self.echoes.is_echo(*speaker, event))
                .map(|(_, event)| event),
        );
        self.follow_folder(out);
        self.retry_due(out);
        let fresh = &mut out[first..];
        if !fresh.is_sorted_by_key(|event| event.ts_us) {
            fresh.sort_by_key(|event| event.ts_us);
        }
    }

    /// Reads all devices that have something to say, or may have: virtual ones first, of these the newest first. Whatever a
    /// device repeats, its original can be read by then.
    fn read(&mut self) {
        let now = Instant::now();
        self.take_ready();
        let count = self.slots.len();
        let mut is_rest = false;
        for index in (0..count).rev() {
            if self.slots[index].node.is_virtual {
                is_rest |= self.read_slot(index, now);
            }
        }
        if !self.said.is_empty() {
            self.take_ready();
        }
        for index in 0..count {
            if !self.slots[index].node.is_virtual {
                is_rest |= self.read_slot(index, now);
            }
        }
        let due = if is_rest { Some(now) } else { self.rest(now) };
        self.timer.set(due);
    }

    /// Notes which devices have something to say.
    fn take_ready(&mut self) {
        let slots = &mut self.slots;
        self.readiness.take(|descriptor| {
            let mut readings = slots.iter_mut().filter_map(|slot| slot.reading.as_mut());
            if let Some(reading) = readings.find(|reading| reading.file.as_raw_fd() == descriptor) {
                reading.is_late = true;
            }
        });
    }

    /// Whether there is more to read.
    fn read_slot(&mut self, index: usize, now: Instant) -> bool {
        let slot = &mut self.slots[index];
        let Some(reading) = slot.reading.as_mut().filter(|reading| reading.is_late) else { return false };
        let speaker = reading.speaker;
        let is_rest = match reading.read(&mut self.buffer[..], &mut self.heard) {
            Ok(Found { events, is_rest }) => {
                reading.pace.note(now.into_std(), events);
                if self.heard.iter().any(is_overrun) {
                    reading.pace.note_overrun();
                }
                is_rest
            }
            // Not tried again: while the node is there, a change of it will be told.
            Err(error) => {
                slot.close(State::Refused(node::errno_name(&error)), &mut self.echoes, &mut self.heard);
                false
            }
        };
        self.said.extend(self.heard.drain(..).map(|event| (speaker, event)));
        is_rest
    }

    /// Goes back to waiting for the devices that it does not pay to leave alone; when the others are to be read.
    fn rest(&mut self, now: Instant) -> Option<Instant> {
        let readings = || self.slots.iter().filter_map(|slot| slot.reading.as_ref());
        let worth = readings().filter(|reading| reading.is_late && reading.pace.is_worth());
        let pause = worth.map(|reading| reading.pace.pause()).min();
        for slot in &mut self.slots {
            let Some(reading) = slot.reading.as_mut().filter(|reading| reading.is_late) else { continue };
            reading.is_late =
                pause.is_some_and(|pause| reading.pace.pause() >= pause) && !reading.pace.is_quiet(now.into_std());
            if !reading.is_late
                && let Err(error) = self.readiness.arm(&reading.file)
            {
                slot.close(State::Refused(node::errno_name(&error)), &mut self.echoes, &mut self.heard);
            }
        }
        self.said.extend(self.heard.drain(..).map(|event| (None, event)));
        pause.map(|pause| now + pause)
    }

    fn follow_folder(&mut self, out: &mut Vec<Stamped>) {
        let mut changes = Vec::new();
        if let Err(error) = self.folder.changes(&mut changes) {
            tracing::warn!(%error, "{} is no longer watched for devices", self.root.display());
        }
        if self.is_closed {
            // All nodes are looked at when they are opened again.
            return;
        }
        for change in changes {
            match change {
                Change::Came(name) => self.look_at(&name, None),
                Change::Went(name) => self.forget(|gone| gone == name, out),
                Change::Anything => self.look_at_all(out),
            }
        }
    }

    fn retry_due(&mut self, out: &mut Vec<Stamped>) {
        let now = Instant::now();
        if self.listing.is_some_and(|retry| retry.due <= now) {
            self.look_at_all(out);
        }
        for i in 0..self.slots.len() {
            if let Some(retry) = self.slots[i].retry.filter(|retry| retry.due <= now) {
                let name = self.slots[i].name().to_owned();
                self.look_at(&name, Some(retry));
            }
        }
    }

    /// Opens a node that is not being read, and notes what became of it. `tried` is the retry that this is, if it is one.
    fn look_at(&mut self, name: &str, tried: Option<Retry>) {
        let known = self.slots.iter().position(|slot| slot.name() == name);
        if known.is_some_and(|i| self.slots[i].reading.is_some()) {
            return;
        }
        let slot = Slot::open(&self.root.join(name), &self.selection, tried, &mut self.echoes, &self.readiness);
        match known {
            Some(i) => self.slots[i] = slot,
            None => self.slots.push(slot),
        }
    }

    /// Looks at every node again, those that are read included: patterns may name links that came or went.
    fn look_at_all(&mut self, out: &mut Vec<Stamped>) {
        let names = match names(&self.root) {
            Ok(names) => names,
            Err(error) => {
                if self.listing.is_none() {
                    tracing::warn!("{error}; it is tried again");
                }
                self.listing = Some(Retry::again(self.listing));
                return;
            }
        };
        self.listing = None;
        self.forget(|name| !names.contains(name), out);
        for slot in &mut self.slots {
            if let (true, Err(reason)) = (slot.reading.is_some(), self.selection.admit(slot.node.candidate())) {
                slot.close(State::Unread(reason), &mut self.echoes, out);
            }
        }
        for name in names {
            self.look_at(&name, None);
        }
    }

    /// Forgets nodes that are no longer there.
    fn forget(&mut self, is_gone: impl Fn(&str) -> bool, out: &mut Vec<Stamped>) {
        self.slots.retain_mut(|slot| {
            let stays = !is_gone(slot.name());
            if !stays {
                slot.close(State::Refused("ENODEV".to_owned()), &mut self.echoes, out);
            }
            stays
        });
    }
}

fn is_overrun(stamped: &Stamped) -> bool {
    matches!(stamped.event, Event::Gap { reason: GapReason::Overrun, .. })
}

fn names(root: &Path) -> Result<BTreeSet<String>, EvdevError> {
    Folder::nodes(root).map_err(|source| EvdevError::List { path: root.to_owned(), source })
}

/// By number: `event2` before `event10`.
fn in_order(mut nodes: Vec<Node>) -> Vec<Node> {
    nodes.sort_by(|a, b| a.path.as_os_str().len().cmp(&b.path.as_os_str().len()).then_with(|| a.path.cmp(&b.path)));
    nodes
}

/// What to tell of nodes that could not be opened, if there are any.
pub fn summary(nodes: &[Node]) -> Option<String> {
    let refusals: Vec<&str> = nodes
        .iter()
        .filter_map(|node| match &node.state {
            State::Refused(error) => Some(error.as_str()),
            _ => None,
        })
        .collect();
    let errors: Vec<&str> = refusals.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    (!refusals.is_empty()).then(|| {
        format!("{} nodes, {} refused ({}): run `seclyzer doctor`", nodes.len(), refusals.len(), errors.join(", "))
    })
}

#[cfg(test)]
pub(super) mod tests;
