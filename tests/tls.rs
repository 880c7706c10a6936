//! TLS, to servers whose certificate the system trusts and to others.

mod support;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use redis::AsyncCommands;
use seclyzer::config::{self, InfluxApi, Switch};
use seclyzer::sinks::influx::Influx;
use seclyzer::sinks::redis::Redis;
use seclyzer::sinks::{Failure, Sink};
use seclyzer::sources::redis::{CHANNEL, Counts, subscribe};
use std::path::PathBuf;
use std::sync::LazyLock;
use support::servers;
use support::{LIMIT, batch, eventually, redis_settings};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// An authority that this process takes for the system's, and two certificates for 127.0.0.1.
struct Authority {
    folder: TempDir,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let authority = Authority { folder };
    authority.write("authority", "certificate", &certificate.pem());
    let issuer = Issuer::new(params, key);
    let (leaf, key) = loopback();
    authority.write("trusted", "certificate", &leaf.signed_by(&key, &issuer).expect("a certificate").pem());
    authority.write("trusted", "key", &key.serialize_pem());
    let (leaf, key) = loopback();
    authority.write("unknown", "certificate", &leaf.self_signed(&key).expect("a certificate").pem());
    authority.write("unknown", "key", &key.serialize_pem());
    // SAFETY: the tests wait for this before they do anything; nobody reads the environment at the same time.
    unsafe { std::env::set_var("SSL_CERT_FILE", authority.file("authority", "certificate")) };
    authority
});

/// Parameters of a certificate for loopback, and its key.
fn loopback() -> (CertificateParams, KeyPair) {
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("parameters");
    (params, KeyPair::generate().expect("a key"))
}

impl Authority {
    fn file(&self, whose: &str, what: &str) -> PathBuf {
        self.folder.path().join(format!("{whose}.{what}.pem"))
    }

    fn write(&self, whose: &str, what: &str, pem: &str) {
        std::fs::write(self.file(whose, what), pem).expect("a file");
    }

    fn pair(&self, whose: &str) -> [PathBuf; 2] {
        [self.file(whose, "certificate"), self.file(whose, "key")]
    }
}

#[tokio::test]
async fn rediss_is_redis_over_tls_with_the_systems_certificates() {
    let [certificate, key] = AUTHORITY.pair("trusted");
    let (redis, url) = servers::Redis::start_with_tls(&certificate, &key).await;
    let mut sink = Redis::new(redis_settings(&url), "database").expect("a good URL");
    for first in [1, 11] {
        sink.deliver(&batch(first..=first + 9)).await.expect("delivered");
    }
    assert_eq!(redis.stream().await.len(), 20);
}

#[tokio::test]
async fn a_redis_that_nobody_vouches_for_gets_nothing() {
    let [certificate, key] = AUTHORITY.pair("unknown");
    let (redis, url) = servers::Redis::start_with_tls(&certificate, &key).await;
    let failure = Redis::new(redis_settings(&url), "database").expect("a good URL").deliver(&batch(1..=3)).await;
    assert!(matches!(&failure, Err(Failure::Unreachable(text)) if text.contains("certificate")), "{failure:?}");
    assert_eq!(redis.stream().await.len(), 0);
}

#[tokio::test]
async fn events_come_in_over_tls() {
    let [certificate, key] = AUTHORITY.pair("trusted");
    let (redis, url) = servers::Redis::start_with_tls(&certificate, &key).await;
    let (sender, mut events) = mpsc::channel(8);
    let (counts, _counted) = watch::channel(Counts::default());
    tokio::spawn(subscribe(redis_settings(&url), sender, counts));
    let mut connection = redis.connect("").await;
    eventually("a subscriber", async || {
        let event = r#"{"type":"gap","ts":1701423846000000}"#;
        let listeners: u64 = connection.publish(CHANNEL, event).await.expect("published");
        (listeners > 0).then_some(())
    })
    .await;
    let event = tokio::time::timeout(LIMIT, events.recv()).await.expect("in time").expect("a source that runs");
    assert_eq!(event.ts_us, 1_701_423_846_000_000);
}

fn influx(url: &str) -> Influx {
    Influx::new(config::Influx {
        enabled: Switch::On,
        api: InfluxApi::V1,
        url: url.into(),
        token: None,
        org: String::new(),
        bucket: "seclyzer".into(),
        username: String::new(),
        password: None,
        tls: config::Tls::default(),
    })
}

#[tokio::test]
async fn https_is_trusted_by_the_systems_certificates() {
    let [certificate, key] = AUTHORITY.pair("trusted");
    let (_server, url) = servers::Influx1::start_with_tls(&certificate, &key).await;
    let failure = influx(&url).deliver(&batch(1..=3)).await.expect_err("there is no database");
    assert!(matches!(&failure, Failure::Refused(text) if text.contains("database not found")), "{failure:?}");
    let [certificate, key] = AUTHORITY.pair("unknown");
    let (_server, url) = servers::Influx1::start_with_tls(&certificate, &key).await;
    let failure = influx(&url).deliver(&batch(1..=3)).await.expect_err("nobody vouches for it");
    assert!(matches!(&failure, Failure::Unreachable(text) if text.contains("certificate")), "{failure:?}");
}
