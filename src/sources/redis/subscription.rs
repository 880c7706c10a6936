//! One connection that listens on one channel, read no faster than its messages are taken.
//!
//! The redis crate queues messages without a bound: a million that came fast took 250 MB. So this reads the little of
//! RESP2 that a subscriber needs. What is not taken waits in Redis, which has a limit for slow subscribers.

use crate::remote::redis::{Server, unusable};
use redis::{Cmd, ConnectionAddr, ErrorKind, RedisError, RedisResult};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// Longer messages are passed over without being kept.
const LONGEST_MESSAGE: usize = 4096;
/// What is read at once: some hundred messages.
const BUFFER: usize = 16 * 1024;
/// A length, a status or an error's text.
const LONGEST_LINE: u64 = 512;

/// A connection, over whatever it goes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Subscription {
    stream: BufReader<Box<dyn Stream>>,
    text: Vec<u8>,
}

impl Subscription {
    /// Connects, logs in and subscribes.
    pub async fn open(server: &Server, channel: &str) -> RedisResult<Subscription> {
        Subscription::over(dial(server).await?, server, channel).await
    }

    /// Logs in and subscribes on a connection that is there.
    pub async fn over(stream: Box<dyn Stream>, server: &Server, channel: &str) -> RedisResult<Subscription> {
        let mut subscription = Subscription { stream: BufReader::with_capacity(BUFFER, stream), text: Vec::new() };
        let login = server.login();
        if let Some(password) = login.password() {
            subscription.send(redis::cmd("AUTH").arg(login.username()).arg(password)).await?;
            subscription.line(b'+').await?;
        }
        subscription.send(redis::cmd("SUBSCRIBE").arg(channel)).await?;
        subscription.number(b'*').await?;
        for _ in ["subscribe", channel] {
            subscription.text().await?;
        }
        subscription.number(b':').await?;
        Ok(subscription)
    }

    /// The next message; `None` for one that is longer than any event.
    pub async fn next(&mut self) -> RedisResult<Option<&[u8]>> {
        if self.take_received() {
            return Ok(Some(&self.text));
        }
        self.number(b'*').await?;
        for _ in ["message", "its channel"] {
            self.text().await?;
        }
        self.text().await
    }

    /// The next message, if all of it was received already: for this nobody has to wait.
    pub fn next_received(&mut self) -> Option<&[u8]> {
        self.take_received().then_some(&self.text)
    }

    /// Takes a whole message out of what was received. Whatever is not as usual is left to who reads piece by piece.
    fn take_received(&mut self) -> bool {
        let received = self.stream.buffer();
        let Some((message, rest)) = split_message(received) else { return false };
        let length = received.len() - rest.len();
        self.text.clear();
        self.text.extend_from_slice(message);
        self.stream.consume(length);
        true
    }

    async fn send(&mut self, command: &Cmd) -> RedisResult<()> {
        self.stream.write_all(&command.get_packed_command()).await?;
        Ok(self.stream.flush().await?)
    }

    async fn text(&mut self) -> RedisResult<Option<&[u8]>> {
        let length = self.number(b'$').await?;
        // With its line end.
        let mut framed = (&mut self.stream).take(length.saturating_add(2));
        self.text.clear();
        if length > LONGEST_MESSAGE as u64 {
            tokio::io::copy(&mut framed, &mut tokio::io::sink()).await?;
        } else {
            framed.read_to_end(&mut self.text).await?;
        }
        if framed.limit() > 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(self.text.strip_suffix(b"\r\n"))
    }

    /// The number in the next line, which must begin with this mark.
    async fn number(&mut self, mark: u8) -> RedisResult<u64> {
        let line = self.line(mark).await?;
        let number = std::str::from_utf8(&line[1..]).ok().and_then(|number| number.trim_end().parse().ok());
        number.ok_or_else(strange)
    }

    async fn line(&mut self, mark: u8) -> RedisResult<&[u8]> {
        self.text.clear();
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut self.text).await?;
        match self.text.first() {
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Some(b'-') => Err(redis::parse_redis_value(&self.text)?.extract_error().err().unwrap_or_else(strange)),
            Some(first) if *first == mark => Ok(&self.text),
            Some(_) => Err(strange()),
        }
    }
}

/// The text of the message that these bytes begin with, and what is behind it.
fn split_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_kind, rest) = split_text(bytes.strip_prefix(b"*3\r\n")?)?;
    let (_channel, rest) = split_text(rest)?;
    split_text(rest)
}

fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let bytes = bytes.strip_prefix(b"$")?;
    let digits = bytes.iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
    let length = bytes[..digits].iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    if digits == 0 || length > LONGEST_MESSAGE {
        return None;
    }
    let (text, rest) = bytes[digits..].strip_prefix(b"\r\n")?.split_at_checked(length)?;
    Some((text, rest.strip_prefix(b"\r\n")?))
}

fn strange() -> RedisError {
    (ErrorKind::Parse, "this is not a reply of Redis").into()
}

async fn dial(server: &Server) -> RedisResult<Box<dyn Stream>> {
    Ok(match server.place() {
        ConnectionAddr::Tcp(host, port) => Box::new(connect(host, *port).await?),
        ConnectionAddr::Unix(path) => Box::new(UnixStream::connect(path).await?),
        ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
            let config = tls(server)?;
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let stream = connect(host, *port).await?;
            Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
        }
        _ => return Err((ErrorKind::InvalidClientConfig, "addresses of this kind are not supported").into()),
    })
}

/// With the configured certificates, as they are now.
fn tls(server: &Server) -> RedisResult<ClientConfig> {
    server.install_cryptography();
    let files = server.tls().read().map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    match files.ca {
        Some(ca) => roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&ca).flatten()),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let Some(own) = files.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(&own.cert).flatten().collect();
    let key = PrivateKeyDer::from_pem_slice(&own.key).map_err(io::Error::other)?;
    Ok(builder.with_client_auth_cert(chain, key).map_err(io::Error::other)?)
}

/// Connects, and has the kernel notice when the other side is gone without a word.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    use nix::sys::socket::{setsockopt, sockopt};
    const IDLE_S: u32 = 60;
    let stream = TcpStream::connect((host, port)).await?;
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpKeepIdle, &IDLE_S)?;
    Ok(stream)
}
