//! What whoever has the account, but neither its password nor root, can write into the session's file, set in logind and
//! show on an X server, before the session is to be locked: nothing of it spares the command that locks.

use crate::dbus::{Daemon, Logind, Way, heard, nothing_heard, saver};
use crate::eventually;
use crate::xserver::{XServer, unused_display};
use crate::xwindows::Windows;
use futures_util::future::join_all;
use seclyzer::act::ports::{Evidence, Heard, Locked, Outcome, Step};
use seclyzer::bus::{Desk, Session};
use seclyzer::sources::x11::Environment;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// A desk with a command that locks, whose session's file says this.
struct Scene {
    daemon: Daemon,
    logind: Logind,
    folder: TempDir,
}

impl Scene {
    /// What logind says of the session in front: the account cannot change it.
    async fn of(kind: &'static str, display: &str) -> Scene {
        let daemon = Daemon::start().await;
        let logind = daemon.logind(Way::Lying).await;
        logind.set_kind(0, kind, display).await;
        Scene { daemon, logind, folder: tempfile::tempdir().expect("a folder") }
    }

    fn desk(&self, x11: Environment) -> Desk {
        let lock_file = Some(self.folder.path().join("lock"));
        Desk::start(Session { x11, lock_file, ..self.daemon.session() })
    }

    /// Nothing locks, though everything is tried.
    async fn assert_tried_in_vain(&self, desk: &Desk) {
        let locked = desk.lock().await;
        assert_eq!((locked.by, locked.evidence), (None, None), "{locked:?}");
        assert_eq!(locked.tried[0], (Step::Logind, Outcome::Unverified));
        assert_eq!(locked.tried[3], (Step::Command, Outcome::Unverified));
        assert!(self.folder.path().join("lock").exists());
        assert_eq!(self.logind.locked.load(Ordering::SeqCst), 1);
    }
}

fn on(display: String) -> Environment {
    Environment { display: Some(display), ..Environment::default() }
}

#[tokio::test]
async fn a_session_s_file_that_says_wayland_or_names_no_living_server_has_no_hint_believed() {
    let dead = format!(":{}", unused_display());
    let wayland = Environment { session_type: Some("wayland".into()), ..on(dead.clone()) };
    let feign = async |x11| {
        let scene = Scene::of("x11", "").await;
        scene.logind.set_hint(true).await;
        let desk = scene.desk(x11);
        scene.assert_tried_in_vain(&desk).await;
        scene.logind.set_hint(false).await;
        // It is no password that was given.
        nothing_heard(&desk).await;
    };
    join_all([wayland, on(dead), on("nonsense".into()), Environment::default()].map(feign)).await;
}

#[tokio::test]
async fn where_logind_does_not_say_that_it_is_a_wayland_session_no_hint_is_believed_alone() {
    let feign = async |kind| {
        let scene = Scene::of(kind, "").await;
        scene.logind.set_hint(true).await;
        let desk = scene.desk(Environment { wayland_display: Some("wayland-0".into()), ..Environment::default() });
        scene.assert_tried_in_vain(&desk).await;
        nothing_heard(&desk).await;
    };
    join_all(["tty", "unspecified"].map(feign)).await;
}

#[tokio::test]
async fn a_hint_that_was_set_before_the_request_verifies_no_step() {
    let scene = Scene::of("wayland", "").await;
    scene.logind.set_hint(true).await;
    let desk = scene.desk(Environment::default());
    assert_eq!(heard(&desk).await, Heard::Locked);
    scene.assert_tried_in_vain(&desk).await;
    // One that is set since does: so desktops answer.
    scene.logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    let locking = tokio::spawn(desk.lock());
    let asked = || scene.logind.locked.load(Ordering::SeqCst);
    eventually("logind is asked", async || (asked() == 2).then_some(())).await;
    scene.logind.set_hint(true).await;
    assert_eq!(locking.await.expect("no panic").evidence, Some(Evidence::Hint));
}

#[tokio::test]
async fn a_screen_saver_that_was_active_before_the_request_verifies_no_step() {
    let scene = Scene::of("wayland", "").await;
    let _saver = saver(&scene.daemon, Way::Honest).await;
    let desk = scene.desk(Environment::default());
    assert_eq!(desk.lock().await.by, Some(Step::ScreenSaver));
    let again = desk.lock().await;
    assert_eq!((again.evidence, again.tried.len()), (None, Step::ALL.len()), "{again:?}");
}

#[tokio::test]
async fn another_server_on_which_something_looks_like_a_locker_is_not_looked_at() {
    let (own, other) = (XServer::start(), XServer::start());
    let scene = Scene::of("x11", &own.display()).await;
    let windows = Windows::on(&other);
    let _lock = windows.lock();
    let desk = scene.desk(on(other.display()));
    scene.assert_tried_in_vain(&desk).await;
    nothing_heard(&desk).await;
    // The session's own is, whatever the file says.
    let windows = Windows::on(&own);
    let lock = windows.lock();
    assert_eq!(heard(&desk).await, Heard::Locked);
    let spared = Locked { tried: vec![], by: None, evidence: Some(Evidence::Grab) };
    assert_eq!(desk.lock().await, spared);
    let asked = || scene.logind.locked.load(Ordering::SeqCst);
    eventually("logind is asked all the same", async || (asked() == 2).then_some(())).await;
    drop(lock);
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn a_locker_on_a_server_that_may_be_any_is_no_answer_if_it_was_there_before_the_request() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let _lock = windows.lock();
    // Neither startx nor GDM says which server it is.
    let feign = async |kind| {
        let scene = Scene::of(kind, "").await;
        let desk = scene.desk(on(server.display()));
        assert_eq!(heard(&desk).await, Heard::Locked);
        scene.assert_tried_in_vain(&desk).await;
    };
    join_all(["x11", "tty"].map(feign)).await;
}

#[tokio::test]
async fn a_pipe_in_place_of_the_file_with_the_cookies_hides_no_screen() {
    let server = XServer::start();
    let scene = Scene::of("x11", &server.display()).await;
    let pipe = scene.folder.path().join("Xauthority");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let desk = scene.desk(Environment { xauthority: Some(pipe), ..on(server.display()) });
    let windows = Windows::on(&server);
    let _lock = windows.lock();
    assert_eq!(heard(&desk).await, Heard::Locked);
}

#[tokio::test]
async fn a_locker_on_xwayland_locks_nothing() {
    let xwayland = XServer::start();
    let scene = Scene::of("wayland", "").await;
    let windows = Windows::on(&xwayland);
    let _lock = windows.lock();
    let desk = scene.desk(Environment { session_type: Some("x11".into()), ..on(xwayland.display()) });
    scene.assert_tried_in_vain(&desk).await;
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_locker_on_x_says_nothing_of_a_console_that_is_in_front() {
    let server = XServer::start();
    let scene = Scene::of("x11", &server.display()).await;
    scene.logind.set_kind(1, "tty", "").await;
    scene.logind.bring_to_front(1).await;
    let windows = Windows::on(&server);
    let _lock = windows.lock();
    scene.logind.set_hint_of(1, true).await;
    let desk = scene.desk(on(server.display()));
    assert_eq!(heard(&desk).await, Heard::Locked);
    let locked = desk.lock().await;
    assert_eq!((locked.evidence, locked.tried.len()), (None, Step::ALL.len()), "{locked:?}");
    let asked = || scene.logind.locked.load(Ordering::SeqCst);
    eventually("both are asked", async || (asked() == 2).then_some(())).await;
}
