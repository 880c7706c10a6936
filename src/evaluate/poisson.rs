//! What a count of rare events tells of their rate.

use super::bootstrap::Interval;

/// Probability of so many events or more outside each bound.
const TAIL: f64 = 0.025;

/// The exact 95 % interval (Garwood) of the expected number of events where `count` were seen.
pub fn interval(count: u64) -> Interval {
    let low = if count == 0 { 0.0 } else { solve(|mean| 1.0 - at_most(count - 1, mean) - TAIL, count) };
    Interval { low, high: solve(|mean| TAIL - at_most(count, mean), count) }
}

/// Probability of `count` events or fewer at this mean.
fn at_most(count: u64, mean: f64) -> f64 {
    let mut ln_term = -mean;
    let mut sum = ln_term.exp();
    for k in 1..=count {
        ln_term += (mean / k as f64).ln();
        sum += ln_term.exp();
    }
    sum.min(1.0)
}

/// Where a function that rises with the mean is 0: by halving, to the last bit.
fn solve(rises: impl Fn(f64) -> f64, count: u64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0 * count as f64 + 10.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        *if rises(middle) < 0.0 { &mut low } else { &mut high } = middle;
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_published_tables() {
        for (count, low, high) in [
            (0, 0.0, 3.6889),
            (1, 0.0253, 5.5716),
            (2, 0.2422, 7.2247),
            (10, 4.7954, 18.3904),
            (100, 81.3640, 121.6268),
        ] {
            let interval = interval(count);
            assert!((interval.low - low).abs() < 1e-4 && (interval.high - high).abs() < 1e-4, "{count}: {interval:?}");
        }
    }

    #[test]
    fn a_count_lies_within_its_interval_however_large_it_is() {
        for count in [1, 5, 700, 5_000] {
            let Interval { low, high } = interval(count);
            assert!(low < count as f64 && high > count as f64, "{count}: {low} {high}");
        }
    }
}
