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
    /// From the slot's beginning; in locked memory.
    held: usize,
    checksum: crc32fast::Hasher,
    result: io::Result<()>,
}

impl<'a> Writer<'a> {
    /// Writes into the slot that is next. It will be about as long as the snapshot before: so much is locked at once, since
    /// each call costs as much as writing several buffers.
    pub(super) fn new(state: &'a LiveState) -> Writer<'a> {
        let (buffer, checksum) = (Zeroizing::new([0; BUFFER_BYTES]), crc32fast::Hasher::new());
        let mut writer = Writer { state, buffer, buffered: 0, written: 0, held: 0, checksum, result: Ok(()) };
        writer.result = writer.hold(Header::BYTES + state.newest_bytes);
        writer
    }

    /// Brings so much of the slot's beginning into locked memory.
    fn hold(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > self.held {
            let start = self.state.start_of(self.state.next) + self.held as u64;
            self.state.pages.hold(start, bytes - self.held)?;
            self.held = bytes;
        }
        Ok(())
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
        self.hold(Header::BYTES + self.written + bytes)?;
        let piece = &self.buffer[..bytes];
        let start = state.start_of(state.next) + (Header::BYTES + self.written) as u64;
        state.file.write_all_at(piece, start)?;
        self.checksum.update(piece);
        self.written += bytes;
        Ok(())
    }

    /// Writes what is left, and then the header, which makes it a snapshot; its number is this one. Its length.
    pub(super) fn finish(mut self, sequence: u64) -> io::Result<usize> {
        self.flush();
        self.result?;
        let start = self.state.start_of(self.state.next);
        let header = Header::new(sequence, self.written, self.checksum);
        self.state.file.write_all_at(&header.to_bytes(), start)?;
        Ok(self.written)
    }
}
