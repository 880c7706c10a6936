//! Keys that stand for others, so that a trace gives the same features and no text.

use crate::event::{Action, Key, Layout};

/// Which key stands for which while it is held.
///
/// A stand-in is a key of the same zone and kind, the first that stands for no other key that is down: two keys of one
/// finger that overlap must stay two.
#[derive(Default)]
pub struct StandIns {
    /// By which keys are alike.
    layout: Layout,
    held: Vec<(Key, Key)>,
}

impl StandIns {
    /// The layout that the trace contains from here on.
    pub fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// The key to tell in the place of this one.
    pub fn stand_in(&mut self, key: Key, action: Action) -> Key {
        let held = self.held.iter().position(|&(real, _)| real == key);
        match (action, held) {
            (Action::Press, Some(i)) => self.held[i].1,
            (Action::Release, Some(i)) => self.held.swap_remove(i).1,
            (Action::Press, None) => {
                let stand_in = self.first_free(key);
                self.held.push((key, stand_in));
                stand_in
            }
            // Its press was never seen; no feature comes of it.
            (Action::Release, None) => self.first_free(key),
        }
    }

    fn first_free(&self, key: Key) -> Key {
        let is_alike = |candidate: &Key| self.layout.are_alike(*candidate, key);
        let is_free = |candidate: &Key| is_alike(candidate) && !self.held.iter().any(|(_, used)| used == candidate);
        // Where all are taken, more keys are down than there are.
        Key::all().find(is_free).unwrap_or_else(|| Key::all().find(is_alike).unwrap_or(key))
    }
}
