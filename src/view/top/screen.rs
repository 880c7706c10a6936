//! The screen: panels in frames, and how to choose between views.

use super::panels::{self, Panel, Text, Tone};
use super::{State, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

/// From so many columns on, panels are side by side.
const WIDE: u16 = 100;
const HELP: [&str; 18] = [
    "1 2 3 4, Tab   choose a view",
    "↑ ↓ PgUp PgDn  scroll",
    "p              pause capture until 30 minutes from now; a later end stays",
    "r              resume",
    "?              this help",
    "q, Ctrl-C      end",
    "",
    "The usual range is that of eight of ten windows of the last week, with",
    "the median between; ! marks a value outside it. The flight of 100 pairs",
    "of zones is not shown.",
    "",
    "The last application is the one that got the focus last; its share is of",
    "those stretches of focus today that have ended.",
    "",
    "The bars are the trust of the last ten minutes, the oldest on the left,",
    "each the lowest of 15 seconds: full is 100, a dot nobody is judged, a blank",
    "no input. Letters below them: a change of the state, and what decided it,",
    "k the keys, m the mouse, b both. Then the newest decisions, with why.",
];

/// Rows at the foot, for a refusal that gives its reason.
const MOST_FOOT: u16 = 8;

pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let foot_text = state.said.as_deref().unwrap_or("p pause 30 min  r resume  Tab next view  ? help  q quit");
    let foot_rows = folded(foot_text, frame.area().width);
    let rows = size(foot_rows.len()).min(MOST_FOOT);
    let [head, tabs, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(rows)])
            .areas(frame.area());
    frame.render_widget(Line::styled(panels::head(&state.agent), state.style(Tone::Heading)), head);
    frame.render_widget(tabs_line(state), tabs);
    state.furthest.set(0);
    match (state.help, state.agent.newest()) {
        (true, _) => scrolled(frame, state, body, &help()),
        (false, None) if state.view != View::Features => scrolled(frame, state, body, &state.absent()),
        (false, _) => draw_view(frame, state, body),
    }
    frame.render_widget(Paragraph::new(foot_rows.into_iter().map(Line::raw).collect::<Vec<_>>()), foot);
}

fn tabs_line(state: &State) -> Line<'static> {
    let tab = |view: View| {
        let style = if view == state.view { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        [ratatui::text::Span::styled(format!(" {} {} ", view as u8 + 1, view.name()), style), "  ".into()]
    };
    View::ALL.into_iter().flat_map(tab).collect()
}

fn help() -> Panel {
    let line = |text: &&str| Text::new(Tone::Plain, text);
    Panel { title: "Keys".into(), lines: HELP.iter().map(line).collect() }
}

fn draw_view(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let panels = state.panels();
    match state.view {
        View::Overview => overview(frame, state, area, &panels),
        View::Features if area.width >= WIDE => side_by_side(frame, state, area, &panels),
        View::Features | View::Recognition | View::Machine => below_each_other(frame, state, area, &panels),
    }
}

/// Panels in their places where all of it fits, else as one that can be scrolled.
fn overview(frame: &mut Frame<'_>, state: &State, area: Rect, panels: &[Panel]) {
    let [capture, events, recognised, sinks] = panels else { return };
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
    let heights = [
        framed_rows(capture, left.width).max(framed_rows(events, right.width)),
        framed_rows(recognised, area.width),
        framed_rows(sinks, area.width),
    ];
    if heights.iter().map(|rows| u32::from(*rows)).sum::<u32>() > u32::from(area.height) {
        return below_each_other(frame, state, area, panels);
    }
    let rows = [Constraint::Length(heights[0]), Constraint::Length(heights[1]), Constraint::Min(heights[2])];
    let [top, middle, bottom] = Layout::vertical(rows).areas(area);
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(top);
    for (panel, area) in [(capture, left), (events, right), (recognised, middle), (sinks, bottom)] {
        scrolled(frame, state, area, panel);
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
        lines.push(Text::new(Tone::Plain, ""));
        lines.push(Text::new(Tone::Heading, &panel.title));
        lines.extend(panel.lines.clone());
    }
    scrolled(frame, state, area, &Panel { title: first.title.clone(), lines });
}

/// Columns, and rows, of a frame.
const FRAME: u16 = 2;

fn size(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Rows that a panel needs in so many columns, with its frame.
fn framed_rows(panel: &Panel, columns: u16) -> u16 {
    let rows = panel.lines.iter().map(|line| folded(line.text(), columns.saturating_sub(FRAME)).len());
    size(rows.sum()).saturating_add(FRAME)
}

/// A panel in its frame, which is scrolled where it has more rows than there are.
fn scrolled(frame: &mut Frame<'_>, state: &State, area: Rect, panel: &Panel) {
    let columns = area.width.saturating_sub(FRAME);
    let rows = panel
        .lines
        .iter()
        .flat_map(|line| folded(line.text(), columns).into_iter().map(|row| Line::styled(row, state.style(line.tone))));
    let rows: Vec<Line<'_>> = rows.collect();
    let furthest = size(rows.len()).saturating_sub(area.height.saturating_sub(FRAME));
    state.furthest.set(state.furthest.get().max(furthest));
    let first = state.scroll.min(furthest);
    let block = Block::bordered().title(format!(" {} ", panel.title));
    let block = if first < furthest { block.title_bottom(" ↓ more ") } else { block };
    frame.render_widget(Paragraph::new(rows).block(block).scroll((first, 0)), area);
}

/// A line as rows of so many columns, broken between words where that is possible.
fn folded(text: &str, columns: u16) -> Vec<String> {
    let columns = usize::from(columns.max(1));
    let width = |text: &str| Line::raw(text).width();
    let mut rows = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let row = rows.last_mut().expect("at least one");
        if width(row) + width(word.trim_end()) <= columns {
            row.push_str(word);
        } else if width(word) <= columns {
            rows.push(word.to_owned());
        } else {
            for c in word.chars() {
                let row = rows.last_mut().expect("at least one");
                if width(row) + width(c.encode_utf8(&mut [0; 4])) <= columns {
                    row.push(c)
                } else {
                    rows.push(c.into())
                }
            }
        }
    }
    rows
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_broken_between_words_and_a_word_only_where_it_must_be() {
        assert_eq!(folded("", 5), [""]);
        assert_eq!(folded("ab cd ef", 5), ["ab cd ", "ef"]);
        assert_eq!(folded("abcdefg hi", 5), ["abcde", "fg hi"]);
        assert_eq!(folded("字字字", 4), ["字字", "字"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_row_is_too_wide(text in "[a-z 字]{0,90}", columns in 2_u16..30) {
            let rows = folded(&text, columns);
            prop_assert_eq!(rows.concat(), text);
            for row in rows {
                prop_assert!(Line::raw(row.trim_end()).width() <= usize::from(columns));
            }
        }
    }
}
