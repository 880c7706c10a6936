//! The pipeline against the contract: the golden traces, and `reference.py` on traces made at random.

mod common;

use common::compare::assert_same_records;
use common::generator;
use common::{reference, replay_text};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seclyzer::event::Stamped;
use seclyzer::features::keystroke::Publish;
use std::path::Path;

#[test]
fn golden_traces_give_the_records_that_must_come_out_of_them() {
    for name in ["bounds", "desk", "edges", "fast-mouse", "hands", "layouts", "typist"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let read = |file: String| std::fs::read_to_string(folder.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        for publish in Publish::ALL {
            // The default's name is that of the trace alone.
            let of = if publish == Publish::default() { String::new() } else { format!("{}.", publish.name()) };
            let expected = read(format!("{name}.{of}expected"));
            assert_same_records(name, &replay_text(publish, &read(format!("{name}.jsonl"))), &expected);
        }
    }
}

#[test]
fn random_traces_give_what_the_reference_gives() {
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    runner
        .run(&(generator::trace(), prop::sample::select(&Publish::ALL[..])), |(trace, publish)| {
            assert_same_records("a random trace", &replay_text(publish, &trace), &reference::run(publish, &trace));
            Ok(())
        })
        .expect("the same records");
}

proptest! {
    #![proptest_config(Config { cases: 64, ..Config::default() })]

    #[test]
    fn a_shift_in_time_by_whole_windows_changes_no_keystroke_or_mouse_feature(
        trace in generator::events(), windows in 1i64..1000
    ) {
        let shift_us = windows * 5_000_000;
        let moved = trace.iter().cloned().map(|e| Stamped { ts_us: e.ts_us + shift_us, ..e }).collect();
        let (before, after) = (common::replay(trace), common::replay(moved));
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(before.window_end_us + shift_us, after.window_end_us);
            if before.kind() != seclyzer::record::Kind::App {
                prop_assert_eq!(&before.body, &after.body);
            }
        }
    }

    #[test]
    fn no_feature_is_ever_nan_or_infinite(trace in generator::events()) {
        use seclyzer::record::Body;
        for record in common::replay(trace) {
            let finite = |values: &[Option<f64>]| values.iter().flatten().all(|value| value.is_finite());
            match &record.body {
                Body::Keystroke { features, .. } => prop_assert!(finite(&features[..])),
                Body::Mouse { features, .. } => prop_assert!(finite(&features[..])),
                Body::App(app) => prop_assert!(app.focus_entropy_bits.is_finite()),
                Body::Score(_) | Body::Decision(_) => prop_assert!(false, "a pipeline recognises nobody"),
            }
        }
    }
}
