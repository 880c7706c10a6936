//! Somebody at the desk who types and moves the mouse, in real time.

use crate::desk::Device;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Events a second: presses and releases of keys, and reports of the mouse.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub name: &'static str,
    pub key_events: u32,
    pub motion: u32,
}

pub struct Person {
    pub keyboard: Device,
    pub mouse: Device,
}

/// Codes of `the quick brown `.
const TEXT: [u16; 16] = [20, 35, 18, 57, 16, 22, 23, 46, 37, 57, 48, 19, 24, 17, 49, 57];
const SYN_REPORT: (u16, u16, i32) = (0, 0, 0);

impl Person {
    /// Works for so long; the number of events. What is late is made up for.
    pub fn work(&mut self, load: Load, length: Duration) -> u64 {
        let (begun, mut keys, mut moves) = (Instant::now(), 0, 0);
        let due = |count: u32, a_second: u32| match a_second {
            0 => Duration::MAX,
            a_second => Duration::from_secs(1) * count / a_second,
        };
        loop {
            let next = due(keys, load.key_events).min(due(moves, load.motion));
            if next >= length {
                return u64::from(keys + moves);
            }
            sleep(next.saturating_sub(begun.elapsed()));
            if due(keys, load.key_events) <= next {
                self.key(keys);
                keys += 1;
            }
            if due(moves, load.motion) <= next {
                self.step(moves);
                moves += 1;
            }
        }
    }

    /// Down, up, down, up.
    fn key(&mut self, count: u32) {
        let code = TEXT[(count / 2) as usize % TEXT.len()];
        let is_down = i32::from(count.is_multiple_of(2));
        self.keyboard.report(&packet(&[(1, code, is_down), SYN_REPORT]));
    }

    fn step(&mut self, count: u32) {
        let angle = f64::from(count) / 90.0;
        let (dx, dy) = ((6.0 * angle.cos()) as i32 | 1, (4.0 * (1.7 * angle).sin()) as i32);
        self.mouse.report(&packet(&[(2, 0, dx), (2, 1, dy), SYN_REPORT]));
    }
}

/// The clock that events are told in, µs.
pub fn boot_us() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, which lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

/// `input_event`s of this moment.
fn packet(events: &[(u16, u16, i32)]) -> Vec<u8> {
    let time_us = boot_us();
    let mut bytes = Vec::with_capacity(events.len() * 24);
    for &(kind, code, value) in events {
        bytes.extend((time_us / 1_000_000).to_ne_bytes());
        bytes.extend((time_us % 1_000_000).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
    }
    bytes
}
