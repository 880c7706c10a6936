//! Which devices have something to say. One that has said so says it no more until it is asked to again, so that a device
//! that is read late wakes nobody meanwhile.

use crate::sources::descriptor;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Devices of one answer.
const MOST: usize = 16;

/// A set of devices of its own, which the runtime watches as one.
#[derive(Debug)]
pub(super) struct Readiness {
    epoll: Epoll,
    /// The same, as the runtime watches it.
    file: AsyncFd<File>,
}

fn once(device: &impl AsFd) -> EpollEvent {
    let number = device.as_fd().as_raw_fd() as u64;
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT, number)
}

impl Readiness {
    /// Must be called within a runtime.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Readiness> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let file = descriptor::watched(File::from(epoll.0.try_clone()?))?;
        Ok(Readiness { epoll, file })
    }

    /// A device from now on, until it is closed.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn add(&self, device: &impl AsFd) -> io::Result<()> {
        Ok(self.epoll.add(device, once(device))?)
    }

    /// Has a device say once more that it has something to say: at once, if it has.
    ///
    /// # Errors
    /// It was never added.
    pub fn arm(&self, device: &impl AsFd) -> io::Result<()> {
        Ok(self.epoll.modify(device, &mut once(device))?)
    }

    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.file.poll_read_ready(context).map(drop)
    }

    /// The descriptors of the devices that have something to say and have not said so before.
    pub fn take(&mut self, mut tell: impl FnMut(RawFd)) {
        loop {
            let mut events = [EpollEvent::empty(); MOST];
            let count = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
            events[..count].iter().for_each(|event| tell(event.data() as RawFd));
            if count < MOST {
                break;
            }
        }
        // What comes from now on is news for the runtime.
        let _: io::Result<()> = self.file.try_io(Interest::READABLE, |_| Err(io::ErrorKind::WouldBlock.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write;
    use std::time::Duration;

    async fn is_woken(readiness: &Readiness) -> bool {
        tokio::time::timeout(Duration::from_millis(20), poll_fn(|context| readiness.poll(context))).await.is_ok()
    }

    fn taken(readiness: &mut Readiness) -> Vec<RawFd> {
        let mut taken = Vec::new();
        readiness.take(|device| taken.push(device));
        taken
    }

    #[tokio::test]
    async fn a_device_says_once_that_it_has_something_to_say_until_it_is_asked_again() {
        let mut readiness = Readiness::new().expect("an epoll");
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        readiness.add(&reader).expect("a device");
        assert!(!is_woken(&readiness).await);
        writer.write_all(b"one").expect("said");
        assert!(is_woken(&readiness).await);
        assert_eq!((taken(&mut readiness), taken(&mut readiness)), (vec![reader.as_raw_fd()], vec![]));
        writer.write_all(b"two").expect("said");
        assert!(!is_woken(&readiness).await, "an event wakes nobody while the device is read late");
        readiness.arm(&reader).expect("a device");
        assert!(is_woken(&readiness).await, "there is something to read");
        assert_eq!(taken(&mut readiness), [reader.as_raw_fd()]);
    }

    #[tokio::test]
    async fn many_devices_are_all_told_and_a_closed_one_is_not() {
        let mut readiness = Readiness::new().expect("an epoll");
        let mut pipes: Vec<_> = (0..2 * MOST + 1).map(|_| std::io::pipe().expect("a pipe")).collect();
        for (reader, writer) in &mut pipes {
            readiness.add(reader).expect("a device");
            writer.write_all(b"one").expect("said");
        }
        let (closed, _) = pipes.pop().expect("a pipe");
        drop(closed);
        let mut expected: Vec<_> = pipes.iter().map(|(reader, _)| reader.as_raw_fd()).collect();
        let mut told = taken(&mut readiness);
        expected.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, expected);
    }
}
