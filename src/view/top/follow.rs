//! Threads that follow the agent and read the database every few, while somebody looks.

use super::News;
use super::agent::{Answer, Process, Status};
use super::history::{History, Week};
use crate::database;
use seclyzer::agent::control::Request;
use seclyzer::cli::ask::{self, NoAnswer, Reply};
use seclyzer::event::Micros;
use serde_json::Value;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const AGAIN: Duration = Duration::from_secs(1);
/// Records come every five seconds.
const READ: Duration = Duration::from_secs(5);
const WEEK: Duration = Duration::from_secs(600);

/// What the agent answers now, or why it does not.
pub fn ask(database: &Path, begun: Instant) -> Result<Answer, String> {
    understood(ask::status(database), begun)
}

/// Tells what the agent says each second, up to its end or for as long as somebody looks.
fn follow(database: &Path, begun: Instant, tell: impl Fn(Result<Answer, String>) -> bool) {
    match ask::follow_status(database) {
        Ok(mut lines) => while lines.next().is_some_and(|line| tell(understood(line, begun))) {},
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

/// What the database has; nothing where there is none yet.
pub fn read(database: &Path, week: &Week) -> Option<History> {
    let connection = database::open(database).ok()?;
    History::read(&connection, week, now_us()).ok()
}

pub fn week(database: &Path) -> Week {
    let read = || Week::read(&database::open(database).ok()?, now_us()).ok();
    read().unwrap_or_default()
}

fn now_us() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}

/// Begins to follow. The threads end once nobody takes their news.
pub fn begin(database: &Path, news: &Sender<News>) {
    let (path, sender) = (database.to_owned(), news.clone());
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
    let (path, sender) = (database.to_owned(), news.clone());
    thread::spawn(move || {
        let mut known = Week::default();
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                known = week(&path);
                due = Instant::now() + WEEK;
            }
            let history = read(&path, &known).unwrap_or_default();
            if sender.send(News::History(Box::new(history))).is_err() {
                return;
            }
            thread::sleep(READ);
        }
    });
}

/// Has the agent do something; its answer is news. It may ask for a password first.
pub fn request(database: PathBuf, wanted: Request, news: &Sender<News>) {
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

/// The moment so far from now.
pub fn in_us(span: Duration) -> Micros {
    now_us() + span.as_micros() as Micros
}
