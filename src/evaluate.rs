//! How well recognition tells people apart, on traces of several: errors by length of input, takeovers, false alarms. Pure.

pub mod bootstrap;
pub mod det;
pub mod keys;
pub mod material;
pub mod mouse;
pub mod person;
pub mod poisson;
pub mod random;
pub mod report;
pub mod svg;
pub mod takeover;
pub mod trials;
pub mod watch;
