//! A session of GNOME Shell with the extension, and how it is told what to do.

use crate::follower::{FREE, Follower, NOTHING, PROMPT, focus};
use crate::support::compositor::{Compositor, GNOME_SHELL, Process, Room};
use crate::support::eventually;
use seclyzer::sources::focus::Update;
use seclyzer::sources::focus::gnome::NEW;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use zbus::Connection;
use zbus::connection::Builder;
use zbus::zvariant::{DynamicType, Value};

/// What GTK calls the window of `form.py`.
pub const FORM: &str = "org.seclyzer.Form";

/// One session at a time: a shell that draws by the processor holds up another one's, and times are measured.
static TURN: Mutex<()> = Mutex::const_new(());

pub struct Session {
    pub compositor: Compositor,
    pub bus: Connection,
    /// Given up once the shell has ended.
    _turn: MutexGuard<'static, ()>,
}

impl Session {
    /// With the extension enabled.
    pub async fn start() -> Session {
        Session::prepared(|room| {
            install(room);
            set(room, &format!("enabled-extensions=['{NEW}']"));
        })
        .await
    }

    pub async fn prepared(prepare: impl FnOnce(&Room)) -> Session {
        let turn = TURN.lock().await;
        let compositor = Compositor::start_after(&GNOME_SHELL, prepare);
        let address = compositor.room().bus_address("session-bus");
        let bus = Builder::address(address.as_str()).expect("an address").build().await.expect("a bus");
        Session { compositor, bus, _turn: turn }
    }

    pub fn address(&self) -> String {
        self.compositor.room().bus_address("session-bus")
    }

    /// A new session of the shell begins with the overview, which takes the keys.
    pub async fn leave_overview(&self) {
        eventually("the overview is there", async || {
            self.eval("Main.overview.visible").await.filter(|is| is == "true")
        })
        .await;
        self.eval("Main.overview.hide()").await;
        eventually("the overview is gone", async || {
            self.eval("Main.overview.visible").await.filter(|is| is == "false")
        })
        .await;
    }

    /// What code that the shell runs comes to.
    pub async fn eval(&self, code: &str) -> Option<String> {
        let answer = self.call("org.gnome.Shell", "/org/gnome/Shell", "org.gnome.Shell", "Eval", &(code)).await.ok()?;
        let (is_success, value): (bool, String) = answer.body().deserialize().expect("an answer of Eval's");
        is_success.then_some(value)
    }

    /// Has the shell do something.
    pub async fn order(&self, code: &str) {
        assert!(self.eval(code).await.is_some(), "{code}");
    }

    async fn call<B: serde::Serialize + DynamicType>(
        &self,
        name: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> zbus::Result<zbus::Message> {
        self.bus.call_method(Some(name), path, Some(interface), method, body).await
    }

    /// Gives the focus to the window of that application. When that was, by the shell's clock.
    pub async fn switch_to(&self, app_id: &str) -> Duration {
        let find = format!("find(actor => actor.meta_window.get_wm_class() === '{app_id}')");
        let activate = "meta_window.activate(global.get_current_time())";
        let now = "imports.gi.GLib.get_monotonic_time()";
        let now_us = self.eval(&format!("global.get_window_actors().{find}.{activate}; {now}")).await;
        Duration::from_micros(now_us.expect("a window").parse().expect("a time"))
    }

    /// Waits until that application's window has the focus.
    pub async fn wait_for_window(&self, app_id: &str) {
        let focused = "global.display.focus_window?.get_wm_class()";
        let wanted = format!("\"{app_id}\"");
        eventually("the window has the focus", async || self.eval(focused).await.filter(|name| *name == wanted)).await;
    }

    /// Opens the window with fields.
    pub fn form(&self) -> Process {
        let path = self.compositor.room().path().join("form.py");
        fs::copy(here().join("tests/gnome/form.py"), &path).expect("copied");
        self.compositor.client("python3", &[path])
    }

    /// Gives the focus to one of its fields.
    pub async fn focus_field(&self, name: &str) {
        let (parameters, of_the_desktop) = (Vec::<Value<'_>>::new(), HashMap::<&str, Value<'_>>::new());
        let body = (name, parameters, of_the_desktop);
        self.call(FORM, "/org/seclyzer/Form", "org.gtk.Actions", "Activate", &body).await.expect("a field");
    }

    /// As a person does it: `enable` or `disable`.
    pub async fn tell_extensions(&self, verb: &'static str) {
        let mut command = self.compositor.command("gnome-extensions");
        command.args([verb, NEW]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Puts the extension where the shell looks for it.
pub fn install(room: &Room) {
    let folder = extensions(room).join(NEW);
    fs::create_dir_all(&folder).expect("a folder");
    for entry in fs::read_dir(here().join("packaging/gnome").join(NEW)).expect("the extension") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("copied");
    }
}

fn extensions(room: &Room) -> PathBuf {
    room.home().join(".local/share/gnome-shell/extensions")
}

/// Sets one of the shell's settings before it begins.
pub fn set(room: &Room, line: &str) {
    let folder = room.home().join(".config/glib-2.0/settings");
    fs::create_dir_all(&folder).expect("a folder");
    // The dialogue with which it welcomes new users would take the keys.
    let text = format!("[org/gnome/shell]\nwelcome-dialog-last-shown-version='999'\n{line}\n");
    fs::write(folder.join("keyfile"), text).expect("written");
}

/// The shell's clock.
pub fn monotonic() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a structure of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).expect("less than a second"))
}

/// A session without a window, followed.
pub async fn followed() -> (Session, Follower) {
    let session = Session::start().await;
    let mut follower = Follower::at(session.address());
    follower.skip_to(Update::Ready).await;
    follower.expect([PROMPT, NOTHING]).await;
    session.leave_overview().await;
    (session, follower)
}

/// Opens a window, whose application is told to have the focus.
pub async fn opened(session: &Session, follower: &mut Follower, app_id: &str) -> Process {
    let window = session.compositor.window(app_id);
    follower.skip_to(focus(app_id, "")).await;
    window
}

/// The first window: until then there was none.
pub async fn first_opened(session: &Session, follower: &mut Follower, app_id: &str) -> Process {
    let window = opened(session, follower, app_id).await;
    follower.expect([FREE]).await;
    window
}
