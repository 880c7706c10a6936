//! The contacts of a multi-touch surface, each followed for itself. Pure.
//!
//! A device reports them in slots, by tracking ids that are new for each contact (the kernel's protocol B), or as a list
//! in every packet, each ended by SYN_MT_REPORT (protocol A, of old drivers). A list is read as slots, the first contact
//! of a packet in the first one. Which it is shows in what the device sends.

const ABS_MT_SLOT: u16 = 0x2f;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;
const ABS_MT_TOOL_TYPE: u16 = 0x37;
const ABS_MT_TRACKING_ID: u16 = 0x39;
const MT_TOOL_PALM: i32 = 2;
/// More contacts than two hands make are not followed.
const FOLLOWED: usize = 16;

pub type Position = [Option<i32>; 2];

/// A contact's number; each one that comes gets the next.
pub type Number = u32;

#[derive(Clone, Copy, Default)]
struct Slot {
    contact: Option<Number>,
    id: Option<i32>,
    /// It stays from one contact to the next, since the kernel reports changes only; so does the position.
    is_palm: bool,
    position: Position,
    /// The finger in it at the end of the last packet.
    finger_before: Option<Number>,
}

impl Slot {
    fn finger(&self) -> Option<Number> {
        self.contact.filter(|_| !self.is_palm)
    }
}

/// What lies on the surface at the end of a packet. A palm is no finger; a pen may be one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingers {
    pub count: usize,
    pub palms: usize,
    /// One of the fingers came, went or was replaced by another in this packet.
    pub touched: bool,
    /// The one that came first, and where it is.
    pub oldest: Option<(Number, Position)>,
}

#[derive(Default)]
pub struct Slots {
    slots: [Slot; FOLLOWED],
    /// The slot that is being reported.
    current: usize,
    newest: Number,
    /// The device has reported a contact in one of the two ways.
    has_spoken: bool,
    list: Option<List>,
}

/// What protocol A needs besides the slots.
#[derive(Default)]
struct List {
    /// Contacts in the last packet that had a list.
    length: usize,
    /// The packet contains a list, or says that there is none.
    is_in_packet: bool,
    /// Something was said of the contact that is being reported.
    is_said: bool,
}

impl Slots {
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Events were lost: who is there is unknown until it is reported anew.
    pub fn forget(&mut self) {
        for slot in &mut self.slots {
            *slot = Slot { is_palm: slot.is_palm, ..Slot::default() };
        }
        if self.list.is_some() {
            (self.list, self.current) = (Some(List::default()), 0);
        }
    }

    pub fn axis(&mut self, code: u16, value: i32) {
        if code == ABS_MT_SLOT {
            self.current = usize::try_from(value).unwrap_or(FOLLOWED);
            return;
        }
        let Some(slot) = self.slots.get_mut(self.current) else { return };
        match code {
            ABS_MT_POSITION_X => slot.position[0] = Some(value),
            ABS_MT_POSITION_Y => slot.position[1] = Some(value),
            ABS_MT_TOOL_TYPE => slot.is_palm = value == MT_TOOL_PALM,
            ABS_MT_TRACKING_ID => self.track(value),
            _ => return,
        }
        if let Some(list) = &mut self.list {
            list.is_said = true;
        }
    }

    /// The contact in the current slot has this id; negative: it has ended.
    fn track(&mut self, id: i32) {
        self.has_spoken = true;
        let slot = &mut self.slots[self.current];
        if id >= 0 {
            if slot.id != Some(id) || slot.contact.is_none() {
                self.newest += 1;
                (slot.id, slot.contact) = (Some(id), Some(self.newest));
            }
        } else if slot.contact.take().is_none() {
            // It came before anybody listened, or events were lost and another slot is current than it seems.
            self.slots.iter_mut().for_each(|slot| slot.contact = None);
        }
    }

    /// A contact of a list is complete (SYN_MT_REPORT); one of which nothing was said stands for an empty list.
    pub fn end_of_contact(&mut self) {
        self.has_spoken = true;
        let is_first_list = self.list.is_none();
        let list = self.list.get_or_insert_default();
        list.is_in_packet = true;
        let is_said = std::mem::take(&mut list.is_said) || is_first_list && self.slots[0].position != [None; 2];
        if !is_said {
            return;
        }
        if let Some(slot) = self.slots.get_mut(self.current)
            && slot.contact.is_none()
        {
            self.newest += 1;
            slot.contact = Some(self.newest);
        }
        self.current += 1;
    }

    /// Nothing touches the surface (BTN_TOUCH): drivers that say so may leave the empty list out.
    pub fn surface_is_left(&mut self) {
        if let Some(list) = &mut self.list {
            list.is_in_packet = true;
        }
    }

    /// Ends a packet.
    pub fn report(&mut self) -> Fingers {
        if !self.has_spoken {
            return Fingers::default();
        }
        self.end_of_list();
        let mut fingers = Fingers::default();
        for slot in &mut self.slots {
            let finger = slot.finger();
            // What turned out to be a palm has not left, and a palm that goes was no finger.
            fingers.touched |= finger != slot.finger_before && !slot.is_palm;
            slot.finger_before = finger;
            fingers.palms += usize::from(slot.contact.is_some() && slot.is_palm);
            let Some(number) = finger else { continue };
            fingers.count += 1;
            if fingers.oldest.is_none_or(|(oldest, _)| number < oldest) {
                fingers.oldest = Some((number, slot.position));
            }
        }
        fingers
    }

    /// Contacts that the packet's list no longer contains have ended. Without ids nobody knows which of several it was,
    /// so those that remain count as others.
    fn end_of_list(&mut self) {
        let Some(list) = self.list.as_mut().filter(|list| list.is_in_packet) else { return };
        let length = std::mem::take(&mut self.current).min(FOLLOWED);
        let is_shorter = length < list.length;
        *list = List { length, ..List::default() };
        let (there, gone) = self.slots.split_at_mut(length);
        gone.iter_mut().for_each(|slot| *slot = Slot { finger_before: slot.finger_before, ..Slot::default() });
        for slot in there.iter_mut().filter(|slot| is_shorter && slot.id.is_none()) {
            self.newest += 1;
            slot.contact = Some(self.newest);
        }
    }
}
