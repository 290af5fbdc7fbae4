//! The octets between DATA and the line with a single dot (RFC 5321 §4.1.1.4, §4.5.2).

use std::collections::VecDeque;

use memchr::memmem;

use crate::head::{Head, HeadReader};
use crate::line::At;

/// Where the scanner stands within a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first octet of a line; whether CR LF ended the line before (else a bare LF).
    LineStart { crlf: bool },
    /// A dot read at the line's start.
    Dot { crlf: bool },
    /// A dot and a CR read.
    DotCr { crlf: bool },
    /// Inside a line.
    Inside,
    /// Inside a line, a CR read.
    Cr,
}

/// Finds the end of a message sent with DATA, and shows its head to a [`HeadReader`] with dot-stuffing taken off.
pub(super) struct Body {
    at: Place,
    pub(super) head: HeadReader,
    /// A line with a single dot, but a bare LF before or after it, was read: an end for some servers and not for others. Or
    /// octets are missing, and the end may be one of them.
    pub(super) doubt: Option<Box<Doubt>>,
    /// Whether such lines are taken for text from here on.
    pub(super) strict: bool,
}

/// What follows something that may have been the end, until a reply of the server, or the end that every server knows,
/// says whether it was.
#[derive(Default)]
pub(super) struct Doubt {
    /// The head as it was there.
    head: HeadReader,
    /// The client's octets since.
    pub(super) held: VecDeque<(At, Vec<u8>, usize)>,
    /// What it takes to hold them.
    pub(super) cost: usize,
}

/// How far a piece of input belongs to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// All of it, and the message goes on.
    Whole,
    /// This many octets, the ending line included.
    EndsAt(usize),
    /// The same, if the server takes a bare LF there: see [`Body::doubt`].
    MayEndAt(usize),
}

impl Body {
    pub(super) fn new() -> Self {
        // The CR LF of the DATA line counts as the one before the first line (RFC 5321 §4.1.1.4).
        Self { at: Place::LineStart { crlf: true }, head: HeadReader::default(), doubt: None, strict: false }
    }

    /// Reads the next piece.
    pub(super) fn scan(&mut self, input: &[u8]) -> Scan {
        let mut from = 0;
        while let Some(&octet) = input.get(from) {
            if self.at == Place::Inside {
                match self.skip_inside(input, from) {
                    Some(next) => from = next,
                    None => return Scan::Whole,
                }
                continue;
            }
            let mut shown = true;
            self.at = match (self.at, octet) {
                (Place::LineStart { crlf }, b'.') => {
                    shown = false;
                    Place::Dot { crlf }
                }
                (Place::Dot { crlf }, b'\r') => {
                    shown = false;
                    Place::DotCr { crlf }
                }
                (Place::DotCr { crlf: true }, b'\n') => return Scan::EndsAt(from + 1),
                (Place::Dot { .. } | Place::DotCr { .. }, b'\n') => {
                    // Bare LF somewhere.
                    self.at = Place::LineStart { crlf: false };
                    if self.doubt.is_none() && !self.strict {
                        self.doubt = Some(Box::new(Doubt { head: self.head.clone(), ..Doubt::default() }));
                        return Scan::MayEndAt(from + 1);
                    }
                    self.at
                }
                (Place::DotCr { .. }, _) => {
                    // A CR that no LF followed is text; it was kept from the head until now.
                    self.head.push(b"\r");
                    if octet == b'\r' { Place::Cr } else { Place::Inside }
                }
                (Place::Cr, b'\n') => Place::LineStart { crlf: true },
                (_, b'\n') => Place::LineStart { crlf: false },
                (_, b'\r') => Place::Cr,
                _ => Place::Inside,
            };
            if shown && !self.head.is_done() {
                self.head.push(&[octet]);
            }
            from += 1;
        }
        Scan::Whole
    }

    /// Octets are missing here: where the lines stand is not known, nor whether what follows is still the message.
    pub(super) fn lost_octets(&mut self) {
        self.at = Place::Inside;
        self.strict = false;
        let head = &self.head;
        self.doubt.get_or_insert_with(|| Box::new(Doubt { head: head.clone(), ..Doubt::default() }));
    }

    /// The head, now that the message has ended: where it was doubtful that it did, or at the end that was found.
    pub(super) fn into_head(self) -> Head {
        self.doubt.map_or(self.head, |doubt| doubt.head).finish()
    }

    /// From inside a line to the next place where a line that starts with a dot could begin.
    fn skip_inside(&mut self, input: &[u8], from: usize) -> Option<usize> {
        let rest = input.get(from..).unwrap_or_default();
        if !self.head.is_done() {
            // In the head every line is looked at.
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let line = rest.get(..end).unwrap_or(rest);
            self.head.push(line);
            self.at = after(line);
            return Some(from + end);
        }
        match memmem::find(rest, b"\n.") {
            Some(at) => {
                let before = rest.get(..=at).unwrap_or_default();
                self.at = after(before);
                Some(from + at + 1)
            }
            None => {
                self.at = after(rest);
                None
            }
        }
    }
}

/// Where the scanner stands after octets that began inside a line.
fn after(octets: &[u8]) -> Place {
    match octets {
        [.., b'\r', b'\n'] => Place::LineStart { crlf: true },
        // The CR may have been the last octet of the piece before; then `Cr` was the state and this is not asked.
        [.., b'\n'] => Place::LineStart { crlf: false },
        [.., b'\r'] => Place::Cr,
        _ => Place::Inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(octets: &[u8], piece: usize) -> (Option<usize>, Body) {
        let mut body = Body::new();
        for (at, piece) in octets.chunks(piece).enumerate().map(|(n, chunk)| (n * piece, chunk)) {
            let mut done = 0;
            while done < piece.len() {
                match body.scan(&piece[done..]) {
                    Scan::EndsAt(end) => return (Some(at + done + end), body),
                    Scan::MayEndAt(end) => done += end,
                    Scan::Whole => break,
                }
            }
        }
        (None, body)
    }

    #[test]
    fn the_end_is_found_however_the_octets_are_cut() {
        for (text, expected) in [
            (&b".\r\nQUIT\r\n"[..], Some(3)),
            (b"Subject: x\r\n\r\nHello\r\n.\r\nQUIT\r\n", Some(24)),
            (b"Subject: x\r\n\r\n..\r\n.x\r\n\r.\r\n\r\n.\r\n", Some(31)),
            (b"a\r\n\r\nb\r.\r\nc\r\n.\r\n", Some(16)),
            (b"a\r\n\r\nb\n.\nc\n.\r\nd", None),
            (b"a\r\n\r\nb\r\n.\nc", None),
            (b"a\r\n\r\nb\r\n.\r\r\n", None),
            (b"no header\r\n.\r", None),
        ] {
            for piece in 1..=text.len() {
                let (found, body) = end(text, piece);
                assert_eq!(found, expected, "{:?} in pieces of {piece}", String::from_utf8_lossy(text));
                let doubtful = text.windows(3).any(|three| three == b"\n.\n");
                assert_eq!(body.doubt.is_some(), doubtful);
            }
        }
    }

    #[test]
    fn a_bare_line_feed_end_is_only_a_possible_one() {
        for text in [&b"a\n\nb\n.\n"[..], b"a\n\nb\n.\r\n", b"a\r\n\r\nb\r\n.\n"] {
            for piece in 1..=text.len() {
                let (found, body) = end(text, piece);
                assert_eq!((found, body.doubt.is_some()), (None, true), "{:?} {piece}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn the_head_is_shown_without_dot_stuffing() {
        let text = b"X: y\r\n..Message-ID: no\r\nMessage-ID: <1@x>\r\n\r\n.\r\n";
        for piece in 1..=text.len() {
            let (_, body) = end(text, piece);
            assert_eq!(body.head.finish().message_id.as_deref(), Some(&b"<1@x>"[..]));
        }
    }
}
