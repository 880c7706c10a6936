//! Whether a program keeps the person from the windows of the session, as screen lockers do: asked without ever taking
//! the keyboard or the pointer.
//!
//! The requests to grab name a window that is never shown. The server looks first whether another client has a grab
//! (`AlreadyGrabbed`) and then at the window (`NotViewable`), so the answer tells, and nothing that is typed goes anywhere
//! else. On a server that would grant one all the same, the grab is given back at once.
//!
//! Many programs grab the keyboard: menus, prompts, remote desktops. What tells a locker from them is that its windows
//! cover every monitor. X does not tell which program has a grab, so that a menu that covers the screen, and a program
//! that means to look like a locker, cannot be told from one; a locker whose windows leave the desktop to be seen
//! (xtrlock without `-b`) is taken for a menu.

use super::connection::{self, Client, X};
use super::cover::{self, Area};
use super::{Environment, Error};
use std::sync::atomic::{AtomicBool, Ordering};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::cookie::Cookie;
use x11rb::protocol::xinerama::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ConnectionExt, CreateWindowAux, EventMask, GrabMode, GrabStatus, InputFocus, MapState, Window, WindowClass,
};
use x11rb::x11_utils::TryParse;

/// Windows of one program that cover the screen together, and windows that are hidden on top of them: more than any
/// desktop has. Those further down are not looked at.
const MOST_WINDOWS: usize = 256;
/// The focus can move while its events are asked for.
const MOST_LOOKS: usize = 8;

/// What keeps the person from the windows of the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hold {
    /// A program has the keyboard for itself.
    pub has_keyboard: bool,
    /// While one has the keyboard, a program has the pointer for itself, too.
    pub has_pointer: bool,
    /// Windows of one program, which no window manager manages, are on top and cover every monitor. Looked for only while
    /// the keyboard is taken or somebody claims that the screen is locked.
    pub is_covered: bool,
}

impl Hold {
    /// Whether nothing that is typed or clicked gets to the windows below.
    pub fn is_grabbed(self) -> bool {
        self.has_keyboard && self.has_pointer
    }

    /// Whether this is what a locker does.
    pub fn is_lock(self) -> bool {
        self.is_grabbed() && self.is_covered
    }
}

/// A connection for looking.
pub struct Probe {
    client: Client,
    /// Never shown.
    window: Window,
    has_xinerama: bool,
    /// The window whose events are selected beside the root's; `NONE`: neither are.
    focus: Window,
    /// Something may have changed while an answer was awaited.
    has_stirred: AtomicBool,
    /// The topmost window of the program that was seen to cover the screen, for as long as covers are looked for. A notice
    /// or the dialog for the password above it takes nothing away, unless a window manager manages it.
    cover: Option<Window>,
}

impl Probe {
    /// # Errors
    /// As of [`super::check`].
    pub async fn connect(environment: &Environment) -> Result<Probe, Error> {
        let client = connection::connect(environment).await?;
        let x = client.x();
        let window = x.generate_id().map_err(|error| Error::Protocol(error.to_string()))?;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        x.create_window(0, window, client.root, -1, -1, 1, 1, 0, class, x11rb::COPY_FROM_PARENT, &aux)?;
        x.prefetch_extension_information(xinerama::X11_EXTENSION_NAME)?;
        client.ask(x.get_input_focus()?, |_| {}).await?;
        // Answers come in order: the one about the extension is here.
        let has_xinerama = x.extension_information(xinerama::X11_EXTENSION_NAME)?.is_some();
        Ok(Probe { client, window, has_xinerama, focus: x11rb::NONE, has_stirred: AtomicBool::new(false), cover: None })
    }

    /// What is so now. `is_claimed`: somebody claims that the screen is locked. Changes from then on end [`Probe::stirred`], as far as the server tells of them.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn look(&mut self, is_claimed: bool) -> Result<Hold, Error> {
        self.has_stirred.store(false, Ordering::Relaxed);
        self.follow_focus().await?;
        let has_keyboard = self.is_keyboard_taken().await?;
        let has_pointer = has_keyboard && self.is_pointer_taken().await?;
        if !has_keyboard && !is_claimed {
            self.cover = None;
            return Ok(Hold::default());
        }
        Ok(Hold { has_keyboard, has_pointer, is_covered: self.is_covered().await? })
    }

    /// Waits until a grab may have begun or ended, or the focus has moved. Cancel-safe.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn stirred(&self) -> Result<(), Error> {
        loop {
            let mut has_come = self.has_stirred.swap(false, Ordering::Relaxed);
            while self.client.next_event()?.is_some() {
                has_come = true;
            }
            if has_come {
                return Ok(());
            }
            self.client.readable().await?;
        }
    }

    async fn ask<'c, R: TryParse>(&'c self, cookie: Cookie<'c, X, R>) -> Result<Option<R>, Error> {
        self.client.ask(cookie, |_| self.has_stirred.store(true, Ordering::Relaxed)).await
    }

    /// The begin and the end of a grab are events of what has the focus then, or of the root.
    async fn follow_focus(&mut self) -> Result<(), Error> {
        let root = self.client.root;
        for _ in 0..MOST_LOOKS {
            let focus = self.ask(self.client.x().get_input_focus()?).await?.map(|reply| reply.focus);
            let focus = focus.filter(|&window| window > u32::from(InputFocus::POINTER_ROOT)).unwrap_or(root);
            let before = std::mem::replace(&mut self.focus, focus);
            if before == focus {
                break;
            }
            if before != x11rb::NONE && before != root {
                self.client.select_events(before, EventMask::NO_EVENT)?;
            }
            for window in [focus, root] {
                self.client.select_events(window, EventMask::FOCUS_CHANGE)?;
            }
        }
        Ok(())
    }

    async fn is_keyboard_taken(&self) -> Result<bool, Error> {
        let x = self.client.x();
        let cookie = x.grab_keyboard(false, self.window, x11rb::CURRENT_TIME, GrabMode::ASYNC, GrabMode::ASYNC)?;
        let status = self.ask(cookie).await?.map(|reply| reply.status);
        if status == Some(GrabStatus::SUCCESS) {
            x.ungrab_keyboard(x11rb::CURRENT_TIME)?;
            self.client.flush()?;
        }
        Ok(status == Some(GrabStatus::ALREADY_GRABBED))
    }

    async fn is_pointer_taken(&self) -> Result<bool, Error> {
        let (x, none, mode) = (self.client.x(), x11rb::NONE, GrabMode::ASYNC);
        let events = EventMask::NO_EVENT;
        let cookie = x.grab_pointer(false, self.window, events, mode, mode, none, none, x11rb::CURRENT_TIME)?;
        let status = self.ask(cookie).await?.map(|reply| reply.status);
        if status == Some(GrabStatus::SUCCESS) {
            x.ungrab_pointer(x11rb::CURRENT_TIME)?;
            self.client.flush()?;
        }
        Ok(status == Some(GrabStatus::ALREADY_GRABBED))
    }

    async fn is_covered(&mut self) -> Result<bool, Error> {
        let windows = self.topmost().await?;
        let monitors = self.monitors().await?;
        let known = windows.iter().map(|&(window, _)| window).find(|&window| Some(window) == self.cover);
        let first = windows.first().map(|&(window, _)| window);
        let cover = known.into_iter().chain(first).find(|&cover| {
            let of_same = |&&(window, _): &&(Window, Area)| self.client.are_of_one_program(cover, window);
            let areas: Vec<Area> = windows.iter().filter(of_same).map(|&(_, area)| area).collect();
            !monitors.is_empty() && monitors.iter().all(|&monitor| cover::covers(monitor, &areas))
        });
        self.cover = cover.or(self.cover);
        Ok(cover.is_some())
    }

    /// The windows on top of all others, from above, as far as they are no window manager's business.
    async fn topmost(&self) -> Result<Vec<(Window, Area)>, Error> {
        let mut found = Vec::new();
        let tree = self.ask(self.client.x().query_tree(self.client.root)?).await?;
        let windows = tree.map(|tree| tree.children).unwrap_or_default();
        for window in windows.into_iter().rev().take(MOST_WINDOWS) {
            let Some((is_unmanaged, area)) = self.shown(window).await? else { continue };
            if !is_unmanaged || self.is_frame(window).await? {
                break;
            }
            found.push((window, area));
        }
        Ok(found)
    }

    /// Whether a window goes past the window manager, and where it is; `None`: it shows nothing.
    async fn shown(&self, window: Window) -> Result<Option<(bool, Area)>, Error> {
        let x = self.client.x();
        let (attributes, geometry) = (x.get_window_attributes(window)?, x.get_geometry(window)?);
        let attributes = self.ask(attributes).await?;
        let geometry = self.ask(geometry).await?;
        let (Some(attributes), Some(of)) = (attributes, geometry) else { return Ok(None) };
        if attributes.map_state != MapState::VIEWABLE || attributes.class != WindowClass::INPUT_OUTPUT {
            return Ok(None);
        }
        let border = 2 * of.border_width;
        let area = Area::new(of.x, of.y, of.width.saturating_add(border), of.height.saturating_add(border));
        Ok(Some((attributes.override_redirect, area)))
    }

    /// Whether a window has another program's window in it: a window manager's frame has.
    async fn is_frame(&self, window: Window) -> Result<bool, Error> {
        let tree = self.ask(self.client.x().query_tree(window)?).await?;
        let children = tree.map(|tree| tree.children).unwrap_or_default();
        Ok(children.into_iter().any(|child| !self.client.are_of_one_program(child, window)))
    }

    /// Where the monitors are; without Xinerama, the whole screen.
    async fn monitors(&self) -> Result<Vec<Area>, Error> {
        let x = self.client.x();
        if self.has_xinerama {
            let screens = self.ask(x.xinerama_query_screens()?).await?;
            let screens = screens.map(|reply| reply.screen_info).unwrap_or_default();
            if !screens.is_empty() {
                return Ok(screens.iter().map(|at| Area::new(at.x_org, at.y_org, at.width, at.height)).collect());
            }
        }
        let root = self.ask(x.get_geometry(self.client.root)?).await?;
        Ok(root.iter().map(|root| Area::new(0, 0, root.width, root.height)).collect())
    }
}
