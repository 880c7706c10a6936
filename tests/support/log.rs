//! What a test's thread writes to the log, for the test to read.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Log {
    buffer: Buffer,
    _guard: DefaultGuard,
}

impl Log {
    /// Keeps what this thread logs from now on, down to the lowest level.
    pub fn keep() -> Log {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Log { buffer, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines of the agent, each `LEVEL module: message`.
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.buffer.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).filter(|line| line.contains(" seclyzer::")).collect()
    }
}
