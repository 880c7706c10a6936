//! Redis servers as companies run them: accounts with few permissions, commands that are taken away, clusters, replicas.

mod support;

use futures_util::StreamExt;
use seclyzer::config;
use seclyzer::record::Stored;
use seclyzer::sinks::redis::Redis as Sink;
use seclyzer::sinks::{Failure, Sink as _};
use seclyzer::sources::redis::{CHANNEL, open};
use std::time::Instant;
use support::accounts::{account, documented, settings};
use support::servers::Redis;
use support::{LIMIT, batch, eventually, http};

const STREAM: &str = "seclyzer:stream:features";
const MARK: &str = "seclyzer:stream:mark:{seclyzer:stream:features}:database";
const OLD_MARK: &str = "seclyzer:stream:mark:database";

fn sink(settings: &config::Redis) -> Sink {
    Sink::new(settings.clone(), "database").expect("a good URL")
}

fn texts(batch: &[Stored]) -> Vec<String> {
    batch.iter().map(|stored| stored.entry.to_json()).collect()
}

/// What is published on these channels from now on, until nothing more comes.
async fn published(redis: &Redis, during: impl Future<Output = ()>) -> Vec<String> {
    let channels = ["features", "seclyzer:features:keystroke", "seclyzer:features:mouse", "seclyzer:features:app"];
    let mut subscription = redis.subscribe(&channels).await;
    during.await;
    // Messages come in order, so that nothing of the sink's can come behind this one.
    redis.tell("PUBLISH features end").await;
    let texts = subscription.on_message().map(|message| message.get_payload::<String>().expect("a text"));
    let texts: Vec<String> =
        tokio::time::timeout(LIMIT, texts.take_while(|text| std::future::ready(text != "end")).collect())
            .await
            .expect("in time");
    texts
}

fn twice(batch: &[Stored]) -> Vec<String> {
    texts(batch).into_iter().flat_map(|text| [text.clone(), text]).collect()
}

#[tokio::test]
async fn an_account_that_may_only_publish_publishes_each_record_once() {
    let redis = Redis::start(&[]).await;
    let settings = account(&redis, &documented("records on the channels"), false).await;
    let records = batch(1..=60);
    let mut sink = sink(&settings);
    let got = published(&redis, async {
        for some in records.chunks(16) {
            sink.deliver(some).await.expect("delivered");
        }
    });
    assert_eq!(got.await, twice(&records));
    sink.check().await.expect("the doctor finds nothing amiss");
}

#[tokio::test]
async fn with_the_stream_an_account_without_a_transaction_is_sent_nothing_and_refused_with_the_reason() {
    let redis = Redis::start(&[]).await;
    let rules = documented("the streams, too").replace(" +multi", "");
    let settings = account(&redis, &rules, true).await;
    let mut sink = sink(&settings);
    let got = published(&redis, async {
        for _ in 0..3 {
            let failure = sink.deliver(&batch(1..=16)).await.expect_err("refused");
            assert!(matches!(&failure, Failure::Refused(text) if text.contains("multi")), "{failure:?}");
        }
        let failure = sink.check().await.expect_err("the doctor finds it, too");
        assert!(matches!(&failure, Failure::Refused(text) if text.contains("multi")), "{failure:?}");
    });
    assert_eq!(got.await, [""; 0]);
    assert_eq!(redis.stream().await, [""; 0]);
}

#[tokio::test]
async fn a_server_whose_transactions_were_renamed_away_publishes_and_refuses_the_stream() {
    for renamed in ["MULTI", "EXEC"] {
        let redis = Redis::start(&["--rename-command", renamed, ""]).await;
        let records = batch(1..=20);
        let without = settings(&redis.url(), false);
        let got = published(&redis, async { sink(&without).deliver(&records).await.expect("published") }).await;
        assert_eq!(got, twice(&records));
        let checked = sink(&without).check().await.expect("PUBLISH is there");
        assert!(checked.channels_are_tried);
        let mut with = sink(&settings(&redis.url(), true));
        let got = published(&redis, async {
            for failure in [with.deliver(&records).await, with.check().await.map(|_| ()), with.deliver(&records).await]
            {
                let Err(Failure::Refused(text)) = &failure else { panic!("{failure:?}") };
                assert!(text.contains(renamed) && text.contains("unknown command"), "{text}");
            }
        });
        assert_eq!(got.await, [""; 0], "{renamed}");
        assert_eq!(redis.stream().await, [""; 0], "{renamed}");
    }
}

#[tokio::test]
async fn every_permission_that_the_documented_account_lacks_is_named_and_nothing_comes_through() {
    let redis = Redis::start(&[]).await;
    let rules = documented("the streams, too");
    sink(&account(&redis, &rules, true).await).check().await.expect("all of it is enough");
    let permissions: Vec<&str> = rules.split(' ').filter(|rule| rule.starts_with('+')).collect();
    assert!(permissions.len() >= 8, "{rules}");
    for lacking in permissions {
        let settings = account(&redis, &rules.replace(&format!(" {lacking}"), ""), true).await;
        let got = published(&redis, async {
            let outcomes = [sink(&settings).check().await.map(|_| ()), sink(&settings).deliver(&batch(1..=3)).await];
            for outcome in outcomes {
                let Err(Failure::Refused(text)) = &outcome else { panic!("without {lacking}: {outcome:?}") };
                assert!(text.contains(&format!("'{}'", &lacking[1..])), "without {lacking}: {text}");
            }
        });
        assert_eq!(got.await, [""; 0], "without {lacking}");
    }
    assert_eq!(redis.stream().await, [""; 0]);
    sink(&account(&redis, &rules, true).await).deliver(&batch(1..=3)).await.expect("all of it is enough");
}

#[tokio::test]
async fn a_channel_that_is_not_allowed_is_a_refusal_and_no_message_is_repeated_on_the_others() {
    let redis = Redis::start(&[]).await;
    for (rules, most) in [("+publish &seclyzer:features:*", 1), ("+publish &features", 0)] {
        let settings = account(&redis, rules, false).await;
        let mut sink = sink(&settings);
        let got = published(&redis, async {
            for _ in 0..5 {
                let failure = sink.deliver(&batch(1..=16)).await.expect_err("refused");
                assert!(matches!(&failure, Failure::Refused(text) if text.contains("channel")), "{failure:?}");
            }
        });
        let got = got.await;
        assert!(got.len() <= most, "{rules}: {got:?}");
        let failure = sink.check().await;
        assert!(failure.is_ok_and(|checked| !checked.channels_are_tried), "only an administrator can look that up");
        let settings = account(&redis, &format!("{rules} +multi"), false).await;
        let failure = self::sink(&settings).check().await.expect_err("a transaction shows it");
        assert!(matches!(&failure, Failure::Refused(text) if text.contains("channel")), "{failure:?}");
        let settings = account(&redis, &format!("{rules} +acl"), false).await;
        let failure = self::sink(&settings).check().await.expect_err("the server says it");
        assert!(matches!(&failure, Failure::Refused(text) if text.contains("channel")), "{failure:?}");
    }
}

#[tokio::test]
async fn what_was_refused_half_way_goes_on_where_it_stopped_once_it_is_allowed() {
    let redis = Redis::start(&[]).await;
    let settings = account(&redis, "+publish &seclyzer:features:*", false).await;
    let (mut sink, records) = (sink(&settings), batch(1..=16));
    let got = published(&redis, async {
        sink.deliver(&records).await.expect_err("refused");
        redis.tell("ACL SETUSER seclyzer &features").await;
        sink.deliver(&records).await.expect("delivered");
    });
    assert_eq!(got.await, twice(&records));
}

#[tokio::test]
async fn a_proxy_without_transactions_gets_what_it_can_carry() {
    let redis = Redis::start(&[]).await;
    let port: u16 = redis.url().rsplit(':').next().expect("a port").parse().expect("a port");
    // It cuts the connection at commands that it does not know, as twemproxy does.
    let proxy = http::listen(move |client| {
        let server = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a server that runs");
        let (mut from, mut to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
        let answers = (server, client.try_clone().expect("a socket"));
        std::thread::spawn(move || std::io::copy(&mut { answers.0 }, &mut { answers.1 }));
        let mut bytes = [0; 65_536];
        while let Ok(count @ 1..) = std::io::Read::read(&mut from, &mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).to_uppercase();
            if ["MULTI\r", "WATCH\r"].iter().any(|command| text.contains(command)) {
                let _ = client.shutdown(std::net::Shutdown::Both);
                return;
            }
            let _ = std::io::Write::write_all(&mut to, &bytes[..count]);
        }
    });
    let url = format!("redis://{proxy}");
    let records = batch(1..=5);
    let got = published(&redis, async {
        sink(&settings(&url, false)).deliver(&records).await.expect("published");
        sink(&settings(&url, false)).check().await.expect("PUBLISH is enough");
        for _ in 0..2 {
            sink(&settings(&url, true)).deliver(&records).await.expect_err("no transactions");
        }
        sink(&settings(&url, true)).check().await.expect_err("no transactions");
    });
    assert_eq!(got.await, twice(&records), "nothing of what was refused came through");
}

#[tokio::test]
async fn a_cluster_keeps_the_stream_and_its_mark_together_and_gets_each_record_once() {
    let cluster = Redis::start_cluster(1).await;
    let settings = settings(&cluster[0].url(), true);
    sink(&settings).check().await.expect("it would take records");
    let records = batch(1..=40);
    sink(&settings).deliver(&records[..10]).await.expect("delivered");
    // The mark in SQLite was never moved.
    sink(&settings).deliver(&records).await.expect("delivered");
    assert_eq!(cluster[0].stream().await, texts(&records));
}

#[tokio::test]
async fn of_a_cluster_the_node_that_holds_the_stream_takes_records_and_the_others_name_it() {
    let cluster = Redis::start_cluster(3).await;
    let slot: usize = cluster[0].ask(&format!("CLUSTER KEYSLOT {STREAM}")).await;
    let mark_slot: usize = cluster[0].ask(&format!("CLUSTER KEYSLOT {MARK}")).await;
    assert_eq!(slot, mark_slot);
    let holder = slot * 3 / 16_384;
    let records = batch(1..=10);
    for (number, node) in cluster.iter().enumerate().filter(|(number, _)| *number != holder) {
        let mut sink = sink(&settings(&node.url(), true));
        let got = published(node, async {
            for outcome in [sink.check().await.map(|_| ()), sink.deliver(&records).await] {
                let Err(Failure::Refused(text)) = &outcome else { panic!("node {number}: {outcome:?}") };
                let address = cluster[holder].url().replace("redis://", "");
                assert!(text.contains(&format!("MOVED {slot} {address}")) && text.contains("cluster"), "{text}");
            }
        });
        assert_eq!(got.await, [""; 0]);
        // Without the stream any node does.
        self::sink(&settings(&node.url(), false)).deliver(&records).await.expect("published");
    }
    let mut sink = sink(&settings(&cluster[holder].url(), true));
    sink.check().await.expect("it would take records");
    sink.deliver(&records).await.expect("delivered");
    assert_eq!(cluster[holder].stream().await, texts(&records));
}

#[tokio::test]
async fn a_cluster_that_is_down_is_waited_for_and_told_as_such() {
    let cluster = Redis::start_cluster(1).await;
    let mut sink = sink(&settings(&cluster[0].url(), true));
    sink.deliver(&batch(1..=3)).await.expect("delivered");
    cluster[0].tell("CLUSTER DELSLOTS 0").await;
    eventually("the cluster is down", async || {
        let info: String = cluster[0].ask("CLUSTER INFO").await;
        info.contains("cluster_state:fail").then_some(())
    })
    .await;
    let failure = sink.deliver(&batch(1..=4)).await.expect_err("it is down");
    assert!(matches!(&failure, Failure::Busy { reason, .. } if reason.contains("CLUSTERDOWN")), "{failure:?}");
    cluster[0].tell("CLUSTER ADDSLOTS 0").await;
    eventually("everything is delivered", async || sink.deliver(&batch(1..=4)).await.ok()).await;
    assert_eq!(cluster[0].stream().await.len(), 4);
}

#[tokio::test]
async fn the_mark_of_an_earlier_version_is_taken_over_so_that_nothing_is_doubled() {
    let redis = Redis::start(&[]).await;
    let records = batch(1..=20);
    sink(&settings(&redis.url(), true)).deliver(&records[..10]).await.expect("delivered");
    // As an earlier version leaves it that dies before it notes in SQLite that ten records are delivered.
    redis.tell(&format!("RENAME {MARK} {OLD_MARK}")).await;
    sink(&settings(&redis.url(), true)).deliver(&records[..15]).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records[..15]));
    eventually("one mark is left", async || {
        let names: Vec<String> = redis.ask("KEYS seclyzer:stream:mark:*").await;
        (names == [MARK]).then_some(())
    })
    .await;
    // Killed again at the same place, now with the new name.
    sink(&settings(&redis.url(), true)).deliver(&records[..15]).await.expect("delivered");
    sink(&settings(&redis.url(), true)).deliver(&records).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records));
}

#[tokio::test]
async fn a_cluster_takes_over_the_mark_of_an_earlier_version_though_that_is_in_another_slot() {
    let cluster = Redis::start_cluster(1).await;
    let (node, records) = (&cluster[0], batch(1..=30));
    let settings = settings(&node.url(), true);
    sink(&settings).deliver(&records[..10]).await.expect("delivered");
    // As a server that was made a cluster has it.
    for key in [format!("DEL {MARK}"), format!("SET {OLD_MARK} 10")] {
        node.tell(&key).await;
    }
    sink(&settings).check().await.expect("it would take records");
    sink(&settings).deliver(&records[..15]).await.expect("delivered");
    assert_eq!(node.stream().await, texts(&records[..15]));
    // It is emptied first, and expires within a millisecond: whoever watched it meanwhile would have to try again.
    let old_mark_is_gone = async || {
        eventually("the old mark is gone", async || {
            let left: Option<String> = node.ask(&format!("GET {OLD_MARK}")).await;
            assert!(left.as_ref().is_none_or(|mark| mark.is_empty()), "{left:?}");
            left.is_none().then_some(())
        })
        .await;
    };
    old_mark_is_gone().await;
    // As an agent leaves it that dies between the transaction and the old mark, once with a mark from an old life.
    for (old, end) in [(10, 20), (900, 25)] {
        sink(&settings).deliver(&records[..end]).await.expect("delivered");
        node.tell(&format!("SET {OLD_MARK} {old}")).await;
        sink(&settings).deliver(&records[..end]).await.expect("delivered");
        assert_eq!(node.stream().await, texts(&records[..end]), "with {old} under the old name");
        old_mark_is_gone().await;
    }
}

#[tokio::test]
async fn records_that_a_transaction_could_not_append_are_appended_later_and_the_others_are_not_doubled() {
    let redis = Redis::start(&[]).await;
    let (records, mut sink) = (batch(1..=16), sink(&settings(&redis.url(), true)));
    // Two more entries, and there is no number left for another.
    redis.tell(&format!("XADD {STREAM} {0}-{1} record before", u64::MAX, u64::MAX - 2)).await;
    for _ in 0..2 {
        let failure = sink.deliver(&records).await.expect_err("no number is left");
        assert!(matches!(&failure, Failure::Busy { reason, .. } if reason.contains("exhausted")), "{failure:?}");
    }
    assert_eq!(redis.stream().await[1..], texts(&records[..2]));
    redis.tell(&format!("DEL {STREAM}")).await;
    sink.deliver(&records).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records[2..]));
    sink.deliver(&batch(1..=17)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 15);
}

#[tokio::test]
async fn the_doctor_trims_no_stream_behind_something_that_only_seems_to_begin_a_transaction() {
    // What answers OK to MULTI here is another command, so that everything after it is carried out.
    let renamed = [("MULTI", ""), ("UNWATCH", "MULTI"), ("EXEC", ""), ("PING", "EXEC")];
    let arguments: Vec<&str> = renamed.iter().flat_map(|(old, new)| ["--rename-command", old, new]).collect();
    let redis = Redis::start(&arguments).await;
    let settings = settings(&redis.url(), true);
    sink(&settings).check().await.expect("it seems to take records");
    assert_eq!(redis.ask::<usize>(&format!("EXISTS {STREAM}")).await, 0, "no stream is made");
    for number in 0..300 {
        redis.tell(&format!("XADD {STREAM} * record {number}")).await;
    }
    sink(&settings).check().await.expect("it seems to take records");
    assert!(redis.stream().await.len() >= 300);
}

#[tokio::test]
async fn nor_is_anything_doubled_or_lost_when_the_earlier_version_comes_back_in_between() {
    let redis = Redis::start(&[]).await;
    let records = batch(1..=30);
    sink(&settings(&redis.url(), true)).deliver(&records[..10]).await.expect("delivered");
    // The earlier version knows its own name only: it delivers ten more and leaves that mark.
    let appended = redis.connect("").await;
    for text in texts(&records[10..20]) {
        let mut add = redis::cmd("XADD");
        add.arg(STREAM).arg("*").arg("record").arg(text).exec_async(&mut appended.clone()).await.expect("appended");
    }
    redis.tell(&format!("SET {OLD_MARK} 20")).await;
    sink(&settings(&redis.url(), true)).deliver(&records[5..]).await.expect("delivered");
    assert_eq!(redis.stream().await, texts(&records));
    // A mark that is left over from an old life of the database hides nothing.
    redis.tell(&format!("SET {OLD_MARK} 900")).await;
    sink(&settings(&redis.url(), true)).deliver(&batch(31..=35)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 35);
}

#[tokio::test]
async fn an_account_that_may_use_the_new_mark_only_is_enough() {
    let redis = Redis::start(&[]).await;
    let rules = documented("the streams, too").replace("~seclyzer:stream:*", &format!("~{STREAM} ~{MARK}"));
    let settings = account(&redis, &rules, true).await;
    sink(&settings).deliver(&batch(1..=3)).await.expect("delivered");
    sink(&settings).deliver(&batch(1..=6)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 6);
}

#[tokio::test]
async fn a_replica_a_full_memory_a_full_disk_and_a_busy_script_are_told_apart() {
    let redis = Redis::start(&["--maxmemory-policy", "noeviction", "--save", "3600 1000000"]).await;
    let mut sink = sink(&settings(&redis.url(), true));
    sink.deliver(&batch(1..=3)).await.expect("delivered");
    redis.tell("CONFIG SET maxmemory 1").await;
    for outcome in [sink.check().await.map(|_| ()), sink.deliver(&batch(1..=4)).await] {
        assert!(matches!(&outcome, Err(Failure::Busy { reason, .. }) if reason.contains("OOM")), "{outcome:?}");
    }
    redis.tell("CONFIG SET maxmemory 0").await;
    redis.fail_saving().await;
    for outcome in [sink.check().await.map(|_| ()), sink.deliver(&batch(1..=4)).await] {
        assert!(matches!(&outcome, Err(Failure::Busy { reason, .. }) if reason.contains("MISCONF")), "{outcome:?}");
    }
    redis.tell("CONFIG SET stop-writes-on-bgsave-error no").await;
    redis.tell("CONFIG SET busy-reply-threshold 50").await;
    let mut busy = redis.connect("").await;
    let script = tokio::spawn(async move {
        let endless = redis::cmd("EVAL").arg("while true do end").arg(0).to_owned();
        endless.exec_async(&mut busy).await.expect_err("it is killed")
    });
    let asked = Instant::now();
    let failure = loop {
        assert!(asked.elapsed() < LIMIT, "the script keeps it busy in time");
        let Err(failure) = sink.check().await else { continue };
        break failure;
    };
    assert!(matches!(&failure, Failure::Busy { reason, .. } if reason.contains("BUSY")), "{failure:?}");
    redis.tell("SCRIPT KILL").await;
    script.await.expect("no panic");
    redis.tell("REPLICAOF 127.0.0.1 9").await;
    for outcome in [sink.check().await.map(|_| ()), sink.deliver(&batch(1..=4)).await] {
        assert!(matches!(&outcome, Err(Failure::Refused(reason)) if reason.contains("READONLY")), "{outcome:?}");
    }
    redis.tell("REPLICAOF NO ONE").await;
    sink.deliver(&batch(1..=4)).await.expect("delivered");
    assert_eq!(redis.stream().await.len(), 4);
}

#[tokio::test]
async fn subscribing_to_events_needs_what_is_documented_and_no_more() {
    let redis = Redis::start(&[]).await;
    let rules = documented("events (`redis.accept_events`)");
    assert!(rules.contains(CHANNEL), "{rules}");
    for (rules, is_enough) in [(rules.as_str(), true), ("+subscribe &features", false), ("&seclyzer:events", false)] {
        let settings = account(&redis, rules, false).await;
        let server = seclyzer::remote::redis::servers(&settings).expect("a good URL").remove(0);
        assert_eq!(open(&server).await.is_ok(), is_enough, "{rules}");
    }
}
