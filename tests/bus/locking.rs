use crate::dbus::{Daemon, UID, Way, heard, nothing_heard, saver, unlock};
use crate::eventually;
use seclyzer::act::ports::{Evidence, Heard, Locked, Outcome, Step};
use seclyzer::bus::{Desk, Session};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[tokio::test]
async fn logind_locks_and_the_hint_verifies_it() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    let locked = desk.lock().await;
    let tried = vec![(Step::Logind, Outcome::Locked(Evidence::Hint))];
    assert_eq!(locked, Locked { tried, by: Some(Step::Logind), evidence: Some(Evidence::Hint) });
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn a_lock_by_the_user_is_heard() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn another_account_s_session_in_front_is_not_locked_and_its_lock_is_not_ours() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    logind.give_to(UID + 1).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    let locked = desk.lock().await;
    assert!(matches!(locked.tried[0], (Step::Logind, Outcome::Absent(_))), "{locked:?}");
    assert_eq!(logind.locked.load(Ordering::SeqCst), 0);
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn success_that_locks_nothing_is_not_believed_and_the_screen_saver_is_asked_next() {
    let daemon = Daemon::start().await;
    let _logind = daemon.logind(Way::Lying).await;
    let screen_saver = saver(&daemon, Way::Honest).await;
    let desk = daemon.desk();
    let locked = desk.lock().await;
    let tried = [(Step::Logind, Outcome::Unverified), (Step::ScreenSaver, Outcome::Locked(Evidence::Saver))];
    assert_eq!((&locked.tried[..], locked.by), (&tried[..], Some(Step::ScreenSaver)));
    assert_eq!(heard(&desk).await, Heard::Locked);
    unlock(&screen_saver).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn services_that_hang_or_refuse_are_passed_over_in_time() {
    let daemon = Daemon::start().await;
    let _logind = daemon.logind(Way::Hanging).await;
    let _saver = saver(&daemon, Way::Refusing).await;
    let desk = daemon.desk();
    let begun = Instant::now();
    let locked = desk.lock().await;
    assert_eq!(locked.tried[0].0, Step::Logind);
    assert_eq!(locked.tried[0].1, Outcome::Silent);
    let refused = Outcome::Refused("org.freedesktop.DBus.Error.NotSupported".into());
    assert_eq!(locked.tried[1], (Step::ScreenSaver, refused));
    assert!(matches!(locked.tried[2], (Step::Gnome, Outcome::Absent(_))));
    assert!(matches!(locked.tried[3], (Step::Command, Outcome::Absent(_))));
    assert_eq!((locked.by, locked.evidence), (None, None));
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    nothing_heard(&desk).await;
}

#[tokio::test]
async fn without_a_bus_every_step_says_why_it_cannot_be_tried() {
    let mut daemon = Daemon::start().await;
    daemon.stop();
    let desk = daemon.desk();
    for tried in [desk.lock().await.tried, desk.prospects().await] {
        assert_eq!(tried.len(), 4);
        assert!(tried.iter().all(|(_, outcome)| matches!(outcome, Outcome::Absent(_))), "{tried:?}");
    }
}

#[tokio::test]
async fn what_could_be_tried_is_told_without_locking() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let _saver = saver(&daemon, Way::Honest).await;
    let outcomes = daemon.desk().prospects().await;
    assert_eq!(outcomes[..2], [(Step::Logind, Outcome::Ready), (Step::ScreenSaver, Outcome::Ready)]);
    assert_eq!(logind.locked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn after_a_restart_of_logind_or_of_the_bus_it_is_heard_again() {
    let mut daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    drop(logind);
    // A logind that is away has unlocked nothing.
    nothing_heard(&desk).await;
    let logind = daemon.logind(Way::Honest).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    drop(logind);
    daemon.restart().await;
    let logind = daemon.logind(Way::Honest).await;
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
}

#[tokio::test]
async fn whatever_lies_in_place_of_the_command_s_file_is_replaced_and_holds_up_nothing() {
    let daemon = Daemon::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let lock_file = folder.path().join("lock");
    nix::unistd::mkfifo(&lock_file, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let desk = Desk::start(Session { lock_file: Some(lock_file.clone()), ..daemon.session() });
    let locking = tokio::spawn(desk.lock());
    // On the one thread that the agent has, too.
    eventually("the file is written", async || std::fs::metadata(&lock_file).ok()?.is_file().then_some(())).await;
    assert_eq!(std::fs::read(&lock_file).expect("a file"), b"lock\n");
    assert_eq!(locking.await.expect("no panic").tried[3], (Step::Command, Outcome::Unverified));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left there");
}

#[tokio::test]
async fn a_switch_between_two_sessions_of_the_account_is_no_unlock_and_both_are_locked() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.bring_to_front(1).await;
    nothing_heard(&desk).await;
    let locked = desk.lock().await;
    assert_eq!((locked.by, locked.evidence), (Some(Step::Logind), Some(Evidence::Hint)), "the one in front is open");
    assert!(logind.is_hinted(1).await);
    eventually("both are asked", async || (logind.locked.load(Ordering::SeqCst) == 2).then_some(())).await;
    logind.set_hint_of(1, false).await;
    nothing_heard(&desk).await;
    logind.set_hint_of(0, false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn where_a_console_is_in_front_the_account_s_graphical_session_is_locked_too() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    logind.bring_to_front(1).await;
    let locked = daemon.desk().lock().await;
    assert_eq!(locked.evidence, Some(Evidence::Hint));
    assert!(logind.is_hinted(1).await);
    eventually("the graphical one is locked", async || logind.is_hinted(0).await.then_some(())).await;
}

#[tokio::test]
async fn a_locked_session_that_has_ended_is_locked_no_more() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.end(0).await;
    logind.bring_to_front(1).await;
    // Nobody has given a password.
    assert_eq!(heard(&desk).await, Heard::Ended);
}

#[tokio::test]
async fn an_error_of_logind_has_unlocked_nothing() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    logind.fail(true).await;
    logind.ask_to_lock().await;
    nothing_heard(&desk).await;
    logind.fail(false).await;
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
}

#[tokio::test]
async fn a_screen_saver_that_has_ended_spares_no_chain_and_has_unlocked_nothing() {
    let daemon = Daemon::start().await;
    let screen_saver = saver(&daemon, Way::Honest).await;
    let logind = daemon.logind(Way::Lying).await;
    let desk = daemon.desk();
    assert_eq!(desk.lock().await.by, Some(Step::ScreenSaver));
    assert_eq!(heard(&desk).await, Heard::Locked);
    drop(screen_saver);
    let locking = tokio::spawn(desk.lock());
    eventually("logind is asked", async || (logind.locked.load(Ordering::SeqCst) == 2).then_some(())).await;
    logind.set_hint(true).await;
    assert_eq!(locking.await.expect("no panic").by, Some(Step::Logind));
    nothing_heard(&desk).await;
}
