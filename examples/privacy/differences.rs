//! How much of the timing the published statistics give away to the digit: is the table's picture of an attacker who
//! knows sums exactly drawn from life?

use crate::profile::counting_mask;
use crate::random::Random;
use crate::scenario::records;
use crate::typist::{Session, Stroke, Typist};
use crate::words::Vocabulary;
use seclyzer::features::keystroke::Publish;
use seclyzer::record::{Body, Record};

const WINDOW_US: i64 = 30_000_000;
/// A window with fewer presses that count has no values; some keys may still be down.
const LEAST_DWELLS: i64 = 20;

/// Of some dwells: their number, their sum in µs and the sum of their squares in µs².
type Exact = (i64, i64, i64);

/// Prints how many windows' exact sums can be read off the records.
pub fn report(typists: &[Typist], vocabulary: &Vocabulary) {
    let (mut windows, mut read) = (0, 0);
    for (person, typist) in typists.iter().enumerate() {
        let mut random = Random::new(11_000 + person as u64);
        let mut session = Session::new(typist, Typist::mood(&mut random), 1_790_000_000_000_000);
        let text = vocabulary.text(&mut random, 1200);
        session.type_text(&mut random, &text);
        for record in records(&session.strokes, Publish::Lines) {
            let Some(exact) = has_values(&record).then(|| read_off(&record)) else { continue };
            windows += 1;
            read += usize::from(exact == Some(truth(&session.strokes, record.window_end_us)));
        }
    }
    println!(
        "Number, sum and sum of squares of the dwells, exact to the microsecond, read off the record: {read} of {windows} windows."
    );
}

fn has_values(record: &Record) -> bool {
    matches!(&record.body, Body::Keystroke { features, .. } if features[0].is_some())
}

/// Means are of whole microseconds, so that only the right number makes their sum whole.
fn read_off(record: &Record) -> Option<Exact> {
    let Body::Keystroke { total_keys, features, .. } = &record.body else { return None };
    let (mean_us, std_us) = (features[0]? * 1000.0, features[1]? * 1000.0);
    let mut numbers = LEAST_DWELLS..=i64::from(*total_keys) + 4;
    let whole = |x: f64, tolerance: f64| (x - x.round()).abs() < tolerance;
    let fits = |&n: &i64| {
        let n = n as f64;
        whole(mean_us * n, 1e-5) && whole((std_us * std_us + mean_us * mean_us) * n, 0.05)
    };
    let n = numbers.find(fits)?;
    let sum = (mean_us * n as f64).round();
    Some((n, sum as i64, ((std_us * std_us + mean_us * mean_us) * n as f64).round() as i64))
}

fn truth(strokes: &[Stroke], end_us: i64) -> Exact {
    let pressed = &strokes[..strokes.partition_point(|stroke| stroke.press_us <= end_us)];
    // Which words count is as it was when the window ended.
    let counted = pressed
        .iter()
        .zip(counting_mask(pressed, Publish::Lines))
        .filter(|&(_, counts)| counts)
        .map(|(stroke, _)| stroke);
    let inside = |stroke: &&Stroke| stroke.press_us > end_us - WINDOW_US;
    // A key that is still down at the window's end has no dwell yet.
    let is_released = |stroke: &&Stroke| stroke.release_us <= end_us && stroke.dwell_ms() < 1000.0;
    counted.filter(inside).filter(is_released).fold((0, 0, 0), |(n, sum, squares), stroke| {
        let us = stroke.release_us - stroke.press_us;
        (n + 1, sum + us, squares + us * us)
    })
}
