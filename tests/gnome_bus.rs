//! What the extension of GNOME Shell tells, on a real bus with a stand-in for the shell that behaves and programs that do
//! not. `tests/gnome.rs` has the real one.

#[path = "support/dbus.rs"]
mod dbus;
#[path = "gnome_bus/feigned.rs"]
mod feigned;
#[path = "gnome_bus/follower.rs"]
mod follower;
#[path = "gnome_bus/hostile.rs"]
mod hostile;
mod support;
#[path = "support/xserver.rs"]
mod xserver;

use dbus::Daemon;
use feigned::{AGENT, Shell, Tell, own};
use follower::{FREE, Follower, NOTHING, PROMPT, focus};
use futures_util::future::join_all;
use seclyzer::sources::focus::gnome::{NEW, OLD, State, check_at};
use seclyzer::sources::focus::{Focus, Taker, Update};
use std::time::{Duration, Instant};
use support::eventually;

const ABSENT: &str = "GNOME Shell is not on the session's bus";
const DISPLACED: &str = "another program has the name org.seclyzer.Agent on the session's bus";
const TAKEN: fn(Taker) -> Update = |taker| Update::Taken(Some(taker));

#[tokio::test]
async fn the_shell_is_followed_whether_it_began_before_or_begins_after_the_agent() {
    let daemon = Daemon::start().await;
    let mut follower = Follower::at(daemon.address());
    follower.expect_unknown(ABSENT).await;
    let shell = Shell::start(&daemon).await;
    shell.tell(Tell::of("one")).await;
    follower.expect([Update::Ready, focus("one", "")]).await;
    drop(follower);
    let mut follower = Follower::at(daemon.address());
    shell.tell(Tell::of("two")).await;
    follower.expect([Update::Ready, focus("two", "")]).await;
}

#[tokio::test]
async fn what_takes_the_keys_is_told_with_the_surest_reason_and_so_is_its_end() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    let one = Tell::of("one");
    for (tell, taker) in [
        (Tell { is_secret: true, ..one }, Taker::Field),
        (Tell { is_secret: true, is_prompted: true, ..one }, Taker::Prompt),
        (Tell { is_locked: true, is_prompted: true, ..one }, Taker::Lock),
    ] {
        shell.tell(tell).await;
        follower.expect([TAKEN(taker)]).await;
    }
    shell.tell(one).await;
    follower.expect([FREE]).await;
    shell.tell(Tell { window: 0, ..Tell::of("") }).await;
    follower.expect([PROMPT, NOTHING]).await;
    shell.tell(Tell { window: 2, ..one }).await;
    follower.expect([focus("one", ""), FREE]).await;
    // Another window of the same application is another place to type into.
    shell.tell(Tell { window: 3, ..one }).await;
    follower.expect([focus("one", "")]).await;
}

#[tokio::test]
async fn a_shell_that_ends_is_known_no_more_and_the_next_one_is_followed() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    shell.end().await;
    follower.expect_unknown(ABSENT).await;
    let shell = Shell::start(&daemon).await;
    shell.tell(Tell { is_locked: true, ..Tell::of("two") }).await;
    follower.expect([Update::Ready, TAKEN(Taker::Lock), focus("two", "")]).await;
}

#[tokio::test]
async fn an_extension_that_pauses_as_at_the_lock_screen_is_waited_for_with_nothing_captured() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    shell.disable().await;
    follower.expect([PROMPT]).await;
    shell.tell(Tell { is_locked: true, ..Tell::of("one") }).await;
    follower.expect([TAKEN(Taker::Lock)]).await;
    shell.tell(Tell::of("one")).await;
    follower.expect([FREE]).await;
    shell.disable().await;
    follower.expect([PROMPT]).await;
    follower.expect_unknown("GNOME Shell runs, but the extension does not").await;
    shell.tell(Tell::of("one")).await;
    follower.expect([Update::Ready, focus("one", "")]).await;
}

#[tokio::test]
async fn an_extension_that_does_not_call_is_named_with_the_command_that_mends_it() {
    let told = async |version, state, is_on, mend: &str| {
        let daemon = Daemon::start().await;
        let shell = Shell::that_says(&daemon, version, state, is_on).await;
        let mut follower = Follower::at(daemon.address());
        let reason = follower.expect_unknown("GNOME Shell runs, but the extension does not").await;
        assert!(reason.contains(mend), "{reason}");
        // It may be enabled at any time.
        shell.tell(Tell::of("one")).await;
        follower.expect([Update::Ready, focus("one", "")]).await;
    };
    let (enable, enable_old) = (format!("gnome-extensions enable {NEW}"), format!("gnome-extensions enable {OLD}"));
    join_all([
        told("48.7", Some(2.0), true, &enable),
        told("50", Some(6.0), true, &enable),
        told("43.9", Some(6.0), true, &enable_old),
        told("48.7", Some(6.0), false, "gsettings set org.gnome.shell disable-user-extensions false"),
        told("48.7", None, true, "install seclyzer again"),
        told("51.0", Some(4.0), true, "newer version"),
        told("48.7", Some(3.0), true, "gnome-extensions info"),
    ])
    .await;
}

#[tokio::test]
async fn whoever_asks_is_told_how_the_extension_is_doing() {
    let daemon = Daemon::start().await;
    assert_eq!(check_at(daemon.address()).await.expect_err("no shell").to_string(), ABSENT);
    let shell = Shell::that_says(&daemon, "44.2", Some(1.0), true).await;
    let extension = check_at(daemon.address()).await.expect("an answer");
    assert_eq!((extension.uuid, extension.state), (OLD, State::Active));
    shell.end().await;
    // One that has the name and knows nothing.
    let _other = own(&daemon, "org.gnome.Shell").await;
    let error = check_at(daemon.address()).await.expect_err("no answer");
    assert!(error.to_string().starts_with("GNOME Shell does not say"), "{error}");
}

#[tokio::test]
async fn where_another_program_has_the_agent_s_name_it_is_claimed_once_that_is_gone() {
    let daemon = Daemon::start().await;
    let shell = Shell::start(&daemon).await;
    let other = own(&daemon, AGENT).await;
    let mut follower = Follower::at(daemon.address());
    follower.expect_unknown(DISPLACED).await;
    other.close().await.expect("closed");
    eventually("the name is ours", async || shell.try_tell(Tell::of("one")).await.ok()).await;
    follower.expect([Update::Ready, focus("one", "")]).await;
    // Nobody gets it from us.
    let other = daemon.connect().await;
    assert!(other.request_name(AGENT).await.is_err());
    shell.tell(Tell::of("two")).await;
    follower.expect([focus("two", "")]).await;
}

#[tokio::test]
async fn a_bus_that_starts_anew_is_found_again() {
    let mut daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    drop(shell);
    daemon.restart().await;
    assert!(matches!(follower.next().await, Update::Unknown(_)));
    let shell = Shell::start(&daemon).await;
    eventually("the agent is on the bus", async || shell.try_tell(Tell::of("two")).await.ok()).await;
    follower.skip_to(Update::Ready).await;
    follower.expect([focus("two", "")]).await;
}

#[tokio::test]
async fn a_name_that_changes_without_end_is_told_in_measure() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    // As the extension does, which has one call under way at a time.
    let tell = async |from: usize, to: usize, follower: &mut Follower| {
        let begun = Instant::now();
        for i in from..to {
            shell.tell(Tell::of(&i.to_string())).await;
            follower.expect([focus(&i.to_string(), "")]).await;
        }
        begun.elapsed()
    };
    let time = tell(0, 40, &mut follower).await;
    assert!(time < Duration::from_millis(700), "no more than anybody causes who works: {time:?}");
    let time = tell(40, 140, &mut follower).await;
    assert!(time > Duration::from_millis(1500), "{time:?}");
}

#[tokio::test]
async fn a_window_without_a_name_is_one_and_cannot_be_excluded() {
    let daemon = Daemon::start().await;
    let (shell, mut follower) = feigned::followed(&daemon).await;
    shell.tell(Tell::of("")).await;
    follower.expect([Update::Focus(Focus::Nameless)]).await;
    shell.tell(Tell { class: "Navigator", ..Tell::of("firefox") }).await;
    follower.expect([focus("firefox", "Navigator")]).await;
}
