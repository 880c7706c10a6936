//! Whoever looks at the agent's status as it changes: a line a second, and no timer where nobody looks.

use super::control::Client;
use super::watchers::Watchers;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Lookers {
    clients: Watchers,
    due: Option<Interval>,
}

impl Lookers {
    /// Tells a client the status, now and from now on.
    pub fn add(&mut self, client: Client, status: String) {
        self.clients.add(client, status);
        if self.due.is_none() && !self.clients.is_empty() {
            let mut due = interval_at(Instant::now() + EVERY, EVERY);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            self.due = Some(due);
        }
    }

    /// Waits until they are to be told; never ends where nobody looks. Cancel-safe.
    pub async fn due(&mut self) {
        match &mut self.due {
            Some(due) => drop(due.tick().await),
            None => pending().await,
        }
    }

    pub fn tell(&mut self, status: &str) {
        self.clients.tell(status);
        if self.clients.is_empty() {
            self.due = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::control::Peer;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_timer_runs_only_while_somebody_looks() {
        let mut lookers = Lookers::default();
        assert!(timeout(2 * EVERY, lookers.due()).await.is_err(), "nobody looks");
        let (theirs, ours) = UnixStream::pair().expect("a pair");
        lookers.add(Client::over(ours, Peer { pid: 1, uid: 1 }), "first".into());
        lookers.due().await;
        lookers.tell("second");
        let mut lines = BufReader::new(theirs).lines();
        for expected in ["first", "second"] {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("a line");
            assert_eq!(line.as_deref(), Some(expected));
        }
        drop(lines);
        let looking = async {
            while lookers.due.is_some() {
                lookers.due().await;
                lookers.tell("third");
            }
        };
        timeout(PATIENCE, looking).await.expect("nobody looks any more");
    }
}
