//! Whoever follows something on the status socket, a line of JSON at a time.

use super::control::{Answer, Client};
use super::status::ANSWER_LIMIT;
use crate::pipeline::Output;
use crate::record::{Entry, Identity, Origin};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// At a time.
const MOST: usize = 8;
/// That may wait for one who is slow: minutes of use. Whoever is slower is cut off.
const LINES: usize = 64;

#[derive(Debug, Default)]
pub struct Watchers {
    lines: Vec<mpsc::Sender<Arc<str>>>,
}

impl Watchers {
    /// Tells a client each line from now on, this one first.
    pub fn add(&mut self, client: Client, first: String) {
        self.lines.retain(|lines| !lines.is_closed());
        if self.lines.len() == MOST {
            return client.answer(Answer::Refused(format!("{MOST} programs watch already; end one of them")));
        }
        let (sender, lines) = mpsc::channel(LINES);
        // There is room for it.
        let _ = sender.try_send((first + "\n").into());
        self.lines.push(sender);
        tokio::spawn(follow(client.into_stream(), lines));
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Tells all of them a line; those that have gone, or are too slow, are told no more.
    pub fn tell(&mut self, line: &str) {
        let line: Arc<str> = format!("{line}\n").into();
        self.lines.retain(|lines| lines.try_send(Arc::clone(&line)).is_ok());
    }

    /// Tells all of them what it is, if it is a score or a decision.
    pub fn put(&mut self, identity: &Arc<Identity>, output: &Output) {
        let Output::Recognised(record) = output else { return };
        if !self.is_empty() {
            self.tell(&Entry::new(Arc::clone(identity), Origin::Device, record.clone()).to_json());
        }
    }
}

async fn follow(mut client: UnixStream, mut lines: mpsc::Receiver<Arc<str>>) {
    let (mut theirs, mut ours) = client.split();
    let gone = async {
        let mut ignored = [0; 64];
        while theirs.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
    };
    let tell = async {
        while let Some(line) = lines.recv().await {
            if !matches!(timeout(ANSWER_LIMIT, ours.write_all(line.as_bytes())).await, Ok(Ok(()))) {
                return;
            }
        }
    };
    tokio::select! {
        () = gone => {}
        () = tell => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_never_reads_is_cut_off() {
        let (theirs, ours) = UnixStream::pair().expect("a pair");
        let (sender, lines) = mpsc::channel(LINES);
        let following = tokio::spawn(follow(ours, lines));
        let line: Arc<str> = "x".repeat(1 << 20).into();
        while sender.send(Arc::clone(&line)).await.is_ok() {}
        drop(sender);
        timeout(3 * ANSWER_LIMIT, following).await.expect("in time").expect("no panic");
        drop(theirs);
    }
}
