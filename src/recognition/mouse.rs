//! The owner's mouse: events become actions ([`Strokes`]), an action becomes a [`Vector`], the [`Owner`] is the sums of
//! his vectors, and a [`Window`] of recent ones is compared with them.
//!
//! Three variances decide: within a sitting (learnt), between sittings of one person (learnt, from a shipped start), and
//! between people (shipped). If the owner is at work, the mean of the last n actions lies around the owner's mean with
//! variance within/n + sittings; if a stranger is, with within/n + sittings + people. The evidence of many actions is
//! bounded, because sittings differ.

mod constants;
mod hypot;
mod kinematics;
mod owner;
mod per_dimension;
mod strokes;
mod vector;
mod window;

pub use constants::{CALIBRATION, DIMENSIONS, FEATURES, HALF_LIFE_ACTIONS, MIN_LEVEL_ACTIONS};
pub use kinematics::Features;
pub use owner::{Owner, SavedMouse};
pub use strokes::{Action, ActionKind, Strokes};
pub use vector::Vector;
pub use window::{Level, Window};

#[cfg(test)]
mod tests;
