//! Whose traces they are, and which part of them is learnt.

use crate::event::Stamped;
use std::fmt;

/// Events of one sitting, in order.
pub type Sitting = Vec<Stamped>;

/// One person's sittings, of which some are learnt and the others judged.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub learn: Vec<Sitting>,
    pub genuine: Vec<Sitting>,
    /// Others' sittings at this person's account, where that is known.
    pub impostor: Option<Vec<Sitting>>,
    /// Each sitting to judge is a case of its own, and not a part of a stream.
    pub is_cases: bool,
}

/// How much of a person's traces is learnt, from their beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Learn {
    /// That share (0 to 1) of the strokes: of keys, or of the mouse where no key was typed.
    Share(f64),
    /// So many keystrokes.
    Keys(usize),
    /// The first sitting.
    First,
}

impl fmt::Display for Learn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Learn::Share(share) => write!(f, "the first {} % of the strokes of each", 100.0 * share),
            Learn::Keys(keys) => write!(f, "the first {keys} keystrokes of each"),
            Learn::First => f.write_str("the first sitting of each"),
        }
    }
}

/// Why there is nothing left to judge, or nothing to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooShort {
    #[error("it has {has} strokes; to learn {needs} and judge others it needs more than {needs}")]
    Strokes { has: usize, needs: usize },
    #[error("it has one sitting; `--learn first` needs a second one to judge (a folder with a trace a sitting)")]
    Sittings,
}

/// Divides sittings in two. `ends` has for each sitting, and each stroke in it, the number of the first event after it.
pub fn divide(
    sittings: Vec<Sitting>,
    learn: Learn,
    ends: &[Vec<usize>],
) -> Result<(Vec<Sitting>, Vec<Sitting>), TooShort> {
    let has: usize = ends.iter().map(Vec::len).sum();
    let needs = match learn {
        Learn::First if sittings.len() < 2 => return Err(TooShort::Sittings),
        Learn::First => ends[0].len(),
        Learn::Share(share) => ((share * has as f64) as usize).max(1),
        Learn::Keys(keys) => keys,
    };
    if needs >= has {
        return Err(TooShort::Strokes { has, needs });
    }
    let (mut learnt, mut rest, mut missing) = (Vec::new(), Vec::new(), needs);
    for (mut sitting, ends) in sittings.into_iter().zip(ends) {
        if missing >= ends.len() {
            missing -= ends.len();
            learnt.push(sitting);
        } else {
            let after = sitting.split_off(missing.checked_sub(1).map_or(0, |last| ends[last]));
            missing = 0;
            learnt.extend(Some(sitting).filter(|sitting| !sitting.is_empty()));
            rest.push(after);
        }
    }
    Ok((learnt, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, GapReason, Scope};

    fn sitting(times: &[i64]) -> Sitting {
        let event = Event::Gap { scope: Scope::All, reason: GapReason::Told };
        times.iter().map(|&ts_us| Stamped { ts_us, event: event.clone() }).collect()
    }

    /// Each event of these is a stroke.
    fn divided(learn: Learn, sittings: &[&[i64]]) -> Result<[Vec<Vec<i64>>; 2], TooShort> {
        let ends: Vec<Vec<usize>> = sittings.iter().map(|times| (1..=times.len()).collect()).collect();
        let (learnt, rest) = divide(sittings.iter().map(|times| sitting(times)).collect(), learn, &ends)?;
        let times = |sittings: Vec<Sitting>| -> Vec<Vec<i64>> {
            sittings.into_iter().map(|sitting| sitting.iter().map(|stamped| stamped.ts_us).collect()).collect()
        };
        Ok([times(learnt), times(rest)])
    }

    #[test]
    fn a_share_or_a_number_of_strokes_is_learnt_and_the_rest_is_judged() {
        let sittings: [&[i64]; 3] = [&[1, 2], &[3, 4, 5], &[6]];
        assert_eq!(divided(Learn::Share(0.5), &sittings), Ok([vec![vec![1, 2], vec![3]], vec![vec![4, 5], vec![6]]]));
        assert_eq!(divided(Learn::Keys(2), &sittings), Ok([vec![vec![1, 2]], vec![vec![3, 4, 5], vec![6]]]));
        assert_eq!(divided(Learn::First, &sittings), divided(Learn::Keys(2), &sittings));
    }

    #[test]
    fn what_is_too_short_is_refused_with_what_it_needs() {
        assert_eq!(divided(Learn::Keys(3), &[&[1, 2, 3]]), Err(TooShort::Strokes { has: 3, needs: 3 }));
        assert_eq!(divided(Learn::Share(0.6), &[&[]]), Err(TooShort::Strokes { has: 0, needs: 1 }));
        assert_eq!(divided(Learn::First, &[&[1, 2, 3]]), Err(TooShort::Sittings));
        let message = TooShort::Strokes { has: 3, needs: 3 }.to_string();
        assert_eq!(message, "it has 3 strokes; to learn 3 and judge others it needs more than 3");
    }
}
