//! Faults that the binary is put to with real servers, each in a file of its own with what must come of it.
//!
//! `make torture` runs all of them at length and prints a table; `tests/few_faults.rs` runs each a few times.
#![allow(dead_code, reason = "each program uses a part of it")]

pub mod disk;
pub mod kills;
pub mod learning;
pub mod load;
pub mod network;
pub mod proxy;
pub mod scene;

/// What became of the records under one fault.
#[derive(Debug, Default)]
pub struct Row {
    pub fault: String,
    pub times: usize,
    /// Records that a server or a subscriber was told of, or that the replay said it had stored.
    pub announced: usize,
    /// Of these, records in the database, or in the one that was set aside, and wherever they had to arrive.
    pub found: usize,
    /// Records that had to be somewhere and are not.
    pub lost: usize,
    pub twice: usize,
}

impl Row {
    pub fn new(fault: impl Into<String>) -> Row {
        Row { fault: fault.into(), ..Row::default() }
    }

    /// Counts one more try: what was announced, and what was found of it.
    pub fn add(&mut self, announced: usize, found: usize, twice: usize) {
        self.times += 1;
        self.count(announced, found, twice);
    }

    pub fn count(&mut self, announced: usize, found: usize, twice: usize) {
        self.announced += announced;
        self.found += found;
        self.lost += announced - found;
        self.twice += twice;
    }

    pub fn is_flawless(&self) -> bool {
        self.times > 0 && self.lost == 0 && self.twice == 0
    }
}
