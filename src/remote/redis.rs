//! How to reach a Redis: for the sink that publishes records and for the source that accepts events.

use super::printable;
use crate::config::{self, Switch};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, ServerError,
};
use std::time::Duration;

/// To set up a connection, and to answer a request. A server that is slower than this is taken for unreachable.
pub const TIMEOUT: Duration = Duration::from_secs(5);

const LOOPBACK: &str = "redis://127.0.0.1:6379";

#[derive(Debug, thiserror::Error)]
#[error("redis.url: {0}; expected redis://host:port, rediss://host:port or unix:///path")]
pub struct BadUrl(String);

/// The servers that may be asked, in this order: the configured one, and for `redis.enabled = "auto"` the one on
/// loopback, to which the password of the configured one is not shown. Nothing is connected to yet.
pub fn servers(settings: &config::Redis) -> Result<Vec<Client>, BadUrl> {
    let bad = |error: RedisError| BadUrl(printable(&error.to_string(), &[]));
    let mut info = settings.url.as_str().into_connection_info().map_err(bad)?;
    let mut login = info.redis_settings().clone();
    if let Some(username) = &settings.username {
        login = login.set_username(username);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password.expose());
    }
    info = info.set_redis_settings(login);
    let configured = Client::open(info).map_err(bad)?;
    let loopback = Client::open(LOOPBACK).map_err(bad)?;
    let elsewhere = configured.get_connection_info().addr() != loopback.get_connection_info().addr();
    Ok(if settings.enabled == Switch::Auto && elsewhere { vec![configured, loopback] } else { vec![configured] })
}

/// `host:port` or a path; never a password.
pub fn address(server: &Client) -> String {
    server.get_connection_info().addr().to_string()
}

/// Whether whoever has an account on the server's machine can read what is published there: over TCP, without a
/// password.
pub fn is_open_to_all(server: &Client) -> bool {
    let info = server.get_connection_info();
    info.redis_settings().password().is_none() && !matches!(info.addr(), ConnectionAddr::Unix(_))
}

/// Connects and logs in.
pub async fn connect(server: &Client) -> RedisResult<MultiplexedConnection> {
    install_cryptography_for(server);
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(TIMEOUT)).set_response_timeout(Some(TIMEOUT));
    server.get_multiplexed_async_connection_with_config(&config).await
}

/// rustls wants one provider a process. It is chosen before the first connection that needs it: who uses no TLS pays
/// nothing.
pub(crate) fn install_cryptography_for(server: &Client) {
    if matches!(server.get_connection_info().addr(), ConnectionAddr::TcpTls { .. }) {
        // An error says that it has been installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The error as one line without the password.
pub fn describe(error: &RedisError, settings: &config::Redis) -> String {
    let text = match first_answer(error) {
        Some(answer) => format!("{} {}", answer.code(), answer.details().unwrap_or_default()),
        None => error.to_string(),
    };
    printable(&text, &settings.password.iter().collect::<Vec<_>>())
}

/// Whether trying again is in vain until somebody changes the configuration, here or there.
pub fn is_refusal(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::UnexpectedReturnType => true,
        _ => first_answer(error).is_some_and(|answer| {
            matches!(answer.code(), "NOAUTH" | "WRONGPASS" | "NOPERM" | "READONLY" | "WRONGTYPE" | "DENIED")
        }),
    }
}

/// The error that the server answered, for several commands at once the first one.
fn first_answer(error: &RedisError) -> Option<ServerError> {
    let answers = error.clone().into_server_errors()?;
    answers.first().map(|(_, answer)| answer.clone())
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
            stream: false,
            stream_max_len: 1000,
            accept_events: false,
            events_publish: Publish::All,
        }
    }

    fn addresses(enabled: Switch, url: &str) -> Vec<String> {
        servers(&settings(enabled, url)).expect("a good URL").iter().map(address).collect()
    }

    #[test]
    fn auto_tries_the_configured_server_and_then_loopback() {
        assert_eq!(addresses(Switch::Auto, "redis://db.example:7000"), ["db.example:7000", "127.0.0.1:6379"]);
        assert_eq!(addresses(Switch::Auto, "redis://127.0.0.1"), ["127.0.0.1:6379"]);
        assert_eq!(addresses(Switch::On, "redis://db.example:7000"), ["db.example:7000"]);
        assert_eq!(addresses(Switch::On, "unix:///run/redis/redis.sock"), ["/run/redis/redis.sock"]);
    }

    #[test]
    fn the_password_goes_to_the_configured_server_only() {
        let servers = servers(&settings(Switch::Auto, "rediss://db.example")).expect("a good URL");
        let passwords: Vec<_> = servers.iter().map(|s| s.get_connection_info().redis_settings().password()).collect();
        assert_eq!(passwords, [Some("hush"), None]);
        assert_eq!(servers.iter().map(is_open_to_all).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_wrong_url_is_told_without_repeating_it() {
        for url in ["", "http://db.example", "redis://:hush@/x y", "redis://u:hush@0.0.0.0", "redis://db.example/one"] {
            let error = servers(&settings(Switch::On, url)).expect_err("a bad URL").to_string();
            assert!(error.starts_with("redis.url: ") && !error.contains("hush"), "{error}");
        }
    }
}
