//! What `seclyzer doctor` says of servers: it tries what the agent will need, and not only the connection.

mod support;

use serde_json::Value;
use support::agent::Home;
use support::http::StrictV2;
use support::servers::Redis;

/// Verdict and text of what the doctor says of this, with that configuration.
async fn finding(config: &str, what: &str) -> (String, String) {
    let home = Home::with_config(&format!("[x11]\nenabled = false\n{config}"));
    let output = tokio::task::spawn_blocking(move || home.run(&["doctor", "--json"])).await.expect("no panic");
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = findings.as_array().expect("findings").iter().find(|finding| finding["what"] == what);
    let finding = finding.unwrap_or_else(|| panic!("nothing on {what}: {findings}"));
    let text = |key: &str| finding[key].as_str().expect("a text").to_owned();
    (text("verdict"), text("text"))
}

fn redis_section(redis: &Redis, rest: &str) -> String {
    format!("[redis]\nenabled = true\nurl = \"{}\"\n{rest}\n", redis.url())
}

const ACCOUNT: &str = "username = \"pub\"\npassword = \"pw\"\n";

#[tokio::test]
async fn an_account_that_may_only_publish_is_right_for_the_channels_and_wrong_for_the_stream_and_events() {
    let redis = Redis::start(&[]).await;
    redis.tell("ACL SETUSER pub on >pw resetkeys resetchannels &features &seclyzer:* +publish").await;
    redis.tell("ACL SETUSER pub +multi").await;
    let (verdict, text) = finding(&redis_section(&redis, ACCOUNT), "redis").await;
    assert_eq!(verdict, "ok", "{text}");
    redis.tell("ACL SETUSER pub -multi").await;
    let (verdict, text) = finding(&redis_section(&redis, &format!("{ACCOUNT}stream = true")), "redis").await;
    assert!(verdict == "failure" && text.contains("NOPERM") && text.contains("permission"), "{verdict}: {text}");
    let (verdict, text) = finding(&redis_section(&redis, &format!("{ACCOUNT}accept_events = true")), "events").await;
    assert!(verdict == "failure" && text.contains("'subscribe'"), "{verdict}: {text}");
    redis.tell("ACL SETUSER pub &seclyzer:events +subscribe").await;
    let (verdict, text) = finding(&redis_section(&redis, &format!("{ACCOUNT}accept_events = true")), "events").await;
    assert_eq!(verdict, "ok", "{text}");
}

#[tokio::test]
async fn an_account_whose_channels_cannot_be_tried_is_a_warning_that_names_the_rules() {
    let redis = Redis::start(&[]).await;
    for channels in ["&wrong", "&seclyzer:*", "&features &seclyzer:features:*"] {
        redis.tell(&format!("ACL SETUSER pub reset on >pw {channels} +publish")).await;
        let home = Home::with_config(&format!("[x11]\nenabled = false\n{}", redis_section(&redis, ACCOUNT)));
        let output = tokio::task::spawn_blocking(move || home.run(&["doctor", "--json"])).await.expect("no panic");
        let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let finding = findings.as_array().expect("findings").iter().find(|finding| finding["what"] == "redis");
        let finding = finding.expect("a finding");
        assert_eq!(finding["verdict"], "warning", "{channels}: {finding}");
        let rules = "ACL SETUSER pub &features &seclyzer:features:* &seclyzer:scores &seclyzer:decisions +publish";
        assert!(finding["mend"].as_str().expect("a text").contains(rules), "{finding}");
    }
}

#[tokio::test]
async fn an_account_without_the_right_to_publish_is_a_failure_though_it_can_log_in() {
    let redis = Redis::start(&[]).await;
    redis.tell("ACL SETUSER pub on >pw allkeys allchannels +@read").await;
    for enabled in ["true", "\"auto\""] {
        let config = redis_section(&redis, ACCOUNT).replace("enabled = true", &format!("enabled = {enabled}"));
        let (verdict, text) = finding(&config, "redis").await;
        assert!(verdict == "failure" && text.contains("NOPERM"), "{verdict}: {text}");
    }
}

#[tokio::test]
async fn the_doctor_leaves_nothing_in_a_redis_and_nothing_reaches_a_subscriber() {
    let redis = Redis::start(&[]).await;
    let mut subscription = redis.subscribe(&["features"]).await;
    let (verdict, text) = finding(&redis_section(&redis, "stream = true"), "redis").await;
    assert!(verdict == "warning" && text.contains("without a password"), "{verdict}: {text}");
    redis.tell("PUBLISH features end").await;
    let first = futures_util::StreamExt::next(&mut subscription.on_message()).await.expect("a message");
    assert_eq!(first.get_payload::<String>().expect("a text"), "end");
    let keys: Vec<String> = redis.ask("KEYS *").await;
    assert_eq!(keys, [""; 0]);
}

#[tokio::test]
async fn a_node_of_a_cluster_that_does_not_hold_the_stream_names_the_one_that_does() {
    let cluster = Redis::start_cluster(3).await;
    let slot: usize = cluster[0].ask("CLUSTER KEYSLOT seclyzer:stream:features").await;
    let holder = slot * 3 / 16_384;
    let (verdict, text) = finding(&redis_section(&cluster[(holder + 1) % 3], "stream = true"), "redis").await;
    let address = cluster[holder].url().replace("redis://", "");
    assert!(verdict == "failure" && text.contains(&address) && text.contains("cluster"), "{verdict}: {text}");
}

#[tokio::test]
async fn influxdb_3_is_right_without_an_organisation_and_influxdb_2_says_that_it_needs_one() {
    let (three, two) = (StrictV2::start_version_3("write"), StrictV2::start("write", 1 << 20));
    let section = |url: String| format!("[influx]\nurl = \"{url}\"\nbucket = \"bucket\"\ntoken = \"write\"\n");
    let (verdict, text) = finding(&section(three.url()), "influxdb").await;
    assert_eq!(verdict, "ok", "{text}");
    let (verdict, text) = finding(&section(two.url()), "influxdb").await;
    assert!(verdict == "failure" && text.contains("org"), "{verdict}: {text}");
    assert_eq!(three.points().0, 0);
}

#[tokio::test]
async fn a_certificate_that_is_missing_is_found_before_anything_else() {
    let config = "[redis]\nurl = \"rediss://127.0.0.1:1\"\ntls_ca = \"/nowhere/ca.pem\"\n";
    let (verdict, text) = finding(config, "configuration").await;
    assert!(verdict == "failure" && text.contains("redis.tls_ca: /nowhere/ca.pem: "), "{verdict}: {text}");
}
