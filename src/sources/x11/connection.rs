//! A connection to the X server on which nothing ever blocks: not a server that accepts and stays silent, not an answer
//! that does not come, not a lack of room to send. Waiting is the runtime's, with a limit each time.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use nix::fcntl::OFlag;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use x11rb::connection::{Connection, ReplyOrError, RequestConnection};
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectError, ConnectionError, ParseError};
use x11rb::protocol::Event;
use x11rb::protocol::xkb;
use x11rb::protocol::xproto::{Atom, ChangeWindowAttributesAux, ConnectionExt, EventMask, Setup, Window};
use x11rb::reexports::x11rb_protocol::connect::Connect;
use x11rb::reexports::x11rb_protocol::parse_display::{ParsedDisplay, parse_display};
use x11rb::reexports::x11rb_protocol::xauth::Family;
use x11rb::rust_connection::RustConnection;
use x11rb::x11_utils::TryParse;

use super::socket::Socket;
use super::{Environment, xauthority};

/// How long the server may take to accept and to answer all of the set-up, or any one question later.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// More is no Xauthority file.
const XAUTHORITY_LIMIT_BYTES: u64 = 1 << 20;

/// Why the focus cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "this is a Wayland session, where the focused application cannot be determined (XWayland gives wrong answers)"
    )]
    Wayland,
    #[error("DISPLAY is not set, so there is no X server to ask")]
    NoDisplay,
    #[error("DISPLAY={0:?} is not the name of a display")]
    BadDisplay(String),
    #[error("no X server on DISPLAY={display:?} ({source})")]
    Unreachable { display: String, source: io::Error },
    #[error("the X server refused the connection ({reason:?}); {cookie}")]
    Refused { reason: String, cookie: CookieSource },
    #[error("the X server gave no answer within {} s", ANSWER_LIMIT.as_secs())]
    Silent,
    #[error("the connection broke ({0})")]
    Broken(io::Error),
    #[error("the X server does not keep to the protocol ({0})")]
    Protocol(String),
}

impl Error {
    /// Whether trying again is of no use: a process' environment does not change.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Error::Wayland | Error::NoDisplay | Error::BadDisplay(_))
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Error {
        match error {
            ConnectionError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => Error::Silent,
            ConnectionError::IoError(error) => Error::Broken(error),
            other => Error::Protocol(other.to_string()),
        }
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Error {
        Error::Protocol(error.to_string())
    }
}

/// Where the cookie came from that a server was shown: half of why it refuses.
#[derive(Debug, thiserror::Error)]
pub enum CookieSource {
    #[error("shown was the cookie from {0:?}")]
    File(PathBuf),
    #[error("{0:?} holds no cookie for this display")]
    NotInFile(PathBuf),
    #[error("no cookie: {path:?} cannot be read ({source})")]
    UnreadableFile { path: PathBuf, source: io::Error },
    #[error("no cookie: XAUTHORITY is not set")]
    NoFile,
}

pub(super) type X = RustConnection<Socket>;

/// A connection after set-up.
pub(super) struct Client {
    x: X,
    pub root: Window,
    /// `_NET_ACTIVE_WINDOW`
    pub active_window: Atom,
    /// `_NET_SUPPORTING_WM_CHECK`
    pub supporting_wm_check: Atom,
    /// Whether the server has XKB, the extension for keyboards.
    pub has_xkb: bool,
}

/// Connects and shows the cookie.
pub(super) async fn connect(environment: &Environment) -> Result<Client, Error> {
    if environment.is_wayland() {
        return Err(Error::Wayland);
    }
    let name = environment.display.as_deref().ok_or(Error::NoDisplay)?;
    let display = parse_display(Some(name)).map_err(|_| Error::BadDisplay(name.into()))?;
    // x11rb adds the display's number to 6000, the first port of X.
    if display.display > u16::MAX - 6000 {
        return Err(Error::BadDisplay(name.into()));
    }
    match tokio::time::timeout(ANSWER_LIMIT, set_up(environment, name, &display)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Silent),
    }
}

async fn set_up(environment: &Environment, name: &str, display: &ParsedDisplay) -> Result<Client, Error> {
    let unreachable = |source| Error::Unreachable { display: name.into(), source };
    let socket = Socket::open(display).await.map_err(unreachable)?;
    let (family, address) = socket.peer().map_err(Error::Broken)?;
    let (cookie, cookie_source) = cookie(environment.xauthority.clone(), family, address, display.display).await;
    let setup = shake_hands(&socket, cookie, cookie_source).await?;
    let screen = setup.roots.get(usize::from(display.screen)).ok_or_else(|| Error::BadDisplay(name.into()))?;
    let root = screen.root;
    let x = RustConnection::for_connected_stream(socket, setup).map_err(|error| Error::Protocol(error.to_string()))?;
    x.prefetch_extension_information(xkb::X11_EXTENSION_NAME)?;
    let mut client = Client { x, root, active_window: x11rb::NONE, supporting_wm_check: x11rb::NONE, has_xkb: false };
    client.active_window = client.intern_atom(b"_NET_ACTIVE_WINDOW").await?;
    client.supporting_wm_check = client.intern_atom(b"_NET_SUPPORTING_WM_CHECK").await?;
    // Answers come in order: the one about the extension is here, so that x11rb need not wait for it.
    client.has_xkb = client.x.extension_information(xkb::X11_EXTENSION_NAME)?.is_some();
    Ok(client)
}

/// Files with cookies that are read at the same time. Threads that a file holds up for ever stay that few.
static READERS: Semaphore = Semaphore::const_new(4);

/// Reads the cookie anew at each attempt, for a new session writes a new one. The file may lie on a slow network file
/// system, so a thread of its own reads it; and whoever names it may have put a pipe there, which is not waited for.
async fn cookie(
    path: Option<PathBuf>,
    family: Family,
    address: Vec<u8>,
    display: u16,
) -> (Option<xauthority::Cookie>, CookieSource) {
    let Some(path) = path else { return (None, CookieSource::NoFile) };
    let from = path.clone();
    let permit = READERS.acquire().await;
    let read = move || -> io::Result<Vec<u8>> {
        let _until_read = permit;
        let mut bytes = Vec::new();
        let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(from)?;
        file.take(XAUTHORITY_LIMIT_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Err(source) => (None, CookieSource::UnreadableFile { path, source }),
        Ok(file) => match xauthority::find_cookie(&file, family, &address, display) {
            Some(cookie) => (Some(cookie), CookieSource::File(path)),
            None => (None, CookieSource::NotInFile(path)),
        },
    }
}

/// The first exchange, in which the server lets a client in or not.
async fn shake_hands(
    socket: &Socket,
    cookie: Option<xauthority::Cookie>,
    cookie_source: CookieSource,
) -> Result<Setup, Error> {
    let (method, secret) = cookie.map(|cookie| (cookie.method, cookie.secret)).unwrap_or_default();
    let (mut connect, greeting) = Connect::with_authorization(method, secret);
    exchange(socket, &greeting, &mut connect).await.map_err(Error::Broken)?;
    let refused = |reason: Vec<u8>| Error::Refused {
        reason: String::from_utf8_lossy(&reason).trim_end().to_owned(),
        cookie: cookie_source,
    };
    connect.into_setup().map_err(|error| match error {
        ConnectError::SetupFailed(answer) => refused(answer.reason),
        ConnectError::SetupAuthenticate(answer) => refused(answer.reason),
        other => Error::Protocol(other.to_string()),
    })
}

async fn exchange(socket: &Socket, greeting: &[u8], connect: &mut Connect) -> io::Result<()> {
    let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    let mut unsent = greeting;
    while !unsent.is_empty() {
        socket.writable().await?;
        match socket.try_write(unsent) {
            Ok(length) => unsent = &unsent[length..],
            Err(error) if would_block(&error) => {}
            Err(error) => return Err(error),
        }
    }
    loop {
        socket.readable().await?;
        match socket.try_read(connect.buffer()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) if connect.advance(length) => return Ok(()),
            Ok(_) => {}
            Err(error) if would_block(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Client {
    pub fn x(&self) -> &X {
        &self.x
    }

    /// Whether both windows were made by one program: the server gives each program numbers of its own.
    pub fn are_of_one_program(&self, one: Window, other: Window) -> bool {
        let of_program = !self.x.setup().resource_id_mask;
        one & of_program == other & of_program
    }

    /// Asks to be sent the events of `mask` that happen to `window`, and no others of it any more.
    pub fn select_events(&self, window: Window, mask: EventMask) -> Result<(), Error> {
        // Not checked: a window that has vanished answers with an error, which comes as an event and means nothing.
        self.x.change_window_attributes(window, &ChangeWindowAttributesAux::new().event_mask(mask))?;
        Ok(())
    }

    /// Waits until the server has sent something. Everything that has come must be taken then, by [`Client::next_event`]
    /// until there is none: what has been read already wakes nobody again.
    pub async fn readable(&self) -> Result<(), Error> {
        self.x.stream().readable().await.map_err(Error::Broken)
    }

    /// An event that has come, reading what the server has sent.
    pub fn next_event(&self) -> Result<Option<Event>, Error> {
        Ok(self.x.poll_for_event()?)
    }

    /// The answer to a question, if it is among what [`Client::next_event`] has read. `None`: the server answered with
    /// an error; say, the window has vanished.
    fn answer<R: TryParse>(&self, cookie: &Cookie<'_, X, R>) -> Result<Poll<Option<R>>, Error> {
        match self.x.wait_for_reply_or_raw_error(cookie.sequence_number()) {
            Ok(ReplyOrError::Reply(reply)) => Ok(Poll::Ready(Some(R::try_parse(&reply)?.0))),
            Ok(ReplyOrError::Error(_)) => Ok(Poll::Ready(None)),
            Err(ConnectionError::IoError(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(Poll::Pending),
            Err(error) => Err(error.into()),
        }
    }

    pub fn flush(&self) -> Result<(), Error> {
        Ok(self.x.flush()?)
    }

    /// Waits for the answer to a question, as long as the server may take for one; events that come before it go to
    /// `take`. `None`: the server answered with an error; say, the window has vanished.
    pub async fn ask<R: TryParse>(
        &self,
        cookie: Cookie<'_, X, R>,
        mut take: impl FnMut(&Event),
    ) -> Result<Option<R>, Error> {
        let due = Instant::now() + ANSWER_LIMIT;
        self.flush()?;
        loop {
            while let Some(event) = self.next_event()? {
                take(&event);
            }
            if let Poll::Ready(answer) = self.answer(&cookie)? {
                return Ok(answer);
            }
            // The socket comes first: an answer that lies there already is not late, however late this process was.
            tokio::time::timeout_at(due, self.readable()).await.map_err(|_| Error::Silent)??;
        }
    }

    async fn intern_atom(&self, name: &[u8]) -> Result<Atom, Error> {
        let answer = self.ask(self.x.intern_atom(false, name)?, |_| {}).await?;
        answer.map(|reply| reply.atom).ok_or_else(|| Error::Protocol("no atom was given out".into()))
    }
}
