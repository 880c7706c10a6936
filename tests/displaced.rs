//! The database's folder goes away under the running binary.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::agent::{Agent, Home};

const NO_SINKS: &str = "[redis]\nenabled = false\n";
/// Less than the store may take to commit what is queued.
const SOON: Duration = Duration::from_secs(5);
const TRY_AGAIN: Option<i32> = Some(75);

fn shell(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-e", "-c", script]).current_dir(folder).status().expect("a shell");
    assert!(status.success(), "{script}");
}

/// The agent ends by itself, and its last words name the folder.
fn assert_that_it_ends(home: &Home, agent: Agent) {
    let since = Instant::now();
    let (code, log) = agent.wait_with_log();
    assert!(since.elapsed() < SOON, "{:?} {log:?}", since.elapsed());
    assert_eq!(code, TRY_AGAIN, "{log:?}");
    let folder = home.database().parent().expect("a folder").display().to_string();
    let named = format!("seclyzer: {folder}: the database's folder was ");
    assert!(log.iter().any(|line| line.starts_with(&named) && line.contains("start again")), "{log:?}");
}

#[test]
fn an_idle_agent_ends_at_once_when_its_folder_goes_and_the_next_one_goes_on() {
    let changes =
        ["rm -r data", "mv data old", "mv data old; cp -a old data", "cp -a data copy; rm -r data; mv copy data"];
    for change in changes {
        let home = Home::with_config(NO_SINKS);
        let agent = home.start_agent(&[]);
        support::wait_until("the start is noted", || !starts(&home).is_empty());
        shell(home.path(), change);
        assert_that_it_ends(&home, agent);
        assert_eq!(home.run(&["status"]).status.code(), Some(69), "{change}");
        // A service manager starts it again.
        let next = home.start_agent(&[]);
        assert_eq!(home.run(&["status"]).status.code(), Some(0), "{change}");
        assert_eq!(next.stop(), Some(0), "{change}");
        let expected = if change.contains("cp") { 2 } else { 1 };
        assert_eq!(starts(&home).len(), expected, "{change}: what was committed is in the copy, with its log");
    }
}

fn starts(home: &Home) -> Vec<String> {
    match home.database().exists() {
        true => home.query("SELECT id FROM audit_log WHERE event = 'start'"),
        false => Vec::new(),
    }
}

#[test]
fn a_replay_ends_when_its_folder_goes_and_what_it_had_stored_is_kept() {
    let home = Home::with_config(NO_SINKS);
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/desk.jsonl");
    let agent = Agent::start(home.command(&["replay", "--speed", "30", trace]));
    support::wait_until("some records", || home.database().exists() && home.try_count_records() > Some(2));
    shell(home.path(), "mv data old");
    assert_that_it_ends(&home, agent);
    assert!(!home.database().exists());
    shell(home.path(), "mv old data");
    assert!(home.count_records() > 2);
}

#[test]
fn a_log_that_is_removed_under_a_replay_takes_no_record_along_when_it_is_killed() {
    let home = Home::with_config(NO_SINKS);
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/desk.jsonl");
    let agent = Agent::start(home.command(&["replay", "--speed", "30", trace]));
    support::wait_until("some records", || home.database().exists() && home.try_count_records() > Some(2));
    let before = home.count_records();
    shell(home.path(), "rm data/seclyzer.db-wal");
    let log = home.path().join("data/seclyzer.db-wal");
    support::wait_until("the next commit", || log.exists());
    shell(home.path(), &format!("kill -9 {}", agent.id()));
    assert_eq!(agent.wait(), None);
    assert!(home.count_records() >= before);
}

#[test]
fn an_agent_whose_file_system_is_not_mounted_makes_no_folders_and_says_so() {
    let home = Home::with_config("");
    std::fs::create_dir(home.path().join("mount-point")).expect("a folder");
    let database = home.path().join("mount-point/share/seclyzer/seclyzer.db");
    let run = |command: &str| {
        let output = home.command(&[command]).env("SECLYZER_STORE_PATH", &database).output().expect("it runs");
        (output.status.code(), [output.stdout, output.stderr].concat())
    };
    let (code, told) = run("run");
    let told = String::from_utf8(told).expect("UTF-8");
    // Not one of those after which a service is not started again.
    assert_eq!(code, Some(73), "{told}");
    assert!(told.contains("mount-point is empty; mount what belongs there"), "{told}");
    let (code, found) = run("doctor");
    let found = String::from_utf8(found).expect("UTF-8");
    assert!(code == Some(1) && found.contains("-> mount what belongs there"), "{found}");
    assert_eq!(std::fs::read_dir(home.path().join("mount-point")).expect("a folder").count(), 0);
}

#[test]
fn an_agent_that_was_told_to_end_does_so_although_its_folder_is_gone() {
    let home = Home::with_config(NO_SINKS);
    let agent = home.start_agent(&[]);
    let since = Instant::now();
    // Both at once; either may be heard of first.
    shell(home.path(), "rm -r data");
    let code = agent.stop();
    assert!(code == Some(0) || code == TRY_AGAIN, "{code:?}");
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(!home.database().exists());
}

#[test]
fn a_log_that_a_reader_holds_is_told_by_the_doctor_with_what_to_do() {
    let home = Home::with_config(NO_SINKS);
    assert_eq!(home.start_agent(&[]).stop(), Some(0));
    let reader = seclyzer::store::read_only(&home.database()).expect("a reader");
    reader.execute_batch("BEGIN; SELECT count(*) FROM audit_log").expect("a transaction");
    reader.query_row("SELECT count(*) FROM audit_log", [], |row| row.get::<_, u32>(0)).expect("a number");
    let writer = rusqlite::Connection::open(home.database()).expect("a writer");
    for _ in 0..40 {
        let fill = "INSERT INTO models VALUES (hex(randomblob(8)), '', '', 1, zeroblob(1000000), '{}', 0)";
        writer.execute_batch(fill).expect("a megabyte");
    }
    let doctor = || String::from_utf8(home.command(&["doctor"]).stdin(Stdio::null()).output().expect("it runs").stdout);
    let told = doctor().expect("UTF-8");
    assert!(told.contains("warning  database") && told.contains("MiB"), "{told}");
    assert!(told.contains("-> fuser -v '"), "{told}");
    drop((reader, writer));
    let told = doctor().expect("UTF-8");
    assert!(told.contains("ok       database"), "{told}");
}
