//! SMTP (RFC 5321) and the extensions that change how a session is read: PIPELINING (RFC 2920), CHUNKING and BINARYMIME
//! (RFC 3030), AUTH (RFC 4954), STARTTLS (RFC 3207), BURL (RFC 4468); and LMTP (RFC 2033).
//!
//! The machine follows what the *server* said: whether octets after DATA are a message or commands is decided by the
//! reply to DATA, not by what the client hoped. This file reads the client, `answer.rs` the server, `loss.rs` what was
//! not captured, `suppose.rs` what can be read in two ways.

mod answer;
mod auth;
mod bare;
mod begin;
mod body;
mod chunk;
mod command;
mod doubt;
mod event;
mod lines;
mod lmtp;
mod loss;
mod preamble;
mod proof;
mod realign;
mod reply;
mod suppose;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::head::{Head, HeadReader};
use crate::line::{At, LineReader};
use crate::preamble::Preamble;
use crate::sasl::Exchange;
use bare::Bare;
use body::{Body, DotLine, Habit, Scan};
pub use command::{Command, Path, Verb};
pub use event::{Anomaly, Answered, Event, Fate};
use lmtp::Lmtp;
use preamble::Header;
use proof::Unproven;
pub use reply::Reply;
use reply::ReplyReader;
use suppose::Fork;

/// Bounds of what one session may make the machine hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command line, a SASL response, or a reply.
    pub line: usize,
    /// Commands that wait for their replies.
    pub pending: usize,
    /// Octets of these commands.
    pub pending_octets: usize,
    /// Octets that cannot be read until a reply comes.
    pub stalled: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // RFC 4954 §4 asks for 12,288 octets of a response; RFC 5321 §4.5.3.1.8 for 100 recipients, and thousands are seen.
        Self { line: 64 * 1024, pending: 16 * 1024, pending_octets: 1024 * 1024, stalled: 256 * 1024 }
    }
}

/// How the client's next octets are to be read.
#[derive(Clone)]
enum Mode {
    /// As command lines.
    Command,
    /// It depends on the reply to the last command (DATA, AUTH, STARTTLS); until it comes they are held.
    Waiting,
    /// As the response to a SASL challenge.
    Response,
    /// The reply to DATA was lost: by their first line, as a message or as commands.
    Opening { transaction: u32 },
    /// As a message up to the line with a single dot.
    Body(Box<Body>),
    /// As a chunk with this many octets left.
    Chunk { left: u64, last: bool },
    /// The capture began in mid-stream: not at all, until a reply or a command tells where the dialogue stands.
    Unsynced,
    /// Encrypted: not at all.
    Dark,
}

/// What the server still owes a reply to.
#[derive(Clone)]
enum Pending {
    Command {
        command: Command,
        /// Whether [`Event::Command`] was told.
        told: bool,
        /// Of a BDAT or BURL that ended a message.
        head: Option<Box<Head>>,
    },
    EndOfData {
        transaction: u32,
        /// The head, once the message has ended.
        head: Option<Box<Head>>,
        /// A reply that came before the end.
        early: Option<Box<Reply>>,
        /// Whether octets of the message were seen, or lost.
        begun: bool,
        lost: bool,
        /// Whether the reply may have been among lost octets of the server.
        reply_lost: bool,
    },
}

impl Pending {
    /// Whether the command was told. Those that were stand before those that were not.
    fn is_told(&self) -> bool {
        !matches!(self, Self::Command { told: false, .. })
    }
}

/// The machine for one SMTP session.
#[derive(Clone)]
pub struct Smtp {
    limits: Limits,
    mode: Mode,
    client: LineReader,
    server: ReplyReader,
    pending: VecDeque<Pending>,
    pending_octets: usize,
    /// Replies still to come to commands that were given up.
    owed: usize,
    stalled: VecDeque<(At, Vec<u8>, usize)>,
    stalled_octets: usize,
    /// The exchange that goes on. Where a reply to it was lost, it does until the next command that is known as one.
    auth: Option<Box<Exchange>>,
    /// The head of a message that is being sent in chunks.
    chunks: Option<Box<HeadReader>>,
    /// The same, of one that a command ends, unless the server refuses it.
    shelved: Option<Box<HeadReader>>,
    transaction: u32,
    /// What the server said of the recipients, where it answers for each (`lmtp.rs`).
    lmtp: Option<Lmtp>,
    /// Whether the greeting is still to come.
    greeting_due: bool,
    /// Whether the client's first octets look like TLS, and the server has said nothing yet.
    maybe_tls: bool,
    /// Whether the login that was just accepted may have begun a security layer (RFC 4422 §3.7): all that follows is then in
    /// buffers, each with its length before it in four octets, of which the first is 0. No command starts so.
    maybe_layer: bool,
    /// Whether the client's octets since then look like a buffer, and the server has not said whether they are one.
    layer_open: bool,
    /// Whether the server takes chunks, where it said so.
    chunking: Option<bool>,
    /// Octets of the client were lost: lines count only from the next known command on.
    resync: bool,
    /// Lines are known to be commands: see [`Command::is_certain`].
    certain: bool,
    /// Lines may be the text of a message, until it is proved that they are not.
    unproven: Option<Box<Unproven>>,
    /// Commands were lost: replies to nothing are no surprise.
    commands_lost: bool,
    /// Replies were lost: the same.
    replies_lost: bool,
    /// The client's first octets, while they may be what a proxy says to the server.
    preamble: Option<Box<Preamble>>,
    /// What the server made of it.
    header: Header,
    /// Whether the client sent anything.
    client_began: bool,
    /// Whether it ended a line with CR LF.
    client_knows_crlf: bool,
    bare: Bare,
    /// Whether the server was heard.
    server_began: bool,
    /// Whether the first line of a capture that began in mid-stream is still to be looked at.
    first_line_due: bool,
    /// What the server takes for the end of a message, besides the end that all know.
    habit: Habit,
    /// Where the message may have ended, and it is not known yet whether it did. The machine stands still there.
    fork: Option<Box<Fork>>,
    /// Of which generation of suppositions this machine is one; 0 for the session's own.
    depth: u8,
    /// How many replies did not fit what they answered.
    strain: u32,
    /// Of a supposition: whether all was answered where others were that cannot be told from it.
    rested: bool,
}

/// Octets of the line that a capture begins with, if it is a command.
const LONGEST_FIRST_LINE: usize = 1024;

/// Where events go.
type Tell<'t> = &'t mut dyn FnMut(Event<'_>);

impl Smtp {
    /// A machine for a new session; `from_start` says whether the capture holds the connection's beginning.
    pub fn new(from_start: bool, limits: Limits) -> Self {
        Self {
            limits,
            mode: if from_start { Mode::Command } else { Mode::Unsynced },
            client: LineReader::default(),
            server: ReplyReader::default(),
            pending: VecDeque::new(),
            pending_octets: 0,
            owed: 0,
            stalled: VecDeque::new(),
            stalled_octets: 0,
            auth: None,
            chunks: None,
            shelved: None,
            transaction: 0,
            lmtp: None,
            greeting_due: from_start,
            maybe_tls: false,
            maybe_layer: false,
            layer_open: false,
            chunking: None,
            resync: false,
            certain: from_start,
            unproven: None,
            commands_lost: !from_start,
            replies_lost: false,
            preamble: from_start.then(Box::default),
            header: Header::None,
            client_began: false,
            client_knows_crlf: false,
            bare: Bare::Unknown,
            server_began: false,
            first_line_due: !from_start,
            habit: Habit::default(),
            fork: None,
            depth: 0,
            strain: 0,
            rested: false,
        }
    }

    /// Whether the session went dark.
    pub fn is_dark(&self) -> bool {
        matches!(self.mode, Mode::Dark)
    }

    /// Whether every octet that was read has been told of, so that nothing that is still to come can change what they are.
    pub fn is_quiet(&self) -> bool {
        let early = matches!(self.pending.front(), Some(Pending::EndOfData { early: Some(_), .. }));
        let doubtful = matches!(&self.mode, Mode::Body(body) if body.doubt.is_some());
        !doubtful
            && self.fork.is_none()
            && self.preamble.as_ref().is_none_or(|preamble| preamble.is_empty())
            && !matches!(self.header, Header::Refused(_))
            && self.client.is_empty()
            && self.server.is_empty()
            && self.stalled.is_empty()
            && self.auth.is_none()
            && !early
            && self.pending.back().is_none_or(Pending::is_told)
    }

    /// Octets of memory that the session takes, about, besides what every session does.
    pub fn held(&self) -> usize {
        let body = if let Mode::Body(body) = &self.mode { body.held() } else { 0 };
        let exchange = self.auth.as_ref().map_or(0, |exchange| exchange.held());
        let chunks = self.chunks.iter().chain(&self.shelved).map(|head| head.held()).sum::<usize>();
        let fork = self.fork.as_ref().map_or(0, |fork| fork.held());
        let pending = self.pending_octets + self.pending.capacity() * size_of::<Pending>();
        self.client.held() + self.server.held() + self.stalled_octets + pending + body + exchange + chunks + fork
    }

    /// Reads octets that the client sent.
    pub fn client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        let Some(passed) = self.pass_preamble(at, octets, tell) else { return };
        let (at, octets) = (at.plus(passed), octets.get(passed..).unwrap_or_default());
        if !self.client_began && !octets.is_empty() {
            self.client_began = true;
            self.first_octets(octets, tell);
        }
        if self.fork.is_none() {
            self.watch_client(octets);
        }
        if std::mem::take(&mut self.maybe_layer) && octets.first() == Some(&0) {
            // A line can begin so too: what the server says next tells.
            self.mode = Mode::Waiting;
            self.layer_open = true;
        }
        let read = self.read(at, octets, tell);
        self.settle_overdue(tell);
        let rest = octets.get(read..).unwrap_or_default();
        if rest.is_empty() || !matches!(self.mode, Mode::Waiting) {
            return;
        }
        // What it takes to hold a piece counts too, or pieces of one octet would cost many times the limit.
        let cost = rest.len() + size_of::<(At, Vec<u8>, usize)>();
        if self.stalled_octets + cost > self.limits.stalled {
            if std::mem::take(&mut self.layer_open) {
                self.go_dark(tell);
                return;
            }
            // A server that never answers must not make us hold its client's octets for ever.
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            self.stalled.push_back((at.plus(read), rest.to_vec(), 0));
            self.give_up_waiting(at.time, tell);
            return;
        }
        self.stalled_octets += cost;
        self.stalled.push_back((at.plus(read), rest.to_vec(), 0));
    }

    fn go_dark(&mut self, tell: Tell<'_>) {
        self.mode = Mode::Dark;
        self.fork = None;
        // Octets that the client sent along with STARTTLS in the clear are void (RFC 3207 §4.2).
        self.stalled = VecDeque::new();
        self.stalled_octets = 0;
        self.pending = VecDeque::new();
        self.pending_octets = 0;
        self.auth = None;
        self.client = LineReader::default();
        self.server = ReplyReader::default();
        tell(Event::Dark);
    }

    /// Reads until the octets end or the mode says to wait; gives how many were read.
    fn read(&mut self, start: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut rest = octets;
        while !rest.is_empty() {
            let at = start.plus(octets.len() - rest.len());
            if self.fork.is_some() {
                let held = self.suppose_client(at, rest, tell);
                rest = rest.get(held..).unwrap_or_default();
                continue;
            }
            match &mut self.mode {
                Mode::Unsynced if self.first_line_due => {
                    // No command line is longer (RFC 5321 §4.5.3.1.4), but for AUTH, which a capture can do without.
                    if let Some(line) = self.client.take(at, &mut rest, LONGEST_FIRST_LINE) {
                        self.first_line(line, tell);
                    }
                }
                Mode::Dark | Mode::Unsynced => return octets.len(),
                Mode::Waiting => break,
                Mode::Command => {
                    self.goes_on_behind_bare();
                    if let Some(line) = self.client.take(at, &mut rest, self.limits.line) {
                        self.line_ended(&line);
                        self.command(line, tell);
                    }
                }
                Mode::Opening { transaction } => {
                    let transaction = *transaction;
                    if let Some(line) = self.client.take(at, &mut rest, self.limits.line) {
                        self.opening(transaction, line, tell);
                    }
                }
                Mode::Response => {
                    if let Some(line) = self.client.take(at, &mut rest, self.limits.line) {
                        self.line_ended(&line);
                        self.response(line, tell);
                    }
                }
                Mode::Body(body) => {
                    let doubtful = body.doubt.is_some();
                    let scan = body.scan(rest);
                    let end = if let Scan::EndsAt(end, _) | Scan::MayEndAt(end, _) = scan { end } else { rest.len() };
                    let (octets, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                    rest = after;
                    if doubtful {
                        self.hold_doubtful(at, octets, tell);
                    } else {
                        self.body_octets(at, octets, tell);
                    }
                    match scan {
                        Scan::Whole => {}
                        Scan::MayEndAt(_, line) if !self.is_bare_alone(line) => self.suppose(at, line),
                        Scan::MayEndAt(_, line) | Scan::EndsAt(_, line) => {
                            // And no reply before it: the message went on until here.
                            self.settle_doubt(tell);
                            self.end_of_data(at, line, tell);
                        }
                    }
                }
                Mode::Chunk { .. } if self.bare == Bare::Open => self.goes_on_behind_bare(),
                Mode::Chunk { left, last } => {
                    let last = *last;
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= take as u64;
                    let whole = *left == 0;
                    let (octets, after) = rest.split_at_checked(take).unwrap_or((rest, &[]));
                    rest = after;
                    if let Some(head) = self.chunks.as_mut().filter(|head| !head.is_done()) {
                        head.push(octets);
                    }
                    let transaction = self.transaction;
                    tell(Event::Body { transaction, at, octets });
                    if whole {
                        self.chunk_ended(last);
                    }
                }
            }
        }
        octets.len() - rest.len()
    }

    /// Whether a dot stands as the client ends all of its lines, and there is no server that says what it made of it.
    fn is_bare_alone(&self, line: DotLine) -> bool {
        line == DotLine::BARE && !self.client_knows_crlf && !self.server_began
    }

    fn body_octets(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if octets.is_empty() {
            return;
        }
        if let Some(Pending::EndOfData { transaction, begun, .. }) = self.pending.front_mut() {
            *begun = true;
            tell(Event::Body { transaction: *transaction, at, octets });
        }
    }

    /// The line with the single dot was read.
    fn end_of_data(&mut self, at: At, line: DotLine, tell: Tell<'_>) {
        let Mode::Body(mut body) = std::mem::replace(&mut self.mode, Mode::Command) else { return };
        if line != DotLine::END {
            tell(Event::Anomaly(Anomaly::BareLfEnd));
        }
        if let Some(doubt) = &mut body.doubt {
            // What followed are commands.
            self.stalled_octets = doubt.cost;
            self.stalled = std::mem::take(&mut doubt.held);
        }
        if let Some(Pending::EndOfData { head, early, reply_lost, .. }) = self.pending.front_mut() {
            *head = Some(Box::new(body.into_head()));
            if let Some(reply) = early.take() {
                let strain = self.strain;
                self.answer(*reply, tell);
                // It was judged when it came.
                self.strain = strain;
            } else if *reply_lost {
                self.message_answered(None, at.time, tell);
            }
        }
    }
}
