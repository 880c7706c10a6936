//! Whoever is on the session's bus may call the agent, and a window may call itself what it likes.

use crate::dbus::Daemon;
use crate::feigned::{Shell, Tell, call_agent, followed};
use crate::follower::focus;
use crate::support::eventually;
use seclyzer::bus::{BURST, MESSAGE_BYTES};
use seclyzer::sources::focus::{Focus, Update};
use zbus::Message;

#[tokio::test]
async fn nobody_but_the_shell_is_heard_and_nobody_else_is_answered() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = followed(&daemon).await;
    let other = daemon.connect().await;
    call_agent(&other, "Tell", &Tell::of("editor").body()).await.expect_err("no answer");
    call_agent(&other, "End", &()).await.expect_err("no answer");
    // The shell lets anybody have its first name.
    other.request_name("org.gnome.Shell").await.expect("taken");
    call_agent(&other, "Tell", &Tell::of("editor").body()).await.expect_err("no answer");
    shell.tell(Tell::of("two")).await;
    follower.expect([focus("two", "")]).await;
}

#[tokio::test]
async fn names_of_any_length_and_kind_are_no_danger() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = followed(&daemon).await;
    let long = "x".repeat(30_000);
    for name in ["", "\u{1b}\u{7}", &long] {
        shell.tell(Tell::of(name)).await;
        shell.tell(Tell::of("two")).await;
        follower.expect([Update::Focus(Focus::Nameless), focus("two", "")]).await;
    }
    shell.tell(Tell { instance: &long, ..Tell::of("class") }).await;
    follower.expect([focus("", "class")]).await;
    // It is read and dropped.
    let longest = "x".repeat(MESSAGE_BYTES);
    shell.try_tell(Tell::of(&longest)).await.expect_err("no answer");
    shell.tell(Tell::of("😀".repeat(64).as_str())).await;
    follower.expect([focus(&"😀".repeat(64), "")]).await;
}

#[tokio::test]
async fn calls_of_another_form_say_nothing() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = followed(&daemon).await;
    shell.call("Tell", &()).await.expect_err("no answer");
    shell.call("Tell", &("a", "a")).await.expect_err("no answer");
    shell.call("Tell", &vec![1u8; 1000]).await.expect_err("no answer");
    shell.call("Ask", &()).await.expect_err("no answer");
    shell.tell(Tell::of("two")).await;
    follower.expect([focus("two", "")]).await;
}

#[tokio::test]
async fn a_flood_of_a_stranger_s_is_cut_off_and_the_shell_is_followed_again() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = followed(&daemon).await;
    let other = daemon.connect().await;
    let call = Message::method_call("/org/seclyzer/Focus", "Tell").and_then(|call| {
        let call = call.destination("org.seclyzer.Agent")?.interface("org.seclyzer.Focus")?;
        call.with_flags(zbus::message::Flags::NoReplyExpected)?.build(&Tell::of("editor").body())
    });
    let call = call.expect("a message");
    for _ in 0..BURST * 2 {
        other.send(&call).await.expect("sent");
    }
    match follower.next().await {
        Update::Unknown(reason) => assert!(reason.contains("lost"), "{reason}"),
        other => panic!("{other:?}"),
    }
    follow_again(&shell).await;
    follower.skip_to(Update::Ready).await;
    follower.expect([focus("two", "")]).await;
}

async fn follow_again(shell: &Shell) {
    eventually("the agent is on the bus again", async || shell.try_tell(Tell::of("two")).await.ok()).await;
}
