//! What the person at the machine does: devices, clock and window system as one stream of events.

use super::clock::EventClock;
use super::evdev::Devices;
use super::session::Session;
use super::x11;
use crate::config;
use crate::event::{Action, Event, GapReason, Micros, Scope, Stamped};
use tokio::sync::mpsc;

/// Changes of focus that may wait: more than anybody makes while the agent is busy.
const FOCUS_QUEUE: usize = 64;

/// The devices, the clock that their events are told in, and the focused application.
pub struct Capture {
    pub devices: Devices,
    clock: EventClock,
    session: Session,
    focus: mpsc::Receiver<x11::Update>,
    excluded_apps: Vec<String>,
    is_excluded: bool,
    /// Key presses discarded for that.
    excluded_presses: u32,
    has_window_system: bool,
    /// The application that has the focus, told again when our session becomes the active one again.
    focused: Option<Box<str>>,
}

impl Capture {
    /// Starts to follow the devices and, in a task of its own, the focus.
    pub fn start(devices: Devices, clock: EventClock, settings: &config::X11) -> Capture {
        let (updates, focus) = mpsc::channel(FOCUS_QUEUE);
        if settings.enabled {
            tokio::spawn(x11::run(x11::Environment::of_this_process(), updates));
        }
        let session = Session::of_this_process();
        if !session.is_active() {
            tracing::info!("another session is active: nothing is captured until ours is");
        }
        Capture {
            devices,
            clock,
            session,
            focus,
            excluded_apps: settings.excluded_apps.iter().map(|name| name.to_lowercase()).collect(),
            is_excluded: false,
            excluded_presses: 0,
            has_window_system: false,
            focused: None,
        }
    }

    /// The event clock's present time.
    pub fn now_us(&self) -> Micros {
        self.clock.now_us()
    }

    /// Whether keystrokes are thrown away because an excluded application has the focus.
    pub fn is_excluded(&self) -> bool {
        self.is_excluded
    }

    /// Key presses that were discarded because an excluded application had the focus.
    pub fn excluded_presses(&self) -> u32 {
        self.excluded_presses
    }

    /// Whether the focused application is being followed.
    pub fn has_window_system(&self) -> bool {
        self.has_window_system
    }

    /// Whether our user's session is the active one; nothing is captured while it is not.
    pub fn is_session_active(&self) -> bool {
        self.session.is_active()
    }

    /// Waits for something to happen and appends it to `out` in order of time. Cancel-safe.
    pub async fn next(&mut self, out: &mut Vec<Stamped>) {
        tokio::select! {
            // A step of the clock comes before the events behind it.
            biased;
            reason = self.clock.discontinuity() => self.take_discontinuity(reason, out),
            is_active = self.session.changed() => self.take_switch(is_active, out),
            Some(update) = self.focus.recv() => {
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
        if !self.session.is_active() {
            out.truncate(first);
        }
        for stamped in &mut out[first..] {
            stamped.ts_us = self.clock.wall_us(stamped.ts_us);
        }
        if self.is_excluded {
            for stamped in out.extract_if(first.., |stamped| matches!(stamped.event, Event::Key { .. })) {
                let is_press = matches!(stamped.event, Event::Key { action: Action::Press, .. });
                self.excluded_presses = self.excluded_presses.saturating_add(is_press.into());
            }
        }
    }

    /// The gap makes the pipeline forget the focus, which has not changed.
    fn take_discontinuity(&mut self, reason: GapReason, out: &mut Vec<Stamped>) {
        let ts_us = self.clock.now_us();
        out.push(Stamped { ts_us, event: Event::Gap { scope: Scope::All, reason } });
        if self.session.is_active() {
            out.push(Stamped { ts_us, event: Event::Focus { app: self.focused.clone() } });
        }
    }

    /// Two people never share a record: a gap ends what our user began, and somebody else's input is dropped.
    fn take_switch(&mut self, is_active: bool, out: &mut Vec<Stamped>) {
        let ts_us = self.clock.now_us();
        let event = if is_active {
            // What piled up before the switch was told is not ours.
            self.devices.drain(&mut Vec::new());
            tracing::info!("our session is active again: capture continues");
            Event::Focus { app: self.focused.clone() }
        } else {
            tracing::info!("another session is active: capture pauses");
            Event::Gap { scope: Scope::All, reason: GapReason::SessionInactive }
        };
        out.push(Stamped { ts_us, event });
    }

    fn take_update(&mut self, update: x11::Update, out: &mut Vec<Stamped>) {
        let app = match update {
            x11::Update::Ready => return self.has_window_system = true,
            x11::Update::Lost => return self.has_window_system = false,
            x11::Update::Focus(app) => app,
        };
        // While it is not known what has the focus, it may still be the excluded one.
        let is_excluded = app.as_ref().map_or(self.is_excluded, |app| self.excludes(app));
        let was_excluded = std::mem::replace(&mut self.is_excluded, is_excluded);
        self.focused = app.map(|app| app.name);
        if !self.session.is_active() {
            return;
        }
        let ts_us = self.clock.now_us();
        if is_excluded && !was_excluded {
            let gap = Event::Gap { scope: Scope::Keystroke, reason: GapReason::Excluded };
            out.push(Stamped { ts_us, event: gap });
        }
        out.push(Stamped { ts_us, event: Event::Focus { app: self.focused.clone() } });
    }

    fn excludes(&self, app: &x11::App) -> bool {
        let (name, class) = (app.name.to_lowercase(), app.class.to_lowercase());
        self.excluded_apps.iter().any(|excluded| *excluded == name || *excluded == class)
    }
}
