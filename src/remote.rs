//! What everything that talks to a server shares: the pace of its attempts and the wording of its errors.

pub mod redis;
pub mod sent;
pub mod tls;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The longest pause between two attempts to reach a server.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The same after a refusal that only a change of configuration, here or there, can mend.
pub const LONGEST_PAUSE_REFUSED: Duration = Duration::from_secs(300);

const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Pauses between failed attempts: each twice as long as the one before, up to a cap, and up to a half of it taken off
/// at random so that many agents do not come back to a server all at once.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    failures: u32,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::from(FIRST_PAUSE)
    }
}

impl From<Duration> for Backoff {
    /// With this as the first pause.
    fn from(first: Duration) -> Backoff {
        Backoff { first, failures: 0 }
    }
}

impl Backoff {
    /// How long to pause after one more failure.
    pub fn pause(&mut self, cap: Duration) -> Duration {
        let full = self.first.saturating_mul(1 << self.failures.min(16)).min(cap);
        self.failures = self.failures.saturating_add(1);
        // Every `RandomState` has keys of its own; this spares a crate for random numbers.
        let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        full.mul_f64(1.0 - random / 2.0)
    }

    /// An attempt succeeded: the next pause is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_anew_after_a_success() {
        let mut backoff = Backoff::default();
        for full_ms in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
            let pause = backoff.pause(Duration::from_secs(10));
            let full = Duration::from_millis(full_ms);
            assert!(pause <= full && pause >= full / 2, "{pause:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.pause(Duration::from_secs(10)) <= FIRST_PAUSE);
    }

    #[test]
    fn pauses_stay_below_the_cap_however_long_a_server_is_away() {
        let mut backoff = Backoff { failures: u32::MAX, ..Backoff::default() };
        assert!(backoff.pause(LONGEST_PAUSE) <= LONGEST_PAUSE);
    }

    #[test]
    fn pauses_differ_from_one_agent_to_the_next() {
        let pauses: Vec<_> = (0..8).map(|_| Backoff::default().pause(LONGEST_PAUSE)).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
