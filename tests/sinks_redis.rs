//! Records to a real Redis.

mod support;

use futures_util::StreamExt;
use redis::AsyncCommands;
use seclyzer::config::{Secret, Switch};
use seclyzer::record::Stored;
use seclyzer::sinks::redis::Redis as Sink;
use seclyzer::sinks::{Failure, Sink as _};
use std::time::{Duration, Instant};
use support::servers::{self, Redis};
use support::{LIMIT, batch, eventually, http, redis_settings};

fn sink(url: &str) -> Sink {
    Sink::new(redis_settings(url), "database").expect("a good URL")
}

fn texts(batch: &[Stored]) -> Vec<String> {
    batch.iter().map(|stored| stored.entry.to_json()).collect()
}

#[tokio::test]
async fn subscribers_get_each_record_on_the_channel_of_its_kind_and_on_the_one_of_all() {
    let redis = Redis::start(&[]).await;
    let channels = ["features", "seclyzer:features:keystroke", "seclyzer:features:mouse", "seclyzer:features:app"];
    let mut subscription = redis.subscribe(&channels).await;
    let records = batch(3..=5);
    sink(&redis.url()).deliver(&records).await.expect("delivered");
    let messages = subscription.on_message().take(6);
    let messages: Vec<_> = tokio::time::timeout(LIMIT, messages.collect()).await.expect("six messages");
    let got: Vec<_> = messages.iter().map(|m| (m.get_channel_name(), m.get_payload().expect("text"))).collect();
    let kinds = ["seclyzer:features:keystroke", "seclyzer:features:mouse", "seclyzer:features:app"];
    let expected: Vec<(&str, String)> = texts(&records)
        .into_iter()
        .zip(kinds)
        .flat_map(|(text, kind)| [(kind, text.clone()), ("features", text)])
        .collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn the_stream_is_filled_on_request_only_and_kept_to_its_length() {
    let redis = Redis::start(&[]).await;
    let mut settings = redis_settings(&redis.url());
    settings.stream = false;
    Sink::new(settings.clone(), "database").expect("a good URL").deliver(&batch(1..=9)).await.expect("delivered");
    assert_eq!(redis.stream().await, [""; 0]);
    let keys: Vec<String> = redis.connect("").await.keys("*").await.expect("keys");
    assert_eq!(keys, [""; 0], "nothing is left behind");
    (settings.stream, settings.stream_max_len) = (true, 100);
    let mut sink = Sink::new(settings, "database").expect("a good URL");
    for first in (1..=1000).step_by(20) {
        sink.deliver(&batch(first..=first + 19)).await.expect("delivered");
    }
    let length = redis.stream().await.len();
    assert!((100..=300).contains(&length), "{length}");
}

#[tokio::test]
async fn a_record_is_in_the_stream_once_even_if_the_agent_dies_before_it_notes_the_delivery() {
    let redis = Redis::start(&[]).await;
    let records = batch(1..=30);
    sink(&redis.url()).deliver(&records[..10]).await.expect("delivered");
    let mut subscription = redis.subscribe(&["features"]).await;
    // A new agent on the same database, whose mark was never moved.
    sink(&redis.url()).deliver(&records).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records));
    let first = tokio::time::timeout(LIMIT, subscription.on_message().next()).await.expect("in time").expect("one");
    assert_eq!(first.get_payload::<String>().expect("text"), records[10].entry.to_json(), "nor is it published again");
}

#[tokio::test]
async fn a_server_that_lost_its_data_gets_what_comes_next() {
    let mut redis = Redis::start(&[]).await;
    let records = batch(1..=20);
    let mut sink = sink(&redis.url());
    sink.deliver(&records[..10]).await.expect("delivered");
    redis.restart().await;
    sink.deliver(&records[10..]).await.expect("delivered over a new connection");
    assert_eq!(redis.stream().await, texts(&records[10..]));
}

#[tokio::test]
async fn a_database_that_was_restored_from_a_backup_is_delivered_though_the_server_has_seen_later_ids() {
    let redis = Redis::start(&[]).await;
    let mut sink = sink(&redis.url());
    sink.deliver(&batch(1000..=1009)).await.expect("delivered");
    sink.deliver(&batch(500..=504)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 15);
}

#[tokio::test]
async fn a_delivery_that_comes_through_late_is_not_in_the_stream_twice() {
    let redis = Redis::start(&[]).await;
    let records = batch(1..=10);
    let mut connection = redis.connect("").await;
    // Keeps the server from answering for longer than anybody waits.
    let _: () = redis::cmd("CLIENT").arg("PAUSE").arg(7000).query_async(&mut connection).await.expect("a pause");
    let begun = Instant::now();
    let failure = sink(&redis.url()).deliver(&records).await.expect_err("no answer");
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    let mut again = sink(&redis.url());
    eventually("the server answers again", async || again.deliver(&records).await.ok()).await;
    assert_eq!(redis.stream().await, texts(&records));
}

#[tokio::test]
async fn a_batch_that_is_delivered_twice_at_once_is_in_the_stream_once() {
    let redis = Redis::start(&[]).await;
    let records = batch(1..=200);
    let (mut one, mut other) = (sink(&redis.url()), sink(&redis.url()));
    for some in records.chunks(10) {
        let outcomes = <[_; 2]>::from(tokio::join!(one.deliver(some), other.deliver(some)));
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(Failure::Busy { .. }))), "{outcomes:?}");
    }
    assert_eq!(redis.stream().await, texts(&records));
}

#[tokio::test]
async fn a_password_lets_in_and_a_wrong_one_or_none_is_refused_without_being_told() {
    let redis = Redis::start(&["--requirepass", "open sesame"]).await;
    let mut settings = redis_settings(&redis.url());
    for (password, is_right) in [(Some("open sesame"), true), (Some("hunter2-wrong"), false), (None, false)] {
        settings.password = password.map(Secret::new);
        let outcome = Sink::new(settings.clone(), "database").expect("a good URL").deliver(&batch(1..=3)).await;
        match outcome {
            Ok(()) => assert!(is_right, "{password:?}"),
            Err(Failure::Refused(text)) => assert!(!is_right && !text.contains("hunter2"), "{text}"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_is_full_keeps_what_it_has_and_takes_the_rest_later() {
    let redis = Redis::start(&["--maxmemory-policy", "noeviction"]).await;
    let records = batch(1..=20);
    let mut sink = sink(&redis.url());
    sink.deliver(&records[..10]).await.expect("delivered");
    let mut connection = redis.connect("").await;
    let limit = async |connection: &mut redis::aio::MultiplexedConnection, limit: &str| {
        let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(limit).to_owned();
        set.exec_async(connection).await.expect("a setting");
    };
    limit(&mut connection, "1").await;
    let failure = sink.deliver(&records[10..]).await.expect_err("no room");
    assert!(matches!(failure, Failure::Busy { .. }), "{failure:?}");
    limit(&mut connection, "0").await;
    sink.deliver(&records[10..]).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records));
}

#[tokio::test]
async fn a_key_of_another_type_in_the_streams_place_costs_no_record() {
    let redis = Redis::start(&[]).await;
    let mut connection = redis.connect("").await;
    let _: () = connection.set("seclyzer:stream:features", "mine").await.expect("set");
    let mut sink = sink(&redis.url());
    let failure = sink.deliver(&batch(1..=3)).await.expect_err("the key is taken");
    assert!(matches!(&failure, Failure::Refused(text) if text.contains("string")), "{failure:?}");
    let _: () = connection.del("seclyzer:stream:features").await.expect("deleted");
    sink.deliver(&batch(1..=3)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 3);
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let redis = Redis::start(&[]).await;
    sink(&redis.unix_url()).deliver(&batch(1..=3)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 3);
}

#[tokio::test]
async fn auto_uses_the_configured_server_where_it_answers() {
    let redis = Redis::start(&[]).await;
    let mut settings = redis_settings(&redis.url());
    settings.enabled = Switch::Auto;
    Sink::new(settings, "database").expect("a good URL").deliver(&batch(1..=3)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 3);
}

#[tokio::test]
async fn a_server_that_is_down_silent_or_no_redis_at_all_is_unreachable_in_time() {
    let silent = http::listen(|connection| {
        let _held = (connection, std::thread::sleep(LIMIT));
    });
    let cuts_off = http::listen(drop);
    let no_redis = http::listen(|mut connection| {
        let _ = std::io::Write::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        std::thread::sleep(LIMIT);
    });
    let down = format!("127.0.0.1:{}", servers::free_port()).parse().expect("an address");
    for address in [down, cuts_off, no_redis, silent] {
        let begun = Instant::now();
        let failure = sink(&format!("redis://{address}")).deliver(&batch(1..=3)).await.expect_err("no delivery");
        assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}
