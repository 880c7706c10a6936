//! The contract in executable form, run by python3.

use seclyzer::features::keystroke::Publish;
use std::io::Write;
use std::process::Command;

/// The records that the reference gives for a trace.
pub fn run(publish: Publish, trace: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(trace.as_bytes()).expect("room for a trace");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(file.path())
        .arg(publish.name())
        .output()
        .expect("python3 is installed");
    assert!(output.status.success(), "the reference failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
