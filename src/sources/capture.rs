//! What the person at the machine does: devices, clock and window system as one stream of events.

mod arrivals;
mod prompt;
mod recipient;
mod terminal_apps;
mod withholding;

use super::askers::Askers;
use super::clock::{EventClock, boot_us};
use super::environment::Environment;
use super::evdev::Devices;
use super::focus::{self, Backend, Focus, Told, Update};
use super::session::Session;
use super::terminals::Terminals;
use super::x11;
use crate::config;
use crate::event::{Event, GapReason, Layout, Micros, Scope, Stamped};
use arrivals::{Arrivals, is_press};
use prompt::Prompt;
use recipient::Recipient;
pub use recipient::{Counts, Withheld};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Changes of focus that may wait: more than anybody makes while the agent is busy.
const UPDATE_QUEUE: usize = 64;

/// How much longer keystrokes that wait may do so, for fewer wake-ups: as long as a keyboard may be read late.
const LONGER: Duration = Duration::from_millis(50);

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

/// The devices, the clock that their events are told in, and what gets what is typed.
pub struct Capture {
    pub devices: Devices,
    clock: EventClock,
    session: Session,
    /// By the owner's word.
    is_paused: bool,
    told: mpsc::Receiver<Told>,
    /// Ends some time after `told` is dropped.
    following: Option<JoinHandle<()>>,
    /// Who tells what has the focus.
    backend: Option<Backend>,
    /// Whoever does, or will, tells it late.
    is_wayland: bool,
    recipient: Recipient,
    terminals: Terminals,
    /// At which the present line is typed, as far as the terminals say.
    prompt: Prompt,
    /// Programs that do nothing but ask for secrets.
    askers: Askers,
    /// On their way out, in order of time.
    arrivals: Arrivals,
    /// Key presses that were discarded, and why.
    counts: Counts,
    /// Why the focus cannot be followed.
    trouble: Option<String>,
    layout_origin: LayoutOrigin,
    /// A layout that the pipeline does not know yet.
    new_layout: Option<Layout>,
}

impl Capture {
    /// Starts to follow the devices and, in a task of its own, the focus.
    pub fn start(devices: Devices, clock: EventClock, settings: &config::X11, keyboard: &config::Keyboard) -> Capture {
        let (sender, told) = mpsc::channel(UPDATE_QUEUE);
        let environment = Environment::of_this_process();
        let is_wayland = settings.enabled && environment.is_wayland();
        let follow = || tokio::spawn(focus::run(environment, sender));
        let following = settings.enabled.then(follow);
        let session = Session::of_this_process();
        if !session.is_active() {
            tracing::info!("another session is active: nothing is captured until ours is");
        }
        let new_layout = keyboard.layout();
        let trouble = if settings.enabled { "nobody who knows it has answered yet" } else { "x11.enabled is false" };
        let mut capture = Capture {
            devices,
            clock,
            session,
            is_paused: false,
            told,
            following,
            backend: None,
            is_wayland,
            recipient: Recipient::new(&settings.excluded_apps),
            terminals: Terminals::of_this_account(),
            prompt: Prompt::default(),
            askers: Askers::start(),
            arrivals: Arrivals::default(),
            counts: Counts::default(),
            trouble: Some(trouble.into()),
            layout_origin: match new_layout {
                Some(_) => LayoutOrigin::Configuration,
                None => LayoutOrigin::Assumed,
            },
            new_layout,
        };
        capture.hold();
        capture
    }

    /// Ends it. Completes once whoever was asked for the focus has been told so, which takes a moment at the most.
    pub fn end(self) -> impl Future<Output = ()> {
        let following = self.following;
        async move {
            if let Some(following) = following {
                // A panic in there has been reported.
                let _ = following.await;
            }
        }
    }

    /// The event clock's present time.
    pub fn now_us(&self) -> Micros {
        self.clock.now_us()
    }

    /// How much later than it happened an event may be told.
    pub fn hold_us(&self) -> Micros {
        self.arrivals.hold_us()
    }

    /// Key presses that were discarded, and why.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Who tells what has the focus, if anybody does.
    pub fn backend(&self) -> Option<Backend> {
        self.backend
    }

    /// Why it is not known at present which application has the focus, so that none can be excluded.
    pub fn trouble(&self) -> Option<&str> {
        let nameless = if self.recipient.is_app_excluded() { x11::NAMELESS_AFTER_EXCLUDED } else { x11::NAMELESS };
        self.trouble.as_deref().or_else(|| (*self.recipient.focus() == Focus::Nameless).then_some(nameless))
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
            self.push_gap(GapReason::Paused);
        }
        self.flush(out);
    }

    /// Captures again; what was done meanwhile has been heard by nobody.
    pub fn resume(&mut self, out: &mut Vec<Stamped>) {
        self.devices.reopen();
        self.is_paused = false;
        self.push_focus();
        self.release(out);
    }

    /// The screen is locked, or is so no more.
    pub fn set_locked(&mut self, is_locked: bool) {
        if self.recipient.is_locked() != is_locked {
            self.arrive();
            self.change(true, |recipient| recipient.set_locked(is_locked));
        }
    }

    fn push_gap(&mut self, reason: GapReason) {
        self.push(Event::Gap { scope: Scope::All, reason });
    }

    /// Something that happens now and is no input.
    fn push(&mut self, event: Event) {
        self.push_at(boot_us(), event);
    }

    fn push_at(&mut self, boot_us: Micros, event: Event) {
        self.arrivals.push(boot_us, Stamped { ts_us: self.clock.wall_us(boot_us), event });
    }

    /// Waits for something to happen and appends it to `out` in order of time. Cancel-safe.
    pub async fn next(&mut self, out: &mut Vec<Stamped>) {
        if let Some(layout) = self.new_layout.take_if(|_| self.session.is_active() && !self.is_paused) {
            self.push(Event::Layout(Box::new(layout)));
            return self.release(out);
        }
        // What is due goes with whatever is read next, if that is soon.
        let wait = self.arrivals.wait(boot_us()).map(|wait| if wait.is_zero() { wait } else { wait + LONGER });
        tokio::select! {
            // A step of the clock comes before the events behind it.
            biased;
            reason = self.clock.discontinuity() => self.take_discontinuity(reason),
            is_active = self.session.changed() => self.take_switch(is_active),
            Some((backend, update)) = self.told.recv() => {
                // What was typed before the change was typed into the application before; what is due waits no longer.
                self.drain(out);
                self.take_update(backend, update);
            }
            is_asked = self.askers.changed() => {
                self.drain(out);
                self.change(true, |recipient| recipient.set_asked(is_asked));
            }
            () = self.devices.ready() => self.arrive(),
            () = after(wait) => {}
        }
        self.release(out);
    }

    /// Appends what the devices have reported by now, as far as it need not wait any longer, without waiting.
    pub fn drain(&mut self, out: &mut Vec<Stamped>) {
        self.arrive();
        self.release(out);
    }

    /// Appends all that the devices have reported by now, but for keystrokes of which it is not known yet what they were
    /// typed into.
    pub fn flush(&mut self, out: &mut Vec<Stamped>) {
        self.arrive();
        if self.is_told_late() {
            self.discard_held();
        } else {
            self.ask_terminals();
            self.arrivals.set_held(false);
        }
        self.release(out);
        self.hold();
    }

    fn release(&mut self, out: &mut Vec<Stamped>) {
        let boot_us = boot_us();
        if self.arrivals.is_press_due(boot_us) {
            // A prompt may have appeared since it was typed.
            self.ask_terminals();
        }
        self.arrivals.release(boot_us, out);
    }

    /// Takes what the devices have reported by now.
    fn arrive(&mut self) {
        let mut arrived = self.read();
        self.take_arrived(arrived.drain(..));
        self.arrivals.fresh = arrived;
    }

    /// What the devices have reported by now, by the boot clock; to be given back to `arrivals`, empty.
    fn read(&mut self) -> Vec<Stamped> {
        let mut arrived = std::mem::take(&mut self.arrivals.fresh);
        self.devices.drain(&mut arrived);
        self.recipient.lapse(boot_us());
        if self.is_capturing() && arrived.iter().any(is_press) {
            self.ask_terminals();
        }
        arrived
    }

    fn take_arrived(&mut self, arrived: impl Iterator<Item = Stamped>) {
        if !self.is_capturing() {
            return;
        }
        for Stamped { ts_us: boot_us, event } in arrived {
            let ts_us = self.clock.wall_us(boot_us);
            match (self.withholds(), event) {
                (Some(why), Event::Key { key, action }) => self.withhold(why, key, action),
                // Whoever is at a lock screen need not be the owner.
                (Some(Withheld::Lock), event) if !matches!(event, Event::Gap { .. }) => {}
                (_, event) => self.arrivals.push(boot_us, Stamped { ts_us, event }),
            }
        }
    }

    /// Whether a change of what has the focus may be told some time after it happened.
    fn is_told_late(&self) -> bool {
        self.is_wayland || self.backend.is_some_and(Backend::is_late)
    }

    /// Has keystrokes wait where what they were typed into is known later only: on Wayland, and in a terminal, where a
    /// password may be typed before its prompt appears.
    fn hold(&mut self) {
        self.arrivals.set_held(self.is_told_late() || self.recipient.is_in_terminal());
    }

    /// What was done before is told by the clock of before. The gap makes the pipeline forget the focus, which has not
    /// changed.
    fn take_discontinuity(&mut self, reason: GapReason) {
        let mut arrived = self.read();
        // All, where the clock was set: nobody knows when, and it is told at once.
        let before = match self.clock.asleep_since_us() {
            Some(asleep_us) => arrived.partition_point(|stamped| stamped.ts_us <= asleep_us),
            None => arrived.len(),
        };
        self.take_arrived(arrived.drain(..before));
        self.clock.renew();
        // It is told some time after the wake-up, and what was done meanwhile comes after it.
        let since_us = arrived.first().map_or_else(boot_us, |first| first.ts_us);
        self.push_at(since_us, Event::Gap { scope: Scope::All, reason });
        self.push_focus_at(since_us);
        self.take_arrived(arrived.drain(..));
        self.arrivals.fresh = arrived;
    }

    /// Two people never share a record: a gap ends what our user began, and somebody else's input is dropped.
    fn take_switch(&mut self, is_active: bool) {
        if is_active {
            // What piled up before the switch was told is not ours.
            self.devices.drain(&mut Vec::new());
            tracing::info!("our session is active again: capture continues");
            self.push_focus();
        } else {
            tracing::info!("another session is active: capture pauses");
            self.discard_held();
            self.push_gap(GapReason::SessionInactive);
        }
    }

    fn take_update(&mut self, backend: Backend, update: Update) {
        let is_late = backend.is_late();
        match update {
            Update::Ready => {
                self.backend = Some(backend);
                self.trouble = None;
                self.change(is_late, |recipient| recipient.begin(boot_us()));
            }
            Update::Focus(focus) => {
                self.trouble = None;
                if self.arrivals.is_any_held() {
                    // It was typed into what had the focus before.
                    self.ask_terminals();
                }
                self.prompt.leave();
                self.change(is_late, |recipient| recipient.set_focus(focus));
            }
            Update::Taken(taken) => self.change(is_late, |recipient| recipient.set_taken(taken)),
            Update::Layout(_) if self.layout_origin == LayoutOrigin::Configuration => {}
            Update::Layout(layout) => {
                self.layout_origin = LayoutOrigin::X11;
                self.new_layout = Some(layout);
            }
            Update::Unknown(reason) => {
                self.backend = None;
                self.trouble = Some(reason);
                self.change(is_late, |recipient| recipient.lose(boot_us()));
            }
        }
        self.hold();
    }

    /// Changes what gets what is typed. Where the change may be told late, what was typed shortly before belongs to no
    /// line, and is discarded where it may be a secret.
    fn change(&mut self, is_late: bool, change: impl FnOnce(&mut Recipient)) {
        let (was_withheld, was_excluded) = (self.recipient.withholds(), self.recipient.is_app_excluded());
        let before = self.recipient.name();
        change(&mut self.recipient);
        if is_late && (was_withheld.is_some() || self.recipient.withholds().is_some()) {
            self.discard_held();
        } else if is_late && self.is_capturing() {
            self.arrivals.part(Event::Focus { app: before });
        }
        let is_withheld = self.recipient.withholds();
        let is_lock = |withheld: Option<Withheld>| withheld == Some(Withheld::Lock);
        // No gap for a grab: a window manager's shortcut is one, too.
        let is_begun = was_withheld.is_none() && is_withheld.is_some_and(|why| why != Withheld::Grab);
        let is_excluded = is_begun || self.recipient.is_app_excluded() && !was_excluded;
        match is_lock(was_withheld) != is_lock(is_withheld) {
            _ if !self.is_capturing() => {}
            true => self.push_gap(GapReason::Excluded),
            false if is_excluded => self.push_excluded(),
            false => {}
        }
        self.push_focus();
    }

    fn push_focus(&mut self) {
        self.push_focus_at(boot_us());
    }

    fn push_focus_at(&mut self, boot_us: Micros) {
        if self.is_capturing() {
            self.push_at(boot_us, Event::Focus { app: self.recipient.name() });
        }
    }
}

async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
