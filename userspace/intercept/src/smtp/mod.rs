//! What of an SMTP session is covered, and what is told of it (TS 102 232-2 annex A).

mod logon;
mod message;
mod transaction;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use writ_mail::smtp::{Answered, Command, Event, Reply, Verb};
use writ_wire::{Direction, Time};

use crate::context::Context;
use crate::cover::{Covers, Piece};
use crate::record::{Notice, Protocol};
use crate::warrant::Warrant;
use logon::{Hello, Login};
use transaction::{Cause, Transaction};

/// Transactions of one session that can be open at once: only chunks sent ahead of replies make it more than one.
const MAX_TRANSACTIONS: usize = 64;

/// Follows one SMTP session.
pub(crate) struct Follow {
    pub(crate) covers: Covers,
    client: IpAddr,
    server: IpAddr,
    /// Of the index that the client was last looked up in.
    generation: u64,
    hello: Option<Hello>,
    login: Option<Box<Login>>,
    transactions: VecDeque<Transaction>,
    /// Octets of a QUIT that is not answered yet.
    quit_octets: u64,
    /// Whether the client's end of the session was told.
    ended: bool,
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
            quit_octets: 0,
            ended: false,
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
        if let Some(login) = &self.login {
            login.targets(self.server, ctx, &mut found);
        }
        for warrant in &found {
            self.covers.add_client(warrant);
        }
    }

    /// Whether it is not yet known of all that was read whether it is covered.
    pub(crate) fn is_undecided(&self) -> bool {
        self.transactions.iter().any(Transaction::is_undecided)
    }

    /// Takes what the machine says.
    pub(crate) fn event(&mut self, event: &Event<'_>, ctx: &mut Context<'_>) {
        match event {
            Event::Greeting(_) => {}
            Event::Command(command) => self.command(command, ctx),
            Event::Reply { to: Answered::Command(command), reply } => self.reply(command, *reply, ctx),
            Event::Reply { to: Answered::EndOfData { transaction }, reply } => {
                self.reply_octets(*transaction, *reply, ctx)
            }
            Event::Body { transaction, at, octets } => {
                let implicit = *transaction == 0;
                let open = self.open_or_implicit(*transaction, at.time, implicit);
                let Some(open) = open.and_then(|at| self.transactions.get_mut(at)) else { return };
                open.client_octets += octets.len() as u64;
                if !open.envelope_closed {
                    open.envelope_closed = true;
                    open.flush(&mut self.covers, ctx);
                }
                if open.wants_content(&self.covers) {
                    let piece = Piece {
                        from: Direction::FromClient,
                        offset: at.offset,
                        first: at.time,
                        last: at.time,
                        octets: Bytes::copy_from_slice(octets),
                        redacted: false,
                    };
                    open.add(&mut self.covers, ctx, piece);
                }
            }
            Event::Message { transaction, time, fate, head } => self.message(*transaction, *time, *fate, head, ctx),
            Event::Auth { exchange, outcome, .. } => self.auth(exchange, *outcome, ctx),
            Event::Dark => {
                ctx.counters.upgraded_sessions += 1;
                self.transactions.clear();
            }
            Event::Lost { from, time, octets, transaction } => self.lost(*from, *time, *octets, *transaction, ctx),
            Event::Anomaly(anomaly) => ctx.counters.anomaly(*anomaly),
        }
    }

    fn place_of(&self, serial: u32) -> Option<usize> {
        self.transactions.iter().position(|open| open.serial == serial)
    }

    /// The transaction, or a new one where its MAIL was not captured.
    fn open_or_implicit(&mut self, serial: u32, first: Time, implicit: bool) -> Option<usize> {
        if let Some(at) = self.place_of(serial) {
            return Some(at);
        }
        if !implicit {
            return None;
        }
        let mut new = Transaction::new(serial, first, None);
        // Nothing hangs on a MAIL that is not there.
        new.envelope_told(&Cause::Sender, Vec::new());
        new.envelope_answered();
        for cover in self.covers.of_client() {
            new.matched(cover, Cause::Sender);
        }
        self.push(new);
        self.place_of(serial)
    }

    fn push(&mut self, new: Transaction) {
        if self.transactions.len() == MAX_TRANSACTIONS {
            self.transactions.pop_front();
        }
        self.transactions.push_back(new);
    }

    fn command(&mut self, command: &Command, ctx: &mut Context<'_>) {
        let line = &command.line;
        let mut found: Vec<Arc<Warrant>> = Vec::new();
        let open = match &command.verb {
            Verb::Mail(path) => {
                self.look_up_client(ctx);
                let mut new = Transaction::new(command.transaction, line.first, Some(&path.mailbox));
                ctx.index.by_mailbox(&path.mailbox, &mut found);
                // The client's own warrants hang on the reply too: chunks can come before it.
                let own = self.covers.iter().filter(|cover| cover.client).map(|cover| Arc::clone(&cover.warrant));
                found.extend(own);
                new.envelope_told(&Cause::Sender, found);
                self.push(new);
                self.place_of(command.transaction)
            }
            Verb::Rcpt(path) => {
                ctx.index.by_mailbox(&path.mailbox, &mut found);
                let open = self.open_or_implicit(command.transaction, line.first, command.transaction == 0);
                if let Some(open) = open.and_then(|at| self.transactions.get_mut(at)) {
                    open.envelope_told(&Cause::Recipient(path.mailbox.clone()), found);
                }
                open
            }
            Verb::Quit => {
                self.quit_octets = line.wire_octets();
                return;
            }
            // Of the session, not of a transaction in it.
            Verb::Hello | Verb::StartTls | Verb::Auth => return,
            _ => self.place_of(command.transaction),
        };
        let Some(open) = open.and_then(|at| self.transactions.get_mut(at)) else { return };
        open.client_octets += line.wire_octets();
        if ctx.index.wants_content() || ctx.index.wants_packets() {
            let piece = Piece {
                from: Direction::FromClient,
                offset: line.offset,
                first: line.first,
                last: line.last,
                octets: Bytes::copy_from_slice(&line.octets),
                redacted: false,
            };
            open.add(&mut self.covers, ctx, piece);
        }
    }

    fn reply(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        // Where the reply was lost, the client's going on is all there is to judge by.
        let accepted = reply.is_none_or(Reply::is_positive);
        match &command.verb {
            Verb::Hello => self.hello(command, reply, ctx),
            Verb::Quit => self.quit(command, reply, ctx),
            Verb::Mail(_) if accepted => self.mail_accepted(command, reply, ctx),
            Verb::Mail(_) => self.mail_refused(command, reply, ctx),
            Verb::Rcpt(path) => self.rcpt_answered(command, &path.mailbox, accepted, reply, ctx),
            Verb::Data => {
                let go_ahead = reply.is_none_or(Reply::is_intermediate);
                self.reply_octets(command.transaction, reply, ctx);
                if let Some(open) = find(&mut self.transactions, command.transaction) {
                    open.refused |= !go_ahead;
                    if go_ahead {
                        open.envelope_closed = true;
                        open.flush(&mut self.covers, ctx);
                    }
                }
            }
            Verb::Rset => {
                self.reply_octets(command.transaction, reply, ctx);
                if accepted {
                    self.abandon_to(command.transaction, command.line.last, ctx);
                }
            }
            _ => {
                self.reply_octets(command.transaction, reply, ctx);
                if let (Verb::Bdat { .. } | Verb::Burl { .. }, false) = (&command.verb, accepted)
                    && let Some(open) = find(&mut self.transactions, command.transaction)
                {
                    open.refused = true;
                }
            }
        }
    }

    /// Counts a reply, and adds it to the content of its transaction.
    fn reply_octets(&mut self, serial: u32, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        let Some(reply) = reply else { return };
        let Some(open) = find(&mut self.transactions, serial) else { return };
        open.server_octets += reply.wire_octets();
        if (ctx.index.wants_content() || ctx.index.wants_packets()) && open.wants_content(&self.covers) {
            open.add(&mut self.covers, ctx, piece_of(reply));
        }
    }

    fn mail_accepted(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        // The server took a new MAIL, so what was open before is over.
        let serial = command.transaction;
        if let Some(before) = serial.checked_sub(1) {
            self.abandon_to(before, command.line.last, ctx);
        }
        let Some(open) = self.place_of(serial) else { return };
        let time = reply.map_or(command.line.last, |reply| reply.last);
        let first = command.line.first;
        let settled = self.transactions.get_mut(open).map(Transaction::envelope_answered).unwrap_or_default();
        // The client's own warrants, and those of the sender: the latter for this transaction alone.
        let mut covered = self.covers.of_client();
        for (_, warrant) in settled {
            let at = self.covers.place(&warrant);
            if !covered.contains(&at) {
                covered.push(at);
            }
        }
        for at in covered {
            let Some(cover) = self.covers.get_mut(at) else { continue };
            if !cover.warrant.covers(first) || !cover.warrant.covers(time) {
                continue;
            }
            cover.session = true;
            self.begin(at, ctx);
            if let Some(open) = self.transactions.get_mut(open) {
                open.matched(at, Cause::Sender);
            }
        }
        self.reply_octets(serial, reply, ctx);
    }

    fn mail_refused(&mut self, command: &Command, reply: Option<&Reply>, ctx: &mut Context<'_>) {
        self.reply_octets(command.transaction, reply, ctx);
        let Some(at) = self.place_of(command.transaction) else { return };
        let Some(mut refused) = self.transactions.remove(at) else { return };
        match at.checked_sub(1).and_then(|before| self.transactions.get_mut(before)) {
            // RFC 5321 §4.1.4: a nested MAIL; the transaction before it goes on.
            Some(open) => open.absorb(refused, &mut self.covers, ctx),
            None => {
                refused.refused = true;
                let time = reply.map_or(command.line.last, |reply| reply.last);
                self.failed_sender(refused, time, ctx);
            }
        }
    }

    fn rcpt_answered(
        &mut self,
        command: &Command,
        mailbox: &str,
        accepted: bool,
        reply: Option<&Reply>,
        ctx: &mut Context<'_>,
    ) {
        let time = reply.map_or(command.line.last, |reply| reply.last);
        let Some(open) = find(&mut self.transactions, command.transaction) else {
            return;
        };
        let settled = open.envelope_answered();
        open.refused |= !accepted;
        if accepted {
            open.add_recipient(mailbox);
            for (cause, warrant) in settled {
                if warrant.covers(open.first) && warrant.covers(time) {
                    let cover = self.covers.place(&warrant);
                    open.matched(cover, cause);
                }
            }
        }
        self.reply_octets(command.transaction, reply, ctx);
        if let Some(open) = find(&mut self.transactions, command.transaction) {
            open.flush(&mut self.covers, ctx);
        }
    }

    fn lost(&mut self, from: Direction, time: Time, octets: u64, serial: Option<u32>, ctx: &mut Context<'_>) {
        let from_client = from == Direction::FromClient;
        let last = self.transactions.len().checked_sub(1);
        let open = serial.map_or(last, |serial| self.place_of(serial)).and_then(|at| self.transactions.get_mut(at));
        if let Some(open) = open {
            open.missed(octets, from_client);
            open.tell_missing(&mut self.covers, ctx, time);
            return;
        }
        for cover in self.covers.of_session() {
            if self.covers.is_open(cover) {
                ctx.counters.covered_octets_missed += octets;
                self.covers.tell_notice(cover, ctx, time, Notice::OctetsMissed { octets, from_client });
            }
        }
    }
}

fn find(transactions: &mut VecDeque<Transaction>, serial: u32) -> Option<&mut Transaction> {
    transactions.iter_mut().find(|open| open.serial == serial)
}

fn piece_of(reply: &Reply) -> Piece {
    Piece {
        from: Direction::FromServer,
        offset: reply.offset,
        first: reply.first,
        last: reply.last,
        octets: Bytes::copy_from_slice(&reply.octets),
        redacted: false,
    }
}
