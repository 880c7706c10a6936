//! How well recognition tells people apart, on traces of several: errors by length of input, takeovers, false alarms. Pure.

pub mod bootstrap;
pub mod det;
pub mod poisson;
pub mod random;
pub mod trials;
