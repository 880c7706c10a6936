use crate::dbus::{Daemon, NOTIFICATIONS, Notifications, heard, nothing_heard, press};
use crate::eventually;
use seclyzer::act::ports::{Answer, Heard, Words};
use seclyzer::bus::Desk;
use std::time::Duration;
use zbus::Connection;
use zbus::fdo::DBusProxy;

pub fn question() -> Words {
    Words {
        summary: "Is it you?".into(),
        body: "Somebody types unlike you.".into(),
        answers: vec![(Answer::ItIsMe, "It is me".into()), (Answer::Lock, "Lock".into())],
    }
}

/// What is heard once its button is pressed: until the notice's number has been read, nothing.
pub async fn pressed(desk: &Desk, server: &Connection, id: u32) -> Heard {
    eventually("the answer to its button", async || {
        press(server, id, "it-is-me").await;
        tokio::time::timeout(Duration::from_millis(50), desk.heard()).await.ok()
    })
    .await
}

#[tokio::test]
async fn a_notice_stays_until_it_is_answered_and_is_withdrawn_then() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    let posted = notifications.await_posted(0).await;
    assert_eq!(posted.text, "seclyzer: Is it you?. Somebody types unlike you.");
    assert_eq!(posted.actions, ["it-is-me", "It is me", "lock", "Lock"]);
    assert_eq!(posted.urgency, 2);
    assert_eq!(pressed(&desk, &server, posted.id).await, Heard::Answered(Answer::ItIsMe));
    press(&server, posted.id, "lock").await;
    eventually("it is closed", async || (*notifications.closed.lock().expect("no panic") == [posted.id]).then_some(()))
        .await;
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn only_who_shows_the_notice_is_believed_and_only_of_this_one() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    let posted = notifications.await_posted(0).await;
    let stranger = daemon.connect().await;
    let names = DBusProxy::new(&stranger).await.expect("a bus").list_names().await.expect("names");
    // To everybody on the bus, so that no filter of the bus keeps it away.
    for name in names.iter().map(|name| name.as_str()).filter(|name| name.starts_with(':')) {
        let (interface, member) = ("org.freedesktop.Notifications", "ActionInvoked");
        let body = (posted.id, "it-is-me");
        let sent = stranger.emit_signal(Some(name), NOTIFICATIONS, interface, member, &body).await;
        sent.expect("sent");
    }
    press(&server, posted.id + 1, "it-is-me").await;
    press(&server, posted.id, "something-else").await;
    nothing_heard(&desk).await;
    press(&server, posted.id, "lock").await;
    assert_eq!(heard(&desk).await, Heard::Answered(Answer::Lock));
}

#[tokio::test]
async fn a_notice_is_shown_once_there_is_somebody_to_show_it_and_again_after_its_server_was_restarted() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let desk = daemon.desk();
    desk.show(question());
    nothing_heard(&desk).await;
    let server = notifications.serve(&daemon).await;
    notifications.await_posted(0).await;
    drop(server);
    let server = notifications.serve(&daemon).await;
    let posted = notifications.await_posted(1).await;
    assert_eq!(pressed(&desk, &server, posted.id).await, Heard::Answered(Answer::ItIsMe));
}

#[tokio::test]
async fn a_notice_that_is_withdrawn_is_closed_and_its_buttons_mean_nothing_any_more() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    let posted = notifications.await_posted(0).await;
    desk.withdraw();
    eventually("it is closed", async || (*notifications.closed.lock().expect("no panic") == [posted.id]).then_some(()))
        .await;
    press(&server, posted.id, "it-is-me").await;
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_notice_that_is_slow_to_be_shown_is_answered_all_the_same() {
    let daemon = Daemon::start().await;
    let notifications = Notifications { first_answer_after: Duration::from_secs(3), ..Notifications::default() };
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    let posted = notifications.await_posted(0).await;
    pressed(&desk, &server, posted.id).await;
    assert_eq!(notifications.posted.lock().expect("no panic").len(), 1);
}

#[tokio::test]
async fn a_notice_whose_server_never_answered_is_shown_once_more() {
    let daemon = Daemon::start().await;
    let notifications = Notifications { first_answer_after: Duration::from_secs(3600), ..Notifications::default() };
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    let posted = notifications.await_posted(1).await;
    pressed(&desk, &server, posted.id).await;
}
