//! The focused application, followed on real X servers.

#[path = "support/log.rs"]
mod log;
#[path = "support/xproxy.rs"]
mod xproxy;
#[path = "support/xserver.rs"]
mod xserver;
#[path = "support/xwindows.rs"]
mod xwindows;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seclyzer::sources::x11::{self, App, Environment, Error, Update};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use xproxy::XProxy;
use xserver::{XServer, socket_path, unused_display};
use xwindows::Windows;

const LIMIT: Duration = Duration::from_secs(60);

/// The source under test, running as a task.
struct Follower {
    updates: mpsc::Receiver<Update>,
    task: JoinHandle<()>,
}

impl Follower {
    fn of(environment: Environment) -> Follower {
        let (sender, updates) = mpsc::channel(16);
        Follower { updates, task: tokio::spawn(x11::run(environment, sender)) }
    }

    fn on(display: String) -> Follower {
        Follower::of(environment(display))
    }

    async fn next(&mut self) -> Option<Update> {
        tokio::time::timeout(LIMIT, self.updates.recv()).await.expect("an update in time")
    }

    async fn expect(&mut self, update: Update) {
        assert_eq!(self.next().await, Some(update));
    }

    /// Skips updates up to the one that is waited for.
    async fn wait_for(&mut self, update: Update) {
        loop {
            let next = self.next().await;
            if next.as_ref() == Some(&update) {
                return;
            }
            assert!(next.is_some(), "ended while waiting for {update:?}");
        }
    }

    async fn expect_end(mut self) {
        assert_eq!(self.next().await, None);
        tokio::time::timeout(LIMIT, self.task).await.expect("an end in time").unwrap();
    }
}

fn environment(display: String) -> Environment {
    Environment { display: Some(display), session_type: Some("x11".into()), ..Environment::default() }
}

fn focus(name: &str, class: &str) -> Update {
    Update::Focus(Some(App { name: name.into(), class: class.into() }))
}

const NOTHING: Update = Update::Focus(None);

/// Windows `one` and `two` on a new display; `one` is the active one and has been reported.
async fn two_windows() -> (XServer, Windows, [u32; 2], Follower) {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let one = windows.open(Some(b"one\0One\0"));
    let two = windows.open(Some(b"two\0Two\0"));
    windows.activate(one);
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;
    (server, windows, [one, two], follower)
}

#[tokio::test]
async fn every_change_of_the_active_window_is_told_with_both_halves_of_its_wm_class() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    windows.activate(two);
    follower.expect(focus("two", "Two")).await;
    windows.activate(one);
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn another_window_of_the_same_application_is_told_and_the_same_window_is_not_told_twice() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    let dialogue_of_one = windows.open(Some(b"one\0One\0"));
    for window in [dialogue_of_one, one] {
        windows.activate(window);
        follower.expect(focus("one", "One")).await;
    }
    windows.activate(one);
    windows.activate(two);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn of_two_windows_without_a_name_each_is_told() {
    let (_server, windows, _, mut follower) = two_windows().await;
    for _ in 0..2 {
        windows.activate(windows.open(None));
        follower.expect(NOTHING).await;
    }
}

#[tokio::test]
async fn a_program_that_takes_the_keyboard_and_gives_it_back_is_told_though_no_other_window_becomes_active() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    windows.give_keyboard(one);
    let lock = windows.grab_keyboard();
    follower.expect(focus("one", "One")).await;
    drop(lock);
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn however_fast_the_focus_changes_the_last_change_is_told() {
    let (_server, mut windows, [one, two], mut follower) = two_windows().await;
    for round in 0..20 {
        let last = format!("last{round}");
        let wm_class = last.clone();
        // On a thread of its own, so that changes come while an answer about an earlier one is under way.
        let changes = std::thread::spawn(move || {
            let last = windows.open(Some(wm_class.as_bytes()));
            for _ in 0..50 {
                windows.activate(one);
                windows.activate(two);
            }
            windows.activate(last);
            windows
        });
        follower.wait_for(focus(&last, "")).await;
        windows = changes.join().unwrap();
    }
}

#[tokio::test]
async fn with_a_window_manager_and_two_programs_the_focus_is_followed_from_one_to_the_other_until_both_are_closed() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let home = tempfile::tempdir().unwrap();
    let _window_manager = server.run("openbox", &["--sm-disable"], home.path());
    windows.wait_for_window_manager();
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;

    let xterm = |name, class| server.run("xterm", &["-name", name, "-class", class, "-e", "sleep", "600"], home.path());
    let first = xterm("first", "First");
    follower.expect(focus("first", "First")).await;
    let second = xterm("second", "Second");
    follower.expect(focus("second", "Second")).await;
    windows.ask_for_focus(b"first\0First\0");
    follower.expect(focus("first", "First")).await;
    windows.ask_for_focus(b"second\0Second\0");
    follower.expect(focus("second", "Second")).await;

    second.kill();
    follower.expect(focus("first", "First")).await;
    first.kill();
    follower.expect(NOTHING).await;
}

#[tokio::test]
async fn a_moment_without_an_active_window_between_two_is_not_told() {
    let (_server, windows, [_, two], mut follower) = two_windows().await;
    windows.activate(x11rb::NONE);
    tokio::time::sleep(Duration::from_millis(20)).await;
    windows.activate(two);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn no_active_window_is_told_when_it_lasts() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    windows.activate(x11rb::NONE);
    follower.expect(NOTHING).await;
    windows.activate(one);
    follower.expect(focus("one", "One")).await;
}

#[tokio::test]
async fn a_closed_window_loses_the_focus_even_while_it_is_still_called_the_active_one() {
    let (_server, windows, [one, two], mut follower) = two_windows().await;
    windows.close(one);
    follower.expect(NOTHING).await;
    assert_eq!(windows.active_window(), Some(one));
    windows.activate(two);
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn an_active_window_that_has_vanished_is_unknown_and_stops_nothing() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    let vanished = windows.open(Some(b"gone\0Gone\0"));
    windows.close(vanished);
    windows.activate(vanished);
    follower.expect(NOTHING).await;
    for _ in 0..100 {
        let short_lived = windows.open(Some(b"brief\0Brief\0"));
        windows.activate(short_lived);
        windows.close(short_lived);
    }
    windows.activate(one);
    follower.wait_for(focus("one", "One")).await;
}

#[tokio::test]
async fn a_wm_class_that_comes_after_the_focus_is_told() {
    let (_server, windows, _, mut follower) = two_windows().await;
    let late = windows.open(None);
    windows.activate(late);
    follower.expect(NOTHING).await;
    windows.set_title(late, b"still starting");
    windows.set_wm_class(late, b"late\0Late\0");
    follower.expect(focus("late", "Late")).await;
}

#[tokio::test]
async fn a_hostile_wm_class_gives_a_bounded_name_or_none_and_stops_nothing() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    let megabyte = vec![b'a'; 1 << 20];
    let megabyte_of_class = [b"short\0", &megabyte[..]].concat();
    let unknown: [&[u8]; 4] = [b"", b"\0\0", b"\x1b\x01\0\n\0", &megabyte];
    let named: [(&[u8], Update); 4] = [
        (b"no nul", focus("no nul", "")),
        (b"\xff\xfe\0\xe9\0", focus("ÿþ", "é")),
        (b"a\x1b[31m\0B\r\n\0", focus("a[31m", "B")),
        (&megabyte_of_class, focus("short", "")),
    ];
    for wm_class in unknown {
        windows.activate(windows.open(Some(wm_class)));
        follower.expect(NOTHING).await;
        windows.activate(one);
        follower.expect(focus("one", "One")).await;
    }
    for (wm_class, expected) in named {
        windows.activate(windows.open(Some(wm_class)));
        follower.expect(expected).await;
    }
    let of_numbers = windows.open(None);
    windows.set_wm_class_of_numbers(of_numbers, &[0x6d72_6574; 4]);
    windows.activate(of_numbers);
    follower.expect(NOTHING).await;
}

#[tokio::test]
async fn an_active_window_that_is_no_window_is_nothing_and_stops_nothing() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    let nonsense: [&dyn Fn(); 4] = [
        &|| windows.activate(windows.root),
        &|| windows.set_active_window_text(b"one"),
        &|| windows.set_active_window(&[]),
        &|| windows.activate(u32::MAX),
    ];
    for say in nonsense {
        say();
        follower.expect(NOTHING).await;
        windows.activate(one);
        follower.expect(focus("one", "One")).await;
    }
}

#[tokio::test]
async fn when_the_server_dies_the_focus_is_unknown_and_its_successor_is_found() {
    log::keep();
    let number = unused_display();
    let server = XServer::start_on(number);
    let windows = Windows::on(&server);
    windows.activate(windows.open(Some(b"one\0One\0")));
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;

    server.kill();
    follower.expect(NOTHING).await;
    follower.expect(Update::Lost).await;

    let server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
    let windows = Windows::on(&server);
    windows.activate(windows.open(Some(b"two\0Two\0")));
    follower.wait_for(focus("two", "Two")).await;

    let lines = log::lines();
    assert_eq!(lines[0], "INFO seclyzer::sources::x11: ✓ App Tracker initialized and ready");
    assert!(lines[1].starts_with("WARN seclyzer::sources::x11: lost the X server: "), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "INFO seclyzer::sources::x11: connected to the X server again");
    assert!(lines.len() <= 4, "{lines:?}");
}

/// Measures the longest time for which the runtime did nothing else.
async fn watch_pace(longest_gap: &mut Duration) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        *longest_gap = (*longest_gap).max(last.elapsed());
        last = Instant::now();
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_holds_up_nothing_and_its_successor_is_found() {
    log::keep();
    let number = unused_display();
    // The first X server on a machine makes the directory of the sockets.
    drop(XServer::start());
    // The kernel accepts for a listener that never looks.
    let silent = UnixListener::bind(socket_path(number)).unwrap();
    let mut follower = Follower::on(format!(":{number}"));
    let mut longest_gap = Duration::ZERO;
    tokio::select! {
        () = watch_pace(&mut longest_gap) => {}
        () = follower.expect(NOTHING) => {}
    }
    assert!(longest_gap < Duration::from_secs(1), "{longest_gap:?}");
    assert!(log::lines()[0].contains("the X server gave no answer within 3 s"), "{:?}", log::lines());

    drop(silent);
    std::fs::remove_file(socket_path(number)).unwrap();
    let _server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_while_it_is_asked_is_given_up_and_found_again() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let [one, two] = [&b"one\0One\0"[..], b"two\0Two\0"].map(|wm_class| windows.open(Some(wm_class)));
    windows.activate(one);
    let proxy = XProxy::before(&server);
    let mut follower = Follower::on(proxy.display());
    follower.expect(Update::Ready).await;
    follower.expect(focus("one", "One")).await;

    proxy.set_deaf(true);
    windows.activate(two);
    let mut longest_gap = Duration::ZERO;
    tokio::select! {
        () = watch_pace(&mut longest_gap) => {}
        () = follower.expect(NOTHING) => {}
    }
    assert!(longest_gap < Duration::from_secs(1), "{longest_gap:?}");
    follower.expect(Update::Lost).await;
    proxy.set_deaf(false);
    follower.expect(Update::Ready).await;
    follower.expect(focus("two", "Two")).await;
}

#[tokio::test]
async fn a_server_that_appears_later_is_found_and_the_log_says_once_that_there_was_none() {
    log::keep();
    let number = unused_display();
    let mut follower = Follower::on(format!(":{number}"));
    follower.expect(NOTHING).await;
    // Long enough for at least one attempt more to fail.
    assert!(tokio::time::timeout(Duration::from_millis(1500), follower.updates.recv()).await.is_err());
    let _server = XServer::start_on(number);
    follower.expect(Update::Ready).await;
    let lines = log::lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("INFO") && lines[0].contains("no X server on DISPLAY="), "{lines:?}");
    assert!(lines[1].ends_with("✓ App Tracker initialized and ready"), "{lines:?}");
}

fn add_cookie(file: &Path, display: &str, cookie: &str) {
    let mut xauth = Command::new("xauth");
    let status = xauth.arg("-qf").arg(file).args(["add", display, ".", cookie]).stderr(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_wrong_cookie_is_refused_with_a_clear_line_and_a_right_one_is_picked_up_without_a_restart() {
    const COOKIE: &str = "00112233445566778899aabbccddeeff";
    const WRONG_COOKIE: &str = "ffeeddccbbaa99887766554433221100";
    log::keep();
    let directory = tempfile::tempdir().unwrap();
    let servers_file = directory.path().join("server");
    add_cookie(&servers_file, ":0", COOKIE);
    let server = XServer::start_with_authority(&servers_file);
    let file = directory.path().join("client");
    add_cookie(&file, &server.display(), WRONG_COOKIE);

    let environment = Environment { xauthority: Some(file.clone()), ..environment(server.display()) };
    assert!(matches!(x11::check(&environment).await, Err(Error::Refused { .. })));
    let mut follower = Follower::of(environment.clone());
    follower.expect(NOTHING).await;
    let line = log::lines().remove(0);
    assert!(line.starts_with("WARN") && line.contains("refused") && line.contains(file.to_str().unwrap()), "{line}");

    add_cookie(&file, &server.display(), COOKIE);
    follower.expect(Update::Ready).await;
    x11::check(&environment).await.unwrap();
    let everything = log::lines().concat();
    assert!(!everything.contains(COOKIE) && !everything.contains(WRONG_COOKIE), "{everything}");
}

#[tokio::test]
async fn where_no_server_can_be_followed_one_line_says_so_and_that_is_all() {
    let on = |display: &str| environment(display.into());
    let wayland = Environment { session_type: Some("wayland".into()), ..on(":0") };
    let wayland_display = Environment { session_type: None, wayland_display: Some("wayland-0".into()), ..on(":0") };
    for (environment, said) in [
        (wayland, "Wayland"),
        (wayland_display, "Wayland"),
        (Environment::default(), "DISPLAY is not set"),
        (on("nonsense"), "DISPLAY=\"nonsense\""),
        (on(":65535"), "DISPLAY=\":65535\""),
    ] {
        log::keep();
        let mut follower = Follower::of(environment);
        follower.expect(NOTHING).await;
        follower.expect_end().await;
        let lines = log::lines();
        assert!(lines.len() == 1 && lines[0].contains(said), "{lines:?}");
    }
}

#[tokio::test]
async fn it_ends_when_nobody_listens_any_more() {
    let (_server, _windows, _, follower) = two_windows().await;
    drop(follower.updates);
    tokio::time::timeout(LIMIT, follower.task).await.expect("an end in time").unwrap();
}

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
async fn the_server_is_asked_for_the_active_window_and_wm_class_and_never_for_a_title() {
    use x11rb::protocol::xproto;
    let server = XServer::start();
    let windows = Windows::on(&server);
    let proxy = XProxy::before(&server);
    let mut follower = Follower::on(proxy.display());
    follower.expect(Update::Ready).await;
    follower.expect(NOTHING).await;
    for (wm_class, name) in [(&b"one\0One\0"[..], focus("one", "One")), (b"two\0Two\0", focus("two", "Two"))] {
        let window = windows.open(Some(wm_class));
        windows.set_title(window, b"a secret");
        windows.activate(window);
        follower.expect(name).await;
        windows.set_title(window, b"another secret");
    }

    let sent = proxy.asked();
    let requests = requests(&sent);
    let opcodes: BTreeSet<u8> = requests.iter().map(|request| request[0]).collect();
    let known = [xproto::CHANGE_WINDOW_ATTRIBUTES_REQUEST, xproto::INTERN_ATOM_REQUEST, xproto::GET_PROPERTY_REQUEST];
    assert_eq!(opcodes, BTreeSet::from(known));
    let property = |request: &[u8]| u32::from_ne_bytes(request[8..12].try_into().unwrap());
    let asked: BTreeSet<u32> = requests
        .iter()
        .filter(|request| request[0] == xproto::GET_PROPERTY_REQUEST)
        .map(|request| property(request))
        .collect();
    let wm_class = u32::from(xproto::AtomEnum::WM_CLASS);
    assert_eq!(asked, BTreeSet::from([windows.active_window_atom(), wm_class]));
}

/// How often a thread of this process has gone to sleep so far.
fn sleeps_of(thread: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn while_the_focus_stays_where_it_is_the_thread_never_wakes() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    let one = windows.open(Some(b"one\0One\0"));
    windows.activate(one);
    let (sender, mut updates) = mpsc::channel(16);
    let environment = environment(server.display());
    let (name_sender, name) = std::sync::mpsc::channel();
    let agent = std::thread::spawn(move || {
        name_sender.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(x11::run(environment, sender));
    });
    assert_eq!(updates.blocking_recv(), Some(Update::Ready));
    assert_eq!(updates.blocking_recv(), Some(focus("one", "One")));

    let thread = name.recv().unwrap().to_str().unwrap().to_owned();
    let settled_by = Instant::now() + LIMIT;
    let sleeps = loop {
        let sleeps = sleeps_of(&thread);
        std::thread::sleep(Duration::from_millis(200));
        if sleeps == sleeps_of(&thread) {
            break sleeps;
        }
        assert!(Instant::now() < settled_by, "never at rest");
    };
    // A title that changes, as that of a player or a terminal does all the time, is nothing to wake for either.
    for title in [b"1", b"2", b"3"] {
        windows.set_title(one, title);
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(sleeps_of(&thread), sleeps);

    drop(updates);
    agent.join().unwrap();
}
