//! The focused application, followed on a real KWin.

#[path = "kwin/agent.rs"]
mod agent;
#[path = "kwin/follower.rs"]
mod follower;
#[path = "kwin/scripting.rs"]
mod scripting;
mod support;

use follower::{Follower, focus, folder, place};
use scripting::{Scripting, switch_to};
use seclyzer::sources::focus::{Focus, Taker, Update};
use std::time::{Duration, Instant};
use support::compositor::{Compositor, KWIN, KWIN_WITH_X11, Kind, Process};

/// The names of our scripts in KWin: of the first process that follows it, and of a second one.
const NAMES: [&str; 2] = ["org.seclyzer.Focus0", "org.seclyzer.Focus1"];
const NOTHING: Update = Update::Focus(Focus::Nothing);
const PROMPT: Update = Update::Taken(Some(Taker::Prompt));

/// A KWin without windows, followed.
fn followed(kind: &'static Kind) -> (Compositor, Follower) {
    let compositor = Compositor::start(kind);
    let follower = Follower::of(place(compositor.room()));
    // KWin takes clients a moment before it is on the bus.
    follower.wait_for(Update::Ready);
    follower.expect(PROMPT);
    follower.expect(NOTHING);
    (compositor, follower)
}

/// Opens a window and waits until it is told to have the focus.
fn opened(compositor: &Compositor, follower: &Follower, app_id: &str) -> Process {
    let window = compositor.window(app_id);
    follower.wait_for(focus(app_id, ""));
    window
}

#[test]
fn the_application_with_the_focus_is_told_within_100_ms_of_each_change() {
    let (compositor, follower) = followed(&KWIN);
    let _windows = ["one", "two"].map(|app_id| opened(&compositor, &follower, app_id));
    let scripting = Scripting::of(compositor.room());
    let mut times: Vec<Duration> = Vec::new();
    for app_id in ["one", "two"].into_iter().cycle().take(20) {
        let switch = scripting.load("switch", &switch_to(app_id));
        let begun = Instant::now();
        switch.run();
        times.push(follower.wait_for(focus(app_id, "")) - begun);
    }
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("a change of focus is told after {median:?} (median), {longest:?} (longest), a script's start included");
    assert!(longest < Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_closed_window_gives_the_focus_to_the_other_and_the_last_one_to_none() {
    let (compositor, follower) = followed(&KWIN);
    let one = opened(&compositor, &follower, "one");
    follower.expect(Update::Taken(None));
    let two = opened(&compositor, &follower, "two");
    drop(two);
    follower.expect(focus("one", ""));
    drop(one);
    follower.expect(PROMPT);
    follower.expect(NOTHING);
    let _three = compositor.window("three");
    follower.expect(focus("three", ""));
    follower.expect(Update::Taken(None));
}

#[test]
fn a_window_that_is_named_anew_while_it_has_the_focus_is_told() {
    let (compositor, follower) = followed(&KWIN);
    let go = compositor.room().path().join("go");
    // A terminal that is told so takes another name.
    let rename =
        format!("until [ -e '{}' ]; do sleep 0.02; done; printf '\\033]176;two\\033\\\\'; exec sleep 60", go.display());
    let _window = compositor.client("foot", &["-a", "one", "sh", "-c", &rename]);
    follower.wait_for(focus("one", ""));
    follower.expect(Update::Taken(None));
    std::fs::write(go, "").expect("room");
    follower.expect(focus("two", ""));
}

#[test]
fn an_x11_program_is_told_with_both_halves_of_wm_class_and_without_a_name_where_they_are_too_long() {
    let (compositor, follower) = followed(&KWIN_WITH_X11);
    let xterm = |name: &str, class: &str| {
        let mut command = compositor.command("xterm");
        command.env("DISPLAY", ":0").args(["-name", name, "-class", class, "-e", "sleep", "60"]);
        compositor.room().start("xterm", &mut command)
    };
    let _ordinary = xterm("someterm", "SomeTerm");
    follower.wait_for(focus("someterm", "SomeTerm"));
    let long = "x".repeat(100_000);
    let _hostile = xterm(&long, &long);
    follower.wait_for(Update::Focus(Focus::Nameless));
    let _one = opened(&compositor, &follower, "one");
}

#[test]
fn a_kwin_that_crashed_and_came_back_is_followed_again() {
    let (mut compositor, follower) = followed(&KWIN);
    let _one = opened(&compositor, &follower, "one");
    compositor.kill();
    follower.wait_for(Update::Unknown("KWin is not on the session's bus".into()));
    compositor.start_again();
    follower.wait_for(Update::Ready);
    let _two = opened(&compositor, &follower, "two");
}

#[test]
fn two_processes_follow_side_by_side_and_each_takes_its_own_script_back() {
    let (compositor, one) = followed(&KWIN);
    let other = Follower::of(place(compositor.room()));
    other.wait_for(Update::Ready);
    let scripting = Scripting::of(compositor.room());
    let loaded = || NAMES.map(|name| scripting.is_loaded(name));
    assert_eq!(loaded(), [true, true]);
    assert_eq!(std::fs::read_dir(folder(compositor.room())).expect("a folder").count(), 0, "no file is left");
    let _window = opened(&compositor, &one, "window");
    other.wait_for(focus("window", ""));
    let time = one.end();
    assert_eq!(loaded(), [false, true]);
    assert!(time < Duration::from_millis(200), "{time:?}");
    let _second = opened(&compositor, &other, "second");
    other.end();
    assert_eq!(loaded(), [false, false]);
}
