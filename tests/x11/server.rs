//! The X server: none, one that dies, one that is silent, one that refuses.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seclyzer::sources::x11::{self, Environment, Error, Update};
use tokio::net::UnixListener;

use crate::follower::{Follower, LIMIT, environment, focus, two_windows};
use crate::log;
use crate::xproxy::XProxy;
use crate::xserver::{XServer, socket_path, unused_display};
use crate::xwindows::Windows;

#[tokio::test]
async fn when_the_server_dies_the_focus_is_unknown_and_its_successor_is_found() {
    log::keep();
    let number = unused_display();
    let server = XServer::start_on(number);
    let windows = Windows::on(&server);
    windows.focus(windows.open(Some(b"one\0One\0")));
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;

    server.kill();
    assert!(!follower.expect_unknown().await.is_empty());

    let server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
    let windows = Windows::on(&server);
    windows.focus(windows.open(Some(b"two\0Two\0")));
    follower.wait_for(focus("two", "Two")).await;

    let lines = log::lines();
    assert_eq!(lines[0], "INFO seclyzer::sources::focus::log: ✓ App Tracker initialized and ready");
    assert!(lines[1].starts_with("WARN seclyzer::sources::focus::log: lost the X server: "), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "INFO seclyzer::sources::focus::log: connected to the X server again");
    assert!(lines.len() <= 4, "{lines:?}");
}

/// Measures the longest time for which the runtime did nothing else.
async fn watch_pace(longest_gap: &mut Duration) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        *longest_gap = (*longest_gap).max(last.elapsed());
        last = Instant::now();
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_holds_up_nothing_and_its_successor_is_found() {
    log::keep();
    let number = unused_display();
    // The first X server on a machine makes the directory of the sockets.
    drop(XServer::start());
    // The kernel accepts for a listener that never looks.
    let silent = UnixListener::bind(socket_path(number)).unwrap();
    let mut follower = Follower::on(format!(":{number}"));
    let mut longest_gap = Duration::ZERO;
    tokio::select! {
        () = watch_pace(&mut longest_gap) => {}
        reason = follower.expect_unknown() => assert!(reason.contains("no answer"), "{reason}"),
    }
    assert!(longest_gap < Duration::from_secs(1), "{longest_gap:?}");
    assert!(log::lines()[0].contains("the X server gave no answer within 3 s"), "{:?}", log::lines());

    drop(silent);
    std::fs::remove_file(socket_path(number)).unwrap();
    let _server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_while_it_is_asked_is_given_up_and_found_again() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let [one, two] = [&b"one\0One\0"[..], b"two\0Two\0"].map(|wm_class| windows.open(Some(wm_class)));
    windows.focus(one);
    let proxy = XProxy::before(&server);
    let mut follower = Follower::on(proxy.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;

    proxy.set_deaf(true);
    windows.focus(two);
    let mut longest_gap = Duration::ZERO;
    tokio::select! {
        () = watch_pace(&mut longest_gap) => {}
        reason = follower.expect_unknown() => assert!(reason.contains("no answer"), "{reason}"),
    }
    assert!(longest_gap < Duration::from_secs(1), "{longest_gap:?}");
    proxy.set_deaf(false);
    follower.expect(Update::Ready).await;
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn a_server_that_appears_later_is_found_and_the_log_says_once_that_there_was_none() {
    log::keep();
    let number = unused_display();
    let mut follower = Follower::on(format!(":{number}"));
    assert!(follower.expect_unknown().await.contains("no X server"));
    // Long enough for at least one attempt more to fail.
    assert!(tokio::time::timeout(Duration::from_millis(1500), follower.updates.recv()).await.is_err());
    let _server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
    let lines = log::lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("INFO") && lines[0].contains("no X server on DISPLAY="), "{lines:?}");
    assert!(lines[1].ends_with("✓ App Tracker initialized and ready"), "{lines:?}");
}

fn add_cookie(file: &Path, display: &str, cookie: &str) {
    let mut xauth = Command::new("xauth");
    let status = xauth.arg("-qf").arg(file).args(["add", display, ".", cookie]).stderr(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_wrong_cookie_is_refused_with_a_clear_line_and_a_right_one_is_picked_up_without_a_restart() {
    const COOKIE: &str = "00112233445566778899aabbccddeeff";
    const WRONG_COOKIE: &str = "ffeeddccbbaa99887766554433221100";
    log::keep();
    let directory = tempfile::tempdir().unwrap();
    let servers_file = directory.path().join("server");
    add_cookie(&servers_file, ":0", COOKIE);
    let server = XServer::start_with_authority(&servers_file);
    let file = directory.path().join("client");
    add_cookie(&file, &server.display(), WRONG_COOKIE);

    let environment = Environment { xauthority: Some(file.clone()), ..environment(server.display()) };
    assert!(matches!(x11::check(&environment).await, Err(Error::Refused { .. })));
    let mut follower = Follower::of(environment.clone());
    assert!(follower.expect_unknown().await.contains("refused"));
    let line = log::lines().remove(0);
    assert!(line.starts_with("WARN") && line.contains("refused") && line.contains(file.to_str().unwrap()), "{line}");

    add_cookie(&file, &server.display(), COOKIE);
    follower.expect(Update::Ready).await;
    x11::check(&environment).await.unwrap();
    let everything = log::lines().concat();
    assert!(!everything.contains(COOKIE) && !everything.contains(WRONG_COOKIE), "{everything}");
}

#[tokio::test]
async fn where_no_server_can_be_followed_one_line_says_so_and_that_is_all() {
    let on = |display: &str| environment(display.into());
    let wayland = Environment { session_type: Some("wayland".into()), ..on(":0") };
    let wayland_display = Environment { session_type: None, wayland_display: Some("wayland-0".into()), ..on(":0") };
    for (environment, said) in [
        (wayland, "Wayland"),
        (wayland_display, "Wayland"),
        (Environment::default(), "DISPLAY is not set"),
        (on("nonsense"), "DISPLAY=\"nonsense\""),
        (on(":65535"), "DISPLAY=\":65535\""),
    ] {
        log::keep();
        let mut follower = Follower::of(environment);
        assert!(follower.expect_unknown().await.contains(said));
        follower.expect_end().await;
        let lines = log::lines();
        assert!(lines.len() == 1 && lines[0].contains(said), "{lines:?}");
        assert!(lines[0].contains("no application can be excluded"), "{lines:?}");
    }
}

#[tokio::test]
async fn it_ends_when_nobody_listens_any_more() {
    let (_server, _windows, _, follower) = two_windows().await;
    drop(follower.updates);
    tokio::time::timeout(LIMIT, follower.task).await.expect("an end in time").unwrap();
}
