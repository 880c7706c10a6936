//! What the server is asked, and how seldom.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use seclyzer::sources::x11::{self, Update};
use tokio::sync::mpsc;
use x11rb::protocol::xkb;
use x11rb::protocol::xproto::InputFocus;

use crate::follower::{Follower, LIMIT, NAMELESS, NOTHING, environment, focus};
use crate::xproxy::XProxy;
use crate::xserver::XServer;
use crate::xwindows::Windows;

/// The requests in what a client has sent, each with its leading opcode, after the greeting.
fn requests(sent: &[u8]) -> Vec<&[u8]> {
    let u16_at = |bytes: &[u8], at: usize| usize::from(u16::from_ne_bytes([bytes[at], bytes[at + 1]]));
    let padded = |length: usize| length.next_multiple_of(4);
    let mut rest = &sent[12 + padded(u16_at(sent, 6)) + padded(u16_at(sent, 8))..];
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let (request, after) = rest.split_at(4 * u16_at(rest, 2));
        requests.push(request);
        rest = after;
    }
    requests
}

#[tokio::test]
async fn the_server_is_asked_for_the_focus_its_wm_class_and_the_layout_and_never_for_a_title() {
    use x11rb::protocol::xproto;
    let server = XServer::start();
    let windows = Windows::on(&server);
    let proxy = XProxy::before(&server);
    let mut follower = Follower::on(proxy.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;
    let window_manager = Windows::on(&server);
    window_manager.manage();
    let named = windows.open(Some(b"one\0One\0"));
    let field = windows.open_in(named, None);
    for (window, update) in [(named, focus("one", "One")), (windows.open(None), NAMELESS), (field, focus("one", "One"))]
    {
        windows.set_title(window, b"a secret");
        windows.focus(window);
        follower.expect(update).await;
        windows.set_title(window, b"another secret");
    }
    windows.focus(InputFocus::NONE.into());
    follower.expect(NOTHING).await;
    windows.activate(named);
    follower.expect(focus("one", "One")).await;
    windows.focus(InputFocus::POINTER_ROOT.into());
    windows.activate(x11rb::NONE);
    follower.expect(NOTHING).await;

    let sent = proxy.asked();
    let requests = requests(&sent);
    let xkb = windows.major_opcode(xkb::X11_EXTENSION_NAME);
    let opcodes: BTreeSet<u8> = requests.iter().map(|request| request[0]).collect();
    let known = [
        xproto::CHANGE_WINDOW_ATTRIBUTES_REQUEST,
        xproto::QUERY_TREE_REQUEST,
        xproto::INTERN_ATOM_REQUEST,
        xproto::GET_PROPERTY_REQUEST,
        xproto::QUERY_POINTER_REQUEST,
        xproto::GET_INPUT_FOCUS_REQUEST,
        xproto::QUERY_EXTENSION_REQUEST,
        xkb,
    ];
    assert_eq!(opcodes, BTreeSet::from(known));
    let of_xkb: BTreeSet<u8> = requests.iter().filter(|request| request[0] == xkb).map(|request| request[1]).collect();
    let known = [xkb::USE_EXTENSION_REQUEST, xkb::SELECT_EVENTS_REQUEST, xkb::GET_STATE_REQUEST, xkb::GET_MAP_REQUEST];
    assert_eq!(of_xkb, BTreeSet::from(known));
    let property = |request: &[u8]| u32::from_ne_bytes(request[8..12].try_into().unwrap());
    let asked: BTreeSet<u32> = requests
        .iter()
        .filter(|request| request[0] == xproto::GET_PROPERTY_REQUEST)
        .map(|request| property(request))
        .collect();
    let [active_window, check] =
        [b"_NET_ACTIVE_WINDOW".as_slice(), b"_NET_SUPPORTING_WM_CHECK"].map(|name| windows.atom(name));
    assert_eq!(asked, BTreeSet::from([active_window, check, u32::from(xproto::AtomEnum::WM_CLASS)]));
}

/// How often a thread of this process has gone to sleep so far.
fn sleeps_of(thread: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// The source on a thread of its own, at rest while `one` has the focus.
struct AtRest {
    _server: XServer,
    windows: Windows,
    one: u32,
    updates: mpsc::Receiver<Update>,
    agent: std::thread::JoinHandle<()>,
    thread: String,
}

impl AtRest {
    fn start() -> AtRest {
        let server = XServer::start();
        let windows = Windows::on(&server);
        let one = windows.open(Some(b"one\0One\0"));
        windows.focus(one);
        let (sender, mut updates) = mpsc::channel(16);
        let environment = environment(server.display());
        let (name_sender, name) = std::sync::mpsc::channel();
        let agent = std::thread::spawn(move || {
            name_sender.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(x11::run(environment, sender));
        });
        while updates.blocking_recv() != Some(focus("one", "One")) {}
        let thread = name.recv().unwrap().to_str().unwrap().to_owned();
        AtRest { _server: server, windows, one, updates, agent, thread }
    }

    /// How often it has slept by the time it is at rest.
    fn sleeps(&self) -> u64 {
        let settled_by = Instant::now() + LIMIT;
        loop {
            let sleeps = sleeps_of(&self.thread);
            // Longer than any pause that ends by itself.
            std::thread::sleep(Duration::from_millis(700));
            if sleeps == sleeps_of(&self.thread) {
                return sleeps;
            }
            assert!(Instant::now() < settled_by, "never at rest");
        }
    }

    fn end(self) {
        drop(self.updates);
        self.agent.join().unwrap();
    }
}

#[test]
fn while_nothing_happens_the_thread_never_wakes() {
    let source = AtRest::start();
    let sleeps = source.sleeps();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(sleeps_of(&source.thread), sleeps);
    source.end();
}

#[test]
fn shift_and_what_happens_to_other_windows_wake_nobody() {
    let source = AtRest::start();
    // The first key of another keyboard may bring another layout.
    source.windows.hold_shift(false);
    let sleeps = source.sleeps();
    let windows = &source.windows;
    let other = windows.open(Some(b"two\0Two\0"));
    windows.set_title(other, b"a title");
    windows.set_wm_class(other, b"three\0Three\0");
    windows.set_root_title(b"12:00");
    for is_down in [true, false] {
        windows.hold_shift(is_down);
    }
    windows.close(other);
    assert_eq!(source.sleeps(), sleeps);
    source.end();
}

#[test]
fn a_title_that_flickers_wakes_the_thread_a_few_times_a_second_and_one_that_changes_now_and_then_once() {
    let source = AtRest::start();
    let before = source.sleeps();
    for title in [b"1", b"2", b"3"] {
        source.windows.set_title(source.one, title);
        std::thread::sleep(Duration::from_millis(700));
    }
    let now_and_then = source.sleeps();
    assert!((3..=6).contains(&(now_and_then - before)), "{before} {now_and_then}");

    let (begun, mut titles) = (Instant::now(), 0u32);
    while begun.elapsed() < Duration::from_secs(2) {
        source.windows.set_title(source.one, &titles.to_ne_bytes());
        titles += 1;
    }
    let flood = source.sleeps() - now_and_then;
    println!("{titles} titles in 2 s: {flood} times awake");
    assert!(titles > 1000 && flood <= 60, "{titles} titles, {flood} times awake");
    source.end();
}
