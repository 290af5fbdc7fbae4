//! The head of a message: the few header fields that are needed, read without holding the rest (RFC 5322 §2.2, §3.6).

use std::fmt;

use memchr::memchr;

/// A header field's body longer than this is cut: RFC 5322 has no limit, and a sender has no mercy.
const MAX_FIELD: usize = 8 * 1024;
/// The longest name of interest is `Resent-Message-ID`.
const MAX_NAME: usize = 24;

/// The header fields needed of a message. Field bodies are unfolded, with white space at both ends taken off.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// `Message-ID`, RFC 5322 §3.6.4; the first one where there are several.
    pub message_id: Option<Box<[u8]>>,
    /// `Resent-Message-ID`, RFC 5322 §3.6.6; the first one, which is that of the latest resending.
    pub resent_message_id: Option<Box<[u8]>>,
    /// `From`, RFC 5322 §3.6.2.
    pub from: Option<Box<[u8]>>,
    /// `Date`, RFC 5322 §3.6.1.
    pub date: Option<Box<[u8]>>,
    /// `Resent-Date`, RFC 5322 §3.6.6.
    pub resent_date: Option<Box<[u8]>>,
}

// The fields are content, and name people.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Head(..)")
    }
}

impl Head {
    /// The `msg-id` of `Message-ID`, or else of `Resent-Message-ID`: whatever else stands in these fields is content.
    pub fn identifier(&self) -> Option<&[u8]> {
        [&self.message_id, &self.resent_message_id].into_iter().flatten().find_map(|field| msg_id(field))
    }

    /// The first address in `From`.
    pub fn sender(&self) -> Option<&[u8]> {
        self.from.as_deref().and_then(address)
    }
}

/// The `msg-id` in a field's body (RFC 5322 §3.6.4): from `<` to `>`, or the first word where a sender left these out.
pub fn msg_id(field: &[u8]) -> Option<&[u8]> {
    /// A line has 998 octets (RFC 5322 §2.1.1), and a `msg-id` cannot be folded inside.
    const LONGEST: usize = 998;
    let bracketed = field.iter().position(|&octet| octet == b'<').and_then(|start| {
        let rest = field.get(start..)?;
        rest.get(..=rest.iter().position(|&octet| octet == b'>')?)
    });
    let bracketed = bracketed.filter(|id| !id.iter().any(u8::is_ascii_whitespace));
    let word = || field.split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
    bracketed.or_else(word).map(|id| id.get(..LONGEST).unwrap_or(id))
}

/// The first `addr-spec` in a list of mailboxes (RFC 5322 §3.4), without display name, comments and what else stands around
/// it; `None` where there is none.
pub fn address(field: &[u8]) -> Option<&[u8]> {
    /// An address has 320 octets at most (RFC 5321 §4.5.3.1); what is longer is something else.
    const LONGEST: usize = 1024;
    let (mut quoted, mut escaped, mut comments) = (false, false, 0_u32);
    // The word that is being read, and the first that holds an `@`.
    let (mut start, mut bare, mut angle) = (None, None, None);
    for (at, &octet) in field.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted || comments > 0 => escaped = true,
            b'"' if comments == 0 => {
                quoted = !quoted;
                start = start.or(Some(at));
            }
            _ if quoted => {}
            b'(' => comments += 1,
            b')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            b'<' => angle = Some(at + 1),
            b'>' if angle.is_some() => {
                let inside = angle.and_then(|from| field.get(from..at)).unwrap_or_default().trim_ascii();
                // A source route ends with a colon (RFC 5322 §4.4).
                let route = inside.first() == Some(&b'@');
                let colon = inside.iter().position(|&octet| octet == b':').filter(|_| route);
                let inside = colon.and_then(|at| inside.get(at + 1..)).unwrap_or(inside);
                return (!inside.is_empty() && inside.len() <= LONGEST).then_some(inside);
            }
            b',' | b';' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {
                if bare.is_none() {
                    bare = start.and_then(|from| word_with_at(field, from, at));
                }
                start = None;
                // A comma ends the first mailbox; before a colon stands the name of a group.
                if angle.is_none() && matches!(octet, b',' | b';') && bare.is_some() {
                    break;
                }
            }
            _ => start = start.or(Some(at)),
        }
    }
    let last = || start.and_then(|from| word_with_at(field, from, field.len()));
    bare.or_else(last).filter(|word| word.len() <= LONGEST)
}

/// The word that stands there, if it holds an `@`; without a comment that touches it.
fn word_with_at(field: &[u8], from: usize, to: usize) -> Option<&[u8]> {
    let word = field.get(from..to)?;
    let comment = word.iter().position(|&octet| octet == b'(').filter(|_| word.first() != Some(&b'"'));
    let word = comment.and_then(|at| word.get(..at)).unwrap_or(word);
    word.contains(&b'@').then_some(word)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    MessageId,
    ResentMessageId,
    From,
    Date,
    ResentDate,
}

impl Field {
    fn named(name: &[u8]) -> Option<Self> {
        // RFC 5322 §4.5 lets white space stand before the colon.
        Some(match name.trim_ascii_end().to_ascii_lowercase().as_slice() {
            b"message-id" => Self::MessageId,
            b"resent-message-id" => Self::ResentMessageId,
            b"from" => Self::From,
            b"date" => Self::Date,
            b"resent-date" => Self::ResentDate,
            _ => return None,
        })
    }
}

#[derive(Clone, PartialEq, Eq)]
enum At {
    /// Before the first octet of a line.
    LineStart,
    /// At a line's start, a CR read: an empty line if LF follows.
    LineStartCr,
    /// In a field's name.
    Name(Vec<u8>),
    /// In the body of a field that is needed.
    Body(Field, Vec<u8>),
    /// The same, at the start of the next line: white space continues the field.
    Fold(Field, Vec<u8>),
    /// In a line that is not needed.
    Skip,
    /// Past the empty line that ends the head.
    Done,
}

/// Reads the head of a message from octets in pieces of any size.
#[derive(Clone)]
pub struct HeadReader {
    at: At,
    head: Head,
}

impl fmt::Debug for HeadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeadReader(..)")
    }
}

impl Default for HeadReader {
    fn default() -> Self {
        Self { at: At::LineStart, head: Head::default() }
    }
}

impl HeadReader {
    /// Octets that are held of what was read.
    pub(crate) fn held(&self) -> usize {
        let open = match &self.at {
            At::Name(octets) | At::Body(_, octets) | At::Fold(_, octets) => octets.capacity(),
            At::LineStart | At::LineStartCr | At::Skip | At::Done => 0,
        };
        let Head { message_id, resent_message_id, from, date, resent_date } = &self.head;
        let fields = [message_id, resent_message_id, from, date, resent_date];
        open + fields.into_iter().flatten().map(|field| field.len()).sum::<usize>()
    }

    /// Whether the head is over, so that no more octets are needed.
    pub fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Reads message octets, dot-stuffing already taken off.
    pub fn push(&mut self, mut octets: &[u8]) {
        while let Some((&octet, rest)) = octets.split_first() {
            match std::mem::replace(&mut self.at, At::Skip) {
                At::Done => {
                    self.at = At::Done;
                    return;
                }
                At::LineStart => self.line_start(octet),
                At::LineStartCr => self.at = if octet == b'\n' { At::Done } else { At::Skip },
                At::Name(mut name) => match octet {
                    b':' => self.at = Field::named(&name).map_or(At::Skip, |field| At::Body(field, Vec::new())),
                    b'\n' => self.at = At::LineStart,
                    _ if name.len() < MAX_NAME => {
                        name.push(octet);
                        self.at = At::Name(name);
                    }
                    _ => {}
                },
                At::Body(field, mut body) => {
                    // The rest of the line in one go.
                    let end = memchr(b'\n', octets);
                    let piece = octets.get(..end.unwrap_or(octets.len())).unwrap_or(octets);
                    let room = MAX_FIELD.saturating_sub(body.len()).min(piece.len());
                    body.extend_from_slice(piece.get(..room).unwrap_or(piece));
                    octets = octets.get(piece.len() + usize::from(end.is_some())..).unwrap_or_default();
                    self.at = if end.is_some() { At::Fold(field, body) } else { At::Body(field, body) };
                    continue;
                }
                At::Fold(field, mut body) => {
                    if octet == b' ' || octet == b'\t' {
                        while body.last().is_some_and(|&last| last == b'\r') {
                            body.pop();
                        }
                        body.push(octet);
                        self.at = At::Body(field, body);
                    } else {
                        self.keep(field, &body);
                        self.line_start(octet);
                    }
                }
                At::Skip => {
                    let Some(end) = memchr(b'\n', octets) else { return };
                    octets = octets.get(end + 1..).unwrap_or_default();
                    self.at = At::LineStart;
                    continue;
                }
            }
            octets = rest;
        }
    }

    /// Gives the head: what was read of it, if the message ended inside.
    pub fn finish(mut self) -> Head {
        if let At::Body(field, body) | At::Fold(field, body) = std::mem::replace(&mut self.at, At::Done) {
            self.keep(field, &body);
        }
        self.head
    }

    /// What was read of a header that goes on: the field that was not read to its end is left out.
    pub fn finish_cut(mut self) -> Head {
        self.at = At::Done;
        self.finish()
    }

    fn line_start(&mut self, octet: u8) {
        self.at = match octet {
            b'\r' => At::LineStartCr,
            b'\n' => At::Done,
            b' ' | b'\t' => At::Skip,
            _ => At::Name(vec![octet]),
        };
    }

    fn keep(&mut self, field: Field, body: &[u8]) {
        let place = match field {
            Field::MessageId => &mut self.head.message_id,
            Field::ResentMessageId => &mut self.head.resent_message_id,
            Field::From => &mut self.head.from,
            Field::Date => &mut self.head.date,
            Field::ResentDate => &mut self.head.resent_date,
        };
        if place.is_none() {
            *place = Some(body.trim_ascii().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8], piece: usize) -> Head {
        let mut reader = HeadReader::default();
        message.chunks(piece).for_each(|octets| reader.push(octets));
        reader.finish()
    }

    #[test]
    fn fields_are_read_however_the_octets_are_cut() {
        let message = b"Received: by x\r\n\tMessage-ID: <no@x>\r\nMESSAGE-id:\r\n <1@example.org>\r\nfrom : \"A\"\r\n\t<a@example.org>\r\n\
            Resent-Message-ID: <2@example.org>\r\nSubject: x\r\n\r\nDate: not in the head\r\n";
        for piece in 1..message.len() {
            let head = read(message, piece);
            assert_eq!(head.message_id.as_deref(), Some(&b"<1@example.org>"[..]));
            assert_eq!(head.from.as_deref(), Some(&b"\"A\"\t<a@example.org>"[..]));
            assert_eq!(head.resent_message_id.as_deref(), Some(&b"<2@example.org>"[..]));
            assert_eq!(head.date, None);
        }
    }

    #[test]
    fn a_message_that_ends_in_its_head_still_has_its_fields() {
        assert_eq!(read(b"Message-ID: <1@x>", 3).message_id.as_deref(), Some(&b"<1@x>"[..]));
        assert_eq!(read(b"Message-ID: <1@x>\n", 3).message_id.as_deref(), Some(&b"<1@x>"[..]));
    }

    #[test]
    fn of_a_message_id_field_only_the_identifier_is_taken() {
        for (field, id) in [
            (&b"<1@example.org>"[..], Some(&b"<1@example.org>"[..])),
            (b"(comment) <1@example.org> more text", Some(b"<1@example.org>")),
            (b"<1@x>\r\n Subject: secret", Some(b"<1@x>")),
            (b"1@example.org and words", Some(b"1@example.org")),
            (b"<no end of it", Some(b"<no")),
            (b"<words of a body>", Some(b"<words")),
            (b"", None),
            (b" \t ", None),
        ] {
            assert_eq!(msg_id(field), id, "{:?}", String::from_utf8_lossy(field));
        }
        assert_eq!(msg_id(&[b'x'; 9000]).map(<[u8]>::len), Some(998));
    }

    #[test]
    fn of_a_from_field_the_address_is_taken() {
        for (field, expected) in [
            (&b"Alice <alice@example.org>"[..], Some(&b"alice@example.org"[..])),
            (b"alice@example.org (Alice)", Some(b"alice@example.org")),
            (b"alice@example.org(Alice)", Some(b"alice@example.org")),
            (b"\"x, <no@x> \\\" y\" <alice@example.org>, bob@example.net", Some(b"alice@example.org")),
            (b"(<no@x>) alice@example.org, <bob@example.net>", Some(b"alice@example.org")),
            (b"Group: alice@example.org, b@c;", Some(b"alice@example.org")),
            (b"<@relay.example:alice@example.org>", Some(b"alice@example.org")),
            (b"\"a b\"@example.org", Some(b"\"a b\"@example.org")),
            (b"=?utf-8?q?A=2CB?= <alice@example.org>", Some(b"alice@example.org")),
            (b"nobody", None),
            (b"", None),
            (b"<>", None),
            (b"(((((((", None),
        ] {
            assert_eq!(address(field), expected, "{:?}", String::from_utf8_lossy(field));
        }
    }

    #[test]
    fn a_field_without_end_is_bounded() {
        let mut reader = HeadReader::default();
        reader.push(b"Message-ID: ");
        for _ in 0..1000 {
            reader.push(&[b'x'; 1000]);
        }
        assert_eq!(reader.finish().message_id.map(|id| id.len()), Some(MAX_FIELD - 1));
    }
}
