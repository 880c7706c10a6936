//! What is shown, as titles with lines: the same for the screen and for text.

use super::agent::{Agent, Device, KINDS, Status};
use super::history::{History, Measured};
use seclyzer::act::Mode;
use seclyzer::cli::{recognition, time};

/// How a line is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    /// A heading among lines.
    Heading,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub tone: Tone,
    pub text: String,
}

impl Text {
    fn plain(text: impl Into<String>) -> Text {
        Text { tone: Tone::Plain, text: text.into() }
    }

    fn good(text: impl Into<String>) -> Text {
        Text { tone: Tone::Good, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Text {
        Text { tone: Tone::Bad, text: text.into() }
    }

    fn heading(text: impl Into<String>) -> Text {
        Text { tone: Tone::Heading, text: text.into() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    pub title: String,
    pub lines: Vec<Text>,
}

fn panel(title: impl Into<String>, lines: Vec<Text>) -> Panel {
    Panel { title: title.into(), lines }
}

impl Panel {
    /// Rows that its lines need in so many columns.
    pub fn rows(&self, columns: u16) -> u16 {
        let rows = self.lines.iter().map(|line| line.text.chars().count().div_ceil(usize::from(columns.max(1))).max(1));
        u16::try_from(rows.sum::<usize>()).unwrap_or(u16::MAX)
    }
}

/// The agent's process, in a line.
pub fn head(agent: &Agent) -> String {
    let Some(newest) = agent.newest() else { return "seclyzer: no agent".into() };
    let Status { version, pid, uptime_s, .. } = &newest.status;
    let memory = newest.process.map(|process| format!("  {:.1} MB", process.resident_kib as f64 / 1024.0));
    let cpu = agent.cpu_percent().map(|percent| format!("  CPU {percent:.1} %"));
    let up = match (uptime_s / 3600, uptime_s / 60 % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    format!("seclyzer {version}  process {pid}  up {up}{}{}", memory.unwrap_or_default(), cpu.unwrap_or_default())
}

/// Why there is no agent, and what to do.
pub fn absent(why: &str) -> Panel {
    panel("No agent", vec![Text::bad(why)])
}

pub fn capture(status: &Status) -> Panel {
    let read = status.devices.iter().filter(|device| device.is_read()).count();
    let mut lines = vec![match (status.decision.paused_until_us, status.session_active, read) {
        (Some(until_us), ..) => Text::bad(format!("paused until {}: nothing is read", time::local_clock(until_us))),
        (None, false, _) => Text::bad("another user's session is active: nothing is read"),
        (None, true, 0) => Text::bad("no device is read: run `seclyzer doctor`"),
        (None, true, 1) => Text::good("reading 1 device"),
        (None, true, read) => Text::good(format!("reading {read} devices")),
    }];
    if status.excluded {
        lines.push(Text::plain(
            "no keystrokes: an excluded application has the focus, or a program has grabbed the keyboard",
        ));
    }
    if let Some(trouble) = &status.applications_trouble {
        lines.push(Text::bad(format!("applications: {trouble}")));
    }
    let gaps: u64 = status.events.gaps.values().sum();
    lines.push(Text::plain(format!("{gaps} gaps")));
    if status.store.dropped > 0 {
        lines.push(Text::bad(format!("{} records lost", status.store.dropped)));
    }
    lines.extend(status.store.trouble.iter().map(|trouble| Text::bad(format!("database: {trouble}"))));
    panel("Capture", lines)
}

pub fn events(agent: &Agent, history: &History) -> Panel {
    let rates = agent.rates();
    let line = |(i, kind): (usize, &&str)| match rates {
        Some(rates) => Text::plain(format!("{kind:<10}{:>7.1}", rates[i])),
        None => Text::plain(format!("{kind:<10}      –")),
    };
    let mut lines: Vec<Text> = KINDS.iter().enumerate().map(line).collect();
    if let Some((application, share)) = &history.application {
        lines.push(Text::plain(format!("{application}: {:.0} % of today", 100.0 * share)));
    }
    panel("Events a second, application", lines)
}

pub fn recognised(status: &Status, history: &History, decisions: usize) -> Panel {
    let mut lines = match &status.recognition {
        None => vec![Text::plain("off")],
        Some(known) => {
            let [keys, mouse] = recognition::learnt(known);
            let is_bad = known.trust.is_some_and(|trust| trust < 100);
            let tone = if is_bad { Tone::Bad } else { Tone::Good };
            let state = Text { tone, text: recognition::state(known) };
            vec![state, Text::plain(format!("keys: {keys}")), Text::plain(format!("mouse: {mouse}"))]
        }
    };
    lines.extend(until("guest", status.decision.guest_until_us));
    lines.push(Text::plain(match (status.decision.known_mode(), status.decision.notices_off) {
        (Some(Mode::Observe), _) => "at an alarm: it is recorded",
        (Some(Mode::Notify), false) => "at an alarm: a notice",
        (Some(Mode::Notify), true) => "at an alarm: it is recorded (notify.decisions is off)",
        (Some(Mode::Lock), false) => "at an alarm: a notice, and the session is locked",
        (Some(Mode::Lock), true) => "at an alarm: the session is locked, without a notice",
        (None, _) => "at an alarm: not known",
    }));
    if status.decision.not_locked {
        lines.push(Text::bad("NOTHING LOCKED THE SESSION at this alarm: `seclyzer lock --test` shows why"));
    }
    lines.extend(trust(&history.trust));
    let newest = history.decisions.iter().take(decisions);
    lines.extend(newest.map(|(time, what)| Text::plain(format!("{time}  {what}"))));
    panel("Recognition", lines)
}

fn until(what: &str, until_us: Option<i64>) -> Option<Text> {
    until_us.map(|until_us| Text::plain(format!("{what} until {}", time::local_clock(until_us))))
}

/// The last ten minutes as a row of bars, the oldest on the left; a dot is nobody judged.
fn trust(scores: &[Option<u8>]) -> Option<Text> {
    const WIDTH: usize = 40;
    const BARS: [char; 5] = ['▁', '▂', '▄', '▆', '█'];
    let least = scores.iter().flatten().min()?;
    let bar = |score: &Option<u8>| score.map_or('·', |score| BARS[usize::from(score.min(100)) / 25]);
    // The lowest of those that share a place.
    let row: String =
        scores.chunks(scores.len().div_ceil(WIDTH)).map(|chunk| bar(chunk.iter().min().unwrap_or(&None))).collect();
    Some(Text::plain(format!("trust {row}  lowest {least}")))
}

pub fn sinks(status: &Status) -> Panel {
    let line = |sink: &super::agent::Sink| {
        let error = sink.last_error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
        let text =
            format!("{:<8}{:<12}{:>8} to send{:>10} sent{error}", sink.name, sink.state, sink.backlog, sink.delivered);
        let is_bad = ["rejecting", "waiting", "refused"].contains(&sink.state.as_str());
        if is_bad { Text::bad(text) } else { Text::plain(text) }
    };
    let lines: Vec<Text> = status.sinks.iter().map(line).collect();
    panel("Sinks", if lines.is_empty() { vec![Text::plain("none is configured")] } else { lines })
}

pub fn devices(status: &Status) -> Panel {
    let line = |device: &Device| {
        let text = format!("{:<20} {:<20} {}", device.path, device.state(), device.name);
        if device.is_read() { Text::good(text) } else { Text::plain(text) }
    };
    panel("Devices", status.devices.iter().map(line).collect())
}

/// The newest window of typing, and of the mouse.
pub fn features(history: &History) -> [Panel; 2] {
    let of = |what: &str, time: &Option<String>, measured: &[Measured], groups: &[(usize, &str)]| match time {
        None => panel(what, vec![Text::plain("no window yet")]),
        Some(time) => {
            let mut lines = Vec::new();
            for (i, measured) in measured.iter().enumerate() {
                lines.extend(groups.iter().filter(|(first, _)| *first == i).map(|(_, group)| Text::heading(*group)));
                lines.push(feature(measured));
            }
            panel(format!("{what} at {time}: value, usual range"), lines)
        }
    };
    [
        of("Typing", &history.keystroke_time, &history.keystroke, &KEYSTROKE_GROUPS),
        of("Mouse", &history.mouse_time, &history.mouse, &MOUSE_GROUPS),
    ]
}

/// Where groups of features begin, the pairs of zones left out.
const KEYSTROKE_GROUPS: [(usize, &str); 4] =
    [(0, "Dwell (key held)"), (8, "Flight (key to key)"), (16, "Dwell by finger"), (27, "Rhythm and corrections")];
const MOUSE_GROUPS: [(usize, &str); 5] =
    [(0, "Motion"), (12, "Strokes"), (20, "Buttons"), (30, "Wheel"), (35, "Small movements")];

fn feature(measured: &Measured) -> Text {
    let value = measured.value.map_or("–".into(), number);
    let usual = measured.usual.map_or(String::new(), |usual| {
        let mark = if measured.is_unusual() { '!' } else { ' ' };
        format!(" {mark} {}…{}…{}", number(usual.low), number(usual.median), number(usual.high))
    });
    let text = format!("{:<26}{value:>8} {:<10}{usual}", measured.name, measured.unit);
    let text = text.trim_end().to_owned();
    if measured.is_unusual() { Text::bad(text) } else { Text::plain(text) }
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 99.95 => format!("{value:.0}"),
        middle if middle >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seclyzer::features::names::{KEYSTROKE, MOUSE};

    #[test]
    fn groups_begin_where_the_features_of_their_kind_do() {
        let keystroke: Vec<&str> =
            KEYSTROKE.iter().map(|f| f.name.as_str()).filter(|name| !name.starts_with("digraph_")).collect();
        let firsts = |groups: &[(usize, &str)], names: &[&str]| -> Vec<String> {
            groups.iter().map(|(first, _)| names[*first].to_owned()).collect()
        };
        assert_eq!(firsts(&KEYSTROKE_GROUPS, &keystroke), ["dwell_mean", "flight_mean", "dwell_lp", "rollover_ratio"]);
        let mouse: Vec<&str> = MOUSE.iter().map(|f| f.name.as_str()).collect();
        let expected =
            ["speed_mean", "path_efficiency_mean", "click_duration_mean", "scroll_rate", "micro_stroke_rate"];
        assert_eq!(firsts(&MOUSE_GROUPS, &mouse), expected);
    }

    #[test]
    fn trust_is_a_row_of_bars_in_which_the_lowest_of_a_place_counts() {
        assert_eq!(trust(&[None, None]), None);
        let row = trust(&[Some(100), Some(75), None, Some(0)]).expect("a row");
        assert_eq!(row.text, "trust █▆·▁  lowest 0");
        let mut scores = vec![Some(100); 120];
        scores[60] = Some(25);
        let row = trust(&scores).expect("a row").text;
        assert_eq!((row.matches('█').count(), row.matches('▂').count()), (39, 1));
    }
}
