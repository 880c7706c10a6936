//! The windows of a compositor, and which of them has the focus.

use crate::sources::app::{App, readable};
use crate::sources::focus::Focus;
use std::collections::{BTreeMap, BTreeSet};

/// More than anybody opens.
pub const MOST_WINDOWS: usize = 4096;
/// Of the states in a window's list of them, the one of the window that has the focus.
const ACTIVATED: u32 = 2;

/// What a compositor says of a window, all of it at once.
#[derive(Debug, Clone, Default)]
struct State {
    app_id: Option<Box<str>>,
    is_activated: bool,
}

#[derive(Debug, Default)]
struct Window {
    /// Holds when the compositor says that it is complete.
    next: State,
    app_id: Option<Box<str>>,
}

/// Windows by the number that the compositor gave them.
#[derive(Debug, Default)]
pub struct Windows {
    windows: BTreeMap<u32, Window>,
    /// Of which something was said that does not hold yet.
    changed: BTreeSet<u32>,
    /// Those that have the focus: one, but where there are several keyboards, or where the next window gets the focus
    /// before the last one is told to have lost it. The newest comes last.
    activated: Vec<u32>,
}

/// A window, and what it is the focus of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focused {
    pub window: u32,
    pub focus: Focus,
}

impl Windows {
    /// Whether there is room for it. The focus of a window that is not followed is that of no window.
    pub fn open(&mut self, window: u32) -> bool {
        let has_room = self.windows.len() < MOST_WINDOWS;
        if has_room {
            self.windows.insert(window, Window::default());
        }
        has_room
    }

    pub fn close(&mut self, window: u32) {
        self.windows.remove(&window);
        self.changed.remove(&window);
        self.activated.retain(|&activated| activated != window);
    }

    /// Any program may call itself anything.
    pub fn set_app_id(&mut self, window: u32, app_id: &[u8]) {
        if let Some(next) = self.next(window) {
            next.app_id = readable(app_id);
        }
    }

    /// `states` is an array of numbers.
    pub fn set_states(&mut self, window: u32, states: &[u8]) {
        if let Some(next) = self.next(window) {
            next.is_activated = states.as_chunks().0.iter().any(|&state| u32::from_ne_bytes(state) == ACTIVATED);
        }
    }

    fn next(&mut self, number: u32) -> Option<&mut State> {
        let window = self.windows.get_mut(&number)?;
        self.changed.insert(number);
        Some(&mut window.next)
    }

    /// All that was said of a window holds from now on.
    pub fn apply(&mut self, number: u32) {
        self.changed.remove(&number);
        let Some(window) = self.windows.get_mut(&number) else { return };
        window.app_id.clone_from(&window.next.app_id);
        let was_activated = self.activated.contains(&number);
        if window.next.is_activated && !was_activated {
            self.activated.push(number);
        } else if !window.next.is_activated && was_activated {
            self.activated.retain(|&activated| activated != number);
        }
    }

    /// The same of all windows.
    pub fn apply_all(&mut self) {
        while let Some(&window) = self.changed.first() {
            self.apply(window);
        }
    }

    /// The window that has the focus.
    pub fn focused(&self) -> Option<Focused> {
        let &window = self.activated.last()?;
        let app_id = self.windows.get(&window)?.app_id.clone();
        let focus = match app_id {
            Some(instance) => Focus::App(App { instance, class: "".into() }),
            None => Focus::Nameless,
        };
        Some(Focused { window, focus })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn focused(window: u32, app_id: &str) -> Option<Focused> {
        Some(Focused { window, focus: Focus::App(App { instance: app_id.into(), class: "".into() }) })
    }

    fn states(states: &[u32]) -> Vec<u8> {
        states.iter().flat_map(|state| state.to_ne_bytes()).collect()
    }

    fn opened(app_ids: &[&str]) -> Windows {
        let mut windows = Windows::default();
        for (number, app_id) in (1..).zip(app_ids) {
            windows.open(number);
            windows.set_app_id(number, app_id.as_bytes());
            windows.apply(number);
        }
        windows
    }

    fn activate(windows: &mut Windows, window: u32, of: &[u32]) {
        windows.set_states(window, &states(of));
        windows.apply(window);
    }

    #[test]
    fn the_activated_window_has_the_focus_and_none_where_none_is() {
        let mut windows = opened(&["one", "two"]);
        assert_eq!(windows.focused(), None);
        activate(&mut windows, 1, &[0, ACTIVATED]);
        assert_eq!(windows.focused(), focused(1, "one"));
        activate(&mut windows, 1, &[0, 1, 3]);
        assert_eq!(windows.focused(), None);
    }

    #[test]
    fn of_several_the_newest_has_it_and_what_is_closed_has_it_no_more() {
        let mut windows = opened(&["one", "two"]);
        activate(&mut windows, 1, &[ACTIVATED]);
        activate(&mut windows, 2, &[ACTIVATED]);
        assert_eq!(windows.focused(), focused(2, "two"));
        windows.close(2);
        assert_eq!(windows.focused(), focused(1, "one"));
        windows.close(1);
        assert_eq!(windows.focused(), None);
    }

    #[test]
    fn what_is_said_of_a_window_holds_when_it_is_complete() {
        let mut windows = opened(&["one"]);
        windows.set_states(1, &states(&[ACTIVATED]));
        windows.set_app_id(1, b"another");
        assert_eq!(windows.focused(), None);
        windows.apply_all();
        assert_eq!(windows.focused(), focused(1, "another"));
    }

    #[test]
    fn a_window_without_a_name_that_can_be_read_is_nameless() {
        for app_id in [&b""[..], b"\x1b\x07", &[b'a'; 257]] {
            let mut windows = opened(&["one"]);
            windows.set_app_id(1, app_id);
            activate(&mut windows, 1, &[ACTIVATED]);
            assert_eq!(windows.focused(), Some(Focused { window: 1, focus: Focus::Nameless }));
        }
    }

    #[test]
    fn states_that_end_within_a_number_and_windows_that_are_not_there_are_nothing() {
        let mut windows = opened(&["one"]);
        windows.set_states(1, &states(&[ACTIVATED])[..3]);
        windows.apply(1);
        windows.set_states(2, &states(&[ACTIVATED]));
        windows.apply(2);
        assert_eq!(windows.focused(), None);
    }

    #[test]
    fn the_focus_of_a_window_that_there_is_no_room_for_is_that_of_none() {
        let mut windows = Windows::default();
        assert!((0..MOST_WINDOWS as u32).all(|window| windows.open(window)));
        let beyond = MOST_WINDOWS as u32;
        assert!(!windows.open(beyond));
        activate(&mut windows, beyond, &[ACTIVATED]);
        assert_eq!(windows.focused(), None);
    }
}
