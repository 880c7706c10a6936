//! Nodes that come and go are real files; devices that speak are pipes, which the runtime watches as it does devices.

use super::contact::Surface;
use super::decode::Modalities;
use super::slot::{FIRST_RETRY, LAST_RETRY, READS_A_TURN, Reading};
use super::*;
use crate::event::{Action, Event, GapReason, Key, Scope};
use proptest::prelude::*;
use std::fs::{self, OpenOptions};
use std::io::{PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to notice what returns at once, over and over.
const MOMENT: Duration = Duration::from_millis(30);

fn everything() -> config::Devices {
    config::Devices { include: Vec::new(), exclude: Vec::new() }
}

/// An empty folder of nodes, and its devices.
fn watched(settings: &config::Devices) -> (TempDir, Devices) {
    let root = tempfile::tempdir().expect("a folder");
    let devices = Devices::open_in(root.path(), settings).expect("watching");
    (root, devices)
}

impl Devices {
    /// Adds a device that can do everything and says what is written to the pipe.
    pub(crate) fn pretend(&mut self, name: &str, is_virtual: bool) -> PipeWriter {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).expect("the pipe again");
        let kinds = vec![Kind::Keyboard, Kind::Mouse];
        let node = Node { kinds, is_virtual, ..Node::unknown(&self.root.join(name)) };
        let decoder = Decoder::new(Modalities { keystroke: true, mouse: true }, Surface::None);
        self.readiness.add(&file).expect("watching");
        let reading = Some(Reading::new(file, decoder, None, &node, &mut self.echoes));
        self.slots.push(Slot { node, reading, retry: None });
        writer
    }

    /// Drains until enough was said.
    async fn until(&mut self, is_enough: impl Fn(&Devices, &[Stamped]) -> bool) -> Vec<Stamped> {
        let mut out = Vec::new();
        let draining = async {
            while !is_enough(self, &out) {
                self.ready().await;
                self.drain(&mut out);
            }
        };
        tokio::time::timeout(PATIENCE, draining).await.expect("told in time");
        out
    }

    /// Whether a reading finds nothing.
    fn read_in_vain(&mut self) -> bool {
        let mut out = Vec::new();
        self.drain(&mut out);
        out.is_empty()
    }

    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(MOMENT, self.ready()).await.is_err()
    }

    fn states(&self) -> Vec<State> {
        self.nodes().into_iter().map(|node| node.state).collect()
    }
}

fn refused(error: &str) -> State {
    State::Refused(error.to_owned())
}

/// A key's press or release (or a step of motion), and the end of its packet.
pub(in crate::sources) fn packet(ts_us: i64, kind: u16, code: u16, value: i32) -> Vec<u8> {
    let word = |value: i64| (value as isize).to_ne_bytes();
    [(kind, code, value), (0, 0, 0)]
        .into_iter()
        .flat_map(|(kind, code, value)| {
            let mut bytes = [word(ts_us / 1_000_000), word(ts_us % 1_000_000)].concat();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
            bytes
        })
        .collect()
}

pub(crate) fn key(ts_us: i64, code: u16, value: i32) -> Vec<u8> {
    packet(ts_us, 1, code, value)
}

fn pressed(ts_us: i64, code: u16) -> Stamped {
    Stamped { ts_us, event: Event::Key { key: Key::from_code(code), action: Action::Press } }
}

#[tokio::test]
async fn what_is_typed_is_read_once_and_then_nothing_wakes_the_agent() {
    let (_root, mut devices) = watched(&everything());
    let mut keyboard = devices.pretend("event0", false);
    for round in 0..3 {
        keyboard.write_all(&key(round, 30, 1)).expect("typed");
        assert_eq!(devices.until(|_, out| !out.is_empty()).await, [pressed(round, 30)]);
        assert!(devices.is_quiet().await);
    }
}

#[tokio::test]
async fn a_burst_longer_than_one_turn_is_read_to_its_end_in_order() {
    let (_root, mut devices) = watched(&everything());
    let mut mouse = devices.pretend("event0", false);
    let steps = READS_A_TURN * EVENTS_A_READ + 1;
    let burst: Vec<u8> = (0..steps).flat_map(|i| packet(i as i64, 2, 0, 1)).collect();
    mouse.write_all(&burst).expect("moved");
    let moved = devices.until(|_, out| out.len() >= steps).await;
    assert_eq!(moved.len(), steps);
    assert!(moved.is_sorted_by_key(|event| event.ts_us));
    // One more reading finds nothing.
    assert!(devices.is_quiet().await || devices.read_in_vain() && devices.is_quiet().await);
}

#[tokio::test]
async fn while_a_mouse_moves_its_reports_wake_nobody_and_none_is_lost() {
    let (_root, mut devices) = watched(&everything());
    let mut mouse = devices.pretend("event0", false);
    let mut ts_us = 0;
    let mut moved = Vec::new();
    let begun = Instant::now();
    let mut wakings = 0;
    while begun.elapsed() < Duration::from_millis(500) {
        ts_us += 1000;
        mouse.write_all(&packet(ts_us, 2, 0, 1)).expect("moved");
        if tokio::time::timeout(Duration::from_millis(1), devices.ready()).await.is_ok() {
            wakings += 1;
            devices.drain(&mut moved);
        }
    }
    let (reports, ms) = (ts_us / 1000, begun.elapsed().as_millis());
    devices.drain(&mut moved);
    assert_eq!(moved.len() as i64, reports);
    // Until its rate is known it is read each 2.5 ms, then each 21.
    assert!(wakings < 25 + ms / 15, "{wakings} wakings for {reports} reports within {ms} ms");
}

/// Somebody at a keyboard and a mouse: which of both, how long after the event before, and whether all is read then.
fn work() -> impl Strategy<Value = Vec<(bool, i64, bool)>> {
    proptest::collection::vec((any::<bool>(), 1..200_000_i64, any::<bool>()), 0..200)
}

/// What is told of it, read whenever it says so, or after each event.
fn told(work: &[(bool, i64, bool)], is_read_at_once: bool) -> Vec<Stamped> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_root, mut devices) = watched(&everything());
        let (mut mouse, mut keyboard) = (devices.pretend("event0", false), devices.pretend("event1", true));
        let (mut out, mut ts_us, mut keys) = (Vec::new(), 0, 0);
        for &(is_key, after_us, is_read) in work {
            ts_us += after_us;
            if is_key {
                keyboard.write_all(&key(ts_us, 16 + keys / 2 % 9, i32::from(keys % 2 == 0))).expect("typed");
                keys += 1;
            } else {
                mouse.write_all(&packet(ts_us, 2, 0, 1)).expect("moved");
            }
            if is_read || is_read_at_once {
                devices.drain(&mut out);
            }
        }
        devices.drain(&mut out);
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_late_devices_are_read_the_same_is_told_of_them(work in work()) {
        let at_once = told(&work, true);
        prop_assert_eq!(at_once.len(), work.len());
        prop_assert_eq!(told(&work, false), at_once);
    }
}

#[tokio::test]
async fn what_was_typed_while_a_device_is_left_alone_is_there_whenever_it_is_asked_for() {
    let (_root, mut devices) = watched(&everything());
    let (mut mouse, mut keyboard) = (devices.pretend("event0", false), devices.pretend("event1", false));
    let mut out = Vec::new();
    for ts_us in 0..100 {
        mouse.write_all(&packet(ts_us, 2, 0, 1)).expect("moved");
        keyboard.write_all(&key(ts_us, 30, (ts_us % 2) as i32)).expect("typed");
        devices.drain(&mut out);
        assert_eq!(out.len() as i64, 2 * (ts_us + 1), "both, at once");
    }
}

#[tokio::test]
async fn events_of_several_devices_come_in_order_of_time() {
    let (_root, mut devices) = watched(&everything());
    let (mut first, mut second) = (devices.pretend("event0", false), devices.pretend("event1", false));
    first.write_all(&[key(10, 30, 1), key(30, 31, 1)].concat()).expect("typed");
    second.write_all(&[key(20, 32, 1), key(30, 33, 1)].concat()).expect("typed");
    let typed = devices.until(|_, out| out.len() >= 4).await;
    assert_eq!(typed, [pressed(10, 30), pressed(20, 32), pressed(30, 31), pressed(30, 33)]);
}

#[tokio::test]
async fn a_virtual_device_that_repeats_a_physical_one_is_not_counted_and_one_that_stands_in_for_it_is() {
    let (_root, mut devices) = watched(&everything());
    let mut remapper = devices.pretend("event0", true);
    let mut keyboard = devices.pretend("event1", false);
    keyboard.write_all(&key(1_000, 30, 1)).expect("typed");
    remapper.write_all(&[key(1_500, 30, 1), key(500_000, 48, 1)].concat()).expect("repeated");
    assert_eq!(devices.until(|_, out| out.len() >= 2).await, [pressed(1_000, 30), pressed(500_000, 48)]);
}

#[tokio::test]
async fn of_virtual_devices_that_repeat_each_other_one_is_counted_in_whatever_order_they_came() {
    for newest_first in [false, true] {
        let (_root, mut devices) = watched(&everything());
        let mut pipes = ["event0", "event1", "event2"].map(|name| devices.pretend(name, true));
        if newest_first {
            pipes.reverse();
        }
        for (delay_us, pipe) in (0..).step_by(400).zip(&mut pipes) {
            pipe.write_all(&[key(1_000 + delay_us, 30, 1), key(90_000 + delay_us, 30, 0)].concat()).expect("repeated");
        }
        pipes[2].write_all(&key(200_000, 48, 1)).expect("typed");
        let released =
            Stamped { ts_us: 90_000, event: Event::Key { key: Key::from_code(30), action: Action::Release } };
        let told = devices.until(|_, out| out.len() >= 3).await;
        assert_eq!(told, [pressed(1_000, 30), released, pressed(200_000, 48)]);
        assert!(devices.is_quiet().await);
    }
}

#[tokio::test]
async fn a_device_that_is_unplugged_leaves_a_gap_and_no_busy_loop() {
    let (_root, mut devices) = watched(&everything());
    let mut keyboard = devices.pretend("event0", false);
    keyboard.write_all(&key(10, 30, 1)).expect("typed");
    drop(keyboard);
    let told = devices.until(|_, out| out.len() >= 3).await;
    assert_eq!(told[0], pressed(10, 30));
    let gap = |scope| Event::Gap { scope, reason: GapReason::DeviceLost };
    assert_eq!([&told[1].event, &told[2].event], [&gap(Scope::Keystroke), &gap(Scope::Mouse)]);
    assert_eq!(devices.states(), [refused("ENODEV")]);
    assert!(devices.is_quiet().await);
}

#[tokio::test]
async fn closed_devices_are_not_read_and_none_is_opened_until_all_are_opened_again() {
    let (root, mut devices) = watched(&everything());
    let mut keyboard = devices.pretend("event0", false);
    devices.close();
    assert_eq!(devices.states(), [State::Unread(Unread::Paused)]);
    assert!(keyboard.write_all(&key(10, 30, 1)).is_err(), "nobody has it open");
    fs::write(root.path().join("event1"), "").expect("a file");
    let mut out = Vec::new();
    devices.ready().await;
    devices.drain(&mut out);
    assert!(devices.is_quiet().await);
    assert_eq!((devices.nodes().len(), out.as_slice()), (1, [].as_slice()));
    devices.reopen();
    assert_eq!(devices.nodes()[0].path, root.path().join("event1"), "the other is gone");
    fs::write(root.path().join("event2"), "").expect("a file");
    devices.until(|devices, _| devices.nodes().len() == 2).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_listed_after_a_pause_counts_as_refused_and_is_tried_again() {
    let parent = tempfile::tempdir().expect("a folder");
    let root = parent.path().join("input");
    fs::create_dir(&root).expect("a folder");
    let mut devices = Devices::open_in(&root, &everything()).expect("watching");
    devices.close();
    // What is no folder cannot be listed, whoever asks.
    let away = parent.path().join("away");
    fs::rename(&root, &away).expect("renamed");
    fs::write(&root, "").expect("a file");
    devices.drain(&mut Vec::new());
    devices.reopen();
    assert!(devices.are_refused());
    fs::write(away.join("event0"), "").expect("a file");
    fs::remove_file(&root).expect("removed");
    fs::rename(&away, &root).expect("renamed");
    devices.until(|devices, _| devices.nodes().len() == 1 && devices.listing.is_none()).await;
}

#[tokio::test]
async fn devices_that_begin_closed_are_not_even_looked_at_until_they_are_opened() {
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("event0"), "").expect("a file");
    let mut devices = Devices::closed_in(root.path(), &everything()).expect("watching");
    fs::write(root.path().join("event1"), "").expect("a file");
    devices.ready().await;
    devices.drain(&mut Vec::new());
    assert_eq!(devices.nodes(), []);
    devices.reopen();
    assert_eq!(devices.nodes().len(), 2);
}

#[tokio::test]
async fn no_folder_no_node_and_no_input_device_are_states_of_waiting() {
    let parent = tempfile::tempdir().expect("a folder");
    let root = parent.path().join("input");
    let mut devices = Devices::open_in(&root, &everything()).expect("waiting");
    assert_eq!(devices.nodes(), []);
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("event10"), "").expect("a file");
    fs::write(root.join("event9"), "").expect("a file");
    devices.until(|devices, _| devices.nodes().len() == 2).await;
    assert_eq!(devices.states(), [refused("not an input device"), refused("not an input device")]);
    assert_eq!(devices.nodes()[0].path, root.join("event9"), "by number");
    fs::remove_dir_all(&root).expect("removed");
    devices.until(|devices, _| devices.nodes().is_empty()).await;
}

#[tokio::test]
async fn devices_are_refused_where_there_are_some_and_none_is_read() {
    let (root, mut devices) = watched(&everything());
    assert!(!devices.are_refused(), "there is none");
    fs::write(root.path().join("event0"), "").expect("a file");
    devices.until(|devices, _| devices.nodes().len() == 1).await;
    assert!(devices.are_refused());
    let _keyboard = devices.pretend("event1", false);
    assert!(!devices.are_refused(), "one is enough");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_device_is_refused_without_waiting_for_it() {
    let (root, mut devices) = watched(&everything());
    let path = std::ffi::CString::new(root.path().join("event0").to_str().expect("UTF-8")).expect("a path");
    // SAFETY: `path` ends with NUL and lives through the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    devices.until(|devices, _| devices.states() == [refused("not an input device")]).await;
}

#[tokio::test]
async fn a_node_that_cannot_be_opened_yet_is_tried_again() {
    let (root, mut devices) = watched(&everything());
    let elsewhere = tempfile::tempdir().expect("a folder");
    symlink(elsewhere.path().join("device"), root.path().join("event0")).expect("a link");
    devices.until(|devices, _| devices.states() == [refused("ENOENT")]).await;
    fs::write(elsewhere.path().join("device"), "").expect("a file");
    devices.until(|devices, _| devices.states() == [refused("not an input device")]).await;
    assert!(devices.is_quiet().await, "what was told for good is not asked again");
}

#[tokio::test]
async fn retries_end() {
    let pauses: Vec<Duration> = std::iter::successors(Retry::after(None), |&retry| Retry::after(Some(retry)))
        .map(|retry| retry.pause)
        .collect();
    assert_eq!((pauses[0], pauses[pauses.len() - 1]), (FIRST_RETRY, LAST_RETRY));
    assert!(pauses.iter().sum::<Duration>() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_node_that_goes_ends_the_reading_of_its_device() {
    let (root, mut devices) = watched(&everything());
    let _keyboard = devices.pretend("event0", false);
    fs::write(root.path().join("event0"), "").expect("a file");
    fs::remove_file(root.path().join("event0")).expect("removed");
    let told = devices.until(|devices, _| devices.nodes().is_empty()).await;
    assert!(matches!(told[0].event, Event::Gap { reason: GapReason::DeviceLost, .. }));
}

#[tokio::test]
async fn a_link_that_udev_makes_after_the_node_still_excludes_it() {
    let root = tempfile::tempdir().expect("a folder");
    let links = root.path().join("by-id");
    let link = links.join("usb-keyboard");
    let exclude = vec![link.to_str().expect("UTF-8").to_owned()];
    let mut devices = Devices::open_in(root.path(), &config::Devices { exclude, ..everything() }).expect("watching");
    let _keyboard = devices.pretend("event0", false);
    fs::write(root.path().join("event0"), "").expect("a file");
    fs::create_dir(&links).expect("a folder");
    symlink("../event0", &link).expect("a link");
    let told = devices.until(|_, out| !out.is_empty()).await;
    assert!(matches!(told[0].event, Event::Gap { reason: GapReason::DeviceLost, .. }));
    assert!(devices.slots[0].reading.is_none());
}

#[test]
fn nodes_that_could_not_be_opened_are_summed_up_with_the_way_out() {
    let node = |state| Node { state, ..Node::unknown(Path::new("/dev/input/event0")) };
    let (read, denied) = (node(State::Read), node(refused("EACCES")));
    assert_eq!(summary(std::slice::from_ref(&read)), None);
    assert_eq!(summary(&[]), None);
    let all = [read, denied.clone(), denied.clone(), node(refused("ENODEV")), denied];
    assert_eq!(summary(&all).as_deref(), Some("5 nodes, 4 refused (EACCES, ENODEV): run `seclyzer doctor`"));
}
