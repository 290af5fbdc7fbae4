//! The server's side: untagged data, go-aheads, and the tagged responses that end commands.

mod login;
mod text;
mod trial;
mod untagged;

use writ_wire::Direction::FromServer;
use writ_wire::Time;

use super::Imap;
use super::capability::CapabilityReader;
use super::client::to_line_end;
use super::command::LONGEST_TAG;
use super::fetch::Fetched;
use super::inflate::{Flush, INFLATER, Inflater};
use super::login::Spelling;
use super::pending::{Ending, Pending};
use super::scan::Scanner;
use super::span::{Partial, Span, masked};
use crate::access::{Anomaly, Event, Tell};
use trial::Trial;
pub(super) use trial::Tried;
use untagged::Untagged;

/// Octets between a tag and the end of its status, at most. A tag is not longer than that of a command can be; a line that begins
/// with more is no response, but for one that says again what a client sent by mistake.
const TO_STATUS: usize = 1024;

/// The longest status is PREAUTH.
const LONGEST_STATUS: usize = 7;

/// How the server's next octets are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As the beginning of a line, up to what says what it is.
    Start,
    /// As untagged data.
    Untagged,
    /// As a literal in it, with so many octets left.
    Literal { left: u64 },
    /// As the tagged response to this command.
    Tagged { id: u64 },
    /// As a go-ahead.
    GoAhead,
    /// Up to the end of a line that tells nothing.
    Line,
    /// As a line of a login.
    Login { id: u64 },
    /// As a literal in one.
    LoginLiteral { id: u64, left: u64 },
    /// Up to the end of a line that may say a password again: not at all.
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Refusal,
    Bye,
    Preauth,
}

impl Status {
    fn named(word: &[u8]) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_slice() {
            b"OK" => Self::Ok,
            b"NO" | b"BAD" => Self::Refusal,
            b"BYE" => Self::Bye,
            b"PREAUTH" => Self::Preauth,
            _ => return None,
        })
    }
}

/// What is known of the server.
pub(super) struct Server {
    state: State,
    partial: Partial,
    scanner: Scanner,
    untagged: Untagged,
    /// The status of a tagged response, and whether it was read.
    status: Vec<u8>,
    has_status: bool,
    is_deep: bool,
    capabilities: CapabilityReader,
    /// Whether lines are known to be responses. Else the next that ends a command is.
    pub(super) synced: bool,
    /// Whether the line at hand stands behind octets that were not captured: it may be the rest of one.
    after_gap: bool,
    /// Where the first word of a line's beginning ends.
    tag_end: Option<usize>,
    /// What may be responses until then.
    trial: Option<Box<Trial>>,
    /// Octets of the response so far, and the time of the packet with the first.
    octets: u64,
    first: Time,
    /// Octets passed over.
    dropped: u64,
    pub(super) inflater: Option<Box<Inflater>>,
    pub(super) flush: Flush,
}

impl Server {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            state: State::Start,
            partial: Partial::default(),
            scanner: Scanner::default(),
            untagged: Untagged::First,
            status: Vec::new(),
            has_status: false,
            is_deep: false,
            capabilities: CapabilityReader::default(),
            synced: from_start,
            after_gap: false,
            tag_end: None,
            trial: None,
            octets: 0,
            first: Time::MIN,
            dropped: 0,
            inflater: None,
            flush: Flush::default(),
        }
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        let inflater = self.inflater.as_ref().map_or(0, |_| INFLATER);
        let fetched = if let Untagged::Items(fetched, _) = &self.untagged { fetched.held() } else { 0 };
        let trial = self.trial.as_ref().map_or(0, |trial| trial.held());
        self.partial.held() + self.scanner.held() + fetched + trial + inflater
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.partial.is_empty()
    }

    /// The octets of the line's beginning that were not told.
    pub(super) fn partial(&mut self) -> &mut Partial {
        &mut self.partial
    }

    /// Octets of the literal that is being read that are among `octets` missing ones.
    pub(super) fn skip_literal(&mut self, octets: u64) -> u64 {
        let (State::Literal { left } | State::LoginLiteral { left, .. }) = &mut self.state else { return 0 };
        let lost = octets.min(*left);
        *left -= lost;
        self.octets += lost;
        if let (State::Literal { .. }, Untagged::Items(fetched, _)) = (self.state, &mut self.untagged) {
            fetched.literal_lost(lost);
        }
        lost
    }

    /// Octets of the response so far, and the time of the packet with the first.
    pub(super) fn so_far(&self) -> (u64, Time) {
        (self.octets, self.first)
    }

    /// Octets that were passed over, and not told of.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The message that is being sent.
    pub(super) fn take_items(&mut self) -> Option<(Box<Fetched>, bool)> {
        match std::mem::replace(&mut self.untagged, Untagged::First) {
            Untagged::Items(fetched, is_fetch) => Some((fetched, is_fetch)),
            _ => None,
        }
    }

    /// What was read of messages while lines were not known to be responses: they were.
    pub(super) fn take_tried(&mut self) -> Vec<Tried> {
        self.trial.take().map(|mut trial| trial.take()).unwrap_or_default()
    }

    /// Where a line stands can be known no more.
    pub(super) fn lose_sync(&mut self) {
        self.begin_line();
        self.synced = false;
        self.after_gap = true;
        self.trial = None;
        self.state = if let State::Login { id } | State::LoginLiteral { id, .. } = self.state {
            State::Login { id }
        } else {
            // What was lost are packets, and these begin lines more often than not: with a tag that is waited for, it is one.
            State::Start
        };
    }

    /// The next octet begins a line.
    fn start_line(&mut self) {
        self.begin_line();
        self.after_gap = false;
        self.state = State::Start;
    }

    fn begin_line(&mut self) {
        self.scanner = Scanner::default();
        self.untagged = Untagged::First;
        self.status = Vec::new();
        self.has_status = false;
        self.is_deep = false;
        self.capabilities = CapabilityReader::default();
        self.octets = 0;
        self.tag_end = None;
    }
}

impl Imap {
    /// Reads octets of the server; gives how many. Fewer than all only where compression begins.
    pub(super) fn read_server(&mut self, span: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        let inflated = span.inflated_from.is_some();
        let mut read = 0;
        while read < octets.len() && !self.dark && self.server.inflater.is_some() == inflated {
            let (here, rest) = (span.plus(read), octets.get(read..).unwrap_or_default());
            if self.layer_begins(rest, span.time, tell) {
                return octets.len();
            }
            if self.client.is_silent {
                // Nobody knows what it answers.
                self.server.state = if rest.ends_with(b"\n") { State::Start } else { State::Line };
                return octets.len();
            }
            if self.server.octets == 0 && self.server.partial.is_empty() {
                self.server.first = here.time;
            }
            let is_literal = matches!(self.server.state, State::Literal { .. } | State::LoginLiteral { .. });
            let may_be_list = self.server.synced && !is_literal;
            let capabilities = std::mem::take(&mut self.server.capabilities);
            let more = match self.server.state {
                State::Start => self.read_start(here, rest, tell),
                State::Untagged => self.read_untagged(here, rest, tell),
                State::Literal { left } => self.read_data(here, rest, left, tell),
                State::Tagged { id } => self.read_tagged(here, rest, id, tell),
                State::GoAhead | State::Line => self.read_text(here, rest, tell),
                State::Login { id } => self.read_login(here, rest, id, tell),
                State::LoginLiteral { id, left } => self.read_login_literal(here, rest, id, left),
                State::Drop => self.pass_over(here, rest, tell),
            };
            self.read_capabilities(capabilities, may_be_list, rest.get(..more).unwrap_or_default(), tell);
            if let Some(trial) = &mut self.server.trial {
                trial.push(rest.get(..more).unwrap_or_default(), here.time, self.limits.transfers);
            }
            read += more;
            if let Some(inflater) = self.server.inflater.as_mut().filter(|_| inflated && !is_literal) {
                inflater.read_as_text(more);
            }
        }
        read
    }

    /// Puts the line's beginning together until it is known what it is.
    fn read_start(&mut self, here: Span, octets: &[u8], tell: Tell<'_>) -> usize {
        // A client may send its login before it has seen the greeting.
        if self.server.partial.is_empty() && !self.greeting_due {
            let going_on = |pending: &mut Pending| {
                let id = pending.id;
                pending.attempt().is_some_and(|attempt| attempt.is_going_on && !attempt.is_masked).then_some(id)
            };
            // What only reads like a login does not make the server's lines its own.
            let is_known = |pending: &&mut Pending| pending.is_login() && !pending.guessed;
            let in_front = self.pending.front().filter(is_known).map(|pending| pending.id);
            if let Some(id) = in_front.or_else(|| self.pending.back().and_then(going_on)) {
                self.server.state = State::Login { id };
                return 0;
            }
        }
        let mut read = 0;
        for &octet in octets {
            // The line's end is read by what the line turns out to be.
            let ends = octet == b'\n';
            if !ends {
                self.server.partial.push(here.plus(read), &[octet]);
                read += 1;
            }
            if let Some(state) = self.decide(octet, ends, tell) {
                self.server.octets += self.server.partial.octets().len() as u64;
                self.enter(state, tell);
                break;
            }
        }
        read
    }

    /// What the line is, if its last octet shows that.
    fn decide(&mut self, octet: u8, ends: bool, tell: Tell<'_>) -> Option<State> {
        let held = self.server.partial.octets();
        let is_space = ends || matches!(octet, b' ' | b'\t' | b'\r');
        match held {
            [b'+', ..] => return Some(State::GoAhead),
            [b'*', b' ' | b'\t', word @ ..] => {
                // No server puts more blanks before a status: what is behind these may be a refusal.
                let is_long = word.len() >= TO_STATUS;
                if !self.server.synced {
                    if self.hidden {
                        let name = word.trim_ascii();
                        let is_refusal = Status::named(name) == Some(Status::Refusal);
                        let may_be = |full: &[u8]| full.get(..name.len()).is_some_and(|w| w.eq_ignore_ascii_case(name));
                        if is_long || (is_refusal && is_space) {
                            return Some(State::Drop);
                        }
                        if !ends && (may_be(b"NO") || may_be(b"BAD")) {
                            return None;
                        }
                    }
                    let first = self.server.first;
                    self.server.trial.get_or_insert_default().star(first, word, self.limits.transfers);
                    return Some(State::Line);
                }
                let Some(stray) = self.pending.stray_in_front() else { return Some(State::Untagged) };
                // A line that is no command has no tag either: it is refused by an untagged BAD (RFC 3501 §7.1.3).
                let word = word.trim_ascii();
                if is_long || (word.eq_ignore_ascii_case(b"BAD") && is_space) {
                    return Some(State::Login { id: stray });
                }
                let may_be = b"BAD".get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
                return if may_be && !ends { None } else { Some(State::Untagged) };
            }
            _ => {}
        }
        if is_space && self.server.tag_end.is_none() && held.iter().any(|octet| !octet.is_ascii_whitespace()) {
            self.server.tag_end = Some(held.trim_ascii_end().len());
        }
        let begins_blank = held.first().is_some_and(u8::is_ascii_whitespace);
        let longest = if begins_blank { TO_STATUS } else { LONGEST_TAG };
        let most = self.server.tag_end.map_or(longest, |end| end + TO_STATUS);
        let is_long = held.len() >= most;
        if !is_space && !is_long {
            return None;
        }
        let end = self.server.tag_end.unwrap_or(held.len());
        let (tag, rest) = held.split_at_checked(end).unwrap_or((held, &[]));
        let tag = tag.trim_ascii_start();
        if tag.is_empty() {
            return (ends || is_long).then_some(State::Line);
        }
        let status = rest.split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
        let id = if is_long && status.is_none() { self.pending.tagged_from(tag) } else { self.pending.tagged(tag) };
        if let Some(id) = id {
            return Some(self.response_to(id));
        }
        if let Some(trial) = &mut self.server.trial {
            trial.other_line();
        }
        if is_space
            && self.server.synced
            && let Some(word) = status
            && let Some(status @ (Status::Ok | Status::Refusal)) = Status::named(word)
            && self.is_in_doubt()
        {
            // The command may be among those that waited.
            let tag = tag.to_vec();
            (self.server.status, self.server.has_status) = (word.to_vec(), true);
            self.disprove(tell);
            let unknown = if status == Status::Refusal { State::Drop } else { State::Line };
            return Some(self.pending.tagged(&tag).map_or(unknown, |id| self.response_to(id)));
        }
        let may_repeat = self.hidden || self.lost_before.is_some() || self.pending.has_login();
        let may_be_rest = self.server.after_gap && may_repeat;
        if may_be_rest || (!self.server.synced && self.hidden && self.suspicious && !self.logged_in) {
            // The rest of a line may be the end of a refusal.
            return if is_space || is_long { Some(State::Drop) } else { None };
        }
        if self.lost_before.is_some() || self.hidden {
            // It may be a password from a line that was not captured, which the server refuses.
            let is_refusal = |status: &[u8]| Status::named(status) == Some(Status::Refusal);
            return match status {
                None if !ends && !is_long => None,
                Some(_) if !is_space && !is_long => None,
                None if is_long => Some(State::Drop),
                Some(status) if is_refusal(status) => Some(State::Drop),
                _ => {
                    if self.lost_before.is_none() && self.server.synced {
                        tell(Event::Anomaly(Anomaly::UnaskedReply));
                    }
                    Some(State::Line)
                }
            };
        }
        if self.server.synced {
            tell(Event::Anomaly(if status.is_none() && octet != b' ' {
                Anomaly::StrayServerLine
            } else {
                Anomaly::UnaskedReply
            }));
        }
        Some(State::Line)
    }

    /// How a line is read that begins with the tag of this command.
    fn response_to(&mut self, id: u64) -> State {
        let is_login = self.pending.get(id).is_some_and(|pending| pending.attempt().is_some());
        if is_login { State::Login { id } } else { State::Tagged { id } }
    }

    /// Reads on as what the line turned out to be.
    fn enter(&mut self, state: State, tell: Tell<'_>) {
        self.server.state = state;
        self.greeting_due &= state == State::Untagged;
        let mut partial = std::mem::take(&mut self.server.partial);
        match state {
            State::Login { id } => {
                let limit = self.limits.line;
                if let Some(attempt) = self.pending.get(id).and_then(|pending| pending.attempt()) {
                    let is_masked = attempt.is_masked;
                    partial.take(|span, octets| {
                        attempt.push_server(span, octets, limit);
                        if is_masked {
                            span.tell(FromServer, &masked(octets), tell);
                        }
                    });
                }
            }
            State::GoAhead => {
                if self.current_attempt().is_none_or(|attempt| attempt.spelling != Spelling::Sasl) {
                    self.disprove(tell);
                }
                let login = self.pending.back().filter(|pending| pending.is_login()).map(|pending| pending.id);
                if let Some(id) = login {
                    if let Some(attempt) = self.pending.get(id).and_then(|pending| pending.attempt()) {
                        attempt.is_going_on = true;
                    }
                    self.server.partial = partial;
                    self.enter(State::Login { id }, tell);
                    return;
                }
            }
            State::Drop => {
                self.server.dropped += partial.octets().len() as u64;
                partial = Partial::default();
            }
            State::Untagged => {
                // A word may have been held with what comes before it.
                let word = partial.octets().get(2..).unwrap_or_default().to_vec();
                let mut word: &[u8] = &word;
                while let Some(token) = self.server.scanner.next(&mut word) {
                    self.datum(token, self.server.first, tell);
                }
            }
            _ => {}
        }
        partial.tell(FromServer, tell);
    }

    fn read_tagged(&mut self, here: Span, octets: &[u8], id: u64, tell: Tell<'_>) -> usize {
        let (read, ends) = to_line_end(octets);
        let octets = octets.get(..read).unwrap_or_default();
        let mut before_text = 0;
        for &octet in octets {
            if self.server.has_status {
                break;
            }
            before_text += 1;
            if octet.is_ascii_whitespace() || self.server.status.len() > LONGEST_STATUS {
                self.server.has_status = !self.server.status.is_empty();
            } else {
                self.server.status.push(octet);
            }
        }
        self.server.octets += read as u64;
        let is_refusal = Status::named(&self.server.status) == Some(Status::Refusal);
        self.tell_response(here, octets, (self.hidden && is_refusal).then_some(before_text), tell);
        if ends {
            let status = Status::named(&self.server.status);
            let octets = self.server.octets;
            self.server.start_line();
            self.tagged_ends(id, status, octets, here.time, tell);
        }
        read
    }

    /// A tagged response is over.
    fn tagged_ends(&mut self, id: u64, status: Option<Status>, octets: u64, time: Time, tell: Tell<'_>) {
        let ending = match status {
            Some(Status::Ok) => Ending::Accepted,
            Some(Status::Refusal) => Ending::Refused,
            _ => {
                tell(Event::Anomaly(Anomaly::StrayServerLine));
                return;
            }
        };
        if let Some(pending) = self.pending.get(id) {
            pending.server_octets += octets;
            pending.completion += octets;
            pending.last = time;
        }
        self.answered(id, ending, time, tell);
    }
}
