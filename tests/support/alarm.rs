//! An owner who is learnt, and somebody else whom the agent notices: for agents on machines without devices.

use super::agent::{Agent, Home};
use super::learner::learner;
use super::manager::Manager;
use super::typists::{Person, Stroke};

pub const BEGIN_US: i64 = 1_790_000_000_000_000;
pub const MARKER: &str = "zqxjvkw";
/// Of lines that an owner types until enough is stored to judge by.
pub const LINES: usize = 14;
/// What is shown of what is learnt, at most.
pub const READY_STROKES: u64 = 500;
pub const READY: &str = "[recognition]\nready_strokes = 500\n";

/// What an owner types, and then somebody else, if so many lines are wanted.
pub fn typed(lines_of_a_stranger: usize) -> Vec<Stroke> {
    let mut owner = Person::new(2, 90.0, 80.0, BEGIN_US);
    let mut strokes = owner.type_lines(LINES, MARKER);
    strokes.extend(Person::new(102, 145.0, 60.0, owner.now_us()).type_lines(lines_of_a_stranger, MARKER));
    strokes
}

/// A process has learnt from these strokes, and ended.
pub async fn learn(home: &Home, manager: Option<&mut Manager>, strokes: &[Stroke]) {
    let mut command = learner(home, strokes, false);
    if let Some(manager) = &manager {
        command = manager.supervise(&command);
    }
    let agent = Agent::start(command);
    let (code, log) = tokio::task::spawn_blocking(|| agent.wait_with_log()).await.expect("no panic");
    assert_eq!(code, Some(0), "{log:?}");
    manager.map(Manager::heard);
}

/// An agent with the devices of this machine, if any; what it logged until it was ready.
pub fn start(home: &Home, manager: Option<&Manager>) -> (Agent, Vec<String>) {
    let command = home.command(&["run"]);
    let agent = Agent::start(manager.map_or_else(|| home.command(&["run"]), |manager| manager.supervise(&command)));
    let log = agent.log_until("Mouse Extractor initialized and ready");
    (agent, log)
}

/// Exit code, and what a command says on standard output, or on standard error where that is empty.
pub fn told(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let output = home.run(arguments);
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.code(), String::from_utf8(said).expect("UTF-8"))
}
