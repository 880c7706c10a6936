//! The attacks: each gives every candidate a log likelihood from what was published while the secret was typed.

use crate::profile::{
    FEATURES, LAST_WORDS, Moments, Profile, SUMS, add, counting_mask, line_words, means, samples_of, sums,
};
use crate::typist::{DWELL_SIGMA, LATENCY_SIGMA, Stroke};
use seclyzer::features::keystroke::Publish;
use seclyzer::record::{Body, Record};
use std::ops::Range;

const WINDOW_US: i64 = 30_000_000;
const STEP_US: i64 = 5_000_000;
const LEAST_PRESSES: usize = 25;
/// Words of an epoch that must add a value for a feature to move.
const EPOCH_WORDS: usize = 3;
/// An epoch's presses that count: 150, and on the average half a step's more until a window ends.
const EPOCH_PRESSES: f64 = 162.0;
/// No event is held to be less likely: the attacker's picture of the typist is not perfect.
const LEAST_LIKELY: f64 = 1e-7;

/// By feature, what is expected of the values that a candidate brings to it.
type Expected = Vec<(usize, Vec<Moments>)>;

/// A secret, or what might have been it, and what typing it lets expect.
pub struct Candidate {
    keys: Vec<char>,
    /// The single samples.
    samples: Expected,
    lines: Counting,
    words: Counting,
    all: Counting,
}

/// What of it counts under one setting.
struct Counting {
    /// What its words add to features by finger.
    word_values: Expected,
    /// What it adds to the sums, and by how many presses.
    sums: ([f64; SUMS], f64),
}

impl Candidate {
    /// `before` is what was typed right before.
    pub fn new(profile: &Profile<'_>, before: char, secret: &str) -> Candidate {
        let text = format!("{before}{secret}");
        Candidate {
            keys: secret.chars().collect(),
            samples: by_feature(profile.expected_samples(&text)),
            lines: Counting::of_words(profile, &text, Publish::Lines),
            words: Counting::of_words(profile, &text, Publish::Words),
            all: Counting {
                sums: (profile.expected_sums(&text), secret.len() as f64),
                ..Counting::of_words(profile, &text, Publish::All)
            },
        }
    }

    fn counting(&self, publish: Publish) -> &Counting {
        match publish {
            Publish::Lines => &self.lines,
            Publish::Words => &self.words,
            Publish::All => &self.all,
        }
    }
}

impl Counting {
    fn of_words(profile: &Profile<'_>, text: &str, publish: Publish) -> Counting {
        let words: Vec<String> =
            candidate_words(text, line_words(publish)).into_iter().map(|word| format!(" {word} ")).collect();
        let values = words.iter().flat_map(|word| mean_moments(profile.expected_samples(word))).collect();
        let mut sums = ([0.0; SUMS], 0.0);
        for word in &words {
            add(&mut sums.0, profile.expected_sums(word), 1.0);
            sums.1 += word.len() as f64 - 1.0;
        }
        Counting { word_values: by_feature(values), sums }
    }
}

/// Letters alone between two spaces, where they count: unless the line begins or ends too close by.
fn candidate_words(text: &str, line_words: usize) -> Vec<&str> {
    let spaces: Vec<usize> = text.match_indices(' ').map(|(i, _)| i).collect();
    let between = spaces.windows(2).map(|pair| &text[pair[0] + 1..pair[1]]);
    let mut words: Vec<&str> =
        between.filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase())).collect();
    if text.starts_with('\n') && words.len() <= line_words {
        words.clear();
    }
    if text.ends_with('\n') {
        words.truncate(words.len().saturating_sub(LAST_WORDS));
    }
    words
}

fn by_feature(mut values: Vec<(usize, Moments)>) -> Expected {
    values.sort_by_key(|&(feature, _)| feature);
    let same = values.chunk_by(|a, b| a.0 == b.0);
    same.map(|group| (group[0].0, group.iter().map(|&(_, moments)| moments).collect())).collect()
}

/// What was typed in one sitting, which of it is the secret, and what was published.
pub struct Observed<'a> {
    pub publish: Publish,
    pub strokes: &'a [Stroke],
    pub secret: Range<usize>,
    pub records: &'a [Record],
}

impl Observed<'_> {
    fn last_press_us(&self) -> i64 {
        self.strokes[self.secret.end - 1].press_us
    }

    /// The windows' ends before and after the secret.
    fn ends_us(&self) -> (i64, i64) {
        let end = |ts_us: i64| (ts_us + STEP_US - 1).div_euclid(STEP_US) * STEP_US;
        (end(self.strokes[self.secret.start].press_us) - STEP_US, end(self.last_press_us()))
    }

    fn pressed_in(&self, after_us: i64, until_us: i64) -> Range<usize> {
        let first = self.strokes.partition_point(|stroke| stroke.press_us <= after_us);
        first..self.strokes.partition_point(|stroke| stroke.press_us <= until_us)
    }
}

/// The features by finger, as the agent publishes them: which of them moved at the end of the secret's epoch, where to.
pub fn by_epoch(observed: &Observed<'_>, profile: &Profile<'_>, candidates: &[Candidate]) -> Vec<f64> {
    let published: Vec<Vec<Option<f64>>> = observed.records.iter().filter_map(by_finger).collect();
    let ends: Vec<i64> = observed.records.iter().map(|record| record.window_end_us).collect();
    let moved = (1..published.len()).find(|&i| ends[i] >= observed.last_press_us() && published[i] != published[i - 1]);
    let Some(moved) = moved else { return vec![0.0; candidates.len()] };
    // Half-way from the old value to the epoch's mean: the mean can be had back.
    let epoch_mean = |f: usize| match (published[moved - 1][f], published[moved][f]) {
        (None, new) => new,
        (Some(old), Some(new)) if new != old => Some(2.0 * new - old),
        _ => None,
    };
    let seen: Vec<Option<f64>> = (0..FEATURES).map(epoch_mean).collect();
    let likelihood = |f: usize, own: &[Moments]| {
        let feature = &profile.counting(observed.publish).word_values[f];
        let others = feature.per_press * EPOCH_PRESSES;
        likelihood_of_mean(seen[f], others, feature.value, own, EPOCH_WORDS).ln()
    };
    let without: Vec<f64> = (0..FEATURES).map(|f| likelihood(f, &[])).collect();
    let score = |candidate: &Candidate| {
        let values = &candidate.counting(observed.publish).word_values;
        values.iter().map(|(f, own)| likelihood(*f, own) - without[*f]).sum()
    };
    candidates.iter().map(score).collect()
}

fn by_finger(record: &Record) -> Option<Vec<Option<f64>>> {
    let Body::Keystroke { features, .. } = &record.body else { return None };
    // Sixteen statistics come first, two hands and the rollover between dwells and latencies.
    Some(features[16..25].iter().chain(&features[28..128]).copied().collect())
}

fn mean_moments(samples: Vec<(usize, Moments)>) -> Vec<(usize, Moments)> {
    let mean = |(feature, all): (usize, Vec<Moments>)| {
        let n = all.len() as f64;
        let (sum, variances) = all.iter().fold((0.0, 0.0), |(s, v), m| (s + m.mean, v + m.variance));
        (feature, Moments { mean: sum / n, variance: variances / (n * n) })
    };
    by_feature(samples).into_iter().map(mean).collect()
}

/// How likely it is to see this mean (or none, where fewer than `least` values came together), if the secret brought
/// its own values and others came by chance.
fn likelihood_of_mean(seen: Option<f64>, others: f64, usual: Moments, own: &[Moments], least: usize) -> f64 {
    let mut chance = (-others).exp();
    let mut likelihood = 0.0;
    for n in 0..25 {
        let all = n + own.len();
        match seen {
            None if all < least => likelihood += chance,
            Some(seen) if all >= least.max(1) => {
                let total = |own_sum: f64, each: f64| own_sum + each * n as f64;
                let mean = total(own.iter().map(|m| m.mean).sum(), usual.mean) / all as f64;
                let variance = total(own.iter().map(|m| m.variance).sum(), usual.variance) / (all * all) as f64;
                let z = (seen - mean) * (seen - mean) / variance;
                likelihood += chance * (-z / 2.0).exp() / (std::f64::consts::TAU * variance).sqrt();
            }
            _ => {}
        }
        chance *= others / (n + 1) as f64;
    }
    likelihood.max(LEAST_LIKELY)
}

/// The same features published window by window, as mean of all samples in it: what changed when the secret came into the
/// window, and when it went out again.
pub fn by_window(observed: &Observed<'_>, profile: &Profile<'_>, candidates: &[Candidate]) -> Vec<f64> {
    let (before_us, after_us) = observed.ends_us();
    let published = |end_us: i64| {
        let range = observed.pressed_in(end_us - WINDOW_US, end_us);
        let fresh = !observed.pressed_in(end_us - STEP_US, end_us).is_empty();
        (fresh && range.len() >= LEAST_PRESSES).then(|| {
            let mut all = vec![None; FEATURES];
            means(samples_of(observed.strokes, range)).into_iter().for_each(|(f, mean)| all[f] = Some(mean));
            all
        })
    };
    let entry = published(before_us).zip(published(after_us));
    let exit = published(before_us + WINDOW_US).zip(published(after_us + WINDOW_US));
    let presses = |from_us: i64, to_us: i64| observed.pressed_in(from_us, to_us).len() as f64;
    let beside = presses(before_us, after_us) - observed.secret.len() as f64;
    let left = presses(before_us - WINDOW_US, after_us - WINDOW_US);
    let came = presses(before_us + WINDOW_US, after_us + WINDOW_US);
    let likelihood = |f: usize, own: &[Moments]| {
        let feature = &profile.samples[f];
        let some = |presses: f64| 1.0 - (-feature.per_press * presses).exp();
        let (beside_some, left_some, came_some) = (some(beside), some(left), some(came));
        let likelihood = match (&entry, &exit) {
            (Some((old, new)), _) if old[f].is_none() => {
                let others = feature.per_press * beside;
                return likelihood_of_mean(new[f], others, feature.value, own, 1);
            }
            (entry, exit) => {
                let outcome = |published: &Option<(Vec<_>, Vec<_>)>, by_chance: f64, here: bool| match published {
                    None => 1.0,
                    Some((old, new)) if old[f] != new[f] => {
                        if here {
                            1.0
                        } else {
                            by_chance
                        }
                    }
                    Some(_) => {
                        if here {
                            0.0
                        } else {
                            1.0 - by_chance
                        }
                    }
                };
                let both = |here: bool| outcome(entry, left_some, here) * outcome(exit, came_some, here);
                if own.is_empty() { beside_some * both(true) + (1.0 - beside_some) * both(false) } else { both(true) }
            }
        };
        likelihood.max(LEAST_LIKELY)
    };
    let without: Vec<f64> = (0..FEATURES).map(|f| likelihood(f, &[]).ln()).collect();
    let score =
        |candidate: &Candidate| candidate.samples.iter().map(|(f, own)| likelihood(*f, own).ln() - without[*f]).sum();
    candidates.iter().map(score).collect()
}

/// How far the sums of the 5 s slices with the secret in them, which differences of successive windows give, are from
/// what each candidate lets expect; of the strokes that count under the observed setting.
pub fn by_slice(observed: &Observed<'_>, profile: &Profile<'_>, candidates: &[Candidate]) -> Vec<[f64; SUMS]> {
    let (before_us, after_us) = observed.ends_us();
    let range = observed.pressed_in(before_us, after_us);
    let mask = counting_mask(observed.strokes, observed.publish);
    let presses = range.clone().filter(|&i| mask[i]).count() as f64;
    let seen = sums(observed.strokes, range, |i| mask[i]);
    let usual = match observed.publish {
        Publish::All => profile.press_sums,
        publish => profile.counting(publish).press_sums,
    };
    let tempo_ms = profile.press_sums[2];
    let units = [1.0, tempo_ms, 1.0, tempo_ms, 1.0, tempo_ms].map(|unit| unit * tempo_ms * presses.max(1.0).sqrt());
    let distance = |candidate: &Candidate| {
        let (own, own_presses) = candidate.counting(observed.publish).sums;
        let mut rest = seen;
        add(&mut rest, own, -1.0);
        add(&mut rest, usual, own_presses - presses);
        std::array::from_fn(|i| rest[i] / units[i])
    };
    candidates.iter().map(distance).collect()
}

/// As if every dwell and interval of the secret were published in order, without the keys: no attack on times can do better.
pub fn by_all_times(observed: &Observed<'_>, profile: &Profile<'_>, candidates: &[Candidate]) -> Vec<f64> {
    let strokes = &observed.strokes[observed.secret.clone()];
    let typist = profile.typist;
    let log_likelihood = |seen: f64, median: f64, sigma: f64| -((seen / median).ln() / sigma).powi(2) / 2.0;
    let score = |candidate: &Candidate| {
        let keys = &candidate.keys;
        if keys.len() != strokes.len() {
            return LEAST_LIKELY.ln() * 10.0;
        }
        let dwells = strokes.iter().zip(keys);
        let dwells = dwells.map(|(stroke, &key)| log_likelihood(stroke.dwell_ms(), typist.dwell_ms(key), DWELL_SIGMA));
        let pairs = strokes.windows(2).zip(keys.windows(2)).map(|(pair, keys)| {
            let ms = (pair[1].press_us - pair[0].press_us) as f64 / 1000.0;
            log_likelihood(ms, typist.latency_ms(keys[0], keys[1]), LATENCY_SIGMA)
        });
        dwells.chain(pairs).sum()
    };
    candidates.iter().map(score).collect()
}
