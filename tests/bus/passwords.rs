use crate::dbus::{Daemon, Polkit, Way};
use crate::eventually;
use seclyzer::act::ports::{Action, Authority, Subject};

const PEER: Subject = Subject::Peer { pid: 77, uid: 4711 };

#[tokio::test]
async fn polkit_decides_for_a_process_and_for_the_session() {
    let daemon = Daemon::start().await;
    let _logind = daemon.logind(Way::Honest).await;
    let polkit = Polkit::default();
    let _server = polkit.serve(&daemon).await;
    let desk = daemon.desk();
    assert_eq!(desk.authorise(PEER, Action::Confirm).await, Authority::Granted);
    assert_eq!(desk.authorise(PEER, Action::Guest).await, Authority::Denied);
    assert_eq!(desk.authorise(Subject::Session, Action::Confirm).await, Authority::Granted);
    let asked = polkit.asked.lock().expect("no panic").clone();
    // It may ask, and is given no details, which polkit takes from root alone.
    assert!(asked[0].starts_with("unix-process U32(77)  1 0 "), "{asked:?}");
    assert!(asked[2].starts_with("unix-session  Str(\"1\") 1 0 "), "{asked:?}");
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_is_taken_back() {
    let daemon = Daemon::start().await;
    let polkit = Polkit::default();
    let _server = polkit.serve(&daemon).await;
    let desk = daemon.desk();
    let asking = tokio::spawn(desk.authorise(PEER, Action::Pause));
    eventually("it is asked", async || (!polkit.asked.lock().expect("no panic").is_empty()).then_some(())).await;
    asking.abort();
    let cancelled = eventually("it is taken back", async || polkit.cancelled.lock().expect("no panic").pop()).await;
    let asked = polkit.asked.lock().expect("no panic")[0].clone();
    assert!(asked.ends_with(&cancelled), "{asked}: {cancelled}");
}

#[tokio::test]
async fn where_nothing_can_ask_for_the_password_polkit_is_as_good_as_absent() {
    let daemon = Daemon::start().await;
    let polkit = Polkit { is_without_agent: true, ..Polkit::default() };
    let _server = polkit.serve(&daemon).await;
    assert_eq!(daemon.desk().authorise(PEER, Action::Pause).await, Authority::Absent);
}

#[tokio::test]
async fn where_there_is_no_polkit_nobody_is_granted_anything() {
    let mut daemon = Daemon::start().await;
    let desk = daemon.desk();
    assert_eq!(desk.authorise(PEER, Action::Confirm).await, Authority::Absent);
    daemon.stop();
    assert_eq!(desk.authorise(PEER, Action::Confirm).await, Authority::Absent);
}
