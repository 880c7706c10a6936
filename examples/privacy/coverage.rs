//! How many keystroke records contain values: by kind of text, by setting, and with a mouse that is moved now and then.

use crate::random::Random;
use crate::typist::{ARROWS, BACKSPACE, Session, Typist, events};
use seclyzer::event::{Event, Micros, Stamped};
use seclyzer::features::app::History;
use seclyzer::features::keystroke::Publish;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::Body;

const START_US: Micros = 1_790_000_000_000_000;
const TYPISTS: u64 = 3;
const WORDS_PER_MINUTE: f64 = 60.0;
const SLIP_SHARE: f64 = 0.03;
/// Words from one motion of the mouse to the next.
const MOTION_WORDS: usize = 12;
/// From the keyboard to the mouse, or back, and for pointing (S. K. Card, T. P. Moran, A. Newell, "The keystroke-level
/// model for user performance time with interactive systems", Communications of the ACM 23, 1980).
const HOMING_MS: f64 = 400.0;
const POINTING_MS: f64 = 1100.0;
const REPORT_US: Micros = 8_000;
const DWELL_MEAN: usize = 0;

/// Of our own writing. In `shell` and `code`, ⇥ stands for Tab and an arrow for its key.
const TEXTS: [(&str, &str); 5] = [
    ("prose", include_str!("texts/prose.txt")),
    ("mails", include_str!("texts/mails.txt")),
    ("chat, lines of 2 to 15 words", include_str!("texts/chat.txt")),
    ("shell", include_str!("texts/shell.txt")),
    ("code", include_str!("texts/code.txt")),
];

/// What happens after every twelfth word. The focus is known unless said otherwise.
#[derive(Clone, Copy, PartialEq)]
enum Interruption {
    None,
    /// As long as moving the mouse takes.
    Pause,
    Mouse,
    MouseFocusUnknown,
}

impl Interruption {
    const ALL: [Interruption; 4] =
        [Interruption::Pause, Interruption::Mouse, Interruption::MouseFocusUnknown, Interruption::None];
}

/// Of one kind of text.
struct Coverage {
    kind: &'static str,
    windows: usize,
    /// By setting, by interruption: which share of the records contains values.
    shares: Vec<[f64; 4]>,
}

/// Prints the table.
pub fn report() {
    println!(
        "Share of keystroke records that contain values, typed at {WORDS_PER_MINUTE} words a minute, {:.0} % slips: \
         with a pause every {MOTION_WORDS} words / with the mouse moved in that pause / the same where the focus is \
         unknown / without any pause.\n",
        SLIP_SHARE * 100.0
    );
    let settings = Publish::ALL.map(|publish| format!("`{}`", publish.name())).join(" | ");
    println!("| typed | windows | {settings} |\n|---|---|---|---|---|");
    for Coverage { kind, windows, shares } in measure(TYPISTS) {
        let cell = |shares: [f64; 4]| shares.map(|share| format!("{:.0} %", share * 100.0)).join(" / ");
        let cells: Vec<String> = shares.into_iter().map(cell).collect();
        println!("| {kind} | {windows} | {} |", cells.join(" | "));
    }
}

fn measure(typists: u64) -> Vec<Coverage> {
    let typists: Vec<Typist> = (0..typists).map(usual_typist).collect();
    let of_kind = |(kind, text): (&'static str, &str)| {
        let keys = keys(text);
        let count = |interruption: Interruption| {
            let counts = typists
                .iter()
                .zip(0..)
                .map(|(typist, seed)| count_windows(&type_it(typist, &keys, interruption, seed)));
            counts.reduce(|a, b| std::array::from_fn(|i| [a[i][0] + b[i][0], a[i][1] + b[i][1]])).expect("typists")
        };
        let counts = Interruption::ALL.map(count);
        let share = |i: usize| counts.each_ref().map(|of_one| of_one[i][1] as f64 / of_one[i][0] as f64);
        Coverage { kind, windows: counts[0][0][0], shares: (0..Publish::ALL.len()).map(share).collect() }
    };
    TEXTS.into_iter().map(of_kind).collect()
}

/// Somebody who types prose at 60 words a minute, pauses and corrections included.
fn usual_typist(seed: u64) -> Typist {
    let typist = Typist::new(14_000 + seed).at_tempo(1.0, SLIP_SHARE);
    let wanted = wpm(&typist) / WORDS_PER_MINUTE;
    let typist = typist.at_tempo(wanted, SLIP_SHARE);
    // Pauses do not grow with the tempo, so once more.
    let wanted = wpm(&typist) / WORDS_PER_MINUTE;
    typist.at_tempo(wanted, SLIP_SHARE)
}

/// Five characters are a word.
fn wpm(typist: &Typist) -> f64 {
    let (_, prose) = TEXTS[0];
    let mut random = Random::new(1);
    let mut session = Session::new(typist, Typist::mood(&mut random), 0);
    session.type_text(&mut random, prose);
    prose.chars().count() as f64 / 5.0 / (session.now_us() as f64 / 60e6)
}

/// What is pressed to write a text in an editor that indents a line like the one before.
fn keys(text: &str) -> String {
    let (mut keys, mut levels) = (String::new(), vec![0]);
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        while !content.is_empty() && levels.last().is_some_and(|&level| level > indent) {
            levels.pop();
            keys.push(BACKSPACE);
        }
        if levels.last().is_some_and(|&level| level < indent) {
            levels.push(indent);
            keys.push('\t');
        }
        keys += content;
        keys.push('\n');
    }
    let special = [('⇥', '\t'), ('↑', ARROWS[0]), ('←', ARROWS[1]), ('↓', ARROWS[2]), ('→', ARROWS[3])];
    special.iter().fold(keys, |keys, &(shown, key)| keys.replace(shown, &String::from(key)))
}

fn type_it(typist: &Typist, keys: &str, interruption: Interruption, seed: u64) -> Vec<Stamped> {
    let (mut random, mut of_mouse) = (Random::new(15_000 + seed), Random::new(16_000 + seed));
    let mut session = Session::new(typist, Typist::mood(&mut random), START_US);
    let app = (interruption != Interruption::MouseFocusUnknown).then(|| "editor".into());
    let mut all = vec![Stamped { ts_us: START_US, event: Event::Focus { app } }];
    let words: Vec<&str> = keys.split_inclusive([' ', '\n']).collect();
    for some in words.chunks(MOTION_WORDS) {
        session.type_text(&mut random, &some.concat());
        if interruption != Interruption::None {
            let motion = move_mouse(&mut session, &mut of_mouse);
            all.extend(motion.into_iter().filter(|_| interruption != Interruption::Pause));
        }
    }
    all.extend(events(&session.strokes));
    all.sort_by_key(|event| event.ts_us);
    all
}

/// Some hundred counts to the left or to the right, fastest in the middle.
fn move_mouse(session: &mut Session<'_>, random: &mut Random) -> Vec<Stamped> {
    session.pause(HOMING_MS);
    let begin_us = session.now_us();
    session.pause(random.lognormal(POINTING_MS, 0.25));
    let reports = (session.now_us() - begin_us) / REPORT_US;
    let counts = (200.0 + 700.0 * random.unit()) * if random.unit() < 0.5 { -1.0 } else { 1.0 };
    let at = |report: Micros| {
        let part = report as f64 / reports as f64;
        (counts * part * part * (3.0 - 2.0 * part)).round()
    };
    session.pause(HOMING_MS);
    let motion = |report| {
        let (dx, dy) = (at(report) - at(report - 1), if report % 2 == 0 { 1.0 } else { -1.0 });
        Stamped { ts_us: begin_us + report * REPORT_US, event: Event::Move { dx, dy } }
    };
    (1..=reports).map(motion).collect()
}

/// By setting: the keystroke records, and those of them that contain values.
fn count_windows(events: &[Stamped]) -> [[usize; 2]; 3] {
    Publish::ALL.map(|publish| {
        let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default()).publishing(publish);
        let mut counts = [0, 0];
        let mut count = |output: Output| {
            if let Some(Body::Keystroke { features, .. }) = output.record().map(|record| &record.body) {
                counts[0] += 1;
                // Those by finger stay from window to window.
                counts[1] += usize::from(features[DWELL_MEAN].is_some());
            }
        };
        for event in events {
            pipeline.push(event.clone(), &mut count);
        }
        pipeline.finish(&mut count);
        counts
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typists_type_60_words_a_minute() {
        for seed in 0..TYPISTS {
            let wpm = wpm(&usual_typist(seed));
            assert!((57.0..63.0).contains(&wpm), "typist {seed}: {wpm:.1} words a minute");
        }
    }

    #[test]
    fn motion_of_the_mouse_costs_no_values_whatever_is_typed_and_published() {
        for Coverage { kind, windows, shares } in measure(1) {
            assert!(windows > 150, "{kind}: {windows} windows");
            for [pause, mouse, ..] in &shares {
                assert!((pause - mouse).abs() <= 0.03, "{kind}: {pause:.3} with a pause, {mouse:.3} with the mouse");
            }
            let [lines, words, all] = [0, 1, 2].map(|setting| shares[setting]);
            let least = match kind {
                "prose" => [0.95, 0.95],
                "mails" => [0.8, 0.9],
                "shell" | "code" => [0.0, 0.1],
                _ => [0.2, 0.85],
            };
            for i in [0, 1, 3] {
                assert!(lines[i] >= least[0], "{kind}: {:.3} in lines", lines[i]);
                assert!(words[i] >= least[1].max(lines[i]), "{kind}: {:.3} in words", words[i]);
            }
            assert_eq!(all, [1.0; 4], "{kind}: of all strokes");
        }
    }
}
