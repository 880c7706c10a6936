//! Events that are injected through a real Redis.

mod support;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use seclyzer::config::Secret;
use seclyzer::event::{Event, GapReason, Scope, Stamped};
use seclyzer::sources::redis::{CHANNEL, Counts, subscribe};
use std::time::Instant;
use support::servers::Redis;
use support::{LIMIT, eventually, redis_settings};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

const PRESS: &str = r#"{"type":"keystroke","ts":1701423846000000,"key":"a","event":"press"}"#;

struct Source {
    events: mpsc::Receiver<Stamped>,
    counts: watch::Receiver<Counts>,
    task: JoinHandle<()>,
}

fn start(url: &str, password: Option<&str>, queue: usize) -> Source {
    let mut settings = redis_settings(url);
    settings.password = password.map(Secret::new);
    let (sender, events) = mpsc::channel(queue);
    let (count, counts) = watch::channel(Counts::default());
    let task = tokio::spawn(async { subscribe(settings, sender, count).await.expect("a good URL") });
    Source { events, counts, task }
}

impl Source {
    async fn next(&mut self) -> Stamped {
        tokio::time::timeout(LIMIT, self.events.recv()).await.expect("in time").expect("a source that runs")
    }
}

/// Publishes as soon as somebody listens.
async fn publish(redis: &Redis, message: &str) {
    publish_over(&mut redis.connect("").await, message).await;
}

async fn publish_over(connection: &mut MultiplexedConnection, message: &str) {
    eventually("a subscriber", async || {
        let listeners: u64 = connection.publish(CHANNEL, message).await.expect("published");
        (listeners > 0).then_some(())
    })
    .await;
}

/// Publishes so many messages as fast as the server takes them.
async fn flood(redis: &Redis, message: &str, count: usize) {
    let mut connection = redis.connect("").await;
    for _ in 0..count / 1000 {
        let mut flood = redis::pipe();
        (0..1000).for_each(|_| _ = flood.publish(CHANNEL, message).ignore());
        flood.exec_async(&mut connection).await.expect("published");
    }
}

#[tokio::test]
async fn events_come_in_and_misfits_are_counted_by_reason() {
    let redis = Redis::start(&[]).await;
    let mut source = start(&redis.url(), None, 8);
    for message in [PRESS, "nonsense", "", &"x".repeat(5000), r#"{"type":"keystroke","ts":0}"#, PRESS] {
        publish(&redis, message).await;
    }
    for _ in 0..2 {
        let stamped = source.next().await;
        assert!(stamped.ts_us == 1_701_423_846_000_000 && matches!(stamped.event, Event::Key { .. }), "{stamped:?}");
    }
    let counts = source.counts.borrow().clone();
    let expected = [("bad_time", 1), ("not_an_object", 2), ("too_long", 1)];
    assert_eq!((counts.accepted, counts.rejected, counts.interruptions), (2, expected.into(), 0));
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_becomes_a_gap() {
    let mut redis = Redis::start(&[]).await;
    let mut source = start(&redis.url(), None, 8);
    publish(&redis, PRESS).await;
    source.next().await;
    redis.restart().await;
    publish(&redis, PRESS).await;
    assert_eq!(source.next().await.event, Event::Gap { scope: Scope::All, reason: GapReason::Dropped });
    assert!(matches!(source.next().await.event, Event::Key { .. }));
    assert_eq!(source.counts.borrow().interruptions, 1);
}

#[tokio::test]
async fn a_server_that_is_down_or_refuses_at_first_is_asked_again() {
    let mut redis = Redis::prepare(&[]);
    let mut source = start(&redis.url(), Some("open sesame"), 8);
    redis.restart().await;
    let mut connection = redis.connect("").await;
    // Without a password the server refuses one.
    let set = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("open sesame").to_owned();
    set.exec_async(&mut connection).await.expect("a password");
    publish_over(&mut connection, PRESS).await;
    assert!(matches!(source.next().await.event, Event::Key { .. }));
}

#[tokio::test]
async fn a_flood_of_bad_events_stops_nothing() {
    const FLOOD: usize = 200_000;
    let redis = Redis::start(&[]).await;
    let mut source = start(&redis.url(), None, 8);
    publish(&redis, PRESS).await;
    source.next().await;
    let begun = Instant::now();
    flood(&redis, "{\"type\":\"keystroke\",\"key\":", FLOOD).await;
    publish(&redis, PRESS).await;
    source.next().await;
    let counts = source.counts.borrow().clone();
    assert_eq!((counts.accepted, counts.rejected["not_an_object"]), (2, FLOOD as u64));
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn events_that_come_faster_than_they_are_taken_wait_and_none_is_lost() {
    const FLOOD: usize = 20_000;
    let redis = Redis::start(&[]).await;
    let mut source = start(&redis.url(), None, 8);
    publish(&redis, PRESS).await;
    source.next().await;
    flood(&redis, PRESS, FLOOD).await;
    for _ in 0..FLOOD {
        source.next().await;
    }
    assert_eq!(source.counts.borrow().interruptions, 0);
}

#[tokio::test]
async fn a_huge_message_is_passed_over() {
    let redis = Redis::start(&[]).await;
    let mut source = start(&redis.url(), None, 8);
    publish(&redis, &"x".repeat(16 << 20)).await;
    publish(&redis, PRESS).await;
    source.next().await;
    assert_eq!(source.counts.borrow().rejected, [("too_long", 1)].into());
}

#[tokio::test]
async fn a_unix_socket_and_a_password_do_as_well() {
    let redis = Redis::start(&["--requirepass", "open sesame"]).await;
    let mut source = start(&redis.unix_url(), Some("open sesame"), 8);
    let mut connection = redis.connect(":open%20sesame@").await;
    publish_over(&mut connection, PRESS).await;
    assert!(matches!(source.next().await.event, Event::Key { .. }));
}

#[tokio::test]
async fn it_ends_when_nobody_takes_the_events_any_more() {
    let redis = Redis::start(&[]).await;
    let source = start(&redis.url(), None, 8);
    publish(&redis, PRESS).await;
    drop(source.events);
    tokio::time::timeout(LIMIT, source.task).await.expect("in time").expect("no panic");
}
