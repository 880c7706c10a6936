//! What the person at the machine does: devices, clock and window system as one stream of events.

use super::clock::EventClock;
use super::evdev::Devices;
use super::session::Session;
use super::x11;
use crate::config;
use crate::event::{Action, Event, GapReason, Layout, Micros, Scope, Stamped};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Changes of focus that may wait: more than anybody makes while the agent is busy.
const UPDATE_QUEUE: usize = 64;

/// Where it is taken from which keys write letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutOrigin {
    /// `keyboard.letters`
    Configuration,
    X11,
    /// Nothing is known of the layout, and it is taken for a US keyboard's.
    Assumed,
}

/// The devices, the clock that their events are told in, and the focused application.
pub struct Capture {
    pub devices: Devices,
    clock: EventClock,
    session: Session,
    /// By the owner's word.
    is_paused: bool,
    updates: mpsc::Receiver<x11::Update>,
    excluded_apps: Vec<String>,
    /// The focused application is excluded, or was when the focus was last known.
    is_app_excluded: bool,
    /// Another program has taken the keyboard.
    is_grabbed: bool,
    /// Key presses discarded for that.
    excluded_presses: u32,
    /// Why the focus cannot be followed.
    trouble: Option<String>,
    /// What has the focus, told again when our session becomes the active one again.
    focus: x11::Focus,
    layout_origin: LayoutOrigin,
    /// A layout that the pipeline does not know yet.
    new_layout: Option<Layout>,
}

impl Capture {
    /// Starts to follow the devices and, in a task of its own, the focus.
    pub fn start(devices: Devices, clock: EventClock, settings: &config::X11, keyboard: &config::Keyboard) -> Capture {
        let (sender, updates) = mpsc::channel(UPDATE_QUEUE);
        if settings.enabled {
            tokio::spawn(x11::run(x11::Environment::of_this_process(), sender));
        }
        let session = Session::of_this_process();
        if !session.is_active() {
            tracing::info!("another session is active: nothing is captured until ours is");
        }
        let new_layout = keyboard.layout();
        let trouble = if settings.enabled { "no X server has answered yet" } else { "x11.enabled is false" };
        Capture {
            devices,
            clock,
            session,
            is_paused: false,
            updates,
            excluded_apps: settings.excluded_apps.iter().map(|name| name.to_lowercase()).collect(),
            is_app_excluded: false,
            is_grabbed: false,
            excluded_presses: 0,
            trouble: Some(trouble.into()),
            focus: x11::Focus::Nothing,
            layout_origin: match new_layout {
                Some(_) => LayoutOrigin::Configuration,
                None => LayoutOrigin::Assumed,
            },
            new_layout,
        }
    }

    /// The event clock's present time.
    pub fn now_us(&self) -> Micros {
        self.clock.now_us()
    }

    /// Whether keystrokes are discarded because an excluded application has the focus or another program the keyboard.
    pub fn is_excluded(&self) -> bool {
        self.is_app_excluded || self.is_grabbed
    }

    /// Key presses that were discarded for that.
    pub fn excluded_presses(&self) -> u32 {
        self.excluded_presses
    }

    /// Why it is not known at present which application has the focus, so that none can be excluded.
    pub fn trouble(&self) -> Option<&str> {
        let nameless = if self.is_app_excluded { x11::NAMELESS_AFTER_EXCLUDED } else { x11::NAMELESS };
        self.trouble.as_deref().or_else(|| (self.focus == x11::Focus::Nameless).then_some(nameless))
    }

    pub fn layout_origin(&self) -> LayoutOrigin {
        self.layout_origin
    }

    /// Whether our user's session is the active one; nothing is captured while it is not.
    pub fn is_session_active(&self) -> bool {
        self.session.is_active()
    }

    /// Whether a device is read, and what it reports is captured.
    pub fn is_reading(&self) -> bool {
        self.is_capturing() && self.devices.is_any_read()
    }

    /// Whether anything is captured at all.
    fn is_capturing(&self) -> bool {
        self.session.is_active() && !self.is_paused
    }

    /// Captures nothing from now on, with all devices closed; what they have reported before must have been drained.
    pub fn pause(&mut self, out: &mut Vec<Stamped>) {
        self.devices.close();
        if !std::mem::replace(&mut self.is_paused, true) && self.session.is_active() {
            self.push_gap(GapReason::Paused, out);
        }
    }

    /// Captures again; what was done meanwhile has been heard by nobody.
    pub fn resume(&mut self, out: &mut Vec<Stamped>) {
        self.devices.reopen();
        self.is_paused = false;
        self.push_focus(out);
    }

    fn push_gap(&self, reason: GapReason, out: &mut Vec<Stamped>) {
        out.push(Stamped { ts_us: self.clock.now_us(), event: Event::Gap { scope: Scope::All, reason } });
    }

    /// Waits for something to happen and appends it to `out` in order of time. Cancel-safe.
    pub async fn next(&mut self, out: &mut Vec<Stamped>) {
        if let Some(layout) = self.new_layout.take_if(|_| self.session.is_active() && !self.is_paused) {
            return out.push(Stamped { ts_us: self.clock.now_us(), event: Event::Layout(Box::new(layout)) });
        }
        tokio::select! {
            // A step of the clock comes before the events behind it.
            biased;
            reason = self.clock.discontinuity() => self.take_discontinuity(reason, out),
            is_active = self.session.changed() => self.take_switch(is_active, out),
            Some(update) = self.updates.recv() => {
                // What was typed before the change was typed into the application before.
                self.drain(out);
                self.take_update(update, out);
            }
            () = self.devices.ready() => self.drain(out),
        }
    }

    /// Appends what the devices have reported by now, without waiting.
    pub fn drain(&mut self, out: &mut Vec<Stamped>) {
        let first = out.len();
        self.devices.drain(out);
        if !self.is_capturing() {
            out.truncate(first);
        }
        for stamped in &mut out[first..] {
            stamped.ts_us = self.clock.wall_us(stamped.ts_us);
        }
        if self.is_excluded() {
            for stamped in out.extract_if(first.., |stamped| matches!(stamped.event, Event::Key { .. })) {
                let is_press = matches!(stamped.event, Event::Key { action: Action::Press, .. });
                self.excluded_presses = self.excluded_presses.saturating_add(is_press.into());
            }
        }
    }

    fn focused(&self) -> Option<Box<str>> {
        match &self.focus {
            x11::Focus::App(app) => Some(app.name().into()),
            x11::Focus::Nameless | x11::Focus::Nothing => None,
        }
    }

    /// The gap makes the pipeline forget the focus, which has not changed.
    fn take_discontinuity(&mut self, reason: GapReason, out: &mut Vec<Stamped>) {
        self.push_gap(reason, out);
        self.push_focus(out);
    }

    /// Two people never share a record: a gap ends what our user began, and somebody else's input is dropped.
    fn take_switch(&mut self, is_active: bool, out: &mut Vec<Stamped>) {
        if is_active {
            // What piled up before the switch was told is not ours.
            self.devices.drain(&mut Vec::new());
            tracing::info!("our session is active again: capture continues");
            self.push_focus(out);
        } else {
            tracing::info!("another session is active: capture pauses");
            self.push_gap(GapReason::SessionInactive, out);
        }
    }

    fn take_update(&mut self, update: x11::Update, out: &mut Vec<Stamped>) {
        self.trouble = None;
        match update {
            x11::Update::Ready => {}
            x11::Update::Focus(focus) => self.take_focus(focus, out),
            x11::Update::Grab(is_grabbed) => {
                self.is_grabbed = is_grabbed;
                // No gap: a window manager's shortcut is a grab, too. What is typed next goes elsewhere.
                self.push_focus(out);
            }
            x11::Update::Layout(_) if self.layout_origin == LayoutOrigin::Configuration => {}
            x11::Update::Layout(layout) => {
                self.layout_origin = LayoutOrigin::X11;
                self.new_layout = Some(layout);
            }
            x11::Update::Unknown(reason) => {
                self.trouble = Some(reason);
                self.is_grabbed = false;
                self.take_focus(x11::Focus::Nothing, out);
            }
        }
    }

    fn take_focus(&mut self, focus: x11::Focus, out: &mut Vec<Stamped>) {
        // While it is not known what has the focus, it may still be the excluded one.
        let was_excluded = self.is_app_excluded;
        self.is_app_excluded = match &focus {
            x11::Focus::App(app) => app.is_among(&self.excluded_apps),
            x11::Focus::Nameless | x11::Focus::Nothing => self.is_app_excluded,
        };
        self.focus = focus;
        if self.is_app_excluded && !was_excluded && self.is_capturing() {
            let gap = Event::Gap { scope: Scope::Keystroke, reason: GapReason::Excluded };
            out.push(Stamped { ts_us: self.clock.now_us(), event: gap });
        }
        self.push_focus(out);
    }

    fn push_focus(&self, out: &mut Vec<Stamped>) {
        if self.is_capturing() {
            out.push(Stamped { ts_us: self.clock.now_us(), event: Event::Focus { app: self.focused() } });
        }
    }
}
