//! The agent's parts. Data flows one way: sources → pipeline → store → sinks.

use event::Micros;
use std::time::{SystemTime, UNIX_EPOCH};

pub mod act;
pub mod agent;
pub mod bus;
pub mod cli;
pub mod config;
pub mod dbus;
pub mod evaluate;
pub mod event;
pub mod features;
pub mod install;
pub mod local_time;
pub mod pipeline;
pub mod recognition;
pub mod record;
pub mod remote;
pub mod sinks;
pub mod sources;
pub mod store;

/// The wall clock's time, for what is not an event's: envelopes, logs, marks.
pub fn now_us() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}
