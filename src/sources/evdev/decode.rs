//! From the kernel's `input_event`s to events. Pure: no file, no clock.
//!
//! Motion and wheels are summed to the end of a packet (SYN_REPORT) and carry its time. Keys and buttons wait for it too:
//! the end says whether it was the kernel that let them go, because the device went or the machine falls asleep. After
//! SYN_DROPPED nothing goes out until the packet in progress has ended; then a gap takes the place of what
//! was lost.
//!
//! The kernel is not asked for the keys' state after that: EVIOCGKEY takes the key events that wait to be read out of
//! the queue, so presses after the gap would lose their releases. Nothing needs the state either: a gap makes the
//! features forget which keys are held, a release without a press means nothing to them, and what lies on a touchpad
//! counts as unknown until the pad tells of it anew.

use super::contact::{Contacts, Surface};
use super::wheel::Wheel;
use crate::event::{Action, Button, Event, GapReason, Key, Micros, Scope, Stamped};

/// Bytes of one `input_event`: two machine words of time, type, code, value.
pub const RAW_LEN: usize = 2 * WORD + 8;
const WORD: usize = size_of::<isize>();

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_REL: u16 = 2;
const EV_ABS: u16 = 3;
const SYN_REPORT: u16 = 0;
/// The value of a SYN_REPORT behind what the kernel made up: releases of what was held, and autorepeat. A device's own
/// has 0, unless a program wrote something else there.
const MADE_UP: i32 = 1;
const SYN_MT_REPORT: u16 = 2;
const SYN_DROPPED: u16 = 3;
const REL_X: u16 = 0;
const REL_Y: u16 = 1;
const REL_WHEEL: u16 = 8;
const REL_WHEEL_HI_RES: u16 = 11;
const BTN_LEFT: u16 = 0x110;
/// A packet that moves further is no motion; the contract lets no larger number in.
const LARGEST: i64 = 1_000_000;

/// One `input_event`. It may say which key it is, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Raw {
    /// On the clock that was set for the device.
    pub ts_us: Micros,
    pub kind: u16,
    pub code: u16,
    pub value: i32,
}

impl Raw {
    /// Reads an `input_event` as the kernel lays it out in memory.
    pub fn parse(bytes: &[u8; RAW_LEN]) -> Raw {
        let word = |at: usize| isize::from_ne_bytes(std::array::from_fn(|i| bytes[at + i])) as i64;
        let half = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Raw {
            ts_us: word(0).saturating_mul(1_000_000).saturating_add(word(WORD)),
            kind: half(2 * WORD),
            code: half(2 * WORD + 2),
            value: i32::from_ne_bytes(std::array::from_fn(|i| bytes[2 * WORD + 4 + i])),
        }
    }
}

/// Which features a device can feed, so that a gap on it concerns only these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modalities {
    pub keystroke: bool,
    pub mouse: bool,
}

impl Modalities {
    /// Tells of a gap in each of them.
    pub fn gap(self, ts_us: Micros, reason: GapReason, out: &mut Vec<Stamped>) {
        for (concerned, scope) in [(self.keystroke, Scope::Keystroke), (self.mouse, Scope::Mouse)] {
            if concerned {
                out.push(Stamped { ts_us, event: Event::Gap { scope, reason } });
            }
        }
    }
}

/// Turns the `input_event`s of one device into events.
pub struct Decoder {
    modalities: Modalities,
    contacts: Contacts,
    wheel: Wheel,
    packet: Packet,
    /// Keys and buttons since the last SYN_REPORT.
    keys: Vec<Stamped>,
    /// The device ends its own packets as the kernel ends those that it makes up.
    ends_as_made_up: bool,
    /// Events were lost: what comes until the end of the packet is a part of something unknown.
    is_dropping: bool,
}

/// What came since the last SYN_REPORT; relative axes are summed.
#[derive(Default)]
struct Packet {
    has_press: bool,
    dx: i64,
    dy: i64,
    wheel: i64,
    wheel_hi_res: i64,
}

impl Decoder {
    pub fn new(modalities: Modalities, surface: Surface) -> Decoder {
        Decoder {
            modalities,
            contacts: Contacts::new(surface),
            wheel: Wheel::default(),
            packet: Packet::default(),
            keys: Vec::new(),
            ends_as_made_up: false,
            is_dropping: false,
        }
    }

    pub fn modalities(&self) -> Modalities {
        self.modalities
    }

    /// Takes the next `input_event` of the device and appends what follows from it.
    pub fn feed(&mut self, raw: Raw, out: &mut Vec<Stamped>) {
        match (raw.kind, raw.code) {
            (EV_SYN, SYN_DROPPED) => {
                self.packet = Packet::default();
                out.append(&mut self.keys);
                self.contacts.forget();
                self.is_dropping = true;
            }
            (EV_SYN, SYN_REPORT) if self.is_dropping => {
                self.is_dropping = false;
                self.modalities.gap(raw.ts_us, GapReason::Overrun, out);
            }
            _ if self.is_dropping => {}
            (EV_SYN, SYN_REPORT) => {
                if raw.value == MADE_UP {
                    // The kernel makes up no press.
                    self.ends_as_made_up |= self.packet.has_press;
                    if !self.ends_as_made_up {
                        // What nobody let go has no time at which it was let go; the gap that follows forgets it.
                        self.keys.clear();
                    }
                }
                out.append(&mut self.keys);
                self.report(raw.ts_us, out);
            }
            (EV_SYN, SYN_MT_REPORT) => self.contacts.end_of_contact(),
            (EV_KEY, code) => self.key(raw.ts_us, code, raw.value),
            (EV_REL, code) => self.relative(code, raw.value.into()),
            (EV_ABS, code) => self.contacts.axis(code, raw.value),
            _ => {}
        }
    }

    fn key(&mut self, ts_us: Micros, code: u16, value: i32) {
        let action = match value {
            0 => Action::Release,
            1 => Action::Press,
            // 2 is the kernel's autorepeat: nobody pressed anything.
            _ => return,
        };
        self.packet.has_press |= action == Action::Press;
        let event = if let Some(button) = button(code) {
            Event::Button { button, action }
        } else if is_key(code) {
            Event::Key { key: Key::from_code(code), action }
        } else {
            return self.contacts.tool(code, action == Action::Press);
        };
        self.keys.push(Stamped { ts_us, event });
    }

    fn relative(&mut self, code: u16, value: i64) {
        let sum = match code {
            REL_X => &mut self.packet.dx,
            REL_Y => &mut self.packet.dy,
            REL_WHEEL => &mut self.packet.wheel,
            REL_WHEEL_HI_RES => &mut self.packet.wheel_hi_res,
            _ => return,
        };
        *sum += value;
    }

    /// The packet is complete: what it moved goes out.
    fn report(&mut self, ts_us: Micros, out: &mut Vec<Stamped>) {
        let packet = std::mem::take(&mut self.packet);
        let contact = self.contacts.report();
        if contact.touched {
            out.push(Stamped { ts_us, event: Event::Touch });
        }
        let (dx, dy) = (packet.dx + contact.dx, packet.dy + contact.dy);
        let is_motion = (dx, dy) != (0, 0) && dx.abs() <= LARGEST && dy.abs() <= LARGEST;
        if is_motion {
            out.push(Stamped { ts_us, event: Event::Move { dx: dx as f64, dy: dy as f64 } });
        }
        let wheel = [packet.wheel, packet.wheel_hi_res].map(|steps| if steps.abs() <= LARGEST { steps } else { 0 });
        let delta = self.wheel.turn(ts_us, wheel[0], wheel[1]) + contact.detents as f64;
        if delta != 0.0 && delta.abs() <= LARGEST as f64 {
            out.push(Stamped { ts_us, event: Event::Scroll { delta } });
        }
    }
}

/// The mouse button of a code, by the name that the kernel gives it.
pub(super) fn button(code: u16) -> Option<Button> {
    const NAMES: [&str; 8] = ["Left", "Right", "Middle", "Side", "Extra", "Forward", "Back", "Task"];
    NAMES.get(usize::from(code.checked_sub(BTN_LEFT)?)).map(|name| Button::named(name))
}

/// Whether a code of EV_KEY is a key's and no button's: the kernel has buttons amid the keys.
pub(super) fn is_key(code: u16) -> bool {
    matches!(code, 0x001..=0x0ff | 0x160..=0x21f | 0x228..=0x2bf | 0x2e8..=0x2ff)
}

#[cfg(test)]
mod tests;
