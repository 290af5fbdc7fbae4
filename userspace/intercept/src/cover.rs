//! The warrants that cover one session, and the records made under them.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use writ_wire::{Direction as From, Time};

use crate::context::Context;
use crate::packets::Granted;
use crate::record::{Body, Cc, CcFormat, Cin, Direction, Iri, IriType, MailEvent, Notice, Protocol, Record, Status};
use crate::warrant::Warrant;

/// A piece of what crossed the wire, one direction.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) from: From,
    /// Stream offset of the first octet.
    pub(crate) offset: u64,
    /// The time of the packet with the first octet.
    pub(crate) first: Time,
    /// The time of the packet with the last octet.
    pub(crate) last: Time,
    pub(crate) octets: Bytes,
    /// Whether `octets` differ from what crossed the wire: something secret is overwritten.
    pub(crate) redacted: bool,
    /// How many octets of the stream they are: another number than that of `octets` where these were inflated (RFC 4978), and
    /// 0 where nobody can say which.
    pub(crate) on_wire: u64,
}

/// Whose side of the session the target is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The client is the target, or sends for it.
    Client,
    /// What the client sends goes to the target.
    Server,
}

impl Side {
    /// `payloadDirection` of what this end sent.
    pub(crate) fn direction(self, from: From) -> Direction {
        match (self, from) {
            (Self::Client, From::FromClient) | (Self::Server, From::FromServer) => Direction::FromTarget,
            (Self::Client, From::FromServer) | (Self::Server, From::FromClient) => Direction::ToTarget,
        }
    }
}

/// One warrant that covers the session, or a part of it.
pub(crate) struct Cover {
    pub(crate) warrant: Arc<Warrant>,
    /// Taken with the first record.
    cin: Option<Cin>,
    /// Whether the client's address is a target: all that it sends is the target's.
    pub(crate) by_address: bool,
    /// Whether who logged in is one: the same, until somebody else logs in.
    pub(crate) by_login: bool,
    /// Whether the target sent a message, so that the session has a begin and an end under this warrant. Other senders'
    /// messages are not covered by that.
    pub(crate) by_sender: bool,
    /// Whether content was handed over under it.
    pub(crate) has_content: bool,
    /// Whether the session's begin was told.
    pub(crate) begun: bool,
    /// Octets of an encrypted session, the client's and the server's, from before its begin was told.
    pub(crate) uncounted: (u64, u64),
    /// What of the stream may be handed over as packets.
    pub(crate) granted: Granted,
    /// Whether its user has left the session: only packets that were granted still go out.
    over: bool,
}

impl Cover {
    /// Whether the client is the target: all that it sends is covered.
    pub(crate) fn is_whole(&self) -> bool {
        !self.over && (self.by_address || self.by_login)
    }

    /// Whether anything was handed over under it.
    pub(crate) fn is_open(&self) -> bool {
        self.cin.is_some()
    }

    /// Whether it gives IP packets.
    pub(crate) fn wants_packets(&self) -> bool {
        self.warrant.grant_for(CcFormat::IpPacket).is_some()
    }

    /// Whether the session has a begin and an end under this warrant.
    pub(crate) fn has_session(&self) -> bool {
        self.is_whole() || self.by_sender
    }
}

impl Cover {
    fn close(&self, ctx: &mut Context<'_>, time: Time) {
        if let Some(cin) = self.cin {
            let mandate = Arc::clone(&self.warrant.mandate);
            ctx.records.push(Record { mandate, cin, time, body: Body::Closed });
        }
    }
}

/// Users who have left a session, and whose last packets may come again.
const MAX_OVER: usize = 16;
/// Users who have left a session, and whose last packets are not decided on yet. A client that sends ahead can make them many.
const MAX_OVER_WAITING: usize = 512;

/// All warrants that cover one session. Most sessions have none.
pub(crate) struct Covers {
    list: Vec<Cover>,
    /// Stream offsets, the client's and the server's, up to which packets were decided on.
    decided: (u64, u64),
    protocol: Protocol,
    client: SocketAddr,
    server: SocketAddr,
}

impl Covers {
    pub(crate) fn new(protocol: Protocol, client: SocketAddr, server: SocketAddr) -> Self {
        Self { list: Vec::new(), decided: (0, 0), protocol, client, server }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cover> {
        self.list.iter()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Cover> {
        self.list.get_mut(at)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Cover> {
        self.list.iter_mut()
    }

    /// The places of the warrants that are `wanted`.
    pub(crate) fn places(&self, wanted: impl Fn(&Cover) -> bool) -> Vec<usize> {
        self.list.iter().enumerate().filter(|(_, cover)| wanted(cover)).map(|(at, _)| at).collect()
    }

    /// The place of a warrant, which is added if it is new here.
    pub(crate) fn place(&mut self, warrant: &Arc<Warrant>) -> usize {
        let known = |cover: &Cover| !cover.over && Arc::ptr_eq(&cover.warrant, warrant);
        self.list.iter().position(known).unwrap_or_else(|| {
            self.list.push(Cover {
                warrant: Arc::clone(warrant),
                cin: None,
                by_address: false,
                by_login: false,
                by_sender: false,
                has_content: false,
                begun: false,
                uncounted: (0, 0),
                granted: Granted::default(),
                over: false,
            });
            self.list.len() - 1
        })
    }

    /// Says something of the warrants that were `found`, which are added where they are new here.
    pub(crate) fn mark(&mut self, found: &[Arc<Warrant>], by: impl Fn(&mut Cover)) {
        for warrant in found {
            let at = self.place(warrant);
            self.list.get_mut(at).into_iter().for_each(&by);
        }
    }

    /// An IRI record with what every one of this session has.
    pub(crate) fn iri(&self, record_type: IriType, event: MailEvent, status: Status) -> Iri {
        Iri {
            record_type,
            event,
            protocol: self.protocol,
            client: self.client,
            server: self.server,
            client_octets: 0,
            server_octets: 0,
            sender: None,
            recipients: Vec::new(),
            total_recipients: None,
            status,
            message_id: None,
            aaa: None,
            sender_validity: None,
        }
    }

    /// Hands over IRI that was captured from `since` to `time`.
    pub(crate) fn tell_iri(&mut self, at: usize, ctx: &mut Context<'_>, since: Time, time: Time, iri: Iri) -> bool {
        let told = self.tell(at, ctx, since, time, Body::Iri(Box::new(iri)));
        ctx.counters.iri_records += u64::from(told);
        told
    }

    /// Hands over content in application form, if the warrant gives it.
    pub(crate) fn tell_content(&mut self, at: usize, ctx: &mut Context<'_>, side: Side, piece: &Piece) {
        let Some(cover) = self.list.get_mut(at) else { return };
        if piece.octets.is_empty() {
            return;
        }
        if cover.wants_packets() {
            if cover.warrant.covers(piece.first) {
                cover.has_content = true;
                cover.granted.add(side, piece);
            }
            return;
        }
        let Some(grant) = cover.warrant.grant_for(CcFormat::Application) else { return };
        let length = piece.octets.len() as u64;
        let content = grant.content(piece.octets.clone());
        let cc = Cc { direction: side.direction(piece.from), format: CcFormat::Application, content };
        if self.tell(at, ctx, piece.first, piece.last, Body::Cc(cc)) {
            ctx.counters.cc_records += 1;
            ctx.counters.cc_octets += length;
            self.list.get_mut(at).into_iter().for_each(|cover| cover.has_content = true);
        }
    }

    /// Hands over an IP packet, if the warrant gives it.
    pub(crate) fn tell_packet(
        &mut self,
        at: usize,
        ctx: &mut Context<'_>,
        direction: Direction,
        time: Time,
        packet: Bytes,
    ) {
        let Some(grant) = self.list.get(at).and_then(|cover| cover.warrant.grant_for(CcFormat::IpPacket)) else {
            return;
        };
        let length = packet.len() as u64;
        let cc = Cc { direction, format: CcFormat::IpPacket, content: grant.content(packet) };
        if self.tell(at, ctx, time, time, Body::Cc(cc)) {
            ctx.counters.cc_records += 1;
            ctx.counters.cc_octets += length;
        }
    }

    /// Tells the LEMF something of the interception itself.
    pub(crate) fn tell_notice(&mut self, at: usize, ctx: &mut Context<'_>, time: Time, notice: Notice) -> bool {
        let told = self.tell(at, ctx, time, time, Body::Notice(notice));
        ctx.counters.notices += u64::from(told);
        told
    }

    /// Makes a record, if all of it was captured within the warrant's interval.
    fn tell(&mut self, at: usize, ctx: &mut Context<'_>, since: Time, time: Time, body: Body) -> bool {
        let Some(cover) = self.list.get_mut(at) else { return false };
        if !cover.warrant.covers(since) || !cover.warrant.covers(time) {
            ctx.counters.outside_interval += 1;
            return false;
        }
        let cin = *cover.cin.get_or_insert_with(|| {
            ctx.counters.communications += 1;
            ctx.cins.next_cin()
        });
        ctx.records.push(Record { mandate: Arc::clone(&cover.warrant.mandate), cin, time, body });
        true
    }

    /// Those who had the session have left it: what follows is another communication, of whoever has it then.
    pub(crate) fn finish(&mut self, left: impl Fn(&Cover) -> bool, ctx: &mut Context<'_>, time: Time) {
        for cover in &mut self.list {
            cover.over |= left(cover);
        }
        self.list.retain(|cover| {
            let goes = cover.over && !cover.wants_packets();
            if goes {
                cover.close(ctx, time);
            }
            !goes
        });
        self.let_go_over(ctx, time);
    }

    /// Packets up to here were decided on, the client's and the server's.
    pub(crate) fn decided(&mut self, decided: (u64, u64)) {
        self.decided = (self.decided.0.max(decided.0), self.decided.1.max(decided.1));
    }

    /// Packets come to be decided on after what they carried was read; but not of many users before.
    fn let_go_over(&mut self, ctx: &mut Context<'_>, time: Time) {
        let over = self.places(|cover| cover.over);
        let spare = over.len().saturating_sub(MAX_OVER);
        let mut waiting = Vec::new();
        let mut going = Vec::new();
        for &at in over.iter().take(spare) {
            match self.list.get(at).map_or(0, |cover| cover.granted.behind(self.decided)) {
                0 => going.push(at),
                octets => waiting.push((at, octets)),
            }
        }
        let too_many = waiting.len().saturating_sub(MAX_OVER_WAITING);
        for &(at, octets) in waiting.iter().take(too_many) {
            ctx.counters.octets_not_held += octets;
            self.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets });
            going.push(at);
        }
        let mut at = 0;
        self.list.retain(|cover| {
            let goes = going.contains(&at);
            if goes {
                cover.close(ctx, time);
            }
            at += 1;
            !goes
        });
    }

    /// The session is over: nothing more comes under any of its numbers.
    pub(crate) fn close(&mut self, ctx: &mut Context<'_>, time: Time) {
        self.list.drain(..).for_each(|cover| cover.close(ctx, time));
    }

    /// Gives up its warrants, to whoever follows the session from here on.
    pub(crate) fn take(&mut self) -> Self {
        Self { list: std::mem::take(&mut self.list), ..*self }
    }
}
