//! A timer of the kernel's, exact to some microseconds, where the runtime's own tick in milliseconds.

use super::descriptor;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

/// Rings once at the time that it is set to.
#[derive(Debug)]
pub struct Timer {
    timer: TimerFd,
    /// The same, as the runtime watches it.
    file: AsyncFd<File>,
    due: Option<Instant>,
}

impl Timer {
    /// Not set. Must be called within a runtime.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let file = descriptor::watched(File::from(timer.as_fd().try_clone_to_owned()?))?;
        Ok(Timer { timer, file, due: None })
    }

    /// Sets it to another time, or to none.
    pub fn set(&mut self, due: Option<Instant>) {
        if due == self.due {
            return;
        }
        self.due = due;
        let result = match due {
            // Nothing would be a timer that is off.
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
                self.timer.set(Expiration::OneShot(TimeSpec::from_duration(left)), TimerSetTimeFlags::empty())
            }
            None => self.timer.unset(),
        };
        if let Err(error) = result {
            tracing::error!(%error, "a timer cannot be set");
        }
    }

    /// Ready once the time has come; then it is not set any more.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.due.is_none() {
            return Poll::Pending;
        }
        loop {
            // A runtime that is shutting down.
            let Ok(mut guard) = ready!(self.file.poll_read_ready_mut(context)) else { return Poll::Pending };
            match guard.try_io(|file| file.get_mut().read(&mut [0; 8])) {
                Ok(Ok(_)) => {
                    self.due = None;
                    return Poll::Ready(());
                }
                Ok(Err(_)) => return Poll::Pending,
                // It was ready before it was set anew.
                Err(_would_block) => {}
            }
        }
    }

    /// Waits until the time has come; for ever, where it is not set. Cancel-safe.
    pub async fn expired(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);
    const LATE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn it_rings_once_and_not_before_its_time() {
        let mut timer = Timer::new().expect("a timer");
        let begun = Instant::now();
        timer.set(Some(begun + SOON));
        timer.expired().await;
        assert!(begun.elapsed() >= SOON);
        assert!(tokio::time::timeout(2 * SOON, timer.expired()).await.is_err());
    }

    #[tokio::test]
    async fn it_can_be_set_to_an_earlier_time_and_to_none_and_to_one_that_is_past() {
        let mut timer = Timer::new().expect("a timer");
        timer.set(Some(Instant::now() + LATE));
        timer.set(Some(Instant::now() + SOON));
        timer.expired().await;
        timer.set(Some(Instant::now() + SOON));
        timer.set(None);
        assert!(tokio::time::timeout(4 * SOON, timer.expired()).await.is_err());
        timer.set(Some(Instant::now()));
        timer.expired().await;
    }

    #[tokio::test]
    async fn one_that_has_rung_unheard_and_is_set_anew_rings_at_the_new_time_alone() {
        let mut timer = Timer::new().expect("a timer");
        timer.set(Some(Instant::now()));
        tokio::time::sleep(SOON).await;
        let due = Instant::now() + 4 * SOON;
        timer.set(Some(due));
        timer.expired().await;
        assert!(Instant::now() >= due);
    }
}
