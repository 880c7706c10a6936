//! The programs of `examples/consumers`, as a reader of docs/consumers.md runs them: on a real Redis, the agent's own
//! database and its exported files.

#[path = "consumers/files.rs"]
mod files;
#[path = "consumers/program.rs"]
mod program;
mod support;

use program::*;
use rusqlite::Connection;
use seclyzer::record::Kind;
use support::agent::Home;
use support::servers::Redis;
use support::sums::{assert_same_sum, sums_by_sql};

fn counted(home: &Home) -> Connection {
    let connection = Connection::open(home.path().join("counted.db")).expect("a database");
    connection.busy_timeout(PATIENCE).expect("a time");
    connection
}

fn count(home: &Home) -> usize {
    let count = counted(home).query_row("SELECT count(*) FROM counted", [], |row| row.get::<_, i64>(0));
    count.expect("a count") as usize
}

/// Kinds with their numbers of records, and of keys or samples in them, as counted and as in the agent's database.
fn assert_counted_as_in_the_database(home: &Home) {
    let connection = counted(home);
    for (kind, amount) in [("keystroke", "total_keys"), ("mouse", "total_samples"), ("app", "0")] {
        let table = Kind::ALL.into_iter().find(|other| other.name() == kind).expect("a kind").table();
        let expected = home.query(&format!("SELECT count(*) || ' ' || sum({amount}) FROM {table}"));
        let sql = "SELECT count(*) || ' ' || coalesce(sum(amount), 0) FROM counted WHERE type = ?";
        let found: String = connection.query_row(sql, [kind], |row| row.get(0)).expect("a row");
        assert_eq!(found, expected[0], "{kind}");
        assert_ne!(found, "0 0");
    }
}

/// Entries of the stream that somebody has read and nobody has acknowledged.
async fn pending(redis: &Redis) -> usize {
    type Pending = (usize, Option<String>, Option<String>, Option<Vec<(String, String)>>);
    redis.ask::<Pending>(&format!("XPENDING {STREAM} count")).await.0
}

#[tokio::test]
async fn a_subscriber_s_frame_contains_what_sql_counts_and_adds_up() {
    let redis = Redis::start(&[]).await;
    let home = home_with(&redis);
    let desk = golden("desk.jsonl");
    let printed = home.run(&["replay", desk.to_str().expect("UTF-8"), "--stdout", "--speed", "max"]).stdout;
    let records = printed.iter().filter(|&&byte| byte == b'\n').count().to_string();
    let subscriber = Consumer::start(&home, &redis, "subscribe.py", &["--records", &records, "-o", "records.csv"]);
    has_subscribed(&redis).await;
    replay(&home, &desk, "ann");
    let shown = subscriber.end().await;
    assert!(shown.starts_with(&format!("{records} records\n")) && shown.contains("\nkeystroke: "), "{shown}");

    let csv = std::fs::read_to_string(home.path().join("records.csv")).expect("a file");
    assert!(!csv.contains('"'), "a cell is what is between two commas");
    let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().expect("a header");
    let rows: Vec<_> = rows.collect();
    let of_kind = header.iter().position(|&name| name == "type").expect("a column");
    for kind in [Kind::Keystroke, Kind::Mouse, Kind::App] {
        for (name, count, sum) in sums_by_sql(&home, kind) {
            // A feature that no record has a value of is a column all the same, because it was null in each.
            let place = header.iter().position(|&column| column == name).expect("a column");
            let rows = rows.iter().filter(|row| row[of_kind] == kind.name() && !row[place].is_empty());
            let values: Vec<f64> = rows.map(|row| row[place].parse().expect("a number")).collect();
            assert_same_sum(&name, (values.len() as f64, values.iter().sum()), (count, sum));
        }
    }
}

#[tokio::test]
async fn what_a_killed_consumer_had_read_is_taken_over_and_counted_once() {
    let redis = Redis::start(&[]).await;
    let home = home_with(&redis);
    let first = Consumer::start(&home, &redis, "count_stream.py", &["--name", "first"]);
    has_joined(&redis).await;
    // While the file is locked, what has been read cannot be counted.
    let lock = counted(&home);
    lock.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    for user in ["ann", "bea", "cid"] {
        replay(&home, &golden("desk.jsonl"), user);
    }
    eventually("the first has read", async || pending(&redis).await > 0).await;
    first.kill();
    let others = ["second", "third"]
        .map(|name| Consumer::start(&home, &redis, "count_stream.py", &["--name", name, "--idle", "0.5"]));
    let consumers = async || redis.ask::<Vec<redis::Value>>(&format!("XINFO CONSUMERS {STREAM} count")).await.len();
    eventually("both others have joined", async || consumers().await == 3).await;
    assert!(pending(&redis).await > 0 && count(&home) == 0);
    lock.execute_batch("ROLLBACK").expect("no lock");
    let records = home.count_records();
    eventually("all are counted", async || count(&home) == records).await;
    eventually("all are acknowledged", async || pending(&redis).await == 0).await;
    for consumer in others {
        let shown = consumer.end_by(libc::SIGTERM).await;
        assert!(shown.contains("keystroke: ") && shown.contains(" keys: windows overlap"), "{shown}");
    }
    assert_counted_as_in_the_database(&home);
}

#[tokio::test]
async fn what_was_counted_and_not_acknowledged_comes_again_and_is_counted_once() {
    let redis_keeps = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut redis = Redis::start(&redis_keeps).await;
    let home = home_with(&redis);
    let first = Consumer::start(&home, &redis, "count_stream.py", &["--name", "first"]);
    has_joined(&redis).await;
    let lock = counted(&home);
    lock.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    replay(&home, &golden("desk.jsonl"), "ann");
    eventually("the first has read", async || pending(&redis).await > 0).await;
    // What it counts now it cannot acknowledge.
    redis.stop();
    lock.execute_batch("ROLLBACK").expect("no lock");
    eventually("the first has counted", async || count(&home) > 0).await;
    first.kill();
    redis.restart().await;
    assert!(pending(&redis).await > 0);
    // The one that is started again under the same name goes on with it.
    let again = Consumer::start(&home, &redis, "count_stream.py", &["--name", "first", "--idle", "0.5"]);
    let records = home.count_records();
    eventually("all are counted", async || count(&home) == records).await;
    eventually("all are acknowledged", async || pending(&redis).await == 0).await;
    again.end_by(libc::SIGINT).await;
    assert_counted_as_in_the_database(&home);
}

#[tokio::test]
async fn consumers_go_on_when_redis_restarts_even_without_its_data() {
    let mut redis = Redis::start(&[]).await;
    let home = home_with(&redis);
    let mut counting = Consumer::start(&home, &redis, "count_stream.py", &[]);
    let subscriber = Consumer::start(&home, &redis, "subscribe.py", &[]);
    has_joined(&redis).await;
    has_subscribed(&redis).await;
    replay(&home, &golden("desk.jsonl"), "ann");
    let first = home.count_records();
    eventually("the first are counted", async || count(&home) == first).await;
    redis.restart().await;
    has_joined(&redis).await;
    has_subscribed(&redis).await;
    replay(&home, &golden("desk.jsonl"), "bea");
    let records = home.count_records();
    assert_eq!(records, 2 * first);
    eventually("all are counted", async || count(&home) == records).await;
    assert!(counting.is_running());
    assert_counted_as_in_the_database(&home);
    let shown = counting.end_by(libc::SIGTERM).await;
    assert!(shown.contains("waiting for Redis: "), "{shown}");
    let shown = subscriber.end_by(libc::SIGTERM).await;
    assert!(shown.contains("waiting for Redis: ") && shown.contains("\nkeystroke: "), "{shown}");
}

#[tokio::test]
async fn an_entry_that_contains_no_record_stops_nothing() {
    let redis = Redis::start(&[]).await;
    let home = home_with(&redis);
    for (field, text) in [("other", "1"), ("record", "1"), ("record", "{"), ("record", "{\"type\":\"keystroke\"}")] {
        redis.tell(&format!("XADD {STREAM} * {field} {text}")).await;
    }
    replay(&home, &golden("desk.jsonl"), "ann");
    let counting = Consumer::start(&home, &redis, "count_stream.py", &[]);
    let file = home.path().join("counted.db");
    eventually("there is a file", async || file.metadata().is_ok_and(|file| file.len() > 0)).await;
    eventually("all are counted", async || count(&home) == home.count_records()).await;
    eventually("all are acknowledged", async || pending(&redis).await == 0).await;
    let shown = counting.end_by(libc::SIGTERM).await;
    assert_eq!(shown.matches(" contains no record\n").count(), 4, "{shown}");
    assert_counted_as_in_the_database(&home);
}

#[tokio::test]
async fn signals_end_the_programs_well() {
    let redis = Redis::start(&[]).await;
    let home = home_with(&redis);
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let subscriber = Consumer::start(&home, &redis, "subscribe.py", &[]);
        has_subscribed(&redis).await;
        assert_eq!(subscriber.end_by(signal).await, "0 records\n");
        eventually("nobody subscribes", async || redis.ask::<(String, usize)>("PUBSUB NUMSUB features").await.1 == 0)
            .await;
        redis.tell("FLUSHALL").await;
        let counting = Consumer::start(&home, &redis, "count_stream.py", &[]);
        has_joined(&redis).await;
        assert_eq!(counting.end_by(signal).await, "");
    }
}

#[tokio::test]
async fn an_account_needs_no_more_rights_than_the_document_lists() {
    let redis = Redis::start(&[]).await;
    let document = std::fs::read_to_string(root().join("docs/consumers.md")).expect("the document");
    let rules = document.lines().filter_map(|line| line.strip_prefix("ACL SETUSER reader ")).collect::<Vec<_>>();
    assert_eq!(rules.len(), 1);
    redis.tell(&format!("ACL SETUSER reader {}", rules[0].replace("PASSWORD", "secret"))).await;
    let home = home_with(&redis);
    let url = redis.url().replace("redis://", "redis://reader:secret@");
    let counting = Consumer::start(&home, &redis, "count_stream.py", &["--url", &url]);
    let subscriber = Consumer::start(&home, &redis, "subscribe.py", &["--url", &url]);
    has_joined(&redis).await;
    has_subscribed(&redis).await;
    replay(&home, &golden("desk.jsonl"), "ann");
    eventually("all are counted", async || count(&home) == home.count_records()).await;
    counting.end_by(libc::SIGTERM).await;
    subscriber.end_by(libc::SIGTERM).await;
}

#[test]
fn without_redis_one_line_gives_the_reason_and_no_password() {
    let home = home_without_servers();
    for program in ["subscribe.py", "count_stream.py"] {
        let urls = [("redis://ann:hush@127.0.0.1:9", "Connection refused"), ("127.0.0.1:9", "must specify")];
        for (url, reason) in urls {
            let output = run(&home, program, &["--url", url]);
            let error = String::from_utf8(output.stderr).expect("UTF-8");
            assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
            assert!(error.starts_with("Redis: ") && error.contains(reason), "{error}");
            assert!(error.lines().count() == 1 && !error.contains("hush"), "{error}");
        }
    }
}

#[test]
fn every_program_explains_itself() {
    let home = home_without_servers();
    for program in ["subscribe.py", "count_stream.py", "query.py", "train.py"] {
        assert!(answer(&home, program, &["--help"]).starts_with("usage: "), "{program}");
    }
}
