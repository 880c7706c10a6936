//! What gets what is typed: the focused application, and whatever takes the keyboard from it.
//!
//! Each kind of session has a backend of its own. Which one is followed is decided by which one answers, never by a
//! desktop's name: where one ends, the next that answers is followed. X11 is asked in X11 sessions alone, since XWayland
//! knows nothing of the windows of Wayland programs.

mod choice;
mod during;
pub mod gnome;
pub mod kwin;
pub(super) mod log;
pub mod wayland;

use super::app::App;
use super::environment::Environment;
use super::x11;
use crate::event::Layout;
use choice::Choice;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How the focus is learnt of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// `wlr-foreign-toplevel-management`, or COSMIC's extension of `ext-foreign-toplevel-list`.
    Wayland,
    /// A script in KWin.
    Kwin,
    /// An extension of GNOME Shell.
    Gnome,
    X11,
}

impl Backend {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Wayland => "the Wayland compositor",
            Backend::Kwin => "KWin",
            Backend::Gnome => "GNOME Shell",
            Backend::X11 => "the X server",
        }
    }

    /// Whether a change of focus may be told before what was typed ahead of it has been read, or some time after it
    /// happened: none but the X server tells when it was.
    pub fn is_late(self) -> bool {
        self != Backend::X11
    }
}

/// What has the input focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    App(App),
    /// A window that names no application, by itself or by a window around it: it cannot be excluded.
    Nameless,
    /// No window.
    Nothing,
}

/// What gets what is typed in the focused window's place, or what of that window makes it a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker {
    /// A program has grabbed the keyboard, as lockers and prompts for passwords do.
    Grab,
    /// The screen is locked.
    Lock,
    /// A prompt or a menu of the desktop itself.
    Prompt,
    /// A text field for a password or a PIN has the focus.
    Field,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Somebody who knows the focus has been reached: it is being followed.
    Ready,
    /// What now has the focus. Sent twice in a row only where the focus went from one window to another, or what is typed
    /// was taken by another program meanwhile.
    Focus(Focus),
    /// What takes the keys from what has the focus; `None`: nothing any more.
    Taken(Option<Taker>),
    /// Which keys write letters from now on.
    Layout(Layout),
    /// The focus cannot be followed, and why not. Unless the reason is final, somebody who knows it is looked for again.
    Unknown(String),
}

/// What a backend tells, and which one it is.
pub type Told = (Backend, Update);

/// More than any backend tells at once.
const QUEUE: usize = 16;
/// How long the end may take: whoever was asked for the focus is told that nobody wants to know it any more.
const END_LIMIT: Duration = Duration::from_millis(250);

/// Follows the focus until the receiver of `told` is gone, and through every loss. What is told is always of one backend,
/// the one that is followed; another one begins with its own [`Update::Ready`].
pub async fn run(environment: Environment, told: mpsc::Sender<Told>) {
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let mut backends = JoinSet::new();
    start(&mut backends, environment, &sender);
    drop(sender);
    let wanted = told.clone();
    tokio::select! {
        () = wanted.closed() => {}
        () = choose(&mut receiver, told) => {}
    }
    drop(receiver);
    let ended = async { while backends.join_next().await.is_some() {} };
    // What is not told by then is let go.
    let _ = timeout(END_LIMIT, ended).await;
}

async fn choose(receiver: &mut mpsc::Receiver<Told>, told: mpsc::Sender<Told>) {
    let mut choice = Choice::default();
    while let Some((backend, update)) = receiver.recv().await {
        for update in choice.take(backend, update) {
            if told.send(update).await.is_err() {
                return;
            }
        }
    }
    // All backends have ended for good, each with its reason.
    std::future::pending().await
}

fn start(backends: &mut JoinSet<()>, environment: Environment, sender: &mpsc::Sender<Told>) {
    if environment.is_wayland() {
        let of = environment.clone();
        backends.spawn(tagged(Backend::Gnome, sender.clone(), gnome::run));
        backends.spawn(tagged(Backend::Kwin, sender.clone(), |updates| kwin::run(of, updates)));
        backends.spawn(tagged(Backend::Wayland, sender.clone(), |updates| wayland::run(environment, updates)));
    } else {
        backends.spawn(tagged(Backend::X11, sender.clone(), |updates| x11::run(environment, updates)));
    }
}

/// Runs a backend, and passes on what it tells under its name, for as long as anybody wants to know.
async fn tagged<F: Future<Output = ()>>(
    backend: Backend,
    sender: mpsc::Sender<Told>,
    run: impl FnOnce(mpsc::Sender<Update>) -> F,
) {
    let (updates, mut receiver) = mpsc::channel(1);
    // Its end is the receiver's, and so the backend's.
    let pass = async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                update = receiver.recv() => match update {
                    // Nobody there is the end, too.
                    Some(update) => drop(sender.send((backend, update)).await),
                    None => return,
                },
            }
        }
    };
    tokio::join!(run(updates), pass);
}
