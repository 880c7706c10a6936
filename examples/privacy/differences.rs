//! How much of the timing the published statistics give away to the digit: is the table's picture of an attacker who
//! knows the sums of every 5 s slice drawn from life?

use crate::random::Random;
use crate::scenario::records;
use crate::typist::{Session, Stroke, Typist};
use crate::words::Vocabulary;
use seclyzer::record::{Body, Record};
use std::collections::BTreeMap;

const STEP_US: i64 = 5_000_000;
const STEPS: i64 = 6;

/// Of some dwells: their number, their sum in µs and the sum of their squares in µs².
type Exact = (i64, i64, i64);

/// Prints how many windows' and slices' exact sums can be read off the records.
pub fn report(typists: &[Typist], vocabulary: &Vocabulary) {
    let (mut windows, mut read, mut slices, mut solved) = (0, 0, 0, 0);
    for (person, typist) in typists.iter().enumerate() {
        let mut random = Random::new(11_000 + person as u64);
        let mut session = Session::new(typist, Typist::mood(&mut random), 1_790_000_000_000_000);
        let text = vocabulary.text(&mut random, 1200);
        session.type_text(&mut random, &text);
        let published: BTreeMap<i64, Exact> = records(&session.strokes)
            .iter()
            .filter_map(|record| {
                windows += 1;
                Some((record.window_end_us / STEP_US, read_off(record)?))
            })
            .collect();
        read += published.iter().filter(|&(&end, &exact)| exact == truth(&session.strokes, end - STEPS, end)).count();
        let found = solve(&published);
        let ends: Vec<i64> = found.keys().copied().collect();
        slices += published.len();
        solved += ends.iter().filter(|&&end| found[&end] == truth(&session.strokes, end - 1, end)).count();
    }
    println!("Number, sum and sum of squares of the dwells, exact to the microsecond:");
    println!("- of a window, read off its record: {read} of {windows} windows;");
    println!("- of a 5 s slice, from the differences of successive windows: {solved} of {slices} slices.");
}

/// Means are of whole microseconds, so that only the right number makes their sum whole.
fn read_off(record: &Record) -> Option<Exact> {
    let Body::Keystroke { total_keys, features } = &record.body else { return None };
    let (mean_us, std_us) = (features[0]? * 1000.0, features[1]? * 1000.0);
    let mut numbers = (i64::from(*total_keys) - 3..=i64::from(*total_keys) + 4).rev();
    let whole = |x: f64, tolerance: f64| (x - x.round()).abs() < tolerance;
    let fits = |&n: &i64| {
        let n = n as f64;
        whole(mean_us * n, 1e-5) && whole((std_us * std_us + mean_us * mean_us) * n, 0.05)
    };
    let n = numbers.find(fits)?;
    let sum = (mean_us * n as f64).round();
    Some((n, sum as i64, ((std_us * std_us + mean_us * mean_us) * n as f64).round() as i64))
}

/// Slices before the first record's are of a time without typing; a window with one unknown slice tells it.
fn solve(published: &BTreeMap<i64, Exact>) -> BTreeMap<i64, Exact> {
    let first = published.keys().next().copied().unwrap_or(0);
    let mut known: BTreeMap<i64, Exact> = (1..=STEPS).map(|i| (first - i, (0, 0, 0))).collect();
    loop {
        let mut news = None;
        for (&end, &sum) in published {
            let unknown: Vec<i64> = (end - STEPS + 1..=end).filter(|slice| !known.contains_key(slice)).collect();
            if let [slice] = unknown[..] {
                let others = (end - STEPS + 1..=end).filter_map(|slice| known.get(&slice));
                let rest = others.fold(sum, |rest, one| (rest.0 - one.0, rest.1 - one.1, rest.2 - one.2));
                news = Some((slice, rest));
                break;
            }
        }
        match news {
            Some((slice, exact)) => known.insert(slice, exact),
            None => return known.into_iter().filter(|&(slice, _)| slice >= first).collect(),
        };
    }
}

fn truth(strokes: &[Stroke], after: i64, until: i64) -> Exact {
    let inside = |stroke: &&Stroke| stroke.press_us > after * STEP_US && stroke.press_us <= until * STEP_US;
    // A key that is still down at the window's end is not told of yet.
    let told = |stroke: &&Stroke| stroke.release_us <= until * STEP_US && stroke.dwell_ms() < 1000.0;
    strokes.iter().filter(inside).filter(told).fold((0, 0, 0), |(n, sum, squares), stroke| {
        let us = stroke.release_us - stroke.press_us;
        (n + 1, sum + us, squares + us * us)
    })
}
