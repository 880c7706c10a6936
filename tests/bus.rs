//! The desk as D-Bus has it: locking, notices, passwords, on a real bus with services that behave and services that do
//! not.

#[path = "bus/feigned.rs"]
mod feigned;
#[path = "bus/grabs.rs"]
mod grabs;
#[path = "bus/hostile.rs"]
mod hostile;
#[path = "bus/informing.rs"]
mod informing;
#[path = "bus/locking.rs"]
mod locking;
#[path = "bus/notices.rs"]
mod notices;
#[path = "bus/passwords.rs"]
mod passwords;

#[path = "support/dbus.rs"]
mod dbus;
#[path = "support/xserver.rs"]
mod xserver;
#[path = "support/xwindows.rs"]
mod xwindows;

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
