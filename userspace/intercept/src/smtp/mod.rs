//! What of an SMTP session is covered, and what is told of it (TS 102 232-2 annex A).
//!
//! This file takes what the machine says; `envelope.rs` decides whose a transaction is, `transaction.rs` holds it, `burl.rs` adds
//! what the server fetched for it, `message.rs` tells of it, and `logon.rs` tells of the session.

mod burl;
mod envelope;
mod logon;
mod message;
mod receiver;
mod secret;
mod transaction;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use writ_mail::At;
use writ_mail::smtp::{Answered, Command, Event, Reply, Verb};
use writ_wire::{Direction, Time};

use crate::context::Context;
use crate::cover::{Covers, Piece};
use crate::record::{Notice, Protocol};
use crate::told::Told;
use logon::{Hello, Login};
use secret::{Suspicion, hidden_reply};
use transaction::Transaction;

/// Follows one SMTP session.
pub(crate) struct Follow {
    pub(crate) covers: Covers,
    client: IpAddr,
    server: IpAddr,
    /// Of the index that the client was last looked up in.
    generation: u64,
    hello: Option<Hello>,
    login: Option<Box<Login>>,
    /// In the order of their MAIL. Only chunks sent ahead of replies make it more than one; all but the first wait for the
    /// reply to MAIL, so there are no more than commands that the machine lets wait.
    transactions: VecDeque<Transaction>,
    /// Octets that they hold together, at most: counted when they come, and anew when there seem to be too many.
    held: usize,
    /// Octets of a QUIT that is not answered yet.
    quit_octets: u64,
    /// Whether the client's end of the session was told.
    ended: bool,
    /// Stream offsets, the client's and the server's, up to which what encryption can follow was read: a command with its reply,
    /// or a login.
    pub(crate) clear_to: (u64, u64),
    /// What of both streams the machine has told of.
    pub(crate) told: Told,
    /// Where passwords may stand that are no part of a login.
    suspicion: Suspicion,
    /// Whether what the server says now is to a line that was overwritten.
    reply_is_secret: bool,
    /// Whether any octet of the server was captured.
    server_heard: bool,
}

impl Follow {
    pub(crate) fn new(client: SocketAddr, server: SocketAddr, ctx: &Context<'_>) -> Self {
        let mut follow = Self {
            covers: Covers::new(Protocol::Smtp, client, server),
            client: client.ip(),
            server: server.ip(),
            generation: 0,
            hello: None,
            login: None,
            transactions: VecDeque::new(),
            held: 0,
            quit_octets: 0,
            ended: false,
            clear_to: (0, 0),
            told: Told::default(),
            suspicion: Suspicion::default(),
            reply_is_secret: false,
            server_heard: false,
        };
        follow.look_up_client(ctx);
        follow
    }

    /// Finds the warrants that have the client as a target, by what is known of it. Done again when warrants have changed.
    fn look_up_client(&mut self, ctx: &Context<'_>) {
        if self.generation == ctx.index.generation() {
            return;
        }
        self.generation = ctx.index.generation();
        let mut found = Vec::new();
        ctx.index.by_ip(self.client, &mut found);
        self.covers.mark(&found, |cover| cover.by_address = true);
        if let Some(login) = &self.login {
            let found = login.targets(self.server, ctx);
            self.covers.mark(&found, |cover| cover.by_login = true);
        }
    }

    /// Stream offsets, the client's and the server's, before which it is known of each octet whether it is covered, and said.
    pub(crate) fn decided_to(&self) -> (u64, u64) {
        self.transactions.iter().fold(self.told.up_to(), |upto, open| open.decided_to(upto))
    }

    /// Octets that are held until it is known whether they are covered.
    pub(crate) fn held(&self) -> usize {
        self.told.held() + if self.transactions.is_empty() { 0 } else { self.held }
    }

    /// The places of the warrants that would see more of this session if it were followed on.
    pub(crate) fn unfinished(&self) -> Vec<usize> {
        let sessions = self.covers.places(|cover| cover.is_open() && cover.has_session() && !self.ended);
        let messages = self.transactions.iter().flat_map(Transaction::covers);
        messages.filter(|at| !sessions.contains(at)).chain(sessions.iter().copied()).collect()
    }

    /// Takes what the machine says.
    pub(crate) fn event(&mut self, event: &Event<'_>, ctx: &mut Context<'_>) {
        self.follow_offsets(event);
        // What stands for the reply to a command that was given up has no octets.
        if let Event::Greeting(reply) | Event::Reply { reply: Some(reply), .. } = event
            && !reply.octets.is_empty()
        {
            self.heard();
        }
        match event {
            Event::Greeting(_) => {}
            Event::Command(command) => self.command(command, ctx),
            Event::Reply { to: Answered::Command(command), reply } => self.reply(command, *reply, ctx),
            Event::Reply { to: Answered::EndOfData { transaction }, reply } => {
                self.reply_octets(*transaction, *reply, ctx);
            }
            Event::Recipient { transaction, number, fate } => {
                if let Some(open) = self.open(*transaction) {
                    open.recipient_answered(*number, *fate);
                }
            }
            Event::Body { transaction, at, octets } => self.body(*transaction, *at, octets, ctx),
            Event::Message { transaction, time, fate, head } => self.message(*transaction, *time, *fate, head, ctx),
            Event::Auth { exchange, outcome, .. } => self.auth(exchange, *outcome, ctx),
            Event::Dark => self.transactions.drain(..).for_each(|open| open.release(ctx)),
            Event::Lost { from, time, octets, transaction } => self.lost(*from, *time, *octets, *transaction, ctx),
            Event::Anomaly(anomaly) => ctx.counters.anomaly(*anomaly),
        }
    }

    fn follow_offsets(&mut self, event: &Event<'_>) {
        let (client, server) = (Direction::FromClient, Direction::FromServer);
        if let Event::Greeting(reply) | Event::Reply { reply: Some(reply), .. } = event {
            self.told.add(server, reply.offset..reply.offset + reply.wire_octets());
        }
        match event {
            Event::Command(Command { line, .. }) => {
                self.told.add(client, line.offset..line.offset + line.wire_octets());
            }
            Event::Reply { to: Answered::Command(Command { line, .. }), reply: Some(reply) } => {
                self.clear_to = (line.offset + line.wire_octets(), reply.offset + reply.wire_octets());
            }
            Event::Body { at, octets, .. } => self.told.add(client, at.offset..at.offset + octets.len() as u64),
            Event::Auth { exchange, .. } => {
                for step in &exchange.steps {
                    let end = step.offset + step.octets.len() as u64;
                    self.told.add(step.from, step.offset..end);
                    match step.from {
                        Direction::FromClient => self.clear_to.0 = end,
                        Direction::FromServer => self.clear_to.1 = end,
                    }
                }
            }
            _ => {}
        }
    }

    /// Where the transaction stands; `None` where its MAIL was not captured, and then nothing of it is handed over.
    fn place_of(&self, serial: u32) -> Option<usize> {
        // Serials count up from the first, and may have passed their greatest value.
        let first = self.transactions.front()?.serial;
        self.transactions.binary_search_by_key(&serial.wrapping_sub(first), |open| open.serial.wrapping_sub(first)).ok()
    }

    fn open(&mut self, serial: u32) -> Option<&mut Transaction> {
        let at = self.place_of(serial)?;
        self.transactions.get_mut(at)
    }

    fn command(&mut self, command: &Command, ctx: &mut Context<'_>) {
        let line = &command.line;
        let hidden = self.suspicion.hidden(command);
        // Told in the order of the replies: what was lost before it may have been told of before its transaction was.
        self.doubt(!command.is_certain);
        let open = match &command.verb {
            Verb::Mail(path) => self.mail(command, path, ctx),
            Verb::Rcpt(path) => self.rcpt(command, path, ctx),
            Verb::Quit => {
                self.quit_octets = line.wire_octets();
                None
            }
            // Of the session, not of a transaction in it.
            Verb::Hello | Verb::StartTls | Verb::Auth => None,
            _ => self.place_of(command.transaction),
        };
        let Some(at) = open else { return };
        if let Some(open) = self.transactions.get_mut(at) {
            open.client_octets += line.wire_octets();
            open.cut(line.cut, ctx);
        }
        let place = (line.offset, line.first, line.last);
        let octets = hidden.as_deref().unwrap_or(&line.octets);
        self.content(at, Direction::FromClient, place, (octets, hidden.is_some()), ctx);
        if let Verb::Burl { .. } = &command.verb {
            self.burl(at, command, ctx);
        }
    }

    fn reply(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        // Where the reply was lost, the client's going on is all there is to judge by.
        let accepted = reply.is_none_or(Reply::is_positive);
        self.reply_is_secret = self.suspicion.hidden(command).is_some();
        match &command.verb {
            Verb::StartTls if !accepted => self.suspicion.login_seen(),
            Verb::Hello => self.hello(command, reply, ctx),
            Verb::Quit => self.quit(command, reply, ctx),
            Verb::Mail(_) if accepted => self.mail_accepted(command, reply, ctx),
            Verb::Mail(_) => self.mail_refused(command, reply, ctx),
            Verb::Rcpt(path) => self.rcpt_answered(command, &path.mailbox, accepted, reply, ctx),
            Verb::Data => self.data_answered(command, reply, ctx),
            Verb::Rset => {
                self.reply_octets(command.transaction, reply, ctx);
                if accepted {
                    self.abandon_up_to(command.transaction, command.line.last, ctx);
                }
            }
            Verb::Bdat { .. } | Verb::Burl { .. } => {
                self.chunk_answered(command, reply, ctx);
                self.reply_octets(command.transaction, reply, ctx);
            }
            _ => self.reply_octets(command.transaction, reply, ctx),
        }
        self.reply_is_secret = false;
    }

    fn body(&mut self, serial: u32, at: At, octets: &[u8], ctx: &mut Context<'_>) {
        let Some(place) = self.place_of(serial) else { return };
        let Some(open) = self.transactions.get_mut(place) else { return };
        open.client_octets += octets.len() as u64;
        open.content_begun = true;
        open.close_envelope(&mut self.covers, ctx);
        self.content(place, Direction::FromClient, (at.offset, at.time, at.time), (octets, false), ctx);
    }

    /// Counts a reply.
    fn reply_counted(&mut self, serial: u32, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let Some(reply) = reply else { return };
        if let Some(open) = self.open(serial) {
            open.server_octets += reply.wire_octets();
            open.cut(reply.cut, ctx);
        }
    }

    /// Counts a reply, and adds it to the content of its transaction.
    fn reply_octets(&mut self, serial: u32, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        self.reply_counted(serial, reply, ctx);
        let Some(reply) = reply else { return };
        let Some(at) = self.place_of(serial) else { return };
        // Some servers repeat what they do not know.
        let hidden = self.suspicion.hides(self.reply_is_secret, reply).then(|| hidden_reply(reply));
        let octets = hidden.as_deref().unwrap_or(&reply.octets);
        let place = (reply.offset, reply.first, reply.last);
        self.content(at, Direction::FromServer, place, (octets, hidden.is_some()), ctx);
    }

    /// Adds to the content of a transaction, overwritten or as it was, where some warrant wants content.
    fn content(
        &mut self,
        at: usize,
        from: Direction,
        (offset, first, last): (u64, Time, Time),
        (octets, redacted): (&[u8], bool),
        ctx: &mut Context<'_>,
    ) {
        let wanted = ctx.index.wants_content() || ctx.index.wants_packets();
        if !wanted || !self.transactions.get(at).is_some_and(|open| open.wants_content(&self.covers)) {
            return;
        }
        let on_wire = octets.len() as u64;
        let octets = Bytes::copy_from_slice(octets);
        self.add(at, Piece { from, offset, first, last, octets, redacted, on_wire }, ctx);
    }

    /// Adds a piece to the content of a transaction, within what the session may hold.
    fn add(&mut self, at: usize, piece: Piece, ctx: &mut Context<'_>) {
        let limit = ctx.settings.hold_octets;
        if self.held + piece.octets.len() + size_of::<Piece>() > limit {
            self.held = self.transactions.iter().map(Transaction::held_octets).sum();
        }
        if let Some(open) = self.transactions.get_mut(at) {
            let before = open.held_octets();
            let elsewhere = self.held.saturating_sub(before);
            open.add(&mut self.covers, ctx, piece, limit.saturating_sub(elsewhere));
            self.held = elsewhere + open.held_octets();
        }
    }

    /// Commands may be missing: the transaction that was open may be over, and another's begun. Under warrants that have the
    /// client as their target all of it is theirs; under others nothing more is handed over.
    fn doubt(&mut self, commands_lost: bool) {
        if commands_lost {
            self.transactions.iter_mut().for_each(|open| open.doubt(&self.covers));
        }
    }

    /// Octets were not captured.
    fn lost(&mut self, from: Direction, time: Time, octets: u64, serial: Option<u32>, ctx: &mut Context<'_>) {
        let from_client = from == Direction::FromClient;
        let last = self.transactions.len().checked_sub(1);
        let open = serial.map_or(last, |serial| self.place_of(serial)).and_then(|at| self.transactions.get_mut(at));
        if let Some(open) = open {
            open.missed(octets, from_client);
            open.tell_missing(&mut self.covers, ctx, time);
            self.doubt(from_client && serial.is_none());
            return;
        }
        for cover in self.covers.places(|cover| cover.is_whole() || cover.begun && serial.is_none()) {
            if self.covers.tell_notice(cover, ctx, time, Notice::OctetsMissed { octets, from_client }) {
                ctx.counters.covered_octets_missed += octets;
            }
        }
    }
}
