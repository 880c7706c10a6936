//! The source under test, and what it is expected to report.

use std::time::Duration;

use seclyzer::event::Layout;
use seclyzer::sources::x11::{self, App, Environment, Focus, Update};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::xserver::XServer;
use crate::xwindows::Windows;

pub const LIMIT: Duration = Duration::from_secs(60);

pub const NOTHING: Update = Update::Focus(Focus::Nothing);
pub const NAMELESS: Update = Update::Focus(Focus::Nameless);

/// The source, running as a task. Its updates about layouts are kept apart from the others.
pub struct Follower {
    pub updates: mpsc::Receiver<Update>,
    pub task: JoinHandle<()>,
    pub layout: Option<Layout>,
}

impl Follower {
    pub fn of(environment: Environment) -> Follower {
        let (sender, updates) = mpsc::channel(16);
        Follower { updates, task: tokio::spawn(x11::run(environment, sender)), layout: None }
    }

    pub fn on(display: String) -> Follower {
        Follower::of(environment(display))
    }

    async fn receive(&mut self) -> Option<Update> {
        tokio::time::timeout(LIMIT, self.updates.recv()).await.expect("an update in time")
    }

    /// The next update but those about layouts.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            match self.receive().await {
                Some(Update::Layout(layout)) => self.layout = Some(layout),
                other => return other,
            }
        }
    }

    pub async fn expect(&mut self, update: Update) {
        assert_eq!(self.next().await, Some(update));
    }

    /// That the focus cannot be followed; why not.
    pub async fn expect_unknown(&mut self) -> String {
        match self.next().await {
            Some(Update::Unknown(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Skips updates up to the one that is waited for.
    pub async fn wait_for(&mut self, update: Update) {
        loop {
            let next = self.next().await;
            if next.as_ref() == Some(&update) {
                return;
            }
            assert!(next.is_some(), "ended while waiting for {update:?}");
        }
    }

    /// The layout, once it is the one that is waited for.
    pub async fn wait_for_layout(&mut self, is_right: impl Fn(&Layout) -> bool) -> Layout {
        loop {
            if let Some(layout) = self.layout.filter(&is_right) {
                return layout;
            }
            match self.receive().await {
                Some(Update::Layout(layout)) => self.layout = Some(layout),
                Some(_) => {}
                None => panic!("ended while waiting for a layout"),
            }
        }
    }

    pub async fn expect_end(mut self) {
        assert_eq!(self.next().await, None);
        tokio::time::timeout(LIMIT, self.task).await.expect("an end in time").unwrap();
    }
}

pub fn environment(display: String) -> Environment {
    Environment { display: Some(display), session_type: Some("x11".into()), ..Environment::default() }
}

pub fn focus(instance: &str, class: &str) -> Update {
    Update::Focus(Focus::App(App { instance: instance.into(), class: class.into() }))
}

/// Windows `one` and `two` on a new display without a window manager; `one` has the focus and has been reported.
pub async fn two_windows() -> (XServer, Windows, [u32; 2], Follower) {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let one = windows.open(Some(b"one\0One\0"));
    let two = windows.open(Some(b"two\0Two\0"));
    windows.focus(one);
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;
    (server, windows, [one, two], follower)
}
