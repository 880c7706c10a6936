//! Why strokes count or not, and what ended lines: for the person who wonders about empty records.

/// What became of a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Of a plain word that may still count.
    Waiting,
    Counts,
    /// Of a plain word in a line that ended before the word could count.
    ShortLine,
    /// Of no plain word.
    NoWord,
    /// Of a word that a gap cut off.
    Gap,
    /// Made by a program, a firmware or a faulty switch.
    NoHand,
}

/// What ended a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// Enter, Tab, Escape, an arrow, a shortcut, …
    Command,
    Pause,
    /// A space was erased, or Backspace was held.
    Erasing,
    Button,
    Motion,
    Scroll,
    Touch,
    Focus,
    Layout,
    Gap,
}

/// Strokes by what became of them. Exact: whoever shows it rounds it, see [`Strokes::shown`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strokes([u32; 6]);

/// Counts are shown in such steps: whoever asks again and again must not see how long a password is.
pub const SHOWN_STEP: u64 = 10;

impl Strokes {
    /// Names of the kinds of stroke as `status` has them, and what they mean.
    pub const KINDS: [(&'static str, &'static str); 6] = [
        ("waiting", "waiting for more words"),
        ("counted", "counted"),
        ("short_line", "in a line that ended too soon"),
        ("no_plain_word", "in no plain word"),
        ("gap", "cut off by a gap"),
        ("no_hand", "too quick for a hand"),
    ];

    pub(crate) fn add(&mut self, fate: Fate) {
        self.0[fate as usize] = self.0[fate as usize].saturating_add(1);
    }

    /// By name, in steps of ten.
    pub fn shown(self) -> impl Iterator<Item = (&'static str, u64)> {
        Strokes::KINDS.into_iter().zip(self.0).map(|((name, _), count)| (name, in_steps(count)))
    }
}

/// Ended lines by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lines([u32; 10]);

impl Lines {
    /// Names of the causes as `status` has them, and what they mean.
    pub const CAUSES: [(&'static str, &'static str); 10] = [
        ("command", "by Enter, Tab, arrows or shortcuts"),
        ("pause", "by a pause"),
        ("erasing", "by erasing a space"),
        ("button", "by a mouse button"),
        ("motion", "by motion"),
        ("scroll", "by scrolling"),
        ("touch", "by a touch"),
        ("focus", "by a change of focus"),
        ("layout", "by another keyboard layout"),
        ("gap", "by a gap"),
    ];

    pub(super) fn add(&mut self, end: LineEnd) {
        self.0[end as usize] = self.0[end as usize].saturating_add(1);
    }

    /// By the name of the cause, in steps of ten.
    pub fn shown(self) -> impl Iterator<Item = (&'static str, u64)> {
        Lines::CAUSES.into_iter().zip(self.0).map(|((name, _), count)| (name, in_steps(count)))
    }
}

/// Why a window's record contains values or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of the window.
    pub strokes: Strokes,
    /// Ended so far.
    pub lines: Lines,
}

/// A number of strokes as it may be shown.
pub fn in_steps(count: u32) -> u64 {
    u64::from(count) / SHOWN_STEP * SHOWN_STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_in_steps_of_ten() {
        let (mut strokes, mut lines) = (Strokes::default(), Lines::default());
        (0..19).for_each(|_| strokes.add(Fate::NoWord));
        (0..9).for_each(|_| lines.add(LineEnd::Gap));
        assert_eq!(strokes.shown().find(|&(name, _)| name == "no_plain_word"), Some(("no_plain_word", 10)));
        assert!(lines.shown().all(|(_, count)| count == 0));
    }
}
