//! The focused application, followed on a real GNOME Shell with the extension. `tests/gnome_bus.rs` has one that is
//! feigned, and programs that mean harm.

#[path = "gnome/agent.rs"]
mod agent;
#[path = "gnome_bus/follower.rs"]
mod follower;
#[path = "gnome/session.rs"]
mod session;
mod support;

use follower::{FREE, Follower, NOTHING, PROMPT, focus};
use seclyzer::sources::focus::gnome::{State, check_at};
use seclyzer::sources::focus::{Focus, Taker, Update};
use session::{FORM, Session, first_opened, followed, install, monotonic, opened, set};
use std::time::Duration;

const ABSENT: &str = "GNOME Shell is not on the session's bus";
const SILENT: &str = "GNOME Shell runs, but the extension does not";
const FIELD: Update = Update::Taken(Some(Taker::Field));
const LOCK: Update = Update::Taken(Some(Taker::Lock));

#[tokio::test]
async fn the_application_with_the_focus_is_told_within_100_ms_of_each_change() {
    let (session, mut follower) = followed().await;
    let _one = first_opened(&session, &mut follower, "one").await;
    let _two = opened(&session, &mut follower, "two").await;
    let mut times: Vec<Duration> = Vec::new();
    for app_id in ["one", "two"].into_iter().cycle().take(20) {
        let changed = session.switch_to(app_id).await;
        follower.skip_to(focus(app_id, "")).await;
        times.push(monotonic() - changed);
    }
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("a change of focus is told after {median:?} (median), {longest:?} (longest)");
    assert!(longest < Duration::from_millis(100), "{times:?}");
}

#[tokio::test]
async fn a_closed_window_gives_the_focus_to_the_other_and_the_last_one_to_none() {
    let (session, mut follower) = followed().await;
    let one = first_opened(&session, &mut follower, "one").await;
    let two = opened(&session, &mut follower, "two").await;
    drop(two);
    follower.expect([focus("one", "")]).await;
    drop(one);
    follower.expect([PROMPT, NOTHING]).await;
    // No more than Wayland lets a program say at once.
    let _long = session.compositor.window(&"x".repeat(4000));
    follower.expect([Update::Focus(Focus::Nameless), FREE]).await;
    let _control = session.compositor.window("\u{1b}]0;three\u{7}");
    follower.skip_to(focus("]0;three", "")).await;
}

#[tokio::test]
async fn a_field_for_a_password_or_a_pin_takes_the_keys_as_long_as_it_has_the_focus() {
    let (session, mut follower) = followed().await;
    let _one = first_opened(&session, &mut follower, "one").await;
    let _form = session.form();
    follower.expect([focus(FORM, "")]).await;
    for secret in ["password", "pin"] {
        session.focus_field(secret).await;
        follower.expect([FIELD]).await;
        session.focus_field("entry").await;
        follower.expect([FREE]).await;
        // What is no field for text has no purpose.
        session.focus_field(secret).await;
        follower.expect([FIELD]).await;
        session.focus_field("button").await;
        follower.expect([FREE]).await;
        // The field has kept its purpose, which is not told again.
        session.focus_field(secret).await;
        follower.expect([FIELD]).await;
        session.switch_to("one").await;
        follower.expect_both([focus("one", ""), FREE]).await;
        session.switch_to(FORM).await;
        follower.expect_both([focus(FORM, ""), FIELD]).await;
        session.focus_field("entry").await;
        follower.expect([FREE]).await;
    }
}

#[tokio::test]
async fn prompts_and_menus_of_the_shell_and_its_lock_screen_take_the_keys() {
    let (session, mut follower) = followed().await;
    let _one = first_opened(&session, &mut follower, "one").await;
    for [begin, end] in [
        ["Main.openRunDialog()", "Main.runDialog.close()"],
        ["Main.overview.show()", "Main.overview.hide()"],
        ["Main.panel.statusArea.dateMenu.menu.open()", "Main.panel.statusArea.dateMenu.menu.close()"],
    ] {
        session.order(begin).await;
        follower.expect([PROMPT]).await;
        session.order(end).await;
        follower.expect([FREE]).await;
    }
    // An entry of the shell's that takes the keys without a grab, as for an answer in a notice.
    session.order("global.entry = new imports.gi.St.Entry(); Main.uiGroup.add_child(global.entry)").await;
    session.order("global.entry.grab_key_focus()").await;
    follower.expect([PROMPT]).await;
    session.order("global.entry.destroy()").await;
    follower.expect([FREE]).await;
    // Without GDM it does not lock, so it is only put into the mode in which it is locked.
    session.order("Main.sessionMode.pushMode('unlock-dialog')").await;
    follower.expect([LOCK]).await;
    session.order("Main.sessionMode.popMode('unlock-dialog')").await;
    follower.expect([FREE]).await;
}

#[tokio::test]
async fn a_shell_that_crashed_and_came_back_is_followed_again() {
    let (mut session, mut follower) = followed().await;
    let _one = first_opened(&session, &mut follower, "one").await;
    session.compositor.kill();
    follower.expect_unknown(ABSENT).await;
    session.compositor.start_again();
    follower.expect([Update::Ready]).await;
    session.leave_overview().await;
    let _two = opened(&session, &mut follower, "two").await;
    // An agent that begins later is told, before it could take the extension for one that is not enabled.
    drop(follower);
    let mut follower = Follower::at(session.address());
    follower.expect([Update::Ready]).await;
    follower.skip_to(focus("two", "")).await;
}

#[tokio::test]
async fn an_extension_that_is_not_enabled_is_enabled_with_the_command_that_is_named() {
    let session = Session::prepared(|room| {
        install(room);
        set(room, "");
    })
    .await;
    let mut follower = Follower::at(session.address());
    let reason = follower.skip_to_unknown(SILENT).await;
    assert!(reason.contains("gnome-extensions enable seclyzer@seclyzer.org"), "{reason}");
    session.tell_extensions("enable").await;
    follower.expect([Update::Ready]).await;
    session.leave_overview().await;
    let _one = opened(&session, &mut follower, "one").await;
    follower.expect([FREE]).await;
    let extension = check_at(session.address()).await.expect("an answer");
    assert_eq!(extension.state, State::Active, "{extension:?}");
    session.tell_extensions("disable").await;
    follower.expect([PROMPT]).await;
    follower.expect_unknown(SILENT).await;
}

#[tokio::test]
async fn an_extension_that_is_not_installed_is_said_to_be_so() {
    let session = Session::prepared(|room| set(room, "")).await;
    let mut follower = Follower::at(session.address());
    let reason = follower.skip_to_unknown(SILENT).await;
    assert!(reason.contains("install seclyzer again"), "{reason}");
    assert_eq!(check_at(session.address()).await.expect("an answer").state, State::Uninstalled);
}
