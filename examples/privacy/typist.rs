//! A generative model of typists: who needs how long for which key and which pair, and how much that varies.
//!
//! Sizes are of the order that large studies report (V. Dhakal et al., "Observations on typing from 136 million
//! keystrokes", CHI 2018): 240 ms between keys, 115 ms a key, a fourth of the keys rolled over.

use crate::random::Random;
use seclyzer::event::{Action, Event, Key, Micros, Stamped};

pub const SHIFT: char = '\u{21e7}';
pub const BACKSPACE: char = '\u{8}';
/// Keys that write nothing: up, left, down, right.
pub const ARROWS: [char; 4] = ['\u{1}', '\u{2}', '\u{3}', '\u{4}'];
/// What keys of the US keyboard write without and with Shift, letters apart.
const UNSHIFTED: &str = "`1234567890-=[]\\;',./";
const SHIFTED: &str = "~!@#$%^&*()_+{}|:\"<>?";
/// Shift is held at least so long after its key went down.
const SHIFT_OVERLAP_US: Micros = 20_000;
pub const ZONES: usize = 10;
const ZONE_ED: usize = 9;
/// Characters of each finger by the touch-typing chart; a key of none is of the last zone.
const ZONE_CHARACTERS: [&str; 9] =
    ["`1qaz\u{21e7}", "2wsx", "3edc", "45rtfgvb", "67yuhjnm", "8ik,", "9ol.", "0-=p[];'\\/", " "];

pub fn zone(key: char) -> usize {
    ZONE_CHARACTERS.iter().position(|characters| characters.contains(key)).unwrap_or(ZONE_ED)
}

/// One key going down and up.
#[derive(Clone, Copy)]
pub struct Stroke {
    pub key: char,
    pub press_us: Micros,
    pub release_us: Micros,
}

impl Stroke {
    pub fn dwell_ms(&self) -> f64 {
        (self.release_us - self.press_us) as f64 / 1000.0
    }
}

const KEYS: usize = 128;
/// Spread (of the logarithm) of one person's single latencies and dwells around what is usual for the pair or key.
pub const LATENCY_SIGMA: f64 = 0.28;
pub const DWELL_SIGMA: f64 = 0.20;

/// A person's usual latencies and dwells, ms. The attacker knows them all.
pub struct Typist {
    latency_ms: Vec<f64>,
    dwell_ms: Vec<f64>,
    /// How often a wrong key is pressed and erased.
    slip_share: f64,
    /// How often the typist stops to think before a word.
    pause_share: f64,
}

/// How a person is on one day: factors of all latencies and dwells.
#[derive(Clone, Copy)]
pub struct Mood {
    latency: f64,
    dwell: f64,
}

impl Typist {
    pub fn new(seed: u64) -> Typist {
        let mut random = Random::new(seed);
        let tempo_ms = random.lognormal(185.0, 0.25);
        let base_dwell_ms = random.lognormal(105.0, 0.2);
        let pair_factors: Vec<f64> = (0..ZONES * ZONES).map(|_| random.lognormal(1.0, 0.15)).collect();
        let finger_factors: Vec<f64> = (0..ZONES).map(|_| random.lognormal(1.0, 0.12)).collect();
        let mut latency_ms = vec![0.0; KEYS * KEYS];
        let mut dwell_ms = vec![0.0; KEYS];
        for a in 0..KEYS {
            let za = zone(a as u8 as char);
            dwell_ms[a] = base_dwell_ms * finger_factors[za] * random.lognormal(1.0, 0.08);
            for b in 0..KEYS {
                let zb = zone(b as u8 as char);
                let usual = tempo_ms * motion_factor(za, zb, a == b) * pair_factors[za * ZONES + zb];
                latency_ms[a * KEYS + b] = usual * random.lognormal(1.0, 0.15);
            }
        }
        let (slip_share, pause_share) = (0.01 + 0.03 * random.unit(), 0.03 + 0.05 * random.unit());
        Typist { latency_ms, dwell_ms, slip_share, pause_share }
    }

    /// Median from press of `a` to press of `b`, ms.
    pub fn latency_ms(&self, a: char, b: char) -> f64 {
        self.latency_ms[index(a) * KEYS + index(b)]
    }

    /// Median, ms.
    pub fn dwell_ms(&self, key: char) -> f64 {
        self.dwell_ms[index(key)]
    }

    /// The same person at another tempo, with this share of slips.
    pub fn at_tempo(mut self, factor: f64, slip_share: f64) -> Typist {
        self.latency_ms.iter_mut().for_each(|latency_ms| *latency_ms *= factor);
        Typist { slip_share, ..self }
    }

    pub fn mood(random: &mut Random) -> Mood {
        Mood { latency: random.lognormal(1.0, 0.06), dwell: random.lognormal(1.0, 0.05) }
    }
}

/// Alternate hands are fast, the same finger on another key is slow.
fn motion_factor(a: usize, b: usize, same_key: bool) -> f64 {
    let hand = |zone| if zone < 4 { 0 } else { 1 };
    match () {
        () if same_key => 0.95,
        () if a == ZONE_ED || b == ZONE_ED => 1.4,
        () if a == 8 || b == 8 => 0.85,
        () if a == b => 1.25,
        () if hand(a) == hand(b) => 1.0,
        () => 0.85,
    }
}

fn index(key: char) -> usize {
    // Shift is no character of the keyboard's own.
    if key == SHIFT { 0 } else { key as usize }
}

/// The key that writes this character together with Shift.
fn unshifted(character: char) -> Option<char> {
    if character.is_ascii_uppercase() {
        return Some(character.to_ascii_lowercase());
    }
    UNSHIFTED.chars().nth(SHIFTED.chars().position(|shifted| shifted == character)?)
}

/// Somebody at a keyboard.
pub struct Session<'a> {
    typist: &'a Typist,
    mood: Mood,
    now_us: Micros,
    previous: Option<char>,
    pub strokes: Vec<Stroke>,
}

impl<'a> Session<'a> {
    pub fn new(typist: &'a Typist, mood: Mood, start_us: Micros) -> Session<'a> {
        Session { typist, mood, now_us: start_us, previous: None, strokes: Vec::new() }
    }

    pub fn now_us(&self) -> Micros {
        self.now_us
    }

    pub fn pause(&mut self, ms: f64) {
        self.now_us += (ms * 1000.0) as Micros;
    }

    /// With slips and pauses.
    pub fn type_text(&mut self, random: &mut Random, text: &str) {
        for key in text.chars() {
            if self.previous == Some(' ') && random.unit() < self.typist.pause_share {
                let ms = 300.0 + random.lognormal(500.0, 0.7);
                self.pause(ms);
            }
            if key.is_ascii_lowercase() && random.unit() < self.typist.slip_share {
                let wrong = char::from(b'a' + random.below(26) as u8);
                self.stroke(random, wrong);
                self.pause(150.0);
                self.stroke(random, BACKSPACE);
            }
            self.stroke(random, key);
        }
    }

    /// Without; the range of its strokes.
    pub fn type_secret(&mut self, random: &mut Random, secret: &str) -> std::ops::Range<usize> {
        let first = self.strokes.len();
        secret.chars().for_each(|key| self.stroke(random, key));
        first..self.strokes.len()
    }

    fn stroke(&mut self, random: &mut Random, key: char) {
        let Some(key) = unshifted(key) else { return self.press(random, key) };
        self.press(random, SHIFT);
        let shift = self.strokes.len() - 1;
        self.press(random, key);
        let held_until_us = self.now_us + SHIFT_OVERLAP_US;
        self.strokes[shift].release_us = self.strokes[shift].release_us.max(held_until_us);
    }

    fn press(&mut self, random: &mut Random, key: char) {
        let typist = self.typist;
        if let Some(previous) = self.previous {
            let ms = random.lognormal(typist.latency_ms(previous, key) * self.mood.latency, LATENCY_SIGMA);
            self.now_us += (ms * 1000.0) as Micros;
        }
        // A finger that comes back to its key has left it before.
        if let Some(last) = self.strokes.iter_mut().rev().take(4).find(|stroke| stroke.key == key) {
            last.release_us = last.release_us.min(self.now_us - 5_000).max(last.press_us + 1_000);
        }
        let ms = random.lognormal(typist.dwell_ms(key) * self.mood.dwell, DWELL_SIGMA);
        self.strokes.push(Stroke { key, press_us: self.now_us, release_us: self.now_us + (ms * 1000.0) as Micros });
        self.previous = Some(key);
    }
}

/// The key that writes a character, or that one of the signs above stands for.
pub fn key(character: char) -> Key {
    let key = match character {
        SHIFT => Key::named("ShiftLeft"),
        BACKSPACE => Key::named("Backspace"),
        '\n' => Key::named("Return"),
        '\t' => Key::named("Tab"),
        arrow if ARROWS.contains(&arrow) => {
            let names = ["UpArrow", "LeftArrow", "DownArrow", "RightArrow"];
            ARROWS.iter().position(|&key| key == arrow).and_then(|i| Key::named(names[i]))
        }
        other => Key::named(other.encode_utf8(&mut [0; 4])),
    };
    key.expect("a key of a US keyboard")
}

/// The strokes as events in order.
pub fn events(strokes: &[Stroke]) -> Vec<Stamped> {
    let mut events: Vec<Stamped> = Vec::with_capacity(strokes.len() * 2);
    for stroke in strokes {
        let key = key(stroke.key);
        events.push(Stamped { ts_us: stroke.press_us, event: Event::Key { key, action: Action::Press } });
        events.push(Stamped { ts_us: stroke.release_us, event: Event::Key { key, action: Action::Release } });
    }
    events.sort_by_key(|event| event.ts_us);
    events
}
