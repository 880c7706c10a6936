//! The script's way into KWin and out again.

use crate::dbus::{Daemon, Kwin, Manner};
use crate::{Follower, followed};
use std::time::Duration;

/// As a process calls its script that is the only one.
const NAME: &str = "org.seclyzer.Focus0";

fn files_in(follower: &Follower) -> usize {
    std::fs::read_dir(follower.folder()).expect("a folder").count()
}

#[tokio::test]
async fn the_script_is_handed_over_in_a_file_of_the_account_s_alone_that_is_gone_once_it_runs() {
    let (_daemon, kwin, follower) = followed().await;
    let files = kwin.seen().files;
    let [(path, mode)] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!((path.parent(), *mode), (Some(follower.folder().as_path()), 0o600));
    assert_eq!(files_in(&follower), 0);
}

#[tokio::test]
async fn what_a_process_before_has_left_is_unloaded_first_and_the_own_script_at_the_end() {
    let (_daemon, kwin, follower) = followed().await;
    assert_eq!(
        (kwin.seen().unloaded.as_slice(), kwin.seen().loaded.as_slice()),
        (&[NAME.into()][..], &[NAME.into()][..])
    );
    let time = follower.end().await;
    assert_eq!(kwin.seen().unloaded, [NAME, NAME]);
    assert!(time < Duration::from_millis(200), "{time:?}");
}

#[tokio::test]
async fn a_second_process_has_a_script_of_its_own() {
    let (daemon, kwin, mut follower) = followed().await;
    let mut other = Follower::on(&daemon);
    other.expect_beginning().await;
    assert_eq!(kwin.seen().loaded, [NAME, "org.seclyzer.Focus1"]);
    other.end().await;
    // The name is free again.
    let mut other = Follower::on(&daemon);
    other.expect_beginning().await;
    assert_eq!(kwin.seen().loaded.last().map(String::as_str), Some("org.seclyzer.Focus1"));
    assert!(follower.updates.try_recv().is_err());
}

#[tokio::test]
async fn a_kwin_whose_script_never_calls_is_given_up_and_tried_again() {
    let daemon = Daemon::start().await;
    let kwin = Kwin::start(&daemon, Manner::Idle).await;
    let mut follower = Follower::on(&daemon);
    follower.expect_unknown("KWin's script does not answer").await;
    kwin.set_manner(Manner::Six);
    follower.expect_beginning().await;
    // Before it was loaded, when it was given up, and before it was loaded again.
    assert_eq!((kwin.seen().unloaded.len(), kwin.seen().loaded.len()), (3, 2));
    assert_eq!(files_in(&follower), 0);
}

#[tokio::test]
async fn a_kwin_that_takes_no_script_is_tried_again() {
    let daemon = Daemon::start().await;
    let kwin = Kwin::start(&daemon, Manner::Unwilling).await;
    let mut follower = Follower::on(&daemon);
    follower.expect_unknown("KWin does not load our script").await;
    assert_eq!(files_in(&follower), 0);
    kwin.set_manner(Manner::Six);
    follower.expect_beginning().await;
}

#[tokio::test]
async fn a_kwin_that_hangs_holds_up_no_end_and_one_in_its_place_is_followed_at_once() {
    let daemon = Daemon::start().await;
    let hanging = Kwin::start(&daemon, Manner::Hanging).await;
    let mut follower = Follower::on(&daemon);
    follower.expect_unknown("KWin does not take our script: no answer in time").await;
    hanging.end().await;
    follower.expect_unknown(crate::ABSENT).await;
    let kwin = Kwin::start(&daemon, Manner::Six).await;
    follower.expect_beginning().await;
    kwin.set_manner(Manner::Hanging);
    let time = follower.end().await;
    assert!(time < Duration::from_millis(400), "{time:?}");
}

#[tokio::test]
async fn without_a_folder_to_write_to_the_reason_is_told() {
    let daemon = Daemon::start().await;
    let _kwin = Kwin::start(&daemon, Manner::Six).await;
    let mut follower = Follower::on(&daemon);
    // A file is in the folder's place.
    std::fs::write(follower.folder(), "").expect("room");
    follower.expect_unknown("KWin's script cannot be written").await;
    std::fs::remove_file(follower.folder()).expect("there");
    follower.expect_beginning().await;
}
