//! What the attacker knows of a person before the attack: the usual timing of every key and pair, how often text has
//! which pair of zones, and how all of that varies. It is more than any real attacker could learn.

use crate::random::Random;
use crate::typist::{BACKSPACE, DWELL_SIGMA, LATENCY_SIGMA, SHIFT, Session, Stroke, Typist, ZONES, zone};
use crate::words::Vocabulary;
use seclyzer::features::keystroke::Publish;
use std::ops::Range;

/// Dwell by nine fingers, then latency by pair of zones.
pub const FEATURES: usize = 9 + ZONES * ZONES;
/// Of a stretch of typing: the sum and the sum of squares of dwells, of intervals and of flights, ms.
pub const SUMS: usize = 6;
/// An interval that is longer is told apart as a pause, so the attacker can leave it out.
const PAUSE_MS: f64 = 500.0;
const WORD_PAUSE_US: i64 = 2_000_000;
/// So many plain words at a line's end do not count.
pub const LAST_WORDS: usize = 1;

/// Of a line of no more plain words none counts.
pub fn line_words(publish: Publish) -> usize {
    if publish == Publish::Lines { 8 } else { 0 }
}

/// What is expected of one value, or of the mean of some.
#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub mean: f64,
    pub variance: f64,
}

/// How many values of one feature a press brings, and what is expected of each.
#[derive(Clone, Copy, Default)]
pub struct FeatureProfile {
    pub per_press: f64,
    pub value: Moments,
}

/// What is known of the strokes that count under one setting.
pub struct CountingProfile {
    /// Of the values that words add to features by finger.
    pub word_values: Vec<FeatureProfile>,
    /// What a press adds to the sums.
    pub press_sums: [f64; SUMS],
}

pub struct Profile<'a> {
    pub typist: &'a Typist,
    /// Of single samples, whatever is typed.
    pub samples: Vec<FeatureProfile>,
    /// What a press of running text adds to the sums.
    pub press_sums: [f64; SUMS],
    /// Of plain words in lines, and of all plain words.
    lines: CountingProfile,
    words: CountingProfile,
}

#[derive(Default)]
struct Series {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Series {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn moments(&self) -> Moments {
        let mean = self.sum / self.count.max(1.0);
        // One value says nothing of the spread: as much as a fourth of the mean is taken for possible then.
        let variance = if self.count < 2.0 { mean * mean / 16.0 } else { self.squares / self.count - mean * mean };
        Moments { mean, variance: variance.max(1.0) }
    }
}

impl<'a> Profile<'a> {
    /// Watches a person type some 12,000 characters, a mood after the other.
    pub fn learn(typist: &'a Typist, vocabulary: &Vocabulary, random: &mut Random) -> Profile<'a> {
        let session = |_| {
            let mut session = Session::new(typist, Typist::mood(random), 0);
            let text = vocabulary.text(random, 300);
            session.type_text(random, &text);
            session.strokes
        };
        let sessions: Vec<Vec<Stroke>> = (0..40).map(session).collect();
        let mut samples = Values::default();
        let mut press_sums = [0.0; SUMS];
        for strokes in &sessions {
            samples.add(strokes.len(), samples_of(strokes, 0..strokes.len()));
            add(&mut press_sums, sums(strokes, 0..strokes.len(), |_| true), 1.0);
        }
        Profile {
            typist,
            press_sums: press_sums.map(|sum| sum / samples.presses),
            samples: samples.profiles(),
            lines: CountingProfile::of(&sessions, Publish::Lines),
            words: CountingProfile::of(&sessions, Publish::Words),
        }
    }

    /// Of the strokes whose words features by finger are computed from.
    pub fn counting(&self, publish: Publish) -> &CountingProfile {
        if publish == Publish::Lines { &self.lines } else { &self.words }
    }

    /// What is expected of the samples that typing this yields. The first character only precedes.
    pub fn expected_samples(&self, text: &str) -> Vec<(usize, Moments)> {
        let characters: Vec<char> = text.chars().collect();
        let pair = |pair: &[char]| {
            let latency = lognormal(self.typist.latency_ms(pair[0], pair[1]), LATENCY_SIGMA);
            (9 + zone(pair[0]) * ZONES + zone(pair[1]), latency)
        };
        let dwell = |&key: &char| (zone(key), lognormal(self.typist.dwell_ms(key), DWELL_SIGMA));
        let dwells = characters[1..].iter().map(dwell).filter(|&(zone, _)| zone < 9);
        characters.windows(2).map(pair).chain(dwells).collect()
    }

    /// What is expected of the sums that typing this yields. The first character only precedes.
    pub fn expected_sums(&self, text: &str) -> [f64; SUMS] {
        let mut all = [0.0; SUMS];
        let characters: Vec<char> = text.chars().collect();
        for pair in characters.windows(2) {
            let before = lognormal(self.typist.dwell_ms(pair[0]), DWELL_SIGMA);
            let dwell = lognormal(self.typist.dwell_ms(pair[1]), DWELL_SIGMA);
            let interval = lognormal(self.typist.latency_ms(pair[0], pair[1]), LATENCY_SIGMA);
            let square = |moments: Moments| moments.variance + moments.mean * moments.mean;
            let flight = Moments { mean: interval.mean - before.mean, variance: interval.variance + before.variance };
            let one = [dwell.mean, square(dwell), interval.mean, square(interval), flight.mean, square(flight)];
            add(&mut all, one, 1.0);
        }
        all
    }
}

impl CountingProfile {
    fn of(sessions: &[Vec<Stroke>], publish: Publish) -> CountingProfile {
        let mut values = Values::default();
        let mut press_sums = [0.0; SUMS];
        for strokes in sessions {
            for word in counting_words(strokes, publish) {
                values.add(word.len(), means(samples_of(strokes, word)));
            }
            let counts = counting_mask(strokes, publish);
            add(&mut press_sums, sums(strokes, 0..strokes.len(), |i| counts[i]), 1.0);
        }
        let press_sums = press_sums.map(|sum| sum / values.presses);
        CountingProfile { word_values: values.profiles(), press_sums }
    }
}

/// Values by feature, and the presses that brought them.
struct Values {
    features: Vec<Series>,
    presses: f64,
}

impl Default for Values {
    fn default() -> Values {
        Values { features: (0..FEATURES).map(|_| Series::default()).collect(), presses: 0.0 }
    }
}

impl Values {
    fn add(&mut self, presses: usize, values: Vec<(usize, f64)>) {
        self.presses += presses as f64;
        values.into_iter().for_each(|(feature, value)| self.features[feature].add(value));
    }

    fn profiles(&self) -> Vec<FeatureProfile> {
        let profile =
            |series: &Series| FeatureProfile { per_press: series.count / self.presses, value: series.moments() };
        self.features.iter().map(profile).collect()
    }
}

fn lognormal(median: f64, sigma: f64) -> Moments {
    let mean = median * (sigma * sigma / 2.0).exp();
    Moments { mean, variance: mean * mean * ((sigma * sigma).exp() - 1.0) }
}

pub fn add(to: &mut [f64; SUMS], more: [f64; SUMS], times: f64) {
    to.iter_mut().zip(more).for_each(|(sum, value)| *sum += value * times);
}

/// The samples by feature that some of the strokes yield, as the contract takes them.
pub fn samples_of(strokes: &[Stroke], range: Range<usize>) -> Vec<(usize, f64)> {
    let mut all = Vec::with_capacity(range.len() * 2);
    for i in range {
        let stroke = strokes[i];
        if stroke.key == SHIFT {
            continue;
        }
        if zone(stroke.key) < 9 && stroke.dwell_ms() < 1000.0 {
            all.push((zone(stroke.key), stroke.dwell_ms()));
        }
        let Some(before) = strokes[..i].iter().rev().find(|stroke| stroke.key != SHIFT) else { continue };
        let latency_ms = (stroke.press_us - before.press_us) as f64 / 1000.0;
        if latency_ms < 1500.0 {
            all.push((9 + zone(before.key) * ZONES + zone(stroke.key), latency_ms));
        }
    }
    all
}

/// The mean by feature.
pub fn means(mut samples: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    samples.sort_by_key(|&(feature, _)| feature);
    let same = samples.chunk_by(|a, b| a.0 == b.0);
    same.map(|group| (group[0].0, group.iter().map(|&(_, ms)| ms).sum::<f64>() / group.len() as f64)).collect()
}

/// The plain words that count under a setting: their strokes, and the space that ends them.
pub fn counting_words(strokes: &[Stroke], publish: Publish) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut line: Vec<Range<usize>> = Vec::new();
    let mut begun: Option<usize> = None;
    let mut letters = 0;
    let mut end_line = |line: &mut Vec<Range<usize>>| {
        if line.len() > line_words(publish) {
            line.truncate(line.len() - LAST_WORDS);
            words.append(line);
        }
        line.clear();
    };
    for (i, stroke) in strokes.iter().enumerate() {
        let paused = i > 0 && stroke.press_us - strokes[i - 1].release_us > WORD_PAUSE_US;
        let in_word =
            stroke.key.is_ascii_lowercase() || matches!(stroke.key, ',' | '.' | '\'' | '-' | BACKSPACE | SHIFT);
        if paused || !(in_word || stroke.key == ' ') {
            begun = None;
        }
        if in_word && stroke.key != SHIFT {
            letters += if stroke.key == BACKSPACE { -1 } else { 1 };
            // Nobody here erases more than the last letter: a word, never a space.
            begun = begun.filter(|_| letters != 0);
        }
        if stroke.key == ' ' {
            line.extend(begun.filter(|_| letters > 0).map(|first| first..i + 1));
            begun = Some(i + 1);
            letters = 0;
        }
        if stroke.key == '\n' {
            end_line(&mut line);
        }
    }
    end_line(&mut line);
    words
}

/// Which strokes count under a setting.
pub fn counting_mask(strokes: &[Stroke], publish: Publish) -> Vec<bool> {
    let mut mask = vec![publish == Publish::All; strokes.len()];
    counting_words(strokes, publish).into_iter().for_each(|word| mask[word].fill(true));
    mask
}

/// The sums that the counting ones of some strokes yield.
pub fn sums(strokes: &[Stroke], range: Range<usize>, counts: impl Fn(usize) -> bool) -> [f64; SUMS] {
    let mut all = [0.0; SUMS];
    for i in range.filter(|&i| counts(i)) {
        let stroke = &strokes[i];
        let dwell_ms = stroke.dwell_ms();
        add(&mut all, [dwell_ms, dwell_ms * dwell_ms, 0.0, 0.0, 0.0, 0.0], 1.0);
        let Some(before) = i.checked_sub(1).map(|before| &strokes[before]) else { continue };
        let interval_ms = (stroke.press_us - before.press_us) as f64 / 1000.0;
        let flight_ms = (stroke.press_us - before.release_us) as f64 / 1000.0;
        if interval_ms < PAUSE_MS {
            let squares = (interval_ms * interval_ms, flight_ms * flight_ms);
            add(&mut all, [0.0, 0.0, interval_ms, squares.0, flight_ms, squares.1], 1.0);
        }
    }
    all
}
