//! Every press counts once, however many nodes report it. Pure.
//!
//! A remapper (keyd, xremap, kmonad) grabs a keyboard, whose node is silent from then on, and speaks through a virtual
//! one, which the next remapper may grab. So every node is read, and nobody has to know who has grabbed what, or since
//! when: of a chain only the last one is heard. What is reported twice is the rest: by a program that repeats a device
//! without grabbing it, be it physical or virtual; by a repetition of that; by a keyboard that reports each key on two
//! nodes. There the same key goes the same way on another node within a moment, again and again.
//!
//! Two keyboards in two hands do so by accident, and must lose nothing by it. So each node has an account with each
//! other one: what it says after the other raises it, what it says alone lowers it, and only who is trusted to repeat
//! the other is an echo. The first thing that a node ever says is given that trust; one thing of its own takes it away,
//! until agreement has earned it. A virtual device is trusted to repeat physical ones for longer.
//!
//! To test for a grab by grabbing would be an answer too, but it could take a key away from a running program.

use crate::event::{Event, Micros, Stamped};
use std::collections::VecDeque;

/// Nodes that are compared, with a bit each; a machine has some twenty.
const COMPARED: usize = 64;
/// An echo follows within this time: programs pass an event on, and keyboards send it again, in a millisecond or two,
/// and a busy machine takes longer. What comes later is another press.
const ECHO_US: Micros = 20_000;
/// What the fastest mouse says in that time (8 kHz) and some more.
const CAPACITY: usize = 256;

/// An account with so much is trusted; it begins with that.
const TRUSTED: u8 = 8;
/// To repeat physical devices is what most virtual ones are made for: the account begins with this.
const VIRTUAL_BEHIND_PHYSICAL: u8 = 24;
const MOST: u8 = 32;
const AGREEMENT: u8 = 2;
const OWN: u8 = 1;

/// A node that is compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker(u8);

impl Speaker {
    fn bit(self) -> u64 {
        1 << self.0
    }
}

fn speakers(bits: u64) -> impl Iterator<Item = usize> {
    (0..COMPARED).filter(move |&speaker| bits >> speaker & 1 == 1)
}

/// Who said what a moment ago, and who repeats whom.
pub struct Echoes {
    present: u64,
    virtual_ones: u64,
    /// Keys and buttons.
    strokes: Talk,
    /// All else, which only virtual devices repeat: small steps of two mice are alike too often.
    motion: Talk,
}

struct Talk {
    recent: VecDeque<Saying>,
    /// By the one who repeats, then by the one who is repeated.
    accounts: Box<[[u8; COMPARED]; COMPARED]>,
}

/// Something that was said, and all that have said it.
struct Saying {
    last: Stamped,
    by: u64,
}

impl Default for Echoes {
    fn default() -> Echoes {
        Echoes { present: 0, virtual_ones: 0, strokes: Talk::new(), motion: Talk::new() }
    }
}

impl Echoes {
    /// A node is read from now on. There may be more than can be compared: then it is nobody's echo.
    pub fn join(&mut self, is_virtual: bool) -> Option<Speaker> {
        let free = self.present.trailing_ones() as u8;
        let speaker = (usize::from(free) < COMPARED).then_some(Speaker(free))?;
        self.present |= speaker.bit();
        if is_virtual {
            self.virtual_ones |= speaker.bit();
        }
        for talk in [&mut self.strokes, &mut self.motion] {
            talk.open_accounts(usize::from(speaker.0), self.virtual_ones);
        }
        Some(speaker)
    }

    /// A node is no longer read.
    pub fn leave(&mut self, speaker: Speaker) {
        self.present &= !speaker.bit();
        self.virtual_ones &= !speaker.bit();
        for saying in self.strokes.recent.iter_mut().chain(&mut self.motion.recent) {
            saying.by &= !speaker.bit();
        }
    }

    /// Whether what a node says repeats another one. A gap is nobody's echo.
    pub fn is_echo(&mut self, speaker: Option<Speaker>, said: &Stamped) -> bool {
        let Some(speaker) = speaker else { return false };
        match said.event {
            Event::Gap { .. } => false,
            Event::Key { .. } | Event::Button { .. } => self.strokes.is_echo(speaker, said),
            _ if self.virtual_ones & speaker.bit() != 0 => self.motion.is_echo(speaker, said),
            _ => {
                if self.virtual_ones != 0 {
                    self.motion.note(speaker, said);
                }
                false
            }
        }
    }
}

impl Talk {
    fn new() -> Talk {
        Talk { recent: VecDeque::with_capacity(CAPACITY), accounts: Box::new([[0; COMPARED]; COMPARED]) }
    }

    fn open_accounts(&mut self, speaker: usize, virtual_ones: u64) {
        let is_virtual = |speaker: usize| virtual_ones >> speaker & 1 == 1;
        let first = |echo: usize, original: usize| {
            if is_virtual(echo) && !is_virtual(original) { VIRTUAL_BEHIND_PHYSICAL } else { TRUSTED }
        };
        for other in 0..COMPARED {
            self.accounts[speaker][other] = first(speaker, other);
            self.accounts[other][speaker] = first(other, speaker);
        }
    }

    fn note(&mut self, speaker: Speaker, said: &Stamped) {
        let is_over = |saying: &Saying| saying.last.ts_us < said.ts_us.saturating_sub(2 * ECHO_US);
        while self.recent.len() == CAPACITY || self.recent.front().is_some_and(is_over) {
            self.recent.pop_front();
        }
        self.recent.push_back(Saying { last: said.clone(), by: speaker.bit() });
    }

    fn is_echo(&mut self, speaker: Speaker, said: &Stamped) -> bool {
        let echo = usize::from(speaker.0);
        // Everybody says each thing once: who says it again means the next time.
        let is_repeated = |saying: &&mut Saying| {
            saying.by & speaker.bit() == 0
                && saying.by != 0
                && said.ts_us.abs_diff(saying.last.ts_us) <= ECHO_US.unsigned_abs()
                && saying.last.event == said.event
        };
        let Some(saying) = self.recent.iter_mut().find(is_repeated) else {
            self.accounts[echo].iter_mut().for_each(|account| *account = account.saturating_sub(OWN));
            self.note(speaker, said);
            return false;
        };
        let others = saying.by;
        saying.by |= speaker.bit();
        saying.last.ts_us = saying.last.ts_us.max(said.ts_us);
        let is_echo = speakers(others).any(|other| self.accounts[echo][other] >= TRUSTED);
        for other in speakers(others) {
            // Which of the two comes first may change from time to time.
            for (one, another) in [(echo, other), (other, echo)] {
                let account = &mut self.accounts[one][another];
                *account = (*account + AGREEMENT).min(MOST);
            }
        }
        is_echo
    }
}

#[cfg(test)]
mod tests;
