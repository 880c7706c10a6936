//! A snapshot in memory that outlives the process: what must survive a restart of the service but never reach a disk.
//!
//! It is in a file in memory (memfd) whose descriptor the service manager stores and hands to the next process. The file
//! is sealed, so that its size cannot change, and locked, so that it cannot be swapped out. Two slots are written
//! alternately: a process that is killed while it writes leaves the earlier snapshot. Once the newer one is complete the
//! earlier one's memory is given back.

mod writer;

use super::notify::ServiceManager;
use nix::fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MemFdCreateFlag, memfd_create};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::ptr::{self, NonNull};
pub use writer::Writer;
use zeroize::Zeroizing;

/// The largest that one may be.
pub const MOST_BYTES: usize = 2 << 20;
/// The descriptor's name in the service manager's store.
const NAME: &str = "recognition";

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error("no service manager has started the agent")]
    NoManager,
    #[error("there is no file in memory for it: {0}")]
    NoFile(io::Error),
    #[error("its memory cannot be locked, so it could be swapped out: {0}; raise LimitMEMLOCK in the unit")]
    NotLocked(io::Error),
    #[error("the service manager did not take its descriptor: {0}")]
    NotStored(io::Error),
}

/// See the module.
pub struct LiveState {
    file: File,
    pages: Pages,
    /// The slot that is written next: 0 or 1.
    next: u64,
    /// Of the newest snapshot; 0: there is none.
    sequence: u64,
    /// Its length.
    newest_bytes: usize,
    /// A snapshot that does not fit is reported once.
    is_reported: bool,
}

impl std::fmt::Debug for LiveState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LiveState(…)")
    }
}

impl LiveState {
    /// What the process before this one has left, or a new one of `size_bytes`, which the service manager stores from now
    /// on. Half of the size, less a header, is the largest snapshot.
    pub fn inherited_or_new(manager: &mut ServiceManager, size_bytes: usize) -> Result<LiveState, NotKept> {
        assert!(size_bytes <= MOST_BYTES && size_bytes / 2 > Header::BYTES, "{size_bytes} bytes of live state");
        let stored = manager.take_stored(NAME);
        if !manager.is_there() {
            return Err(NotKept::NoManager);
        }
        let state = match stored.map(File::from).filter(|file| is_ours(file, size_bytes)) {
            Some(file) => LiveState::inherited(file, size_bytes),
            None => LiveState::new(manager, size_bytes),
        };
        if let Err(reason) = &state {
            tracing::warn!(%reason, "what was learnt since the last start will be lost at a restart");
            // Nobody would read it any more.
            manager.remove_stored(NAME);
        }
        state
    }

    /// Drops what an earlier process has left: it is not wanted any more.
    pub fn discard(manager: &mut ServiceManager) {
        if manager.take_stored(NAME).is_some() {
            manager.remove_stored(NAME);
        }
    }

    fn new(manager: &ServiceManager, size_bytes: usize) -> Result<LiveState, NotKept> {
        let file = sealed_file(size_bytes).map_err(NotKept::NoFile)?;
        let state = LiveState::over(file, size_bytes)?;
        // The store of the unit has room for one.
        manager.remove_stored(NAME);
        manager.store(NAME, state.file.as_fd()).map_err(NotKept::NotStored)?;
        Ok(state)
    }

    fn inherited(file: File, size_bytes: usize) -> Result<LiveState, NotKept> {
        let mut state = LiveState::over(file, size_bytes)?;
        for slot in [0, 1] {
            match state.snapshot(slot) {
                Some((header, snapshot)) => {
                    state.hold(slot, snapshot.len()).map_err(NotKept::NotLocked)?;
                    if header.sequence > state.sequence {
                        (state.next, state.sequence) = (1 - slot, header.sequence);
                        state.newest_bytes = snapshot.len();
                    }
                }
                // What a write that was not finished has left need not stay.
                None => state.wipe(slot),
            }
        }
        Ok(state)
    }

    fn over(file: File, size_bytes: usize) -> Result<LiveState, NotKept> {
        let pages = Pages::lock(&file, size_bytes).map_err(NotKept::NotLocked)?;
        Ok(LiveState { file, pages, next: 0, sequence: 0, newest_bytes: 0, is_reported: false })
    }

    /// The newest snapshot.
    pub fn read(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (header, snapshot) = self.snapshot(1 - self.next)?;
        (header.sequence == self.sequence).then_some(snapshot)
    }

    /// Replaces the older one of two snapshots by what is put into the writer; `false` if that could not be written, and
    /// the newest one is still there.
    pub fn write(&mut self, put: impl FnOnce(&mut Writer<'_>)) -> bool {
        let mut writer = Writer::new(self);
        put(&mut writer);
        match writer.finish(self.sequence + 1) {
            Ok(bytes) => {
                (self.next, self.sequence) = (1 - self.next, self.sequence + 1);
                self.newest_bytes = bytes;
                if let Err(error) = self.give_back(self.next) {
                    tracing::debug!(%error, "an earlier live state stays in memory");
                }
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_reported, true) {
                    tracing::warn!(%error, "the live state cannot be written for the next start");
                }
                false
            }
        }
    }

    /// Whether it has no snapshot.
    pub fn is_empty(&self) -> bool {
        self.sequence == 0
    }

    /// Forgets both snapshots.
    pub fn clear(&mut self) {
        self.wipe(0);
        self.wipe(1);
        (self.next, self.sequence, self.newest_bytes) = (0, 0, 0);
    }

    /// Overwrites a slot, and gives its memory back.
    fn wipe(&self, slot: u64) {
        const ZEROS: [u8; 4096] = [0; 4096];
        let (start, size) = (self.start_of(slot), self.slot_bytes());
        let overwrite = || {
            (0..size)
                .step_by(ZEROS.len())
                .try_for_each(|at| self.file.write_all_at(&ZEROS[..ZEROS.len().min(size - at)], start + at as u64))
        };
        if let Err(error) = overwrite().and_then(|()| self.give_back(slot)) {
            tracing::warn!(%error, "the live state cannot be wiped");
        }
    }

    /// Gives a slot's memory back to the kernel, so that it is as if never written.
    fn give_back(&self, slot: u64) -> io::Result<()> {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (start, bytes) = (self.start_of(slot).cast_signed(), self.slot_bytes() as i64);
        Ok(fallocate(self.file.as_raw_fd(), flags, start, bytes)?)
    }

    /// Brings the beginning of a slot, as far as this snapshot needs it, into locked memory.
    fn hold(&self, slot: u64, snapshot_bytes: usize) -> io::Result<()> {
        self.pages.hold(self.start_of(slot), Header::BYTES + snapshot_bytes)
    }

    /// What is completely in a slot.
    fn snapshot(&self, slot: u64) -> Option<(Header, Zeroizing<Vec<u8>>)> {
        let mut bytes = [0; Header::BYTES];
        self.file.read_exact_at(&mut bytes, self.start_of(slot)).ok()?;
        let header = Header::from_bytes(&bytes)?;
        let length = usize::try_from(header.length).ok().filter(|&length| length <= self.room_bytes())?;
        let mut snapshot = Zeroizing::new(vec![0; length]);
        self.file.read_exact_at(&mut snapshot, self.start_of(slot) + Header::BYTES as u64).ok()?;
        (Header::of(header.sequence, &snapshot) == header).then_some((header, snapshot))
    }

    /// The largest snapshot that fits.
    fn room_bytes(&self) -> usize {
        self.slot_bytes() - Header::BYTES
    }

    fn slot_bytes(&self) -> usize {
        self.pages.bytes / 2
    }

    fn start_of(&self, slot: u64) -> u64 {
        slot * self.slot_bytes() as u64
    }
}

/// Before each snapshot.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    /// From 1; the newer snapshot has the higher one.
    sequence: u64,
    length: u32,
    /// Of snapshot, sequence and length.
    checksum: u32,
}

impl Header {
    const BYTES: usize = 24;
    /// With the format's version.
    const MAGIC: [u8; 8] = *b"seclyze2";

    fn of(sequence: u64, snapshot: &[u8]) -> Header {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(snapshot);
        Header::new(sequence, snapshot.len(), checksum)
    }

    /// `checksum`: with the snapshot in it.
    fn new(sequence: u64, length: usize, mut checksum: crc32fast::Hasher) -> Header {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        checksum.update(&sequence.to_le_bytes());
        checksum.update(&length.to_le_bytes());
        Header { sequence, length, checksum: checksum.finalize() }
    }

    fn to_bytes(&self) -> [u8; Header::BYTES] {
        let mut bytes = [0; Header::BYTES];
        bytes[..8].copy_from_slice(&Header::MAGIC);
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.length.to_le_bytes());
        bytes[20..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Header::BYTES]) -> Option<Header> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let checksum = rest.first_chunk()?;
        let header = Header {
            sequence: u64::from_le_bytes(*sequence),
            length: u32::from_le_bytes(*length),
            checksum: u32::from_le_bytes(*checksum),
        };
        // After the last number no newer one is left.
        (*magic == Header::MAGIC && (1..u64::MAX).contains(&header.sequence)).then_some(header)
    }
}

/// What a file of ours is sealed with: its size is as it is. It may still be written.
const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

fn sealed_file(size_bytes: usize) -> io::Result<File> {
    let flags = MemFdCreateFlag::MFD_CLOEXEC | MemFdCreateFlag::MFD_ALLOW_SEALING;
    // Kernels before 6.3 do not know that a file is never executed.
    let never_executed = MemFdCreateFlag::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let name = c"seclyzer";
    let fd: OwnedFd = memfd_create(name, flags | never_executed).or_else(|_| memfd_create(name, flags))?;
    let file = File::from(fd);
    file.set_len(size_bytes as u64)?;
    fcntl(file.as_raw_fd(), FcntlArg::F_ADD_SEALS(SEALS))?;
    Ok(file)
}

/// Whether a descriptor that was handed back is a file that an earlier process of this account has made so.
fn is_ours(file: &File, size_bytes: usize) -> bool {
    let of_writing = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_FUTURE_WRITE;
    // Only a file in memory can have these seals.
    let is_sealed = fcntl(file.as_raw_fd(), FcntlArg::F_GET_SEALS).is_ok_and(|seals| {
        let seals = SealFlag::from_bits_retain(seals);
        seals.contains(SEALS) && !seals.intersects(of_writing)
    });
    let is_right = |metadata: std::fs::Metadata| {
        metadata.is_file()
            && metadata.nlink() == 0
            && metadata.len() == size_bytes as u64
            && metadata.uid() == nix::unistd::geteuid().as_raw()
    };
    is_sealed && file.metadata().is_ok_and(is_right)
}

/// The pages of a file, mapped only in order to be locked: they are read and written through the file.
#[derive(Debug)]
struct Pages {
    start: NonNull<libc::c_void>,
    bytes: usize,
}

impl Pages {
    /// Locks each page from the moment at which it is first used through the mapping, so that unused ones need no memory.
    fn lock(file: &File, bytes: usize) -> io::Result<Pages> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a free place. The file cannot shrink (seals), and nothing is read through the mapping.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        let start = NonNull::new(start).filter(|start| start.as_ptr() != libc::MAP_FAILED);
        let pages = Pages { start: start.ok_or_else(io::Error::last_os_error)?, bytes };
        // SAFETY: of a mapping of ours; locking changes nothing in it.
        match unsafe { libc::mlock2(pages.start.as_ptr(), bytes, libc::MLOCK_ONFAULT) } {
            0 => Ok(pages),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Brings so many bytes from there on into locked memory, before they are written.
    fn hold(&self, from: u64, bytes: usize) -> io::Result<()> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        if from.checked_add(bytes).is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: within a mapping of ours (checked above); locking changes nothing in it.
        match unsafe { libc::mlock(self.start.as_ptr().cast::<u8>().wrapping_add(from).cast(), bytes) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: a mapping of ours, to which no pointer is left.
        unsafe { libc::munmap(self.start.as_ptr(), self.bytes) };
    }
}

#[cfg(test)]
mod tests;
