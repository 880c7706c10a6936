//! Records to InfluxDB, as line protocol over HTTP: the write API of version 2, and that of 1.x.
//!
//! A point is named by its series and time, so writing one twice changes nothing.

mod answer;

use super::{Failure, Sink};
use crate::config::{self, InfluxApi};
use crate::event::Micros;
use crate::record::{Kind, Stored};
use crate::remote::sent::Sent;
use crate::remote::tls;
use crate::store::Follower;
use answer::Answer;
use influxdb2::RequestError;
use influxdb2::models::WriteDataPoint;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Certificate, Identity, RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;
use zeroize::Zeroizing;

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
    /// What must not come back in a log.
    sent: Sent,
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
        let sent = Sent::with_contents(Kind::ALL.map(|kind| format!("{},", kind.table())));
        let sent = settings.token.iter().chain(&settings.password).fold(sent, Sent::and_secret);
        Influx { settings, carrier: None, http: None, goes_well: false, sent }
    }

    /// Whether the server would take records, as far as that can be known without writing one: has it write a comment,
    /// for which it looks at the login and, but for InfluxDB 3, at the bucket.
    pub async fn check(&mut self) -> Result<(), Failure> {
        match self.post("# seclyzer doctor\n".into()).await? {
            Some(answer) if !answer.is_empty_request() => Err(answer.judge(&self.sent)),
            _ => Ok(()),
        }
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
            let builder = influxdb2::ClientBuilder::with_builder(self.http(&url)?, url, &self.settings.org, token);
            self.carrier = Some(builder.gzip(true).build().map_err(|error| Failure::Refused(error.to_string()))?);
        }
        let carrier = self.carrier.as_ref().expect("made above");
        let body = futures_util::stream::iter([Lines(lines)]);
        carrier.write(&self.settings.bucket, body).await.map_err(|error| match error {
            RequestError::Http { status, text } => {
                Answer { status, retry_after: None, body: clipped(text) }.judge(&self.sent)
            }
            RequestError::ReqwestProcessing { source } => self.unanswered(source),
            other => Failure::Unreachable(self.sent.reason("", &other.to_string())),
        })
    }

    /// Makes the request with our own hands; the answer, if it is not that the lines are written.
    async fn post(&mut self, lines: String) -> Result<Option<Answer>, Failure> {
        let url = self.url()?;
        if self.http.is_none() {
            self.http = Some(self.http(&url)?.build().map_err(|error| self.unanswered(error))?);
        }
        let client = self.http.as_ref().expect("made above");
        let request = self.request(client, url).body(lines).build().map_err(|error| self.unanswered(error))?;
        if let Some((_, login)) = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()?.split_once(' ')) {
            self.sent.add(login);
        }
        let mut response = client.execute(request).await.map_err(|error| self.unanswered(error))?;
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = beginning(&mut response).await;
        Ok(Some(Answer { status, retry_after: retry_after.map(Duration::from_secs), body }))
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
                let mut request = client.post(url).query(&[("bucket", settings.bucket.as_str()), ("precision", "ns")]);
                if !settings.org.is_empty() {
                    request = request.query(&[("org", settings.org.as_str())]);
                }
                match &settings.token {
                    Some(token) => request.header(AUTHORIZATION, format!("Token {}", token.expose())),
                    None => request,
                }
            }
        }
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
        match tls::refusal(&text, &self.settings.tls) {
            Some(what) => Failure::Refused(self.sent.reason(what, &text)),
            None if error.is_builder() => Failure::Refused(self.sent.reason("", &text)),
            None => Failure::Unreachable(self.sent.reason("no answer", &text)),
        }
    }

    /// A client for a server that answers in time and by itself: no redirection, no proxy, one connection that is kept.
    /// Certificates are read only where the URL asks for TLS.
    fn http(&self, url: &Url) -> Result<reqwest::ClientBuilder, Failure> {
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
        if url.scheme() != "https" {
            return Ok(builder);
        }
        let files = self.settings.tls.read().map_err(|error| Failure::Refused(format!("influx.{error}")))?;
        let unusable = |error: reqwest::Error| Failure::Refused(error.to_string());
        let authorities = match files.ca {
            Some(ca) => Certificate::from_pem_bundle(&ca).map_err(unusable)?,
            None => {
                let certificates = rustls_native_certs::load_native_certs().certs;
                certificates.iter().map(|c| Certificate::from_der(c)).collect::<Result<_, _>>().map_err(unusable)?
            }
        };
        for authority in authorities {
            builder = builder.add_root_certificate(authority);
        }
        if let Some(identity) = files.identity {
            let pem = Zeroizing::new([&identity.key[..], b"\n", &identity.cert[..]].concat());
            builder = builder.identity(Identity::from_pem(&pem).map_err(unusable)?);
        }
        Ok(builder)
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

fn clipped(text: String) -> String {
    text.chars().take(LONGEST_ANSWER).collect()
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
        let outcome = match is_carried {
            true => self.carry(lines).await,
            false => self.post(lines).await.and_then(|answer| answer.map_or(Ok(()), |a| Err(a.judge(&self.sent)))),
        };
        self.goes_well = outcome.is_ok();
        let is_shut_out = matches!(outcome, Err(Failure::Unreachable(_) | Failure::Refused(_)));
        if is_shut_out && !self.settings.tls.is_empty() {
            // The next client is made with the files as they are then.
            (self.carrier, self.http) = (None, None);
        }
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
            tls: config::Tls::default(),
        })
    }

    #[test]
    fn a_url_of_another_scheme_is_refused() {
        for url in ["", "localhost:8086", "unix:///run/influx.sock", "http://"] {
            assert!(matches!(influx(url).url(), Err(Failure::Refused(_))), "{url}");
        }
    }
}
