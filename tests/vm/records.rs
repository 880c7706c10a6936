//! What the agent records is what the kernel reported.

use std::ops::Range;
use std::time::Duration;

use rusqlite::{Connection, Row};
use serde_json::Value;

use crate::agent::{Agent, LIMIT, binary, fetch_database};
use crate::archive::Import;
use crate::devices::{Device, Hold, Witness, holds, program};
use crate::harness::{Guest, KEYBOARD, Process};

const WINDOW_US: i64 = 30_000_000;
const INTERVAL_US: i64 = 5_000_000;
const COUNT_STEP: usize = 5;

const REDIS: &str = r#"
[redis]
enabled = true
url = "redis://127.0.0.1:6379"
"#;

/// A line of eleven words; how long each key is held varies around 60 ms.
const TEXT: &str = " it is a dog so we go on up at no ";
/// Of its keys, those that count: not the space before the first word, nor the last word, which waits for another.
const COUNTING: Range<usize> = 1..TEXT.len() - 3;
const MOVES: usize = 50;

fn hold(position: usize) -> Duration {
    Duration::from_millis(35 + (position as u64 * 7) % 50)
}

#[test]
fn the_agent_records_what_was_typed_and_moved_in_the_guest() {
    let mut guest = boot();
    let keyboard = guest.make_device("keyboard", "Test Keyboard");
    let mouse = guest.make_device("mouse", "Test Mouse");
    guest.run("permit");
    let subscriber = start_redis(&mut guest);
    let agent = Agent::start(&mut guest, REDIS);
    let nodes = [guest.node(KEYBOARD), keyboard.node.clone()];
    let witnesses = nodes.map(|node| guest.watch(&node));

    type_and_move_on_qemu(&mut guest);
    type_and_move_on_uinput(&mut guest, &keyboard, &mouse);
    finish_between_windows(&mut guest);

    let holds = typed(&mut guest, &witnesses, 2 * TEXT.len() + 1);
    let end_us = window_end_after(holds.iter().map(|hold| hold.release_us).max().expect("keys were typed"));
    let message = |guest: &mut Guest, kind| await_message(guest, &subscriber, kind, end_us);
    let [keystroke, mouse] = ["keystroke", "mouse"].map(|kind| message(&mut guest, kind));
    agent.stop(&mut guest);
    let (_folder, database) = fetch_database(&mut guest);
    check_keystrokes(&database, &keystroke, &holds, end_us);
    check_mouse(&database, &mouse, end_us);
}

fn boot() -> Guest {
    let tool = |name: &str| Import::new(format!("/usr/bin/{name}"), format!("/usr/bin/{name}"));
    Guest::boot(&[program(), binary(), tool("redis-server"), tool("redis-cli")])
}

/// Gives a subscriber to all features.
fn start_redis(guest: &mut Guest) -> Process {
    guest.spawn("redis-server --bind 127.0.0.1 --save '' --dir /tmp");
    guest.poll("redis-cli ping | grep -q PONG", LIMIT);
    let subscriber = guest.spawn("redis-cli subscribe features");
    guest.poll(&format!("grep -q subscribe {}", subscriber.stdout), LIMIT);
    subscriber
}

fn type_and_move_on_qemu(guest: &mut Guest) {
    for (position, key) in TEXT.char_indices() {
        let name = if key == ' ' { "spc".into() } else { key.to_string() };
        guest.tap(&name, hold(position));
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..MOVES {
        guest.rel_motion(3, 4);
        std::thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..2 {
        guest.button("left", true);
        std::thread::sleep(Duration::from_millis(50));
        guest.button("left", false);
    }
}

fn type_and_move_on_uinput(guest: &mut Guest, keyboard: &Device, mouse: &Device) {
    let tap = |(position, key): (usize, char)| {
        let key = if key == ' ' { "SPACE".into() } else { key.to_ascii_uppercase().to_string() };
        let hold_us = hold(position).as_micros();
        format!("down KEY_{key}\nwait_us {hold_us}\nup KEY_{key}\nwait_us 20000\n")
    };
    guest.play(keyboard, &TEXT.char_indices().map(tap).collect::<String>());
    let moves = "rel 6 8\nwait_us 10000\n".repeat(MOVES);
    guest.play(mouse, &format!("{moves}down BTN_LEFT\nwait_us 50000\nup BTN_LEFT"));
}

/// Adds a last key and a last step of the mouse at a time when no window ends, so that the next record of both kinds
/// holds everything and no event is so near its edge that it might belong to either side.
fn finish_between_windows(guest: &mut Guest) {
    guest.poll("case $(($(date +%s) % 5)) in 1|2|3) ;; *) false ;; esac", LIMIT);
    guest.rel_motion(1, 0);
    guest.tap("spc", hold(0));
}

/// What the kernel reported on all keyboards, in order of time.
fn typed(guest: &mut Guest, witnesses: &[Witness], count: usize) -> Vec<Hold> {
    guest.poll_for("every key that was typed", LIMIT, |guest| {
        let mut all: Vec<Hold> = witnesses.iter().flat_map(|witness| holds(&guest.seen(witness))).collect();
        all.sort_by_key(|hold| hold.press_us);
        (all.len() >= count).then_some(all)
    })
}

fn window_end_after(us: i64) -> i64 {
    (us / INTERVAL_US + 1) * INTERVAL_US
}

/// Waits for the subscriber's message about one window.
fn await_message(guest: &mut Guest, subscriber: &Process, kind: &str, end_us: i64) -> Value {
    guest.poll_for(&format!("a {kind} message of {end_us}"), LIMIT, |guest| {
        let output = guest.read_file(&subscriber.stdout);
        String::from_utf8_lossy(&output)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|message| message["type"] == kind && message["window_end"] == end_us)
    })
}

fn numbers<const N: usize>(row: &Row) -> rusqlite::Result<[f64; N]> {
    let mut values = [0.0; N];
    for (column, value) in values.iter_mut().enumerate() {
        *value = row.get(column)?;
    }
    Ok(values)
}

fn check_keystrokes(database: &Connection, message: &Value, holds: &[Hold], end_us: i64) {
    let query = "SELECT total_keys, dwell_mean, dwell_min, dwell_max FROM keystroke_features WHERE window_end = ?";
    let [keys, recorded @ ..] = database.query_one(query, [end_us], numbers::<4>).expect("one record of the window");
    let in_window = |hold: &Hold| hold.press_us > end_us - WINDOW_US && hold.press_us <= end_us;
    assert!(holds.iter().all(in_window), "all was typed within one window");
    let (first, second) = holds.split_at(TEXT.len());
    let counting = first[COUNTING].iter().chain(&second[COUNTING]);
    let dwell: Vec<f64> = counting.map(Hold::ms).collect();
    assert_eq!(keys as usize, dwell.len() / COUNT_STEP * COUNT_STEP);
    let expected = [
        dwell.iter().sum::<f64>() / dwell.len() as f64,
        dwell.iter().copied().fold(f64::INFINITY, f64::min),
        dwell.iter().copied().fold(0.0, f64::max),
    ];
    for (recorded, expected) in recorded.iter().zip(expected) {
        assert!((recorded - expected).abs() < 2.0, "recorded {recorded} ms, the kernel reported {expected} ms");
    }
    assert_eq!(message["dwell_mean"].as_f64(), Some(recorded[0]), "subscriber and database agree");
}

fn check_mouse(database: &Connection, message: &Value, end_us: i64) {
    let query = "SELECT total_samples, distance_total, left_click_count FROM mouse_features WHERE window_end = ?";
    let [samples, distance, clicks] =
        database.query_one(query, [end_us], numbers::<3>).expect("one record of the window");
    // Steps of 5 and of 10 counts; a stroke starts at its first sample, and a busy guest may merge some.
    let sent = (MOVES * (5 + 10)) as f64;
    assert!(distance > 0.85 * sent && distance <= sent, "recorded {distance} counts of {sent}");
    assert!(samples > MOVES as f64 && samples <= (2 * MOVES + 1) as f64, "{samples} samples of {}", 2 * MOVES + 1);
    assert_eq!(clicks, 3.0);
    assert_eq!(message["distance_total"].as_f64(), Some(distance), "subscriber and database agree");
}
