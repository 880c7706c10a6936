use super::super::place::Path;
use super::*;
use crate::event::{Key, Micros};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// The most that a stroke may say: three values and a capital.
const MOST: f64 = LIMIT * (0.5 + 0.3 + 0.3 + CAPITAL_WEIGHT) + 1e-12;

fn key(name: &str) -> KeyNumber {
    KeyNumber::from(Key::named(name).expect("a key"))
}

/// Text typed with a steady rhythm: a stroke every `step_ms`, each held for `held_ms`, a little longer now and then.
fn typed(text: &str, step_ms: i64, held_ms: i64) -> Vec<Stroke> {
    let stroke = |(i, c): (usize, char)| {
        let i = i64::try_from(i).expect("few");
        let press_us = i * step_ms * 1000 + 7_000 * (i % 3);
        let release_us = Some(press_us + held_ms * 1000 + 3_000 * (i % 4));
        Stroke { press_us, release_us, key: key(&c.to_string()) }
    };
    text.chars().enumerate().map(stroke).collect()
}

fn pangrams(times: usize) -> String {
    "the quick brown fox jumps over the lazy dog ".repeat(times)
}

/// A model whose owner typed this, all of which may teach.
fn owned_by(strokes: &[Stroke]) -> Model {
    let mut model = Model::new();
    for &stroke in strokes {
        model.learn(Some(stroke));
        model.keep(Some(stroke), true);
    }
    model
}

/// Sum of scores of a case.
fn evidence(model: &mut Model, strokes: &[Stroke]) -> f64 {
    model.begin();
    model.break_scoring();
    strokes.iter().map(|&stroke| model.score(stroke)).sum()
}

#[test]
fn the_owners_rhythm_speaks_for_the_owner_and_another_against() {
    let mut model = owned_by(&typed(&pangrams(20), 150, 90));
    assert!(evidence(&mut model, &typed(&pangrams(2), 150, 90)) > 20.0);
    assert!(evidence(&mut model, &typed(&pangrams(2), 240, 60)) < -20.0);
}

#[test]
fn a_model_that_knows_nobody_says_next_to_nothing() {
    assert!(evidence(&mut Model::new(), &typed("hello", 150, 90)).abs() < 0.5);
}

#[test]
fn a_first_stroke_and_one_after_a_break_say_nothing() {
    let strokes = typed("abc", 150, 90);
    let mut model = owned_by(&typed(&pangrams(5), 150, 90));
    assert_eq!(model.score(strokes[0]), 0.0);
    assert_ne!(model.score(strokes[1]), 0.0);
    model.break_scoring();
    assert_eq!(model.score(strokes[2]), 0.0);
}

#[test]
fn a_new_case_begins_with_a_stranger_nobody_has_met() {
    let mut model = owned_by(&typed(&pangrams(5), 150, 90));
    let strokes = typed(&pangrams(1), 200, 70);
    let first = evidence(&mut model, &strokes);
    assert_eq!(evidence(&mut model, &strokes), first);
}

#[test]
fn the_key_that_writes_capitals_speaks_for_whom_it_is_a_habit_of() {
    let capital = |name: &str| Stroke { press_us: 0, release_us: None, key: key(name) };
    let mut model = owned_by(&[capital("KEY_RIGHTSHIFT"); 10]);
    assert!(evidence(&mut model, &[capital("KEY_RIGHTSHIFT")]) > 0.0);
    assert!(evidence(&mut model, &[capital("KEY_CAPSLOCK")]) < 0.0);
    assert_eq!(evidence(&mut model, &[capital("a")]), 0.0);
}

#[test]
fn nothing_is_measured_across_what_was_not_learnt() {
    let strokes = typed("ab", 150, 90);
    let mut model = Model::new();
    model.learn(Some(strokes[0]));
    model.learn(None);
    model.learn(Some(strokes[1]));
    assert_eq!(model.live_strokes(), 2);
    assert!(model.live.trees.iter().all(|tree| tree.save().leaves.is_empty()));
}

#[test]
fn live_learns_all_and_only_what_is_kept_is_saved() {
    let strokes = typed(&pangrams(1), 150, 90);
    let mut model = Model::new();
    strokes.iter().for_each(|&stroke| model.learn(Some(stroke)));
    strokes.iter().for_each(|&stroke| model.keep(Some(stroke), false));
    assert_eq!((model.live_strokes(), model.kept_strokes()), (strokes.len() as u64, 0));
    assert_eq!(model.save(), Model::new().save());
}

/// The pairs of keys, as two letters (`_` for a space), that a tree of what was saved has.
fn pairs(saved: &SavedKeys, feature: Feature, text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let number = |c: char| key(&c.to_string());
    let leaves = &saved.trees[feature.index()].leaves;
    let pairs = letters.windows(2).filter(|pair| {
        let path = Path::new(feature, number(pair[0]), number(pair[1]));
        leaves.iter().any(|leaf| leaf.0 == Path::saved_leaf(path.pair))
    });
    assert_eq!(pairs.clone().count(), leaves.len(), "each pair once");
    pairs.map(|pair| pair.iter().collect::<String>().replace(' ', "_")).collect()
}

#[test]
fn a_dwell_is_kept_if_its_stroke_counts_and_a_pair_if_both_do_or_the_first_is_a_space() {
    let text = "ab cde";
    let mut model = Model::new();
    for (stroke, counts) in typed(text, 150, 90).into_iter().zip([true, false, false, true, true, false]) {
        model.keep(Some(stroke), counts);
    }
    let kept = model.save();
    assert_eq!(pairs(&kept, Feature::Dwell, text), ["ab", "cd", "de"]);
    assert_eq!(pairs(&kept, Feature::Press, text), ["_c", "cd"]);
    assert_eq!(pairs(&kept, Feature::Flight, text), ["_c", "cd"]);
    assert_eq!(model.kept_strokes(), 3);
}

#[test]
fn a_dwell_is_stored_only_if_the_key_after_it_counts_too() {
    let text = "by pass ok";
    let strokes = typed(text, 150, 90).into_iter().map(Some);
    let mut counts = [true; 10];
    counts[3..8].fill(false);
    let model = Model::new();
    let stored = model.stored_after(strokes.clone().zip(counts));
    assert_eq!(pairs(&stored, Feature::Dwell, text), ["by", "y_", "ok"]);
    assert_eq!(pairs(&stored, Feature::Press, text), ["by", "y_", "_o", "ok"]);
    assert_eq!(model.save(), Model::new().save(), "it only looks ahead");

    let mut kept = Model::new();
    strokes.zip(counts).for_each(|(stroke, counts)| kept.keep(stroke, counts));
    assert_eq!(kept.stored_after(std::iter::empty()), stored);
    let loaded = Model::load(&stored).expect("what was stored");
    assert_eq!(loaded.save(), stored);
    assert_eq!(loaded.stored_after(std::iter::empty()), stored);
}

#[test]
fn a_broken_chain_is_not_kept_across() {
    let strokes = typed("ab", 150, 90);
    let mut model = Model::new();
    model.keep(Some(strokes[0]), true);
    model.keep(None, false);
    model.keep(Some(strokes[1]), true);
    assert!(pairs(&model.save(), Feature::Dwell, "ab").is_empty());
}

#[test]
fn what_is_saved_has_the_form_that_other_programs_read() {
    let mut model = owned_by(&typed("abab", 150, 90));
    model.keep(Some(Stroke { press_us: 0, release_us: None, key: key("KEY_LEFTSHIFT") }), true);
    let saved = serde_json::to_value(model.save()).expect("JSON");
    assert_eq!(saved["strokes"], 5);
    assert_eq!(saved["capitals"], json!([1.0, 0.0, 0.0]));
    assert_eq!(saved["trees"].as_array().map(Vec::len), Some(3));
    let leaf = &saved["trees"][1]["leaves"][0];
    assert_eq!((&leaf[0], &leaf[1]), (&json!(1001), &json!(2.0)), "A before B, twice");
    assert!(leaf[2].is_f64());
}

#[test]
fn counts_and_sums_may_be_written_as_integers() {
    let text = r#"{"strokes": 1, "capitals": [1, 0, 0], "trees": [
        {"leaves": [[1001, 1, 4]], "spread": [[0, 1, 0], [1, 1, 0], [100, 1, 0], [1001, 1, 0]]},
        {"leaves": [], "spread": []}, {"leaves": [], "spread": []}]}"#;
    let saved: SavedKeys = serde_json::from_str(text).expect("the form");
    assert_eq!(Model::load(&saved).expect("a model").live_strokes(), 1);
}

#[test]
fn a_model_of_fifteen_hundred_pairs_a_tree_fits_into_its_memory() {
    let mut model = Model::new();
    let pairs = (0..=62_u8).flat_map(|first| (0..24_u8).map(move |second| [first, second]));
    for (i, pair) in pairs.enumerate() {
        let strokes = pair.map(|number| KeyNumber::try_from(number).expect("a key"));
        let press_us = i as Micros * 10_000_000;
        for (key, press_us) in strokes.into_iter().zip([press_us, press_us + 150_000]) {
            let stroke = Stroke { press_us, release_us: Some(press_us + 80_000), key };
            model.learn(Some(stroke));
            model.keep(Some(stroke), true);
        }
        model.learn(None);
        model.keep(None, false);
    }
    for learnt in [&model.live, &model.kept.learnt] {
        assert!(learnt.trees.iter().all(|tree| tree.save().leaves.len() > 1_500));
    }
    let trees = [&model.live.trees, &model.kept.learnt.trees].into_iter().flatten();
    let learnt: usize = trees.chain([&model.kept.stored_dwells]).map(Tree::heap_bytes).sum();
    assert!(learnt < 360_000, "{learnt} bytes");
    let case: usize = model.stranger.iter().map(Tree::heap_bytes).sum();
    assert_eq!(model.heap_bytes(), learnt + case);
}

#[test]
fn debug_does_not_show_what_was_learnt() {
    let model = owned_by(&typed("secret", 150, 90));
    assert_eq!(format!("{model:?} {:?}", model.save()), "Model(…) SavedKeys(…)");
}

/// Strokes in order of press, some at odd times.
fn strokes() -> impl Strategy<Value = Vec<Stroke>> {
    let times_us = prop_oneof![20 => 0_i64..400_000, 1 => 0_i64..5_000_000, 1 => Just(i64::MAX / 1000)];
    let held_us =
        prop_oneof![20 => (0_i64..200_000).prop_map(Some), 1 => Just(None), 1 => (0_i64..2_000_000).prop_map(Some)];
    prop::collection::vec((times_us, held_us, 0_u8..=62), 1..200).prop_map(|strokes| {
        let mut press_us: Micros = 1_700_000_000_000_000;
        let stroke = |(step_us, held_us, number): (_, Option<_>, _)| {
            press_us = press_us.saturating_add(step_us);
            let release_us = held_us.map(|held_us| press_us.saturating_add(held_us));
            Stroke { press_us, release_us, key: KeyNumber::try_from(number).expect("a key") }
        };
        strokes.into_iter().map(stroke).collect()
    })
}

/// A number that a stranger might put in place of another.
fn odd_number() -> impl Strategy<Value = Json> {
    prop::sample::select(vec![
        json!(-1),
        json!(0),
        json!(1),
        json!(16),
        json!(17),
        json!(1001),
        json!(65_535),
        json!(0.5),
        json!(1e300),
        json!(-1e300),
        json!(1e-300),
        json!(null),
        json!([]),
    ])
}

fn size(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(size).sum(),
        Json::Object(items) => items.values().map(size).sum(),
        _ => 0,
    }
}

/// The n-th of all values in it, counted depth first.
fn nth<'a>(json: &'a mut Json, n: &mut usize) -> Option<&'a mut Json> {
    if *n == 0 {
        return Some(json);
    }
    *n -= 1;
    match json {
        Json::Array(items) => items.iter_mut().find_map(|item| nth(item, n)),
        Json::Object(items) => items.values_mut().find_map(|item| nth(item, n)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_are_bounded_whatever_is_typed(learnt in strokes(), scored in strokes()) {
        let mut model = owned_by(&learnt);
        for stroke in scored {
            let score = model.score(stroke);
            prop_assert!(score.abs() <= MOST, "{score}");
        }
    }

    #[test]
    fn a_saved_model_scores_as_the_one_it_was_saved_from(learnt in strokes(), scored in strokes()) {
        let mut model = owned_by(&learnt);
        let text = serde_json::to_string(&model.save()).expect("JSON");
        let mut loaded = Model::load(&serde_json::from_str(&text).expect("the form")).expect("what was learnt");
        prop_assert_eq!(loaded.live_strokes(), model.kept_strokes());
        for stroke in scored {
            prop_assert!((model.score(stroke) - loaded.score(stroke)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_restored_snapshot_goes_on_as_after_a_break(before in strokes(), after in strokes()) {
        let run = |model: &mut Model, strokes: &[Stroke]| -> Vec<u64> {
            let scores = strokes.iter().enumerate().map(|(i, &stroke)| {
                let score = model.score(stroke);
                model.learn(Some(stroke).filter(|_| i % 7 != 0));
                model.keep(Some(stroke), i % 3 != 0);
                score.to_bits()
            });
            scores.collect()
        };
        let mut model = Model::new();
        run(&mut model, &before);
        model.break_scoring();
        model.learn(None);
        model.keep(None, false);
        let mut restored: Model = serde_json::from_value(serde_json::to_value(&model).expect("a snapshot")).expect("it");
        prop_assert_eq!(run(&mut model, &after), run(&mut restored, &after));
        prop_assert!(serde_json::to_value(&model).expect("one") == serde_json::to_value(&restored).expect("another"));
    }

    #[test]
    fn a_model_that_somebody_changed_is_refused_or_scores_within_bounds(
        learnt in strokes(), changes in prop::collection::vec((any::<prop::sample::Index>(), odd_number()), 1..4),
        scored in strokes(),
    ) {
        let mut saved = serde_json::to_value(owned_by(&learnt).save()).expect("JSON");
        for (place, number) in changes {
            let place = place.index(size(&saved));
            *nth(&mut saved, &mut { place }).expect("one of them") = number;
        }
        let Ok(saved) = serde_json::from_value::<SavedKeys>(saved) else { return Ok(()) };
        let Ok(mut model) = Model::load(&saved) else { return Ok(()) };
        for stroke in scored {
            let score = model.score(stroke);
            prop_assert!(score.abs() <= MOST, "{score}");
            model.learn(Some(stroke));
        }
        prop_assert!(Model::load(&model.save()).is_ok());
    }
}
