//! The running agent's account of itself, second by second: what `top` keeps of it.

use seclyzer::agent::decision_status::DecisionStatus;
use seclyzer::agent::recognition_status::RecognitionStatus;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};

/// Seconds that rates are averages of: keystrokes are counted in steps of ten.
const SECONDS: usize = 10;
/// Of the kinds of events.
pub const KINDS: [&str; 3] = ["keystroke", "mouse", "app"];

/// The part of the status that is shown. What an agent of another version leaves out has its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub uptime_s: u64,
    /// `None`: it does not say.
    pub session_active: Option<bool>,
    pub devices: Vec<Device>,
    pub applications_trouble: Option<String>,
    pub events: Events,
    pub excluded: bool,
    pub recognition: Option<RecognitionStatus>,
    pub decision: DecisionStatus,
    pub store: Store,
    pub sinks: Vec<Sink>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Device {
    pub path: String,
    pub name: String,
    pub state: String,
    /// Why it is not read.
    pub reason: Option<String>,
}

impl Device {
    pub fn is_read(&self) -> bool {
        self.state == "read"
    }

    /// The state in words.
    pub fn state(&self) -> String {
        let reason = self.reason.iter().map(|reason| format!(": {}", reason.replace('_', " ")));
        self.state.clone() + &reason.collect::<String>()
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Events {
    pub keystroke: u64,
    pub mouse: u64,
    pub app: u64,
    pub gaps: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Store {
    pub dropped: u64,
    pub trouble: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Sink {
    pub name: String,
    pub state: String,
    pub backlog: i64,
    pub delivered: u64,
    pub last_error: Option<String>,
}

/// What the kernel reports of the agent's process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Process {
    pub resident_kib: u64,
    /// Processor time since its start.
    pub cpu_s: f64,
}

/// Clock ticks a second in /proc, on every Linux.
const TICKS: f64 = 100.0;

impl Process {
    /// From the texts of `/proc/PID/status` and `/proc/PID/stat`.
    pub fn parse(status: &str, stat: &str) -> Option<Process> {
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
        // The name, in parentheses, may contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = |i: usize| fields.split_whitespace().nth(i).and_then(|field| field.parse::<f64>().ok());
        Some(Process { resident_kib, cpu_s: (ticks(11)? + ticks(12)?) / TICKS })
    }
}

/// What was answered at one moment.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Of any clock that only goes forward.
    pub at_s: f64,
    pub status: Status,
    pub process: Option<Process>,
}

/// The last answers, for what is counted a second.
#[derive(Debug, Default)]
pub struct Agent {
    answers: VecDeque<Answer>,
}

impl Agent {
    /// Takes an answer. One of another process makes those before it meaningless.
    pub fn take(&mut self, answer: Answer) {
        if self.answers.back().is_some_and(|last| last.status.pid != answer.status.pid) {
            self.answers.clear();
        }
        self.answers.push_back(answer);
        while self.answers.len() > SECONDS + 1 {
            self.answers.pop_front();
        }
    }

    pub fn forget(&mut self) {
        self.answers.clear();
    }

    pub fn newest(&self) -> Option<&Answer> {
        self.answers.back()
    }

    /// The newest answer, the oldest one that is kept, and the seconds between them, if there are any.
    fn span(&self) -> Option<(&Answer, &Answer, f64)> {
        let (oldest, newest) = (self.answers.front()?, self.answers.back()?);
        let seconds = newest.at_s - oldest.at_s;
        (seconds > 0.0).then_some((oldest, newest, seconds))
    }

    /// Events a second, by kind.
    pub fn rates(&self) -> Option<[f64; 3]> {
        let (oldest, newest, seconds) = self.span()?;
        let counts = |answer: &Answer| {
            let events = &answer.status.events;
            [events.keystroke, events.mouse, events.app]
        };
        let (before, after) = (counts(oldest), counts(newest));
        Some(std::array::from_fn(|i| after[i].saturating_sub(before[i]) as f64 / seconds))
    }

    /// Share of one processor, in percent.
    pub fn cpu_percent(&self) -> Option<f64> {
        let (oldest, newest, seconds) = self.span()?;
        Some(100.0 * (newest.process?.cpu_s - oldest.process?.cpu_s) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_reports_of_a_process_is_read_whatever_its_name_is() {
        let status = "Name:\tseclyzer\nVmPeak:\t  20000 kB\nVmRSS:\t    9308 kB\n";
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 2 0 100 9000 2000 1";
        assert_eq!(Process::parse(status, stat), Some(Process { resident_kib: 9308, cpu_s: 3.0 }));
        assert_eq!(Process::parse("", stat), None);
        assert_eq!(Process::parse(status, "7"), None);
    }

    #[test]
    fn rates_are_those_of_the_last_ten_seconds_of_one_process() {
        let answer = |at_s: f64, pid, mouse| {
            let events = Events { mouse, ..Events::default() };
            Answer { at_s, status: Status { pid, events, ..Status::default() }, process: None }
        };
        let mut agent = Agent::default();
        agent.take(answer(0.0, 7, 1_000_000));
        assert_eq!(agent.rates(), None);
        (1..=20).for_each(|second| agent.take(answer(f64::from(second), 7, 1_000_000 + 50 * second as u64)));
        assert_eq!(agent.rates(), Some([0.0, 50.0, 0.0]));
        agent.take(answer(21.0, 8, 3));
        assert_eq!((agent.rates(), agent.newest().map(|newest| newest.status.pid)), (None, Some(8)));
    }
}
