//! IMAP4 (RFC 3501, RFC 9051) and the extensions that change how a session is read: literals of every kind (RFC 7888, RFC 3516),
//! AUTHENTICATE with an initial response (RFC 4959), IDLE (RFC 2177), COMPRESS=DEFLATE (RFC 4978), UNAUTHENTICATE (RFC 8437),
//! MULTIAPPEND (RFC 3502), CATENATE (RFC 4469), REPLACE (RFC 8508), CONVERT (RFC 5259), URLAUTH (RFC 4467).
//!
//! Octets are told as they are read and never held for their own sake. What is held is what must be known first: the name of a
//! command before any octet of it is told, for it may be a login; and the client's octets while the server's answer decides how
//! they are to be read. This file feeds the two ends; `client.rs` reads commands, `server.rs` responses, `settle.rs` what they
//! come to together, `loss.rs` what was not captured.

mod append;
mod asked;
mod capability;
mod client;
mod command;
mod compress;
mod downloads;
mod envelope;
mod fetch;
mod inflate;
mod login;
mod loss;
mod pending;
mod preamble;
mod scan;
mod server;
mod settle;
mod span;
mod tags;
#[cfg(test)]
mod tests;
mod urlfetch;

use writ_wire::{Direction, Time};

use crate::access::{Anomaly, Closing, Event, Layer, Machine, Tell};
use crate::line::At;
use crate::preamble::Preamble;
use client::Client;
use pending::{Ending, Queue};
use server::Server;
use span::Span;
use tags::Tags;

/// How content of a compressed session is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compressed {
    /// As what it says.
    #[default]
    Inflated,
    /// As it crossed the wire, for as long as all of it is of whoever was logged in when compression began. From the first
    /// command on that could change this (LOGIN, AUTHENTICATE, UNAUTHENTICATE, PROXYAUTH) it is told inflated: what crosses the wire
    /// then holds a secret, or another user's octets, and cannot be cut.
    AsOnTheWire,
}

/// Bounds of what one session may make the machine hold, and how it tells what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one line or literal of a login, or of the server's answer to it.
    pub line: usize,
    /// Commands in flight.
    pub pending: usize,
    /// Octets of commands that are held as long as they are in flight: tags, and lines that may be a password.
    pub pending_octets: usize,
    /// Octets of the client that cannot be read until the server has answered.
    pub stalled: usize,
    /// Transfers of one command that wait for its end to be told.
    pub transfers: usize,
    /// Lists within lists; deeper ones are told as [`Anomaly::OverLimit`].
    pub nesting: u32,
    /// Octets that a compressed stream may give beyond a hundred for each that it takes; past it the session is left alone.
    pub inflated: u64,
    /// Octets of commands that it may give beyond twenty for each that it takes, what literals hold not counted.
    pub inflated_commands: u64,
    /// The same of responses.
    pub inflated_responses: u64,
    /// How content of a compressed session is told.
    pub compressed: Compressed,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 64 * 1024,
            pending: 4096,
            pending_octets: 256 * 1024,
            stalled: 256 * 1024,
            transfers: 1000,
            nesting: 100,
            inflated: 64 << 20,
            inflated_commands: 1 << 20,
            inflated_responses: 8 << 20,
            compressed: Compressed::Inflated,
        }
    }
}

/// The machine for one IMAP4 session.
pub struct Imap {
    limits: Limits,
    client: Client,
    server: Server,
    pending: Queue,
    /// Whether the greeting is still to come.
    greeting_due: bool,
    /// What may be a header of a proxy, until it is known to be none or was read.
    preamble: Option<Box<Preamble>>,
    /// Whether the client has sent anything.
    client_began: bool,
    /// Whether the server has.
    server_began: bool,
    /// Whether the client's first octets look like TLS, and the server has said nothing yet.
    maybe_tls: bool,
    /// Whether the login that was just accepted began a security layer.
    layer: Layer,
    /// Whether somebody has logged in.
    logged_in: bool,
    /// A login was refused: what the client sent ahead may be the rest of it, and a line that is no command a password.
    suspicious: bool,
    /// Whether a line of a login, or what answers it, may have been lost, and no login was seen whole since: the server may
    /// repeat a password in any refusal.
    hidden: bool,
    /// Commands were lost before this one: responses to nothing are no surprise, what they say as their tag may be a
    /// password, and what reads like a command may be the text of a message.
    lost_before: Option<u64>,
    /// Where answers may be others': constant tags, and one was lost.
    tags: Tags,
    /// Whether a compressed stream is told as on the wire.
    on_the_wire: bool,
    /// A LOGOUT that was accepted, and is told once the server's last flush is.
    late_logoff: Option<Closing>,
    /// A LOGOUT that was refused, and that no command came after.
    refused_logout: Option<Closing>,
    dark: bool,
}

impl Imap {
    /// A machine for a new session; `from_start` says whether the capture holds the connection's beginning.
    pub fn new(from_start: bool, limits: Limits) -> Self {
        Self {
            limits,
            client: Client::new(from_start),
            server: Server::new(from_start),
            pending: Queue::default(),
            greeting_due: from_start,
            preamble: from_start.then(Box::default),
            client_began: false,
            server_began: false,
            maybe_tls: false,
            layer: Layer::None,
            logged_in: false,
            suspicious: false,
            hidden: !from_start,
            lost_before: (!from_start).then_some(0),
            tags: Tags::default(),
            on_the_wire: false,
            late_logoff: None,
            refused_logout: None,
            dark: false,
        }
    }

    /// What the first octets of a client tell about the session.
    fn first_octets(&mut self, octets: &[u8], tell: Tell<'_>) {
        // A TLS record: handshake (22) (RFC 8446 §5.1). No command starts so.
        if octets.first() == Some(&0x16) {
            if self.greeting_due {
                // A server of TLS does not greet; one of IMAP4 takes these octets for a command. Its first octet will tell.
                self.maybe_tls = true;
                self.client.wait();
            } else if !self.client.is_synced() {
                self.go_dark(tell);
            }
        }
    }

    /// Whether the client's first octet after the login may begin a security layer: it is not read then.
    fn layer_may_begin(&mut self, octets: &[u8]) -> bool {
        if self.layer == Layer::MayBegin {
            self.layer = Layer::None;
            if octets.first() == Some(&0) {
                self.layer = Layer::ClientBegan;
                self.client.wait();
            }
        }
        self.layer == Layer::ClientBegan
    }

    /// Whether a security layer has begun, by the server's first octet after the login. If not, what the client sent was text.
    fn layer_begins(&mut self, octets: &[u8], time: Time, tell: Tell<'_>) -> bool {
        let layer = std::mem::take(&mut self.layer);
        if layer != Layer::None && octets.first() == Some(&0) {
            self.lose_the_thread(time, tell);
            return true;
        }
        if layer == Layer::ClientBegan {
            self.client.go_on();
            self.resume(tell);
        }
        self.dark
    }

    /// Nothing more is read.
    fn go_dark(&mut self, tell: Tell<'_>) {
        self.dark = true;
        let compressed = self.client.inflater.is_some();
        // Octets that the client sent along with STARTTLS in the clear are void (RFC 3501 §6.2.1).
        self.client = Client::new(false);
        self.server = Server::new(false);
        self.pending = Queue::default();
        tell(Event::Dark { compressed });
    }

    /// The session cannot be followed any further: what is known of it is told first.
    fn lose_the_thread(&mut self, time: Time, tell: Tell<'_>) {
        // What waits is as unreadable as what is still to come.
        self.client.drop_held();
        self.tell_unfinished(time, tell);
        self.end_all(Ending::Closed, time, tell);
        self.tell_late_logoff(tell);
        self.go_dark(tell);
    }

    fn tell_late_logoff(&mut self, tell: Tell<'_>) {
        if let Some(closing) = self.late_logoff.take() {
            tell(Event::Logoff(closing));
        }
    }

    /// Reads octets of the client until they end or wait for the server; gives how many.
    fn feed_client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut read = 0;
        while !self.dark && !self.client.is_waiting() {
            let rest = octets.get(read..).unwrap_or_default();
            if self.client.inflater.is_none() {
                let skipped = self.client.flush.skip(rest);
                read += skipped;
                if skipped > 0 {
                    continue;
                }
            } else {
                read += self.inflate_client(at.plus(read), rest, tell);
                break;
            }
            if rest.is_empty() {
                break;
            }
            read += self.read_client(Span::plain(at.plus(read)), rest, tell);
        }
        if self.dark { octets.len() } else { read }
    }

    /// Reads what was held until the answer came.
    fn resume(&mut self, tell: Tell<'_>) {
        while !self.dark && !self.client.is_waiting() {
            if self.read_left_over(tell) {
                continue;
            }
            let Some(piece) = self.client.held.take() else { return };
            let (at, octets) = piece.rest();
            let read = self.feed_client(at, octets, tell);
            self.client.held.give_back(piece, read);
        }
    }

    /// Reads the client's octets behind what a proxy said.
    fn read_commands(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if self.dark || octets.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.client_began, true) {
            self.first_octets(octets, tell);
        }
        // A client that goes on has seen the answer that was not captured.
        self.go_on_without_answer(at.time, tell);
        let mut rest = octets;
        let mut start = at;
        while !rest.is_empty() && !self.dark {
            let read = self.feed_client(start, rest, tell);
            start = start.plus(read);
            rest = rest.get(read..).unwrap_or_default();
            if !rest.is_empty() && self.go_on_without_answer(start.time, tell) {
                continue;
            }
            if rest.is_empty() || self.dark || self.client.held.hold(start, rest, self.limits.stalled) {
                return;
            }
            // A server that never answers must not make us hold its client's octets for ever.
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            self.give_up_waiting(start.time, tell);
        }
    }
}

impl Machine for Imap {
    fn client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if let Some(passed) = self.pass_preamble(at, octets, tell) {
            self.read_commands(at.plus(passed), octets.get(passed..).unwrap_or_default(), tell);
        }
    }

    fn server(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        if self.dark || octets.is_empty() {
            return;
        }
        self.server_began = true;
        self.no_preamble(tell);
        if std::mem::take(&mut self.maybe_tls) {
            // A TLS record of the server: handshake (22) or alert (21). No response starts so.
            if let [0x15 | 0x16, ..] = octets {
                self.go_dark(tell);
                return;
            }
            self.client.go_on();
            self.resume(tell);
        }
        let mut read = 0;
        while read < octets.len() && !self.dark {
            if self.server.inflater.is_none() {
                read += self.server.flush.skip(octets.get(read..).unwrap_or_default());
            }
            let (at, rest) = (at.plus(read), octets.get(read..).unwrap_or_default());
            read += if self.server.inflater.is_some() {
                self.inflate_server(at, rest, tell)
            } else {
                self.read_server(Span::plain(at), rest, tell)
            };
        }
        if self.server.inflater.is_none() || self.server.flush.is_over() {
            self.tell_late_logoff(tell);
        }
    }

    fn gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        if self.dark || octets == 0 {
            return;
        }
        self.no_preamble(tell);
        // What is lost of a header counts like any other octets.
        self.preamble.take_if(|_| from == Direction::FromClient);
        match from {
            Direction::FromClient => self.client_gap(time, octets, tell),
            Direction::FromServer => self.server_gap(time, octets, tell),
        }
        self.resume(tell);
    }

    fn close(&mut self, time: Time, tell: Tell<'_>) {
        if self.dark {
            return;
        }
        self.no_preamble(tell);
        self.tell_unfinished(time, tell);
        self.end_all(Ending::Closed, time, tell);
        self.tell_late_logoff(tell);
        // It was the client's last word, and the connection's end the server's.
        if let Some(closing) = self.refused_logout.take().filter(|_| !self.dark) {
            tell(Event::Logoff(closing));
        }
    }

    fn is_dark(&self) -> bool {
        self.dark
    }

    fn is_quiet(&self) -> bool {
        let preamble = self.preamble.as_ref().is_none_or(|preamble| preamble.is_empty());
        preamble && self.client.is_quiet() && self.server.is_quiet() && !self.pending.has_login()
    }

    fn held(&self) -> usize {
        let preamble = self.preamble.as_ref().map_or(0, |preamble| preamble.held());
        self.client.held() + self.server.held() + self.pending.held() + preamble
    }
}
