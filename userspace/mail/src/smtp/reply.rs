//! SMTP replies, put together from their lines (RFC 5321 §4.2).

use std::fmt;

use writ_wire::Time;

use crate::line::{At, Line, LineReader};

/// One whole reply, all of its lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// All lines as they crossed the wire.
    pub octets: Box<[u8]>,
    /// Octets past the limit that are not in `octets`.
    pub cut: u64,
    /// Stream offset of the first octet.
    pub offset: u64,
    /// The time of the packet with the first octet.
    pub first: Time,
    /// The time of the packet with the last octet.
    pub last: Time,
}

impl Reply {
    /// What stands for the reply to a command that is given up: a refusal without octets.
    pub(super) fn of_nobody(time: Time) -> Self {
        Self { code: 599, octets: Box::default(), cut: 0, offset: 0, first: time, last: time }
    }

    /// A 2yz reply: the command was done.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// A 3yz reply: the server wants more.
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// How many octets it took on the wire.
    pub fn wire_octets(&self) -> u64 {
        self.octets.len() as u64 + self.cut
    }

    /// The text of its first line, after the code.
    pub fn text(&self) -> &[u8] {
        let line = self.octets.split(|&octet| octet == b'\n').next().unwrap_or_default();
        line.get(text_at(line)..).unwrap_or_default().trim_ascii()
    }
}

// The text can quote an address.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} octets)", self.code, self.wire_octets())
    }
}

/// What a line of the server does to the reply being put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Last(u16),
    More(u16),
    /// The same as `Last`, but for the space that RFC 5321 §4.2.1 asks for.
    Tight(u16),
    /// No reply line at all.
    Stray,
}

/// Puts replies together.
#[derive(Clone, Default)]
pub(super) struct ReplyReader {
    lines: LineReader,
    /// A reply of which more lines are to come, but for its octets.
    open: Option<Box<Reply>>,
    /// Those octets: in a vector that grows, since a reply can have thousands of lines.
    octets: Vec<u8>,
    /// Lines that had no reply code.
    pub(super) stray_lines: u64,
}

impl ReplyReader {
    /// Takes octets off `input` up to the end of a reply; gives the reply when it is whole.
    pub(super) fn take(&mut self, at: At, input: &mut &[u8], limit: usize) -> Option<Reply> {
        let length = input.len();
        while !input.is_empty() {
            let line = self.lines.take(at.plus(length - input.len()), input, limit)?;
            if let Some(reply) = self.add(line, limit) {
                return Some(reply);
            }
        }
        None
    }

    fn add(&mut self, line: Line, limit: usize) -> Option<Reply> {
        let shape = match (shape(line.text()), &self.open) {
            // In the middle of a reply that may be a line of its text.
            (Shape::Tight(code), Some(open)) if open.code != code => Shape::Stray,
            (Shape::Tight(code), _) => Shape::Last(code),
            (shape, _) => shape,
        };
        if shape == Shape::Stray {
            self.stray_lines += 1;
        }
        let code = match shape {
            Shape::Last(code) | Shape::More(code) | Shape::Tight(code) => code,
            // Servers that break a text into lines of no code mean it as part of the reply; with none open it is noise.
            Shape::Stray => self.open.as_ref()?.code,
        };
        match &mut self.open {
            None => {
                let Line { octets, cut, offset, first, last } = line;
                if shape == Shape::Last(code) {
                    return Some(Reply { code, octets, cut, offset, first, last });
                }
                self.octets = octets.into_vec();
                self.open = Some(Box::new(Reply { code, octets: Box::default(), cut, offset, first, last }));
            }
            Some(open) => {
                let room = limit.saturating_sub(self.octets.len()).min(line.octets.len());
                self.octets.extend_from_slice(line.octets.get(..room).unwrap_or_default());
                open.cut += line.wire_octets() - room as u64;
                open.last = line.last;
                // The last line has the last word: a client acts on its code (RFC 5321 §4.2.1).
                open.code = code;
            }
        }
        if !matches!(shape, Shape::Last(_)) {
            return None;
        }
        let reply = self.open.take()?;
        Some(Reply { octets: std::mem::take(&mut self.octets).into_boxed_slice(), ..*reply })
    }

    /// Whether no part of a reply is held.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_none() && self.lines.is_empty()
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.lines.held() + self.octets.capacity()
    }

    /// Forgets what is held of an unfinished reply: octets are missing here.
    pub(super) fn drop_unfinished(&mut self) -> u64 {
        let held = self.lines.take_unfinished(Time::MIN).map_or(0, |line| line.wire_octets());
        let octets = std::mem::take(&mut self.octets).len() as u64;
        held + octets + self.open.take().map_or(0, |reply| reply.cut)
    }
}

fn shape(text: &[u8]) -> Shape {
    let Some((digits, rest)) = text.split_at_checked(3) else { return Shape::Stray };
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *digits else { return Shape::Stray };
    let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    match rest.first() {
        Some(b'-') => Shape::More(code),
        None | Some(b' ' | b'\t') => Shape::Last(code),
        Some(octet) if octet.is_ascii_digit() => Shape::Stray,
        Some(_) => Shape::Tight(code),
    }
}

/// Where the text of a reply's line begins.
pub(super) fn text_at(line: &[u8]) -> usize {
    3 + usize::from(matches!(line.get(3), Some(b' ' | b'-' | b'\t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: At = At { time: Time::MIN, offset: 0 };

    #[test]
    fn multi_line_replies_are_one() {
        let all = b"250-mail.example.org\r\n250-SIZE 1000\r\n250 OK\r\n220 next\r\n";
        for cut in 0..=all.len() {
            let mut reader = ReplyReader::default();
            let mut replies = Vec::new();
            for mut piece in [&all[..cut], &all[cut..]] {
                while let Some(reply) = reader.take(AT, &mut piece, 1000) {
                    replies.push(reply);
                }
            }
            assert_eq!(replies.len(), 2);
            assert_eq!((replies[0].code, replies[0].octets.len()), (250, all.len() - 10));
            assert_eq!((replies[1].code, replies[1].text()), (220, &b"next"[..]));
        }
    }

    #[test]
    fn a_reply_without_end_is_bounded() {
        let mut reader = ReplyReader::default();
        for _ in 0..1000 {
            let mut line: &[u8] = b"250-more and more and more\r\n";
            assert!(reader.take(AT, &mut line, 100).is_none());
        }
        let mut line: &[u8] = b"250 done\r\n";
        let reply = reader.take(AT, &mut line, 100).unwrap();
        assert_eq!((reply.octets.len(), reply.wire_octets()), (100, 1000 * 28 + 10));
    }

    #[test]
    fn a_reply_needs_no_space_behind_its_code() {
        let mut reader = ReplyReader::default();
        let mut input: &[u8] = b"250ok\r\n2500 no\r\n220-a\r\n250px wide\r\n2200\r\n220b\r\n250\xc3\xa4\r\n";
        let replies: Vec<_> = std::iter::from_fn(|| reader.take(AT, &mut input, 100)).collect();
        let read: Vec<_> = replies.iter().map(|reply| (reply.code, reply.text(), reply.octets.len())).collect();
        assert_eq!(read, [(250, &b"ok"[..], 7), (220, b"a", 31), (250, b"\xc3\xa4", 7)]);
        assert_eq!(reader.stray_lines, 3);
    }

    #[test]
    fn stray_lines_alone_are_no_reply() {
        let mut reader = ReplyReader::default();
        let mut input: &[u8] = b"hello\r\n999 x\r\n250\r\n";
        let reply = reader.take(AT, &mut input, 100).unwrap();
        assert_eq!((reply.code, &*reply.octets, reader.stray_lines), (250, &b"250\r\n"[..], 2));
    }
}
