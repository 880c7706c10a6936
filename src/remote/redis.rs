//! How to reach a Redis: for the sink that publishes records and for the source that accepts events.

pub mod answer;

use crate::config::{self, Switch, Tls};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
};
use std::time::Duration;

/// To set up a connection, and to answer a request. A server that is slower than this is taken for unreachable.
pub const TIMEOUT: Duration = Duration::from_secs(5);

const LOOPBACK: &str = "redis://127.0.0.1:6379";

#[derive(Debug, thiserror::Error)]
#[error("redis.url: not a URL of a Redis; expected redis://host:port, rediss://host:port or unix:///path")]
pub struct BadUrl;

/// A server that may be asked. Nothing is connected to yet.
#[derive(Clone)]
pub struct Server {
    info: ConnectionInfo,
    tls: Tls,
}

/// The servers that may be asked, in this order: the configured one, and for `redis.enabled = "auto"` the one on
/// loopback, to which the password and the certificate of the configured one are not shown.
pub fn servers(settings: &config::Redis) -> Result<Vec<Server>, BadUrl> {
    let mut info = settings.url.as_str().into_connection_info().map_err(|_| BadUrl)?;
    let mut login = info.redis_settings().clone();
    if let Some(username) = &settings.username {
        login = login.set_username(username);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password.expose());
    }
    info = info.set_redis_settings(login);
    let configured = Server { info, tls: settings.tls.clone() };
    let loopback = Server { info: LOOPBACK.into_connection_info().map_err(|_| BadUrl)?, tls: Tls::default() };
    let elsewhere = configured.info.addr() != loopback.info.addr();
    Ok(if settings.enabled == Switch::Auto && elsewhere { vec![configured, loopback] } else { vec![configured] })
}

impl Server {
    /// `host:port` or a path; never a password.
    pub fn address(&self) -> String {
        self.info.addr().to_string()
    }

    /// Where it is, for who connects by himself.
    pub fn place(&self) -> &ConnectionAddr {
        self.info.addr()
    }

    pub fn login(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }

    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Whether whoever has an account on the server's machine can read what is published there: over TCP, without a
    /// password or a certificate. That we show a certificate does not mean that it is asked for: it is tried without.
    pub async fn is_open_to_all(&self) -> bool {
        if self.login().password().is_some() || matches!(self.place(), ConnectionAddr::Unix(_)) {
            return false;
        }
        if self.tls.cert.is_none() {
            return true;
        }
        let stranger = Server { tls: Tls { cert: None, key: None, ..self.tls.clone() }, ..self.clone() };
        // With TLS 1.3 the refusal comes with the first answer.
        match stranger.connect().await {
            Ok(mut connection) => redis::cmd("PING").exec_async(&mut connection).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Connects and logs in.
    pub async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        self.install_cryptography();
        let limits =
            AsyncConnectionConfig::new().set_connection_timeout(Some(TIMEOUT)).set_response_timeout(Some(TIMEOUT));
        self.client()?.get_multiplexed_async_connection_with_config(&limits).await
    }

    fn client(&self) -> RedisResult<Client> {
        if self.tls.is_empty() {
            return Client::open(self.info.clone());
        }
        let files = self.tls.read().map_err(|error| unusable(&error))?;
        let client_tls =
            files.identity.map(|own| ClientTlsConfig { client_cert: own.cert, client_key: own.key.to_vec() });
        Client::build_with_tls(self.info.clone(), TlsCertificates { client_tls, root_cert: files.ca })
    }

    /// rustls wants one provider a process. It is chosen before the first connection that needs it: who uses no TLS pays
    /// nothing.
    pub fn install_cryptography(&self) {
        if matches!(self.place(), ConnectionAddr::TcpTls { .. }) {
            // An error says that it has been installed before.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }
}

/// A file for TLS that was right at the start and is not now.
pub fn unusable(error: &config::TlsError) -> RedisError {
    (ErrorKind::InvalidClientConfig, "TLS", format!("redis.{error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::features::keystroke::Publish;

    fn settings(enabled: Switch, url: &str) -> config::Redis {
        config::Redis {
            enabled,
            url: url.into(),
            username: None,
            password: Some(Secret::new("hush")),
            tls: Tls::default(),
            stream: false,
            stream_max_len: 1000,
            accept_events: false,
            events_publish: Publish::All,
        }
    }

    fn addresses(enabled: Switch, url: &str) -> Vec<String> {
        servers(&settings(enabled, url)).expect("a good URL").iter().map(Server::address).collect()
    }

    #[test]
    fn auto_tries_the_configured_server_and_then_loopback() {
        assert_eq!(addresses(Switch::Auto, "redis://db.example:7000"), ["db.example:7000", "127.0.0.1:6379"]);
        assert_eq!(addresses(Switch::Auto, "redis://127.0.0.1"), ["127.0.0.1:6379"]);
        assert_eq!(addresses(Switch::On, "redis://db.example:7000"), ["db.example:7000"]);
        assert_eq!(addresses(Switch::On, "unix:///run/redis/redis.sock"), ["/run/redis/redis.sock"]);
    }

    #[tokio::test]
    async fn the_password_goes_to_the_configured_server_only() {
        let servers = servers(&settings(Switch::Auto, "rediss://db.example")).expect("a good URL");
        let passwords: Vec<_> = servers.iter().map(|s| s.login().password()).collect();
        assert_eq!(passwords, [Some("hush"), None]);
        assert!(!servers[0].is_open_to_all().await && servers[1].is_open_to_all().await);
    }

    #[test]
    fn a_wrong_url_is_told_without_repeating_it() {
        for url in ["", "http://db.example", "redis://:hush@/x y", "redis://u:hush@0.0.0.0", "redis://db.example/one"] {
            let error = servers(&settings(Switch::On, url)).map(|_| ()).expect_err("a bad URL").to_string();
            assert!(error.starts_with("redis.url: ") && !error.contains("hush"), "{error}");
        }
    }
}
