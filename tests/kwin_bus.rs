//! KWin as the session's bus has it: one that behaves, ones that do not, and whoever else is there.

#[path = "kwin_bus/hostile.rs"]
mod hostile;
#[path = "kwin_bus/script.rs"]
mod script;

#[path = "support/dbus.rs"]
mod dbus;
mod support;
#[path = "support/xserver.rs"]
mod xserver;

use dbus::{Daemon, Kwin, Manner};
use seclyzer::sources::app::App;
use seclyzer::sources::focus::kwin::{self, Place};
use seclyzer::sources::focus::{Focus, Taker, Update};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{LIMIT, eventually};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const ABSENT: &str = "KWin is not on the session's bus";
const NOTHING: Update = Update::Focus(Focus::Nothing);
const PROMPT: Update = Update::Taken(Some(Taker::Prompt));

/// The source under test, and what it tells.
struct Follower {
    updates: mpsc::Receiver<Update>,
    task: JoinHandle<()>,
    runtime_folder: TempDir,
}

impl Follower {
    fn on(daemon: &Daemon) -> Follower {
        let runtime_folder = tempfile::tempdir().expect("a folder");
        let place = Place { bus: daemon.address(), folder: Some(folder_in(runtime_folder.path())) };
        let (sender, updates) = mpsc::channel(16);
        Follower { updates, task: tokio::spawn(kwin::run_at(place, sender)), runtime_folder }
    }

    /// Where the script is handed over.
    fn folder(&self) -> PathBuf {
        folder_in(self.runtime_folder.path())
    }

    async fn next(&mut self) -> Update {
        timeout(LIMIT, self.updates.recv()).await.expect("an update in time").expect("the source runs")
    }

    async fn expect(&mut self, updates: &[Update]) {
        for update in updates {
            assert_eq!(self.next().await, *update);
        }
    }

    async fn expect_unknown(&mut self, reason: &str) {
        match self.next().await {
            Update::Unknown(said) => assert!(said.contains(reason), "{said}"),
            other => panic!("{other:?}"),
        }
    }

    /// KWin has no window when the script begins.
    async fn expect_beginning(&mut self) {
        self.expect(&[Update::Ready, PROMPT, NOTHING]).await;
    }

    /// Nobody wants to know any more. How long the source has taken to end.
    async fn end(self) -> Duration {
        let begun = Instant::now();
        drop(self.updates);
        timeout(LIMIT, self.task).await.expect("an end in time").expect("no panic");
        begun.elapsed()
    }
}

fn folder_in(runtime_folder: &Path) -> PathBuf {
    runtime_folder.join("seclyzer")
}

fn focus(instance: &str, class: &str) -> Update {
    Update::Focus(Focus::App(App { instance: instance.into(), class: class.into() }))
}

/// A KWin that is followed and has told nothing but that it has no window.
async fn followed() -> (Daemon, Kwin, Follower) {
    let daemon = Daemon::start().await;
    let kwin = Kwin::start(&daemon, Manner::Six).await;
    let mut follower = Follower::on(&daemon);
    follower.expect_beginning().await;
    (daemon, kwin, follower)
}

#[tokio::test]
async fn each_window_is_told_and_none_at_all_takes_the_keys() {
    let (_daemon, kwin, mut follower) = followed().await;
    kwin.focus("org.kde.kate", "").await;
    follower.expect(&[focus("org.kde.kate", ""), Update::Taken(None)]).await;
    kwin.focus("xterm", "XTerm").await;
    follower.expect(&[focus("xterm", "XTerm")]).await;
    // Another window of the same application.
    kwin.focus("xterm", "XTerm").await;
    follower.expect(&[focus("xterm", "XTerm")]).await;
    kwin.unfocus().await;
    follower.expect(&[PROMPT, NOTHING]).await;
    kwin.focus("kwin_wayland", "").await;
    follower.expect(&[Update::Taken(Some(Taker::Lock)), NOTHING]).await;
}

#[tokio::test]
async fn a_moment_without_a_window_between_two_is_not_told() {
    let (_daemon, kwin, mut follower) = followed().await;
    kwin.focus("one", "").await;
    kwin.unfocus().await;
    kwin.focus("two", "").await;
    follower.expect(&[focus("one", ""), Update::Taken(None), focus("two", "")]).await;
}

#[tokio::test]
async fn a_kwin_that_comes_later_goes_and_comes_again_is_followed_each_time() {
    let daemon = Daemon::start().await;
    let mut follower = Follower::on(&daemon);
    for manner in [Manner::Six, Manner::Five] {
        follower.expect_unknown(ABSENT).await;
        let kwin = Kwin::start(&daemon, manner).await;
        follower.expect_beginning().await;
        kwin.focus("one", "").await;
        follower.expect(&[focus("one", ""), Update::Taken(None)]).await;
        kwin.end().await;
    }
    follower.expect_unknown(ABSENT).await;
}

#[tokio::test]
async fn a_bus_that_comes_later_goes_and_comes_again_is_followed_each_time() {
    let mut daemon = Daemon::start().await;
    daemon.stop();
    let mut follower = Follower::on(&daemon);
    for _ in 0..2 {
        follower.expect_unknown("no D-Bus at").await;
        daemon.restart().await;
        let kwin = Kwin::start(&daemon, Manner::Six).await;
        // It may have looked before KWin was there.
        let begun = follower.next().await;
        if begun != Update::Ready {
            assert_eq!(begun, Update::Unknown(ABSENT.into()));
            follower.expect(&[Update::Ready]).await;
        }
        follower.expect(&[PROMPT, NOTHING]).await;
        daemon.stop();
        follower.expect_unknown("the connection to the session's bus was lost").await;
        drop(kwin);
    }
}

#[tokio::test]
async fn whether_kwin_is_there_can_be_asked_once() {
    let mut daemon = Daemon::start().await;
    let place = Place { bus: daemon.address(), folder: Some("/run/user/1/seclyzer".into()) };
    let answer = async |place: &Place| kwin::check_at(place).await.map_err(|error| error.to_string());
    assert_eq!(answer(&place).await, Err(ABSENT.into()));
    let kwin = Kwin::start(&daemon, Manner::Six).await;
    assert_eq!(answer(&place).await, Ok(()));
    let nowhere = Place { folder: None, ..place.clone() };
    assert_eq!(answer(&nowhere).await, Err("there is no runtime directory for KWin's script".into()));
    assert!(kwin.seen().loaded.is_empty());
    daemon.stop();
    assert!(answer(&place).await.is_err_and(|error| error.starts_with("no D-Bus at")));
}
