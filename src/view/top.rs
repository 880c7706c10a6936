//! `seclyzer top`: the running agent on a screen.

mod agent;
mod follow;
mod history;
mod panels;
mod screen;
#[cfg(test)]
mod tests;

use agent::{Agent, Answer};
use follow::Source;
use history::History;
use panels::Panel;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use seclyzer::agent::control::Request;
use seclyzer::cli::Error;
use seclyzer::cli::text::printable;
use seclyzer::cli::time::local_clock;
use seclyzer::cli::view::TopArgs;
use seclyzer::config::Config;
use seclyzer::event::Micros;
use seclyzer::now_us;
use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long a key may wait.
const TICK: Duration = Duration::from_millis(200);
const PAUSE_US: Micros = 30 * 60_000_000;
/// What a pause has to be longer by than another one to be worth a request: a key that is held down is pressed again and
/// again.
const WORTH_US: Micros = 60_000_000;
const PAGE: u16 = 10;
/// A terminal that takes nothing more holds up whoever reports.
const NEWS: usize = 4;
/// What is counted a second needs two.
const ANSWERS: usize = 2;
/// Decisions in the overview, and where there is room.
const FEW: usize = 3;
const MANY: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Overview,
    Features,
    Recognition,
    Machine,
}

impl View {
    const ALL: [View; 4] = [View::Overview, View::Features, View::Recognition, View::Machine];

    fn name(self) -> &'static str {
        match self {
            View::Overview => "Overview",
            View::Features => "Features",
            View::Recognition => "Recognition",
            View::Machine => "Sinks, devices",
        }
    }
}

/// What the threads report.
enum News {
    Agent(Result<Box<Answer>, String>),
    History(Box<History>),
    /// What came of a request.
    Said(String),
    /// The process is told to end.
    End,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Pause,
    Resume,
    End,
}

/// What is on the screen.
struct State {
    view: View,
    scroll: u16,
    /// How far the view can be scrolled, as it was drawn last.
    furthest: Cell<u16>,
    help: bool,
    has_colours: bool,
    agent: Agent,
    /// Why there is no agent.
    trouble: String,
    history: History,
    said: Option<String>,
    /// The agent has been asked for something, and has not answered yet.
    is_asking: bool,
    has_ended: bool,
}

impl State {
    fn new(has_colours: bool) -> State {
        State {
            view: View::Overview,
            scroll: 0,
            furthest: Cell::new(0),
            help: false,
            has_colours,
            agent: Agent::default(),
            trouble: "asking …".into(),
            history: History::default(),
            said: None,
            is_asking: false,
            has_ended: false,
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Agent(Ok(answer)) => self.agent.take(*answer),
            News::Agent(Err(trouble)) => {
                self.agent.forget();
                self.trouble = trouble;
            }
            News::History(history) => self.history = *history,
            News::Said(said) => (self.said, self.is_asking) = (Some(printable(&said)), false),
            News::End => self.has_ended = true,
        }
    }

    fn absent(&self) -> Panel {
        panels::absent(&self.trouble)
    }

    /// The panels of the chosen view.
    fn panels(&self) -> Vec<Panel> {
        let status = self.agent.newest().map(|newest| &newest.status);
        match (self.view, status) {
            (View::Features, _) => panels::features(&self.history).into(),
            (_, None) => vec![self.absent()],
            (View::Overview, Some(status)) => vec![
                panels::capture(status),
                panels::events(&self.agent, &self.history),
                panels::recognised(status, &self.history, FEW),
                panels::sinks(status),
            ],
            (View::Recognition, Some(status)) => vec![panels::recognised(status, &self.history, MANY)],
            (View::Machine, Some(status)) => vec![panels::sinks(status), panels::devices(status)],
        }
    }

    /// Does what a key asks for, as far as the screen is concerned.
    fn press(&mut self, key: KeyEvent) -> Option<Wish> {
        let show = |state: &mut State, view| (state.view, state.scroll, state.help) = (view, 0, false);
        let number = |view: View| View::ALL[view as usize];
        if !self.is_asking {
            self.said = None;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Some(Wish::End),
            KeyCode::Char('q') => return Some(Wish::End),
            KeyCode::Char('p') => return Some(Wish::Pause),
            KeyCode::Char('r') => return Some(Wish::Resume),
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('1') => show(self, number(View::Overview)),
            KeyCode::Char('2') => show(self, number(View::Features)),
            KeyCode::Char('3') => show(self, number(View::Recognition)),
            KeyCode::Char('4') => show(self, number(View::Machine)),
            KeyCode::Tab => show(self, View::ALL[(self.view as usize + 1) % View::ALL.len()]),
            KeyCode::BackTab => show(self, View::ALL[(self.view as usize + View::ALL.len() - 1) % View::ALL.len()]),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.shown_from().saturating_sub(1),
            KeyCode::PageDown => self.scroll_by(PAGE),
            KeyCode::PageUp => self.scroll = self.shown_from().saturating_sub(PAGE),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        None
    }

    /// The first row that is shown.
    fn shown_from(&self) -> u16 {
        self.scroll.min(self.furthest.get())
    }

    /// No further than there are rows.
    fn scroll_by(&mut self, rows: u16) {
        self.scroll = self.shown_from().saturating_add(rows).min(self.furthest.get());
    }
}

pub fn run(args: &TopArgs, config: &Config) -> Result<(), Error> {
    let source = Source::of(config);
    if args.once {
        return once(&source);
    }
    if !io::stdout().is_terminal() {
        return Err(Error::Usage("there is no terminal: `seclyzer top --once` prints it as text".into()));
    }
    let (sender, news) = sync_channel(NEWS);
    follow::await_end(&sender)?;
    follow::begin(&source, &sender);
    let mut state = State::new(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    let mut terminal = ratatui::try_init()?;
    let ended = loop {
        if state.has_ended {
            break Ok(());
        }
        if let Err(error) = terminal.draw(|frame| screen::draw(frame, &state)) {
            break Err(error);
        }
        match next_key() {
            Ok(Some(key)) => match state.press(key) {
                Some(Wish::End) => break Ok(()),
                Some(wish) => {
                    if let Some(wanted) = state.ask(&wish, now_us()) {
                        follow::request(source.database.clone(), wanted, &sender);
                    }
                }
                None => {}
            },
            Ok(None) => {}
            Err(error) => break Err(error),
        }
        news.try_iter().for_each(|news| state.take(news));
    };
    ratatui::restore();
    Ok(ended?)
}

/// The next key, if one is pressed soon.
fn next_key() -> io::Result<Option<KeyEvent>> {
    if !event::poll(TICK)? {
        return Ok(None);
    }
    match event::read()? {
        Event::Key(key) if key.kind == KeyEventKind::Press => Ok(Some(key)),
        _ => Ok(None),
    }
}

impl State {
    /// What the agent is to be asked for, if anything; else why it is not asked.
    fn ask(&mut self, wish: &Wish, now_us: Micros) -> Option<Request> {
        // One request at a time.
        if self.is_asking {
            return None;
        }
        let paused_until_us = self.agent.newest().and_then(|newest| newest.status.decision.paused_until_us);
        let (said, wanted) = match (wish, paused_until_us) {
            (Wish::End, _) => return None,
            // It may be in a pause that is to last longer.
            (Wish::Pause, _) if self.agent.newest().is_none() => ("not paused: no agent answers".into(), None),
            (Wish::Pause, Some(until_us)) if until_us + WORTH_US > now_us + PAUSE_US => {
                (format!("paused until {} already", local_clock(until_us)), None)
            }
            (Wish::Pause, _) => ("pausing …".into(), Some(Request::Pause { until_us: now_us + PAUSE_US })),
            (Wish::Resume, _) => ("resuming …".into(), Some(Request::Resume)),
        };
        (self.said, self.is_asking) = (Some(said), wanted.is_some());
        wanted
    }
}

/// All views as text.
fn once(source: &Source) -> Result<(), Error> {
    let answers = follow::answers(&source.database, ANSWERS).map_err(|why| Error::Unavailable(printable(&why)))?;
    let history = source.history(&source.week());
    let trouble = history.trouble.clone();
    write!(io::stdout(), "{}", as_text(answers, history))?;
    trouble.map_or(Ok(()), |trouble| Err(Error::Unavailable(printable(&trouble))))
}

fn as_text(answers: Vec<Answer>, history: History) -> String {
    let mut state = State::new(false);
    answers.into_iter().for_each(|answer| state.take(News::Agent(Ok(Box::new(answer)))));
    state.take(News::History(Box::new(history)));
    let mut text = panels::head(&state.agent) + "\n";
    let mut shown = Vec::new();
    for view in View::ALL {
        state.view = view;
        for panel in state.panels() {
            // The overview has a part of it.
            if shown.contains(&panel.title) || panel.title == "Recognition" && view == View::Overview {
                continue;
            }
            text += &format!("\n{}\n", panel.title);
            panel.lines.iter().for_each(|line| text += &format!("  {}\n", line.text()));
            shown.push(panel.title);
        }
    }
    text
}
