//! A year in which somebody types text and, once a day, the same secret, as recognition sees it: what is stored and
//! published, and beside it what is not.

use crate::random::Random;
use crate::scenario::Scenario;
use crate::typist::{Session, Stroke, Typist, events, key};
use crate::words::Vocabulary;
use seclyzer::recognition::keys::{self, KeyNumber, Model};
use seclyzer::recognition::{Change, Recognition, Settings, State, Told, coarse};
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

    /// How many values it had before the year, and in the last copy.
    pub fn values(&self, leaf: Leaf) -> [f64; 2] {
        [&self.before, &self.last].map(|copy| copy.get(&leaf).map_or(0.0, |&[values, _]| f64::from_bits(values)))
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

/// Levels of trust that are published: 100, 75, 50, 25, 0.
pub const LEVELS: usize = 5;

/// What was published of one day's secret, and what was not.
pub struct Day {
    /// The lowest trust from the secret to the day's end, as a place in the levels.
    pub level: usize,
    /// What spoke against the owner at the interval's end, if nothing was typed after the secret by then. Not published.
    pub evidence: Option<f64>,
    /// The scores of the secret's strokes, added up. Not published.
    pub sum: f64,
    /// Whether the state changed on this day.
    pub is_decided: bool,
    pub other: Differs,
}

/// What would not be as it is if the secret were another one, all else being equal.
pub struct Differs {
    pub stored: bool,
    pub published: bool,
    /// The live state, which never leaves the memory.
    pub live: bool,
    /// Whether the state has changed by then, in the one year or the other.
    pub is_doubted: bool,
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
    /// `secrets` are the one that is typed and another one, or `None` where it is only to be seen what the text does.
    pub fn pass(
        scenario: &Scenario,
        typist: &Typist,
        vocabulary: &Vocabulary,
        secrets: Option<[&str; 2]>,
        days: usize,
        random: &mut Random,
    ) -> Year {
        let (mut one, mut other, mut shadow) = (agent(), agent(), Shadow::default());
        let (stored, all_taught) = (Copies::default(), Copies::default());
        let mut year = Year { stored, all_taught, days: Vec::new(), model: Model::new() };
        let mut is_doubted = false;
        for number in 1..=DAYS_BEFORE + days {
            let secrets = secrets.filter(|_| number > DAYS_BEFORE);
            let (mut strokes, mut range) =
                scenario.day(typist, vocabulary, secrets.map_or("x", |both| both[0]), random);
            if secrets.is_none() {
                strokes.drain(range.clone());
                range.end = range.start;
            }
            for stroke in &mut strokes {
                stroke.press_us += number as i64 * DAY_US;
                stroke.release_us += number as i64 * DAY_US;
            }
            let others = secrets.map(|[_, secret]| replaced(&strokes, &range, scenario, typist, secret, random));
            let sum = shadow.take(&strokes, &range);
            let told = take(&mut one, &strokes);
            let told_of_other = take(&mut other, others.as_ref().unwrap_or(&strokes));
            let models = || {
                let stored = one.stored().keys.expect("a model");
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
                is_doubted |= told.iter().chain(&told_of_other).any(is_decision);
                let differs = Differs {
                    is_doubted,
                    stored: one.stored() != other.stored(),
                    published: published(&told) != published(&told_of_other),
                    live: one.snapshot_bytes() != other.snapshot_bytes(),
                };
                year.days.push(Day::of(&told, &strokes, &range, sum, differs));
            }
        }
        year
    }
}

/// The same strokes with another secret in the place of the one, typed by the same person in another mood, in as long.
fn replaced(
    strokes: &[Stroke],
    secret: &Range<usize>,
    scenario: &Scenario,
    typist: &Typist,
    other: &str,
    random: &mut Random,
) -> Vec<Stroke> {
    let first_us = strokes[secret.start].press_us;
    let mut session = Session::new(typist, Typist::mood(random), first_us);
    session.type_secret(random, &scenario.with_ends(other).1);
    let length_us = |strokes: &[Stroke]| (strokes[strokes.len() - 1].press_us - first_us) as f64;
    let factor = length_us(&strokes[secret.clone()]) / length_us(&session.strokes);
    let placed = |us: i64| first_us + ((us - first_us) as f64 * factor) as i64;
    for stroke in &mut session.strokes {
        (stroke.press_us, stroke.release_us) = (placed(stroke.press_us), placed(stroke.release_us));
    }
    [&strokes[..secret.start], &session.strokes, &strokes[secret.end..]].concat()
}

/// What of it leaves the process.
fn published(told: &[Told]) -> (Vec<(i64, coarse::Score)>, Vec<Change>) {
    let (mut scores, mut changes) = (Vec::new(), Vec::new());
    for one in told {
        match one {
            Told::Score(score) => scores.push((score.window_end_us, score.coarse)),
            Told::Decision(change) => changes.push(*change),
        }
    }
    (scores, changes)
}

impl Day {
    fn of(told: &[Told], strokes: &[Stroke], secret: &Range<usize>, sum: f64, other: Differs) -> Day {
        // Without a secret there is the stroke before its place.
        let begin_us = strokes[secret.start.saturating_sub(1)].press_us;
        let end_us = strokes[secret.end.saturating_sub(1)].press_us;
        let next_us = strokes.get(secret.end).map_or(i64::MAX, |stroke| stroke.press_us);
        let level = |one: &Told| match one {
            Told::Score(score) if score.window_end_us > begin_us => {
                score.coarse.trust.map_or(0, |trust| usize::from(100 - trust) / 25)
            }
            Told::Decision(change) if change.ts_us > begin_us => match change.to {
                State::Doubtful => 1,
                State::Stranger => LEVELS - 1,
                _ => 0,
            },
            _ => 0,
        };
        let first = told.iter().find_map(|one| match one {
            Told::Score(score) if score.window_end_us >= end_us => Some(score),
            _ => None,
        });
        let alone = first.filter(|score| (end_us + JUDGED_US..next_us).contains(&score.window_end_us));
        Day {
            level: told.iter().map(level).max().unwrap_or_default(),
            evidence: alone.map(|score| score.evidence),
            sum,
            is_decided: told.iter().any(is_decision),
            other,
        }
    }
}

fn is_decision(told: &Told) -> bool {
    matches!(told, Told::Decision(_))
}

fn agent() -> Recognition {
    Recognition::new(Settings::default(), None).expect("there is nothing to read")
}

/// What comes of a day's strokes.
fn take(agent: &mut Recognition, strokes: &[Stroke]) -> Vec<Told> {
    let mut told = Vec::new();
    for event in events(strokes) {
        agent.push(&event, |one| told.push(one));
    }
    agent.finish(|one| told.push(one));
    told
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
