//! `seclyzer status`

use super::text::{printable_value, table};
use super::{Error, ask, keystrokes, recognition, time};
use crate::act::Mode;
use crate::agent::decision_status::DecisionStatus;
use crate::agent::feed::StrokesStatus;
use crate::agent::hardening::Hardening;
use crate::config::Config;
use crate::sources::capture::LayoutOrigin;
use crate::sources::focus::Backend;
use crate::store::large_log;
use serde_json::Value;
use std::io::Write;

/// Show the state of the running agent: devices, events, why keystrokes count or not, sinks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  seclyzer status
  seclyzer status --json | jq '.sinks[] | {name, state, backlog}'

Exit codes: 0 an agent runs; 69 no agent runs on the configured database.")]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, config: &Config, out: &mut impl Write) -> Result<(), Error> {
    let mut status = ask::status(&config.store.path)?;
    if args.json {
        writeln!(out, "{status:#}")?;
    } else {
        printable_value(&mut status);
        write!(out, "{}", describe(&status))?;
    }
    Ok(())
}

fn describe(status: &Value) -> String {
    let mut text = format!(
        "seclyzer {}, process {}, up {}\n",
        plain(&status["version"]),
        status["pid"],
        duration(status["uptime_s"].as_u64().unwrap_or(0))
    );
    let paused_until_us = status["decision"]["paused_until_us"].as_i64();
    if let Some(until_us) = paused_until_us {
        text += &format!(
            "capture: paused until {}: no device is open; `seclyzer resume` ends it\n",
            time::local_clock(until_us)
        );
    }
    if status["session_active"] == false {
        text += "capture: paused, another user's session is active\n";
    }
    text += "\n";
    let events = &status["events"];
    let store = &status["store"];
    let rows = [
        ["keystroke".into(), plain(&events["keystroke"]), plain(&store["keystroke_records"])],
        ["mouse".into(), plain(&events["mouse"]), plain(&store["mouse_records"])],
        ["app".into(), plain(&events["app"]), plain(&store["app_records"])],
        // Made of the events above.
        ["score".into(), "-".into(), plain(&store["score_records"])],
        ["decision".into(), "-".into(), plain(&store["decision_records"])],
    ];
    text += &table(&["kind", "events", "records"], &rows);
    let gaps = events["gaps"].as_object().into_iter().flatten().map(|(reason, count)| format!("{count} {reason}"));
    let gaps: Vec<_> = gaps.collect();
    text += &keystrokes(&status["keystrokes"]);
    text += &format!("gaps: {}\n", if gaps.is_empty() { "none".into() } else { gaps.join(", ") });
    if status["excluded"] == true {
        text += "keystrokes are not captured: an excluded application has the focus, or they may be a secret\n";
    }
    text += &match status["applications_trouble"].as_str() {
        Some(trouble) => format!("focused application: unknown, so none can be excluded: {trouble}\n"),
        None => match serde_json::from_value::<Backend>(status["focus"].clone()) {
            Ok(backend) => format!("focused application: {} tells it\n", backend.name()),
            Err(_) => "focused application: followed\n".into(),
        },
    };
    text += &format!("letters: written by {}\n", layout(&status["layout"]));
    text += &recognition(&status["recognition"]);
    text += &decision(&status["decision"]);
    text += &format!("protections in force: {}\n", hardening(&status["hardening"]));
    if store["dropped"] != 0 && !store["dropped"].is_null() {
        text += &format!("records lost: {}\n", store["dropped"]);
    }
    if let Some(trouble) = store["trouble"].as_str() {
        text += &format!("database: {trouble}\n");
    }
    if let Some(large) = store["log_bytes"].as_u64().and_then(large_log) {
        text += &format!("database: {large}\n");
    }
    text += &injected(&status["injected"]);
    text += "\n";
    text += &sinks(&status["sinks"]);
    text += "\n";
    text += &devices(&status["devices"], paused_until_us.is_some());
    text
}

fn keystrokes(status: &Value) -> String {
    let status: StrokesStatus = serde_json::from_value(status.clone()).unwrap_or_default();
    format!(
        "\nkeystroke features: from {} (keystroke.publish = \"{}\")\nstrokes: {}\nended lines: {}\n",
        keystrokes::published(&status.publish),
        status.publish,
        keystrokes::strokes(&status),
        keystrokes::lines(&status)
    )
}

fn recognition(status: &Value) -> String {
    match serde_json::from_value(status.clone()) {
        Ok(Some(status)) => recognition::lines(&status),
        Ok(None) | Err(_) => format!("{}\n", recognition::OFF),
    }
}

fn decision(status: &Value) -> String {
    let DecisionStatus { mode, notices_off, locked, not_locked, guest_until_us, paused_until_us: _ } =
        serde_json::from_value(status.clone()).unwrap_or_default();
    let at_alarm = match (Mode::named(&mode).unwrap_or_default(), notices_off) {
        (Mode::Observe, _) => "it is recorded and published",
        (Mode::Notify, false) => "a notice asks whether it is the owner",
        (Mode::Notify, true) => "it is recorded and published, without a notice: notify.decisions is off",
        (Mode::Lock, false) => "a notice asks whether it is the owner, and the session is locked",
        (Mode::Lock, true) => "the session is locked, without a notice: notify.decisions is off",
    };
    let mut text = format!("at an alarm: {at_alarm} (decision.mode = \"{mode}\")\n");
    if locked {
        text += "the session is locked; nobody is judged\n";
    }
    if not_locked {
        text += "NOTHING LOCKED THE SESSION at this alarm; `seclyzer lock --test` shows why\n";
    }
    if let Some(until_us) = guest_until_us {
        text += &format!("guest: until {}; nothing is judged or learnt\n", time::local_clock(until_us));
    }
    text
}

fn layout(origin: &Value) -> &'static str {
    match serde_json::from_value(origin.clone()) {
        Ok(LayoutOrigin::Configuration) => "the keys that keyboard.letters lists",
        Ok(LayoutOrigin::X11) => "the keys of the layout that the X server reports",
        Ok(LayoutOrigin::Assumed) | Err(_) => "the keys of a US keyboard (with another layout set keyboard.letters)",
    }
}

/// The measures that are in force, by name.
fn hardening(status: &Value) -> String {
    let hardening: Hardening = serde_json::from_value(status.clone()).unwrap_or_default();
    let names: Vec<_> = hardening.measures().into_iter().filter(|&(_, on)| on).map(|(name, _)| name).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

fn injected(injected: &Value) -> String {
    if injected.is_null() {
        return "injected events: not accepted\n".into();
    }
    let rejected: u64 = injected["rejected"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    let of = |field: &str| -> StrokesStatus { serde_json::from_value(injected[field].clone()).unwrap_or_default() };
    let (present, other) = (of("present_keystrokes"), of("other_keystrokes"));
    format!(
        "injected events: {} accepted, {rejected} rejected, {} interruptions; keystroke features: from {} \
         (redis.events_publish = \"{}\")\ninjected strokes: of the present time {}; of another time {}\n",
        injected["accepted"],
        injected["interruptions"],
        keystrokes::published(&present.publish),
        present.publish,
        keystrokes::strokes(&present),
        keystrokes::strokes(&other)
    )
}

fn sinks(sinks: &Value) -> String {
    let row = |sink: &Value| {
        ["name", "state", "backlog", "delivered", "rejected", "missed", "last_error"].map(|key| plain(&sink[key]))
    };
    let rows: Vec<_> = sinks.as_array().into_iter().flatten().map(row).collect();
    table(&["sink", "state", "backlog", "delivered", "rejected", "missed", "last error"], &rows)
}

fn devices(devices: &Value, is_paused: bool) -> String {
    let devices = devices.as_array().map_or(&[][..], Vec::as_slice);
    match (devices, is_paused) {
        ([], true) => return "devices: none is open during the pause\n".into(),
        ([], false) => {
            return "devices: none is found, so no key and no movement is captured; `seclyzer doctor` names the reason\n"
                .into();
        }
        _ => {}
    }
    let row = |device: &Value| ["path", "state", "name"].map(|key| plain(&device[key]));
    let rows: Vec<_> = devices.iter().map(row).collect();
    table(&["device", "state", "name"], &rows)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pause_is_named_at_once_and_where_there_is_no_device_what_names_the_reason() {
        let status =
            json!({ "version": "1", "pid": 7, "decision": { "mode": "observe", "paused_until_us": 1 }, "devices": [] });
        let text = describe(&status);
        let second = text.lines().nth(1).expect("a line");
        assert!(second.starts_with("capture: paused until ") && second.contains("seclyzer resume"), "{text}");
        assert!(text.ends_with("devices: none is open during the pause\n"), "{text}");
        let text = describe(&json!({ "devices": [] }));
        assert!(!text.contains("paused") && text.lines().last().is_some_and(|line| line.contains("doctor")), "{text}");
        let device = json!({ "path": "/dev/input/event0", "state": "read", "name": "Keyboard" });
        assert!(describe(&json!({ "devices": [device] })).ends_with("/dev/input/event0  read   Keyboard\n"));
    }
}
