//! Records that are lost, in the log.

use std::time::Duration;
use tokio::time::Instant;

/// Records that found no room, told once and then at most once a minute.
#[derive(Debug, Default)]
pub struct Losses {
    count: u64,
    told: Option<Instant>,
}

impl Losses {
    const INTERVAL: Duration = Duration::from_secs(60);

    pub fn tell(&mut self, lost: u64) {
        self.count += lost;
        if self.told.is_none_or(|told| told.elapsed() >= Losses::INTERVAL) {
            tracing::error!(records = self.count, "records are lost: the store has fallen behind");
            *self = Losses { count: 0, told: Some(Instant::now()) };
        }
    }
}
