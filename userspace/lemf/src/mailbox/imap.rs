//! IMAP4 (RFC 3501, RFC 9051): messages are literals, of FETCH data towards the client and of APPEND from it.

use std::collections::VecDeque;

use crate::smtp::{Lines, Side, Sink, SmtpEvent};

/// What is remembered of a line with literals in it: enough to know what the next literal is.
const MAX_REMEMBERED: usize = 256;
/// Uploads that wait for their answer. Beyond it the oldest is taken as accepted.
const MAX_UPLOADS: usize = 256;

/// One direction of a session.
#[derive(Default)]
struct Stream {
    lines: Lines,
    /// The last octets of a line that goes on after a literal.
    before: Vec<u8>,
    /// The literal at hand: octets left.
    left: u64,
    /// What the literal is: a message or a part of one, in a file.
    literal: Option<Literal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Literal {
    number: u64,
    whole: bool,
}

/// The state of one session.
#[derive(Default)]
pub struct ImapReader {
    client: Stream,
    server: Stream,
    messages: u64,
    /// Messages that were uploaded, by the tag of their command.
    uploads: VecDeque<(Vec<u8>, u64)>,
}

impl ImapReader {
    /// Takes the next octets that one end sent.
    pub fn octets(&mut self, side: Side, mut octets: &[u8], sink: Sink<'_>) {
        while !octets.is_empty() {
            octets = if self.stream(side).left > 0 {
                self.in_literal(side, octets, sink)
            } else {
                self.line(side, octets, sink)
            };
        }
    }

    /// The session is over: what is unfinished stays so.
    pub fn finish(&mut self, sink: Sink<'_>) {
        for side in [Side::Client, Side::Server] {
            let stream = self.stream(side);
            stream.lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
            if let Some(literal) = stream.literal.take() {
                sink(SmtpEvent::Abandoned(literal.number));
            }
        }
    }

    fn stream(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn in_literal<'o>(&mut self, side: Side, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let stream = self.stream(side);
        let take = usize::try_from(stream.left).unwrap_or(usize::MAX).min(octets.len());
        let (part, rest) = octets.split_at_checked(take).unwrap_or((octets, &[]));
        stream.left -= part.len() as u64;
        match stream.literal {
            Some(_) => sink(SmtpEvent::Octets(part)),
            None => part.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()).for_each(|line| {
                sink(SmtpEvent::Line { side, octets: line.strip_suffix(b"\r").unwrap_or(line) });
            }),
        }
        if stream.left == 0
            && let Some(Literal { number, whole }) = stream.literal.take()
        {
            sink(if whole { SmtpEvent::Complete(number) } else { SmtpEvent::Part(number) });
        }
        rest
    }

    fn line<'o>(&mut self, side: Side, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let stream = self.stream(side);
        let mut told = false;
        let before = &mut stream.before;
        let rest = stream.lines.take(octets, &mut |line, _| {
            sink(SmtpEvent::Line { side, octets: line });
            told = true;
            remember(before, line);
        });
        // A line that is too long is told in parts.
        if !told || !stream.lines.is_empty() {
            return rest;
        }
        let size = literal_size(&self.stream(side).before);
        let Some(size) = size else {
            let line = std::mem::take(&mut self.stream(side).before);
            if side == Side::Server {
                self.answered(&line, sink);
            }
            return rest;
        };
        let kind = match side {
            Side::Client => of_command(&self.client.before).map(|tag| (true, Some(tag.to_vec()))),
            Side::Server => of_fetch(&self.server.before).map(|whole| (whole, None)),
        };
        // Two at once, one in each direction, would get into one file: the later stays lines.
        let alone = self.client.literal.is_none() && self.server.literal.is_none();
        let stream = self.stream(side);
        stream.left = size;
        // What follows the literal does not end with its size.
        stream.before.push(b' ');
        if let Some((whole, tag)) = kind.filter(|_| alone) {
            let number = self.messages;
            self.messages += 1;
            sink(SmtpEvent::Begin(number));
            if let Some(tag) = tag {
                if self.uploads.len() >= MAX_UPLOADS {
                    self.uploads.pop_front();
                }
                self.uploads.push_back((tag, number));
            }
            if size == 0 {
                sink(if whole { SmtpEvent::Complete(number) } else { SmtpEvent::Part(number) });
            } else {
                self.stream(side).literal = Some(Literal { number, whole });
            }
        }
        rest
    }

    /// The completion of a command decides what became of its uploads.
    fn answered(&mut self, line: &[u8], sink: Sink<'_>) {
        let mut words = line.split(|&octet| octet == b' ');
        let (Some(tag), Some(word)) = (words.next(), words.next()) else { return };
        let accepted = word.eq_ignore_ascii_case(b"OK");
        self.uploads.retain(|(of, message)| {
            if of == tag {
                sink(SmtpEvent::Answered { message: *message, accepted });
            }
            of != tag
        });
    }
}

/// Adds a line to what is remembered, which keeps its beginning and its end.
fn remember(before: &mut Vec<u8>, line: &[u8]) {
    before.extend_from_slice(line);
    if before.len() > 2 * MAX_REMEMBERED {
        before.drain(MAX_REMEMBERED..before.len() - MAX_REMEMBERED);
    }
}

/// The size in `{n}`, `{n+}` or `{n-}` at the end of a line (RFC 3501 §4.3, RFC 7888).
fn literal_size(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let start = inside.iter().rposition(|&octet| octet == b'{')?;
    let digits = inside.get(start + 1..)?;
    let digits = digits.strip_suffix(b"+").or_else(|| digits.strip_suffix(b"-")).unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The tag of an APPEND whose literal is a message: the mailbox has been named before it.
fn of_command(before: &[u8]) -> Option<&[u8]> {
    let mut words = before.split(|&octet| octet == b' ').filter(|word| !word.is_empty());
    let (tag, verb, mailbox) = (words.next()?, words.next()?, words.next()?);
    let is_named = !mailbox.starts_with(b"{") || words.next().is_some();
    (verb.eq_ignore_ascii_case(b"APPEND") && is_named).then_some(tag)
}

/// Whether a literal of FETCH data is a whole message, or a part of one; `None` where it is neither.
fn of_fetch(before: &[u8]) -> Option<bool> {
    let mut words = before.split(|&octet| octet == b' ');
    let (star, _number, fetch) = (words.next()?, words.next()?, words.next()?);
    if star != b"*" || !fetch.eq_ignore_ascii_case(b"FETCH") {
        return None;
    }
    let end = before.iter().rposition(|&octet| octet == b' ')?;
    let item = before.get(..end)?;
    let start = item.iter().rposition(|&octet| matches!(octet, b' ' | b'(')).map_or(0, |at| at + 1);
    let item = item.get(start..)?.to_ascii_uppercase();
    if [&b"BODY[]"[..], b"BINARY[]", b"RFC822"].contains(&item.as_slice()) {
        return Some(true);
    }
    // `BODY[HEADER.FIELDS (FROM TO)]` has spaces inside: its end tells as much.
    let is_part = item.starts_with(b"BODY[") || item.starts_with(b"BINARY[") || item.starts_with(b"RFC822.");
    (is_part || item.ends_with(b"]") || item.ends_with(b">")).then_some(false)
}
