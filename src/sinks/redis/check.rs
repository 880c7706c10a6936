//! Whether a server would take records, tried without leaving anything there.
//!
//! Between MULTI and DISCARD a server looks at a command's name, the account's permissions, its own memory and state and
//! the cluster's slots, and carries out nothing. An account that may only PUBLISH cannot be tried like that: it is looked
//! up with ACL DRYRUN, and where that is not allowed either, it publishes on a channel that nobody listens on.

use super::super::Failure;
use super::commands::{Commands, Fault};
use super::{Redis, is_cluster, names, old_mark, refuse_other_type, refuse_unless_begun};
use crate::record::Kind;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use std::collections::BTreeSet;

/// Nothing is ever published here but empty messages by the doctor.
pub const CHANNEL_OF_NO_USE: &str = "seclyzer:doctor";

/// A server that would take records.
#[derive(Debug)]
pub struct Checked {
    pub address: String,
    pub is_open_to_all: bool,
    /// False where only the command PUBLISH could be tried, and not the channels.
    pub channels_are_tried: bool,
}

impl Redis {
    /// Tries each command that delivering needs.
    pub async fn check(&self) -> Result<Checked, Failure> {
        let (index, mut connection) = self.connect().await.map_err(|error| self.failure(&error.into()))?;
        let rehearsed = self.rehearse(&mut connection).await;
        let channels_are_tried = match rehearsed {
            Ok(()) => true,
            Err(fault) if self.settings.stream || fault.command != Some("MULTI") => return Err(self.failure(&fault)),
            Err(_) => {
                // A proxy may have closed the connection.
                let (_, mut connection) = self.connect().await.map_err(|error| self.failure(&error.into()))?;
                try_publishing(&mut connection).await.map_err(|fault| self.failure(&fault))?
            }
        };
        let server = &self.servers[index];
        let is_open_to_all = server.is_open_to_all().await;
        Ok(Checked { address: server.address(), is_open_to_all, channels_are_tried })
    }

    async fn rehearse(&self, connection: &mut MultiplexedConnection) -> Result<(), Fault> {
        let mut streams = BTreeSet::new();
        if self.settings.stream {
            let is_cluster = is_cluster(connection, &self.mark_key).await?;
            streams.extend(Kind::ALL.into_iter().filter_map(|kind| names::stream(kind, is_cluster)));
            if let Some(key) = &self.old_mark_key {
                old_mark(connection, key).await?;
            }
            let mut commands = Commands::default();
            commands.add("WATCH").arg(&self.mark_key);
            commands.add("GETRANGE").arg(&self.mark_key).arg(0).arg(19);
            streams.iter().for_each(|stream| _ = commands.add("TYPE").arg(stream));
            commands.add("MULTI");
            commands.add("EXEC");
            let answers = commands.ask(connection).await?;
            commands.refuse_errors(&answers)?;
            streams.iter().zip(&answers[2..]).try_for_each(|(stream, answer)| refuse_other_type(stream, answer))?;
        }
        let mut begin = Commands::default();
        begin.add("MULTI");
        let begun = begin.ask(connection).await.map_err(|fault| Fault { command: Some("MULTI"), ..fault })?;
        begin.refuse_errors(&begun)?;
        refuse_unless_begun(&begun[0])?;
        let mut commands = Commands::default();
        for channel in channels() {
            commands.add("PUBLISH").arg(channel).arg("");
        }
        if self.settings.stream {
            // As harmless as it can be, should something carry it out: no stream is made, and none is cut shorter.
            let length = self.settings.stream_max_len;
            for stream in streams {
                let add = commands.add("XADD").arg(stream).arg("NOMKSTREAM").arg("MAXLEN").arg("~").arg(length);
                add.arg("*").arg("record").arg("");
            }
            commands.add("SET").arg(&self.mark_key).arg(0);
        }
        commands.add("DISCARD");
        let mut answers = commands.ask(connection).await?;
        // Where it is not allowed, the end of the connection does the same.
        answers.pop();
        commands.refuse_errors(&answers)
    }
}

fn channels() -> BTreeSet<&'static str> {
    Kind::ALL.into_iter().flat_map(names::channels).copied().collect()
}

/// Whether the channels could be tried, and not only the command.
async fn try_publishing(connection: &mut MultiplexedConnection) -> Result<bool, Fault> {
    if let Some(tried) = dry_run(connection).await? {
        return tried.map(|()| true);
    }
    let mut commands = Commands::default();
    commands.add("PUBLISH").arg(CHANNEL_OF_NO_USE).arg("");
    let answers = commands.ask(connection).await?;
    match commands.refuse_errors(&answers) {
        // The command is allowed, this channel is not, and need not be.
        Err(fault) if is_about_channel(&fault.error) => Ok(false),
        outcome => outcome.map(|()| false),
    }
}

fn is_about_channel(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
        && error.detail().is_some_and(|detail| detail.contains("channel"))
}

/// What the server says of our permissions; `None` if it does not say.
async fn dry_run(connection: &mut MultiplexedConnection) -> Result<Option<Result<(), Fault>>, Fault> {
    let mut who = Commands::default();
    who.add("ACL").arg("WHOAMI");
    let [Value::BulkString(account)] = &who.ask(connection).await?[..] else { return Ok(None) };
    let mut commands = Commands::default();
    for channel in channels() {
        commands.add("ACL").arg("DRYRUN").arg(account).arg("PUBLISH").arg(channel).arg("");
    }
    for answer in commands.ask(connection).await? {
        match answer {
            Value::Okay => {}
            Value::BulkString(refusal) => {
                let text = String::from_utf8_lossy(&refusal).into_owned();
                let error = RedisError::from((ErrorKind::InvalidClientConfig, "the account", text));
                return Ok(Some(Err(Fault { command: Some("PUBLISH"), error })));
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(Ok(())))
}
