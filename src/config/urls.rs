//! URLs of the servers: checked, and without the login. An error never repeats the URL, which may hold a password.

use super::Secret;
use super::value::printable;
use percent_encoding::percent_decode_str;
use std::net::{IpAddr, Ipv6Addr};
use url::{Host, ParseError, Url};

const REDIS_RIGHT: &str = "redis://host:port/db, rediss://host:port/db or unix:///path";
const INFLUX_RIGHT: &str = "http://host:8086 or https://host:8086";

/// A Redis URL and the login that stood in it.
#[derive(Debug)]
pub struct RedisUrl {
    pub url: String,
    pub username: Option<String>,
    pub password: Option<Secret>,
}

/// Checks the URL of a Redis server and takes the login out of it.
pub fn redis(text: &str) -> Result<RedisUrl, String> {
    let url = parse(text, REDIS_RIGHT)?;
    let parts = match url.scheme() {
        "redis" | "rediss" => redis_over_tcp(url),
        "unix" => redis_over_socket(&url),
        _ => Err("unknown scheme".to_owned()),
    };
    parts.map_err(|problem| format!("{problem}; {REDIS_RIGHT}"))
}

fn redis_over_tcp(mut url: Url) -> Result<RedisUrl, String> {
    require_host(&url)?;
    require_database_number(url.path().trim_start_matches('/'))?;
    if url.fragment().is_some() || !url.query_pairs().all(|(name, value)| is_protocol(&name, &value)) {
        return Err("something after the database's number that has no meaning".into());
    }
    let username = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?.flatten();
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| "no host")?;
    Ok(RedisUrl { url: url.into(), username, password: password.map(Secret::new) })
}

fn redis_over_socket(url: &Url) -> Result<RedisUrl, String> {
    if url.has_host() || url.path().trim_matches('/').is_empty() {
        return Err("no path of a socket".into());
    }
    let (mut username, mut password, mut rest) = (None, None, Vec::new());
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "user" => username = Some(printable(&value)?.to_owned()),
            "pass" => password = Some(Secret::new(printable(&value)?)),
            "db" => {
                require_database_number(&value)?;
                rest.push(format!("db={value}"));
            }
            _ if is_protocol(&name, &value) => rest.push(format!("protocol={value}")),
            _ => return Err("something after the path that has no meaning".into()),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    Ok(RedisUrl { url: format!("unix://{}{query}", url.path()), username, password })
}

/// The URL with another host; a socket's URL becomes one of the usual port.
pub fn with_host(url: &str, host: &str) -> Result<String, String> {
    let wrong = || "not a host; a name or an IP address".to_owned();
    let mut url = over_tcp(url)?;
    match host.parse::<Ipv6Addr>() {
        Ok(address) => url.set_ip_host(IpAddr::V6(address)).map_err(|()| wrong())?,
        // Told apart by hand: whatever else stood here would become another part of the URL.
        Err(_) if host.contains(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)) => return Err(wrong()),
        Err(_) => url.set_host(Some(host)).map_err(|_| wrong())?,
    }
    require_host(&url)?;
    Ok(url.into())
}

/// The URL with another port.
pub fn with_port(url: &str, port: &str) -> Result<String, String> {
    let wrong = "not a port; a whole number from 1 to 65535";
    let port: u16 = port.parse().ok().filter(|&port| port > 0).ok_or(wrong)?;
    let mut url = over_tcp(url)?;
    url.set_port(Some(port)).map_err(|()| wrong)?;
    Ok(url.into())
}

fn over_tcp(url: &str) -> Result<Url, String> {
    let url = if url.starts_with("unix:") { "redis://127.0.0.1:6379" } else { url };
    parse(url, REDIS_RIGHT)
}

/// Checks the URL of an InfluxDB server; without a slash at its end.
pub fn influx(text: &str) -> Result<String, String> {
    let url = parse(text, INFLUX_RIGHT)?;
    let check = || {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("unknown scheme".to_owned());
        }
        require_host(&url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a login in the URL, where influx.username and influx.password would keep it".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("something after the path that has no meaning".into());
        }
        Ok(())
    };
    check().map_err(|problem| format!("{problem}; {INFLUX_RIGHT}"))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the URL of an InfluxDB server, as it was checked, goes on behind host and port.
pub fn has_path(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.path() != "/")
}

fn parse(text: &str, right: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        let problem = match error {
            ParseError::InvalidPort => "the port is no number from 1 to 65535",
            ParseError::EmptyHost => "no host",
            ParseError::RelativeUrlWithoutBase => "no scheme",
            _ => "not a URL",
        };
        format!("{problem}; {right}")
    })?;
    if url.port() == Some(0) {
        return Err(format!("the port is no number from 1 to 65535; {right}"));
    }
    Ok(url)
}

fn require_host(url: &Url) -> Result<(), String> {
    match url.host() {
        None | Some(Host::Domain("")) => Err("no host".into()),
        // For the scheme `redis` the parser leaves an IPv4 address a name.
        Some(host) if host.to_string().parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) => {
            Err("0.0.0.0 is no address to connect to".into())
        }
        Some(Host::Ipv6(address)) if address.is_unspecified() => Err(":: is no address to connect to".into()),
        Some(_) => Ok(()),
    }
}

fn is_protocol(name: &str, value: &str) -> bool {
    name == "protocol" && matches!(value, "2" | "resp2" | "3" | "resp3")
}

fn require_database_number(text: &str) -> Result<(), String> {
    if text.is_empty() || text.parse::<u32>().is_ok() { Ok(()) } else { Err("the database is no number".into()) }
}

fn decoded(text: &str) -> Result<Option<String>, String> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| "a login that is not UTF-8")?;
    Ok(Some(printable(&text)?.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::IntoConnectionInfo;

    #[test]
    fn a_redis_url_that_is_accepted_suits_the_client() {
        for text in [
            "redis://localhost",
            "redis://user:p%40ss@[::1]:6380/3?protocol=resp3",
            "rediss://redis.example:6380/0",
            "unix:///run/redis/redis.sock?db=2&pass=hunter2",
        ] {
            let url = redis(text).expect(text).url;
            assert!(url.as_str().into_connection_info().is_ok(), "{text} became {url}");
        }
    }

    #[test]
    fn a_login_is_taken_out_of_a_redis_url() {
        for text in ["redis://me:p%40ss+1@h:1/2", "unix:///run/r.sock?user=me&pass=p%40ss%2B1&db=2"] {
            let parts = redis(text).expect(text);
            assert_eq!(parts.username.as_deref(), Some("me"));
            assert_eq!(parts.password.map(|p| p.expose().to_owned()).as_deref(), Some("p@ss+1"));
            assert!(parts.url == "redis://h:1/2" || parts.url == "unix:///run/r.sock?db=2", "{}", parts.url);
        }
    }

    #[test]
    fn host_and_port_are_replaced_and_the_rest_stays() {
        assert_eq!(with_host("rediss://a:1/2", "b").as_deref(), Ok("rediss://b:1/2"));
        assert_eq!(with_host("redis://a:1/2", "::1").as_deref(), Ok("redis://[::1]:1/2"));
        assert_eq!(with_port("redis://a/2", "6400").as_deref(), Ok("redis://a:6400/2"));
        assert_eq!(with_host("unix:///run/r.sock", "b").as_deref(), Ok("redis://b:6379"));
    }

    #[test]
    fn a_host_that_would_change_another_part_of_the_url_is_refused() {
        for host in ["a:1", "user@a", "a/2", "a b", "", "0.0.0.0", "::"] {
            assert!(with_host("redis://h", host).is_err(), "{host}");
        }
    }

    #[test]
    fn an_influx_url_loses_its_last_slash_and_keeps_its_path() {
        assert_eq!(influx("http://h:8086/").as_deref(), Ok("http://h:8086"));
        assert_eq!(influx("https://h/influx/").as_deref(), Ok("https://h/influx"));
    }
}
