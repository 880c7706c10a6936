//! A change of focus that is told after what was typed behind it, as on Wayland.

use super::*;
use crate::event::Action;
use crate::sources::focus::Taker;

impl Desk {
    /// Another window of the same desktop gets the focus.
    async fn switch(&mut self, backend: Backend, name: &str) {
        let app = App { instance: name.into(), class: "".into() };
        self.told.send((backend, Update::Focus(Focus::App(app)))).await.expect("somebody who hears it");
        self.take_until("the focus is taken", |desk| desk.capture.recipient.name().as_deref() == Some(name)).await;
    }
}

/// What was captured, in order: `a` for a key press, the application for a focus.
fn story(desk: &Desk) -> Vec<&str> {
    desk.out
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::Focus { app } => Some(app.as_deref().unwrap_or("-")),
            Event::Key { action: Action::Press, .. } => Some("a"),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_is_typed_before_an_excluded_application_is_told_to_have_the_focus_is_nowhere() {
    for backend in [Backend::Wayland, Backend::Kwin, Backend::Gnome] {
        let mut desk = Desk::excluding(&["KeePassXC"]);
        desk.focus(backend, "editor").await;
        desk.tap_all(&[A, A]).await;
        desk.switch(backend, "org.keepassxc.KeePassXC").await;
        desk.tap(A).await;
        desk.rest().await;
        assert_eq!((desk.pressed(), desk.discarded()), (0, 3), "{backend:?}");
        let count = |why| desk.capture.counts().of(why);
        assert_eq!((count(Withheld::Doubt), count(Withheld::Application)), (2, 1), "{backend:?}");
        desk.switch(backend, "editor").await;
        desk.tap(A).await;
        desk.rest().await;
        assert_eq!(desk.pressed(), 1, "{backend:?}");
    }
}

#[tokio::test]
async fn what_was_typed_longer_before_is_captured() {
    let mut desk = Desk::excluding(&["keepassxc"]);
    desk.focus(Backend::Wayland, "editor").await;
    desk.tap(A).await;
    desk.rest().await;
    desk.switch(Backend::Wayland, "keepassxc").await;
    assert_eq!((desk.pressed(), desk.discarded()), (1, 0));
}

#[tokio::test]
async fn what_is_typed_shortly_before_a_change_belongs_to_the_line_of_neither_application() {
    let mut desk = Desk::new();
    desk.focus(Backend::Wayland, "one").await;
    desk.tap(A).await;
    desk.switch(Backend::Wayland, "two").await;
    desk.tap(A).await;
    desk.rest().await;
    let told = story(&desk);
    let ending = &told[told.len() - 5..];
    assert_eq!(ending, ["one", "one", "a", "two", "a"], "a line ends where a focus is told: {told:?}");
    assert!(desk.out.is_sorted_by_key(|stamped| stamped.ts_us));
}

#[tokio::test]
async fn whatever_takes_the_keys_takes_those_before_it_is_told_too() {
    for taker in [Taker::Lock, Taker::Prompt, Taker::Field] {
        let mut desk = Desk::new();
        desk.focus(Backend::Gnome, "editor").await;
        desk.tap(A).await;
        desk.told.send((Backend::Gnome, Update::Taken(Some(taker)))).await.expect("somebody who hears it");
        desk.take_until("it is taken", |desk| desk.capture.withholds() == Some(Withheld::from(taker))).await;
        desk.tap(A).await;
        desk.told.send((Backend::Gnome, Update::Taken(None))).await.expect("somebody who hears it");
        desk.take_until("it is free", |desk| desk.capture.withholds().is_none()).await;
        desk.rest().await;
        assert_eq!((desk.pressed(), desk.discarded()), (0, 2), "{taker:?}");
    }
}

#[tokio::test]
async fn the_end_of_a_window_waits_for_what_is_held_back() {
    let mut desk = Desk::new();
    assert_eq!(desk.capture.hold_us(), 0);
    desk.focus(Backend::Wayland, "editor").await;
    assert_eq!(desk.capture.hold_us(), HOLD.as_micros() as i64);
    let begun = Instant::now();
    desk.tap(A).await;
    desk.take_until("it is captured", |desk| desk.pressed() == 1).await;
    assert!(begun.elapsed() >= HOLD, "{:?}", begun.elapsed());
    desk.focus(Backend::X11, "another").await;
    assert_eq!((desk.capture.hold_us(), story(&desk).last()), (0, Some(&"another")));
}

#[tokio::test]
async fn where_the_compositor_ends_an_exclusion_stays_until_another_application_is_known() {
    let mut desk = Desk::excluding(&["keepassxc"]);
    desk.focus(Backend::Wayland, "keepassxc").await;
    desk.told.send((Backend::Wayland, Update::Unknown("it has ended".into()))).await.expect("somebody who hears it");
    desk.take_until("it is unknown", |desk| desk.capture.backend().is_none()).await;
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.capture.withholds()), (0, Some(Withheld::Application)));
    assert_eq!(desk.capture.trouble(), Some("it has ended"));
    desk.focus(Backend::Wayland, "editor").await;
    assert_eq!(desk.capture.withholds(), None);
}

#[tokio::test]
async fn where_the_desktop_ends_what_took_the_keys_is_believed_until_another_tells_what_has_the_focus() {
    let mut desk = Desk::new();
    desk.focus(Backend::Gnome, "editor").await;
    for update in [Update::Taken(Some(Taker::Field)), Update::Unknown("the bus has ended".into())] {
        desk.told.send((Backend::Gnome, update)).await.expect("somebody who hears it");
    }
    desk.take_until("it is unknown", |desk| desk.capture.backend().is_none()).await;
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.capture.withholds()), (0, Some(Withheld::Field)));
    desk.focus(Backend::Gnome, "editor").await;
    assert_eq!(desk.capture.withholds(), None);
}

#[tokio::test]
async fn nothing_spans_the_time_in_which_the_keys_were_taken() {
    let mut desk = Desk::new();
    desk.focus(Backend::Gnome, "editor").await;
    desk.told.send((Backend::Gnome, Update::Taken(Some(Taker::Field)))).await.expect("somebody who hears it");
    desk.take_until("it is taken", |desk| desk.capture.withholds().is_some()).await;
    desk.rest().await;
    assert_eq!(desk.gaps(), 1);
}

#[tokio::test]
async fn a_prompt_is_looked_for_before_the_focus_leaves_its_terminal() {
    for backend in [Backend::X11, Backend::Wayland] {
        let mut desk = Desk::new();
        desk.focus(backend, "xterm").await;
        desk.tap_all(&[A, A]).await;
        desk.ask();
        desk.switch(backend, "editor").await;
        desk.rest().await;
        assert_eq!((desk.pressed(), desk.of_terminal(), desk.gaps()), (0, 2, 1), "{backend:?}");
    }
}

#[tokio::test]
async fn a_keystroke_that_has_waited_long_enough_is_captured_though_a_change_of_focus_is_told_before_it_is_read() {
    let mut desk = Desk::excluding(&["keepassxc"]);
    desk.focus(Backend::Wayland, "editor").await;
    let typed_us = boot_us() - desk.capture.hold_us() - 1_000;
    desk.keyboard.write_all(&[key(typed_us, A, 1), key(typed_us + 500, A, 0)].concat()).expect("typed");
    let app = App { instance: "keepassxc".into(), class: "".into() };
    desk.told.send((Backend::Wayland, Update::Focus(Focus::App(app)))).await.expect("somebody who hears it");
    desk.take_until("the focus is taken", |desk| desk.capture.recipient.is_app_excluded()).await;
    assert_eq!((desk.pressed(), desk.discarded()), (1, 0));
}
