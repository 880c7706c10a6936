//! TLS, to servers whose certificate the system trusts and to others.

mod support;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use redis::AsyncCommands;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use seclyzer::config::{self, InfluxApi, Secret, Switch, Tls};
use seclyzer::sinks::influx::Influx;
use seclyzer::sinks::redis::Redis;
use seclyzer::sinks::{Failure, Sink};
use seclyzer::sources::redis::{CHANNEL, Counts, subscribe};
use std::io::{BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use support::agent::Home;
use support::{LIMIT, batch, eventually, http, redis_settings, servers};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

/// An authority that this process takes for the system's, and two certificates for 127.0.0.1; one of a company's that
/// it does not know, with a certificate for a server and one for the agent.
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
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a certificate for self-signed if its authority has the same name.
    params.distinguished_name.push(DnType::CommonName, "company");
    let key = KeyPair::generate().expect("a key");
    authority.write("company", "certificate", &params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    for name in ["server", "agent"] {
        let (leaf, key) = loopback();
        authority.write(name, "certificate", &leaf.signed_by(&key, &issuer).expect("a certificate").pem());
        authority.write(name, "key", &key.serialize_pem());
    }
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
        std::fs::set_permissions(self.file(whose, what), PermissionsExt::from_mode(0o600)).expect("our own file");
    }

    /// What makes the company's servers known and shows them this certificate.
    fn tls(&self, whose: &str) -> Tls {
        let [cert, key] = self.pair(whose);
        Tls { ca: Some(self.file("company", "certificate")), cert: Some(cert), key: Some(key) }
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

/// A Redis of the company's, which asks for a certificate of the company's, and its URL.
async fn company_redis() -> (servers::Redis, String) {
    let [certificate, key] = AUTHORITY.pair("server");
    servers::Redis::start_with_mutual_tls(&certificate, &key, &AUTHORITY.file("company", "certificate")).await
}

#[tokio::test]
async fn a_redis_that_asks_for_a_certificate_gets_ours_and_takes_records_and_the_doctors_question() {
    let (redis, url) = company_redis().await;
    for with_stream in [true, false] {
        let settings = config::Redis { tls: AUTHORITY.tls("agent"), stream: with_stream, ..redis_settings(&url) };
        let mut sink = Redis::new(settings, "database").expect("a good URL");
        let checked = sink.check().await.expect("it would take records");
        assert!(!checked.is_open_to_all, "whoever has no certificate cannot read along");
        sink.deliver(&batch(1..=9)).await.expect("delivered");
    }
    assert_eq!(redis.stream().await.len(), 9);
}

#[tokio::test]
async fn a_redis_that_takes_a_certificate_and_asks_for_none_is_open_to_all() {
    let (redis, url) = company_redis().await;
    redis.tell("CONFIG SET tls-auth-clients optional").await;
    let settings = config::Redis { tls: AUTHORITY.tls("agent"), ..redis_settings(&url) };
    let checked = Redis::new(settings, "database").expect("a good URL").check().await.expect("it would take records");
    assert!(checked.is_open_to_all);
}

#[tokio::test]
async fn events_come_in_from_a_redis_that_asks_for_a_certificate() {
    let (redis, url) = company_redis().await;
    let (sender, mut events) = mpsc::channel(8);
    let (counts, _counted) = watch::channel(Counts::default());
    tokio::spawn(subscribe(config::Redis { tls: AUTHORITY.tls("agent"), ..redis_settings(&url) }, sender, counts));
    let mut connection = redis.connect("").await;
    eventually("a subscriber", async || {
        let event = r#"{"type":"gap","ts":1701423846000000}"#;
        let listeners: u64 = connection.publish(CHANNEL, event).await.expect("published");
        (listeners > 0).then_some(())
    })
    .await;
    assert!(tokio::time::timeout(LIMIT, events.recv()).await.expect("in time").is_some());
}

#[tokio::test]
async fn without_a_certificate_or_with_a_strangers_a_redis_refuses_us_and_that_is_told() {
    let (redis, url) = company_redis().await;
    let none = Tls { cert: None, key: None, ..AUTHORITY.tls("agent") };
    for (tls, told) in [(none, "asks for a certificate: tls_cert"), (AUTHORITY.tls("unknown"), "does not accept our")] {
        let mut sink = Redis::new(config::Redis { tls, ..redis_settings(&url) }, "database").expect("a good URL");
        let failure = sink.deliver(&batch(1..=3)).await.expect_err("refused");
        assert!(matches!(&failure, Failure::Refused(text) if text.contains(told)), "{failure:?}");
    }
    // With TLS 1.2 a server does not say why.
    redis.tell("CONFIG SET tls-protocols TLSv1.2").await;
    let none = Tls { cert: None, key: None, ..AUTHORITY.tls("agent") };
    let mut sink = Redis::new(config::Redis { tls: none, ..redis_settings(&url) }, "database").expect("a good URL");
    let failure = sink.deliver(&batch(1..=3)).await.expect_err("refused");
    assert!(matches!(&failure, Failure::Refused(text) if text.contains("tls_cert")), "{failure:?}");
    // The system's authorities do not count where others are named.
    let tls = Tls { ca: Some(AUTHORITY.file("authority", "certificate")), ..AUTHORITY.tls("agent") };
    let mut sink = Redis::new(config::Redis { tls, ..redis_settings(&url) }, "database").expect("a good URL");
    let failure = sink.deliver(&batch(1..=3)).await.expect_err("nobody vouches for it");
    assert!(matches!(&failure, Failure::Unreachable(text) if text.contains("certificate")), "{failure:?}");
    assert_eq!(redis.stream().await.len(), 0);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_from_the_next_connection_on() {
    let (redis, url) = company_redis().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let renew = |whose| {
        for (from, to) in AUTHORITY.pair(whose).iter().zip([&cert, &key]) {
            std::fs::copy(from, to).expect("a file");
        }
    };
    renew("unknown");
    let tls = Tls { cert: Some(cert.clone()), key: Some(key.clone()), ..AUTHORITY.tls("agent") };
    let mut sink = Redis::new(config::Redis { tls, ..redis_settings(&url) }, "database").expect("a good URL");
    sink.deliver(&batch(1..=3)).await.expect_err("a stranger's");
    renew("agent");
    sink.deliver(&batch(1..=3)).await.expect("delivered");
    std::fs::remove_file(&key).expect("a file");
    let mut sink = Redis::new(
        config::Redis {
            tls: Tls { cert: Some(cert), key: Some(key), ..AUTHORITY.tls("agent") },
            ..redis_settings(&url)
        },
        "database",
    )
    .expect("a good URL");
    let failure = sink.deliver(&batch(1..=4)).await.expect_err("no key");
    assert!(matches!(&failure, Failure::Refused(text) if text.contains("redis.tls_key: ")), "{failure:?}");
    assert_eq!(redis.stream().await.len(), 3);
}

/// A server of version 2 of the write API that talks to whom the company vouches for, its URL, and what was written.
fn company_influx() -> (String, Arc<Mutex<Vec<http::Request>>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = |whose| {
        let pem = std::fs::read(AUTHORITY.file(whose, "certificate")).expect("a file");
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().expect("PEM")
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("company"));
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = PrivateKeyDer::from_pem_file(AUTHORITY.file("server", "key")).expect("a key");
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("an authority"))
        .with_single_cert(certificates("server"), key)
        .expect("a pair");
    // Whoever offered HTTP/2 would get it, and no answer that makes sense.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (config, requests) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
    let written = Arc::clone(&requests);
    let address = http::listen(move |connection| {
        let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
        let mut stream = BufReader::new(rustls::StreamOwned::new(session, connection));
        while let Ok(Some(request)) = http::read_request(&mut stream) {
            written.lock().expect("no panic").push(request);
            let _ = stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    (format!("https://{address}"), requests)
}

fn influx_2(url: &str, tls: Tls) -> Influx {
    Influx::new(config::Influx {
        enabled: Switch::On,
        api: InfluxApi::V2,
        url: url.into(),
        token: Some(Secret::new("token")),
        org: String::new(),
        bucket: "bucket".into(),
        username: String::new(),
        password: None,
        tls,
    })
}

#[tokio::test]
async fn an_influxdb_that_asks_for_a_certificate_gets_ours() {
    let (url, requests) = company_influx();
    let mut sink = influx_2(&url, AUTHORITY.tls("agent"));
    sink.check().await.expect("it would take records");
    for first in [1, 11] {
        // The second goes through another client.
        sink.deliver(&batch(first..=first + 9)).await.expect("delivered");
    }
    assert_eq!(requests.lock().expect("no panic").len(), 3);
    let none = Tls { cert: None, key: None, ..AUTHORITY.tls("agent") };
    for tls in [none, AUTHORITY.tls("unknown")] {
        let failure = influx_2(&url, tls).deliver(&batch(1..=3)).await.expect_err("refused");
        assert!(matches!(&failure, Failure::Refused(text) if text.contains("tls_cert")), "{failure:?}");
    }
    let failure = influx_2(&url, Tls::default()).deliver(&batch(1..=3)).await.expect_err("nobody vouches for it");
    assert!(matches!(&failure, Failure::Unreachable(text) if text.contains("certificate")), "{failure:?}");
}

/// The agent gives up most of the file system before it connects for the first time.
#[tokio::test]
async fn the_hardened_agent_reads_its_certificates_where_nothing_else_is_read_and_reads_them_anew() {
    let (redis, url) = company_redis().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name);
    for (whose, what) in [("company", "certificate"), ("unknown", "certificate"), ("unknown", "key")] {
        std::fs::copy(AUTHORITY.file(whose, what), place(&format!("{whose}.{what}"))).expect("a file");
    }
    let [ca, cert, key] =
        ["company.certificate", "unknown.certificate", "unknown.key"].map(|name| place(name).display().to_string());
    let files = format!("tls_ca = \"{ca}\"\ntls_cert = \"{cert}\"\ntls_key = \"{key}\"\n");
    let redis_section =
        format!("[redis]\nenabled = true\nstream = true\naccept_events = true\nurl = \"{url}\"\n{files}");
    let home = Home::with_config(&format!("[x11]\nenabled = false\n{redis_section}"));
    let agent = home.start_agent(&[]);
    agent.wait_for_log("no events from Redis until it answers again");
    // A renewal puts new files in the places of the old ones.
    for (what, to) in [("certificate", &cert), ("key", &key)] {
        let new = place("new");
        std::fs::copy(AUTHORITY.file("agent", what), &new).expect("a file");
        std::fs::rename(new, to).expect("renamed");
    }
    agent.wait_for_log("events are accepted on Redis channel");
    let mut connection = redis.connect("").await;
    let listeners: u64 = connection.publish(CHANNEL, "{}").await.expect("published");
    assert_eq!(listeners, 1);
    assert_eq!(agent.stop(), Some(0));
}
