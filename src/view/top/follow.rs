//! Threads that follow the agent and read the database every few seconds, while somebody looks.

use super::News;
use super::agent::{Answer, Process, Status};
use super::history::{History, Week};
use seclyzer::agent::control::Request;
use seclyzer::cli::ask::{self, NoAnswer, Reply};
use seclyzer::cli::database;
use seclyzer::cli::{Error, time, told_to_end};
use seclyzer::config::Config;
use seclyzer::now_us;
use seclyzer::record::Identity;
use seclyzer::store::StoreError;
use serde_json::Value;
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

const AGAIN: Duration = Duration::from_secs(1);
/// Records come every five seconds.
const READ: Duration = Duration::from_secs(5);
const WEEK: Duration = Duration::from_secs(600);

/// Where records are, and whose are shown.
#[derive(Debug, Clone)]
pub struct Source {
    pub database: PathBuf,
    pub whose: Identity,
}

impl Source {
    pub fn of(config: &Config) -> Source {
        Source { database: config.store.path.clone(), whose: config.identity.clone() }
    }

    /// What the database has, or why that cannot be read.
    pub fn history(&self, week: &Week) -> History {
        time::follow_zone();
        let read = || -> Result<History, Error> {
            let connection = database::open(&self.database)?;
            Ok(History::read(&connection, week, &self.whose, now_us()).map_err(StoreError::from)?)
        };
        read().unwrap_or_else(|error| History { trouble: Some(error.to_string()), ..History::default() })
    }

    /// What is usual; nothing where it cannot be read, which the history reports.
    pub fn week(&self) -> Week {
        let read = || Week::read(&database::open(&self.database).ok()?, &self.whose, now_us()).ok();
        read().unwrap_or_default()
    }
}

/// What the agent answers, this often, a second apart; at least once, or why it does not.
pub fn answers(database: &Path, count: usize) -> Result<Vec<Answer>, String> {
    let begun = Instant::now();
    let mut answers = Vec::new();
    follow(database, begun, |answer| {
        answers.push(answer);
        answers.len() < count && answers.iter().all(Result::is_ok)
    });
    match answers.remove(0) {
        // As many look already as may.
        Err(_) => Ok(vec![understood(ask::status(database), begun)?]),
        Ok(first) => Ok(std::iter::once(first).chain(answers.into_iter().flatten()).collect()),
    }
}

/// Passes on what the agent says each second, up to its end or for as long as somebody looks; at least once.
fn follow(database: &Path, begun: Instant, mut tell: impl FnMut(Result<Answer, String>) -> bool) {
    let mut has_said = false;
    match ask::follow_status(database) {
        Ok(lines) => {
            for line in lines {
                has_said = true;
                if !tell(understood(line, begun)) {
                    return;
                }
            }
            if !has_said {
                tell(Err(NoAnswer::Ended(database.into()).to_string()));
            }
        }
        Err(error) => drop(tell(Err(error.to_string()))),
    }
}

fn understood(status: Result<Value, NoAnswer>, begun: Instant) -> Result<Answer, String> {
    let status = status.map_err(|error| error.to_string())?;
    if let Some(reason) = status["refused"].as_str() {
        return Err(reason.into());
    }
    let status: Status = serde_json::from_value(status)
        .map_err(|_| "the agent's answer is not understood; it may be of another version: restart it".to_owned())?;
    let read = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", status.pid)).ok();
    let process = read("status").zip(read("stat")).and_then(|(status, stat)| Process::parse(&status, &stat));
    Ok(Answer { at_s: begun.elapsed().as_secs_f64(), status, process })
}

/// Begins to follow. The threads end once nobody takes their news, and wait while it is not taken.
pub fn begin(source: &Source, news: &SyncSender<News>) {
    let (path, sender) = (source.database.clone(), news.clone());
    thread::spawn(move || {
        let begun = Instant::now();
        let is_wanted = Cell::new(true);
        while is_wanted.get() {
            follow(&path, begun, |answer| {
                is_wanted.set(sender.send(News::Agent(answer.map(Box::new))).is_ok());
                is_wanted.get()
            });
            // There is no agent, or there was one: the next may come.
            thread::sleep(AGAIN);
        }
    });
    let (source, sender) = (source.clone(), news.clone());
    thread::spawn(move || {
        let mut known = Week::default();
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                known = source.week();
                due = Instant::now() + WEEK;
            }
            if sender.send(News::History(Box::new(source.history(&known)))).is_err() {
                return;
            }
            thread::sleep(READ);
        }
    });
}

/// Makes it news that the process is told to end: it would leave the terminal as only a program on it can use it.
pub fn await_end(news: &SyncSender<News>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let end = {
        let _within = runtime.enter();
        told_to_end()
    };
    let sender = news.clone();
    thread::spawn(move || {
        runtime.block_on(end);
        // Nobody looks any more.
        let _ = sender.send(News::End);
    });
    Ok(())
}

/// Has the agent do something; its answer is news. It may ask for a password first.
pub fn request(database: PathBuf, wanted: Request, news: &SyncSender<News>) {
    let sender = news.clone();
    thread::spawn(move || {
        let said = match ask::request(&database, &wanted) {
            Ok(Reply::Done(text) | Reply::Refused(text)) => text,
            Ok(Reply::Checked(_) | Reply::Model(_)) => "the agent's answer is not understood".into(),
            Err(error) => error.to_string(),
        };
        // Nobody looks any more.
        let _ = sender.send(News::Said(said));
    });
}
