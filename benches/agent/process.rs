//! What the kernel says of a running process.

use std::fs;
use std::time::Duration;

/// Memory in kB: pages in use, and the same with shared pages divided by the number of those who share them.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub rss_kb: u64,
    pub pss_kb: u64,
}

impl Memory {
    pub fn of(pid: u32) -> Memory {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a process of ours");
        Memory { rss_kb: number_after(&text, "Rss:"), pss_kb: number_after(&text, "Pss:") }
    }
}

/// What a process has used so far, all threads together.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub cpu_ns: u64,
    /// How often a thread has gone to sleep, and so been woken.
    pub wakeups: u64,
}

impl Usage {
    pub fn of(pid: u32) -> Usage {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process of ours");
        tasks.fold(Usage { cpu_ns: 0, wakeups: 0 }, |sum, task| {
            let task = task.expect("a thread").path();
            let read = |file: &str| fs::read_to_string(task.join(file)).expect("a thread that lives on");
            let on_cpu = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
            Usage {
                cpu_ns: sum.cpu_ns + on_cpu.expect("a number"),
                wakeups: sum.wakeups + number_after(&read("status"), "\nvoluntary_ctxt_switches:"),
            }
        })
    }

    pub fn since(self, before: Usage) -> Usage {
        Usage { cpu_ns: self.cpu_ns - before.cpu_ns, wakeups: self.wakeups - before.wakeups }
    }
}

/// What a process was like so long after it was first looked at.
pub struct Moment {
    pub after: Duration,
    pub memory: Memory,
    pub usage: Usage,
}

/// Where the memory is: resident kB of the program's code and constants, of shared libraries, of all else.
pub fn memory_by_mapping(pid: u32) -> [u64; 3] {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("a process of ours");
    let (mut kb, mut place) = ([0; 3], 2);
    for line in smaps.lines() {
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            place = if line.ends_with("/seclyzer") {
                0
            } else if line.contains("/lib") {
                1
            } else {
                2
            };
        } else if line.starts_with("Rss:") {
            kb[place] += number_after(line, "Rss:");
        }
    }
    kb
}

fn number_after(text: &str, name: &str) -> u64 {
    let value = text.split(name).nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no number after {name}"))
}
