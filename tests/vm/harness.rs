//! A guest with a real kernel and real input devices, for the length of a test.
//!
//! Its init runs the commands that arrive on a virtio-serial port, one at a time; QMP presses the keys of QEMU's own
//! keyboard and moves its mouse. The guest ends with its value: whatever becomes of the test, no QEMU stays behind.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::archive::{self, Import};
use crate::machine::{HOTPLUG_BUS, Hardware, Machine};
use crate::qmp::Qmp;

/// QEMU's devices, as the guest calls them.
pub const KEYBOARD: &str = "QEMU Virtio Keyboard";
pub const MOUSE: &str = "QEMU Virtio Mouse";

/// Generous, for machines that are slow or busy; a guest usually takes 3 s to boot.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How much longer than the guest's own limit the host waits for an answer.
const ANSWER_SLACK: Duration = Duration::from_secs(10);
/// After a failure: what the programs in the background said.
const MESSAGES: &str = r"find /tmp -name '*.err' -size +0 -exec tail -v -n 40 {} \;";
const MESSAGES_LIMIT: Duration = Duration::from_secs(2);
/// From one try to the next, when something is waited for.
const POLL_PAUSE: Duration = Duration::from_millis(30);
/// A command takes as long there: what is waited for gets half of the guest's time.
pub const DESKTOP_PAUSE: Duration = Duration::from_secs(1);

/// A small guest runs alone: another emulated machine would spoil the timing, which is what is measured there. Desktops
/// run beside each other.
static TURN: RwLock<()> = RwLock::new(());

enum Turn {
    Alone(#[expect(dead_code, reason = "it is held")] RwLockWriteGuard<'static, ()>),
    Beside(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>),
}

impl Turn {
    fn alone() -> Turn {
        Turn::Alone(TURN.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn beside() -> Turn {
        Turn::Beside(TURN.read().unwrap_or_else(PoisonError::into_inner))
    }
}

pub struct Guest {
    port: BufReader<UnixStream>,
    pub qmp: Qmp,
    processes: u32,
    pause: Duration,
    _machine: Machine,
    _turn: Turn,
}

/// What a command did. Its standard error went to the console, which is shown when a test fails.
#[derive(Debug)]
pub struct Output {
    pub status: i32,
    pub stdout: Vec<u8>,
}

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }
}

/// A program in the background of the guest. Its input is a named pipe, what it writes goes to two files.
pub struct Process {
    pub pid: u32,
    pub stdin: String,
    pub stdout: String,
    pub stderr: String,
}

impl Guest {
    pub fn boot(imports: &[Import]) -> Guest {
        Guest::boot_with(Hardware::Virtio, imports)
    }

    pub fn boot_with(hardware: Hardware, imports: &[Import]) -> Guest {
        let turn = Turn::alone();
        let mut guest = Guest::on(Machine::start(hardware, archive::pack(imports)), turn, POLL_PAUSE);
        guest.await_boot(BOOT_LIMIT);
        match hardware {
            Hardware::Virtio | Hardware::VirtioSteady | Hardware::WithoutLandlock => {}
            Hardware::Ps2 => drop(guest.run("insert ps2")),
            Hardware::Usb => drop(guest.run("insert usb")),
        }
        guest
    }

    /// A desktop, on the machine that is started when it is its turn.
    pub fn on_desktop(start: impl FnOnce() -> (Machine, UnixStream, UnixStream)) -> Guest {
        let turn = Turn::beside();
        Guest::on(start(), turn, DESKTOP_PAUSE)
    }

    fn on((machine, port, qmp): (Machine, UnixStream, UnixStream), turn: Turn, pause: Duration) -> Guest {
        qmp.set_read_timeout(Some(COMMAND_LIMIT)).expect("a time-out above zero");
        let port = BufReader::new(port);
        Guest { port, qmp: Qmp::new(qmp), processes: 0, pause, _machine: machine, _turn: turn }
    }

    /// Waits until the guest does what the host asks for.
    pub fn await_boot(&mut self, limit: Duration) {
        assert_eq!(self.read_line(limit).expect("the guest boots"), "ready");
    }

    /// Runs a shell command as root and requires that it succeeds.
    pub fn run(&mut self, command: &str) -> String {
        let output = self.try_run(command);
        assert_eq!(output.status, 0, "in the guest: {command}: {output:?}");
        output.text()
    }

    pub fn try_run(&mut self, command: &str) -> Output {
        self.run_as("root", command, COMMAND_LIMIT)
    }

    /// Runs a shell command as a user of the guest: root, or agent, who is in the group input. One that takes longer
    /// than the limit is ended.
    pub fn run_as(&mut self, user: &str, command: &str, limit: Duration) -> Output {
        self.exchange(user, command, limit).unwrap_or_else(|error| panic!("in the guest: {command}: {error}"))
    }

    fn exchange(&mut self, user: &str, command: &str, limit: Duration) -> io::Result<Output> {
        let request = format!("{user} {} {}\n{command}", limit.as_secs(), command.len());
        self.port.get_mut().write_all(request.as_bytes())?;
        let answer = self.read_line(limit + ANSWER_SLACK)?;
        let (status, size) = answer.split_once(' ').ok_or(ErrorKind::InvalidData)?;
        let [status, size] = [status, size].map(|number| number.parse().map_err(io::Error::other));
        let mut stdout = vec![0; size? as usize];
        self.port.read_exact(&mut stdout)?;
        Ok(Output { status: status?, stdout })
    }

    fn read_line(&mut self, limit: Duration) -> io::Result<String> {
        self.port.get_mut().set_read_timeout(Some(limit))?;
        let mut line = String::new();
        self.port.read_line(&mut line)?;
        line.pop().map(|_| line).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    /// Repeats a command until it succeeds, and gives what it printed.
    pub fn poll(&mut self, command: &str, limit: Duration) -> String {
        self.poll_for(command, limit, |guest| {
            let output = guest.try_run(command);
            (output.status == 0).then(|| output.text())
        })
    }

    /// Repeats a question until it has an answer.
    pub fn poll_for<T>(&mut self, what: &str, limit: Duration, ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        poll_for(self, what, self.pause, limit, ask)
    }

    pub fn read_file(&mut self, path: &str) -> Vec<u8> {
        let output = self.try_run(&format!("cat '{path}'"));
        assert_eq!(output.status, 0, "in the guest: no file {path}");
        output.stdout
    }

    /// Writes lines of text to a file, or into a pipe.
    pub fn write_file(&mut self, path: &str, text: &str) {
        self.run(&format!("cat >'{path}' <<'END'\n{}\nEND", text.trim_end()));
    }

    /// Starts one program in the background.
    pub fn spawn_as(&mut self, user: &str, command: &str) -> Process {
        self.processes += 1;
        let [stdin, stdout, stderr] = ["in", "out", "err"].map(|end| format!("/tmp/{}.{end}", self.processes));
        let script = format!("mkfifo {stdin} && {{ {command} <>{stdin} >{stdout} 2>{stderr} & echo $!; }}");
        let output = self.run_as(user, &script, COMMAND_LIMIT);
        let pid = output.text().parse().unwrap_or_else(|_| panic!("in the guest: {command}: {output:?}"));
        Process { pid, stdin, stdout, stderr }
    }

    pub fn spawn(&mut self, command: &str) -> Process {
        self.spawn_as("root", command)
    }

    /// Ends a program and waits until it has.
    pub fn stop(&mut self, process: &Process, limit: Duration) {
        self.run(&format!("kill {}", process.pid));
        self.poll(&format!("! kill -0 {} 2>/dev/null", process.pid), limit);
    }

    /// The node of the input device with this name, as soon as there is one.
    pub fn node(&mut self, device: &str) -> String {
        let find = format!(
            "for d in /sys/class/input/event*; do [ \"$(cat $d/device/name)\" = '{device}' ] && echo /dev/input/${{d##*/}} && exit; done; false"
        );
        self.poll(&find, COMMAND_LIMIT)
    }

    pub fn key_down(&mut self, key: &str) {
        self.input(json!([key_event(key, true)]));
    }

    pub fn key_up(&mut self, key: &str) {
        self.input(json!([key_event(key, false)]));
    }

    /// Presses a key for some time.
    pub fn tap(&mut self, key: &str, hold: Duration) {
        self.key_down(key);
        sleep(hold);
        self.key_up(key);
    }

    pub fn rel_motion(&mut self, dx: i32, dy: i32) {
        let axis = |axis, value| json!({ "type": "rel", "data": { "axis": axis, "value": value } });
        self.input(json!([axis("x", dx), axis("y", dy)]));
    }

    /// Moves a tablet's pen; both axes go from 0 to 32767.
    pub fn move_to(&mut self, x: i32, y: i32) {
        let axis = |axis, value| json!({ "type": "abs", "data": { "axis": axis, "value": value } });
        self.input(json!([axis("x", x), axis("y", y)]));
    }

    /// `left`, `right` or `middle`.
    pub fn button(&mut self, button: &str, down: bool) {
        self.input(json!([{ "type": "btn", "data": { "button": button, "down": down } }]));
    }

    /// Turns the wheel; up is positive.
    pub fn wheel(&mut self, detents: i32) {
        let button = if detents > 0 { "wheel-up" } else { "wheel-down" };
        for _ in 0..detents.abs() {
            self.button(button, true);
            self.button(button, false);
        }
    }

    /// QEMU hands these to the virtio devices: whichever device of a kind the guest has enabled last.
    fn input(&mut self, events: Value) {
        self.qmp.execute("input-send-event", json!({ "events": events }));
    }

    /// Plugs in one of QEMU's devices, such as `virtio-keyboard-pci`. There is room for one at a time.
    pub fn plug(&mut self, driver: &str, id: &str) {
        self.qmp.execute("device_add", json!({ "driver": driver, "id": id, "bus": HOTPLUG_BUS }));
    }

    pub fn unplug(&mut self, id: &str) {
        self.qmp.execute("device_del", json!({ "id": id }));
        self.qmp.await_event("DEVICE_DELETED", id);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if panicking()
            && let Ok(messages) = self.exchange("root", MESSAGES, MESSAGES_LIMIT)
        {
            eprintln!("--- programs in the guest\n{}", messages.text());
        }
    }
}

/// Repeats a question until it has an answer, with a pause from one time to the next.
pub fn poll_for<S, T>(
    subject: &mut S,
    what: &str,
    pause: Duration,
    limit: Duration,
    mut ask: impl FnMut(&mut S) -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask(subject) {
            return answer;
        }
        assert!(Instant::now() < deadline, "in the guest, not within {limit:?}: {what}");
        sleep(pause);
    }
}

fn key_event(key: &str, down: bool) -> Value {
    json!({ "type": "key", "data": { "down": down, "key": { "type": "qcode", "data": key } } })
}
