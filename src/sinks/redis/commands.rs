//! Several commands that are sent at once, each with an answer of its own.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Pipeline, RedisError, Value};

/// An error, and the command that it is the answer to.
#[derive(Debug)]
pub struct Fault {
    pub command: Option<&'static str>,
    pub error: RedisError,
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Fault {
        Fault { command: None, error }
    }
}

#[derive(Default)]
pub struct Commands {
    pipeline: Pipeline,
    names: Vec<&'static str>,
}

impl Commands {
    /// Adds a command; its arguments follow.
    pub fn add(&mut self, name: &'static str) -> &mut Pipeline {
        self.names.push(name);
        self.pipeline.cmd(name)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Sends them; the answers, errors of the server's among them.
    pub async fn ask(&self, connection: &mut MultiplexedConnection) -> Result<Vec<Value>, Fault> {
        Ok(connection.req_packed_commands(&self.pipeline, 0, self.len()).await?)
    }

    /// Fails with the first error among these answers, which are those of the first commands.
    pub fn refuse_errors(&self, answers: &[Value]) -> Result<(), Fault> {
        answers.iter().enumerate().try_for_each(|(index, answer)| self.refuse_error(index, answer))
    }

    /// Fails if the answer to that command is an error.
    pub fn refuse_error(&self, index: usize, answer: &Value) -> Result<(), Fault> {
        match answer {
            Value::ServerError(error) => {
                Err(Fault { command: self.names.get(index).copied(), error: error.clone().into() })
            }
            _ => Ok(()),
        }
    }
}
