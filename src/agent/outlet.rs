//! Where records go: to the store, and to standard output if that is asked for.

use crate::pipeline::Output;
use crate::record::{Entry, Identity, Origin, Record};
use crate::store::{Store, StoreError};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Lines that may wait for a reader of standard output who is slow.
const LINES: usize = 256;
/// How long the last lines are waited for.
const LAST_LINES_LIMIT: Duration = Duration::from_millis(500);

/// How records are shown on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Nothing,
    /// One line a person can read.
    Summary,
    /// The JSON object.
    Json,
}

/// Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Outlet {
    pub identity: Arc<Identity>,
    /// `None`: nothing is stored.
    pub store: Option<Store>,
    pub show: Show,
    /// Shows without waiting.
    printer: Option<Arc<Printer>>,
}

impl Outlet {
    pub fn new(identity: Arc<Identity>, store: Option<Store>, show: Show) -> Outlet {
        Outlet { identity, store, show, printer: None }
    }

    /// Never waits for whoever reads standard output.
    pub fn with_printer(self) -> Outlet {
        let printer = (self.show != Show::Nothing).then(|| Arc::new(Printer::start()));
        Outlet { printer, ..self }
    }

    /// Shows and stores what a pipeline yielded, without waiting; `false` if the store had no room.
    pub fn put(&self, origin: Origin, output: Output) -> bool {
        self.print(origin, &output);
        self.store.as_ref().is_none_or(|store| store.append(&self.identity, origin, output))
    }

    /// Shows and stores what a pipeline yielded, and waits for room.
    pub async fn put_when_free(&self, origin: Origin, output: Output) -> Result<(), StoreError> {
        self.print(origin, &output);
        match &self.store {
            Some(store) => store.append_when_free(&self.identity, origin, output).await,
            None => Ok(()),
        }
    }

    fn print(&self, origin: Origin, output: &Output) {
        if let (Some(printer), Some(line)) = (&self.printer, self.line(origin, output)) {
            printer.print(line);
        }
    }

    /// The line to show of what a pipeline yielded, if any.
    pub fn line(&self, origin: Origin, output: &Output) -> Option<String> {
        let record = output.record()?;
        match self.show {
            Show::Nothing => None,
            Show::Summary => Some(record.summary(output.tally())),
            Show::Json => Some(self.json(origin, record)),
        }
    }

    fn json(&self, origin: Origin, record: &Record) -> String {
        Entry::new(Arc::clone(&self.identity), origin, record.clone()).to_json()
    }
}

/// Prints lines from a thread of its own: whoever reads standard output may stop reading, and nothing else may wait.
#[derive(Debug)]
struct Printer {
    lines: Option<SyncSender<String>>,
    done: Mutex<Receiver<()>>,
}

impl Printer {
    fn start() -> Printer {
        let (lines, queue) = sync_channel::<String>(LINES);
        let (finished, done) = sync_channel(1);
        std::thread::spawn(move || {
            // If nobody reads any longer, nothing is printed any longer.
            let _ = queue.iter().try_for_each(|line| writeln!(io::stdout().lock(), "{line}"));
            let _ = finished.send(());
        });
        Printer { lines: Some(lines), done: Mutex::new(done) }
    }

    /// Prints a line, or leaves it out where too many wait.
    fn print(&self, line: String) {
        if let Some(lines) = &self.lines {
            let _ = lines.try_send(line);
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.lines = None;
        if let Ok(done) = self.done.get_mut() {
            let _ = done.recv_timeout(LAST_LINES_LIMIT);
        }
    }
}
