//! From what an attack says of 400 candidates to bits gained over chance.

use crate::profile::SUMS;

/// Weights that the attacker tries on persons that are not attacked; 0 is not to trust the attack at all.
const WEIGHTS: [f64; 12] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.3];

/// What one attack says in one trial: a log likelihood for each candidate; the first is the secret.
pub struct Scores {
    pub person: usize,
    pub log_likelihoods: Vec<f64>,
}

/// Mean bits gained, half of the 95 % confidence interval over persons.
pub struct Gain {
    pub bits: f64,
    pub half_interval: f64,
}

/// What the attacker keeps for being wholly wrong.
const DOUBT: f64 = 0.02;

/// log2 of how much more likely than by chance the attacker holds the secret to be.
fn bits(log_likelihoods: &[f64], weight: f64) -> f64 {
    let best = log_likelihoods.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = log_likelihoods.iter().map(|l| ((l - best) * weight).exp()).sum();
    let own = ((log_likelihoods[0] - best) * weight).exp() / sum;
    let candidates = log_likelihoods.len() as f64;
    if weight == 0.0 { 0.0 } else { (candidates * (1.0 - DOUBT) * own + DOUBT).log2() }
}

fn best_weight(trials: &[Scores], half: usize) -> f64 {
    let total =
        |weight: f64| trials.iter().filter(|t| t.person % 2 == half).map(|t| bits(&t.log_likelihoods, weight)).sum();
    let scored = WEIGHTS.map(|weight| (weight, total(weight)));
    scored.into_iter().max_by(|a: &(f64, f64), b| a.1.total_cmp(&b.1)).expect("there are weights").0
}

/// The attacker learns on one half of the persons how far the attack can be trusted, and attacks the other half.
pub fn gain(trials: &[Scores]) -> Gain {
    let weights = [best_weight(trials, 1), best_weight(trials, 0)];
    let persons = trials.iter().map(|trial| trial.person).max().expect("there are trials") + 1;
    let of_person = |person: usize| {
        let own = trials.iter().filter(|trial| trial.person == person);
        let all: Vec<f64> = own.map(|trial| bits(&trial.log_likelihoods, weights[person % 2])).collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let all: Vec<f64> = (0..persons).map(of_person).collect();
    let n = persons as f64;
    let mean = all.iter().sum::<f64>() / n;
    let variance = all.iter().map(|bits| (bits - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Student's t for 21 degrees of freedom.
    Gain { bits: mean, half_interval: 2.08 * (variance / n).sqrt() }
}

/// Weighted by what each can be trusted, on the other half of the persons.
pub fn together(one: &[Scores], other: &[Scores]) -> Vec<Scores> {
    let weights = |trials: &[Scores]| [best_weight(trials, 1), best_weight(trials, 0)];
    let (one_weights, other_weights) = (weights(one), weights(other));
    let sum = |(one, other): (&Scores, &Scores)| {
        let half = one.person % 2;
        let pairs = one.log_likelihoods.iter().zip(&other.log_likelihoods);
        Scores {
            person: one.person,
            log_likelihoods: pairs.map(|(a, b)| a * one_weights[half] + b * other_weights[half]).collect(),
        }
    };
    one.iter().zip(other).map(sum).collect()
}

/// How likely distances are (in place of log likelihoods), judged by how far those of the true secrets of the other half
/// of the persons are spread.
pub fn by_distance(trials: &[Scores]) -> Vec<Scores> {
    let spread = [0, 1].map(|half| {
        let own = trials.iter().filter(|trial| trial.person % 2 == half).map(|trial| trial.log_likelihoods[0]);
        let n = own.clone().count() as f64;
        let mean = own.clone().sum::<f64>() / n;
        (mean, own.map(|distance| (distance - mean).powi(2)).sum::<f64>() / n)
    });
    let score = |trial: &Scores| {
        let (mean, variance) = spread[1 - trial.person % 2];
        let likelihood = |distance: &f64| -(distance - mean).powi(2) / (2.0 * variance);
        Scores { person: trial.person, log_likelihoods: trial.log_likelihoods.iter().map(likelihood).collect() }
    };
    trials.iter().map(score).collect()
}

/// Distances from what was expected, for each candidate of one trial.
pub struct Distances {
    pub person: usize,
    pub of_candidates: Vec<[f64; SUMS]>,
}

/// How likely the distances are, judged by those of the true secrets of the other half of the persons.
pub fn likelihoods(trials: &[Distances]) -> Vec<Scores> {
    let judges =
        [0, 1].map(|half| Normal::of(trials.iter().filter(|t| t.person % 2 == half).map(|t| t.of_candidates[0])));
    let score = |trial: &Distances| {
        let judge = &judges[1 - trial.person % 2];
        Scores {
            person: trial.person,
            log_likelihoods: trial.of_candidates.iter().map(|distance| judge.log_likelihood(distance)).collect(),
        }
    };
    trials.iter().map(score).collect()
}

/// A normal distribution, by its mean and the Cholesky factor of its covariance.
struct Normal {
    mean: [f64; SUMS],
    factor: [[f64; SUMS]; SUMS],
}

impl Normal {
    fn of(samples: impl Iterator<Item = [f64; SUMS]> + Clone) -> Normal {
        let n = samples.clone().count() as f64;
        let mean: [f64; SUMS] = std::array::from_fn(|i| samples.clone().map(|x| x[i]).sum::<f64>() / n);
        let mut factor = [[0.0; SUMS]; SUMS];
        for i in 0..SUMS {
            for j in 0..=i {
                let covariance = samples.clone().map(|x| (x[i] - mean[i]) * (x[j] - mean[j])).sum::<f64>() / n;
                let explained: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
                factor[i][j] = if i == j {
                    // Keeps a value that never varies from being taken for a proof.
                    (covariance * 1.02 + 1e-9 - explained).max(1e-9).sqrt()
                } else {
                    (covariance - explained) / factor[j][j]
                };
            }
        }
        Normal { mean, factor }
    }

    /// Up to a constant.
    fn log_likelihood(&self, x: &[f64; SUMS]) -> f64 {
        let mut z = [0.0; SUMS];
        for i in 0..SUMS {
            let explained: f64 = (0..i).map(|k| self.factor[i][k] * z[k]).sum();
            z[i] = (x[i] - self.mean[i] - explained) / self.factor[i][i];
        }
        -z.iter().map(|z| z * z).sum::<f64>() / 2.0
    }
}
