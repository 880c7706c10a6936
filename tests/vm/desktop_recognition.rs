//! Two people at a real kernel's keyboard: the agent learns its owner over restarts, a crash and a reboot, and notices who
//! is not.

use std::thread::sleep;
use std::time::Duration;

use seclyzer::recognition::{Readiness, Recognition, Settings};

use crate::agent::binary_at;
use crate::alice::{BUILT, Desk, HARDENED, USER_WAY};
use crate::archive::Import;
use crate::desktop::LIMIT;
use crate::devices::{Device, program};
use crate::harness::{Guest, Process};
use crate::leaks::{MARKER, leaks};
use crate::typists::{Person, Stroke, events, script};

const KEYBOARD: &str = "Typists Keyboard";
const CONFIG: &str = "\
[redis]
enabled = true
url = \"redis://127.0.0.1:6379\"
stream = true
[recognition]
ready_strokes = 500";
const READY: u64 = 500;
const ON_FROM_BEFORE: &str = "recognition goes on from where the last process left it";
/// Changes of state, as `from>to reason`, in order.
const DECISIONS: &str = "SELECT from_state || '>' || to_state || ' ' || reason FROM decisions ORDER BY id";

/// The guest's program; here `/bin` is a link.
pub fn typewriter() -> Import {
    Import { guest: "/usr/bin/vm-uinput".into(), ..program() }
}

pub fn owner() -> Person {
    Person::new(2, 90.0, 80.0, 0)
}

pub fn stranger() -> Person {
    Person::new(102, 145.0, 60.0, 0)
}

/// Somebody at the desk.
pub struct Work {
    pub desk: Desk,
    keyboard: Device,
    /// What Redis is told, and what a subscriber to decisions is.
    monitor: Process,
    subscriber: Process,
    /// Decisions from before there was the subscriber.
    before: usize,
}

impl Work {
    /// At a desk where the agent runs.
    pub fn begin(mut desk: Desk) -> Work {
        // Those from before are not told any more.
        let before = desk.query(DECISIONS).lines().count();
        let delivered = format!("[ $(redis-cli XLEN seclyzer:stream:decisions) = {before} ]");
        desk.guest.poll(&delivered, LIMIT);
        let monitor = desk.guest.spawn("redis-cli MONITOR");
        let subscriber = desk.guest.spawn("redis-cli SUBSCRIBE seclyzer:decisions");
        desk.guest.poll(&format!("grep -q OK {} && grep -q subscribe {}", monitor.stdout, subscriber.stdout), LIMIT);
        desk.guest.run("modprobe uinput");
        let keyboard = desk.guest.make_device("keyboard", KEYBOARD);
        desk.poll_for("the keyboard is read", |desk| {
            let devices = desk.status()["devices"].as_array()?.clone();
            devices.iter().any(|node| node["name"] == KEYBOARD && node["state"] == "read").then_some(())
        });
        desk.guest.click_into("editor");
        // Where it is typed to nobody understands it.
        desk.guest.type_text("cat\n");
        Work { desk, keyboard, monitor, subscriber, before }
    }

    /// Types it in its own time, and waits until it is judged and the interval with the last stroke is over.
    pub fn type_strokes(&mut self, strokes: &[Stroke]) {
        let end_us = self.put_strokes(strokes);
        self.desk.await_row(&format!("SELECT 1 FROM scores WHERE window_end >= {end_us} LIMIT 1"));
    }

    /// Types it in its own time, and waits until the kernel has it all; when the last stroke was.
    pub fn put_strokes(&mut self, strokes: &[Stroke]) -> i64 {
        let guest = &mut self.desk.guest;
        let Process { stdin, stdout, .. } = &self.keyboard.process;
        let script = script(strokes);
        let lines = format!("wc -l <{stdout}");
        let before: usize = guest.run(&lines).parse().expect("a number");
        guest.write_file(stdin, &script);
        // Meanwhile nothing is started there, which would disturb who types.
        let time_us = strokes.last().expect("a stroke").release_us - strokes[0].press_us;
        sleep(Duration::from_micros(time_us.unsigned_abs()));
        let expected = before + script.lines().count();
        guest.poll_for("all is typed", LIMIT, |guest| {
            (guest.run(&lines).parse::<usize>().expect("a number") >= expected).then_some(())
        });
        let offset = "echo $(($(date +%s%6N) - $(cut -d ' ' -f 1 /proc/uptime | tr -d .) * 10000))";
        let offset_us: i64 = guest.run(offset).parse().expect("a number");
        let last = guest.run(&format!("tail -n 1 {stdout}"));
        let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        last["us"].as_i64().expect("a time") + offset_us
    }

    /// The owner types until enough is learnt to judge by.
    fn become_known(&mut self, owner: &mut Person) {
        for _ in 0..10 {
            self.type_strokes(&owner.type_lines(1, MARKER));
            if self.state() == "owner" {
                break;
            }
        }
        assert!(self.state() == "owner" && self.learnt() >= READY, "{} strokes are learnt", self.learnt());
    }

    pub fn state(&mut self) -> String {
        self.recognition()["state"].as_str().expect("a state").to_owned()
    }

    /// Strokes learnt, in steps of a hundred.
    pub fn learnt(&mut self) -> u64 {
        self.recognition()["learnt_keys"].as_u64().expect("a count")
    }

    /// Strokes in the stored model.
    fn stored(&mut self) -> u64 {
        let stored = self.desk.query("SELECT counts ->> 'learnt' FROM models WHERE kind = 'keys'");
        stored.parse().expect("a number")
    }

    fn recognition(&mut self) -> serde_json::Value {
        self.desk.status()["recognition"].clone()
    }

    pub fn decisions(&mut self) -> Vec<String> {
        self.desk.query(DECISIONS).lines().map(str::to_owned).collect()
    }

    pub fn journal(&mut self) -> String {
        self.desk.guest.run("journalctl -b -o cat _COMM=seclyzer")
    }

    fn systemctl(&mut self, verb: &str) {
        let command = self.desk.way.show.replace("show", verb);
        let as_whom = if command.contains("--user") { "" } else { "sudo " };
        self.desk.run(&format!("{as_whom}{command}"));
    }

    fn restart(&mut self) {
        self.succeed(|work, _| work.systemctl("restart"));
    }

    fn crash(&mut self) {
        self.succeed(|work, pid| drop(work.desk.guest.run(&format!("kill -9 {pid}"))));
    }

    /// Ends the process; the one after it has lost nothing.
    pub fn succeed(&mut self, end: impl FnOnce(&mut Work, &str)) {
        let (pid, learnt, before) = (self.desk.property("MainPID"), self.learnt(), self.restored());
        end(self, &pid);
        let pid: u64 = pid.parse().expect("a number");
        self.desk.poll_for("another process", |desk| desk.try_status()?["pid"].as_u64().filter(|&now| now != pid));
        self.desk.await_agent();
        assert_eq!(self.restored(), before + 1, "{}", self.journal());
        assert!(self.learnt() >= learnt, "{} of {learnt} strokes are still known", self.learnt());
        assert_eq!(self.desk.property("NFileDescriptorStore"), "1");
    }

    /// How often a process of this boot has gone on from the live state.
    fn restored(&mut self) -> usize {
        self.journal().matches(ON_FROM_BEFORE).count()
    }

    /// Somebody else types until that is noticed, wherever it has to be.
    fn somebody_else_comes(&mut self) {
        let mut stranger = stranger();
        for _ in 0..6 {
            self.type_strokes(&stranger.type_lines(1, MARKER));
            if self.state() == "stranger" {
                break;
            }
        }
        assert_eq!(self.state(), "stranger", "{:?}", self.decisions());
        let decisions = self.decisions();
        let noticed = "doubtful>stranger evidence";
        assert_eq!(decisions.iter().filter(|decision| *decision == noticed).count(), 1, "{decisions:?}");
        self.await_delivery();
        let journal = self.journal();
        assert!(journal.contains("recognition: doubtful -> stranger"), "{journal}");
    }

    /// Waits until stream and subscriber have every decision of the database, each once.
    fn await_delivery(&mut self) {
        let all = self.decisions();
        let stream = "redis-cli XRANGE seclyzer:stream:decisions - +".to_owned();
        let heard = format!("cat {}", self.subscriber.stdout);
        for (source, expected) in [(stream, &all[..]), (heard, &all[self.before..])] {
            self.desk.poll_for(&format!("every decision, once: {source}"), |desk| {
                let text = desk.guest.run(&source);
                let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
                let records = records.filter(serde_json::Value::is_object);
                let decision = |record: serde_json::Value| {
                    let field = |name: &str| record[name].as_str().expect("a text").to_owned();
                    format!("{}>{} {}", field("from"), field("to"), field("reason"))
                };
                (records.map(decision).collect::<Vec<_>>() == expected).then_some(())
            });
        }
    }

    fn confirm(&mut self) {
        let told = self.desk.run(&format!("{} model confirm", self.desk.way.program));
        assert!(told.contains("the state was `stranger` and is `owner`"), "{told}");
        assert_eq!(self.state(), "owner");
        self.desk.await_row("SELECT 1 FROM decisions WHERE reason = 'unlock'");
        self.await_delivery();
        let again = self.desk.run(&format!("{} model confirm", self.desk.way.program));
        assert!(again.contains("no alarm"), "{again}");
    }

    /// Nothing of the texts is where the agent writes to.
    fn check_that_nothing_of_the_texts_is_anywhere(&mut self) {
        let Desk { way, .. } = &self.desk;
        let program = way.program;
        let database = self.desk.run(&format!("echo {}", way.database));
        self.desk.run(&format!("rm -f /tmp/model.json; {program} model export /tmp/model.json"));
        let as_alice = |command: &str| format!("runuser -u alice -- env HOME=/home/alice {command}");
        let sources = [
            (format!("cat {database}"), "SQLite"),
            (format!("cat {database}-wal"), ""),
            (format!("cat {}", self.monitor.stdout), "seclyzer:decisions"),
            ("redis-cli XRANGE seclyzer:stream:features - +".into(), "keystroke"),
            ("redis-cli XRANGE seclyzer:stream:decisions - +".into(), "stranger"),
            (format!("cat {}", self.subscriber.stdout), "stranger"),
            ("journalctl -b -o export _COMM=seclyzer".into(), "recognition"),
            ("cat /tmp/model.json".into(), "trees"),
            (as_alice(&format!("sh -c '{program} status --json'")), "learnt_keys"),
        ];
        for (source, expected) in sources {
            let output = self.desk.guest.run_as("root", &source, LIMIT);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status == 0 && text.contains(expected), "{source} tells nothing: {text}");
            assert_eq!(leaks(&source, &text), [""; 0]);
        }
        let journal = self.desk.guest.run("journalctl -b -o export");
        assert!(!journal.to_lowercase().contains(MARKER));
    }

    /// What is only in memory goes with the service, which `end` stops.
    fn stop(&mut self, end: impl FnOnce(&mut Work)) {
        assert_eq!(self.desk.property("NFileDescriptorStore"), "1");
        end(self);
        self.desk.poll_for("it has stopped", |desk| (desk.property("ActiveState") == "inactive").then_some(()));
        assert_eq!(self.desk.property("NFileDescriptorStore"), "0");
    }
}

#[test]
fn the_hardened_agent_learns_its_owner_over_a_restart_a_crash_and_a_reboot_and_notices_who_is_not() {
    let guest = Guest::desktop(&[binary_at(BUILT), typewriter()]);
    let mut desk = Desk { guest, way: HARDENED };
    desk.guest.run(&format!("mkdir -p /etc/seclyzer; cat >/etc/seclyzer/config.toml <<'END'\n{CONFIG}\nEND"));
    desk.install_hardened(BUILT);
    let (mut work, mut owner) = (Work::begin(desk), owner());

    work.type_strokes(&owner.type_lines(3, MARKER));
    assert!(work.learnt() >= 100, "{}", work.learnt());
    work.restart();
    work.type_strokes(&owner.type_lines(3, MARKER));
    work.crash();
    work.become_known(&mut owner);
    assert_eq!(work.decisions(), ["learning>owner ready"]);

    work.desk.guest.reboot();
    work.desk.await_agent();
    let stored = work.stored();
    assert!(stored >= READY * 3 / 4, "{stored} strokes are stored");
    assert_eq!(
        (work.learnt(), work.restored()),
        ((stored / 100 * 100).min(READY), 0),
        "what was only in memory is gone"
    );

    let mut work = Work::begin(work.desk);
    work.become_known(&mut owner);
    // Of a change from text to a game the first strokes are still judged as text, which may raise an alarm.
    work.type_strokes(&[owner.fill_a_sheet(7), owner.play(10_000_000)].concat());
    work.type_strokes(&[owner.expand(50), owner.type_lines(1, MARKER)].concat());
    let decisions = work.decisions();
    assert!(!decisions.iter().any(|decision| decision.contains("stranger")), "{decisions:?}");

    work.somebody_else_comes();
    work.confirm();
    work.check_that_nothing_of_the_texts_is_anywhere();
    work.stop(|work| work.systemctl("stop"));
}

#[test]
fn the_user_s_agent_goes_on_over_a_restart_and_a_crash_and_notices_who_is_not_its_owner() {
    let guest = Guest::desktop(&[binary_at(BUILT), typewriter()]);
    let mut desk = Desk { guest, way: USER_WAY };
    desk.run(&format!(
        "umask 077; mkdir -p ~/.config/seclyzer; cat >~/.config/seclyzer/config.toml <<'END'\n{CONFIG}\nEND"
    ));
    desk.run(&format!("{BUILT} install"));
    desk.guest.log_out();
    desk.guest.log_in();
    desk.await_agent();
    let mut owner = owner();
    desk.guest.write_file("/tmp/learnt.json", &learnt_elsewhere(&mut owner));
    let told = desk.run(&format!("{} model import --yes /tmp/learnt.json", desk.way.program));
    assert!(told.contains("imported"), "{told}");
    desk.await_row("SELECT 1 FROM decisions WHERE reason = 'imported'");

    let mut work = Work::begin(desk);
    let before = work.stored();
    work.type_strokes(&owner.type_lines(2, MARKER));
    work.restart();
    assert!(work.stored() >= before + 50, "{} strokes are stored after {before}", work.stored());
    work.type_strokes(&owner.type_lines(1, MARKER));
    work.crash();
    assert_eq!(work.state(), "owner");
    work.somebody_else_comes();
    work.restart();
    assert_eq!(work.state(), "stranger", "an alarm outlives a restart");
    work.confirm();
    work.check_that_nothing_of_the_texts_is_anywhere();
    // As logging out does, in time to look at it.
    work.stop(|work| drop(work.desk.run("systemctl --user stop openbox-session.target")));
}

/// The model of an owner who has typed for a quarter of an hour on another machine.
pub fn learnt_elsewhere(owner: &mut Person) -> String {
    let readiness = Readiness { strokes: READY, ..Readiness::default() };
    let mut recognition =
        Recognition::new(Settings { readiness, ..Settings::default() }, None).expect("nothing to be wrong with");
    for stamped in events(&owner.type_lines(80, MARKER)) {
        recognition.push(&stamped, drop);
    }
    recognition.finish(drop);
    String::from_utf8(recognition.stored().to_json()).expect("UTF-8")
}
