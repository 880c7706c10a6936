//! Records to Redis: published as they come, and on request appended to streams for whoever must not miss one.
//!
//! A publication is live and best-effort by its nature: it is made by itself, and by whoever may do nothing else. The
//! streams hold every record exactly once: a batch and the mark behind it are one transaction, made under the condition
//! that the mark has not moved since it was read. So a batch whose answer was lost, even one that the server finds in
//! its socket only later, is not appended twice. Nothing of a batch is sent before the server has begun a transaction.

mod check;
mod commands;
mod names;

use super::{Failure, Sink};
use crate::config::{self, Switch};
use crate::record::{Kind, Stored};
use crate::remote::redis::answer::{Means, trouble};
use crate::remote::redis::{BadUrl, Server, servers};
use crate::store::Follower;
use commands::{Commands, Fault};
use names::{OLD_STREAM_MARK_PREFIX, STREAM_MARK_PREFIX, channels, stream};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use std::collections::{BTreeMap, BTreeSet};

pub use names::{STREAM, STREAM_OF_DECISIONS, STREAM_OF_DECISIONS_IN_CLUSTER};

pub struct Redis {
    settings: config::Redis,
    mark_key: String,
    /// `None` once this sink has moved the mark: nobody else moves it while it does.
    old_mark_key: Option<String>,
    /// The old mark is in another slot of a cluster than the stream, so that no transaction can contain both.
    is_old_mark_apart: bool,
    /// Records of a transaction that failed in part, and whether each was appended: it has moved the mark all the same.
    half_done: BTreeMap<i64, bool>,
    /// Those that may be asked; once one has answered, only that one.
    servers: Vec<Server>,
    has_answered: bool,
    connection: Option<MultiplexedConnection>,
    /// Whether the server is a node of a cluster; not known before it is needed.
    is_cluster: Option<bool>,
    /// Without the stream: the messages of a batch that failed, by record and channel, which were published all the same.
    published: BTreeSet<(i64, usize)>,
    /// Whether the last batch was published: until then one message is sent at a time.
    goes_well: bool,
}

impl Redis {
    /// Connects to nothing yet. `database_id` tells the databases of several agents apart.
    pub fn new(settings: config::Redis, database_id: &str) -> Result<Redis, BadUrl> {
        let servers = servers(&settings)?;
        Ok(Redis {
            settings,
            mark_key: format!("{STREAM_MARK_PREFIX}{database_id}"),
            old_mark_key: Some(format!("{OLD_STREAM_MARK_PREFIX}{database_id}")),
            is_old_mark_apart: false,
            half_done: BTreeMap::new(),
            servers,
            has_answered: false,
            connection: None,
            is_cluster: None,
            published: BTreeSet::new(),
            goes_well: false,
        })
    }

    /// To the first server that can be connected to, and which one it is.
    async fn connect(&self) -> RedisResult<(usize, MultiplexedConnection)> {
        let mut first_error = None;
        for (index, server) in self.servers.iter().enumerate() {
            match server.connect().await {
                Ok(connection) => return Ok((index, connection)),
                // Of the configured server, which comes first.
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        Err(first_error.expect("there is at least one server"))
    }

    /// One server has taken a batch: it is the one from now on.
    async fn settle(&mut self, index: usize) {
        if !std::mem::replace(&mut self.has_answered, true) {
            let server = self.servers.swap_remove(index);
            if server.is_open_to_all().await {
                let address = server.address();
                tracing::warn!(
                    address,
                    "this Redis asks for no password: any local account can read the records along"
                );
            }
            self.servers = vec![server];
        }
    }

    async fn send(&mut self, connection: &mut MultiplexedConnection, batch: &[Stored]) -> Result<(), Fault> {
        if self.settings.stream { self.append(connection, batch).await } else { self.publish(connection, batch).await }
    }

    /// Publishes each message by itself. Which of them got through is remembered, so that a server that takes some and
    /// refuses others is not sent those again with each attempt.
    async fn publish(&mut self, connection: &mut MultiplexedConnection, batch: &[Stored]) -> Result<(), Fault> {
        let mut waiting = Vec::new();
        for stored in batch {
            let text = stored.entry.to_json();
            for (index, channel) in channels(stored.entry.record.kind()).iter().enumerate() {
                if !self.published.contains(&(stored.id, index)) {
                    waiting.push(((stored.id, index), channel, text.clone()));
                }
            }
        }
        let at_once = if self.goes_well { waiting.len().max(1) } else { 1 };
        self.goes_well = false;
        for some in waiting.chunks(at_once) {
            let mut commands = Commands::default();
            for (_, channel, text) in some {
                commands.add("PUBLISH").arg(channel).arg(text);
            }
            let answers = commands.ask(connection).await?;
            let went = some.iter().zip(&answers).filter(|(_, answer)| !matches!(answer, Value::ServerError(_)));
            self.published.extend(went.map(|((name, ..), _)| *name));
            commands.refuse_errors(&answers)?;
        }
        self.published.clear();
        self.goes_well = true;
        Ok(())
    }

    async fn append(&mut self, connection: &mut MultiplexedConnection, batch: &[Stored]) -> Result<(), Fault> {
        let crosses = ErrorKind::Server(ServerErrorKind::CrossSlot);
        match self.transact(connection, batch).await {
            Err(fault) if fault.error.kind() == crosses && !std::mem::replace(&mut self.is_old_mark_apart, true) => {
                self.transact(connection, batch).await
            }
            outcome => outcome,
        }
    }

    async fn transact(&mut self, connection: &mut MultiplexedConnection, batch: &[Stored]) -> Result<(), Fault> {
        // Only the name of the decisions' stream depends on it.
        if self.is_cluster.is_none() && batch.iter().any(is_decision) {
            self.is_cluster = Some(is_cluster(connection, &self.mark_key).await?);
        }
        let marks = self.begin(connection, self.streams(batch)).await?;
        let old_mark_key = self.old_mark_key.as_ref().filter(|_| marks.old.is_some());
        let Some(last) = batch.last() else { return Ok(()) };
        let waiting = self.waiting(batch, &marks);
        let (mut commands, last_commands) = self.commands(&waiting);
        commands.add("SET").arg(&self.mark_key).arg(last.id);
        if let Some(key) = old_mark_key.filter(|_| !self.is_old_mark_apart) {
            empty(&mut commands, key);
        }
        commands.add("EXEC");
        let mut answers = commands.ask(connection).await?;
        let executed = answers.pop().expect("an answer for each command");
        // What was not accepted says why; then the transaction says only that it was not carried out.
        commands.refuse_errors(&answers)?;
        match executed {
            Value::Nil => Err(RedisError::from((
                ErrorKind::Client,
                "not delivered",
                "an earlier delivery came through meanwhile".into(),
            ))
            .into()),
            // The answers of the transaction's own commands.
            Value::Array(answers) => {
                if let Err(fault) = commands.refuse_errors(&answers) {
                    let answers = last_commands.iter().map(|&command| answers.get(command));
                    let appended = answers.map(|answer| !matches!(answer, Some(Value::ServerError(_))));
                    self.half_done.extend(waiting.iter().map(|stored| stored.id).zip(appended));
                    return Err(fault);
                }
                self.half_done.clear();
                if let Some(key) = old_mark_key.filter(|_| self.is_old_mark_apart) {
                    // Should this fail, the old mark is not ahead of the new one, and hides and repeats nothing.
                    let mut commands = Commands::default();
                    empty(&mut commands, key);
                    commands.refuse_errors(&commands.ask(connection).await?)?;
                }
                self.old_mark_key = None;
                Ok(())
            }
            answer => commands.refuse_error(commands.len() - 1, &answer),
        }
    }

    /// What publishes and appends these records; and which command is each one's last, the one that appends it if it is
    /// for a stream.
    fn commands(&self, records: &[&Stored]) -> (Commands, Vec<usize>) {
        let (mut commands, mut last_commands) = (Commands::default(), Vec::with_capacity(records.len()));
        for stored in records {
            let text = stored.entry.to_json();
            for channel in channels(stored.entry.record.kind()) {
                commands.add("PUBLISH").arg(channel).arg(&text);
            }
            if let Some(stream) = self.stream(stored) {
                let length = self.settings.stream_max_len;
                commands.add("XADD").arg(stream).arg("MAXLEN").arg("~").arg(length).arg("*").arg("record").arg(&text);
            }
            last_commands.push(commands.len() - 1);
        }
        (commands, last_commands)
    }

    fn stream(&self, stored: &Stored) -> Option<&'static str> {
        stream(stored.entry.record.kind(), self.is_cluster == Some(true))
    }

    fn streams(&self, batch: &[Stored]) -> BTreeSet<&'static str> {
        batch.iter().filter_map(|stored| self.stream(stored)).collect()
    }

    /// The records of the batch that the streams lack.
    fn waiting<'a>(&self, batch: &'a [Stored], marks: &Marks) -> Vec<&'a Stored> {
        let mark = batch.last().and_then(|last| marks.up_to(last.id));
        let is_behind = |stored: &&Stored| match self.half_done.get(&stored.id) {
            Some(is_appended) => !is_appended,
            None => mark.is_none_or(|mark| stored.id > mark),
        };
        batch.iter().filter(is_behind).collect()
    }

    /// Begins a transaction on these streams that is carried out only if neither mark moves meanwhile.
    async fn begin(
        &self,
        connection: &mut MultiplexedConnection,
        streams: BTreeSet<&'static str>,
    ) -> Result<Marks, Fault> {
        let old = match &self.old_mark_key {
            Some(key) => old_mark(connection, key).await?,
            None => None,
        };
        let mut commands = Commands::default();
        commands.add("WATCH").arg(&self.mark_key);
        // At most the digits of a mark, whatever somebody may have put there.
        commands.add("GETRANGE").arg(&self.mark_key).arg(0).arg(19);
        streams.iter().for_each(|stream| _ = commands.add("TYPE").arg(stream));
        commands.add("MULTI");
        let answers = commands.ask(connection).await?;
        commands.refuse_errors(&answers)?;
        streams.iter().zip(&answers[2..]).try_for_each(|(stream, answer)| refuse_other_type(stream, answer))?;
        refuse_unless_begun(&answers[2 + streams.len()])?;
        Ok(Marks { new: mark(&answers[1]), old })
    }

    fn failure(&self, fault: &Fault) -> Failure {
        let trouble = trouble(&fault.error, fault.command, &self.settings);
        match trouble.means {
            Means::Refusal => Failure::Refused(trouble.reason),
            Means::Wait => Failure::Busy { reason: trouble.reason, retry_after: None },
            Means::Unreachable => Failure::Unreachable(trouble.reason),
        }
    }
}

/// What Redis holds of the mark.
struct Marks {
    new: Option<i64>,
    old: Option<i64>,
}

impl Marks {
    /// The later one that is not behind the whole batch, which ends with `last`. An earlier version moves the old mark
    /// alone; in a cluster, where the two do not move together, an agent that dies leaves an old one that is outdated. A
    /// mark behind the whole batch is not of this life of the database (it was restored from a backup) and counts for
    /// nothing; so does a missing one (the server lost its data).
    fn up_to(&self, last: i64) -> Option<i64> {
        [self.new, self.old].into_iter().flatten().filter(|mark| *mark <= last).max()
    }
}

/// Empties a mark: whoever may set a key may not always delete one.
fn empty(commands: &mut Commands, key: &str) {
    commands.add("SET").arg(key).arg("").arg("PX").arg(1);
}

/// The mark under its old name. Where that may not be asked for, or is another node's of a cluster, no version has set it.
async fn old_mark(connection: &mut MultiplexedConnection, key: &str) -> Result<Option<i64>, Fault> {
    let mut commands = Commands::default();
    commands.add("WATCH").arg(key);
    commands.add("GETRANGE").arg(key).arg(0).arg(19);
    let answers = commands.ask(connection).await?;
    match commands.refuse_errors(&answers) {
        Ok(()) => Ok(mark(&answers[1])),
        Err(fault) if fault.error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => Ok(None),
        Err(fault) if fault.error.is_cluster_error() => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn mark(answer: &Value) -> Option<i64> {
    match answer {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

/// Whether the server is a node of a cluster: there two keys of different slots cannot be named at once. The keys are
/// watched from then on.
async fn is_cluster(connection: &mut MultiplexedConnection, mark_key: &str) -> Result<bool, Fault> {
    let mut commands = Commands::default();
    commands.add("WATCH").arg(mark_key).arg(STREAM_OF_DECISIONS);
    let answers = commands.ask(connection).await?;
    match commands.refuse_errors(&answers) {
        Ok(()) => Ok(false),
        Err(fault) if fault.error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot) => Ok(true),
        Err(fault) => Err(fault),
    }
}

fn is_decision(stored: &Stored) -> bool {
    stored.entry.record.kind() == Kind::Decision
}

/// Fails if the answer to TYPE is that a stream's key is taken.
fn refuse_other_type(stream: &str, answer: &Value) -> Result<(), Fault> {
    match answer {
        Value::SimpleString(name) if name == "stream" || name == "none" => Ok(()),
        other => {
            let found = if let Value::SimpleString(name) = other { name } else { "something else" };
            let detail = format!("{stream} holds a {found}");
            Err(RedisError::from((ErrorKind::UnexpectedReturnType, "the stream's key is taken", detail)).into())
        }
    }
}

/// Fails if the answer to MULTI is not OK.
fn refuse_unless_begun(answer: &Value) -> Result<(), Fault> {
    if *answer == Value::Okay {
        return Ok(());
    }
    let error = (ErrorKind::UnexpectedReturnType, "MULTI", "answered without OK".into());
    Err(Fault { command: Some("MULTI"), error: error.into() })
}

impl Sink for Redis {
    const FOLLOWER: Follower = Follower::Redis;
    // About 200 KiB on the wire with the stream.
    const LARGEST_BATCH: usize = 16;

    fn is_optional(&self) -> bool {
        self.settings.enabled == Switch::Auto
    }

    async fn deliver(&mut self, batch: &[Stored]) -> Result<(), Failure> {
        if let Some(mut connection) = self.connection.take() {
            match self.send(&mut connection, batch).await {
                Ok(()) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                // A server may close a connection that was idle for long, or have been restarted: no failure yet.
                Err(fault) if fault.error.is_connection_dropped() => {}
                Err(fault) => return Err(self.failure(&fault)),
            }
        }
        let (index, mut connection) = self.connect().await.map_err(|error| self.failure(&error.into()))?;
        self.is_cluster = None;
        self.send(&mut connection, batch).await.map_err(|fault| self.failure(&fault))?;
        self.connection = Some(connection);
        self.settle(index).await;
        Ok(())
    }
}
