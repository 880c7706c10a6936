//! Recognition against its definition, `recognition/recognition.py`: golden traces, traces of other people made anew,
//! traces made at random, and what is saved, at the end and on the way.

mod common;

use common::compare::lines;
use common::{generator, parse};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seclyzer::recognition::{Recognition, Saved, Settings};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where nothing is known of the owner at the start.
const FRESH: &str = "fresh";
/// Those in which only a password leads out of `stranger`.
const PASSWORD_ONLY: [&str; 2] = ["takeover", "mixed"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recognition")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What comes out of a trace, what is kept at its end, and what is to be stored then (not in golden files).
#[derive(Debug)]
struct Outcome {
    records: Vec<Value>,
    saved: String,
    stored: Option<String>,
}

fn recognise(trace: &str, saved: Option<&str>, password_only: bool) -> Outcome {
    let saved = saved.map(|saved| Saved::from_json(saved.as_bytes()).expect("a saved state"));
    let settings = Settings { password_only, ..Settings::default() };
    let mut recognition = Recognition::new(settings, saved.as_ref()).expect("a state that fits");
    let mut records = Vec::new();
    for event in parse(trace) {
        recognition.push(&event, |told| records.push(told.to_exact_json()));
    }
    recognition.finish(|told| records.push(told.to_exact_json()));
    let json = |saved: Saved| String::from_utf8(saved.to_json()).expect("UTF-8");
    Outcome { records, saved: json(recognition.saved()), stored: Some(json(recognition.stored())) }
}

fn python(script: &str, arguments: &[&str]) -> String {
    let run =
        Command::new("python3").arg(folder().join(script)).args(arguments).output().expect("python3 is installed");
    assert!(run.status.success(), "{script} failed: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("UTF-8")
}

/// The same by the definition's program.
fn define(trace: &str, saved: Option<&str>, password_only: bool) -> Outcome {
    let room = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| room.path().join(name).to_str().expect("UTF-8").to_owned();
    let (trace_path, state_path) = (path("trace.jsonl"), path("state.json"));
    let (saved_path, stored_path) = (path("saved.json"), path("stored.json"));
    std::fs::write(&trace_path, trace).expect("room for a trace");
    let mut arguments = vec![trace_path.as_str(), "--save", &saved_path, "--stored", &stored_path];
    if let Some(saved) = saved {
        std::fs::write(&state_path, saved).expect("room for a state");
        arguments.extend(["--state", &state_path]);
    }
    if password_only {
        arguments.push("--password-only");
    }
    let records = lines(&python("recognition.py", &arguments));
    Outcome { records, saved: read(Path::new(&saved_path)), stored: Some(read(Path::new(&stored_path))) }
}

/// What must come out of a trace, from the files beside it.
fn expected(path: &Path) -> Outcome {
    let beside =
        |ending: &str| read(&path.with_file_name(path.file_name().unwrap().to_str().unwrap().to_owned() + ending));
    Outcome { records: lines(&beside(".expected")), saved: beside(".saved.json"), stored: None }
}

fn assert_same(what: &str, got: &Outcome, expected: &Outcome) {
    for (i, (got, expected)) in got.records.iter().zip(&expected.records).enumerate() {
        assert_close(&format!("{what}, record {i}"), got, expected);
    }
    assert_eq!(got.records.len(), expected.records.len(), "{what}: number of records");
    let json = |text| serde_json::from_str::<Value>(text).expect("a saved state in JSON");
    assert_close(&format!("{what}, what is kept"), &json(&got.saved), &json(&expected.saved));
    if let (Some(got), Some(expected)) = (&got.stored, &expected.stored) {
        assert_close(&format!("{what}, what is stored"), &json(got), &json(expected));
    }
}

/// Two ways to round the same sum differ by less than 1e-9; whole numbers, names and structure are the same.
fn assert_close(what: &str, got: &Value, expected: &Value) {
    match (got, expected) {
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{what}: number of items");
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| assert_close(&format!("{what}[{i}]"), a, b));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{what}: {:?} are not {:?}", a.keys(), b.keys());
            a.iter().for_each(|(name, a)| assert_close(&format!("{what}.{name}"), a, &b[name]));
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0), "{what}: {a} is not {b}");
        }
        _ => assert_eq!(got, expected, "{what}"),
    }
}

/// Every trace of a folder that `make_golden.py` made.
fn assert_traces_of(golden: &Path) {
    let owner = read(&golden.join("owner.state.json"));
    let mut traces = 0;
    for entry in std::fs::read_dir(golden).expect("a folder of traces") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let path = path.with_extension("");
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            let saved = (name != FRESH).then_some(owner.as_str());
            let got = recognise(&read(&path.with_extension("jsonl")), saved, PASSWORD_ONLY.contains(&name));
            assert_same(&path.display().to_string(), &got, &expected(&path));
            traces += 1;
        }
    }
    assert!(traces >= 9, "{} contains {traces} traces", golden.display());
}

#[test]
fn golden_traces_give_what_must_come_out_of_them() {
    assert_traces_of(&folder().join("golden"));
}

#[test]
fn the_contract_s_golden_traces_give_what_must_come_out_of_them_whoever_the_owner_is() {
    let golden = folder().join("golden");
    let owner = read(&golden.join("owner.state.json"));
    for name in ["bounds", "desk", "edges", "fast-mouse", "hands", "layouts", "typist"] {
        let trace = read(&folder().join("../golden").join(name).with_extension("jsonl"));
        let expected = |ending: &str| expected(&golden.join("contract").join(name.to_owned() + ending));
        assert_same(name, &recognise(&trace, None, false), &expected(""));
        assert_same(&format!("{name}, a stranger"), &recognise(&trace, Some(&owner), false), &expected(".owner"));
    }
}

#[test]
fn what_the_definition_promises_holds_for_itself() {
    assert_eq!(python("recognition.py", &["--selftest"]).trim(), "ok");
}

#[test]
fn traces_of_other_people_give_what_the_definition_gives() {
    for seed in ["5", "6"] {
        let room = tempfile::tempdir().expect("a temporary folder");
        python("make_golden.py", &["--seed", seed, "--out", room.path().to_str().expect("UTF-8")]);
        assert_traces_of(room.path());
    }
}

#[test]
fn random_traces_give_what_the_definition_gives() {
    let owner = read(&folder().join("golden/owner.state.json"));
    let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
    runner
        .run(&(generator::trace(), any::<bool>(), any::<bool>()), |(trace, is_known, password_only)| {
            let saved = is_known.then_some(owner.as_str());
            let got = recognise(&trace, saved, password_only);
            assert_same("a random trace", &got, &define(&trace, saved, password_only));
            Ok(())
        })
        .expect("the same records and state");
}

#[test]
fn what_is_stored_at_any_moment_goes_on_as_the_definition_goes_on() {
    let golden = folder().join("golden");
    let owner = read(&golden.join("owner.state.json"));
    let mut runner = TestRunner::new(Config { cases: 8, max_shrink_iters: 0, ..Config::default() });
    let moments = (prop::sample::select(vec!["takeover", "gone", "day", FRESH, "mixed"]), 0.0..1.0);
    runner
        .run(&moments, |(name, share)| {
            let trace = read(&golden.join(name).with_extension("jsonl"));
            let events: Vec<&str> = trace.lines().collect();
            let (before, after) = events.split_at((share * events.len() as f64) as usize);
            let (before, after) = (before.join("\n"), after.join("\n"));
            let (saved, only) = ((name != FRESH).then_some(owner.as_str()), PASSWORD_ONLY.contains(&name));
            let (got, expected) = (recognise(&before, saved, only), define(&before, saved, only));
            assert_same(name, &got, &expected);
            let expected = define(&after, expected.stored.as_deref(), only);
            assert_same(name, &recognise(&after, got.stored.as_deref(), only), &expected);
            Ok(())
        })
        .expect("the same records and state");
}
