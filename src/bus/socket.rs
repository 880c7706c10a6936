//! The socket under a connection to a bus, which bounds what peers can make us read: a message longer than any that is
//! awaited here, or more messages than any desktop sends, end the connection. zbus alone would take 128 MiB.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;
use zbus::connection::socket::{ReadHalf, Socket, Split};

/// The longest message: twenty times as long as any that is awaited.
pub const MESSAGE_BYTES: usize = 64 << 10;
/// Messages that may come at once.
pub const BURST: u32 = 512;
/// Messages a second that may come for good.
const RATE: f64 = 64.0;
/// The part of a message that tells its length.
const HEADER_BYTES: usize = 16;

/// A connected socket.
#[derive(Debug)]
pub struct Bounded(pub UnixStream);

impl Socket for Bounded {
    type ReadHalf = Reader;
    type WriteHalf = OwnedWriteHalf;

    fn split(self) -> Split<Reader, OwnedWriteHalf> {
        let (half, write) = self.0.into_split();
        Split::new(Reader { half, allowance: Allowance::new(Instant::now()) }, write)
    }
}

#[derive(Debug)]
pub struct Reader {
    half: OwnedReadHalf,
    allowance: Allowance,
}

#[async_trait::async_trait]
impl ReadHalf for Reader {
    async fn receive_message(
        &mut self,
        seq: u64,
        received: &mut Vec<u8>,
        received_fds: &mut Vec<OwnedFd>,
    ) -> zbus::Result<zbus::Message> {
        while received.len() < HEADER_BYTES {
            let mut rest = [0; HEADER_BYTES];
            let length = self.half.read(&mut rest[received.len()..]).await?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let begin = received.len();
            received.extend_from_slice(&rest[begin..begin + length]);
        }
        if length_of(received).is_none_or(|length| length > MESSAGE_BYTES) {
            return Err(zbus::Error::ExcessData);
        }
        if !self.allowance.take(Instant::now()) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "a flood of messages").into());
        }
        self.half.receive_message(seq, received, received_fds).await
    }

    /// For the greetings before the first message.
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.half.recvmsg(buffer).await
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
