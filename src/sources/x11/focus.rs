//! From "the active window changed" to the application in it: one question at a time, none repeated without cause.

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use x11rb::cookie::Cookie;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, EventMask, GetPropertyReply, NotifyMode, Window};

use super::Reporter;
use super::connection::{ANSWER_LIMIT, Client, Error, X};
use super::wm_class::{self, App, WM_CLASS_LENGTH};

/// Window managers name no window for a moment between two; a transition between applications must not be lost to that.
const UNFOCUSED_HOLD: Duration = Duration::from_millis(150);

/// Reports the focused application and its changes for as long as the connection holds.
pub(super) async fn follow(client: &Client, reporter: &mut Reporter) -> Result<Infallible, Error> {
    let mut inquiry = Inquiry::new(client);
    inquiry.ask()?;
    let mut tell_unfocused_at: Option<Instant> = None;
    loop {
        while let Poll::Ready(app) = inquiry.advance()? {
            if let Some(app) = app {
                tell_unfocused_at = None;
                if std::mem::take(&mut inquiry.was_grabbed) {
                    reporter.forget();
                }
                reporter.focus(inquiry.watched, app).await;
            } else {
                tell_unfocused_at.get_or_insert_with(|| Instant::now() + UNFOCUSED_HOLD);
            }
        }
        // While a question is out, its answer decides what becomes of a focus held back.
        let due = inquiry.answer_due().or(tell_unfocused_at);
        tokio::select! {
            // Answers first: one that lies here already is not late, however late this process was.
            biased;
            readable = client.readable() => readable?,
            () = until(due) => {
                if inquiry.answer_due().is_some() {
                    return Err(Error::Silent);
                }
                tell_unfocused_at = None;
                reporter.unfocused(inquiry.watched).await;
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// The question that is out.
enum Question<'c> {
    ActiveWindow(Cookie<'c, X, GetPropertyReply>),
    WmClass(Cookie<'c, X, GetPropertyReply>),
}

/// Finds out the focused application: first the active window, then its WM_CLASS.
struct Inquiry<'c> {
    client: &'c Client,
    question: Option<Question<'c>>,
    asked_at: Instant,
    /// Something changed while the question was out: whatever is answered, it must be asked again.
    is_stale: bool,
    /// The window whose events are selected, `NONE` for none: the active one as last heard of.
    watched: Window,
    /// The keyboard was taken from that window, or given back to it, since it was told.
    was_grabbed: bool,
}

impl<'c> Inquiry<'c> {
    fn new(client: &'c Client) -> Inquiry<'c> {
        let (asked_at, watched) = (Instant::now(), x11rb::NONE);
        Inquiry { client, question: None, asked_at, is_stale: false, watched, was_grabbed: false }
    }

    fn answer_due(&self) -> Option<Instant> {
        self.question.as_ref().map(|_| self.asked_at + ANSWER_LIMIT)
    }

    /// Asks which window is active, now or after the answer that is still to come.
    fn ask(&mut self) -> Result<(), Error> {
        if self.question.is_some() {
            self.is_stale = true;
        } else {
            let cookie = self.get_property(self.client.root, self.client.active_window, 1)?;
            self.put(Question::ActiveWindow(cookie));
        }
        Ok(())
    }

    fn get_property(
        &self,
        window: Window,
        property: impl Into<u32>,
        length: u32,
    ) -> Result<Cookie<'c, X, GetPropertyReply>, Error> {
        Ok(self.client.x().get_property(false, window, property, AtomEnum::ANY, 0, length)?)
    }

    fn put(&mut self, question: Question<'c>) {
        self.question = Some(question);
        self.asked_at = Instant::now();
    }

    /// Works through what the server has sent. Ready: this application has the focus (`None`: nothing, or unknown).
    /// Pending: no more to be had before the server sends more.
    fn advance(&mut self) -> Result<Poll<Option<App>>, Error> {
        loop {
            while let Some(event) = self.client.next_event()? {
                let is_grab = self.is_grab(&event);
                self.was_grabbed |= is_grab;
                if is_grab || self.concerns(&event) {
                    self.ask()?;
                }
            }
            let Some(question) = self.question.take() else { break };
            let (Question::ActiveWindow(cookie) | Question::WmClass(cookie)) = &question;
            let Poll::Ready(answer) = self.client.answer(cookie)? else {
                self.question = Some(question);
                break;
            };
            if std::mem::take(&mut self.is_stale) {
                self.ask()?;
            } else if let Poll::Ready(app) = self.conclude(&question, answer.as_ref())? {
                return Ok(Poll::Ready(app));
            }
        }
        self.client.flush()?;
        Ok(Poll::Pending)
    }

    /// Whether an event can mean that another application has the focus.
    fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::PropertyNotify(change) if change.window == self.client.root => {
                change.atom == self.client.active_window
            }
            Event::PropertyNotify(change) => {
                change.window == self.watched && change.atom == u32::from(AtomEnum::WM_CLASS)
            }
            // Window managers can go on naming a closed window as the active one, for seconds and without a word.
            Event::DestroyNotify(destroyed) => destroyed.window == self.watched,
            _ => false,
        }
    }

    /// Whether a program has taken the keyboard for itself, or lets go of it: lockers and prompts for passwords do so, and
    /// no other window becomes the active one for it.
    fn is_grab(&self, event: &Event) -> bool {
        let (Event::FocusOut(change) | Event::FocusIn(change)) = event else { return false };
        change.event == self.watched && matches!(change.mode, NotifyMode::GRAB | NotifyMode::UNGRAB)
    }

    /// What an answer says, or the question that follows from it. No answer: the window has vanished.
    fn conclude(
        &mut self,
        question: &Question<'c>,
        answer: Option<&GetPropertyReply>,
    ) -> Result<Poll<Option<App>>, Error> {
        match question {
            Question::ActiveWindow(_) => {
                // The root window is nobody's; and to watch it as if it were would end the reports on it.
                let window = answer.and_then(wm_class::active_window).filter(|&window| window != self.client.root);
                self.watch(window.unwrap_or(x11rb::NONE))?;
                let Some(window) = window else { return Ok(Poll::Ready(None)) };
                let cookie = self.get_property(window, AtomEnum::WM_CLASS, WM_CLASS_LENGTH)?;
                self.put(Question::WmClass(cookie));
                Ok(Poll::Pending)
            }
            Question::WmClass(_) => {
                let app = answer.and_then(wm_class::app);
                if app.is_some() {
                    // Other properties of a window, its title among them, may change many times a second.
                    self.follow_up(self.watched, EventMask::NO_EVENT)?;
                }
                Ok(Poll::Ready(app))
            }
        }
    }

    /// Follows this window and no other; before it is first asked for its WM_CLASS, changes to that, too.
    fn watch(&mut self, window: Window) -> Result<(), Error> {
        if self.watched != window && self.watched != x11rb::NONE {
            self.client.select_events(self.watched, EventMask::NO_EVENT)?;
        }
        if window != x11rb::NONE {
            self.follow_up(window, EventMask::PROPERTY_CHANGE)?;
        }
        self.watched = window;
        Ok(())
    }

    /// Asks to be told when a window goes away, when the keyboard is taken from it, and of more.
    fn follow_up(&self, window: Window, more: EventMask) -> Result<(), Error> {
        self.client.select_events(window, EventMask::STRUCTURE_NOTIFY | EventMask::FOCUS_CHANGE | more)
    }
}
