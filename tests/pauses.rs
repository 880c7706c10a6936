//! Guests and pauses, as people meet them: how they are seen, when they end, and what of them outlives a process.

mod support;

use serde_json::Value;
use support::agent::{Agent, Home};
use support::alarm::{READY, learn, start, told, typed};
use support::manager::Manager;
use support::watcher::Watcher;
use support::{an_hour_ago_us, eventually, wait_until};

const NO_SINKS: &str = "[redis]\nenabled = false\n";
const HOUR_US: i64 = 3_600_000_000;
const STORED: &str = "SELECT value FROM config WHERE key = 'paused_until_us'";
const AUDITED: &str = "SELECT event || ' ' || detail FROM audit_log WHERE event IN ('pause', 'pause_end') ORDER BY id";
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

fn paused(home: &Home) -> Value {
    status(home)["decision"]["paused_until_us"].clone()
}

async fn last_decision(home: &Home, wanted: &str) {
    eventually(wanted, async || (home.query(DECISIONS).last().map(String::as_str) == Some(wanted)).then_some(())).await;
}

fn end(agent: Agent, mut watcher: Watcher) {
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(watcher.process.wait().expect("it ends").code(), Some(69));
}

#[tokio::test]
async fn a_guest_is_seen_by_status_watch_check_and_records() {
    let home = home("observe");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    let (agent, _) = start(&home, Some(&manager));
    let mut watcher = Watcher::start(&home);
    let now = watcher.next();
    assert_eq!(
        (&now["type"], &now["state"], &now["decision"]["mode"]),
        (&"now".into(), &"owner".into(), &"observe".into())
    );

    assert_eq!(
        told(&home, &["guest", "13h"]),
        (Some(77), "seclyzer: its end is too far away; at most 12 hours\n".into())
    );
    assert_eq!(told(&home, &["guest", "for", "ever"]).0, Some(64));
    assert_eq!(told(&home, &["guest", "20m"]).0, Some(0));
    assert_eq!((check(&home, &[]), status(&home)["recognition"]["state"].clone()), (Some(3), "guest".into()));
    assert!(status(&home)["decision"]["guest_until_us"].is_i64());
    assert!(told(&home, &["status"]).1.contains("guest: until "));
    assert_eq!(watcher.next()["to"], "guest");
    assert_eq!(told(&home, &["guest", "30m"]).0, Some(0));
    let longer = watcher.next();
    assert_eq!(
        (&longer["from"], &longer["to"], &longer["reason"]),
        (&"guest".into(), &"guest".into(), &"guest".into())
    );
    assert_eq!(told(&home, &["guest", "off"]).0, Some(0));
    assert_eq!(watcher.next()["reason"], "guest_end");
    assert_eq!(told(&home, &["guest", "off"]), (Some(0), "there is no guest\n".into()));
    last_decision(&home, "guest>owner guest_end").await;
    let of_today = home.query(DECISIONS);
    assert_eq!(of_today[of_today.len() - 3..], ["owner>guest guest", "guest>guest guest", "guest>owner guest_end"]);
    end(agent, watcher);
}

#[tokio::test]
async fn a_pause_is_seen_by_status_watch_check_and_records() {
    let home = home("observe");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    let (agent, _) = start(&home, Some(&manager));
    let mut watcher = Watcher::start(&home);
    assert_eq!(watcher.next()["type"], "now");
    assert_eq!(told(&home, &["pause", "until", "0:60"]).0, Some(64));
    assert_eq!(told(&home, &["pause", "1h"]).0, Some(0));
    assert_eq!(check(&home, &[]), Some(3));
    agent.wait_for_log("capture is paused until ");
    assert!(told(&home, &["status"]).1.contains("capture: paused until "));
    let doctor = told(&home, &["doctor"]).1;
    let devices = doctor.lines().find(|line| line.contains(" devices ")).expect("a finding");
    assert!(devices.starts_with("warning") && devices.contains("capture is paused until "), "{doctor}");
    assert_eq!(status(&home)["events"]["gaps"]["paused"], 1);
    assert_eq!(watcher.next()["reason"], "pause");
    assert_eq!(told(&home, &["resume"]), (Some(0), "capture goes on\n".into()));
    assert_eq!(watcher.next()["reason"], "pause_end");
    agent.wait_for_log("the pause has ended: capture goes on");
    assert_eq!(check(&home, &[]), Some(0));
    last_decision(&home, "owner>owner pause_end").await;
    let of_today = home.query(DECISIONS);
    assert_eq!(of_today[of_today.len() - 2..], ["owner>owner pause", "owner>owner pause_end"]);
    end(agent, watcher);
}

#[tokio::test]
async fn a_guest_and_a_pause_end_by_the_clock_without_anybody_s_doing() {
    let home = home("observe");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    let (agent, _) = start(&home, Some(&manager));
    let mut watcher = Watcher::start(&home);
    assert_eq!(watcher.next()["type"], "now");
    assert_eq!(told(&home, &["guest", "1s"]).0, Some(0));
    assert_eq!(told(&home, &["pause", "1s"]).0, Some(0));
    assert_eq!([watcher.next(), watcher.next()].map(|line| line["reason"].clone()), ["guest", "pause"]);
    let ends = [watcher.next(), watcher.next()].map(|line| line["reason"].as_str().map(str::to_owned));
    assert!(ends.contains(&Some("guest_end".into())) && ends.contains(&Some("pause_end".into())), "{ends:?}");
    end(agent, watcher);
}

#[tokio::test]
async fn a_guest_and_a_pause_outlive_a_restart_of_the_service() {
    let home = home("observe");
    let mut manager = Manager::start();
    learn(&home, Some(&mut manager), &typed(0)).await;
    let (agent, _) = start(&home, Some(&manager));
    assert_eq!((told(&home, &["guest", "2h"]).0, told(&home, &["pause", "1h"]).0), (Some(0), Some(0)));
    let before = status(&home)["decision"].clone();
    drop(agent.kill());
    manager.heard();
    let (agent, _) = start(&home, Some(&manager));
    assert_eq!(status(&home)["decision"], before);
    assert!(before["paused_until_us"].is_i64() && before["guest_until_us"].is_i64(), "{before}");
    assert_eq!(told(&home, &["resume"]).1, "capture goes on\n");
    assert_eq!(told(&home, &["guest", "off"]).1, "the guest has gone: judged and learnt again\n");
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn a_pause_needs_no_recognition_and_a_guest_does() {
    let home = Home::with_config(&format!("[recognition]\nenabled = false\n{NO_SINKS}"));
    let agent = home.start_agent(&[]);
    assert_eq!(told(&home, &["check"]), (Some(3), "recognition is off\n".into()));
    let (code, text) = told(&home, &["pause", "1h"]);
    assert!(code == Some(0) && text.starts_with("paused until "), "{text}");
    assert_eq!(told(&home, &["resume"]).0, Some(0));
    assert_eq!(told(&home, &["guest", "1h"]).0, Some(77));
    assert_eq!(agent.stop(), Some(0));
    let audited = home.query("SELECT event FROM audit_log WHERE event <> 'schema' ORDER BY id");
    assert_eq!(audited, ["start", "pause", "pause_end", "stop"]);
    assert!(home.query(AUDITED)[0].starts_with("pause until 20"), "{:?}", home.query(AUDITED));
}

#[tokio::test]
async fn a_pause_outlives_a_restart_of_the_machine_until_its_end_or_until_it_is_ended() {
    let home = Home::with_config(&format!("[recognition]\nenabled = false\n{NO_SINKS}"));
    let mut agent = home.start_agent(&[]);
    assert_eq!(told(&home, &["pause", "1h"]).0, Some(0));
    let until = paused(&home);
    assert_eq!(home.query(STORED), [until.to_string()], "who has the answer may rely on it");
    for _ in 0..2 {
        drop(agent.kill());
        agent = Agent::start(home.command(&["run"]));
        let before = agent.log_until("still paused until ");
        assert!(!before.iter().any(|line| line.contains("reading /dev/input")), "{before:?}");
        assert_eq!(paused(&home), until);
    }
    assert_eq!(told(&home, &["resume"]).1, "capture goes on\n");
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(home.query(STORED), [""; 0]);
    let agent = home.start_agent(&[]);
    assert!(paused(&home).is_null());
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn where_the_machine_is_locked_nobody_pauses_it_by_way_of_the_database() {
    let home = home("lock");
    assert_eq!(home.start_agent(&[]).stop(), Some(0));
    let until_us = an_hour_ago_us() + 2 * 3_600_000_000;
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    connection
        .execute("INSERT INTO config VALUES ('paused_until_us', ?1)", [until_us.to_string()])
        .expect("a program of the account can");
    drop(connection);
    let agent = home.start_agent(&[]);
    assert!(status(&home)["decision"]["paused_until_us"].is_null());
    assert_eq!(agent.stop(), Some(0));
}

#[tokio::test]
async fn where_the_machine_is_locked_who_pauses_is_told_if_no_service_manager_stores_it() {
    if !nix::unistd::getuid().is_root() {
        // There it needs the password, and nobody asks for one here.
        return;
    }
    const NOT_STORED: &str = "; the pause is not stored, so a restart of the agent may end it: ";
    let off = Home::with_config(&format!("[recognition]\nenabled = false\n[decision]\nmode = \"lock\"\n{NO_SINKS}"));
    for (home, why) in [(off, "recognition, which is off"), (home("lock"), "no service manager has started the agent")]
    {
        let agent = home.start_agent(&[]);
        let (code, text) = told(&home, &["pause", "1h"]);
        assert!(code == Some(0) && text.contains(NOT_STORED) && text.contains(why), "{text}");
        assert_eq!(told(&home, &["resume"]), (Some(0), "capture goes on\n".into()), "nothing would pause again");
        assert_eq!(agent.stop(), Some(0));
    }

    let home = home("lock");
    let mut manager = Manager::start();
    let (agent, _) = start(&home, Some(&manager));
    let (code, text) = told(&home, &["pause", "1h"]);
    assert!(code == Some(0) && text.ends_with(": nothing is captured\n"), "{text}");
    let until = paused(&home);
    drop(agent.kill());
    manager.heard();
    let (agent, _) = start(&home, Some(&manager));
    assert_eq!((paused(&home), until.is_i64()), (until.clone(), true));
    assert_eq!(agent.stop(), Some(0));
}

/// A database in which an agent has left a pause that ends then.
fn home_with_pause(until_us: i64) -> Home {
    let home = Home::with_config(&format!("[recognition]\nenabled = false\n{NO_SINKS}"));
    assert_eq!(home.start_agent(&[]).stop(), Some(0));
    let connection = rusqlite::Connection::open(home.database()).expect("a database");
    let row = ("paused_until_us", until_us.to_string());
    connection.execute("INSERT INTO config VALUES (?1, ?2)", row).expect("room");
    home
}

#[test]
fn a_pause_that_ended_while_no_agent_ran_is_recorded_as_ended_and_forgotten() {
    let home = home_with_pause(an_hour_ago_us());
    let agent = Agent::start(home.command(&["run"]));
    agent.wait_for_log("a pause ended while no agent ran");
    assert!(paused(&home).is_null());
    wait_until("it is forgotten", || home.query(STORED).is_empty());
    assert_eq!(agent.stop(), Some(0));
    let audited = home.query(AUDITED);
    assert!(audited.len() == 1 && audited[0].starts_with("pause_end "), "{audited:?}");
}

#[test]
fn a_pause_of_a_clock_that_is_behind_now_is_held_for_twelve_hours_and_not_forgotten() {
    let now_us = an_hour_ago_us() + HOUR_US;
    let until_us = now_us + 100 * HOUR_US;
    let home = home_with_pause(until_us);
    let agent = Agent::start(home.command(&["run"]));
    agent.wait_for_log("the clock is behind: still paused until ");
    let paused_us = paused(&home).as_i64().expect("paused");
    assert!((now_us + 12 * HOUR_US..now_us + 13 * HOUR_US).contains(&paused_us), "{paused_us} {now_us}");
    assert_eq!(home.query(STORED), [until_us.to_string()], "the clock may be set right");
    assert_eq!(told(&home, &["resume"]).1, "capture goes on\n");
    assert_eq!(home.query(STORED), [""; 0]);
    assert_eq!(agent.stop(), Some(0));
    let audited = home.query(AUDITED);
    assert!(audited.len() == 2 && audited[0].starts_with("pause lasts until "), "{audited:?}");
}

#[test]
fn who_pauses_or_resumes_is_told_if_that_is_not_stored() {
    let home = Home::with_config(&format!("[recognition]\nenabled = false\n{NO_SINKS}"));
    let agent = home.start_agent(&[]);
    let other = rusqlite::Connection::open(home.database()).expect("a database");
    let while_nothing_is_stored = |arguments: &[&str]| {
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
        let (code, text) = told(&home, arguments);
        other.execute_batch("ROLLBACK").expect("nothing was written");
        assert_eq!(code, Some(0), "{text}");
        text
    };
    let paused = while_nothing_is_stored(&["pause", "1h"]);
    assert!(paused.contains("; the pause is not stored, so a restart of the agent may end it: "), "{paused}");
    wait_until("it is stored after all", || !home.query(STORED).is_empty());
    let resumed = while_nothing_is_stored(&["resume"]);
    assert!(resumed.contains("; its end is not stored, so a restart of the agent may pause again: "), "{resumed}");
    assert_eq!(agent.stop(), Some(0));
}
