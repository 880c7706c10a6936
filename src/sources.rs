//! Outside to events: one file a source.

pub mod redis;
pub mod trace;
