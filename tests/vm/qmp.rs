//! QEMU's control connection: JSON lines over a Unix socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Takes a fresh connection (with a read time-out) through its greeting.
    pub fn new(stream: UnixStream) -> Self {
        let mut qmp = Qmp { stream: BufReader::new(stream) };
        qmp.receive();
        qmp.execute("qmp_capabilities", json!({}));
        qmp
    }

    /// Gives what the command returns.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{request}").expect("QEMU listens");
        let mut answer = loop {
            let message = self.receive();
            if message.get("event").is_none() {
                break message;
            }
        };
        assert!(answer.get("return").is_some(), "QEMU refused {request}: {answer}");
        answer["return"].take()
    }

    /// Waits for an event about a device.
    pub fn await_event(&mut self, event: &str, device: &str) {
        while !matches!(self.receive(), message if message["event"] == event && message["data"]["device"] == device) {}
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("QEMU answers in time");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not QMP: {line:?}: {error}"))
    }
}
