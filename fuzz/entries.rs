//! The functions that the tests on stable Rust run as well.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "../tests/fuzz/mod.rs"]
pub mod fuzz;
