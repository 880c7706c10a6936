//! Absolute axes: fingers on a touchpad or a touchscreen, a pen, the pointer of a virtual machine. Pure.
//!
//! Whatever the device, only differences go out: a position means nothing to the features, two devices' positions have
//! nothing to do with each other, and a finger that comes down elsewhere has not moved there. Where contacts are
//! reported one by one, the oldest finger's own position counts; ABS_X and ABS_Y pass from one finger to the next, and to
//! a palm.
//!
//! What a device announces is not always what it sends: BTN_TOUCH of virtual machines' pointers, the proximity of old
//! tablets. So until a tool is ever sent, motion is motion.

use super::slots::{Fingers, Number, Position, Slots};

const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;

/// Codes of what touches the surface, BTN_TOOL_PEN to BTN_TOOL_QUADTAP, are kept as bits counted from the first.
const FIRST_TOOL: u16 = 0x140;
const LAST_TOOL: u16 = 0x14f;
const FINGER: u16 = bit(0x145);
/// One finger, two, three, four, five.
const FINGERS: [u16; 5] = [FINGER, bit(0x14d), bit(0x14e), bit(0x14f), bit(0x148)];
const ANY_FINGERS: u16 = FINGERS[0] | FINGERS[1] | FINGERS[2] | FINGERS[3] | FINGERS[4];
const TOUCH: u16 = bit(0x14a);
/// Pen, rubber, brush, pencil, airbrush, mouse and lens of a graphics tablet.
const PENS: u16 = bit(0x140) | bit(0x141) | bit(0x142) | bit(0x143) | bit(0x144) | bit(0x146) | bit(0x147);

const fn bit(code: u16) -> u16 {
    1 << (code - FIRST_TOOL)
}

/// What a device's absolute axes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Nothing that points: a joystick's axes, a sensor's, or none.
    None,
    /// A pointer that is always somewhere, as virtual machines have.
    Free,
    /// Motion only while something touches it.
    Touchscreen,
    /// Motion while a tool is near, or touches it.
    Tablet,
    /// One finger moves, two scroll, more are gestures.
    Touchpad {
        /// Vertical way of two fingers that counts as one detent of a wheel.
        counts_per_detent: i64,
    },
}

impl Surface {
    /// The tools that matter.
    fn tools(self) -> u16 {
        match self {
            Surface::None => 0,
            Surface::Free | Surface::Touchscreen => TOUCH,
            Surface::Tablet => PENS | TOUCH,
            Surface::Touchpad { .. } => TOUCH | ANY_FINGERS,
        }
    }
}

/// What the contacts did in one packet, in counts and detents (up is positive).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Motion {
    pub dx: i64,
    pub dy: i64,
    pub detents: i64,
    /// A contact has come or gone.
    pub touched: bool,
}

/// What moves the pointer. When it is another than before, the position starts anew.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pointer {
    /// The contact, where contacts are reported; ABS_X and ABS_Y otherwise.
    contact: Option<Number>,
    /// The tools, or the number of fingers, that make it what it is.
    key: u16,
}

/// The end of a packet.
#[derive(Clone, Copy, Default)]
struct State {
    pointer: Option<Pointer>,
    position: Position,
    /// Fingers in the slots.
    fingers: usize,
    /// What lies on the surface beyond that.
    touching: u16,
}

/// Follows what touches the surface of one device.
pub struct Contacts {
    surface: Surface,
    slots: Slots,
    /// Tools that are there, among those that matter on this surface.
    tools: u16,
    /// Tools that were ever sent.
    sent: u16,
    /// X and Y as last reported; unknown at first, since the kernel reports changes only.
    position: Position,
    before: State,
    /// Way of two fingers that has not filled a detent yet.
    scrolled: i64,
}

impl Contacts {
    pub fn new(surface: Surface) -> Contacts {
        Contacts {
            surface,
            slots: Slots::default(),
            tools: 0,
            sent: 0,
            position: [None; 2],
            before: State::default(),
            scrolled: 0,
        }
    }

    /// Events were lost: position and tools are unknown until they are reported anew.
    pub fn forget(&mut self) {
        self.slots.forget();
        (self.tools, self.position) = (0, [None; 2]);
        (self.before, self.scrolled) = (State::default(), 0);
    }

    pub fn axis(&mut self, code: u16, value: i32) {
        match code {
            ABS_X => self.position[0] = Some(value),
            ABS_Y => self.position[1] = Some(value),
            _ => self.slots.axis(code, value),
        }
    }

    pub fn tool(&mut self, code: u16, is_there: bool) {
        if !(FIRST_TOOL..=LAST_TOOL).contains(&code) {
            return;
        }
        let tool = bit(code) & self.surface.tools();
        self.sent |= tool;
        self.tools = if is_there { self.tools | tool } else { self.tools & !tool };
        if tool == TOUCH && !is_there {
            self.slots.surface_is_left();
        }
    }

    /// Ends a contact of a list (SYN_MT_REPORT).
    pub fn end_of_contact(&mut self) {
        self.slots.end_of_contact();
    }

    /// Ends a packet.
    pub fn report(&mut self) -> Motion {
        if self.surface == Surface::None {
            return Motion::default();
        }
        let fingers = self.slots.report();
        let pointer = self.pointer(fingers);
        let position = match (pointer, fingers.oldest) {
            // Some report whose the single-touch axes are, and no position of its own.
            (Some(Pointer { contact: Some(_), .. }), Some((_, own))) if own != [None; 2] => own,
            _ => self.position,
        };
        let now = State { pointer, position, fingers: fingers.count, touching: self.touching(fingers) };
        let before = std::mem::replace(&mut self.before, now);
        let touched = fingers.touched || now.fingers == before.fingers && now.touching != before.touching;
        if now.pointer != before.pointer || pointer.is_none() {
            self.scrolled = 0;
            return Motion { touched, ..Motion::default() };
        }
        let way = |axis: usize| match (before.position[axis], now.position[axis]) {
            (Some(from), Some(to)) => i64::from(to) - i64::from(from),
            _ => 0,
        };
        match self.surface {
            Surface::Touchpad { counts_per_detent } if self.on_pad(fingers) == 2 => {
                self.scrolled += way(1);
                let detents = self.scrolled / counts_per_detent;
                self.scrolled -= detents * counts_per_detent;
                // Y grows downwards.
                Motion { detents: -detents, touched, ..Motion::default() }
            }
            _ => Motion { dx: way(0), dy: way(1), touched, ..Motion::default() },
        }
    }

    fn is_on(&self, tools: u16) -> bool {
        self.tools & tools != 0
    }

    /// One of these tools is there, or none was ever sent.
    fn may_be_on(&self, tools: u16) -> bool {
        self.is_on(tools) || self.sent & tools == 0
    }

    fn pointer(&self, fingers: Fingers) -> Option<Pointer> {
        let single = |key| Some(Pointer { contact: None, key });
        let oldest = |key| fingers.oldest.map(|(number, _)| Pointer { contact: Some(number), key });
        match self.surface {
            Surface::None => None,
            Surface::Touchpad { .. } => match self.on_pad(fingers) {
                count @ (1 | 2) if self.slots.has_spoken() => oldest(count),
                1 | 2 => single(self.tools),
                _ => None,
            },
            _ if self.is_on(PENS) => single(self.tools & PENS),
            _ if fingers.count + fingers.palms > 0 => oldest(0),
            Surface::Free => single(self.tools),
            Surface::Touchscreen => single(self.tools).filter(|_| self.may_be_on(TOUCH)),
            Surface::Tablet => single(self.tools).filter(|_| self.is_on(TOUCH) || self.may_be_on(PENS)),
        }
    }

    /// How many fingers touch a touchpad. It may notice more than it has slots for, and counts palms as fingers.
    fn on_pad(&self, fingers: Fingers) -> u16 {
        let noticed = FINGERS.iter().rposition(|&tool| self.is_on(tool)).map_or(0, |index| index + 1);
        let count = if self.slots.has_spoken() {
            let all = fingers.count + fingers.palms;
            if fingers.count == 0 || !self.may_be_on(TOUCH) { 0 } else { noticed.max(all) - fingers.palms }
        } else if self.sent & ANY_FINGERS == 0 {
            usize::from(self.may_be_on(TOUCH))
        } else if self.is_on(TOUCH) {
            noticed
        } else {
            0
        };
        count as u16
    }

    fn touching(&self, fingers: Fingers) -> u16 {
        match self.surface {
            Surface::Touchpad { .. } if self.slots.has_spoken() => self.on_pad(fingers),
            // Slots say it themselves, and BTN_TOUCH may be a palm's.
            _ if self.slots.has_spoken() && !self.is_on(PENS) => 0,
            _ => self.tools,
        }
    }
}
