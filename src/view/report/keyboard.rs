//! How long it takes from one zone of the keyboard to another: on a drawn keyboard, and pair by pair.

use maud::{Markup, html};
use seclyzer::event::key::{ZONE_NAMES, ZONES};

/// Zones with the widths of the keys, row by row of a US keyboard. No key has a label: only zones are known.
const KEYS: [&[(usize, f64)]; 5] = [
    &[
        (0, 1.0),
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (3, 1.0),
        (4, 1.0),
        (4, 1.0),
        (5, 1.0),
        (6, 1.0),
        (7, 1.0),
        (7, 1.0),
        (7, 1.0),
        (9, 2.0),
    ],
    &[
        (0, 1.5),
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (3, 1.0),
        (4, 1.0),
        (4, 1.0),
        (5, 1.0),
        (6, 1.0),
        (7, 1.0),
        (7, 1.0),
        (7, 1.0),
        (7, 1.5),
    ],
    &[
        (0, 1.75),
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (3, 1.0),
        (4, 1.0),
        (4, 1.0),
        (5, 1.0),
        (6, 1.0),
        (7, 1.0),
        (7, 1.0),
        (9, 2.25),
    ],
    &[
        (0, 2.25),
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (3, 1.0),
        (4, 1.0),
        (4, 1.0),
        (5, 1.0),
        (6, 1.0),
        (7, 1.0),
        (7, 2.75),
    ],
    &[(0, 1.5), (8, 1.25), (8, 1.25), (8, 6.0), (8, 1.25), (8, 1.25), (7, 2.5)],
];
/// By zones, in the order of the contract.
pub const FINGERS: [&str; ZONES] = [
    "left little",
    "left ring",
    "left middle",
    "left index",
    "right index",
    "right middle",
    "right ring",
    "right little",
    "thumbs",
    "other keys",
];
const KEY: f64 = 44.0;
const CELL: f64 = 40.0;
const LABEL: f64 = 112.0;

/// How strong the colour is, on light paper and on dark: from 0.1, the least, to 1, the most.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Scale {
        Scale { least: values.clone().fold(f64::INFINITY, f64::min), most: values.fold(0.0, f64::max) }
    }

    fn opacity(&self, value: f64) -> String {
        let range = (self.most - self.least).max(1e-9);
        format!("{:.2}", 0.1 + 0.9 * (value - self.least) / range)
    }
}

/// The mean of the times to a zone, from each zone and from itself. How often a pair was typed is not in the records: each
/// counts the same.
pub fn to_zones(pairs_ms: &[[Option<f64>; ZONES]; ZONES]) -> [Option<f64>; ZONES] {
    std::array::from_fn(|to| {
        let times: Vec<f64> = pairs_ms.iter().filter_map(|from| from[to]).collect();
        (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
    })
}

/// The keyboard, a key's colour the stronger the longer it takes to its zone.
pub fn keyboard(title: &str, pairs_ms: &[[Option<f64>; ZONES]; ZONES]) -> Markup {
    let times = to_zones(pairs_ms);
    let scale = Scale::of(times.iter().flatten().copied());
    let (width, height) = (15.0 * KEY, KEYS.len() as f64 * KEY);
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(title) class="keyboard" {
            @for (row, keys) in KEYS.iter().enumerate() {
                @for (i, (zone, wide)) in keys.iter().enumerate() {
                    @let left: f64 = keys[..i].iter().map(|key| key.1).sum();
                    @let time = times[*zone];
                    rect x=(left * KEY + 1.0) y=(row as f64 * KEY + 1.0) width=(wide * KEY - 2.0) height=(KEY - 2.0) rx="5"
                        class=(if time.is_some() { "heat" } else { "empty" })
                        fill-opacity=[time.map(|time| scale.opacity(time))] {
                        title {
                            (FINGERS[*zone]) ": "
                            @match time { Some(time) => { (format!("{time:.0} ms")) }, None => "no value" }
                        }
                    }
                }
            }
        }
    }
}

/// Ten rows (from) of ten cells (to).
pub fn matrix(title: &str, pairs_ms: &[[Option<f64>; ZONES]; ZONES]) -> Markup {
    let scale = Scale::of(pairs_ms.iter().flatten().flatten().copied());
    let side = LABEL + ZONES as f64 * CELL;
    html! {
        svg viewBox=(format!("0 0 {side} {}", side - LABEL + 24.0)) role="img" aria-label=(title) class="matrix" {
            @for (i, name) in ZONE_NAMES.iter().enumerate() {
                text x=(LABEL + (i as f64 + 0.5) * CELL) y="14" text-anchor="middle" { (name) }
            }
            @for (from, row) in pairs_ms.iter().enumerate() {
                @let top = 24.0 + from as f64 * CELL;
                text x=(LABEL - 8.0) y=(top + 0.6 * CELL) text-anchor="end" { (FINGERS[from]) " (" (ZONE_NAMES[from]) ")" }
                @for (to, time) in row.iter().enumerate() {
                    rect x=(LABEL + to as f64 * CELL + 1.0) y=(top + 1.0) width=(CELL - 2.0) height=(CELL - 2.0)
                        class=(if time.is_some() { "heat" } else { "empty" })
                        fill-opacity=[time.map(|time| scale.opacity(time))] {
                        title {
                            (FINGERS[from]) " to " (FINGERS[to]) ": "
                            @match time { Some(time) => { (format!("{time:.0} ms")) }, None => "no value" }
                        }
                    }
                }
            }
        }
    }
}

/// The same as a table.
pub fn table(pairs_ms: &[[Option<f64>; ZONES]; ZONES]) -> Markup {
    html! {
        table {
            caption { "Milliseconds from a key of the row's zone to one of the column's" }
            thead { tr { th scope="col" { "from" } @for name in FINGERS { th scope="col" { (name) } } } }
            tbody {
                @for (from, row) in pairs_ms.iter().enumerate() {
                    tr {
                        th scope="row" { (FINGERS[from]) }
                        @for time in row {
                            td { @match time { Some(time) => { (format!("{time:.0}")) }, None => "–" } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawn_keyboard_has_rows_of_one_width_and_all_zones() {
        for row in KEYS {
            assert_eq!(row.iter().map(|key| key.1).sum::<f64>(), 15.0);
        }
        let zones: std::collections::BTreeSet<usize> =
            KEYS.iter().flat_map(|row| row.iter().map(|key| key.0)).collect();
        assert_eq!(zones.len(), ZONES);
    }

    #[test]
    fn a_pair_without_a_value_is_empty_and_the_slowest_one_has_the_strongest_colour() {
        let mut pairs = [[None; ZONES]; ZONES];
        (pairs[0][1], pairs[1][0]) = (Some(100.0), Some(200.0));
        let drawn = matrix("pairs", &pairs).into_string();
        assert_eq!(drawn.matches("class=\"empty\"").count(), 98);
        assert!(drawn.contains("fill-opacity=\"1.00\"") && drawn.contains("left little to left ring: 100 ms"));
        assert_eq!(to_zones(&pairs)[0], Some(200.0));
    }
}
