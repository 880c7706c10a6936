//! Trace files: one event a line, in the contract's form.

use crate::event::Stamped;
use crate::event::json::{self, Reject};
use std::io::{self, BufRead, Read};

/// No event is longer; a longer line is not read into memory.
const LONGEST_LINE: u64 = 4096;

/// What one line of a trace holds.
#[derive(Debug)]
pub enum Line {
    Event(Stamped),
    /// Dropped, with the number of the line.
    Rejected(u64, Reject),
}

/// Reads a trace line by line; empty lines are passed over.
#[derive(Debug)]
pub struct TraceReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    bytes_read: u64,
}

impl<R: BufRead> TraceReader<R> {
    pub fn new(input: R) -> TraceReader<R> {
        TraceReader { input, line: Vec::new(), number: 0, bytes_read: 0 }
    }

    /// Bytes of the trace read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next line that is not empty; `None` at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            self.line.clear();
            let length = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)? as u64;
            if length == 0 {
                return Ok(None);
            }
            self.bytes_read += length;
            self.number += 1;
            if length == LONGEST_LINE && self.line.last() != Some(&b'\n') {
                self.bytes_read += self.input.skip_until(b'\n')? as u64;
                return Ok(Some(Line::Rejected(self.number, Reject::TooLong)));
            }
            let text = self.line.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(match json::parse(text) {
                    Ok(event) => Line::Event(event),
                    Err(reject) => Line::Rejected(self.number, reject),
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_costs_no_memory_and_only_itself() {
        let mut trace = vec![b'x'; 10_000_000];
        trace.extend(b"\n\n{\"type\":\"gap\",\"ts\":5}\n{}");
        let mut reader = TraceReader::new(&trace[..]);
        assert!(matches!(reader.next_line(), Ok(Some(Line::Rejected(1, Reject::TooLong)))));
        assert!(reader.line.capacity() < 20_000);
        assert!(matches!(reader.next_line(), Ok(Some(Line::Event(Stamped { ts_us: 5, .. })))));
        assert!(matches!(reader.next_line(), Ok(Some(Line::Rejected(4, Reject::UnknownType)))));
        assert!(matches!(reader.next_line(), Ok(None)));
        assert_eq!(reader.bytes_read(), trace.len() as u64);
    }
}
