//! Waiting for a command no longer than until something else has to be done, which the channel's own blocking wait cannot.

use super::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;
use tokio::sync::mpsc;

/// What ended a wait.
pub enum Ended {
    Command(Command),
    /// It was until then.
    Due,
    /// Nobody is left who could send one.
    Closed,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

/// Waits for the next command; for ever, where nothing else is due.
pub fn next(queue: &mut mpsc::Receiver<Command>, due: Option<Instant>) -> Ended {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match queue.poll_recv(&mut context) {
            Poll::Ready(Some(command)) => return Ended::Command(command),
            Poll::Ready(None) => return Ended::Closed,
            Poll::Pending => match due.map(|due| due.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(left) if left.is_zero() => return Ended::Due,
                Some(left) => thread::park_timeout(left),
            },
        }
    }
}
