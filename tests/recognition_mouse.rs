//! The mouse's model gives the values of the reference, which worked out `recognition/mouse_values.jsonl`: events, and
//! after each event the actions that it finished, with their features, vector, evidence and level.

use seclyzer::event;
use seclyzer::recognition::mouse::{
    Action, ActionKind, CALIBRATION, HALF_LIFE_ACTIONS, Level, Owner, SavedMouse, Strokes, Vector, Window,
};
use serde::Deserialize;

const VALUES: &str = include_str!("recognition/mouse_values.jsonl");

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Event(Vec<serde_json::Value>),
    /// A new pointer, for this owner or an unknown one.
    Start {
        start: Option<SavedMouse>,
    },
    Finished(Finished),
    Learnt {
        saved: SavedMouse,
        level: [f64; 3],
    },
    /// After all vectors since the start were learnt so many times more.
    Faded {
        times: u32,
        saved: SavedMouse,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finished {
    kind: String,
    start_us: i64,
    end_us: i64,
    features: Vec<Option<f64>>,
    vector: Vec<Option<f64>>,
    llr: f64,
    level: f64,
}

/// An owner is judged by each action, then learns it.
struct Model {
    strokes: Strokes,
    owner: Owner,
    window: Window,
    level: Level,
    vectors: Vec<Vector>,
}

impl Model {
    fn new(start: Option<SavedMouse>) -> Model {
        Model {
            strokes: Strokes::default(),
            owner: start.map_or_else(Owner::new, |saved| Owner::load(&saved).expect("a saved state")),
            window: Model::window(),
            level: Level::default(),
            vectors: Vec::new(),
        }
    }

    fn window() -> Window {
        Window::new(f64::exp2(-1.0 / HALF_LIFE_ACTIONS))
    }

    fn feed(&mut self, event: &[serde_json::Value]) {
        let number = |i: usize| event[i].as_f64().expect("a number");
        let ts_us = event.get(1).map_or(0, |ts| ts.as_i64().expect("a time"));
        match event[0].as_str().expect("an event's name") {
            "move" => self.strokes.push_move(ts_us, number(2), number(3)),
            "position" => self.strokes.push_position(ts_us, number(2), number(3)),
            "press" => self.strokes.push_button(ts_us, event::Action::Press),
            "release" => self.strokes.push_button(ts_us, event::Action::Release),
            "scroll" => self.strokes.push_scroll(ts_us, number(2)),
            "end" => self.strokes.end(),
            "reset" => self.strokes.reset(),
            "sitting" => {
                self.owner.end_block();
                self.window = Model::window();
            }
            other => panic!("{other} is no event"),
        }
    }

    fn judge_and_learn(&mut self, action: &Action) -> (Vector, f64, f64) {
        let vector = Vector::of(action);
        self.vectors.push(vector);
        self.window.add(&vector);
        let llr = self.window.llr(&self.owner);
        let at_level = self.level.at(CALIBRATION * llr);
        self.owner.learn(&vector);
        self.level.learn(CALIBRATION * llr);
        (vector, llr, at_level)
    }
}

fn name(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Move => "move",
        ActionKind::Click => "click",
        ActionKind::Drag => "drag",
        ActionKind::Bare => "bare",
        ActionKind::Scroll => "scroll",
    }
}

fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * 1f64.max(a.abs()).max(b.abs())
}

fn are_close(ours: &[Option<f64>], theirs: &[Option<f64>]) -> bool {
    let same = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
        (Some(a), Some(b)) => is_close(*a, *b),
        _ => a == b,
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

fn assert_same(ours: &SavedMouse, theirs: &SavedMouse, line: usize) {
    let all = |saved: &SavedMouse| -> Vec<Option<f64>> {
        let SavedMouse { actions, n, sum, square, blocks, bsum, bsquare, binverse } = saved;
        let fields = [n, sum, square, blocks, bsum, bsquare, binverse];
        [*actions].iter().chain(fields.into_iter().flatten()).copied().map(Some).collect()
    };
    assert!(are_close(&all(ours), &all(theirs)), "line {line}: {ours:?} instead of {theirs:?}");
}

#[test]
fn every_action_vector_score_and_saved_state_is_that_of_the_reference() {
    let mut model = Model::new(None);
    let mut actions = 0;
    for (i, text) in VALUES.lines().enumerate() {
        let line = i + 1;
        match serde_json::from_str(text).unwrap_or_else(|error| panic!("line {line}: {error}")) {
            Line::Start { start } => model = Model::new(start),
            Line::Event(event) => {
                assert_eq!(model.strokes.pop(), None, "line {line}: an action that the reference does not know");
                model.feed(&event);
            }
            Line::Finished(expected) => {
                let action = model.strokes.pop().unwrap_or_else(|| panic!("line {line}: an action is missing"));
                assert_eq!(name(action.kind), expected.kind, "line {line}");
                assert_eq!((action.start_us, action.end_us), (expected.start_us, expected.end_us), "line {line}");
                assert!(are_close(&action.features, &expected.features), "line {line}: {:?}", action.features);
                let (vector, llr, level) = model.judge_and_learn(&action);
                assert!(are_close(&vector.dims(), &expected.vector), "line {line}: {:?}", vector.dims());
                assert!(is_close(llr, expected.llr), "line {line}: {llr}, not {}", expected.llr);
                assert!(is_close(level, expected.level), "line {line}: {level}, not {}", expected.level);
                actions += 1;
            }
            Line::Learnt { saved, level } => {
                assert_same(&model.owner.save(), &saved, line);
                let ours = <[f64; 3]>::from(model.level);
                assert!(ours.iter().zip(level).all(|(a, b)| is_close(*a, b)), "line {line}: {ours:?}");
            }
            Line::Faded { times, saved } => {
                for vector in (0..times).flat_map(|_| &model.vectors) {
                    model.owner.learn(vector);
                }
                assert_same(&model.owner.save(), &saved, line);
            }
        }
    }
    assert!(actions > 200, "{actions}");
}
