//! What a client of the status socket asks for, and what it is answered.
//!
//! A client may send one line. One that sends none within 100 ms, or ends its half of the connection, is answered the
//! status, as JSON. The answer to any other request is a line of JSON: `{"done":"…"}`, `{"refused":"…"}`, or
//! `{"model_bytes":N}`, after which N bytes of a saved model follow.

use super::status::{ANSWER_LIMIT, Status, StatusSocket, accept};
use crate::recognition::Modality;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The longest line, its end included.
const LINE_BYTES: usize = 64;
/// The largest model: twenty times as large as one that has learnt for years.
pub const MODEL_BYTES: usize = crate::store::LARGEST_MODEL_BYTES;
/// Who has said nothing for so long asks for the status.
const SILENCE: Duration = Duration::from_millis(100);
/// Whoever has begun to speak has so long for all of it.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// Clients that are read or answered at a time. The others wait in the kernel, and so is the memory for models bounded.
const CLIENTS: usize = 4;

/// A saved model as it is sent: the JSON of the definition's state.
#[derive(Clone, PartialEq, Eq)]
pub struct Model(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Model(…)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Status,
    /// The owner's answer to an alarm: it was the owner.
    Confirm,
    /// What was learnt of the keys, of the mouse, or of both.
    Forget(Modality),
    Export,
    /// Replaces what was learnt. Whether it is a model is not known yet.
    Import(Model),
}

impl Request {
    /// The line by which a client asks for it; what an import has to send follows the line.
    pub fn line(&self) -> String {
        match self {
            Request::Status => "status\n".into(),
            Request::Confirm => "model confirm\n".into(),
            Request::Forget(modality) => format!("model forget {}\n", part(*modality)),
            Request::Export => "model export\n".into(),
            Request::Import(Model(model)) => format!("model import {}\n", model.len()),
        }
    }
}

/// As in requests.
fn part(modality: Modality) -> &'static str {
    match modality {
        Modality::Keys => "keys",
        Modality::Mouse => "mouse",
        Modality::Both => "all",
    }
}

/// Why a request is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    #[error(
        "unknown request; known are `status`, `model confirm`, `model forget keys|mouse|all`, `model export` and \
         `model import BYTES`. Is the agent of the same version as the command? If not, restart it"
    )]
    Unknown,
    #[error("the model is too large; at most {MODEL_BYTES} bytes")]
    TooLarge,
    #[error("something follows the request; one request a connection")]
    More,
    #[error("the request ends before its end; send as many bytes as it announces")]
    Cut,
    #[error("the request was not complete within {} s; send it at once", REQUEST_LIMIT.as_secs())]
    Late,
}

/// A line that is understood.
enum Line {
    Whole(Request),
    Import { bytes: usize },
}

impl Line {
    fn parse(line: &[u8]) -> Result<Line, BadRequest> {
        let request = match line {
            b"status" => Request::Status,
            b"model confirm" => Request::Confirm,
            b"model forget keys" => Request::Forget(Modality::Keys),
            b"model forget mouse" => Request::Forget(Modality::Mouse),
            b"model forget all" => Request::Forget(Modality::Both),
            b"model export" => Request::Export,
            _ => {
                let number = line.strip_prefix(b"model import ").ok_or(BadRequest::Unknown)?;
                if number.is_empty() || number[0] == b'0' || !number.iter().all(u8::is_ascii_digit) {
                    return Err(BadRequest::Unknown);
                }
                let bytes = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                return match bytes.filter(|&bytes| bytes <= MODEL_BYTES) {
                    Some(bytes) => Ok(Line::Import { bytes }),
                    None => Err(BadRequest::TooLarge),
                };
            }
        };
        Ok(Line::Whole(request))
    }
}

/// Reads one request.
pub async fn read(client: &mut (impl AsyncRead + Unpin)) -> Result<Request, BadRequest> {
    read_within(client, REQUEST_LIMIT).await
}

async fn read_within(client: &mut (impl AsyncRead + Unpin), limit: Duration) -> Result<Request, BadRequest> {
    let mut begun = Zeroizing::new([0; LINE_BYTES]);
    match timeout(SILENCE, client.read(&mut begun[..])).await {
        Ok(Ok(length)) if length > 0 => {
            timeout(limit, read_on(client, begun, length)).await.map_err(|_| BadRequest::Late)?
        }
        _ => Ok(Request::Status),
    }
}

/// Reads the rest of a request, of which so many bytes have arrived.
async fn read_on(
    client: &mut (impl AsyncRead + Unpin),
    mut begun: Zeroizing<[u8; LINE_BYTES]>,
    mut length: usize,
) -> Result<Request, BadRequest> {
    let end = loop {
        match begun[..length].iter().position(|&byte| byte == b'\n') {
            Some(end) => break end,
            None if length == LINE_BYTES => return Err(BadRequest::Unknown),
            None => match client.read(&mut begun[length..]).await {
                // A line may end with what is sent.
                Ok(0) | Err(_) => break length,
                Ok(more) => length += more,
            },
        }
    };
    let line = Line::parse(&begun[..end])?;
    let rest = begun.get(end + 1..length).unwrap_or_default();
    match line {
        Line::Whole(_) if !rest.is_empty() => Err(BadRequest::More),
        Line::Whole(request) => Ok(request),
        Line::Import { bytes } => read_model(client, rest, bytes).await,
    }
}

async fn read_model(client: &mut (impl AsyncRead + Unpin), begun: &[u8], bytes: usize) -> Result<Request, BadRequest> {
    // Made as large as it becomes: a vector that grows leaves its contents where it was.
    let mut model = Zeroizing::new(vec![0; bytes]);
    let (first, rest) = model.split_at_mut_checked(begun.len()).ok_or(BadRequest::More)?;
    first.copy_from_slice(begun);
    client.read_exact(rest).await.map_err(|_| BadRequest::Cut)?;
    Ok(Request::Import(Model(model)))
}

/// What the agent answers.
#[derive(Debug)]
pub enum Answer {
    Status(Box<Status>),
    /// What was done, in words.
    Done(String),
    /// Why it was not, and what to do.
    Refused(String),
    Model(Model),
}

/// The line that begins an answer, but for the status.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    Done(String),
    Refused(String),
    ModelBytes(usize),
}

/// A client that waits for its answer.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    /// Given back once it is answered.
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// Answers in a task of its own.
    pub fn answer(mut self, answer: Answer) {
        tokio::spawn(async move {
            // A client that has gone, or does not read, has lost interest.
            let _ = timeout(ANSWER_LIMIT, self.send(answer)).await;
        });
    }

    /// Answers once it is known what.
    pub fn answer_later(self, answer: impl Future<Output = Answer> + Send + 'static) {
        tokio::spawn(async move { self.answer(answer.await) });
    }

    async fn send(&mut self, answer: Answer) -> io::Result<()> {
        let (head, model) = match answer {
            Answer::Status(status) => return self.stream.write_all(&serde_json::to_vec(&status)?).await,
            Answer::Done(text) => (Head::Done(text), None),
            Answer::Refused(text) => (Head::Refused(text), None),
            Answer::Model(Model(model)) => (Head::ModelBytes(model.len()), Some(model)),
        };
        let head = serde_json::to_string(&head)? + "\n";
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(model.as_deref().map_or(&[], Vec::as_slice)).await
    }
}

/// The status socket with the clients whose requests are being read.
#[derive(Debug)]
pub struct Clients {
    socket: Option<StatusSocket>,
    places: Arc<Semaphore>,
    asking: mpsc::Sender<(Request, Client)>,
    asked: mpsc::Receiver<(Request, Client)>,
}

impl Clients {
    pub fn new(socket: Option<StatusSocket>) -> Clients {
        let (asking, asked) = mpsc::channel(CLIENTS);
        Clients { socket, places: Arc::new(Semaphore::new(CLIENTS)), asking, asked }
    }

    /// The next request that is understood; the others are answered here. Never, without a socket. Cancel-safe.
    pub async fn next(&mut self) -> (Request, Client) {
        loop {
            tokio::select! {
                Some(asked) = self.asked.recv() => return asked,
                client = Clients::accepted(self.socket.as_ref(), &self.places) => {
                    tokio::spawn(listen(client, self.asking.clone()));
                }
            }
        }
    }

    async fn accepted(socket: Option<&StatusSocket>, places: &Arc<Semaphore>) -> Client {
        match Arc::clone(places).acquire_owned().await {
            Ok(place) => Client { stream: accept(socket).await, _place: place },
            Err(_) => std::future::pending().await,
        }
    }
}

async fn listen(mut client: Client, asking: mpsc::Sender<(Request, Client)>) {
    match read(&mut client.stream).await {
        // The agent may have ended meanwhile.
        Ok(request) => drop(asking.send((request, client)).await),
        Err(error) => client.answer(Answer::Refused(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is read of these bytes, sent at once, with the half of the connection ended after them.
    fn read_whole(bytes: &[u8]) -> Result<Request, BadRequest> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(read(&mut &bytes[..]))
    }

    fn import(model: &[u8]) -> Request {
        Request::Import(Model(Zeroizing::new(model.to_vec())))
    }

    #[test]
    fn whoever_sends_nothing_asks_for_the_status() {
        assert_eq!(read_whole(b""), Ok(Request::Status));
    }

    #[test]
    fn a_request_is_read_as_it_is_written_with_or_without_the_line_s_end() {
        let forget = [Modality::Keys, Modality::Mouse, Modality::Both].map(Request::Forget);
        for request in [Request::Status, Request::Confirm, Request::Export].into_iter().chain(forget) {
            let line = request.line();
            assert_eq!(read_whole(line.as_bytes()), Ok(request.clone()));
            assert_eq!(read_whole(line.trim_end().as_bytes()), Ok(request));
        }
        assert_eq!(read_whole(b"model import 2\n{}"), Ok(import(b"{}")));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = [b'x'; LINE_BYTES + 1];
        let unknown: [&[u8]; 12] = [
            b"\n",
            b" status",
            b"status ",
            b"STATUS",
            b"status\r\n",
            b"model",
            b"model forget",
            b"model import",
            b"model import -1\n",
            b"model import 02\n{}",
            b"model import 2 \n{}",
            &long,
        ];
        for bytes in unknown {
            assert_eq!(read_whole(bytes), Err(BadRequest::Unknown), "{}", bytes.escape_ascii());
        }
        assert_eq!(read_whole(b"status\n\n"), Err(BadRequest::More));
        assert_eq!(read_whole(b"model export\nmodel export\n"), Err(BadRequest::More));
        assert_eq!(read_whole(b"model import 1\n{}"), Err(BadRequest::More));
        assert_eq!(read_whole(b"model import 3\n{}"), Err(BadRequest::Cut));
        assert_eq!(read_whole(b"model import 8388609\n"), Err(BadRequest::TooLarge));
        assert_eq!(read_whole(b"model import 99999999999999999999999\n"), Err(BadRequest::TooLarge));
    }

    #[test]
    fn a_model_is_never_shown() {
        assert_eq!(format!("{:?}", import(b"secret")), "Import(Model(…))");
    }

    #[tokio::test]
    async fn who_is_silent_asks_for_the_status_and_who_stops_in_between_is_refused() {
        let (mut silent, _open) = tokio::io::duplex(64);
        assert_eq!(read(&mut silent).await, Ok(Request::Status));
        let (mut client, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(b"model ex").await.expect("room");
        assert_eq!(read_within(&mut client, Duration::from_millis(50)).await, Err(BadRequest::Late));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_a_request_arrives(
            model in proptest::collection::vec(any::<u8>(), 1..200),
            piece in 1_usize..80,
        ) {
            let request = import(&model);
            let bytes = [request.line().as_bytes(), &model].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            let read = runtime.block_on(async {
                let (mut client, mut theirs) = tokio::io::duplex(piece);
                let send = async { theirs.write_all(&bytes).await };
                tokio::join!(read(&mut client), send).0
            });
            prop_assert_eq!(read, Ok(request));
        }
    }
}
