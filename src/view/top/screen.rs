//! The screen: panels in frames, and how to choose between views.

use super::panels::{self, Panel, Text, Tone};
use super::{State, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Wrap};

/// From so many columns on, panels are side by side.
const WIDE: u16 = 100;
const HELP: [&str; 9] = [
    "1 2 3 4, Tab   choose a view",
    "↑ ↓ PgUp PgDn  scroll",
    "p              pause capture for 30 minutes; again: anew",
    "r              resume",
    "?              this help",
    "q, Ctrl-C      end",
    "",
    "The usual range is that of eight of ten windows of the last week, with",
    "the median between; ! marks a value outside it.",
];

pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let [head, tabs, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Line::styled(panels::head(&state.agent), state.style(Tone::Heading)), head);
    frame.render_widget(tabs_line(state), tabs);
    match (state.help, state.agent.newest()) {
        (true, _) => wrapped(frame, state, body, &help()),
        (false, None) if state.view != View::Features => wrapped(frame, state, body, &state.absent()),
        (false, _) => draw_view(frame, state, body),
    }
    let foot_text = state.said.as_deref().unwrap_or("p pause 30 min  r resume  Tab next view  ? help  q quit");
    frame.render_widget(Line::raw(foot_text), foot);
}

fn tabs_line(state: &State) -> Line<'static> {
    let tab = |view: View| {
        let style = if view == state.view { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        [ratatui::text::Span::styled(format!(" {} {} ", view as u8 + 1, view.name()), style), "  ".into()]
    };
    View::ALL.into_iter().flat_map(tab).collect()
}

fn help() -> Panel {
    let line = |text: &&str| Text { tone: Tone::Plain, text: (*text).to_owned() };
    Panel { title: "Keys".into(), lines: HELP.iter().map(line).collect() }
}

fn draw_view(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let panels = state.panels();
    match state.view {
        View::Overview => {
            let [capture, events, recognised, sinks] = &panels[..] else { return };
            let half = (area.width / 2).saturating_sub(2);
            let top = capture.rows(half).max(events.rows(half)).saturating_add(2);
            let middle = recognised.rows(area.width.saturating_sub(2)).saturating_add(2);
            let rows = [Constraint::Length(top), Constraint::Length(middle), Constraint::Min(3)];
            let [top, middle, bottom] = Layout::vertical(rows).areas(area);
            let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(top);
            for (panel, area) in [(capture, left), (events, right), (recognised, middle), (sinks, bottom)] {
                wrapped(frame, state, area, panel);
            }
        }
        View::Features if area.width >= WIDE => side_by_side(frame, state, area, &panels),
        View::Features => below_each_other(frame, state, area, &panels),
        View::Recognition => panels.iter().for_each(|panel| wrapped(frame, state, area, panel)),
        View::Machine => below_each_other(frame, state, area, &panels),
    }
}

fn side_by_side(frame: &mut Frame<'_>, state: &State, area: Rect, panels: &[Panel]) {
    let areas = Layout::horizontal(vec![Constraint::Fill(1); panels.len()]).split(area);
    for (panel, area) in panels.iter().zip(areas.iter()) {
        scrolled(frame, state, *area, panel);
    }
}

/// One panel with the lines of all, which can be scrolled.
fn below_each_other(frame: &mut Frame<'_>, state: &State, area: Rect, panels: &[Panel]) {
    let Some((first, others)) = panels.split_first() else { return };
    let mut lines = first.lines.clone();
    for panel in others {
        lines.push(Text { tone: Tone::Plain, text: String::new() });
        lines.push(Text { tone: Tone::Heading, text: panel.title.clone() });
        lines.extend(panel.lines.clone());
    }
    scrolled(frame, state, area, &Panel { title: first.title.clone(), lines });
}

/// Sentences, in as many rows as they need.
fn wrapped(frame: &mut Frame<'_>, state: &State, area: Rect, panel: &Panel) {
    frame.render_widget(paragraph(state, panel).wrap(Wrap { trim: false }), area);
}

/// A table: a row a line, so that it can be scrolled to its end.
fn scrolled(frame: &mut Frame<'_>, state: &State, area: Rect, panel: &Panel) {
    let furthest = (panel.lines.len() as u16).saturating_sub(area.height.saturating_sub(2));
    frame.render_widget(paragraph(state, panel).scroll((state.scroll.min(furthest), 0)), area);
}

fn paragraph<'a>(state: &State, panel: &'a Panel) -> Paragraph<'a> {
    let lines = panel.lines.iter().map(|line| Line::styled(line.text.as_str(), state.style(line.tone)));
    Paragraph::new(lines.collect::<Vec<_>>()).block(Block::bordered().title(format!(" {} ", panel.title)))
}

impl State {
    /// Colours that are readable on light and on dark; without colours it is bold.
    pub fn style(&self, tone: Tone) -> Style {
        let style = Style::new();
        match tone {
            Tone::Plain => style,
            Tone::Heading => style.add_modifier(Modifier::BOLD),
            Tone::Good if self.has_colours => style.fg(Color::Green),
            Tone::Good => style,
            Tone::Bad if self.has_colours => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Bad => style.add_modifier(Modifier::BOLD),
        }
    }
}
