//! What became of takeovers: somebody else goes on where the owner was, and is noticed or not.

use super::bootstrap::{self, Interval};
use super::poisson;
use crate::event::Micros;
use serde::Serialize;

/// Seconds of input within which takeovers are counted as noticed.
pub const LIMITS_S: [u32; 3] = [30, 60, 120];
const HOUR_S: f64 = 3600.0;

/// One takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takeover {
    pub owner: u32,
    /// `None`: not within what the other person's input lasted.
    pub noticed: Option<Notice>,
}

/// How long it took until the owner would have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Input time: pauses count little.
    pub after_us: Micros,
    /// Presses of keys.
    pub keys: u32,
}

/// One owner's own input while he was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnStream {
    pub owner: u32,
    pub input_us: Micros,
    pub alarms: u32,
}

/// A share of takeovers, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Within {
    pub seconds: u32,
    pub share: f64,
    pub interval: Interval,
}

/// A figure at the median and at nine of ten takeovers; `None` where the takeover was never noticed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub median: Option<f64>,
    pub nine_in_ten: Option<f64>,
}

/// Alarms in the owners' own input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FalseAlarms {
    pub count: u32,
    pub people: usize,
    pub hours: f64,
    pub per_hour: f64,
    /// Exact (Poisson), 95 %.
    pub per_hour_interval: Interval,
}

/// All takeovers and all owners' own input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Takeovers {
    /// Who had learnt enough to be judged.
    pub people: usize,
    pub takeovers: usize,
    pub within: [Within; LIMITS_S.len()],
    pub ever: f64,
    pub seconds: Quantiles,
    pub keys: Quantiles,
    pub false_alarms: FalseAlarms,
    /// Share noticed by seconds of input, for a picture.
    #[serde(skip)]
    pub noticed_s: Vec<f64>,
}

/// `None` where nobody was judged.
pub fn summary(takeovers: &[Takeover], own: &[OwnStream], people: usize) -> Option<Takeovers> {
    let after_s = |takeover: &Takeover| takeover.noticed.map(|notice| notice.after_us as f64 / 1e6);
    let share = |seconds: u32, times: &[f64]| {
        let (mut within, mut all) = (0.0, 0.0);
        for takeover in takeovers {
            let times = times[takeover.owner as usize];
            all += times;
            within += if after_s(takeover).is_some_and(|after| after <= f64::from(seconds)) { times } else { 0.0 };
        }
        (all > 0.0).then_some(within / all)
    };
    let once = vec![1.0; people];
    let shares = |times: &[f64]| {
        let mut shares = [0.0; LIMITS_S.len()];
        for (seconds, slot) in LIMITS_S.into_iter().zip(&mut shares) {
            *slot = share(seconds, times)?;
        }
        Some(shares)
    };
    let (exact, intervals) = (shares(&once)?, bootstrap::intervals(people, bootstrap::RESAMPLES, shares)?);
    let within = std::array::from_fn(|i| Within { seconds: LIMITS_S[i], share: exact[i], interval: intervals[i] });
    let mut noticed_s: Vec<f64> = takeovers.iter().filter_map(after_s).collect();
    noticed_s.sort_by(f64::total_cmp);
    let mut keys: Vec<f64> = takeovers.iter().filter_map(|t| Some(t.noticed?.keys.into())).collect();
    keys.sort_by(f64::total_cmp);
    Some(Takeovers {
        people: own.len(),
        takeovers: takeovers.len(),
        within,
        ever: noticed_s.len() as f64 / takeovers.len() as f64,
        seconds: quantiles(&noticed_s, takeovers.len()),
        keys: quantiles(&keys, takeovers.len()),
        false_alarms: false_alarms(own),
        noticed_s,
    })
}

/// Of sorted figures of those that were noticed, among all.
fn quantiles(sorted: &[f64], all: usize) -> Quantiles {
    let at = |tenths: usize| sorted.get((tenths * all).div_ceil(10).saturating_sub(1)).copied();
    Quantiles { median: at(5), nine_in_ten: at(9) }
}

fn false_alarms(own: &[OwnStream]) -> FalseAlarms {
    let count: u32 = own.iter().map(|stream| stream.alarms).sum();
    let hours = own.iter().map(|stream| stream.input_us as f64 / 1e6).sum::<f64>() / HOUR_S;
    let Interval { low, high } = poisson::interval(count.into());
    FalseAlarms {
        count,
        people: own.iter().filter(|stream| stream.alarms > 0).count(),
        hours,
        per_hour: f64::from(count) / hours,
        per_hour_interval: Interval { low: low / hours, high: high / hours },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takeover(owner: u32, after_s: Option<i64>) -> Takeover {
        let notice = |after_s| Notice { after_us: after_s * 1_000_000, keys: 3 * after_s as u32 };
        Takeover { owner, noticed: after_s.map(notice) }
    }

    #[test]
    fn a_takeover_that_is_never_noticed_counts_in_every_share() {
        let takeovers = [takeover(0, Some(10)), takeover(0, Some(60)), takeover(1, None), takeover(1, Some(61))];
        let own = [OwnStream { owner: 0, input_us: 3_600_000_000, alarms: 0 }];
        let summary = summary(&takeovers, &own, 2).expect("takeovers");
        assert_eq!(summary.within.map(|within| within.share), [0.25, 0.5, 0.75]);
        assert_eq!(summary.ever, 0.75);
        assert_eq!(summary.seconds, Quantiles { median: Some(60.0), nine_in_ten: None });
        assert_eq!(summary.keys.median, Some(180.0));
        assert_eq!(summary.within[1].interval, Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn false_alarms_are_per_hour_of_the_owners_input_with_an_exact_interval() {
        let stream = |owner, alarms| OwnStream { owner, input_us: 2 * 3_600_000_000, alarms };
        let alarms = false_alarms(&[stream(0, 2), stream(1, 0)]);
        assert_eq!((alarms.count, alarms.people, alarms.hours, alarms.per_hour), (2, 1, 4.0, 0.5));
        let Interval { low, high } = alarms.per_hour_interval;
        assert!((low - 0.0606).abs() < 1e-3 && (high - 1.806).abs() < 1e-3, "{low} {high}");
    }

    #[test]
    fn without_takeovers_there_is_no_summary() {
        assert_eq!(summary(&[], &[], 2), None);
    }
}
