//! The agent's parts. Data flows one way: sources → pipeline → store → sinks.

pub mod agent;
pub mod cli;
pub mod config;
pub mod event;
pub mod features;
pub mod install;
pub mod pipeline;
pub mod record;
pub mod remote;
pub mod sinks;
pub mod sources;
pub mod store;
