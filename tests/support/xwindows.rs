//! A program with windows, and a window manager's word on which of them is active, for tests.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, CreateWindowAux, EventMask, GrabMode,
    GrabStatus, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MapState, ModMask, PropMode, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::xserver::XServer;

pub struct Windows {
    x: RustConnection,
    pub root: Window,
    active_window: Atom,
}

/// What a program has for itself, until this goes.
pub struct Grab<'w> {
    windows: &'w Windows,
    cover: Option<Window>,
}

impl Grab<'_> {
    /// The window that covers the screen meanwhile.
    pub fn cover(&self) -> Option<Window> {
        self.cover
    }
}

impl Drop for Grab<'_> {
    fn drop(&mut self) {
        let Windows { x, .. } = self.windows;
        x.ungrab_keyboard(x11rb::CURRENT_TIME).unwrap().check().unwrap();
        x.ungrab_pointer(x11rb::CURRENT_TIME).unwrap().check().unwrap();
        if let Some(cover) = self.cover {
            self.windows.close(cover);
        }
    }
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
        self.create(self.root, 0, 9, &CreateWindowAux::new(), wm_class)
    }

    /// A new window in the upper left corner of another one, shown where that is.
    pub fn open_in(&self, parent: Window, wm_class: Option<&[u8]>) -> Window {
        let window = self.create(parent, 0, 9, &CreateWindowAux::new(), wm_class);
        self.show(window);
        self.show(parent);
        window
    }

    /// A new window of 90 by 90 at the screen's upper edge.
    pub fn open_at(&self, x: i16, wm_class: Option<&[u8]>) -> Window {
        self.create(self.root, x, 90, &CreateWindowAux::new(), wm_class)
    }

    /// A new window that goes past the window manager.
    pub fn open_unmanaged(&self, wm_class: &[u8]) -> Window {
        self.create(self.root, 0, 9, &CreateWindowAux::new().override_redirect(1), Some(wm_class))
    }

    /// A new window as lockers have it: it goes past the window manager, is on top, and covers the screen but for that
    /// many pixels on each side.
    pub fn cover(&self, margin: i16) -> Window {
        let root = self.x.get_geometry(self.root).unwrap().reply().unwrap();
        let window = self.x.generate_id().unwrap();
        let (aux, class) = (CreateWindowAux::new().override_redirect(1), WindowClass::INPUT_OUTPUT);
        let size = |of: u16| of - 2 * margin.unsigned_abs();
        let (width, height) = (size(root.width), size(root.height));
        let made = self.x.create_window(0, window, self.root, margin, margin, width, height, 0, class, 0, &aux);
        made.unwrap().check().unwrap();
        self.show(window);
        window
    }

    pub fn resize(&self, window: Window, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.x.configure_window(window, &size).unwrap().check().unwrap();
    }

    /// Moves a window into another one, as a window manager does with those that it manages.
    pub fn reparent(&self, window: Window, into: Window) {
        self.x.reparent_window(window, into, 0, 0).unwrap().check().unwrap();
    }

    fn create(&self, parent: Window, x: i16, size: u16, aux: &CreateWindowAux, wm_class: Option<&[u8]>) -> Window {
        let window = self.x.generate_id().unwrap();
        let class = WindowClass::INPUT_OUTPUT;
        self.x.create_window(0, window, parent, x, 0, size, size, 0, class, 0, aux).unwrap().check().unwrap();
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

    pub fn show(&self, window: Window) {
        self.x.map_window(window).unwrap().check().unwrap();
    }

    /// Shows a window and has the server send it what is typed; `InputFocus` says no window, or the one under the pointer.
    pub fn focus(&self, window: Window) {
        if window > u32::from(InputFocus::POINTER_ROOT) && window != self.root {
            self.show(window);
        }
        self.x.set_input_focus(InputFocus::NONE, window, x11rb::CURRENT_TIME).unwrap().check().unwrap();
    }

    pub fn move_pointer(&self, x: i16, y: i16) {
        self.x.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y).unwrap().check().unwrap();
    }

    /// Plays a living window manager; its sign of life.
    pub fn manage(&self) -> Window {
        let check = atom(&self.x, b"_NET_SUPPORTING_WM_CHECK");
        let sign = self.open_unmanaged(b"");
        for holder in [sign, self.root] {
            let (mode, kind) = (PropMode::REPLACE, AtomEnum::WINDOW);
            self.x.change_property32(mode, holder, check, kind, &[sign]).unwrap().check().unwrap();
        }
        sign
    }

    /// Makes the layout of that number the active one, as a shortcut for it does.
    pub fn switch_layout(&self, group: u8) {
        self.x.xkb_use_extension(1, 0).unwrap().reply().unwrap();
        let (keyboard, none) = (xkb::ID::USE_CORE_KBD.into(), ModMask::from(0u16));
        let cookie = self.x.xkb_latch_lock_state(keyboard, none, none, true, group.into(), none, false, 0);
        cookie.unwrap().check().unwrap();
    }

    /// Has a key write other symbols, as `xmodmap` does.
    pub fn remap(&self, keycode: u8, symbols: &[u32]) {
        let count = u8::try_from(symbols.len()).unwrap();
        self.x.change_keyboard_mapping(1, keycode, count, symbols).unwrap().check().unwrap();
    }

    /// Takes the keyboard from whatever has it, as a menu does, until the value goes.
    pub fn grab_keyboard(&self) -> Grab<'_> {
        let mode = GrabMode::ASYNC;
        let cookie = self.x.grab_keyboard(false, self.root, x11rb::CURRENT_TIME, mode, mode).unwrap();
        assert_eq!(cookie.reply().unwrap().status, GrabStatus::SUCCESS);
        Grab { windows: self, cover: None }
    }

    /// Takes the keyboard and the pointer, as menus of some toolkits do.
    pub fn grab_both(&self) -> Grab<'_> {
        let (mode, none) = (GrabMode::ASYNC, x11rb::NONE);
        let mask = EventMask::BUTTON_PRESS;
        let cookie = self.x.grab_pointer(false, self.root, mask, mode, mode, none, none, x11rb::CURRENT_TIME).unwrap();
        assert_eq!(cookie.reply().unwrap().status, GrabStatus::SUCCESS);
        self.grab_keyboard()
    }

    /// Covers the screen and takes the keyboard and the pointer, as lockers do.
    pub fn lock(&self) -> Grab<'_> {
        let mut grab = self.grab_both();
        grab.cover = Some(self.cover(0));
        grab
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

    /// The number of an atom.
    pub fn atom(&self, name: &[u8]) -> Atom {
        atom(&self.x, name)
    }

    /// What requests of an extension begin with.
    pub fn major_opcode(&self, extension: &str) -> u8 {
        self.x.query_extension(extension.as_bytes()).unwrap().reply().unwrap().major_opcode
    }

    /// Some window managers show it as a line of text.
    pub fn set_root_title(&self, title: &[u8]) {
        self.set_title(self.root, title);
    }

    /// Presses the left Shift, or lets go of it.
    pub fn hold_shift(&self, is_down: bool) {
        const LEFT_SHIFT: u8 = 50;
        let kind = if is_down { KEY_PRESS_EVENT } else { KEY_RELEASE_EVENT };
        self.x.xtest_fake_input(kind, LEFT_SHIFT, 0, x11rb::NONE, 0, 0, 0).unwrap().check().unwrap();
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
        eventually("a window manager", || self.windows_in(check).first().copied());
    }

    /// Waits for a program's window with that WM_CLASS, wherever a window manager has put it.
    pub fn wait_for_window(&self, wm_class: &[u8]) -> Window {
        eventually("such a window", || self.find(self.root, wm_class))
    }

    fn find(&self, parent: Window, wm_class: &[u8]) -> Option<Window> {
        let children = self.x.query_tree(parent).unwrap().reply().ok()?.children;
        children.into_iter().find_map(|child| match self.wm_class(child) == wm_class {
            true => Some(child),
            false => self.find(child, wm_class),
        })
    }

    pub fn wait_for_shown(&self, window: Window) {
        let attributes = || self.x.get_window_attributes(window).unwrap().reply().unwrap();
        eventually("the window is shown", || (attributes().map_state == MapState::VIEWABLE).then_some(()));
    }

    /// Moves the pointer into a window's upper left corner.
    pub fn point_at(&self, window: Window) {
        self.x.warp_pointer(x11rb::NONE, window, 0, 0, 0, 0, 3, 3).unwrap().check().unwrap();
    }

    fn windows_in(&self, property: Atom) -> Vec<Window> {
        let cookie = self.x.get_property(false, self.root, property, AtomEnum::WINDOW, 0, 100).unwrap();
        cookie.reply().unwrap().value32().map(Iterator::collect).unwrap_or_default()
    }

    fn wm_class(&self, window: Window) -> Vec<u8> {
        let cookie = self.x.get_property(false, window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, 100).unwrap();
        cookie.reply().map(|property| property.value).unwrap_or_default()
    }
}

fn atom(x: &RustConnection, name: &[u8]) -> Atom {
    x.intern_atom(false, name).unwrap().reply().unwrap().atom
}

fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
