//! The converters of public data sets (scripts/recognition), on miniature inputs of the sets' forms.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A data set that was made up, and a place to convert it to.
struct Set {
    folder: TempDir,
}

impl Set {
    fn with_files(files: &[(&str, &str)]) -> Set {
        let set = Set { folder: tempfile::tempdir().expect("a temporary folder") };
        for (name, text) in files {
            let path = set.source().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        set
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Whether it succeeded, with what was printed.
    fn convert(&self, name: &str) -> (bool, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/recognition/convert.py");
        let output = Command::new("python3")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(script)
            .arg(name)
            .args([self.source(), self.out()])
            .output()
            .expect("python3 is installed");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).expect("UTF-8"))
    }

    /// A trace in short, an event a word: a key with + or -, a time in ms since the trace's first event.
    fn trace(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.out().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for line in text.lines() {
            seclyzer::event::json::parse(line.as_bytes()).expect("an event of the contract");
        }
        let ts = |event: &Value| event["ts"].as_i64().expect("a time");
        let words = events.iter().map(|event| {
            let ms = (ts(event) - ts(&events[0])) as f64 / 1e3;
            match (event["type"].as_str(), event["event"].as_str()) {
                (Some("gap"), _) => format!("gap@{ms}"),
                (Some("keystroke"), what) => {
                    let key = event["key"].as_str().expect("a key").trim_start_matches("KEY_");
                    format!("{key}{}@{ms}", if what == Some("press") { "+" } else { "-" })
                }
                (_, Some("move")) => format!("{},{}@{ms}", event["x"], event["y"]),
                (_, Some("scroll")) => format!("scroll{}@{ms}", event["scroll_delta"]),
                (_, what) => {
                    format!("{}-{}@{ms}", event["button"].as_str().expect("a button"), what.expect("press or release"))
                }
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn free_text_is_merged_over_platforms_and_cut_into_sittings() {
    let set = Set::with_files(&[
        (
            "Facebook/f_7.csv",
            "P,'f',1650000000000000000\nR,'f',1650000000080000000\nP,Key.shift_r,1650000010000000000\n\
             P,\"\"\"'\"\"\",1650000010100000000\nR,\"\"\"'\"\"\",1650000010150000000\nR,Key.shift_r,1650000010200000000\n\
             P,'e',1650003610000000000\n",
        ),
        ("Instagram/i_7.csv", "P,\"','\",1650000001000000000\nR,\"','\",1650000001070000000\nR,'a',165\n"),
        ("Twitter/t_7.csv", "EID ,key ,direction ,time\n0,'t',0,1650000002.5\n1,'t',1,1650000002.625\n"),
        ("Twitter/t_28.csv", "P,'f',1.65392e+18\nR,'f',1.65392e+18\n"),
    ]);
    let (_, printed) = set.convert("freetext");
    assert!(printed.starts_with("freetext: 1 people, 2 traces"), "{printed}");
    assert_eq!(
        set.trace("people/7/1.jsonl"),
        "F+@0 F-@80 COMMA+@1000 COMMA-@1070 T+@2500 T-@2625 RIGHTSHIFT+@10000 APOSTROPHE+@10100 APOSTROPHE-@10150 \
         RIGHTSHIFT-@10200"
    );
    assert_eq!(set.trace("people/7/2.jsonl"), "E+@0");
}

#[test]
fn a_key_that_repeats_itself_is_pressed_once_but_one_whose_release_was_lost_is_pressed_again() {
    let set = Set::with_files(&[
        (
            "Facebook/f_7.csv",
            "P,'f',1650000000000000000\nP,'f',1650000000500000000\nP,'f',1650000000530000000\nR,'f',1650000000550000000\n\
             P,'g',1650000001000000000\nP,'g',1650000004000000000\nR,'g',1650000004100000000\n",
        ),
        ("Instagram/i_7.csv", ""),
        ("Twitter/t_7.csv", ""),
    ]);
    assert!(set.convert("freetext").0);
    assert_eq!(set.trace("people/7/1.jsonl"), "F+@0 F-@550 G+@1000 G+@4000 G-@4100");
}

#[test]
fn aaltos_sentences_are_traces_of_their_own_in_the_order_in_which_they_were_typed() {
    let head = "PARTICIPANT_ID\tTEST_SECTION_ID\tSENTENCE\tUSER_INPUT\tKEYSTROKE_ID\tPRESS_TIME\tRELEASE_TIME\tLETTER\tKEYCODE\n";
    let row = |section: u32, press: u64, release: u64, code: u32| {
        format!("12\t{section}\tA.\tA.\t1\t{press}\t{release}\tx\t{code}\n")
    };
    let mut text = head.to_owned();
    for sentence in (0..15).rev() {
        let begin = 1_471_948_000_000 + u64::from(sentence) * 60_000;
        // Shift is released last and listed first; A is pressed within it.
        text += &(row(90 - sentence, begin, begin + 300, 16) + &row(90 - sentence, begin + 100, begin + 180, 65));
    }
    text += "12\ta line cut short\n";
    let few = head.to_owned() + &row(1, 1_471_948_000_000, 1_471_948_000_100, 65);
    let folder = "data/keystroke-samples";
    let set = Set::with_files(&[
        (&format!("{folder}/12_keystrokes.txt"), &text),
        (&format!("{folder}/9_keystrokes.txt"), &few),
    ]);
    let (_, printed) = set.convert("aalto");
    assert!(printed.starts_with("aalto: 1 people, 15 traces"), "{printed}");
    assert_eq!(set.trace("people/12/learn/01.jsonl"), "LEFTSHIFT+@0 A+@100 A-@180 LEFTSHIFT-@300");
    assert_eq!(set.trace("people/12/genuine/15.jsonl"), set.trace("people/12/learn/10.jsonl"));
    let index = std::fs::read_to_string(set.out().join("index.tsv")).expect("an index");
    assert!(index.contains("people\t12\tlearn\t01\t1471948000000000\t1471948000300000\t2\t4\n"), "{index}");
}

#[test]
fn both_forms_of_gradtype_give_strokes_and_gaps_between_sentences() {
    let sequence = (0..700).map(|_| r#"{"code": 0, "hold": 0.1, "duration": 0.25}"#).collect::<Vec<_>>().join(",");
    let second = format!(r#"{{"version": 2, "sequences": [[{sequence}], [{sequence}]]}}"#);
    let typed = |n: u32| {
        let (down, up) = (f64::from(n) / 4.0, f64::from(n) / 4.0 + 0.125);
        let event = |what: &str, ts: f64, key: &str| format!(r#"{{"e": "{what}", "ts": {ts}, "k": "{key}"}}"#);
        [event("d", down, "b"), event("d", down, "Dead"), event("u", up, "b")].join(", ")
    };
    let first = (0..1_400).map(typed).collect::<Vec<_>>();
    let first = format!("[{}, \"r\", {}]", first[..2].join(", "), first[2..].join(", "));
    let set = Set::with_files(&[
        ("datasets/a.json", &first),
        ("datasets/b.json", &second),
        ("datasets/few.json", r#"{"version": 2, "sequences": [[{"code": 26, "hold": 0.1, "duration": 0}]]}"#),
        ("datasets/index.json", "[]"),
    ]);
    let (_, printed) = set.convert("gradtype");
    assert!(printed.starts_with("gradtype: 2 people, 2 traces"), "{printed}");
    assert!(
        set.trace("people/a/1.jsonl").starts_with("B+@0 UNKNOWN+@0 B-@125 B+@250 "),
        "{}",
        set.trace("people/a/1.jsonl")
    );
    let second = set.trace("people/b/1.jsonl");
    assert!(second.starts_with("A+@0 A-@100 A+@250 A-@350 "), "{second}");
    assert_eq!(second.matches("gap@").count(), 1);
}

const BALABIT: &str = "record timestamp,client timestamp,button,state,x,y\n";

#[test]
fn balabits_sessions_are_sorted_by_their_labels_and_the_unlabelled_are_left_out() {
    let session = format!(
        "{BALABIT}0.0,0.0,NoButton,Move,10,20\n0.5,0.125,NoButton,Move,65535,65535\n0.5,0.25,Left,Pressed,11,20\n\
         0.5,0.375,Left,Released,11,20\n0.5,0.5,Scroll,Down,11,20\n0.5,0.4375,NoButton,Drag,12,20\n"
    );
    let set = Set::with_files(&[
        ("public_labels.csv", "filename,is_illegal\nsession_1,0\nsession_2,1\n"),
        ("training_files/user1/session_0", &session),
        ("test_files/user1/session_1", &session),
        ("test_files/user1/session_2", &session),
        ("test_files/user1/session_3", &session),
    ]);
    let (_, printed) = set.convert("balabit");
    assert!(printed.starts_with("balabit: 1 people, 3 traces"), "{printed}");
    let expected = "10,20@0 Left-press@250 Left-release@375 scroll-1@500 12,20@500";
    for name in ["learn/session_0", "genuine/session_1", "impostor/session_2"] {
        assert_eq!(set.trace(&format!("people/user1/{name}.jsonl")), expected);
    }
}

#[test]
fn sapimouse_learns_three_minutes_and_judges_one() {
    let session = "client timestamp,button,state,x,y\n15585,NoButton,Move,967,706\n15601,Left,Drag,958,700\n";
    let set = Set::with_files(&[
        ("data/sapimouse/user2/session_1min.csv", session),
        ("data/sapimouse/user2/session_3min.csv", session),
        ("data/sapimouse/user3/session_1min.csv", session),
    ]);
    let (_, printed) = set.convert("sapimouse");
    assert!(printed.starts_with("sapimouse: 1 people, 2 traces"), "{printed}");
    assert_eq!(set.trace("people/user2/learn/session_3min.jsonl"), "967,706@0 958,700@16");
    assert_eq!(set.trace("people/user2/genuine/session_1min.jsonl"), "967,706@0 958,700@16");
}

#[test]
fn converting_again_gives_the_same_bytes_and_never_into_a_folder_that_holds_something() {
    let files = [
        ("public_labels.csv", "filename,is_illegal\n"),
        ("training_files/user1/session_0", &*format!("{BALABIT}0.0,0.0,NoButton,Move,10,20\n")),
    ];
    let (one, other) = (Set::with_files(&files), Set::with_files(&files));
    std::fs::create_dir_all(one.source().join("test_files/user1")).expect("a folder");
    std::fs::create_dir_all(other.source().join("test_files/user1")).expect("a folder");
    assert!(one.convert("balabit").0 && other.convert("balabit").0);
    for name in ["index.tsv", "people/user1/learn/session_0.jsonl"] {
        assert_eq!(
            std::fs::read(one.out().join(name)).expect(name),
            std::fs::read(other.out().join(name)).expect(name)
        );
    }
    let (succeeded, printed) = one.convert("balabit");
    assert!(!succeeded && printed.contains("is not empty; remove it, or name another folder"), "{printed}");
}

#[test]
fn a_source_that_is_none_of_the_set_is_named_with_what_is_wrong() {
    type Files = &'static [(&'static str, &'static str)];
    let cases: [(&str, Files, &str); 6] = [
        ("freetext", &[("README.md", "")], "Facebook is missing: is "),
        ("aalto", &[("data/keystroke-samples/1_keystrokes.txt", "A\tB\n")], "of the columns"),
        ("gradtype", &[("datasets/a.json", "[1")], "a.json: not of the set"),
        ("gradtype", &[("datasets/index.json", "[]")], "nobody in the source could be used"),
        ("balabit", &[("training_files/user1/session_0", "")], "public_labels.csv: "),
        (
            "balabit",
            &[
                ("public_labels.csv", "filename,is_illegal\n"),
                ("training_files/user1/s", "time,x,y\n"),
                ("test_files/user1/t", ""),
            ],
            "the first line is not `record timestamp,",
        ),
    ];
    for (name, files, expected) in cases {
        let (succeeded, printed) = Set::with_files(files).convert(name);
        assert!(!succeeded && printed.starts_with(&format!("convert.py: {name}: ")), "{printed}");
        assert!(printed.contains(expected), "{printed}");
    }
}
