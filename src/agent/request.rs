//! What a client of the status socket may ask for: one line.

use crate::event::Micros;
use crate::recognition::Modality;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
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
    /// Who is at the machine.
    Check,
    /// To be told the status each second from now on.
    Follow,
    /// To be told of each score and decision from now on.
    Watch,
    /// The owner's answer to an alarm: it was the owner.
    Confirm,
    /// Nothing is judged or learnt until then.
    Guest {
        until_us: Micros,
    },
    /// The guest has gone.
    EndGuest,
    /// Nothing is captured until then.
    Pause {
        until_us: Micros,
    },
    Resume,
    /// To lock the session, and say which steps were tried.
    TestLock,
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
            Request::Guest { until_us } => format!("guest {until_us}\n"),
            Request::Pause { until_us } => format!("pause {until_us}\n"),
            Request::Import(Model(model)) => format!("model import {}\n", model.len()),
            request => {
                let (word, _) = WORDS.iter().find(|(_, known)| known == request).expect("each has its word");
                format!("{word}\n")
            }
        }
    }

    /// Whether it speaks for the owner, or would have the agent forget him: where the session is locked, whoever has just
    /// sat down at an open machine would ask for it first.
    pub fn speaks_for_the_owner(&self) -> bool {
        matches!(
            self,
            Request::Confirm | Request::Guest { .. } | Request::Pause { .. } | Request::Forget(_) | Request::Import(_)
        )
    }
}

/// Requests without a number.
static WORDS: [(&str, Request); 12] = [
    ("status", Request::Status),
    ("status follow", Request::Follow),
    ("check", Request::Check),
    ("watch", Request::Watch),
    ("model confirm", Request::Confirm),
    ("model forget keys", Request::Forget(Modality::Keys)),
    ("model forget mouse", Request::Forget(Modality::Mouse)),
    ("model forget all", Request::Forget(Modality::Both)),
    ("model export", Request::Export),
    ("guest off", Request::EndGuest),
    ("resume", Request::Resume),
    ("lock test", Request::TestLock),
];

/// Why a request is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    #[error(
        "unknown request; known are `status`, `status follow`, `check`, `watch`, `model confirm`, `model forget keys|mouse|all`, \
         `model export`, `model import BYTES`, `guest UNTIL_US|off`, `pause UNTIL_US`, `resume` and `lock test`. Is the agent of the same version as the command? If not, restart it"
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
        if let Some((_, request)) = WORDS.iter().find(|(word, _)| word.as_bytes() == line) {
            return Ok(Line::Whole(request.clone()));
        }
        let (word, number) = numbered(line).ok_or(BadRequest::Unknown)?;
        match word {
            b"guest" => Ok(Line::Whole(Request::Guest { until_us: number.parse().map_err(|_| BadRequest::Unknown)? })),
            b"pause" => Ok(Line::Whole(Request::Pause { until_us: number.parse().map_err(|_| BadRequest::Unknown)? })),
            b"model import" => match number.parse() {
                Ok(bytes) if bytes <= MODEL_BYTES => Ok(Line::Import { bytes }),
                _ => Err(BadRequest::TooLarge),
            },
            _ => Err(BadRequest::Unknown),
        }
    }
}

/// The words of a line and the whole number at its end.
fn numbered(line: &[u8]) -> Option<(&[u8], &str)> {
    let space = line.iter().rposition(|&byte| byte == b' ')?;
    let (word, number) = (&line[..space], &line[space + 1..]);
    let is_number = number.first().is_some_and(|&first| first != b'0') && number.iter().all(u8::is_ascii_digit);
    Some((word, str::from_utf8(number).ok().filter(|_| is_number)?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

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
        let timed = [Request::Guest { until_us: 1 }, Request::Pause { until_us: i64::MAX }];
        for request in WORDS.iter().map(|(_, request)| request.clone()).chain(timed) {
            let line = request.line();
            assert_eq!(read_whole(line.as_bytes()), Ok(request.clone()));
            assert_eq!(read_whole(line.trim_end().as_bytes()), Ok(request));
        }
        assert_eq!(read_whole(b"model import 2\n{}"), Ok(import(b"{}")));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = [b'x'; LINE_BYTES + 1];
        let unknown: [&[u8]; 18] = [
            b"guest",
            b"guest 0",
            b"guest -1",
            b"guest 99999999999999999999",
            b"pause off",
            b"resume 1",
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
