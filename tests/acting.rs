//! From a decision to an act, as people and scripts meet it: who is at the machine, the owner's answer, guests, pauses,
//! watching, and what each mode would have done. Agents here have no desk: nothing can be locked or shown.

mod support;

use seclyzer::agent::status::socket_path;
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::agent::Home;
use support::alarm::{READY, learn, start, told, typed};
use support::eventually;
use support::manager::Manager;
use support::watcher::Watcher;

const NO_SINKS: &str = "[redis]\nenabled = false\n";
const DECISIONS: &str = "SELECT from_state || '>' || to_state || ' ' || reason FROM decisions ORDER BY id";

/// Not a test: the process that learns.
#[test]
#[ignore = "a process of the other tests"]
fn the_learner() {
    support::learner::run_if_asked();
}

fn home(mode: &str) -> Home {
    let decision = format!("[decision]\nmode = \"{mode}\"\n");
    Home::with_config(&format!("[identity]\nuser = \"someone\"\nhost = \"somewhere\"\n{READY}{decision}{NO_SINKS}"))
}

fn check(home: &Home, more: &[&str]) -> Option<i32> {
    told(home, &[&["check"], more].concat()).0
}

fn status(home: &Home) -> Value {
    serde_json::from_str(&told(home, &["status", "--json"]).1).expect("JSON")
}

async fn last_decision(home: &Home, wanted: &str) {
    eventually(wanted, async || (home.query(DECISIONS).last().map(String::as_str) == Some(wanted)).then_some(())).await;
}

#[tokio::test]
async fn who_is_at_the_machine_is_answered_by_the_exit_code_and_the_owner_answers_the_alarm() {
    let home = home("notify");
    let (code, text) = told(&home, &["check"]);
    assert!(code == Some(3) && text.contains("no agent runs"), "{text}");
    assert_eq!(check(&home, &["--stranger"]), Some(1), "whatever fails lets the owner in");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(3)).await;
    let (agent, _) = start(&home, Some(&manager));
    assert_eq!((check(&home, &[]), check(&home, &["--within", "60s"])), (Some(1), Some(1)));
    assert_eq!(check(&home, &["--stranger"]), Some(0));
    assert_eq!(told(&home, &["check", "--quiet"]), (Some(1), String::new()));
    assert_eq!(told(&home, &["me"]), (Some(0), "confirmed: the state was `stranger` and is `owner`\n".into()));
    assert_eq!((check(&home, &[]), check(&home, &["--stranger"])), (Some(0), Some(1)));
    // Nobody has typed since the agent started.
    assert_eq!(check(&home, &["--within", "60s"]), Some(3));
    last_decision(&home, "stranger>owner unlock").await;
    let took = || {
        let begun = Instant::now();
        assert_eq!(check(&home, &[]), Some(0));
        begun.elapsed()
    };
    // The machine may be busy with other tests.
    let fastest = (0..5).map(|_| took()).min().expect("five");
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    assert_eq!(agent.stop(), Some(0));
}

/// An agent that gives these answers to `check`, one after the other.
fn agent_that_says(home: &Home, answers: &'static [&'static str]) -> JoinHandle<()> {
    std::fs::create_dir_all(home.database().parent().expect("a folder")).expect("room");
    let listener = UnixListener::bind(socket_path(&home.database())).expect("a socket");
    std::thread::spawn(move || {
        for answer in answers {
            let (mut client, _) = listener.accept().expect("a client");
            let mut asked = String::new();
            client.read_to_string(&mut asked).expect("a request");
            assert_eq!(asked, "check\n");
            writeln!(client, "{{\"checked\":{answer}}}").expect("a client that reads");
        }
    })
}

#[test]
fn within_a_time_only_the_owner_grows_old() {
    let home = home("notify");
    let agent = agent_that_says(
        &home,
        &[
            r#"{"state":"owner","paused":false,"judged_s_ago":60}"#,
            r#"{"state":"owner","paused":false,"judged_s_ago":65}"#,
            r#"{"state":"doubtful","paused":false,"judged_s_ago":600}"#,
            r#"{"state":"stranger","paused":false,"judged_s_ago":600}"#,
            r#"{"state":"doubtful","paused":false,"judged_s_ago":null}"#,
        ],
    );
    let within = || check(&home, &["--within", "60s"]);
    assert_eq!([within(), within(), within(), within()], [Some(0), Some(3), Some(2), Some(1)]);
    assert_eq!(check(&home, &["--stranger"]), Some(1));
    agent.join().expect("no panic");
}

#[tokio::test]
async fn a_lock_threshold_that_was_reached_is_acted_on_by_the_next_process() {
    let home = home("lock");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(3)).await;
    last_decision(&home, "stranger>stranger lock").await;
    let (agent, _) = start(&home, Some(&manager));
    agent.wait_for_log("nothing locked the session");
    last_decision(&home, "stranger>stranger not_locked").await;
    assert_eq!(status(&home)["decision"]["not_locked"], true);
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn where_nobody_can_ask_for_the_password_root_is_named_and_nothing_is_done() {
    let home = home("lock");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    let (agent, _) = start(&home, Some(&manager));
    // Root need not prove anything.
    let is_root = nix::unistd::getuid().is_root();
    let (code, text) = told(&home, &["guest", "1h"]);
    match is_root {
        true => assert_eq!(code, Some(0)),
        false => {
            assert!(code == Some(77) && text.contains("nobody here can ask") && text.contains("as root"), "{text}")
        }
    }
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_test_of_locking_says_that_nothing_locks_where_nothing_does() {
    let home = home("lock");
    let agent = home.start_agent(&[]);
    let (code, text) = told(&home, &["lock", "--test"]);
    assert!(code == Some(77) && text.contains("nothing locked the session"), "{text}");
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_program_that_does_not_read_is_cut_off_and_a_ninth_that_watches_is_refused() {
    let home = home("observe");
    let agent = home.start_agent(&[]);
    let mut watchers: Vec<Watcher> = (0..8).map(|_| Watcher::start(&home)).collect();
    for watcher in &mut watchers {
        assert_eq!(watcher.next()["type"], "now");
    }
    assert_eq!(told(&home, &["watch"]).0, Some(77));
    // Others are answered all the same.
    assert_eq!(check(&home, &[]), Some(3));
    let mut gone = watchers.pop().expect("eight");
    gone.process.kill().expect("a process of ours");
    gone.process.wait().expect("a process of ours");
    eventually("its place is free", async || {
        let mut watcher = Watcher::start(&home);
        let is_refused = watcher.lines.next().is_none();
        watcher.process.kill().expect("a process of ours");
        watcher.process.wait().expect("a process of ours");
        (!is_refused).then_some(())
    })
    .await;
    for mut watcher in watchers {
        watcher.process.kill().expect("a process of ours");
        watcher.process.wait().expect("a process of ours");
    }
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_trial_says_what_each_mode_would_have_done() {
    let home = home("observe");
    assert_eq!(told(&home, &["decision", "trial"]).0, Some(66));
    learn(&home, None, &typed(3)).await;
    let (code, text) = told(&home, &["decision", "trial", "--since", "2026-01-01"]);
    assert!(code == Some(0) && text.contains("lock     1 notice, 1 lock, one in "), "{text}");
    let (_, json) = told(&home, &["decision", "trial", "--since", "2026-01-01", "--json"]);
    let trial: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(trial["alarms"][0]["evidence"], "keys", "{trial}");
    assert!(trial["alarms"][0]["lock_after_s"].is_i64(), "{trial}");
    let (_, later) = told(&home, &["decision", "trial", "--since", "2027-01-01"]);
    assert!(later.contains("0 notices, 0 locks\n"), "{later}");
}
