//! Records to InfluxDB 1.6.7 (version 1 of the API), VictoriaMetrics and a strict server of our own (version 2).

mod support;

use seclyzer::config::{self, InfluxApi, Secret, Switch};
use seclyzer::features::app::Transition;
use seclyzer::record::{Body, Entry, Identity, Kind, Origin, Record, Stored};
use seclyzer::sinks::influx::Influx as Sink;
use seclyzer::sinks::{Failure, Sink as _};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use support::http::{self, Refusal, StrictV2, Unwanted};
use support::servers::{Influx1, VictoriaMetrics, free_port};
use support::{LIMIT, an_hour_ago_us, batch, mixed_batch, record};

const TOKEN: &str = "t0ken-of-the-test";
const ROOM: usize = 1_000_000;

fn v1(url: &str, login: Option<(&str, &str)>) -> Sink {
    let (username, password) = login.unzip();
    let password = password.map(Secret::new);
    Sink::new(config::Influx {
        api: InfluxApi::V1,
        bucket: "seclyzer".into(),
        username: username.unwrap_or_default().into(),
        password,
        ..v2_settings(url)
    })
}

fn v2(url: &str) -> Sink {
    Sink::new(v2_settings(url))
}

fn v2_settings(url: &str) -> config::Influx {
    config::Influx {
        enabled: Switch::On,
        api: InfluxApi::V2,
        url: url.into(),
        token: Some(Secret::new(TOKEN)),
        org: "org".into(),
        bucket: "bucket".into(),
        username: String::new(),
        password: None,
        tls: config::Tls::default(),
    }
}

#[tokio::test]
async fn influxdb_1_stores_every_record_with_its_values_and_a_second_delivery_changes_nothing() {
    let influx = Influx1::start(None).await;
    let mut sink = v1(&influx.url(), None);
    let records = batch(1..=9);
    for _ in 0..2 {
        sink.deliver(&records).await.expect("delivered");
    }
    for kind in [Kind::Keystroke, Kind::Mouse, Kind::App] {
        assert_eq!(influx.count(kind.table()).await, 3, "{kind:?}");
    }
    let answer = influx.query("SELECT dwell_mean, total_keys, degraded, user_id FROM keystroke_features LIMIT 1").await;
    let time_ns = records[2].entry.record.window_end_us * 1000;
    let expected = serde_json::json!([[time_ns, 3.5, 30, false, "someone"]]);
    assert_eq!(answer["results"][0]["series"][0]["values"], expected);
}

#[tokio::test]
async fn scores_and_decisions_are_points_of_measurements_of_their_own() {
    let (influx, strict, victoria) =
        (Influx1::start(None).await, StrictV2::start(TOKEN, ROOM), VictoriaMetrics::start().await);
    let records = mixed_batch(1..=12);
    for mut sink in [v1(&influx.url(), None), v2(&strict.url()), v2(&victoria.url())] {
        for _ in 0..2 {
            sink.deliver(&records).await.expect("delivered");
        }
    }
    assert_eq!(influx.count_all().await, 12);
    assert_eq!(strict.points(), (12, 24), "the same points again");
    assert_eq!((victoria.count_all().await, victoria.invalid_rows().await), (12, 0));
    let time_ns = |id: usize| records[id - 1].entry.record.window_end_us * 1000;
    let scores = "SELECT state, trust, learnt_keys, learnt_actions, sittings, schema, user_id FROM scores LIMIT 1";
    let expected = serde_json::json!([[time_ns(2), "owner", 75, 200, 450, 4, 3, "someone"]]);
    assert_eq!(influx.query(scores).await["results"][0]["series"][0]["values"], expected);
    let decisions = "SELECT \"from\", \"to\", reason, modality, degraded, host FROM decisions LIMIT 1";
    let expected = serde_json::json!([[time_ns(3), "owner", "doubtful", "evidence", "both", false, "somewhere"]]);
    assert_eq!(influx.query(decisions).await["results"][0]["series"][0]["values"], expected);
}

#[tokio::test]
async fn influxdb_1_reads_any_name_as_one_tag_of_one_point() {
    let influx = Influx1::start(None).await;
    let syntax = [',', '=', ' ', '\\', '"', '\'', '#', 'a', '\n', '\t', '\u{1f600}'];
    let triples = syntax.iter().flat_map(|a| syntax.iter().flat_map(|b| syntax.iter().map(|c| [*a, *b, *c])));
    let names: Vec<String> = triples.map(String::from_iter).chain(["CORP\\ann".into(), "x".repeat(256)]).collect();
    let named = |(number, name): (usize, &String)| {
        let mut record = record(support::an_hour_ago_us(), number as i64 * 3 + 2);
        if let Body::App(Transition { from_app, .. }) = &mut record.body {
            *from_app = name.as_str().into();
        }
        let identity = Identity { user: name.clone(), host: name.clone(), dev_mode: false };
        Stored { id: number as i64, entry: Entry::new(identity.into(), Origin::Redis, record) }
    };
    let records: Vec<Stored> = names.iter().enumerate().map(named).collect();
    v1(&influx.url(), None).deliver(&records).await.expect("delivered");
    assert_eq!(influx.count_all().await, records.len() as u64);
    let answer = influx.query("SHOW TAG KEYS").await;
    let keys = serde_json::json!([["from_app"], ["host"], ["origin"], ["to_app"], ["user_id"]]);
    assert_eq!(answer["results"][0]["series"][0]["values"], keys, "no name became another tag");
    let answer = influx.query("SHOW TAG VALUES WITH KEY = user_id").await;
    let values = answer["results"][0]["series"][0]["values"].as_array().expect("values");
    let got: BTreeSet<&str> = values.iter().map(|value| value[1].as_str().expect("a name")).collect();
    assert!(got.contains("CORP\\ann") && got.contains("a,=") && got.contains("\u{1f600}\\a"), "{got:?}");
    let survive: BTreeSet<&str> =
        names.iter().map(String::as_str).filter(|name| !name.contains(['\\', '\n', '\t'])).collect();
    assert_eq!(survive.difference(&got).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[tokio::test]
async fn influxdb_1_lets_in_whom_it_knows_only() {
    let influx = Influx1::start(Some("open sesame")).await;
    let records = batch(1..=3);
    v1(&influx.url(), Some((Influx1::USER, "open sesame"))).deliver(&records).await.expect("delivered");
    for login in [Some((Influx1::USER, "wrong-pass")), Some(("nobody", "open sesame")), None] {
        let failure = v1(&influx.url(), login).deliver(&records).await.expect_err("refused");
        let Failure::Refused(text) = &failure else { panic!("{failure:?}") };
        assert!(text.contains("401") && !text.contains("sesame") && !text.contains("wrong-pass"), "{text}");
    }
    assert_eq!(influx.count_all().await, 3);
}

#[tokio::test]
async fn influxdb_1_without_the_database_is_a_matter_of_configuration() {
    let influx = Influx1::start(None).await;
    influx.query("DROP DATABASE seclyzer").await;
    let failure = v1(&influx.url(), None).deliver(&batch(1..=3)).await.expect_err("no database");
    assert!(matches!(&failure, Failure::Refused(text) if text.contains("database not found")), "{failure:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_stored_is_rejected_with_the_servers_reason() {
    let influx = Influx1::start(None).await;
    // Somebody has put text where our numbers go; InfluxDB minds within a shard, a week's data.
    let time_ns = an_hour_ago_us() * 1000;
    influx.write(&format!("mouse_features,user_id=someone,host=somewhere speed_mean=\"fast\" {time_ns}")).await;
    let failure = v1(&influx.url(), None).deliver(&batch(1..=1)).await.expect_err("a record that does not fit");
    assert!(matches!(&failure, Failure::Rejected(text) if text.contains("400")), "{failure:?}");
    v1(&influx.url(), None).deliver(&batch(2..=3)).await.expect("the others");
}

#[tokio::test]
async fn a_record_of_a_time_that_no_database_holds_is_not_sent() {
    let (influx, strict) = (Influx1::start(None).await, StrictV2::start(TOKEN, ROOM));
    let mut late = batch(1..=1);
    late[0].entry.record.window_end_us = 253_402_300_799_999_999;
    for mut sink in [v1(&influx.url(), None), v2(&strict.url())] {
        let failure = sink.deliver(&late).await.expect_err("a record that is wrong");
        assert!(matches!(&failure, Failure::Outdated(text) if text.contains("2262")), "{failure:?}");
    }
    assert_eq!((influx.count_all().await, strict.points().0), (0, 0));
}

#[tokio::test]
async fn version_2_is_asked_with_its_token_and_gets_compressed_lines() {
    let strict = StrictV2::start(TOKEN, ROOM);
    let mut sink = v2(&strict.url());
    let records = batch(1..=60);
    for some in records.chunks(20) {
        sink.deliver(some).await.expect("delivered");
    }
    assert_eq!(strict.points(), (60, 60));
    let encodings: Vec<_> =
        strict.requests().iter().map(|request| request.headers.get("content-encoding").cloned()).collect();
    assert_eq!(encodings, [None, Some("gzip".into()), Some("gzip".into())]);
}

#[tokio::test]
async fn victoria_metrics_stores_every_value_of_plain_and_of_compressed_lines() {
    let server = VictoriaMetrics::start().await;
    let mut sink = v2(&server.url());
    let records = batch(1..=30);
    for some in records.chunks(15) {
        sink.deliver(some).await.expect("delivered");
    }
    assert_eq!((server.count_all().await, server.invalid_rows().await), (30, 0));
    let (times, values) = server.export("keystroke_features_dwell_mean").await.remove(0);
    let expected: Vec<&Record> =
        records.iter().map(|s| &s.entry.record).filter(|r| r.kind() == Kind::Keystroke).collect();
    assert_eq!(times, expected.iter().map(|record| record.window_end_us / 1000).collect::<Vec<_>>());
    assert_eq!(values, (1..=10).map(|third| f64::from(third) * 3.0 + 0.5).collect::<Vec<_>>());
    assert_eq!(
        server.export("keystroke_features_").await.len(),
        145,
        "140 features, total_keys, schema, strokes, dev_mode, degraded"
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_told_without_the_token() {
    let strict = StrictV2::start("another", ROOM);
    let mut sink = v2(&strict.url());
    strict.refuse_next([Refusal::new(204), Refusal { body: format!("bad {TOKEN}"), ..Refusal::new(401) }]);
    sink.deliver(&batch(1..=1)).await.expect("delivered");
    for _ in 0..2 {
        let failure = sink.deliver(&batch(1..=1)).await.expect_err("refused");
        assert!(matches!(&failure, Failure::Refused(text) if text.starts_with("401")), "{failure:?}");
        assert!(!format!("{failure:?}").contains(TOKEN), "{failure:?}");
    }
}

/// A sink of version 2 with this token.
fn with_token(url: &str, token: &str) -> Sink {
    Sink::new(config::Influx { token: Some(Secret::new(token)), ..v2_settings(url) })
}

#[tokio::test]
async fn a_token_that_the_server_repeats_shows_in_no_error_and_tears_no_word_apart() {
    for token in ["Q", "Qz", "QzX", "QzX9", "QzX9w", "QzX9wK", "QzX9wK4", "QzX9wK4j", "write", "type", "conflict"] {
        let strict = StrictV2::start(token, ROOM);
        let mut sink = with_token(&strict.url(), token);
        let body = format!(r#"{{"code":"x","message":"cannot write with Token {token} to the bucket: {token}"}}"#);
        let refusal = |status| Refusal { body: body.clone(), ..Refusal::new(status) };
        // The second of them goes to influxdb2, the third is our own request again.
        strict.refuse_next([refusal(422), Refusal::new(204), refusal(401), refusal(500)]);
        let mut told = Vec::new();
        for _ in 0..4 {
            told.extend(sink.deliver(&batch(1..=1)).await.err().map(|failure| failure.to_string()));
        }
        let left_out = "(details are left out, for they repeat what was sent)";
        let expected = [
            format!("422 Unprocessable Entity, a record that it does not take {left_out}"),
            format!("401 Unauthorized, a wrong or missing login {left_out}"),
            format!("500 Internal Server Error, a fault of the server's {left_out}"),
        ];
        assert_eq!(told, expected, "{token}");
    }
}

#[tokio::test]
async fn a_password_shows_neither_as_it_is_nor_as_the_header_has_it() {
    let influx = http::listen(|mut connection| {
        let mut reader = std::io::BufReader::new(connection.try_clone().expect("the connection again"));
        let request = http::read_request(&mut reader).expect("a request").expect("a request");
        let body = format!("{{\"error\":\"{} is no header\"}}", request.headers["authorization"]);
        let head = format!("HTTP/1.1 403 Told\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = connection.write_all(format!("{head}{body}").as_bytes());
    });
    let mut sink = v1(&format!("http://{influx}"), Some(("ann", "pw")));
    let failure = sink.deliver(&batch(1..=1)).await.expect_err("refused").to_string();
    assert!(failure.starts_with("403 Forbidden") && !failure.contains("YW5uOnB3"), "{failure}");
}

#[tokio::test]
async fn influxdb_3_needs_no_organisation_and_stores_what_of_a_batch_it_can() {
    let strict = StrictV2::start_version_3(TOKEN);
    let mut sink = Sink::new(config::Influx { org: String::new(), ..v2_settings(&strict.url()) });
    sink.check().await.expect("it would take records");
    let records = batch(1..=30);
    for some in records.chunks(10) {
        sink.deliver(some).await.expect("delivered");
    }
    assert_eq!(strict.points(), (30, 30));
    strict.refuse_points("mouse_features", Unwanted::Conflict);
    let failure = sink.deliver(&batch(31..=33)).await.expect_err("one of them is not stored");
    let Failure::Rejected(text) = &failure else { panic!("{failure:?}") };
    assert!(text.contains("a field type conflict: ") && text.contains("'schema'"), "{text}");
    assert!(!text.contains("someone"), "the line that it repeats is left out: {text}");
    assert_eq!(strict.points().0, 32);
    let failure = with_token(&strict.url(), "wrong").check().await.expect_err("a wrong token");
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
}

#[tokio::test]
async fn influxdb_2_without_an_organisation_is_a_matter_of_configuration_and_costs_no_record() {
    let strict = StrictV2::start(TOKEN, ROOM);
    let mut sink = Sink::new(config::Influx { org: String::new(), ..v2_settings(&strict.url()) });
    for failure in [sink.check().await, sink.deliver(&batch(1..=3)).await] {
        let Err(Failure::Refused(text)) = &failure else { panic!("{failure:?}") };
        assert!(text.contains("either orgID or org"), "{text}");
    }
}

#[tokio::test]
async fn a_check_writes_nothing_and_finds_what_would_be_refused() {
    let (influx, victoria, strict) =
        (Influx1::start(Some("open sesame")).await, VictoriaMetrics::start().await, StrictV2::start(TOKEN, ROOM));
    v1(&influx.url(), Some((Influx1::USER, "open sesame"))).check().await.expect("it would take records");
    v2(&victoria.url()).check().await.expect("it would take records");
    v2(&strict.url()).check().await.expect("it would take records");
    let written = (influx.count_all().await, victoria.count_all().await, strict.points().0);
    assert_eq!(written, (0, 0, 0));
    let elsewhere = config::Influx { bucket: "elsewhere".into(), ..v2_settings(&strict.url()) };
    for mut sink in [v1(&influx.url(), Some((Influx1::USER, "wrong-pass"))), Sink::new(elsewhere)] {
        let failure = sink.check().await.expect_err("it would not");
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn too_large_a_batch_is_rejected_whichever_way_it_went() {
    let records = batch(1..=30);
    let mut lines = String::new();
    records[..20].iter().for_each(|stored| stored.entry.write_line(&mut lines));
    let strict = StrictV2::start(TOKEN, lines.len());
    let mut sink = v2(&strict.url());
    for _ in 0..2 {
        let failure = sink.deliver(&records).await.expect_err("too large");
        assert!(matches!(&failure, Failure::Rejected(text) if text.contains("413")), "{failure:?}");
        sink.deliver(&records[..15]).await.expect("half of it");
    }
    assert_eq!(strict.points().0, 15);
}

#[tokio::test]
async fn a_busy_server_is_asked_when_it_said_also_where_influxdb2_hides_what_it_said() {
    let strict = StrictV2::start(TOKEN, ROOM);
    let mut sink = v2(&strict.url());
    let records = batch(1..=3);
    sink.deliver(&records).await.expect("delivered");
    let busy = |status, headers| Refusal { headers, ..Refusal::new(status) };
    strict.refuse_next([
        busy(429, "Retry-After: 7\r\n"),
        busy(429, "Retry-After: 7\r\n"),
        busy(503, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"),
    ]);
    let mut retry_after = Vec::new();
    while let Err(failure) = sink.deliver(&records).await {
        let Failure::Busy { retry_after: seconds, .. } = failure else { panic!("{failure:?}") };
        retry_after.push(seconds.map(|seconds| seconds.as_secs()));
    }
    // The first request was influxdb2's. A date is not what InfluxDB says; without it the usual pauses are made.
    assert_eq!(retry_after, [None, Some(7), None]);
}

#[tokio::test]
async fn a_redirection_is_not_followed_with_our_token() {
    let strict = StrictV2::start(TOKEN, ROOM);
    strict.refuse_next([Refusal { headers: "Location: /elsewhere\r\n", ..Refusal::new(307) }]);
    let failure = v2(&strict.url()).deliver(&batch(1..=1)).await.expect_err("a redirection");
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    assert_eq!(strict.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_or_cuts_the_connection_is_unreachable() {
    let down = format!("127.0.0.1:{}", free_port()).parse().expect("an address");
    let cuts_off = http::listen(|mut connection| {
        let _ = connection.read(&mut [0; 100]);
    });
    for address in [down, cuts_off] {
        for mut sink in [v1(&format!("http://{address}"), None), v2(&format!("http://{address}"))] {
            let failure = sink.deliver(&batch(1..=64)).await.expect_err("no delivery");
            assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_or_answers_too_slowly_is_given_up_in_time() {
    let silent = http::listen(|mut connection| {
        let _ = std::io::copy(&mut connection, &mut std::io::sink());
    });
    let slow = http::listen(|mut connection| {
        let _ = connection.read(&mut [0; 100]);
        for byte in b"HTTP/1.1 204 No Content\r\nX-Slow: yes\r\n\r\n" {
            std::thread::sleep(Duration::from_secs(1));
            if connection.write_all(&[*byte]).is_err() {
                break;
            }
        }
    });
    let give_up = async |address| {
        let begun = Instant::now();
        let failure = v2(&format!("http://{address}")).deliver(&batch(1..=3)).await.expect_err("no delivery");
        assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    };
    tokio::join!(give_up(silent), give_up(slow));
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let endless = http::listen(|mut connection| {
        let _ = connection.read(&mut [0; 100]);
        let _ = connection.write_all(b"HTTP/1.1 500 Told\r\nContent-Type: text/plain\r\n\r\n");
        while connection.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let begun = Instant::now();
    let failure = v2(&format!("http://{endless}")).deliver(&batch(1..=3)).await.expect_err("an error");
    assert!(failure.to_string().len() < 300, "{failure}");
    assert!(begun.elapsed() < LIMIT / 10, "{:?}", begun.elapsed());
}
