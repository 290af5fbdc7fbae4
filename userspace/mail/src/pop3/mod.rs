//! POP3 (RFC 1939) and the extensions that change how a session is read: CAPA and PIPELINING (RFC 2449), AUTH (RFC 5034), STLS
//! (RFC 2595), LANG (RFC 6856).
//!
//! Responses answer commands in their order. A command is told when it is answered, so that what it says is told together with
//! what it led to; the octets of a multi-line response are told as they come. This file reads the client, `answer.rs` the
//! server, `login.rs` what belongs to a login, `loss.rs` what was not captured.
//!
//! A line that may be a password and is no part of a login is told with `*` in place of its octets: one that is no command. The
//! server may repeat it: so is the text of what answers it, and from then on that of every refusal, and of every answer of which
//! it is not known what it answers.

mod answer;
mod blank;
mod body;
mod command;
mod login;
mod loss;
mod preamble;
mod said;
mod screen;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::VecDeque;

use writ_wire::{Direction, Time};

use crate::access::{Anomaly, Closing, Event, Held, Layer, Machine, Tell};
use crate::line::At;
use crate::preamble::Preamble;
use crate::sasl::Exchange;
use answer::Answering;
use blank::Blanks;
use command::Verb;
use login::Attempt;
use loss::Matching;
use said::{Lines, Said};

/// Bounds of what one session may make the machine hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command, a SASL response, or the first line of a response.
    pub line: usize,
    /// Commands that wait for their responses.
    pub pending: usize,
    /// What it takes to hold these commands, in octets.
    pub pending_octets: usize,
    /// Octets of the client that cannot be read until the server has answered.
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // RFC 5034 §4 asks for 12,288 octets of a response.
        Self { line: 64 * 1024, pending: 4096, pending_octets: 512 * 1024, held: 256 * 1024 }
    }
}

/// How the client's next octets are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As command lines.
    Command,
    /// It depends on the answer to the last command; until it comes they are held.
    Waiting,
    /// As the response to a SASL challenge.
    Response,
    /// The capture began in mid-stream: not at all, until a line is known to be a command.
    Unsynced,
    /// Encrypted: not at all.
    Dark,
}

/// A command that the server has not answered.
struct Pending {
    verb: Verb,
    /// Its line; `None` for an AUTH, whose line is in its exchange, and for a header.
    said: Option<Said>,
    /// Whether octets of the client were lost after it, and before its answer.
    before_loss: bool,
    cost: usize,
}

impl Pending {
    /// Whether nothing of it can be a password that its answer repeats.
    fn is_harmless(&self) -> bool {
        use Verb::{Apop, Auth, Pass, Unknown, User, Xclient};
        !matches!(self.verb, Apop | Auth | Pass | Unknown | User | Xclient)
    }
}

/// The machine for one POP3 session.
pub struct Pop3 {
    limits: Limits,
    mode: Mode,
    client: Lines,
    server: Lines,
    pending: VecDeque<Pending>,
    pending_cost: usize,
    /// The multi-line response that is being read.
    answering: Option<Box<Answering>>,
    held: Held,
    /// Octets that were not held, or not captured, after those that are held; and when that began.
    dropped: Option<(Time, u64)>,
    /// A USER that no PASS has followed yet.
    attempt: Option<Box<Attempt>>,
    /// The exchange that goes on. Where an answer to it was lost, it does until the next command.
    auth: Option<Box<Exchange>>,
    matching: Matching,
    blanks: Blanks,
    /// Whether somebody is known to be logged in.
    logged_in: bool,
    /// Whether a line was overwritten, or not captured, that the server may repeat in any refusal.
    hidden: bool,
    /// Whether what the server said last refuses a line that may be one of those: lines that follow may repeat it.
    refused_hidden: bool,
    /// Whether nobody can be logged in yet, whatever was lost: what the server says is no message.
    outside: bool,
    /// What comes next stands after octets that were lost: the rest of a line, or a line.
    cut_line: bool,
    /// The last response may have further lines.
    may_go_on: bool,
    /// Whether the greeting is still to come.
    greeting_due: bool,
    /// What may be a header of a proxy, until it is known to be none or was read.
    preamble: Option<Box<Preamble>>,
    /// When `+OK` came to an AUTH NTLM that said nothing: the client's next line tells whether it is a challenge.
    asks_on: Option<Time>,
    /// Whether the client's first octets look like TLS, and the server has said nothing yet.
    maybe_tls: bool,
    /// Whether the login that was just accepted began a security layer.
    layer: Layer,
    /// Whether either side sent anything.
    client_began: bool,
    server_began: bool,
    /// A QUIT of which it is not known what answers it: what the server says next, as a rule.
    quit: Option<Closing>,
    /// Whether any octet of the server was captured.
    heard: bool,
    /// Whether the connection is over.
    closing: bool,
}

impl Pop3 {
    /// A machine for a new session; `from_start` says whether the capture holds the connection's beginning.
    pub fn new(from_start: bool, limits: Limits) -> Self {
        Self {
            limits,
            mode: if from_start { Mode::Command } else { Mode::Unsynced },
            client: Lines::default(),
            server: Lines::default(),
            pending: VecDeque::new(),
            pending_cost: 0,
            answering: None,
            held: Held::default(),
            dropped: None,
            attempt: None,
            auth: None,
            matching: Matching::new(from_start),
            blanks: Blanks::default(),
            logged_in: false,
            hidden: !from_start,
            refused_hidden: false,
            outside: from_start,
            cut_line: false,
            may_go_on: !from_start,
            greeting_due: from_start,
            maybe_tls: false,
            preamble: from_start.then(Box::default),
            asks_on: None,
            layer: Layer::None,
            client_began: false,
            server_began: false,
            quit: None,
            heard: false,
            closing: false,
        }
    }

    /// Whether the client cannot be read on until the server has answered.
    fn must_wait(&self) -> bool {
        self.mode == Mode::Waiting
            || self.pending.len() >= self.limits.pending.max(1)
            || self.pending_cost > self.limits.pending_octets
    }

    /// What the first octets of a client tell about the session.
    fn first_octets(&mut self, octets: &[u8], tell: Tell<'_>) {
        match (octets.first(), self.mode) {
            // A TLS record of any kind (RFC 8446 §5.1): no line starts so.
            (Some(0x14..=0x17), Mode::Unsynced) => self.go_dark(tell),
            // A handshake. A server of TLS does not greet; one of POP3 takes these octets for a command. Its first octet will
            // tell.
            (Some(0x16), Mode::Command) if self.greeting_due => {
                self.mode = Mode::Waiting;
                self.maybe_tls = true;
            }
            _ => {}
        }
    }

    fn go_dark(&mut self, tell: Tell<'_>) {
        let (limits, ends) = (self.limits, (self.client_began, self.server_began));
        // Octets that the client sent along with STLS in the clear are void (RFC 2595 §4).
        *self = Self::new(false, limits);
        self.mode = Mode::Dark;
        (self.client_began, self.server_began) = ends;
        tell(Event::Dark { compressed: false });
    }

    /// Reads until the octets end or something says to wait; gives how many were read.
    fn read(&mut self, start: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut rest = octets;
        while let Some(&first) = rest.first() {
            let at = start.plus(octets.len() - rest.len());
            if self.mode == Mode::Dark {
                return octets.len();
            }
            if self.cut_line {
                let Some(said) = self.client.take(at, &mut rest, self.limits.line) else { break };
                self.cut_line = false;
                self.line_after_loss(said, tell);
                continue;
            }
            if self.must_wait() {
                break;
            }
            if self.layer == Layer::MayBegin {
                self.layer = Layer::None;
                if first == 0 {
                    self.layer = Layer::ClientBegan;
                    self.mode = Mode::Waiting;
                    break;
                }
            }
            if self.client.is_empty() && self.is_dark_from(first) {
                self.go_dark(tell);
                return octets.len();
            }
            let Some(said) = self.client.take(at, &mut rest, self.limits.line) else { break };
            if said.line.cut > 0 && self.mode != Mode::Unsynced {
                tell(Event::Anomaly(Anomaly::LongLine));
            }
            match self.mode {
                Mode::Unsynced => self.first_line(said, tell),
                Mode::Response => self.response(said, tell),
                Mode::Command | Mode::Waiting | Mode::Dark => self.command(said, tell),
            }
        }
        octets.len() - rest.len()
    }

    /// Whether a line that begins with this octet is none.
    fn is_dark_from(&self, first: u8) -> bool {
        // The STLS may be among what was lost.
        self.matching.is_lost() && matches!(first, 0x14..=0x17)
    }

    /// Whether a security layer has begun, by the server's first octet after the login. If not, what the client sent was text.
    fn layer_begins(&mut self, first: u8, tell: Tell<'_>) -> bool {
        let layer = std::mem::take(&mut self.layer);
        if layer != Layer::None && first == 0 {
            self.go_dark(tell);
            return true;
        }
        if layer == Layer::ClientBegan {
            self.mode = Mode::Command;
            self.resume(tell);
        }
        false
    }

    /// A line of a capture that began in mid-stream. What it begins with is a packet's first octet as a rule, and a line that
    /// reads like a command is one.
    fn first_line(&mut self, said: Said, tell: Tell<'_>) {
        let verb = Verb::read(said.text());
        let is_text = said.text().iter().all(|&octet| matches!(octet, b' '..=b'~' | b'\t' | 0x80..));
        if said.line.cut > 0 || verb == Verb::Unknown || !is_text {
            return;
        }
        self.mode = Mode::Command;
        self.matching.command(verb);
        self.unmatched(verb, said, tell);
    }

    fn command(&mut self, mut said: Said, tell: Tell<'_>) {
        let verb = Verb::read(said.text());
        self.end_quit(tell);
        if self.auth.is_some() {
            // An answer was lost, so that this may be a response.
            if verb == Verb::Unknown {
                self.add_response(said);
                if !self.pending.is_empty() {
                    self.mode = Mode::Waiting;
                }
                return;
            }
            self.pending.clear();
            self.pending_cost = 0;
            self.end_exchange(self.unanswered(), said.line.last, tell);
        }
        self.align(verb, said.line.last, tell);
        if self.matching.is_lost() {
            self.unmatched(verb, said, tell);
            return;
        }
        if verb == Verb::Unknown && said.line.cut == 0 {
            tell(Event::Anomaly(Anomaly::UnknownCommand));
        }
        let is_blank = verb == Verb::Unknown && said.text().trim_ascii().is_empty();
        let verb = if is_blank { Verb::Blank } else { verb };
        if is_blank && self.pass_over() {
            said.tell(Direction::FromClient, tell);
            tell(Event::Settled { time: said.line.last });
            return;
        }
        if verb.decides() {
            self.mode = Mode::Waiting;
        }
        let cost = said.cost() + size_of::<Pending>();
        let said = if verb == Verb::Auth {
            self.auth = Some(Box::new(Exchange::of_command(&mut said.line)));
            None
        } else {
            Some(said)
        };
        self.pending_cost += cost;
        self.pending.push_back(Pending { verb, said, before_loss: false, cost });
    }

    fn pop_pending(&mut self) -> Option<Pending> {
        let first = self.pending.pop_front();
        match &first {
            Some(pending) => self.pending_cost -= pending.cost,
            // What a burst took is given back: most sessions wait for something most of the time.
            None => self.pending = VecDeque::new(),
        }
        first
    }

    /// Reads the client's octets behind what a proxy said.
    fn read_client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if !self.client_began && !octets.is_empty() {
            self.client_began = true;
            self.first_octets(octets, tell);
        }
        if !octets.is_empty() {
            self.go_on_after_refusal(at.time, tell);
        }
        let in_turn = self.held.is_empty() && self.dropped.is_none();
        let mut read = if in_turn { self.read(at, octets, tell) } else { 0 };
        if in_turn && read < octets.len() && self.is_answer_lost() {
            self.give_up_exchange(at.time, tell);
            read += self.read(at.plus(read), octets.get(read..).unwrap_or_default(), tell);
        }
        if let Some(rest) = octets.get(read..).filter(|rest| !rest.is_empty()) {
            self.hold(at.plus(read), rest, tell);
        }
    }

    /// Holds what cannot be read yet.
    fn hold(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        // Who sends before the answer may have more under way than is seen.
        self.matching.sent_ahead();
        if let Some((_, dropped)) = &mut self.dropped {
            *dropped += octets.len() as u64;
        } else if !self.held.hold(at, octets, self.limits.held) {
            // A server that never answers must not make us hold its client's octets for ever. What is due is still answered; what
            // is not held counts as lost, so that nothing is told of it but that.
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            self.dropped = Some((at.time, octets.len() as u64));
        }
    }

    /// Reads what was held until an answer came.
    fn resume(&mut self, tell: Tell<'_>) {
        while self.mode != Mode::Dark && (self.cut_line || !self.must_wait()) {
            let Some(piece) = self.held.take() else {
                if let Some((time, octets)) = self.dropped.take() {
                    self.client_lost(time, octets, tell);
                }
                return;
            };
            let (at, rest) = piece.rest();
            let read = self.read(at, rest, tell);
            self.held.give_back(piece, read);
        }
    }
}

impl Machine for Pop3 {
    fn client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if let Some(passed) = self.pass_preamble(at, octets, tell) {
            self.read_client(at.plus(passed), octets.get(passed..).unwrap_or_default(), tell);
        }
    }

    fn server(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        self.no_preamble(tell);
        self.read_server(at, octets, tell);
    }

    fn gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        if self.mode == Mode::Dark {
            return;
        }
        self.no_preamble(tell);
        self.forget_header();
        // What is lost of a header counts like any other octets.
        self.preamble.take_if(|_| from == Direction::FromClient);
        match from {
            Direction::FromClient => self.client_gap(time, octets, tell),
            Direction::FromServer => self.server_gap(time, octets, tell),
        }
        self.resume(tell);
    }

    fn close(&mut self, time: Time, tell: Tell<'_>) {
        self.no_preamble(tell);
        self.forget_header();
        self.end(time, tell);
    }

    fn is_dark(&self) -> bool {
        self.mode == Mode::Dark
    }

    fn is_quiet(&self) -> bool {
        self.preamble.as_ref().is_none_or(|preamble| preamble.is_empty())
            && self.client.is_empty()
            && self.server.is_empty()
            && self.is_nothing_due()
            && self.held.is_empty()
            && self.dropped.is_none()
            && self.auth.is_none()
            && self.attempt.is_none()
    }

    fn held(&self) -> usize {
        let answering = self.answering.as_ref().map_or(0, |answering| answering.body.held());
        let login = self.attempt.as_ref().map_or(0, |attempt| attempt.held());
        let exchange = self.auth.as_ref().map_or(0, |exchange| exchange.held());
        let preamble = self.preamble.as_ref().map_or(0, |preamble| preamble.held());
        let lines = self.client.held() + self.server.held();
        lines + self.held.cost() + self.pending_cost + answering + login + exchange + preamble
    }
}
