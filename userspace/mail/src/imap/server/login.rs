//! What the server says while a login goes on.

use writ_wire::Direction::FromServer;
use writ_wire::Time;

use super::{LONGEST_TAG, State, Status};
use crate::access::{Anomaly, Event, Tell};
use crate::imap::Imap;
use crate::imap::client::to_line_end;
use crate::imap::login::Piece;
use crate::imap::pending::Ending;
use crate::imap::scan::Literal;
use crate::imap::span::{Span, masked};

impl Imap {
    pub(super) fn read_login(&mut self, here: Span, octets: &[u8], id: u64, tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        let limit = self.limits.line;
        let Some(attempt) = self.pending.get(id).and_then(|pending| pending.attempt()) else {
            // It was given up in the middle of the answer, or after what was lost of it: then this begins a line.
            self.server.state = if self.server.octets == 0 { State::Start } else { State::Drop };
            return 0;
        };
        self.server.octets += read as u64;
        let octets = octets.get(..read).unwrap_or_default();
        attempt.push_server(here, octets, limit);
        if attempt.is_masked {
            here.tell(FromServer, &masked(octets), tell);
        }
        if ends {
            self.login_line_ends(id, here.time, tell);
        }
        read
    }

    pub(super) fn read_login_literal(&mut self, here: Span, octets: &[u8], id: u64, left: u64) -> usize {
        let read = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
        self.server.octets += read as u64;
        let limit = self.limits.line;
        if let Some(attempt) = self.pending.get(id).and_then(|pending| pending.attempt()) {
            attempt.push_server(here, octets.get(..read).unwrap_or_default(), limit);
        }
        self.server.state = State::LoginLiteral { id, left: left - read as u64 };
        self.end_datum();
        read
    }

    /// A line of the server is over that belongs to a login.
    fn login_line_ends(&mut self, id: u64, time: Time, tell: Tell<'_>) {
        let octets = self.server.octets;
        let is_others = {
            let line = self.pending.get(id).and_then(|pending| pending.attempt()).map(|attempt| attempt.response());
            let first = line.and_then(|line| line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()));
            let first = first.map(<[u8]>::to_vec);
            first.is_some_and(|first| self.pending.tagged(&first).is_some())
        };
        let Some(pending) = self.pending.get(id) else { return };
        let tag = pending.tag.clone();
        let (is_stray, doubtful) = (pending.is_stray(), pending.doubtful);
        let Some(attempt) = pending.attempt() else { return };
        let line = attempt.response();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let status = Status::named(second);
        // What is held of a stray line's tag may be its beginning.
        let is_tag = first == tag.0 || (is_stray && tag.0.len() >= LONGEST_TAG && first.starts_with(&tag.0));
        let literal = if first == b"*" && status.is_none() && attempt.has_whole_response() {
            line.rsplit(|&octet| octet == b' ' || octet == b'(').next().and_then(Literal::announced)
        } else {
            None
        };
        if let Some(literal) = literal {
            self.server.state = State::LoginLiteral { id, left: literal.size };
            self.end_datum();
            return;
        }
        if !attempt.has_whole_response() {
            tell(Event::Anomaly(Anomaly::LongLine));
        }
        let bye = first == b"*" && status == Some(Status::Bye);
        let is_go_ahead = first.first() == Some(&b'+');
        let other = if is_tag || first == b"*" || is_go_ahead { None } else { Some(first.to_vec()) };
        if other.is_some() && (doubtful || !is_others) {
            // A response of which the beginning was lost, or one that says again what the client sent ahead, or took for a tag.
            attempt.hide_response();
        }
        attempt.end_piece(Piece::Response);
        pending.last = time;
        pending.bye |= bye;
        self.pending.weigh(id);
        self.server.start_line();
        if is_go_ahead {
            self.go_ahead(tell);
        } else if is_tag {
            // Of a line that is no command nothing is accepted.
            let status = if is_stray { Some(Status::Refusal) } else { status };
            self.tagged_ends(id, status, octets, time, tell);
        } else if is_stray {
            self.answered(id, Ending::Refused, time, tell);
        } else if let Some(other) = other.and_then(|tag| self.pending.tagged(&tag)) {
            self.tagged_ends(other, status, 0, time, tell);
        }
    }
}
