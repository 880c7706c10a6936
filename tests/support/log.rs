//! What a test's own thread writes to the log, for the test to read.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing::level_filters::LevelFilter;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what this thread logs from now on, down to the lowest level, and forgets what it has logged before.
pub fn keep() {
    // One subscriber for all threads: a thread that has none can turn a line off for the others.
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).without_time();
        subscriber.with_writer(|| Writer).init();
    });
    WRITTEN.take();
}

/// The lines of the agent, each `LEVEL module: message`.
pub fn lines() -> Vec<String> {
    let text = WRITTEN.with_borrow(|written| String::from_utf8(written.clone()).unwrap());
    text.lines().map(|line| line.trim().to_owned()).filter(|line| line.contains(" seclyzer::")).collect()
}
