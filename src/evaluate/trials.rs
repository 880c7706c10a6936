//! Scores of windows under owners' models, and the error rates that follow from them.

/// One window, judged under one owner's model. People are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The more, the more it speaks for the owner.
    pub score: f64,
    pub owner: u32,
    pub author: Author,
}

/// Who produced a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Owner,
    /// Another of the people.
    Other(u32),
    /// Somebody of whom is known only that it was not the owner.
    Unknown,
}

/// What a threshold that all people share can reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Where as large a share of the owners' windows is refused as of the others' is accepted; 0 to 1.
    pub equal_error: f64,
    /// Probability that an owner's window scores higher than another's (a tie counts half); the area under the ROC curve.
    pub auc: f64,
}

/// A threshold's two error rates, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Others' windows that are accepted.
    pub false_acceptance: f64,
    /// Owners' windows that are refused.
    pub false_rejection: f64,
}

/// Trials of one window length, in order of score.
#[derive(Debug, Clone)]
pub struct Trials {
    sorted: Vec<Trial>,
    people: usize,
}

impl Trials {
    /// `people`: one more than the highest number of a person. NaN must not occur.
    pub fn new(mut trials: Vec<Trial>, people: usize) -> Trials {
        trials.sort_by(|a, b| a.score.total_cmp(&b.score));
        Trials { sorted: trials, people }
    }

    pub fn people(&self) -> usize {
        self.people
    }

    pub fn genuine(&self) -> usize {
        self.sorted.iter().filter(|trial| trial.author == Author::Owner).count()
    }

    pub fn impostor(&self) -> usize {
        self.sorted.len() - self.genuine()
    }

    /// `None` without trials of both kinds.
    pub fn rates(&self) -> Option<Rates> {
        self.weighted_rates(&vec![1.0; self.people])
    }

    /// As if each person were there so many times: an owner's window counts as often as he, another's as often as both.
    pub fn weighted_rates(&self, weights: &[f64]) -> Option<Rates> {
        let mut walk = Walk::new(&self.sorted, weights)?;
        let (mut equal_error, mut auc) = (None, 0.0);
        let mut before = walk.point();
        while let Some(step) = walk.step() {
            auc += step.impostor * (walk.genuine_above() + 0.5 * step.genuine);
            let now = walk.point();
            equal_error = equal_error.or_else(|| crossing(before, now));
            before = now;
        }
        Some(Rates { equal_error: equal_error?, auc: auc / walk.genuine / walk.impostor })
    }

    /// The thresholds' errors, from the one that accepts all to the one that refuses all; one point a distinct score.
    pub fn curve(&self) -> Vec<Point> {
        let weights = vec![1.0; self.people];
        let Some(mut walk) = Walk::new(&self.sorted, &weights) else { return Vec::new() };
        let mut curve = vec![walk.point()];
        while walk.step().is_some() {
            curve.push(walk.point());
        }
        curve
    }

    /// Of each owner alone, at a threshold of his own; without those who lack trials of either kind.
    pub fn rates_of_each(&self) -> Vec<Rates> {
        let mut of_each: Vec<Vec<Trial>> = vec![Vec::new(); self.people];
        for trial in &self.sorted {
            of_each[trial.owner as usize].push(*trial);
        }
        of_each.into_iter().filter_map(|sorted| Trials { sorted, people: self.people }.rates()).collect()
    }
}

/// A threshold that rises over the scores.
struct Walk<'a> {
    rest: &'a [Trial],
    weights: &'a [f64],
    genuine: f64,
    impostor: f64,
    refused_genuine: f64,
    refused_impostor: f64,
}

/// What the threshold has just passed.
struct Step {
    genuine: f64,
    impostor: f64,
}

impl<'a> Walk<'a> {
    fn new(sorted: &'a [Trial], weights: &'a [f64]) -> Option<Walk<'a>> {
        let (mut genuine, mut impostor) = (0.0, 0.0);
        for trial in sorted {
            *if trial.author == Author::Owner { &mut genuine } else { &mut impostor } += weight(trial, weights);
        }
        let both = genuine > 0.0 && impostor > 0.0;
        both.then_some(Walk { rest: sorted, weights, genuine, impostor, refused_genuine: 0.0, refused_impostor: 0.0 })
    }

    /// Passes all trials of the next score.
    fn step(&mut self) -> Option<Step> {
        let score = self.rest.first()?.score;
        let mut step = Step { genuine: 0.0, impostor: 0.0 };
        while let Some((trial, rest)) = self.rest.split_first().filter(|(trial, _)| trial.score == score) {
            let weight = weight(trial, self.weights);
            *if trial.author == Author::Owner { &mut step.genuine } else { &mut step.impostor } += weight;
            self.rest = rest;
        }
        self.refused_genuine += step.genuine;
        self.refused_impostor += step.impostor;
        Some(step)
    }

    fn genuine_above(&self) -> f64 {
        self.genuine - self.refused_genuine
    }

    fn point(&self) -> Point {
        Point {
            false_acceptance: 1.0 - self.refused_impostor / self.impostor,
            false_rejection: self.refused_genuine / self.genuine,
        }
    }
}

fn weight(trial: &Trial, weights: &[f64]) -> f64 {
    let owner = weights[trial.owner as usize];
    match trial.author {
        Author::Owner | Author::Unknown => owner,
        Author::Other(person) => owner * weights[person as usize],
    }
}

/// Where both errors are equal on the line between two thresholds.
fn crossing(before: Point, now: Point) -> Option<f64> {
    let excess = |point: Point| point.false_acceptance - point.false_rejection;
    if excess(now) > 0.0 {
        return None;
    }
    let share = excess(before) / (excess(before) - excess(now));
    Some(before.false_rejection + share * (now.false_rejection - before.false_rejection))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn trials(genuine: &[f64], impostor: &[f64]) -> Trials {
        let own = genuine.iter().map(|&score| Trial { score, owner: 0, author: Author::Owner });
        let other = impostor.iter().map(|&score| Trial { score, owner: 0, author: Author::Other(1) });
        Trials::new(own.chain(other).collect(), 2)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn people_that_are_told_apart_always_make_no_error() {
        let rates = trials(&[3.0, 4.0], &[1.0, 2.0]).rates().expect("trials of both kinds");
        assert!(close(rates.equal_error, 0.0) && close(rates.auc, 1.0), "{rates:?}");
    }

    #[test]
    fn scores_that_tell_nothing_err_half_the_time() {
        let rates = trials(&[1.0; 5], &[1.0; 9]).rates().expect("trials of both kinds");
        assert!(close(rates.equal_error, 0.5) && close(rates.auc, 0.5), "{rates:?}");
    }

    #[test]
    fn one_of_four_on_the_wrong_side_is_an_error_of_a_quarter() {
        let rates = trials(&[1.0, 5.0, 6.0, 7.0], &[0.0, 2.0, 3.0, 5.5]).rates().expect("trials of both kinds");
        assert!(close(rates.equal_error, 0.25), "{rates:?}");
        assert!(close(rates.auc, 12.0 / 16.0), "{rates:?}");
    }

    #[test]
    fn without_either_kind_there_are_no_rates() {
        assert_eq!(trials(&[1.0], &[]).rates(), None);
        assert_eq!(trials(&[], &[1.0]).rates(), None);
    }

    #[test]
    fn an_owner_at_his_own_threshold_does_not_suffer_from_anothers_level() {
        let of = |owner, score, author| Trial { score, owner, author };
        let trials = Trials::new(
            vec![
                of(0, 1.0, Author::Owner),
                of(0, 0.0, Author::Other(1)),
                of(1, 9.0, Author::Owner),
                of(1, 8.0, Author::Unknown),
            ],
            2,
        );
        assert!(close(trials.rates().expect("both kinds").equal_error, 0.5));
        assert!(trials.rates_of_each().iter().all(|rates| close(rates.equal_error, 0.0)));
        assert_eq!((trials.genuine(), trials.impostor()), (2, 2));
    }

    proptest! {
        #[test]
        fn a_person_who_is_there_twice_weighs_two(genuine in vec(-9_i8..9, 1..30), impostor in vec(-9_i8..9, 1..30)) {
            let numbers = |scores: &[i8]| scores.iter().map(|&score| f64::from(score)).collect::<Vec<_>>();
            let once = trials(&numbers(&genuine), &numbers(&impostor));
            let twice = trials(&numbers(&genuine), &numbers(&[impostor.clone(), impostor].concat()));
            let weighted = once.weighted_rates(&[1.0, 2.0]).expect("both kinds");
            let rates = twice.rates().expect("both kinds");
            prop_assert!(close(weighted.equal_error, rates.equal_error) && close(weighted.auc, rates.auc));
        }

        #[test]
        fn turning_all_scores_round_turns_the_rates_round(genuine in vec(-9_i8..9, 1..30), impostor in vec(-9_i8..9, 1..30)) {
            let numbers = |scores: &[i8], sign: f64| scores.iter().map(|&q| sign * f64::from(q)).collect::<Vec<_>>();
            let rates = trials(&numbers(&genuine, 1.0), &numbers(&impostor, 1.0)).rates().expect("both kinds");
            let turned = trials(&numbers(&genuine, -1.0), &numbers(&impostor, -1.0)).rates().expect("both kinds");
            prop_assert!(close(rates.auc, 1.0 - turned.auc), "{rates:?} {turned:?}");
            prop_assert!(close(rates.equal_error, 1.0 - turned.equal_error), "{rates:?} {turned:?}");
        }

        #[test]
        fn the_curve_falls_from_all_accepted_to_all_refused(genuine in vec(-9_i8..9, 1..30), impostor in vec(-9_i8..9, 1..30)) {
            let numbers = |scores: &[i8]| scores.iter().map(|&score| f64::from(score)).collect::<Vec<_>>();
            let curve = trials(&numbers(&genuine), &numbers(&impostor)).curve();
            prop_assert_eq!(curve[0], Point { false_acceptance: 1.0, false_rejection: 0.0 });
            prop_assert!(curve.windows(2).all(|pair| pair[1].false_acceptance <= pair[0].false_acceptance
                && pair[1].false_rejection >= pair[0].false_rejection));
            let last = curve[curve.len() - 1];
            prop_assert!(close(last.false_acceptance, 0.0) && close(last.false_rejection, 1.0));
        }
    }
}
