//! How well typists are distinguished: the other side of each change to what is published.

use crate::profile::{FEATURES, means, samples_of};
use crate::random::Random;
use crate::scenario::records;
use crate::typist::{Session, Stroke, Typist};
use crate::words::Vocabulary;
use seclyzer::features::keystroke::Publish;
use seclyzer::record::Body;

const WINDOW_US: i64 = 30_000_000;
/// Windows end every 5 s; so many make 3½ minutes.
const LONG: usize = 36;
const TIMINGS: usize = 25;

type Features = Vec<Option<f64>>;

/// Which features a scorer is given.
#[derive(Clone, Copy)]
enum Given {
    Published(Publish),
    /// Not published: of all strokes, and pairs of zones in each window.
    WindowByWindow,
    /// Those of lines that do not ask which key it was.
    TimingsOnly,
}

/// Prints, for text in long lines and in short ones, how many windows have values of their own, and the equal error rates
/// that each choice of features gives.
pub fn report(typists: &[Typist], vocabulary: &Vocabulary) {
    println!(
        "| text | published | windows with values | EER of one 30 s window | of 3½ minutes |\n|---|---|---|---|---|"
    );
    for (text, line_words) in [("as above", None), ("in short lines", Some(8))] {
        let sessions: Vec<[Vec<Stroke>; 4]> = typists
            .iter()
            .enumerate()
            .map(|(person, typist)| {
                let mut random = Random::new(12_000 + person as u64);
                std::array::from_fn(|_| {
                    let mut session = Session::new(typist, Typist::mood(&mut random), 1_790_000_000_000_000);
                    let text = vocabulary.text(&mut random, 2500);
                    let text = line_words.map_or(text.clone(), |words| in_lines(&text, words, &mut random));
                    session.type_text(&mut random, &text);
                    session.strokes
                })
            })
            .collect();
        for (name, given) in [
            ("`lines`", Given::Published(Publish::Lines)),
            ("`words`", Given::Published(Publish::Words)),
            ("`all`", Given::Published(Publish::All)),
            ("not published: all strokes, and pairs window by window", Given::WindowByWindow),
            ("`lines` without the features by finger", Given::TimingsOnly),
        ] {
            let windows: Vec<[Vec<Features>; 4]> =
                sessions.iter().map(|four| four.each_ref().map(|s| features(s, given))).collect();
            let all: Vec<&Features> = windows.iter().flatten().flatten().collect();
            // Features by finger stay from window to window; the first one does not.
            let share = all.iter().filter(|f| f[0].is_some()).count() as f64 / all.len() as f64;
            let (short, long) = (error_rate(&windows, 1), error_rate(&windows, LONG));
            println!("| {text} | {name} | {:.0} % | {:.1} % | {:.1} % |", share * 100.0, short * 100.0, long * 100.0);
        }
    }
}

/// Enter in a space's place, on the average after so many words, as often after few as lines are short in a chat.
fn in_lines(text: &str, words: usize, random: &mut Random) -> String {
    text.chars().map(|c| if c == ' ' && random.below(words) == 0 { '\n' } else { c }).collect()
}

fn features(strokes: &[Stroke], given: Given) -> Vec<Features> {
    let publish = if let Given::Published(publish) = given { publish } else { Publish::Lines };
    let of_record = |record: &seclyzer::record::Record| {
        let Body::Keystroke { features, .. } = &record.body else { return Vec::new() };
        let first = strokes.partition_point(|s| s.press_us <= record.window_end_us - WINDOW_US);
        let range = first..strokes.partition_point(|s| s.press_us <= record.window_end_us);
        let by_finger = || features[16..25].iter().chain(&features[28..128]).copied();
        let timings_only = || features[..16].iter().chain(&features[27..28]).chain(&features[132..]).copied();
        match given {
            Given::Published(_) => timings_only().chain(by_finger()).collect(),
            Given::TimingsOnly => timings_only().collect(),
            Given::WindowByWindow => {
                let mut all = vec![None; FEATURES];
                means(samples_of(strokes, range.clone())).into_iter().for_each(|(f, mean)| all[f] = Some(mean));
                timings(strokes, range).into_iter().chain(all).collect()
            }
        }
    };
    records(strokes, publish).iter().map(of_record).collect()
}

/// The features that do not ask which key it was, of all strokes: statistics of dwells and flights, rollover, rhythm.
fn timings(strokes: &[Stroke], range: std::ops::Range<usize>) -> Features {
    let (mut dwells, mut flights, mut intervals, mut rolled) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for i in range {
        dwells.push(strokes[i].dwell_ms());
        let Some(before) = i.checked_sub(1).map(|before| &strokes[before]) else { continue };
        flights.push((strokes[i].press_us - before.release_us) as f64 / 1000.0);
        intervals.push((strokes[i].press_us - before.press_us) as f64 / 1000.0);
        rolled += f64::from(u8::from(before.release_us > strokes[i].press_us));
    }
    flights.retain(|&ms| ms < 2000.0);
    intervals.retain(|&ms| ms < 5000.0);
    if intervals.len() < 5 || flights.len() < 5 {
        return vec![None; TIMINGS];
    }
    let steps: Vec<f64> = intervals.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let some = |keep: &dyn Fn(f64) -> bool| -> Vec<f64> { intervals.iter().copied().filter(|&i| keep(i)).collect() };
    let (burst, pause) = (some(&|i| i < 150.0), some(&|i| i > 500.0));
    let n = intervals.len() as f64;
    let mut all: Features = statistics(&mut dwells).into_iter().chain(statistics(&mut flights)).map(Some).collect();
    let [mean, std] = mean_and_std(&intervals);
    all.extend([rolled / n, 12_000.0 / mean, 1.0 - std / mean, std].map(Some));
    all.extend([1.0 - mean_and_std(&steps)[0] / mean, burst.len() as f64 / n, pause.len() as f64 / n].map(Some));
    all.push((!burst.is_empty()).then(|| mean_and_std(&burst)[0]));
    all.push((!pause.is_empty()).then(|| mean_and_std(&pause)[0]));
    all
}

fn mean_and_std(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    [mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()]
}

fn statistics(values: &mut [f64]) -> [f64; 8] {
    values.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
    let [mean, std] = mean_and_std(values);
    [mean, std, at(0.0), at(1.0), at(0.5), at(0.25), at(0.75), at(1.0) - at(0.0)]
}

/// Two sessions enrol a person, two are judged: scaled Manhattan distance, one threshold for all, so many successive
/// windows together.
fn error_rate(windows: &[[Vec<Features>; 4]], together: usize) -> f64 {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for (person, enrolled) in windows.iter().enumerate() {
        let model = Model::of(enrolled[0].iter().chain(&enrolled[1]));
        for (judged, sessions) in windows.iter().enumerate() {
            for session in &sessions[2..] {
                let with_values = session.iter().filter(|window| window.iter().any(Option::is_some));
                let scores: Vec<f64> = with_values.map(|window| model.distance(window)).collect();
                let means = scores.windows(together).map(|some| some.iter().sum::<f64>() / together as f64);
                if judged == person { own.extend(means) } else { others.extend(means) }
            }
        }
    }
    own.sort_unstable_by(f64::total_cmp);
    others.sort_unstable_by(f64::total_cmp);
    let rates = own.iter().map(|&threshold| {
        let refused = 1.0 - own.partition_point(|&d| d <= threshold) as f64 / own.len() as f64;
        let let_in = others.partition_point(|&d| d <= threshold) as f64 / others.len() as f64;
        refused.max(let_in)
    });
    rates.fold(1.0, f64::min)
}

/// Mean and mean absolute deviation by feature.
struct Model(Vec<Option<(f64, f64)>>);

impl Model {
    fn of<'a>(windows: impl Iterator<Item = &'a Features> + Clone) -> Model {
        let count = windows.clone().next().map_or(0, Vec::len);
        let feature = |f: usize| {
            let values: Vec<f64> = windows.clone().filter_map(|window| window[f]).collect();
            let n = values.len() as f64;
            (values.len() >= 5).then(|| {
                let mean = values.iter().sum::<f64>() / n;
                let deviation = values.iter().map(|x| (x - mean).abs()).sum::<f64>() / n;
                // Few epochs make a value look steadier than it is.
                (mean, deviation.max(mean.abs() * 0.03))
            })
        };
        Model((0..count).map(feature).collect())
    }

    fn distance(&self, window: &Features) -> f64 {
        let both = self.0.iter().zip(window).filter_map(|(model, value)| model.zip(*value));
        let distances: Vec<f64> =
            both.map(|((mean, deviation), x)| ((x - mean).abs() / deviation.max(1e-9)).min(8.0)).collect();
        distances.iter().sum::<f64>() / distances.len().max(1) as f64
    }
}
