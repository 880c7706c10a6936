//! The owner's model and the stranger who is judged against it.

use super::capitals::{Capitals, Way};
use super::normals::{COMMON, Normals, OWNER, STRANGER};
use super::number::KeyNumber;
use super::saved::SavedKeys;
use super::tree::Tree;
use super::values::{Feature, Stroke, Value, values};
use crate::recognition::BadState;
use crate::recognition::saved::check_count;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a value and a capital weigh, by [`Feature`]: values of a stroke say partly the same.
const WEIGHT: [f64; Feature::COUNT] = [0.5, 0.3, 0.3];
const CAPITAL_WEIGHT: f64 = 0.5;
/// The most that one value may say, either way, in natural logarithms of odds.
const LIMIT: f64 = 2.0;
/// Degrees of freedom of the t density of a value.
const NU: f64 = 3.0;
/// How far a value pulls the tempo, in standard deviations.
const TEMPO_CLIP: f64 = 1.5;
/// Standard deviation of the tempo of the moment, on the features' scale, and what is left of it after each value.
const TEMPO_SD: f64 = 0.04;
const TEMPO_MEMORY: f64 = 0.98;
/// Nothing learnt pulls a filter so far, nor makes it less sure than it is at first (but for rounding).
const MOST_SHIFT: f64 = 1000.0;
const MOST_TEMPO_VARIANCE: f64 = TEMPO_SD * TEMPO_SD * 1.000_001;

/// The keystroke model: what is learnt of the owner, and how well a stranger explains the strokes of the open case.
///
/// The owner's trees exist twice: the live ones, in memory only, learn all that was closed in the owner's favour; the
/// kept ones, the only ones that are saved, learn what may teach. A loaded model begins with the kept as the live ones.
/// Serialized it is a snapshot: everything, sums included, to the bit, but for the strokes that the next ones are measured
/// from.
#[derive(Clone, Serialize, Deserialize)]
pub struct Model {
    live: Learnt,
    kept: Kept,
    stranger: [Tree; Feature::COUNT],
    tempo: [Tempo; Feature::COUNT],
    /// Capitals met in this case.
    met: Capitals,
    #[serde(skip)]
    last_scored: Option<Stroke>,
    #[serde(skip)]
    last_learnt: Option<Stroke>,
}

/// What may teach, and the stroke that the next one is measured from, with whether it counts.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    learnt: Learnt,
    /// The dwells of `learnt` but for those before a key that does not count, see [`Kept::stored`].
    stored_dwells: Tree,
    #[serde(skip)]
    last: Option<(Stroke, bool)>,
}

/// What is learnt of one person.
#[derive(Clone, Serialize, Deserialize)]
struct Learnt {
    trees: [Tree; Feature::COUNT],
    capitals: Capitals,
    strokes: u64,
}

/// How much slower than usual the owner is at the moment: a Kalman filter's mean and variance.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Tempo {
    shift: f64,
    variance: f64,
}

impl Model {
    pub fn new() -> Model {
        Model::beginning_with(Learnt { trees: trees(), capitals: Capitals::default(), strokes: 0 })
    }

    pub fn load(saved: &SavedKeys) -> Result<Model, BadState> {
        Learnt::load(saved).map(Model::beginning_with)
    }

    fn beginning_with(kept: Learnt) -> Model {
        Model {
            live: kept.clone(),
            kept: Kept { stored_dwells: kept.trees[Feature::Dwell.index()].clone(), learnt: kept, last: None },
            stranger: trees(),
            tempo: [Tempo::UNKNOWN; Feature::COUNT],
            met: Capitals::default(),
            last_scored: None,
            last_learnt: None,
        }
    }

    /// What is kept: the definition's saved state. For the database there is [`Model::stored_after`].
    pub fn save(&self) -> SavedKeys {
        self.kept.save()
    }

    /// Begins a case: with a stranger whom nobody has met, and the tempo of the moment.
    pub fn begin(&mut self) {
        for feature in Feature::ALL {
            self.stranger[feature.index()].clear(feature);
        }
        self.tempo = [Tempo::UNKNOWN; Feature::COUNT];
        self.met = Capitals::default();
    }

    /// How much a stroke, with the dwell of the one before it, speaks for the owner (positive) or a stranger, in natural
    /// logarithms of odds: at most 3.2 either way.
    pub fn score(&mut self, stroke: Stroke) -> f64 {
        let mut score = 0.0;
        for value in values(self.last_scored, stroke) {
            score += WEIGHT[value.feature.index()] * self.evidence(value);
        }
        if let Some(way) = Way::of(stroke.key) {
            let odds = self.live.capitals.share(way).ln() - self.met.share(way).ln();
            score += CAPITAL_WEIGHT * odds.clamp(-LIMIT, LIMIT);
            self.met.count(way);
        }
        self.last_scored = Some(stroke);
        score
    }

    /// The next stroke's score is not measured from the last one: a gap, or strokes that are not judged.
    pub fn break_scoring(&mut self) {
        self.last_scored = None;
    }

    /// Teaches the live trees the next stroke; `None` breaks the chain, so that nothing is measured across.
    pub fn learn(&mut self, stroke: Option<Stroke>) {
        if let Some(stroke) = stroke {
            values(self.last_learnt, stroke).for_each(|value| self.live.learn(value));
            self.live.count(stroke.key);
        }
        self.last_learnt = stroke;
    }

    /// Teaches the kept trees the next stroke as far as strokes that `count` are concerned; `None` breaks the chain.
    pub fn keep(&mut self, stroke: Option<Stroke>, counts: bool) {
        self.kept.keep(stroke, counts);
    }

    /// What may be stored once these strokes are kept, in order, each with whether it counts; see [`Model::keep`].
    pub fn stored_after(&self, strokes: impl Iterator<Item = (Option<Stroke>, bool)>) -> SavedKeys {
        let mut ahead = self.kept.clone();
        strokes.for_each(|(stroke, counts)| ahead.keep(stroke, counts));
        ahead.stored()
    }

    /// Whether use can have led to this model, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        let is_tempo =
            |tempo: &Tempo| tempo.shift.abs() <= MOST_SHIFT && (0.0..=MOST_TEMPO_VARIANCE).contains(&tempo.variance);
        self.live.is_sound()
            && self.kept.is_sound()
            && are_sound(&self.stranger, &STRANGER)
            && self.tempo.iter().all(is_tempo)
    }

    pub fn live_strokes(&self) -> u64 {
        self.live.strokes
    }

    pub fn kept_strokes(&self) -> u64 {
        self.kept.learnt.strokes
    }

    /// Memory that it holds besides itself.
    pub fn heap_bytes(&self) -> usize {
        let trees = [&self.live.trees, &self.kept.learnt.trees, &self.stranger].into_iter().flatten();
        trees.chain([&self.kept.stored_dwells]).map(Tree::heap_bytes).sum()
    }

    /// Logarithm of how much better the owner explains a value than the stranger, who learns it.
    fn evidence(&mut self, value: Value) -> f64 {
        let Value { feature, path, x } = value;
        let i = feature.index();
        let own = self.live.trees[i].predict(&OWNER[i], path);
        let tempo = &mut self.tempo[i];
        let variance = own.variance() + tempo.variance;
        let owners = log_density(x - (own.mean + tempo.shift), variance);
        tempo.learn(x - own.mean, variance);

        // A part of what is peculiar to keys and pairs of the owner is so with everybody: the stranger is given it, and
        // what is irregular for the owner.
        let [in_subgroup, in_leaf] = COMMON[i];
        let subgroup = own.subgroup.mean();
        let x = x - in_subgroup * (subgroup - own.group.mean()) - in_leaf * (own.mean - subgroup);
        let mut other = self.stranger[i].predict(&STRANGER[i], path);
        other.within *= own.within * STRANGER[i].per_within;
        let strangers = log_density(x - other.mean, other.variance());
        self.stranger[i].update(&STRANGER[i], path, x, &other);
        (owners - strangers).clamp(-LIMIT, LIMIT)
    }
}

impl Default for Model {
    fn default() -> Model {
        Model::new()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Model(…)")
    }
}

impl Kept {
    /// A dwell, known with the stroke after it, counts as its own stroke does; a pair if both do, or the second after a
    /// space; a capital as its stroke does.
    fn keep(&mut self, stroke: Option<Stroke>, counts: bool) {
        if let Some(stroke) = stroke {
            if let Some((before, before_counts)) = self.last {
                let pair_counts = counts && (before_counts || before.key == KeyNumber::SPACE);
                let may_teach =
                    |value: &Value| if value.feature == Feature::Dwell { before_counts } else { pair_counts };
                for value in values(Some(before), stroke).filter(may_teach) {
                    self.learnt.learn(value);
                    if value.feature == Feature::Dwell && counts {
                        learn(&mut self.stored_dwells, value);
                    }
                }
            }
            if counts {
                self.learnt.count(stroke.key);
            }
        }
        self.last = stroke.map(|stroke| (stroke, counts));
    }

    fn save(&self) -> SavedKeys {
        self.with_dwells(&self.learnt.trees[Feature::Dwell.index()])
    }

    /// The same without what a password would leave of itself: a dwell is one before a certain key, so it may be stored
    /// only if both keys count, as a pair is. Otherwise the dwell of the space before a password would tell its first key.
    fn stored(&self) -> SavedKeys {
        self.with_dwells(&self.stored_dwells)
    }

    fn with_dwells(&self, dwells: &Tree) -> SavedKeys {
        let Learnt { trees: [_, press, flight], capitals, strokes } = &self.learnt;
        let trees = [dwells, press, flight].map(Tree::save);
        SavedKeys { strokes: *strokes, capitals: capitals.saved(), trees }
    }

    fn is_sound(&self) -> bool {
        self.learnt.is_sound() && self.stored_dwells.is_sound(Feature::Dwell, &OWNER[Feature::Dwell.index()])
    }
}

impl Learnt {
    fn load(saved: &SavedKeys) -> Result<Learnt, BadState> {
        check_count(saved.strokes, "strokes")?;
        let tree = |feature: Feature| Tree::load(feature, &OWNER[feature.index()], &saved.trees[feature.index()]);
        Ok(Learnt {
            trees: [tree(Feature::Dwell)?, tree(Feature::Press)?, tree(Feature::Flight)?],
            capitals: Capitals::of_saved(saved.capitals)?,
            strokes: saved.strokes,
        })
    }

    fn is_sound(&self) -> bool {
        are_sound(&self.trees, &OWNER)
            && Capitals::of_saved(self.capitals.saved()).is_ok()
            && check_count(self.strokes, "strokes").is_ok()
    }

    fn learn(&mut self, value: Value) {
        learn(&mut self.trees[value.feature.index()], value);
    }

    fn count(&mut self, key: KeyNumber) {
        if let Some(way) = Way::of(key) {
            self.capitals.learn(way);
        }
        self.strokes = self.strokes.saturating_add(1);
    }
}

impl Tempo {
    const UNKNOWN: Tempo = Tempo { shift: 0.0, variance: TEMPO_SD * TEMPO_SD };

    /// By a value so far from what the owner's tree expected; `variance` is that of the value, the tempo's included.
    fn learn(&mut self, error: f64, variance: f64) {
        let most = TEMPO_CLIP * variance.sqrt();
        let gain = self.variance / variance;
        let error = (error - self.shift).min(most).max(-most);
        self.shift = (self.shift + gain * error) * TEMPO_MEMORY;
        self.variance = TEMPO_MEMORY * TEMPO_MEMORY * self.variance * (1.0 - gain)
            + (1.0 - TEMPO_MEMORY * TEMPO_MEMORY) * TEMPO_SD * TEMPO_SD;
    }
}

fn learn(tree: &mut Tree, value: Value) {
    let Value { feature, path, x } = value;
    let normals = &OWNER[feature.index()];
    let expected = tree.predict(normals, path);
    tree.update(normals, path, x, &expected);
}

fn are_sound(trees: &[Tree; Feature::COUNT], normals: &[Normals; Feature::COUNT]) -> bool {
    Feature::ALL.iter().all(|&feature| trees[feature.index()].is_sound(feature, &normals[feature.index()]))
}

fn trees() -> [Tree; Feature::COUNT] {
    [Tree::new(), Tree::new(), Tree::new()]
}

/// Of Student's t with [`NU`] degrees of freedom, at `z` from its centre, but for the constant
/// ln(Γ((NU + 1) / 2) / Γ(NU / 2)) - ln(NU π) / 2, which two densities compared have alike:
/// -ln(variance) / 2 - (NU + 1) / 2 ln(1 + z² / (NU variance)).
fn log_density(z: f64, variance: f64) -> f64 {
    -0.5 * variance.ln() - 0.5 * (NU + 1.0) * (z * z / (NU * variance)).ln_1p()
}

#[cfg(test)]
mod tests;
