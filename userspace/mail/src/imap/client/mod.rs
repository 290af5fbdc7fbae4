//! The client's side: commands, and the octets of their literals.

mod begin;
mod lines;

use writ_wire::Direction::FromClient;
use writ_wire::Time;

use super::Imap;
use super::command::{Head, HeadReader, Verb};
use super::inflate::{Flush, INFLATER, Inflater};
use super::login::{Attempt, Piece};
use super::pending::Kind;
use super::scan::{Literal, Scanner, Token};
use super::span::{Partial, Span, masked};
use crate::access::{Anomaly, Event, Held, Tell};

/// How the client's next octets are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// As the beginning of a line, up to what says which command it is.
    Head,
    /// As arguments.
    Arguments,
    /// As a literal, with so many octets left.
    Literal { left: u64 },
    /// As a literal if the server lets it come, else as a command: held.
    GoAhead(Literal),
    /// Up to the end of a line that is no command.
    Line,
    /// The same, where the line may be a password.
    Stray,
    /// As the response to a SASL challenge.
    Response,
    /// It depends on the server's answer: held.
    Waiting,
    /// Up to the end of a line whose beginning is not known: not at all.
    Drop,
}

/// What is known of the client.
pub(super) struct Client {
    mode: Mode,
    head: HeadReader,
    /// What the line is was just found out.
    decided: Option<Head>,
    /// Whether it ends with what says that.
    is_bare: bool,
    /// Whether the line is what comes first after octets that were lost.
    after_gap: bool,
    /// Whether it may be the rest of a login's.
    after_secret: bool,
    /// The line's beginning, until it is known what it is.
    partial: Partial,
    scanner: Scanner,
    /// The command that is being sent, or waited for.
    pub(super) current: Option<u64>,
    /// Whether that is a login.
    is_login: bool,
    /// What the server said to it was lost: its next line is a response to a challenge, or a command.
    may_respond: bool,
    /// Whether its lists are nested too deeply.
    is_deep: bool,
    /// Whether a line is known to be one. Else the next that begins like a known command is.
    synced: bool,
    /// The capture began in mid-stream, and nothing was understood yet: nothing is told.
    pub(super) is_silent: bool,
    /// Octets passed over since something was told.
    dropped: u64,
    /// Octets that wait for the server, as they crossed the wire.
    pub(super) held: Held,
    /// Octets that wait, inflated already, and how many of them were read.
    pub(super) left_over: Option<(Span, Vec<u8>)>,
    pub(super) inflater: Option<Box<Inflater>>,
    pub(super) flush: Flush,
}

impl Client {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            mode: Mode::Head,
            head: HeadReader::default(),
            decided: None,
            is_bare: false,
            after_gap: false,
            after_secret: false,
            partial: Partial::default(),
            scanner: Scanner::default(),
            current: None,
            is_login: false,
            may_respond: false,
            is_deep: false,
            synced: from_start,
            is_silent: !from_start,
            dropped: 0,
            held: Held::default(),
            left_over: None,
            inflater: None,
            flush: Flush::default(),
        }
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        let left_over = self.left_over.as_ref().map_or(0, |(_, octets)| octets.capacity());
        let inflater = self.inflater.as_ref().map_or(0, |_| INFLATER);
        self.partial.held() + self.scanner.held() + self.held.cost() + left_over + inflater
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    /// Whether octets are held until the server has said something.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.mode, Mode::Waiting | Mode::GoAhead(_))
    }

    /// Whether they are held until a command is answered.
    pub(super) fn is_waiting_for_answer(&self) -> bool {
        self.mode == Mode::Waiting
    }

    /// Whether the server was asked to answer a SASL response.
    pub(super) fn is_in_response(&self) -> bool {
        self.mode == Mode::Response
    }

    /// Whether what is read may be a password, whatever it reads like.
    pub(super) fn is_secret(&self) -> bool {
        self.mode == Mode::Stray
    }

    /// Waits, for a reason of its own.
    pub(super) fn wait(&mut self) {
        self.mode = Mode::Waiting;
    }

    /// Reads commands again.
    pub(super) fn go_on(&mut self) {
        self.mode = Mode::Head;
        self.current = None;
        self.is_login = false;
        self.may_respond = false;
        self.scanner = Scanner::default();
    }

    /// The response to a challenge comes next.
    pub(super) fn expect_response(&mut self) {
        self.mode = Mode::Response;
    }

    /// The response to a challenge that was lost comes next, or a command.
    pub(super) fn expect_response_or_command(&mut self) {
        self.mode = Mode::Head;
        self.may_respond = true;
    }

    /// Whether neither of them has begun.
    pub(super) fn expects_response_or_command(&self) -> bool {
        self.may_respond && self.partial.is_empty()
    }

    /// What follows belongs to the login that is being sent, up to the end of the line.
    pub(super) fn read_secretly(&mut self) {
        self.mode = Mode::Stray;
    }

    /// What was read last was no command, so what follows need not be one.
    pub(super) fn doubt(&mut self) {
        self.go_on();
        self.synced = false;
    }

    /// Where a line stands can be known no more. Packets begin lines more often than not: what reads like a command from the
    /// first octet on is one.
    pub(super) fn lose_sync(&mut self) {
        self.synced = false;
        self.after_gap = true;
        if !matches!(self.mode, Mode::Waiting | Mode::GoAhead(_)) {
            self.go_on();
        }
        self.head = HeadReader::default();
    }

    /// The same, where octets of a login were lost; `within`: its last line has not ended since. Then the first line is no command
    /// where it ends with a command's name: the password may read like one.
    pub(super) fn lose_sync_in_login(&mut self, within: bool) {
        self.go_on();
        self.lose_sync();
        self.after_secret = within;
    }

    /// Forgets what waits for the server.
    pub(super) fn drop_held(&mut self) {
        (self.held, self.left_over) = (Held::default(), None);
    }

    /// Octets that were read and are not told, for they may be anything: gives how many.
    pub(super) fn take_unfinished(&mut self) -> u64 {
        let mut octets = std::mem::take(&mut self.dropped) + self.partial.octets().len() as u64;
        self.partial = Partial::default();
        self.head = HeadReader::default();
        octets += self.left_over.take().map_or(0, |(_, octets)| octets.len() as u64);
        while let Some(piece) = self.held.take() {
            octets += piece.rest().1.len() as u64;
        }
        octets
    }

    /// Octets that are still to come of the literal that is being read.
    pub(super) fn literal_left(&self) -> Option<u64> {
        if let Mode::Literal { left } = self.mode { Some(left) } else { None }
    }

    /// Octets of the literal that is being read, or let come by now, that are among `octets` missing ones; gives how many, and
    /// whether that was all of it.
    pub(super) fn skip_literal(&mut self, octets: u64) -> Option<(u64, bool)> {
        let left = match &mut self.mode {
            Mode::Literal { left } => left,
            _ => return None,
        };
        let lost = octets.min(*left);
        *left -= lost;
        Some((lost, *left == 0))
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.partial.is_empty() && self.held.is_empty() && self.left_over.is_none()
    }
}

/// How many octets to read of these, to the end of the line or to their end; and whether the line ends.
pub(in crate::imap) fn to_line_end(octets: &[u8]) -> (usize, bool) {
    memchr::memchr(b'\n', octets).map_or((octets.len(), false), |at| (at + 1, true))
}

impl Imap {
    /// Reads octets of the client until they end or wait for the server; gives how many.
    pub(super) fn read_client(&mut self, mut span: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut read = 0;
        // Compression may begin while these are read.
        let inflated = span.inflated_from.is_some();
        while read < octets.len() && !self.dark && !self.client.is_waiting() {
            if self.client.inflater.is_some() != inflated {
                break;
            }
            let rest = octets.get(read..).unwrap_or_default();
            let here = span.plus(read);
            if self.layer_may_begin(rest) {
                break;
            }
            let is_literal = matches!(self.client.mode, Mode::Literal { .. });
            let more = match self.client.mode {
                Mode::Head => self.read_head(here, rest),
                Mode::Arguments => self.read_arguments(here, rest, tell),
                Mode::Literal { left } => self.read_literal(here, rest, left, tell),
                Mode::Line => self.read_line(here, rest, tell),
                Mode::Stray | Mode::Response => self.read_secret(here, rest, tell),
                Mode::Drop => self.read_dropped(here, rest, tell),
                Mode::Waiting | Mode::GoAhead(_) => 0,
            };
            read += more;
            self.tell_upload_over(here.time, tell);
            if let Some(inflater) = self.client.inflater.as_mut().filter(|_| inflated && !is_literal) {
                inflater.read_as_text(more);
            }
            if let Some(head) = self.client.decided.take() {
                self.leave_the_wire(&head, &mut span, octets, tell);
                self.begin(head, span.time, tell);
            }
        }
        read
    }

    fn read_head(&mut self, here: Span, octets: &[u8]) -> usize {
        let client = &mut self.client;
        let mut decided = None;
        let read = octets.iter().take_while(|octet| {
            decided = client.head.take(**octet);
            decided.is_none()
        });
        let read = read.count();
        client.partial.push(here, octets.get(..read).unwrap_or_default());
        if let Some(head) = decided {
            client.is_bare = octets.get(read).is_some_and(|octet| matches!(octet, b'\r' | b'\n'));
            client.decided = Some(std::mem::take(&mut client.head).look_again(head, client.partial.octets()));
        }
        read
    }

    /// Messages that wait for the end of the command that is being sent, and are too many, are told before it.
    fn tell_upload_over(&mut self, time: Time, tell: Tell<'_>) {
        let Some(id) = self.client.current else { return };
        let limit = self.limits.transfers;
        while let Some(upload) = self.pending.get(id).and_then(|pending| pending.upload_over(limit, time)) {
            tell(Event::Transfer(&upload));
        }
    }

    /// Octets of a command go where they belong.
    fn put_client(&mut self, span: Span, octets: &[u8], tell: Tell<'_>) {
        if !self.client.is_login {
            span.tell(FromClient, octets, tell);
            return;
        }
        let limit = self.limits.line;
        match self.current_attempt() {
            Some(attempt) if attempt.is_masked => span.tell(FromClient, &masked(octets), tell),
            Some(attempt) => {
                attempt.push_client(span, octets, limit);
                self.weigh_current();
            }
            // Of a login that was given up nothing is told.
            None => {
                tell(Event::Lost { from: FromClient, time: span.time, octets: octets.len() as u64, in_literal: false })
            }
        }
    }

    fn weigh_current(&mut self) {
        if let Some(id) = self.client.current {
            self.pending.weigh(id);
        }
    }

    pub(super) fn count_client(&mut self, octets: usize) {
        let pending = self.client.current.and_then(|id| self.pending.get(id));
        let Some(pending) = pending else { return };
        pending.client_octets += octets as u64;
        if let Kind::Append(uploads) = &mut pending.kind {
            uploads.count_client(octets);
        }
    }

    /// The login that is being sent, or waited for.
    pub(super) fn current_attempt(&mut self) -> Option<&mut Attempt> {
        self.client.current.and_then(|id| self.pending.get(id)).and_then(|pending| pending.attempt())
    }

    fn read_arguments(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut rest = octets;
        let mut counted = 0;
        let end = loop {
            let token = self.client.scanner.next(&mut rest);
            let read = octets.len() - rest.len();
            self.count_client(read - counted);
            counted = read;
            let Some(token) = token else { break None };
            self.argument(token);
            if matches!(token, Token::Literal(_) | Token::End) {
                break Some(token);
            }
            // However the octets are cut, it is told behind the same.
            if token == Token::Close && self.has_upload_over() {
                break None;
            }
        };
        self.put_client(here, octets.get(..counted).unwrap_or_default(), tell);
        if end.is_some() && std::mem::take(&mut self.client.is_deep) {
            tell(Event::Anomaly(Anomaly::OverLimit));
        }
        match end {
            Some(Token::Literal(literal)) => self.literal_announced(literal, here.time, tell),
            Some(_) => self.command_sent(here.time, tell),
            None => {}
        }
        counted
    }

    fn has_upload_over(&mut self) -> bool {
        let limit = self.limits.transfers;
        matches!(self.current_kind(), Some(Kind::Append(uploads)) if uploads.are_more_than(limit))
    }

    fn argument(&mut self, token: Token) {
        let client = &mut self.client;
        client.is_deep |= token == Token::Open && client.scanner.depth() > self.limits.nesting;
        let Some(pending) = client.current.and_then(|id| self.pending.get(id)) else { return };
        match &mut pending.kind {
            Kind::Fetch(downloads) => {
                let by_uid = matches!(pending.verb, Verb::Fetch { by_uid: true });
                downloads.asked.token(token, &client.scanner, by_uid);
            }
            Kind::Append(uploads) => uploads.token(token, &client.scanner),
            Kind::Compress(deflate) if token == Token::Word => {
                *deflate = client.scanner.text().eq_ignore_ascii_case(b"DEFLATE");
            }
            _ => {}
        }
    }

    /// The line ends with the announcement of a literal.
    fn literal_announced(&mut self, literal: Literal, time: Time, tell: Tell<'_>) {
        if let Some(attempt) = self.current_attempt() {
            attempt.end_piece(Piece::Line);
        }
        let pending = self.client.current.and_then(|id| self.pending.get(id));
        if !literal.waits {
            self.begin_literal(literal.size);
        } else if pending.is_some_and(|pending| pending.early.is_none()) {
            self.client.mode = Mode::GoAhead(literal);
        } else {
            // The server has answered: it does not let a literal come any more.
            self.command_sent(time, tell);
        }
    }

    /// The literal is let come. Whether one waited for that.
    pub(super) fn let_literal_come(&mut self) -> bool {
        let Mode::GoAhead(literal) = self.client.mode else { return false };
        self.begin_literal(literal.size);
        true
    }

    fn begin_literal(&mut self, size: u64) {
        self.client.mode = Mode::Literal { left: size };
        if size == 0 {
            self.literal_ends();
        }
    }

    fn read_literal(&mut self, here: Span, octets: &[u8], left: u64, tell: Tell<'_>) -> usize {
        let read = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
        let octets = octets.get(..read).unwrap_or_default();
        self.count_client(read);
        if let Some(Kind::Append(uploads)) = self.current_kind() {
            uploads.literal_octets(octets);
            self.weigh_current();
        }
        self.put_client(here, octets, tell);
        let left = left - read as u64;
        self.client.mode = Mode::Literal { left };
        if left == 0 {
            self.literal_ends();
        }
        read
    }

    pub(super) fn current_kind(&mut self) -> Option<&mut Kind> {
        self.client.current.and_then(|id| self.pending.get(id)).map(|pending| &mut pending.kind)
    }

    pub(super) fn literal_ends(&mut self) {
        self.client.mode = Mode::Arguments;
        let depth = self.client.scanner.depth();
        match self.current_kind() {
            Some(Kind::Append(uploads)) => uploads.literal_ends(depth),
            Some(Kind::Login(attempt)) => attempt.end_piece(Piece::Literal),
            _ => {}
        }
    }

    /// The command was sent whole.
    pub(super) fn command_sent(&mut self, time: Time, tell: Tell<'_>) {
        let Some(id) = self.client.current else {
            self.client.go_on();
            return;
        };
        self.end_client_line(tell);
        let Some(pending) = self.pending.get(id) else {
            self.client.go_on();
            return;
        };
        pending.sent = true;
        let (early, waits) = (pending.early, pending.verb.decides());
        if pending.is_passed {
            self.client.expect_response_or_command();
        } else if waits {
            self.client.mode = Mode::Waiting;
        } else {
            self.client.go_on();
        }
        if let Some(ending) = early {
            self.end(id, ending, time, tell);
        }
    }

    /// A line of a login is over.
    fn end_client_line(&mut self, tell: Tell<'_>) {
        if let Some(attempt) = self.current_attempt() {
            if attempt.client_cut() > 0 {
                tell(Event::Anomaly(Anomaly::LongLine));
            }
            // After a literal's announcement the rest of the line was begun.
            if let Some(attempt) = self.current_attempt() {
                attempt.end_piece(Piece::Line);
            }
        }
        if let Some(id) = self.client.current {
            self.pending.note_messages(id);
            self.pending.weigh(id);
        }
    }
}
