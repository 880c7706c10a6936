//! What besides keys ends a line, because what is typed next may go elsewhere.

use super::tally::LineEnd;
use crate::event::{Event, Micros, Scope};

/// Motion by so many counts within so long a time may lead elsewhere, where it is not known what has the focus.
const MOTION_COUNTS: usize = 10;
const MOTION_US: Micros = 1_000_000;
/// Before any motion.
const NEVER: (Micros, f64) = (Micros::MIN / 2, 0.0);
/// A contact so soon after a keystroke is the typing hand's.
const PALM_US: Micros = 300_000;

/// What is known of the focus and, while it is not known, of the newest motion.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere {
    is_focus_known: bool,
    /// Time and length of the newest motions, a ring. Each is of one count at least, so older ones are never needed.
    motions: [(Micros, f64); MOTION_COUNTS],
    /// Where the oldest of them lies.
    oldest: usize,
    /// Of an absolute device.
    position: Option<(f64, f64)>,
    /// Whether a palm lies on the surface.
    palm: bool,
}

impl Default for Elsewhere {
    fn default() -> Elsewhere {
        Elsewhere { is_focus_known: false, motions: [NEVER; MOTION_COUNTS], oldest: 0, position: None, palm: false }
    }
}

impl Elsewhere {
    /// Whether this event ends the line, and why. `keystroke_us` is the time of the newest keystroke.
    pub(super) fn ends_line(&mut self, ts_us: Micros, event: &Event, keystroke_us: Option<Micros>) -> Option<LineEnd> {
        match *event {
            // The keystroke core sees the first two itself, the pipeline the third.
            Event::Key { .. } | Event::Layout(_) | Event::Gap { .. } | Event::Control(_) => None,
            Event::Button { .. } => Some(LineEnd::Button),
            Event::Touch => {
                let while_typing = keystroke_us.is_some_and(|last_us| (0..=PALM_US).contains(&(ts_us - last_us)));
                // Where a palm came, the next touch is its leaving. A tap is two touches, so one of them ends the line.
                let was_palm = self.palm;
                self.palm = while_typing && !was_palm;
                (!while_typing && !was_palm).then_some(LineEnd::Touch)
            }
            Event::Focus { ref app } => {
                self.is_focus_known = app.is_some();
                self.forget_motion();
                Some(LineEnd::Focus)
            }
            // A known focus changes by a click, a tap or a key, or it is seen to change.
            _ if self.is_focus_known => None,
            Event::Scroll { .. } => Some(LineEnd::Scroll),
            Event::Move { dx, dy } => self.moved(ts_us, dx, dy).then_some(LineEnd::Motion),
            Event::MoveTo { x, y } => {
                let (from_x, from_y) = self.position.replace((x, y))?;
                self.moved(ts_us, x - from_x, y - from_y).then_some(LineEnd::Motion)
            }
        }
    }

    pub(super) fn gap(&mut self, scope: Scope) {
        if matches!(scope, Scope::All | Scope::App) {
            self.is_focus_known = false;
        }
        if matches!(scope, Scope::All | Scope::Mouse) {
            self.forget_motion();
        }
    }

    fn forget_motion(&mut self) {
        self.motions = [NEVER; MOTION_COUNTS];
        self.position = None;
        self.palm = false;
    }

    /// Whether this motion and those of the last second are more than a tremble.
    fn moved(&mut self, ts_us: Micros, dx: f64, dy: f64) -> bool {
        if dx == 0.0 && dy == 0.0 {
            return false;
        }
        self.motions[self.oldest] = (ts_us, dx.hypot(dy).max(1.0));
        self.oldest = (self.oldest + 1) % MOTION_COUNTS;
        let (newer, older) = self.motions.split_at(self.oldest);
        let mut counts = 0.0;
        for &(moved_us, length) in newer.iter().rev().chain(older.iter().rev()) {
            if ts_us - moved_us > MOTION_US {
                return false;
            }
            counts += length;
            if counts >= MOTION_COUNTS as f64 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: Micros = 1_000_000;
    const MOVE: Event = Event::Move { dx: 3.0, dy: -4.0 };

    fn focus(app: Option<&str>) -> Event {
        Event::Focus { app: app.map(Into::into) }
    }

    #[test]
    fn while_the_focus_is_known_motion_and_scrolling_lead_nowhere() {
        let mut elsewhere = Elsewhere::default();
        assert_eq!(elsewhere.ends_line(1, &focus(Some("xterm")), None), Some(LineEnd::Focus));
        for event in
            [Event::Move { dx: 900.0, dy: 0.0 }, Event::MoveTo { x: 5.0, y: 900.0 }, Event::Scroll { delta: 1.0 }]
        {
            assert_eq!(elsewhere.ends_line(2, &event, None), None, "{event:?}");
        }
        elsewhere.gap(Scope::App);
        assert_eq!(elsewhere.ends_line(4, &Event::Scroll { delta: 1.0 }, None), Some(LineEnd::Scroll));
    }

    #[test]
    fn without_a_known_focus_ten_counts_within_a_second_lead_elsewhere_and_a_tremble_does_not() {
        let mut elsewhere = Elsewhere::default();
        assert_eq!(elsewhere.ends_line(SECOND_US, &MOVE, None), None);
        assert_eq!(elsewhere.ends_line(2 * SECOND_US + 1, &MOVE, None), None, "five counts a second");
        assert_eq!(elsewhere.ends_line(3 * SECOND_US + 1, &MOVE, None), Some(LineEnd::Motion));
        assert_eq!(elsewhere.ends_line(4 * SECOND_US + 2, &MOVE, None), None);
    }

    #[test]
    fn of_the_two_touches_of_a_tap_one_ends_the_line_whatever_palms_came_before() {
        let mut elsewhere = Elsewhere::default();
        for palms in 0..4 {
            for n in 0..palms {
                assert_eq!(elsewhere.ends_line(10 + n, &Event::Touch, Some(5)), None);
            }
            let tap = [SECOND_US, SECOND_US + 80_000].map(|ts_us| elsewhere.ends_line(ts_us, &Event::Touch, Some(5)));
            assert!(tap.contains(&Some(LineEnd::Touch)), "after {palms} palms");
        }
    }

    #[test]
    fn an_absolute_pointer_s_first_position_is_no_motion() {
        let mut elsewhere = Elsewhere::default();
        let to = |x| Event::MoveTo { x, y: 0.0 };
        assert_eq!(elsewhere.ends_line(1, &to(20_000.0), None), None);
        assert_eq!(elsewhere.ends_line(2, &to(20_003.0), None), None);
        assert_eq!(elsewhere.ends_line(3, &to(20_010.0), None), Some(LineEnd::Motion));
    }

    #[test]
    fn a_contact_soon_after_a_keystroke_is_a_palm() {
        let mut elsewhere = Elsewhere::default();
        assert_eq!(elsewhere.ends_line(PALM_US + 5, &Event::Touch, Some(5)), None);
        assert_eq!(elsewhere.ends_line(9 * SECOND_US, &Event::Touch, Some(5)), None, "the palm leaves in a pause");
        assert_eq!(elsewhere.ends_line(10 * SECOND_US, &Event::Touch, Some(5)), Some(LineEnd::Touch));
        assert_eq!(elsewhere.ends_line(PALM_US + 6, &Event::Touch, Some(5)), Some(LineEnd::Touch));
        assert_eq!(elsewhere.ends_line(5, &Event::Touch, Some(6)), Some(LineEnd::Touch), "the clock was set back");
        assert_eq!(elsewhere.ends_line(5, &Event::Touch, None), Some(LineEnd::Touch));
    }
}
