//! Waiting for a command no longer than until something else has to be done, which the channel's own blocking wait cannot.

use super::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;
use tokio::sync::mpsc;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

/// Waits for the next command, which is `None` once nobody is left who could send one; pending, if none came until `due`.
pub fn next(queue: &mut mpsc::Receiver<Command>, due: Option<Instant>) -> Poll<Option<Command>> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        let polled = queue.poll_recv(&mut context);
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match left {
            _ if polled.is_ready() => return polled,
            None => thread::park(),
            Some(left) if left.is_zero() => return polled,
            Some(left) => thread::park_timeout(left),
        }
    }
}
