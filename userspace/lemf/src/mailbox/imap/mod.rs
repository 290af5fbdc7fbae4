//! IMAP4 (RFC 3501, RFC 9051): messages are strings in what FETCH and URLFETCH give, and literals of APPEND and REPLACE.

mod words;

use std::collections::VecDeque;

use self::words::{Upload, literal_size};
use crate::smtp::{Lines, Side, Sink, SmtpEvent};

/// What is remembered of a line with literals in it: enough to know what the next literal is.
const MAX_REMEMBERED: usize = 256;
/// The same of what stands between two literals, or at a line's begin or end: quoted strings in it may be messages.
const MAX_SEGMENT: usize = 8 * 1024;
/// Uploads that wait for their answer. Beyond it the oldest is taken as accepted.
const MAX_UPLOADS: usize = 256;

/// One direction of a session.
#[derive(Default)]
struct Stream {
    lines: Lines,
    /// The first and the last octets of the line at hand, up to the literal at hand.
    before: Vec<u8>,
    /// What stands in it since its begin, or since the last literal.
    segment: Vec<u8>,
    /// The literal at hand: octets left.
    left: u64,
    /// What the literal is: a message or a part of one, in a file.
    literal: Option<Literal>,
}

impl Stream {
    fn end_line(&mut self) {
        self.before.clear();
        self.segment.clear();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Literal {
    /// A message, or a part of one.
    Message { number: u64, whole: bool },
    /// A text of the message that CATENATE (RFC 4469) puts together: it goes on after it.
    Text,
}

/// A literal that the client has announced and not begun to send. The server may refuse it (RFC 3501 §4.3).
struct Announced {
    tag: Vec<u8>,
    upload: Option<Upload>,
}

/// A message that is put together by CATENATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Catenated {
    number: u64,
    /// Whether all of it was seen: no part is a URL, and no octet is missing.
    whole: bool,
}

/// The state of one session.
#[derive(Default)]
pub struct ImapReader {
    client: Stream,
    server: Stream,
    messages: u64,
    announced: Option<Announced>,
    catenated: Option<Catenated>,
    /// A URL came before the first text of what CATENATE puts together.
    url_first: bool,
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

    /// So many octets of one end are missing here. In a literal they count, so that its end is found.
    pub fn gap(&mut self, side: Side, octets: u64, sink: Sink<'_>) {
        if side == Side::Client && self.stream(side).left > 0 {
            self.begin_announced(sink);
        }
        let stream = self.stream(side);
        if stream.left == 0 {
            stream.lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
            stream.end_line();
            return;
        }
        let missing = octets.min(stream.left);
        stream.left -= missing;
        let is_over = stream.left == 0;
        let is_text = match &mut stream.literal {
            Some(Literal::Message { whole, .. }) => {
                *whole = false;
                false
            }
            Some(Literal::Text) => true,
            None => false,
        };
        if let Some(catenated) = self.catenated.as_mut().filter(|_| is_text) {
            catenated.whole = false;
        }
        if is_over {
            self.literal_ends(side, sink);
        }
        if octets > missing {
            self.gap(side, octets - missing, sink);
        }
    }

    /// The session is over: what is unfinished stays so.
    pub fn finish(&mut self, sink: Sink<'_>) {
        if let Some(Catenated { number, .. }) = self.catenated.take() {
            sink(SmtpEvent::Abandoned(number));
        }
        for side in [Side::Client, Side::Server] {
            let stream = self.stream(side);
            stream.lines.flush(&mut |octets| sink(SmtpEvent::Line { side, octets }));
            if let Some(Literal::Message { number, .. }) = stream.literal.take() {
                sink(SmtpEvent::Abandoned(number));
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
        if side == Side::Client {
            self.begin_announced(sink);
        }
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
        if stream.left == 0 {
            self.literal_ends(side, sink);
        }
        rest
    }

    fn literal_ends(&mut self, side: Side, sink: Sink<'_>) {
        if let Some(Literal::Message { number, whole }) = self.stream(side).literal.take() {
            sink(if whole { SmtpEvent::Complete(number) } else { SmtpEvent::Part(number) });
        }
    }

    fn line<'o>(&mut self, side: Side, octets: &'o [u8], sink: Sink<'_>) -> &'o [u8] {
        let stream = self.stream(side);
        let mut told = false;
        let (before, segment) = (&mut stream.before, &mut stream.segment);
        let rest = stream.lines.take(octets, &mut |line, _| {
            sink(SmtpEvent::Line { side, octets: line });
            told = true;
            remember(before, line);
            let room = MAX_SEGMENT.saturating_sub(segment.len()).min(line.len());
            segment.extend_from_slice(line.get(..room).unwrap_or_default());
        });
        // A line that is too long is told in parts.
        if !told || !stream.lines.is_empty() {
            return rest;
        }
        let size = literal_size(&stream.before);
        match side {
            Side::Client => self.client_line(size, sink),
            Side::Server => self.server_line(size, sink),
        }
        let stream = self.stream(side);
        match size {
            Some(size) => {
                stream.left = size;
                // What follows the literal does not end with its size.
                stream.before.push(b' ');
                stream.segment.clear();
            }
            None => stream.end_line(),
        }
        if size == Some(0) {
            if side == Side::Client {
                self.begin_announced(sink);
            }
            self.literal_ends(side, sink);
        }
        rest
    }

    /// A line of the client, or what stands before a literal in it.
    fn client_line(&mut self, size: Option<u64>, sink: Sink<'_>) {
        let upload = words::upload(&self.client.before, &self.client.segment);
        let segment = &self.client.segment;
        if size.is_none() || words::begins_message(segment) || upload == Some(Upload::Message) {
            self.end_catenated(segment.clone().as_slice(), sink);
        } else if let Some(catenated) = &mut self.catenated {
            catenated.whole &= !words::has_url(segment);
        }
        if upload == Some(Upload::Catenated) && self.catenated.is_none() {
            self.url_first |= words::has_url(&self.client.segment);
        }
        if size.is_some() {
            let tag = self.client.before.split(|&octet| octet == b' ').next().unwrap_or_default().to_vec();
            self.announced = Some(Announced { tag, upload });
        }
        if size.is_none() {
            self.url_first = false;
        }
    }

    /// The message that CATENATE puts together is over; `rest` is what stands behind its last literal.
    fn end_catenated(&mut self, rest: &[u8], sink: Sink<'_>) {
        if let Some(Catenated { number, whole }) = self.catenated.take() {
            let end = rest.iter().position(|&octet| octet == b')').unwrap_or(rest.len());
            let whole = whole && !words::has_url(rest.get(..end).unwrap_or_default());
            sink(if whole { SmtpEvent::Complete(number) } else { SmtpEvent::Part(number) });
            self.url_first = false;
        }
    }

    /// The client sends the literal that it announced: only now is it known that there is one.
    fn begin_announced(&mut self, sink: Sink<'_>) {
        let Some(Announced { tag, upload: Some(upload) }) = self.announced.take() else { return };
        // Two at once, one in each direction, would get into one file: the later stays lines.
        if self.server.literal.is_some() {
            return;
        }
        let is_catenated = upload == Upload::Catenated;
        self.client.literal = Some(if is_catenated && self.catenated.is_some() {
            Literal::Text
        } else {
            let number = self.begin(Side::Client, sink);
            if self.uploads.len() >= MAX_UPLOADS {
                self.uploads.pop_front();
            }
            self.uploads.push_back((tag, number));
            if is_catenated {
                self.catenated = Some(Catenated { number, whole: !std::mem::take(&mut self.url_first) });
                Literal::Text
            } else {
                Literal::Message { number, whole: true }
            }
        });
    }

    fn begin(&mut self, side: Side, sink: Sink<'_>) -> u64 {
        let message = self.messages;
        self.messages += 1;
        sink(SmtpEvent::Begin { message, side });
        message
    }

    /// A line of the server, or what stands before a literal in it.
    fn server_line(&mut self, size: Option<u64>, sink: Sink<'_>) {
        let alone = self.client.literal.is_none() && self.catenated.is_none();
        let (literal, quoted) = words::bodies(&self.server.before, &self.server.segment);
        if alone {
            for (body, whole) in quoted {
                let message = self.begin(Side::Server, sink);
                sink(SmtpEvent::Octets(&body));
                sink(if whole { SmtpEvent::Complete(message) } else { SmtpEvent::Part(message) });
            }
        }
        match size {
            Some(_) => {
                if let Some(whole) = literal.filter(|_| alone) {
                    let number = self.begin(Side::Server, sink);
                    self.server.literal = Some(Literal::Message { number, whole });
                }
            }
            None => {
                let line = std::mem::take(&mut self.server.before);
                self.answered(&line, sink);
            }
        }
    }

    /// The completion of a command decides what became of its uploads.
    fn answered(&mut self, line: &[u8], sink: Sink<'_>) {
        let mut words = line.split(|&octet| octet == b' ');
        let (Some(tag), Some(word)) = (words.next(), words.next()) else { return };
        let accepted = word.eq_ignore_ascii_case(b"OK");
        if self.announced.as_ref().is_some_and(|announced| announced.tag == tag) {
            // It was refused before it came: what the client sends next is a command.
            self.announced = None;
            self.client.left = 0;
            self.client.end_line();
            self.end_catenated(b"", sink);
        }
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
