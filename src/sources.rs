//! Outside to events: one file a source.

pub mod capture;
pub mod clock;
mod descriptor;
pub mod evdev;
pub mod redis;
pub mod stand_in;
pub mod trace;
pub mod x11;
