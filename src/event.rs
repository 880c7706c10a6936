//! What goes in: input events with their time, and what can be wrong with one that a stranger sends.
//!
//! An [`Event`] says what happened, a [`Stamped`] when. Times are integer microseconds since the Unix epoch.
//! [`json`] is the contract's textual form, the same for trace files and for the Redis channel.

pub mod json;
pub mod key;
mod key_names;
pub mod layout;

pub use key::Key;
pub use layout::{KeySet, Layout};
use std::ops::RangeInclusive;

/// Microseconds since the Unix epoch, or a length of time in microseconds.
pub type Micros = i64;

/// One event and when it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    pub ts_us: Micros,
    pub event: Event,
}

/// What happened. Distances are in counts (what the device reports), wheel deltas in detents.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Key {
        key: Key,
        action: Action,
    },
    /// Relative motion.
    Move {
        dx: f64,
        dy: f64,
    },
    /// A position of an absolute device; the first one is only its origin.
    MoveTo {
        x: f64,
        y: f64,
    },
    Button {
        button: Button,
        action: Action,
    },
    /// Up is positive.
    Scroll {
        delta: f64,
    },
    /// A finger or a pen came to a surface or left it. It may have been a tap, so what is typed next goes elsewhere, for
    /// all that is known; it is no motion and no click.
    Touch,
    /// The application that now has the focus; `None`: nothing focused, or unknown.
    Focus {
        app: Option<Box<str>>,
    },
    /// The keyboard layout from now on; boxed, because it is rare and large.
    Layout(Box<Layout>),
    /// What the person or the machine says of who is there; of all sources in traces only, and not for the pipeline.
    Control(Control),
    /// Events were lost or time stood still: no duration may span it.
    Gap {
        scope: Scope,
        reason: GapReason,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Press,
    Release,
}

/// Who is at the machine, by another way than their behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// A password was given, or the owner has confirmed that it is him.
    Unlock,
    /// The screen was locked.
    Lock,
    /// Somebody else until then, by the owner's word.
    Guest { until_us: Micros },
}

/// A mouse button. Names beyond the three that have features of their own are told apart by [`Button::named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    Left,
    Right,
    Middle,
    Other(u32),
}

impl Button {
    /// The button of that name; an unusual name stands for itself by its 32-bit FNV-1a hash, so that no text is kept.
    pub fn named(name: &str) -> Button {
        match name {
            "Left" => Button::Left,
            "Right" => Button::Right,
            "Middle" => Button::Middle,
            other => Button::Other(
                other.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)),
            ),
        }
    }
}

/// The modalities that a gap concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    Keystroke,
    Mouse,
    App,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::All => "all",
            Scope::Keystroke => "keystroke",
            Scope::Mouse => "mouse",
            Scope::App => "app",
        }
    }
}

/// Why no duration may span this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapReason {
    /// The kernel's buffer of a device ran over (SYN_DROPPED).
    Overrun,
    /// A device went away.
    DeviceLost,
    Suspend,
    ClockStep,
    /// An application from the list of those that nothing is captured in has the focus.
    Excluded,
    /// Somebody else's session is the active one on our seat.
    SessionInactive,
    /// The owner has paused capture.
    Paused,
    /// A source fell behind and events were dropped.
    Dropped,
    /// Told by whoever sent the event.
    Told,
}

impl GapReason {
    pub fn name(self) -> &'static str {
        match self {
            GapReason::Overrun => "overrun",
            GapReason::DeviceLost => "device_lost",
            GapReason::Suspend => "suspend",
            GapReason::ClockStep => "clock_step",
            GapReason::Excluded => "excluded",
            GapReason::SessionInactive => "session_inactive",
            GapReason::Paused => "paused",
            GapReason::Dropped => "dropped",
            GapReason::Told => "told",
        }
    }
}

/// Text from a stranger as one line, fit for a terminal and a log: characters that would move the cursor, begin a line, or
/// change how others are shown (as of bidirectional text) are replaced, and so are those that nobody sees.
pub fn without_controls(text: &str) -> String {
    let is_unfit = |c: char| c.is_control() || INVISIBLE.iter().any(|range| range.contains(&c));
    text.chars().map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The general categories Cf (format), Zl and Zp (ends of lines and paragraphs) of Unicode 16.
const INVISIBLE: [RangeInclusive<char>; 21] = [
    '\u{ad}'..='\u{ad}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{2029}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0001}'..='\u{e0001}',
    '\u{e0020}'..='\u{e007f}',
];
