//! The feature cores: pure, without I/O or a clock of their own. They do not fail.

pub mod names;
