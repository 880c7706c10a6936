//! A compositor that says what a test has it say, well or badly.

use crate::support::LIMIT;
use seclyzer::sources::environment::Environment;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

pub const DISPLAY: u32 = 1;
pub const WLR: &str = "zwlr_foreign_toplevel_manager_v1";
pub const LIST: &str = "ext_foreign_toplevel_list_v1";
pub const COSMIC: &str = "zcosmic_toplevel_info_v1";
/// Of a window's states, the one that it has the focus.
pub const ACTIVATED: u32 = 2;
/// The first number that a compositor may give to an object.
pub const FIRST_WINDOW: u32 = 0xff00_0000;

/// A message of the compositor.
#[derive(Clone)]
pub struct Event(Vec<u8>);

impl Event {
    pub fn of(object: u32, opcode: u16) -> Event {
        Event([object.to_ne_bytes(), u32::from(opcode).to_ne_bytes()].concat())
    }

    pub fn number(mut self, number: u32) -> Event {
        self.0.extend(number.to_ne_bytes());
        self
    }

    pub fn text(self, text: &[u8]) -> Event {
        self.array(&[text, b"\0"].concat())
    }

    pub fn array(self, bytes: &[u8]) -> Event {
        let mut event = self.number(bytes.len() as u32);
        event.0.extend(bytes);
        event.0.resize(event.0.len().next_multiple_of(4), 0);
        event
    }

    pub fn bytes(mut self) -> Vec<u8> {
        let size = u16::try_from(self.0.len()).expect("a message that there can be");
        self.0[6..8].copy_from_slice(&size.to_ne_bytes());
        self.0
    }
}

/// A message to the compositor.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub object: u32,
    pub opcode: u16,
    pub arguments: Vec<u32>,
}

/// Where clients connect.
pub struct Fake {
    listener: UnixListener,
    folder: TempDir,
}

impl Fake {
    pub fn new() -> Fake {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Fake { listener: UnixListener::bind(folder.path().join("wayland-7")).expect("a free name"), folder }
    }

    pub fn environment(&self) -> Environment {
        Environment {
            session_type: Some("wayland".into()),
            wayland_display: Some("wayland-7".into()),
            runtime_dir: Some(self.folder.path().into()),
            ..Environment::default()
        }
    }

    /// Takes a client.
    pub async fn accept(&self) -> Client {
        let (stream, _) = timeout(LIMIT, self.listener.accept()).await.expect("a client in time").expect("a client");
        Client { stream, registry: 0, sync: 0, newest: DISPLAY }
    }

    /// A client that has been offered these, and that asks for windows.
    pub async fn accept_with(&self, offers: &[(&str, u32)]) -> Client {
        let mut client = self.accept().await;
        client.greet().await;
        for (name, (interface, version)) in (1..).zip(offers) {
            client.offer(name, interface, *version).await;
        }
        client.answer().await;
        client
    }

    /// A client of wlr-foreign-toplevel-management, and the number of its manager.
    pub async fn accept_wlr(&self) -> (Client, u32) {
        let mut client = self.accept_with(&[(WLR, 3)]).await;
        let manager = client.bound(1).await;
        client.asked_to_sync().await;
        (client, manager)
    }
}

/// A connection of a client.
pub struct Client {
    pub stream: UnixStream,
    registry: u32,
    sync: u32,
    /// The highest number that the client has given to an object.
    newest: u32,
}

impl Client {
    pub async fn send(&mut self, event: Event) {
        self.send_bytes(&event.bytes()).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        timeout(LIMIT, self.stream.write_all(bytes)).await.expect("it is read").expect("a client");
    }

    pub async fn request(&mut self) -> Request {
        let mut header = [0; 8];
        timeout(LIMIT, self.stream.read_exact(&mut header)).await.expect("a request in time").expect("a client");
        let [object, word] = [0, 4].map(|i| u32::from_ne_bytes(*header[i..].first_chunk().expect("a number")));
        let mut rest = vec![0; (word >> 16) as usize - 8];
        timeout(LIMIT, self.stream.read_exact(&mut rest)).await.expect("a request in time").expect("a client");
        let arguments = rest.as_chunks().0.iter().map(|&number| u32::from_ne_bytes(number)).collect();
        Request { object, opcode: word as u16, arguments }
    }

    /// A request whose last argument is the number of a new object.
    async fn new_object(&mut self, object: u32, opcode: u16) -> u32 {
        let request = self.request().await;
        assert_eq!((request.object, request.opcode), (object, opcode), "{request:?}");
        let number = *request.arguments.last().expect("a number");
        self.check_number(number);
        number
    }

    /// Compositors accept no gaps.
    fn check_number(&mut self, number: u32) {
        assert!(number > DISPLAY && number <= self.newest + 1, "{number}");
        self.newest = self.newest.max(number);
    }

    /// That it asks what there is.
    pub async fn greet(&mut self) {
        self.registry = self.new_object(DISPLAY, 1).await;
        self.asked_to_sync().await;
    }

    pub async fn offer(&mut self, name: u32, interface: &str, version: u32) {
        let event = Event::of(self.registry, 0).number(name).text(interface.as_bytes()).number(version);
        self.send(event).await;
    }

    pub async fn withdraw(&mut self, name: u32) {
        self.send(Event::of(self.registry, 1).number(name)).await;
    }

    pub async fn asked_to_sync(&mut self) {
        self.sync = self.new_object(DISPLAY, 0).await;
    }

    /// All that was asked has been answered.
    pub async fn answer(&mut self) {
        let done = Event::of(self.sync, 0).number(0).bytes();
        let deleted = Event::of(DISPLAY, 1).number(self.sync).bytes();
        self.send_bytes(&[done, deleted].concat()).await;
    }

    /// That it wants what was offered by that name; the number of it.
    pub async fn bound(&mut self, name: u32) -> u32 {
        let request = self.request().await;
        assert_eq!((request.object, request.opcode, request.arguments[0]), (self.registry, 0, name));
        let number = *request.arguments.last().expect("a number");
        self.check_number(number);
        number
    }

    /// That it asks COSMIC for the states of a window; where it wants them.
    pub async fn asked_for_states(&mut self, cosmic: u32, window: u32) -> u32 {
        let request = self.request().await;
        assert_eq!((request.object, request.opcode, request.arguments[1]), (cosmic, 1, window));
        self.check_number(request.arguments[0]);
        request.arguments[0]
    }

    /// A new window of wlr-foreign-toplevel-management.
    pub async fn open(&mut self, manager: u32, window: u32, app_id: &[u8], states: &[u32]) {
        self.send(Event::of(manager, 0).number(window)).await;
        self.send(Event::of(window, 0).text(b"a title")).await;
        self.send(Event::of(window, 1).text(app_id)).await;
        self.set_states(window, states).await;
    }

    pub async fn set_states(&mut self, window: u32, states: &[u32]) {
        self.send_bytes(&states_of(window, states)).await;
    }

    pub async fn close(&mut self, window: u32) {
        self.send(Event::of(window, 6)).await;
    }
}

/// The states of a window of wlr-foreign-toplevel-management, and that this is all of it.
pub fn states_of(window: u32, states: &[u32]) -> Vec<u8> {
    let states: Vec<u8> = states.iter().flat_map(|state| state.to_ne_bytes()).collect();
    [Event::of(window, 4).array(&states).bytes(), Event::of(window, 5).bytes()].concat()
}
