//! Real window managers, none, and one that has died.

use std::path::Path;

use seclyzer::sources::x11::Update;
use x11rb::protocol::xproto::InputFocus;

use crate::follower::{Follower, NOTHING, focus};
use crate::xserver::{Process, XServer};
use crate::xwindows::Windows;

fn xterm(server: &XServer, name: &str, class: &str, home: &Path) -> Process {
    server.run("xterm", &["-name", name, "-class", class, "-e", "sleep", "600"], home)
}

/// A server on which a program runs and nothing has the focus, or what a window manager has given it to.
async fn followed() -> (XServer, Windows, tempfile::TempDir, Follower) {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;
    (server, windows, tempfile::tempdir().unwrap(), follower)
}

#[tokio::test]
async fn with_a_window_manager_and_two_programs_the_focus_is_followed_from_one_to_the_other_until_both_are_closed() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let home = tempfile::tempdir().unwrap();
    let _window_manager = server.run("openbox", &["--sm-disable"], home.path());
    windows.wait_for_window_manager();
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;

    let first = xterm(&server, "first", "First", home.path());
    follower.expect(focus("first", "First")).await;
    let second = xterm(&server, "second", "Second", home.path());
    follower.expect(focus("second", "Second")).await;
    windows.ask_for_focus(b"first\0First\0");
    follower.expect(focus("first", "First")).await;
    windows.ask_for_focus(b"second\0Second\0");
    follower.expect(focus("second", "Second")).await;

    second.kill();
    follower.expect(focus("first", "First")).await;
    first.kill();
    follower.expect(NOTHING).await;
}

#[tokio::test]
async fn without_a_window_manager_programs_are_followed_all_the_same() {
    let (server, windows, home, mut follower) = followed().await;
    let _first = xterm(&server, "first", "First", home.path());
    windows.focus(windows.wait_for_window(b"first\0First\0"));
    follower.wait_for(focus("first", "First")).await;
    let _second = xterm(&server, "second", "Second", home.path());
    windows.focus(windows.wait_for_window(b"second\0Second\0"));
    follower.wait_for(focus("second", "Second")).await;
}

#[tokio::test]
async fn under_a_window_manager_that_names_no_active_window_programs_are_followed() {
    let (server, windows, home, mut follower) = followed().await;
    // The fonts that it asks for otherwise come with no server.
    let fonts = ["Title", "Resize", "Menu", "Icon", "IconManager"].map(|of| format!("{of}Font \"fixed\"\n")).concat();
    std::fs::write(home.path().join(".twmrc"), format!("RandomPlacement\n{fonts}")).unwrap();
    let _window_manager = server.run("twm", &[], home.path());
    let _first = xterm(&server, "first", "First", home.path());
    let first = windows.wait_for_window(b"first\0First\0");
    let _second = xterm(&server, "second", "Second", home.path());
    let second = windows.wait_for_window(b"second\0Second\0");
    for window in [first, second, first] {
        windows.wait_for_shown(window);
        windows.point_at(window);
        let name = if window == first { focus("first", "First") } else { focus("second", "Second") };
        follower.wait_for(name).await;
    }
    assert_eq!(windows.active_window(), None);
}

#[tokio::test]
async fn the_word_of_a_window_manager_that_has_died_is_not_believed() {
    let (server, windows, home, mut follower) = followed().await;
    let window_manager = server.run("openbox", &["--sm-disable"], home.path());
    windows.wait_for_window_manager();
    let _first = xterm(&server, "first", "First", home.path());
    follower.wait_for(focus("first", "First")).await;
    let _second = xterm(&server, "second", "Second", home.path());
    follower.wait_for(focus("second", "Second")).await;

    window_manager.kill();
    // Whatever it was about to say last.
    let stale = windows.wait_for_window(b"second\0Second\0");
    windows.activate(stale);
    windows.focus(windows.wait_for_window(b"first\0First\0"));
    follower.wait_for(focus("first", "First")).await;
    windows.focus(InputFocus::NONE.into());
    follower.wait_for(NOTHING).await;
    assert_eq!(windows.active_window(), Some(stale));
}

#[tokio::test]
async fn a_window_manager_that_starts_later_is_followed() {
    let (server, windows, home, mut follower) = followed().await;
    let _first = xterm(&server, "first", "First", home.path());
    windows.focus(windows.wait_for_window(b"first\0First\0"));
    follower.wait_for(focus("first", "First")).await;
    let _window_manager = server.run("openbox", &["--sm-disable"], home.path());
    windows.wait_for_window_manager();
    let _second = xterm(&server, "second", "Second", home.path());
    follower.wait_for(focus("second", "Second")).await;
    windows.ask_for_focus(b"first\0First\0");
    follower.wait_for(focus("first", "First")).await;
}

#[tokio::test]
async fn where_no_window_has_the_focus_the_active_one_is_told_and_followed() {
    let (_server, windows, _home, mut follower) = followed().await;
    let one = windows.open(Some(b"one\0One\0"));
    windows.activate(one);
    follower.expect(focus("one", "One")).await;
    windows.set_wm_class(one, b"other\0Other\0");
    follower.expect(focus("other", "Other")).await;
    windows.close(one);
    follower.expect(NOTHING).await;
    assert_eq!(windows.active_window(), Some(one));
}

#[tokio::test]
async fn the_active_window_is_told_for_as_long_as_the_window_manager_lives() {
    let (_server, windows, _home, mut follower) = followed().await;
    let sign = windows.manage();
    windows.activate(windows.open(Some(b"one\0One\0")));
    follower.expect(focus("one", "One")).await;
    windows.close(sign);
    follower.expect(NOTHING).await;
    windows.manage();
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn an_active_window_that_is_no_window_is_nothing_and_stops_nothing() {
    let (_server, windows, _home, mut follower) = followed().await;
    let one = windows.open(Some(b"one\0One\0"));
    let vanished = windows.open(Some(b"gone\0Gone\0"));
    windows.close(vanished);
    let nonsense: [&dyn Fn(); 5] = [
        &|| windows.activate(windows.root),
        &|| windows.set_active_window_text(b"one"),
        &|| windows.set_active_window(&[]),
        &|| windows.activate(u32::MAX),
        &|| windows.activate(vanished),
    ];
    for say in nonsense {
        windows.activate(one);
        follower.expect(focus("one", "One")).await;
        say();
        follower.expect(NOTHING).await;
    }
}
