//! A year in which somebody types text and, once a day, the same secret, as recognition sees it: what is stored and
//! published, and beside it what is not.

use crate::random::Random;
use crate::scenario::Scenario;
use crate::typist::{Stroke, Typist, events, key};
use crate::words::Vocabulary;
use seclyzer::recognition::keys::{self, KeyNumber, Model};
use seclyzer::recognition::{Recognition, Settings, State, Told};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;

const DAY_US: i64 = 86_400_000_000;
/// Days without the secret before it: the owner is known by then.
const DAYS_BEFORE: usize = 20;
/// As the decision has it: what a stroke adds to the sum, and where it is an alarm.
const ALLOWANCE: f64 = 0.06;
const ALARM: f64 = 12.0;
/// A stroke is judged by then.
const JUDGED_US: i64 = 1_100_000;

/// A leaf of a model: which tree (0 dwells, 1 times from press to press), and its number.
pub type Leaf = (usize, u16);

/// Copies of a model, one a day.
#[derive(Default)]
pub struct Copies {
    before: HashMap<Leaf, [u64; 2]>,
    last: HashMap<Leaf, [u64; 2]>,
    moved: HashMap<Leaf, usize>,
    pub days: usize,
}

impl Copies {
    fn begin(&mut self, model: &Value) {
        self.before = leaves(model);
        self.last = self.before.clone();
    }

    fn add(&mut self, model: &Value) {
        let now = leaves(model);
        for (&leaf, values) in &now {
            if self.last.get(&leaf) != Some(values) {
                *self.moved.entry(leaf).or_default() += 1;
            }
        }
        self.days += 1;
        self.last = now;
    }

    /// On how many days it changed.
    pub fn moved(&self, leaf: Leaf) -> usize {
        self.moved.get(&leaf).copied().unwrap_or_default()
    }

    /// Whether it is in the last copy, of those that were not there before the year.
    pub fn opened(&self, leaf: Leaf) -> Option<bool> {
        (!self.before.contains_key(&leaf)).then(|| self.last.contains_key(&leaf))
    }
}

/// Count and sum of each leaf, to the bit.
fn leaves(model: &Value) -> HashMap<Leaf, [u64; 2]> {
    let mut all = HashMap::new();
    for tree in [0, 1] {
        for leaf in model["trees"][tree]["leaves"].as_array().expect("leaves") {
            let number = leaf[0].as_u64().expect("a number") as u16;
            all.insert((tree, number), [1, 2].map(|i| leaf[i].as_f64().expect("a number").to_bits()));
        }
    }
    all
}

/// What was published of one day's secret, and what was not.
pub struct Day {
    /// Whether the state at the end of the interval was calm: that of the owner, in no doubt.
    pub is_calm: bool,
    /// What spoke against the owner at that end, if nothing was typed after the secret by then. Not published.
    pub evidence: Option<f64>,
    /// The scores of the secret's strokes, added up. Not published.
    pub sum: f64,
    /// Whether the state changed on this day.
    pub is_decided: bool,
}

pub struct Year {
    pub stored: Copies,
    /// Of a model that every stroke teaches and that is stored as it is. There is none.
    pub all_taught: Copies,
    pub days: Vec<Day>,
    /// That model at the year's begin.
    pub model: Model,
}

impl Year {
    /// `secret` is `None` where it is only to be seen what the text does.
    pub fn pass(
        scenario: &Scenario,
        typist: &Typist,
        vocabulary: &Vocabulary,
        secret: Option<&str>,
        days: usize,
        random: &mut Random,
    ) -> Year {
        let (mut watch, mut shadow) = (Watch::new(), Shadow::default());
        let (stored, all_taught) = (Copies::default(), Copies::default());
        let mut year = Year { stored, all_taught, days: Vec::new(), model: Model::new() };
        for number in 1..=DAYS_BEFORE + days {
            let (mut strokes, mut range) = scenario.day(typist, vocabulary, secret.unwrap_or("x"), random);
            if secret.is_none() || number <= DAYS_BEFORE {
                strokes.drain(range.clone());
                range.end = range.start;
            }
            for stroke in &mut strokes {
                stroke.press_us += number as i64 * DAY_US;
                stroke.release_us += number as i64 * DAY_US;
            }
            let sum = shadow.take(&strokes, &range);
            let day = watch.take(&strokes, &range, sum);
            let models = || {
                let stored = watch.recognition.stored().keys.expect("a model");
                [stored, shadow.model.save()].map(|keys| serde_json::to_value(keys).expect("numbers"))
            };
            if number == DAYS_BEFORE {
                let [stored, all_taught] = models();
                year.stored.begin(&stored);
                year.all_taught.begin(&all_taught);
                year.model = shadow.model.clone();
            } else if number > DAYS_BEFORE {
                let [stored, all_taught] = models();
                year.stored.add(&stored);
                year.all_taught.add(&all_taught);
                year.days.push(day);
            }
        }
        year
    }
}

/// The recognition of the agent, and what it yields.
struct Watch {
    recognition: Recognition,
}

impl Watch {
    fn new() -> Watch {
        Watch { recognition: Recognition::new(Settings::default(), None).expect("nothing to read") }
    }

    fn take(&mut self, strokes: &[Stroke], secret: &Range<usize>, sum: f64) -> Day {
        let mut told = Vec::new();
        for event in events(strokes) {
            self.recognition.push(&event, |one| told.push(one));
        }
        self.recognition.finish(|one| told.push(one));
        let last = &strokes[secret.end.saturating_sub(1)];
        let next_us = strokes.get(secret.end).map_or(i64::MAX, |stroke| stroke.press_us);
        let score = told.iter().find_map(|one| match one {
            Told::Score(score) if score.window_end_us >= last.press_us => Some((score, one.to_exact_json())),
            _ => None,
        });
        let (score, exact) = score.expect("the secret's interval has a score");
        let is_alone = (last.press_us + JUDGED_US..next_us).contains(&score.window_end_us);
        Day {
            is_calm: score.coarse.state == State::Owner,
            evidence: exact["evidence"].as_f64().filter(|_| is_alone),
            sum,
            is_decided: told.iter().any(|one| matches!(one, Told::Decision(_))),
        }
    }
}

/// A model that every stroke teaches, and the sum that closes its cases.
#[derive(Default)]
struct Shadow {
    model: Model,
    open: Vec<keys::Stroke>,
    against: f64,
}

impl Shadow {
    /// The sum of the scores of the secret's strokes.
    fn take(&mut self, strokes: &[Stroke], secret: &Range<usize>) -> f64 {
        self.model.break_scoring();
        self.close();
        let mut sum = 0.0;
        for (i, stroke) in strokes.iter().enumerate() {
            let stroke = model_stroke(stroke);
            let score = self.model.score(stroke);
            sum += if secret.contains(&i) { score } else { 0.0 };
            self.model.keep(Some(stroke), true);
            self.open.push(stroke);
            self.against = (self.against + ALLOWANCE - score).max(0.0);
            if self.against == 0.0 || self.against >= ALARM {
                self.close();
            }
        }
        sum
    }

    fn close(&mut self) {
        self.open.drain(..).for_each(|stroke| self.model.learn(Some(stroke)));
        self.model.begin();
        self.against = 0.0;
    }
}

/// A case of these strokes alone, judged by a model: the sum of all scores, what speaks against the owner at the end but
/// for the last stroke, and the most that ever did.
pub fn judge(model: &mut Model, strokes: &[Stroke]) -> [f64; 3] {
    model.begin();
    model.break_scoring();
    let (mut sum, mut against, mut before, mut most) = (0.0, 0.0_f64, 0.0, 0.0_f64);
    for stroke in strokes {
        let score = model.score(model_stroke(stroke));
        sum += score;
        before = against;
        against = (against + ALLOWANCE - score).max(0.0);
        most = most.max(against);
        if against == 0.0 {
            model.begin();
        }
    }
    [sum, before, most]
}

pub fn model_stroke(stroke: &Stroke) -> keys::Stroke {
    keys::Stroke {
        press_us: stroke.press_us,
        release_us: Some(stroke.release_us),
        key: KeyNumber::from(key(stroke.key)),
    }
}

/// Number of the leaf of two keys in each tree.
pub fn leaf_number(first: char, second: char) -> u16 {
    let number = |character| u16::from(u8::from(KeyNumber::from(key(character))));
    1000 + 64 * number(first) + number(second)
}
