//! Keystrokes, judged window by window by the model alone: it learns all that an owner is given to learn, then stays as
//! it is, and each window begins a new case.

use super::material::Item;
use super::person::Sitting;
use crate::event::{Action, Event, Key, Scope, Stamped};
use crate::recognition::keys::{Model, Stroke};

/// A stroke, or a place that no duration spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Typed {
    Stroke(Stroke),
    Gap,
}

impl Item for Typed {
    fn is_stroke(&self) -> bool {
        matches!(self, Typed::Stroke(_))
    }
}

/// In order of press; a stroke whose release is missing has none.
pub fn strokes(sitting: &Sitting) -> Vec<Typed> {
    let mut typed = Vec::new();
    let mut down: Vec<(Key, usize)> = Vec::new();
    for Stamped { ts_us, event } in sitting {
        match *event {
            Event::Key { key, action: Action::Press } => {
                down.retain(|&(other, _)| other != key);
                down.push((key, typed.len()));
                typed.push(Typed::Stroke(Stroke { press_us: *ts_us, release_us: None, key: key.into() }));
            }
            Event::Key { key, action: Action::Release } => {
                let pressed = down.iter().position(|&(other, _)| other == key).map(|i| down.swap_remove(i).1);
                if let Some(Typed::Stroke(stroke)) = pressed.map(|i| &mut typed[i]) {
                    stroke.release_us = Some(*ts_us);
                }
            }
            Event::Gap { scope: Scope::All | Scope::Keystroke, .. } => {
                down.clear();
                typed.push(Typed::Gap);
            }
            _ => {}
        }
    }
    typed
}

/// For each stroke the number of the first event after it: the next press.
pub fn ends(sitting: &Sitting) -> Vec<usize> {
    let is_press = |stamped: &Stamped| matches!(stamped.event, Event::Key { action: Action::Press, .. });
    let presses = sitting.iter().enumerate().filter(|(_, stamped)| is_press(stamped)).map(|(i, _)| i);
    presses.skip(1).chain([sitting.len()]).take(sitting.iter().filter(|stamped| is_press(stamped)).count()).collect()
}

/// One owner's model.
pub struct Judge(Model);

impl Judge {
    pub fn taught(sittings: &[Vec<Typed>]) -> Judge {
        let mut model = Model::new();
        for sitting in sittings {
            for &typed in sitting {
                model.learn(if let Typed::Stroke(stroke) = typed { Some(stroke) } else { None });
            }
            model.learn(None);
        }
        Judge(model)
    }

    /// The sum of the strokes' scores, in natural logarithms of odds.
    pub fn score(&mut self, window: &[Typed]) -> f64 {
        let Judge(model) = self;
        model.begin();
        model.break_scoring();
        let score = |typed: &Typed| match *typed {
            Typed::Stroke(stroke) => model.score(stroke),
            Typed::Gap => {
                model.break_scoring();
                0.0
            }
        };
        window.iter().map(score).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::GapReason;

    fn key(ts_us: i64, name: &str, action: Action) -> Stamped {
        Stamped { ts_us, event: Event::Key { key: Key::named(name).expect("a key"), action } }
    }

    #[test]
    fn strokes_come_in_order_of_press_with_their_own_releases() {
        let gap = Event::Gap { scope: Scope::All, reason: GapReason::Told };
        let sitting = vec![
            key(1, "a", Action::Press),
            key(2, "b", Action::Press),
            key(3, "a", Action::Release),
            key(4, "a", Action::Press),
            Stamped { ts_us: 5, event: gap },
            key(6, "b", Action::Release),
        ];
        let times: Vec<_> = strokes(&sitting)
            .into_iter()
            .map(
                |typed| {
                    if let Typed::Stroke(stroke) = typed { (stroke.press_us, stroke.release_us) } else { (0, None) }
                },
            )
            .collect();
        assert_eq!(times, [(1, Some(3)), (2, None), (4, None), (0, None)]);
        assert_eq!(ends(&sitting), [1, 3, 6]);
        assert_eq!(ends(&Vec::new()), [0; 0]);
    }

    /// Somebody who types the alphabet with the given time between presses and held for half of it.
    fn typist(step_us: i64, strokes: i64) -> Sitting {
        let letter = |i: i64| ((b'a' + (i * i % 26) as u8) as char).to_string();
        let stroke = |i: i64| {
            let begin_us = 1_000_000 + i * step_us + i * 7 % 5 * step_us / 20;
            [key(begin_us, &letter(i), Action::Press), key(begin_us + step_us / 2, &letter(i), Action::Release)]
        };
        (0..strokes).flat_map(stroke).collect()
    }

    #[test]
    fn whoever_types_as_the_owner_does_scores_higher_than_one_who_is_slower() {
        let mut judge = Judge::taught(&[strokes(&typist(150_000, 600))]);
        let own = judge.score(&strokes(&typist(150_000, 50)));
        let other = judge.score(&strokes(&typist(260_000, 50)));
        assert!(own > 0.0 && other < 0.0, "{own} {other}");
        assert_eq!(judge.score(&strokes(&typist(150_000, 50))), own, "a window is a case of its own");
    }
}
