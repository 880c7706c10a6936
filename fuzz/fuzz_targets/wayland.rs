#![no_main]

#[path = "../entries.rs"]
mod shared;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzz::wayland(bytes));
