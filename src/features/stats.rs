//! Means, deviations and quantiles as the contract defines them: `None` where there is nothing to compute from.

use crate::event::Micros;

/// A sum that loses nothing to rounding until its end: what each addition loses is added up beside it (A. Neumaier,
/// "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    total: f64,
    lost: f64,
    count: u32,
}

impl Sum {
    pub const ZERO: Sum = Sum { total: 0.0, lost: 0.0, count: 0 };

    pub fn add(&mut self, value: f64) {
        let (total, lost) = two_sum(self.total, value);
        self.total = total;
        self.lost += lost;
        self.count += 1;
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn total(&self) -> f64 {
        self.total + self.lost
    }

    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total() / f64::from(self.count))
    }
}

impl Extend<f64> for Sum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Sum {
        let mut sum = Sum::ZERO;
        sum.extend(values);
        sum
    }
}

/// A sum and what it has lost to rounding, without a branch (D. E. Knuth, "The Art of Computer Programming" 2, 4.2.2).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_in_sum = sum - a;
    (sum, (a - (sum - b_in_sum)) + (b - b_in_sum))
}

/// The sum of a term of each value: several sums side by side, so that no addition waits for the one before.
fn sum_of(values: &[f64], term: impl Fn(f64) -> f64) -> Sum {
    const LANES: usize = 4;
    let (mut total, mut lost) = ([0.0; LANES], [0.0; LANES]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            let (sum, error) = two_sum(total[i], term(chunk[i]));
            total[i] = sum;
            lost[i] += error;
        }
    }
    let lanes = total.into_iter().chain(lost);
    let all: Sum = lanes.chain(rest.iter().map(|&value| term(value))).collect();
    Sum { count: values.len() as u32, ..all }
}

pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    values.into_iter().collect::<Sum>().mean()
}

/// Mean of the values without their signs.
pub fn abs_mean(values: &[f64]) -> Option<f64> {
    sum_of(values, f64::abs).mean()
}

/// Mean and population standard deviation.
pub fn mean_and_std(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let Some(mean) = sum_of(values, |value| value).mean() else { return (None, None) };
    let variance = sum_of(values, |value| (value - mean) * (value - mean)).mean();
    (Some(mean), variance.map(f64::sqrt))
}

/// Population standard deviation.
pub fn std(values: &[f64]) -> Option<f64> {
    mean_and_std(values).1
}

/// Linear interpolation between order statistics (type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical
/// packages", The American Statistician 50, 1996). `sorted` must be.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let h = last as f64 * q;
    let low = h.floor();
    let (a, b) = (sorted[low as usize], sorted[last.min(low as usize + 1)]);
    Some(a + (h - low) * (b - a))
}

/// Puts `values` into another order, which is why it takes them to itself.
pub fn median(values: &mut [f64]) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let (_, &mut low, above) = values.select_nth_unstable_by(last / 2, f64::total_cmp);
    if last % 2 == 0 {
        return Some(low);
    }
    above.iter().copied().reduce(f64::min).map(|high| low + 0.5 * (high - low))
}

/// Microseconds as milliseconds.
pub fn ms(us: Micros) -> f64 {
    us as f64 / 1000.0
}

/// Whether a value lies within the open interval.
pub fn inside(value: f64, (low, high): (f64, f64)) -> bool {
    low < value && value < high
}

/// Largest value.
pub fn max(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    values.into_iter().reduce(larger)
}

/// `f64::max` takes three times as long to see to NaN, which no value here is.
pub fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// `part / whole`; `None` where there is no whole.
pub fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Mean, standard deviation, smallest, largest, median, quartiles and range. Sorts `values`.
pub fn stats8(values: &mut [f64]) -> [Option<f64>; 8] {
    let (mean, std) = mean_and_std(values);
    values.sort_unstable_by(f64::total_cmp);
    let (min, max) = (values.first().copied(), values.last().copied());
    let quantile = |q| quantile_of_sorted(values, q);
    let range = min.zip(max).map(|(min, max)| max - min);
    [mean, std, min, max, quantile(0.5), quantile(0.25), quantile(0.75), range]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gives_no_value_rather_than_zero() {
        assert_eq!(stats8(&mut []), [None; 8]);
        assert_eq!(median(&mut []), None);
        assert_eq!(ratio(0, 0), None);
    }

    #[test]
    fn quartiles_interpolate_linearly() {
        let all = stats8(&mut [4.0, 1.0, 3.0, 2.0]);
        assert_eq!(all[2..], [Some(1.0), Some(4.0), Some(2.5), Some(1.75), Some(3.25), Some(3.0)]);
        assert_eq!(stats8(&mut [7.0])[1..], [0.0, 7.0, 7.0, 7.0, 7.0, 7.0, 0.0].map(Some));
    }

    #[test]
    fn small_values_survive_beside_large_ones() {
        let sum: Sum = [1e16, 1.0, 1.0, -1e16].into_iter().collect();
        assert_eq!(sum.total(), 2.0);
    }
}
