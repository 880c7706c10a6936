//! Asks the running agent, on its socket beside the database.

use super::Error;
use super::doctor::how_to_start;
use super::text::printable;
use super::text_agent::TextAgent;
use crate::act::Mode;
use crate::agent::control::{Checked, Head, MODEL_BYTES, Model, Request};
use crate::agent::decision_status::DecisionStatus;
use crate::agent::status::socket_path;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::getuid;
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// An agent that runs answers at once.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// One that asks a person for a password, or tries to lock the session, answers when that is done.
const PATIENT_LIMIT: Duration = Duration::from_secs(150);
/// Whoever asks who is at the machine may be letting somebody wait at a prompt.
const CHECK_LIMIT: Duration = Duration::from_millis(200);
/// A status, or the first line of another answer, is far shorter.
const TEXT_BYTES: u64 = 4 << 20;

/// What an agent answers to a request other than for its status.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    Checked(Checked),
    Done(String),
    Refused(String),
    Model(Model),
}

/// Why nobody has answered.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("no agent runs on {}. To start it: {}", .0.display(), how_to_start(.0))]
    NotRunning(PathBuf),
    #[error("the agent on {} does not answer", .0.display())]
    Silent(PathBuf),
    #[error("{} is another account's: run this as its owner, or name your own with --config", .0.display())]
    NotAllowed(PathBuf),
    #[error("the agent on {} ended before it answered", .0.display())]
    Ended(PathBuf),
    #[error("the agent on {} cannot be queried: {source}", database.display())]
    Failed { database: PathBuf, source: io::Error },
    #[error("the agent on {} gives an answer that is not understood; it may be of another version than this command: \
             restart it", .0.display())]
    NotUnderstood(PathBuf),
}

impl From<NoAnswer> for Error {
    fn from(error: NoAnswer) -> Error {
        Error::Unavailable(error.to_string())
    }
}

/// The status of the agent that writes to this database.
pub fn status(database: &Path) -> Result<Value, NoAnswer> {
    let ask = || -> io::Result<Vec<u8>> {
        let mut socket = Line::open(database, ANSWER_LIMIT)?;
        // An agent that knows no requests would not read one.
        socket.stream.shutdown(Shutdown::Write)?;
        let mut text = Vec::new();
        (&mut socket).take(TEXT_BYTES).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|error| no_answer(database, error))?;
    if text.is_empty() {
        return Err(NoAnswer::Ended(database.into()));
    }
    serde_json::from_slice(&text).map_err(|_| NoAnswer::NotUnderstood(database.into()))
}

/// Has the agent that writes to this database do something.
pub fn request(database: &Path, request: &Request) -> Result<Reply, NoAnswer> {
    let limit = match request {
        Request::Check => CHECK_LIMIT,
        Request::TestLock => PATIENT_LIMIT,
        request if request.speaks_for_the_owner() => PATIENT_LIMIT,
        _ => ANSWER_LIMIT,
    };
    let mut socket = Line::open(database, limit).map_err(|error| no_answer(database, error))?;
    // An agent that refuses a request does not read it to its end; it says why.
    let sent = send(&mut socket, request);
    let head = read_line(&mut socket).map_err(|error| no_answer(database, sent.err().unwrap_or(error)))?;
    if head.is_empty() {
        return Err(NoAnswer::Ended(database.into()));
    }
    match serde_json::from_slice(&head) {
        Ok(Head::Checked(checked)) => Ok(Reply::Checked(checked)),
        Ok(Head::Done(text)) => Ok(Reply::Done(printable(&text))),
        Ok(Head::Refused(text)) => Ok(Reply::Refused(printable(&text))),
        Ok(Head::ModelBytes(bytes)) if bytes <= MODEL_BYTES => {
            let mut model = Zeroizing::new(vec![0; bytes]);
            socket.read_exact(&mut model).map_err(|error| no_answer(database, error))?;
            Ok(Reply::Model(Model(model)))
        }
        _ => Err(NoAnswer::NotUnderstood(database.into())),
    }
}

/// As [`request`], for a request that speaks for the owner: where the agent has the account's password asked for, this
/// terminal can ask.
pub fn request_of_owner(database: &Path, wanted: &Request) -> Result<Reply, NoAnswer> {
    let _asks_here = if !getuid().is_root() && needs_authority(database)? { TextAgent::start() } else { None };
    request(database, wanted)
}

/// Whether the agent has a password asked for. It says so itself: this command may read another configuration.
fn needs_authority(database: &Path) -> Result<bool, NoAnswer> {
    let status = status(database)?;
    let decision = DecisionStatus::deserialize(&status["decision"]).unwrap_or_default();
    Ok(decision.known_mode().is_some_and(Mode::needs_authority))
}

/// Each score and decision from now on, a line of JSON each, up to the agent's end.
pub fn watch(database: &Path) -> Result<impl Iterator<Item = Result<Value, NoAnswer>>, NoAnswer> {
    // On an idle machine there is nothing to say.
    lines(database, &Request::Watch, None)
}

/// The status each second from now on, up to the agent's end.
pub fn follow_status(database: &Path) -> Result<impl Iterator<Item = Result<Value, NoAnswer>>, NoAnswer> {
    lines(database, &Request::Follow, Some(ANSWER_LIMIT))
}

fn lines(
    database: &Path,
    wanted: &Request,
    longest_silence: Option<Duration>,
) -> Result<impl Iterator<Item = Result<Value, NoAnswer>> + use<>, NoAnswer> {
    let open = || -> io::Result<UnixStream> {
        let mut socket = Line::open(database, ANSWER_LIMIT)?;
        socket.write_all(wanted.line().as_bytes())?;
        socket.stream.set_read_timeout(longest_silence)?;
        Ok(socket.stream)
    };
    let mut socket = BufReader::new(open().map_err(|error| no_answer(database, error))?);
    let database = database.to_owned();
    let mut has_failed = false;
    Ok(std::iter::from_fn(move || {
        // Nothing that follows a line which is not understood is a line.
        if has_failed {
            return None;
        }
        let line = next_line(&mut socket, &database).transpose()?;
        has_failed = line.is_err();
        Some(line)
    }))
}

/// The next line of JSON; `None` at the end.
fn next_line(socket: &mut impl BufRead, database: &Path) -> Result<Option<Value>, NoAnswer> {
    let mut line = Vec::new();
    let read = socket.take(TEXT_BYTES).read_until(b'\n', &mut line);
    match read.map_err(|error| no_answer(database, error))? {
        0 => Ok(None),
        // A longer one is cut, and no JSON.
        _ => serde_json::from_slice(&line).map(Some).map_err(|_| NoAnswer::NotUnderstood(database.into())),
    }
}

/// A connection that ends at a moment, whatever is under way then: whoever answers may be anybody of the account, and
/// may accept nobody, or send a byte at a time.
struct Line {
    stream: UnixStream,
    end: Instant,
}

impl Line {
    fn open(database: &Path, limit: Duration) -> io::Result<Line> {
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        let line = Line { stream: socket.into(), end: Instant::now() + limit };
        // It holds for the connecting, too.
        line.stream.set_write_timeout(Some(line.left()?))?;
        connect(line.stream.as_raw_fd(), &UnixAddr::new(&socket_path(database))?)?;
        Ok(line)
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(bytes)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn send(socket: &mut Line, request: &Request) -> io::Result<()> {
    socket.write_all(request.line().as_bytes())?;
    if let Request::Import(Model(model)) = request {
        socket.write_all(model)?;
    }
    socket.stream.shutdown(Shutdown::Write)
}

/// Tells what was done, or why it was not.
pub fn tell(reply: Reply, out: &mut impl Write) -> Result<(), Error> {
    match reply {
        Reply::Done(text) => Ok(writeln!(out, "{text}")?),
        Reply::Refused(reason) => Err(Error::Refused(reason)),
        Reply::Checked(_) | Reply::Model(_) => {
            Err(Error::Unavailable("the agent's answer is none to this; restart the agent".into()))
        }
    }
}

/// Byte by byte, because what follows the line may not lie about in a buffer.
fn read_line(socket: &mut Line) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while (line.len() as u64) < TEXT_BYTES && socket.read(&mut byte)? == 1 && byte != [b'\n'] {
        line.push(byte[0]);
    }
    Ok(line)
}

fn no_answer(database: &Path, source: io::Error) -> NoAnswer {
    let database = database.to_owned();
    match source.kind() {
        // Without an agent there is no socket, or one that an agent which was killed has left behind.
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => NoAnswer::NotRunning(database),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => NoAnswer::Silent(database),
        ErrorKind::PermissionDenied => NoAnswer::NotAllowed(database),
        _ => NoAnswer::Failed { database, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread::JoinHandle;

    /// An agent that answers one client with this, whatever it asks; what that was.
    fn agent(answer: &'static [u8]) -> (tempfile::TempDir, PathBuf, JoinHandle<Vec<u8>>) {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("seclyzer.db");
        let listener = UnixListener::bind(socket_path(&database)).expect("a socket");
        let asked = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut asked = Vec::new();
            client.read_to_end(&mut asked).expect("a request");
            client.write_all(answer).expect("a client that reads");
            asked
        });
        (folder, database, asked)
    }

    #[test]
    fn the_status_is_asked_for_without_a_word() {
        let (_folder, database, asked) = agent(b"{\"pid\":7}");
        assert_eq!(status(&database).expect("a status")["pid"], 7);
        assert_eq!(asked.join().expect("no panic"), b"");
    }

    #[test]
    fn whether_a_password_is_asked_for_the_agent_says_itself() {
        let answers: [(&[u8], bool); 4] = [
            (b"{\"pid\":7,\"decision\":{\"mode\":\"lock\"}}", true),
            (b"{\"pid\":7,\"decision\":{\"mode\":\"notify\"}}", false),
            (b"{\"pid\":7,\"decision\":{\"mode\":\"of another version\"}}", false),
            (b"{\"pid\":7}", false),
        ];
        for (answer, is_asked_for) in answers {
            let (_folder, database, _) = agent(answer);
            assert_eq!(needs_authority(&database).expect("a status"), is_asked_for);
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(needs_authority(&folder.path().join("seclyzer.db")), Err(NoAnswer::NotRunning(_))));
    }

    #[test]
    fn what_the_agent_did_or_refused_or_sends_is_understood() {
        let model = || Model(Zeroizing::new(b"{}".to_vec()));
        let answers: [(&[u8], Reply); 3] = [
            (b"{\"done\":\"forgotten\"}\n", Reply::Done("forgotten".into())),
            (b"{\"refused\":\"off\\u001b[2J\"}\n", Reply::Refused("off\u{fffd}[2J".into())),
            (b"{\"model_bytes\":2}\n{}", Reply::Model(model())),
        ];
        for (answer, reply) in answers {
            let (_folder, database, asked) = agent(answer);
            assert_eq!(request(&database, &Request::Import(model())).expect("an answer"), reply);
            assert_eq!(asked.join().expect("no panic"), b"model import 2\n{}");
        }
    }

    #[test]
    fn an_agent_of_another_version_or_one_that_breaks_off_is_reported() {
        let answers: [&[u8]; 4] =
            [b"{\"version\":\"0.1.0\",\"pid\":7}", b"{\"done\":3}\n", b"{\"model_bytes\":9999999}\n", b"\xff\n"];
        for answer in answers {
            let (_folder, database, _) = agent(answer);
            let error = request(&database, &Request::Export).expect_err("no answer").to_string();
            assert!(error.contains("restart it"), "{error}");
        }
        let (_folder, database, _) = agent(b"");
        let error = request(&database, &Request::Export).expect_err("no answer").to_string();
        assert!(error.contains("ended before it answered"), "{error}");
        let (_folder, database, _) = agent(b"{\"model_bytes\":3}\n{}");
        let error = request(&database, &Request::Export).expect_err("a part").to_string();
        assert!(error.contains("cannot be queried"), "{error}");
    }

    /// What `check` waits for at most, with room for a machine under load.
    const AT_ONCE: Duration = Duration::from_secs(2);

    #[test]
    fn one_that_answers_a_byte_at_a_time_holds_up_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("seclyzer.db");
        let listener = UnixListener::bind(socket_path(&database)).expect("a socket");
        let dripping = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            while client.write_all(b" ").is_ok() {
                std::thread::sleep(CHECK_LIMIT / 8);
            }
        });
        let begun = Instant::now();
        let error = request(&database, &Request::Check).expect_err("no answer");
        assert!(matches!(error, NoAnswer::Silent(_)) && begun.elapsed() < AT_ONCE, "{error} {:?}", begun.elapsed());
        dripping.join().expect("it ends with its client");
    }

    #[test]
    fn a_line_without_end_is_not_read_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("seclyzer.db");
        let listener = UnixListener::bind(socket_path(&database)).expect("a socket");
        let sending = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut sent = client.write_all(b"{\"pid\":7}\n").map(|()| 0_u64).expect("a client that reads");
            while client.write_all(&[b' '; 65_536]).is_ok() {
                sent += 65_536;
            }
            sent
        });
        let mut lines = follow_status(&database).expect("a subscription");
        assert_eq!(lines.next().expect("a line").expect("JSON")["pid"], 7);
        assert!(matches!(lines.next(), Some(Err(NoAnswer::NotUnderstood(_)))));
        assert!(lines.next().is_none());
        drop(lines);
        let sent = sending.join().expect("it ends with its client");
        assert!(sent < 2 * TEXT_BYTES, "{sent}");
    }

    #[test]
    fn one_that_accepts_nobody_holds_up_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("seclyzer.db");
        let full = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).expect("a socket");
        let address = UnixAddr::new(&socket_path(&database)).expect("a short path");
        nix::sys::socket::bind(full.as_raw_fd(), &address).expect("a name");
        nix::sys::socket::listen(&full, nix::sys::socket::Backlog::new(0).expect("a number")).expect("a queue");
        let _first = UnixStream::connect(socket_path(&database)).expect("room for one");
        let begun = Instant::now();
        let error = request(&database, &Request::Check).expect_err("no answer");
        assert!(matches!(error, NoAnswer::Silent(_)) && begun.elapsed() < AT_ONCE, "{error} {:?}", begun.elapsed());
    }

    #[test]
    fn without_an_agent_the_way_to_start_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = status(&folder.path().join("seclyzer.db")).expect_err("nobody").to_string();
        assert!(error.starts_with("no agent runs on /") && error.contains("systemctl --user start"), "{error}");
    }
}
