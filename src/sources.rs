//! Outside to events: one file a source.

pub mod x11;
