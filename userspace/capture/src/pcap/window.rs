//! A bounded window that slides over a file, and knows where in the file it is.

use std::io::{self, Read};
use std::path::PathBuf;

use super::PcapError;

/// Octets of a stream, buffered ahead: at most the window's capacity is ever in memory.
pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    file: PathBuf,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Where `start` is in the stream.
    offset: u64,
    /// The stream's end was seen.
    at_end: bool,
    /// A failure of the reader, kept until the octets read before it are used up.
    failure: Option<io::Error>,
}

impl Window {
    /// A window of `capacity` octets: the most that [`Self::fill`] may be asked for.
    pub(super) fn new(reader: Box<dyn Read + Send>, file: PathBuf, capacity: usize) -> Self {
        let buffer = vec![0; capacity].into_boxed_slice();
        Self { reader, file, buffer, start: 0, end: 0, offset: 0, at_end: false, failure: None }
    }

    /// Where the next octet is in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The octets that are buffered.
    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until `wanted` octets are buffered or the stream ends, and returns what is there: fewer than `wanted` only
    /// at the end, or before a failure, of the stream.
    pub(super) fn fill(&mut self, wanted: usize) -> &[u8] {
        while self.end - self.start < wanted && !self.at_end {
            if self.start > 0 && self.start + wanted > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            let Some(room) = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()) else { break };
            match self.reader.read(room) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.failure = Some(e);
                    self.at_end = true;
                }
            }
        }
        self.held()
    }

    /// The next `wanted` octets, which stay where they are until [`Self::take`]; `None` at the stream's clean end.
    ///
    /// # Errors
    /// [`PcapError::Cut`] or [`PcapError::Read`] where the stream ends within them.
    pub(super) fn peek(&mut self, wanted: usize, expected: &'static str) -> Result<Option<&[u8]>, PcapError> {
        let held = self.fill(wanted).len();
        if held >= wanted {
            return Ok(self.held().get(..wanted));
        }
        if held == 0 && self.failure.is_none() {
            return Ok(None);
        }
        Err(self.ended_within(wanted as u64, expected))
    }

    /// As [`Self::peek`], where the stream's end is an error too.
    pub(super) fn need(&mut self, wanted: usize, expected: &'static str) -> Result<&[u8], PcapError> {
        if self.fill(wanted).len() < wanted {
            return Err(self.ended_within(wanted as u64, expected));
        }
        Ok(self.held().get(..wanted).unwrap_or_default())
    }

    /// Moves past `count` octets, which the caller has peeked at.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Moves past `count` octets, whatever their number, without holding them.
    ///
    /// # Errors
    /// [`PcapError::Cut`] or [`PcapError::Read`] where the stream ends before.
    pub(super) fn skip(&mut self, count: u64, expected: &'static str) -> Result<(), PcapError> {
        let begin = self.offset;
        let mut left = count;
        while left > 0 {
            let held = self.fill(1).len();
            if held == 0 {
                return Err(self.ended(begin, count, count - left, expected));
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(held);
            self.take(step);
            left -= step as u64;
        }
        Ok(())
    }

    /// The error for a stream that ends before the `wanted` octets that should be next.
    fn ended_within(&mut self, wanted: u64, expected: &'static str) -> PcapError {
        let held = self.held().len() as u64;
        self.ended(self.offset, wanted, held, expected)
    }

    fn ended(&mut self, offset: u64, wanted: u64, held: u64, expected: &'static str) -> PcapError {
        let file = self.file.clone();
        match self.failure.take() {
            // What a gzip decoder says of a file that ends too early; for the reader of the message it is a cut file.
            Some(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                PcapError::Cut { file, offset, expected, wanted, held }
            }
            Some(source) => PcapError::Read { file, offset, expected, source },
            None => PcapError::Cut { file, offset, expected, wanted, held },
        }
    }

    /// The error for a field at `offset`.
    pub(super) fn malformed(&self, offset: u64, expected: &'static str, found: u64) -> PcapError {
        PcapError::Malformed { file: self.file.clone(), offset, expected, found }
    }

    /// The error for a file that begins with no known magic number.
    pub(super) fn unknown_magic(&mut self) -> PcapError {
        match self.failure.take() {
            Some(source) => PcapError::Read { file: self.file.clone(), offset: 0, expected: "a magic number", source },
            None => {
                let held = self.held();
                PcapError::Magic { file: self.file.clone(), found: held.get(..4).unwrap_or(held).to_vec() }
            }
        }
    }
}
