//! The keystroke model against its definition: `recognition/keys_values.jsonl` contains strokes, made at random, with the
//! scores that the definition's own program gave them, whether it held them to be text, and what it saved.

use seclyzer::event::{Key, Micros};
use seclyzer::recognition::keys::{KeyNumber, Model, SavedKeys, Stroke, Text};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

/// Compares numbers as numbers, and all else exactly.
fn assert_close(found: &Value, expected: &Value, what: &str) {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().expect("a number"), expected.as_f64().expect("a number"));
            let scale = expected.abs().max(1.0);
            assert!((found - expected).abs() <= TOLERANCE * scale, "{what}: {found} instead of {expected}");
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{what}: as many");
            found.iter().zip(expected).for_each(|(found, expected)| assert_close(found, expected, what));
        }
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()), "{what}: the same names");
            found.iter().for_each(|(name, found)| assert_close(found, &expected[name], &format!("{what} {name}")));
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

/// Goes through the file's lines; only strokes have scores.
struct Script {
    keys: Vec<KeyNumber>,
    model: Model,
    text: Text,
    now_us: Micros,
}

impl Script {
    fn run(&mut self, line: &Value, number: usize) {
        match line {
            Value::Array(stroke) => self.stroke(stroke, number),
            Value::String(what) => self.command(what),
            Value::Object(end) if end.contains_key("saved") => {
                let saved = serde_json::to_value(self.model.save()).expect("JSON");
                assert_close(&saved, &end["saved"], "saved");
                assert_eq!(Some(self.model.live_strokes()), end["live"].as_u64());
            }
            Value::Object(start) => {
                let names = start["keys"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name"));
                self.keys = names.map(|name| KeyNumber::from(Key::named(name).expect("a key"))).collect();
            }
            _ => panic!("line {number}"),
        }
    }

    /// `[µs since the press before, µs held or negative, index of the key, score, whether it is learnt, 0: not kept,
    /// 1: kept without counting, 2: kept, whether it is in a shortcut, whether it is text]`
    fn stroke(&mut self, stroke: &[Value], number: usize) {
        let integer = |i: usize| stroke[i].as_i64().expect("an integer");
        self.now_us += integer(0);
        let held_us = Some(integer(1)).filter(|&held_us| held_us >= 0);
        let stroke_now = Stroke {
            press_us: self.now_us,
            release_us: held_us.map(|held_us| self.now_us + held_us),
            key: self.keys[usize::try_from(integer(2)).expect("an index")],
        };
        assert_close(&self.model.score(stroke_now).into(), &stroke[3], &format!("the score of line {number}"));
        if integer(4) == 1 {
            self.model.learn(Some(stroke_now));
        }
        if integer(5) > 0 {
            self.model.keep(Some(stroke_now), integer(5) == 2);
        }
        let is_text = self.text.take(stroke_now.key, integer(1), integer(6) == 1);
        assert_eq!(is_text, integer(7) == 1, "whether line {number} is text");
    }

    fn command(&mut self, what: &str) {
        match what {
            "begin" => self.model.begin(),
            "break" => {
                self.model.break_scoring();
                self.text.clear();
            }
            "learn nothing" => self.model.learn(None),
            "keep nothing" => self.model.keep(None, false),
            "restart" => {
                let text = serde_json::to_string(&self.model.save()).expect("JSON");
                let saved: SavedKeys = serde_json::from_str(&text).expect("what was saved");
                self.model = Model::load(&saved).expect("what was learnt");
            }
            _ => panic!("{what}"),
        }
    }
}

#[test]
fn scores_what_is_text_and_what_is_saved_are_those_of_the_definition() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recognition/keys_values.jsonl");
    let text = std::fs::read_to_string(path).expect("the file");
    let mut script = Script { keys: Vec::new(), model: Model::new(), text: Text::new(), now_us: 1_700_000_000_000_000 };
    for (i, line) in text.lines().enumerate() {
        script.run(&serde_json::from_str(line).expect("JSON"), i + 1);
    }
    assert!(script.model.kept_strokes() > 2_000, "it ran");
}
