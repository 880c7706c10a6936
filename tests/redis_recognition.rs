//! Scores and decisions in a Redis: on which channels, in which streams, and what an account and a cluster need for that.

mod support;

use futures_util::StreamExt;
use redis::AsyncCommands;
use seclyzer::config;
use seclyzer::record::{Kind, Stored};
use seclyzer::sinks::redis::Redis as Sink;
use seclyzer::sinks::{Failure, Sink as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use support::accounts::{account, documented, settings};
use support::servers::Redis;
use support::{LIMIT, batch, eventually, http, mixed_batch};

const FEATURES: [Kind; 3] = [Kind::Keystroke, Kind::Mouse, Kind::App];
const STREAM: &str = "seclyzer:stream:features";
const DECISIONS: &str = "seclyzer:stream:decisions";
const IN_CLUSTER: &str = "seclyzer:stream:decisions:{seclyzer:stream:features}";
const MARK: &str = "seclyzer:stream:mark:{seclyzer:stream:features}:database";

fn sink(settings: &config::Redis) -> Sink {
    Sink::new(settings.clone(), "database").expect("a good URL")
}

/// The texts of the records of these kinds.
fn texts_of(batch: &[Stored], kinds: &[Kind]) -> Vec<String> {
    let of_kind = |stored: &&Stored| kinds.contains(&stored.entry.record.kind());
    batch.iter().filter(of_kind).map(|stored| stored.entry.to_json()).collect()
}

fn decisions(batch: &[Stored]) -> Vec<String> {
    texts_of(batch, &[Kind::Decision])
}

#[tokio::test]
async fn scores_and_decisions_have_a_channel_each_and_only_decisions_a_stream() {
    for with_stream in [true, false] {
        let redis = Redis::start(&[]).await;
        let records = mixed_batch(1..=12);
        let mut subscription = redis.connect_pubsub().await;
        subscription.psubscribe("*").await.expect("a subscription");
        sink(&settings(&redis.url(), with_stream)).deliver(&records).await.expect("delivered");
        let expected: Vec<(String, String)> = records
            .iter()
            .flat_map(|stored| {
                let (kind, text) = (stored.entry.record.kind(), stored.entry.to_json());
                let channels = match kind {
                    Kind::Score => vec!["seclyzer:scores".to_owned()],
                    Kind::Decision => vec!["seclyzer:decisions".to_owned()],
                    kind => vec![format!("seclyzer:features:{}", kind.name()), "features".to_owned()],
                };
                channels.into_iter().map(move |channel| (channel, text.clone()))
            })
            .collect();
        let messages = subscription.on_message().take(expected.len());
        let messages: Vec<_> = tokio::time::timeout(LIMIT, messages.collect()).await.expect("all messages");
        let got: Vec<(String, String)> =
            messages.iter().map(|m| (m.get_channel_name().to_owned(), m.get_payload().expect("text"))).collect();
        assert_eq!(got, expected);
        let kept = |kinds: &[Kind]| if with_stream { texts_of(&records, kinds) } else { Vec::new() };
        assert_eq!(redis.stream().await, kept(&FEATURES));
        assert_eq!(redis.decisions().await, kept(&[Kind::Decision]));
    }
}

#[tokio::test]
async fn a_record_of_any_kind_is_in_its_stream_once_even_if_the_agent_dies_before_it_notes_the_delivery() {
    let redis = Redis::start(&[]).await;
    let records = mixed_batch(1..=30);
    // The last of these is a score, which is in no stream.
    assert_eq!(records[11].entry.record.kind(), Kind::Score);
    sink(&settings(&redis.url(), true)).deliver(&records[..12]).await.expect("delivered");
    let mut subscription = redis.subscribe(&["seclyzer:scores"]).await;
    // New agents on the same database, whose mark was never moved.
    for _ in 0..2 {
        sink(&settings(&redis.url(), true)).deliver(&records).await.expect("delivered");
    }
    assert_eq!(redis.stream().await, texts_of(&records, &FEATURES));
    assert_eq!(redis.decisions().await, decisions(&records));
    redis.tell("PUBLISH seclyzer:scores end").await;
    let scores = subscription.on_message().map(|message| message.get_payload::<String>().expect("a text"));
    let scores = scores.take_while(|text| std::future::ready(text != "end")).collect::<Vec<_>>();
    let scores = tokio::time::timeout(LIMIT, scores).await.expect("in time");
    assert_eq!(scores, texts_of(&records[12..], &[Kind::Score]), "nor is a score published again");
}

#[tokio::test]
async fn a_key_of_another_type_in_the_place_of_the_decisions_costs_no_record() {
    let redis = Redis::start(&[]).await;
    let mut connection = redis.connect("").await;
    let _: () = connection.set("seclyzer:stream:decisions", "mine").await.expect("set");
    let (mut sink, records) = (sink(&settings(&redis.url(), true)), mixed_batch(1..=12));
    for outcome in [sink.deliver(&records).await, sink.check().await.map(|_| ())] {
        let told = matches!(&outcome, Err(Failure::Refused(text)) if text.contains("seclyzer:stream:decisions holds a string"));
        assert!(told, "{outcome:?}");
    }
    assert_eq!(redis.stream().await, [""; 0]);
    sink.deliver(&batch(1..=3)).await.expect("features need the stream of features only");
    let _: () = connection.del("seclyzer:stream:decisions").await.expect("deleted");
    sink.deliver(&records[3..]).await.expect("delivered");
    assert_eq!(redis.decisions().await, decisions(&records[3..]));
}

#[tokio::test]
async fn a_cluster_keeps_decisions_in_the_slot_of_the_features_and_gets_each_once() {
    for count in [1, 3] {
        let cluster = Redis::start_cluster(count).await;
        let slot: usize = cluster[0].ask(&format!("CLUSTER KEYSLOT {STREAM}")).await;
        let node = &cluster[slot * count / 16_384];
        let settings = settings(&node.url(), true);
        sink(&settings).check().await.expect("it would take records");
        let keys: Vec<String> = node.ask("KEYS *").await;
        assert_eq!(keys, [""; 0], "the doctor leaves nothing there");
        let records = mixed_batch(1..=40);
        sink(&settings).deliver(&records[..15]).await.expect("delivered");
        // The mark in SQLite was never moved.
        sink(&settings).deliver(&records).await.expect("delivered");
        assert_eq!(node.entries(IN_CLUSTER, "-").await.0, decisions(&records));
        assert_eq!(node.stream().await.len(), records.iter().filter(|stored| stored.id % 3 == 1).count());
        let mut keys: Vec<String> = node.ask("KEYS *").await;
        keys.sort_unstable();
        assert_eq!(keys, [IN_CLUSTER, STREAM, MARK]);
    }
}

#[tokio::test]
async fn a_server_that_stops_being_a_cluster_has_decisions_under_their_plain_name() {
    let (cluster, alone) = (Redis::start_cluster(1).await, Redis::start(&[]).await);
    let address = |redis: &Redis| redis.url().replace("redis://", "");
    /// Where the proxy leads, and what is connected through it.
    type Way = (String, Vec<TcpStream>);
    let way = Arc::new(Mutex::<Way>::new((address(&cluster[0]), Vec::new())));
    let shared = Arc::clone(&way);
    let proxy = http::listen(move |mut client| {
        let mut way = shared.lock().expect("no panic");
        let mut server = TcpStream::connect(&way.0).expect("a server that runs");
        let (mut from, mut to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
        way.1.push(client.try_clone().expect("a socket"));
        drop(way);
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, &mut client);
    });
    let (mut sink, records) = (sink(&settings(&format!("redis://{proxy}"), true)), mixed_batch(1..=12));
    sink.deliver(&records[..6]).await.expect("delivered");
    {
        let mut way = way.lock().expect("no panic");
        way.0 = address(&alone);
        way.1.iter().for_each(|connection| connection.shutdown(Shutdown::Both).expect("a connection"));
    }
    eventually("delivered to the other one", async || sink.deliver(&records[6..]).await.ok()).await;
    assert_eq!(alone.decisions().await, decisions(&records[6..]));
    let of_cluster: usize = cluster[0].ask(&format!("XLEN {IN_CLUSTER}")).await;
    assert_eq!(of_cluster, 2);
}

#[tokio::test]
async fn decisions_that_a_transaction_could_not_append_are_appended_later_and_the_others_are_not_doubled() {
    let redis = Redis::start(&[]).await;
    let (records, mut sink) = (mixed_batch(1..=16), sink(&settings(&redis.url(), true)));
    // Two more entries, and there is no number left for another.
    redis.tell(&format!("XADD {DECISIONS} {0}-{1} record before", u64::MAX, u64::MAX - 2)).await;
    for _ in 0..2 {
        let failure = sink.deliver(&records).await.expect_err("no number is left");
        assert!(matches!(&failure, Failure::Busy { reason, .. } if reason.contains("exhausted")), "{failure:?}");
    }
    let features = records.iter().filter(|stored| stored.id % 3 == 1).count();
    assert_eq!(redis.stream().await.len(), features);
    redis.tell(&format!("DEL {DECISIONS}")).await;
    sink.deliver(&records).await.expect("delivered");
    assert_eq!(redis.decisions().await, decisions(&records)[2..]);
    assert_eq!(redis.stream().await.len(), features);
}

#[tokio::test]
async fn each_channel_and_key_of_recognition_that_an_account_lacks_is_found_by_the_doctor_and_refused() {
    let redis = Redis::start(&[]).await;
    let rules = documented("the streams, too")
        .replace("~seclyzer:stream:*", &format!("~{STREAM} ~{MARK} ~seclyzer:stream:decisions"));
    let records = mixed_batch(1..=16);
    for lacking in [" &seclyzer:scores", " &seclyzer:decisions", " ~seclyzer:stream:decisions"] {
        assert!(rules.contains(lacking), "{rules}");
        let settings = account(&redis, &rules.replace(lacking, ""), true).await;
        let what = if lacking.contains('&') { "channel" } else { "key" };
        for outcome in [sink(&settings).check().await.map(|_| ()), sink(&settings).deliver(&records).await] {
            let told = matches!(&outcome, Err(Failure::Refused(text)) if text.contains(what));
            assert!(told, "without{lacking}: {outcome:?}");
        }
        assert_eq!((redis.stream().await.len(), redis.decisions().await.len()), (0, 0), "nothing of it is sent");
    }
    let settings = account(&redis, &rules, true).await;
    sink(&settings).check().await.expect("all of it is enough");
    sink(&settings).deliver(&records).await.expect("all of it is enough");
    assert_eq!(redis.decisions().await, decisions(&records));
}
