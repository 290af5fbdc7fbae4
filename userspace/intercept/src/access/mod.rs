//! What of a session of POP3 or IMAP4 is covered, and what is told of it (TS 102 232-2 annexes B and C).
//!
//! Who logs in has the session: all of it is covered from then on, and nothing of what somebody else did on the same connection.
//! A client that is known by its address has all of its sessions. This file takes what the machine says; `user.rs` is who is
//! logged in, `logon.rs` tells of that, and `stream.rs` holds content until an interaction is over.

mod inflated;
mod logon;
mod stream;
mod user;

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use writ_mail::access::{Event, Octets, Transfer, TransferKind, TransferResult};
use writ_wire::{Direction, Time};

use crate::context::Context;
use crate::cover::{Cover, Covers, Piece};
use crate::forward::Sending;
use crate::record::{IriType, MailEvent, Notice, Protocol, Status};
use crate::told::Told;
use inflated::Inflated;
use stream::{Early, Stream};
use user::User;

/// Follows one session.
pub(crate) struct Follow {
    pub(crate) covers: Covers,
    protocol: Protocol,
    client: IpAddr,
    server: IpAddr,
    /// Of the index that the client was last looked up in.
    generation: u64,
    /// Who is logged in.
    user: Option<Box<User>>,
    /// Who may be: the server's answer was not captured, and nothing in the session has told yet.
    maybe: Option<Box<User>>,
    /// Whether octets are told that came behind a login, which may still let somebody in.
    ahead: bool,
    /// Whether somebody is logged in, known by name or not.
    in_session: bool,
    /// Whether the session had more than one user: what was not captured may then be the change from one to the next.
    shared: bool,
    /// Whether any octet of the server was captured.
    heard: bool,
    /// Whether who is logged in is so by the client's word alone, the server not having been heard.
    believed: bool,
    /// Whether the session's end was told.
    ended: bool,
    /// Content of the interaction at hand.
    stream: Stream,
    /// What was read before anybody logged in.
    early: Early,
    /// Octets that were inflated, of which no packet goes out.
    compressed: u64,
    inflated: Inflated,
    /// Whether anything of the server was captured.
    server_seen: bool,
    /// The time of the last octets, gap or answer.
    last: Time,
    /// Of what another connection's transaction waits for.
    sending: Sending,
    /// Whether one user can make room for the next on the connection (UNAUTHENTICATE, RFC 8437), by what the server said of itself.
    /// Until all that it says was seen once, nothing says that it cannot be.
    can_change: Option<bool>,
    /// Whether what comes is compressed, and nobody can inflate it any more.
    pub(crate) is_unreadable: bool,
    /// Stream offsets, the client's and the server's, up to which octets were told.
    pub(crate) clear_to: (u64, u64),
    /// What of both streams the machine has told of.
    pub(crate) told: Told,
}

impl Follow {
    pub(crate) fn new(protocol: Protocol, client: SocketAddr, server: SocketAddr, ctx: &mut Context<'_>) -> Self {
        let mut follow = Self {
            covers: Covers::new(protocol, client, server),
            protocol,
            client: client.ip(),
            server: server.ip(),
            generation: 0,
            user: None,
            maybe: None,
            ahead: false,
            in_session: false,
            shared: false,
            heard: false,
            believed: false,
            ended: false,
            stream: Stream::default(),
            early: Early::default(),
            compressed: 0,
            inflated: Inflated::default(),
            server_seen: false,
            last: Time::MIN,
            sending: Sending::default(),
            can_change: (protocol == Protocol::Pop3).then_some(false),
            is_unreadable: false,
            clear_to: (0, 0),
            told: Told::default(),
        };
        follow.look_up(ctx);
        follow
    }

    /// Finds the warrants that have the client, or who is logged in, as a target. Done again when warrants have changed.
    fn look_up(&mut self, ctx: &mut Context<'_>) {
        if self.generation == ctx.index.generation() {
            return;
        }
        self.generation = ctx.index.generation();
        let mut found = Vec::new();
        ctx.index.by_ip(self.client, &mut found);
        self.covers.mark(&found, |cover| cover.by_address = true);
        if let Some(user) = &self.user {
            let found = user.targets(self.server, ctx);
            self.covers.mark(&found, |cover| cover.by_login = true);
            for at in self.covers.places(Cover::is_whole) {
                self.begin(at, ctx);
            }
        }
    }

    /// Stream offsets, the client's and the server's, before which it is known of each octet whether it is covered, and said.
    pub(crate) fn decided_to(&self) -> (u64, u64) {
        self.early.first.before(self.stream.first.before(self.told.up_to()))
    }

    /// Octets that are held until it is known whether they are covered, or until an interaction has ended.
    pub(crate) fn held(&self) -> usize {
        self.stream.held() + self.early.held() + self.told.held()
    }

    /// The places of the warrants that would see more of this session if it were followed on.
    pub(crate) fn unfinished(&self) -> Vec<usize> {
        self.covers.places(|cover| cover.is_open() && cover.is_whole() && !self.ended)
    }

    /// Takes what the machine says.
    pub(crate) fn event(&mut self, event: &Event<'_>, ctx: &mut Context<'_>) {
        self.follow_offsets(event);
        match event {
            Event::Greeting { logged_in, time } => self.greeting(*logged_in, *time, ctx),
            // What it says once holds: it need not say all of it before a login.
            Event::Capabilities { unauthenticate } => {
                self.can_change = Some(self.can_change == Some(true) || *unauthenticate);
            }
            Event::Ahead => self.ahead = true,
            Event::Octets(octets) => self.octets(octets, ctx),
            Event::Login(login) => self.login(login, ctx),
            Event::LoggedOut(closing) => {
                self.shared = true;
                self.leave(Some(closing), closing.last, ctx);
            }
            Event::Transfer(transfer) => self.transfer(transfer, ctx),
            // Whoever is logged in: it is the message of who gave the URL away.
            Event::UrlContent(content) => ctx.forwards.sent(&mut self.sending, self.client, content),
            Event::Settled { time } => {
                self.stream.hand_over(&mut self.covers, ctx);
                self.tell_left_out(*time, ctx);
                self.look_up(ctx);
            }
            Event::Logoff(closing) => self.end(Some(closing), closing.last, ctx),
            Event::Dark { compressed } => {
                self.is_unreadable = *compressed;
                self.stream.hand_over(&mut self.covers, ctx);
                self.early = Early::default();
                if *compressed {
                    self.tell_unreadable(ctx);
                }
            }
            Event::Lost { from, time, octets, in_literal } => {
                self.lost(*from, *time, *octets, ctx);
                if *from == Direction::FromClient && !in_literal {
                    self.commands_lost(*time, ctx);
                }
                if !self.in_session {
                    self.early.miss(*time, *from == Direction::FromClient, *octets);
                }
            }
            Event::Anomaly(anomaly) => ctx.counters.access_anomaly(self.protocol, *anomaly),
        }
    }

    /// The server is heard. If it was not until now, whoever was taken for logged in may have been refused.
    pub(crate) fn hear(&mut self, time: Time, ctx: &mut Context<'_>) {
        self.heard = true;
        if std::mem::take(&mut self.believed) && !self.ended {
            let user = self.user.take();
            self.lose_user(time, ctx);
            self.maybe = user;
        }
    }

    fn follow_offsets(&mut self, event: &Event<'_>) {
        let mut read = |from: Direction, end: u64| match from {
            Direction::FromClient => self.clear_to.0 = self.clear_to.0.max(end),
            Direction::FromServer => self.clear_to.1 = self.clear_to.1.max(end),
        };
        match event {
            Event::Greeting { .. } => self.server_seen = true,
            Event::Octets(octets) => {
                read(octets.from, octets.wire.end);
                self.told.add(octets.from, octets.wire.clone());
                self.last = octets.time;
                self.server_seen |= octets.from == Direction::FromServer;
            }
            Event::Lost { time, .. } => self.last = *time,
            Event::Login(login) => {
                login.each_step(|step| {
                    self.server_seen |= step.from == Direction::FromServer;
                    if !login.inflated {
                        let end = step.offset + step.octets.len() as u64;
                        read(step.from, end);
                        self.told.add(step.from, step.offset..end);
                    }
                });
            }
            _ => {}
        }
    }

    /// The greeting is of no interaction, and no content: sessions extend from the commands of the AUTHORIZATION state (B.5),
    /// or from LOGIN or AUTHENTICATE (C.3).
    fn greeting(&mut self, logged_in: bool, time: Time, ctx: &mut Context<'_>) {
        self.stream = Stream::default();
        self.early = Early::default();
        if logged_in {
            self.enter(User::unnamed(time), ctx);
        }
    }

    fn octets(&mut self, octets: &Octets<'_>, ctx: &mut Context<'_>) {
        if self.ended {
            return;
        }
        // In IMAP4 a session extends from LOGIN, in POP3 from the first command (C.3, B.5).
        let early = !self.in_session && (self.protocol == Protocol::Pop3 || self.maybe.is_some() || self.ahead);
        let early = early && (ctx.index.wants_content() || ctx.index.wants_packets());
        let whole = self.covers.iter().any(|cover| cover.is_whole() && cover.warrant.grant().is_some());
        if !early && !whole {
            return;
        }
        if !self.inflated.admits(octets) {
            ctx.counters.octets_not_held += octets.octets.len() as u64;
            return;
        }
        let mut on_wire = octets.wire.end - octets.wire.start;
        if octets.inflated || on_wire != octets.octets.len() as u64 {
            // A compressed packet can hold a login, or another user's octets, and nobody can say where: none goes out.
            on_wire = 0;
            self.compressed += octets.octets.len() as u64;
        }
        let piece = Piece {
            from: octets.from,
            offset: octets.wire.start,
            first: octets.time,
            last: octets.time,
            octets: Bytes::copy_from_slice(octets.octets),
            // What may be a password is told overwritten.
            redacted: octets.octets.contains(&b'*'),
            on_wire,
        };
        if early {
            self.early.hold(piece.clone(), None, ctx);
        }
        if whole {
            self.stream.add(piece, &mut self.covers, ctx);
        }
    }

    /// What comes is compressed and cannot be inflated, or would be too much: nobody has it.
    fn tell_unreadable(&mut self, ctx: &mut Context<'_>) {
        let time = self.last;
        self.tell_left_out(time, ctx);
        for at in self.unfinished() {
            self.covers.tell_notice(at, ctx, time, Notice::SessionDropped);
        }
    }

    /// Octets of a stream that gives more than is handed over.
    fn tell_left_out(&mut self, time: Time, ctx: &mut Context<'_>) {
        let octets = self.inflated.take_left_out();
        if octets > 0 {
            for at in self.covers.places(|cover| cover.is_whole() && cover.warrant.grant().is_some()) {
                self.covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets });
            }
        }
    }

    fn transfer(&mut self, transfer: &Transfer, ctx: &mut Context<'_>) {
        if transfer.result == TransferResult::Succeeded {
            *match transfer.kind {
                TransferKind::Download => &mut ctx.counters.messages_downloaded,
                TransferKind::PartialDownload => &mut ctx.counters.messages_partly_downloaded,
                TransferKind::Upload => &mut ctx.counters.messages_uploaded,
            } += 1;
            // No server lets anybody at a mailbox who is not logged in.
            if let Some(user) = self.maybe.take() {
                self.enter(*user, ctx);
            }
            self.in_session = true;
        }
        let event = match transfer.kind {
            TransferKind::Download => MailEvent::Download,
            TransferKind::PartialDownload => MailEvent::PartialDownload,
            TransferKind::Upload => MailEvent::Upload,
        };
        let status = match transfer.result {
            TransferResult::Succeeded => Status::Succeeded,
            TransferResult::Failed => Status::Failed,
            TransferResult::Unknown => Status::Unknown,
        };
        for at in self.covers.places(Cover::is_whole) {
            let Some(cover) = self.covers.get_mut(at) else { continue };
            // Table B.2 has it within a communication, table C.1 as a report of its own.
            let within = self.protocol == Protocol::Pop3 && cover.begun;
            let warrant = cover.warrant.clone();
            let record_type = if within { IriType::Continue } else { IriType::Report };
            let mut iri = self.covers.iri(record_type, event, status);
            iri.client_octets = transfer.client_octets;
            iri.server_octets = transfer.server_octets;
            iri.sender.clone_from(&transfer.sender);
            iri.message_id = transfer.message_id.as_ref().map(|id| id.to_vec());
            if let Some(user) = &self.user {
                user.describe(&mut iri);
                iri.aaa = user.told_under(&warrant);
            }
            self.covers.tell_iri(at, ctx, transfer.first, transfer.last, iri);
        }
    }

    /// Octets were not captured.
    fn lost(&mut self, from: Direction, time: Time, octets: u64, ctx: &mut Context<'_>) {
        let from_client = from == Direction::FromClient;
        self.stream.hand_over(&mut self.covers, ctx);
        for at in self.covers.places(Cover::is_whole) {
            if self.covers.tell_notice(at, ctx, time, Notice::OctetsMissed { octets, from_client }) {
                ctx.counters.covered_octets_missed += octets;
            }
        }
    }

    /// Commands may be among octets of the client that were not captured.
    fn commands_lost(&mut self, time: Time, ctx: &mut Context<'_>) {
        // Who tried last may be among them, and the answer to that be the next that is seen.
        self.give_up_attempt(ctx);
        if self.shared || self.believed || self.can_change.unwrap_or(true) {
            self.believed = false;
            // The next user may have logged in among them, and what follows be somebody else's.
            self.lose_user(time, ctx);
        }
    }

    /// The connection is over, however it ended.
    pub(crate) fn close(&mut self, time: Time, ctx: &mut Context<'_>) {
        self.end(None, time, ctx);
    }
}
