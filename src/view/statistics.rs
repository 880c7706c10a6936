//! Quantiles and histograms of many values.

/// How values are distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// The median, and between which bounds 80 % of the values are; `None` of no values.
pub fn quantiles(values: &[f32]) -> Option<Quantiles> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let [below, above] = [place.floor(), place.ceil()].map(|place| f64::from(sorted[place as usize]));
        below + (above - below) * place.fract()
    };
    (!sorted.is_empty()).then(|| Quantiles { low: at(0.1), median: at(0.5), high: at(0.9) })
}

/// How many values are in each bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Where the first bin begins.
    pub begin: f64,
    pub width: f64,
    pub counts: Vec<u32>,
}

const MOST_BINS: f64 = 30.0;
/// Of the values at each end, which may be far away.
const CUT_OFF: f64 = 0.005;

/// Bins of a round width, at most some thirty; `None` of no values.
pub fn histogram(values: &[f32]) -> Option<Histogram> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let cut = (sorted.len() as f64 * CUT_OFF) as usize;
    let kept = sorted.get(cut..sorted.len() - cut).filter(|kept| !kept.is_empty())?;
    let (least, most) = (f64::from(kept[0]), f64::from(kept[kept.len() - 1]));
    let width = round_width((most - least) / MOST_BINS);
    let first = (least / width).floor();
    let bin = |value: f64| ((value / width).floor() - first) as usize;
    let mut counts = vec![0; bin(most) + 1];
    kept.iter().for_each(|&value| counts[bin(f64::from(value))] += 1);
    Some(Histogram { begin: first * width, width, counts })
}

/// The next larger of 1, 2, 5, 10, …
fn round_width(least: f64) -> f64 {
    let tens = (0..).map(|exponent| 10_f64.powi(exponent));
    tens.flat_map(|ten| [ten, 2.0 * ten, 5.0 * ten]).find(|&width| width >= least).expect("one is large enough")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantiles(&[]), None);
        assert_eq!(quantiles(&[3.0]), Some(Quantiles { low: 3.0, median: 3.0, high: 3.0 }));
        let values: Vec<f32> = (0..=10).rev().map(|i| i as f32).collect();
        assert_eq!(quantiles(&values), Some(Quantiles { low: 1.0, median: 5.0, high: 9.0 }));
    }

    #[test]
    fn bins_have_round_widths() {
        assert_eq!(histogram(&[]), None);
        let values: Vec<f32> = (0..100).map(|i| 80.0 + i as f32).collect();
        let histogram = histogram(&values).expect("bins");
        assert_eq!((histogram.begin, histogram.width), (80.0, 5.0));
        assert_eq!(histogram.counts, [5; 20]);
    }

    proptest! {
        #[test]
        fn bins_are_few_and_contain_nearly_all(values in prop::collection::vec(-5e3_f32..5e3, 1..500)) {
            let histogram = histogram(&values).expect("bins");
            prop_assert!(histogram.counts.len() <= 32, "{}", histogram.counts.len());
            let kept: u32 = histogram.counts.iter().sum();
            prop_assert!(kept as usize + values.len() / 100 + 2 >= values.len());
        }
    }
}
