//! The end of a message after `DATA`, and the dots that keep its lines from being taken for it (RFC 5321 §4.5.2).

/// Finds `CRLF . CRLF` across whatever pieces the octets come in, and takes the dot off lines that begin with one.
///
/// Lines end with CRLF and nothing else (RFC 5321 §2.3.8): a dot after a bare LF belongs to the message. Some servers see it
/// otherwise; what could be the end for them is held back, so that it can be left out when the server answers there.
#[derive(Debug, Default)]
pub(crate) struct EndOfData {
    at: At,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The start of a line: of the first one, or after CRLF.
    #[default]
    Start,
    /// After a dot at the start of a line.
    Dot,
    /// After that, CR.
    DotCr,
    /// In a line.
    Line,
    /// After CR in a line.
    Cr,
    /// After a bare LF.
    Lf,
    /// After that, a dot; then CR; then LF. None of it is given out yet.
    LfDot,
    LfDotCr,
    LfDotCrLf,
    LfDotLf,
}

/// What octets held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No end yet.
    More,
    /// The end, after so many of the octets.
    End { taken: usize },
}

impl EndOfData {
    /// Takes octets, gives out those of the message, and says where it ends.
    pub(crate) fn take(&mut self, octets: &[u8], give: &mut dyn FnMut(&[u8])) -> Found {
        // Octets from here to the one at hand are the message's and not given out yet.
        let mut from = 0;
        let mut index = 0;
        while let Some(&octet) = octets.get(index) {
            // Within a line, only its end matters.
            if self.at == At::Line && octet != b'\r' && octet != b'\n' {
                let rest = octets.get(index..).unwrap_or_default();
                index = memchr::memchr2(b'\r', b'\n', rest).map_or(octets.len(), |end| index + end);
                continue;
            }
            let held: &[u8] = match (self.at, octet) {
                // What was held back turns out to be the message's.
                (At::LfDot, b'\r' | b'\n') => b"",
                (At::LfDot, _) => b".",
                (At::LfDotCr, b'\n') => b"",
                (At::LfDotCr, _) => b".\r",
                (At::LfDotLf, _) => b".\n",
                (At::LfDotCrLf, _) => b".\r\n",
                (At::DotCr, b'\n') => return Found::End { taken: index + 1 },
                // The dot was stuffed, or stood there for no reason: it goes. The CR stays.
                (At::DotCr, _) => b"\r",
                _ => b"",
            };
            if !held.is_empty() {
                give(held);
            }
            let next = match (self.at, octet) {
                (At::Start, b'.') => At::Dot,
                (At::Dot, b'\r') => At::DotCr,
                (At::Cr, b'\n') => At::Start,
                (At::Cr, b'\r') => At::Cr,
                (At::Lf | At::LfDotLf, b'.') => At::LfDot,
                (At::LfDot, b'\r') => At::LfDotCr,
                (At::LfDot, b'\n') => At::LfDotLf,
                (At::LfDotCr, b'\n') => At::LfDotCrLf,
                // After what was given back here, a line has begun by CRLF.
                (At::LfDotCrLf, b'.') => At::Dot,
                (At::DotCr, b'\r') => At::Cr,
                (_, b'\r') => At::Cr,
                (_, b'\n') => At::Lf,
                _ => At::Line,
            };
            let keeps = matches!(next, At::Dot | At::DotCr | At::LfDot | At::LfDotCr | At::LfDotLf | At::LfDotCrLf);
            if keeps {
                if let Some(part) = octets.get(from..index).filter(|part| !part.is_empty()) {
                    give(part);
                }
                from = index + 1;
            }
            self.at = next;
            index += 1;
        }
        if let Some(part) = octets.get(from..).filter(|part| !part.is_empty()) {
            give(part);
        }
        Found::More
    }

    /// Octets are missing: what comes may begin a line, and its dot end the message.
    pub(crate) fn restart(&mut self) {
        self.at = At::Start;
    }

    /// Whether the octets so far end in what a server may take for the end although RFC 5321 does not.
    pub(super) fn ended_otherwise(&self) -> bool {
        matches!(self.at, At::LfDotLf | At::LfDotCrLf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Option<usize>) {
        let (mut dots, mut message) = (EndOfData::default(), vec![]);
        for piece in pieces {
            if let Found::End { taken } = dots.take(piece, &mut |part| message.extend_from_slice(part)) {
                return (message, Some(taken));
            }
        }
        (message, None)
    }

    #[test]
    fn dots_and_ends() {
        for (wire, message) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"...a\r\n..\r\n.\r\n", b"..a\r\n.\r\n"),
            (b".a\r\n.\r\n", b"a\r\n"),
            (b"a\n.\nb\n.\r\nc\r\n.\r\n", b"a\n.\nb\n.\r\nc\r\n"),
            (b"a\n.b\n.\n.\n.\rc\r\n.\r\n", b"a\n.b\n.\n.\n.\rc\r\n"),
            (b"a\n.\r\n..b\r\n.\r\n", b"a\n.\r\n.b\r\n"),
            (b"a\r.\r\r\n.\r\n", b"a\r.\r\r\n"),
            (b".\ra\r\n.\r\n", b"\ra\r\n"),
            (b".\r\r\n.\r\n", b"\r\r\n"),
            (b".\n.\r\n", b"\n"),
            (b"a\0b\xff\r\n.\r\n", b"a\0b\xff\r\n"),
        ] {
            let shown = String::from_utf8_lossy(wire).into_owned();
            // `.LF` at the start of a line, then a dot after a bare LF: not the end by RFC 5321.
            if wire == b".\n.\r\n" {
                assert_eq!(read(&[wire]).1, None, "{shown:?}");
                continue;
            }
            assert_eq!(read(&[wire]), (message.to_vec(), Some(wire.len())), "{shown:?}");
            // However the octets are cut.
            let octets: Vec<&[u8]> = wire.chunks(1).collect();
            assert_eq!(read(&octets).0, message, "{shown:?}");
            for cut in 0..wire.len() {
                assert_eq!(read(&[&wire[..cut], &wire[cut..]]).0, message, "{shown:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_other_servers_take_for_the_end_is_held_back() {
        for wire in [&b"a\n.\n"[..], b"a\n.\r\n"] {
            let (mut dots, mut message) = (EndOfData::default(), vec![]);
            assert_eq!(dots.take(wire, &mut |part| message.extend_from_slice(part)), Found::More);
            assert!(dots.ended_otherwise());
            assert_eq!(message, b"a\n");
        }
    }
}
