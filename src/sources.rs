//! Outside to events: one file a source.

pub mod clock;
mod descriptor;
pub mod evdev;
