//! The octets between DATA and the line with a single dot (RFC 5321 §4.1.1.4, §4.5.2).

use std::collections::VecDeque;

use memchr::memmem;

use crate::head::{Head, HeadReader};
use crate::line::At;

/// What ends a line, for one server or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    CrLf,
    Lf,
    Cr,
}

/// A line with a single dot: how the line before it ended, and how it ends itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DotLine {
    before: LineEnd,
    after: LineEnd,
}

impl DotLine {
    /// RFC 5321 §4.1.1.4: the one end that all servers know.
    pub(super) const END: Self = Self { before: LineEnd::CrLf, after: LineEnd::CrLf };

    /// The one of a client that ends all of its lines so.
    pub(super) const BARE: Self = Self { before: LineEnd::Lf, after: LineEnd::Lf };

    fn number(self) -> usize {
        self.before as usize * 3 + self.after as usize
    }
}

/// What the server was seen to take for the end of a message, or for text.
#[derive(Clone, Copy, Default)]
pub(super) struct Habit([Option<bool>; 9]);

impl Habit {
    /// The server takes such a line for the end, or it does not.
    pub(super) fn learn(&mut self, line: DotLine, taken: bool) {
        if let Some(known) = self.0.get_mut(line.number()) {
            *known = Some(taken);
        }
    }

    /// How many kinds of such lines the server takes.
    pub(super) fn taken(&self) -> usize {
        self.0.iter().filter(|known| **known == Some(true)).count()
    }

    fn takes(&self, line: DotLine) -> Option<bool> {
        if line == DotLine::END { Some(true) } else { self.0.get(line.number()).copied().flatten() }
    }
}

/// Where the scanner stands within a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first octet of a line.
    LineStart { before: LineEnd },
    /// A dot read at the line's start.
    Dot { before: LineEnd },
    /// A dot and a CR read.
    DotCr { before: LineEnd },
    /// Inside a line.
    Inside,
    /// A CR read, which may have ended a line.
    Cr,
}

/// Finds the end of a message sent with DATA, and shows its head to a [`HeadReader`] with dot-stuffing taken off.
#[derive(Clone)]
pub(super) struct Body {
    at: Place,
    pub(super) head: HeadReader,
    /// Octets are missing, and the end may be one of them.
    pub(super) doubt: Option<Box<Doubt>>,
    /// Whether dots of which it is not known what the server makes of them are taken for text from here on.
    pub(super) strict: bool,
    pub(super) habit: Habit,
}

/// What follows octets that may have held the end, until a reply of the server, or the end that every server knows, says
/// whether they did.
#[derive(Clone, Default)]
pub(super) struct Doubt {
    /// The head as it was there.
    pub(super) head: HeadReader,
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
    EndsAt(usize, DotLine),
    /// The same, if the server takes such a line for the end, which is not known.
    MayEndAt(usize, DotLine),
}

/// Where a dot next stands behind an LF, and behind a CR: searched for once in a piece, or hostile text would make it many
/// times. Past the end where there is none.
#[derive(Default)]
struct NextDot {
    lf: Option<usize>,
    cr: Option<usize>,
}

impl NextDot {
    /// Where the line end before the next dot stands.
    fn after(&mut self, input: &[u8], from: usize) -> Option<usize> {
        let find = |known: &mut Option<usize>, needle: &[u8; 2]| {
            if known.is_none_or(|at| at < from) {
                let found = memmem::find(input.get(from..).unwrap_or_default(), needle);
                *known = Some(found.map_or(usize::MAX, |at| from + at));
            }
            known.unwrap_or(usize::MAX)
        };
        Some(find(&mut self.lf, b"\n.").min(find(&mut self.cr, b"\r."))).filter(|at| *at < input.len())
    }
}

impl Body {
    pub(super) fn new(habit: Habit) -> Self {
        // The CR LF of the DATA line counts as the one before the first line (RFC 5321 §4.1.1.4).
        let at = Place::LineStart { before: LineEnd::CrLf };
        Self { at, head: HeadReader::default(), doubt: None, strict: false, habit }
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.head.held() + self.doubt.as_ref().map_or(0, |doubt| doubt.head.held() + doubt.cost)
    }

    /// Reads the next piece.
    pub(super) fn scan(&mut self, input: &[u8]) -> Scan {
        let mut from = 0;
        let mut next_dot = NextDot::default();
        while let Some(&octet) = input.get(from) {
            if self.at == Place::Inside {
                match self.skip_inside(input, from, &mut next_dot) {
                    Some(next) => from = next,
                    None => return Scan::Whole,
                }
                continue;
            }
            let mut shown = true;
            self.at = match (self.at, octet) {
                (Place::LineStart { before }, b'.') => {
                    shown = false;
                    Place::Dot { before }
                }
                (Place::Cr, b'.') => Place::Dot { before: LineEnd::Cr },
                (Place::Dot { before }, b'\r') => {
                    shown = false;
                    Place::DotCr { before }
                }
                (Place::Dot { before } | Place::DotCr { before }, b'\n') => {
                    let after = if matches!(self.at, Place::Dot { .. }) { LineEnd::Lf } else { LineEnd::CrLf };
                    self.at = Place::LineStart { before: after };
                    if let Some(end) = self.may_end(DotLine { before, after }, from + 1) {
                        return end;
                    }
                    self.at
                }
                (Place::DotCr { before }, _) => {
                    if let Some(end) = self.dot_ended_by_cr(before, from) {
                        return end;
                    }
                    continue;
                }
                (Place::Cr, b'\n') => Place::LineStart { before: LineEnd::CrLf },
                (_, b'\n') => Place::LineStart { before: LineEnd::Lf },
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

    /// What a line with a single dot is, `end` octets into the piece; nothing where it is text.
    fn may_end(&self, line: DotLine, end: usize) -> Option<Scan> {
        match self.habit.takes(line) {
            Some(true) => Some(Scan::EndsAt(end, line)),
            None if self.doubt.is_none() && !self.strict => Some(Scan::MayEndAt(end, line)),
            _ => None,
        }
    }

    /// No LF followed a dot and a CR. For most servers that is text, and the CR was kept from the head until now.
    fn dot_ended_by_cr(&mut self, before: LineEnd, end: usize) -> Option<Scan> {
        self.at = Place::Cr;
        self.head.push(b"\r");
        self.may_end(DotLine { before, after: LineEnd::Cr }, end)
    }

    /// The server speaks where a dot and a CR were the last that came: what it says may be to them.
    pub(super) fn server_speaks(&mut self) -> Option<Scan> {
        let Place::DotCr { before } = self.at else { return None };
        self.may_end(DotLine { before, after: LineEnd::Cr }, 0)?;
        self.dot_ended_by_cr(before, 0)
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
    fn skip_inside(&mut self, input: &[u8], from: usize, next_dot: &mut NextDot) -> Option<usize> {
        let rest = input.get(from..).unwrap_or_default();
        let end = if self.head.is_done() {
            next_dot.after(input, from).map_or(rest.len(), |at| at + 1 - from)
        } else {
            // In the head every line is looked at.
            let end = memchr::memchr2(b'\n', b'\r', rest).map_or(rest.len(), |at| at + 1);
            self.head.push(rest.get(..end).unwrap_or(rest));
            end
        };
        self.at = after(rest.get(..end).unwrap_or(rest));
        (end < rest.len()).then_some(from + end)
    }
}

/// Where the scanner stands after octets that began inside a line.
fn after(octets: &[u8]) -> Place {
    match octets {
        [.., b'\r', b'\n'] => Place::LineStart { before: LineEnd::CrLf },
        // The CR may have been the last octet of the piece before; then `Cr` was the state and this is not asked.
        [.., b'\n'] => Place::LineStart { before: LineEnd::Lf },
        [.., b'\r'] => Place::Cr,
        _ => Place::Inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a message ends for a server that takes but one end, the lines that are another's, and the reader.
    fn end(octets: &[u8], piece: usize) -> (Option<usize>, Vec<(LineEnd, LineEnd)>, Body) {
        let mut body = Body::new(Habit::default());
        let mut lines = Vec::new();
        for (at, piece) in octets.chunks(piece).enumerate().map(|(n, chunk)| (n * piece, chunk)) {
            let mut done = 0;
            while done < piece.len() {
                match body.scan(&piece[done..]) {
                    Scan::EndsAt(end, _) => return (Some(at + done + end), lines, body),
                    Scan::MayEndAt(end, line) => {
                        body.habit.learn(line, false);
                        lines.push((line.before, line.after));
                        done += end;
                    }
                    Scan::Whole => break,
                }
            }
        }
        (None, lines, body)
    }

    #[test]
    fn the_end_is_found_however_the_octets_are_cut() {
        for (text, expected, others) in [
            (&b".\r\nQUIT\r\n"[..], Some(3), 0),
            (b"Subject: x\r\n\r\nHello\r\n.\r\nQUIT\r\n", Some(24), 0),
            (b"Subject: x\r\n\r\n..\r\n.x\r\n\r.\r\n\r\n.\r\n", Some(31), 1),
            (b"a\r\n\r\nb\r.\r\nc\r\n.\r\n", Some(16), 1),
            (b"a\r\n\r\nb\n.\nc\n.\r\nd", None, 2),
            (b"a\r\n\r\nb\r\n.\nc", None, 1),
            (b"a\r\n\r\nb\r\n.\r\r\n", None, 1),
            (b"no header\r\n.\r", None, 0),
        ] {
            for piece in 1..=text.len() {
                let (found, lines, _) = end(text, piece);
                assert_eq!(found, expected, "{:?} in pieces of {piece}", String::from_utf8_lossy(text));
                assert_eq!(lines.len(), others, "{:?} in pieces of {piece}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn every_other_end_is_only_a_possible_one() {
        use LineEnd::{Cr, CrLf, Lf};
        for (before, first) in [(CrLf, "\r\n"), (Lf, "\n"), (Cr, "\r")] {
            for (after, second) in [(CrLf, "\r\n"), (Lf, "\n"), (Cr, "\r")] {
                for head in ["", "a: b\r\n\r\n"] {
                    let text = format!("{head}x{first}.{second}y");
                    for piece in 1..=text.len() {
                        let (found, lines, _) = end(text.as_bytes(), piece);
                        if (before, after) == (CrLf, CrLf) {
                            assert_eq!((found, lines), (Some(text.len() - 1), vec![]));
                        } else {
                            assert_eq!((found, lines), (None, vec![(before, after)]), "{text:?} {piece}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_head_is_shown_without_dot_stuffing() {
        let text = b"X: y\r\n..Message-ID: no\r\nMessage-ID: <1@x>\r\n\r\n.\r\n";
        for piece in 1..=text.len() {
            let (.., body) = end(text, piece);
            assert_eq!(body.head.finish().message_id.as_deref(), Some(&b"<1@x>"[..]));
        }
    }
}
