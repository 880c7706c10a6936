//! The clients of the status socket, and what they are answered.
//!
//! A client may send one line ([`Request`]). One that sends none within 100 ms, or ends its half of the connection, is
//! answered the status, as JSON. The answer to any other request is a line of JSON: `{"done":"…"}`, `{"refused":"…"}`,
//! `{"checked":{…}}`, or `{"model_bytes":N}`, after which N bytes of a saved model follow. Whoever watches gets a line of
//! JSON for each score and decision, or each second.

pub use super::request::{BadRequest, MODEL_BYTES, Model, Request, read};
use super::status::{ANSWER_LIMIT, Status, StatusSocket, accept};
use crate::recognition::State;
use serde::{Deserialize, Serialize};
use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Clients that are read or answered at a time. The others wait in the kernel, and so is the memory for models bounded.
const CLIENTS: usize = 4;

/// What the agent answers.
#[derive(Debug)]
pub enum Answer {
    Status(Box<Status>),
    Checked(Checked),
    /// What was done, in words.
    Done(String),
    /// Why it was not, and what to do.
    Refused(String),
    Model(Model),
}

/// Who is at the machine, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// `None`: recognition is off.
    pub state: Option<State>,
    /// Nothing is captured at present, by the owner's word.
    pub paused: bool,
    /// Seconds since input, whoever's, was last judged, in steps of five, rounded up; 0 while an interval with input is open; `None`: none was since the agent started.
    pub judged_s_ago: Option<u64>,
}

/// The line that begins an answer, but for the status.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    Checked(Checked),
    Done(String),
    Refused(String),
    ModelBytes(usize),
}

/// The process at the other end, as the kernel knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub pid: u32,
    pub uid: u32,
}

/// A client that waits for its answer.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    pub peer: Peer,
    /// Given back once it is answered.
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// A client that waits for nobody's place.
    #[cfg(test)]
    pub fn over(stream: UnixStream, peer: Peer) -> Client {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a place");
        Client { stream, peer, _place: place }
    }

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

    /// Completes once the client has closed the connection. One that has only ended its own half still waits for its
    /// answer.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        // Watched by a descriptor of its own: whether this one can be written to stays known to who answers.
        let watched = self.stream.as_fd().try_clone_to_owned();
        async move {
            let watched = watched.and_then(|watched| UnixStream::from_std(watched.into()));
            // Out of descriptors, say: then the question lasts as long as it lasts.
            let Ok(watched) = watched else { return pending().await };
            while let Ok(ready) = watched.ready(Interest::WRITABLE).await {
                if ready.is_write_closed() {
                    return;
                }
                // So that the next change is waited for.
                let _ = watched.try_io(Interest::WRITABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            }
        }
    }

    /// The connection alone, for somebody who stays: the place is for the next client.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    async fn send(&mut self, answer: Answer) -> io::Result<()> {
        let (head, model) = match answer {
            Answer::Status(status) => return self.stream.write_all(&serde_json::to_vec(&status)?).await,
            Answer::Checked(checked) => (Head::Checked(checked), None),
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
            Ok(place) => {
                let (stream, peer) = accept(socket).await;
                Client { stream, peer, _place: place }
            }
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
