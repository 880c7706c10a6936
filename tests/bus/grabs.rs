//! Lockers of an X11 session, and what is none.

use crate::dbus::{Daemon, Way, heard, nothing_heard, saver, unlock};
use crate::eventually;
use crate::xserver::{XServer, unused_display};
use crate::xwindows::Windows;
use seclyzer::act::ports::{Evidence, Heard, Outcome, Step};
use seclyzer::bus::{Desk, Session};
use seclyzer::sources::x11::Environment;
use seclyzer::sources::x11::grab::Probe;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn environment(server: &XServer) -> Environment {
    Environment { display: Some(server.display()), ..Environment::default() }
}

/// A desk in that server's session.
fn desk(daemon: &Daemon, server: &XServer) -> Desk {
    Desk::start(Session { x11: environment(server), ..daemon.session() })
}

/// The same with a command that locks.
fn desk_with_command(daemon: &Daemon, server: &XServer, folder: &Path) -> Desk {
    let lock_file = Some(folder.join("lock"));
    Desk::start(Session { x11: environment(server), lock_file, ..daemon.session() })
}

/// Nothing has been heard for longer than something has to be so before it counts.
async fn still_nothing_heard(desk: &Desk) {
    let heard = tokio::time::timeout(Duration::from_millis(1500), desk.heard()).await;
    assert!(heard.is_err(), "{heard:?}");
}

async fn command_is_asked_for(folder: &Path) {
    eventually("the file is written", async || folder.join("lock").exists().then_some(())).await;
}

#[tokio::test]
async fn the_command_is_asked_for_by_a_file_and_its_locker_verifies_it() {
    let (daemon, server, folder) = (Daemon::start().await, XServer::start(), tempfile::tempdir().expect("a folder"));
    let logind = daemon.logind(Way::Lying).await;
    logind.set_kind(0, "x11", &server.display()).await;
    let desk = desk_with_command(&daemon, &server, folder.path());
    let locking = tokio::spawn(desk.lock());
    command_is_asked_for(folder.path()).await;
    let windows = Windows::on(&server);
    let lock = windows.lock();
    let locked = locking.await.expect("no panic");
    assert_eq!((locked.by, locked.evidence), (Some(Step::Command), Some(Evidence::Grab)));
    assert_eq!(heard(&desk).await, Heard::Locked);
    // Once it is seen to be locked no locker is asked for any more.
    let again = desk.lock().await;
    assert_eq!((again.tried, again.evidence), (vec![], Some(Evidence::Grab)));
    drop(lock);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn a_real_locker_is_seen_and_so_is_its_end() {
    let (daemon, server, folder) = (Daemon::start().await, XServer::start(), tempfile::tempdir().expect("a folder"));
    let desk = desk_with_command(&daemon, &server, folder.path());
    let locking = tokio::spawn(desk.lock());
    command_is_asked_for(folder.path()).await;
    let locker = server.run("i3lock", &["-n"], folder.path());
    let locked = locking.await.expect("no panic");
    assert_eq!((locked.by, locked.evidence), (Some(Step::Command), Some(Evidence::Grab)), "{locked:?}");
    assert_eq!(heard(&desk).await, Heard::Locked);
    nothing_heard(&desk).await;
    drop(locker);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn a_locker_that_the_user_starts_is_heard_and_so_is_one_that_was_too_slow() {
    let (daemon, server, folder) = (Daemon::start().await, XServer::start(), tempfile::tempdir().expect("a folder"));
    let desk = desk(&daemon, &server);
    assert_eq!(desk.lock().await.evidence, None);
    let locker = server.run("i3lock", &["-n"], folder.path());
    assert_eq!(heard(&desk).await, Heard::Locked);
    drop(locker);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn a_session_that_is_locked_when_the_desk_begins_is_heard_as_locked() {
    let (daemon, server, folder) = (Daemon::start().await, XServer::start(), tempfile::tempdir().expect("a folder"));
    let _locker = server.run("i3lock", &["-n"], folder.path());
    Windows::on(&server).wait_for_window(b"i3lock\0i3lock\0");
    let desk = desk(&daemon, &server);
    assert_eq!(heard(&desk).await, Heard::Locked);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_menu_that_is_opened_while_locking_is_verified_is_no_lock_and_its_end_no_unlock() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let logind = daemon.logind(Way::Lying).await;
    logind.set_kind(0, "x11", "").await;
    let desk = desk(&daemon, &server);
    let windows = Windows::on(&server);
    let bar = windows.open_unmanaged(b"menu\0Menu\0");
    let menu = windows.grab_both();
    windows.show(bar);
    // As does whoever presses the key for it: logind passes the request on to everybody.
    logind.ask_to_lock().await;
    let locked = desk.lock().await;
    assert_eq!((locked.evidence, &locked.tried[0]), (None, &(Step::Logind, Outcome::Unverified)), "{locked:?}");
    drop(menu);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_lock_needs_the_keyboard_the_pointer_and_the_whole_screen() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let desk = desk(&daemon, &server);
    let windows = Windows::on(&server);
    let both = windows.grab_both();
    assert_eq!(desk.lock().await.evidence, None, "a menu");
    // Some lockers leave a pixel at the edges.
    let cover = windows.cover(1);
    assert_eq!(heard(&desk).await, Heard::Locked);
    drop(both);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    windows.close(cover);
    let cover = windows.cover(0);
    let keyboard = windows.grab_keyboard();
    assert_eq!(desk.lock().await.evidence, None, "a full-screen program that wants every shortcut");
    drop(keyboard);
    windows.close(cover);
    let cover = windows.cover(40);
    let both = windows.grab_both();
    assert_eq!(desk.lock().await.evidence, None, "the edges are to be seen");
    drop((both, cover));
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_full_screen_program_in_a_window_manager_s_frame_is_no_locker() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let (manager, program) = (Windows::on(&server), Windows::on(&server));
    let frame = manager.cover(0);
    let game = program.open(Some(b"game\0Game\0"));
    manager.reparent(game, frame);
    let _grab = program.grab_both();
    let desk = desk(&daemon, &server);
    assert_eq!(desk.lock().await.evidence, None);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_hint_is_believed_only_where_something_keeps_input_from_the_windows() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let logind = daemon.logind(Way::Lying).await;
    logind.set_kind(0, "x11", "").await;
    logind.set_hint(true).await;
    let desk = desk(&daemon, &server);
    nothing_heard(&desk).await;
    // At an alarm the chain is run all the same, and nothing is taken for locked.
    let locked = desk.lock().await;
    assert_eq!((locked.by, locked.evidence), (None, None), "{locked:?}");
    assert_eq!(locked.tried[0], (Step::Logind, Outcome::Unverified));
    // Desktops that draw all windows themselves lock without a window of their own.
    let windows = Windows::on(&server);
    let grab = windows.grab_both();
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    let locking = tokio::spawn(desk.lock());
    eventually("logind is asked", async || (logind.locked.load(Ordering::SeqCst) == 2).then_some(())).await;
    logind.set_hint(true).await;
    let locked = locking.await.expect("no panic");
    assert_eq!(locked.tried, [(Step::Logind, Outcome::Locked(Evidence::Hint))], "so GNOME answers");
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    drop(grab);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_screen_saver_that_calls_itself_active_is_believed_no_more_than_the_hint() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let saver = saver(&daemon, Way::Honest).await;
    let desk = desk(&daemon, &server);
    let locked = desk.lock().await;
    assert_eq!((locked.evidence, &locked.tried[1]), (None, &(Step::ScreenSaver, Outcome::Unverified)));
    let windows = Windows::on(&server);
    // It covers the screen at last; there are some that take neither keyboard nor pointer.
    let cover = windows.cover(0);
    assert_eq!(heard(&desk).await, Heard::Locked);
    unlock(&saver).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    windows.close(cover);
}

#[tokio::test]
async fn a_screen_saver_that_has_ended_makes_no_lock_of_a_menu() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let saver = saver(&daemon, Way::Honest).await;
    let desk = desk(&daemon, &server);
    let windows = Windows::on(&server);
    assert_eq!(desk.lock().await.evidence, None);
    let cover = windows.cover(0);
    assert_eq!(heard(&desk).await, Heard::Locked);
    drop(saver);
    nothing_heard(&desk).await;
    windows.close(cover);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    let menu = windows.grab_keyboard();
    still_nothing_heard(&desk).await;
    drop(menu);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_server_that_is_away_has_unlocked_nothing() {
    let (daemon, server) = (Daemon::start().await, XServer::start_on(unused_display()));
    let desk = desk(&daemon, &server);
    let windows = Windows::on(&server);
    let lock = windows.lock();
    assert_eq!(heard(&desk).await, Heard::Locked);
    std::mem::forget(lock);
    let number = server.number();
    server.kill();
    nothing_heard(&desk).await;
    // Another one is in its place, and whoever sees its windows gave no password to a locker.
    let _server = XServer::start_on(number);
    assert_eq!(heard(&desk).await, Heard::Ended);
}

#[tokio::test]
async fn looking_at_the_screen_never_takes_the_keyboard_or_the_pointer() {
    let server = XServer::start();
    let mut probe = Probe::connect(&environment(&server)).await.expect("a server");
    let windows = Windows::on(&server);
    for _ in 0..20 {
        assert!(!probe.look(false).await.expect("an answer").is_grabbed());
        // It could not, if looking had taken them.
        drop(windows.grab_both());
    }
    let grab = windows.grab_both();
    let seen = probe.look(false).await.expect("an answer");
    assert!(seen.is_grabbed() && !seen.is_covered, "{seen:?}");
    drop(grab);
    assert!(!probe.look(false).await.expect("an answer").is_grabbed());
}

#[tokio::test]
async fn a_window_that_was_on_top_once_is_no_cover_under_another_one() {
    let (daemon, server) = (Daemon::start().await, XServer::start());
    let desk = desk(&daemon, &server);
    let windows = Windows::on(&server);
    // A backdrop that bypasses the window manager, and a menu.
    let backdrop = windows.cover(0);
    let menu = windows.grab_keyboard();
    still_nothing_heard(&desk).await;
    drop(menu);
    windows.show(windows.open(Some(b"editor\0Editor\0")));
    let menu = windows.grab_both();
    assert_eq!(desk.lock().await.evidence, None, "its menu");
    drop(menu);
    nothing_heard(&desk).await;
    windows.close(backdrop);
}

#[tokio::test]
async fn a_cover_counts_as_long_as_it_covers_the_screen_and_nothing_that_is_managed_is_above_it() {
    let server = XServer::start();
    let mut probe = Probe::connect(&environment(&server)).await.expect("a server");
    let (locker, program) = (Windows::on(&server), Windows::on(&server));
    let lock = locker.lock();
    let cover = lock.cover().expect("it covers the screen");
    assert!(probe.look(false).await.expect("an answer").is_lock());
    let notice = program.open_unmanaged(b"notice\0Notice\0");
    program.show(notice);
    assert!(probe.look(false).await.expect("an answer").is_lock(), "a notice takes nothing away");
    let window = program.open(None);
    program.show(window);
    assert!(!probe.look(false).await.expect("an answer").is_lock(), "a window");
    program.close(window);
    assert!(probe.look(false).await.expect("an answer").is_lock());
    locker.resize(cover, 100, 100);
    assert!(!probe.look(false).await.expect("an answer").is_lock(), "the desktop is to be seen");
}

#[tokio::test]
async fn the_windows_are_not_gone_through_while_nothing_can_be_locked() {
    let server = XServer::start();
    let mut probe = Probe::connect(&environment(&server)).await.expect("a server");
    let windows = Windows::on(&server);
    let cover = windows.cover(0);
    assert!(!probe.look(false).await.expect("an answer").is_covered);
    // There are lockers that take neither the keyboard nor the pointer.
    assert!(probe.look(true).await.expect("an answer").is_covered);
    windows.close(cover);
}

#[tokio::test]
async fn an_idle_session_is_not_asked_about() {
    let server = XServer::start();
    let mut probe = Probe::connect(&environment(&server)).await.expect("a server");
    let windows = Windows::on(&server);
    windows.focus(windows.open(None));
    probe.look(false).await.expect("an answer");
    let begun = Instant::now();
    let stirred = tokio::time::timeout(Duration::from_millis(500), probe.stirred()).await;
    assert!(stirred.is_err(), "after {:?}", begun.elapsed());
    let _grab = windows.grab_keyboard();
    let stirred = tokio::time::timeout(Duration::from_secs(10), probe.stirred()).await;
    stirred.expect("a grab wakes it").expect("a server");
}
