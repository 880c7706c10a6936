//! The status socket as any client meets it: what it may send, in which pieces, and what it is answered.

mod support;

use serde_json::Value;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;
use support::LIMIT;
use support::agent::Home;

struct Socket(PathBuf);

impl Socket {
    fn of(home: &Home) -> Socket {
        Socket(format!("{}.sock", home.database().display()).into())
    }

    fn connect(&self) -> UnixStream {
        let client = UnixStream::connect(&self.0).expect("an agent");
        client.set_read_timeout(Some(LIMIT)).expect("a limit");
        client
    }

    /// The answer to whoever sends these pieces and says no more.
    fn answer(&self, pieces: &[&[u8]]) -> Value {
        let mut client = self.connect();
        for piece in pieces {
            client.write_all(piece).expect("an agent that reads");
        }
        client.shutdown(Shutdown::Write).expect("our own half");
        rest(&mut client)
    }
}

/// What the agent answers, up to the end.
fn rest(client: &mut UnixStream) -> Value {
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer in time");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn agent() -> (Home, support::agent::Agent) {
    let home = Home::with_config("[redis]\nenabled = false\n[recognition]\nenabled = false\n");
    let agent = home.start_agent(&[]);
    (home, agent)
}

#[test]
fn whoever_only_reads_or_ends_at_once_or_asks_for_it_gets_the_status() {
    let (home, agent) = agent();
    let socket = Socket::of(&home);
    let pid = Value::from(agent.id());
    assert_eq!(rest(&mut socket.connect())["pid"], pid, "as clients have always done");
    assert_eq!(socket.answer(&[])["pid"], pid);
    assert_eq!(socket.answer(&[b"status\n"])["pid"], pid);
    assert_eq!(socket.answer(&[b"sta", b"tus"])["pid"], pid);
    // A line is answered without the end of what is sent.
    let mut client = socket.connect();
    client.write_all(b"status\n").expect("an agent that reads");
    assert_eq!(rest(&mut client)["pid"], pid);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn what_is_no_request_is_refused_with_those_that_are() {
    let (home, agent) = agent();
    let socket = Socket::of(&home);
    let refusal = |pieces: &[&[u8]]| -> String {
        let answer = socket.answer(pieces);
        answer["refused"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    assert!(refusal(&[b"model frobnicate\n"]).contains("`model confirm`"));
    assert!(refusal(&[b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]).contains("unknown request"));
    assert!(refusal(&[b"model import 99999999\n"]).contains("too large"));
    assert!(refusal(&[b"model import 10\n", b"{}"]).contains("ends before its end"));
    assert!(refusal(&[b"model export\nmodel export\n"]).contains("one request a connection"));
    assert!(refusal(&[b"model import 2\n", b"{}"]).contains("recognition is off"));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn clients_that_stop_in_between_keep_nobody_else_waiting_for_long() {
    let (home, agent) = agent();
    let socket = Socket::of(&home);
    let mut slow: Vec<UnixStream> = (0..8).map(|_| socket.connect()).collect();
    for client in &mut slow {
        client.write_all(b"model import 8000000\n{").expect("room");
    }
    let begun = Instant::now();
    assert_eq!(socket.answer(&[])["pid"], Value::from(agent.id()));
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    for mut client in slow {
        let answer = rest(&mut client);
        assert!(answer["refused"].as_str().is_some_and(|told| told.contains("not complete")), "{answer}");
    }
    assert_eq!(agent.stop(), Some(0));
}
