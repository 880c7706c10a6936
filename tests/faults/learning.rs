//! The process is killed while it learns, or its database cannot be written meanwhile.

use super::Row;
use super::kills::at_random;
use super::scene::{
    Names, in_database, in_influx, in_influx_between, in_streams, in_streams_after, sections, streamed,
};
use crate::support::agent::{Agent, Home, cramp, uncramp};
use crate::support::learner::{learner, learnt};
use crate::support::manager::Manager;
use crate::support::servers::{Influx1, Redis};
use crate::support::typists::{Person, Stroke};
use crate::support::wait_until;
use seclyzer::event::Micros;
use seclyzer::recognition::{Recognition, Saved, Settings};
use seclyzer::record::Identity;
use seclyzer::store::{ModelKind, read_models, read_only};
use std::time::{Duration, Instant};

const DATABASE: &str = "seclyzer";
const NO_SINKS: &str = "[redis]\nenabled = false\n";
const MORE: &str = "[identity]\nuser = \"someone\"\nhost = \"somewhere\"\n[recognition]\nready_strokes = 500\n";
const MARKER: &str = "zqxjvkw";
const BEGIN_US: Micros = 1_790_000_000_000_000;

/// Without a stored live state: five minutes, and the interval with input at whose end they are over.
pub const LONGEST_LOST_S: f64 = 305.0;
/// With one: the interval that is open.
pub const LONGEST_LOST_LIVE_S: f64 = 5.0;

const INTERVAL_S: f64 = 5.0;

/// What of the learning was lost, at most.
#[derive(Debug, Default, PartialEq)]
pub struct Lost {
    pub strokes: u64,
    /// Of intervals with input.
    pub seconds: f64,
}

impl Lost {
    /// Compares what was learnt when a process was killed with what the next one began with.
    fn add(&mut self, before: &[u64], begun: u64) {
        let last = *before.last().expect("where it began");
        if begun >= last {
            return;
        }
        // A live state is without the strokes of the open case.
        let intervals = before.iter().rev().position(|&strokes| strokes <= begun);
        let intervals = intervals.unwrap_or_else(|| panic!("nobody has stored {begun} strokes: {before:?}"));
        self.strokes = self.strokes.max(last - begun);
        self.seconds = self.seconds.max(INTERVAL_S * intervals as f64);
    }
}

/// An owner, whose place somebody else takes now and then, for some ten minutes at a time.
struct Account {
    owner: Person,
    times: u64,
}

impl Account {
    fn new() -> Account {
        Account { owner: Person::new(1, 110.0, 85.0, BEGIN_US), times: 0 }
    }

    /// Lines of text with pauses between them.
    fn work(&mut self) -> Vec<Stroke> {
        self.times += 1;
        let mut strokes = Vec::new();
        for line in 0..60 {
            if line == 30 && self.times.is_multiple_of(3) {
                let mut stranger = Person::new(1000 + self.times, 140.0, 65.0, self.owner.now_us());
                strokes.extend(stranger.type_lines(4, MARKER));
                self.owner.pause(stranger.now_us() - self.owner.now_us());
            }
            strokes.extend(self.owner.type_lines(1, MARKER));
            self.owner.pause(2_000_000);
        }
        strokes
    }
}

fn home(sinks: &str) -> Home {
    Home::with_config(&format!("{sinks}{MORE}"))
}

fn identity() -> Identity {
    Identity { user: "someone".into(), host: "somewhere".into(), dev_mode: false }
}

/// Strokes of the stored model of the keys. No model may be damaged, and none set aside.
fn stored_strokes(home: &Home) -> u64 {
    if !home.database().exists() {
        return 0;
    }
    let kinds = read_only(&home.database()).and_then(|connection| {
        let mut statement = connection.prepare("SELECT kind FROM models ORDER BY kind")?;
        let kinds = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(kinds)
    });
    // A kill may come before the table is there.
    let Ok(kinds) = kinds else { return 0 };
    assert!(kinds.is_empty() || kinds == ["keys", "mouse"], "{kinds:?}");
    let models = read_models(&home.database(), &identity()).expect("models");
    let strokes = models.iter().map(|model| {
        let saved = Saved::from_json(&model.blob).expect("a whole model");
        Recognition::new(Settings::default(), Some(&saved)).expect("a model that learning leads to");
        if model.kind == ModelKind::Keys { saved.strokes() } else { 0 }
    });
    strokes.sum()
}

/// Kills so many processes that learn. `is_live_kept`: a service manager stores the live state. One that comes to its end
/// before does not count.
pub async fn kill(times: usize, is_live_kept: bool) -> (Row, Lost) {
    let (redis, influx) = (Redis::start(&[]).await, Influx1::start(None).await);
    let home = home(&sections(&redis.url(), &influx.url(), DATABASE));
    let mut manager = is_live_kept.then(Manager::start);
    let mut account = Account::new();
    let usual = usual_time(&account.work()).await;
    let what = if is_live_kept { "and the live state is stored" } else { "without a stored live state" };
    let mut row = Row::new(format!("killed while learning, {what}"));
    let (mut lost, mut before) = (Lost::default(), Vec::new());
    let mut read_until = ["-".to_owned(), "-".to_owned()];
    loop {
        let begin_us = account.owner.now_us();
        let strokes = account.work();
        let command = learner(&home, &strokes, false);
        let mut agent = Agent::start(match &manager {
            Some(manager) => manager.supervise(&command),
            None => command,
        });
        let is_last = row.times == times;
        if is_last {
            let code = tokio::task::spawn_blocking(|| agent.wait()).await.expect("no panic");
            assert_eq!(code, Some(0));
        } else {
            tokio::time::sleep(at_random(usual * 2)).await;
            row.times += usize::from(agent.is_running());
            let log = agent.kill();
            let is_trouble = |line: &&String| {
                line.contains("ERROR") || line.contains("WARN") && !line.contains("asks for no password")
            };
            assert_eq!(log.iter().find(is_trouble), None, "{log:?}");
        }
        manager.as_mut().map(Manager::heard);
        let learnt = learnt(&home);
        if let Some(&first) = learnt.first() {
            if !before.is_empty() {
                lost.add(&before, first);
            }
            before = learnt;
        }
        stored_strokes(&home);
        let announced = announced(&redis, &influx, &mut read_until, begin_us).await;
        let stored = if home.database().exists() { in_database(&home.database()) } else { Names::new() };
        row.count(announced.len(), announced.intersection(&stored).count(), 0);
        if is_last {
            break;
        }
    }
    let all = in_database(&home.database());
    assert!(all.iter().any(|(kind, _)| kind == "decision"), "somebody has been noticed");
    let (streams, twice) = in_streams(&redis).await;
    let (points, twice_points) = in_influx(&influx, DATABASE).await;
    row.lost += streamed(&all).symmetric_difference(&streams).count() + all.symmetric_difference(&points).count();
    row.twice += twice + twice_points;
    (row, lost)
}

/// What has arrived at a server since it was looked at last, of records from that time on.
async fn announced(redis: &Redis, influx: &Influx1, read_until: &mut [String; 2], begin_us: Micros) -> Names {
    let streams = in_streams_after(redis, read_until).await;
    let points = in_influx_between(influx, DATABASE, begin_us..i64::MAX / 1000).await.0;
    streams.into_iter().chain(points).collect()
}

/// How long it takes a process that nobody disturbs.
async fn usual_time(strokes: &[Stroke]) -> Duration {
    let home = home(NO_SINKS);
    let begun = Instant::now();
    let agent = Agent::start(learner(&home, strokes, false));
    let code = tokio::task::spawn_blocking(|| agent.wait()).await.expect("no panic");
    assert_eq!(code, Some(0));
    begun.elapsed()
}

/// What a process that nobody disturbs makes of these strokes: records, and strokes in the stored model.
async fn undisturbed(strokes: &[Stroke]) -> (Names, u64) {
    let home = home(NO_SINKS);
    let agent = Agent::start(learner(&home, strokes, false));
    let code = tokio::task::spawn_blocking(|| agent.wait()).await.expect("no panic");
    assert_eq!(code, Some(0));
    (in_database(&home.database()), stored_strokes(&home))
}

/// The end of a process that was disturbed: it must have stored what the undisturbed one has.
async fn finish(fault: &str, home: &Home, agent: Agent, (all, strokes): (Names, u64)) -> Row {
    let (code, log) = tokio::task::spawn_blocking(|| agent.wait_with_log()).await.expect("no panic");
    assert_eq!(code, Some(0), "{log:?}");
    assert_eq!(stored_strokes(home), strokes, "{log:?}");
    let mut row = Row::new(fault);
    row.add(all.len(), all.intersection(&in_database(&home.database())).count(), 0);
    row
}

/// Another program holds the database's lock while models are saved.
pub async fn locked(time: Duration) -> Row {
    let (home, strokes) = (home(NO_SINKS), Account::new().work());
    let expected = undisturbed(&strokes).await;
    let agent = Agent::start(learner(&home, &strokes, true));
    wait_until("it has begun", || !learnt(&home).is_empty());
    let other = rusqlite::Connection::open(home.database()).expect("a second connection");
    other.busy_timeout(Duration::from_secs(5)).expect("our own connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    tokio::time::sleep(time).await;
    other.execute_batch("ROLLBACK").expect("the lock's end");
    finish(&format!("learning while locked by another program for {} s", time.as_secs()), &home, agent, expected).await
}

/// No file may grow while models are saved; then they may.
pub async fn full() -> Row {
    const LIMIT_BYTES: u64 = 250 * 1024;
    let (home, strokes) = (home(NO_SINKS), Account::new().work());
    let expected = undisturbed(&strokes).await;
    let mut command = learner(&home, &strokes, true);
    cramp(&mut command, LIMIT_BYTES);
    let agent = Agent::start(command);
    agent.wait_for_log("the database takes no records");
    uncramp(agent.id());
    finish("learning while no file may grow, then they may", &home, agent, expected).await
}
