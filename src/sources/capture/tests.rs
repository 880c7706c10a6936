//! Secrets are typed: what is typed comes from a pipe in a keyboard's place, the terminals are real ones.

mod late;

use super::*;
use crate::sources::app::App;
use crate::sources::clock::boot_us;
use crate::sources::evdev::tests::{key, packet};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{geteuid, ttyname};
use std::io::{PipeWriter, Write};
use std::time::Instant;
use tempfile::TempDir;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// For so long keystrokes are held back, where they are: long enough to do several things meanwhile on a busy machine.
const HOLD: Duration = Duration::from_secs(1);
/// Longer than that.
const A_WHILE: Duration = Duration::from_millis(1_200);
const A: u16 = 30;
const ENTER: u16 = 28;

/// A keyboard, a terminal, and what of what is typed is captured.
struct Desk {
    capture: Capture,
    keyboard: PipeWriter,
    told: mpsc::Sender<Told>,
    terminal: OpenptyResult,
    folder: TempDir,
    out: Vec<Stamped>,
}

impl Desk {
    fn new() -> Desk {
        Desk::excluding(&[])
    }

    fn excluding(excluded_apps: &[&str]) -> Desk {
        let folder = tempfile::tempdir().expect("a folder");
        let terminal = openpty(None, None).expect("a terminal");
        let path = ttyname(&terminal.slave).expect("its path");
        for place in ["nodes", "terminals", "programs"] {
            std::fs::create_dir(folder.path().join(place)).expect("a folder");
        }
        std::os::unix::fs::symlink(path, folder.path().join("terminals/1")).expect("a link");
        let devices = config::Devices { include: Vec::new(), exclude: Vec::new() };
        let mut devices = Devices::open_in(&folder.path().join("nodes"), &devices).expect("watching");
        let keyboard = devices.pretend("event0", false);
        let (sender, told) = mpsc::channel(UPDATE_QUEUE);
        let excluded_apps = excluded_apps.iter().map(|&app| app.to_owned()).collect();
        let (x11, layout) = (config::X11 { enabled: false, excluded_apps }, config::Keyboard { letters: Vec::new() });
        let clock = EventClock::new().expect("a clock");
        let mut capture = Capture::start(devices, clock, &x11, &layout);
        capture.told = told;
        capture.arrivals.length_us = HOLD.as_micros() as i64;
        capture.terminals = Terminals::in_folder(&folder.path().join("terminals"), geteuid().as_raw());
        capture.terminals.made = Duration::ZERO;
        capture.askers = Askers::start_in(vec![folder.path().join("programs")]);
        Desk { capture, keyboard, told: sender, terminal, folder, out: Vec::new() }
    }

    fn set(&self, change: impl FnOnce(&mut Termios)) {
        let mut settings = tcgetattr(&self.terminal.slave).expect("a terminal");
        change(&mut settings);
        tcsetattr(&self.terminal.slave, SetArg::TCSANOW, &settings).expect("a terminal");
    }

    fn ask(&self) {
        self.set(|settings| settings.local_flags.remove(LocalFlags::ECHO));
    }

    fn ask_with_stars(&self) {
        self.set(|settings| settings.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON));
    }

    fn answer(&self) {
        self.set(|settings| {
            settings.local_flags.insert(LocalFlags::ECHO | LocalFlags::ICANON);
            settings.input_flags.insert(InputFlags::ICRNL);
        });
    }

    async fn focus(&mut self, backend: Backend, name: &str) {
        let app = App { instance: name.into(), class: "".into() };
        for update in [Update::Ready, Update::Focus(Focus::App(app))] {
            self.told.send((backend, update)).await.expect("somebody who hears it");
        }
        self.take_until("the focus is taken", |desk| desk.capture.recipient.name().as_deref() == Some(name)).await;
    }

    async fn in_terminal(&mut self) {
        self.focus(Backend::X11, "xterm").await;
    }

    /// Presses and lets go of a key, and waits until that is taken or discarded.
    async fn tap(&mut self, code: u16) {
        let seen = |desk: &Desk| desk.pressed() + desk.capture.arrivals.presses() + desk.discarded();
        let wanted = seen(self) + 1;
        let bytes = [key(boot_us(), code, 1), key(boot_us(), code, 0)].concat();
        self.keyboard.write_all(&bytes).expect("typed");
        self.take_until("a key is taken", |desk| seen(desk) >= wanted).await;
    }

    async fn tap_all(&mut self, codes: &[u16]) {
        for &code in codes {
            self.tap(code).await;
        }
    }

    async fn take_until(&mut self, what: &str, is_so: impl Fn(&Desk) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            timeout(left, self.capture.next(&mut self.out)).await.unwrap_or_else(|_| panic!("not in time: {what}"));
        }
    }

    /// Takes what comes by itself.
    async fn rest(&mut self) {
        let begun = Instant::now();
        while let Some(left) = A_WHILE.checked_sub(begun.elapsed()) {
            _ = timeout(left, self.capture.next(&mut self.out)).await;
        }
    }

    /// Presses that were captured.
    fn pressed(&self) -> usize {
        self.out.iter().filter(|stamped| is_press(stamped)).count()
    }

    fn discarded(&self) -> usize {
        self.capture.counts().total() as usize
    }

    fn of_terminal(&self) -> u32 {
        self.capture.counts().of(Withheld::Terminal)
    }

    fn gaps(&self) -> usize {
        let gap = Event::Gap { scope: Scope::Keystroke, reason: GapReason::Excluded };
        self.out.iter().filter(|stamped| stamped.event == gap).count()
    }
}

#[tokio::test]
async fn what_is_typed_at_a_prompt_is_discarded_and_what_is_typed_before_and_after_it_is_captured() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.tap_all(&[A, A, ENTER]).await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.discarded(), desk.gaps()), (3, 0, 0));
    desk.ask();
    desk.tap_all(&[A, A, A, ENTER]).await;
    assert_eq!(desk.capture.withholds(), Some(Withheld::Terminal));
    desk.answer();
    desk.tap_all(&[A, A]).await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.of_terminal(), desk.gaps()), (5, 4, 1));
    assert_eq!(desk.capture.withholds(), None);
}

#[tokio::test]
async fn what_is_typed_shortly_before_the_prompt_appears_is_discarded_too() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.tap_all(&[A, A]).await;
    desk.ask();
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.of_terminal(), desk.gaps()), (0, 2, 1));
    assert_eq!(desk.capture.withholds(), Some(Withheld::Terminal));
}

#[tokio::test]
async fn a_prompt_that_asks_again_is_a_prompt_again() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.ask();
    desk.tap_all(&[A, ENTER]).await;
    desk.tap_all(&[A, ENTER]).await;
    desk.answer();
    desk.tap(A).await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.of_terminal(), desk.gaps()), (1, 4, 1));
}

#[tokio::test]
async fn after_a_prompt_that_was_given_up_the_rest_of_the_line_is_discarded() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.ask();
    desk.tap(A).await;
    desk.answer();
    desk.tap_all(&[A, ENTER]).await;
    assert_eq!(desk.of_terminal(), 3);
    desk.tap(A).await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.of_terminal()), (1, 3));
}

#[tokio::test]
async fn another_window_is_asked_about_anew() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.ask();
    desk.tap(A).await;
    desk.focus(Backend::X11, "editor").await;
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.of_terminal()), (1, 1), "an editor without terminals");
    desk.focus(Backend::X11, "xterm").await;
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.of_terminal()), (1, 2));
    desk.focus(Backend::X11, "kitty").await;
    desk.answer();
    desk.tap(A).await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.of_terminal()), (2, 2));
}

#[tokio::test]
async fn where_the_focus_is_not_known_it_may_be_a_terminal_and_nothing_waits() {
    let mut desk = Desk::new();
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.capture.hold_us()), (1, 0));
    desk.ask();
    desk.tap_all(&[A, ENTER]).await;
    desk.answer();
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.of_terminal()), (2, 2));
}

#[tokio::test]
async fn behind_stars_it_is_a_prompt_but_not_where_line_after_line_is_typed_and_it_stays() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.ask_with_stars();
    let mut lines = 0;
    while desk.pressed() == 0 {
        desk.tap_all(&[A, ENTER]).await;
        desk.rest().await;
        lines += 1;
        assert!(lines < 20, "it is believed for ever");
    }
    assert_eq!((lines, desk.of_terminal()), (7, 12));
    desk.answer();
    desk.tap(A).await;
    desk.ask_with_stars();
    desk.tap(A).await;
    assert_eq!(desk.capture.withholds(), Some(Withheld::Terminal), "it asks anew");
}

#[tokio::test]
async fn while_a_pinentry_runs_nothing_is_captured_whatever_has_the_focus() {
    let mut desk = Desk::new();
    let pinentry = desk.folder.path().join("programs/pinentry-curses");
    std::fs::write(&pinentry, "a program").expect("a file");
    desk.focus(Backend::X11, "editor").await;
    desk.tap(A).await;
    desk.rest().await;
    assert_eq!(desk.pressed(), 1);
    let running = std::fs::File::open(&pinentry).expect("a file");
    desk.take_until("it runs", |desk| desk.capture.withholds() == Some(Withheld::Prompt)).await;
    desk.tap_all(&[A, ENTER]).await;
    drop(running);
    desk.take_until("it has ended", |desk| desk.capture.withholds().is_none()).await;
    desk.tap(A).await;
    assert_eq!((desk.pressed(), desk.capture.counts().of(Withheld::Prompt)), (2, 2));
}

#[tokio::test]
async fn on_x11_a_change_of_focus_from_a_terminal_discards_nothing() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.tap(A).await;
    for taken in [Some(focus::Taker::Grab), None] {
        desk.told.send((Backend::X11, Update::Taken(taken))).await.expect("somebody who hears it");
    }
    desk.focus(Backend::X11, "editor").await;
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.discarded(), desk.gaps()), (1, 0, 0));
}

#[tokio::test]
async fn what_is_asked_of_the_agent_comes_after_what_was_typed_in_a_terminal_before() {
    let mut desk = Desk::new();
    desk.in_terminal().await;
    desk.tap(A).await;
    desk.capture.flush(&mut desk.out);
    assert_eq!((desk.pressed(), desk.discarded()), (1, 0));
    desk.tap(A).await;
    desk.ask();
    desk.capture.flush(&mut desk.out);
    assert_eq!((desk.pressed(), desk.of_terminal()), (1, 1));
}

#[tokio::test]
async fn nothing_at_all_is_captured_while_the_screen_is_locked() {
    let mut desk = Desk::new();
    desk.focus(Backend::X11, "editor").await;
    desk.capture.set_locked(true);
    desk.tap(A).await;
    desk.keyboard.write_all(&packet(boot_us(), 2, 0, 1)).expect("moved");
    desk.rest().await;
    let is_motion = |stamped: &&Stamped| matches!(stamped.event, Event::Move { .. });
    assert_eq!((desk.pressed(), desk.out.iter().filter(is_motion).count()), (0, 0));
    assert_eq!((desk.capture.withholds(), desk.capture.counts().of(Withheld::Lock)), (Some(Withheld::Lock), 1));
    let is_gap = |stamped: &&Stamped| matches!(stamped.event, Event::Gap { scope: Scope::All, .. });
    assert_eq!(desk.out.iter().filter(is_gap).count(), 1);
    desk.capture.set_locked(false);
    desk.tap(A).await;
    desk.keyboard.write_all(&packet(boot_us(), 2, 0, 1)).expect("moved");
    desk.rest().await;
    assert_eq!((desk.pressed(), desk.out.iter().filter(is_motion).count()), (1, 1));
}

/// Motion and gaps that were captured: when, and a gap's reason.
fn course(desk: &Desk) -> Vec<(Micros, Option<GapReason>)> {
    let of_interest = |stamped: &Stamped| match stamped.event {
        Event::Move { .. } => Some((stamped.ts_us, None)),
        Event::Gap { reason, .. } => Some((stamped.ts_us, Some(reason))),
        _ => None,
    };
    desk.out.iter().filter_map(of_interest).collect()
}

#[tokio::test]
async fn what_is_unread_when_the_clock_is_set_is_told_by_the_clock_of_before() {
    const HOUR_US: Micros = 3_600_000_000;
    let mut desk = Desk::new();
    let before_us = boot_us();
    let expected_us = desk.capture.clock.wall_us(before_us);
    desk.keyboard.write_all(&packet(before_us, 2, 0, 1)).expect("moved");
    desk.capture.clock.feign(HOUR_US, 0);
    desk.take_until("the step is told", |desk| !course(desk).is_empty()).await;
    desk.keyboard.write_all(&packet(boot_us(), 2, 0, 1)).expect("moved");
    desk.take_until("motion after it", |desk| course(desk).len() == 3).await;
    let told = course(&desk);
    assert_eq!((told[0], told[1].1), ((expected_us, None), Some(GapReason::ClockStep)));
    assert!(told[2].0 >= told[1].0 && told[1].0 >= expected_us + HOUR_US, "{told:?}");
}

#[tokio::test]
async fn what_was_done_before_a_sleep_comes_before_its_gap_and_what_was_done_since_after_it() {
    const SLEPT_US: Micros = 60_000_000;
    let mut desk = Desk::new();
    let now_us = boot_us();
    for ts_us in [now_us - SLEPT_US - 1_000_000, now_us - 1_000] {
        desk.keyboard.write_all(&packet(ts_us, 2, 0, 1)).expect("moved");
    }
    desk.capture.clock.feign(0, SLEPT_US);
    desk.take_until("all is told", |desk| course(desk).len() == 3).await;
    let since_us = desk.capture.clock.wall_us(now_us - 1_000);
    assert_eq!(course(&desk)[1..], [(since_us, Some(GapReason::Suspend)), (since_us, None)]);
    assert_eq!(course(&desk)[0].1, None);
}
