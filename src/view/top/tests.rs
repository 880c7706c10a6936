//! Screens as a terminal shows them: what is sent to one is read by a terminal emulator.

mod picture;

use super::history::{Focus, Measured};
use super::*;
use crate::statistics::Quantiles;
use insta::assert_snapshot;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use seclyzer::features::names::{KEYSTROKE, MOUSE};
use serde_json::{Value, json};
use std::num::NonZero;

fn status() -> Value {
    json!({
        "version": "0.1.0", "pid": 4711, "uptime_s": 7_380, "session_active": true, "applications_trouble": null,
        "devices": [
            { "path": "/dev/input/event3", "name": "AT keyboard", "state": "read" },
            { "path": "/dev/input/event5", "name": "Optical mouse", "state": "read" },
            { "path": "/dev/input/event9", "name": "Lid switch", "state": "unread", "reason": "no_input" },
        ],
        "events": { "keystroke": 2_000, "mouse": 90_000, "app": 12, "gaps": { "overrun": 2 } },
        "excluded": false,
        "recognition": {
            "state": "owner", "trust": 100, "learnt_keys": 2_000, "learnt_actions": 250, "sittings": 2, "ready": true,
            "missing": { "strokes": 0, "actions": 150, "sittings": 1 }, "since_us": null, "live_state": "kept",
        },
        "decision": { "mode": "notify", "locked": false, "not_locked": false },
        "store": { "dropped": 0, "trouble": null },
        "sinks": [
            { "name": "redis", "state": "delivering", "backlog": 0, "delivered": 5_120, "last_error": null },
            { "name": "influx", "state": "idle", "backlog": 0, "delivered": 0, "last_error": null },
        ],
    })
}

fn history() -> History {
    let usual = |i: usize| (i % 5 != 4).then_some(Quantiles { low: 80.0, median: 100.0, high: 120.0 });
    let measured = |names: Vec<(&'static str, &'static str)>| {
        let all = names.into_iter().enumerate();
        all.map(|(i, (name, unit))| {
            let value = (i % 7 != 6).then_some(70.0 + 5.5 * (i % 12) as f64);
            Measured { name, unit, value, usual: usual(i) }
        })
        .collect()
    };
    let keystroke = KEYSTROKE.iter().filter(|feature| !feature.name.starts_with("digraph_"));
    let trust = |i: i64| match i {
        40..50 => Some(75),
        90.. => None,
        _ => Some(100),
    };
    History {
        trouble: None,
        others: None,
        trust: (0..100).map(|i| ((99 - i) * 5_000_000, trust(i))).collect(),
        evidence: vec![(290_000_000, "keys".into())],
        decisions: vec![
            ("11-27 10:03:05".into(), "doubtful -> owner: calm".into()),
            ("11-27 10:01:10".into(), "owner -> doubtful: evidence (keys)".into()),
        ],
        application: Some(Focus { name: "firefox".into(), own_us: 43, all_us: 100 }),
        keystroke_time: Some("10:05:00".into()),
        mouse_time: Some("10:04:55".into()),
        keystroke: measured(keystroke.map(|feature| (feature.name.as_str(), feature.unit)).collect()),
        mouse: measured(MOUSE.iter().map(|feature| (feature.name.as_str(), feature.unit)).collect()),
    }
}

/// What an agent answers in so many seconds.
fn answers(status: &Value, seconds: u64) -> Vec<Answer> {
    let answer = |second: u64| {
        let mut status = status.clone();
        for (kind, a_second) in [("keystroke", 4), ("mouse", 125)] {
            status["events"][kind] = json!(status["events"][kind].as_u64().expect("a count") + second * a_second);
        }
        let status = serde_json::from_value(status).expect("a status");
        let process = agent::Process { resident_kib: 9_308, cpu_s: 3.0 + 0.003 * second as f64 };
        Answer { at_s: second as f64, status, process: Some(process) }
    };
    (0..=seconds).map(answer).collect()
}

/// A screen that has been open for ten seconds.
fn looking_at(status: &Value) -> State {
    let mut state = State::new(false);
    answers(status, 10).into_iter().for_each(|answer| state.take(News::Agent(Ok(Box::new(answer)))));
    state.take(News::History(Box::new(history())));
    state
}

/// A terminal with the screen on it.
fn terminal(state: &State, columns: u16, rows: u16) -> vt100::Parser {
    let size = [rows, columns].map(|size| NonZero::new(size).expect("a terminal has some"));
    let mut emulator = vt100::Parser::new(size[0], size[1], 0);
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, columns, rows)) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut emulator), options).expect("a terminal");
    terminal.draw(|frame| screen::draw(frame, state)).expect("drawn");
    drop(terminal);
    emulator
}

fn screen(state: &State, columns: u16, rows: u16) -> String {
    let terminal = terminal(state, columns, rows);
    let rows = terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n")
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

#[test]
fn each_view_fits_a_small_and_a_wide_terminal() {
    let mut state = looking_at(&status());
    for (view, name) in View::ALL.into_iter().zip(["overview", "features", "recognition", "machine"]) {
        state.view = view;
        assert_snapshot!(format!("{name}_80x24"), screen(&state, 80, 24));
        assert_snapshot!(format!("{name}_160x50"), screen(&state, 160, 50));
    }
}

#[test]
fn without_an_agent_what_to_do_is_shown_and_the_newest_features_still_are() {
    let mut state = looking_at(&status());
    let why =
        "no agent runs on /home/ann/.local/share/seclyzer/seclyzer.db. To start it: systemctl --user start seclyzer";
    state.take(News::Agent(Err(why.into())));
    assert_snapshot!("no_agent_80x24", screen(&state, 80, 24));
    state.press(key(KeyCode::Char('2')));
    assert!(screen(&state, 80, 24).contains("dwell_mean"));
}

#[test]
fn a_pause_and_what_is_wrong_are_shown() {
    let mut wrong = status();
    wrong["decision"]["paused_until_us"] = json!(1_790_000_000_000_000_i64);
    wrong["decision"]["not_locked"] = json!(true);
    wrong["store"] = json!({ "dropped": 3, "trouble": "the disk is full" });
    wrong["applications_trouble"] = json!("no X server");
    wrong["sinks"][0]["state"] = json!("waiting");
    wrong["sinks"][0]["backlog"] = json!(120);
    wrong["sinks"][0]["last_error"] = json!("Connection refused (os error 111)");
    wrong["recognition"]["trust"] = json!(0);
    wrong["recognition"]["state"] = json!("stranger");
    let clock = seclyzer::cli::time::local_clock(1_790_000_000_000_000);
    let mut state = looking_at(&wrong);
    let first = screen(&state, 80, 24).replace(&clock, "HH:MM");
    assert_snapshot!("paused_and_a_sink_down_80x24", first);
    state.press(key(KeyCode::PageDown));
    let shown = first + &screen(&state, 80, 24).replace(&clock, "HH:MM");
    let parts =
        ["paused until HH:MM", "3 records lost", "the disk is full", "no X server", "NOTHING LOCKED", "120 to send"];
    for part in parts.into_iter().chain(["Connection refused", "a stranger is at the machine"]) {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn what_is_scrolled_beyond_its_end_comes_back_with_the_first_key() {
    let mut state = looking_at(&status());
    state.press(key(KeyCode::Char('2')));
    let top = screen(&state, 80, 24);
    for _ in 0..100 {
        state.press(key(KeyCode::PageDown));
        screen(&state, 80, 24);
    }
    let end = screen(&state, 80, 24);
    assert!(end.contains("reversal_rate"), "{end}");
    state.press(key(KeyCode::Up));
    assert_ne!(screen(&state, 80, 24), end);
    // A larger terminal shows more of it, and there is less to scroll.
    screen(&state, 80, 100);
    state.press(key(KeyCode::Down));
    assert_eq!(screen(&state, 80, 24), top);
}

#[test]
fn a_long_refusal_is_shown_whole() {
    let mut state = looking_at(&status());
    let refusal = "this needs a proof that you are the owner, ".repeat(8) + "END";
    state.take(News::Said(refusal.clone()));
    let shown = screen(&state, 80, 24).replace('\n', " ");
    assert!(shown.ends_with("END") && shown.matches("proof that").count() == 8, "{shown}");
    state.press(key(KeyCode::Esc));
    assert!(!screen(&state, 80, 24).contains("END"));
}

#[test]
fn a_database_that_cannot_be_read_is_no_empty_one() {
    let mut state = looking_at(&status());
    let trouble = "seclyzer.db: the database disk image is malformed";
    state.take(News::History(Box::new(History { trouble: Some(trouble.into()), ..History::default() })));
    for view in [View::Overview, View::Features] {
        state.view = view;
        let shown = screen(&state, 160, 50);
        assert!(shown.contains(trouble) && !shown.contains("no window yet"), "{shown}");
    }
}

#[test]
fn colours_are_used_only_where_they_are_wanted() {
    let colours = |state: &State| {
        let terminal = terminal(state, 80, 24);
        let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
        let cells = cells.filter_map(|(row, column)| terminal.screen().cell(row, column));
        cells.filter(|cell| [cell.fgcolor(), cell.bgcolor()] != [vt100::Color::Default; 2]).count()
    };
    let mut state = looking_at(&status());
    assert_eq!(colours(&state), 0);
    state.has_colours = true;
    assert!(colours(&state) > 0);
}

#[test]
fn keys_choose_views_scroll_explain_and_ask_for_what_the_agent_does() {
    let mut state = looking_at(&status());
    assert_eq!(state.press(key(KeyCode::Tab)), None);
    assert_eq!(state.view, View::Features);
    let top = screen(&state, 80, 24);
    state.press(key(KeyCode::PageDown));
    assert_ne!(screen(&state, 80, 24), top);
    state.press(key(KeyCode::Home));
    assert_eq!(screen(&state, 80, 24), top);
    state.press(key(KeyCode::BackTab));
    assert_eq!(state.view, View::Overview);
    state.press(key(KeyCode::Char('?')));
    assert!(screen(&state, 80, 24).contains("pause capture until 30 minutes from now; a later end stays"));
    state.press(key(KeyCode::Char('4')));
    assert!(!state.help && state.view == View::Machine);
    let wishes = [('p', Some(Wish::Pause)), ('r', Some(Wish::Resume)), ('q', Some(Wish::End)), ('x', None)];
    for (letter, wish) in wishes {
        assert_eq!(state.press(key(KeyCode::Char(letter))), wish);
    }
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.press(interrupt), Some(Wish::End));
    state.take(News::Said("paused until 15:04".into()));
    assert!(screen(&state, 80, 24).contains("paused until 15:04"));
}

const NOW_US: Micros = 1_790_000_000_000_000;

/// What is asked for with `p`, where the agent is paused until so many minutes from now.
fn asked(minutes: Option<i64>) -> (Option<Request>, String) {
    let mut status = status();
    status["decision"]["paused_until_us"] = json!(minutes.map(|minutes| NOW_US + minutes * 60_000_000));
    let mut state = looking_at(&status);
    let asked = state.ask(&Wish::Pause, NOW_US);
    (asked, state.said.expect("something is said"))
}

#[test]
fn a_pause_is_never_shortened() {
    let half_an_hour = Request::Pause { until_us: NOW_US + PAUSE_US };
    for minutes in [None, Some(10), Some(29)] {
        assert_eq!(asked(minutes), (Some(half_an_hour.clone()), "pausing …".into()));
    }
    for minutes in [30, 240] {
        let until = local_clock(NOW_US + minutes * 60_000_000);
        assert_eq!(asked(Some(minutes)), (None, format!("paused until {until} already")));
    }
    assert_eq!(State::new(false).ask(&Wish::Pause, NOW_US), None, "who does not know of a pause could shorten it");
}

#[test]
fn a_key_that_is_held_down_asks_once() {
    let mut state = looking_at(&status());
    assert!(state.ask(&Wish::Pause, NOW_US).is_some());
    for wish in [Wish::Pause, Wish::Resume] {
        assert_eq!(state.press(key(KeyCode::Char('p'))), Some(Wish::Pause));
        assert_eq!(state.ask(&wish, NOW_US), None);
    }
    assert_eq!(state.said.as_deref(), Some("pausing …"));
    state.take(News::Said("paused".into()));
    assert_eq!(state.ask(&Wish::Resume, NOW_US), Some(Request::Resume));
}

#[test]
fn any_size_of_terminal_is_drawn_on() {
    let mut state = looking_at(&status());
    for view in View::ALL {
        state.view = view;
        for (width, height) in [(1, 1), (10, 3), (40, 10), (300, 90)] {
            screen(&state, width, height);
        }
    }
}

#[test]
fn as_text_it_has_every_panel_once_and_no_frames() {
    let text = as_text(answers(&status(), 1), history());
    assert_snapshot!("once", text);
    assert!(!text.contains('│'));
}
