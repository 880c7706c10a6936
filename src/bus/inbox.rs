//! What was heard and not yet fetched.

use super::Heard;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// More than a desk says while the agent is busy.
const MOST: usize = 32;

#[derive(Debug, Default)]
pub struct Inbox {
    heard: Mutex<VecDeque<Heard>>,
    arrived: Notify,
}

impl Inbox {
    /// Of too many the oldest are dropped: the last one says what is so now.
    pub fn put(&self, heard: Heard) {
        let mut queue = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() == MOST {
            queue.pop_front();
        }
        queue.push_back(heard);
        self.arrived.notify_one();
    }

    /// Cancel-safe.
    pub async fn next(&self) -> Heard {
        loop {
            let arrived = self.arrived.notified();
            if let Some(heard) = self.heard.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return heard;
            }
            arrived.await;
        }
    }
}
