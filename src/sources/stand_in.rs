//! Keys that stand for others, so that a trace gives the same features and no text.

use crate::event::layout::Part;
use crate::event::{Action, Event, Key, KeySet, Layout, Scope};

/// The layout of such a trace, the same whatever the real one is: each finger has several letters, an accent, and keys
/// that write neither. In characters of the US keyboard.
const LETTERS: &str = "q a z w s e d r t f g v y u h j n i k o l p [ ; '";
const ACCENTS: &str = "` x c b m , . ]";
/// No device sends it, so the trace never contains its press.
const NEVER_PRESSED: Key = Key::from_code(0);

/// Which key stands for which while it is held.
///
/// The stand-in writes in the trace's layout what the key writes in the real one (a letter, an accent, nothing) and lies
/// in the same zone: the first such key that stands for no other that is down, as two keys of one finger that overlap
/// must stay two. So nothing but the zone distinguishes one letter from another.
pub struct StandIns {
    /// The real one.
    layout: Layout,
    trace_layout: Layout,
    /// In order of press.
    held: Vec<Held>,
}

struct Held {
    key: Key,
    /// `None` once it stands for another: more keys were down than there are stand-ins.
    stand_in: Option<Key>,
}

impl Default for StandIns {
    fn default() -> StandIns {
        let (letters, accents) = (keys(LETTERS), keys(ACCENTS));
        let trace_layout =
            Layout { plain: letters, shift: letters, altgr: KeySet::EMPTY, accents, shift_accents: accents };
        StandIns { layout: Layout::US, trace_layout, held: Vec::new() }
    }
}

impl StandIns {
    /// The layout that a trace has to begin with.
    pub fn trace_layout(&self) -> Layout {
        self.trace_layout
    }

    /// All keys are taken for released, as after a gap.
    pub fn reset(&mut self) {
        self.held.clear();
    }

    /// Replaces what tells the keys or the layout.
    pub fn replace(&mut self, event: &mut Event) {
        match event {
            Event::Key { key, action: Action::Press } => *key = self.press(*key),
            Event::Key { key, action: Action::Release } => *key = self.release(*key),
            Event::Layout(layout) => {
                self.set_layout(**layout);
                **layout = self.trace_layout;
            }
            Event::Gap { scope: Scope::All | Scope::Keystroke, .. } => self.reset(),
            _ => {}
        }
    }

    fn set_layout(&mut self, layout: Layout) {
        if self.layout == layout {
            return;
        }
        self.layout = layout;
        // Another layout ends a line, so the trace needs another too: what is a letter stays one among the accents.
        let (letters, accents) = (self.trace_layout.plain, keys(ACCENTS));
        let changed = if self.trace_layout.accents == accents { accents.union(letters) } else { accents };
        // AltGr went down when it wrote nothing, stands for itself, and writes letters from now on.
        let altgr = if layout.altgr.is_empty() || !self.is_altgr_in_trace() { KeySet::EMPTY } else { letters };
        self.trace_layout = Layout { altgr, accents: changed, shift_accents: changed, ..self.trace_layout };
    }

    fn press(&mut self, key: Key) -> Key {
        let is_down = |which: fn(Key) -> bool| self.held.iter().any(|held| which(held.key));
        let part = self.layout.part(key, is_down(Key::is_shift), is_down(Key::is_altgr));
        // The release before this press may have been lost.
        let before = self.forget(key).filter(|&before| self.fits(before, key, part));
        let stand_in = before.or_else(|| self.first_free(key, part)).or_else(|| self.take_oldest(key, part));
        self.held.push(Held { key, stand_in });
        stand_in.unwrap_or(NEVER_PRESSED)
    }

    /// No feature comes of a release whose press is not in the trace.
    fn release(&mut self, key: Key) -> Key {
        self.forget(key).unwrap_or(NEVER_PRESSED)
    }

    /// The key's stand-in so far.
    fn forget(&mut self, key: Key) -> Option<Key> {
        let i = self.held.iter().position(|held| held.key == key)?;
        self.held.remove(i).stand_in
    }

    fn first_free(&self, key: Key, part: Part) -> Option<Key> {
        let is_free = |candidate: Key| !self.held.iter().any(|held| held.stand_in == Some(candidate));
        let free = Key::all().filter(|&candidate| self.fits(candidate, key, part) && is_free(candidate));
        // A Shift stands for an AltGr that writes letters, so that these are like capitals.
        free.min_by_key(|candidate| candidate.is_altgr())
    }

    /// More keys are down than there are: the release of the oldest is lost.
    fn take_oldest(&mut self, key: Key, part: Part) -> Option<Key> {
        let fits = |held: &Held| held.stand_in.is_some_and(|stand_in| self.fits(stand_in, key, part));
        let oldest = self.held.iter().position(fits)?;
        self.held[oldest].stand_in.take()
    }

    /// Whether no feature distinguishes the candidate in the trace from the key, which writes this. Which silent key it
    /// is no feature contains.
    fn fits(&self, candidate: Key, key: Key, part: Part) -> bool {
        let is_alike = candidate.is_of_kind_of(key) || part == Part::Silent && candidate.is_shift();
        is_alike && self.trace_layout.part(candidate, false, self.is_altgr_in_trace()) == part
    }

    fn is_altgr_in_trace(&self) -> bool {
        self.held.iter().filter_map(|held| held.stand_in).any(Key::is_altgr)
    }
}

fn keys(names: &str) -> KeySet {
    names.split(' ').filter_map(Key::named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;
    use crate::event::key::ZONE_ED;
    use std::collections::{BTreeMap, BTreeSet};

    /// Of five languages and US.
    fn layouts() -> Vec<Layout> {
        let trace = include_bytes!("../../tests/golden/layouts.jsonl");
        let layout = |line: &[u8]| match json::parse(line) {
            Ok(stamped) => {
                if let Event::Layout(layout) = stamped.event {
                    Some(*layout)
                } else {
                    None
                }
            }
            Err(_) => None,
        };
        let layouts: Vec<Layout> = trace.split(|&byte| byte == b'\n').filter_map(layout).chain([Layout::US]).collect();
        assert!(layouts.len() > 5, "the trace has lost its layouts");
        layouts
    }

    fn key(name: &str) -> Key {
        Key::named(name).unwrap_or_else(|| panic!("{name} is no key"))
    }

    fn of_layout(layout: Layout) -> StandIns {
        let mut stand_ins = StandIns::default();
        stand_ins.set_layout(layout);
        stand_ins
    }

    fn with_altgr(letters: &str) -> Layout {
        Layout { altgr: keys(letters), ..Layout::US }
    }

    /// What the trace contains of these keys, pressed in this order and then released.
    fn typed(stand_ins: &mut StandIns, typed: &[Key]) -> Vec<u16> {
        let pressed: Vec<Key> = typed.iter().map(|&key| stand_ins.press(key)).collect();
        let released: Vec<Key> = typed.iter().map(|&key| stand_ins.release(key)).collect();
        assert!(pressed == released, "a key stays the same from its press to its release");
        pressed.into_iter().map(Key::code).collect()
    }

    #[test]
    fn on_every_layout_and_level_no_letter_is_told_from_another_of_its_zone() {
        let (shift, altgr) = (key("KEY_LEFTSHIFT"), key("KEY_RIGHTALT"));
        let mut traces: BTreeMap<(bool, usize), BTreeSet<Vec<u16>>> = BTreeMap::new();
        let mut letters = 0;
        for layout in layouts() {
            for modifier in [None, Some(shift), Some(altgr)] {
                let writes = |key: &Key| layout.part(*key, modifier == Some(shift), modifier == Some(altgr));
                for letter in Key::all().filter(|key| writes(key) == Part::Letter) {
                    let keys: Vec<Key> = modifier.into_iter().chain([letter]).collect();
                    let trace = typed(&mut of_layout(layout), &keys);
                    traces.entry((modifier.is_some(), letter.zone())).or_default().insert(trace);
                    letters += 1;
                }
            }
        }
        assert!(letters > 300, "{letters} letters");
        assert_eq!(traces.len(), 16, "eight fingers, without and with a modifier");
        assert!(traces.values().all(|different| different.len() == 1), "{traces:?}");
    }

    #[test]
    fn accents_and_keys_that_write_no_letter_are_not_told_from_others_of_their_zone_either() {
        for layout in layouts() {
            for part in [Part::Accent, Part::None] {
                let mut traces: BTreeMap<usize, BTreeSet<Vec<u16>>> = BTreeMap::new();
                let writes = |key: &Key| key.may_write_letters() && layout.part(*key, false, false) == part;
                for key in Key::all().filter(writes) {
                    traces.entry(key.zone()).or_default().insert(typed(&mut of_layout(layout), &[key]));
                }
                assert!(traces.values().all(|different| different.len() == 1), "{traces:?}");
            }
        }
    }

    #[test]
    fn every_finger_has_stand_ins_for_two_letters_at_once_an_accent_and_nothing() {
        let layout = StandIns::default().trace_layout();
        for zone in 0..8 {
            let of_finger = Key::all().filter(|key| key.zone() == zone && key.may_write_letters());
            let parts: Vec<Part> = of_finger.map(|key| layout.part(key, false, false)).collect();
            let count = |part| parts.iter().filter(|&&other| other == part).count();
            assert!(count(Part::Letter) >= 2 && count(Part::Accent) >= 1 && count(Part::None) >= 1, "{zone}");
        }
    }

    #[test]
    fn the_trace_s_layout_is_the_same_whatever_the_real_one_is() {
        let written = |layout: Layout| {
            let mut event = Event::Layout(Box::new(layout));
            StandIns::default().replace(&mut event);
            event
        };
        let mut layouts = layouts();
        layouts.retain(|layout| *layout != Layout::US);
        assert!(layouts.iter().all(|&layout| written(layout) == written(layouts[0])));
    }

    #[test]
    fn the_trace_s_layout_changes_where_the_real_one_does() {
        let mut stand_ins = StandIns::default();
        let (us, german) = (Layout::US, Layout::of_letters(keys("a b c")));
        let mut last = stand_ins.trace_layout();
        for (layout, changes) in [(us, false), (german, true), (german, false), (us, true), (german, true)] {
            let mut event = Event::Layout(Box::new(layout));
            stand_ins.replace(&mut event);
            assert_eq!(event != Event::Layout(Box::new(last)), changes);
            last = stand_ins.trace_layout();
        }
    }

    #[test]
    fn keys_of_one_finger_that_overlap_stay_two() {
        for pair in [["KEY_W", "KEY_S"], ["KEY_0", "KEY_LEFTBRACE"], ["KEY_LEFTSHIFT", "KEY_RIGHTSHIFT"]] {
            let trace = typed(&mut StandIns::default(), &pair.map(key));
            assert_ne!(trace[0], trace[1], "{pair:?}");
        }
    }

    #[test]
    fn of_more_overlapping_keys_than_stand_ins_the_oldest_loses_its_release() {
        let mut stand_ins = StandIns::default();
        let [w, s, x] = ["KEY_W", "KEY_S", "KEY_X"].map(key);
        let pressed = [w, s, x].map(|key| stand_ins.press(key));
        assert!(pressed[2] == pressed[0] && pressed[1] != pressed[0]);
        assert!([w, s, x].map(|key| stand_ins.release(key)) == [NEVER_PRESSED, pressed[1], pressed[2]]);
    }

    #[test]
    fn a_key_stays_the_same_when_shift_is_released_before_it() {
        let layout = Layout { shift: KeySet::EMPTY, ..Layout::US };
        let mut stand_ins = of_layout(layout);
        let [shift, e] = ["KEY_LEFTSHIFT", "KEY_E"].map(key);
        stand_ins.press(shift);
        let pressed = stand_ins.press(e);
        stand_ins.release(shift);
        assert!(stand_ins.release(e) == pressed);
        assert!(stand_ins.press(e) != pressed, "without Shift it is a letter");
    }

    #[test]
    fn an_altgr_that_writes_letters_is_a_shift_and_another_one_itself() {
        let [altgr, shift] = ["KEY_RIGHTALT", "KEY_LEFTSHIFT"].map(key);
        assert!(of_layout(with_altgr("e")).press(altgr) == shift);
        assert!(StandIns::default().press(altgr) == altgr);
        let mut stand_ins = of_layout(with_altgr("e"));
        assert!(stand_ins.press(shift) == shift && stand_ins.press(altgr) == key("KEY_RIGHTSHIFT"));
    }

    #[test]
    fn an_altgr_that_is_down_when_it_begins_to_write_letters_writes_them_in_the_trace() {
        let [altgr, e, r] = ["KEY_RIGHTALT", "KEY_E", "KEY_R"].map(key);
        let mut stand_ins = StandIns::default();
        stand_ins.press(altgr);
        stand_ins.set_layout(with_altgr("e"));
        for (key, part) in [(e, Part::Letter), (r, Part::None)] {
            let stand_in = stand_ins.press(key);
            assert_eq!(stand_ins.trace_layout().part(stand_in, false, true), part);
        }
    }

    #[test]
    fn after_a_gap_no_key_is_down() {
        let [w, s] = ["KEY_W", "KEY_S"].map(key);
        let mut stand_ins = StandIns::default();
        let first = stand_ins.press(w);
        stand_ins.replace(&mut Event::Gap { scope: Scope::Keystroke, reason: crate::event::GapReason::Told });
        assert!(stand_ins.release(w) == NEVER_PRESSED);
        assert!(stand_ins.press(s) == first);
    }

    #[test]
    fn keys_that_write_no_letters_stand_for_their_kind() {
        for name in ["KEY_SPACE", "KEY_BACKSPACE", "KEY_TAB"] {
            assert!(StandIns::default().press(key(name)) == key(name), "{name}");
        }
        for name in ["KEY_ENTER", "KEY_UP", "KEY_F1", "KEY_KP1"] {
            let stand_in = StandIns::default().press(key(name));
            assert!(stand_in.zone() == ZONE_ED && stand_in.ends_line() && !stand_in.is_modifier(), "{name}");
        }
    }
}
