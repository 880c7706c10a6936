//! Real Wayland compositors without a screen, each in a room of its own.

mod room;

use super::{LIMIT, wait_until};
pub use room::{Process, Room, finish};
use seclyzer::sources::environment::Environment;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

/// A compositor, and how it is started.
pub struct Kind {
    pub name: &'static str,
    /// The root directory that has it.
    root: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What it calls its socket where nobody else has one.
    socket: &'static str,
    has_buses: bool,
}

const WLROOTS: &[(&str, &str)] = &[
    ("WLR_BACKENDS", "headless"),
    ("WLR_LIBINPUT_NO_DEVICES", "1"),
    ("WLR_RENDERER", "pixman"),
    ("LIBSEAT_BACKEND", "noop"),
];

pub static SWAY: Kind = Kind {
    name: "sway",
    root: "root",
    arguments: &["-c", "/dev/null"],
    environment: WLROOTS,
    socket: "wayland-1",
    has_buses: false,
};

pub static LABWC: Kind =
    Kind { name: "labwc", root: "root", arguments: &[], environment: WLROOTS, socket: "wayland-0", has_buses: false };

const PLAIN_KWIN: Kind = Kind {
    name: "kwin_wayland",
    root: "root",
    arguments: &["--virtual", "--no-lockscreen"],
    environment: &[("XDG_CURRENT_DESKTOP", "KDE")],
    socket: "wayland-0",
    has_buses: true,
};

pub static KWIN: Kind = PLAIN_KWIN;

/// With an X server for those who want one, on the room's first display.
pub static KWIN_WITH_X11: Kind = Kind { arguments: &["--virtual", "--no-lockscreen", "--xwayland"], ..PLAIN_KWIN };

pub static GNOME_SHELL: Kind = Kind {
    name: "gnome-shell",
    root: "gnome",
    // Unsafe is that it can be told to show a prompt, over its bus.
    arguments: &["--headless", "--wayland", "--no-x11", "--virtual-monitor", "800x600", "--unsafe-mode"],
    environment: &[("XDG_CURRENT_DESKTOP", "GNOME"), ("XDG_SESSION_TYPE", "wayland")],
    socket: "wayland-0",
    has_buses: true,
};

/// A compositor that runs, or that was killed and may be started again. All that is in its room ends with it.
pub struct Compositor {
    kind: &'static Kind,
    process: Option<Process>,
    _buses: Option<[Process; 2]>,
    room: Room,
}

impl Compositor {
    /// Starts one and waits until it takes clients.
    pub fn start(kind: &'static Kind) -> Compositor {
        Compositor::start_after(kind, |_| {})
    }

    /// The same, after its room has been prepared: the buses are there already.
    pub fn start_after(kind: &'static Kind, prepare: impl FnOnce(&Room)) -> Compositor {
        let room = Room::open(kind.root);
        let buses = kind.has_buses.then(|| room.start_buses());
        prepare(&room);
        let mut compositor = Compositor { kind, process: None, _buses: buses, room };
        compositor.start_again();
        compositor
    }

    /// Starts it at the same place as before.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut command = self.room.command(self.kind.name);
        command
            .args(self.kind.arguments)
            .envs(self.kind.environment.iter().copied())
            .env("SWAYSOCK", self.sway_socket());
        let mut process = self.room.start(self.kind.name, &mut command);
        process.wait_for_socket(&self.room.path().join(self.kind.socket));
        if self.kind.name == SWAY.name {
            process.wait_for_socket(&self.sway_socket());
        }
        self.process = Some(process);
    }

    /// At once, as a crash would.
    pub fn kill(&mut self) {
        drop(self.process.take());
        // Sway takes the name of a socket only where there is none.
        let _ = std::fs::remove_file(self.sway_socket());
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    fn sway_socket(&self) -> PathBuf {
        self.room.path().join("sway.sock")
    }

    /// The environment of a program in its session, that runs in the room.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.room.command(program);
        command.env("WAYLAND_DISPLAY", self.kind.socket).env("XDG_SESSION_TYPE", "wayland");
        command.envs(self.kind.environment.iter().copied()).env("SWAYSOCK", self.sway_socket());
        command
    }

    /// The same for a source outside of the room.
    pub fn environment(&self) -> Environment {
        Environment {
            session_type: Some("wayland".into()),
            wayland_display: Some(self.kind.socket.into()),
            runtime_dir: Some(self.room.path().into()),
            ..Environment::default()
        }
    }

    /// Runs a program in its session to its end, which must be a success. What it printed.
    pub fn run<A: AsRef<OsStr>>(&self, program: &str, arguments: &[A]) -> String {
        finish(self.command(program).args(arguments))
    }

    pub fn client<A: AsRef<OsStr>>(&self, program: &str, arguments: &[A]) -> Process {
        self.room.start(program, self.command(program).args(arguments))
    }

    /// Opens a window of that application, a terminal's in which nothing happens.
    pub fn window(&self, app_id: &str) -> Process {
        self.client("foot", &["-a", app_id, "sleep", "infinity"])
    }

    /// Opens a window of an X11 program of that class.
    pub fn xterm(&self, class: &str) -> Process {
        // The first display in a room is always free.
        self.client("xterm", &["-display", ":0", "-class", class, "-e", "sleep", "infinity"])
    }

    /// Opens a window of that application on sway and waits until it has the focus.
    pub fn sway_window(&self, app_id: &str) -> Process {
        let window = self.window(app_id);
        wait_until("a window with the focus", || self.sway_has_focused(app_id));
        window
    }

    /// Gives the focus to a window on sway.
    pub fn sway_focus(&self, app_id: &str) {
        let outcome = self.ask_sway(RUN_COMMAND, &format!("[app_id=\"{app_id}\"] focus"));
        assert_eq!(outcome[0]["success"], true, "{outcome}");
    }

    fn sway_has_focused(&self, app_id: &str) -> bool {
        has_focused(&self.ask_sway(GET_TREE, ""), app_id)
    }

    /// Sway's answer, without the time that it takes to start its own program for that.
    fn ask_sway(&self, question: u32, text: &str) -> Value {
        let mut stream = UnixStream::connect(self.sway_socket()).expect("sway runs");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        let length = u32::try_from(text.len()).expect("a short text");
        stream.write_all(SWAY_MAGIC).expect("sway runs");
        for number in [length, question] {
            stream.write_all(&number.to_ne_bytes()).expect("sway runs");
        }
        stream.write_all(text.as_bytes()).expect("sway runs");
        let mut header = [0; SWAY_MAGIC.len() + 8];
        stream.read_exact(&mut header).expect("an answer in time");
        let length = u32::from_ne_bytes(*header[SWAY_MAGIC.len()..].first_chunk().expect("a header"));
        let mut answer = vec![0; length as usize];
        stream.read_exact(&mut answer).expect("an answer in time");
        serde_json::from_slice(&answer).expect("JSON")
    }
}

/// How messages to sway and answers begin; then come the length and which question it is.
const SWAY_MAGIC: &[u8] = b"i3-ipc";
const RUN_COMMAND: u32 = 0;
const GET_TREE: u32 = 4;

fn has_focused(node: &Value, app_id: &str) -> bool {
    let is_it = node["focused"] == true && node["app_id"] == app_id;
    is_it || node["nodes"].as_array().is_some_and(|nodes| nodes.iter().any(|node| has_focused(node, app_id)))
}
