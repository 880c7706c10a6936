//! The attack on what is published of a secret's scores, and on figures that are not published. The attacker has the model
//! of all strokes as it was before the secret, teaches it each candidate, and types each so often in the person's own times.

use crate::random::Random;
use crate::scenario::Scenario;
use crate::typist::{Session, Typist};
use crate::year::{Day, LEVELS, judge, model_stroke};
use seclyzer::recognition::keys::Model;

/// How often the attacker teaches a candidate, as many as a leaf remembers, and how often he then types it.
const TAUGHT: usize = 16;
const TYPED: usize = 100;
/// Where doubt begins, and where the owner is asked.
const DOUBT: f64 = 6.0;
const NOTIFY: f64 = 12.0;
/// Ends of the classes in which evidence is compared.
const EVIDENCE: [f64; 4] = [0.0, 0.5, 1.0, 2.0];

/// What is expected of a candidate.
pub struct Expected {
    /// Probability that each level of trust is the lowest.
    level: [f64; LEVELS],
    /// Probability of each class of evidence.
    evidence: [f64; EVIDENCE.len() + 1],
    /// Mean of the sum of the scores.
    sum: f64,
}

impl Expected {
    pub fn of(scenario: &Scenario, typist: &Typist, model: &Model, secret: &str, random: &mut Random) -> Expected {
        let mut model = model.clone();
        let mut typed = || {
            let (before, secret) = scenario.with_ends(secret);
            let mut session = Session::new(typist, Typist::mood(random), 0);
            session.type_secret(random, &before.to_string());
            if scenario.is_alone() {
                session.pause(2_500.0);
            }
            session.type_secret(random, &secret);
            session.strokes
        };
        for _ in 0..TAUGHT {
            model.learn(None);
            typed().iter().for_each(|stroke| model.learn(Some(model_stroke(stroke))));
        }
        let judged: Vec<[f64; 3]> = (0..TYPED).map(|_| judge(&mut model, &typed())).collect();
        let share = |is: &dyn Fn(&[f64; 3]) -> bool, classes: usize| {
            (judged.iter().filter(|one| is(one)).count() as f64 + 0.5) / (TYPED as f64 + 0.5 * classes as f64)
        };
        Expected {
            level: std::array::from_fn(|i| share(&|one| level(one[2]) == i, LEVELS)),
            evidence: std::array::from_fn(|i| share(&|one| class(one[1]) == i, EVIDENCE.len() + 1)),
            sum: judged.iter().map(|one| one[0]).sum::<f64>() / TYPED as f64,
        }
    }
}

/// What is published while so much speaks against the owner, as a place in the levels.
fn level(against: f64) -> usize {
    let doubt = (against - DOUBT) / (NOTIFY - DOUBT);
    if doubt < 0.0 { 0 } else { (1 + (doubt * (LEVELS - 2) as f64) as usize).min(LEVELS - 1) }
}

fn class(evidence: f64) -> usize {
    EVIDENCE.iter().filter(|&&end| evidence > end).count()
}

/// From the published states and levels of trust.
pub fn by_level(days: &[Day], candidates: &[Expected]) -> Vec<f64> {
    candidates.iter().map(|one| days.iter().map(|day| one.level[day.level].ln()).sum()).collect()
}

/// From what spoke against the owner at the intervals' ends.
pub fn by_evidence(days: &[Day], candidates: &[Expected]) -> Vec<f64> {
    let seen: Vec<usize> = days.iter().filter_map(|day| day.evidence.map(class)).collect();
    candidates.iter().map(|one| seen.iter().map(|&class| one.evidence[class].ln()).sum()).collect()
}

/// How far the mean of the sums of scores is from what each candidate lets expect.
pub fn by_sum(days: &[Day], candidates: &[Expected]) -> Vec<f64> {
    let mean = days.iter().map(|day| day.sum).sum::<f64>() / days.len() as f64;
    candidates.iter().map(|one| mean - one.sum).collect()
}
