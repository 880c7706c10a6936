//! The socket under a connection to a bus, which bounds what peers can make us read. zbus alone would take 128 MiB.
//!
//! A message longer than any that is awaited is read and dropped, and so is what strangers send to us alone where services
//! speak to everybody: on the system's bus every account may send signals, and one that floods us gets nothing but its own
//! work. A service's signals can be a flood, too: whoever has a session has logind send as many as they like. They are
//! dropped beyond what any desktop needs, and what they may have said is read from the service. More of other messages ends
//! the connection.

use super::connection::DBUS;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;
use zbus::connection::socket::{ReadHalf, Socket, Split};
use zbus::{Message, message};

/// The longest message: twenty times as long as any that is awaited.
pub const MESSAGE_BYTES: usize = 64 << 10;
/// The greetings before the first message, many times over: zbus would read on for a line's end.
const GREETING_BYTES: usize = 4096;
/// Messages that may come at once.
pub const BURST: u32 = 512;
/// Messages a second that may come for good.
const RATE: f64 = 64.0;
/// The part of a message that tells its length.
const HEADER_BYTES: usize = 16;
/// The longest message that D-Bus knows.
const LONGEST_BYTES: usize = 128 << 20;
/// What is dropped is read in pieces of this size.
const PIECE_BYTES: usize = 4096;

/// Whose messages matter.
#[derive(Debug, Clone)]
pub enum Traffic {
    /// Answers, and signals to everybody, which only the services are subscribed to: so it is on the system's bus. It is
    /// notified when signals were dropped.
    OfServices(Arc<Notify>),
    /// Signals to us alone, too: so programs of the session that show notices send their answers.
    OfAnybody,
}

impl Traffic {
    fn matters(&self, message: &Message) -> bool {
        use message::Type::{Error, MethodReturn, Signal};
        let header = message.header();
        let is_of_bus = header.sender().is_some_and(|sender| sender.as_str() == DBUS);
        match (self, header.message_type()) {
            (Traffic::OfAnybody, _) | (_, MethodReturn | Error) => true,
            (Traffic::OfServices(_), Signal) => is_of_bus || header.destination().is_none(),
            _ => false,
        }
    }
}

/// A connected socket.
#[derive(Debug)]
pub struct Bounded {
    pub stream: UnixStream,
    pub traffic: Traffic,
}

impl Socket for Bounded {
    type ReadHalf = Reader;
    type WriteHalf = OwnedWriteHalf;

    fn split(self) -> Split<Reader, OwnedWriteHalf> {
        let (half, write) = self.stream.into_split();
        let (signals, others) = (Allowance::new(Instant::now()), Allowance::new(Instant::now()));
        let greeting = Greeting::default();
        Split::new(Reader { half, traffic: self.traffic, signals, others, greeting }, write)
    }
}

#[derive(Debug)]
pub struct Reader {
    half: OwnedReadHalf,
    traffic: Traffic,
    /// Of services.
    signals: Allowance,
    others: Allowance,
    greeting: Greeting,
}

impl Reader {
    /// Reads until these bytes are a header, and tells the length of its message.
    async fn begin(&mut self, received: &mut Vec<u8>) -> zbus::Result<usize> {
        while received.len() < HEADER_BYTES {
            let mut rest = [0; HEADER_BYTES];
            let length = self.read(&mut rest[received.len()..]).await?;
            received.extend_from_slice(&rest[..length]);
        }
        length_of(received).filter(|&length| length <= LONGEST_BYTES).ok_or(zbus::Error::ExcessData)
    }

    /// Reads on to the end of a message, and keeps nothing of it.
    async fn drop_message(&mut self, received: &mut Vec<u8>, length: usize) -> io::Result<()> {
        let known = received.len().min(length);
        received.drain(..known);
        let mut left = length - known;
        let mut piece = [0; PIECE_BYTES];
        while left > 0 {
            let most = left.min(PIECE_BYTES);
            left -= self.read(&mut piece[..most]).await?;
        }
        Ok(())
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.half.read(buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(length),
        }
    }
}

#[async_trait::async_trait]
impl ReadHalf for Reader {
    async fn receive_message(
        &mut self,
        seq: u64,
        received: &mut Vec<u8>,
        received_fds: &mut Vec<OwnedFd>,
    ) -> zbus::Result<zbus::Message> {
        loop {
            let length = self.begin(received).await?;
            if length > MESSAGE_BYTES {
                self.drop_message(received, length).await?;
                continue;
            }
            let message = self.half.receive_message(seq, received, received_fds).await?;
            if !self.traffic.matters(&message) {
                continue;
            }
            if let (Traffic::OfServices(dropped), message::Type::Signal) = (&self.traffic, message.message_type()) {
                if !self.signals.take(Instant::now()) {
                    dropped.notify_one();
                    continue;
                }
            } else if !self.others.take(Instant::now()) {
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "a flood of messages").into());
            }
            return Ok(message);
        }
    }

    /// For the greetings before the first message.
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let (length, descriptors) = self.half.recvmsg(buffer).await?;
        self.greeting.take(&buffer[..length])?;
        Ok((length, descriptors))
    }

    /// No message that is awaited passes a descriptor.
    fn can_pass_unix_fd(&self) -> bool {
        false
    }
}

/// Bytes of a whole message, by the first that come; `None`: more than can be counted.
fn length_of(header: &[u8]) -> Option<usize> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?.try_into().ok()?;
        let number = if header[0] == b'B' { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        usize::try_from(number).ok()
    };
    let (body, fields) = (number(4)?, number(12)?);
    HEADER_BYTES.checked_add(fields)?.checked_next_multiple_of(8)?.checked_add(body)
}

/// What has come before the first message.
#[derive(Debug, Default)]
struct Greeting {
    bytes: usize,
    /// The last one.
    last: u8,
}

impl Greeting {
    /// # Errors
    /// There is more of it than a bus has to say, or a line without the end that zbus takes for granted.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len();
        for &byte in bytes {
            let before = std::mem::replace(&mut self.last, byte);
            if byte == b'\n' && before != b'\r' {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no greeting of a bus"));
            }
        }
        if self.bytes > GREETING_BYTES {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "a flood of greetings"));
        }
        Ok(())
    }
}

/// How many more messages are read: [`BURST`] at once, [`RATE`] a second for good.
#[derive(Debug)]
struct Allowance {
    left: f64,
    counted: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Allowance {
        Allowance { left: f64::from(BURST), counted: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(self.counted);
        self.counted = now;
        self.left = (self.left + since.as_secs_f64() * RATE).min(f64::from(BURST)) - 1.0;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_s_length_is_read_in_either_byte_order() {
        let header =
            |order: u8, body: [u8; 4], fields: [u8; 4]| [&[order, 4, 0, 1][..], &body, &[1, 0, 0, 0], &fields].concat();
        assert_eq!(length_of(&header(b'l', [5, 0, 0, 0], [9, 0, 0, 0])), Some(16 + 16 + 5));
        assert_eq!(length_of(&header(b'B', [0, 0, 0, 5], [0, 0, 0, 8])), Some(16 + 8 + 5));
        let longest = length_of(&header(b'l', [255; 4], [255; 4]));
        assert!(longest.is_none_or(|length| length > MESSAGE_BYTES));
        assert_eq!(length_of(b"l"), None);
    }

    #[test]
    fn a_greeting_without_an_end_or_with_an_empty_line_is_refused() {
        let mut greeting = Greeting::default();
        for piece in [&b"OK 0123"[..], b"4567\r", b"\nAGREE_UNIX_FD\r\n"] {
            greeting.take(piece).expect("as buses greet");
        }
        greeting.take(&[b'x'; GREETING_BYTES]).expect_err("too long");
        for line in [&b"\n"[..], b"OK\n"] {
            Greeting::default().take(line).expect_err("zbus would panic or fail");
        }
    }

    #[test]
    fn a_burst_and_then_a_steady_rate_is_read() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        assert!((0..BURST).all(|_| allowance.take(begun)));
        assert!(!allowance.take(begun));
        let later = begun + Duration::from_secs(1);
        let taken = (0..1000).take_while(|_| allowance.take(later)).count();
        assert!((60..=64).contains(&taken), "{taken}");
        let much_later = begun + Duration::from_secs(3600);
        assert_eq!((0..1000).take_while(|_| allowance.take(much_later)).count(), BURST as usize);
    }
}
