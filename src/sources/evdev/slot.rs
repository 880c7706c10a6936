//! A node, read or not, and when it is tried again.

use super::classify::Kind;
use super::decode::{Decoder, Raw};
use super::echo::{Echoes, Speaker};
use super::interval;
use super::node::{self, Node, State};
use super::pace::Pace;
use super::pattern::Selection;
use super::readiness::Readiness;
use crate::event::{GapReason, Stamped};
use crate::sources::clock::boot_us;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Reads of one device before others have their turn.
pub const READS_A_TURN: usize = 8;
/// A node that could not be opened is tried again after these, doubling from the first to the last: 3 s in all. After
/// that a change of its permissions is what counts.
pub const FIRST_RETRY: Duration = Duration::from_millis(50);
pub const LAST_RETRY: Duration = Duration::from_millis(1_600);
/// What is tried for as long as it fails is tried once a minute at last.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A node, read or not.
pub struct Slot {
    pub node: Node,
    pub reading: Option<Reading>,
    pub retry: Option<Retry>,
}

pub struct Reading {
    pub file: File,
    pub decoder: Decoder,
    /// As whom `echo` knows the device.
    pub speaker: Option<Speaker>,
    pub pace: Pace,
    /// It is read from time to time; otherwise it is waited for.
    pub is_late: bool,
}

/// What a reading has found.
pub struct Found {
    /// The kernel's.
    pub events: u32,
    /// There may be more.
    pub is_rest: bool,
}

#[derive(Clone, Copy)]
pub struct Retry {
    pub due: Instant,
    pub pause: Duration,
}

impl Slot {
    /// Looks at a node and opens it if it is to be read; `tried` is the last retry, if this is one.
    pub fn open(
        path: &Path,
        selection: &Selection,
        tried: Option<Retry>,
        echoes: &mut Echoes,
        readiness: &Readiness,
    ) -> Slot {
        let node::Examined { mut node, opened, interval, is_worth_a_retry } = node::examine(path, selection);
        let reading = opened.and_then(|(file, decoder)| match readiness.add(&file) {
            Ok(()) => Some(Reading::new(file, decoder, interval, &node, echoes)),
            Err(error) => {
                node.state = State::Refused(node::errno_name(&error));
                None
            }
        });
        let retry = is_worth_a_retry.then(|| Retry::after(tried)).flatten();
        match &node.state {
            State::Read => tracing::info!("reading {} ({})", path.display(), node.name),
            State::Refused(error) if retry.is_none() => tracing::info!("{} stays closed ({error})", path.display()),
            _ => {}
        }
        Slot { node, reading, retry }
    }

    pub fn name(&self) -> &str {
        self.node.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Ends the reading of a device, if it is read: what is held on it will not be let go.
    pub fn close(&mut self, state: State, echoes: &mut Echoes, out: &mut Vec<Stamped>) {
        if let Some(reading) = self.reading.take() {
            reading.speaker.into_iter().for_each(|speaker| echoes.leave(speaker));
            reading.decoder.modalities().gap(boot_us(), GapReason::DeviceLost, out);
            tracing::info!("no longer reading {} ({})", self.node.path.display(), self.node.name);
        }
        self.node.state = state;
    }
}

impl Reading {
    pub fn new(file: File, decoder: Decoder, interval: Option<Duration>, node: &Node, echoes: &mut Echoes) -> Reading {
        let interval = if node.is_virtual { Some(interval::OF_A_PROGRAM) } else { interval };
        let pace = Pace::new(node.kinds.contains(&Kind::Mouse), interval);
        Reading { file, decoder, speaker: echoes.join(node.is_virtual), pace, is_late: false }
    }

    /// Reads until the device has nothing more to say, or others have their turn.
    pub fn read(&mut self, buffer: &mut [u8], out: &mut Vec<Stamped>) -> io::Result<Found> {
        let mut events = 0;
        for _ in 0..READS_A_TURN {
            let length = match self.file.read(buffer) {
                Ok(0) => return Err(io::Error::from_raw_os_error(libc::ENODEV)),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            for bytes in buffer[..length].as_chunks().0 {
                self.decoder.feed(Raw::parse(bytes), out);
                events += 1;
            }
            // A short read has emptied the queue.
            if length < buffer.len() {
                return Ok(Found { events, is_rest: false });
            }
        }
        Ok(Found { events, is_rest: true })
    }
}

impl Retry {
    /// The one after another, or the first.
    pub fn after(retry: Option<Retry>) -> Option<Retry> {
        let pause = retry.map_or(FIRST_RETRY, |retry| 2 * retry.pause);
        (pause <= LAST_RETRY).then(|| Retry { due: Instant::now() + pause, pause })
    }

    /// The next of what is tried for as long as it fails.
    pub fn again(retry: Option<Retry>) -> Retry {
        let pause = retry.map_or(FIRST_RETRY, |retry| (2 * retry.pause).min(LONGEST_RETRY));
        Retry { due: Instant::now() + pause, pause }
    }
}
