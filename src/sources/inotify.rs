//! What happens to files and in folders, as the kernel tells it (inotify).

use super::descriptor;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes of an `inotify_event` before its name.
const HEAD: usize = 16;
/// Room for the notices of one read.
const ROOM_BYTES: usize = 4096;

/// Watched paths.
pub struct Inotify(AsyncFd<File>);

impl Inotify {
    /// Must be called within a runtime.
    ///
    /// # Errors
    /// The account has no inotify instance left.
    pub fn new() -> io::Result<Inotify> {
        // SAFETY: a system call without pointers that makes a descriptor.
        let inotify = unsafe { descriptor::made(libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC)) }?;
        Ok(Inotify(descriptor::watched(inotify)?))
    }

    /// Watches a folder for the events of `mask`, besides those that it is watched for already; the watch's number.
    pub fn add(&self, folder: &Path, mask: u32) -> io::Result<i32> {
        self.add_any(folder, mask | libc::IN_ONLYDIR)
    }

    /// As [`Inotify::add`], whatever the path leads to.
    pub fn add_any(&self, path: &Path, mask: u32) -> io::Result<i32> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mask = mask | libc::IN_MASK_ADD;
        // SAFETY: the descriptor is open, and `path` ends with NUL and lives through the call.
        let watch = unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), path.as_ptr(), mask) };
        if watch < 0 { Err(io::Error::last_os_error()) } else { Ok(watch) }
    }

    pub fn remove(&self, watch: i32) {
        // SAFETY: a system call without pointers on a descriptor that is open.
        unsafe { libc::inotify_rm_watch(self.0.as_raw_fd(), watch) };
    }

    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_read_ready(context).map(|_| ())
    }

    /// The next notices; `None` once there are no more for now. The buffer may be empty, and stays so where there are none.
    pub fn read<'a>(&mut self, buffer: &'a mut Vec<u8>) -> Option<Notices<'a>> {
        let read = |inotify: &mut File| {
            buffer.resize(ROOM_BYTES, 0);
            inotify.read(buffer)
        };
        let length = self.0.try_io_mut(Interest::READABLE, read).ok()?;
        Some(Notices(&buffer[..length]))
    }
}

/// One `inotify_event`.
pub struct Notice<'a> {
    pub watch: i32,
    pub mask: u32,
    pub name: &'a [u8],
}

/// The `inotify_event`s that one read has brought.
pub struct Notices<'a>(&'a [u8]);

impl<'a> Iterator for Notices<'a> {
    type Item = Notice<'a>;

    fn next(&mut self) -> Option<Notice<'a>> {
        let (head, rest) = self.0.split_first_chunk::<HEAD>()?;
        let word = |at: usize| std::array::from_fn(|i| head[at + i]);
        let (padded, rest) = rest.split_at_checked(u32::from_ne_bytes(word(12)) as usize)?;
        self.0 = rest;
        let name = padded.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(Notice { watch: i32::from_ne_bytes(word(0)), mask: u32::from_ne_bytes(word(4)), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_is_cut_off_is_no_notice() {
        let mut bytes = vec![0; HEAD + 16];
        bytes[0..4].copy_from_slice(&3i32.to_ne_bytes());
        bytes[4..8].copy_from_slice(&libc::IN_CREATE.to_ne_bytes());
        bytes[12..16].copy_from_slice(&16u32.to_ne_bytes());
        bytes[16..22].copy_from_slice(b"event0");
        let notices = |bytes| Notices(bytes).map(|n| (n.watch, n.mask, n.name.to_vec())).collect::<Vec<_>>();
        assert_eq!(notices(&bytes), [(3, libc::IN_CREATE, b"event0".to_vec())]);
        for length in 0..bytes.len() {
            assert_eq!(notices(&bytes[..length]), [], "{length}");
        }
    }
}
