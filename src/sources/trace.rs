//! Trace files: one event a line, in the contract's form.

use crate::event::Stamped;
use crate::event::json::{self, Reject};
use std::io::{self, ErrorKind, Read};

/// No event is longer, its line end included; a longer line is not read into memory.
const LONGEST_LINE: usize = 4096;
/// What is read at once.
const BUFFER: usize = 16 * LONGEST_LINE;

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
    /// What was read and is not taken yet: these bytes of the buffer.
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    /// Of these the first so many hold no line end.
    searched: usize,
    is_at_end: bool,
    /// The line that is being read is too long: it is passed over to its end.
    is_passing_over: bool,
    number: u64,
    bytes_read: u64,
}

impl<R: Read> TraceReader<R> {
    pub fn new(input: R) -> TraceReader<R> {
        TraceReader {
            input,
            buffer: vec![0; BUFFER].into(),
            begin: 0,
            end: 0,
            searched: 0,
            is_at_end: false,
            is_passing_over: false,
            number: 0,
            bytes_read: 0,
        }
    }

    /// Bytes of the trace read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next line that is not empty; `None` at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.next_buffered() {
                return Ok(Some(line));
            }
            if self.is_at_end {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// The next line that is not empty, if it was read already: for this nobody has to wait.
    pub fn next_buffered(&mut self) -> Option<Line> {
        loop {
            let length = self.next_length()?;
            let text = self.buffer[self.begin..self.begin + length].trim_ascii();
            self.number += 1;
            let line = if std::mem::take(&mut self.is_passing_over) || is_too_long(&self.buffer[self.begin..][..length])
            {
                Some(Line::Rejected(self.number, Reject::TooLong))
            } else if text.is_empty() {
                None
            } else {
                Some(json::parse(text).map_or_else(|reject| Line::Rejected(self.number, reject), Line::Event))
            };
            self.take(length);
            if line.is_some() {
                return line;
            }
        }
    }

    /// Length of the next line with its end; `None` as long as that was not read. What is too long is let go meanwhile.
    fn next_length(&mut self) -> Option<usize> {
        let waiting = &self.buffer[self.begin..self.end];
        if let Some(at) = memchr::memchr(b'\n', &waiting[self.searched..]) {
            return Some(self.searched + at + 1);
        }
        self.searched = waiting.len();
        if self.is_at_end {
            let is_line = self.searched > 0 || self.is_passing_over;
            return is_line.then_some(self.searched);
        }
        if self.searched >= LONGEST_LINE || self.is_passing_over {
            self.is_passing_over = true;
            self.take(self.searched);
        }
        None
    }

    fn take(&mut self, length: usize) {
        self.begin += length;
        self.searched = 0;
        self.bytes_read += length as u64;
    }

    /// Reads once, and waits for that where it has to.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.end += length;
                    self.is_at_end = length == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_too_long(line: &[u8]) -> bool {
    line.len() > LONGEST_LINE || line.len() == LONGEST_LINE && line.last() != Some(&b'\n')
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
        assert_eq!(reader.buffer.len(), 16 * 4096);
        assert!(matches!(reader.next_line(), Ok(Some(Line::Event(Stamped { ts_us: 5, .. })))));
        assert!(matches!(reader.next_line(), Ok(Some(Line::Rejected(4, Reject::UnknownType)))));
        assert!(matches!(reader.next_line(), Ok(None)));
        assert_eq!(reader.bytes_read(), trace.len() as u64);
    }
    /// What the reader makes of a trace, in short.
    fn lines(mut reader: TraceReader<impl Read>) -> (Vec<(u64, String)>, u64) {
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().expect("memory can be read") {
            lines.push(match line {
                Line::Event(stamped) => (0, stamped.ts_us.to_string()),
                Line::Rejected(number, reject) => (number, reject.to_string()),
            });
        }
        (lines, reader.bytes_read())
    }

    /// Gives a few bytes at a time, however many are asked for.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            (&self.0[..self.0.len().min(length)]).read(buffer).inspect(|&read| self.0 = &self.0[read..])
        }
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut_into_reads() {
        let event = |spaces: usize, end: &str| format!("{{\"type\":\"gap\",{}\"ts\":5}}{end}", " ".repeat(spaces));
        let length = event(0, "").len();
        let fill = |total: usize, end: &str| event(total - length - end.len(), end);
        let traces = [
            String::new(),
            "\n\n".into(),
            event(0, ""),
            event(0, "\r\n") + &event(0, "\n"),
            fill(4096, "\n") + "{}\n",
            fill(4097, "\n") + "{}\n",
            fill(4095, ""),
            fill(4096, ""),
            fill(4097, "") + "\n\n" + &event(1, ""),
            " ".repeat(5000) + "\n" + &" ".repeat(4000) + "\n" + &event(0, ""),
            (event(0, "\n") + "nonsense\n").repeat(5000),
            "x".repeat(200_000) + "\n" + &event(0, ""),
        ];
        for trace in &traces {
            let whole = lines(TraceReader::new(trace.as_bytes()));
            assert_eq!(whole.1, trace.len() as u64);
            for length in [1, 7, 4095, 4096, 4097, 60_000] {
                assert_eq!(lines(TraceReader::new(Drops(trace.as_bytes(), length))), whole, "{length} at a time");
            }
        }
        let reasons = |trace: &String| lines(TraceReader::new(trace.as_bytes())).0;
        assert_eq!(reasons(&traces[4]), [(0, "5".into()), (2, Reject::UnknownType.to_string())]);
        assert_eq!(reasons(&traces[5])[0], (1, Reject::TooLong.to_string()));
        assert_eq!(reasons(&traces[6]), [(0, "5".into())]);
        assert_eq!(reasons(&traces[7]), [(1, Reject::TooLong.to_string())]);
        assert_eq!(reasons(&traces[8]), [(1, Reject::TooLong.to_string()), (0, "5".into())]);
    }

    #[test]
    fn nobody_waits_for_more_while_a_whole_line_was_read() {
        let mut reader = TraceReader::new(&b"{}\n{}\n{"[..]);
        assert!(reader.next_buffered().is_none());
        assert!(matches!(reader.next_line(), Ok(Some(Line::Rejected(1, _)))));
        assert!(matches!(reader.next_buffered(), Some(Line::Rejected(2, _))));
        assert!(reader.next_buffered().is_none(), "the rest may still come");
        assert!(matches!(reader.next_line(), Ok(Some(Line::Rejected(3, _)))));
        assert!(matches!(reader.next_line(), Ok(None)));
    }
}
