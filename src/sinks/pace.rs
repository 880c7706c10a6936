//! How much to deliver at a time, when to try again, and which records to give up.

use super::Failure;
use crate::record::Kind;
use crate::remote::{Backoff, LONGEST_PAUSE, LONGEST_PAUSE_REFUSED};
use std::collections::BTreeMap;
use std::time::Duration;

/// How much to deliver at a time, and when to try again.
pub struct Pace {
    pub limit: usize,
    largest: usize,
    backoff: Backoff,
    rejections: Rejections,
    /// A conflict of types is one of a kind of records; the others may be taken all the while.
    rejections_of: BTreeMap<Kind, Rejections>,
}

/// Single records that were rejected, without one that was taken in between.
#[derive(Debug, Default)]
struct Rejections {
    in_a_row: u32,
    backoff: Backoff,
}

impl Rejections {
    /// After so many it is rather the server that is at fault: no more than one record a pause is given up then.
    const MANY: u32 = 8;

    /// How long to pause after one more.
    fn add(&mut self) -> Option<Duration> {
        self.in_a_row += 1;
        (self.in_a_row >= Rejections::MANY).then(|| self.backoff.pause(LONGEST_PAUSE_REFUSED))
    }
}

/// What follows from the outcome of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The batch is dealt with: the mark moves behind it.
    pub is_done: bool,
    pub pause: Option<Duration>,
}

impl Pace {
    /// No server can send us away for longer.
    const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

    pub fn new(largest: usize) -> Pace {
        let rejections = Rejections::default();
        Pace { limit: largest, largest, backoff: Backoff::default(), rejections, rejections_of: BTreeMap::new() }
    }

    /// Judges the delivery of records of these kinds. A batch that is rejected is halved until the one bad record stands
    /// alone, and that one is given up.
    pub fn judge(&mut self, kinds: &[Kind], failure: Option<&Failure>) -> Verdict {
        match failure {
            None => {
                self.backoff.reset();
                self.rejections = Rejections::default();
                self.rejections_of.retain(|kind, _| !kinds.contains(kind));
                self.limit = (self.limit * 2).min(self.largest);
                Verdict { is_done: true, pause: None }
            }
            Some(Failure::Rejected(_) | Failure::Outdated(_)) if kinds.len() > 1 => {
                self.limit = kinds.len() / 2;
                Verdict { is_done: false, pause: None }
            }
            Some(Failure::Rejected(_)) => {
                let of_kind = kinds.first().and_then(|kind| self.rejections_of.entry(*kind).or_default().add());
                Verdict { is_done: true, pause: self.rejections.add().max(of_kind) }
            }
            // Not the server's fault: those behind it need not wait.
            Some(Failure::Outdated(_)) => Verdict { is_done: true, pause: None },
            Some(Failure::Refused(_)) => self.retry(LONGEST_PAUSE_REFUSED, Duration::ZERO),
            Some(Failure::Unreachable(_)) => self.retry(LONGEST_PAUSE, Duration::ZERO),
            Some(Failure::Busy { retry_after, .. }) => self.retry(LONGEST_PAUSE, retry_after.unwrap_or_default()),
        }
    }

    fn retry(&mut self, cap: Duration, at_least: Duration) -> Verdict {
        let pause = self.backoff.pause(cap).max(at_least.min(Pace::LONGEST_RETRY_AFTER));
        Verdict { is_done: false, pause: Some(pause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUSE: [Kind; 1] = [Kind::Mouse];
    const MANY: [Kind; 64] = [Kind::Mouse; 64];

    /// Delivers `records` to a server that rejects the `poison`; the ids that were given up, and the number of
    /// requests that it took.
    fn deliver_all(records: Vec<i64>, poison: &[i64]) -> (Vec<i64>, usize) {
        let (mut pace, mut left, mut given_up, mut requests) = (Pace::new(64), &records[..], vec![], 0);
        while !left.is_empty() {
            let batch = &left[..pace.limit.min(left.len())];
            let is_bad = batch.iter().any(|id| poison.contains(id));
            let failure = is_bad.then(|| Failure::Rejected("bad".into()));
            requests += 1;
            if pace.judge(&vec![Kind::Mouse; batch.len()], failure.as_ref()).is_done {
                given_up.extend(batch.iter().filter(|_| is_bad));
                left = &left[batch.len()..];
            }
        }
        (given_up, requests)
    }

    #[test]
    fn only_the_records_that_a_server_rejects_are_given_up() {
        assert_eq!(deliver_all((0..1000).collect(), &[]), (vec![], 16));
        let (given_up, requests) = deliver_all((0..1000).collect(), &[0, 17, 18, 500, 999]);
        assert_eq!(given_up, [0, 17, 18, 500, 999]);
        assert!(requests < 120, "{requests}");
    }

    #[test]
    fn records_that_are_too_old_for_a_server_hold_up_none_behind_them() {
        let mut pace = Pace::new(64);
        let outdated = Failure::Outdated("beyond the retention policy".into());
        assert!((0..1000).all(|_| pace.judge(&MOUSE, Some(&outdated)) == Verdict { is_done: true, pause: None }));
        assert!(!pace.judge(&MANY, Some(&outdated)).is_done, "others of the batch may not be");
    }

    #[test]
    fn a_server_that_rejects_everything_is_given_one_record_a_pause() {
        let mut pace = Pace::new(64);
        let rejected = Failure::Rejected("unknown organisation".into());
        let pauses = (0..20).filter(|n| pace.judge(&[Kind::ALL[n % 3]], Some(&rejected)).pause.is_some()).count();
        assert_eq!(pauses, 13);
    }

    #[test]
    fn a_kind_of_records_that_is_always_rejected_is_given_up_one_a_pause_though_others_are_taken() {
        let mut pace = Pace::new(64);
        let conflict = Failure::Rejected("field type conflict".into());
        let mut pauses = Vec::new();
        for _ in 0..20 {
            assert_eq!(pace.judge(&[Kind::Keystroke], None), Verdict { is_done: true, pause: None });
            pauses.extend(pace.judge(&MOUSE, Some(&conflict)).pause);
        }
        assert_eq!(pauses.len(), 13);
        assert!(pauses[12] >= LONGEST_PAUSE_REFUSED / 2, "the pauses grow: {pauses:?}");
        pace.judge(&MOUSE, None);
        assert_eq!(pace.judge(&MOUSE, Some(&conflict)).pause, None, "it is mended");
    }

    #[test]
    fn a_busy_server_says_when_to_come_back_but_not_for_ever() {
        let mut pace = Pace::new(64);
        let mut after = |seconds| {
            let busy = Failure::Busy { reason: String::new(), retry_after: Some(Duration::from_secs(seconds)) };
            let verdict = pace.judge(&MANY, Some(&busy));
            assert!(!verdict.is_done);
            verdict.pause.expect("a pause")
        };
        assert!(after(0) >= Duration::from_millis(250));
        assert_eq!(after(90), Duration::from_secs(90));
        assert_eq!(after(u64::MAX), Duration::from_secs(600));
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_asked_for_the_same_records_again() {
        let mut pace = Pace::new(64);
        for _ in 0..100 {
            let verdict = pace.judge(&MANY, Some(&Failure::Unreachable("refused".into())));
            assert!(!verdict.is_done && verdict.pause.is_some_and(|pause| pause <= LONGEST_PAUSE));
        }
        assert_eq!(pace.judge(&MANY, None), Verdict { is_done: true, pause: None });
    }
}
