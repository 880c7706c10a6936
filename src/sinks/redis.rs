//! Records to Redis: published as they come, and on request appended to a stream for whoever must not miss one.
//!
//! A publication is live and best-effort by its nature. The stream holds every record exactly once: a batch and the mark
//! behind it are one transaction, made under the condition that the mark has not moved since it was read. So a batch
//! whose answer was lost, even one that the server finds in its socket only later, is not appended twice.

use super::{Failure, Sink};
use crate::config::{self, Switch};
use crate::record::Stored;
use crate::remote::redis::{self as remote, BadUrl};
use crate::store::Follower;
use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, RedisError, RedisResult};

/// The channel of a kind of records is this with its name.
pub const CHANNEL_PREFIX: &str = "seclyzer:features:";
/// The channel of all records.
pub const CHANNEL_ALL: &str = "features";
pub const STREAM: &str = "seclyzer:stream:features";
/// With the identifier of a database: the id of its last record in the stream.
pub const STREAM_MARK_PREFIX: &str = "seclyzer:stream:mark:";

pub struct Redis {
    settings: config::Redis,
    mark_key: String,
    /// Those that may be asked; once one has answered, only that one.
    servers: Vec<Client>,
    has_answered: bool,
    connection: Option<MultiplexedConnection>,
}

impl Redis {
    /// Connects to nothing yet. `database_id` tells the databases of several agents apart.
    pub fn new(settings: config::Redis, database_id: &str) -> Result<Redis, BadUrl> {
        let servers = remote::servers(&settings)?;
        let mark_key = format!("{STREAM_MARK_PREFIX}{database_id}");
        Ok(Redis { settings, mark_key, servers, has_answered: false, connection: None })
    }

    /// To the first server that can be connected to, and which one it is.
    async fn connect(&self) -> RedisResult<(usize, MultiplexedConnection)> {
        let mut first_error = None;
        for (index, server) in self.servers.iter().enumerate() {
            match remote::connect(server).await {
                Ok(connection) => return Ok((index, connection)),
                // Of the configured server, which comes first.
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        Err(first_error.expect("there is at least one server"))
    }

    /// One server has taken a batch: it is the one from now on.
    fn settle(&mut self, index: usize) {
        if !std::mem::replace(&mut self.has_answered, true) {
            let server = self.servers.swap_remove(index);
            if remote::is_open_to_all(&server) {
                let address = remote::address(&server);
                tracing::warn!(
                    address,
                    "this Redis asks for no password: any local account can read the records along"
                );
            }
            self.servers = vec![server];
        }
    }

    async fn send(&self, connection: &mut MultiplexedConnection, batch: &[Stored]) -> RedisResult<()> {
        let batch = if self.settings.stream { self.missing(connection, batch).await? } else { batch };
        let Some(last) = batch.last() else { return Ok(()) };
        let mut transaction = redis::pipe();
        transaction.atomic();
        for stored in batch {
            let (kind, text) = (stored.entry.record.kind().name(), stored.entry.to_json());
            transaction.cmd("PUBLISH").arg(format!("{CHANNEL_PREFIX}{kind}")).arg(&text).ignore();
            transaction.cmd("PUBLISH").arg(CHANNEL_ALL).arg(&text).ignore();
            if self.settings.stream {
                let length = self.settings.stream_max_len;
                transaction.cmd("XADD").arg(STREAM).arg("MAXLEN").arg("~").arg(length).arg("*");
                transaction.arg("record").arg(&text).ignore();
            }
        }
        if self.settings.stream {
            transaction.cmd("SET").arg(&self.mark_key).arg(last.id).ignore();
        }
        let executed: Option<()> = transaction.query_async(connection).await?;
        executed.ok_or_else(|| RedisError::from((ErrorKind::Client, "an earlier delivery came through meanwhile")))
    }

    /// The part of the batch that the stream does not hold yet. Watches the mark, so that the transaction which follows
    /// fails if it has moved.
    async fn missing<'a>(
        &self,
        connection: &mut MultiplexedConnection,
        batch: &'a [Stored],
    ) -> RedisResult<&'a [Stored]> {
        let mut questions = redis::pipe();
        questions.cmd("WATCH").arg(&self.mark_key).ignore();
        // At most the digits of a mark, whatever somebody may have put there.
        questions.cmd("GETRANGE").arg(&self.mark_key).arg(0).arg(19);
        questions.cmd("TYPE").arg(STREAM);
        let (mark, stream_type): (String, String) = questions.query_async(connection).await?;
        if stream_type != "stream" && stream_type != "none" {
            let detail = format!("{STREAM} holds a {stream_type}");
            return Err((ErrorKind::UnexpectedReturnType, "the stream's key is taken", detail).into());
        }
        Ok(after_mark(batch, mark.parse().ok()))
    }

    fn failure(&self, error: &RedisError) -> Failure {
        let reason = remote::describe(error, &self.settings);
        match error.kind() {
            _ if remote::is_refusal(error) => Failure::Refused(reason),
            ErrorKind::Io | ErrorKind::Parse => Failure::Unreachable(reason),
            _ => Failure::Busy { reason, retry_after: None },
        }
    }
}

/// The records of the batch behind the server's mark. A mark behind the whole batch is not of this life of the database
/// (it was restored from a backup) and counts for nothing; so does a missing one (the server lost its data).
fn after_mark(batch: &[Stored], mark: Option<i64>) -> &[Stored] {
    match (mark, batch.last()) {
        (Some(mark), Some(last)) if mark <= last.id => &batch[batch.partition_point(|stored| stored.id <= mark)..],
        _ => batch,
    }
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
                Err(error) if error.is_connection_dropped() => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        let (index, mut connection) = self.connect().await.map_err(|error| self.failure(&error))?;
        self.send(&mut connection, batch).await.map_err(|error| self.failure(&error))?;
        self.connection = Some(connection);
        self.settle(index);
        Ok(())
    }
}
