//! What is shown, as titles with lines: the same for the screen and for text.

use super::agent::{Agent, Device, KINDS, Status};
use super::history::{History, Measured, RECENT_US};
use seclyzer::act::Mode;
use seclyzer::cli::text::printable;
use seclyzer::cli::{recognition, time};
use seclyzer::event::Micros;

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

/// A line. What it contains comes from devices, applications, servers and another process, and changes nothing on a
/// terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub tone: Tone,
    text: String,
}

impl Text {
    pub fn new(tone: Tone, text: &str) -> Text {
        Text { tone, text: printable(text) }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    fn plain(text: impl AsRef<str>) -> Text {
        Text::new(Tone::Plain, text.as_ref())
    }

    fn good(text: impl AsRef<str>) -> Text {
        Text::new(Tone::Good, text.as_ref())
    }

    fn bad(text: impl AsRef<str>) -> Text {
        Text::new(Tone::Bad, text.as_ref())
    }

    fn heading(text: impl AsRef<str>) -> Text {
        Text::new(Tone::Heading, text.as_ref())
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
    let (memory, cpu) = (memory.unwrap_or_default(), cpu.unwrap_or_default());
    printable(&format!("seclyzer {version}  process {pid}  up {up}{memory}{cpu}"))
}

/// Why there is no agent, and what to do.
pub fn absent(why: &str) -> Panel {
    panel("No agent", vec![Text::bad(why)])
}

pub fn capture(status: &Status) -> Panel {
    let read = status.devices.iter().filter(|device| device.is_read()).count();
    let mut lines = vec![match (status.decision.paused_until_us, status.session_active, read) {
        (Some(until_us), ..) => Text::bad(format!("paused until {}: nothing is read", time::local_clock(until_us))),
        (None, Some(false), _) => Text::bad("another user's session is active: nothing is read"),
        (None, _, 0) => Text::bad("no device is read: run `seclyzer doctor`"),
        (None, _, 1) => Text::good("reading 1 device"),
        (None, _, read) => Text::good(format!("reading {read} devices")),
    }];
    if status.excluded {
        lines.push(Text::plain("no keystrokes: an excluded application has the focus, or they may be a secret"));
    }
    if let Some(trouble) = &status.applications_trouble {
        lines.push(Text::bad(format!("applications: {trouble}")));
    }
    let gaps: u64 = status.events.gaps.values().sum();
    lines.push(Text::plain(format!("{gaps} gaps in the events")));
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
    if let Some(focus) = &history.application {
        lines.push(Text::plain(format!("last: {}, {:.0} % of today's focus", focus.name, 100.0 * focus.share())));
    }
    lines.extend(missing(history));
    panel("Events a second, application", lines)
}

/// Why there are no records to show.
fn missing(history: &History) -> Option<Text> {
    let trouble = history.trouble.as_ref().map(|trouble| Text::bad(format!("records: {trouble}")));
    trouble.or_else(|| history.others.as_ref().map(Text::bad))
}

pub fn recognised(status: &Status, history: &History, decisions: usize) -> Panel {
    let mut lines = match &status.recognition {
        None => vec![Text::plain("off")],
        Some(known) => {
            let [keys, mouse] = recognition::learnt(known);
            let is_bad = known.trust.is_some_and(|trust| trust < 100);
            let tone = if is_bad { Tone::Bad } else { Tone::Good };
            let state = Text::new(tone, &recognition::state(known));
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
    lines.extend(evidence(&history.evidence));
    let newest = history.decisions.iter().take(decisions);
    lines.extend(newest.map(|(time, what)| Text::plain(format!("{time}  {what}"))));
    panel("Recognition", lines)
}

fn until(what: &str, until_us: Option<i64>) -> Option<Text> {
    until_us.map(|until_us| Text::plain(format!("{what} until {}", time::local_clock(until_us))))
}

/// Places of a row of the last ten minutes, the oldest on the left: 15 s each.
const PLACES: usize = 40;
const PLACE_US: Micros = RECENT_US / PLACES as Micros;

/// Where in the row what was so long ago is.
fn place(ago_us: Micros) -> usize {
    PLACES - 1 - (ago_us / PLACE_US).clamp(0, PLACES as Micros - 1) as usize
}

/// The last ten minutes as a row of bars. Of scores that share a place the lowest counts; a dot is nobody judged, and a
/// blank no input.
fn trust(scores: &[(Micros, Option<u8>)]) -> Option<Text> {
    const BARS: [char; 5] = ['▁', '▂', '▄', '▆', '█'];
    let least = scores.iter().filter_map(|(_, score)| *score).min()?;
    let bar = |i: usize| {
        let here = scores.iter().filter(|(ago_us, _)| place(*ago_us) == i).map(|(_, score)| *score);
        let here: Vec<Option<u8>> = here.collect();
        match here.iter().flatten().min() {
            Some(score) => BARS[usize::from(*score.min(&100)) / 25],
            None if here.is_empty() => ' ',
            None => '·',
        }
    };
    let row: String = (0..PLACES).map(bar).collect();
    Some(Text::plain(format!("trust {row}  lowest {least}")))
}

/// What decided, below the bars of the same time.
fn evidence(decided: &[(Micros, String)]) -> Option<Text> {
    let mut row = [' '; PLACES];
    for (ago_us, modality) in decided {
        row[place(*ago_us)] = modality.chars().next().unwrap_or('?');
    }
    let row: String = row.iter().collect();
    (!decided.is_empty()).then(|| Text::plain(format!("by    {row}  k keys, m mouse, b both")))
}

pub fn sinks(status: &Status) -> Panel {
    let line = |sink: &super::agent::Sink| {
        let error = sink.last_error.iter().map(|error| format!("  {error}")).collect::<String>();
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
        None => panel(what, vec![missing(history).unwrap_or_else(|| Text::plain("no window yet"))]),
        Some(time) => {
            let mut lines = Vec::new();
            for (i, measured) in measured.iter().enumerate() {
                lines.extend(groups.iter().filter(|(first, _)| *first == i).map(|(_, group)| Text::heading(*group)));
                lines.push(feature(measured));
            }
            if what == TYPING {
                lines.push(Text::plain(PAIRS));
            }
            panel(format!("{what} at {time}: value, usual range"), lines)
        }
    };
    [
        of(TYPING, &history.keystroke_time, &history.keystroke, &KEYSTROKE_GROUPS),
        of("Mouse", &history.mouse_time, &history.mouse, &MOUSE_GROUPS),
    ]
}

const TYPING: &str = "Typing";
/// Of the features that have no line.
const PAIRS: &str = "not shown: the flight of 100 pairs of zones, which `seclyzer report` draws";

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
    fn features_that_are_not_shown_are_named() {
        let pairs = KEYSTROKE.iter().filter(|feature| feature.name.starts_with("digraph_")).count();
        assert!(PAIRS.contains(&format!("{pairs} pairs")));
        let history = History { keystroke_time: Some("10:05:00".into()), ..History::default() };
        let [typing, mouse] = features(&history);
        assert_eq!(typing.lines.last().map(Text::text), Some(PAIRS));
        assert!(mouse.lines.iter().all(|line| line.text() != PAIRS));
    }

    #[test]
    fn an_agent_that_does_not_say_whether_its_session_is_active_is_not_said_to_be_inactive() {
        let device = Device { state: "read".into(), ..Device::default() };
        let first = |session_active| {
            let status = Status { devices: vec![device.clone()], session_active, ..Status::default() };
            capture(&status).lines[0].text.clone()
        };
        assert_eq!([None, Some(true)].map(first), ["reading 1 device"; 2]);
        assert!(first(Some(false)).contains("another user's session"));
    }

    const SECOND_US: Micros = 1_000_000;

    #[test]
    fn trust_is_a_row_of_ten_minutes_in_which_the_lowest_of_a_place_counts() {
        assert_eq!(trust(&[(0, None), (1, None)]), None);
        // Five scores are 25 s of it, wherever they are.
        let scores: Vec<_> = (0..5).map(|i| (i * 5 * SECOND_US, Some(100))).collect();
        let row = trust(&scores).expect("a row");
        assert_eq!(row.text, format!("trust {}██  lowest 100", " ".repeat(38)));
        let minute = |ago: Micros, score| (ago * 60 * SECOND_US, score);
        let row = trust(&[minute(9, Some(100)), minute(6, None), minute(3, Some(75)), minute(0, Some(0))]);
        let gap = " ".repeat(11);
        assert_eq!(row.expect("a row").text, format!("trust    █{gap}·{gap}▆{gap}▁  lowest 0"));
        // One place: a score among those of a time in which nobody was judged.
        let row = trust(&[(3, None), (2, Some(25)), (1, Some(100)), (0, None)]).expect("a row");
        assert!(row.text.ends_with(" ▂  lowest 25"), "{row:?}");
    }

    #[test]
    fn what_decided_is_below_the_trust_of_its_time() {
        assert_eq!(evidence(&[]), None);
        let row = evidence(&[(599 * SECOND_US, "mouse".into()), (0, "keys".into())]).expect("a row");
        assert_eq!(row.text, format!("by    m{}k  k keys, m mouse, b both", " ".repeat(38)));
    }

    #[test]
    fn a_name_that_would_move_the_cursor_is_only_text() {
        let device = |name: &str| Device { name: name.into(), state: "read".into(), ..Device::default() };
        let status = Status { devices: vec![device("a\u{1b}[2Jb")], ..Status::default() };
        assert!(devices(&status).lines[0].text.ends_with("a\u{fffd}[2Jb"));
    }
}
