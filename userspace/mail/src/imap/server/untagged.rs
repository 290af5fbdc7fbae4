//! Untagged data (RFC 3501 §2.2.2, §7).

use writ_wire::Direction::FromServer;
use writ_wire::Time;

use super::{State, Status};
use crate::access::{Anomaly, Event, Tell};
use crate::imap::Imap;
use crate::imap::command::Verb;
use crate::imap::fetch::Fetched;
use crate::imap::scan::Token;
use crate::imap::span::Span;

/// What untagged data is.
pub(super) enum Untagged {
    /// Not known before its first word.
    First,
    /// Of the message with this number.
    Numbered(u32),
    /// FETCH; CONVERTED and URLFETCH.
    Items(Box<Fetched>, bool),
    /// OK, NO, BAD, BYE, PREAUTH, and text.
    Status(Status),
    /// Anything else.
    Plain,
}

impl Imap {
    pub(super) fn read_untagged(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut rest = octets;
        let is_refusal = |imap: &Self| imap.hidden && matches!(imap.server.untagged, Untagged::Status(Status::Refusal));
        let mut text = is_refusal(self).then_some(0);
        let end = loop {
            let Some(token) = self.server.scanner.next(&mut rest) else { break None };
            self.reaches((octets.len() - rest.len()) as u64, here.time);
            self.datum(token, here.time, tell);
            text = text.or_else(|| is_refusal(self).then_some(octets.len() - rest.len()));
            if matches!(token, Token::Literal(_) | Token::End) {
                break Some(token);
            }
            // However the octets are cut, it is told behind the same.
            if self.has_former() {
                break None;
            }
        };
        let read = octets.len() - rest.len();
        self.server.octets += read as u64;
        self.tell_response(here, octets.get(..read).unwrap_or_default(), text, tell);
        if end.is_some() && std::mem::take(&mut self.server.is_deep) {
            tell(Event::Anomaly(Anomaly::OverLimit));
        }
        self.tell_former(tell);
        match end {
            Some(Token::Literal(literal)) => {
                self.server.state = State::Literal { left: literal.size };
                self.reaches(0, here.time);
                if literal.size == 0 {
                    self.url_content(&[], here.time, tell);
                }
                self.end_datum();
            }
            Some(_) => self.untagged_ends(here.time, tell),
            None => {}
        }
        read
    }

    /// A token of untagged data.
    pub(super) fn datum(&mut self, token: Token, time: Time, tell: Tell<'_>) {
        let server = &mut self.server;
        server.is_deep |= token == Token::Open && server.scanner.depth() > self.limits.nesting;
        let word = server.scanner.text();
        let next = match &mut server.untagged {
            Untagged::First if token == Token::Word => match Status::named(word) {
                Some(status) => {
                    server.scanner.read_text();
                    Untagged::Status(status)
                }
                None if word.eq_ignore_ascii_case(b"URLFETCH") => Untagged::Items(Box::new(Fetched::of_urls()), false),
                None => {
                    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                    number.map_or(Untagged::Plain, Untagged::Numbered)
                }
            },
            Untagged::Numbered(number) if token == Token::Word => {
                if let Some(fetched) = Fetched::named(*number, word) {
                    Untagged::Items(Box::new(fetched), true)
                } else if word.eq_ignore_ascii_case(b"CONVERTED") {
                    Untagged::Items(Box::new(Fetched::of_other()), false)
                } else {
                    Untagged::Plain
                }
            }
            Untagged::First | Untagged::Numbered(_) => Untagged::Plain,
            Untagged::Items(fetched, _) => {
                if fetched.token(token, &server.scanner)
                    && let Some(content) = fetched.url_quoted(server.scanner.text(), time)
                {
                    tell(Event::UrlContent(content));
                    fetched.end_url();
                }
                return;
            }
            Untagged::Status(_) | Untagged::Plain => return,
        };
        server.untagged = next;
    }

    pub(super) fn read_data(&mut self, here: Span, octets: &[u8], left: u64, tell: Tell<'_>) -> usize {
        let read = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
        let octets = octets.get(..read).unwrap_or_default();
        self.server.octets += read as u64;
        here.tell(FromServer, octets, tell);
        self.url_content(octets, here.time, tell);
        self.server.state = State::Literal { left: left - read as u64 };
        self.reaches(0, here.time);
        self.end_datum();
        read
    }

    /// Octets of a literal: tells them where they are what a URL names.
    fn url_content(&mut self, octets: &[u8], time: Time, tell: Tell<'_>) {
        if let Untagged::Items(fetched, _) = &mut self.server.untagged
            && let Some(content) = fetched.literal_octets(octets, time)
        {
            tell(Event::UrlContent(content));
        }
    }

    /// The response that is being read goes on so many octets past those that are counted.
    pub(in crate::imap) fn reaches(&mut self, octets: u64, time: Time) {
        if let Untagged::Items(fetched, _) = &mut self.server.untagged {
            fetched.reaches(self.server.octets + octets, time);
        }
    }

    fn has_former(&self) -> bool {
        matches!(&self.server.untagged, Untagged::Items(fetched, _) if fetched.has_former())
    }

    /// What was sent of a URL is told once the next one begins.
    fn tell_former(&mut self, tell: Tell<'_>) {
        if let Untagged::Items(fetched, is_fetch) = &mut self.server.untagged
            && let Some(former) = fetched.take_former()
        {
            let (is_fetch, first) = (*is_fetch, self.server.first);
            self.fetched(former.fetched, is_fetch, former.octets, (first, former.last), tell);
        }
    }

    /// Goes on after a literal of which nothing is left.
    pub(in crate::imap) fn end_datum(&mut self) {
        match self.server.state {
            State::Literal { left: 0 } => {
                self.server.state = State::Untagged;
                if let Untagged::Items(fetched, _) = &mut self.server.untagged {
                    fetched.literal_ends();
                }
            }
            State::LoginLiteral { id, left: 0 } => self.server.state = State::Login { id },
            _ => {}
        }
    }

    /// Untagged data is over.
    fn untagged_ends(&mut self, time: Time, tell: Tell<'_>) {
        let greeting_due = std::mem::take(&mut self.greeting_due);
        let (octets, first) = (self.server.octets, self.server.first);
        let untagged = std::mem::replace(&mut self.server.untagged, Untagged::First);
        self.server.start_line();
        match untagged {
            Untagged::Items(fetched, is_fetch) => self.fetched(*fetched, is_fetch, octets, (first, time), tell),
            Untagged::Status(status) if greeting_due => {
                let logged_in = status == Status::Preauth;
                self.logged_in = logged_in;
                tell(Event::Greeting { logged_in, time });
            }
            untagged => {
                let bye = matches!(untagged, Untagged::Status(Status::Bye));
                self.untagged_of_oldest(bye, octets, time);
            }
        }
        // Nothing else ends what the server says by itself; a client can idle for hours (RFC 2177).
        if !greeting_due && self.pending.front().is_none_or(|oldest| oldest.verb == Verb::Idle) {
            tell(Event::Settled { time });
        }
    }

    /// Octets of untagged data that is no transfer: of the oldest command in flight.
    fn untagged_of_oldest(&mut self, bye: bool, octets: u64, time: Time) {
        if let Some(pending) = self.pending.front() {
            pending.server_octets += octets;
            pending.last = time;
        }
        if bye && let Some(pending) = self.pending.back() {
            pending.bye = true;
        }
    }
}
