//! The lines of a multi-line response, up to the one with a single dot (RFC 1939 §3).

use memchr::{memchr, memmem};

use crate::head::{Head, HeadReader};

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

/// Finds the end, and shows the head of a message to a [`HeadReader`] with dot-stuffing taken off.
pub(super) struct Body {
    place: Place,
    /// Whether a bare LF ends a line: so it is with a server that ended its status line with one.
    bare: bool,
    /// What was read last is a line with a single dot and a bare LF beside it, of a server that knows better: text to some
    /// clients, the end to others.
    may_be_over: bool,
    head: Option<Box<HeadReader>>,
}

impl Body {
    /// After the status line.
    pub(super) fn new(bare: bool, with_head: bool) -> Self {
        let head = with_head.then(Box::default);
        Self { place: Place::LineStart { crlf: true }, bare, may_be_over: false, head }
    }

    /// Of which an unknown part was not captured.
    pub(super) fn in_the_middle() -> Self {
        Self { place: Place::Inside, bare: false, may_be_over: false, head: None }
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.head.as_ref().map_or(0, |head| head.held())
    }

    /// Reads the next piece; gives how many of its octets there are up to the end, the ending line included.
    pub(super) fn scan(&mut self, input: &[u8]) -> Option<usize> {
        let mut from = 0;
        while let Some(&octet) = input.get(from) {
            self.may_be_over = false;
            match (self.place, octet) {
                (Place::LineStart { crlf }, b'.') => self.place = Place::Dot { crlf },
                (Place::Dot { crlf }, b'\r') => self.place = Place::DotCr { crlf },
                (Place::Dot { .. }, b'\n') if self.bare => return Some(from + 1),
                (Place::DotCr { crlf }, b'\n') if crlf || self.bare => return Some(from + 1),
                (Place::Dot { .. } | Place::DotCr { .. }, b'\n') => {
                    self.show(b".\n");
                    self.place = Place::LineStart { crlf: self.place == Place::DotCr { crlf: false } };
                    self.may_be_over = true;
                }
                (Place::DotCr { .. }, _) => {
                    // A CR that no LF followed is text; it was kept from the head until now.
                    self.show(b"\r");
                    self.place = Place::Cr;
                    continue;
                }
                (Place::Cr, b'\n') => {
                    self.show(b"\n");
                    self.place = Place::LineStart { crlf: true };
                }
                _ => {
                    let rest = input.get(from..).unwrap_or_default();
                    // Past the head, lines that no dot follows are passed over.
                    let end = if self.shows() { memchr(b'\n', rest) } else { memmem::find(rest, b"\n.") };
                    let piece = end.and_then(|at| rest.get(..=at)).unwrap_or(rest);
                    self.show(piece);
                    self.place = match piece {
                        [.., b'\r', b'\n'] => Place::LineStart { crlf: true },
                        [.., b'\n'] => Place::LineStart { crlf: false },
                        [.., b'\r'] => Place::Cr,
                        _ => Place::Inside,
                    };
                    from += piece.len();
                    continue;
                }
            }
            from += 1;
        }
        None
    }

    /// Whether the head is still to come, or a part of it.
    fn shows(&self) -> bool {
        self.head.as_ref().is_some_and(|head| !head.is_done())
    }

    fn show(&mut self, octets: &[u8]) {
        if let Some(head) = self.head.as_mut().filter(|head| !head.is_done()) {
            head.push(octets);
        }
    }

    /// Whether what was read ends as a response may.
    pub(super) fn may_be_over(&self) -> bool {
        self.may_be_over
    }

    /// Octets are missing here. Of a head with a hole nothing is believed.
    pub(super) fn lost(&mut self) {
        self.place = Place::Inside;
        self.may_be_over = false;
        self.head = self.head.take().filter(|head| head.is_done());
    }

    /// The head of a message that was sent to its end.
    pub(super) fn into_head(self) -> Head {
        self.head.map(|head| head.finish()).unwrap_or_default()
    }

    /// The head of a message that breaks off here: one that does so itself would end with half a field.
    pub(super) fn into_head_if_done(mut self) -> Head {
        self.lost();
        self.into_head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(octets: &[u8], bare: bool) -> Option<usize> {
        let mut whole = Body::new(bare, true);
        let end = whole.scan(octets);
        for cut in 0..=octets.len() {
            let (a, b) = octets.split_at(cut);
            let mut body = Body::new(bare, true);
            let found = body.scan(a).or_else(|| body.scan(b).map(|at| cut + at));
            assert_eq!(found, end, "{octets:?} cut at {cut}");
            assert_eq!(body.may_be_over(), whole.may_be_over(), "{octets:?} cut at {cut}");
        }
        end
    }

    #[test]
    fn the_end_is_a_dot_alone() {
        for (text, crlf, bare) in [
            (&b".\r\n+OK"[..], Some(3), Some(3)),
            (b"a\r\n.\r\n", Some(6), Some(6)),
            (b"a\r\n..\r\n.\r\n", Some(10), Some(10)),
            (b".\r\r\n.\r\n", Some(7), Some(7)),
            (b"..\r\n.x\r\n", None, None),
            (b"a\n.\n", None, Some(4)),
            (b"a\n.\r\n", None, Some(5)),
            (b"a\r\n.\n", None, Some(5)),
            (b"a\n.\n.\r\n", None, Some(4)),
            (b"a\n.\r\n.\r\n", Some(8), Some(5)),
            (b"a\r.\r\n", None, None),
        ] {
            assert_eq!((end_of(text, false), end_of(text, true)), (crlf, bare), "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_head_has_no_stuffing() {
        let mut body = Body::new(false, true);
        assert_eq!(body.scan(b"From: a@x\r\n..Message-ID: <no>\r\nMessage-ID: <1@x>\r\n"), None);
        assert_eq!(body.scan(b".\r\n"), Some(3));
        let head = body.into_head();
        assert_eq!((head.sender(), head.identifier()), (Some(&b"a@x"[..]), Some(&b"<1@x>"[..])));
    }

    #[test]
    fn half_a_field_is_not_believed() {
        let mut body = Body::new(false, true);
        body.scan(b"From: alice@exam");
        body.lost();
        body.scan(b"ple.org\r\n\r\n");
        assert_eq!(body.into_head(), Head::default());
        let mut body = Body::new(false, true);
        body.scan(b"From: alice@exam");
        assert_eq!(body.into_head_if_done(), Head::default());
    }
}
