//! What is kept of the owner.

use super::super::BadState;
use super::constants::*;
use super::per_dimension;
use super::vector::Vector;
use serde::{Deserialize, Serialize};

/// Of rounding.
const TOLERANCE: f64 = 1e-6;

/// The owner's vectors as sums only, so that learning is exact in any order of sittings, and can fade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    actions: f64,
    #[serde(with = "per_dimension")]
    sums: [Sums; DIMENSIONS],
    /// The block under way, which is not saved.
    #[serde(with = "per_dimension")]
    block: [Block; DIMENSIONS],
    block_actions: u32,
}

/// Of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sums {
    n: f64,
    sum: f64,
    square: f64,
    /// Blocks with a mean, their means, the squares of these, and the reciprocals of the values in each.
    blocks: f64,
    block_sum: f64,
    block_square: f64,
    block_inverse: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Block {
    n: f64,
    sum: f64,
}

/// What is known of one dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Values learnt.
    pub n: f64,
    pub mean: f64,
    /// Variance within a sitting.
    pub within: f64,
    /// Variance of the mean between sittings.
    pub between: f64,
}

/// What is stored of an [`Owner`]: sums, with a value for each dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedMouse {
    pub actions: f64,
    /// Values learnt, their sum and the sum of their squares.
    pub n: Vec<f64>,
    pub sum: Vec<f64>,
    pub square: Vec<f64>,
    /// Blocks with a mean, the sum of the means, of their squares, and of the reciprocals of the values in each.
    pub blocks: Vec<f64>,
    pub bsum: Vec<f64>,
    pub bsquare: Vec<f64>,
    pub binverse: Vec<f64>,
}

impl Default for Owner {
    fn default() -> Owner {
        Owner {
            actions: 0.0,
            sums: [Sums::default(); DIMENSIONS],
            block: [Block::default(); DIMENSIONS],
            block_actions: 0,
        }
    }
}

impl Owner {
    pub fn new() -> Owner {
        Owner::default()
    }

    pub fn learn(&mut self, vector: &Vector) {
        vector.values().for_each(|(d, value)| {
            let (sums, block) = (&mut self.sums[d], &mut self.block[d]);
            sums.n += 1.0;
            sums.sum += value;
            sums.square += value * value;
            block.n += 1.0;
            block.sum += value;
        });
        self.actions += 1.0;
        self.block_actions += 1;
        if self.block_actions == BLOCK_ACTIONS {
            self.end_block();
        }
        if self.actions > MEMORY_ACTIONS {
            self.fade();
        }
    }

    /// A sitting ends, and with it the block under way.
    pub fn end_block(&mut self) {
        if self.block_actions >= MIN_BLOCK_ACTIONS {
            for (sums, block) in self.sums.iter_mut().zip(&self.block).filter(|(_, block)| block.n >= MIN_BLOCK_VALUES)
            {
                let mean = block.sum / block.n;
                sums.blocks += 1.0;
                sums.block_sum += mean;
                sums.block_square += mean * mean;
                sums.block_inverse += 1.0 / block.n;
            }
        }
        self.block = [Block::default(); DIMENSIONS];
        self.block_actions = 0;
    }

    /// Actions learnt; a fraction once the past has faded.
    pub fn actions(&self) -> f64 {
        self.actions
    }

    fn fade(&mut self) {
        self.actions *= FADE;
        for sums in &mut self.sums {
            *sums = Sums {
                n: sums.n * FADE,
                sum: sums.sum * FADE,
                square: sums.square * FADE,
                blocks: sums.blocks * FADE,
                block_sum: sums.block_sum * FADE,
                block_square: sums.block_square * FADE,
                block_inverse: sums.block_inverse * FADE,
            };
        }
    }

    /// `None` if too little is known of the dimension.
    pub(super) fn known(&self, d: usize) -> Option<Known> {
        let Sums { n, sum, square, blocks, block_sum, block_square, block_inverse } = self.sums[d];
        if n <= MIN_OWNER_VALUES {
            return None;
        }
        let mean = sum / n;
        let variance = (square / n - mean * mean).max(0.0);
        let within = (n * variance + WITHIN_WEIGHT * WITHIN[d]) / (n + WITHIN_WEIGHT);
        // The blocks' squared distances from the mean, less what chance within a block accounts for.
        let between = block_square - 2.0 * mean * block_sum + blocks * mean * mean - within * block_inverse;
        let between = (between + SITTINGS_WEIGHT * SITTINGS[d]) / (blocks + SITTINGS_WEIGHT);
        Some(Known { n, mean, within, between: between.max(SITTINGS_FLOOR * SITTINGS[d]) })
    }

    pub fn save(&self) -> SavedMouse {
        let each = |field: fn(&Sums) -> f64| self.sums.iter().map(field).collect();
        SavedMouse {
            actions: self.actions,
            n: each(|sums| sums.n),
            sum: each(|sums| sums.sum),
            square: each(|sums| sums.square),
            blocks: each(|sums| sums.blocks),
            bsum: each(|sums| sums.block_sum),
            bsquare: each(|sums| sums.block_square),
            binverse: each(|sums| sums.block_inverse),
        }
    }

    /// Whether learning can have led to this, which comes from a snapshot.
    pub fn is_sound(&self) -> bool {
        let is_block = |block: &Block| {
            (0.0..=f64::from(self.block_actions)).contains(&block.n)
                && block.sum.abs() <= block.n * FARTHEST + TOLERANCE
        };
        (0.0..=MEMORY_ACTIONS).contains(&self.actions)
            && self.sums.iter().all(|sums| sums.check(self.actions).is_ok())
            && self.block_actions < BLOCK_ACTIONS
            && self.block.iter().all(is_block)
    }

    /// Refuses what no learning leads to.
    pub fn load(saved: &SavedMouse) -> Result<Owner, BadState> {
        let actions = saved.actions;
        if !(0.0..=MEMORY_ACTIONS).contains(&actions) {
            return Err(bad(format!("`actions` is {actions}, not between 0 and {MEMORY_ACTIONS}")));
        }
        for (name, values) in saved.fields() {
            if values.len() != DIMENSIONS {
                return Err(bad(format!("`{name}` contains {} values instead of {DIMENSIONS}", values.len())));
            }
            if values.iter().any(|value| !value.is_finite()) {
                return Err(bad(format!("`{name}` contains a value that is no number")));
            }
        }
        let mut owner = Owner { actions, ..Owner::default() };
        for (d, sums) in owner.sums.iter_mut().enumerate() {
            *sums = saved.dimension(d);
            sums.check(actions).map_err(|what| bad(format!("in dimension {d}, {what}")))?;
        }
        Ok(owner)
    }
}

impl SavedMouse {
    fn fields(&self) -> [(&'static str, &[f64]); 7] {
        [
            ("n", &self.n),
            ("sum", &self.sum),
            ("square", &self.square),
            ("blocks", &self.blocks),
            ("bsum", &self.bsum),
            ("bsquare", &self.bsquare),
            ("binverse", &self.binverse),
        ]
    }

    fn dimension(&self, d: usize) -> Sums {
        Sums {
            n: self.n[d],
            sum: self.sum[d],
            square: self.square[d],
            blocks: self.blocks[d],
            block_sum: self.bsum[d],
            block_square: self.bsquare[d],
            block_inverse: self.binverse[d],
        }
    }
}

impl Sums {
    /// What of it cannot be, if anything.
    fn check(&self, actions: f64) -> Result<(), &'static str> {
        if !(0.0..=actions).contains(&self.n) {
            return Err("`n` is negative or more than `actions`");
        }
        if !(0.0..=self.n).contains(&self.blocks) {
            return Err("`blocks` is negative or more than `n`");
        }
        if !(0.0..=self.blocks).contains(&self.block_inverse) {
            return Err("`binverse` is negative or more than `blocks`");
        }
        if !are_moments(self.n, self.sum, self.square) {
            return Err("`sum` and `square` are not of `n` values");
        }
        if !are_moments(self.blocks, self.block_sum, self.block_square) {
            return Err("`bsum` and `bsquare` are not of `blocks` means");
        }
        Ok(())
    }
}

/// Whether there are n values within a vector's range, of this sum and sum of squares, but for rounding.
fn are_moments(n: f64, sum: f64, square: f64) -> bool {
    (0.0..=n * FARTHEST * FARTHEST).contains(&square) && sum * sum <= n * square * (1.0 + TOLERANCE) + TOLERANCE
}

fn bad(what: String) -> BadState {
    BadState(format!("of the mouse, {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::strokes::{Action, ActionKind};
    use super::*;

    /// A press held for so long.
    fn press(dwell_s: f64) -> Vector {
        let mut action = Action { kind: ActionKind::Bare, start_us: 0, end_us: 0, features: [None; FEATURES] };
        action.features[LN_DWELL] = Some(dwell_s.ln());
        Vector::of(&action)
    }

    fn taught(presses: u32) -> Owner {
        let mut owner = Owner::new();
        (0..presses).for_each(|i| owner.learn(&press(0.08 + 0.001 * f64::from(i % 30))));
        owner
    }

    #[test]
    fn five_values_of_a_dimension_tell_nothing_yet() {
        assert_eq!(taught(5).known(LN_DWELL), None);
        assert!(taught(6).known(LN_DWELL).is_some());
        assert_eq!(taught(600).known(LN_LENGTH), None);
    }

    #[test]
    fn sixty_actions_or_a_sittings_last_thirty_are_a_block() {
        let blocks = |owner: &Owner| owner.save().blocks[LN_DWELL];
        assert_eq!(blocks(&taught(59)), 0.0);
        assert_eq!(blocks(&taught(60)), 1.0);
        for (presses, expected) in [(29, 0.0), (30, 1.0), (89, 1.0), (90, 2.0)] {
            let mut owner = taught(presses);
            owner.end_block();
            assert_eq!(blocks(&owner), expected, "{presses}");
        }
    }

    #[test]
    fn sittings_that_differ_leave_more_room_between_sittings() {
        let (mut steady, mut moody) = (Owner::new(), Owner::new());
        for sitting in 0..40 {
            for i in 0..60 {
                let chance = 0.001 * f64::from(i % 30);
                steady.learn(&press(0.08 + chance));
                moody.learn(&press(if sitting % 2 == 0 { 0.07 } else { 0.11 } + chance));
            }
            steady.end_block();
            moody.end_block();
        }
        let (steady, moody) = (steady.known(LN_DWELL).unwrap(), moody.known(LN_DWELL).unwrap());
        assert!(moody.between > 5.0 * steady.between, "{moody:?} {steady:?}");
    }

    #[test]
    fn beyond_its_memory_the_past_counts_half() {
        let owner = taught(MEMORY_ACTIONS as u32);
        assert_eq!(owner.actions(), MEMORY_ACTIONS);
        let owner = taught(MEMORY_ACTIONS as u32 + 1);
        assert_eq!(owner.actions(), (MEMORY_ACTIONS + 1.0) / 2.0);
        assert_eq!(owner.save().n[LN_DWELL], owner.actions());
        assert!(Owner::load(&owner.save()).is_ok());
    }

    #[test]
    fn a_saved_state_that_no_learning_leads_to_is_refused_in_words() {
        let good = taught(200).save();
        let refusal = |change: fn(&mut SavedMouse)| {
            let mut saved = good.clone();
            change(&mut saved);
            Owner::load(&saved).expect_err("a bad state").to_string()
        };
        let of_the_mouse = |what: &str| format!("the model cannot be used: of the mouse, {what}");
        for (change, what) in [
            ((|saved| saved.actions = -1.0) as fn(&mut SavedMouse), "`actions` is -1, not between 0 and 20000"),
            (|saved| saved.actions = f64::NAN, "`actions` is NaN, not between 0 and 20000"),
            (|saved| saved.actions = 1e9, "`actions` is 1000000000, not between 0 and 20000"),
            (|saved| saved.bsum.truncate(44), "`bsum` contains 44 values instead of 45"),
            (|saved| saved.square[7] = f64::INFINITY, "`square` contains a value that is no number"),
            (|saved| saved.n[3] = -1.0, "in dimension 3, `n` is negative or more than `actions`"),
            (|saved| saved.n[16] = 201.0, "in dimension 16, `n` is negative or more than `actions`"),
            (|saved| saved.blocks[16] = 201.0, "in dimension 16, `blocks` is negative or more than `n`"),
            (|saved| saved.binverse[16] = 4.0, "in dimension 16, `binverse` is negative or more than `blocks`"),
            (|saved| saved.square[16] = -1.0, "in dimension 16, `sum` and `square` are not of `n` values"),
            (|saved| saved.sum[16] = 1e9, "in dimension 16, `sum` and `square` are not of `n` values"),
            (|saved| saved.square[16] = 1e9, "in dimension 16, `sum` and `square` are not of `n` values"),
            (|saved| saved.bsum[16] = 1e9, "in dimension 16, `bsum` and `bsquare` are not of `blocks` means"),
        ] {
            assert_eq!(refusal(change), of_the_mouse(what));
        }
    }
}
