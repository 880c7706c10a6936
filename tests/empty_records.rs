//! A record without values does not leave its reader wondering: `doctor`, `status` and `--show` give the reason.

mod support;

use rusqlite::Connection;
use serde_json::Value;
use support::agent::Home;

/// A database with the records of a trace as if devices had made them.
fn home_with_records(publish: &str) -> Home {
    let home = Home::with_config(&format!(
        "[redis]\nenabled = false\n[influx]\nenabled = false\n[keystroke]\npublish = \"{publish}\"\n"
    ));
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/edges.jsonl");
    let replayed = home.run(&["replay", trace, "--speed", "max"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stderr));
    let database = Connection::open(home.database()).expect("a database");
    database.execute("UPDATE keystroke_features SET origin = 'device'", []).expect("records");
    home
}

fn finding(home: &Home) -> Value {
    let output = home.run(&["doctor", "--json"]).stdout;
    let findings: Vec<Value> = serde_json::from_slice(&output).expect("JSON");
    findings.into_iter().find(|finding| finding["what"] == "keystrokes").expect("a finding")
}

#[test]
fn doctor_names_the_setting_where_most_records_of_an_hour_contain_no_values() {
    let finding = finding(&home_with_records("lines"));
    assert_eq!(finding["verdict"], "warning");
    let (text, mend) = (finding["text"].as_str().expect("a text"), finding["mend"].as_str().expect("a text"));
    assert!(text.contains("19 of 25 records of the newest hour of typing contain no values"), "{text}");
    assert!(mend.contains("keystroke.publish = \"words\"") && mend.contains("docs/privacy.md"), "{mend}");
}

#[test]
fn doctor_names_the_setting_that_is_on_where_records_contain_values() {
    let finding = finding(&home_with_records("all"));
    assert_eq!(finding["verdict"], "ok", "{finding}");
    assert_eq!(finding["text"], "computed from all strokes (keystroke.publish = \"all\")");
}

#[test]
fn status_counts_strokes_by_what_became_of_them_and_lines_by_what_ended_them() {
    let home = Home::with_config("[redis]\nenabled = false\n[keystroke]\npublish = \"words\"\n");
    let agent = home.start_agent(&[]);
    let status: Value = serde_json::from_slice(&home.run(&["status", "--json"]).stdout).expect("JSON");
    let keystrokes = &status["keystrokes"];
    assert_eq!(keystrokes["publish"], "words");
    for kind in ["counted", "waiting", "short_line", "no_plain_word", "gap", "no_hand", "excluded"] {
        assert_eq!(keystrokes["strokes"][kind], 0, "{kind}: {keystrokes}");
    }
    for cause in ["command", "pause", "erasing", "button", "motion", "scroll", "touch", "focus", "layout", "gap"] {
        assert_eq!(keystrokes["lines"][cause], 0, "{cause}: {keystrokes}");
    }
    let shown = String::from_utf8(home.run(&["status"]).stdout).expect("a text");
    assert!(shown.contains("keystroke features: from plain words (keystroke.publish = \"words\")"), "{shown}");
    assert_eq!(agent.stop(), Some(0));
}
