//! The socket to a compositor. Nothing that comes from it holds up the runtime, however much it is and however slow.

use super::Error;
use super::dialogue::{Dialogue, Heard};
use super::wire::Message;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// How long the compositor may take to say what it offers, and which windows there are.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// What is read at a time.
const PIECE_BYTES: usize = 4096;
/// What is read before others get their turn.
const TURN_BYTES: usize = 16 * PIECE_BYTES;
/// Requests that the compositor has not taken: more than there are when thousands of windows open at once.
const UNSENT_BYTES: usize = 1 << 20;

pub struct Connection {
    stream: UnixStream,
    /// What has been read and is not a whole message yet.
    unheard: Vec<u8>,
    /// How much was read since others had their turn.
    turn_bytes: usize,
    dialogue: Dialogue,
}

impl Connection {
    pub async fn open(path: &Path) -> Result<Connection, Error> {
        let unreachable = |source| Error::Unreachable { path: path.into(), source };
        let stream = UnixStream::connect(path).await.map_err(unreachable)?;
        Ok(Connection { stream, unheard: Vec::new(), turn_bytes: 0, dialogue: Dialogue::begin() })
    }

    pub fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }

    /// What is heard next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Heard, Error> {
        loop {
            let heard = self.hear()?;
            self.send()?;
            if let Some(heard) = heard {
                return Ok(heard);
            }
            if self.turn_bytes >= TURN_BYTES {
                self.turn_bytes = 0;
                tokio::task::yield_now().await;
            }
            self.read().await?;
        }
    }

    /// Takes the messages that are there, up to one that matters.
    fn hear(&mut self) -> Result<Option<Heard>, Error> {
        let mut begin = 0;
        let mut heard = None;
        while heard.is_none() {
            let Some((message, length)) = Message::first(&self.unheard[begin..])? else { break };
            begin += length;
            heard = self.dialogue.take(message)?;
        }
        self.unheard.drain(..begin);
        // Long messages are rare.
        if self.unheard.is_empty() {
            self.unheard.shrink_to(PIECE_BYTES);
        }
        Ok(heard)
    }

    /// Sends what there is room for.
    fn send(&mut self) -> Result<(), Error> {
        let out = &mut self.dialogue.out;
        while !out.is_empty() {
            match self.stream.try_write(out) {
                Ok(length) => drop(out.drain(..length)),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(broken(error)),
                Err(_) if out.len() > UNSENT_BYTES => return Err(Error::Protocol("it takes no requests")),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits for something to read, or for room to send, and reads a piece. Descriptors that come with it are closed by
    /// the kernel: they go only to who asks for them.
    async fn read(&mut self) -> Result<(), Error> {
        let interest = Interest::READABLE;
        let interest = if self.dialogue.out.is_empty() { interest } else { interest | Interest::WRITABLE };
        let ready = self.stream.ready(interest).await.map_err(broken)?;
        if ready.is_readable() {
            let mut piece = [0; PIECE_BYTES];
            match self.stream.try_read(&mut piece) {
                Ok(0) => return Err(Error::Ended),
                Ok(length) => {
                    self.unheard.extend_from_slice(&piece[..length]);
                    self.turn_bytes += length;
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(broken(error)),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// A compositor that ends with requests unread resets the connection.
fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Error::Ended,
        _ => Error::Broken(error),
    }
}
