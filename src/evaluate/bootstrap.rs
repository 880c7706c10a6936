//! How much a figure would differ with other people: the bootstrap (Efron), with people drawn whole.

use super::random::Random;
use serde::Serialize;

pub const RESAMPLES: usize = 1_000;
const SEED: u64 = 20_261_126;
/// Share of the draws outside the interval, at each end.
const TAIL: f64 = 0.025;

/// Bounds of a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Intervals of `N` figures. `figures` computes them from how many times each person was drawn; a draw for which it
/// cannot (`None`) is left out. `None` if it never can.
pub fn intervals<const N: usize>(
    people: usize,
    resamples: usize,
    mut figures: impl FnMut(&[f64]) -> Option<[f64; N]>,
) -> Option<[Interval; N]> {
    let mut random = Random::new(SEED);
    let mut drawn = vec![0.0; people];
    let mut seen: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(resamples));
    for _ in 0..resamples {
        drawn.fill(0.0);
        (0..people).for_each(|_| drawn[random.below(people)] += 1.0);
        if let Some(figures) = figures(&drawn) {
            seen.iter_mut().zip(figures).for_each(|(seen, figure)| seen.push(figure));
        }
    }
    if seen.iter().any(Vec::is_empty) {
        return None;
    }
    Some(seen.map(|mut seen| {
        seen.sort_by(f64::total_cmp);
        Interval { low: quantile(&seen, TAIL), high: quantile(&seen, 1.0 - TAIL) }
    }))
}

/// Of sorted numbers, between the two nearest ones. They must not be empty.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (at - at.floor()) * (above - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of what each person has.
    fn mean_of(values: &[f64]) -> Interval {
        let [interval] = intervals(values.len(), RESAMPLES, |drawn| {
            Some([drawn.iter().zip(values).map(|(times, value)| times * value).sum::<f64>() / values.len() as f64])
        })
        .expect("a mean");
        interval
    }

    #[test]
    fn people_who_are_all_the_same_leave_no_doubt() {
        assert_eq!(mean_of(&[2.0; 9]), Interval { low: 2.0, high: 2.0 });
    }

    #[test]
    fn the_interval_of_a_mean_is_two_standard_errors_wide_on_each_side() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let Interval { low, high } = mean_of(&values);
        let error = (9_999.0_f64 / 12.0).sqrt() / 10.0;
        assert!(
            ((49.5 - low) / error - 1.96).abs() < 0.2 && ((high - 49.5) / error - 1.96).abs() < 0.2,
            "{low} {high}"
        );
    }

    #[test]
    fn the_same_people_give_the_same_interval() {
        let values: Vec<f64> = (0..20).map(|i| f64::from(i * i % 13)).collect();
        assert_eq!(mean_of(&values), mean_of(&values));
    }

    #[test]
    fn draws_without_a_figure_are_left_out_and_nothing_but_them_gives_none() {
        let [interval] = intervals(2, 100, |drawn| (drawn[0] > 0.0).then_some([drawn[0]])).expect("some draws");
        assert!(interval.low >= 1.0);
        assert_eq!(intervals::<1>(2, 100, |_| None), None);
    }
}
