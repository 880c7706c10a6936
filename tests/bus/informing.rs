//! Notices that ask nothing: beside the question, and where whoever shows them comes, goes, or never answers.

use crate::dbus::{Daemon, NOTIFICATIONS, Notifications, Posted, nothing_heard, press};
use crate::eventually;
use crate::notices::{pressed, question};
use seclyzer::act::board::{Info, Pace};
use seclyzer::act::ports::{Answer, Heard, Words};
use seclyzer::bus::{Addresses, Desk, Session};
use std::time::Duration;
use zbus::Connection;
use zbus::fdo::DBusProxy;

const PAUSED: Info = Info::Paused { until_us: 7 };
const GUEST: Info = Info::Guest { until_us: 7 };

fn inform(desk: &Desk, info: Info) {
    desk.inform(info, Words { summary: format!("{info:?}"), body: "A body.".into(), answers: vec![] });
}

/// A desk whose minute is shorter.
const PACE: Pace = Pace { apart_us: 2_000_000, lasting_us: 300_000 };

fn desk(daemon: &Daemon) -> Desk {
    Desk::start(Session { pace: PACE, ..daemon.session() })
}

/// One was shown its minute after the other. What is measured is when they arrived, and the first may have been late.
fn assert_apart(first: &Posted, next: &Posted) {
    let apart = next.at - first.at;
    assert!(apart >= Duration::from_micros(PACE.apart_us.unsigned_abs()) - Duration::from_millis(500), "{apart:?}");
}

fn count(notifications: &Notifications) -> usize {
    notifications.posted.lock().expect("no panic").len()
}

/// Says that a notice is no longer on the screen.
async fn close(server: &Connection, posted: &Posted) {
    let (name, member) = ("org.freedesktop.Notifications", "NotificationClosed");
    let expired = 1u32;
    server.emit_signal(None::<&str>, NOTIFICATIONS, name, member, &(posted.id, expired)).await.expect("sent");
}

/// How many are connected to a bus, besides who asks.
async fn connected(daemon: &Daemon) -> usize {
    let own = daemon.connect().await;
    let names = DBusProxy::new(&own).await.expect("a bus").list_names().await.expect("names");
    names.iter().filter(|name| name.as_str().starts_with(':')).count() - 1
}

#[tokio::test]
async fn what_asks_nothing_has_no_buttons_is_not_urgent_and_expires() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let _server = notifications.serve(&daemon).await;
    let desk = desk(&daemon);
    inform(&desk, PAUSED);
    let posted = notifications.await_posted(0).await;
    assert_eq!(posted.text, "seclyzer: Paused { until_us: 7 }. A body.");
    assert_eq!((posted.actions.len(), posted.urgency, posted.replaces), (0, 0, 0));
    assert!(posted.expiry_ms > 0, "{posted:?}");
    inform(&desk, Info::DatabaseFails);
    assert_eq!(notifications.await_posted(1).await.urgency, 1);
    desk.informed().await;
    inform(&desk, PAUSED);
    inform(&desk, Info::DatabaseFails);
    desk.informed().await;
    nothing_heard(&desk).await;
    assert_eq!(count(&notifications), 2, "each is said once");
}

#[tokio::test]
async fn the_question_is_neither_displaced_nor_closed_by_what_asks_nothing() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let server = notifications.serve(&daemon).await;
    let desk = desk(&daemon);
    desk.show(question());
    let asked = notifications.await_posted(0).await;
    for (number, info) in [PAUSED, GUEST, Info::CaptureBegan].into_iter().enumerate() {
        inform(&desk, info);
        let posted = notifications.await_posted(1 + number).await;
        assert_eq!(posted.replaces, 0, "{info:?}");
        desk.informed().await;
        close(&server, &posted).await;
        // It has no buttons.
        press(&server, posted.id, "it-is-me").await;
    }
    nothing_heard(&desk).await;
    inform(&desk, Info::Resumed);
    assert_ne!(notifications.await_posted(4).await.replaces, asked.id);
    desk.informed().await;
    assert!(notifications.closed.lock().expect("no panic").is_empty());
    assert_eq!(pressed(&desk, &server, asked.id).await, Heard::Answered(Answer::ItIsMe));
}

#[tokio::test]
async fn the_next_of_a_topic_takes_its_place_after_a_minute_and_the_newest_state_wins() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let _server = notifications.serve(&daemon).await;
    let desk = desk(&daemon);
    inform(&desk, PAUSED);
    let first = notifications.await_posted(0).await;
    inform(&desk, GUEST);
    let guest = notifications.await_posted(1).await;
    desk.informed().await;
    let longer = Info::Paused { until_us: 8 };
    inform(&desk, Info::Resumed);
    inform(&desk, longer);
    let next = notifications.await_posted(2).await;
    assert_eq!(next.text, "seclyzer: Paused { until_us: 8 }. A body.");
    assert_eq!(next.replaces, first.id);
    assert_apart(&first, &next);
    inform(&desk, Info::GuestGone);
    let gone = notifications.await_posted(3).await;
    assert_eq!(gone.replaces, guest.id);
    assert_apart(&guest, &gone);
}

#[tokio::test]
async fn nobody_is_connected_to_the_session_s_bus_until_there_is_something_to_say() {
    let (system, session) = (Daemon::start().await, Daemon::start().await);
    let addresses = Addresses { system: system.address(), session: session.address() };
    let desk = Desk::start(Session { addresses, pace: PACE, ..session.session() });
    // As everybody supposes, and over at once.
    inform(&desk, Info::Resumed);
    inform(&desk, Info::DatabaseFails);
    inform(&desk, Info::DatabaseWorks);
    eventually("the system's bus", async || (connected(&system).await == 1).then_some(())).await;
    nothing_heard(&desk).await;
    assert_eq!(connected(&session).await, 0);
    inform(&desk, PAUSED);
    eventually("the session's bus", async || (connected(&session).await == 1).then_some(())).await;
}

#[tokio::test]
async fn what_is_still_so_is_said_once_there_is_somebody_to_show_it() {
    let mut daemon = Daemon::start().await;
    daemon.stop();
    let notifications = Notifications::default();
    let desk = desk(&daemon);
    inform(&desk, PAUSED);
    inform(&desk, GUEST);
    nothing_heard(&desk).await;
    daemon.restart().await;
    eventually("the bus, once there is one", async || (connected(&daemon).await >= 1).then_some(())).await;
    inform(&desk, Info::GuestGone);
    let server = notifications.serve(&daemon).await;
    assert!(notifications.await_posted(0).await.text.contains("Paused"));
    desk.informed().await;
    // What is on the screen was shown by another one from now on.
    drop(server);
    let _server = notifications.serve(&daemon).await;
    nothing_heard(&desk).await;
    inform(&desk, Info::Resumed);
    assert_eq!(notifications.await_posted(1).await.replaces, 0);
    assert_eq!(count(&notifications), 2);
}

#[tokio::test]
async fn a_server_that_never_answers_a_notice_is_still_asked_to_show_the_question() {
    let daemon = Daemon::start().await;
    let notifications = Notifications { first_answer_after: Duration::from_secs(3600), ..Notifications::default() };
    let server = notifications.serve(&daemon).await;
    let desk = desk(&daemon);
    inform(&desk, PAUSED);
    notifications.await_posted(0).await;
    desk.show(question());
    let asked = notifications.await_posted(1).await;
    assert_eq!(asked.urgency, 2);
    let informed = tokio::time::timeout(Duration::from_millis(200), desk.informed()).await;
    assert!(informed.is_err(), "it does not answer");
    assert_eq!(pressed(&desk, &server, asked.id).await, Heard::Answered(Answer::ItIsMe));
}

#[tokio::test]
async fn where_there_is_no_bus_at_all_nothing_happens() {
    let mut daemon = Daemon::start().await;
    daemon.stop();
    let desk = desk(&daemon);
    inform(&desk, Info::CaptureBegan);
    let informed = tokio::time::timeout(Duration::from_millis(200), desk.informed()).await;
    assert!(informed.is_err(), "nobody has shown it");
    nothing_heard(&desk).await;
}
