//! What a proxy in front of the server says to it before the session: the PROXY protocol, version 1 (a line) or 2 (a header
//! of its own length). The server reads it before it greets, and answers nothing: were it taken for a command, every answer
//! would be taken for that to the command before, or one would be waited for that never comes.

use crate::line::At;

/// How a header of version 1 begins.
const LINE: &[u8] = b"PROXY ";
/// Octets of the longest of them, its line end included.
const LONGEST_LINE: usize = 107;
/// How a header of version 2 begins. Four octets follow, the last two of which are the length of what comes after them.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;

/// The client's first octets, while they may be such a header.
#[derive(Clone, Default)]
pub(crate) struct Preamble {
    /// Those that do not tell yet, and where each began that came in a piece of its own.
    held: Vec<(At, u8)>,
    /// Octets of a header that are still to come, once its length is known.
    left: Option<usize>,
}

/// What became of octets that may be a header, or a part of one.
pub(crate) enum Passed {
    /// More of it is to come.
    All,
    /// It ended; so many of the octets were of it.
    Header {
        /// How many.
        read: usize,
        /// Whether it is of version 1: a line, which a server that nobody told of the proxy takes for a command.
        is_line: bool,
    },
    /// There is none: what is held began the session, and so many of the octets are held by now.
    NoHeader {
        /// How many.
        read: usize,
    },
}

enum Judged {
    Undecided,
    /// It is a header, and so many octets of it follow.
    Header(usize),
    NoHeader,
}

impl Preamble {
    fn judge(&self) -> Judged {
        let octet = |at: usize| self.held.get(at).map(|(_, octet)| *octet);
        let begins = |with: &[u8]| with.iter().zip(&self.held).all(|(expected, (_, octet))| expected == octet);
        if begins(SIGNATURE) {
            return match (octet(FIXED - 2), octet(FIXED - 1)) {
                (Some(high), Some(low)) => Judged::Header(usize::from(u16::from_be_bytes([high, low]))),
                _ => Judged::Undecided,
            };
        }
        if !begins(LINE) || self.held.len() > LONGEST_LINE {
            return Judged::NoHeader;
        }
        if self.held.len() > LINE.len() && self.held.last().is_some_and(|(_, octet)| *octet == b'\n') {
            return Judged::Header(0);
        }
        Judged::Undecided
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether it is known to be a header.
    pub(crate) fn is_header(&self) -> bool {
        self.left.is_some()
    }

    /// Octets that it takes to hold it.
    pub(crate) fn held(&self) -> usize {
        self.held.capacity() * size_of::<(At, u8)>()
    }

    /// Reads octets that the client sent before the server said anything.
    pub(crate) fn pass(&mut self, at: At, octets: &[u8]) -> Passed {
        let mut read = 0;
        while self.left.is_none() {
            let Some(&octet) = octets.get(read) else { return Passed::All };
            self.held.push((at.plus(read), octet));
            read += 1;
            match self.judge() {
                Judged::Undecided => {}
                Judged::Header(left) => self.left = Some(left),
                Judged::NoHeader => return Passed::NoHeader { read },
            }
        }
        let Some(left) = &mut self.left else { return Passed::All };
        let passed = (*left).min(octets.len() - read);
        *left -= passed;
        if *left > 0 {
            return Passed::All;
        }
        Passed::Header { read: read + passed, is_line: self.held.first().is_some_and(|(_, octet)| *octet == b'P') }
    }

    /// The octets that were held: they are no header, and the session begins with them.
    pub(crate) fn into_octets(self) -> impl Iterator<Item = (At, u8)> {
        self.held.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use writ_wire::Time;

    use super::*;

    /// How many octets are passed over, and whether they are a line, however they are cut; `None` where they are no header.
    fn passed(octets: &[u8]) -> Option<(usize, bool)> {
        let mut told = None;
        for cut in 1..=octets.len() {
            let mut preamble = Preamble::default();
            let mut at = 0;
            let mut found = None;
            for piece in octets.chunks(cut) {
                match preamble.pass(At { time: Time::MIN, offset: at as u64 }, piece) {
                    Passed::All => {}
                    Passed::Header { read, is_line } => {
                        found = Some((at + read, is_line));
                        break;
                    }
                    Passed::NoHeader { read } => {
                        let held: Vec<u8> = preamble.into_octets().map(|(_, octet)| octet).collect();
                        assert_eq!(held, octets[..at + read]);
                        break;
                    }
                }
                at += piece.len();
            }
            assert!(told.is_none_or(|told| told == found), "{cut}");
            told = Some(found);
        }
        told.flatten()
    }

    #[test]
    fn headers_of_both_versions_are_passed_over_whole() {
        let line = b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n";
        assert_eq!(passed(&[&line[..], b"USER a\r\n"].concat()), Some((line.len(), true)));
        let binary = [SIGNATURE, &[0x21, 0x11, 0, 12], &[7; 12]].concat();
        assert_eq!(passed(&[&binary[..], b"USER a\r\n"].concat()), Some((28, false)));
        for none in [&b"USER a\r\n"[..], b"PROX\r\n", b"\r\n\r\nNOOP\r\n", &[b"PROXY ", &[b'x'; 200][..]].concat()] {
            assert_eq!(passed(none), None);
        }
    }
}
