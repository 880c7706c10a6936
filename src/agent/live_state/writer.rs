//! A snapshot on its way into its slot, a buffer at a time: it is never in memory as a whole.

use super::{Header, LiveState};
use std::io;
use std::os::unix::fs::FileExt;
use zeroize::Zeroizing;

const BUFFER_BYTES: usize = 8 << 10;

/// Takes a snapshot in pieces. What fails is reported at the end.
pub struct Writer<'a> {
    state: &'a LiveState,
    buffer: Zeroizing<[u8; BUFFER_BYTES]>,
    /// Bytes in the buffer, and in the slot.
    buffered: usize,
    written: usize,
    checksum: crc32fast::Hasher,
    result: io::Result<()>,
}

impl<'a> Writer<'a> {
    /// Writes into the slot that is next.
    pub(super) fn new(state: &'a LiveState) -> Writer<'a> {
        let buffer = Zeroizing::new([0; BUFFER_BYTES]);
        Writer { state, buffer, buffered: 0, written: 0, checksum: crc32fast::Hasher::new(), result: Ok(()) }
    }

    /// The next piece.
    #[inline]
    pub fn put(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(BUFFER_BYTES - self.buffered));
            self.buffer[self.buffered..][..now.len()].copy_from_slice(now);
            self.buffered += now.len();
            piece = later;
            if self.buffered == BUFFER_BYTES {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let buffered = std::mem::take(&mut self.buffered);
        if self.result.is_ok() {
            self.result = self.try_flush(buffered);
        }
    }

    fn try_flush(&mut self, bytes: usize) -> io::Result<()> {
        let state = self.state;
        if self.written + bytes > state.room_bytes() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let piece = &self.buffer[..bytes];
        let start = state.start_of(state.next) + (Header::BYTES + self.written) as u64;
        state.pages.hold(start, bytes)?;
        state.file.write_all_at(piece, start)?;
        self.checksum.update(piece);
        self.written += bytes;
        Ok(())
    }

    /// Writes what is left, and then the header, which makes it a snapshot; its number is this one.
    pub(super) fn finish(mut self, sequence: u64) -> io::Result<()> {
        self.flush();
        self.result?;
        let start = self.state.start_of(self.state.next);
        let header = Header::new(sequence, self.written, self.checksum);
        self.state.pages.hold(start, Header::BYTES)?;
        self.state.file.write_all_at(&header.to_bytes(), start)
    }
}
