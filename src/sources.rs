//! Outside to events: one file a source.

pub mod app;
mod askers;
pub mod capture;
pub mod clock;
mod descriptor;
pub mod environment;
pub mod evdev;
pub mod focus;
mod inotify;
pub mod path_watch;
pub mod redis;
pub mod session;
pub mod stand_in;
pub mod terminals;
pub mod timer;
pub mod trace;
pub mod x11;
