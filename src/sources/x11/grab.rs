//! Whether a program has the keyboard for itself, as screen lockers have it: asked without ever taking it.
//!
//! The request to grab names a window that is never shown. The server looks first whether another client has a grab
//! (`AlreadyGrabbed`) and then at the window (`NotViewable`), so the answer tells, and nothing that is typed goes anywhere
//! else. On a server that would grant it all the same, the grab is given back at once.

use super::connection::{self, Client};
use super::{Environment, Error};
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ConnectionExt, CreateWindowAux, EventMask, GrabMode, GrabStatus, InputFocus, Window, WindowClass,
};

/// How long a grab that is followed goes unasked where no event tells of its end.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A connection for asking, to be kept only while an answer is awaited.
pub struct Keyboard {
    client: Client,
    /// Never shown.
    window: Window,
}

impl Keyboard {
    /// # Errors
    /// As of [`super::check`].
    pub async fn connect(environment: &Environment) -> Result<Keyboard, Error> {
        let client = connection::connect(environment).await?;
        let x = client.x();
        let window = x.generate_id().map_err(|error| Error::Protocol(error.to_string()))?;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        x.create_window(0, window, client.root, -1, -1, 1, 1, 0, class, x11rb::COPY_FROM_PARENT, &aux)?;
        Ok(Keyboard { client, window })
    }

    /// Whether another program has the keyboard for itself.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn is_taken(&self) -> Result<bool, Error> {
        let x = self.client.x();
        let cookie = x.grab_keyboard(false, self.window, x11rb::CURRENT_TIME, GrabMode::ASYNC, GrabMode::ASYNC)?;
        let status = self.client.ask(cookie, |_| {}).await?.map(|reply| reply.status);
        if status == Some(GrabStatus::SUCCESS) {
            x.ungrab_keyboard(x11rb::CURRENT_TIME)?;
            self.client.flush()?;
        }
        Ok(status == Some(GrabStatus::ALREADY_GRABBED))
    }

    /// Waits until no program has it. May be dropped while it waits and called anew.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn released(&self) -> Result<(), Error> {
        loop {
            // The end of a grab is an event of what has the focus then; what happens after the answer wakes us.
            self.follow_focus().await?;
            if !self.is_taken().await? {
                return Ok(());
            }
            // Not told in time is no error: the server is asked again.
            tokio::time::timeout(LONGEST_WAIT, self.event()).await.unwrap_or(Ok(()))?;
        }
    }

    async fn follow_focus(&self) -> Result<(), Error> {
        let focus = self.client.ask(self.client.x().get_input_focus()?, |_| {}).await?.map(|reply| reply.focus);
        let window = focus.filter(|&window| window > u32::from(InputFocus::POINTER_ROOT));
        for window in window.into_iter().chain([self.client.root]) {
            self.client.select_events(window, EventMask::FOCUS_CHANGE)?;
        }
        self.client.flush()
    }

    async fn event(&self) -> Result<(), Error> {
        while self.client.next_event()?.is_none() {
            self.client.readable().await?;
        }
        Ok(())
    }
}
