//! What people typed or pointed, cut into windows, and judged against each other.

use super::trials::{Author, Trial};
use std::fmt;

/// How long a window is: so many strokes, or all that a sitting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Strokes(usize),
    All,
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Length::Strokes(strokes) => strokes.fmt(f),
            Length::All => "all".fmt(f),
        }
    }
}

/// Where windows begin, and what becomes of short ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// One window after the other through each sitting.
    Stream,
    /// Each sitting is a case: one window, from its beginning. `at_most`: a shorter sitting is a window as it is.
    Cases { at_most: bool },
}

/// One person's input of one kind, a list a sitting. Not every item is a stroke that a window counts.
#[derive(Debug, Clone)]
pub struct Material<T> {
    pub learn: Vec<Vec<T>>,
    pub genuine: Vec<Vec<T>>,
    /// Others' sittings at this person's account, where the set has such.
    pub impostor: Option<Vec<Vec<T>>>,
    pub cut: Cut,
}

/// What a window is made of.
pub trait Item {
    /// Whether a window's length counts it.
    fn is_stroke(&self) -> bool;
}

pub fn strokes<T: Item>(sittings: &[Vec<T>]) -> usize {
    sittings.iter().flatten().filter(|item| item.is_stroke()).count()
}

/// The windows of that length.
pub fn windows<T: Item>(sittings: &[Vec<T>], cut: Cut, length: Length) -> Vec<&[T]> {
    let mut windows = Vec::new();
    for sitting in sittings {
        let mut rest = &sitting[..];
        while let Some((window, after)) = next(rest, cut, length) {
            windows.push(window);
            if cut != Cut::Stream {
                break;
            }
            rest = after;
        }
    }
    windows
}

/// The first window, and what follows it.
fn next<T: Item>(items: &[T], cut: Cut, length: Length) -> Option<(&[T], &[T])> {
    let wanted = match length {
        Length::Strokes(strokes) => strokes.max(1),
        Length::All => usize::MAX,
    };
    let last = items.iter().enumerate().filter(|(_, item)| item.is_stroke()).nth(wanted - 1);
    match last {
        Some((i, _)) => Some(items.split_at(i + 1)),
        None if length == Length::All || cut == (Cut::Cases { at_most: true }) => {
            items.iter().any(Item::is_stroke).then_some((items, &[]))
        }
        None => None,
    }
}

/// The trials of one owner, a list a length: his own windows, and those of the impostors at his account, or of everybody
/// else where there are none. `score` judges a window by the owner's model: the more, the more it is the owner.
pub fn trials<T: Item>(
    owner: usize,
    people: &[Material<T>],
    lengths: &[Length],
    mut score: impl FnMut(&[T]) -> f64,
) -> Vec<Vec<Trial>> {
    let of = |sittings: &[Vec<T>], cut, length, author, score: &mut dyn FnMut(&[T]) -> f64| -> Vec<Trial> {
        let windows = windows(sittings, cut, length);
        windows.into_iter().map(|window| Trial { score: score(window), owner: owner as u32, author }).collect()
    };
    let own = &people[owner];
    lengths
        .iter()
        .map(|&length| {
            let mut trials = of(&own.genuine, own.cut, length, Author::Owner, &mut score);
            match &own.impostor {
                Some(sittings) => trials.extend(of(sittings, own.cut, length, Author::Unknown, &mut score)),
                None => {
                    for (i, other) in people.iter().enumerate().filter(|&(i, _)| i != owner) {
                        trials.extend(of(&other.genuine, other.cut, length, Author::Other(i as u32), &mut score));
                    }
                }
            }
            trials
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A negative number is no stroke.
    impl Item for i32 {
        fn is_stroke(&self) -> bool {
            *self >= 0
        }
    }

    const CASES: Cut = Cut::Cases { at_most: false };

    #[test]
    fn windows_of_a_stream_follow_each_other_within_a_sitting() {
        let sittings = [vec![1, -1, 2, 3, 4, 5], vec![6], vec![7, 8]];
        assert_eq!(windows(&sittings, Cut::Stream, Length::Strokes(2)), [&[1, -1, 2][..], &[3, 4], &[7, 8]]);
    }

    #[test]
    fn a_case_has_one_window_and_a_short_one_is_left_out_or_taken_as_it_is() {
        let sittings = [vec![1, 2, 3], vec![4], vec![-1]];
        assert_eq!(windows(&sittings, CASES, Length::Strokes(2)), [&[1, 2][..]]);
        assert_eq!(windows(&sittings, Cut::Cases { at_most: true }, Length::Strokes(2)), [&[1, 2][..], &[4]]);
        assert_eq!(windows(&sittings, CASES, Length::All), [&[1, 2, 3][..], &[4]]);
    }

    fn material(genuine: &[i32], impostor: Option<&[i32]>) -> Material<i32> {
        Material {
            learn: Vec::new(),
            genuine: vec![genuine.to_vec()],
            impostor: impostor.map(|impostor| vec![impostor.to_vec()]),
            cut: Cut::Stream,
        }
    }

    #[test]
    fn an_owner_is_tried_with_everybody_elses_windows_unless_impostors_are_labelled() {
        let sum = |window: &[i32]| window.iter().sum::<i32>().into();
        let people = [material(&[1, 2], None), material(&[3, 4], Some(&[9]))];
        let trial = |score, owner, author| Trial { score, owner, author };
        let one = [Length::Strokes(1)];
        assert_eq!(
            trials(0, &people, &one, sum),
            [[
                trial(1.0, 0, Author::Owner),
                trial(2.0, 0, Author::Owner),
                trial(3.0, 0, Author::Other(1)),
                trial(4.0, 0, Author::Other(1)),
            ]]
        );
        assert_eq!(
            trials(1, &people, &one, sum),
            [[trial(3.0, 1, Author::Owner), trial(4.0, 1, Author::Owner), trial(9.0, 1, Author::Unknown),]]
        );
    }
}
