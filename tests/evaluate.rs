//! `seclyzer evaluate`, on traces of simulated people.

mod support;

use seclyzer::evaluate::random::Random;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use support::agent::Home;

/// Letters with the given time between presses, give or take a quarter, each held for half of it.
fn typing(step_us: i64, strokes: usize, seed: u64) -> String {
    let (mut random, mut trace) = (Random::new(seed), String::new());
    let mut ts_us = 1_790_000_000_000_000 + seed as i64 * 3_600_000_000;
    for _ in 0..strokes {
        ts_us += step_us + random.below(step_us as usize / 4) as i64;
        let key = b"etaoinshrdlu"[random.below(12)] as char;
        for (after_us, event) in [(0, "press"), (step_us / 2, "release")] {
            let ts_us = ts_us + after_us;
            writeln!(trace, r#"{{"type":"keystroke","ts":{ts_us},"key":"{key}","event":"{event}"}}"#).expect("memory");
        }
    }
    trace
}

/// Strokes of the mouse to and fro, at that many counts an event.
fn pointing(counts: i64, strokes: usize, seed: u64) -> String {
    let (mut random, mut trace) = (Random::new(seed), String::new());
    for stroke in 0..strokes as i64 {
        let begin_us = 1_790_000_000_000_000 + stroke * 1_500_000;
        let dx = if stroke % 2 == 0 { counts } else { -counts };
        for i in 0..15 + random.below(10) as i64 {
            let (ts_us, dy) = (begin_us + i * 10_000, random.below(3) as i64 - 1);
            writeln!(trace, r#"{{"type":"mouse","ts":{ts_us},"event":"move","dx":{dx},"dy":{dy}}}"#).expect("memory");
        }
    }
    trace
}

/// A home with these files.
fn home_with(files: &[(&str, String)]) -> Home {
    let home = Home::with_config("");
    for (name, text) in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a trace");
    }
    home
}

fn evaluate(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(&[&["evaluate"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn three_typists() -> Home {
    home_with(&[
        ("fast.jsonl", typing(110_000, 500, 1)),
        ("middling.jsonl", typing(170_000, 500, 2)),
        ("slow.jsonl", typing(260_000, 500, 3)),
    ])
}

const TYPISTS: [&str; 3] = ["fast.jsonl", "middling.jsonl", "slow.jsonl"];

#[test]
fn typists_of_different_tempo_are_told_apart_and_takeovers_are_noticed() {
    let home = three_typists();
    let arguments = [&TYPISTS[..], &["--keys", "25,50", "--ready", "200", "--takeovers", "3", "--json"]].concat();
    let (code, report, error) = evaluate(&home, &arguments);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let fifty = &report["keys"][1];
    assert_eq!((&fifty["strokes"], &fifty["genuine"], &fifty["impostor"]), (&"50".into(), &12.into(), &24.into()));
    assert!(fifty["equal_error"].as_f64().expect("a number") < 0.05, "{fifty}");
    assert_eq!(report["mouse"], Value::Array(Vec::new()));
    let takeovers = &report["takeovers"];
    assert!(takeovers["ever"].as_f64().expect("a number") > 0.6, "{takeovers}");
    assert!(takeovers["false_alarms"]["hours"].as_f64().expect("a number") > 0.01, "{takeovers}");
}

#[test]
fn the_same_traces_give_the_same_tables_and_picture() {
    let home = three_typists();
    let arguments =
        [&TYPISTS[..], &["--keys", "25", "--ready", "200", "--takeovers", "2", "--svg", "out.svg"]].concat();
    let (code, table, _) = evaluate(&home, &arguments);
    assert_eq!(code, Some(0));
    for part in
        ["3 people; the first 60 % of the strokes of each was learnt", "Keystrokes: ", "Takeovers: ", "False alarms: "]
    {
        assert!(table.contains(part), "{table}");
    }
    let picture = std::fs::read_to_string(home.path().join("out.svg")).expect("a picture");
    assert_eq!(evaluate(&home, &arguments).1, table);
    assert_eq!(std::fs::read_to_string(home.path().join("out.svg")).expect("a picture"), picture);
    assert!(!Path::exists(&home.database()), "evaluate has no business with the database");
}

#[test]
fn a_folder_is_one_persons_sittings_and_the_first_can_be_what_is_learnt() {
    let mut files = Vec::new();
    for (person, step_us) in [("anna", 120_000), ("ben", 240_000)] {
        for sitting in 1..=3 {
            files.push((format!("{person}/{sitting}.jsonl"), typing(step_us, 150, sitting)));
        }
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let home = home_with(&files);
    let (code, table, error) =
        evaluate(&home, &["anna", "ben", "--learn", "first", "--keys", "50", "--takeovers", "0"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(table.contains("the first sitting of each was learnt"), "{table}");
    let row: Vec<&str> = table.lines().last().expect("a row").split_whitespace().collect();
    assert_eq!(row[..4], ["50", "2", "12", "12"], "{table}");
    assert!(!table.contains("Takeovers"), "{table}");
}

#[test]
fn labelled_cases_are_judged_by_the_models_of_the_accounts_that_they_are_of() {
    let home = home_with(&[
        ("one/learn/1.jsonl", pointing(5, 150, 1)),
        ("one/genuine/1.jsonl", pointing(5, 40, 2)),
        ("one/genuine/2.jsonl", pointing(5, 15, 3)),
        ("one/impostor/1.jsonl", pointing(60, 40, 4)),
        ("other/learn/1.jsonl", pointing(60, 150, 5)),
        ("other/genuine/1.jsonl", pointing(60, 40, 6)),
        ("other/impostor/1.jsonl", pointing(5, 40, 7)),
    ]);
    let arguments = ["one", "other", "--strokes", "20,all", "--takeovers", "0", "--json"];
    let report = |more: &[&str]| -> Value {
        let (code, report, error) = evaluate(&home, &[&arguments[..], more].concat());
        assert_eq!((code, error.as_str()), (Some(0), ""));
        serde_json::from_str(&report).expect("JSON")
    };
    let windows = |report: &Value| {
        let rows = report["mouse"].as_array().expect("rows");
        rows.iter().map(|row| (row["genuine"].as_i64(), row["impostor"].as_i64())).collect::<Vec<_>>()
    };
    let whole = report(&[]);
    assert_eq!(windows(&whole), [(Some(2), Some(2)), (Some(3), Some(2))], "a case that is too short is left out");
    assert_eq!(windows(&report(&["--at-most"]))[0], (Some(3), Some(2)), "or taken as it is");
    assert_eq!(whole["mouse"][1]["auc"], 1.0);
}

#[test]
fn what_cannot_be_evaluated_is_named_with_what_would_help() {
    let home = home_with(&[
        ("a.jsonl", typing(110_000, 100, 1)),
        ("b.jsonl", typing(170_000, 100, 2)),
        ("short.jsonl", typing(170_000, 30, 2)),
        ("empty.jsonl", String::new()),
        ("people/a/1.jsonl", typing(170_000, 30, 2)),
        ("half/learn/1.jsonl", typing(170_000, 30, 2)),
        ("mouse.jsonl", pointing(5, 60, 1)),
    ]);
    let cases: [(&[&str], i32, &str); 10] = [
        (&["a.jsonl"], 64, "at least two people are needed, and a.jsonl is one"),
        (&["a.jsonl", "b.jsonl", "--learn", "all"], 64, "a share such as 60%, a number such as 2000keys, or first"),
        (&["a.jsonl", "nowhere.jsonl"], 66, "nowhere.jsonl: No such file or directory"),
        (&["a.jsonl", "empty.jsonl"], 65, "empty.jsonl contains no event"),
        (
            &["a.jsonl", "people"],
            65,
            "people contains no trace (*.jsonl); a PERSON is one person: for a folder of people give people/*",
        ),
        (&["a.jsonl", "half"], 65, "half contains the folder `learn`, but not `genuine`"),
        (
            &["a.jsonl", "b.jsonl", "--learn", "2000keys"],
            65,
            "a.jsonl: it has 100 strokes; to learn 2000 and judge others it needs more than 2000. Record more, or learn less",
        ),
        (&["a.jsonl", "b.jsonl", "--learn", "first"], 65, "a.jsonl: it has one sitting"),
        (
            &["a.jsonl", "short.jsonl"],
            65,
            "short.jsonl: 12 keystrokes are left to judge, and no sitting has the 25 of the shortest window; record more, or shorten it (--keys)",
        ),
        (&["a.jsonl", "mouse.jsonl"], 65, "fewer than two people have input of the same kind"),
    ];
    for (arguments, expected, message) in cases {
        let (code, _, error) = evaluate(&home, arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
    let (code, _, error) = evaluate(&home, &["a.jsonl", "b.jsonl", "--keys", "25", "--svg", "no/where.svg"]);
    assert_eq!(code, Some(73));
    assert!(error.contains("no/where.svg: "), "{error}");
}

#[test]
fn lines_that_are_no_events_are_counted_and_not_shown() {
    let line = "{\"type\":\"keystroke\",\"ts\":1,\"key\":\"hunter2\",\"event\":\"press\"}\n";
    let home = home_with(&[
        ("a.jsonl", line.to_owned() + line + &typing(110_000, 100, 1)),
        ("b.jsonl", typing(170_000, 100, 2)),
    ]);
    let (code, _, error) = evaluate(&home, &["a.jsonl", "b.jsonl", "--keys", "25"]);
    assert_eq!(code, Some(0));
    assert_eq!(error, "a.jsonl:1: 2 lines discarded: `key` names no key\n");
}
