//! Messages, most of whose octets are lines that many of them share.

use std::fmt::Write as _;
use std::sync::Arc;

use super::random::Random;

/// A line of a message: 76 characters and CRLF, as most mail programs make them.
pub(super) const LINE: usize = 78;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Lines that differ; then they come again.
const LINES: usize = 64;

/// Lines as base64 would have them. Messages are made of the same ones, so that a million of them can be on their way at a time.
#[derive(Clone, Debug)]
pub struct Lines(Arc<[u8]>);

impl Lines {
    /// Lines that follow from `random`.
    pub fn new(random: &mut Random) -> Self {
        let mut lines = Vec::with_capacity(LINES * LINE);
        for _ in 0..LINES {
            let text = LINE - 2;
            while lines.len() % LINE < text {
                let word = random.number();
                let room = (text - lines.len() % LINE).min(10);
                lines.extend((0..room).map(|at| LETTERS[(word >> (6 * at) & 63) as usize]));
            }
            lines.extend(b"\r\n");
        }
        Self(lines.into())
    }

    /// Appends `octets` octets of them to `into`, from octet `at` on.
    pub(super) fn copy(&self, at: usize, octets: usize, into: &mut Vec<u8>) {
        let (mut at, mut left) = (at % self.0.len(), octets);
        while left > 0 {
            let room = left.min(self.0.len() - at);
            into.extend(&self.0[at..at + room]);
            (at, left) = (0, left - room);
        }
    }
}

/// A message: a head, so many octets of lines, and CRLF.
#[derive(Clone, Debug)]
pub struct Letter {
    pub(super) head: String,
    pub(super) text: usize,
    pub(super) lines: Lines,
}

impl Letter {
    /// One of exactly `octets` octets (no fewer than its head has).
    pub fn new(octets: usize, sender: &str, recipient: &str, lines: &Lines, random: &mut Random) -> Self {
        let mut head = String::new();
        let _ = write!(
            head,
            "Message-ID: <{:016x}@example.org>\r\nFrom: <{sender}>\r\nTo: <{recipient}>\r\n\
             Date: Mon, 2 Mar 2026 09:00:00 +0000\r\nSubject: generated",
            random.number(),
        );
        let end = "\r\n\r\n";
        // The last line ends as every line does, even where it is nothing else; but not in the middle of another's end.
        if octets.saturating_sub(head.len() + end.len() + 2) % LINE == LINE - 1 {
            head.push('.');
        }
        head.push_str(end);
        let text = octets.saturating_sub(head.len() + 2);
        Self { head, text, lines: lines.clone() }
    }

    /// Its octets.
    pub fn len(&self) -> usize {
        self.head.len() + self.text + 2
    }

    /// Whether it has none, which no message has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.len());
        octets.extend(self.head.as_bytes());
        self.lines.copy(0, self.text, &mut octets);
        octets.extend(b"\r\n");
        octets
    }
}
