//! The live state over the end of a process, killed or not: with a service manager's socket and real processes.

mod support;

use seclyzer::agent::live_state::LiveState;
use seclyzer::agent::notify::ServiceManager;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use support::manager::{Manager, REMOVE, STORE};

const SIZE: usize = 256 << 10;
const LENGTH: usize = 100_000;
/// For the process that this program starts as itself: what it is to do.
const TASK: &str = "LIVE_STATE_TASK";

/// Starts this program as the service, with what is stored.
fn start_service(manager: &Manager, task: &str) -> Service {
    let mut service = Command::new(std::env::current_exe().expect("this program"));
    service.args(["--exact", "the_service", "--nocapture", "--include-ignored"]).env(TASK, task);
    let mut command = manager.supervise(&service);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    Service { child, lines }
}

struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Service {
    /// The rest of the next line that begins so.
    fn line(&mut self, beginning: &str) -> String {
        loop {
            let line = self.lines.next().expect("it has more to say").expect("a text");
            // The test harness begins the line with the test's name.
            if let Some((_, rest)) = line.split_once(beginning) {
                return rest.to_owned();
            }
        }
    }

    /// Kills it; the rest of the last line that it said and that begins so.
    fn kill(mut self, beginning: &str) -> Option<String> {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
        let lines: Vec<String> = self.lines.map(|line| line.expect("a text")).collect();
        lines.iter().rev().find_map(|line| line.strip_prefix(beginning).map(str::to_owned))
    }
}

/// Not a test: what the processes do that the tests start.
#[test]
#[ignore = "a process of the other tests"]
fn the_service() {
    let Ok(task) = std::env::var(TASK) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut manager = ServiceManager::of_this_process();
    if task == "discard" {
        LiveState::discard(&mut manager);
        println!("done: ");
        return;
    }
    let mut state = LiveState::inherited_or_new(&mut manager, SIZE).expect("kept");
    let found = state.read();
    let is_of_one_write =
        found.as_ref().is_none_or(|found| found.len() == LENGTH && found.iter().all(|b| *b == found[0]));
    println!(
        "found: {}",
        match &found {
            None => "nothing".into(),
            Some(found) if is_of_one_write => found[0].to_string(),
            Some(_) => "a torn snapshot".into(),
        }
    );
    let mut byte = found.map_or(0, |found| found[0]);
    loop {
        byte = byte.wrapping_add(1);
        assert!(state.write(|file| file.put(&vec![byte; LENGTH])));
        println!("written: {byte}");
        if task == "once" {
            return;
        }
    }
}

#[test]
fn the_next_process_reads_what_the_one_before_it_wrote() {
    let mut manager = Manager::start();
    let mut first = start_service(&manager, "once");
    assert_eq!(manager.hear(), REMOVE);
    assert_eq!(manager.hear(), STORE);
    assert_eq!(first.line("found: "), "nothing");
    assert!(first.child.wait().expect("a process of ours").success());
    for last in ["1", "2"] {
        let mut next = start_service(&manager, "once");
        assert_eq!(next.line("found: "), last);
        assert!(next.child.wait().expect("a process of ours").success());
    }
    assert_eq!(manager.heard(), [""; 0], "it is stored once");
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_a_whole_snapshot() {
    let mut manager = Manager::start();
    let mut service = start_service(&manager, "for ever");
    manager.hear();
    manager.hear();
    service.line("found: ");
    for round in 0..20 {
        // A different moment of the write each time.
        let mut last = String::new();
        for _ in 0..=round {
            last = service.line("written: ");
        }
        let last: u8 = service.kill("written: ").unwrap_or(last).parse().expect("a number");
        service = start_service(&manager, "for ever");
        let found = service.line("found: ");
        // It may have been killed between the end of a write and the line that says so.
        assert!([last, last.wrapping_add(1)].map(|byte| byte.to_string()).contains(&found), "{found} after {last}");
    }
    service.kill("written: ");
}

#[test]
fn a_stored_descriptor_of_another_size_is_replaced_and_an_unwanted_one_dropped() {
    let mut manager = Manager::start();
    let other = std::fs::File::open("/dev/null").expect("a device");
    manager.stored = Some(other.into());
    let mut service = start_service(&manager, "once");
    assert_eq!(service.line("found: "), "nothing");
    assert_eq!(manager.hear(), REMOVE);
    assert_eq!(manager.hear(), STORE);
    assert!(service.child.wait().expect("a process of ours").success());

    start_service(&manager, "discard").line("done: ");
    assert_eq!(manager.hear(), REMOVE);
}
