//! What is fuzzed: for everything that comes from outside a function that takes any bytes and says what must hold.
//!
//! `fuzz/` has a target for each; `tests/fuzz_corpus.rs` runs them on stable Rust.

mod recognition;
#[path = "../common/value_parser.rs"]
mod value_parser;

pub use recognition::{live_state, model};
use seclyzer::agent::control::{self, BadRequest, MODEL_BYTES, Model, Request};
use seclyzer::config::{self, InfluxApi};
use seclyzer::config::{Account, ConfigFile, Environment, Machine, Secret, SecretFile, Sources, Switch, Tls};
use seclyzer::event::json;
use seclyzer::features::app::History;
use seclyzer::features::app::Transition;
use seclyzer::pipeline::{Output, Pipeline, Windows};
use seclyzer::record::{Body, Entry, Identity, Origin, Record, Stored};
use seclyzer::remote::redis::servers;
use seclyzer::sinks::{Failure, Sink, influx, redis};
use seclyzer::sources::evdev::{Decoder, Modalities, RAW_LEN, Raw, Surface};
use seclyzer::sources::focus::Focus;
use seclyzer::sources::focus::wayland::dialogue::Dialogue;
use seclyzer::sources::focus::wayland::wire::Message;
use seclyzer::sources::redis::subscription::Subscription;
use seclyzer::sources::trace::{Line, TraceReader};
use seclyzer::sources::x11::wm_class as property;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

pub type Target = fn(&[u8]);

/// Every target with its name, which is that of its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("event", event),
    ("trace", trace),
    ("wm_class", wm_class),
    ("wayland", wayland),
    ("input_event", input_event),
    ("config", config_text),
    ("redis_subscription", redis_subscription),
    ("redis_reply", redis_reply),
    ("influx_reply", influx_reply),
    ("request", request),
    ("live_state", live_state),
    ("model", model),
];

const TOKEN: &str = "t0ken-that-nobody-may-see";

fn entry(record: Record) -> Entry {
    let identity = Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false };
    Entry::new(identity.into(), Origin::Device, record)
}

/// One record to deliver.
fn batch() -> [Stored; 1] {
    let change = Transition {
        from_app: "editor".into(),
        to_app: "browser".into(),
        duration_ms: 1500,
        transition_count: 2,
        transition_probability: 0.5,
        switch_rate_per_min: 1.25,
        distinct_apps: 2,
        focus_entropy_bits: 0.75,
        hour: 12,
        hour_probability: 0.125,
    };
    let record = Record { window_end_us: 1_790_000_000_000_000, degraded: false, body: Body::App(change) };
    [Stored { id: 1, entry: entry(record) }]
}

/// An event is read as the contract's rules say; one that is accepted can be written, and is accepted again then.
pub fn event(bytes: &[u8]) {
    assert_eq!(json::parse(bytes), value_parser::parse(bytes));
    let Ok(stamped) = json::parse(bytes) else { return };
    assert!(stamped.ts_us > 0);
    if let Some(text) = json::to_json(&stamped) {
        let again = json::parse(text.to_string().as_bytes());
        assert!(again.is_ok_and(|again| again.ts_us == stamped.ts_us), "what was written is not read back");
    }
}

/// A trace is read to its end, and what comes of it are records of finite numbers.
pub fn trace(bytes: &[u8]) {
    let mut reader = TraceReader::new(bytes);
    let mut pipeline = Pipeline::new(Windows::CONTRACT, History::default());
    let mut look = |output: Output| {
        if let Some(record) = output.record() {
            let text = entry(record.clone()).to_json();
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|record| record.is_object()));
        }
    };
    while let Some(line) = reader.next_line().expect("memory can be read") {
        if let Line::Event(stamped) = line {
            pipeline.push(stamped, &mut look);
        }
    }
    pipeline.finish(&mut look);
    assert_eq!(reader.bytes_read(), bytes.len() as u64);
}

/// A name is of bounded length, without control characters and never empty. The first byte is the property's format.
pub fn wm_class(bytes: &[u8]) {
    let Some((&format, value)) = bytes.split_first() else { return };
    let unit = usize::from(format / 8).max(1);
    let value_len = u32::try_from(value.len() / unit).expect("no such input is made");
    let reply =
        x11rb::protocol::xproto::GetPropertyReply { format, value_len, value: value.to_vec(), ..Default::default() };
    assert_ne!(property::window(&reply), Some(x11rb::NONE));
    for app in [property::app(&reply), property::parse_wm_class(value)].into_iter().flatten() {
        assert!(!app.name().is_empty());
        for half in [app.instance, app.class] {
            assert!(half.len() <= 256 && !half.chars().any(char::is_control));
        }
    }
}

/// What a compositor says is taken or refused, and costs no more requests than what is said is worth.
pub fn wayland(bytes: &[u8]) {
    let mut dialogue = Dialogue::begin();
    let mut rest = bytes;
    while let Ok(Some((message, length))) = Message::first(rest) {
        rest = &rest[length..];
        if dialogue.take(message).is_err() {
            return;
        }
        if let Some(Focus::App(app)) = dialogue.focused().map(|focused| focused.focus) {
            assert!(!app.name().is_empty() && app.name().len() <= 256 && !app.name().chars().any(char::is_control));
        }
    }
    assert!(dialogue.out.len() <= 256 + 4 * bytes.len());
}

/// Whatever a device sends, no motion leaves the contract's range. The first byte chooses the device.
pub fn input_event(bytes: &[u8]) {
    const SURFACES: [Surface; 5] = [
        Surface::None,
        Surface::Free,
        Surface::Touchscreen,
        Surface::Tablet,
        Surface::Touchpad { counts_per_detent: 40 },
    ];
    let Some((&device, stream)) = bytes.split_first() else { return };
    let surface = SURFACES[usize::from(device) % SURFACES.len()];
    let mut decoder = Decoder::new(Modalities { keystroke: true, mouse: true }, surface);
    let mut out = Vec::new();
    let (events, _) = stream.as_chunks::<RAW_LEN>();
    events.iter().for_each(|event| decoder.feed(Raw::parse(event), &mut out));
    for stamped in out.into_iter().filter(|stamped| stamped.ts_us > 0) {
        if let Some(text) = json::to_json(&stamped) {
            let fits = !matches!(json::parse(text.to_string().as_bytes()), Err(json::Reject::OutOfRange));
            assert!(fits, "a number beyond the contract's");
        }
    }
}

/// A configuration that is accepted holds the rules; an error does not repeat a secret.
pub fn config_text(bytes: &[u8]) {
    struct Elsewhere;
    impl Machine for Elsewhere {
        fn account(&self) -> Account {
            Account { name: Some("me".into()), home: Some(PathBuf::from("/home/me")) }
        }
        fn host_name(&self) -> Option<String> {
            Some("box".into())
        }
        fn read_secret(&self, _path: &Path) -> std::io::Result<SecretFile> {
            Err(std::io::ErrorKind::NotFound.into())
        }
        fn service_directory(&self, _account: &str) -> Option<PathBuf> {
            None
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = Zeroizing::new(text.into());
    let file = ConfigFile { path: "/f.toml".into(), text, mode: 0o100_600, has_own_group: false };
    let environment = Environment::default();
    match config::load(&Sources { file: Some(file), environment: &environment, machine: &Elsewhere }) {
        Ok(loaded) => {
            assert!(loaded.config.store.path.is_absolute());
            assert!(loaded.config.window.length >= loaded.config.window.step);
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.lines().count() == 1 && told.len() < 2_000, "{} bytes", told.len());
        }
    }
}

/// What a client of the status socket sends is a request or a mistake, however it is cut into packets; a request is read
/// again from how it is written.
pub fn request(bytes: &[u8]) {
    let read = |packet: usize| {
        let mut client = Packets(bytes.to_vec().into(), packet);
        RUNTIME.block_on(control::read(&mut client))
    };
    let whole = read(usize::MAX);
    // In the last packet of a line nothing may follow it; of what is not read nothing is known.
    let is_more = |read: &Result<Request, BadRequest>| *read == Err(BadRequest::More);
    let in_bytes = read(1);
    assert!(whole == in_bytes || is_more(&whole), "{whole:?} {in_bytes:?}");
    let Ok(request) = in_bytes else { return };
    let model = match &request {
        Request::Import(Model(model)) => model.as_slice(),
        _ => &[],
    };
    assert!(model.len() <= MODEL_BYTES);
    let mut again = VecDeque::from(request.line().into_bytes());
    again.extend(model);
    assert_eq!(RUNTIME.block_on(control::read(&mut Packets(again, 7))), Ok(request));
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// What a server sends to a subscriber ends the connection or is a message of bounded length, however it is cut into
/// packets.
pub fn redis_subscription(bytes: &[u8]) {
    let settings = redis_settings("redis://127.0.0.1".into());
    let server = servers(&settings).expect("a good URL").remove(0);
    let messages = async |packet: usize| {
        let stream = Box::new(tokio::io::join(Packets(bytes.to_vec().into(), packet), tokio::io::sink()));
        let mut messages = Vec::new();
        let mut subscription =
            Subscription::over(stream, &server, "seclyzer:events").await.map_err(|e| e.to_string())?;
        loop {
            match subscription.next().await {
                Ok(message) => {
                    assert!(message.is_none_or(|message| message.len() <= 4096));
                    messages.push(message.map(<[u8]>::to_vec));
                }
                Err(error) => return Ok::<_, String>((messages, error.to_string())),
            }
        }
    };
    RUNTIME.block_on(async { assert_eq!(messages(usize::MAX).await, messages(1).await) });
}

/// Hands out so many bytes at a time at most.
struct Packets(VecDeque<u8>, usize);

impl AsyncRead for Packets {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let length = buffer.remaining().min(self.1).min(self.0.len());
        self.0.drain(..length).for_each(|byte| buffer.put_slice(&[byte]));
        Poll::Ready(Ok(()))
    }
}

/// A listener that answers every connection with the same bytes and closes it.
struct Parrot {
    address: SocketAddr,
    answer: &'static Mutex<Vec<u8>>,
}

impl Parrot {
    fn start() -> Parrot {
        let answer: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                // The client asks first; a part of its question is enough.
                let _ = connection.read(&mut [0; 65_536]);
                let bytes = answer.lock().expect("no panic").clone();
                // It may have gone before it heard all of the answer.
                let _ = connection.write_all(&bytes);
            }
        });
        Parrot { address, answer }
    }

    fn say(&self, bytes: &[u8]) -> SocketAddr {
        *self.answer.lock().expect("no panic") = bytes.to_vec();
        self.address
    }
}

/// A failure is told on one short line that has no secret in it.
fn look_at(outcome: Result<(), Failure>) {
    if let Err(failure) = outcome {
        let told = failure.to_string();
        assert!(told.chars().count() <= 300 && !told.chars().any(char::is_control), "{} bytes", told.len());
        assert!(!told.contains(TOKEN), "the secret is told");
    }
}

/// Whatever answers in place of Redis, the sink comes back.
pub fn redis_reply(bytes: &[u8]) {
    static SERVER: LazyLock<Parrot> = LazyLock::new(Parrot::start);
    let settings = redis_settings(format!("redis://{}", SERVER.say(bytes)));
    let mut sink = redis::Redis::new(settings, "id").expect("a good URL");
    RUNTIME.block_on(async { look_at(sink.deliver(&batch()).await) });
}

fn redis_settings(url: String) -> config::Redis {
    config::Redis {
        enabled: Switch::On,
        url,
        username: None,
        password: Some(Secret::new(TOKEN)),
        tls: Tls::default(),
        stream: true,
        stream_max_len: 1000,
        accept_events: false,
        events_publish: seclyzer::features::keystroke::Publish::All,
    }
}

/// Whatever answers in place of InfluxDB, the sink comes back.
pub fn influx_reply(bytes: &[u8]) {
    static SERVER: LazyLock<Parrot> = LazyLock::new(Parrot::start);
    let address = SERVER.say(bytes);
    let mut sink = influx::Influx::new(config::Influx {
        enabled: Switch::On,
        api: InfluxApi::V2,
        url: format!("http://{address}"),
        token: Some(Secret::new(TOKEN)),
        org: "org".into(),
        bucket: "bucket".into(),
        username: String::new(),
        password: None,
        tls: Tls::default(),
    });
    // Twice: the second delivery after a good one goes another way.
    RUNTIME.block_on(async {
        look_at(sink.deliver(&batch()).await);
        look_at(sink.deliver(&batch()).await);
    });
}
