//! The mouse, judged window by window by the model alone: it learns all that an owner is given to learn, and a window
//! forgets nothing.

use super::material::Item;
use super::person::Sitting;
use crate::event::{Event, Scope, Stamped};
use crate::recognition::mouse::{Action, ActionKind, Owner, Strokes, Vector, Window};

/// A window that forgets nothing.
const KEEP: f64 = 1.0;

/// An action. Those with motion are the strokes that windows count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pointed {
    vector: Vector,
    kind: ActionKind,
}

impl Item for Pointed {
    fn is_stroke(&self) -> bool {
        matches!(self.kind, ActionKind::Move | ActionKind::Click | ActionKind::Drag)
    }
}

/// In the order in which they ended.
pub fn actions(sitting: &Sitting) -> Vec<Pointed> {
    timed(sitting).into_iter().map(|(_, pointed)| pointed).collect()
}

/// For each stroke the number of the first event after it.
pub fn ends(sitting: &Sitting) -> Vec<usize> {
    timed(sitting).into_iter().filter(|(_, pointed)| pointed.is_stroke()).map(|(end, _)| end).collect()
}

/// With the number of the first event after each.
fn timed(sitting: &Sitting) -> Vec<(usize, Pointed)> {
    let mut pointer = Strokes::default();
    let mut actions = Vec::new();
    let mut take = |pointer: &mut Strokes, end| {
        while let Some(action) = pointer.pop() {
            actions.push((end, pointed(&action)));
        }
    };
    for (i, &Stamped { ts_us, ref event }) in sitting.iter().enumerate() {
        match *event {
            Event::Move { dx, dy } => pointer.push_move(ts_us, dx, dy),
            Event::MoveTo { x, y } => pointer.push_position(ts_us, x, y),
            Event::Button { action, .. } => pointer.push_button(ts_us, action),
            Event::Scroll { delta } => pointer.push_scroll(ts_us, delta),
            Event::Gap { scope: Scope::All | Scope::Mouse, .. } => {
                pointer.end();
                take(&mut pointer, i + 1);
                pointer.reset();
            }
            _ => {}
        }
        take(&mut pointer, i + 1);
    }
    pointer.end();
    take(&mut pointer, sitting.len());
    actions
}

fn pointed(action: &Action) -> Pointed {
    Pointed { vector: Vector::of(action), kind: action.kind }
}

/// One owner's model.
pub struct Judge(Owner);

impl Judge {
    pub fn taught(sittings: &[Vec<Pointed>]) -> Judge {
        let mut owner = Owner::new();
        for sitting in sittings {
            sitting.iter().for_each(|pointed| owner.learn(&pointed.vector));
            owner.end_block();
        }
        Judge(owner)
    }

    /// The logarithm of the odds of the owner, not calibrated.
    pub fn score(&self, window: &[Pointed]) -> f64 {
        let mut recent = Window::new(KEEP);
        window.iter().for_each(|pointed| recent.add(&pointed.vector));
        -recent.llr(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{self, Button};

    /// Somebody who goes to and fro at that speed, and clicks after each way.
    fn hand(counts: f64, ways: i64) -> Sitting {
        let mut sitting = Vec::new();
        for way in 0..ways {
            let begin_us = 1_000_000 + way * 2_000_000;
            let direction = if way % 2 == 0 { counts } else { -counts };
            for i in 0..(20 + way % 7) {
                let dy = f64::from(i as i32 % 3) - 1.0;
                sitting.push(Stamped { ts_us: begin_us + i * 10_000, event: Event::Move { dx: direction, dy } });
            }
            for (after_us, action) in [(400_000, event::Action::Press), (480_000, event::Action::Release)] {
                let event = Event::Button { button: Button::Left, action };
                sitting.push(Stamped { ts_us: begin_us + after_us, event });
            }
        }
        sitting
    }

    #[test]
    fn a_click_is_a_stroke_and_ends_with_its_release() {
        let sitting = hand(5.0, 3);
        let ends = ends(&sitting);
        assert_eq!(ends, [22, 45, 69]);
        assert_eq!(actions(&sitting).len(), 3);
    }

    #[test]
    fn whoever_moves_as_the_owner_does_scores_higher_than_one_who_is_faster() {
        let judge = Judge::taught(&[actions(&hand(5.0, 400))]);
        let (own, other) = (judge.score(&actions(&hand(5.0, 40))), judge.score(&actions(&hand(60.0, 40))));
        assert!(own > 0.0 && other < 0.0, "{own} {other}");
    }
}
