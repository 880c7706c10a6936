//! Followers from the store to real servers that come and go: every record arrives, none twice.

mod common;
#[path = "support/log.rs"]
mod log;
mod support;

use common::someone;
use seclyzer::config::{self, InfluxApi, Secret, Switch};
use seclyzer::pipeline::Output;
use seclyzer::record::{Kind, Origin, Record, Stored};
use seclyzer::sinks::influx::Influx;
use seclyzer::sinks::redis::Redis;
use seclyzer::sinks::{Failure, Sink, State, Status, follow, follow_behind};
use seclyzer::store::{Follower, Store};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::http::{Refusal, StrictV2, Unwanted};
use support::servers::{self, Influx1, VictoriaMetrics};
use support::{LIMIT, an_hour_ago_us, eventually, record, redis_settings};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A store in a folder of its own, and records in it whose numbers are their ids.
struct Spool {
    store: Store,
    start_us: i64,
    folder: tempfile::TempDir,
}

impl Spool {
    fn new() -> Spool {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = config::Store { path: folder.path().join("seclyzer.db"), retention: None };
        let store = Store::open(&settings).expect("a new database");
        Spool { store, start_us: an_hour_ago_us(), folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("seclyzer.db")
    }

    fn newest(&self) -> i64 {
        *self.store.committed().borrow()
    }

    async fn append(&self, record: Record) {
        let (whose, output) = (someone(), Output::Window(record));
        self.store.append_when_free(&whose, Origin::Device, output).await.expect("a store that runs");
    }

    /// Commits so many more records.
    async fn fill(&self, count: i64) {
        let (first, last) = (self.newest() + 1, self.newest() + count);
        for number in first..=last {
            self.append(record(self.start_us, number)).await;
        }
        let mut committed = self.store.committed();
        let all_there = committed.wait_for(|&id| id == last);
        tokio::time::timeout(LIMIT, all_there).await.expect("in time").expect("a store that runs");
    }
}

/// A follower that runs; when it is dropped it stops where it is, as a killed agent would.
struct Running {
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl Running {
    fn start<S: Sink + Send + 'static>(sink: S, spool: &Spool) -> Running {
        let (sender, status) = watch::channel(Status::default());
        let task = tokio::spawn(follow(sink, spool.store.clone(), spool.newest(), sender));
        Running { status, task }
    }

    fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    async fn wait(&mut self, what: &str, is_so: impl Fn(&Status) -> bool) {
        let reached = tokio::time::timeout(LIMIT, self.status.wait_for(|status| is_so(status))).await.map(|_| ());
        assert!(reached.is_ok(), "not in time: {what}; {:?}", self.status());
    }

    async fn catch_up(&mut self, spool: &Spool) {
        let newest = spool.newest();
        self.wait("everything delivered", |status| status.mark == newest).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn redis(url: &str, spool: &Spool) -> Redis {
    Redis::new(redis_settings(url), spool.store.database_id()).expect("a good URL")
}

fn influx(api: InfluxApi, url: &str) -> Influx {
    Influx::new(config::Influx {
        enabled: Switch::On,
        api,
        url: url.into(),
        token: Some(Secret::new("token")),
        org: "org".into(),
        bucket: if api == InfluxApi::V1 { "seclyzer" } else { "bucket" }.into(),
        username: String::new(),
        password: None,
        tls: config::Tls::default(),
    })
}

/// What the stream must hold.
async fn stored_texts(spool: &Spool) -> Vec<String> {
    let stored: Vec<Stored> = spool.store.fetch(0, 100_000).await.expect("records");
    stored.iter().map(|stored| stored.entry.to_json()).collect()
}

#[tokio::test]
async fn redis_that_is_down_at_first_and_killed_half_way_ends_with_every_record_once_and_in_order() {
    let spool = Spool::new();
    let mut server = servers::Redis::prepare(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut follower = Running::start(redis(&server.url(), &spool), &spool);
    spool.fill(200).await;
    follower.wait("the server is missed", |status| status.state == State::Waiting).await;
    server.restart().await;
    follower.wait("something delivered", |status| status.delivered > 0).await;
    spool.fill(2000).await;
    server.stop();
    spool.fill(100).await;
    follower.wait("the server is missed", |status| status.state == State::Waiting).await;
    server.restart().await;
    follower.catch_up(&spool).await;
    assert_eq!(server.stream().await, stored_texts(&spool).await);
    assert_eq!(follower.status().rejected, 0);
}

#[tokio::test]
async fn an_agent_that_is_killed_again_and_again_leaves_each_record_in_the_stream_once() {
    let spool = Spool::new();
    let server = servers::Redis::start(&[]).await;
    let begin = Running::start(redis(&server.url(), &spool), &spool);
    eventually("a mark", async || spool.store.mark(Follower::Redis).await.expect("an answer")).await;
    drop(begin);
    for _ in 0..20 {
        spool.fill(50).await;
        let mut follower = Running::start(redis(&server.url(), &spool), &spool);
        follower.wait("something delivered", |status| status.delivered > 0).await;
        drop(follower);
    }
    Running::start(redis(&server.url(), &spool), &spool).catch_up(&spool).await;
    assert_eq!(server.stream().await, stored_texts(&spool).await);
}

/// The files of a database as they are at this moment: what an agent that is killed leaves.
fn killed(spool: &Spool) -> Spool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["seclyzer.db", "seclyzer.db-wal"] {
        std::fs::copy(spool.folder.path().join(name), folder.path().join(name)).expect("a copy");
    }
    let settings = config::Store { path: folder.path().join("seclyzer.db"), retention: None };
    Spool { store: Store::open(&settings).expect("a database"), start_us: spool.start_us, folder }
}

#[tokio::test]
async fn an_agent_that_is_killed_before_its_marks_are_committed_leaves_each_record_in_the_stream_once() {
    let mut spool = Spool::new();
    let server = servers::Redis::start(&[]).await;
    let mut follower = Running::start(redis(&server.url(), &spool), &spool);
    for round in 0..30 {
        // As many as come at a window's end, as many as a batch has, and more.
        spool.fill([1, 3, 2, 9, 16, 3, 40][round % 7]).await;
        follower.catch_up(&spool).await;
        let after = killed(&spool);
        let mark = after.store.mark(Follower::Redis).await.expect("an answer").expect("a mark");
        assert!((0..=8).contains(&(spool.newest() - mark)), "{mark} of {}", spool.newest());
        after.fill(3).await;
        Running::start(redis(&server.url(), &after), &after).catch_up(&after).await;
        assert_eq!(server.stream().await, stored_texts(&after).await);
        // The agent goes on from there.
        drop(std::mem::replace(&mut follower, Running::start(redis(&server.url(), &after), &after)));
        spool = after;
    }
}

#[tokio::test]
async fn a_redis_that_refuses_transactions_shows_why_in_status_and_log_and_gets_everything_once_it_allows_them() {
    log::keep();
    let (spool, server) = (Spool::new(), servers::Redis::start(&[]).await);
    server.tell("ACL SETUSER default -multi").await;
    let mut follower = Running::start(redis(&server.url(), &spool), &spool);
    spool.fill(50).await;
    follower.wait("a refusal", |status| status.state == State::Refused).await;
    let why = "MULTI: the account lacks a permission: NOPERM";
    assert!(follower.status().last_error.is_some_and(|error| error.starts_with(why) && error.contains("'multi'")));
    let lines: Vec<String> = log::lines().into_iter().filter(|line| line.contains("the server refuses")).collect();
    assert!(lines.len() == 1 && lines[0].contains(why), "{lines:?}");
    server.tell("ACL SETUSER default +multi").await;
    follower.catch_up(&spool).await;
    assert_eq!(server.stream().await, stored_texts(&spool).await);
}

#[tokio::test]
async fn influxdb_1_that_is_down_at_first_and_killed_half_way_ends_with_every_record_once() {
    let spool = Spool::new();
    let mut server = Influx1::start(None).await;
    server.stop();
    let mut follower = Running::start(influx(InfluxApi::V1, &server.url()), &spool);
    spool.fill(100).await;
    follower.wait("the server is missed", |status| status.state == State::Waiting).await;
    server.restart().await;
    follower.wait("something delivered", |status| status.delivered > 0).await;
    spool.fill(600).await;
    server.stop();
    follower.wait("the server is missed", |status| status.state == State::Waiting || status.mark == 700).await;
    server.restart().await;
    follower.catch_up(&spool).await;
    assert_eq!(server.count_all().await, 700);
    assert_eq!(follower.status().rejected, 0);
}

#[tokio::test]
async fn victoria_metrics_that_is_down_at_first_and_stopped_half_way_ends_with_every_record_once() {
    let spool = Spool::new();
    let mut server = VictoriaMetrics::start().await;
    server.stop();
    let mut follower = Running::start(influx(InfluxApi::V2, &server.url()), &spool);
    spool.fill(100).await;
    follower.wait("the server is missed", |status| status.state == State::Waiting).await;
    server.restart().await;
    follower.catch_up(&spool).await;
    server.stop();
    spool.fill(200).await;
    follower.wait("the server is missed", |status| status.state == State::Waiting).await;
    server.restart().await;
    follower.catch_up(&spool).await;
    assert_eq!((server.count_all().await, server.invalid_rows().await), (300, 0));
}

#[tokio::test]
async fn a_record_that_cannot_be_stored_is_left_out_alone_and_counted() {
    let (spool, server) = (Spool::new(), Influx1::start(None).await);
    let mut follower = Running::start(influx(InfluxApi::V1, &server.url()), &spool);
    spool.fill(40).await;
    // No database holds a time as late as that.
    spool.append(Record { window_end_us: 253_402_300_799_999_999, ..record(0, 1) }).await;
    eventually("the record is committed", async || (spool.newest() == 41).then_some(())).await;
    spool.fill(40).await;
    follower.catch_up(&spool).await;
    assert_eq!(server.count_all().await, 80);
    let status = follower.status();
    assert_eq!((status.delivered, status.rejected), (80, 1));
    assert!(status.last_error.is_some_and(|error| error.contains("2262")));
}

#[tokio::test]
async fn a_conflict_of_types_costs_one_record_a_pause_and_keeps_the_backlog_though_the_other_kinds_are_taken() {
    log::keep();
    let (spool, server) = (Spool::new(), StrictV2::start("token", 1 << 20));
    server.refuse_points("mouse_features", Unwanted::Conflict);
    let mut follower = Running::start(influx(InfluxApi::V2, &server.url()), &spool);
    spool.fill(300).await;
    follower.wait("more than the first eight are given up", |status| status.rejected > 9).await;
    // The pauses are half a second at first, and grow.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = follower.status();
    assert!(status.rejected < 20, "of 100: {status:?}");
    follower.wait("it shows that records are rejected", |status| status.state == State::Rejecting).await;
    assert!(status.last_error.is_some_and(|error| error.contains("a field type conflict")));
    let lines = log::lines().into_iter().filter(|line| line.contains("will never store")).count();
    assert_eq!(lines, 1, "one line a minute");
}

#[tokio::test]
async fn records_that_are_too_old_go_at_once_and_those_of_a_conflict_in_the_same_batch_one_by_one() {
    log::keep();
    let (spool, server) = (Spool::new(), StrictV2::start("token", 1 << 20));
    server.refuse_points("mouse_features", Unwanted::TooOld);
    let mut follower = Running::start(influx(InfluxApi::V2, &server.url()), &spool);
    spool.fill(300).await;
    follower.catch_up(&spool).await;
    assert_eq!((server.points().0, follower.status().rejected, follower.status().delivered), (200, 100, 200));
    server.refuse_points("app_transitions", Unwanted::Conflict);
    spool.fill(12).await;
    follower.catch_up(&spool).await;
    assert_eq!((server.points().0, follower.status().rejected), (204, 108), "each stands alone in the end");
    let lines = log::lines().into_iter().filter(|line| line.contains("will never store")).count();
    assert_eq!(lines, 1, "one line a minute");
}

#[tokio::test]
async fn a_conflict_in_influxdb_1_keeps_the_backlog_until_it_is_mended() {
    let (spool, server) = (Spool::new(), Influx1::start(None).await);
    let time_ns = spool.start_us * 1000;
    server.write(&format!("mouse_features,user_id=x,host=x speed_mean=\"fast\" {time_ns}")).await;
    let mut follower = Running::start(influx(InfluxApi::V1, &server.url()), &spool);
    spool.fill(120).await;
    follower.wait("pauses are made", |status| status.rejected >= 9).await;
    server.query("DROP MEASUREMENT mouse_features").await;
    follower.catch_up(&spool).await;
    let rejected = follower.status().rejected;
    assert!((9..20).contains(&rejected), "{rejected}");
    assert_eq!(server.count_all().await, 120 - rejected);
}

#[tokio::test]
async fn batches_are_halved_until_the_server_takes_them_and_a_busy_one_gets_its_pause() {
    let (spool, server) = (Spool::new(), StrictV2::start("token", 20_000));
    server.refuse_next([Refusal { headers: "Retry-After: 2\r\n", ..Refusal::new(429) }]);
    let mut follower = Running::start(influx(InfluxApi::V2, &server.url()), &spool);
    spool.fill(300).await;
    follower.catch_up(&spool).await;
    assert_eq!(server.points(), (300, 300));
    assert_eq!((follower.status().delivered, follower.status().rejected), (300, 0));
    let requests = server.requests();
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_secs(2) && pause < Duration::from_secs(4), "{pause:?}");
}

#[tokio::test]
async fn a_server_that_refuses_gets_everything_once_it_lets_us_in() {
    let (spool, server) = (Spool::new(), Influx1::start(None).await);
    server.query("DROP DATABASE seclyzer").await;
    let mut follower = Running::start(influx(InfluxApi::V1, &server.url()), &spool);
    spool.fill(30).await;
    follower.wait("a refusal", |status| status.state == State::Refused).await;
    assert!(follower.status().last_error.is_some_and(|error| error.contains("database not found")));
    server.query("CREATE DATABASE seclyzer").await;
    follower.catch_up(&spool).await;
    assert_eq!((server.count_all().await, follower.status().state), (30, State::Delivering));
}

/// When it was asked to deliver what.
type Attempts = Arc<Mutex<Vec<(Instant, Vec<i64>)>>>;

/// A sink whose server is there only when the test says so.
struct Scripted {
    is_optional: bool,
    outcomes: Arc<Mutex<VecDeque<Result<(), Failure>>>>,
    attempts: Attempts,
}

impl Sink for Scripted {
    const FOLLOWER: Follower = Follower::Redis;
    const LARGEST_BATCH: usize = 8;

    fn is_optional(&self) -> bool {
        self.is_optional
    }

    async fn deliver(&mut self, batch: &[Stored]) -> Result<(), Failure> {
        self.attempts.lock().expect("no panic").push((Instant::now(), batch.iter().map(|s| s.id).collect()));
        self.outcomes.lock().expect("no panic").pop_front().unwrap_or(Ok(()))
    }
}

fn scripted(is_optional: bool, failures: usize) -> (Scripted, Attempts) {
    let attempts = Arc::default();
    let outcomes = vec![Err(Failure::Unreachable("down".into())); failures];
    let outcomes = Arc::new(Mutex::new(outcomes.into()));
    (Scripted { is_optional, outcomes, attempts: Arc::clone(&attempts) }, attempts)
}

/// For so long somebody else is let go ahead.
const TURN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn who_follows_behind_waits_for_what_is_being_delivered_and_for_nobody_who_cannot_deliver() {
    let spool = Spool::new();
    let (sink, attempts) = scripted(false, 0);
    let (ahead, behind) = watch::channel(Status { state: State::Delivering, ..Status::default() });
    let (sender, mut status) = watch::channel(Status::default());
    let task = tokio::spawn(follow_behind(Some(behind), sink, spool.store.clone(), 0, sender));
    let begun = Instant::now();
    spool.fill(1).await;
    let mut delivered = async |mark| {
        let is_so = status.wait_for(|status| status.mark == mark);
        tokio::time::timeout(LIMIT, is_so).await.expect("in time").expect("a follower that runs");
        attempts.lock().expect("no panic").last().expect("an attempt").0
    };
    assert!(delivered(1).await - begun >= TURN, "but not for long");
    let mut mark = 1;
    // As quick as anything else is on a busy machine: each is tried some times.
    for (state, ahead_mark) in [(State::Waiting, 0), (State::Delivering, 1_000)] {
        ahead.send_modify(|status| (status.state, status.mark) = (state, ahead_mark));
        let mut quickest = LIMIT;
        for _ in 0..20 {
            let begun = Instant::now();
            spool.fill(1).await;
            mark += 1;
            quickest = quickest.min(delivered(mark).await - begun);
        }
        assert!(quickest < TURN, "{state:?}: {quickest:?}");
    }
    drop(ahead);
    spool.fill(1).await;
    delivered(mark + 1).await;
    task.abort();
}

#[tokio::test]
async fn what_a_sink_that_somebody_has_asked_for_cannot_deliver_has_an_age() {
    let spool = Spool::new();
    let (whose, start_us) = (someone(), spool.start_us);
    let (sink, _) = scripted(false, 3);
    let mut follower = Running::start(sink, &spool);
    for (number, origin) in [(1, Origin::Trace), (2, Origin::Device), (3, Origin::Device)] {
        let output = Output::Window(record(start_us, number));
        spool.store.append_when_free(&whose, origin, output).await.expect("a store that runs");
    }
    // A trace's is of another time.
    let second_us = Some(start_us + 2_000_000);
    let oldest_us = |status: &Status| status.stuck.and_then(|stuck| stuck.oldest_us);
    follower.wait("the oldest of the devices", |status| oldest_us(status) == second_us).await;
    follower.catch_up(&spool).await;
    assert_eq!(follower.status().stuck, None);
}

/// A replay left more records than are delivered at once, and the devices made one before them, or after.
#[tokio::test]
async fn a_replay_s_backlog_does_not_hide_how_old_the_records_of_the_devices_are() {
    let spool = Spool::new();
    let (whose, start_us) = (someone(), spool.start_us);
    let (sink, _) = scripted(false, 1_000);
    let mut follower = Running::start(sink, &spool);
    let append = async |number: i64, origin| {
        let output = Output::Window(record(start_us, number));
        spool.store.append_when_free(&whose, origin, output).await.expect("a store that runs");
    };
    for number in 1..=Scripted::LARGEST_BATCH as i64 + 1 {
        append(number, Origin::Trace).await;
    }
    follower.wait("stuck", |status| status.stuck.is_some_and(|stuck| stuck.oldest_us.is_none())).await;
    append(500, Origin::Device).await;
    append(501, Origin::Device).await;
    let oldest_us = |status: &Status| status.stuck.and_then(|stuck| stuck.oldest_us);
    follower.wait("the first of the devices", |status| oldest_us(status) == Some(start_us + 500_000_000)).await;
    assert_eq!(follower.status().delivered, 0);
}

#[tokio::test]
async fn an_optional_sink_without_a_server_is_tried_only_when_there_is_something_new() {
    let spool = Spool::new();
    spool.fill(5).await;
    let (sink, attempts) = scripted(true, 2);
    let mut follower = Running::start(sink, &spool);
    spool.fill(1).await;
    follower.wait("nobody there", |status| status.state == State::Absent).await;
    assert_eq!(follower.status().stuck, None, "nobody has asked for it");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(attempts.lock().expect("no panic").len(), 1, "no timer asks again");
    assert_eq!(spool.store.mark(Follower::Redis).await.expect("an answer"), None);
    spool.fill(1).await;
    eventually("a second attempt", async || (attempts.lock().expect("no panic").len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    spool.fill(1).await;
    follower.catch_up(&spool).await;
    let (_, delivered) = attempts.lock().expect("no panic").last().cloned().expect("an attempt");
    assert_eq!(delivered, [6, 7, 8], "what came since the agent's start, and nothing from before");
    assert_eq!(spool.store.mark(Follower::Redis).await.expect("an answer"), Some(8));
}

#[tokio::test]
async fn a_sink_whose_records_are_all_rejected_shows_that_until_one_is_taken() {
    let (spool, server) = (Spool::new(), StrictV2::start("token", 1 << 20));
    for kind in Kind::ALL {
        server.refuse_points(kind.table(), Unwanted::Conflict);
    }
    let mut follower = Running::start(influx(InfluxApi::V2, &server.url()), &spool);
    spool.fill(4).await;
    follower.catch_up(&spool).await;
    let status = follower.status();
    assert_eq!((status.state, status.delivered, status.rejected), (State::Rejecting, 0, 4));
    server.refuse_no_points();
    spool.fill(4).await;
    follower.catch_up(&spool).await;
    assert_eq!(follower.status().state, State::Delivering);
}

#[tokio::test]
async fn an_optional_redis_that_answers_with_a_refusal_is_refused_and_gets_everything_once_it_lets_us_in() {
    log::keep();
    let (spool, server) = (Spool::new(), servers::Redis::start(&["--requirepass", "secret"]).await);
    let settings = config::Redis { enabled: Switch::Auto, ..redis_settings(&server.url()) };
    let mut follower = Running::start(Redis::new(settings, spool.store.database_id()).expect("a good URL"), &spool);
    spool.fill(10).await;
    follower.wait("a refusal", |status| status.state == State::Refused).await;
    assert!(follower.status().last_error.is_some_and(|error| error.contains("NOAUTH")));
    assert!(log::lines().iter().any(|line| line.contains("the server refuses") && line.contains("NOAUTH")));
    eventually("a mark", async || spool.store.mark(Follower::Redis).await.expect("an answer")).await;
    let mut connection = server.connect(":secret@").await;
    let set = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("").to_owned();
    set.exec_async(&mut connection).await.expect("a setting");
    follower.catch_up(&spool).await;
    assert_eq!(server.stream().await, stored_texts(&spool).await);
}

#[tokio::test]
async fn a_sink_that_was_asked_for_has_its_mark_from_the_start_and_is_tried_by_itself() {
    let spool = Spool::new();
    let (sink, attempts) = scripted(false, 3);
    let mut follower = Running::start(sink, &spool);
    eventually("a mark", async || spool.store.mark(Follower::Redis).await.expect("an answer")).await;
    spool.fill(3).await;
    follower.catch_up(&spool).await;
    let attempts = attempts.lock().expect("no panic").clone();
    let pauses: Vec<Duration> = attempts.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(pauses[..3].iter().all(|pause| *pause >= Duration::from_millis(250)), "{pauses:?}");
    assert!(pauses[2] > pauses[0], "{pauses:?}");
}

#[tokio::test]
async fn records_that_are_deleted_before_they_could_be_delivered_are_counted() {
    let spool = Spool::new();
    let (sink, attempts) = scripted(false, 1);
    let mut follower = Running::start(sink, &spool);
    eventually("a mark", async || spool.store.mark(Follower::Redis).await.expect("an answer")).await;
    spool.fill(30).await;
    let connection = rusqlite::Connection::open(spool.path()).expect("a second connection");
    for kind in Kind::ALL {
        connection.execute(&format!("DELETE FROM {} WHERE id BETWEEN 1 AND 20", kind.table()), []).expect("deleted");
    }
    follower.catch_up(&spool).await;
    let status = follower.status();
    let delivered = attempts.lock().expect("no panic").iter().skip(1).map(|(_, ids)| ids.len()).sum::<usize>() as u64;
    assert_eq!((status.delivered, status.missed), (delivered, 30 - delivered));
    assert!(status.missed > 0, "the first delivery failed, and its records are gone");
}

#[tokio::test]
async fn a_follower_ends_with_its_store() {
    let spool = Spool::new();
    let (sink, _) = scripted(false, 0);
    let (sender, _status) = watch::channel(Status::default());
    let task = tokio::spawn(follow(sink, spool.store.clone(), 0, sender));
    spool.fill(1).await;
    spool.store.clone().close(LIMIT).await.expect("closed");
    tokio::time::timeout(LIMIT, task).await.expect("in time").expect("no panic");
}
