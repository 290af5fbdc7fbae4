//! APPEND (RFC 3501 §6.3.11), of several messages too (RFC 3502), put together from parts (RFC 4469), with octets of any kind
//! (RFC 3516 §4.4, RFC 6855 §4).

use std::collections::VecDeque;

use super::scan::{Scanner, Token};
use crate::head::HeadReader;

/// What a literal of the command is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    /// A mailbox's name, a URL, or what belongs to an extension.
    #[default]
    Other,
    /// A message, or the next part of one.
    Message,
}

/// A list that stands among the arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    /// Flags, or what belongs to an extension.
    #[default]
    Other,
    /// `UTF8 (literal)`.
    Utf8,
    /// `CATENATE (TEXT literal URL url)`.
    Catenate,
}

/// A message that was sent.
pub(super) struct Upload {
    /// Octets of the client for it.
    pub(super) client_octets: u64,
    /// Octets of the server: go-aheads for its literals.
    pub(super) server_octets: u64,
    /// The address in its `From`.
    pub(super) sender: Option<String>,
    /// Its Message-ID.
    pub(super) message_id: Option<Box<[u8]>>,
}

impl Upload {
    fn names(&self) -> usize {
        self.sender.as_ref().map_or(0, String::len) + self.message_id.as_ref().map_or(0, |id| id.len())
    }
}

/// The messages of one command.
#[derive(Default)]
pub(super) struct Uploads {
    /// Arguments before the first message: the mailbox, and for REPLACE the message that gives way.
    leading: u8,
    list: List,
    /// The word before a list, or before a literal in one.
    after: List,
    is_url: bool,
    value: Value,
    head: Option<Box<HeadReader>>,
    /// A part of the message was not seen: a URL's content, or octets that were not captured.
    is_incomplete: bool,
    /// Whether something of the next message was sent.
    begun: bool,
    /// Octets for the next message so far.
    client_octets: u64,
    server_octets: u64,
    /// Messages that were sent whole, and wait for the command's end; and octets of their names.
    whole: VecDeque<Upload>,
    names: usize,
}

impl Uploads {
    /// With so many arguments before the first message.
    pub(super) fn after(leading: u8) -> Self {
        Self { leading, ..Self::default() }
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        let head = self.head.as_ref().map_or(0, |head| head.held());
        self.whole.capacity() * size_of::<Upload>() + self.names + head
    }

    /// Whether more than `limit` messages wait for the command's end.
    pub(super) fn are_more_than(&self, limit: usize) -> bool {
        self.whole.len() > limit
    }

    /// The oldest that waits.
    pub(super) fn take_oldest(&mut self) -> Option<Upload> {
        let oldest = self.whole.pop_front()?;
        self.names -= oldest.names();
        Some(oldest)
    }

    /// Counts octets of the client.
    pub(super) fn count_client(&mut self, octets: usize) {
        self.client_octets += octets as u64;
    }

    /// Counts octets of the server.
    pub(super) fn count_server(&mut self, octets: u64) {
        self.server_octets += octets;
    }

    /// Reads a token of the command's arguments.
    pub(super) fn token(&mut self, token: Token, scanner: &Scanner) {
        self.value = Value::Other;
        if self.leading > 0 && scanner.depth() == 0 {
            self.leading -= 1;
            return;
        }
        match (token, scanner.depth()) {
            (Token::Word, 0) => {
                self.after = match scanner.text().to_ascii_uppercase().as_slice() {
                    b"UTF8" => List::Utf8,
                    b"CATENATE" => List::Catenate,
                    _ => List::Other,
                };
            }
            (Token::Open, 1) => self.list = std::mem::take(&mut self.after),
            (Token::Close, 0) if std::mem::take(&mut self.list) != List::Other => self.message_ends(),
            (Token::Word, 1) if self.list == List::Catenate => {
                self.is_url = scanner.text().eq_ignore_ascii_case(b"URL");
                if self.is_url {
                    self.lose_head();
                }
            }
            (Token::Literal(_), depth) => {
                let is_text = self.list == List::Utf8 || (self.list == List::Catenate && !self.is_url);
                if depth == 0 || (depth == 1 && is_text) {
                    self.value = Value::Message;
                    self.begun = true;
                    if self.head.is_none() && !self.is_incomplete {
                        self.head = Some(Box::default());
                    }
                }
            }
            _ => {}
        }
    }

    /// Octets of the literal that was announced.
    pub(super) fn literal_octets(&mut self, octets: &[u8]) {
        if let (Value::Message, Some(head)) = (self.value, self.head.as_mut().filter(|head| !head.is_done())) {
            head.push(octets);
        }
    }

    /// Octets of the literal were not captured.
    pub(super) fn literal_lost(&mut self) {
        if self.value == Value::Message {
            self.lose_head();
        }
    }

    /// All octets of the literal were read; `depth` is that of the lists around it.
    pub(super) fn literal_ends(&mut self, depth: u32) {
        if std::mem::take(&mut self.value) == Value::Message && depth == 0 {
            self.message_ends();
        }
    }

    /// What comes before is not known, so what follows need not be of the header.
    fn lose_head(&mut self) {
        self.begun = true;
        self.is_incomplete = true;
        self.head = self.head.take().filter(|head| head.is_done());
    }

    fn message_ends(&mut self) {
        let upload = self.take_message();
        self.names += upload.names();
        self.whole.push_back(upload);
    }

    fn take_message(&mut self) -> Upload {
        let head = self.head.take().map(|head| head.finish()).unwrap_or_default();
        (self.begun, self.is_incomplete) = (false, false);
        Upload {
            client_octets: std::mem::take(&mut self.client_octets),
            server_octets: std::mem::take(&mut self.server_octets),
            sender: head.sender().map(|sender| String::from_utf8_lossy(sender).into()),
            message_id: head.identifier().map(Box::from),
        }
    }

    /// All messages, the last with the octets that are left; one that stands for the command where there is none.
    pub(super) fn finish(mut self) -> VecDeque<Upload> {
        if self.begun || self.whole.is_empty() {
            // A field that was not sent to its end says something else.
            self.head = self.head.take().filter(|head| head.is_done());
            self.message_ends();
        } else if let Some(last) = self.whole.back_mut() {
            last.client_octets += self.client_octets;
            last.server_octets += self.server_octets;
        }
        self.whole
    }
}
