//! Which application has the keyboard: from the input focus upwards to the window that names one.
//!
//! The input focus is the server's own and always right. What a window manager says of it is asked only where no window
//! has the focus, and never believed of one that has died.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::Instant;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, EventMask, InputFocus, Window};

use super::connection::{Client, Error};
use super::watch::Watch;
use super::wm_class::{self, WM_CLASS_LENGTH};
use super::{App, Focus, Reporter, keyboard, until};

/// Between two windows often none has the focus; a transition between applications must not be lost to that.
const UNFOCUSED_HOLD: Duration = Duration::from_millis(150);
/// Windows within windows: more than any program makes.
const DEEPEST: usize = 32;
/// The focus can change faster than it can be looked at.
const MOST_LOOKS: usize = 8;

/// What has the keyboard.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The window that names the application, or that has the focus without a name; `NONE`: none has it.
    window: Window,
    app: Option<App>,
}

const NOTHING: Seen = Seen { window: x11rb::NONE, app: None };

impl Seen {
    fn focus(&self) -> Focus {
        match &self.app {
            Some(app) => Focus::App(app.clone()),
            None if self.window == x11rb::NONE => Focus::Nothing,
            None => Focus::Nameless,
        }
    }
}

/// Reports the focused application, the keyboard's layout and the changes of both for as long as the connection holds.
pub(super) async fn follow(client: &Client, reporter: &mut Reporter) -> Result<Infallible, Error> {
    let mut watch = Watch::new(client);
    keyboard::select_events(&mut watch).await?;
    let mut unnamed: Option<(Instant, Seen)> = None;
    loop {
        if std::mem::take(&mut watch.changes.layout)
            && let Some(layout) = keyboard::layout(&mut watch).await?
        {
            reporter.layout(layout).await;
        }
        if watch.is_grabbed {
            reporter.grab(true).await;
        }
        if watch.changes.focus {
            let seen = look(&mut watch).await?;
            if std::mem::take(&mut watch.changes.grab) {
                reporter.forget();
            }
            if seen.app.is_some() {
                unnamed = None;
                reporter.focus(seen.window, seen.focus()).await;
            } else {
                let since = unnamed.map_or_else(Instant::now, |(since, _)| since);
                unnamed = Some((since, seen));
            }
        }
        // Not before it is reported what has the focus now: it may be an excluded application.
        if !watch.is_grabbed {
            reporter.grab(false).await;
        }
        tokio::select! {
            // What has changed meanwhile decides what becomes of a focus held back.
            biased;
            changed = watch.changed() => changed?,
            () = until(unnamed.as_ref().map(|(since, _)| *since + UNFOCUSED_HOLD)) => {
                if let Some((_, seen)) = unnamed.take() {
                    reporter.focus(seen.window, seen.focus()).await;
                }
            }
        }
    }
}

/// What has the focus now, for once.
pub(super) async fn find(client: &Client) -> Result<Focus, Error> {
    Ok(look(&mut Watch::new(client)).await?.focus())
}

/// Looks until nothing has changed meanwhile: what happens to a window before its events are selected goes unseen.
async fn look(watch: &mut Watch<'_>) -> Result<Seen, Error> {
    let mut seen = NOTHING;
    for _ in 0..MOST_LOOKS {
        watch.begin_look();
        seen = look_once(watch).await?;
        if watch.end_look()? {
            return Ok(seen);
        }
    }
    watch.changes.focus = true;
    Ok(seen)
}

async fn look_once(watch: &mut Watch<'_>) -> Result<Seen, Error> {
    let root = watch.client.root;
    watch.want(root, EventMask::FOCUS_CHANGE)?;
    let cookie = watch.client.x().get_input_focus()?;
    let focus = watch.ask(cookie).await?.map_or(x11rb::NONE, |reply| reply.focus);
    let window = if focus == u32::from(InputFocus::POINTER_ROOT) || focus == root {
        under_pointer(watch).await?
    } else {
        Some(focus).filter(|&window| window != x11rb::NONE)
    };
    let manager = match window {
        Some(window) => {
            let seen = named(watch, window, EventMask::FOCUS_CHANGE).await?;
            let manager = if seen.focus() == Focus::Nameless { manager(watch).await? } else { Manager::None };
            // Window managers have a window to park the focus in while no program has it.
            if !matches!(manager, Manager::Alive(sign) if watch.client.are_of_one_program(sign, window)) {
                return Ok(seen);
            }
            manager
        }
        None => manager(watch).await?,
    };
    match active_window(watch, manager).await? {
        Some(window) => named(watch, window, EventMask::NO_EVENT).await,
        None => Ok(NOTHING),
    }
}

/// The innermost window under the pointer: it gets the keys where no window in particular has the focus.
async fn under_pointer(watch: &mut Watch<'_>) -> Result<Option<Window>, Error> {
    let root = watch.client.root;
    let mut window = root;
    for _ in 0..DEEPEST {
        watch.want(window, EventMask::LEAVE_WINDOW)?;
        let cookie = watch.client.x().query_pointer(window)?;
        match watch.ask(cookie).await? {
            Some(pointer) if pointer.child != x11rb::NONE => window = pointer.child,
            Some(_) => break,
            None => {
                watch.forget(window);
                return Ok(None);
            }
        }
    }
    Ok(Some(window).filter(|&window| window != root))
}

/// The first window from this one upwards that names its application. Nothing, if it has vanished. A window around it
/// that another program made, such as a window manager's frame, does not name it.
async fn named(watch: &mut Watch<'_>, innermost: Window, events: EventMask) -> Result<Seen, Error> {
    let mut window = innermost;
    for _ in 0..DEEPEST {
        watch.want(window, events | EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY)?;
        let property = watch.property(window, AtomEnum::WM_CLASS, WM_CLASS_LENGTH).await?;
        let Some(property) = property else { return Ok(NOTHING) };
        if let Some(app) = wm_class::app(&property) {
            return Ok(Seen { window, app: Some(app) });
        }
        let cookie = watch.client.x().query_tree(window)?;
        match watch.ask(cookie).await? {
            Some(tree) if tree.parent != tree.root && watch.client.are_of_one_program(tree.parent, innermost) => {
                window = tree.parent;
            }
            _ => break,
        }
    }
    Ok(Seen { window: innermost, app: None })
}

/// A window manager, by its window in `_NET_SUPPORTING_WM_CHECK`.
enum Manager {
    /// None that gives a sign of life.
    None,
    Alive(Window),
    /// The window has gone with its program, or is another program's by now.
    Dead,
}

async fn manager(watch: &mut Watch<'_>) -> Result<Manager, Error> {
    let (root, check) = (watch.client.root, watch.client.supporting_wm_check);
    watch.want(root, EventMask::PROPERTY_CHANGE)?;
    let Some(sign) = window_in(watch, root, check).await? else { return Ok(Manager::None) };
    watch.want(sign, EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY)?;
    let is_alive = window_in(watch, sign, check).await? == Some(sign);
    Ok(if is_alive { Manager::Alive(sign) } else { Manager::Dead })
}

/// The window that the window manager calls the active one. A manager that has died leaves its word behind.
async fn active_window(watch: &mut Watch<'_>, manager: Manager) -> Result<Option<Window>, Error> {
    let root = watch.client.root;
    match manager {
        Manager::Dead => Ok(None),
        // The root window is nobody's.
        _ => Ok(window_in(watch, root, watch.client.active_window).await?.filter(|&window| window != root)),
    }
}

async fn window_in(watch: &mut Watch<'_>, holder: Window, property: u32) -> Result<Option<Window>, Error> {
    Ok(watch.property(holder, property, 1).await?.as_ref().and_then(wm_class::window))
}
