//! Absolute axes: fingers on a touchpad or a touchscreen, a pen, the pointer of a virtual machine. Pure.
//!
//! Whatever the device, only differences go out: a position means nothing to the features, two devices' positions have
//! nothing to do with each other, and a finger that comes down elsewhere has not moved there.

const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;

/// Codes of what touches the surface, BTN_TOOL_PEN to BTN_TOOL_QUADTAP, are kept as bits counted from the first.
const FIRST_TOOL: u16 = 0x140;
const LAST_TOOL: u16 = 0x14f;
const FINGER: u16 = bit(0x145);
const TWO_FINGERS: u16 = bit(0x14d);
const MORE_FINGERS: u16 = bit(0x14e) | bit(0x14f) | bit(0x148);
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
    /// Motion while a tool is near.
    Tablet,
    /// One finger moves, two scroll, more are gestures.
    Touchpad {
        /// Vertical way of two fingers that counts as one detent of a wheel.
        counts_per_detent: i64,
    },
}

impl Surface {
    /// The tools that make a contact of its own: when one comes or goes, the position starts anew.
    fn tools(self) -> u16 {
        match self {
            Surface::None | Surface::Free => 0,
            Surface::Touchscreen => TOUCH,
            Surface::Tablet => PENS,
            Surface::Touchpad { .. } => TOUCH | FINGER | TWO_FINGERS | MORE_FINGERS,
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

/// Follows what touches the surface of one device.
pub struct Contacts {
    surface: Surface,
    /// Tools that are there, among those that matter on this surface.
    tools: u16,
    /// X and Y as last told; unknown at first, since the kernel tells changes only.
    position: [Option<i32>; 2],
    /// Tools and position at the end of the last packet.
    before: (u16, [Option<i32>; 2]),
    /// Way of two fingers that has not filled a detent yet.
    scrolled: i64,
}

impl Contacts {
    pub fn new(surface: Surface) -> Contacts {
        Contacts { surface, tools: 0, position: [None; 2], before: (0, [None; 2]), scrolled: 0 }
    }

    /// Events were lost: position and tools are unknown until they are told anew.
    pub fn forget(&mut self) {
        *self = Contacts::new(self.surface);
    }

    pub fn axis(&mut self, code: u16, value: i32) {
        match code {
            ABS_X => self.position[0] = Some(value),
            ABS_Y => self.position[1] = Some(value),
            _ => {}
        }
    }

    pub fn tool(&mut self, code: u16, is_there: bool) {
        if !(FIRST_TOOL..=LAST_TOOL).contains(&code) {
            return;
        }
        let tool = bit(code) & self.surface.tools();
        self.tools = if is_there { self.tools | tool } else { self.tools & !tool };
    }

    /// Ends a packet.
    pub fn report(&mut self) -> Motion {
        let (tools, position) = std::mem::replace(&mut self.before, (self.tools, self.position));
        if tools != self.tools {
            self.scrolled = 0;
            return Motion { touched: true, ..Motion::default() };
        }
        let way = |axis: usize| match (position[axis], self.position[axis]) {
            (Some(from), Some(to)) => i64::from(to) - i64::from(from),
            _ => 0,
        };
        let (dx, dy) = (way(0), way(1));
        match self.surface {
            Surface::Free => Motion { dx, dy, ..Motion::default() },
            Surface::Touchscreen | Surface::Tablet if tools != 0 => Motion { dx, dy, ..Motion::default() },
            Surface::Touchpad { .. } if tools == TOUCH | FINGER => Motion { dx, dy, ..Motion::default() },
            Surface::Touchpad { counts_per_detent } if tools == TOUCH | TWO_FINGERS => {
                self.scrolled += dy;
                let detents = self.scrolled / counts_per_detent;
                self.scrolled -= detents * counts_per_detent;
                // Y grows downwards.
                Motion { detents: -detents, ..Motion::default() }
            }
            _ => Motion::default(),
        }
    }
}
