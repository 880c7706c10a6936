//! What is said between us and a compositor, without the socket in between: its messages in, our requests out.
//!
//! Two protocols tell which window has the focus. wlr-foreign-toplevel-management, of most compositors but those of KDE
//! and GNOME, has all that is asked for. COSMIC has it in two parts: ext-foreign-toplevel-list names the windows, and its
//! own cosmic-toplevel-info tells the states of one that it is asked about. Of what the protocols offer beyond that
//! nothing is used, and what windows are called (their titles) is skipped unread.

use super::Error;
use super::windows::{Focused, Windows};
use super::wire::{Arguments, Message, Outgoing};
use std::collections::BTreeMap;

/// Numbers from here on are the compositor's to give.
const FIRST_OF_COMPOSITOR: u32 = 0xff00_0000;
const DISPLAY: u32 = 1;
const REGISTRY: u32 = 2;
/// More than the windows need: two each, and the few others.
const MOST_OBJECTS: usize = 3 * super::windows::MOST_WINDOWS;

/// Interfaces, and the newest version of each that is known here.
const WLR: (&str, u32) = ("zwlr_foreign_toplevel_manager_v1", 3);
const LIST: (&str, u32) = ("ext_foreign_toplevel_list_v1", 1);
const COSMIC: (&str, u32) = ("zcosmic_toplevel_info_v1", 3);
/// The first in which it extends the list.
const FIRST_COSMIC_VERSION: u32 = 2;

/// The request by which a window of [`WLR`] is given back; in the other protocols it is the first.
const WLR_DESTROY: u16 = 7;

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Display,
    Registry,
    /// Answers when all that was asked before has been answered.
    Sync,
    Wlr,
    WlrWindow,
    List,
    /// Its states are those of that object.
    ListWindow(u32),
    Cosmic,
    /// The states of that window of the list.
    CosmicWindow(u32),
    /// Given back, until the compositor has learnt of it.
    Gone,
}

/// What a compositor offers, by its number and version there.
#[derive(Debug, Default)]
struct Offers {
    wlr: Option<(u32, u32)>,
    list: Option<(u32, u32)>,
    cosmic: Option<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is asked what the compositor offers.
    Greeting,
    /// It offers nothing that tells the focus, or has not yet.
    Without,
    /// It is asked which windows there are.
    Listing,
    Following,
}

/// What a message amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The compositor offers nothing that tells the focus.
    Without,
    /// From now on it is known which window has the focus.
    Ready,
    /// It may be another one now.
    Changed,
}

pub struct Dialogue {
    phase: Phase,
    offers: Offers,
    objects: BTreeMap<u32, Object>,
    /// Numbers of ours that have been used and may be used again. The compositor takes them without gaps only.
    free: Vec<u32>,
    next: u32,
    /// Where COSMIC is asked for states.
    cosmic: u32,
    windows: Windows,
    /// Requests that are to be sent.
    pub out: Vec<u8>,
}

impl Dialogue {
    /// Begins to speak.
    pub fn begin() -> Dialogue {
        let mut dialogue = Dialogue {
            phase: Phase::Greeting,
            offers: Offers::default(),
            objects: BTreeMap::from([(DISPLAY, Object::Display), (REGISTRY, Object::Registry)]),
            free: Vec::new(),
            next: REGISTRY + 1,
            cosmic: 0,
            windows: Windows::default(),
            out: Outgoing::to(DISPLAY, 1).number(REGISTRY).bytes(),
        };
        dialogue.sync();
        dialogue
    }

    /// Whether it is known which window has the focus.
    pub fn is_following(&self) -> bool {
        self.phase == Phase::Following
    }

    /// The window that has the focus.
    pub fn focused(&self) -> Option<Focused> {
        self.windows.focused()
    }

    pub fn take(&mut self, message: Message) -> Result<Option<Heard>, Error> {
        let Message { object: number, opcode, arguments } = message;
        match self.objects.get(&number) {
            Some(Object::Display) => self.hear_display(opcode, arguments)?,
            Some(Object::Registry) => self.hear_registry(opcode, arguments)?,
            Some(Object::Sync) => {
                self.objects.insert(number, Object::Gone);
                return Ok(self.answered());
            }
            Some(Object::Wlr | Object::List | Object::Cosmic) if opcode == 1 => return Err(Error::Ended),
            Some(&object) => return self.hear_windows(number, object, opcode, arguments),
            // What it gave away it may give away again as soon as we are done with it; what it had sent before it learnt
            // of that comes late.
            None if number >= FIRST_OF_COMPOSITOR => {}
            None => return Err(Error::Protocol("an unknown object")),
        }
        Ok(None)
    }

    fn hear_display(&mut self, opcode: u16, mut arguments: Arguments) -> Result<(), Error> {
        let number = arguments.number()?;
        match opcode {
            // The text that comes with it may be of a window.
            0 => return Err(Error::Refused { code: arguments.number()? }),
            1 => self.free(number),
            _ => {}
        }
        Ok(())
    }

    fn hear_registry(&mut self, opcode: u16, mut arguments: Arguments) -> Result<(), Error> {
        match opcode {
            0 => self.offer(arguments),
            1 => self.withdraw(arguments.number()?),
            _ => Ok(()),
        }
    }

    fn hear_windows(
        &mut self,
        number: u32,
        object: Object,
        opcode: u16,
        mut arguments: Arguments,
    ) -> Result<Option<Heard>, Error> {
        match (object, opcode) {
            (Object::Wlr | Object::List, 0) => self.open(arguments.number()?, object)?,
            (Object::WlrWindow, 1) | (Object::ListWindow(_), 3) => self.windows.set_app_id(number, arguments.text()?),
            (Object::WlrWindow, 4) => self.windows.set_states(number, arguments.array()?),
            (Object::CosmicWindow(window), 8) => self.windows.set_states(window, arguments.array()?),
            (Object::WlrWindow, 5) | (Object::ListWindow(_), 1) => {
                self.windows.apply(number);
                return Ok(self.changed());
            }
            (Object::Cosmic, 2) => {
                self.windows.apply_all();
                return Ok(self.changed());
            }
            (Object::WlrWindow, 6) | (Object::ListWindow(_), 0) => {
                self.close(number, object);
                return Ok(self.changed());
            }
            _ => {}
        }
        Ok(None)
    }

    fn changed(&self) -> Option<Heard> {
        (self.phase == Phase::Following).then_some(Heard::Changed)
    }

    /// All that was asked has been answered.
    fn answered(&mut self) -> Option<Heard> {
        match self.phase {
            Phase::Greeting => {
                self.phase = Phase::Without;
                (!self.bind()).then_some(Heard::Without)
            }
            Phase::Listing => {
                self.phase = Phase::Following;
                Some(Heard::Ready)
            }
            Phase::Without | Phase::Following => None,
        }
    }

    /// Something that the compositor offers.
    fn offer(&mut self, mut arguments: Arguments) -> Result<(), Error> {
        let (name, interface, version) = (arguments.number()?, arguments.text()?, arguments.number()?);
        let offer = |known: (&str, u32)| Some((name, version.min(known.1)));
        match interface {
            interface if interface == WLR.0.as_bytes() => self.offers.wlr = offer(WLR),
            interface if interface == LIST.0.as_bytes() => self.offers.list = offer(LIST),
            interface if interface == COSMIC.0.as_bytes() && version >= FIRST_COSMIC_VERSION => {
                self.offers.cosmic = offer(COSMIC);
            }
            _ => return Ok(()),
        }
        if self.phase == Phase::Without {
            self.bind();
        }
        Ok(())
    }

    /// Something is offered no more.
    fn withdraw(&mut self, name: u32) -> Result<(), Error> {
        let Offers { wlr, list, cosmic } = &mut self.offers;
        let mut is_known = false;
        for offer in [wlr, list, cosmic] {
            is_known |= offer.take_if(|(offered, _)| *offered == name).is_some();
        }
        let is_used = is_known && matches!(self.phase, Phase::Listing | Phase::Following);
        if is_used { Err(Error::Ended) } else { Ok(()) }
    }

    /// Asks for the windows, if that can be.
    fn bind(&mut self) -> bool {
        if let Some(offer) = self.offers.wlr {
            self.bind_one(offer, WLR.0, Object::Wlr);
        } else if let (Some(list), Some(cosmic)) = (self.offers.list, self.offers.cosmic) {
            self.cosmic = self.bind_one(cosmic, COSMIC.0, Object::Cosmic);
            self.bind_one(list, LIST.0, Object::List);
        } else {
            return false;
        }
        self.phase = Phase::Listing;
        self.sync();
        true
    }

    fn bind_one(&mut self, (name, version): (u32, u32), interface: &str, object: Object) -> u32 {
        let number = self.give(object);
        self.request(Outgoing::to(REGISTRY, 0).number(name).text(interface).number(version).number(number));
        number
    }

    fn sync(&mut self) {
        let number = self.give(Object::Sync);
        self.request(Outgoing::to(DISPLAY, 0).number(number));
    }

    fn request(&mut self, request: Outgoing) {
        self.out.extend(request.bytes());
    }

    /// A number for a new object of ours.
    fn give(&mut self, object: Object) -> u32 {
        let number = self.free.pop().unwrap_or(self.next);
        self.next = self.next.max(number + 1);
        self.objects.insert(number, object);
        number
    }

    /// The compositor has learnt that a number of ours is free.
    fn free(&mut self, number: u32) {
        if self.objects.get(&number) == Some(&Object::Gone) {
            self.objects.remove(&number);
            self.free.push(number);
        }
    }

    /// A new window, by a number of the compositor's. COSMIC is asked for its states apart.
    fn open(&mut self, window: u32, of: Object) -> Result<(), Error> {
        if window < FIRST_OF_COMPOSITOR || self.objects.contains_key(&window) {
            return Err(Error::Protocol("a window whose number is not free"));
        }
        if self.objects.len() >= MOST_OBJECTS {
            return Err(Error::Protocol("objects that it never gives back"));
        }
        let is_followed = self.windows.open(window);
        match of {
            Object::Wlr if is_followed => {
                self.objects.insert(window, Object::WlrWindow);
            }
            Object::Wlr => self.destroy(window, WLR_DESTROY),
            _ if is_followed => {
                let states = self.give(Object::CosmicWindow(window));
                self.objects.insert(window, Object::ListWindow(states));
                self.request(Outgoing::to(self.cosmic, 1).number(states).number(window));
            }
            _ => self.destroy(window, 0),
        }
        Ok(())
    }

    fn close(&mut self, window: u32, object: Object) {
        self.windows.close(window);
        self.objects.remove(&window);
        if let Object::ListWindow(states) = object {
            self.objects.insert(states, Object::Gone);
            self.destroy(states, 0);
            self.destroy(window, 0);
        } else {
            self.destroy(window, WLR_DESTROY);
        }
    }

    /// We are done with a window.
    fn destroy(&mut self, number: u32, opcode: u16) {
        self.request(Outgoing::to(number, opcode));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(dialogue: &mut Dialogue, bytes: &[u8]) -> Result<Option<Heard>, Error> {
        let (message, _) = Message::first(bytes)?.expect("all of it");
        dialogue.take(message)
    }

    /// A dialogue with a compositor that offers these.
    fn with(offers: &[&str]) -> Dialogue {
        let mut dialogue = Dialogue::begin();
        for (name, offer) in (1..).zip(offers) {
            let global = Outgoing::to(REGISTRY, 0).number(name).text(offer).number(9).bytes();
            take(&mut dialogue, &global).expect("an offer");
        }
        take(&mut dialogue, &Outgoing::to(REGISTRY + 1, 0).number(0).bytes()).expect("an answer");
        dialogue
    }

    /// What was asked for, and in which version.
    fn bound(dialogue: &Dialogue) -> Vec<(String, u32)> {
        let (mut rest, mut bound) = (&dialogue.out[..], Vec::new());
        while let Ok(Some((Message { object, mut arguments, .. }, length))) = Message::first(rest) {
            rest = &rest[length..];
            if object == REGISTRY {
                arguments.number().expect("a name");
                let interface = String::from_utf8_lossy(arguments.text().expect("an interface")).into_owned();
                bound.push((interface, arguments.number().expect("a version")));
            }
        }
        bound
    }

    #[test]
    fn what_tells_the_focus_is_asked_for_in_no_newer_version_than_is_known() {
        let asked = |offers: &[&str]| bound(&with(offers));
        assert_eq!(asked(&[COSMIC.0, "wl_seat", WLR.0]), [(WLR.0.into(), 3)]);
        assert_eq!(asked(&["wl_seat", LIST.0, COSMIC.0]), [(COSMIC.0.into(), 3), (LIST.0.into(), 1)]);
        assert_eq!(asked(&["wl_seat", LIST.0]), []);
    }

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0u32..12, (0u32..6).prop_map(|number| FIRST_OF_COMPOSITOR + number), any::<u32>()]
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let arguments = prop_oneof![
            proptest::collection::vec(number(), 0..4)
                .prop_map(|numbers| numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()),
            proptest::collection::vec(any::<u8>(), 0..40),
            proptest::collection::vec(0u32..4, 0..4).prop_map(|states| {
                let bytes: Vec<u8> = states.iter().flat_map(|state| state.to_ne_bytes()).collect();
                [&(bytes.len() as u32).to_ne_bytes(), &bytes[..]].concat()
            }),
        ];
        (number(), 0u16..9, arguments).prop_map(|(object, opcode, mut arguments): (u32, u16, Vec<u8>)| {
            arguments.resize(arguments.len().next_multiple_of(4), 0);
            let header = Outgoing::to(object, opcode).bytes();
            let word = u32::from(opcode) | ((header.len() + arguments.len()) as u32) << 16;
            [&object.to_ne_bytes()[..], &word.to_ne_bytes(), &arguments].concat()
        })
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_taken_or_refused(
            messages in proptest::collection::vec(message(), 0..300),
            is_cosmic in any::<bool>(),
        ) {
            let mut dialogue = with(if is_cosmic { &[LIST.0, COSMIC.0] } else { &[WLR.0] });
            for bytes in messages {
                if take(&mut dialogue, &bytes).is_err() {
                    dialogue = with(&[LIST.0, COSMIC.0]);
                }
                prop_assert!(dialogue.objects.len() <= MOST_OBJECTS && dialogue.free.len() <= MOST_OBJECTS);
                prop_assert!(dialogue.next <= FIRST_OF_COMPOSITOR);
            }
        }
    }
}
