//! Simulated people at a keyboard: a person is a seed and a tempo. What they do comes as strokes, from which events are
//! made for a trace, or a script for a device of the virtual machine.
#![allow(dead_code, reason = "each test uses a part of it")]

#[path = "../../examples/privacy/random.rs"]
mod random;

use random::Random;
use seclyzer::event::{Action, Event, Key, Micros, Stamped};

/// Words without the letters that a test's marker consists of.
const WORDS: &str = "the of and to in is that for it as was with be by on not he this are or his from at which but have \
    an had they you were their one all we can her has there been if more when will would who so no out up into them then \
    time over water people little house again small sound place years live back give most after things our just name \
    good other some could these two may first than any work now such like made many must before much through where man";
/// A line of text has so many.
const WORDS_A_LINE: usize = 11;
/// Of the logarithms of single latencies and dwells, around what is usual for the pair and the key.
const LATENCY_SIGMA: f64 = 0.3;
const DWELL_SIGMA: f64 = 0.22;

/// A key going down and up; its kernel name.
#[derive(Debug, Clone)]
pub struct Stroke {
    pub key: String,
    pub press_us: Micros,
    pub release_us: Micros,
}

pub struct Person {
    random: Random,
    tempo_ms: f64,
    dwell_ms: f64,
    /// Factors, by pair and by key of the letters and the space.
    pairs: Vec<f64>,
    keys: Vec<f64>,
    now_us: Micros,
    before: usize,
}

const LETTERS: usize = 27;

fn index(letter: char) -> usize {
    if letter == ' ' { LETTERS - 1 } else { letter as usize - 'a' as usize }
}

fn key(letter: char) -> String {
    if letter == ' ' { "KEY_SPACE".into() } else { format!("KEY_{}", letter.to_ascii_uppercase()) }
}

impl Person {
    /// With this median time between keys, and of a key.
    pub fn new(seed: u64, tempo_ms: f64, dwell_ms: f64, now_us: Micros) -> Person {
        let mut random = Random::new(seed);
        let pairs = (0..LETTERS * LETTERS).map(|_| random.lognormal(1.0, 0.28)).collect();
        let keys = (0..LETTERS).map(|_| random.lognormal(1.0, 0.15)).collect();
        Person { random, tempo_ms, dwell_ms, pairs, keys, now_us, before: LETTERS - 1 }
    }

    pub fn now_us(&self) -> Micros {
        self.now_us
    }

    pub fn pause(&mut self, us: Micros) {
        self.now_us += us;
    }

    /// Lines of text, each with this word in it.
    pub fn type_lines(&mut self, lines: usize, marker: &str) -> Vec<Stroke> {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut strokes = Vec::new();
        for _ in 0..lines {
            for place in 0..WORDS_A_LINE {
                let word = if place == WORDS_A_LINE / 2 { marker } else { words[self.random.below(words.len())] };
                word.chars().chain([' ']).for_each(|letter| strokes.push(self.letter(letter)));
            }
            strokes.push(self.tap("KEY_ENTER", 1.5));
            self.pause(300_000);
        }
        released_before_the_next(&mut strokes);
        strokes
    }

    /// A game: W held, others tapped meanwhile.
    pub fn play(&mut self, us: Micros) -> Vec<Stroke> {
        const OTHERS: [&str; 6] = ["KEY_A", "KEY_D", "KEY_S", "KEY_SPACE", "KEY_R", "KEY_1"];
        let (mut strokes, end_us) = (Vec::new(), self.now_us + us);
        while self.now_us < end_us {
            let held_us = self.us(1_300.0, 0.7);
            strokes.push(Stroke { key: "KEY_W".into(), press_us: self.now_us, release_us: self.now_us + held_us });
            let until_us = self.now_us + held_us;
            while self.now_us < until_us {
                self.now_us += 60_000 + self.us(450.0, 0.6);
                let held_us = self.us(200.0, 0.5);
                let key = OTHERS[self.random.below(OTHERS.len())].into();
                strokes.push(Stroke { key, press_us: self.now_us, release_us: self.now_us + held_us });
            }
            self.now_us = self.now_us.max(until_us) + 400_000;
        }
        released_before_the_next(&mut strokes);
        strokes
    }

    /// Numbers into a sheet, each with Enter.
    pub fn fill_a_sheet(&mut self, numbers: usize) -> Vec<Stroke> {
        let mut strokes = Vec::new();
        for _ in 0..numbers {
            for _ in 0..2 + self.random.below(5) {
                let digit = format!("KEY_{}", self.random.below(10));
                strokes.push(self.tap(&digit, 1.8));
            }
            strokes.push(self.tap("KEY_ENTER", 1.8));
            self.pause(500_000);
        }
        released_before_the_next(&mut strokes);
        strokes
    }

    /// A program types so many keys in their place, one every 4 ms.
    pub fn expand(&mut self, keys: usize) -> Vec<Stroke> {
        const STEP_US: Micros = 4_000;
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let text: Vec<char> = (0..keys)
            .flat_map(|_| [words[self.random.below(words.len())], " "])
            .collect::<String>()
            .chars()
            .take(keys)
            .collect();
        let begin_us = self.now_us + 60_000;
        let stroke = |(i, letter)| {
            let press_us = begin_us + i as Micros * STEP_US;
            Stroke { key: key(letter), press_us, release_us: press_us + STEP_US / 2 }
        };
        self.now_us = begin_us + keys as Micros * STEP_US + 300_000;
        text.into_iter().enumerate().map(stroke).collect()
    }

    fn letter(&mut self, letter: char) -> Stroke {
        let i = index(letter);
        let (pair, dwell) = (self.pairs[self.before * LETTERS + i], self.keys[i]);
        self.before = i;
        self.now_us += self.us(self.tempo_ms * pair, LATENCY_SIGMA);
        let held_us = self.us(self.dwell_ms * dwell, DWELL_SIGMA);
        Stroke { key: key(letter), press_us: self.now_us, release_us: self.now_us + held_us }
    }

    /// Another key, so many times as slowly as a letter.
    fn tap(&mut self, key: &str, factor: f64) -> Stroke {
        self.now_us += self.us(self.tempo_ms * factor, LATENCY_SIGMA);
        let held_us = self.us(self.dwell_ms, DWELL_SIGMA);
        Stroke { key: key.into(), press_us: self.now_us, release_us: self.now_us + held_us }
    }

    fn us(&mut self, median_ms: f64, sigma: f64) -> Micros {
        (1000.0 * self.random.lognormal(median_ms, sigma)) as Micros
    }
}

/// A finger that comes back to its key has left it before.
fn released_before_the_next(strokes: &mut [Stroke]) {
    for i in 0..strokes.len() {
        let key = strokes[i].key.clone();
        if let Some(next_us) = strokes[i + 1..].iter().find(|next| next.key == key).map(|next| next.press_us) {
            let stroke = &mut strokes[i];
            stroke.release_us = stroke.release_us.min(next_us - 10_000).max(stroke.press_us + 1_000);
        }
    }
}

/// Presses and releases, in order of time.
fn halves(strokes: &[Stroke]) -> Vec<(Micros, &str, Action)> {
    let both = |stroke: &Stroke| [(stroke.press_us, Action::Press), (stroke.release_us, Action::Release)];
    let mut halves: Vec<_> =
        strokes.iter().flat_map(|stroke| both(stroke).map(|(us, action)| (us, stroke.key.as_str(), action))).collect();
    halves.sort_by_key(|&(us, _, _)| us);
    halves
}

pub fn events(strokes: &[Stroke]) -> Vec<Stamped> {
    let event = |(ts_us, name, action)| {
        let key = Key::named(name).expect("a key of the kernel's");
        Stamped { ts_us, event: Event::Key { key, action } }
    };
    halves(strokes).into_iter().map(event).collect()
}

/// What a device of the virtual machine plays: a line for each wait, press and release.
pub fn script(strokes: &[Stroke]) -> String {
    let mut lines = String::new();
    let mut before_us = strokes[0].press_us;
    for (us, key, action) in halves(strokes) {
        let action = if action == Action::Press { "down" } else { "up" };
        lines += &format!("wait_us {}\n{action} {key}\n", us - before_us);
        before_us = us;
    }
    lines
}
