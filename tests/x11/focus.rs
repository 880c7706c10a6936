//! The input focus, without a window manager.

use std::time::Duration;

use x11rb::protocol::xproto::InputFocus;

use crate::follower::{Follower, NAMELESS, NOTHING, focus, two_windows};
use crate::log;
use crate::xserver::XServer;
use crate::xwindows::Windows;
use seclyzer::sources::x11::{Taker, Update};

#[tokio::test]
async fn every_change_of_the_focus_is_told_with_both_halves_of_wm_class() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    windows.focus(two);
    follower.expect(focus("two", "Two")).await;
    windows.focus(one);
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn another_window_of_the_same_application_is_told_and_the_same_window_is_not_told_twice() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    let dialogue_of_one = windows.open(Some(b"one\0One\0"));
    for window in [dialogue_of_one, one] {
        windows.focus(window);
        follower.expect(focus("one", "One")).await;
    }
    windows.focus(one);
    windows.focus(two);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn of_two_windows_without_a_name_each_is_told_and_the_log_says_once_that_they_cannot_be_excluded() {
    log::keep();
    let (_server, windows, _, mut follower) = two_windows().await;
    for _ in 0..2 {
        windows.focus(windows.open(None));
        follower.expect(NAMELESS).await;
    }
    let warnings: Vec<_> = log::lines().into_iter().filter(|line| line.starts_with("WARN")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("x11.excluded_apps cannot exclude it"), "{warnings:?}");
}

#[tokio::test]
async fn a_program_that_takes_the_keyboard_and_gives_it_back_is_told_though_the_focus_stays() {
    let (_server, windows, _, mut follower) = two_windows().await;
    let lock = windows.grab_keyboard();
    follower.expect(Update::Taken(Some(Taker::Grab))).await;
    follower.expect(focus("one", "One")).await;
    drop(lock);
    follower.expect(focus("one", "One")).await;
    follower.expect(Update::Taken(None)).await;
}

#[tokio::test]
async fn however_fast_the_focus_changes_the_last_change_is_told() {
    let (_server, mut windows, [one, two], mut follower) = two_windows().await;
    for round in 0..20 {
        let last = format!("last{round}");
        let wm_class = last.clone();
        // On a thread of its own, so that changes come while an answer about an earlier one is under way.
        let changes = std::thread::spawn(move || {
            let last = windows.open(Some(wm_class.as_bytes()));
            for _ in 0..50 {
                windows.focus(one);
                windows.focus(two);
            }
            windows.focus(last);
            windows
        });
        follower.wait_for(focus(&last, "")).await;
        windows = changes.join().unwrap();
    }
}

#[tokio::test]
async fn a_moment_without_focus_between_two_windows_is_not_told() {
    let (_server, windows, [_, two], mut follower) = two_windows().await;
    windows.focus(InputFocus::NONE.into());
    tokio::time::sleep(Duration::from_millis(20)).await;
    windows.focus(two);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn that_no_window_has_the_focus_is_told_when_it_lasts() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    windows.focus(InputFocus::NONE.into());
    follower.expect(NOTHING).await;
    windows.focus(one);
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn a_closed_window_loses_the_focus_and_stops_nothing() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    windows.close(one);
    follower.expect(NOTHING).await;
    for _ in 0..100 {
        let short_lived = windows.open(Some(b"brief\0Brief\0"));
        windows.focus(short_lived);
        windows.close(short_lived);
    }
    windows.focus(two);
    follower.wait_for(focus("two", "Two")).await;
}

#[tokio::test]
async fn a_window_within_an_application_s_window_is_the_application() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    let field = windows.open_in(windows.open_in(two, None), None);
    // As Java takes the keyboard.
    let proxy = windows.open_in(one, Some(b"Focus-Proxy-Window\0FocusProxy\0"));
    windows.focus(field);
    follower.expect(focus("two", "Two")).await;
    windows.focus(proxy);
    follower.expect(focus("one", "One")).await;
    // From one of its windows to another: nothing is new.
    windows.focus(one);
    windows.focus(field);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn a_window_manager_s_frame_does_not_name_the_window_in_it() {
    let (server, windows, [one, _], mut follower) = two_windows().await;
    let manager = Windows::on(&server);
    let frame = manager.open(Some(b"i3-frame\0i3-frame\0"));
    let nameless = windows.open_in(frame, None);
    let field = windows.open_in(nameless, None);
    windows.focus(field);
    follower.expect(NAMELESS).await;
    windows.focus(one);
    follower.expect(focus("one", "One")).await;
    windows.focus(nameless);
    follower.expect(NAMELESS).await;
    windows.set_wm_class(nameless, b"two\0Two\0");
    follower.expect(focus("two", "Two")).await;
    windows.focus(one);
    follower.expect(focus("one", "One")).await;
    windows.focus(field);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn a_window_that_no_window_manager_knows_has_the_focus_that_it_takes() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    windows.manage();
    windows.activate(one);
    let prompt = windows.open_unmanaged(b"prompt\0Pinentry\0");
    windows.focus(prompt);
    follower.expect(focus("prompt", "Pinentry")).await;
    assert_eq!(windows.active_window(), Some(one));
    windows.close(prompt);
    // No window has it now, and the window manager's word is all there is.
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn where_the_focus_is_with_the_pointer_the_window_under_it_has_the_keyboard() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let left = windows.open_at(0, Some(b"left\0Left\0"));
    // As in a window manager's frame.
    let frame = windows.open_at(100, None);
    let framed = windows.open_in(frame, Some(b"framed\0Framed\0"));
    windows.show(left);
    windows.show(framed);
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;

    windows.move_pointer(5, 5);
    follower.expect(focus("left", "Left")).await;
    windows.move_pointer(105, 5);
    follower.expect(focus("framed", "Framed")).await;
    windows.move_pointer(150, 50);
    follower.expect(NAMELESS).await;
    windows.move_pointer(5, 5);
    follower.expect(focus("left", "Left")).await;
    windows.focus(framed);
    follower.expect(focus("framed", "Framed")).await;
    // The root window's focus is the pointer's, too.
    windows.focus(windows.root);
    follower.expect(focus("left", "Left")).await;
    windows.move_pointer(400, 400);
    follower.expect(NOTHING).await;
    // A window that comes up under the pointer.
    let late = windows.open_at(390, Some(b"late\0Late\0"));
    windows.move_pointer(395, 5);
    windows.show(late);
    follower.wait_for(focus("late", "Late")).await;
    windows.close(late);
    follower.expect(NOTHING).await;
}

#[tokio::test]
async fn a_window_that_is_named_anew_while_it_has_the_focus_is_told_each_time() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    windows.set_title(one, b"Document");
    windows.set_wm_class(one, b"writer\0libreoffice-writer\0");
    follower.expect(focus("writer", "libreoffice-writer")).await;
    windows.set_wm_class(one, b"keepassxc\0KeePassXC\0");
    follower.expect(focus("keepassxc", "KeePassXC")).await;
    // What another window is called matters to nobody.
    windows.set_wm_class(two, b"other\0Other\0");
    windows.set_wm_class(one, b"one\0One\0");
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn a_window_that_is_named_after_it_got_the_focus_is_told() {
    let (_server, windows, _, mut follower) = two_windows().await;
    let late = windows.open(None);
    windows.focus(late);
    follower.expect(NAMELESS).await;
    windows.set_title(late, b"still starting");
    windows.set_wm_class(late, b"late\0Late\0");
    follower.expect(focus("late", "Late")).await;
}

#[tokio::test]
async fn a_new_name_is_told_while_the_title_flickers() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    for round in 0..3u8 {
        for title in 0..=250u8 {
            windows.set_title(one, &[title]);
        }
        windows.set_wm_class(one, &[b'a' + round]);
        for title in 0..=250u8 {
            windows.set_title(one, &[title]);
        }
        follower.expect(focus(&char::from(b'a' + round).to_string(), "")).await;
    }
}
