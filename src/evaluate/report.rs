//! What an evaluation found, as it is printed, drawn and written as JSON.

use super::bootstrap::{self, Interval};
use super::det::{self, Trade};
use super::material::Length;
use super::takeover::Takeovers;
use super::trials::{Author, Point, Trial, Trials};
use serde::Serialize;
use std::collections::BTreeSet;

/// Errors at one length of window; rates are 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Errors {
    /// Strokes of a window, or `all` of a sitting.
    pub strokes: String,
    /// Owners who have windows of that length.
    pub people: usize,
    pub genuine: usize,
    pub impostor: usize,
    /// At one threshold for all people.
    pub equal_error: f64,
    pub equal_error_interval: Interval,
    /// The mean of each owner's at a threshold of his own; `None` where none has windows of his own and of others.
    pub equal_error_own: Option<f64>,
    pub auc: f64,
    pub auc_interval: Interval,
    pub trade: [Trade; det::LEVELS.len()],
    #[serde(skip)]
    pub curve: Vec<Point>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub people: usize,
    /// What was learnt of each, in words.
    pub learnt: String,
    pub keys: Vec<Errors>,
    pub mouse: Vec<Errors>,
    pub takeovers: Option<Takeovers>,
}

/// `None` where there are no windows of that length, of owners or of others.
pub fn errors(length: Length, trials: Vec<Trial>, people: usize) -> Option<Errors> {
    let own = trials.iter().filter(|trial| trial.author == Author::Owner);
    let owners: BTreeSet<u32> = own.map(|trial| trial.owner).collect();
    let trials = Trials::new(trials, people);
    let rates = trials.rates()?;
    let [equal_error_interval, auc_interval] = bootstrap::intervals(people, bootstrap::RESAMPLES, |drawn| {
        trials.weighted_rates(drawn).map(|rates| [rates.equal_error, rates.auc])
    })?;
    let of_each = trials.rates_of_each();
    Some(Errors {
        strokes: length.to_string(),
        people: owners.len(),
        genuine: trials.genuine(),
        impostor: trials.impostor(),
        equal_error: rates.equal_error,
        equal_error_interval,
        equal_error_own: (!of_each.is_empty())
            .then(|| of_each.iter().map(|rates| rates.equal_error).sum::<f64>() / of_each.len() as f64),
        auc: rates.auc,
        auc_interval,
        trade: det::at_levels(&trials),
        curve: trials.curve(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials() -> Vec<Trial> {
        let mut trials = Vec::new();
        for owner in 0..4 {
            for i in 0..10 {
                let score = f64::from(i + owner as i32);
                trials.push(Trial { score, owner, author: Author::Owner });
                trials.push(Trial { score: score - 8.0, owner, author: Author::Other((owner + 1) % 4) });
            }
        }
        trials
    }

    #[test]
    fn a_figure_lies_within_its_interval_and_owners_thresholds_err_less_than_one_for_all() {
        let errors = errors(Length::Strokes(50), trials(), 5).expect("trials of both kinds");
        assert_eq!((errors.strokes.as_str(), errors.people, errors.genuine, errors.impostor), ("50", 4, 40, 40));
        let within = |Interval { low, high }, figure| low <= figure && figure <= high;
        assert!(within(errors.equal_error_interval, errors.equal_error), "{errors:?}");
        assert!(within(errors.auc_interval, errors.auc), "{errors:?}");
        assert!(errors.equal_error_own < Some(errors.equal_error), "{errors:?}");
    }

    #[test]
    fn without_windows_of_either_kind_there_is_nothing_to_report() {
        assert_eq!(errors(Length::All, Vec::new(), 5), None);
    }
}
