//! Records to InfluxDB, as line protocol over HTTP: the write API of version 2, and that of 1.x.
//!
//! A point is named by its series and time, so writing one twice changes nothing.

use super::{Failure, Sink};
use crate::config::{self, InfluxApi};
use crate::event::Micros;
use crate::record::Stored;
use crate::remote::printable;
use crate::store::Follower;
use influxdb2::RequestError;
use influxdb2::models::WriteDataPoint;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Certificate, RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first byte of the request to the last of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Nanoseconds since 1970 fit into 64 bits up to here.
pub const LATEST_US: Micros = i64::MAX / 1000;
/// What is read of an answer; it is an error's text at most.
const LONGEST_ANSWER: usize = 4096;

pub struct Influx {
    settings: config::Influx,
    /// What carries records to version 2. Either client is made when it is needed first.
    carrier: Option<influxdb2::Client>,
    http: Option<reqwest::Client>,
    /// influxdb2 hides an answer's headers, Retry-After among them, and reads an error's text without a bound. So it
    /// carries while all goes well; the first delivery, and those after a failure, we make with our own hands.
    goes_well: bool,
}

/// Lines of line protocol, each with its line break.
struct Lines(String);

impl WriteDataPoint for Lines {
    fn write_data_point_to<W: std::io::Write>(&self, mut writer: W) -> std::io::Result<()> {
        writer.write_all(self.0.as_bytes())
    }
}

impl Influx {
    /// Connects to nothing yet.
    pub fn new(settings: config::Influx) -> Influx {
        Influx { settings, carrier: None, http: None, goes_well: false }
    }

    /// Whether the server would take records: has it write a comment.
    pub async fn check(&mut self) -> Result<(), Failure> {
        self.post("# seclyzer doctor\n".into()).await
    }

    fn url(&self) -> Result<Url, Failure> {
        match Url::parse(&self.settings.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(Failure::Refused("influx.url is not http://host:port or https://host:port".into())),
        }
    }

    /// Has influxdb2 write the lines, compressed.
    async fn carry(&mut self, lines: String) -> Result<(), Failure> {
        if self.carrier.is_none() {
            let url = self.url()?;
            let token = self.settings.token.as_ref().map_or("", |token| token.expose());
            let builder = influxdb2::ClientBuilder::with_builder(http(&url)?, url, &self.settings.org, token);
            self.carrier = Some(builder.gzip(true).build().map_err(|error| Failure::Refused(error.to_string()))?);
        }
        let carrier = self.carrier.as_ref().expect("made above");
        let body = futures_util::stream::iter([Lines(lines)]);
        carrier.write(&self.settings.bucket, body).await.map_err(|error| match error {
            RequestError::Http { status, text } => self.answered(status, None, &text),
            RequestError::ReqwestProcessing { source } => self.unanswered(source),
            other => Failure::Unreachable(self.printable(&other.to_string())),
        })
    }

    /// Makes the request with our own hands.
    async fn post(&mut self, lines: String) -> Result<(), Failure> {
        let url = self.url()?;
        if self.http.is_none() {
            self.http = Some(http(&url)?.build().map_err(|error| self.unanswered(error))?);
        }
        let client = self.http.as_ref().expect("made above");
        let request = self.request(client, url).body(lines);
        let mut response = request.send().await.map_err(|error| self.unanswered(error))?;
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let text = beginning(&mut response).await;
        Err(self.answered(status, retry_after.map(Duration::from_secs), &text))
    }

    fn request(&self, client: &reqwest::Client, mut url: Url) -> RequestBuilder {
        let settings = &self.settings;
        match settings.api {
            InfluxApi::V1 => {
                url.set_path(&format!("{}/write", url.path().trim_end_matches('/')));
                let request = client.post(url).query(&[("db", settings.bucket.as_str()), ("precision", "ns")]);
                if settings.username.is_empty() {
                    return request;
                }
                request.basic_auth(&settings.username, settings.password.as_ref().map(|password| password.expose()))
            }
            InfluxApi::V2 => {
                url.set_path("/api/v2/write");
                let request = client.post(url).query(&[
                    ("bucket", settings.bucket.as_str()),
                    ("org", settings.org.as_str()),
                    ("precision", "ns"),
                ]);
                match &settings.token {
                    Some(token) => request.header(AUTHORIZATION, format!("Token {}", token.expose())),
                    None => request,
                }
            }
        }
    }

    fn answered(&self, status: StatusCode, retry_after: Option<Duration>, text: &str) -> Failure {
        judge(status, retry_after, self.printable(&format!("{status}: {text}")))
    }

    fn unanswered(&self, error: reqwest::Error) -> Failure {
        // The URL names the organisation and the database, and says nothing that the configuration does not.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        let text = self.printable(&text);
        if error.is_builder() { Failure::Refused(text) } else { Failure::Unreachable(text) }
    }

    fn printable(&self, text: &str) -> String {
        let secrets = self.settings.token.iter().chain(&self.settings.password);
        printable(text, &secrets.collect::<Vec<_>>())
    }
}

/// What an answer other than "written" means.
fn judge(status: StatusCode, retry_after: Option<Duration>, reason: String) -> Failure {
    match status.as_u16() {
        422 => Failure::Outdated(reason),
        400 if reason.contains("retention policy") => Failure::Outdated(reason),
        400 | 413 => Failure::Rejected(reason),
        429 | 503 => Failure::Busy { reason, retry_after },
        408 | 500..=599 => Failure::Unreachable(reason),
        _ => Failure::Refused(reason),
    }
}

/// The first bytes of an answer's body, or what came of them before the connection broke.
async fn beginning(response: &mut Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ANSWER {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        bytes.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - bytes.len())]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A client for a server that answers in time and by itself: no redirection, no proxy, one connection that is kept. The
/// system's certificates are read only where the URL asks for TLS.
fn http(url: &Url) -> Result<reqwest::ClientBuilder, Failure> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .pool_max_idle_per_host(1)
        // Its timer would tick on an idle machine.
        .pool_idle_timeout(None)
        .tls_built_in_root_certs(false);
    if url.scheme() == "https" {
        for certificate in rustls_native_certs::load_native_certs().certs {
            let certificate = Certificate::from_der(&certificate).map_err(|e| Failure::Refused(e.to_string()))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder)
}

impl Sink for Influx {
    const FOLLOWER: Follower = Follower::Influx;
    // About 70 KiB of lines.
    const LARGEST_BATCH: usize = 16;

    async fn deliver(&mut self, batch: &[Stored]) -> Result<(), Failure> {
        if batch.iter().any(|stored| stored.entry.record.window_end_us > LATEST_US) {
            return Err(Failure::Outdated("after the year 2262, which InfluxDB does not know".into()));
        }
        let mut lines = String::new();
        for stored in batch {
            stored.entry.write_line(&mut lines);
        }
        let is_carried = self.goes_well && self.settings.api == InfluxApi::V2;
        let outcome = if is_carried { self.carry(lines).await } else { self.post(lines).await };
        self.goes_well = outcome.is_ok();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secret, Switch};

    fn influx(url: &str) -> Influx {
        Influx::new(config::Influx {
            enabled: Switch::On,
            api: InfluxApi::V2,
            url: url.into(),
            token: Some(Secret::new("t0ken")),
            org: "org".into(),
            bucket: "bucket".into(),
            username: String::new(),
            password: Some(Secret::new("pa55")),
        })
    }

    #[test]
    fn an_answer_says_whether_to_come_back_to_give_up_or_to_mend_the_configuration() {
        let judged = |status| judge(StatusCode::from_u16(status).expect("a status"), None, String::new());
        for status in [400, 413] {
            assert!(matches!(judged(status), Failure::Rejected(_)), "{status}");
        }
        assert!(matches!(judged(422), Failure::Outdated(_)));
        let partial = "partial write: points beyond retention policy dropped=3";
        assert!(matches!(judge(StatusCode::BAD_REQUEST, None, partial.into()), Failure::Outdated(_)));
        for status in [429, 503] {
            assert!(matches!(judged(status), Failure::Busy { .. }), "{status}");
        }
        for status in [408, 500, 502, 504] {
            assert!(matches!(judged(status), Failure::Unreachable(_)), "{status}");
        }
        // Also 200: InfluxDB says 204, so this is something else that answers to everything.
        for status in [200, 301, 401, 403, 404, 405] {
            assert!(matches!(judged(status), Failure::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_server_that_repeats_our_secrets_does_not_get_them_into_the_log() {
        let failure = influx("http://localhost").answered(StatusCode::UNAUTHORIZED, None, "Token t0ken, pa55\nERROR");
        assert_eq!(failure.to_string(), "401 Unauthorized: Token ***, *** ERROR");
    }

    #[test]
    fn a_url_of_another_scheme_is_refused() {
        for url in ["", "localhost:8086", "unix:///run/influx.sock", "http://"] {
            assert!(matches!(influx(url).url(), Err(Failure::Refused(_))), "{url}");
        }
    }
}
