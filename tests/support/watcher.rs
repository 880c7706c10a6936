//! `seclyzer watch`, as a program that follows it sees it.

use super::agent::Home;
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

/// A process that watches, and its lines.
pub struct Watcher {
    pub process: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    pub fn start(home: &Home) -> Watcher {
        let mut process = home.command(&["watch", "--json"]).stdout(Stdio::piped()).spawn().expect("a process");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Watcher { process, lines }
    }

    pub fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("a line").expect("a text")).expect("JSON")
    }
}
