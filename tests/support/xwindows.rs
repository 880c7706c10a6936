//! A program with windows, and a window manager's word on which of them is active, for tests.

use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, GrabMode, GrabStatus, InputFocus,
    PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::xserver::XServer;

pub struct Windows {
    x: RustConnection,
    pub root: Window,
    active_window: Atom,
}

impl Windows {
    pub fn on(server: &XServer) -> Windows {
        let (x, screen) = RustConnection::connect(Some(&server.display())).unwrap();
        let root = x.setup().roots[screen].root;
        let active_window = atom(&x, b"_NET_ACTIVE_WINDOW");
        Windows { x, root, active_window }
    }

    /// A new window, with that WM_CLASS if any.
    pub fn open(&self, wm_class: Option<&[u8]>) -> Window {
        let window = self.x.generate_id().unwrap();
        let (root, aux) = (self.root, CreateWindowAux::new());
        let class = WindowClass::INPUT_OUTPUT;
        self.x.create_window(0, window, root, 0, 0, 9, 9, 0, class, 0, &aux).unwrap().check().unwrap();
        if let Some(wm_class) = wm_class {
            self.set_wm_class(window, wm_class);
        }
        window
    }

    pub fn set_wm_class(&self, window: Window, wm_class: &[u8]) {
        self.set(window, AtomEnum::WM_CLASS.into(), AtomEnum::STRING, wm_class);
    }

    pub fn set_wm_class_of_numbers(&self, window: Window, numbers: &[u32]) {
        let (property, kind) = (AtomEnum::WM_CLASS, AtomEnum::CARDINAL);
        self.x.change_property32(PropMode::REPLACE, window, property, kind, numbers).unwrap().check().unwrap();
    }

    pub fn set_title(&self, window: Window, title: &[u8]) {
        self.set(window, AtomEnum::WM_NAME.into(), AtomEnum::STRING, title);
    }

    fn set(&self, window: Window, property: Atom, kind: AtomEnum, text: &[u8]) {
        self.x.change_property8(PropMode::REPLACE, window, property, kind, text).unwrap().check().unwrap();
    }

    pub fn close(&self, window: Window) {
        self.x.destroy_window(window).unwrap().check().unwrap();
    }

    /// Says that this window is the active one, as a window manager does.
    pub fn activate(&self, window: Window) {
        self.set_active_window(&[window]);
    }

    /// Shows a window and has the server send it what is typed.
    pub fn give_keyboard(&self, window: Window) {
        self.x.map_window(window).unwrap().check().unwrap();
        self.x.set_input_focus(InputFocus::NONE, window, x11rb::CURRENT_TIME).unwrap().check().unwrap();
    }

    /// Takes the keyboard from whatever has it, as a locker does, until the value goes.
    pub fn grab_keyboard(&self) -> impl Drop {
        struct Grab<'x>(&'x RustConnection);
        impl Drop for Grab<'_> {
            fn drop(&mut self) {
                self.0.ungrab_keyboard(x11rb::CURRENT_TIME).unwrap().check().unwrap();
            }
        }
        let mode = GrabMode::ASYNC;
        let cookie = self.x.grab_keyboard(false, self.root, x11rb::CURRENT_TIME, mode, mode).unwrap();
        assert_eq!(cookie.reply().unwrap().status, GrabStatus::SUCCESS);
        Grab(&self.x)
    }

    /// Says so with any number of windows.
    pub fn set_active_window(&self, windows: &[Window]) {
        let (property, kind) = (self.active_window, AtomEnum::WINDOW);
        self.x.change_property32(PropMode::REPLACE, self.root, property, kind, windows).unwrap().check().unwrap();
    }

    /// Says something that is no window at all.
    pub fn set_active_window_text(&self, text: &[u8]) {
        self.set(self.root, self.active_window, AtomEnum::STRING, text);
    }

    /// The number of `_NET_ACTIVE_WINDOW`.
    pub fn active_window_atom(&self) -> Atom {
        self.active_window
    }

    /// What the window manager says, if it does.
    pub fn active_window(&self) -> Option<Window> {
        self.windows_in(self.active_window).first().copied()
    }

    /// Asks the window manager to give the focus to the one managed window with that WM_CLASS.
    pub fn ask_for_focus(&self, wm_class: &[u8]) {
        let clients = self.windows_in(atom(&self.x, b"_NET_CLIENT_LIST"));
        let window = clients.into_iter().find(|&window| self.wm_class(window) == wm_class).expect("such a window");
        let request = ClientMessageEvent::new(32, window, self.active_window, [2, x11rb::CURRENT_TIME, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.x.send_event(false, self.root, mask, request).unwrap().check().unwrap();
    }

    /// Waits for a window manager to run on the display.
    pub fn wait_for_window_manager(&self) {
        let check = atom(&self.x, b"_NET_SUPPORTING_WM_CHECK");
        let start = Instant::now();
        while self.windows_in(check).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(60), "no window manager");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn windows_in(&self, property: Atom) -> Vec<Window> {
        let cookie = self.x.get_property(false, self.root, property, AtomEnum::WINDOW, 0, 100).unwrap();
        cookie.reply().unwrap().value32().map(Iterator::collect).unwrap_or_default()
    }

    fn wm_class(&self, window: Window) -> Vec<u8> {
        let cookie = self.x.get_property(false, window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, 100).unwrap();
        cookie.reply().unwrap().value
    }
}

fn atom(x: &RustConnection, name: &[u8]) -> Atom {
    x.intern_atom(false, name).unwrap().reply().unwrap().atom
}
