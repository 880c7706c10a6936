//! Traces made at random: typing with rollover, words and passwords, strokes of mice of any rate, clicks, scrolling,
//! applications, gaps, pauses, clocks that step, and events that do not fit.

use proptest::prelude::*;
use seclyzer::event::Stamped;
use serde_json::{Value, json};

const START_US: i64 = 1_790_000_000_000_000;

/// A stretch of behaviour; `seed` fills in the small details.
#[derive(Debug, Clone)]
enum Stretch {
    Type {
        keys: usize,
        mean_us: i64,
        plain: bool,
    },
    Move {
        reports: usize,
        interval_us: i64,
        absolute: bool,
    },
    Click {
        presses: usize,
        mean_us: i64,
    },
    Scroll {
        events: usize,
        mean_us: i64,
    },
    Focus {
        app: usize,
    },
    Touch,
    /// Motion by a few counts at a time.
    Tremble {
        reports: usize,
        interval_us: i64,
    },
    Layout {
        which: usize,
    },
    Gap {
        scope: usize,
    },
    Pause {
        us: i64,
    },
    StepBack {
        us: i64,
    },
    Misfit {
        which: usize,
    },
}

fn stretch() -> impl Strategy<Value = Stretch> {
    prop_oneof![
        4 => (1usize..120, prop_oneof![4 => 30_000i64..400_000, 1 => 3_000i64..30_000], any::<bool>())
            .prop_map(|(keys, mean_us, plain)| Stretch::Type { keys, mean_us, plain }),
        4 => (1usize..600, 100i64..40_000, any::<bool>())
            .prop_map(|(reports, interval_us, absolute)| Stretch::Move { reports, interval_us, absolute }),
        2 => (1usize..30, 5_000i64..700_000).prop_map(|(presses, mean_us)| Stretch::Click { presses, mean_us }),
        2 => (1usize..40, 5_000i64..900_000).prop_map(|(events, mean_us)| Stretch::Scroll { events, mean_us }),
        2 => (0usize..6).prop_map(|app| Stretch::Focus { app }),
        1 => Just(Stretch::Touch),
        1 => (1usize..20, 20_000i64..900_000)
            .prop_map(|(reports, interval_us)| Stretch::Tremble { reports, interval_us }),
        1 => (0usize..LAYOUTS.len()).prop_map(|which| Stretch::Layout { which }),
        1 => (0usize..5).prop_map(|scope| Stretch::Gap { scope }),
        2 => prop_oneof![0i64..3_000_000, 0i64..40_000_000, 290_000_000i64..400_000_000]
            .prop_map(|us| Stretch::Pause { us }),
        1 => (0i64..3_000_000).prop_map(|us| Stretch::StepBack { us }),
        1 => (0usize..MISFITS.len()).prop_map(|which| Stretch::Misfit { which }),
    ]
}

/// The text of a trace, with events in it that do not fit.
pub fn trace() -> impl Strategy<Value = String> {
    (prop::collection::vec(stretch(), 1..60), any::<u64>()).prop_map(|(stretches, seed)| {
        let mut writer = Writer { now_us: START_US, random: seed | 1, lines: String::new(), position: (0, 0) };
        stretches.iter().for_each(|stretch| writer.write(stretch));
        writer.lines
    })
}

/// The events of such a trace that fit.
pub fn events() -> impl Strategy<Value = Vec<Stamped>> {
    trace().prop_map(|trace| super::parse(&trace))
}

/// Each is an object, because the reference stops at what is no JSON at all.
const MISFITS: [&str; 13] = [
    r#"{}"#,
    r#"{"type":"keystroke","ts":"soon","key":"a","event":"press"}"#,
    r#"{"type":"keystroke","ts":1790000000000000,"key":"no such key","event":"press"}"#,
    r#"{"type":"keystroke","ts":1790000000000000,"key":"a","event":"repeat"}"#,
    r#"{"type":"mouse","ts":1790000000000000,"event":"move","x":"a","y":1}"#,
    r#"{"type":"mouse","ts":1790000000000000,"event":"move","dx":0,"dy":0}"#,
    r#"{"type":"mouse","ts":1790000000000000,"event":"move","dx":1e300}"#,
    r#"{"type":"mouse","ts":1790000000000000,"event":"scroll","scroll_delta":0}"#,
    r#"{"type":"app","ts":1790000000000000,"event":"focus","app_name":""}"#,
    r#"{"type":"gap","ts":1790000000000000,"scope":"moon"}"#,
    r#"{"type":"layout","ts":1790000000000000}"#,
    r#"{"type":"layout","ts":1790000000000000,"letters":["KEY_A",7]}"#,
    r#"{"type":"layout","ts":1790000000000000,"letters":["KEY_A"],"accents":["KEY_TAB"]}"#,
];

/// The US keyboard's, one on which keys change what they are with Shift and AltGr, and one with few letters.
const LAYOUTS: [&str; 3] = [
    r#"{"type":"layout","letters":["q","w","e","r","t","y","u","i","o","p","a","s","d","f","g","h","j","k","l","z","x",
        "c","v","b","n","m"]}"#,
    r#"{"type":"layout","letters":["KEY_A","e","KeyT","o","KEY_N","7"],"shift_letters":["KEY_A","e","KeyT","o"],
        "altgr_letters":["i","s"],"marks":["h"],"shift_marks":[],"accents":[",","s"],"shift_accents":["7","n"]}"#,
    r#"{"type":"layout","letters":["KEY_A","KEY_COMMA","KEY_SEMICOLON"]}"#,
];

struct Writer {
    now_us: i64,
    random: u64,
    lines: String,
    position: (i64, i64),
}

impl Writer {
    /// Xorshift (G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8, 2003).
    fn below(&mut self, limit: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as i64 % limit.max(1)
    }

    fn line(&mut self, ts_us: i64, mut object: Value) {
        object["ts"] = json!(ts_us);
        self.lines += &object.to_string();
        self.lines.push('\n');
    }

    fn write(&mut self, stretch: &Stretch) {
        match *stretch {
            Stretch::Type { keys, mean_us, plain } => self.type_keys(keys, mean_us, plain),
            Stretch::Move { reports, interval_us, absolute } => self.move_mouse(reports, interval_us, absolute),
            Stretch::Click { presses, mean_us } => self.click(presses, mean_us),
            Stretch::Scroll { events, mean_us } => {
                for _ in 0..events {
                    self.now_us += self.below(2 * mean_us);
                    let delta = [-1.0, 1.0, 1.0, 2.0, 0.25, -0.125][self.below(6) as usize];
                    self.line(self.now_us, json!({"type": "mouse", "event": "scroll", "scroll_delta": delta}));
                }
            }
            Stretch::Focus { app } => {
                let name = ["code", "xterm", "Navigator", "org.gnome.Files", "mpv"].get(app);
                self.now_us += self.below(400_000);
                self.line(self.now_us, json!({"type": "app", "event": "focus", "app_name": name}));
            }
            Stretch::Touch => self.line(self.now_us, json!({"type": "mouse", "event": "touch"})),
            Stretch::Tremble { reports, interval_us } => {
                for _ in 0..reports {
                    self.now_us += self.below(2 * interval_us);
                    let (dx, dy) = (self.below(9) - 4, self.below(9) - 4);
                    self.line(self.now_us, json!({"type": "mouse", "event": "move", "dx": dx, "dy": dy}));
                }
            }
            Stretch::Layout { which } => {
                self.line(self.now_us, serde_json::from_str(LAYOUTS[which]).expect("a layout"));
            }
            Stretch::Gap { scope } => {
                let mut gap = json!({"type": "gap", "reason": "test"});
                if let Some(scope) = ["all", "keystroke", "mouse", "app"].get(scope) {
                    gap["scope"] = json!(scope);
                }
                self.line(self.now_us, gap);
            }
            Stretch::Pause { us } => self.now_us += us,
            Stretch::StepBack { us } => self.now_us -= us,
            Stretch::Misfit { which } => {
                self.lines += MISFITS[which];
                self.lines.push('\n');
            }
        }
    }

    /// Keys overlap where the dwell is longer than the time to the next press.
    fn type_keys(&mut self, keys: usize, mean_us: i64, plain: bool) {
        const PLAIN: [&str; 13] =
            ["KEY_A", "e", "KeyT", " ", "o", "Space", "KEY_N", "i", "s", "h", "ShiftLeft", "Backspace", ","];
        const OTHER: [&str; 12] =
            ["Return", "Tab", "KEY_F5", "7", "Num4", "!", "ControlLeft", "Delete", "UpArrow", "AltGr", "x", " "];
        let mut due: Vec<(i64, &str)> = Vec::new();
        for _ in 0..keys {
            self.now_us += self.below(2 * mean_us);
            let table: &[&str] = if plain || self.below(8) > 0 { &PLAIN } else { &OTHER };
            let key = table[self.below(table.len() as i64) as usize];
            due.sort_unstable();
            while due.first().is_some_and(|&(ts, _)| ts <= self.now_us) {
                let (ts, key) = due.remove(0);
                self.key(ts, key, "release");
            }
            self.key(self.now_us, key, "press");
            if self.below(60) > 0 {
                // Some are let go sooner than a hand lets go.
                let dwell_us = if self.below(60) == 0 { self.below(20_000) } else { 20_000 + self.below(200_000) };
                due.push((self.now_us + dwell_us, key));
            }
        }
        due.sort_unstable();
        for (ts, key) in due {
            self.now_us = self.now_us.max(ts);
            self.key(self.now_us, key, "release");
        }
    }

    fn key(&mut self, ts_us: i64, key: &str, event: &str) {
        self.line(ts_us, json!({"type": "keystroke", "key": key, "event": event}));
    }

    fn move_mouse(&mut self, reports: usize, interval_us: i64, absolute: bool) {
        let (mut vx, mut vy) = (self.below(21) - 10, self.below(21) - 10);
        for _ in 0..reports {
            self.now_us += interval_us / 2 + self.below(interval_us);
            vx += self.below(5) - 2;
            vy += self.below(5) - 2;
            let event = if absolute {
                self.position = ((self.position.0 + vx) % 4000, (self.position.1 + vy) % 4000);
                json!({"type": "mouse", "event": "move", "x": self.position.0, "y": self.position.1})
            } else {
                json!({"type": "mouse", "event": "move", "dx": vx, "dy": vy})
            };
            self.line(self.now_us, event);
        }
    }

    fn click(&mut self, presses: usize, mean_us: i64) {
        for _ in 0..presses {
            let button = ["Left", "Left", "Left", "Right", "Middle", "Side"][self.below(6) as usize];
            self.now_us += self.below(2 * mean_us);
            self.line(self.now_us, json!({"type": "mouse", "event": "press", "button": button}));
            if self.below(3) == 0 {
                self.move_mouse(5, 8_000, false);
            }
            self.now_us += self.below(mean_us);
            if self.below(10) > 0 {
                self.line(self.now_us, json!({"type": "mouse", "event": "release", "button": button}));
            }
        }
    }
}
