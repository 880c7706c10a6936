//! Secrets that a network would get to see.

use super::Config;
use std::net::IpAddr;
use url::Url;

impl Config {
    /// Each key whose secret goes unencrypted to another machine, and the key of the URL that has it go there.
    pub fn secrets_in_plain_text(&self) -> Vec<(&'static str, &'static str)> {
        let redis = self.redis.is_used() && is_exposed(&self.redis.url);
        let influx = self.influx.is_on() && is_exposed(&self.influx.url);
        [
            (redis && self.redis.password.is_some(), "redis.password", "redis.url"),
            (influx && self.influx.token.is_some(), "influx.token", "influx.url"),
            (influx && self.influx.password.is_some(), "influx.password", "influx.url"),
        ]
        .into_iter()
        .filter_map(|(is_told, secret, url)| is_told.then_some((secret, url)))
        .collect()
    }
}

/// Whether what is sent to this URL can be read on the way.
fn is_exposed(url: &str) -> bool {
    Url::parse(url)
        .is_ok_and(|url| matches!(url.scheme(), "redis" | "http") && !url.host_str().is_some_and(is_loopback))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_exposed;

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_exposed() {
        for url in ["redis://db.example:6379", "http://192.0.2.1:8086", "http://[2001:db8::1]", "redis://127.example"] {
            assert!(is_exposed(url), "{url}");
        }
        for url in [
            "rediss://db.example",
            "https://db.example",
            "redis://localhost/2",
            "redis://127.0.0.1:6379",
            "http://127.3.2.1:8086",
            "redis://[::1]:6379",
            "http://[::1]",
            "unix:///run/redis.sock",
            "",
        ] {
            assert!(!is_exposed(url), "{url}");
        }
    }
}
