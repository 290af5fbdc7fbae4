//! Lines, put together from pieces.

use std::fmt;

use memchr::memchr;
use writ_wire::Time;

/// One line as it crossed the wire, its line end included.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The octets, CR and LF included; for a line longer than the limit, its beginning.
    pub octets: Box<[u8]>,
    /// Octets past the limit, or missing on the wire, that are not in `octets`.
    pub cut: u64,
    /// Stream offset of its first octet.
    pub offset: u64,
    /// The time of the packet with its first octet.
    pub first: Time,
    /// The time of the packet with its last octet.
    pub last: Time,
}

/// Where octets stand: the packet's time, and the stream offset of the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The time of the packet that carried them.
    pub time: Time,
    /// Stream offset of the first octet.
    pub offset: u64,
}

impl At {
    /// The same packet, `octets` further on.
    pub(crate) fn plus(self, octets: usize) -> Self {
        Self { time: self.time, offset: self.offset + octets as u64 }
    }
}

impl Line {
    /// How many octets it took on the wire.
    pub fn wire_octets(&self) -> u64 {
        self.octets.len() as u64 + self.cut
    }

    /// The octets without CR and LF.
    pub fn text(&self) -> &[u8] {
        let mut text: &[u8] = &self.octets;
        while let [rest @ .., b'\r' | b'\n'] = text {
            text = rest;
        }
        text
    }
}

// A line can hold an identity, content or a password.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} octets)", self.wire_octets())
    }
}

/// Collects octets into lines that end with LF, up to a limit for each.
///
/// A line past the limit keeps its beginning; the rest is counted and passed over, so no sender can make it grow.
#[derive(Clone, Default)]
pub(crate) struct LineReader {
    held: Vec<u8>,
    cut: u64,
    offset: u64,
    first: Time,
}

// Half a line can hold an identity, content or a password just as well.
impl fmt::Debug for LineReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineReader({} octets)", self.held.len() as u64 + self.cut)
    }
}

impl LineReader {
    /// Takes octets up to and with the next LF off `input`; gives the line when it is whole.
    pub(crate) fn take(&mut self, at: At, input: &mut &[u8], limit: usize) -> Option<Line> {
        let found = memchr(b'\n', input);
        let (piece, rest) = input.split_at(found.map_or(input.len(), |at| at + 1));
        *input = rest;
        if self.is_empty() {
            self.first = at.time;
            self.offset = at.offset;
        }
        let room = limit.saturating_sub(self.held.len()).min(piece.len());
        let (kept, over) = piece.split_at(room);
        self.cut += over.len() as u64;
        if found.is_none() {
            self.held.extend_from_slice(kept);
            return None;
        }
        let octets = if self.held.is_empty() {
            kept.into()
        } else {
            self.held.extend_from_slice(kept);
            // The allocation is given away with the line, so an idle session holds none.
            std::mem::take(&mut self.held).into_boxed_slice()
        };
        Some(Line { octets, cut: std::mem::take(&mut self.cut), offset: self.offset, first: self.first, last: at.time })
    }

    /// Whether no part of a line is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.cut == 0
    }

    /// Octets that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Gives what is held of an unfinished line.
    pub(crate) fn take_unfinished(&mut self, last: Time) -> Option<Line> {
        if self.is_empty() {
            return None;
        }
        let octets = std::mem::take(&mut self.held).into_boxed_slice();
        Some(Line { octets, cut: std::mem::take(&mut self.cut), offset: self.offset, first: self.first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn at(nanos: u64) -> At {
        At { time: time(nanos), offset: 0 }
    }

    #[test]
    fn a_line_is_the_same_however_it_is_cut() {
        for cut in 0..=6 {
            let mut reader = LineReader::default();
            let (mut a, mut b) = b"NOOP\r\nX".split_at(cut);
            let line = reader.take(at(1), &mut a, 100).or_else(|| reader.take(at(2), &mut b, 100)).unwrap();
            assert_eq!(&*line.octets, b"NOOP\r\n");
            assert_eq!(line.text(), b"NOOP");
            assert_eq!(line.last, time(if cut == 6 { 1 } else { 2 }));
        }
    }

    #[test]
    fn a_line_past_the_limit_keeps_its_beginning_and_counts_the_rest() {
        let mut reader = LineReader::default();
        let mut input: &[u8] = &[b'a'; 1000];
        assert!(reader.take(at(1), &mut input, 10).is_none());
        assert_eq!(reader.held.len(), 10);
        let mut input: &[u8] = b"aa\nrest";
        let line = reader.take(at(2), &mut input, 10).unwrap();
        assert_eq!((line.octets.len(), line.cut, line.wire_octets()), (10, 993, 1003));
        assert_eq!(input, b"rest");
        assert!(reader.is_empty());
    }
}
