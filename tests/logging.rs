//! The log: that it costs no record where it cannot be written, and that its file is its owner's alone.

mod common;
mod support;

use common::compare::lines;
use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::agent::Home;

fn golden(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).display().to_string()
}

/// Takes nothing, as a full disk does.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("a device of every Linux")
}

#[test]
fn a_log_that_cannot_be_written_costs_no_record() {
    let home = Home::with_config("[log]\nlevel = \"trace\"\nfile = \"/dev/full\"\n");
    let (desk, edges) = (golden("desk.jsonl"), golden("edges.jsonl"));
    let arguments = ["replay", "--speed", "max", "--stdout", &desk, &edges];
    let output = home.command(&arguments).stderr(full()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    let expected = ["desk.expected", "edges.expected"].map(|name| std::fs::read_to_string(golden(name)).expect("text"));
    assert_eq!(lines(&String::from_utf8(output.stdout).expect("UTF-8")).len(), lines(&expected.concat()).len());
}

#[test]
fn an_error_that_cannot_be_told_leaves_its_exit_code() {
    let home = Home::with_config("");
    let output = home.command(&["replay", "/no/such/trace"]).stderr(full()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(66));
}

#[test]
fn a_log_file_that_others_could_read_is_the_owners_alone_from_then_on() {
    let home = Home::with_config("");
    let log = home.path().join("log");
    std::fs::write(&log, "before\n").expect("a file");
    std::fs::set_permissions(&log, Permissions::from_mode(0o664)).expect("our own file");
    let desk = golden("desk.jsonl");
    let arguments = ["replay", "--speed", "max", "--stdout", &desk];
    let output = home.command(&arguments).env("SECLYZER_LOG_FILE", &log).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(std::fs::metadata(&log).expect("the log").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&log).expect("the log");
    assert!(text.starts_with("before\n") && text.contains("replayed"), "{text}");
}
