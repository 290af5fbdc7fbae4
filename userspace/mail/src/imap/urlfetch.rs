//! URLFETCH (RFC 4467 §7, RFC 5524 §3): which octets of a response are of which URL.

use writ_wire::Time;

use super::scan::{KEPT, Scanner, Token};
use crate::access::UrlContent;

/// What of its message a URL names (RFC 5092 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// All of it.
    Whole,
    /// Its header, from the first octet on.
    Header,
    /// Anything else.
    Part,
}

impl Named {
    /// Reads the URL. What a mailbox's name has of `;` and `/` is percent-encoded.
    fn by(url: &[u8]) -> Self {
        let mut named = Self::Part;
        for word in url.split(|octet| matches!(octet, b';' | b'/')) {
            let Some(at) = word.iter().position(|octet| *octet == b'=') else { continue };
            let (name, value) = word.split_at_checked(at).unwrap_or((word, &[]));
            let value = value.get(1..).unwrap_or_default().to_ascii_uppercase();
            match name.to_ascii_uppercase().as_slice() {
                b"UID" if named == Self::Part => named = Self::Whole,
                b"SECTION" if value.starts_with(b"HEADER") => named = Self::Header,
                b"SECTION" | b"PARTIAL" => return Self::Part,
                _ => {}
            }
        }
        named
    }
}

/// What a literal of the response is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Other,
    /// A URL.
    Name,
    /// What the URL names.
    Content,
}

/// What a token turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing of content.
    Nothing,
    /// Content that is the scanner's text.
    Quoted,
    /// Content that comes as a literal.
    Literal,
    /// Its structure (BODYPARTSTRUCTURE).
    Structure,
}

/// Reads `1*(SP url SP nstring)`, or what RFC 5524 has in the place of the string.
pub(super) struct Urls {
    /// The URL whose content comes next; empty where it is too long to be told.
    url: Option<Box<[u8]>>,
    /// Whether it was just begun: what came before it is of another.
    is_new: bool,
    /// Octets of the response that were read, and the time of the packet with the last.
    reached: (u64, Time),
    /// The same where what was sent of the URL before ended.
    over: (u64, Time),
    /// Whether a list came after it: then a string is the next URL.
    has_list: bool,
    /// Whether the word before says that content follows.
    is_body: bool,
    value: Value,
    /// A URL that is sent as a literal.
    name: Vec<u8>,
    /// Octets of the content at hand, and how many were before those that come next.
    size: u64,
    at: u64,
}

impl Default for Urls {
    fn default() -> Self {
        Self {
            url: None,
            is_new: false,
            reached: (0, Time::MIN),
            over: (0, Time::MIN),
            has_list: false,
            is_body: false,
            value: Value::Other,
            name: Vec::new(),
            size: 0,
            at: 0,
        }
    }
}

impl Urls {
    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.name.capacity() + self.url.as_ref().map_or(0, |url| url.len())
    }

    /// What the URL at hand names.
    pub(super) fn named(&self) -> Named {
        self.url.as_deref().map_or(Named::Part, Named::by)
    }

    /// So many octets of the response were read, the last of them in a packet of this time.
    pub(super) fn reaches(&mut self, octets: u64, time: Time) {
        self.reached = (octets, time);
    }

    /// Where another URL has just begun: octets of the response up to the end of what was sent of the one before, and their time.
    pub(super) fn take_over(&mut self) -> Option<(u64, Time)> {
        std::mem::take(&mut self.is_new).then_some(self.over)
    }

    /// Reads a token.
    pub(super) fn token(&mut self, token: Token, scanner: &Scanner) -> Found {
        let in_list = scanner.depth() > 0;
        let is_next = !in_list && (self.url.is_none() || self.has_list);
        match token {
            Token::Open => {
                self.has_list = true;
                if scanner.depth() == 2 { Found::Structure } else { Found::Nothing }
            }
            Token::Word if in_list => {
                self.is_body = [&b"BODY"[..], b"BINARY"].iter().any(|name| scanner.text().eq_ignore_ascii_case(name));
                Found::Nothing
            }
            Token::Word | Token::Quoted if is_next => {
                self.begin_url(if scanner.is_cut() { &[] } else { scanner.text() });
                Found::Nothing
            }
            // NIL.
            Token::Word => {
                self.url = None;
                Found::Nothing
            }
            Token::Close if !in_list => {
                self.over = self.reached;
                Found::Nothing
            }
            Token::Quoted if self.is_content(in_list) => {
                let whole = !scanner.is_cut();
                (self.size, self.at) = (scanner.text().len() as u64 + u64::from(!whole), 0);
                Found::Quoted
            }
            Token::Literal(_) if is_next => {
                (self.value, self.name) = (Value::Name, Vec::new());
                Found::Nothing
            }
            Token::Literal(literal) if self.is_content(in_list) => {
                self.value = Value::Content;
                (self.size, self.at) = (literal.size, 0);
                Found::Literal
            }
            Token::Quoted | Token::Literal(_) | Token::Close | Token::End => Found::Nothing,
        }
    }

    fn begin_url(&mut self, url: &[u8]) {
        self.is_new = true;
        (self.url, self.has_list) = (Some(url.into()), false);
    }

    fn is_content(&mut self, in_list: bool) -> bool {
        !in_list || std::mem::take(&mut self.is_body)
    }

    /// Octets of a literal: gives what they are of, if that is content.
    pub(super) fn octets<'a>(&'a mut self, octets: &'a [u8], time: Time) -> Option<UrlContent<'a>> {
        match self.value {
            Value::Other => None,
            Value::Name => {
                let room = (KEPT + 1).saturating_sub(self.name.len()).min(octets.len());
                self.name.extend_from_slice(octets.get(..room).unwrap_or_default());
                None
            }
            Value::Content => self.content(octets, time),
        }
    }

    /// Octets of the content at hand.
    pub(super) fn content<'a>(&'a mut self, octets: &'a [u8], time: Time) -> Option<UrlContent<'a>> {
        let at = self.at;
        self.at += octets.len() as u64;
        let url = self.url.as_deref().filter(|url| !url.is_empty())?;
        Some(UrlContent { url, size: self.size, at, time, octets })
    }

    /// So many octets of the literal were not captured.
    pub(super) fn lost(&mut self, octets: u64) {
        self.at += octets;
        // What is left of a URL is another.
        self.name = vec![0; KEPT + 1];
    }

    /// The literal is over.
    pub(super) fn literal_ends(&mut self) {
        match std::mem::take(&mut self.value) {
            Value::Other => {}
            Value::Name => {
                let name = std::mem::take(&mut self.name);
                self.begin_url(if name.len() > KEPT { &[] } else { &name });
            }
            Value::Content => self.end_content(),
        }
    }

    /// All of the content was read.
    pub(super) fn end_content(&mut self) {
        if !self.has_list {
            (self.url, self.over) = (None, self.reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_of_a_message_a_url_names() {
        for (url, named) in [
            (&b"imap://joe@x.example/INBOX/;uid=20"[..], Named::Whole),
            (b"imap://joe@x.example/INBOX;UIDVALIDITY=385759045/;UID=20;expire=2026-01-01T00:00:00Z;urlauth=submit+joe:internal:91", Named::Whole),
            (b"imap://joe@x.example/INBOX/;UID=20/;urlauth=anonymous:internal:91", Named::Whole),
            (b"imap://x/INBOX/;uid=20/;section=HEADER;urlauth=anonymous:internal:91", Named::Header),
            (b"imap://x/INBOX/;uid=20/;section=1.2;urlauth=anonymous:internal:91", Named::Part),
            (b"imap://x/INBOX/;uid=20/;section=TEXT", Named::Part),
            (b"imap://x/INBOX/;uid=20/;section=HEADER/;partial=10.5", Named::Part),
            (b"imap://x/INBOX/;uid=20/;partial=0.1024", Named::Part),
            (b"imap://x/INBOX", Named::Part),
            (b"", Named::Part),
        ] {
            assert_eq!(Named::by(url), named, "{}", String::from_utf8_lossy(url));
        }
    }
}
