//! Somebody who types: text in a rhythm that depends on the place alone, and a stretch in it, the secret, in another.

use seclyzer::event::{Action, Button, Event, GapReason, Key, KeySet, Layout, Micros, Scope, Stamped};
use std::ops::Range;

pub const START_US: Micros = 1_790_000_000_000_000;
pub const INTERVAL_US: Micros = 170_000;
pub const TEXT: &str = "the quick brown fox, jumps over the lazy dog. and then some of the others went home to rest ";
/// What stands in texts for what is no character.
pub const CLICK: char = '◉';
pub const FOCUS_UNKNOWN: char = '⊞';
pub const FOCUS_KNOWN: char = '⊟';
/// Half a second after the last key, so that it is no palm.
pub const TAP: char = '⊙';
pub const LOST: char = '⊘';
pub const PAUSE: char = '⏸';
pub const MOTION: char = '↝';
pub const WHEEL: char = '⇕';
/// From one of two layouts to the other; both have the letters and marks of [`TEXT`].
pub const LAYOUT: char = '⌨';
/// A space that is held for 8 ms.
pub const QUICK_SPACE: char = '␣';
/// These two are held while the next key goes down.
pub const SHIFT: char = '⇧';
pub const ALTGR: char = '⎇';
const PAUSE_US: Micros = 31_000_000;
const TAP_US: Micros = 500_000;
const KEYS: [(char, &str); 8] = [
    ('\n', "Return"),
    ('\t', "Tab"),
    ('⌫', "Backspace"),
    (SHIFT, "ShiftLeft"),
    (ALTGR, "AltGr"),
    ('⌘', "MetaLeft"),
    ('⇪', "CapsLock"),
    (QUICK_SPACE, "Space"),
];

pub fn key(character: char) -> Key {
    let name = KEYS.iter().find(|&&(key, _)| key == character).map(|&(_, name)| name.to_owned());
    Key::named(&name.unwrap_or_else(|| character.into())).expect("a key of a US keyboard")
}

/// Letters on two more keys, others with AltGr, and dead keys; the digit 6 is one with Shift.
fn other_layout() -> Layout {
    let keys = |characters: &str| characters.chars().map(key).collect::<KeySet>();
    let letters = Layout::of_letters(Key::US_LETTERS.union(keys("[;")));
    Layout { altgr: keys("qes"), accents: keys("=`"), shift_accents: keys("6=`"), ..letters }
}

/// What a character stands for: what goes down and up, or what happens once.
fn events(character: char, press_us: Micros, release_us: Micros) -> Vec<Stamped> {
    let once = |event| vec![Stamped { ts_us: press_us, event }];
    let both = |event: &dyn Fn(Action) -> Event| {
        let at = |ts_us, action| Stamped { ts_us, event: event(action) };
        vec![at(press_us, Action::Press), at(release_us, Action::Release)]
    };
    match character {
        PAUSE => Vec::new(),
        FOCUS_UNKNOWN => once(Event::Focus { app: None }),
        FOCUS_KNOWN => once(Event::Focus { app: Some("xterm".into()) }),
        TAP => once(Event::Touch),
        MOTION => once(Event::Move { dx: 300.0, dy: -40.0 }),
        WHEEL => once(Event::Scroll { delta: -1.0 }),
        LOST => once(Event::Gap { reason: GapReason::Overrun, scope: Scope::Mouse }),
        CLICK => both(&|action| Event::Button { button: Button::Left, action }),
        other => both(&|action| Event::Key { key: key(other), action }),
    }
}

/// How a secret is typed; the seed makes it another one.
#[derive(Debug, Clone, Copy)]
pub enum Rhythm {
    /// At intervals from a third of the usual one to three times it.
    Hand(u64),
    /// Five keys at a time, quicker than any hand.
    Program(u64),
    /// By a hand, on a keyboard of which some keys are let go too soon.
    FaultySwitches(u64),
    /// As the text around it, at other places.
    Owner(u64),
}

impl Rhythm {
    /// One of the same kind.
    pub fn other(self, number: u64) -> Rhythm {
        match self {
            Rhythm::Hand(seed) => Rhythm::Hand(seed + number),
            Rhythm::Program(seed) => Rhythm::Program(seed + number),
            Rhythm::FaultySwitches(seed) => Rhythm::FaultySwitches(seed + number),
            Rhythm::Owner(seed) => Rhythm::Owner(seed + number),
        }
    }

    /// Press and release of each of `keys` strokes from `begin_us` on; the whole takes as long whatever the rhythm, and the
    /// last key is let go at the same time: that may decide whether there is a window, and is no secret.
    pub fn times(self, keys: usize, begin_us: Micros) -> Vec<(Micros, Micros)> {
        let (Rhythm::Hand(seed) | Rhythm::Program(seed) | Rhythm::FaultySwitches(seed) | Rhythm::Owner(seed)) = self;
        let weight = |i: usize| (30 + (seed + 1) * (i as u64 * 7919 + 104_729) % 271) as Micros;
        let all_us = keys as Micros * INTERVAL_US;
        let total: Micros = (0..keys).map(weight).sum();
        let end_us = begin_us + all_us - 10_000;
        let time = |i: usize| {
            let before: Micros = (0..i).map(weight).sum();
            let press_us = begin_us + before * all_us / total;
            match self {
                Rhythm::Owner(_) => usual_times(begin_us + i as Micros * INTERVAL_US, i as Micros + seed as Micros),
                Rhythm::Program(_) => {
                    let press_us =
                        begin_us + ((i / 5 * 5) as Micros) * INTERVAL_US + (i % 5) as Micros * weight(0) * 30;
                    (press_us, press_us + 1_000 + weight(i) * 40)
                }
                _ if i + 1 == keys => (press_us, end_us),
                Rhythm::FaultySwitches(_) if weight(i) % 3 == 0 => (press_us, press_us + 1_000 + weight(i) * 40),
                _ => (press_us, press_us + 20_000 + weight(i) * 100),
            }
        };
        (0..keys).map(time).collect()
    }
}

/// Press and release of the stroke at a place, which begins at that time.
fn usual_times(begin_us: Micros, place: Micros) -> (Micros, Micros) {
    let press_us = begin_us + place * place % 97 * 1_000;
    (press_us, press_us + 60_000 + place * place % 53 * 1_000)
}

/// Outside of `free` the rhythm depends on the place alone.
pub fn typed(text: &str, free: Range<usize>, rhythm: Rhythm) -> Vec<Stamped> {
    let characters: Vec<char> = text.chars().collect();
    let mut begin_us = START_US;
    let mut times = Vec::new();
    for (i, &character) in characters.iter().enumerate() {
        if i == free.start {
            times.extend(rhythm.times(free.len(), begin_us));
        }
        if free.contains(&i) {
            begin_us += INTERVAL_US;
            continue;
        }
        if character == TAP {
            begin_us += TAP_US;
        }
        let (press_us, release_us) = usual_times(begin_us, i as Micros);
        times.push((press_us, if character == QUICK_SPACE { press_us + 8_000 } else { release_us }));
        begin_us += if character == PAUSE { PAUSE_US } else { INTERVAL_US };
    }
    let mut layouts = [other_layout(), Layout::US].into_iter().cycle();
    let mut all = Vec::new();
    for (i, (&character, &(press_us, release_us))) in characters.iter().zip(&times).enumerate() {
        // The two hands that it takes are those of one person: of a secret, or of what is around it.
        let holds = matches!(character, SHIFT | ALTGR) && i + 1 < times.len() && i + 1 != free.end;
        let release_us = if holds { release_us.max(times[i + 1].1 - 1) } else { release_us };
        match character {
            LAYOUT => {
                let layout = layouts.next().expect("a cycle has no end");
                all.push(Stamped { ts_us: press_us, event: Event::Layout(Box::new(layout)) });
            }
            _ => all.extend(events(character, press_us, release_us)),
        }
    }
    all.sort_by_key(|event| event.ts_us);
    all
}

/// Of the pointer and the wheel, every 230 ms, whatever is typed.
fn motion(during_us: Range<Micros>) -> impl Iterator<Item = Stamped> {
    let times = during_us.step_by(230_000).enumerate();
    times.flat_map(|(i, ts_us)| events(if i % 4 == 3 { WHEEL } else { MOTION }, ts_us, ts_us))
}

/// A text with a secret in it; while that is typed, the pointer moves or not.
pub fn typed_around(before: &str, secret: &str, after: &str, rhythm: Rhythm, moves: bool) -> Vec<Stamped> {
    let begin = before.chars().count();
    let free = begin..begin + secret.chars().count();
    let mut events = typed(&format!("{before}{secret}{after}"), free.clone(), rhythm);
    if moves {
        let begin_us = end_us(before);
        events.extend(motion(begin_us..begin_us + free.len() as Micros * INTERVAL_US));
        events.sort_by_key(|event| event.ts_us);
    }
    events
}

/// When a text that is typed has ended and the next key goes up.
pub fn end_us(text: &str) -> Micros {
    typed(&format!("{text}x"), 0..0, Rhythm::Owner(0)).last().expect("a letter").ts_us
}
