//! What whoever is on the session's bus can send us, and what programs can be called.

use crate::dbus::{Daemon, tell_without_answer};
use crate::{ABSENT, Follower, focus, followed};
use seclyzer::bus::{BURST, MESSAGE_BYTES};
use seclyzer::sources::focus::{Focus, Update};
use zbus::Connection;
use zbus::connection::Builder;

const NAMELESS: Update = Update::Focus(Focus::Nameless);

async fn stranger(daemon: &Daemon) -> Connection {
    Builder::address(daemon.address().as_str()).expect("an address").build().await.expect("a bus")
}

#[tokio::test]
async fn nobody_but_kwin_says_what_has_the_focus() {
    let (daemon, kwin, mut follower) = followed().await;
    let (stranger, agent) = (stranger(&daemon).await, kwin.agent());
    tell_without_answer(&stranger, &agent, "Focused", &("stranger", "")).await;
    tell_without_answer(&stranger, &agent, "Unfocused", &()).await;
    let forged = ("org.kde.KWin", ":1.1", stranger.unique_name().expect("a name").as_str());
    let (path, bus) = ("/org/freedesktop/DBus", "org.freedesktop.DBus");
    stranger.emit_signal(Some(agent.as_str()), path, bus, "NameOwnerChanged", &forged).await.expect("a bus");
    // An answer to the stranger would show that all of it has been read.
    kwin.ask("Focused", &("kate", "")).await;
    follower.expect(&[focus("kate", ""), Update::Taken(None)]).await;
}

#[tokio::test]
async fn who_calls_and_waits_is_answered() {
    let (_daemon, kwin, mut follower) = followed().await;
    kwin.ask("Focused", &("kate", "")).await;
    kwin.ask("Unfocused", &()).await;
    follower.expect(&[focus("kate", ""), Update::Taken(None)]).await;
}

#[tokio::test]
async fn names_that_are_empty_too_long_of_control_characters_or_no_text_are_windows_without_a_name() {
    let (_daemon, kwin, mut follower) = followed().await;
    kwin.focus("", "").await;
    follower.expect(&[NAMELESS, Update::Taken(None)]).await;
    for name in ["\u{1b}\u{7}\n", &"x".repeat(257), &"x".repeat(MESSAGE_BYTES / 2)] {
        kwin.focus(name, "").await;
        follower.expect(&[NAMELESS]).await;
    }
    for member in ["Focused", "Focused"] {
        kwin.say(member, &(7_u32, vec![1_u8, 2])).await;
        follower.expect(&[NAMELESS]).await;
    }
    kwin.focus("\u{1b}[31mka\nte", "é").await;
    follower.expect(&[focus("[31mkate", "é")]).await;
}

#[tokio::test]
async fn a_name_of_1_mb_is_passed_over_and_the_next_one_is_told() {
    let (_daemon, kwin, mut follower) = followed().await;
    kwin.focus(&"x".repeat(1 << 20), "").await;
    kwin.say("Other", &("one", "")).await;
    kwin.focus("kate", "").await;
    follower.expect(&[focus("kate", ""), Update::Taken(None)]).await;
}

#[tokio::test]
async fn a_flood_ends_the_connection_and_kwin_is_followed_again() {
    let (daemon, kwin, mut follower) = followed().await;
    let stranger = stranger(&daemon).await;
    let agent = kwin.agent();
    for _ in 0..BURST * 2 {
        let (path, interface) = ("/org/seclyzer/Focus", "org.seclyzer.Focus");
        stranger.emit_signal(Some(agent.as_str()), path, interface, "Focused", &("stranger", "")).await.expect("a bus");
    }
    follower.expect_unknown("the connection to the session's bus was lost").await;
    follower.expect_beginning().await;
    assert_ne!(kwin.agent(), agent);
}

#[tokio::test]
async fn whoever_takes_kwin_s_name_over_is_another_kwin() {
    let daemon = Daemon::start().await;
    let mut follower = Follower::on(&daemon);
    follower.expect_unknown(ABSENT).await;
    // It owns the name and knows nothing of scripts.
    let other = Builder::address(daemon.address().as_str()).and_then(|builder| builder.name("org.kde.KWin"));
    let other = other.expect("a builder").build().await.expect("a bus");
    follower.expect_unknown("KWin does not take our script").await;
    other.close().await.expect("a bus");
    follower.expect_unknown(ABSENT).await;
}
