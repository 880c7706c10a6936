//! File descriptors that come from a system call of our own, and what waits on them.

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The file of a system call that has just made a descriptor, or why it could not.
///
/// # Safety
/// `result` must be what such a call returned, and nobody else may own the descriptor.
pub(super) unsafe fn made(result: libc::c_int) -> io::Result<File> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that the kernel has just handed out, owned by nobody else (the caller's promise).
    Ok(unsafe { File::from_raw_fd(result) })
}

/// Lets the current runtime watch a non-blocking file for something to read.
pub(super) fn watched(file: File) -> io::Result<AsyncFd<File>> {
    watched_for(file, Interest::READABLE)
}

pub(super) fn watched_for(file: File, interest: Interest) -> io::Result<AsyncFd<File>> {
    // SAFETY: a `File` keeps one and the same descriptor open for as long as it lives, and `AsyncFd` owns it.
    Ok(unsafe { AsyncFd::register_with_interest(file, interest) }?)
}
