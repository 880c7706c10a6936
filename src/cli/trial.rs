//! What each mode would have done so far, from the records of decisions.

use crate::event::Micros;
use crate::record::Identity;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

/// What was decided in so long says whether to lock: 14 days.
pub const SPAN_US: Micros = 14 * 86_400_000_000;

/// Of use: more than one lock of the owner in so many is more than is promised.
const HOURS_A_LOCK: f64 = 25.0;
/// A score stands for five seconds with input; those in which nobody was judged do not count.
const SCORES: &str = "SELECT count(*) FROM scores
     WHERE origin = 'device' AND user = ?1 AND host = ?2 AND window_end >= ?3 AND trust IS NOT NULL";
const DECISIONS: &str = "SELECT window_end, from_state, to_state, reason, modality,
            strftime('%Y-%m-%d %H:%M', window_end / 1000000, 'unixepoch', 'localtime')
     FROM decisions WHERE user = ?1 AND host = ?2 AND origin = ?3 AND window_end >= ?4 AND window_end <= ?5
     ORDER BY window_end, id";

/// What was decided since then.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Trial {
    /// Of use, in which somebody was judged.
    pub hours: f64,
    pub alarms: Vec<Alarm>,
}

/// From the threshold of notifying on.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alarm {
    pub time_us: Micros,
    /// Of the local zone, to the minute.
    pub local_time: String,
    /// `keys`, `mouse` or `both`.
    pub evidence: Option<String>,
    /// Again, after one of the same sitting was answered: it locks nothing.
    pub contested: bool,
    /// Seconds from the alarm to the lock threshold, if it was reached.
    pub lock_after_s: Option<i64>,
    /// `locked` or `not_locked`, where it was to be locked.
    pub outcome: Option<String>,
    /// The reason for which it ended, if it has.
    pub ended_by: Option<String>,
}

/// A row of decisions.
struct Decided {
    time_us: Micros,
    from: String,
    to: String,
    reason: String,
    modality: Option<String>,
    local_time: String,
}

impl Decided {
    fn of(row: &Row<'_>) -> rusqlite::Result<Decided> {
        Ok(Decided {
            time_us: row.get(0)?,
            from: row.get(1)?,
            to: row.get(2)?,
            reason: row.get(3)?,
            modality: row.get(4)?,
            local_time: row.get(5)?,
        })
    }
}

impl Trial {
    /// From the database.
    pub fn of(connection: &Connection, identity: &Identity, since_us: Micros) -> rusqlite::Result<Trial> {
        let Identity { user, host, .. } = identity;
        let scores: f64 = connection.query_row(SCORES, params![user, host, since_us], |row| row.get(0))?;
        let alarms = Trial::alarms(connection, (user, host, "device"), (since_us, Micros::MAX))?;
        Ok(Trial { hours: scores * 5.0 / 3600.0, alarms })
    }

    /// Those that began from one moment to another, of a user on a host and of an origin.
    pub fn alarms(
        connection: &Connection,
        (user, host, origin): (&str, &str, &str),
        (since_us, until_us): (Micros, Micros),
    ) -> rusqlite::Result<Vec<Alarm>> {
        let mut trial = Trial::default();
        let mut statement = connection.prepare(DECISIONS)?;
        for decided in statement.query_map(params![user, host, origin, since_us, until_us], Decided::of)? {
            trial.take(decided?);
        }
        Ok(trial.alarms)
    }

    fn take(&mut self, decided: Decided) {
        let Decided { time_us, from, to, reason, modality, local_time } = decided;
        let was_stranger = from == "stranger";
        if !was_stranger && to == "stranger" {
            let contested = reason == "contested";
            return self.alarms.push(Alarm { time_us, local_time, evidence: modality, contested, ..Alarm::default() });
        }
        let Some(alarm) = self.alarms.last_mut().filter(|alarm| was_stranger && alarm.ended_by.is_none()) else {
            return;
        };
        match reason.as_str() {
            _ if to != "stranger" => alarm.ended_by = Some(reason),
            "lock" => alarm.lock_after_s = Some((time_us - alarm.time_us) / 1_000_000),
            "locked" | "not_locked" => alarm.outcome = Some(reason),
            _ => {}
        }
    }

    /// Alarms that would have locked.
    pub fn locks(&self) -> usize {
        self.alarms.iter().filter(|alarm| alarm.lock_after_s.is_some()).count()
    }

    /// Whether the owner would have been locked out more than once in 25 hours, if it was always the owner.
    pub fn locks_too_often(&self) -> bool {
        self.locks() as f64 > (self.hours / HOURS_A_LOCK).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(second: i64, from: &str, to: &str, reason: &str) -> Decided {
        let (from, to, reason) = (from.into(), to.into(), reason.into());
        let modality = Some("keys".into());
        Decided { time_us: second * 1_000_000, from, to, reason, modality, local_time: "2026-11-26 10:00".into() }
    }

    fn trial(hours: f64, decisions: impl IntoIterator<Item = Decided>) -> Trial {
        let mut trial = Trial { hours, alarms: Vec::new() };
        decisions.into_iter().for_each(|decided| trial.take(decided));
        trial
    }

    fn lock(second: i64) -> [Decided; 3] {
        [
            decided(second, "doubtful", "stranger", "evidence"),
            decided(second + 12, "stranger", "stranger", "lock"),
            decided(second + 99, "stranger", "owner", "unlock"),
        ]
    }

    #[test]
    fn an_alarm_has_its_evidence_its_lock_and_its_end() {
        let mut decisions = vec![decided(1, "owner", "doubtful", "evidence")];
        decisions.extend(lock(10));
        decisions.push(decided(200, "doubtful", "stranger", "contested"));
        decisions.push(decided(250, "stranger", "stranger", "pause"));
        let trial = trial(1.0, decisions);
        let [first, second] = trial.alarms.as_slice() else { panic!("{trial:?}") };
        assert_eq!((first.evidence.as_deref(), first.lock_after_s), (Some("keys"), Some(12)));
        assert_eq!((first.ended_by.as_deref(), first.contested), (Some("unlock"), false));
        assert_eq!((second.contested, second.lock_after_s, &second.ended_by), (true, None, &None));
        assert_eq!(trial.locks(), 1);
    }

    #[test]
    fn an_alarm_that_began_before_the_span_is_left_out() {
        assert_eq!(trial(1.0, [decided(1, "stranger", "stranger", "lock")]).alarms, []);
    }

    #[test]
    fn one_lock_in_25_hours_of_use_is_what_is_promised() {
        let locks = |hours: f64, count: i64| trial(hours, (0..count).flat_map(|i| lock(i * 1_000))).locks_too_often();
        assert!(!locks(3.0, 1) && locks(3.0, 2));
        assert!(!locks(26.0, 1) && locks(26.0, 2));
        assert!(!locks(50.0, 2) && locks(50.0, 3));
        assert!(!locks(0.0, 0));
    }
}
