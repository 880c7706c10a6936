//! The feature cores: pure, without I/O or a clock of their own. They do not fail.

pub mod app;
pub mod keystroke;
pub mod mouse;
pub mod names;
mod stats;
