//! Which windows' events are asked for, and what the events that come can mean.

use std::time::Duration;

use tokio::time::Instant;
use x11rb::cookie::Cookie;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt, EventMask, GetPropertyReply, Mapping, NotifyDetail, NotifyMode, PropertyNotifyEvent,
    Window,
};
use x11rb::x11_utils::TryParse;

use super::connection::{Client, Error, X};
use super::until;

/// Other properties of a window, its title among them, that change at a shorter distance than this are a flood.
const FLOOD: Duration = Duration::from_millis(100);
/// For so long no changes of properties are asked for then.
const REST: Duration = Duration::from_millis(500);

/// What has changed since it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Another window may have the focus, or the one that has it another name.
    pub focus: bool,
    /// A program has taken the keyboard for itself, or lets go of it: lockers and prompts for passwords do so, and the
    /// focus stays where it is.
    pub grab: bool,
    /// The keyboard may write other letters.
    pub layout: bool,
}

/// The windows whose events are asked for. They are found by looking: what a look has come by is watched until the next
/// look no longer comes by it.
pub(super) struct Watch<'c> {
    pub client: &'c Client,
    pub changes: Changes,
    /// A program has the keyboard for itself: what is typed does not go to the focused window.
    pub is_grabbed: bool,
    windows: Vec<Watched>,
    /// When a property last changed that matters to nobody, and of which window.
    noise: Option<(Instant, Window)>,
    is_flooded: bool,
    /// The window that is not asked for changes of properties, and until when.
    rest: Option<(Window, Instant)>,
}

struct Watched {
    window: Window,
    selected: EventMask,
    /// What the present look asks for.
    wanted: EventMask,
    /// Selected by the present look: what changed before went unseen.
    is_new: bool,
}

impl Watched {
    /// What is to be selected.
    fn events(&self, rest: Option<(Window, Instant)>) -> EventMask {
        match rest {
            Some((window, _)) if window == self.window => self.wanted.remove(EventMask::PROPERTY_CHANGE),
            _ => self.wanted,
        }
    }
}

impl<'c> Watch<'c> {
    /// Everything is to be looked at.
    pub fn new(client: &'c Client) -> Watch<'c> {
        let changes = Changes { focus: true, grab: false, layout: true };
        Watch { client, changes, is_grabbed: false, windows: Vec::new(), noise: None, is_flooded: false, rest: None }
    }

    pub fn begin_look(&mut self) {
        self.changes.focus = false;
        for watched in &mut self.windows {
            watched.wanted = EventMask::NO_EVENT;
            watched.is_new = false;
        }
    }

    /// Whether nothing can have changed unseen during the look.
    pub fn end_look(&mut self) -> Result<bool, Error> {
        for watched in &mut self.windows {
            let events = watched.events(self.rest);
            if watched.selected != events {
                watched.selected = events;
                self.client.select_events(watched.window, events)?;
            }
        }
        self.windows.retain(|watched| watched.wanted != EventMask::NO_EVENT);
        Ok(!self.changes.focus && self.windows.iter().all(|watched| !watched.is_new))
    }

    /// The present look depends on these events of this window.
    pub fn want(&mut self, window: Window, events: EventMask) -> Result<(), Error> {
        let index = self.windows.iter().position(|watched| watched.window == window).unwrap_or_else(|| {
            let (selected, wanted) = (EventMask::NO_EVENT, EventMask::NO_EVENT);
            self.windows.push(Watched { window, selected, wanted, is_new: false });
            self.windows.len() - 1
        });
        let watched = &mut self.windows[index];
        watched.wanted |= events;
        let events = watched.events(self.rest);
        if !watched.selected.contains(events) {
            watched.selected |= events;
            watched.is_new = true;
            self.client.select_events(window, watched.selected)?;
        }
        Ok(())
    }

    /// A window has vanished; another one may come to have its number.
    pub fn forget(&mut self, window: Window) {
        self.windows.retain(|watched| watched.window != window);
    }

    /// The answer to a question; see [`Client::ask`].
    pub async fn ask<R: TryParse>(&mut self, cookie: Cookie<'c, X, R>) -> Result<Option<R>, Error> {
        let client = self.client;
        let answer = client.ask(cookie, |event| self.note(event)).await;
        self.calm()?;
        answer
    }

    /// A property of a window; `None`: the window has vanished.
    pub async fn property(
        &mut self,
        window: Window,
        property: impl Into<u32>,
        length: u32,
    ) -> Result<Option<GetPropertyReply>, Error> {
        let cookie = self.client.x().get_property(false, window, property, AtomEnum::ANY, 0, length)?;
        let answer = self.ask(cookie).await?;
        if answer.is_none() {
            self.forget(window);
        }
        Ok(answer)
    }

    /// Waits until something has changed. Cancel-safe.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            while let Some(event) = self.client.next_event()? {
                self.note(&event);
            }
            self.calm()?;
            if self.changes.focus || self.changes.grab || self.changes.layout {
                return Ok(());
            }
            tokio::select! {
                biased;
                readable = self.client.readable() => readable?,
                () = until(self.rest.map(|(_, end)| end)) => {
                    self.rest = None;
                    self.changes.focus = true;
                }
            }
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::PropertyNotify(change) => self.note_property(change),
            Event::DestroyNotify(destroyed) => {
                self.forget(destroyed.window);
                self.changes.focus = true;
            }
            Event::FocusIn(change) | Event::FocusOut(change) => {
                let of_nobody = [NotifyDetail::POINTER_ROOT, NotifyDetail::NONE].contains(&change.detail);
                self.changes.focus = true;
                // The root window has a part in what happens to the windows in it.
                let is_of_focus = change.event != self.client.root || of_nobody;
                self.changes.grab |= matches!(change.mode, NotifyMode::GRAB | NotifyMode::UNGRAB) && is_of_focus;
                match change.mode {
                    NotifyMode::GRAB => self.is_grabbed |= is_of_focus,
                    NotifyMode::UNGRAB | NotifyMode::NORMAL => self.is_grabbed = false,
                    // The focus changes while the keyboard is grabbed.
                    _ => {}
                }
            }
            Event::LeaveNotify(_) | Event::ReparentNotify(_) => self.changes.focus = true,
            Event::MappingNotify(change) => self.changes.layout |= change.request == Mapping::KEYBOARD,
            Event::XkbStateNotify(_) | Event::XkbMapNotify(_) | Event::XkbNewKeyboardNotify(_) => {
                self.changes.layout = true;
            }
            _ => {}
        }
    }

    fn note_property(&mut self, change: &PropertyNotifyEvent) {
        let awaited = [u32::from(AtomEnum::WM_CLASS), self.client.active_window, self.client.supporting_wm_check];
        if awaited.contains(&change.atom) {
            self.changes.focus = true;
            return;
        }
        let now = Instant::now();
        self.is_flooded |= self.noise.is_some_and(|(last, window)| window == change.window && now - last < FLOOD);
        self.noise = Some((now, change.window));
    }

    /// Gives a window whose title flickers a rest: the server cannot be asked for changes of one property alone.
    fn calm(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.is_flooded) {
            return Ok(());
        }
        let Some((last, window)) = self.noise.take() else { return Ok(()) };
        if let Some(watched) = self.windows.iter_mut().find(|watched| watched.window == window) {
            watched.selected = watched.selected.remove(EventMask::PROPERTY_CHANGE);
            self.client.select_events(window, watched.selected)?;
            self.client.flush()?;
            self.rest = Some((window, last + REST));
        }
        Ok(())
    }
}
